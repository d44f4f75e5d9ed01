/* gate/http_calls: who is woken when; nobody is forgotten, woken twice or after he has left. */

#include "gate/http_calls.h"

#include <poll.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <apr_thread_proc.h>

#include "fixture.h"

#define MANY 6
#define ASKERS 8
#define ROUNDS 2000

static apr_pool_t *pool;

/* An asker and his call. */
typedef struct {
    wxl_http_call_t *call;
    int bell;
} asker_t;

static asker_t ask(wxl_http_calls_t *calls)
{
    wxl_http_request_t request = {.url = "http://127.0.0.1/"};
    asker_t asker = {.bell = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};

    asker.call = wxl_http_calls_new(calls, &request, asker.bell);
    if (!asker.call || !wxl_http_calls_queue(calls, asker.call))
        abort();
    return asker;
}

/* How often his bell rang since this was last asked. */
static int rings(const asker_t *asker)
{
    apr_uint64_t count;

    return read(asker->bell, &count, sizeof(count)) > 0 ? (int)count : 0;
}

/* @return how he came by his reply, or -1: it is not what was said */
static int collect_into(const asker_t *asker, apr_pool_t *into)
{
    wxl_http_reply_t reply = {0};
    wxl_http_collected_t collected = wxl_http_calls_collect(asker->call, into, &reply);

    if (collected && (reply.status != 200 || strcmp(reply.body, "it") != 0))
        return -1;
    return (int)collected;
}

static int collect(const asker_t *asker)
{
    return collect_into(asker, pool);
}

static void drop(asker_t *asker)
{
    wxl_http_calls_drop(asker->call);
    asker->call = NULL;
}

static void answer(wxl_http_call_t *call)
{
    call->reply.status = 200;
    call->reply.body = heap_copy("it", 2);
    call->reply.len = 2;
    wxl_http_calls_done(call);
}

/* The engine answers all it finds, in order. @return how many */
static int answer_all(wxl_http_calls_t *calls)
{
    wxl_http_call_t *call, *next;
    int stopping, count = 0;

    for (call = wxl_http_calls_take(calls, &stopping); call; call = next, count++) {
        next = call->next;
        answer(call);
    }
    return count;
}

/* Whose bells rang: "01" is the first and the second one. */
static const char *who_rang(const asker_t *askers, int count)
{
    char *who = apr_pcalloc(pool, (apr_size_t)count + 1);
    int i, at = 0;

    for (i = 0; i < count; i++) {
        if (rings(&askers[i]))
            who[at++] = (char)('0' + i);
    }
    return who;
}

/* A wave of answers for a few places. */
static wxl_http_calls_t *wave(asker_t askers[MANY], int most)
{
    wxl_http_calls_t *calls = wxl_http_calls_create(most);
    int i;

    for (i = 0; i < MANY; i++)
        askers[i] = ask(calls);
    is_str(who_rang(askers, MANY), "", "nobody is woken before his answer is there");
    is_int(answer_all(calls), MANY, "all are answered at once");
    return calls;
}

static void end(wxl_http_calls_t *calls, asker_t askers[MANY])
{
    int i;

    for (i = 0; i < MANY; i++) {
        if (askers[i].call)
            drop(&askers[i]);
        close(askers[i].bell);
    }
    is_int(calls->awake, 0, "all places are free");
    ok(!calls->front && !calls->back, "nobody stands in line");
    is_int(calls->users, 1, "no call is left");
    wxl_http_calls_release(calls);
}

static void in_turn(void)
{
    asker_t askers[MANY];
    wxl_http_calls_t *calls = wave(askers, 2);
    int i;

    is_str(who_rang(askers, MANY), "01", "two places: two are woken");
    is_int(collect(&askers[0]), WXL_HTTP_IN_TURN, "the first has his reply");
    is_str(who_rang(askers, MANY), "", "... and his place, until his work is done");
    drop(&askers[0]);
    is_str(who_rang(askers, MANY), "2", "he leaves: the next in line");
    drop(&askers[2]);
    drop(&askers[1]);
    is_str(who_rang(askers, MANY), "34", "whoever leaves, in the order in which they came");
    for (i = 3; i < MANY; i++) {
        is_int(collect(&askers[i]), WXL_HTTP_IN_TURN, "each has a reply: %d", i);
        drop(&askers[i]);
    }
    is_str(who_rang(askers, MANY), "5", "nobody twice");
    askers[0].call = NULL;
    end(calls, askers);
}

