/*
 * gate/jwt: tokens. See jwt.h.
 *
 * Reading is libjwt's, but for tokens that bear the same header as ours. Writing is not: libjwt
 * 1.x and 2.x sort the claims by name, and the order of ours is part of the wire contract. A JWS
 * compact serialization is three library calls (jansson, APR's base64url, OpenSSL's HMAC) and two
 * dots: RFC 7515, section 7.1.
 */

#include "gate/jwt.h"

#include <stdlib.h>
#include <string.h>

#include <apr_encode.h>
#include <apr_strings.h>
#include <jwt.h>

#define HEADER "{\"alg\":\"HS256\",\"typ\":\"JWT\"}"
/* The same as it begins a token. */
#define USUAL_HEADER "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."

static const char *base64url(apr_pool_t *pool, const char *bytes, apr_size_t len)
{
    return apr_pencode_base64(pool, bytes, (apr_ssize_t)len, APR_ENCODE_BASE64URL, NULL);
}

apr_status_t wxl_jwt_sign(wxl_errand_t *errand, const wxl_secret_t *key, const wxl_json_t *claims,
                          const char **token)
{
    apr_pool_t *pool = errand->pool;
    unsigned char mac[WXL_HMAC_SHA256_SIZE];
    const char *text, *input;
    apr_size_t len;

    text = wxl_json_write(pool, claims, &len);
    if (!text)
        return wxl_fail(errand, WXL_INTERNAL, APR_SUCCESS, "claims could not be written");
    input = apr_pstrcat(pool, base64url(pool, HEADER, sizeof(HEADER) - 1), ".",
                        base64url(pool, text, len), NULL);
    if (wxl_crypto_hmac_sha256(key, input, strlen(input), mac) != APR_SUCCESS)
        return wxl_fail(errand, WXL_INTERNAL, APR_SUCCESS, "HMAC-SHA256 failed");
    *token = apr_pstrcat(pool, input, ".", base64url(pool, (const char *)mac, sizeof(mac)), NULL);
    return APR_SUCCESS;
}

/* Three parts of base64url letters, none empty, and not too long. libjwt is never shown anything
   else: before 3.x it writes behind its buffer for an empty part, and puts the length on the
   stack. */
static int is_compact(const char *token)
{
    static const char *letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    int part;

    if (strnlen(token, WXL_JWT_MAX + 1) > WXL_JWT_MAX)
        return 0;
    for (part = 0; part < 3; part++) {
        size_t len = strspn(token, letters);

        if (len == 0 || token[len] != (part < 2 ? '.' : '\0'))
            return 0;
        token += len + 1;
    }
    return 1;
}

/* The header's word on the algorithm, checked before the signature: libjwt 1.x and 2.x would let
   the token choose. */
static int is_hs256(apr_pool_t *pool, const char *token)
{
    const char *dot = strchr(token, '.');
    const char *text, *alg;
    wxl_json_t *header;
    apr_size_t len;
    int at;

    text = apr_pdecode_base64(pool, token, dot - token, APR_ENCODE_NONE, &len);
    if (!text || wxl_json_parse(pool, text, len, &header, &at) != WXL_OK)
        return 0;
    alg = wxl_json_string(header, "alg");
    /* "crit" names extensions that must be understood; we understand none (RFC 7515, 4.1.11). */
    return alg && strcmp(alg, "HS256") == 0 && wxl_json_kind(header, "crit") == WXL_JSON_ABSENT;
}

#if __has_include(<jwt_export.h>)

/* libjwt 3.x: a checker with the algorithm pinned to the key. */
static int collect(jwt_t *jwt, jwt_config_t *config)
{
    jwt_value_t value;

    jwt_set_GET_JSON(&value, NULL);
    if (jwt_claim_get(jwt, &value) != JWT_VALUE_ERR_NONE)
        return 1;
    *(char **)config->ctx = value.json_val;
    return 0;
}

