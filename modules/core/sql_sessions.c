/* core/sql_sessions: the statements of sessions. See sql_sessions.h. */

#include "core/sql_sessions.h"

#include "core/sql_lists.h"

/* The sid of no session. */
#define NOBODY "00000000000000000000000000000000"

/* An argument that is a time. */
#define TIME_PGSQL "'epoch'::timestamptz + %lld * interval '1 microsecond'"
#define INTEGER_SQLITE3 "CAST(%s AS INTEGER)"

/* The time of an end: that of the data base, by which others look what has ended lately, but never
   before `i.now`. A SQLite file is of this machine, which has one clock. */
#define END_PGSQL "greatest(clock_timestamp(), i.now)"
#define END_SQLITE3 "i.now"

#define HEX_PGSQL(column) "replace(" column "::text, '-', '')"
#define USEC_PGSQL(column) "(extract(epoch FROM " column ") * 1000000)::bigint"

/* SQL keeps the lines it was written in. */
/* clang-format off */

/* `s` is a session, `i` what is known of the request. */
#define ALIVE \
    "s.revoked_at IS NULL AND s.expires_at > i.now AND s.last_used_at > i.idle_after" \
    " AND s.created_at > i.born_after"
#define CURRENT ALIVE " AND s.refresh_digest = i.digest"
#define KNOWN ALIVE " AND (s.refresh_digest = i.digest OR s.previous_digest = i.digest)"
#define THEFT \
    "i.strict AND " ALIVE " AND s.refresh_digest <> i.digest" \
    " AND COALESCE(s.previous_digest <> i.digest, true)"

/* The decision of a rotation, but for the new end. The one who has ended a session for theft knows
   it by the time of its last use, which is his. */
#define ROTATE(end) \
    " refresh_digest = CASE WHEN " CURRENT " THEN i.next ELSE s.refresh_digest END," \
    " previous_digest = CASE WHEN " CURRENT " THEN s.refresh_digest" \
    " ELSE s.previous_digest END," \
    " rotated_at = CASE WHEN " CURRENT " THEN i.now ELSE s.rotated_at END," \
    " last_used_at = CASE WHEN " KNOWN " THEN i.now WHEN " THEFT " THEN i.now" \
    " ELSE s.last_used_at END," \
    " revoked_at = CASE WHEN " THEFT " THEN " end " ELSE s.revoked_at END," \
    " revoked_why = CASE WHEN " THEFT " THEN 'theft' ELSE s.revoked_why END," \
    " expires_at = CASE WHEN " CURRENT " THEN "

#define ROTATE_PGSQL \
    "UPDATE wxlogin_session AS s SET" ROTATE(END_PGSQL) \
    "LEAST(i.expires_at, s.created_at + i.longest) ELSE s.expires_at END"
#define ROTATE_SQLITE3 \
    "UPDATE wxlogin_session AS s SET" ROTATE(END_SQLITE3) \
    "min(i.expires_at, s.created_at + i.longest) ELSE s.expires_at END"

/* A use is noted. On PostgreSQL beside looking, as most of the time there is nothing to note. */
#define TOUCH_PGSQL \
    "UPDATE wxlogin_session AS s SET last_used_at = i.now FROM i" \
    " WHERE s.sid = i.sid AND s.user_id = i.user_id AND " KNOWN \
    " AND s.last_used_at <= i.touch_after"
#define FOUND_PGSQL \
    " FROM wxlogin_session AS s, i WHERE s.sid = i.sid AND s.user_id = i.user_id"
#define TOUCH_SQLITE3 \
    "UPDATE wxlogin_session AS s SET last_used_at =" \
    " CASE WHEN " KNOWN " AND s.last_used_at <= i.touch_after" \
    " THEN i.now ELSE s.last_used_at END"

