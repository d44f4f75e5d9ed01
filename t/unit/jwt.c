/* gate/jwt: form, size, algorithm, signature; against tokens that other libraries made. */

#include "gate/jwt.h"

#include "token_maker.h"

/* NULL: the signature holds. Else a word of the reason that is logged. */
static const struct {
    const char *name, *token, *why;
} fixed[] = {
    {"PyJWT", BY_PYJWT, NULL},
    {"PyJWT, refresh", BY_PYJWT_REFRESH, NULL},
    {"PyJWT, claims from back to front", BY_PYJWT_ORDER, NULL},
    {"Crypt::JWT, no typ", BY_CRYPT_JWT, NULL},
    {"PyJWT, another key", BY_PYJWT_OTHER_KEY, "signature"},
    {"PyJWT, HS384 under our key", BY_PYJWT_HS384, "header"},
    {"PyJWT, none", BY_PYJWT_NONE, "compact"},
    {"none, with letters for a signature",
     "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0." CLAIMS_PART ".AAAA", "header"},
    {"our header, no signature", HEADER_PART "." CLAIMS_PART ".", "compact"},
    {"our header, no dot", HEADER_PART "." CLAIMS_PART, "compact"},
    {"a changed letter of the payload", HEADER_PART ".f" CLAIMS_PART "." SIGNATURE, "signature"},
    {"a changed letter of the signature",
     HEADER_PART "." CLAIMS_PART ".uX0XSofLOGDdSNjFEHKL9tQATiNopYJadZNLuHUs-RM", "signature"},
    {"a signature that is short by a letter",
     HEADER_PART "." CLAIMS_PART ".tX0XSofLOGDdSNjFEHKL9tQATiNopYJadZNLuHUs-R", "signature"},
    {"a signature that is long by a letter", HEADER_PART "." CLAIMS_PART "." SIGNATURE "A",
     "signature"},
    {"a padded signature", HEADER_PART "." CLAIMS_PART "." SIGNATURE "=", "compact"},
    {"the plain alphabet of base64",
     HEADER_PART "." CLAIMS_PART ".tX0XSofLOGDdSNjFEHKL9tQATiNopYJadZNLuHUs+RM", "compact"},
    {"a blank in front", " " BY_PYJWT, "compact"},
    {"a line end behind", BY_PYJWT "\n", "compact"},
    {"a fourth part", BY_PYJWT ".AAAA", "compact"},
    {"the scheme in front", "Bearer " BY_PYJWT, "compact"},
    {"nothing", "", "compact"},
    {"one dot", ".", "compact"},
    {"two dots", "..", "compact"},
    {"three dots", "...", "compact"},
    {"only a header", "e30..", "compact"},
    {"no header, payload", ".e30.x", "compact"},
    {"no payload", "e30..x", "compact"},
    {"three single letters", "a.b.c", "header"},
    {"an empty header", "e30.e30.x", "header"},
    {"a header that is a list", "W10.e30.x", "header"},
    {"a header with half a byte more", HEADER_PART "a." CLAIMS_PART "." SIGNATURE, "header"},
};

static const struct {
    const char *name, *header, *claims, *why;
} made[] = {
    {"control", HS256, CLAIMS, NULL},
    {"no typ", "{\"alg\":\"HS256\"}", CLAIMS, NULL},
    {"a kid", "{\"alg\":\"HS256\",\"kid\":\"k1\",\"typ\":\"JWT\"}", CLAIMS, NULL},
    {"claims that are empty", HS256, "{}", NULL},
    {"RS256 in the header, our key as the secret", "{\"alg\":\"RS256\",\"typ\":\"JWT\"}", CLAIMS,
     "header"},
    {"ES256", "{\"alg\":\"ES256\",\"typ\":\"JWT\"}", CLAIMS, "header"},
    {"HS512 in the header of an HS256", "{\"alg\":\"HS512\",\"typ\":\"JWT\"}", CLAIMS, "header"},
    {"none", "{\"alg\":\"none\",\"typ\":\"JWT\"}", CLAIMS, "header"},
    {"nOnE", "{\"alg\":\"nOnE\",\"typ\":\"JWT\"}", CLAIMS, "header"},
    {"hs256", "{\"alg\":\"hs256\",\"typ\":\"JWT\"}", CLAIMS, "header"},
    {"a blank behind it", "{\"alg\":\"HS256 \",\"typ\":\"JWT\"}", CLAIMS, "header"},
    {"alg is empty", "{\"alg\":\"\",\"typ\":\"JWT\"}", CLAIMS, "header"},
    {"alg is null", "{\"alg\":null,\"typ\":\"JWT\"}", CLAIMS, "header"},
    {"alg is a number", "{\"alg\":256,\"typ\":\"JWT\"}", CLAIMS, "header"},
    {"alg is a list", "{\"alg\":[\"HS256\"],\"typ\":\"JWT\"}", CLAIMS, "header"},
    {"alg is missing", "{\"typ\":\"JWT\"}", CLAIMS, "header"},
    {"alg twice, none last", "{\"alg\":\"HS256\",\"alg\":\"none\"}", CLAIMS, "header"},
    {"alg twice, none first", "{\"alg\":\"none\",\"alg\":\"HS256\"}", CLAIMS, "header"},
    {"crit, which we understand nothing of", "{\"alg\":\"HS256\",\"crit\":[\"exp\"],\"exp\":1}",
     CLAIMS, "header"},
    {"crit is null", "{\"alg\":\"HS256\",\"crit\":null}", CLAIMS, "header"},
    {"a header behind which something stands", HS256 " x", CLAIMS, "header"},
    {"a header with U+0000", "{\"alg\":\"HS256\\u0000\"}", CLAIMS, "header"},
    {"claims that are a list", HS256, "[]", ""},
    {"claims that are a string", HS256, "\"x\"", ""},
    {"claims that are null", HS256, "null", ""},
    {"claims that are no JSON", HS256, "{", ""},
    {"claims that are empty text", HS256, " ", ""},
    {"claims that are not UTF-8", HS256, "{\"jti\":\"\xff\"}", ""},
    {"claims with U+0000", HS256, "{\"jti\":\"\\u0000\"}", ""},
    {"a number beyond 64 bits", HS256, "{\"exp\":9223372036854775808}", ""},
};

