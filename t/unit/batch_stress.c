/* base/batch: many threads, some in a hurry, some whose load fails; each gets what is his. */

#include "base/batch.h"

#include "batch_callers.h"

#define STRESS_THREADS 12
#define STRESS_CALLS 2000

typedef struct {
    caller_t caller;
    unsigned int seed;
    int wrong, late, loads, answered, most;
} worker_t;

static void *APR_THREAD_FUNC work(apr_thread_t *thread, void *data)
{
    worker_t *worker = data;
    caller_t *caller = &worker->caller;
    int i;

    (void)thread;
    for (i = 0; i < STRESS_CALLS; i++) {
        int dice = rand_r(&worker->seed) % 100;

        apr_pool_clear(caller->pool);
        apr_snprintf(caller->key, sizeof(caller->key), "k%d", rand_r(&worker->seed) % 9);
        caller->kind = dice % 5 ? (const void *)&kind_one : &kind_two;
        caller->deed = dice == 50 ? FAIL : dice == 51 ? NO_REPLY : dice == 52 ? NO_ROW : ECHO;
        caller->patience = dice > 80 ? dice - 80 : FOREVER; /* a few microseconds */
        caller->led = 0;
        call(caller);
        worker->wrong += (int)caller->role == -1 || (caller->led && !caller->in_order);
        worker->late += caller->role == WXL_BATCH_LATE;
        worker->loads += caller->led > 0;
        worker->answered += caller->role == WXL_BATCH_REPLY;
        if (caller->led > worker->most)
            worker->most = caller->led;
    }
    return NULL;
}

static void stress(int slots, int most, apr_interval_time_t patience)
{
    wxl_batch_t *batch = new_batch(slots, most, patience);
    worker_t workers[STRESS_THREADS], all;
    wxl_batch_load_t load;
    int i;

    memset(workers, 0, sizeof(workers));
    memset(&all, 0, sizeof(all));
    for (i = 0; i < STRESS_THREADS; i++) {
        workers[i].caller = *new_caller(batch, "");
        workers[i].caller.takes = 20;
        workers[i].seed = (unsigned int)i;
        if (apr_thread_create(&workers[i].caller.thread, NULL, work, &workers[i], pool))
            abort();
    }
    for (i = 0; i < STRESS_THREADS; i++) {
        over(&workers[i].caller);
        all.wrong += workers[i].wrong;
        all.late += workers[i].late;
        all.loads += workers[i].loads;
        all.answered += workers[i].answered;
        all.most = workers[i].most > all.most ? workers[i].most : all.most;
    }
    printf("# %d calls, %d answered in %d loads of up to %d, %d late\n",
           STRESS_THREADS * STRESS_CALLS, all.answered, all.loads, all.most, all.late);
    is_int(all.wrong, 0, "%d slots, %d at most: every reply is the caller's own", slots, most);
    ok(all.loads < all.answered, "there are fewer loads than calls");
    ok(all.answered > STRESS_THREADS * STRESS_CALLS / 2, "most have one");
    is_int(wxl_batch_waiting(batch), 0, "nobody is left");
    occupy(batch, &load);
    wxl_batch_end(batch, &load);
}

int main(void)
{
    pool = fixture_start();
    stress(1, 1, FOREVER);
    stress(2, 2, FOREVER);
    stress(1, 4, 50);
    return done_testing();
}