/* The columns of core/renewal, in the order of its enum. */
#define STATE_PGSQL \
    "(SELECT CASE WHEN u.is_active THEN 1 ELSE 0 END FROM wxlogin_user AS u" \
    " WHERE u.id = s.user_id)::integer, " \
    USEC_PGSQL("s.created_at") ", " USEC_PGSQL("s.last_used_at") ", " \
    USEC_PGSQL("s.expires_at") ", " USEC_PGSQL("s.revoked_at") ", s.revoked_why::text, " \
    HEX_PGSQL("s.refresh_digest") ", " HEX_PGSQL("s.previous_digest") ", " \
    USEC_PGSQL("s.rotated_at")
#define STATE_SQLITE3 \
    "(SELECT CAST(u.is_active AS INTEGER) FROM wxlogin_user AS u WHERE u.id = user_id)," \
    " CAST(created_at AS INTEGER), CAST(last_used_at AS INTEGER), CAST(expires_at AS INTEGER)," \
    " CAST(revoked_at AS INTEGER), CAST(revoked_why AS TEXT), CAST(refresh_digest AS TEXT)," \
    " CAST(previous_digest AS TEXT), CAST(rotated_at AS INTEGER)"

const wxl_statement_t wxl_sql_session_add = {
    .label = "wxlogin_session_add",
    .args = 10,
    .columns = 1,
    .sql =
        {
            [WXL_SQLITE3] =
                "INSERT INTO wxlogin_session (sid, user_id, appid, address, user_agent, device,"
                " created_at, last_used_at, expires_at, refresh_digest)"
                " SELECT %s, u.id, %s, %s, %s, %s, CAST(%s AS INTEGER), CAST(%s AS INTEGER),"
                " CAST(%s AS INTEGER), %s FROM wxlogin_user AS u"
                " WHERE u.id = CAST(%s AS INTEGER) AND u.is_active"
                " ON CONFLICT DO NOTHING RETURNING CAST(sid AS TEXT)",
        },
};

const wxl_statement_t wxl_sql_session_touch = {
    .label = "wxlogin_session_touch",
    .args = 7,
    .columns = 9,
    .sql =
        {
            [WXL_PGSQL] =
                "WITH i AS (SELECT %s::uuid AS sid, %lld AS user_id, %s::uuid AS digest, "
                TIME_PGSQL " AS now, " TIME_PGSQL " AS idle_after, " TIME_PGSQL " AS born_after, "
                TIME_PGSQL " AS touch_after),"
                " touched AS (" TOUCH_PGSQL ")"
                " SELECT " STATE_PGSQL FOUND_PGSQL,
            [WXL_SQLITE3] =
                TOUCH_SQLITE3
                " FROM (SELECT %s AS sid, " INTEGER_SQLITE3 " AS user_id, %s AS digest, "
                INTEGER_SQLITE3 " AS now, " INTEGER_SQLITE3 " AS idle_after, "
                INTEGER_SQLITE3 " AS born_after, " INTEGER_SQLITE3 " AS touch_after) AS i"
                " WHERE s.sid = i.sid AND s.user_id = i.user_id"
                " RETURNING " STATE_SQLITE3,
        },
};

const wxl_statement_t wxl_sql_session_rotate = {
    .label = "wxlogin_session_rotate",
    .args = 10,
    .columns = 9,
    .sql =
        {
            [WXL_PGSQL] =
                ROTATE_PGSQL
                " FROM (SELECT %s::uuid AS sid, %lld AS user_id, %s::uuid AS digest,"
                " %s::uuid AS next, %d = 1 AS strict, " TIME_PGSQL " AS now, "
                TIME_PGSQL " AS idle_after, " TIME_PGSQL " AS born_after, "
                TIME_PGSQL " AS expires_at, %lld * interval '1 microsecond' AS longest) AS i"
                " WHERE s.sid = i.sid AND s.user_id = i.user_id"
                " RETURNING " STATE_PGSQL,
            [WXL_SQLITE3] =
                ROTATE_SQLITE3
                " FROM (SELECT %s AS sid, " INTEGER_SQLITE3 " AS user_id, %s AS digest,"
                " %s AS next, " INTEGER_SQLITE3 " = 1 AS strict, " INTEGER_SQLITE3 " AS now, "
                INTEGER_SQLITE3 " AS idle_after, " INTEGER_SQLITE3 " AS born_after, "
                INTEGER_SQLITE3 " AS expires_at, " INTEGER_SQLITE3 " AS longest) AS i"
                " WHERE s.sid = i.sid AND s.user_id = i.user_id"
                " RETURNING " STATE_SQLITE3,
        },
};

