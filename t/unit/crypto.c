/* gate/crypto: HMAC against RFC 4231, random text, the wiping of secrets. */

#include "gate/crypto.h"

#include <ctype.h>
#include <sys/wait.h>
#include <unistd.h>

#include <apr_escape.h>
#include <pthread.h>

#include "fixture.h"

/* RFC 4231, section 4; keys and data in hex. Case 5 is about truncation, which nobody here does. */
static const struct {
    const char *key, *data, *mac;
} rfc4231[] = {
    {"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "4869205468657265",
     "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
    {"4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
     "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
    {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
     "dddddddddddddddddddddddddddddddddddddddddddddddddddd"
     "dddddddddddddddddddddddddddddddddddddddddddddddd",
     "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
    {"0102030405060708090a0b0c0d0e0f10111213141516171819",
     "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"
     "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd",
     "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"},
};

/* Cases 6 and 7: a key of 131 bytes 0xaa. */
static const struct {
    const char *text, *mac;
} long_key[] = {
    {"Test Using Larger Than Block-Size Key - Hash Key First",
     "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
    {"This is a test using a larger than block-size key and a larger than block-size data. "
     "The key needs to be hashed before being used by the HMAC algorithm.",
     "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"},
};

static const char *mac_of(apr_pool_t *pool, const wxl_secret_t *key, const char *text, size_t len)
{
    unsigned char mac[WXL_HMAC_SHA256_SIZE], again[WXL_HMAC_SHA256_SIZE];
    const wxl_hmac_t *kept;
    int turn;

    kept = wxl_crypto_hmac_keep(pool, key);
    if (!kept || wxl_crypto_hmac(kept, text, len, mac) != APR_SUCCESS)
        return NULL;
    for (turn = 0; turn < 3; turn++) { /* a key that is kept stays as it is */
        if (wxl_crypto_hmac(kept, text, len, again) != APR_SUCCESS ||
            memcmp(mac, again, sizeof(mac)) != 0)
            return "another time it is something else";
    }
    return apr_pescape_hex(pool, mac, sizeof(mac), 0);
}

static void hmac(apr_pool_t *pool)
{
    char aa[131];
    wxl_secret_t key = {aa, sizeof(aa)};
    size_t i;

    for (i = 0; i < COUNT(rfc4231); i++) {
        apr_size_t key_len, len;
        const char *bytes = apr_punescape_hex(pool, rfc4231[i].key, 0, &key_len);
        const char *data = apr_punescape_hex(pool, rfc4231[i].data, 0, &len);
        wxl_secret_t secret = {bytes, key_len};

        is_str(mac_of(pool, &secret, data, len), rfc4231[i].mac, "RFC 4231, sample %zu", i);
    }
    memset(aa, 0xaa, sizeof(aa));
    for (i = 0; i < COUNT(long_key); i++)
        is_str(mac_of(pool, &key, long_key[i].text, strlen(long_key[i].text)), long_key[i].mac,
               "RFC 4231, case %zu", 6 + i);
}

#define THREADS 4
#define TURNS 20000

/* A key that is kept has one context at hand: who comes second makes one. */
static const wxl_hmac_t *shared;
static unsigned char expected[2][WXL_HMAC_SHA256_SIZE];
static const char *const texts[] = {"a short text",
                                    "a text that is longer than one block of SHA-256, "
                                    "which has 64 bytes"};

static void *work(void *failures)
{
    unsigned char mac[WXL_HMAC_SHA256_SIZE];
    int turn;

    for (turn = 0; turn < TURNS; turn++) {
        const char *text = texts[turn % 2];

        if (wxl_crypto_hmac(shared, text, strlen(text), mac) != APR_SUCCESS ||
            memcmp(mac, expected[turn % 2], sizeof(mac)) != 0)
            ++*(int *)failures;
    }
    return NULL;
}

static void threads(apr_pool_t *parent)
{
    wxl_secret_t key = {"a key that threads share", 24};
    pthread_t thread[THREADS];
    int failures[THREADS] = {0}, i, sum = 0;
    apr_pool_t *pool;

    apr_pool_create(&pool, parent);
    shared = wxl_crypto_hmac_keep(pool, &key);
    for (i = 0; i < 2; i++)
        wxl_crypto_hmac(shared, texts[i], strlen(texts[i]), expected[i]);
    for (i = 0; i < THREADS; i++)
        pthread_create(&thread[i], NULL, work, &failures[i]);
    for (i = 0; i < THREADS; i++) {
        pthread_join(thread[i], NULL);
        sum += failures[i];
    }
    is_int(sum, 0, "%d threads share a key", THREADS);
    apr_pool_destroy(pool);
}

static int is_hex(const char *text)
{
    for (; *text; text++) {
        if (!isdigit((unsigned char)*text) && (*text < 'a' || *text > 'f'))
            return 0;
    }
    return 1;
}

static void random_text(apr_pool_t *pool)
{
    const char *text = wxl_crypto_random_hex(pool, 16);

    ok(text && strlen(text) == 32, "16 bytes give 32 digits");
    ok(text && is_hex(text), "lower-case hex");
    ok(text && strcmp(text, wxl_crypto_random_hex(pool, 16)) != 0, "never the same twice");
    text = wxl_crypto_random_hex(pool, 64);
    ok(text && strlen(text) == 128, "64 bytes are the most");
    is_str(wxl_crypto_random_hex(pool, 65), NULL, "65 are refused");
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* However bytes are drawn ahead, none is handed out a second time. */
static void random_once(apr_pool_t *pool)
{
    enum { DRAWS = 3000 };
    const char **drawn = apr_palloc(pool, DRAWS * sizeof(*drawn));
    char large[5000] = {0};
    int i, twice = 0;

    for (i = 0; i < DRAWS; i++)
        drawn[i] = wxl_crypto_random_hex(pool, 8 + (apr_size_t)i % 9);
    qsort(drawn, DRAWS, sizeof(*drawn), compare);
    for (i = 1; i < DRAWS; i++)
        twice += strncmp(drawn[i - 1], drawn[i], 16) == 0;
    is_int(twice, 0, "%d draws of several lengths are all different", DRAWS);
    is_int(wxl_crypto_random(large, sizeof(large)), 1, "5000 bytes at once");
    ok(memcmp(large, large + 2500, 2500) != 0 && memcmp(large + 4900, large, 100) != 0,
       "which are not the same again and again");
}

/* A server of processes forks them from one that may have drawn before. */
static void random_after_fork(apr_pool_t *pool)
{
    char theirs[33] = "";
    const char *ours;
    int pipes[2];
    pid_t pid;

    wxl_crypto_random_hex(pool, 16);
    if (pipe(pipes) != 0 || (pid = fork()) < 0)
        abort();
    ours = wxl_crypto_random_hex(pool, 16);
    if (pid == 0)
        _exit(write(pipes[1], ours, 32) != 32);
    is_int(read(pipes[0], theirs, 32), 32, "a child draws 16 bytes");
    waitpid(pid, NULL, 0);
    ok(strcmp(ours, theirs) != 0, "others than its parent");
    close(pipes[0]);
    close(pipes[1]);
}

/* A cleanup registered before the secret runs after it, while the pool's memory is still there. */
static apr_status_t look(void *data)
{
    const wxl_secret_t *secret = data;
    size_t i, left = 0;

    for (i = 0; i < secret->len; i++)
        left += secret->bytes[i] != 0;
    is_int((long long)left, 0, "wiped when the pool goes");
    return APR_SUCCESS;
}

static void secrets(apr_pool_t *parent)
{
    char bytes[] = "top\0secret, not a string", gone[] = "gone";
    wxl_secret_t secret;
    apr_pool_t *pool;

    apr_pool_create(&pool, parent);
    apr_pool_cleanup_register(pool, &secret, look, apr_pool_cleanup_null);
    secret = wxl_crypto_keep(pool, bytes, sizeof(bytes) - 1);
    is_int((long long)secret.len, sizeof(bytes) - 1, "length of a kept secret");
    ok(secret.bytes != bytes && memcmp(secret.bytes, bytes, sizeof(bytes)) == 0,
       "a copy, a NUL inside and one behind");
    apr_pool_destroy(pool);

    wxl_crypto_wipe(gone, sizeof(gone) - 1);
    ok(memcmp(gone, "\0\0\0\0", 5) == 0, "wipe");
}

int main(void)
{
    apr_pool_t *pool = fixture_start();

    hmac(pool);
    threads(pool);
    random_text(pool);
    random_once(pool);
    random_after_fork(pool);
    secrets(pool);
    return done_testing();
}