/* Askers whose patience is over, in every state. */
static void dropped(void)
{
    asker_t askers[MANY];
    wxl_http_calls_t *calls = wxl_http_calls_create(1);
    int i;

    for (i = 0; i < MANY; i++)
        askers[i] = ask(calls);
    drop(&askers[0]); /* under way */
    answer_all(calls);
    is_str(who_rang(askers, MANY), "1", "dropped under way: not woken, takes no place");
    drop(&askers[2]); /* first in line */
    drop(&askers[4]); /* in its midst */
    is_str(who_rang(askers, MANY), "", "dropped in line: frees no place");
    drop(&askers[1]);
    is_str(who_rang(askers, MANY), "3", "nor is it woken when its turn would come");
    drop(&askers[3]);
    is_str(who_rang(askers, MANY), "5", "nor the next");
    end(calls, askers);
}

/* Who is awake anyway need not wait for his turn. */
static void overtaken(void)
{
    asker_t askers[MANY];
    wxl_http_calls_t *calls = wave(askers, 1);

    is_str(who_rang(askers, MANY), "0", "one place");
    is_int(collect(&askers[3]), WXL_HTTP_OUT_OF_TURN, "one in line asks by himself: he has it");
    is_int(collect(&askers[1]), WXL_HTTP_OUT_OF_TURN, "and another");
    is_int(calls->awake, 1, "they take no place");
    drop(&askers[3]);
    is_str(who_rang(askers, MANY), "", "and free none");
    drop(&askers[0]);
    is_str(who_rang(askers, MANY), "2", "who has it already is not woken");
    end(calls, askers);
}

/* The engine hands over a reply while its asker leaves: the place is given back all the same. */
static void at_once(void)
{
    wxl_http_calls_t *calls = wxl_http_calls_create(1);
    asker_t askers[MANY];
    int i;

    for (i = 0; i < MANY; i++) {
        askers[i] = ask(calls);
        is_int(collect(&askers[i]), WXL_HTTP_NOT_YET, "not yet");
        answer_all(calls);
        is_int(collect(&askers[i]), WXL_HTTP_IN_TURN, "answered before anybody waits");
        drop(&askers[i]);
        is_int(calls->awake, 0, "no place is kept");
    }
    end(calls, askers);
}

static void the_end(void)
{
    asker_t askers[MANY];
    wxl_http_calls_t *calls = wave(askers, 1);
    wxl_http_request_t request = {.url = "http://127.0.0.1/"};
    int stopping;

    who_rang(askers, MANY);
    drop(&askers[1]);
    wxl_http_calls_stop(calls);
    is_str(who_rang(askers, MANY), "2345", "the child ends: all in line are woken");
    ok(!wxl_http_calls_take(calls, &stopping) && stopping, "the engine hears of it");
    is_int(wxl_http_calls_queue(calls, wxl_http_calls_new(calls, &request, -1)), 0,
           "nothing new is taken in");
    wxl_http_calls_release(calls);
    is_int(collect(&askers[5]), WXL_HTTP_IN_TURN, "what askers hold outlives the engine");
    drop(&askers[5]);
    drop(&askers[0]);
    drop(&askers[2]);
    drop(&askers[3]);
    drop(&askers[4]); /* which frees the calls: a checker would tell */
    is_str(who_rang(askers, MANY), "", "nobody is woken again");
    for (stopping = 0; stopping < MANY; stopping++)
        close(askers[stopping].bell);
}

/* -- many threads ------------------------------------------------------------------------------ */

typedef struct {
    apr_thread_t *thread;
    apr_pool_t *pool;
    wxl_http_calls_t *calls;
    unsigned int seed;
    int served, gone, wrong;
} stress_t;

