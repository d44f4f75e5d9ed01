/*
 * gate/http_engine: many transfers and the thread that waits for them. See http_engine.h.
 *
 * One mutex guards libcurl and the legs. The thread holds it but while it sleeps; an asker only
 * tries it, so nobody waits for libcurl but the thread, and it for as long as one request takes to
 * be sent. To send it there and then spares two changes of threads.
 */

#include "gate/http_engine.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include <apr_thread_proc.h>

#include "gate/http_legs.h"

#define MOST_EVENTS 64
#define MOST_CONNECTIONS 65536L
/* While something is under way, or was a moment ago, the thread sleeps so long at most. */
#define DOZE apr_time_from_sec(1)
/* So many transfers at a time leave enough behind to be worth looking for it. */
#define BURST 64

struct wxl_http_engine_t {
    wxl_http_calls_t *calls;
    apr_thread_t *thread;
    int epoll;
    int wanted;                /* atomic: the thread waits for the mutex */
    apr_thread_mutex_t *mutex; /* guards all that follows */
    int ended;
    apr_time_t until;           /* so long the thread sleeps; 0: until something happens */
    apr_time_t timer;           /* when libcurl wants to be called; 0: never */
    apr_interval_time_t period; /* between looks at what can be given back */
    apr_time_t review;          /* the next of them; 0: there is nothing */
    int high; /* most transfers at a time, in the periods since memory was given back */
    wxl_http_legs_t legs;
};

/* -- the thread ------------------------------------------------------------------------------- */

static int on_socket(CURL *curl, curl_socket_t socket, int what, void *baton, void *known)
{
    wxl_http_engine_t *engine = baton;
    struct epoll_event event = {.data.fd = socket};

    (void)curl;
    if (what == CURL_POLL_REMOVE) {
        epoll_ctl(engine->epoll, EPOLL_CTL_DEL, socket, &event);
        return 0;
    }
    event.events = (what & CURL_POLL_IN ? EPOLLIN : 0) | (what & CURL_POLL_OUT ? EPOLLOUT : 0);
    if (epoll_ctl(engine->epoll, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, socket, &event) != 0 &&
        errno == EEXIST)
        epoll_ctl(engine->epoll, EPOLL_CTL_MOD, socket, &event);
    curl_multi_assign(engine->legs.multi, socket, engine); /* any pointer: "known" from now on */
    return 0;
}

static int on_timer(CURLM *multi, long ms, void *baton)
{
    wxl_http_engine_t *engine = baton;

    (void)multi;
    engine->timer = ms < 0 ? 0 : wxl_http_clock() + apr_time_from_msec(ms);
    return 0;
}

static CURLM *multi_new(wxl_http_engine_t *engine)
{
    CURLM *multi = curl_multi_init();

    if (!multi)
        return NULL;
    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, engine);
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(multi, CURLMOPT_TIMERDATA, engine);
    curl_multi_setopt(multi, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX);
    /* As many as were in use at a time: the next wave finds them. Age ends them, not number. */
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, MOST_CONNECTIONS);
    return multi;
}

/* Take the new calls. @return 1 if the child is ending */
static int take_calls(wxl_http_engine_t *engine)
{
    wxl_http_call_t *call, *next;
    int stopping;

    for (call = wxl_http_calls_take(engine->calls, &stopping); call; call = next) {
        next = call->next; /* the call may be gone after this */
        wxl_http_legs_add(&engine->legs, call);
    }
    return stopping;
}

/* Transfers that ended. */
static void reap(wxl_http_engine_t *engine)
{
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(engine->legs.multi, &left)) != NULL) {
        if (message->msg == CURLMSG_DONE)
            wxl_http_legs_finish(&engine->legs, message->easy_handle, message->data.result);
    }
}

/* When the clock is to be looked at; 0: never. */
static apr_time_t next_look(const wxl_http_engine_t *engine)
{
    apr_time_t next = wxl_http_legs_next(&engine->legs, engine->timer);

    return engine->review && (!next || engine->review < next) ? engine->review : next;
}

/* How long epoll may sleep, in milliseconds; -1: until something happens. */
static int nap(wxl_http_engine_t *engine)
{
    apr_time_t now = wxl_http_clock();

    engine->until = next_look(engine);
    if (!engine->until)
        return -1;
    /* Or each new call that is due a little earlier would have to wake the thread. */
    if (engine->until > now + DOZE)
        engine->until = now + DOZE;
    return engine->until <= now ? 0 : (int)((engine->until - now + 999) / 1000);
}

