/*
 * gate/keys: key pairs. See keys.h.
 *
 * OpenSSL looks algorithms up by name whenever a context is set up. So each key keeps a context
 * that is set up, and every call works on a copy.
 */

#include "gate/keys.h"

#include <limits.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#define RSA_LEAST 2048 /* RFC 7518, section 3.3 */
#define RSA_MOST (WXL_SIGNATURE_MAX * 8)
#define P256_HALF 32 /* bytes of r, of s, of a coordinate */
#define P256_DER_MAX 72
#define ED25519_SIZE 32 /* of a public key */

struct wxl_key_t {
    wxl_alg_t alg;
    EVP_PKEY *pair;
    EVP_MD_CTX *signer; /* NULL: there is no private half */
    EVP_MD_CTX *verifier;
    apr_size_t size; /* of a signature */
};

static const char *const names[] = {
    [WXL_ALG_HS256] = "HS256",
    [WXL_ALG_ES256] = "ES256",
    [WXL_ALG_RS256] = "RS256",
    [WXL_ALG_EDDSA] = "EdDSA",
};

const char *wxl_keys_alg_name(wxl_alg_t alg)
{
    return names[alg];
}

int wxl_keys_alg_of(const char *name, wxl_alg_t *alg)
{
    size_t i;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(name, names[i]) == 0) {
            *alg = (wxl_alg_t)i;
            return 1;
        }
    }
    return 0;
}

/* Nobody sits before httpd when it starts: a passphrase is not asked for. */
static int no_passphrase(char *buffer, int size, int writing, void *asked)
{
    (void)buffer, (void)size, (void)writing;
    *(int *)asked = 1;
    return -1;
}

/* @return the key or NULL; `locked`: because it has a passphrase */
static EVP_PKEY *parse(const wxl_secret_t *pem, int *is_private, int *locked)
{
    BIO *bio = BIO_new_mem_buf(pem->bytes, (int)pem->len);
    EVP_PKEY *pair;

    *locked = 0;
    pair = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, locked);
    *is_private = pair != NULL;
    if (!pair && !*locked && BIO_reset(bio) == 1)
        pair = PEM_read_bio_PUBKEY(bio, NULL, no_passphrase, locked);
    BIO_free(bio);
    return pair;
}

static int is_p256(const EVP_PKEY *pair)
{
    char group[32];

    return EVP_PKEY_is_a(pair, "EC") &&
           EVP_PKEY_get_utf8_string_param(pair, OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof(group),
                                          NULL) == 1 &&
           strcmp(group, "prime256v1") == 0;
}

/* @return NULL where a key is what its algorithm wants */
static const char *unfit(wxl_alg_t alg, const EVP_PKEY *pair)
{
    if (alg == WXL_ALG_ES256 && !is_p256(pair))
        return "the key is not on the curve P-256: ES256 needs one made by: openssl genpkey "
               "-algorithm EC -pkeyopt ec_paramgen_curve:P-256";
    if (alg == WXL_ALG_EDDSA && !EVP_PKEY_is_a(pair, "ED25519"))
        return "the key is not of Ed25519: EdDSA needs one made by: openssl genpkey -algorithm "
               "ED25519";
    if (alg == WXL_ALG_RS256 &&
        (!EVP_PKEY_is_a(pair, "RSA") || EVP_PKEY_get_bits(pair) < RSA_LEAST ||
         EVP_PKEY_get_bits(pair) > RSA_MOST))
        return "the key is not RSA of 2048 to 8192 bits: RS256 needs one made by: openssl genpkey "
               "-algorithm RSA -pkeyopt rsa_keygen_bits:2048";
    return NULL;
}

static EVP_MD_CTX *context_new(EVP_PKEY *pair, wxl_alg_t alg, int signs)
{
    const char *digest = alg == WXL_ALG_EDDSA ? NULL : "SHA256"; /* Ed25519 brings its own */
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    int fine =
        context &&
        (signs ? EVP_DigestSignInit_ex(context, NULL, digest, NULL, NULL, pair, NULL)
               : EVP_DigestVerifyInit_ex(context, NULL, digest, NULL, NULL, pair, NULL)) == 1;

    if (!fine) {
        EVP_MD_CTX_free(context);
        return NULL;
    }
    return context;
}

