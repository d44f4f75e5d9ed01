/* core/sql: the statements. See sql.h. */

#include "core/sql.h"

#include "core/sql_lists.h"
#include "core/sql_sessions.h"

#define AVATAR "https://www.gravatar.com/avatar/00000000000000000000000000000000?d=mp&f=y"

/* A password hash that no password gives: Django's mark for "cannot sign in with one". */
#define NO_PASSWORD "!"

/* The columns of a user, in the order of the enum in core/users.c. */
#define USER_PGSQL                                                                     \
    "id::bigint, openid::text, username::text, avatar_url::text, phone::text,"         \
    " email::text, user_type::text,"                                                   \
    " CASE WHEN is_superuser THEN 1 ELSE 0 END, CASE WHEN is_staff THEN 1 ELSE 0 END," \
    " CASE WHEN is_active THEN 1 ELSE 0 END,"                                          \
    " (extract(epoch FROM date_joined) * 1000000)::bigint,"                            \
    " (extract(epoch FROM last_login_at) * 1000000)::bigint"
#define USER_SQLITE3                                                                      \
    "CAST(id AS INTEGER), CAST(openid AS TEXT), CAST(username AS TEXT),"                  \
    " CAST(avatar_url AS TEXT), CAST(phone AS TEXT), CAST(email AS TEXT),"                \
    " CAST(user_type AS TEXT), CAST(is_superuser AS INTEGER), CAST(is_staff AS INTEGER)," \
    " CAST(is_active AS INTEGER), CAST(date_joined AS INTEGER), CAST(last_login_at AS INTEGER)"

/* What a known user gets; a disabled one nothing. */
#define UPSERT_PGSQL                                                             \
    " ON CONFLICT (openid) DO UPDATE SET"                                        \
    " last_login_at = CASE WHEN u.is_active THEN excluded.last_login_at"         \
    " ELSE u.last_login_at END,"                                                 \
    " is_staff = u.is_staff OR (u.is_active AND excluded.is_staff),"             \
    " is_superuser = u.is_superuser OR (u.is_active AND excluded.is_superuser)," \
    " user_type = CASE WHEN u.is_active AND excluded.is_superuser"               \
    " THEN excluded.user_type ELSE u.user_type END"

#define UPSERT_SQLITE3                                                              \
    " ON CONFLICT (openid) DO UPDATE SET"                                           \
    " last_login_at = CASE WHEN wxlogin_user.is_active THEN excluded.last_login_at" \
    " ELSE wxlogin_user.last_login_at END,"                                         \
    " is_staff = wxlogin_user.is_staff"                                             \
    " OR (wxlogin_user.is_active AND excluded.is_staff),"                           \
    " is_superuser = wxlogin_user.is_superuser"                                     \
    " OR (wxlogin_user.is_active AND excluded.is_superuser),"                       \
    " user_type = CASE WHEN wxlogin_user.is_active AND excluded.is_superuser"       \
    " THEN excluded.user_type ELSE wxlogin_user.user_type END"

/* The rows of `input`: users; users and sessions. A statement may run twice, when the connection
   was lost behind it. ON CONFLICT, and no look beforehand: a plan for that which was made while the
   table was small reads all of it, and is used long after it has grown. */
#define USERS_PGSQL                                                                   \
    "INSERT INTO wxlogin_user AS u (openid, username, is_staff, is_superuser,"        \
    " date_joined, last_login_at, user_type, password, avatar_url, is_active)"        \
    " SELECT openid, username, admin, admin, now, now, user_type, '" NO_PASSWORD "'," \
    " '" AVATAR "', true FROM input" UPSERT_PGSQL
#define BOTH_PGSQL                                                                   \
    "person AS (" USERS_PGSQL " RETURNING u.*),"                                     \
    " session AS (INSERT INTO wxlogin_session (sid, user_id, appid, address,"        \
    " user_agent, device, created_at, last_used_at, expires_at, refresh_digest)"     \
    " SELECT i.sid, p.id, i.appid, i.address, i.user_agent, i.device, i.now, i.now," \
    " i.expires_at, i.digest FROM person AS p JOIN input AS i USING (openid)"        \
    " WHERE p.is_active ON CONFLICT DO NOTHING)"                                     \
    " SELECT " USER_PGSQL " FROM person"

