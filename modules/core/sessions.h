/*
 * core/sessions: the sign-ins, one row each, so that they can be listed and ended.
 *
 * A session is known by its sid, a claim of its tokens. What its refresh tokens are known by is the
 * digest of their jti; no token is kept.
 * Called in a request, by the thread that holds the errand; results live in the errand's pool.
 */
#ifndef WXL_SESSIONS_H
#define WXL_SESSIONS_H

#include "base/errand.h"
#include "core/client.h"
#include "core/tokens.h"

typedef struct {
    int off; /* no rows, and tokens that are good until they expire */
} wxl_sessions_settings_t;

/** A new session. */
typedef struct wxl_session_t {
    const char *sid;    /* 32 hex digits */
    const char *digest; /* of the jti of its refresh token: the same */
    const char *appid;  /* of the mini program; NULL: not configured */
    wxl_client_t client;
    apr_int64_t expires_at; /* microseconds since 1970 */
} wxl_session_t;

/**
 * Begin a session; who signs in writes it (core/users).
 * @param refresh what its refresh token will say; gets the sid
 * @param session appid and client set by the caller, the rest filled in
 * @return APR_SUCCESS, or WXL_INTERNAL failed
 */
apr_status_t wxl_sessions_begin(wxl_errand_t *errand, const wxl_sessions_settings_t *settings,
                                wxl_claims_t *refresh, wxl_session_t *session);

#endif