/* PostgreSQL: by a function of the schema. A statement sees what was there when it began; only a
   function can first wait for its turn and then look. SQLite lets one at a time write anyway. */
#define LIMIT_PGSQL(policy) \
    "SELECT " HEX_PGSQL("l") " FROM wxlogin_session_limit(%lld, %s::uuid, %d, " policy ", " \
    TIME_PGSQL ", " TIME_PGSQL ", " TIME_PGSQL ") AS l"
#define LIMIT_SQLITE3 \
    " (SELECT " INTEGER_SQLITE3 " AS user_id, %s AS sid, " INTEGER_SQLITE3 " AS most, " \
    INTEGER_SQLITE3 " AS now, " INTEGER_SQLITE3 " AS idle_after, " INTEGER_SQLITE3 \
    " AS born_after) AS i"

/* For many at once: `i` is made from lists of the same arguments, on SQLite from JSON. */
#define TIME_OF(name) "'epoch'::timestamptz + " name "::bigint * interval '1 microsecond' AS " name
#define JSON(letter) "json_extract(value, '$." letter "')"
#define JSON_INTEGER(letter) "CAST(" JSON(letter) " AS INTEGER)"

const wxl_statement_t wxl_sql_sessions_touch = {
    .label = "wxlogin_sessions_touch",
    .args = 7,
    .columns = 10,
    .sql =
        {
            [WXL_PGSQL] =
                "WITH i AS (SELECT sid::uuid AS sid, user_id::bigint AS user_id,"
                " digest::uuid AS digest, " TIME_OF("now") ", " TIME_OF("idle_after") ", "
                TIME_OF("born_after") ", " TIME_OF("touch_after")
                " FROM unnest(" WXL_SQL_FIVE_LISTS ", " WXL_SQL_LIST ", " WXL_SQL_LIST ")"
                " AS l (sid, user_id, digest, now, idle_after, born_after, touch_after)"
                " WHERE " WXL_SQL_IMPATIENT "),"
                " touched AS (" TOUCH_PGSQL ")"
                " SELECT " STATE_PGSQL ", " HEX_PGSQL("s.sid") FOUND_PGSQL,
        },
};

const wxl_statement_t wxl_sql_sessions_touch_json = {
    .label = "wxlogin_sessions_touch_json",
    .args = 1,
    .columns = 10,
    .sql =
        {
            [WXL_SQLITE3] =
                TOUCH_SQLITE3
                " FROM (SELECT " JSON("a") " AS sid, " JSON_INTEGER("b") " AS user_id, "
                JSON("c") " AS digest, " JSON_INTEGER("d") " AS now, "
                JSON_INTEGER("e") " AS idle_after, " JSON_INTEGER("f") " AS born_after, "
                JSON_INTEGER("g") " AS touch_after FROM json_each(%s, '$.rows')) AS i"
                " WHERE s.sid = i.sid AND s.user_id = i.user_id"
                " RETURNING " STATE_SQLITE3 ", CAST(sid AS TEXT)",
        },
};

const wxl_statement_t wxl_sql_sessions_rotate = {
    .label = "wxlogin_sessions_rotate",
    .args = 10,
    .columns = 10,
    .sql =
        {
            [WXL_PGSQL] =
                ROTATE_PGSQL
                " FROM (SELECT sid::uuid AS sid, user_id::bigint AS user_id,"
                " digest::uuid AS digest, next::uuid AS next, strict = '1' AS strict, "
                TIME_OF("now") ", " TIME_OF("idle_after") ", " TIME_OF("born_after") ", "
                TIME_OF("expires_at") ", longest::bigint * interval '1 microsecond' AS longest"
                " FROM unnest(" WXL_SQL_FIVE_LISTS ", " WXL_SQL_FIVE_LISTS ")"
                " AS l (sid, user_id, digest, next, strict, now, idle_after, born_after,"
                " expires_at, longest) WHERE " WXL_SQL_IMPATIENT ") AS i"
                " WHERE s.sid = i.sid AND s.user_id = i.user_id"
                " RETURNING " STATE_PGSQL ", " HEX_PGSQL("s.sid"),
        },
};