/* The rows of `input` from JSON, for SQLite. */
#define INPUT_SQLITE3                                                                  \
    " FROM (SELECT json_extract(value, '$.a') AS openid, "                             \
    "json_extract(value, '$.b') AS username, "                                         \
    "json_extract(value, '$.c') = '1' AS admin, "                                      \
    "CAST(json_extract(value, '$.d') AS INTEGER) AS now, "                             \
    "json_extract(value, '$.e') AS user_type, json_extract(value, '$.f') AS sid, "     \
    "json_extract(value, '$.g') AS digest, json_extract(value, '$.h') AS appid, "      \
    "json_extract(value, '$.i') AS address, "                                          \
    "json_extract(value, '$.j') AS user_agent, json_extract(value, '$.k') AS device, " \
    "CAST(json_extract(value, '$.l') AS INTEGER) AS expires_at"                        \
    " FROM json_each(%s, '$.rows')) AS i"

/* clang-format off: SQL keeps the lines it was written in */
const wxl_statement_t wxl_sql_signin = {
    .label = "wxlogin_signin",
    .args = 7,
    .columns = 12,
    .sql =
        {
            [WXL_PGSQL] =
                "INSERT INTO wxlogin_user AS u (openid, username, is_staff, is_superuser,"
                " date_joined, last_login_at, user_type, password, avatar_url, is_active)"
                " VALUES (%s, %s, %d = 1, %d = 1,"
                " 'epoch'::timestamptz + %lld * interval '1 microsecond',"
                " 'epoch'::timestamptz + %lld * interval '1 microsecond',"
                " %s, '" NO_PASSWORD "', '" AVATAR "', true)" UPSERT_PGSQL " RETURNING " USER_PGSQL,
            [WXL_SQLITE3] =
                "INSERT INTO wxlogin_user (openid, username, is_staff, is_superuser,"
                " date_joined, last_login_at, user_type, password, avatar_url, is_active)"
                " VALUES (%s, %s, CAST(%s AS INTEGER), CAST(%s AS INTEGER),"
                " CAST(%s AS INTEGER), CAST(%s AS INTEGER), %s,"
                " '" NO_PASSWORD "', '" AVATAR "', 1)" UPSERT_SQLITE3 " RETURNING " USER_SQLITE3,
        },
};

/* `input` has one row a sign-in: to serve more at once it only has to become longer. */
const wxl_statement_t wxl_sql_signin_session = {
    .label = "wxlogin_signin_session",
    .args = 12,
    .columns = 12,
    .sql =
        {
            [WXL_PGSQL] =
                "WITH input AS (SELECT %s::varchar AS openid, %s::varchar AS username,"
                " %d = 1 AS admin, 'epoch'::timestamptz + %lld * interval '1 microsecond' AS now,"
                " %s::varchar AS user_type, %s::uuid AS sid, %s::uuid AS digest,"
                " %s::varchar AS appid, %s::varchar AS address, %s::varchar AS user_agent,"
                " %s::varchar AS device,"
                " 'epoch'::timestamptz + %lld * interval '1 microsecond' AS expires_at),"
                " " BOTH_PGSQL,
        },
};

const wxl_statement_t wxl_sql_signins = {
    .label = "wxlogin_signins",
    .args = 5,
    .columns = 12,
    .sql =
        {
            [WXL_PGSQL] =
                "WITH input AS (SELECT openid, username, admin = '1' AS admin,"
                " 'epoch'::timestamptz + now::bigint * interval '1 microsecond' AS now, user_type"
                " FROM unnest(" WXL_SQL_FIVE_LISTS
                ") AS i (openid, username, admin, now, user_type)"
                " WHERE " WXL_SQL_IMPATIENT ") " USERS_PGSQL " RETURNING " USER_PGSQL,
        },
};

const wxl_statement_t wxl_sql_signins_session = {
    .label = "wxlogin_signins_session",
    .args = 12,
    .columns = 12,
    .sql =
        {
            [WXL_PGSQL] =
                "WITH input AS (SELECT openid, username, admin = '1' AS admin,"
                " 'epoch'::timestamptz + now::bigint * interval '1 microsecond' AS now, user_type,"
                " sid::uuid AS sid, digest::uuid AS digest, appid, address, user_agent, device,"
                " 'epoch'::timestamptz + expires_at::bigint * interval '1 microsecond'"
                " AS expires_at"
                " FROM unnest(" WXL_SQL_FIVE_LISTS ", " WXL_SQL_FIVE_LISTS ", " WXL_SQL_LIST
                ", " WXL_SQL_LIST ")"
                " AS i (openid, username, admin, now, user_type, sid, digest, appid, address,"
                " user_agent, device, expires_at) WHERE " WXL_SQL_IMPATIENT "), " BOTH_PGSQL,
        },
};

const wxl_statement_t wxl_sql_signins_json = {
    .label = "wxlogin_signins_json",
    .args = 1,
    .columns = 12,
    .sql =
        {
            [WXL_SQLITE3] =
                "INSERT INTO wxlogin_user (openid, username, is_staff, is_superuser,"
                " date_joined, last_login_at, user_type, password, avatar_url, is_active)"
                " SELECT i.openid, i.username, i.admin, i.admin, i.now, i.now, i.user_type,"
                " '" NO_PASSWORD "', '" AVATAR "', 1" INPUT_SQLITE3 " WHERE true" UPSERT_SQLITE3
                " RETURNING " USER_SQLITE3,
        },
};

