/*
 * gate/jwt: tokens. See jwt.h.
 *
 * Writing is not libjwt's: 1.x and 2.x sort the claims by name, and the order of ours is part of
 * the wire contract. A JWS compact serialization is library calls (jansson, APR's base64url,
 * OpenSSL's signature) and two dots: RFC 7515, section 7.1.
 *
 * Nor is reading, where the key is known from the header: libjwt 1.x and 2.x parse a PEM at every
 * token, which takes ten times as long as the signature, do not know EdDSA, and would parse and
 * write the header and the claims of an HS256 token once more. It judges the tokens of others that
 * bear another header than ours; its versions, 1.10 to 3.x, differ in this file only.
 */

#include "gate/jwt.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <apr_encode.h>
#include <apr_strings.h>
#include <jwt.h>

#define BASE64URL_LEN(bytes) (((bytes)*4 + 2) / 3)

static const char *base64url(apr_pool_t *pool, const char *bytes, apr_size_t len)
{
    return apr_pencode_base64(pool, bytes, (apr_ssize_t)len, APR_ENCODE_BASE64URL, NULL);
}

static const char *header_of(apr_pool_t *pool, const char *kid, wxl_alg_t alg)
{
    wxl_json_t *header = wxl_json_object(pool);
    const char *text;
    apr_size_t len;

    wxl_json_set_string(header, "alg", wxl_keys_alg_name(alg));
    wxl_json_set_string(header, "typ", "JWT");
    if (kid)
        wxl_json_set_string(header, "kid", kid);
    text = wxl_json_write(pool, header, &len);
    return text ? apr_pstrcat(pool, base64url(pool, text, len), ".", NULL) : NULL;
}

static wxl_jwt_key_t *key_new(apr_pool_t *pool, const char *kid, wxl_alg_t alg)
{
    wxl_jwt_key_t *key = apr_pcalloc(pool, sizeof(*key));

    key->kid = apr_pstrdup(pool, kid);
    key->alg = alg;
    key->header = header_of(pool, kid, alg);
    key->header_len = strlen(key->header);
    return key;
}

const wxl_jwt_key_t *wxl_jwt_secret(apr_pool_t *pool, const char *kid, const wxl_secret_t *secret)
{
    wxl_jwt_key_t *key = key_new(pool, kid, WXL_ALG_HS256);

    key->secret = *secret;
    /* libjwt takes a missing key for "do not verify" */
    key->hmac = secret->len > 0 ? wxl_crypto_hmac_keep(pool, secret) : NULL;
    return key->hmac ? key : NULL;
}

const wxl_jwt_key_t *wxl_jwt_pair(apr_pool_t *pool, const char *kid, wxl_alg_t alg,
                                  const wxl_key_t *pair)
{
    wxl_jwt_key_t *key = key_new(pool, kid, alg);

    key->pair = pair;
    return key;
}

const wxl_jwt_key_t *wxl_jwt_find(const wxl_jwt_keys_t *keys, const char *kid)
{
    int i;

    for (i = 0; keys->named && i < keys->named->nelts; i++) {
        const wxl_jwt_key_t *key = APR_ARRAY_IDX(keys->named, i, const wxl_jwt_key_t *);

        if (strcmp(key->kid, kid) == 0)
            return key;
    }
    return NULL;
}

static apr_size_t signature_size(const wxl_jwt_key_t *key)
{
    return key->pair ? wxl_keys_size(key->pair) : WXL_HMAC_SHA256_SIZE;
}

static apr_status_t make_signature(const wxl_jwt_key_t *key, const char *text, apr_size_t len,
                                   unsigned char signature[WXL_SIGNATURE_MAX])
{
    return key->pair ? wxl_keys_sign(key->pair, text, len, signature)
                     : wxl_crypto_hmac(key->hmac, text, len, signature);
}

