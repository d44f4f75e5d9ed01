/* gate/jwt with keys that have names: which key a token is checked with, and by which algorithm. */

#include "gate/jwks.h"
#include "gate/jwt.h"

#include "pem.h"
#include "token_maker.h"

#define SECRET "the secret of the key named hs-1, of more than 32 bytes"

/* Who signs a token here. */
typedef enum { SHARED, ES, RS, ED, HS, ES_AS_SECRET, RS_AS_SECRET, NOBODY } signer_t;

static struct {
    const wxl_key_t *pair[ED + 1];
    wxl_jwt_keys_t keys; /* SHARED without a name, and one of each kind with one */
} ring;

static const char *const kids[] = {NULL, "es-1", "rs-1", "ed-1", "hs-1"};

/* With the signature of `by`. NULL for `why`: it holds. Else a word of the reason. */
static const struct {
    const char *name, *header;
    signer_t by;
    const char *why;
} cases[] = {
    {"no kid", HS256, SHARED, NULL},
    {"ES256", "{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"es-1\"}", ES, NULL},
    {"RS256", "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"rs-1\"}", RS, NULL},
    {"EdDSA", "{\"alg\":\"EdDSA\",\"typ\":\"JWT\",\"kid\":\"ed-1\"}", ED, NULL},
    {"HS256 with kid", "{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"hs-1\"}", HS, NULL},
    {"another order", "{\"kid\":\"es-1\",\"typ\":\"JWT\",\"alg\":\"ES256\"}", ES, NULL},
    {"another order, RS256", "{\"kid\":\"rs-1\",\"typ\":\"JWT\",\"alg\":\"RS256\"}", RS, NULL},
    {"another order, EdDSA", "{ \"kid\":\"ed-1\",\"typ\":\"JWT\",\"alg\":\"EdDSA\"}", ED, NULL},
    {"another order, HS256", "{\"kid\":\"hs-1\",\"alg\":\"HS256\"}", HS, NULL},
    {"no typ", "{\"alg\":\"ES256\",\"kid\":\"es-1\"}", ES, NULL},
    {"typ in small letters", "{\"alg\":\"ES256\",\"kid\":\"es-1\",\"typ\":\"jwt\"}", ES, NULL},
    {"a key inside that is not looked at",
     "{\"alg\":\"ES256\",\"kid\":\"es-1\",\"jwk\":{\"kty\":\"oct\",\"k\":\"AAAA\"}}", ES, NULL},

    {"typ of something else", "{\"alg\":\"ES256\",\"kid\":\"es-1\",\"typ\":\"at+jwt\"}", ES,
     "header"},
    {"typ a number", "{\"alg\":\"ES256\",\"kid\":\"es-1\",\"typ\":1}", ES, "header"},
    {"crit", "{\"alg\":\"ES256\",\"kid\":\"es-1\",\"crit\":[\"kid\"]}", ES, "header"},
    {"the public key as secret", "{\"alg\":\"HS256\",\"kid\":\"es-1\"}", ES_AS_SECRET, "header"},
    {"the public RSA key as secret", "{\"alg\":\"HS256\",\"kid\":\"rs-1\"}", RS_AS_SECRET,
     "header"},
    {"the public key as secret, no kid", HS256, ES_AS_SECRET, "signature"},
    {"the public key as secret, no kid, no typ", "{\"alg\":\"HS256\"}", RS_AS_SECRET, "signature"},
    {"the public key as secret, the secret's kid",
     "{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"hs-1\"}", ES_AS_SECRET, "signature"},
    {"the public key as secret, under ES256",
     "{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"es-1\"}", ES_AS_SECRET, "signature"},
    {"kid of another key", "{\"alg\":\"ES256\",\"kid\":\"rs-1\"}", ES, "header"},
    {"alg of another key", "{\"alg\":\"RS256\",\"kid\":\"es-1\"}", RS, "header"},
    {"signature of another key", "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"rs-1\"}", ES,
     "signature"},
    {"EdDSA's signature, as long, for ES256",
     "{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"es-1\"}", ED, "signature"},
    {"ES256's for EdDSA", "{\"alg\":\"EdDSA\",\"typ\":\"JWT\",\"kid\":\"ed-1\"}", ES, "signature"},
    {"kid missing, ES256", "{\"alg\":\"ES256\",\"typ\":\"JWT\"}", ES, "header"},
    {"kid missing, RS256", "{\"alg\":\"RS256\",\"typ\":\"JWT\"}", RS, "header"},
    {"kid missing, EdDSA", "{\"alg\":\"EdDSA\",\"typ\":\"JWT\"}", ED, "header"},
    {"kid missing, the secret with a name", HS256, HS, "signature"},
    {"kid of nobody", "{\"alg\":\"ES256\",\"kid\":\"es-2\"}", ES, "header"},
    {"kid of nobody, signed by the key without a name", "{\"alg\":\"HS256\",\"kid\":\"x\"}", SHARED,
     "header"},
    {"kid of the secret, signed by the key without a name",
     "{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"hs-1\"}", SHARED, "signature"},
    {"kid is a path", "{\"alg\":\"ES256\",\"kid\":\"../../es-1\"}", ES, "header"},
    {"kid is empty", "{\"alg\":\"HS256\",\"kid\":\"\"}", SHARED, "header"},
    {"kid is null", "{\"alg\":\"HS256\",\"kid\":null}", SHARED, "header"},
    {"kid is a number", "{\"alg\":\"HS256\",\"kid\":1}", SHARED, "header"},
    {"kid is a list", "{\"alg\":\"ES256\",\"kid\":[\"es-1\"]}", ES, "header"},
    {"kid in capitals", "{\"alg\":\"ES256\",\"kid\":\"ES-1\"}", ES, "header"},
    {"kid twice", "{\"alg\":\"ES256\",\"kid\":\"es-1\",\"kid\":\"es-1\"}", ES, "header"},
    {"kid with U+0000", "{\"alg\":\"ES256\",\"kid\":\"es-1\\u0000\"}", ES, "header"},
    {"none", "{\"alg\":\"none\",\"kid\":\"es-1\"}", ES, "header"},
    {"none, not signed", "{\"alg\":\"none\",\"kid\":\"es-1\"}", NOBODY, "header"},
    {"not signed", "{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"es-1\"}", NOBODY, "signature"},
    {"alg in small letters", "{\"alg\":\"es256\",\"kid\":\"es-1\"}", ES, "header"},
    {"alg missing", "{\"kid\":\"es-1\"}", ES, "header"},
    {"alg null", "{\"alg\":null,\"kid\":\"es-1\"}", ES, "header"},
};

