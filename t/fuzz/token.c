/*
 * Fuzzer: a token. The input is tried as it is, and once more as the claims of a token with a good
 * signature: random letters never get past the signature by themselves.
 */

#include "fuzz.h"

#include <apr_encode.h>
#include <apr_strings.h>

#include "core/tokens.h"

#define HEADER "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9." /* {"alg":"HS256","typ":"JWT"} */
#define NOW INT64_C(1790000000)

static const wxl_tokens_settings_t settings = {
    .key = {"correct horse battery staple, at least 32 bytes", 47},
    .access_ttl = 604800,
    .refresh_ttl = 2592000,
};

static void check(apr_pool_t *pool, const char *token)
{
    wxl_claims_t claims;
    wxl_errand_t errand;

    wxl_errand_init(&errand, pool, apr_time_from_sec(NOW));
    if (wxl_tokens_check(&errand, &settings, WXL_TOKEN_ANY, token, &claims) == APR_SUCCESS) {
        HOLDS(claims.type == WXL_TOKEN_ACCESS || claims.type == WXL_TOKEN_REFRESH);
        HOLDS(claims.exp > NOW && claims.iat <= NOW && *claims.jti);
        HOLDS(*claims.user_id && strspn(claims.user_id, "0123456789") == strlen(claims.user_id));
        return;
    }
    HOLDS(errand.problem == WXL_TOKEN_INVALID || errand.problem == WXL_TOKEN_EXPIRED ||
          errand.problem == WXL_REFRESH_EXPIRED);
}

static char *sign(apr_pool_t *pool, const char *claims, size_t size)
{
    unsigned char mac[WXL_HMAC_SHA256_SIZE];
    const char *input;

    input = apr_pstrcat(
        pool, HEADER,
        apr_pencode_base64(pool, claims, (apr_ssize_t)size, APR_ENCODE_BASE64URL, NULL), NULL);
    wxl_crypto_hmac_sha256(&settings.key, input, strlen(input), mac);
    return apr_pstrcat(
        pool, input, ".",
        apr_pencode_base64(pool, (char *)mac, sizeof(mac), APR_ENCODE_BASE64URL, NULL), NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *pool = fuzz_pool();
    char *copy = fuzz_copy(data, size, 1);

    check(pool, copy);
    if (size > 0)
        check(pool, sign(pool, copy, size));
    free(copy);
    apr_pool_destroy(pool);
    return 0;
}
