-- Tables of mod_wxlogin for SQLite 3.35 and later. Safe to run again.
--     sqlite3 /path/wxlogin.db < sqlite3.sql
-- A data base that an older version made needs its new columns first: sqlite3-upgrade.sql.
-- File and directory must belong to the user that httpd's children run as.

-- Readers and the writer do not block each other; stays with the file.
PRAGMA journal_mode = WAL;

CREATE TABLE IF NOT EXISTS wxlogin_user (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    -- WeChat's name for the user in this mini program; case matters. NULL: never signed in there.
    openid        TEXT    UNIQUE CHECK (length(openid) <= 64),
    username      TEXT    NOT NULL UNIQUE CHECK (length(username) <= 150),
    -- A hash in Django's form; "!" is one that no password gives.
    password      TEXT    NOT NULL DEFAULT '!',
    avatar_url    TEXT    NOT NULL DEFAULT '' CHECK (length(avatar_url) <= 200),
    phone         TEXT    CHECK (length(phone) <= 20),
    email         TEXT    CHECK (length(email) <= 254),
    user_type     TEXT    NOT NULL DEFAULT 'wechat',
    last_login_at INTEGER, -- microseconds since 1970-01-01 00:00 UTC, as all times here
    is_staff      INTEGER NOT NULL DEFAULT 0,
    is_superuser  INTEGER NOT NULL DEFAULT 0,
    is_active     INTEGER NOT NULL DEFAULT 1,
    date_joined   INTEGER NOT NULL,
    token_epoch   INTEGER -- tokens issued then or before are dead; moved by the trigger below
);

-- One row a sign-in.
CREATE TABLE IF NOT EXISTS wxlogin_session (
    user_id         INTEGER NOT NULL,
    sid             TEXT    NOT NULL, -- claim "sid" of the tokens, 32 hex digits; no credential
    appid           TEXT, -- the mini program; NULL in mock mode
    address         TEXT, -- where the sign-in came from
    user_agent      TEXT,
    device          TEXT, -- what a person would call it
    created_at      INTEGER NOT NULL,
    last_used_at    INTEGER NOT NULL,
    expires_at      INTEGER NOT NULL,
    revoked_at      INTEGER, -- NULL: not ended
    revoked_why     TEXT, -- logout, removed, limit, theft, disabled, rights, password, deleted
    -- Of the jti of the refresh token that counts and of the one before it: 128 bits of SHA-256.
    refresh_digest  TEXT    NOT NULL,
    previous_digest TEXT,
    rotated_at      INTEGER, -- when the one took the place of the other
    PRIMARY KEY (user_id, sid) -- write user_id wherever sid is looked for
) WITHOUT ROWID;

-- for those who look what has been ended lately, and for the removal of what is long over
CREATE INDEX IF NOT EXISTS wxlogin_session_revoked ON wxlogin_session (revoked_at)
    WHERE revoked_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS wxlogin_user_token_epoch ON wxlogin_user (token_epoch)
    WHERE token_epoch IS NOT NULL;
CREATE INDEX IF NOT EXISTS wxlogin_session_expires ON wxlogin_session (expires_at);

-- A user who is disabled, loses a right or gets another password is signed out everywhere, whoever
-- changed the row.
DROP TRIGGER IF EXISTS wxlogin_user_changed;
CREATE TRIGGER wxlogin_user_changed
    AFTER UPDATE OF is_active, is_staff, is_superuser, password ON wxlogin_user
    WHEN OLD.is_active AND NOT NEW.is_active OR OLD.is_staff AND NOT NEW.is_staff
        OR OLD.is_superuser AND NOT NEW.is_superuser OR OLD.password <> NEW.password
BEGIN
    UPDATE wxlogin_user
        SET token_epoch = CAST((julianday('now') - 2440587.5) * 86400000000.0 AS INTEGER)
        WHERE id = NEW.id;
    UPDATE wxlogin_session
        SET revoked_at = CAST((julianday('now') - 2440587.5) * 86400000000.0 AS INTEGER),
            revoked_why = CASE WHEN NOT NEW.is_active THEN 'disabled'
                               WHEN NEW.password <> OLD.password THEN 'password' ELSE 'rights' END
        WHERE user_id = NEW.id AND revoked_at IS NULL;
END;

-- A user who is deleted takes his traces along; that the sessions are over has to be known for as
-- long as there are tokens of theirs.
DROP TRIGGER IF EXISTS wxlogin_user_deleted;
CREATE TRIGGER wxlogin_user_deleted AFTER DELETE ON wxlogin_user
BEGIN
    UPDATE wxlogin_session
        SET address = NULL, user_agent = NULL, device = NULL,
            revoked_at = COALESCE(revoked_at,
                CAST((julianday('now') - 2440587.5) * 86400000000.0 AS INTEGER)),
            revoked_why = COALESCE(revoked_why, 'deleted')
        WHERE user_id = OLD.id;
END;
