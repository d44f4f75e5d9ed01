/*
 * token_maker: tokens that our own code would never make, and some that other libraries made.
 *
 * KEY signs them all. The fixed ones are by PyJWT 2.6.0 and Crypt::JWT 0.034; regenerate with
 *     python3 -c 'import jwt; print(jwt.encode({...}, KEY, "HS256"))'
 */
#ifndef WXL_TOKEN_MAKER_H
#define WXL_TOKEN_MAKER_H

#include <apr_encode.h>

#include "gate/crypto.h"
#include "gate/jwt.h"

#include "fixture.h"

#define KEY "correct horse battery staple, at least 32 bytes"
#define OTHER_KEY "another key of at least thirty-two bytes"
#define JTI "0123456789abcdef0123456789abcdef"

#define HS256 "{\"alg\":\"HS256\",\"typ\":\"JWT\"}"
#define CLAIMS                                                                        \
    "{\"token_type\":\"access\",\"exp\":1790604800,\"iat\":1790000000,\"jti\":\"" JTI \
    "\",\"user_id\":\"42\"}"

/* {"alg":"HS256","typ":"JWT"} and CLAIMS, as they stand in the PyJWT tokens below */
#define HEADER_PART "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9"
#define CLAIMS_PART                                                                                \
    "eyJ0b2tlbl90eXBlIjoiYWNjZXNzIiwiZXhwIjoxNzkwNjA0ODAwLCJpYXQiOjE3OTAwMDAwMDAsImp0aSI6IjAxMjM0" \
    "NTY3ODlhYmNkZWYwMTIzNDU2Nzg5YWJjZGVmIiwidXNlcl9pZCI6IjQyIn0"
#define SIGNATURE "tX0XSofLOGDdSNjFEHKL9tQATiNopYJadZNLuHUs-RM"
#define BY_PYJWT HEADER_PART "." CLAIMS_PART "." SIGNATURE
#define BY_PYJWT_REFRESH                                                                           \
    HEADER_PART                                                                                    \
    ".eyJ0b2tlbl90eXBlIjoicmVmcmVzaCIsImV4cCI6MTc5MjU5MjAwMCwiaWF0IjoxNzkwMDAwMDAwLCJqdGkiOiIwMTI" \
    "zNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZiIsInVzZXJfaWQiOiI0MiJ9"                                \
    ".YdG-l8x_r3x62MuybtpikRF15t4EGisxIST4EAb6e8I"
/* user_id as the number 42, as older services of simplejwt write it */
#define BY_PYJWT_NUMBER                                                                            \
    HEADER_PART                                                                                    \
    ".eyJ0b2tlbl90eXBlIjoiYWNjZXNzIiwiZXhwIjoxNzkwNjA0ODAwLCJpYXQiOjE3OTAwMDAwMDAsImp0aSI6IjAxMjM" \
    "0NTY3ODlhYmNkZWYwMTIzNDU2Nzg5YWJjZGVmIiwidXNlcl9pZCI6NDJ9"                                    \
    ".A17YF7leofe1cNvfnsTBkNKGMJ9soMLgsDN0v4xFlFY"
/* claims from back to front, and two of somebody else's: sid "x", name "张三" */
#define BY_PYJWT_ORDER                                                                             \
    HEADER_PART                                                                                    \
    ".eyJ1c2VyX2lkIjoiNDIiLCJqdGkiOiIwMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZiIsImlhdCI6MTc5MDA" \
    "wMDAwMCwiZXhwIjoxNzkwNjA0ODAwLCJ0b2tlbl90eXBlIjoiYWNjZXNzIiwic2lkIjoieCIsIm5hbWUiOiJcdTVmMjB" \
    "cdTRlMDkifQ._wSo1nEGS1TBtQKe_i6eOogU71XjmZ10ZUUoyVKPubI"
#define BY_PYJWT_HS384                                  \
    "eyJhbGciOiJIUzM4NCIsInR5cCI6IkpXVCJ9." CLAIMS_PART \
    ".WPa8UNt3RXrR1wZk0qlB-dvLyOIxaq6JH8UlCjbKtd88majlbG_ogZjLwegKluU_"
#define BY_PYJWT_NONE "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0." CLAIMS_PART "."
#define BY_PYJWT_OTHER_KEY \
    HEADER_PART "." CLAIMS_PART ".zGOtotPRSQJVCQXHAk5fkWNX8sjhDwbtDkxd8Ax9mUA"
/* no typ in the header, claims sorted by name */
#define BY_CRYPT_JWT                                                                   \
    "eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjE3OTA2MDQ4MDAsImlhdCI6MTc5MDAwMDAwMCwianRpIjoiMDE" \
    "yMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWYiLCJ0b2tlbl90eXBlIjoiYWNjZXNzIiwidXNlcl9" \
    "pZCI6IjQyIn0.3iKMTh67l6ftHW7e_ikzAiPg_cIxBZ0d8q0bvxXS_2Q"

static inline wxl_secret_t token_key(void)
{
    wxl_secret_t key = {KEY, sizeof(KEY) - 1};

    return key;
}

/** KEY signs and checks, and there is no other. */
static inline wxl_jwt_keys_t token_keys(apr_pool_t *pool)
{
    wxl_secret_t secret = token_key();
    wxl_jwt_keys_t keys = {0};

    keys.signer = keys.unnamed = wxl_jwt_secret(pool, NULL, &secret);
    return keys;
}

static inline const char *token_part(apr_pool_t *pool, const char *text)
{
    return apr_pencode_base64(pool, text, (apr_ssize_t)strlen(text), APR_ENCODE_BASE64URL, NULL);
}

/** Header and claims as they are, however wrong, with a signature of KEY that holds. */
static inline const char *token_make(apr_pool_t *pool, const char *header, const char *claims)
{
    const char *input =
        apr_pstrcat(pool, token_part(pool, header), ".", token_part(pool, claims), NULL);
    unsigned char mac[WXL_HMAC_SHA256_SIZE];
    wxl_secret_t key = token_key();

    wxl_crypto_hmac(wxl_crypto_hmac_keep(pool, &key), input, strlen(input), mac);
    return apr_pstrcat(
        pool, input, ".",
        apr_pencode_base64(pool, (const char *)mac, sizeof(mac), APR_ENCODE_BASE64URL, NULL), NULL);
}

/** `len` times the same character. */
static inline char *token_fill(apr_pool_t *pool, char c, size_t len)
{
    char *text = apr_palloc(pool, len + 1);

    memset(text, c, len);
    text[len] = '\0';
    return text;
}

/** A token with a good signature that is exactly `len` bytes long (from about 300 on). */
static inline const char *token_of_length(apr_pool_t *pool, size_t len)
{
    size_t pad;

    for (pad = 0; pad < len; pad++) {
        const char *claims =
            apr_pstrcat(pool,
                        "{\"token_type\":\"access\",\"exp\":1790604800,"
                        "\"iat\":1790000000,\"jti\":\"" JTI "\",\"user_id\":\"42\",\"pad\":\"",
                        token_fill(pool, 'x', pad), "\"}", NULL);
        size_t parts = strlen(HEADER_PART) + 2 + 43 + (strlen(claims) * 8 + 5) / 6;

        if (parts == len)
            return token_make(pool, HS256, claims);
        if (parts + 8 < len) /* jump close, then step */
            pad += (len - parts - 8) * 6 / 8;
    }
    return NULL;
}

#endif
