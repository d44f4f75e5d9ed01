/* core/limiter: against a plain model, with a clock that the test sets. Real processes and threads
   are in limiter_stress.c. */

#include "core/limiter.h"

#include "fixture.h"
#include "limiter_model.h"

#define SECOND APR_INT64_C(1000000)
#define MINUTE (60 * SECOND)
#define START (1000 * SECOND)

static uint64_t seed = 0x9E3779B97F4A7C15u;

static uint64_t draw(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    return seed ^= seed << 17;
}

static wxl_limiter_t table(apr_pool_t *pool, apr_uint32_t limit, apr_interval_time_t window,
                           apr_uint32_t clients)
{
    wxl_limiter_t limiter;
    apr_size_t size = wxl_limiter_shape(&limiter, limit, window, clients);

    wxl_limiter_open(&limiter, apr_pcalloc(pool, size));
    return limiter;
}

static wxl_limiter_verdict_t check(const wxl_limiter_t *limiter, uint64_t hash, apr_time_t now)
{
    wxl_limiter_verdict_t verdict;

    wxl_limiter_check(limiter, hash, now, 1, &verdict);
    return verdict;
}

static int admits(const wxl_limiter_t *limiter, uint64_t hash, apr_time_t now)
{
    return check(limiter, hash, now).admitted;
}

static void shapes(void)
{
    static const struct {
        apr_uint32_t limit, slots, group;
    } cases[] = {
        {1, 1, 1},    {5, 5, 1},    {64, 64, 1},    {65, 32, 2},     {100, 50, 2},
        {128, 64, 2}, {129, 43, 3}, {1000, 62, 16}, {6400, 64, 100}, {WXL_LIMITER_MOST, 63, 3907}};
    wxl_limiter_t limiter;
    size_t i;

    for (i = 0; i < COUNT(cases); i++) {
        apr_size_t size = wxl_limiter_shape(&limiter, cases[i].limit, MINUTE, 100);

        ok(limiter.slots == cases[i].slots && limiter.group == cases[i].group,
           "%u events: %u slots of %u", cases[i].limit, limiter.slots, limiter.group);
        ok(limiter.slots * limiter.group <= cases[i].limit && limiter.group < 4096 &&
               size == 64 + 25 * limiter.stride * sizeof(apr_uint64_t) && limiter.stride % 8 == 0,
           "and never more than the limit; sets of whole cache lines");
    }
}

/* One client, step by step: 3 a minute. */
static void story(apr_pool_t *pool)
{
    static const struct {
        int at, admitted, remaining, reset;
    } steps[] = {
        {0, 1, 2, 60},  {10, 1, 1, 50}, {20, 1, 0, 40},  {30, 0, 0, 30},
        {59, 0, 0, 1},  {60, 1, 0, 10}, {61, 0, 0, 9},   {70, 1, 0, 10},
        {80, 1, 0, 40}, {81, 0, 0, 39}, {200, 1, 2, 60},
    };
    wxl_limiter_t limiter = table(pool, 3, MINUTE, 8);
    size_t i;

    for (i = 0; i < COUNT(steps); i++) {
        wxl_limiter_verdict_t v = check(&limiter, 42, START + steps[i].at * SECOND);

        ok(v.admitted == steps[i].admitted && (int)v.remaining == steps[i].remaining &&
               v.reset == steps[i].reset * SECOND,
           "second %d: %s, %d left, %d s to the next", steps[i].at,
           v.admitted ? "admitted" : "refused", (int)v.remaining, (int)(v.reset / SECOND));
    }
}

/* Asking counts nothing; what is given back was never there. */
static void asking(apr_pool_t *pool)
{
    wxl_limiter_t limiter = table(pool, 2, MINUTE, 8);
    wxl_limiter_verdict_t v;
    int i;

    for (i = 0; i < 10; i++)
        wxl_limiter_check(&limiter, 7, START, 0, &v);
    ok(v.admitted && v.remaining == 2 && v.reset == 0 && !v.slot, "asked ten times: all there");
    v = check(&limiter, 7, START);
    is_int(v.remaining, 1, "taken: one left");
    wxl_limiter_give_back(&v);
    v = check(&limiter, 7, START + 1);
    is_int(v.remaining, 1, "given back and taken again: one left");
    check(&limiter, 7, START + 2);
    wxl_limiter_check(&limiter, 7, START + 3, 0, &v);
    ok(!v.admitted && v.reset == MINUTE - 2, "asked with nothing left: no, and how long");
    wxl_limiter_give_back(&v);
    ok(!admits(&limiter, 7, START + 4), "a refusal has nothing to give back");
}