const wxl_statement_t wxl_sql_sessions_rotate_json = {
    .label = "wxlogin_sessions_rotate_json",
    .args = 1,
    .columns = 10,
    .sql =
        {
            [WXL_SQLITE3] =
                ROTATE_SQLITE3
                " FROM (SELECT " JSON("a") " AS sid, " JSON_INTEGER("b") " AS user_id, "
                JSON("c") " AS digest, " JSON("d") " AS next, " JSON("e") " = '1' AS strict, "
                JSON_INTEGER("f") " AS now, " JSON_INTEGER("g") " AS idle_after, "
                JSON_INTEGER("h") " AS born_after, " JSON_INTEGER("i") " AS expires_at, "
                JSON_INTEGER("j") " AS longest FROM json_each(%s, '$.rows')) AS i"
                " WHERE s.sid = i.sid AND s.user_id = i.user_id"
                " RETURNING " STATE_SQLITE3 ", CAST(sid AS TEXT)",
        },
};

/* Each of these may run twice, when the connection was lost behind the commit: what the first run
   has ended is given by the second, too. */
const wxl_statement_t wxl_sql_session_evict = {
    .label = "wxlogin_session_evict",
    .args = 6,
    .columns = 1,
    .sql =
        {
            [WXL_PGSQL] = LIMIT_PGSQL("true"),
            [WXL_SQLITE3] =
                "UPDATE wxlogin_session AS t SET revoked_at = COALESCE(t.revoked_at, i.now),"
                " revoked_why = 'limit'"
                " FROM (SELECT s.user_id, s.sid, i.now,"
                " CASE WHEN s.revoked_at IS NULL THEN i.most ELSE 0 END AS most, row_number() OVER"
                " (ORDER BY s.revoked_at IS NOT NULL, s.created_at DESC, s.sid DESC) AS place"
                " FROM wxlogin_session AS s JOIN" LIMIT_SQLITE3
                " ON s.user_id = i.user_id WHERE " ALIVE
                " OR s.revoked_at >= i.now AND s.revoked_why = 'limit') AS i"
                " WHERE t.user_id = i.user_id AND t.sid = i.sid AND i.place > i.most"
                " RETURNING CAST(sid AS TEXT)",
        },
};

const wxl_statement_t wxl_sql_session_refuse = {
    .label = "wxlogin_session_refuse",
    .args = 6,
    .columns = 1,
    .sql =
        {
            [WXL_PGSQL] = LIMIT_PGSQL("false"),
            [WXL_SQLITE3] =
                "UPDATE wxlogin_session AS t SET revoked_at = COALESCE(t.revoked_at, i.now),"
                " revoked_why = 'limit' FROM" LIMIT_SQLITE3
                " WHERE t.user_id = i.user_id AND t.sid = i.sid AND (t.revoked_why = 'limit'"
                " OR t.revoked_at IS NULL AND i.most <= (SELECT count(*) FROM wxlogin_session AS s"
                " WHERE s.user_id = i.user_id AND s.sid <> i.sid AND " ALIVE "))"
                " RETURNING CAST(sid AS TEXT)",
        },
};

const wxl_statement_t wxl_sql_session_end = {
    .label = "wxlogin_session_end",
    .args = 4,
    .columns = 1,
    .sql =
        {
            [WXL_PGSQL] =
                "UPDATE wxlogin_session AS t SET revoked_at = COALESCE(t.revoked_at, " END_PGSQL
                "), revoked_why = COALESCE(t.revoked_why, i.why)"
                " FROM (SELECT " TIME_PGSQL " AS now, %s::varchar AS why, %s::uuid AS sid,"
                " %lld AS user_id) AS i"
                " WHERE t.user_id = i.user_id AND t.sid = i.sid RETURNING " HEX_PGSQL("t.sid"),
            [WXL_SQLITE3] =
                "UPDATE wxlogin_session AS t SET revoked_at = COALESCE(t.revoked_at, " END_SQLITE3
                "), revoked_why = COALESCE(t.revoked_why, i.why)"
                " FROM (SELECT " INTEGER_SQLITE3 " AS now, %s AS why, %s AS sid, "
                INTEGER_SQLITE3 " AS user_id) AS i"
                " WHERE t.user_id = i.user_id AND t.sid = i.sid RETURNING CAST(sid AS TEXT)",
        },
};

