/* base/breaker: closed, open, half open; one probe at a time. */

#include "base/breaker.h"

#include <apr_atomic.h>
#include <apr_thread_proc.h>

#include "fixture.h"

#define PAUSE 1000
#define PROBE 10000
#define WINDOW 50000
#define THREADS 4
#define ROUNDS 20000

static const wxl_breaker_rules_t one = {1, WINDOW, PAUSE, PROBE};
static const wxl_breaker_rules_t three = {3, WINDOW, PAUSE, PROBE};

/* One story, step by step; the first failure opens it. A failure is the probe's where the last one
   that passed was one. */
static const struct {
    enum { ENTER, SUCCESS, FAILURE } step;
    apr_time_t now;
    long long result;
    const char *name;
} story[] = {
    {ENTER, 5, 0, "closed: pass"},
    {SUCCESS, 5, 0, "a success while closed is no news"},
    {FAILURE, 100, 1, "the first failure opens: news"},
    {FAILURE, 100, 0, "the second is no news"},
    {ENTER, 100, PAUSE, "open: wait the whole pause"},
    {ENTER, 1099, 1, "open: wait the rest, at least 1"},
    {ENTER, 1100, 0, "the pause is over: one passes as the probe"},
    {ENTER, 1100, PROBE, "the next waits for the probe"},
    {ENTER, 1101, PROBE - 1, "and so does the one behind"},
    {FAILURE, 1200, 0, "the probe failed: still open, no news"},
    {ENTER, 1200, PAUSE, "another pause"},
    {ENTER, 2200, 0, "another probe"},
    {ENTER, 2200 + PROBE - 1, 1, "which has its time"},
    {ENTER, 2200 + PROBE, 0, "a probe that never reports is followed by another"},
    {SUCCESS, 20000, 1, "the probe succeeded: closed, news"},
    {SUCCESS, 20000, 0, "told once"},
    {ENTER, 20000, 0, "closed again: pass"},
    {ENTER, 20000, 0, "everybody"},
    {FAILURE, 30000, 1, "opens again: news"},
    {SUCCESS, 30001, 1, "a straggler's success closes it at once"},
};

static wxl_breaker_t shared;
static apr_uint32_t passed, wrong;

/* The clock stands still: whoever passes is the one probe of its round. */
static void *APR_THREAD_FUNC rush(apr_thread_t *thread, void *data)
{
    int i, probe;

    (void)data;
    for (i = 0; i < ROUNDS; i++) {
        apr_interval_time_t wait = wxl_breaker_enter(&shared, &one, PAUSE, &probe);

        if (wait == 0)
            apr_atomic_inc32(&passed);
        else if (wait != PROBE)
            apr_atomic_inc32(&wrong);
    }
    apr_thread_exit(thread, APR_SUCCESS);
    return NULL;
}

static void race(apr_pool_t *pool)
{
    apr_thread_t *threads[THREADS];
    apr_status_t rv;
    int i;

    wxl_breaker_failure(&shared, &one, 0, 0);
    for (i = 0; i < THREADS; i++)
        apr_thread_create(&threads[i], NULL, rush, NULL, pool);
    for (i = 0; i < THREADS; i++)
        apr_thread_join(&rv, threads[i]);
    is_int(apr_atomic_read32(&passed), 1, "of %d threads one is the probe", THREADS);
    is_int(apr_atomic_read32(&wrong), 0, "the others are told to wait for it");
}

/* Several failures in a row, close together, open it; nothing else does. */
static void row(void)
{
    wxl_breaker_t breaker = {0};
    const apr_time_t t = apr_time_from_sec(1000);
    int i, probe;

    for (i = 0; i < 2; i++)
        is_int(wxl_breaker_failure(&breaker, &three, t, 0), 0, "failure %d of 3", i + 1);
    is_int(wxl_breaker_success(&breaker), 0, "a success between them is no news");
    for (i = 0; i < 2; i++)
        is_int(wxl_breaker_failure(&breaker, &three, t, 0), 0, "but they are counted afresh");
    is_int(wxl_breaker_failure(&breaker, &three, t + WINDOW + 2000, 0), 0, "too late to count");
    is_int(wxl_breaker_enter(&breaker, &three, t + WINDOW + 2000, &probe), 0, "still closed");
    is_int(probe, 0, "and nobody is a probe");
    is_int(wxl_breaker_failure(&breaker, &three, t + WINDOW + 2000, 0), 0, "the second");
    is_int(wxl_breaker_failure(&breaker, &three, t + WINDOW + 3000, 0), 1, "the third opens it");
    is_int(wxl_breaker_failure(&breaker, &three, t + WINDOW + 3500, 0), 0, "a straggler");
    is_int(wxl_breaker_enter(&breaker, &three, t + WINDOW + 3500, &probe), PAUSE - 500,
           "does not prolong the pause");
    is_int(wxl_breaker_failure(&breaker, &three, t - WINDOW, 0), 0, "a clock set back");
}

/* A probe that could not ask makes way for the next one, and does nothing else. */
static void undecided(void)
{
    wxl_breaker_t breaker = {0};
    const apr_time_t t = apr_time_from_sec(1000);
    int probe;

    wxl_breaker_undecided(&breaker, t);
    is_int(wxl_breaker_enter(&breaker, &one, t, &probe), 0, "closed, and it stays closed");
    wxl_breaker_failure(&breaker, &one, t, 0);
    is_int(wxl_breaker_enter(&breaker, &one, t + PAUSE, &probe), 0, "half open");
    is_int(probe, 1, "one is the probe");
    ok(wxl_breaker_enter(&breaker, &one, t + PAUSE + 1, &probe) > 0, "the others wait");
    wxl_breaker_undecided(&breaker, t + PAUSE + 2);
    is_int(wxl_breaker_enter(&breaker, &one, t + PAUSE + 3, &probe), 0, "it could not ask");
    is_int(probe, 1, "so the next one is the probe");
    ok(wxl_breaker_enter(&breaker, &one, t + PAUSE + 4, &probe) > 0, "and nobody else");
    is_int(wxl_breaker_success(&breaker), 1, "it closes the breaker");
}

int main(void)
{
    apr_pool_t *pool = fixture_start();
    wxl_breaker_t breaker = {0};
    int passed_probe = 0, probe;
    size_t i;

    for (i = 0; i < COUNT(story); i++) {
        apr_time_t now = story[i].now;
        long long result;

        if (story[i].step == ENTER)
            result = wxl_breaker_enter(&breaker, &one, now, &probe);
        else if (story[i].step == SUCCESS)
            result = wxl_breaker_success(&breaker);
        else
            result = wxl_breaker_failure(&breaker, &one, now, passed_probe);
        is_int(result, story[i].result, "%s", story[i].name);
        if (story[i].step == ENTER && result == 0)
            passed_probe = probe;
    }
    row();
    undecided();
    race(pool);
    return done_testing();
}
