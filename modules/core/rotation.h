/*
 * core/rotation: what becomes of refresh tokens. Pure functions.
 *
 *     off         it stays as it is
 *     tolerant    each refresh gives a successor; a token that has one gives the same one again,
 *                 until that one has been used
 *     strict      the same; where an older one comes, two parties have tokens: the session ends
 *
 * The jti of a successor follows from that of its predecessor, and its times from the row: it can
 * be written again without having been kept. docs/sessions.md has pictures of it.
 * Any thread.
 */
#ifndef WXL_ROTATION_H
#define WXL_ROTATION_H

#include "base/problem.h"
#include "core/sessions.h"

/** What the data base says of a session. Times in microseconds since 1970, 0: none. */
typedef struct {
    const char *user; /* "1": active, "0": disabled, NULL: there is none */
    apr_int64_t created_at, last_used_at, expires_at, revoked_at, rotated_at;
    const char *why;      /* it was ended; NULL: it was not */
    const char *digest;   /* of the refresh token that counts */
    const char *previous; /* of the one before; NULL: there was none */
} wxl_session_state_t;

/**
 * May this refresh token renew this session? A pure function.
 * @param state as wxl_sql_session_touch or wxl_sql_session_rotate left it
 * @param digests of the token and, where it is rotated, of its successor
 * @param why where it may not: for the log
 * @return WXL_OK, or WXL_USER_NOT_FOUND, WXL_USER_INACTIVE, WXL_TOKEN_INVALID, WXL_REFRESH_EXPIRED;
 *         WXL_TOKEN_STOLEN where the statement has just ended the session
 */
wxl_problem_t wxl_rotation_judge(const wxl_sessions_settings_t *settings,
                                 const wxl_session_state_t *state, apr_time_t now,
                                 const char *const digests[2], const char **why);

/** @return the jti of the successor of a refresh token, in the pool; NULL where OpenSSL fails */
const char *wxl_rotation_next_jti(apr_pool_t *pool, const char *sid, const char *jti);

#endif
