/* gate/crypto: OpenSSL. See crypto.h. */

#include "gate/crypto.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>
#include <string.h>

#include <apr_escape.h>
#include <apr_strings.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rand.h>

/* The generator takes 7,000 instructions for a draw, however small; a sign-in needs four ids. */
#define STOCK 512

static apr_status_t wipe_secret(void *data)
{
    wxl_secret_t *secret = data;

    OPENSSL_cleanse((char *)secret->bytes, secret->len);
    return APR_SUCCESS;
}

wxl_secret_t wxl_crypto_keep(apr_pool_t *pool, const char *bytes, apr_size_t len)
{
    wxl_secret_t *kept = apr_palloc(pool, sizeof(*kept));

    kept->bytes = apr_pstrmemdup(pool, bytes, len);
    kept->len = len;
    apr_pool_cleanup_register(pool, kept, wipe_secret, apr_pool_cleanup_null);
    return *kept;
}

void wxl_crypto_wipe(void *bytes, apr_size_t len)
{
    OPENSSL_cleanse(bytes, len);
}

/* Bytes drawn ahead, of one thread. What a process has drawn must not be handed out by those that
   it forks, too. */
static _Thread_local struct {
    pid_t owner;
    apr_size_t left;
    unsigned char bytes[STOCK];
} stock;

static int fill_stock(void)
{
    stock.left = RAND_bytes(stock.bytes, STOCK) == 1 ? STOCK : 0;
    stock.owner = getpid();
    return stock.left == STOCK;
}

int wxl_crypto_random(void *bytes, apr_size_t len)
{
    if (len > STOCK)
        return len <= INT_MAX && RAND_bytes(bytes, (int)len) == 1;
    if ((stock.left < len || stock.owner != getpid()) && !fill_stock())
        return 0;
    stock.left -= len;
    memcpy(bytes, stock.bytes + stock.left, len);
    OPENSSL_cleanse(stock.bytes + stock.left, len);
    return 1;
}

const char *wxl_crypto_random_hex(apr_pool_t *pool, apr_size_t bytes)
{
    unsigned char random[64];

    if (bytes > sizeof(random) || !wxl_crypto_random(random, bytes))
        return NULL;
    return apr_pescape_hex(pool, random, bytes, 0);
}

apr_status_t wxl_crypto_hmac_sha256(const wxl_secret_t *key, const char *text, apr_size_t len,
                                    unsigned char mac[WXL_HMAC_SHA256_SIZE])
{
    unsigned size = 0;

    if (key->len > INT_MAX ||
        !HMAC(EVP_sha256(), key->bytes, (int)key->len, (const unsigned char *)text, len, mac,
              &size) ||
        size != WXL_HMAC_SHA256_SIZE)
        return APR_EGENERAL;
    return APR_SUCCESS;
}

struct wxl_hmac_t {
    EVP_MAC_CTX *context; /* has seen the key and no text */
};

static apr_status_t free_hmac(void *context)
{
    EVP_MAC_CTX_free(context);
    return APR_SUCCESS;
}

const wxl_hmac_t *wxl_crypto_hmac_keep(apr_pool_t *pool, const wxl_secret_t *key)
{
    char digest[] = "SHA256";
    OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                           OSSL_PARAM_construct_end()};
    wxl_hmac_t *kept = apr_palloc(pool, sizeof(*kept));
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);

    kept->context = mac ? EVP_MAC_CTX_new(mac) : NULL;
    EVP_MAC_free(mac); /* the context holds it */
    if (!kept->context)
        return NULL;
    apr_pool_cleanup_register(pool, kept->context, free_hmac, apr_pool_cleanup_null);
    if (EVP_MAC_init(kept->context, (const unsigned char *)key->bytes, key->len, params) != 1)
        return NULL;
    return kept;
}

apr_status_t wxl_crypto_hmac(const wxl_hmac_t *key, const char *text, apr_size_t len,
                             unsigned char mac[WXL_HMAC_SHA256_SIZE])
{
    EVP_MAC_CTX *context = EVP_MAC_CTX_dup(key->context);
    size_t size = 0;
    int fine = context && EVP_MAC_update(context, (const unsigned char *)text, len) == 1 &&
               EVP_MAC_final(context, mac, &size, WXL_HMAC_SHA256_SIZE) == 1 &&
               size == WXL_HMAC_SHA256_SIZE;

    EVP_MAC_CTX_free(context);
    return fine ? APR_SUCCESS : APR_EGENERAL;
}

const char *wxl_crypto_digest_hex(apr_pool_t *pool, const char *text)
{
    unsigned char digest[EVP_MAX_MD_SIZE];

    if (EVP_Digest(text, strlen(text), digest, NULL, EVP_sha256(), NULL) != 1)
        return NULL;
    return apr_pescape_hex(pool, digest, 16, 0);
}

int wxl_crypto_equal(const void *a, const void *b, apr_size_t len)
{
    return CRYPTO_memcmp(a, b, len) == 0;
}

int wxl_crypto_certificates(const char *pem, apr_size_t len)
{
    BIO *text = len <= INT_MAX ? BIO_new_mem_buf(pem, (int)len) : NULL;
    X509 *certificate;
    int count = 0, ended;

    if (!text)
        return -1;
    while ((certificate = PEM_read_bio_X509(text, NULL, NULL, NULL)) != NULL) {
        X509_free(certificate);
        count++;
    }
    ended = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    ERR_clear_error();
    BIO_free(text);
    return ended ? count : -1;
}
