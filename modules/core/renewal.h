/*
 * core/renewal: the refresh of a session, and what becomes of its refresh token.
 *
 *     off         it stays as it is
 *     tolerant    each refresh gives a successor; a token that has one gives the same one again,
 *                 until that one has been used
 *     strict      the same; where an older one comes, two parties have tokens: the session ends
 *
 * The jti of a successor follows from that of its predecessor, and its times from the row: it can be
 * written again, to the letter, without having been kept. docs/sessions.md has pictures of it.
 * Called in a request, by the thread that holds the errand; results live in the errand's pool.
 */
#ifndef WXL_RENEWAL_H
#define WXL_RENEWAL_H

#include "base/errand.h"
#include "core/sessions.h"
#include "core/tokens.h"
#include "gate/db.h"

/** What the data base says of a session. Times in microseconds since 1970, 0: none. */
typedef struct {
    const char *user; /* "1": active, "0": disabled, NULL: there is none */
    apr_int64_t created_at, last_used_at, expires_at, revoked_at, rotated_at;
    const char *why;      /* it was ended; NULL: it was not */
    const char *digest;   /* of the refresh token that counts */
    const char *previous; /* of the one before; NULL: there was none */
} wxl_session_state_t;

typedef struct {
    const wxl_sessions_settings_t *sessions;
    const wxl_tokens_settings_t *tokens;
} wxl_renewal_settings_t;

/** What a refresh gives. */
typedef struct {
    wxl_claims_t access;
    wxl_claims_t refresh; /* jti NULL: it stays as it is */
} wxl_renewal_t;

/**
 * May this refresh token renew this session? A pure function.
 * @param state as wxl_sql_session_touch or wxl_sql_session_rotate left it
 * @param digests of the token and of its successor
 * @param why where it may not: for the log
 * @return WXL_OK, or WXL_USER_NOT_FOUND, WXL_USER_INACTIVE, WXL_TOKEN_INVALID, WXL_REFRESH_EXPIRED;
 *         WXL_TOKEN_STOLEN where the statement has just ended the session
 */
wxl_problem_t wxl_renewal_judge(const wxl_sessions_settings_t *settings,
                                const wxl_session_state_t *state, apr_time_t now,
                                const char *const digests[2], const char **why);

/** @return the jti of the successor of a refresh token, NULL where OpenSSL fails */
const char *wxl_renewal_next_jti(apr_pool_t *pool, const char *sid, const char *jti);

/**
 * Renew a session: one statement.
 * @param claims of a refresh token that was believed; it has a sid
 * @param renewal filled in
 * @return APR_SUCCESS, or failed with a problem of wxl_renewal_judge() or of the data base
 */
apr_status_t wxl_renewal_run(wxl_errand_t *errand, const wxl_db_door_t *door,
                             const wxl_renewal_settings_t *settings, const wxl_claims_t *claims,
                             wxl_renewal_t *renewal);

#endif