/* @return the claims as JSON, for free(), or NULL where the signature does not hold */
static char *libjwt_verify(apr_pool_t *pool, const wxl_secret_t *key, const char *token)
{
    const char *jwk = apr_pstrcat(pool, "{\"kty\":\"oct\",\"alg\":\"HS256\",\"k\":\"",
                                  base64url(pool, key->bytes, key->len), "\"}", NULL);
    jwk_set_t *keys = jwks_create(jwk);
    jwt_checker_t *checker = jwt_checker_new();
    char *claims = NULL;

    /* Times are core/tokens' to check, in the same way for every version. */
    if (!keys || !checker ||
        jwt_checker_setkey(checker, JWT_ALG_HS256, jwks_item_get(keys, 0)) != 0 ||
        jwt_checker_time_leeway(checker, JWT_CLAIM_EXP, -1) != 0 ||
        jwt_checker_time_leeway(checker, JWT_CLAIM_NBF, -1) != 0 ||
        jwt_checker_setcb(checker, collect, &claims) != 0 ||
        jwt_checker_verify(checker, token) != 0) {
        free(claims);
        claims = NULL;
    }
    jwt_checker_free(checker);
    jwks_free(keys);
    wxl_crypto_wipe((char *)jwk, strlen(jwk));
    return claims;
}

#else

/* libjwt 1.x and 2.x. */
static char *libjwt_verify(apr_pool_t *pool, const wxl_secret_t *key, const char *token)
{
    jwt_t *jwt = NULL;
    char *claims = NULL;

    (void)pool;
    if (jwt_decode(&jwt, token, (const unsigned char *)key->bytes, (int)key->len) != 0)
        return NULL;
    if (jwt_get_alg(jwt) == JWT_ALG_HS256)
        claims = jwt_get_grants_json(jwt, NULL);
    jwt_free(jwt);
    return claims;
}

#endif

/* The signature of a token, by our own HMAC: for the header that we and simplejwt write, whose
   algorithm is known from its text, libjwt would only parse and write it all once more.
   @return the claims as JSON, or NULL where the signature does not hold */
static const char *quick_verify(apr_pool_t *pool, const wxl_secret_t *key, const char *token,
                                apr_size_t *len)
{
    const char *payload = strchr(token, '.') + 1;
    const char *signature = strchr(payload, '.') + 1;
    unsigned char mac[WXL_HMAC_SHA256_SIZE];
    const char *right;

    if (wxl_crypto_hmac_sha256(key, token, (apr_size_t)(signature - 1 - token), mac) != APR_SUCCESS)
        return NULL;
    /* as text, to the letter: one token has one signature */
    right = base64url(pool, (const char *)mac, sizeof(mac));
    if (strlen(signature) != strlen(right) || !wxl_crypto_equal(signature, right, strlen(right)))
        return NULL;
    return apr_pdecode_base64(pool, payload, signature - 1 - payload, APR_ENCODE_NONE, len);
}

static int is_usual(const char *token)
{
    return strncmp(token, USUAL_HEADER, sizeof(USUAL_HEADER) - 1) == 0;
}

/* For any other header that says HS256.
   @return as above */
static const char *verify_by_libjwt(apr_pool_t *pool, const wxl_secret_t *key, const char *token,
                                    apr_size_t *len)
{
    char *text = libjwt_verify(pool, key, token);
    const char *claims = text ? apr_pstrdup(pool, text) : NULL;

    free(text);
    *len = claims ? strlen(claims) : 0;
    return claims;
}

apr_status_t wxl_jwt_verify(wxl_errand_t *errand, const wxl_secret_t *key, const char *token,
                            wxl_json_t **claims)
{
    wxl_problem_t problem;
    const char *text;
    apr_size_t len;
    int at;

    if (key->len == 0) /* libjwt takes a missing key for "do not verify" */
        return wxl_fail(errand, WXL_INTERNAL, APR_SUCCESS, "no key to verify with");
    if (!is_compact(token))
        return wxl_fail(errand, WXL_TOKEN_INVALID, APR_SUCCESS, "token is not a compact JWS");
    if (is_usual(token))
        text = quick_verify(errand->pool, key, token, &len);
    else if (is_hs256(errand->pool, token))
        text = verify_by_libjwt(errand->pool, key, token, &len);
    else
        return wxl_fail(errand, WXL_TOKEN_INVALID, APR_SUCCESS, "token is not of HS256");
    if (!text)
        return wxl_fail(errand, WXL_TOKEN_INVALID, APR_SUCCESS, "token's signature is wrong");
    problem = wxl_json_parse(errand->pool, text, len, claims, &at);
    if (problem != WXL_OK)
        return wxl_fail(errand, WXL_TOKEN_INVALID, APR_SUCCESS, "token's claims: %s",
                        wxl_problem_info(problem)->error);
    return APR_SUCCESS;
}
