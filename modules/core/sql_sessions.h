/*
 * core/sql_sessions: the SQL statements that concern sessions only, in both dialects.
 *
 * Constant data. How to write one: core/sql.h. A time is an argument in microseconds since 1970; a
 * sid and a digest are 32 hex digits.
 *
 * A session is alive while it has not been ended, its end has not come, it has been used after
 * `idle_after` and was begun after `born_after` (0 where there is no such limit).
 */
#ifndef WXL_SQL_SESSIONS_H
#define WXL_SQL_SESSIONS_H

#include "gate/db.h"

/**
 * The row of a session alone: what SQLite does behind wxl_sql_signin. A disabled user gets none.
 * Arguments: sid, appid, address, user agent, device, created_at, last_used_at, expires_at, digest,
 * user id. Column: sid.
 */
extern const wxl_statement_t wxl_sql_session_add;

/**
 * A refresh that leaves the refresh token as it is: look at the session, and note that it is used
 * unless that has been noted after `touch_after`.
 * Arguments: sid, user id, digest of the token's jti, now, idle_after, born_after, touch_after.
 * Columns: those of core/renewal, as they were before; no row for a session that does not exist.
 */
extern const wxl_statement_t wxl_sql_session_touch;

/**
 * A refresh that gives a new refresh token, decided and done in one: the token that counts makes
 * room for its successor; the one before it changes nothing; an older one ends the session where
 * `strict` is 1. Whoever comes second sees what the first has done.
 * Arguments: sid, user id, digest, digest of the successor, strict, now, idle_after, born_after,
 * new end of the session, longest life of a session. Columns: those of core/renewal, as they are
 * afterwards.
 */
extern const wxl_statement_t wxl_sql_session_rotate;

/**
 * Both for many at once; how rows are given is told in core/together.h. A sid must not come twice.
 * Columns: as above, and the sid.
 */
extern const wxl_statement_t wxl_sql_sessions_touch, wxl_sql_sessions_touch_json;
extern const wxl_statement_t wxl_sql_sessions_rotate, wxl_sql_sessions_rotate_json;

/*
 * Those that end sessions write the time of the data base into PostgreSQL, but never one before
 * `now`. What is already over stays as it is.
 */

/**
 * End the oldest of a user's living sessions, until no more than `most` are left.
 * Arguments: user id, sid of the one that has just begun, most, now, idle_after, born_after.
 * Column: sid of each one that was ended for this reason at `now` or later.
 */
extern const wxl_statement_t wxl_sql_session_evict;

/**
 * End a session that has just begun, where `most` others live. Arguments: as above. Column: its
 * sid, where it is over for this reason, now or before; else no row.
 */
extern const wxl_statement_t wxl_sql_session_refuse;

/**
 * End a session of a user; it may be over already. Arguments: now, why, sid, user id. Column: sid;
 * no row where he has no such session.
 */
extern const wxl_statement_t wxl_sql_session_end;

/**
 * End all sessions of a user but one (`spare`, or zeroes), in the name of one that lives (`mine`,
 * or zeroes where it belongs to none). Arguments: now, why, user id, spare, mine, idle_after,
 * born_after. Column: the sid of each one that was ended for this reason at `now` or later.
 */
extern const wxl_statement_t wxl_sql_session_end_many;

/**
 * The living sessions of a user, newest first, a hundred at most. Arguments: user id, now,
 * idle_after, born_after. Columns: those of core/sessions.
 */
extern const wxl_statement_t wxl_sql_session_list;

#endif