static EVP_MD_CTX *context_copy(const EVP_MD_CTX *kept)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();

    if (context && EVP_MD_CTX_copy_ex(context, kept) != 1) {
        EVP_MD_CTX_free(context);
        return NULL;
    }
    /* nothing follows what is signed: no need to copy it once more for that */
    if (context)
        EVP_MD_CTX_set_flags(context, EVP_MD_CTX_FLAG_FINALISE);
    return context;
}

static apr_status_t free_key(void *data)
{
    wxl_key_t *key = data;

    EVP_MD_CTX_free(key->signer);
    EVP_MD_CTX_free(key->verifier);
    EVP_PKEY_free(key->pair); /* wipes it */
    return APR_SUCCESS;
}

/* Is it a key that can be used, and do its halves belong together? */
static const char *try_out(const wxl_key_t *key, int is_private)
{
    static const char text[] = "one signature";
    unsigned char signature[WXL_SIGNATURE_MAX];
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, key->pair, NULL);
    int fine = context && EVP_PKEY_public_check(context) == 1;

    EVP_PKEY_CTX_free(context);
    if (!fine || !key->verifier)
        return "the key is damaged: its public half is not valid";
    if (is_private &&
        (!key->signer || wxl_keys_sign(key, text, sizeof(text), signature) != APR_SUCCESS ||
         !wxl_keys_verify(key, text, sizeof(text), signature, key->size)))
        return "the key is damaged: its private and its public half do not belong together";
    return NULL;
}

const char *wxl_keys_read(apr_pool_t *pool, wxl_alg_t alg, const wxl_secret_t *pem,
                          const wxl_key_t **made)
{
    wxl_key_t *key = apr_pcalloc(pool, sizeof(*key));
    int is_private, locked;
    const char *wrong;

    key->alg = alg;
    key->pair = parse(pem, &is_private, &locked);
    if (!key->pair) {
        ERR_clear_error();
        return locked ? "the key has a passphrase: write one without, made by: openssl pkey -in "
                        "OLD -out NEW"
                      : "there is no key in it: write a private key or a public key in PEM form "
                        "(BEGIN PRIVATE KEY, BEGIN PUBLIC KEY)";
    }
    apr_pool_cleanup_register(pool, key, free_key, apr_pool_cleanup_null);
    wrong = unfit(alg, key->pair);
    if (!wrong) {
        key->size = alg == WXL_ALG_ES256 ? 2 * P256_HALF : (apr_size_t)EVP_PKEY_get_size(key->pair);
        key->verifier = context_new(key->pair, alg, 0);
        key->signer = is_private ? context_new(key->pair, alg, 1) : NULL;
        wrong = try_out(key, is_private);
    }
    ERR_clear_error(); /* others of this thread look into the queue */
    *made = key;
    return wrong;
}

int wxl_keys_is_private(const wxl_key_t *key)
{
    return key->signer != NULL;
}

apr_size_t wxl_keys_size(const wxl_key_t *key)
{
    return key->size;
}

/* OpenSSL's form of an ECDSA signature to that of tokens. @return 1 where it could be done */
static int to_halves(const unsigned char *der, size_t len, unsigned char *halves)
{
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &der, (long)len);
    int fine = pair && BN_bn2binpad(ECDSA_SIG_get0_r(pair), halves, P256_HALF) == P256_HALF &&
               BN_bn2binpad(ECDSA_SIG_get0_s(pair), halves + P256_HALF, P256_HALF) == P256_HALF;

    ECDSA_SIG_free(pair);
    return fine;
}

/* And back. @return the length, 0 where it could not be done */
static size_t to_der(const unsigned char *halves, unsigned char der[P256_DER_MAX])
{
    BIGNUM *r = BN_bin2bn(halves, P256_HALF, NULL);
    BIGNUM *s = BN_bin2bn(halves + P256_HALF, P256_HALF, NULL);
    ECDSA_SIG *pair = ECDSA_SIG_new();
    int len = 0;

    if (r && s && pair && ECDSA_SIG_set0(pair, r, s) == 1) {
        r = s = NULL; /* the pair's now */
        len = i2d_ECDSA_SIG(pair, &der);
    }
    ECDSA_SIG_free(pair);
    BN_free(r);
    BN_free(s);
    return len > 0 ? (size_t)len : 0;
}

