-- Tables of mod_wxlogin for SQLite 3.35 and later. Safe to run again.
--     sqlite3 /path/wxlogin.db < sqlite3.sql
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
    last_login_at INTEGER, -- microseconds since 1970-01-01 00:00 UTC
    is_staff      INTEGER NOT NULL DEFAULT 0,
    is_superuser  INTEGER NOT NULL DEFAULT 0,
    is_active     INTEGER NOT NULL DEFAULT 1,
    date_joined   INTEGER NOT NULL -- microseconds since 1970-01-01 00:00 UTC
);
