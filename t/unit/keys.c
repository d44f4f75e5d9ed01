/* gate/keys: signatures against those of the RFCs; keys that are none, or not fit. */

#include "gate/keys.h"

#include <apr_encode.h>
#include <openssl/err.h>
#include <pthread.h>

#include "fixture.h"
#include "pem.h"

/* Appendix A of RFC 7515 (joe) and of RFC 8037. */
#define JOE                                                                                  \
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ij" \
    "p0cnVlfQ"
#define RS256_SIGNATURE                                                                        \
    "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W" \
    "2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkS" \
    "jtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnv" \
    "Wh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"
#define RS256_N                                                                                \
    "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt" \
    "0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSX" \
    "ndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5" \
    "IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"

static const struct {
    wxl_alg_t alg;
    const char *pem, *public_pem;
    const char *text, *signature; /* that of the RFC, in base64url */
    apr_size_t size;
    int repeatable; /* the same text has the same signature each time */
    const char *kty, *crv, *name[2], *value[2];
} good[] = {
    {WXL_ALG_ES256,
     ES256_PEM,
     ES256_PUBLIC_PEM,
     "eyJhbGciOiJFUzI1NiJ9." JOE,
     "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
     64,
     0,
     "EC",
     "P-256",
     {"x", "y"},
     {"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
      "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}},
    {WXL_ALG_RS256,
     RS256_PEM,
     RS256_PUBLIC_PEM,
     "eyJhbGciOiJSUzI1NiJ9." JOE,
     RS256_SIGNATURE,
     256,
     1,
     "RSA",
     NULL,
     {"n", "e"},
     {RS256_N, "AQAB"}},
    {WXL_ALG_EDDSA,
     EDDSA_PEM,
     EDDSA_PUBLIC_PEM,
     "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc",
     "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
     64,
     1,
     "OKP",
     "Ed25519",
     {"x", NULL},
     {"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", NULL}},
};

static const struct {
    const char *name, *pem;
    wxl_alg_t alg;
    const char *why; /* a part of the sentence */
} refused[] = {
    {"an RSA key for ES256", RS256_PEM, WXL_ALG_ES256, "not on the curve P-256"},
    {"an Ed25519 key for ES256", EDDSA_PEM, WXL_ALG_ES256, "not on the curve P-256"},
    {"an EC key for RS256", ES256_PEM, WXL_ALG_RS256, "not RSA of 2048"},
    {"an Ed25519 key for RS256", EDDSA_PUBLIC_PEM, WXL_ALG_RS256, "not RSA of 2048"},
    {"an EC key for EdDSA", ES256_PUBLIC_PEM, WXL_ALG_EDDSA, "not of Ed25519"},
    {"an RSA key for EdDSA", RS256_PUBLIC_PEM, WXL_ALG_EDDSA, "not of Ed25519"},
    {"P-384", P384_PEM, WXL_ALG_ES256, "ec_paramgen_curve:P-256"},
    {"secp256k1", SECP256K1_PEM, WXL_ALG_ES256, "not on the curve P-256"},
    {"Ed448", ED448_PEM, WXL_ALG_EDDSA, "not of Ed25519"},
    {"RSA of 1024 bits", RSA_1024_PEM, WXL_ALG_RS256, "not RSA of 2048 to 8192 bits"},
    {"RSA of 2047 bits", RSA_2047_PEM, WXL_ALG_RS256, "not RSA of 2048 to 8192 bits"},
    {"RSA-PSS", RSA_PSS_PEM, WXL_ALG_RS256, "not RSA of 2048"},
    {"RSA with the exponent 1", RSA_E1_PEM, WXL_ALG_RS256, "public half is not valid"},
    {"a passphrase", LOCKED_PEM, WXL_ALG_ES256, "passphrase: write one without"},
    {"a passphrase, in the old form", LOCKED_OLD_PEM, WXL_ALG_ES256, "passphrase"},
    {"halves of two keys", HALVES_PEM, WXL_ALG_ES256, "do not belong together"},
    {"a point off the curve", OFF_CURVE_PEM, WXL_ALG_ES256, "there is no key in it"},
    {"a certificate", CERTIFICATE_PEM, WXL_ALG_ES256, "there is no key in it"},
    {"no PEM", "0123456789abcdef0123456789abcdef", WXL_ALG_ES256, "BEGIN PUBLIC KEY"},
    {"nothing", "", WXL_ALG_ES256, "there is no key in it"},
    {"half a PEM", "-----BEGIN PRIVATE KEY-----\nMIGHAgEA\n", WXL_ALG_ES256, "there is no key"},
};

static const char *key_of(apr_pool_t *pool, wxl_alg_t alg, const char *pem, const wxl_key_t **key)
{
    wxl_secret_t text = {pem, strlen(pem)};

    return wxl_keys_read(pool, alg, &text, key);
}

static const char *encoded(apr_pool_t *pool, const unsigned char *bytes, apr_size_t len)
{
    return apr_pencode_base64_binary(pool, bytes, (apr_ssize_t)len, APR_ENCODE_BASE64URL, NULL);
}

/* One bit of a signature after the other, and other lengths. */
static void bent(const wxl_key_t *key, const char *text, const unsigned char *signature,
                 apr_size_t size, const char *name)
{
    unsigned char copy[WXL_SIGNATURE_MAX];
    apr_size_t i, held = 0;

    for (i = 0; i<size * 8; i += size> 64 ? 61 : 1) {
        memcpy(copy, signature, size);
        copy[i / 8] ^= (unsigned char)(1 << (i % 8));
        held += (apr_size_t)wxl_keys_verify(key, text, strlen(text), copy, size);
    }
    is_int((long long)held, 0, "%s: no bit may change", name);
    memset(copy, 0, sizeof(copy));
    ok(!wxl_keys_verify(key, text, strlen(text), copy, size), "%s: zeros", name);
    memset(copy, 0xff, sizeof(copy));
    ok(!wxl_keys_verify(key, text, strlen(text), copy, size), "%s: ones", name);
    memcpy(copy, signature, size);
    ok(!wxl_keys_verify(key, text, strlen(text), copy, size - 1), "%s: short by a byte", name);
    copy[size] = 0;
    ok(!wxl_keys_verify(key, text, strlen(text), copy, size + 1), "%s: long by a byte", name);
    ok(!wxl_keys_verify(key, text, strlen(text), copy, 0), "%s: empty", name);
    ok(!wxl_keys_verify(key, text, strlen(text) - 1, signature, size), "%s: another text", name);
}

static void with_good(apr_pool_t *pool, size_t i)
{
    const char *name = wxl_keys_alg_name(good[i].alg);
    const wxl_key_t *key, *half;
    unsigned char made[WXL_SIGNATURE_MAX];
    const unsigned char *known;
    apr_size_t len, size;
    wxl_public_t told;
    int m;

    is_str(key_of(pool, good[i].alg, good[i].pem, &key), NULL, "%s: private key", name);
    is_str(key_of(pool, good[i].alg, good[i].public_pem, &half), NULL, "%s: public key", name);
    ok(wxl_keys_is_private(key) && !wxl_keys_is_private(half), "%s: told apart", name);
    is_int((long long)wxl_keys_size(key), (long long)good[i].size, "%s: size", name);

    known = apr_pdecode_base64_binary(pool, good[i].signature, APR_ENCODE_STRING, APR_ENCODE_NONE,
                                      &size);
    len = strlen(good[i].text);
    ok(wxl_keys_verify(key, good[i].text, len, known, size), "%s: the RFC's signature", name);
    ok(wxl_keys_verify(half, good[i].text, len, known, size), "%s: by the public key", name);
    is_int(wxl_keys_sign(key, good[i].text, len, made), APR_SUCCESS, "%s: sign", name);
    ok(wxl_keys_verify(half, good[i].text, len, made, good[i].size), "%s: verified", name);
    ok((strcmp(encoded(pool, made, good[i].size), good[i].signature) == 0) == good[i].repeatable,
       "%s: the same as the RFC's, where it can be", name);
    bent(half, good[i].text, known, size, name);

    is_int(wxl_keys_public(pool, key, &told), APR_SUCCESS, "%s: public half", name);
    is_str(told.kty, good[i].kty, "%s: kty", name);
    is_str(told.crv, good[i].crv, "%s: crv", name);
    for (m = 0; m < 2; m++) {
        is_str(told.member[m].name, good[i].name[m], "%s: member %d", name, m);
        if (told.member[m].name)
            is_str(encoded(pool, told.member[m].bytes, told.member[m].len), good[i].value[m],
                   "%s: its value", name);
    }
    is_int((long long)ERR_peek_error(), 0, "%s: OpenSSL's queue of errors is left empty", name);
}

static void with_refused(apr_pool_t *pool)
{
    const wxl_key_t *key;
    size_t i;

    for (i = 0; i < COUNT(refused); i++) {
        const char *why = key_of(pool, refused[i].alg, refused[i].pem, &key);

        ok(why && strstr(why, refused[i].why), "%s: %s", refused[i].name, why ? why : "accepted");
        is_int((long long)ERR_peek_error(), 0, "%s: no error left behind", refused[i].name);
    }
    is_str(key_of(pool, WXL_ALG_ES256, EC_PARAMETERS_PEM, &key), NULL,
           "a key behind its parameters");
}

static void names(void)
{
    static const char *const others[] = {"", "none", "es256", "ES256 ", "ES384", "HS512", "PS256"};
    wxl_alg_t alg;
    size_t i;

    for (i = 0; i < COUNT(good); i++)
        ok(wxl_keys_alg_of(wxl_keys_alg_name(good[i].alg), &alg) && alg == good[i].alg, "%s",
           wxl_keys_alg_name(good[i].alg));
    ok(wxl_keys_alg_of("HS256", &alg) && alg == WXL_ALG_HS256, "HS256");
    for (i = 0; i < COUNT(others); i++)
        ok(!wxl_keys_alg_of(others[i], &alg), "no algorithm of ours: \"%s\"", others[i]);
}

#define THREADS 4
#define TURNS 200

static const wxl_key_t *shared[COUNT(good)];

static void *work(void *failures)
{
    unsigned char signature[WXL_SIGNATURE_MAX];
    int turn;

    for (turn = 0; turn < TURNS; turn++) {
        const wxl_key_t *key = shared[turn % 8 == 0 ? 1 : turn % 2 * 2]; /* RSA is slow */

        if (wxl_keys_sign(key, JOE, sizeof(JOE), signature) != APR_SUCCESS ||
            !wxl_keys_verify(key, JOE, sizeof(JOE), signature, wxl_keys_size(key)))
            ++*(int *)failures;
    }
    return NULL;
}

static void threads(apr_pool_t *pool)
{
    pthread_t thread[THREADS];
    int failures[THREADS] = {0}, i, sum = 0;

    for (i = 0; i < (int)COUNT(good); i++)
        key_of(pool, good[i].alg, good[i].pem, &shared[i]);
    for (i = 0; i < THREADS; i++)
        pthread_create(&thread[i], NULL, work, &failures[i]);
    for (i = 0; i < THREADS; i++) {
        pthread_join(thread[i], NULL);
        sum += failures[i];
    }
    is_int(sum, 0, "%d threads share the keys", THREADS);
}

int main(void)
{
    apr_pool_t *pool = fixture_start();
    size_t i;

    names();
    for (i = 0; i < COUNT(good); i++)
        with_good(pool, i);
    with_refused(pool);
    threads(pool);
    return done_testing();
}