static int awake, most_awake, over;

static void serve(stress_t *stress, const asker_t *asker)
{
    struct pollfd bell = {.fd = asker->bell, .events = POLLIN};
    int now, most;

    if (poll(&bell, 1, 20000) != 1) {
        stress->wrong++;
        return;
    }
    now = __atomic_add_fetch(&awake, 1, __ATOMIC_SEQ_CST);
    most = __atomic_load_n(&most_awake, __ATOMIC_SEQ_CST);
    while (now > most && !__atomic_compare_exchange_n(&most_awake, &most, now, 0, __ATOMIC_SEQ_CST,
                                                      __ATOMIC_SEQ_CST))
        ;
    stress->wrong += collect_into(asker, stress->pool) != WXL_HTTP_IN_TURN;
    if (rand_r(&stress->seed) % 4 == 0)
        sched_yield();
    stress->served++;
    __atomic_sub_fetch(&awake, 1, __ATOMIC_SEQ_CST);
}

/* Asks again and again, and leaves every fourth time at some moment. */
static void *APR_THREAD_FUNC askers_life(apr_thread_t *thread, void *data)
{
    stress_t *stress = data;
    int i;

    (void)thread;
    for (i = 0; i < ROUNDS; i++) {
        asker_t asker = ask(stress->calls);

        apr_pool_clear(stress->pool);
        if (rand_r(&stress->seed) % 4) {
            serve(stress, &asker);
        } else {
            stress->gone++;
            if (rand_r(&stress->seed) % 2)
                sched_yield();
        }
        drop(&asker);
        rings(&asker);
        if (rand_r(&stress->seed) % 4 == 0)
            sched_yield();
        stress->wrong += rings(&asker) > 0; /* after it was dropped */
        close(asker.bell);
    }
    return NULL;
}

static void *APR_THREAD_FUNC engines_life(apr_thread_t *thread, void *data)
{
    wxl_http_calls_t *calls = data;

    (void)thread;
    while (!__atomic_load_n(&over, __ATOMIC_ACQUIRE)) {
        struct pollfd bell = {.fd = calls->wake, .events = POLLIN};

        if (poll(&bell, 1, 20000) == 1)
            answer_all(calls);
    }
    return NULL;
}

static void stress(int most)
{
    wxl_http_calls_t *calls = wxl_http_calls_create(most);
    stress_t askers[ASKERS], all = {0};
    apr_thread_t *engine;
    apr_status_t rv;
    int i;

    memset(askers, 0, sizeof(askers));
    awake = most_awake = over = 0;
    if (apr_thread_create(&engine, NULL, engines_life, calls, pool))
        abort();
    for (i = 0; i < ASKERS; i++) {
        askers[i].calls = calls;
        askers[i].seed = (unsigned int)i;
        apr_pool_create(&askers[i].pool, NULL); /* not of one that others use, too */
        if (apr_thread_create(&askers[i].thread, NULL, askers_life, &askers[i], pool))
            abort();
    }
    for (i = 0; i < ASKERS; i++) {
        apr_thread_join(&rv, askers[i].thread);
        apr_pool_destroy(askers[i].pool);
        all.served += askers[i].served;
        all.gone += askers[i].gone;
        all.wrong += askers[i].wrong;
    }
    __atomic_store_n(&over, 1, __ATOMIC_RELEASE);
    wxl_http_calls_ring(calls);
    apr_thread_join(&rv, engine);
    is_int(all.served + all.gone, ASKERS * ROUNDS, "%d were served, %d had gone", all.served,
           all.gone);
    is_int(all.wrong, 0, "none was forgotten, or rung for after he left");
    ok(most_awake <= most, "%d awake at a time, %d may", most_awake, most);
    is_int(calls->awake, 0, "all places are free");
    answer_all(calls);
    is_int(calls->users, 1, "no call is left");
    wxl_http_calls_release(calls);
}

int main(void)
{
    pool = fixture_start();
    in_turn();
    dropped();
    overtaken();
    at_once();
    the_end();
    stress(1);
    stress(3);
    return done_testing();
}