const wxl_statement_t wxl_sql_sessions_json = {
    .label = "wxlogin_sessions_json",
    .args = 1,
    .columns = 1,
    .sql =
        {
            [WXL_SQLITE3] =
                "INSERT INTO wxlogin_session (sid, user_id, appid, address, user_agent, device,"
                " created_at, last_used_at, expires_at, refresh_digest)"
                " SELECT i.sid, u.id, i.appid, i.address, i.user_agent, i.device, i.now, i.now,"
                " i.expires_at, i.digest" INPUT_SQLITE3 " JOIN wxlogin_user AS u USING (openid)"
                " WHERE u.is_active ON CONFLICT DO NOTHING RETURNING CAST(sid AS TEXT)",
        },
};

const wxl_statement_t wxl_sql_user = {
    .label = "wxlogin_user",
    .args = 1,
    .columns = 12,
    .sql =
        {
            [WXL_PGSQL] = "SELECT " USER_PGSQL " FROM wxlogin_user WHERE id = %lld",
            [WXL_SQLITE3] =
                "SELECT " USER_SQLITE3 " FROM wxlogin_user WHERE id = CAST(%s AS INTEGER)",
        },
};

/* FROM and not a condition of WHERE: the row comes back in any case, and tells what was wrong. */
const wxl_statement_t wxl_sql_change = {
    .label = "wxlogin_change",
    .args = 11,
    .columns = 12,
    .sql =
        {
            [WXL_PGSQL] = "UPDATE wxlogin_user AS u SET"
                          " username = CASE WHEN u.is_active AND NOT t.taken AND %d = 1"
                          " THEN %s ELSE u.username END,"
                          " avatar_url = CASE WHEN u.is_active AND NOT t.taken AND %d = 1"
                          " THEN %s ELSE u.avatar_url END,"
                          " phone = CASE WHEN u.is_active AND NOT t.taken AND %d = 1"
                          " THEN %s ELSE u.phone END,"
                          " email = CASE WHEN u.is_active AND NOT t.taken AND %d = 1"
                          " THEN %s ELSE u.email END"
                          " FROM (SELECT EXISTS (SELECT 1 FROM wxlogin_user AS o"
                          " WHERE o.username = %s AND o.id <> %lld) AS taken) AS t"
                          " WHERE u.id = %lld RETURNING " USER_PGSQL,
            [WXL_SQLITE3] =
                "UPDATE wxlogin_user SET"
                " username = CASE WHEN is_active AND NOT t.taken AND CAST(%s AS INTEGER) = 1"
                " THEN %s ELSE username END,"
                " avatar_url = CASE WHEN is_active AND NOT t.taken AND CAST(%s AS INTEGER) = 1"
                " THEN %s ELSE avatar_url END,"
                " phone = CASE WHEN is_active AND NOT t.taken AND CAST(%s AS INTEGER) = 1"
                " THEN %s ELSE phone END,"
                " email = CASE WHEN is_active AND NOT t.taken AND CAST(%s AS INTEGER) = 1"
                " THEN %s ELSE email END"
                " FROM (SELECT EXISTS (SELECT 1 FROM wxlogin_user AS o"
                " WHERE o.username = %s AND o.id <> CAST(%s AS INTEGER)) AS taken) AS t"
                " WHERE id = CAST(%s AS INTEGER) RETURNING " USER_SQLITE3,
        },
};

/* "infinity" and the like are cut: they do not fit an integer. The column must not be NULL, which
   least() would pass over. */
#define ENDED_PGSQL ", '2200-01-01Z'::timestamptz)) * 1000000)::bigint"
#define AGO_PGSQL "now() - %lld * interval '1 microsecond'"
#define NOW_SQLITE3 "CAST((julianday('now') - 2440587.5) * 86400000000.0 AS INTEGER)"
#define AGO_SQLITE3 NOW_SQLITE3 " - CAST(%s AS INTEGER)"

