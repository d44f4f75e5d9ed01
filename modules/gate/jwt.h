/*
 * gate/jwt: JSON Web Tokens, JWS compact serialization with HS256 (RFC 7515, 7518, 7519).
 *
 * Tokens are read by libjwt, 1.10 to 3.x, but for those with the header that we write; its versions
 * differ in this file only. Any thread.
 * wxl_jwt_verify() says whether the signature holds; what the claims must be is core/tokens'.
 */
#ifndef WXL_JWT_H
#define WXL_JWT_H

#include "base/errand.h"
#include "gate/crypto.h"
#include "gate/json.h"

/** Longest token that is looked at, in bytes: ours have about 250. */
#define WXL_JWT_MAX 4096

/**
 * Sign claims.
 * @param key raw bytes of the HS256 key
 * @param claims written in the order in which they were set
 * @param token the result, in the errand's pool
 * @return APR_SUCCESS, or WXL_INTERNAL failed
 */
apr_status_t wxl_jwt_sign(wxl_errand_t *errand, const wxl_secret_t *key, const wxl_json_t *claims,
                          const char **token);

/**
 * Check form, size, algorithm and signature, in this order.
 *
 * The algorithm is ours, never the token's choice (RFC 8725, section 3.1).
 * @param token text from a stranger, ends with NUL
 * @param claims what was signed, in the errand's pool
 * @return APR_SUCCESS, or WXL_TOKEN_INVALID failed
 */
apr_status_t wxl_jwt_verify(wxl_errand_t *errand, const wxl_secret_t *key, const char *token,
                            wxl_json_t **claims);

#endif