static wxl_secret_t secret_of(const char *text)
{
    wxl_secret_t secret = {text, strlen(text)};

    return secret;
}

static void make_ring(apr_pool_t *pool)
{
    static const char *const pems[] = {NULL, ES256_PEM, RS256_PEM, EDDSA_PEM};
    wxl_secret_t secret = secret_of(SECRET);
    int i;

    ring.keys = token_keys(pool);
    ring.keys.named = apr_array_make(pool, 4, sizeof(wxl_jwt_key_t *));
    for (i = ES; i <= ED; i++) {
        wxl_secret_t pem = secret_of(pems[i]);

        is_str(wxl_keys_read(pool, (wxl_alg_t)i, &pem, &ring.pair[i]), NULL, "key %s", kids[i]);
        APR_ARRAY_PUSH(ring.keys.named, const wxl_jwt_key_t *) =
            wxl_jwt_pair(pool, kids[i], (wxl_alg_t)i, ring.pair[i]);
    }
    APR_ARRAY_PUSH(ring.keys.named, const wxl_jwt_key_t *) =
        wxl_jwt_secret(pool, kids[HS], &secret);
}

static const char *signature_by(apr_pool_t *pool, signer_t by, const char *input)
{
    unsigned char bytes[WXL_SIGNATURE_MAX] = {0};
    apr_size_t size = WXL_HMAC_SHA256_SIZE;
    wxl_secret_t secret = secret_of(by == SHARED         ? KEY
                                    : by == HS           ? SECRET
                                    : by == ES_AS_SECRET ? ES256_PUBLIC_PEM
                                                         : RS256_PUBLIC_PEM);

    if (by == NOBODY) {
        size = 64;
    } else if (by >= ES && by <= ED) {
        wxl_keys_sign(ring.pair[by], input, strlen(input), bytes);
        size = wxl_keys_size(ring.pair[by]);
    } else {
        wxl_crypto_hmac(wxl_crypto_hmac_keep(pool, &secret), input, strlen(input), bytes);
    }
    return apr_pencode_base64_binary(pool, bytes, (apr_ssize_t)size, APR_ENCODE_BASE64URL, NULL);
}

static const char *make(apr_pool_t *pool, const char *header, const char *claims, signer_t by)
{
    const char *input =
        apr_pstrcat(pool, token_part(pool, header), ".", token_part(pool, claims), NULL);

    return apr_pstrcat(pool, input, ".", signature_by(pool, by, input), NULL);
}

/* Hand over a copy that ends where the token ends: one byte too many is seen by ASan. */
static void check(apr_pool_t *pool, const char *name, const char *token, const char *why)
{
    wxl_errand_t errand = fixture_errand(pool);
    char *copy = heap_copy(token, strlen(token) + 1);
    wxl_json_t *claims = NULL;
    apr_status_t rv = wxl_jwt_verify(&errand, &ring.keys, copy, &claims);

    free(copy);
    if (!why) {
        ok(rv == APR_SUCCESS && claims, "%s: the signature holds", name);
        return;
    }
    ok(rv != APR_SUCCESS && errand.problem == WXL_TOKEN_INVALID, "%s: refused", name);
    ok(errand.why && strstr(errand.why, why), "%s: because of: %s", name, why);
}