/* Hand over a copy that ends where the token ends: one byte too many is seen by ASan. */
static void check(apr_pool_t *pool, const char *name, const char *token, const char *why)
{
    wxl_errand_t errand = fixture_errand(pool);
    char *copy = heap_copy(token, strlen(token) + 1);
    wxl_jwt_keys_t keys = token_keys(pool);
    wxl_json_t *claims = NULL;
    apr_status_t rv = wxl_jwt_verify(&errand, &keys, copy, &claims);

    free(copy);
    if (!why) {
        ok(rv == APR_SUCCESS && claims, "%s: the signature holds", name);
        return;
    }
    ok(rv != APR_SUCCESS && errand.problem == WXL_TOKEN_INVALID, "%s: refused", name);
    ok(errand.why && strstr(errand.why, why), "%s: because of: %s", name, why);
    ok(!errand.why || strlen(token) < 8 || !strstr(errand.why, token), "%s: not quoted", name);
}

static void sizes(apr_pool_t *pool)
{
    const char *longest = token_of_length(pool, WXL_JWT_MAX);
    const char *too_long = token_of_length(pool, WXL_JWT_MAX + 1);

    ok(longest && strlen(longest) == WXL_JWT_MAX, "there is a token of 4096 bytes");
    ok(too_long && strlen(too_long) == WXL_JWT_MAX + 1, "there is one of 4097");
    if (longest && too_long) {
        check(pool, "4096 bytes", longest, NULL);
        check(pool, "4097 bytes", too_long, "compact");
    }
    check(pool, "three megabytes of dots", token_fill(pool, '.', 3 << 20), "compact");
    check(pool, "three megabytes of letters", token_fill(pool, 'e', 3 << 20), "compact");
    check(pool, "4094 letters for a header",
          apr_pstrcat(pool, token_fill(pool, 'e', 4092), ".e.e", NULL), "header");
}

static void signing(apr_pool_t *pool)
{
    wxl_errand_t errand = fixture_errand(pool);
    wxl_json_t *claims = wxl_json_object(pool);
    wxl_jwt_keys_t keys = token_keys(pool), none = {0};
    wxl_secret_t empty = {"", 0};
    const char *token = NULL;

    wxl_json_set_string(claims, "token_type", "access");
    wxl_json_set_integer(claims, "exp", 1790604800);
    wxl_json_set_integer(claims, "iat", 1790000000);
    wxl_json_set_string(claims, "jti", JTI);
    wxl_json_set_string(claims, "user_id", "42");
    is_int(wxl_jwt_sign(&errand, &keys, claims, &token), APR_SUCCESS, "sign");
    is_str(token, BY_PYJWT, "byte for byte what PyJWT makes of the same claims");

    ok(wxl_jwt_verify(&errand, &none, BY_PYJWT, &claims) != APR_SUCCESS &&
           errand.problem == WXL_TOKEN_INVALID,
       "without a key nothing is believed");
    errand = fixture_errand(pool);
    ok(wxl_jwt_verify(&errand, &none, BY_PYJWT_NONE, &claims) != APR_SUCCESS,
       "nor one that is not signed");
    ok(!wxl_jwt_secret(pool, NULL, &empty), "an empty secret is no key");
    errand = fixture_errand(pool);
    ok(wxl_jwt_sign(&errand, &none, claims, &token) != APR_SUCCESS &&
           errand.problem == WXL_INTERNAL,
       "without a key nothing is signed");

    errand = fixture_errand(pool);
    claims = wxl_json_object(pool);
    wxl_json_set_string(claims, "a", "\xff");
    token = NULL;
    ok(wxl_jwt_sign(&errand, &keys, claims, &token) != APR_SUCCESS &&
           errand.problem == WXL_INTERNAL && !token,
       "claims that cannot be written");
}

int main(void)
{
    apr_pool_t *pool = fixture_start();
    size_t i;

    is_str(token_make(pool, HS256, CLAIMS), BY_PYJWT, "this test makes tokens as PyJWT does");
    for (i = 0; i < COUNT(fixed); i++)
        check(pool, fixed[i].name, fixed[i].token, fixed[i].why);
    for (i = 0; i < COUNT(made); i++)
        check(pool, made[i].name, token_make(pool, made[i].header, made[i].claims), made[i].why);
    sizes(pool);
    signing(pool);
    return done_testing();
}