apr_status_t wxl_jwt_sign(wxl_errand_t *errand, const wxl_jwt_keys_t *keys,
                          const wxl_json_t *claims, const char **token)
{
    const wxl_jwt_key_t *key = keys->signer;
    unsigned char signature[WXL_SIGNATURE_MAX];
    apr_size_t len, size;
    char *made, *end;
    const char *text;

    if (!key)
        return wxl_fail(errand, WXL_INTERNAL, APR_SUCCESS, "no key to sign with");
    text = wxl_json_write(errand->pool, claims, &len);
    if (!text)
        return wxl_fail(errand, WXL_INTERNAL, APR_SUCCESS, "claims could not be written");
    size = signature_size(key);
    made = apr_palloc(errand->pool,
                      key->header_len + BASE64URL_LEN(len) + 1 + BASE64URL_LEN(size) + 1);
    memcpy(made, key->header, key->header_len);
    end = made + key->header_len;
    apr_encode_base64(end, text, (apr_ssize_t)len, APR_ENCODE_BASE64URL, &len);
    end += len;
    if (make_signature(key, made, (apr_size_t)(end - made), signature) != APR_SUCCESS)
        return wxl_fail(errand, WXL_INTERNAL, APR_SUCCESS, "%s failed",
                        wxl_keys_alg_name(key->alg));
    *end++ = '.';
    apr_encode_base64_binary(end, signature, (apr_ssize_t)size, APR_ENCODE_BASE64URL, NULL);
    *token = made;
    return APR_SUCCESS;
}

/* A token taken apart. */
typedef struct {
    const char *text;
    const char *payload, *signature; /* where the second and the third part begin */
    apr_size_t signed_len;           /* of the first two parts and the dot between them */
    apr_size_t signature_len;
} parts_t;

/* Three parts of base64url letters, none empty, and not too long. libjwt is never shown anything
   else: before 3.x it writes behind its buffer for an empty part, and puts the length on the
   stack. */
static int take_apart(const char *token, parts_t *parts)
{
    static const char *letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const char *begin[3], *at = token;
    size_t len = 0;
    int part;

    if (strnlen(token, WXL_JWT_MAX + 1) > WXL_JWT_MAX)
        return 0;
    for (part = 0; part < 3; part++) {
        begin[part] = at;
        len = strspn(at, letters);
        if (len == 0 || at[len] != (part < 2 ? '.' : '\0'))
            return 0;
        at += len + 1;
    }
    parts->text = token;
    parts->payload = begin[1];
    parts->signature = begin[2];
    parts->signed_len = (apr_size_t)(begin[2] - 1 - token);
    parts->signature_len = len;
    return 1;
}

static int begins_like(const parts_t *parts, const wxl_jwt_key_t *key)
{
    return key && strncmp(parts->text, key->header, key->header_len) == 0;
}

/* The key whose tokens begin, to the letter, like this one: all of ours do. */
static const wxl_jwt_key_t *key_by_text(const wxl_jwt_keys_t *keys, const parts_t *parts)
{
    int i;

    if (begins_like(parts, keys->signer))
        return keys->signer;
    for (i = 0; keys->named && i < keys->named->nelts; i++) {
        const wxl_jwt_key_t *key = APR_ARRAY_IDX(keys->named, i, const wxl_jwt_key_t *);

        if (begins_like(parts, key))
            return key;
    }
    return begins_like(parts, keys->unnamed) ? keys->unnamed : NULL;
}

/* The key that a header of others names, and whose algorithm it admits to. Where keys come from is
   the administrator's word: jwk, jku, x5c and the like are not looked at. */