static void signing(apr_pool_t *pool)
{
    int i;

    for (i = ES; i <= HS; i++) {
        wxl_errand_t errand = fixture_errand(pool);
        wxl_jwt_keys_t keys = ring.keys;
        wxl_json_t *claims = wxl_json_object(pool);
        const char *token = "", *alg = i == HS ? "HS256" : wxl_keys_alg_name((wxl_alg_t)i);
        const char *header =
            apr_psprintf(pool, "{\"alg\":\"%s\",\"typ\":\"JWT\",\"kid\":\"%s\"}", alg, kids[i]);

        wxl_json_set_string(claims, "user_id", "42");
        keys.signer = wxl_jwt_find(&keys, kids[i]);
        ok(keys.signer, "%s: found by its name", kids[i]);
        is_int(wxl_jwt_sign(&errand, &keys, claims, &token), APR_SUCCESS, "%s: sign", kids[i]);
        ok(strncmp(token, token_part(pool, header), strlen(token_part(pool, header))) == 0,
           "%s: header, to the letter", kids[i]);
        check(pool, kids[i], token, NULL);
        keys.named = NULL; /* the key is taken away */
        keys.signer = keys.unnamed;
        ok(wxl_jwt_verify(&errand, &keys, token, &claims) != APR_SUCCESS,
           "%s: without the key it is worth nothing", kids[i]);
    }
    ok(!wxl_jwt_find(&ring.keys, "nobody"), "a name that no key has");
}

/* Everything that can be done to the text of a good signature. */
static void bent(apr_pool_t *pool, signer_t by, const char *header)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    char *token = apr_pstrdup(pool, make(pool, header, CLAIMS, by));
    char *last = token + strlen(token) - 1;
    char right = *last;
    int at = (int)(strchr(letters, right) - letters);

    check(pool, kids[by], token, NULL);
    /* the last letter of 64 and of 256 bytes has four bits that mean nothing */
    *last = letters[at ^ 1];
    check(pool, "a bit that decoding drops", token, "signature");
    *last = letters[at ^ 32];
    check(pool, "a bit that counts", token, "signature");
    *last = '\0';
    check(pool, "short by a letter", token, "signature");
    last[-1] = '\0';
    check(pool, "short by two", token, "signature");
    last[-1] = 'A';
    *last = right;
    check(pool, "padded", apr_pstrcat(pool, token, "==", NULL), "compact");
    check(pool, "long by a letter", apr_pstrcat(pool, token, "A", NULL), "signature");
    check(pool, "long by four", apr_pstrcat(pool, token, "AAAA", NULL), "signature");
}

static void set_of_keys(apr_pool_t *pool)
{
    wxl_jwt_keys_t none = {0};

    is_str(wxl_jwks_write(pool, &none), "{\"keys\":[]}", "no key, no set");
    none = token_keys(pool);
    is_str(wxl_jwks_write(pool, &none), "{\"keys\":[]}", "a secret is not shown");
    none.named = apr_array_copy(pool, ring.keys.named);
    APR_ARRAY_IDX(none.named, 1, const wxl_jwt_key_t *) =
        APR_ARRAY_IDX(none.named, 3, const wxl_jwt_key_t *); /* long ones are for t/unit/keys */
    is_str(wxl_jwks_write(pool, &none),
           "{\"keys\":[{\"kty\":\"EC\",\"kid\":\"es-1\",\"use\":\"sig\",\"alg\":\"ES256\","
           "\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
           "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"},"
           "{\"kty\":\"OKP\",\"kid\":\"ed-1\",\"use\":\"sig\",\"alg\":\"EdDSA\","
           "\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}]}",
           "those of the RFCs");
    ok(strstr(wxl_jwks_write(pool, &ring.keys), "\"kty\":\"RSA\",\"kid\":\"rs-1\",\"use\":\"sig\","
                                                "\"alg\":\"RS256\",\"n\":\"ofgWCuLjybRl"),
       "RSA, too");
    ok(!strstr(wxl_jwks_write(pool, &ring.keys), "\"d\":") &&
           !strstr(wxl_jwks_write(pool, &ring.keys), "hs-1"),
       "no private half, no secret");
}

int main(void)
{
    apr_pool_t *pool = fixture_start();
    size_t i;

    make_ring(pool);
    for (i = 0; i < COUNT(cases); i++)
        check(pool, cases[i].name, make(pool, cases[i].header, CLAIMS, cases[i].by), cases[i].why);
    signing(pool);
    bent(pool, ES, "{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"es-1\"}");
    bent(pool, RS, "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"rs-1\"}");
    bent(pool, ED, "{\"alg\":\"EdDSA\",\"typ\":\"JWT\",\"kid\":\"ed-1\"}");
    set_of_keys(pool);
    return done_testing();
}
