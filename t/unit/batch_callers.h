/*
 * batch_callers: callers of base/batch, each on a thread of his own.
 */
#ifndef WXL_TEST_BATCH_CALLERS_H
#define WXL_TEST_BATCH_CALLERS_H

#include "base/batch.h"

#include <unistd.h>

#include <apr_thread_mutex.h>
#include <apr_thread_proc.h>

#include "fixture.h"

#define FOREVER apr_time_from_sec(3600)

static apr_pool_t *pool;
static const int kind_one, kind_two;

/* What a leader does with his load. */
typedef enum { ECHO, NO_ROW, NO_REPLY, FAIL } deed_t;

/* A caller on a thread of his own, and what became of him. */
typedef struct {
    wxl_batch_t *batch;
    char key[32];
    const void *kind;
    apr_interval_time_t patience;
    deed_t deed;
    apr_thread_t *thread;
    apr_pool_t *pool;
    wxl_batch_role_t role;    /* his own call's end */
    int takes;                /* microseconds that a load of his takes */
    apr_thread_mutex_t *held; /* or as long as somebody holds this; may be NULL */
    int led;                  /* the size of the load that he led; 0: none */
    int in_order;
    const char *leader; /* whose load he was in */
    char first[32];     /* key of the first of the load that he led */
    wxl_errand_t errand;
} caller_t;

static inline wxl_batch_t *new_batch(int slots, int most, apr_interval_time_t patience)
{
    const wxl_batch_rules_t rules = {slots, most, patience};

    return wxl_batch_create(pool, &rules);
}

static inline void carry_out(caller_t *caller, wxl_batch_load_t *load)
{
    wxl_errand_t failed;
    int i;

    if (caller->takes)
        usleep((useconds_t)caller->takes);
    if (caller->held) {
        apr_thread_mutex_lock(caller->held);
        apr_thread_mutex_unlock(caller->held);
    }
    caller->led = load->count;
    caller->in_order = 1;
    apr_cpystrn(caller->first, load->members[0].args[0], sizeof(caller->first));
    for (i = 1; i < load->count; i++) {
        if (strcmp(load->members[i - 1].args[0], load->members[i].args[0]) >= 0)
            caller->in_order = 0;
    }
    if (caller->deed == FAIL) {
        wxl_errand_init(&failed, caller->pool, 0);
        failed.retry_after = 7;
        wxl_fail(&failed, WXL_DB_UNAVAILABLE, APR_SUCCESS, "as %s found", caller->key);
        wxl_batch_fail(load, &failed);
    }
    for (i = 0; i < load->count && caller->deed < NO_REPLY; i++) {
        const char *row[] = {load->members[i].args[0], NULL, load->members[i].args[1], caller->key};

        wxl_batch_reply(load, i, caller->deed == ECHO ? row : NULL, COUNT(row));
    }
}

/* Is this the answer to what was asked? */
static inline void look(caller_t *caller, const char **row, const char *second)
{
    if (caller->role != WXL_BATCH_REPLY || caller->led)
        return;
    if (row && (strcmp(row[0], caller->key) != 0 || row[1] || strcmp(row[2], second) != 0))
        caller->role = (wxl_batch_role_t)-1;
    caller->leader = row ? row[3] : "";
}

static inline void call(caller_t *caller)
{
    const char *second = apr_psprintf(caller->pool, "of %pp", (void *)caller);
    const char *args[] = {caller->key, second};
    const wxl_batch_call_t what = {caller->kind, args, COUNT(args),
                                   apr_time_now() + caller->patience};
    wxl_batch_load_t load;
    const char **row = NULL;

    wxl_errand_init(&caller->errand, caller->pool, 0);
    caller->role = wxl_batch_join(caller->batch, &caller->errand, &what, &load, &row);
    if (caller->role == WXL_BATCH_LEAD) {
        carry_out(caller, &load);
        wxl_batch_end(caller->batch, &load);
        caller->role = load.own;
        row = load.own_row;
    }
    look(caller, row, second);
}

static inline void *APR_THREAD_FUNC run(apr_thread_t *thread, void *data)
{
    (void)thread;
    call(data);
    return NULL;
}

static inline apr_status_t destroy_pool(void *data)
{
    apr_pool_destroy(data);
    return APR_SUCCESS;
}

static inline caller_t *new_caller(wxl_batch_t *batch, const char *key)
{
    caller_t *caller = apr_pcalloc(pool, sizeof(*caller));

    caller->batch = batch;
    apr_cpystrn(caller->key, key, sizeof(caller->key));
    caller->kind = &kind_one;
    caller->patience = FOREVER;
    /* an allocator of its own: pools of one allocator must not be used by two threads */
    apr_pool_create_unmanaged_ex(&caller->pool, NULL, NULL);
    apr_pool_cleanup_register(pool, caller->pool, destroy_pool, apr_pool_cleanup_null);
    return caller;
}

/* On his way, and waiting. */
static inline caller_t *comes(caller_t *caller)
{
    int before = wxl_batch_waiting(caller->batch);

    if (apr_thread_create(&caller->thread, NULL, run, caller, pool) != APR_SUCCESS)
        abort();
    while (wxl_batch_waiting(caller->batch) == before)
        usleep(100);
    return caller;
}

static inline void over(caller_t *caller)
{
    apr_status_t rv;

    apr_thread_join(&rv, caller->thread);
}

/* Takes the only slot. */
static inline void occupy(wxl_batch_t *batch, wxl_batch_load_t *load)
{
    static const char *const args[] = {"occupied"};
    const wxl_batch_call_t what = {&kind_one, args, 1, 0};
    wxl_errand_t errand = fixture_errand(pool);
    const char **row;

    is_int(wxl_batch_join(batch, &errand, &what, load, &row), WXL_BATCH_LEAD,
           "an idle slot is there for the first who comes, though he will not wait");
    is_int(load->count, 1, "he is alone");
    ok(load->members[0].args == args, "and leads his own words, not a copy");
}

#endif