apr_status_t wxl_keys_sign(const wxl_key_t *key, const char *text, apr_size_t len,
                           unsigned char *signature)
{
    EVP_MD_CTX *context = context_copy(key->signer);
    unsigned char der[P256_DER_MAX];
    int is_ec = key->alg == WXL_ALG_ES256;
    size_t size = is_ec ? sizeof(der) : key->size;
    int fine = context && EVP_DigestSign(context, is_ec ? der : signature, &size,
                                         (const unsigned char *)text, len) == 1;

    EVP_MD_CTX_free(context);
    if (fine)
        fine = is_ec ? to_halves(der, size, signature) : size == key->size;
    if (!fine)
        ERR_clear_error();
    return fine ? APR_SUCCESS : APR_EGENERAL;
}

int wxl_keys_verify(const wxl_key_t *key, const char *text, apr_size_t len,
                    const unsigned char *signature, apr_size_t size)
{
    unsigned char der[P256_DER_MAX];
    EVP_MD_CTX *context;
    int holds;

    if (size != key->size)
        return 0;
    if (key->alg == WXL_ALG_ES256) {
        size = to_der(signature, der);
        signature = der;
    }
    context = size > 0 ? context_copy(key->verifier) : NULL;
    holds = context &&
            EVP_DigestVerify(context, signature, size, (const unsigned char *)text, len) == 1;
    EVP_MD_CTX_free(context);
    if (!holds)
        ERR_clear_error();
    return holds;
}

/* A number, big-endian. @param len bytes; 0: as many as it needs */
static int get_number(apr_pool_t *pool, const EVP_PKEY *pair, const char *param, int len,
                      wxl_member_t *member)
{
    BIGNUM *number = NULL;
    unsigned char *bytes;
    int fine = EVP_PKEY_get_bn_param(pair, param, &number) == 1;

    if (fine) {
        len = len ? len : BN_num_bytes(number);
        member->bytes = bytes = apr_palloc(pool, (apr_size_t)len);
        member->len = (apr_size_t)len;
        fine = BN_bn2binpad(number, bytes, len) == len;
    }
    BN_free(number);
    return fine;
}

static int get_raw(apr_pool_t *pool, const EVP_PKEY *pair, wxl_member_t *member)
{
    size_t len = ED25519_SIZE;
    unsigned char *bytes = apr_palloc(pool, len);

    member->bytes = bytes;
    member->len = len;
    return EVP_PKEY_get_raw_public_key(pair, bytes, &len) == 1 && len == ED25519_SIZE;
}

apr_status_t wxl_keys_public(apr_pool_t *pool, const wxl_key_t *key, wxl_public_t *half)
{
    static const wxl_public_t forms[] = {
        [WXL_ALG_ES256] = {"EC", "P-256", {{"x", NULL, 0}, {"y", NULL, 0}}},
        [WXL_ALG_RS256] = {"RSA", NULL, {{"n", NULL, 0}, {"e", NULL, 0}}},
        [WXL_ALG_EDDSA] = {"OKP", "Ed25519", {{"x", NULL, 0}, {NULL, NULL, 0}}},
    };
    int fine;

    *half = forms[key->alg];
    if (key->alg == WXL_ALG_ES256)
        fine = get_number(pool, key->pair, OSSL_PKEY_PARAM_EC_PUB_X, P256_HALF, half->member) &&
               get_number(pool, key->pair, OSSL_PKEY_PARAM_EC_PUB_Y, P256_HALF, half->member + 1);
    else if (key->alg == WXL_ALG_EDDSA)
        fine = get_raw(pool, key->pair, half->member);
    else
        fine = get_number(pool, key->pair, OSSL_PKEY_PARAM_RSA_N, 0, half->member) &&
               get_number(pool, key->pair, OSSL_PKEY_PARAM_RSA_E, 0, half->member + 1);
    if (!fine)
        ERR_clear_error();
    return fine ? APR_SUCCESS : APR_EGENERAL;
}