/* Wait, and go on with what is ready. @return 1 if the child is ending */
static int hear(wxl_http_engine_t *engine)
{
    struct epoll_event events[MOST_EVENTS];
    int ms = nap(engine), stopping = 0, count, running, i;

    apr_thread_mutex_unlock(engine->mutex);
    count = epoll_wait(engine->epoll, events, MOST_EVENTS, ms);
    __atomic_store_n(&engine->wanted, 1, __ATOMIC_RELAXED);
    apr_thread_mutex_lock(engine->mutex);
    __atomic_store_n(&engine->wanted, 0, __ATOMIC_RELAXED);
    for (i = 0; i < count; i++) {
        int fd = events[i].data.fd;
        int mask = (events[i].events & (EPOLLIN | EPOLLHUP) ? CURL_CSELECT_IN : 0) |
                   (events[i].events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
                   (events[i].events & EPOLLERR ? CURL_CSELECT_ERR : 0);

        if (fd == engine->calls->wake)
            stopping = take_calls(engine);
        else
            curl_multi_socket_action(engine->legs.multi, fd, mask, &running);
    }
    return stopping;
}

/* What is due by the clock, new calls among it: libcurl begins them when their time has come. */
static void look_at_clock(wxl_http_engine_t *engine)
{
    apr_time_t now = wxl_http_clock();
    int running;

    if (engine->timer && engine->timer <= now) {
        engine->timer = 0;
        curl_multi_socket_action(engine->legs.multi, CURL_SOCKET_TIMEOUT, 0, &running);
    }
    wxl_http_legs_expire(&engine->legs, now);
}

/* After something has happened. */
static void go_on(wxl_http_engine_t *engine)
{
    look_at_clock(engine);
    reap(engine);
    if (engine->legs.news)
        wxl_http_legs_news(&engine->legs);
    if (!engine->review && engine->legs.most)
        engine->review = wxl_http_clock() + engine->period;
}

/* Once in a while: give back what a burst has left behind. */
static void review(wxl_http_engine_t *engine)
{
    int most = engine->legs.most;

    engine->review = most ? wxl_http_clock() + engine->period : 0;
    if (!most) { /* libcurl looks for connections that are too old only when it is asked for one */
        wxl_http_legs_rest(&engine->legs);
        go_on(engine);
    }
#ifdef __GLIBC__
    /* What a burst took and gave back lies in holes of many arenas, those of httpd's threads among
       them; malloc() itself returns nothing of it to the system. */
    if (engine->high >= BURST && most <= engine->high / 2)
        malloc_trim(0);
#endif
    if (most > engine->high || most <= engine->high / 2)
        engine->high = most;
    engine->legs.most = engine->legs.running;
}

static void *APR_THREAD_FUNC run(apr_thread_t *thread, void *baton)
{
    wxl_http_engine_t *engine = baton;

    apr_thread_mutex_lock(engine->mutex);
    while (!hear(engine)) {
        go_on(engine);
        if (engine->review && engine->review <= wxl_http_clock())
            review(engine);
    }
    apr_thread_mutex_unlock(engine->mutex);
    apr_thread_exit(thread, APR_SUCCESS);
    return NULL;
}

/* -- start and end ---------------------------------------------------------------------------- */

static apr_status_t shut_down(void *data)
{
    wxl_http_engine_t *engine = data;
    apr_status_t rv;

    wxl_http_calls_stop(engine->calls);
    apr_thread_join(&rv, engine->thread);
    apr_thread_mutex_lock(engine->mutex);
    engine->ended = 1;
    take_calls(engine);
    wxl_http_legs_let_go(&engine->legs);
    curl_multi_cleanup(engine->legs.multi);
    apr_thread_mutex_unlock(engine->mutex);
    close(engine->epoll);
    curl_global_cleanup();
    return APR_SUCCESS;
}

/* When nobody can ask any more. */
static apr_status_t release_calls(void *data)
{
    wxl_http_calls_release(data);
    return APR_SUCCESS;
}

static wxl_http_calls_t *calls_of(apr_pool_t *pool, int most)
{
    wxl_http_calls_t *calls = wxl_http_calls_create(most);

    if (calls)
        apr_pool_cleanup_register(pool, calls, release_calls, apr_pool_cleanup_null);
    return calls;
}

static int epoll_setup(wxl_http_engine_t *engine)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = engine->calls->wake};

    engine->epoll = epoll_create1(EPOLL_CLOEXEC);
    return engine->epoll >= 0 &&
           epoll_ctl(engine->epoll, EPOLL_CTL_ADD, engine->calls->wake, &event) == 0;
}

wxl_http_engine_t *wxl_http_engine_create(apr_pool_t *pool, apr_interval_time_t idle, int most)
{
    wxl_http_engine_t *engine = apr_pcalloc(pool, sizeof(*engine));

    engine->period = idle / 2;
    /* What a failure here leaves behind goes with the child. */
    if (!wxl_http_easy_start() || !(engine->calls = calls_of(pool, most)) || !epoll_setup(engine) ||
        !(engine->legs.multi = multi_new(engine)) ||
        apr_thread_mutex_create(&engine->mutex, APR_THREAD_MUTEX_DEFAULT, pool) != APR_SUCCESS ||
        apr_thread_create(&engine->thread, NULL, run, engine, pool) != APR_SUCCESS)
        return NULL;
    /* A pre-cleanup: the mutex and the thread's memory are still there. */
    apr_pool_pre_cleanup_register(pool, engine, shut_down);
    return engine;
}

wxl_http_call_t *wxl_http_engine_submit(wxl_http_engine_t *engine,
                                        const wxl_http_request_t *request, int bell)
{
    wxl_http_call_t *call = wxl_http_calls_new(engine->calls, request, bell);
    apr_time_t next;
    int ring;

    if (!call)
        return NULL;
    /* A crowd of askers must not keep the thread out. */
    if (__atomic_load_n(&engine->wanted, __ATOMIC_RELAXED) ||
        apr_thread_mutex_trylock(engine->mutex) != APR_SUCCESS)
        return wxl_http_calls_queue(engine->calls, call) ? call : NULL;
    if (engine->ended) {
        apr_thread_mutex_unlock(engine->mutex);
        return wxl_http_calls_queue(engine->calls, call) ? call : NULL; /* which refuses it */
    }
    wxl_http_legs_add(&engine->legs, call);
    go_on(engine);
    next = next_look(engine);
    ring = next && (!engine->until || next < engine->until);
    apr_thread_mutex_unlock(engine->mutex);
    if (ring) /* the thread would sleep for too long */
        wxl_http_calls_ring(engine->calls);
    return call;
}
