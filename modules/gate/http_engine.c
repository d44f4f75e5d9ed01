/* gate/http_engine: the thread that drives all transfers. See http_engine.h. */

#include "gate/http_engine.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <apr_thread_proc.h>

#include "gate/http_legs.h"

#define MOST_EVENTS 64

struct wxl_http_engine_t {
    wxl_http_calls_t calls;
    apr_thread_t *thread;
    int epoll;
    apr_time_t timer; /* when libcurl wants to be called; 0: never */
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
    engine->timer = ms < 0 ? 0 : apr_time_now() + apr_time_from_msec(ms);
    return 0;
}

/* Take the new calls. @return 1 if the child is ending */
static int take_calls(wxl_http_engine_t *engine)
{
    wxl_http_call_t *call, *next;
    int stopping;

    for (call = wxl_http_calls_take(&engine->calls, &stopping); call; call = next) {
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

/* How long epoll may sleep, in milliseconds. */
static int nap(const wxl_http_engine_t *engine, apr_time_t now)
{
    apr_time_t until = wxl_http_legs_next(
        &engine->legs, engine->timer ? engine->timer : now + apr_time_from_sec(60));

    return until <= now ? 0 : (int)((until - now + 999) / 1000);
}

static void drive(wxl_http_engine_t *engine)
{
    struct epoll_event events[MOST_EVENTS];
    int count = epoll_wait(engine->epoll, events, MOST_EVENTS, nap(engine, apr_time_now()));
    int running, i;

    for (i = 0; i < count; i++) {
        int fd = events[i].data.fd;
        int mask = (events[i].events & (EPOLLIN | EPOLLHUP) ? CURL_CSELECT_IN : 0) |
                   (events[i].events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
                   (events[i].events & EPOLLERR ? CURL_CSELECT_ERR : 0);

        if (fd != engine->calls.wake)
            curl_multi_socket_action(engine->legs.multi, fd, mask, &running);
    }
    if (engine->timer && engine->timer <= apr_time_now()) {
        engine->timer = 0;
        curl_multi_socket_action(engine->legs.multi, CURL_SOCKET_TIMEOUT, 0, &running);
    }
    wxl_http_legs_expire(&engine->legs, apr_time_now());
}

static void *APR_THREAD_FUNC run(apr_thread_t *thread, void *baton)
{
    wxl_http_engine_t *engine = baton;

    do {
        drive(engine);
        reap(engine);
        if (engine->legs.news)
            wxl_http_legs_news(&engine->legs);
    } while (!take_calls(engine));
    apr_thread_exit(thread, APR_SUCCESS);
    return NULL;
}

/* -- start and end ---------------------------------------------------------------------------- */

static apr_status_t shut_down(void *data)
{
    wxl_http_engine_t *engine = data;
    apr_status_t rv;

    wxl_http_calls_stop(&engine->calls);
    apr_thread_join(&rv, engine->thread);
    take_calls(engine);
    wxl_http_legs_let_go(&engine->legs);
    curl_multi_cleanup(engine->legs.multi);
    close(engine->epoll);
    close(engine->calls.wake);
    curl_global_cleanup();
    return APR_SUCCESS;
}

static int multi_setup(wxl_http_engine_t *engine)
{
    engine->legs.multi = curl_multi_init();
    if (!engine->legs.multi)
        return 0;
    curl_multi_setopt(engine->legs.multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(engine->legs.multi, CURLMOPT_SOCKETDATA, engine);
    curl_multi_setopt(engine->legs.multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(engine->legs.multi, CURLMOPT_TIMERDATA, engine);
    curl_multi_setopt(engine->legs.multi, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX);
    wxl_http_legs_keep(&engine->legs);
    return 1;
}

static int epoll_setup(wxl_http_engine_t *engine)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = engine->calls.wake};

    engine->epoll = epoll_create1(EPOLL_CLOEXEC);
    return engine->epoll >= 0 &&
           epoll_ctl(engine->epoll, EPOLL_CTL_ADD, engine->calls.wake, &event) == 0;
}

wxl_http_engine_t *wxl_http_engine_create(apr_pool_t *pool)
{
    wxl_http_engine_t *engine = apr_pcalloc(pool, sizeof(*engine));

    /* What a failure here leaves behind goes with the child. */
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK ||
        !wxl_http_calls_init(&engine->calls, pool) || !epoll_setup(engine) ||
        !multi_setup(engine) ||
        apr_thread_create(&engine->thread, NULL, run, engine, pool) != APR_SUCCESS)
        return NULL;
    /* A pre-cleanup: the mutex and the thread's memory are still there. */
    apr_pool_pre_cleanup_register(pool, engine, shut_down);
    return engine;
}

wxl_http_call_t *wxl_http_engine_submit(wxl_http_engine_t *engine,
                                        const wxl_http_request_t *request, int eventfd)
{
    return wxl_http_calls_submit(&engine->calls, request, eventfd);
}