/* Random arrivals of eight clients replayed against the model. @return differences */
static int compare(apr_pool_t *pool, apr_uint32_t limit)
{
    apr_interval_time_t window = (apr_interval_time_t)(1 + draw() % 5) * SECOND;
    wxl_limiter_t limiter = table(pool, limit, window, 32);
    model_t *models = apr_pcalloc(pool, 8 * sizeof(*models));
    uint64_t hashes[8];
    apr_time_t now = START;
    /* from far below the limit to far above */
    uint64_t step = (uint64_t)window * 2 / limit / (1 + draw() % 24) + 1;
    int i, wrong = 0;

    for (i = 0; i < 8; i++) {
        hashes[i] = draw();
        model_init(&models[i], limit, window);
    }
    for (i = 0; i < 400 + (int)limit * 10; i++) {
        int who = (int)(draw() % 8);
        model_verdict_t want;
        wxl_limiter_verdict_t got;

        now += draw() % 50 ? (apr_time_t)(draw() % step) : (apr_time_t)(draw() % (2 * window));
        if (draw() % 16 == 0) /* right on the edge */
            now = model_edge(&models[who], now);
        want = model_check(&models[who], now);
        got = check(&limiter, hashes[who], now);
        wrong += got.admitted != want.admitted || got.remaining != want.remaining ||
                 got.reset != want.reset;
    }
    return wrong;
}

static void property(apr_pool_t *pool)
{
    apr_uint32_t limit;

    for (limit = 1; limit <= 64; limit++) {
        int run, wrong = 0;

        for (run = 0; run < 40; run++) {
            wrong += compare(pool, limit);
            apr_pool_clear(pool);
        }
        is_int(wrong, 0, "%u events: 40 runs, no difference from the model", limit);
    }
}

/* Above 64: never one too many, and what may be refused too early. */
static void bound(apr_pool_t *pool)
{
    static const apr_uint32_t limits[] = {65, 100, 127, 128, 129, 500, 1000, 5000};
    size_t i;

    for (i = 0; i < COUNT(limits); i++) {
        apr_interval_time_t window = 10 * SECOND;
        apr_uint32_t limit = limits[i], g = (limit + 63) / 64, least = limit;
        wxl_limiter_t limiter = table(pool, limit, window, 8);
        model_t model;
        apr_time_t now = START;
        int n, over = 0;

        model_init(&model, limit, window);
        for (n = 0; n < (int)limit * 60; n++) {
            apr_uint32_t past;

            now += (apr_time_t)(draw() % (uint64_t)(window * 2 / limit));
            if (draw() % 1000 == 0)
                now += (apr_time_t)(draw() % (uint64_t)window);
            past = model_past(&model, now);
            if (!admits(&limiter, 99, now)) {
                least = past < least ? past : least;
                continue;
            }
            over += past >= limit;
            model_add(&model, now);
        }
        is_int(over, 0, "%u events: no window has one too many", limit);
        ok(least >= limit - 2 * g + 1, "and none is refused with fewer than %u (%u)",
           limit - 2 * g + 1, least);
    }
}

/* A clock that steps back shuts nobody out for longer than twice the window. */
static void clock_back(apr_pool_t *pool)
{
    wxl_limiter_t limiter = table(pool, 2, MINUTE, 8);
    apr_time_t now = START + 3600 * SECOND;
    int waited = 0;

    check(&limiter, 5, now);
    check(&limiter, 5, now);
    ok(!admits(&limiter, 5, now), "used up");
    ok(admits(&limiter, 5, now - 3600 * SECOND), "an hour back: free at once");
    check(&limiter, 6, now);
    check(&limiter, 6, now);
    for (now -= 50 * SECOND; !admits(&limiter, 6, now) && waited < 1000; now += SECOND)
        waited++;
    ok(waited == 110, "50 s back: free after 110 s (%d)", waited);
}

