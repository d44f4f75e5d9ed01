/*
 * core/sql: the SQL statements of the module, in both dialects; those of sessions alone stand in
 * core/sql_sessions.
 *
 * Constant data. How to write one: every result column is cast, so that a later ALTER does not
 * break prepared statements; flags come as 0 or 1 and times as microseconds since 1970, because
 * the drivers show booleans and times in different ways; a '%' of the text itself is doubled.
 */
#ifndef WXL_SQL_H
#define WXL_SQL_H

#include "gate/db.h"

/**
 * Find or create the user of an openid and move the last login, in one round trip.
 * Arguments, in order: openid, username of a new user, is_staff, is_superuser (1 or 0: rights that
 * are granted, never taken), date_joined, last_login_at (microseconds), user_type of a new user.
 * Columns: those of wxl_users_t, in the order of its enum in core/users.c.
 * A disabled user is found, and nothing of it changes.
 */
extern const wxl_statement_t wxl_sql_signin;

/**
 * The same, and the row of the session with it (PostgreSQL; a disabled user gets none).
 * Arguments: openid, username of a new user, admin (1 or 0), now (microseconds), user_type of a new
 * user; sid, digest of the refresh token's jti (32 hex digits each), appid, address, user agent,
 * device (NULL where not known), end of the session (microseconds). Columns: as above.
 */
extern const wxl_statement_t wxl_sql_signin_session;

/**
 * Sign-ins of many at once. Rows have the arguments of wxl_sql_signin_session, in its order, or the
 * first five of them; how they are given is told in core/together.h. Columns: as above.
 *
 * The rows are written, and so locked, in the order in which they are given: it has to be the same
 * everywhere, or two such statements wait for each other. No openid may come twice. Who finds a row
 * that somebody else keeps locked gives up soon (PostgreSQL), as all others wait with him.
 */
extern const wxl_statement_t wxl_sql_signins;         /* PostgreSQL: users */
extern const wxl_statement_t wxl_sql_signins_session; /* PostgreSQL: users and sessions */
extern const wxl_statement_t wxl_sql_signins_json;    /* SQLite: users */
extern const wxl_statement_t wxl_sql_sessions_json;   /* SQLite: sessions. Column: sid */

/**
 * A user by id. Argument: id. Columns: as above.
 */
extern const wxl_statement_t wxl_sql_user;

/**
 * Change a user, unless he is disabled or another one has the username.
 * Arguments: for username, avatar_url, phone, email each 1 or 0 (set it or keep it) and the value;
 * then username, id, id once more. Columns: as above, of the row as it is afterwards.
 */
extern const wxl_statement_t wxl_sql_change;

/** All of the above and of core/sql_sessions, for preparation in advance. Those below are seldom
    run. */
extern const wxl_statement_t *const wxl_sql_all[];
extern const int wxl_sql_count;

/**
 * Sessions that were ended lately, oldest first, a page of them (1000: WXL_ENDED_PAGE).
 * Arguments: how far back (microseconds); time (microseconds) and sid of the last one of the page
 * before. Columns: sid, time.
 */
extern const wxl_statement_t wxl_sql_ended_sessions;

/** The same for users whose token_epoch moved. Arguments and columns: with the user's id. */
extern const wxl_statement_t wxl_sql_ended_users;

/**
 * What is known of a token. Arguments: sid (or NULL), user id.
 * Columns: 1 for a session that was ended or is not there, else 0; token_epoch (microseconds) or
 * NULL.
 */
extern const wxl_statement_t wxl_sql_ended_ask;

/**
 * Remove sessions that are long over, a batch of them (500: WXL_ENDED_BATCH).
 * Arguments: how long ago they ended (microseconds), twice. A row for each one removed.
 */
extern const wxl_statement_t wxl_sql_purge;

#endif
