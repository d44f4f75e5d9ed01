/*
 * gate/keys: key pairs and their signatures, through OpenSSL 3: ES256, RS256 (RFC 7518) and EdDSA
 * with Ed25519 (RFC 8037).
 *
 * A key is made while httpd starts: parsed, checked and kept ready, as parsing alone costs more
 * than ten signatures. It never changes after that: any thread may sign and verify, at any time.
 */
#ifndef WXL_KEYS_H
#define WXL_KEYS_H

#include <apr_errno.h>
#include <apr_pools.h>

#include "gate/crypto.h"

/** Longest signature in bytes: of RSA with 8192 bits. */
#define WXL_SIGNATURE_MAX 1024

typedef enum { WXL_ALG_HS256 = 0, WXL_ALG_ES256, WXL_ALG_RS256, WXL_ALG_EDDSA } wxl_alg_t;

typedef struct wxl_key_t wxl_key_t;

/** The public half of a key, as a JSON Web Key has it (RFC 7517). Bytes are not yet encoded. */
typedef struct {
    const char *name; /* NULL: there is no second one */
    const unsigned char *bytes;
    apr_size_t len;
} wxl_member_t;
typedef struct {
    const char *kty;
    const char *crv; /* NULL for RSA */
    wxl_member_t member[2];
} wxl_public_t;

/** @return the name of an algorithm as tokens bear it, static */
const char *wxl_keys_alg_name(wxl_alg_t alg);

/**
 * Look an algorithm up, to the letter.
 * @return 1 and the algorithm, or 0 where the name is none of ours
 */
int wxl_keys_alg_of(const char *name, wxl_alg_t *alg);

/**
 * Make a key of PEM text. Fit for its algorithm it must be: P-256 for ES256, RSA of 2048 to 8192
 * bits for RS256, Ed25519 for EdDSA; a private half must belong to the public one.
 * @param alg any but WXL_ALG_HS256
 * @param pem a private key without passphrase, or a public key; not needed afterwards
 * @param key the result; freed, and its private half wiped, when the pool is cleared
 * @return NULL, or what is wrong and what to write: a sentence, begins lower-case, holds no secret
 */
const char *wxl_keys_read(apr_pool_t *pool, wxl_alg_t alg, const wxl_secret_t *pem,
                          const wxl_key_t **key);

/** Is there a private half? */
int wxl_keys_is_private(const wxl_key_t *key);

/** @return bytes of every signature of a key, at most WXL_SIGNATURE_MAX */
apr_size_t wxl_keys_size(const wxl_key_t *key);

/**
 * Sign.
 * @param key with a private half
 * @param signature room for wxl_keys_size() bytes; for ES256 it is r and s (RFC 7518, 3.4)
 */
apr_status_t wxl_keys_sign(const wxl_key_t *key, const char *text, apr_size_t len,
                           unsigned char *signature);

/** @return 1 where the signature holds, else 0 */
int wxl_keys_verify(const wxl_key_t *key, const char *text, apr_size_t len,
                    const unsigned char *signature, apr_size_t size);

/**
 * The public half.
 * @return APR_SUCCESS and the members, in the pool; or APR_EGENERAL where OpenSSL fails
 */
apr_status_t wxl_keys_public(apr_pool_t *pool, const wxl_key_t *key, wxl_public_t *half);

#endif