/* `t` is one of those to be ended, `s` the one in whose name. A first run may have ended both. */
#define END_MANY(end) \
    "UPDATE wxlogin_session AS t SET revoked_at = COALESCE(t.revoked_at, " end ")," \
    " revoked_why = i.why"
#define THOSE_TO_END \
    " WHERE t.user_id = i.user_id AND t.sid <> i.spare" \
    " AND (t.revoked_at IS NULL OR t.revoked_at >= i.now AND t.revoked_why = i.why)" \
    " AND (i.mine = '" NOBODY "' OR EXISTS (SELECT 1 FROM wxlogin_session AS s" \
    " WHERE s.user_id = i.user_id AND s.sid = i.mine" \
    " AND (" ALIVE " OR s.revoked_at >= i.now AND s.revoked_why = i.why)))"

const wxl_statement_t wxl_sql_session_end_many = {
    .label = "wxlogin_session_end_many",
    .args = 7,
    .columns = 1,
    .sql =
        {
            [WXL_PGSQL] =
                END_MANY(END_PGSQL)
                " FROM (SELECT " TIME_PGSQL " AS now, %s::varchar AS why, %lld AS user_id,"
                " %s::uuid AS spare, %s::uuid AS mine, " TIME_PGSQL " AS idle_after, "
                TIME_PGSQL " AS born_after) AS i" THOSE_TO_END " RETURNING " HEX_PGSQL("t.sid"),
            [WXL_SQLITE3] =
                END_MANY(END_SQLITE3)
                " FROM (SELECT " INTEGER_SQLITE3 " AS now, %s AS why, "
                INTEGER_SQLITE3 " AS user_id, %s AS spare, %s AS mine, "
                INTEGER_SQLITE3 " AS idle_after, " INTEGER_SQLITE3 " AS born_after) AS i"
                THOSE_TO_END " RETURNING CAST(sid AS TEXT)",
        },
};

const wxl_statement_t wxl_sql_session_list = {
    .label = "wxlogin_session_list",
    .args = 4,
    .columns = 8,
    .sql =
        {
            [WXL_PGSQL] =
                "SELECT " HEX_PGSQL("s.sid") ", s.appid::text, s.address::text,"
                " s.user_agent::text, s.device::text, " USEC_PGSQL("s.created_at") ", "
                USEC_PGSQL("s.last_used_at") ", " USEC_PGSQL("s.expires_at")
                " FROM wxlogin_session AS s JOIN (SELECT %lld AS user_id, " TIME_PGSQL " AS now, "
                TIME_PGSQL " AS idle_after, " TIME_PGSQL " AS born_after) AS i"
                " ON s.user_id = i.user_id WHERE " ALIVE
                " ORDER BY s.created_at DESC, s.sid DESC LIMIT 100",
            [WXL_SQLITE3] =
                "SELECT CAST(s.sid AS TEXT), CAST(s.appid AS TEXT), CAST(s.address AS TEXT),"
                " CAST(s.user_agent AS TEXT), CAST(s.device AS TEXT),"
                " CAST(s.created_at AS INTEGER), CAST(s.last_used_at AS INTEGER),"
                " CAST(s.expires_at AS INTEGER)"
                " FROM wxlogin_session AS s JOIN (SELECT " INTEGER_SQLITE3 " AS user_id, "
                INTEGER_SQLITE3 " AS now, " INTEGER_SQLITE3 " AS idle_after, "
                INTEGER_SQLITE3 " AS born_after) AS i ON s.user_id = i.user_id WHERE " ALIVE
                " ORDER BY s.created_at DESC, s.sid DESC LIMIT 100",
        },
};
/* clang-format on */
