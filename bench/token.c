/*
 * bench/token: what a token costs: to issue one, and to believe one.
 *
 *     make bench-token                                   CPU time of one, for every algorithm
 *     valgrind --tool=callgrind build/bench/token issue ES256 1000      and its instructions
 *
 * One thread; as in a request, everything is allocated in a pool that is cleared afterwards. A
 * sign-in issues two tokens, a refresh believes one and issues one, the guard believes one.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <apr_general.h>

#include "core/tokens.h"

#include "../t/unit/pem.h"

#define ROUNDS 5
#define NOW apr_time_from_sec(1790000000)
#define SID "0123456789abcdef0123456789abcdef"

static const struct {
    wxl_alg_t alg;
    const char *pem; /* NULL: WxLoginSecretKey */
    int times;
} cases[] = {
    {WXL_ALG_HS256, NULL, 20000},
    {WXL_ALG_ES256, ES256_PEM, 4000},
    {WXL_ALG_EDDSA, EDDSA_PEM, 4000},
    {WXL_ALG_RS256, RS256_PEM, 400},
};

static wxl_tokens_settings_t settings = {.access_ttl = 604800, .refresh_ttl = 2592000};

static void give_up(const char *why)
{
    fprintf(stderr, "bench/token: %s\n", why);
    exit(1);
}

static void make_key(apr_pool_t *pool, wxl_alg_t alg, const char *pem)
{
    wxl_secret_t secret = {"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", 64};
    const wxl_key_t *pair;

    settings.keys.unnamed = wxl_jwt_secret(pool, NULL, &secret);
    settings.keys.signer = settings.keys.unnamed;
    settings.keys.named = NULL;
    if (!pem)
        return;
    secret.bytes = pem;
    secret.len = strlen(pem);
    if (wxl_keys_read(pool, alg, &secret, &pair))
        give_up("the key cannot be read");
    settings.keys.named = apr_array_make(pool, 1, sizeof(wxl_jwt_key_t *));
    settings.keys.signer = wxl_jwt_pair(pool, "2026-11", alg, pair);
    APR_ARRAY_PUSH(settings.keys.named, const wxl_jwt_key_t *) = settings.keys.signer;
}

static const char *issue(apr_pool_t *pool)
{
    wxl_claims_t claims;
    wxl_errand_t errand;
    const char *token;

    wxl_errand_init(&errand, pool, NOW);
    if (wxl_tokens_draft(&errand, &settings, WXL_TOKEN_ACCESS, "1234567", &claims) != APR_SUCCESS)
        give_up(errand.why);
    claims.sid = SID;
    if (wxl_tokens_write(&errand, &settings, &claims, &token) != APR_SUCCESS)
        give_up(errand.why);
    return token;
}

static void believe(apr_pool_t *pool, const char *token)
{
    wxl_claims_t claims;
    wxl_errand_t errand;

    wxl_errand_init(&errand, pool, NOW);
    if (wxl_tokens_check(&errand, &settings, WXL_TOKEN_ACCESS, token, &claims) != APR_SUCCESS)
        give_up(errand.why);
}

/* @param token NULL: issue, else believe this one */
static void repeat(apr_pool_t *parent, const char *token, int times)
{
    apr_pool_t *pool;

    apr_pool_create(&pool, parent);
    while (times-- > 0) {
        if (token)
            believe(pool, token);
        else
            issue(pool);
        apr_pool_clear(pool);
    }
    apr_pool_destroy(pool);
}

static double cpu_seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* @return microseconds of one, the median of the rounds */
static double measure(apr_pool_t *pool, const char *token, int times)
{
    double rounds[ROUNDS];
    int i;

    for (i = 0; i < ROUNDS; i++) {
        double began = cpu_seconds();

        repeat(pool, token, times);
        rounds[i] = (cpu_seconds() - began) * 1e6 / times;
    }
    qsort(rounds, ROUNDS, sizeof(rounds[0]), compare);
    return rounds[ROUNDS / 2];
}

/* One thing alone, for callgrind. */
static int alone(apr_pool_t *pool, char **argv)
{
    int issues = strcmp(argv[1], "issue") == 0;
    size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (strcmp(argv[2], wxl_keys_alg_name(cases[i].alg)) != 0)
            continue;
        make_key(pool, cases[i].alg, cases[i].pem);
        repeat(pool, issues ? NULL : issue(pool), atoi(argv[3]));
        return 0;
    }
    give_up("no such algorithm");
    return 1;
}

int main(int argc, char **argv)
{
    apr_pool_t *pool;
    size_t i;

    apr_initialize();
    apr_pool_create(&pool, NULL);
    wxl_json_start();
    if (argc == 4)
        return alone(pool, argv);
    printf("| | bytes | issue | believe |\n|---|---|---|---|\n");
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *token;

        make_key(pool, cases[i].alg, cases[i].pem);
        token = issue(pool);
        repeat(pool, NULL, 100); /* warm */
        printf("| %s | %zu | %.1f µs | %.1f µs |\n", wxl_keys_alg_name(cases[i].alg), strlen(token),
               measure(pool, NULL, cases[i].times), measure(pool, token, cases[i].times));
        fflush(stdout);
    }
    return 0;
}
