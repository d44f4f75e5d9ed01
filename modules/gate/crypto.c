/* gate/crypto: OpenSSL. See crypto.h. */

#include "gate/crypto.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

#include <apr_escape.h>
#include <apr_strings.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
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

/* Half of what a context costs is making and freeing it: nine pieces of memory. So the last one
   that was used is kept for the next. It changes hands by an exchange; who finds none makes one. */
struct wxl_hmac_t {
    EVP_MAC_CTX *context; /* has seen the key and no text; only copied */
    EVP_MAC_CTX **spare;  /* NULL where OpenSSL cannot use one again: before 3.0.3 */
};

static apr_status_t free_hmac(void *data)
{
    const wxl_hmac_t *key = data;

    EVP_MAC_CTX_free(key->context);
    if (key->spare)
        EVP_MAC_CTX_free(*key->spare);
    return APR_SUCCESS;
}

/* @return a context that has seen the key and no text, or NULL */
static EVP_MAC_CTX *take_context(const wxl_hmac_t *key)
{
    EVP_MAC_CTX *context =
        key->spare ? __atomic_exchange_n(key->spare, NULL, __ATOMIC_ACQUIRE) : NULL;

    if (context && EVP_MAC_init(context, NULL, 0, NULL) == 1)
        return context;
    EVP_MAC_CTX_free(context);
    return EVP_MAC_CTX_dup(key->context);
}

static void give_back(const wxl_hmac_t *key, EVP_MAC_CTX *context)
{
    EVP_MAC_CTX *none = NULL;

    if (!key->spare || !__atomic_compare_exchange_n(key->spare, &none, context, 0, __ATOMIC_RELEASE,
                                                    __ATOMIC_RELAXED))
        EVP_MAC_CTX_free(context);
}

static int finish(EVP_MAC_CTX *context, const char *text, apr_size_t len, unsigned char *mac)
{
    size_t size = 0;

    return EVP_MAC_update(context, (const unsigned char *)text, len) == 1 &&
           EVP_MAC_final(context, mac, &size, WXL_HMAC_SHA256_SIZE) == 1 &&
           size == WXL_HMAC_SHA256_SIZE;
}

/* Early versions go on where the last text ended, instead of beginning anew. */
static int can_begin_anew(const wxl_hmac_t *key)
{
    unsigned char first[WXL_HMAC_SHA256_SIZE], second[WXL_HMAC_SHA256_SIZE];
    EVP_MAC_CTX *context = EVP_MAC_CTX_dup(key->context);
    int can = context && finish(context, "text", 4, first) &&
              EVP_MAC_init(context, NULL, 0, NULL) == 1 && finish(context, "text", 4, second) &&
              wxl_crypto_equal(first, second, sizeof(first));

    EVP_MAC_CTX_free(context);
    return can;
}

const wxl_hmac_t *wxl_crypto_hmac_keep(apr_pool_t *pool, const wxl_secret_t *key)
{
    char digest[] = "SHA256";
    OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                           OSSL_PARAM_construct_end()};
    wxl_hmac_t *kept = apr_pcalloc(pool, sizeof(*kept));
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);

    kept->context = mac ? EVP_MAC_CTX_new(mac) : NULL;
    EVP_MAC_free(mac); /* the context holds it */
    apr_pool_cleanup_register(pool, kept, free_hmac, apr_pool_cleanup_null);
    if (!kept->context ||
        EVP_MAC_init(kept->context, (const unsigned char *)key->bytes, key->len, params) != 1)
        return NULL;
    if (can_begin_anew(kept))
        kept->spare = apr_pcalloc(pool, sizeof(EVP_MAC_CTX *));
    return kept;
}

apr_status_t wxl_crypto_hmac(const wxl_hmac_t *key, const char *text, apr_size_t len,
                             unsigned char mac[WXL_HMAC_SHA256_SIZE])
{
    EVP_MAC_CTX *context = take_context(key);

    if (!context || !finish(context, text, len, mac)) {
        EVP_MAC_CTX_free(context);
        return APR_EGENERAL;
    }
    give_back(key, context);
    return APR_SUCCESS;
}

/* OpenSSL's own, of which there is one: looked up by its name once, not for each digest. */
static const EVP_MD *sha256(void)
{
    static EVP_MD *found;
    EVP_MD *none = NULL, *digest = __atomic_load_n(&found, __ATOMIC_ACQUIRE);

    if (digest)
        return digest;
    digest = EVP_MD_fetch(NULL, "SHA256", NULL);
    if (digest && !__atomic_compare_exchange_n(&found, &none, digest, 0, __ATOMIC_ACQ_REL,
                                               __ATOMIC_ACQUIRE)) {
        EVP_MD_free(digest);
        digest = none;
    }
    return digest;
}

const char *wxl_crypto_digest_hex(apr_pool_t *pool, const char *text)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    const EVP_MD *kind = sha256();

    if (!kind || EVP_Digest(text, strlen(text), digest, NULL, kind, NULL) != 1)
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
