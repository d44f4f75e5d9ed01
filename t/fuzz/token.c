/*
 * Fuzzer: a token. The input is tried as it is; as the claims, and as the header, of a token with a
 * good signature, for random letters never get past the signature by themselves; and as the
 * signature of a good header and good claims, which must never hold.
 */

#include "fuzz.h"

#include <apr_encode.h>
#include <apr_strings.h>

#include "core/tokens.h"

#include "../unit/pem.h"

#define NOW INT64_C(1790000000)
#define CLAIMS                                                          \
    "{\"token_type\":\"access\",\"exp\":1790604800,\"iat\":1790000000," \
    "\"jti\":\"x\",\"user_id\":\"42\"}"

static const wxl_secret_t secret = {"correct horse battery staple, at least 32 bytes", 47};
static const struct {
    const char *kid, *pem;
} pairs[] = {{"es", ES256_PEM}, {"rs", RS256_PEM}, {"ed", EDDSA_PEM}};

static wxl_tokens_settings_t settings = {.access_ttl = 604800, .refresh_ttl = 2592000};
static const wxl_key_t *pair[3];

static void make_keys(void)
{
    static apr_pool_t *pool;
    int i;

    if (pool)
        return;
    apr_pool_create(&pool, NULL);
    settings.keys.signer = settings.keys.unnamed = wxl_jwt_secret(pool, NULL, &secret);
    settings.keys.named = apr_array_make(pool, 3, sizeof(wxl_jwt_key_t *));
    for (i = 0; i < 3; i++) {
        wxl_secret_t pem = {pairs[i].pem, strlen(pairs[i].pem)};
        wxl_alg_t alg = (wxl_alg_t)(WXL_ALG_ES256 + i);

        HOLDS(!wxl_keys_read(pool, alg, &pem, &pair[i]));
        APR_ARRAY_PUSH(settings.keys.named, const wxl_jwt_key_t *) =
            wxl_jwt_pair(pool, pairs[i].kid, alg, pair[i]);
    }
}

/* @return is it believed? */
static int check(apr_pool_t *pool, const char *token)
{
    wxl_claims_t claims;
    wxl_errand_t errand;

    wxl_errand_init(&errand, pool, apr_time_from_sec(NOW));
    if (wxl_tokens_check(&errand, &settings, WXL_TOKEN_ANY, token, &claims) == APR_SUCCESS) {
        HOLDS(claims.type == WXL_TOKEN_ACCESS || claims.type == WXL_TOKEN_REFRESH);
        HOLDS(claims.exp > NOW && claims.iat <= NOW && *claims.jti);
        HOLDS(*claims.user_id && strspn(claims.user_id, "0123456789") == strlen(claims.user_id));
        return 1;
    }
    HOLDS(errand.problem == WXL_TOKEN_INVALID || errand.problem == WXL_TOKEN_EXPIRED ||
          errand.problem == WXL_REFRESH_EXPIRED);
    return 0;
}

static const char *part(apr_pool_t *pool, const void *bytes, size_t size)
{
    return apr_pencode_base64(pool, bytes, (apr_ssize_t)size, APR_ENCODE_BASE64URL, NULL);
}

/* @param by 0 to 2: a key pair; -1: the secret */
static const char *sign(apr_pool_t *pool, const char *header, const char *claims, int by)
{
    const char *input = apr_pstrcat(pool, header, ".", claims, NULL);
    unsigned char bytes[WXL_SIGNATURE_MAX];
    size_t size = by < 0 ? WXL_HMAC_SHA256_SIZE : wxl_keys_size(pair[by]);

    HOLDS((by < 0 ? wxl_crypto_hmac(settings.keys.unnamed->hmac, input, strlen(input), bytes)
                  : wxl_keys_sign(pair[by], input, strlen(input), bytes)) == APR_SUCCESS);
    return apr_pstrcat(pool, input, ".", part(pool, bytes, size), NULL);
}

static const char *header_of(apr_pool_t *pool, int by)
{
    const wxl_jwt_key_t *key =
        by < 0 ? settings.keys.unnamed : wxl_jwt_find(&settings.keys, pairs[by].kid);

    return apr_pstrmemdup(pool, key->header, key->header_len - 1);
}

/* With one of the keys, not all: a signature takes longer than everything else. RSA, the slowest,
   only verifies. */
static void disguise(apr_pool_t *pool, const char *bytes, size_t size)
{
    static const int signers[] = {-1, 0, 2};
    const char *claims = part(pool, CLAIMS, sizeof(CLAIMS) - 1);
    int by = signers[size % 3];

    check(pool, sign(pool, header_of(pool, by), part(pool, bytes, size), by));
    check(pool, sign(pool, part(pool, bytes, size), claims, by));
    HOLDS(!check(pool, apr_pstrcat(pool, header_of(pool, by), ".", claims, ".",
                                   part(pool, bytes, size), NULL)));
    HOLDS(!check(pool, apr_pstrcat(pool, header_of(pool, 1), ".", claims, ".",
                                   part(pool, bytes, size), NULL)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *pool = fuzz_pool();
    char *copy = fuzz_copy(data, size, 1);

    make_keys();
    check(pool, copy);
    if (size > 0)
        disguise(pool, copy, size);
    free(copy);
    apr_pool_destroy(pool);
    return 0;
}
