/*
 * gate/crypto: random numbers, HMAC and the wiping of secrets, through OpenSSL. Key pairs are
 * gate/keys'.
 *
 * Any thread, at any time.
 */
#ifndef WXL_CRYPTO_H
#define WXL_CRYPTO_H

#include <apr_errno.h>
#include <apr_pools.h>

#define WXL_HMAC_SHA256_SIZE 32

/** Bytes that reach no log and no answer. NULL bytes: not configured. */
typedef struct {
    const char *bytes; /* ends with a NUL that len does not count */
    apr_size_t len;
} wxl_secret_t;

/**
 * Keep a secret in a pool; it is wiped when the pool is cleared.
 * @return the copy
 */
wxl_secret_t wxl_crypto_keep(apr_pool_t *pool, const char *bytes, apr_size_t len);

/** Overwrite memory in a way no compiler removes. */
void wxl_crypto_wipe(void *bytes, apr_size_t len);

/** Fill with random bytes. Threads do not wait for each other. @return 1, or 0 if the generator
    failed */
int wxl_crypto_random(void *bytes, apr_size_t len);

/**
 * Random bytes as lower-case hex digits.
 * @param bytes how many bytes, at most 64; the text is twice as long
 * @return text in the pool, or NULL if the generator failed
 */
const char *wxl_crypto_random_hex(apr_pool_t *pool, apr_size_t bytes);

/** A key of HMAC-SHA256, kept ready: half the work is the key's, and done once. */
typedef struct wxl_hmac_t wxl_hmac_t;

/**
 * Get a key ready. While httpd starts; it is wiped and freed when the pool is cleared.
 * @return the key, or NULL where OpenSSL fails
 */
const wxl_hmac_t *wxl_crypto_hmac_keep(apr_pool_t *pool, const wxl_secret_t *key);

/**
 * HMAC-SHA256 (RFC 2104).
 * @param mac where the result goes
 */
apr_status_t wxl_crypto_hmac(const wxl_hmac_t *key, const char *text, apr_size_t len,
                             unsigned char mac[WXL_HMAC_SHA256_SIZE]);

/**
 * The first 128 bits of the SHA-256 of a text, as 32 lower-case hex digits: to know something again
 * that is not kept itself.
 * @return text in the pool, or NULL where OpenSSL fails
 */
const char *wxl_crypto_digest_hex(apr_pool_t *pool, const char *text);

/**
 * How many certificates are there?
 * @param pem text that holds them, and perhaps other things between them
 * @return 0: none; -1: one of them is broken
 */
int wxl_crypto_certificates(const char *pem, apr_size_t len);

/** Compare two secrets of the same length, in a time that tells nothing. @return 1 where equal */
int wxl_crypto_equal(const void *a, const void *b, apr_size_t len);

#endif
