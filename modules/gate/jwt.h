/*
 * gate/jwt: JSON Web Tokens, JWS compact serialization (RFC 7515, 7518, 7519), and the keys that
 * sign them.
 *
 * Keys are made while httpd starts and constant after that. Signing and verifying: any thread.
 * wxl_jwt_verify() says whether the signature holds; what the claims must be is core/tokens'.
 */
#ifndef WXL_JWT_H
#define WXL_JWT_H

#include <apr_tables.h>

#include "base/errand.h"
#include "gate/crypto.h"
#include "gate/json.h"
#include "gate/keys.h"

/** Longest token that is looked at, in bytes: ours have about 250, with RSA of 4096 bits 900. */
#define WXL_JWT_MAX 4096

/** A key and what belongs to it. */
typedef struct {
    const char *kid; /* its name; NULL: that of tokens without one */
    wxl_alg_t alg;
    wxl_secret_t secret;    /* with HS256 */
    const wxl_hmac_t *hmac; /* the same, kept ready */
    const wxl_key_t *pair;  /* with any other */
    const char *header;     /* how its tokens begin: the first part and the dot */
    apr_size_t header_len;
} wxl_jwt_key_t;

/** The keys of a server. A token without "kid" is of `unnamed`, whatever else there is; one with
    "kid" is of the key of that name, or where no key has a name of `unnamed`, too. */
typedef struct {
    const wxl_jwt_key_t *signer;  /* of new tokens; NULL: none can be made */
    const wxl_jwt_key_t *unnamed; /* HS256; NULL: there is none */
    apr_array_header_t *named;    /* of const wxl_jwt_key_t *; NULL: there are none */
} wxl_jwt_keys_t;

/**
 * Make a key of HS256.
 * @param kid its name, copied; NULL for tokens without one
 * @param secret raw bytes, at least one; lives as long as the pool
 * @return the key in the pool, or NULL where OpenSSL fails
 */
const wxl_jwt_key_t *wxl_jwt_secret(apr_pool_t *pool, const char *kid, const wxl_secret_t *secret);

/**
 * Make a key of a pair.
 * @param kid its name, copied; letters, digits, '-', '_' and '.' only
 * @param pair made for `alg`, lives as long as the pool
 * @return the key in the pool
 */
const wxl_jwt_key_t *wxl_jwt_pair(apr_pool_t *pool, const char *kid, wxl_alg_t alg,
                                  const wxl_key_t *pair);

/** @return the key of a name, or NULL */
const wxl_jwt_key_t *wxl_jwt_find(const wxl_jwt_keys_t *keys, const char *kid);

/**
 * Sign claims with keys->signer.
 * @param claims written in the order in which they were set
 * @param token the result, in the errand's pool
 * @return APR_SUCCESS, or WXL_INTERNAL failed
 */
apr_status_t wxl_jwt_sign(wxl_errand_t *errand, const wxl_jwt_keys_t *keys,
                          const wxl_json_t *claims, const char **token);

/**
 * Check form, size, key and algorithm, and signature, in this order.
 *
 * The token names a key, never an algorithm: that is the key's own (RFC 8725, section 3.1).
 * @param token text from a stranger, ends with NUL
 * @param claims what was signed, in the errand's pool
 * @return APR_SUCCESS, or WXL_TOKEN_INVALID failed
 */
apr_status_t wxl_jwt_verify(wxl_errand_t *errand, const wxl_jwt_keys_t *keys, const char *token,
                            wxl_json_t **claims);

#endif