const wxl_statement_t wxl_sql_ended_sessions = {
    .label = "wxlogin_ended_sessions",
    .args = 3,
    .columns = 3,
    .sql =
        {
            [WXL_PGSQL] =
                "SELECT replace(sid::text, '-', '')::text,"
                " (extract(epoch FROM least(revoked_at" ENDED_PGSQL ", user_id::bigint"
                " FROM wxlogin_session WHERE revoked_at > " AGO_PGSQL " AND (revoked_at, sid) >"
                " ('epoch'::timestamptz + %lld * interval '1 microsecond', %s::uuid)"
                " ORDER BY revoked_at, sid LIMIT 1000",
            [WXL_SQLITE3] =
                "SELECT CAST(sid AS TEXT), CAST(revoked_at AS INTEGER),"
                " CAST(user_id AS INTEGER) FROM wxlogin_session WHERE revoked_at > " AGO_SQLITE3
                " AND (revoked_at, sid) > (CAST(%s AS INTEGER), %s)"
                " ORDER BY revoked_at, sid LIMIT 1000",
        },
};

const wxl_statement_t wxl_sql_ended_users = {
    .label = "wxlogin_ended_users",
    .args = 3,
    .columns = 2,
    .sql =
        {
            [WXL_PGSQL] =
                "SELECT id::bigint, (extract(epoch FROM least(token_epoch" ENDED_PGSQL
                " FROM wxlogin_user WHERE token_epoch > " AGO_PGSQL " AND (token_epoch, id) >"
                " ('epoch'::timestamptz + %lld * interval '1 microsecond', %lld)"
                " ORDER BY token_epoch, id LIMIT 1000",
            [WXL_SQLITE3] = "SELECT CAST(id AS INTEGER), CAST(token_epoch AS INTEGER)"
                            " FROM wxlogin_user WHERE token_epoch > " AGO_SQLITE3
                            " AND (token_epoch, id) > (CAST(%s AS INTEGER), CAST(%s AS INTEGER))"
                            " ORDER BY token_epoch, id LIMIT 1000",
        },
};

const wxl_statement_t wxl_sql_ended_ask = {
    .label = "wxlogin_ended_ask",
    .args = 2,
    .columns = 2,
    .sql =
        {
            [WXL_PGSQL] =
                "SELECT CASE WHEN EXISTS (SELECT 1 FROM wxlogin_session AS s WHERE s.sid = i.sid"
                " AND s.user_id = i.user_id AND s.revoked_at IS NULL) THEN 0 ELSE 1 END,"
                " (SELECT (extract(epoch FROM least(token_epoch" ENDED_PGSQL " FROM wxlogin_user"
                " WHERE id = i.user_id AND token_epoch IS NOT NULL)"
                " FROM (SELECT %s::uuid AS sid, %lld AS user_id) AS i",
            [WXL_SQLITE3] =
                "SELECT CASE WHEN EXISTS (SELECT 1 FROM wxlogin_session AS s WHERE s.sid = i.sid"
                " AND s.user_id = i.user_id AND s.revoked_at IS NULL) THEN 0 ELSE 1 END,"
                " (SELECT CAST(token_epoch AS INTEGER) FROM wxlogin_user WHERE id = i.user_id)"
                " FROM (SELECT %s AS sid, CAST(%s AS INTEGER) AS user_id) AS i",
        },
};

/* Several hosts may do it at a time: each leaves alone what another one has in hand. */
const wxl_statement_t wxl_sql_purge = {
    .label = "wxlogin_purge",
    .args = 2,
    .columns = 1,
    .sql =
        {
            [WXL_PGSQL] =
                "DELETE FROM wxlogin_session WHERE ctid = ANY (ARRAY(SELECT ctid"
                " FROM wxlogin_session WHERE expires_at < " AGO_PGSQL " OR revoked_at < " AGO_PGSQL
                " LIMIT 500 FOR UPDATE SKIP LOCKED)) RETURNING 1",
            [WXL_SQLITE3] =
                "DELETE FROM wxlogin_session WHERE (user_id, sid) IN (SELECT user_id, sid"
                " FROM wxlogin_session"
                " WHERE expires_at < " AGO_SQLITE3 " OR revoked_at < " AGO_SQLITE3
                " LIMIT 500) RETURNING 1",
        },
};
/* clang-format on */

const wxl_statement_t *const wxl_sql_all[] = {
    &wxl_sql_signin,
    &wxl_sql_signin_session,
    &wxl_sql_signins,
    &wxl_sql_signins_session,
    &wxl_sql_signins_json,
    &wxl_sql_sessions_json,
    &wxl_sql_user,
    &wxl_sql_change,
    &wxl_sql_session_add,
    &wxl_sql_session_touch,
    &wxl_sql_sessions_touch,
    &wxl_sql_sessions_touch_json,
    &wxl_sql_session_rotate,
    &wxl_sql_sessions_rotate,
    &wxl_sql_sessions_rotate_json,
    &wxl_sql_session_evict,
    &wxl_sql_session_refuse,
    &wxl_sql_session_end,
    &wxl_sql_session_end_many,
    &wxl_sql_session_list,
};
const int wxl_sql_count = sizeof(wxl_sql_all) / sizeof(wxl_sql_all[0]);
