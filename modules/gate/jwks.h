/*
 * gate/jwks: the keys that others may check our tokens with, as a JSON Web Key Set (RFC 7517).
 */
#ifndef WXL_JWKS_H
#define WXL_JWKS_H

#include "gate/jwt.h"

/**
 * Write the public half of every key that has one; a secret of HS256 is never among them. While
 * httpd starts.
 * @return JSON in the pool, or NULL where OpenSSL fails
 */
const char *wxl_jwks_write(apr_pool_t *pool, const wxl_jwt_keys_t *keys);

#endif