static const wxl_jwt_key_t *key_by_header(apr_pool_t *pool, const wxl_jwt_keys_t *keys,
                                          const parts_t *parts)
{
    apr_size_t len;
    const char *text = apr_pdecode_base64(pool, parts->text, parts->payload - 1 - parts->text,
                                          APR_ENCODE_NONE, &len);
    const wxl_jwt_key_t *key = keys->unnamed;
    const char *alg, *typ, *kid;
    wxl_json_t *header;
    int at;

    if (!text || wxl_json_parse(pool, text, len, &header, &at) != WXL_OK)
        return NULL;
    /* "crit" names extensions that must be understood; we understand none (RFC 7515, 4.1.11). */
    if (wxl_json_kind(header, "crit") != WXL_JSON_ABSENT)
        return NULL;
    typ = wxl_json_string(header, "typ");
    if (wxl_json_kind(header, "typ") != WXL_JSON_ABSENT && (!typ || strcasecmp(typ, "JWT") != 0))
        return NULL;
    if (keys->named && wxl_json_kind(header, "kid") != WXL_JSON_ABSENT) {
        kid = wxl_json_string(header, "kid");
        key = kid ? wxl_jwt_find(keys, kid) : NULL;
    }
    alg = wxl_json_string(header, "alg");
    return key && alg && strcmp(alg, wxl_keys_alg_name(key->alg)) == 0 ? key : NULL;
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

/* HS256. As text, to the letter: one token has one signature. */
static int mac_holds(const wxl_jwt_key_t *key, const parts_t *parts)
{
    unsigned char mac[WXL_HMAC_SHA256_SIZE];
    char right[BASE64URL_LEN(WXL_HMAC_SHA256_SIZE) + 1];
    apr_size_t len;

    if (wxl_crypto_hmac(key->hmac, parts->text, parts->signed_len, mac) != APR_SUCCESS)
        return 0;
    apr_encode_base64_binary(right, mac, sizeof(mac), APR_ENCODE_BASE64URL, &len);
    return parts->signature_len == len && wxl_crypto_equal(parts->signature, right, len);
}

/* Any other algorithm. The text of a signature is refused where it is not the only one for its
   bytes: letters have bits that decoding drops. */
static int signature_holds(apr_pool_t *pool, const wxl_jwt_key_t *key, const parts_t *parts)
{
    unsigned char bytes[WXL_SIGNATURE_MAX];
    const char *again;
    apr_size_t size;

    if (parts->signature_len != BASE64URL_LEN(wxl_keys_size(key->pair)) ||
        apr_decode_base64_binary(bytes, parts->signature, (apr_ssize_t)parts->signature_len,
                                 APR_ENCODE_NONE, &size) != APR_SUCCESS)
        return 0;
    again = base64url(pool, (const char *)bytes, size);
    return strcmp(again, parts->signature) == 0 &&
           wxl_keys_verify(key->pair, parts->text, parts->signed_len, bytes, size);
}

/* @return the claims as JSON, or NULL where the signature does not hold */
static const char *verify_ourselves(apr_pool_t *pool, const wxl_jwt_key_t *key,
                                    const parts_t *parts, apr_size_t *len)
{
    if (key->pair ? !signature_holds(pool, key, parts) : !mac_holds(key, parts))
        return NULL;
    return apr_pdecode_base64(pool, parts->payload, parts->signature - 1 - parts->payload,
                              APR_ENCODE_NONE, len);
}

/* @return as above */
static const char *verify_by_libjwt(apr_pool_t *pool, const wxl_jwt_key_t *key,
                                    const parts_t *parts, apr_size_t *len)
{
    char *text = libjwt_verify(pool, &key->secret, parts->text);
    const char *claims = text ? apr_pstrdup(pool, text) : NULL;

    free(text);
    *len = claims ? strlen(claims) : 0;
    return claims;
}

apr_status_t wxl_jwt_verify(wxl_errand_t *errand, const wxl_jwt_keys_t *keys, const char *token,
                            wxl_json_t **claims)
{
    apr_pool_t *pool = errand->pool;
    const wxl_jwt_key_t *key;
    wxl_problem_t problem;
    const char *text;
    apr_size_t len;
    parts_t parts;
    int at;

    if (!take_apart(token, &parts))
        return wxl_fail(errand, WXL_TOKEN_INVALID, APR_SUCCESS, "token is not a compact JWS");
    key = key_by_text(keys, &parts);
    if (key) {
        text = verify_ourselves(pool, key, &parts, &len);
    } else {
        key = key_by_header(pool, keys, &parts);
        if (!key)
            return wxl_fail(errand, WXL_TOKEN_INVALID, APR_SUCCESS,
                            "token's header names no key and algorithm of ours");
        text = key == keys->unnamed ? verify_by_libjwt(pool, key, &parts, &len)
                                    : verify_ourselves(pool, key, &parts, &len);
    }
    if (!text)
        return wxl_fail(errand, WXL_TOKEN_INVALID, APR_SUCCESS, "token's signature is wrong");
    problem = wxl_json_parse(pool, text, len, claims, &at);
    if (problem != WXL_OK)
        return wxl_fail(errand, WXL_TOKEN_INVALID, APR_SUCCESS, "token's claims: %s",
                        wxl_problem_info(problem)->error);
    return APR_SUCCESS;
}