/* One set, eight ways: which clients it keeps, what the others do. */
static void full_set(apr_pool_t *pool)
{
    wxl_limiter_t limiter = table(pool, 3, MINUTE, 4);
    apr_uint64_t refused, shared;
    uint64_t victim = (uint64_t)1 << 32, i;
    int admitted = 0;

    for (i = 0; i < 3; i++)
        check(&limiter, victim, START + (apr_time_t)i);
    for (i = 2; i < 100; i++)
        admitted += admits(&limiter, i << 32, START + SECOND + (apr_time_t)i);
    is_int(admitted, 7 + 3, "98 strangers: seven find room, the others share three events");
    ok(!admits(&limiter, victim, START + 2 * SECOND), "they have not freed the victim's slots");
    wxl_limiter_counts(&limiter, &refused, &shared);
    is_int(shared, 3, "the table has counted what was shared");
    admitted = 0;
    for (i = 2; i < 9; i++)
        admitted += admits(&limiter, i << 32, START + 3 * SECOND);
    is_int(admitted, 7, "who found room has a limit of its own");
    ok(admits(&limiter, victim, START + MINUTE), "the victim's minute is over: its own room again");
    ok(!admits(&limiter, (uint64_t)50 << 32, START + MINUTE), "a newcomer still shares");
    ok(admits(&limiter, (uint64_t)50 << 32, START + 3 * MINUTE), "and has room when all are gone");
}

/* From the shared row into a way of one's own: what was done there still counts. */
static void moving(apr_pool_t *pool)
{
    wxl_limiter_t limiter = table(pool, 3, MINUTE, 4);
    uint64_t i, mover = (uint64_t)77 << 32;

    for (i = 1; i <= 8; i++)
        check(&limiter, i << 32, START);
    check(&limiter, mover, START + 30 * SECOND);
    check(&limiter, mover, START + 31 * SECOND);
    ok(admits(&limiter, mover, START + 62 * SECOND), "moved: the third event is admitted");
    ok(!admits(&limiter, mover, START + 63 * SECOND), "and the fourth is not");
    ok(admits(&limiter, mover, START + 90 * SECOND), "until the first is a minute ago");
}

/* Many clients in few sets, in and out of ways: no client ever has one too many. */
static void crowd(apr_pool_t *pool, apr_uint32_t limit, int clients)
{
    wxl_limiter_t limiter = table(pool, limit, SECOND, 8);
    model_t *models = apr_pcalloc(pool, (apr_size_t)clients * sizeof(*models));
    uint64_t hashes[64];
    apr_time_t now = START;
    int i, over = 0, admitted = 0;

    for (i = 0; i < clients; i++) {
        hashes[i] = draw();
        model_init(&models[i], limit, SECOND);
    }
    for (i = 0; i < 200000; i++) {
        int who = (int)(draw() % (uint64_t)clients);

        now += (apr_time_t)(draw() % 2000);
        if (draw() % 5000 == 0)
            now += (apr_time_t)(draw() % (24 * SECOND));
        if (!admits(&limiter, hashes[who], now))
            continue;
        admitted++;
        over += model_past(&models[who], now) >= limit;
        model_add(&models[who], now);
    }
    ok(over == 0 && admitted > 1000,
       "%d clients in two sets, %u events: none has one too many "
       "(%d admitted)",
       clients, limit, admitted);
}

static void telling(apr_pool_t *pool)
{
    wxl_limiter_t limiter = table(pool, 1, 10 * SECOND, 4);
    apr_uint64_t refused, shared;
    int i, lines = 0;

    check(&limiter, (uint64_t)1 << 32, START);
    check(&limiter, (uint64_t)2 << 32, START);
    for (i = 0; i < 1000; i++)
        lines += wxl_limiter_refused(&limiter, (uint64_t)1 << 32, START + i * MINUTE / 1000);
    is_int(lines, 1, "a thousand refusals in a minute: one line");
    ok(wxl_limiter_refused(&limiter, (uint64_t)2 << 32, START), "another client has its own");
    ok(wxl_limiter_refused(&limiter, (uint64_t)1 << 32, START + MINUTE), "a minute later: again");
    check(&limiter, (uint64_t)3 << 32, START + MINUTE);
    ok(wxl_limiter_refused(&limiter, (uint64_t)3 << 32, START + MINUTE), "the way's next owner");
    wxl_limiter_counts(&limiter, &refused, &shared);
    is_int(refused, 1003, "all were counted");
}

int main(void)
{
    apr_pool_t *pool = fixture_start();
    apr_pool_t *sub;

    apr_pool_create(&sub, pool);
    shapes();
    story(pool);
    asking(pool);
    property(sub);
    bound(sub);
    clock_back(pool);
    full_set(pool);
    moving(pool);
    crowd(pool, 1, 40);
    crowd(pool, 5, 24);
    crowd(pool, 64, 20);
    crowd(pool, 200, 20);
    telling(pool);
    return done_testing();
}
