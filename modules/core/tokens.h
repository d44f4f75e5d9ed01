/*
 * core/tokens: what stands in a token, how long it holds, and when it is believed.
 *
 * The form is simplejwt's, so that either side accepts the other's tokens under the same key.
 * Called in a request, by the thread that holds the errand; results live in the errand's pool.
 */
#ifndef WXL_TOKENS_H
#define WXL_TOKENS_H

#include "base/errand.h"
#include "gate/jwt.h"

typedef struct {
    wxl_jwt_keys_t keys;     /* what tokens are signed and checked with */
    apr_int64_t access_ttl;  /* seconds */
    apr_int64_t refresh_ttl; /* seconds */
} wxl_tokens_settings_t;

typedef enum { WXL_TOKEN_ACCESS = 1, WXL_TOKEN_REFRESH = 2 } wxl_token_type_t;
#define WXL_TOKEN_ANY (WXL_TOKEN_ACCESS | WXL_TOKEN_REFRESH)
#define WXL_TOKEN_OLD \
    4 /* ored to these: also one that has expired; its exp is the caller's to judge */

/** What a token says: one that was believed, or one to be written. */
typedef struct {
    wxl_token_type_t type;
    const char *user_id; /* decimal digits */
    const char *jti;
    const char *sid;       /* of the session it belongs to (core/sessions); NULL: of none */
    apr_int64_t exp, iat;  /* seconds since 1970 */
    apr_int64_t auth_time; /* the iat of the token that it was made from, where that is earlier;
                              else as iat. What ended tokens up to a moment goes by this */
} wxl_claims_t;

/**
 * What a new token says: it begins now, lives as long as the settings say, has a jti of its own.
 * @param user_id decimal digits
 * @param claims filled in; the caller may change them
 * @return APR_SUCCESS, or WXL_INTERNAL failed
 */
apr_status_t wxl_tokens_draft(wxl_errand_t *errand, const wxl_tokens_settings_t *settings,
                              wxl_token_type_t type, const char *user_id, wxl_claims_t *claims);

/**
 * Write a token of these claims; auth_time (the claim of OpenID Connect) only where it is
 * earlier than iat. Its text may differ each time: ES256 takes a random number.
 * @return APR_SUCCESS, or WXL_INTERNAL failed
 */
apr_status_t wxl_tokens_write(wxl_errand_t *errand, const wxl_tokens_settings_t *settings,
                              const wxl_claims_t *claims, const char **token);

/**
 * Believe a token, or not. Checked in the order of the wire contract, section 5: form and size,
 * algorithm, signature, token_type, exp, iat (and nbf where there is one), then jti and user_id. A
 * claim that is missing fails (RFC 8725, section 3.1 and 3.9: nothing is optional because an
 * attacker left it out).
 * @param types which types are welcome, WXL_TOKEN_ values ored together
 * @return APR_SUCCESS, or failed: WXL_TOKEN_INVALID, WXL_TOKEN_EXPIRED, WXL_REFRESH_EXPIRED
 */
apr_status_t wxl_tokens_check(wxl_errand_t *errand, const wxl_tokens_settings_t *settings,
                              int types, const char *token, wxl_claims_t *claims);

#endif
