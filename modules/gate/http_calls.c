/* gate/http_calls: where askers and engine meet. See http_calls.h. */

#include "gate/http_calls.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "gate/crypto.h"

wxl_http_calls_t *wxl_http_calls_create(int most)
{
    wxl_http_calls_t *calls = calloc(1, sizeof(*calls));

    if (!calls)
        return NULL;
    calls->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (calls->wake < 0) {
        free(calls);
        return NULL;
    }
    pthread_mutex_init(&calls->mutex, NULL);
    calls->last = &calls->first;
    calls->most = most;
    calls->users = 1;
    return calls;
}

/* One user less; the last one frees. */
static void leave(wxl_http_calls_t *calls)
{
    if (__atomic_sub_fetch(&calls->users, 1, __ATOMIC_ACQ_REL))
        return;
    pthread_mutex_destroy(&calls->mutex);
    free(calls);
}

/* Rings the bell of the engine or of a parked connection. */
static void ring(int eventfd)
{
    apr_uint64_t one = 1;

    while (write(eventfd, &one, sizeof(one)) < 0 && errno == EINTR)
        ;
}

static void free_call(wxl_http_call_t *call)
{
    wxl_crypto_wipe(call->url, strlen(call->url));
    free(call->url);
    if (call->reply.body)
        wxl_crypto_wipe((char *)call->reply.body, call->reply.len);
    free((char *)call->reply.body);
    pthread_mutex_destroy(&call->mutex);
    leave(call->calls);
    free(call);
}

wxl_http_call_t *wxl_http_calls_new(wxl_http_calls_t *calls, const wxl_http_request_t *request,
                                    int bell)
{
    wxl_http_call_t *call = calloc(1, sizeof(*call));

    if (!call || !(call->url = strdup(request->url))) {
        free(call);
        return NULL;
    }
    __atomic_add_fetch(&calls->users, 1, __ATOMIC_RELAXED);
    call->calls = calls;
    pthread_mutex_init(&call->mutex, NULL);
    call->owners = 2;
    call->bell = bell;
    call->request = *request;
    call->request.url = call->url;
    call->submitted = wxl_http_clock();
    return call;
}

int wxl_http_calls_queue(wxl_http_calls_t *calls, wxl_http_call_t *call)
{
    int refused, first = 0;

    pthread_mutex_lock(&calls->mutex);
    refused = calls->stopping;
    if (!refused) {
        first = !calls->first;
        *calls->last = call;
        calls->last = &call->next;
    }
    pthread_mutex_unlock(&calls->mutex);
    if (refused)
        free_call(call);
    else if (first) /* else somebody has rung, or is about to, since the engine last looked */
        ring(calls->wake);
    return !refused;
}

void wxl_http_calls_ring(wxl_http_calls_t *calls)
{
    ring(calls->wake);
}

/* -- owners ----------------------------------------------------------------------------------- */

/* One owner less; the last one frees. */
static void part(wxl_http_call_t *call)
{
    int last;

    pthread_mutex_lock(&call->mutex);
    last = --call->owners == 0;
    pthread_mutex_unlock(&call->mutex);
    if (last)
        free_call(call);
}

/* What the engine owned is the asker's, who hears of it. If he has dropped it, his bell may have
   another owner by now; so it is rung under the mutex. */
static void hand_over(wxl_http_call_t *call)
{
    int last;

    pthread_mutex_lock(&call->mutex);
    __atomic_store_n(&call->done, 1, __ATOMIC_RELEASE);
    last = --call->owners == 0;
    if (!last)
        ring(call->bell);
    pthread_mutex_unlock(&call->mutex);
    if (last)
        free_call(call);
}

/* -- turns ------------------------------------------------------------------------------------ */

/* These four under the mutex of all. */

static void join_line(wxl_http_calls_t *calls, wxl_http_call_t *call)
{
    call->turn = WXL_HTTP_READY;
    call->ahead = calls->back;
    if (calls->back)
        calls->back->behind = call;
    else
        calls->front = call;
    calls->back = call;
}

static void leave_line(wxl_http_calls_t *calls, wxl_http_call_t *call)
{
    if (call->ahead)
        call->ahead->behind = call->behind;
    else
        calls->front = call->behind;
    if (call->behind)
        call->behind->ahead = call->ahead;
    else
        calls->back = call->ahead;
}

/* The next one that may be woken, which has a place now. @return NULL: nobody */
static wxl_http_call_t *next_in_line(wxl_http_calls_t *calls)
{
    wxl_http_call_t *call = calls->front;

    if (!call || calls->awake >= calls->most)
        return NULL;
    leave_line(calls, call);
    call->turn = WXL_HTTP_AWAKE;
    calls->awake++;
    return call;
}

/* Take a call out of the line, and the engine's share in it. @return 0: it does not stand there */
static int step_out(wxl_http_call_t *call)
{
    if (call->turn != WXL_HTTP_READY)
        return 0;
    leave_line(call->calls, call);
    call->turn = WXL_HTTP_LEFT;
    call->owners = 1; /* nobody else has it */
    return 1;
}

/* The asker is awake, for another reason. @return 1 if his call stood in line */
static int overtake(wxl_http_call_t *call)
{
    int ready;

    pthread_mutex_lock(&call->calls->mutex);
    ready = step_out(call);
    pthread_mutex_unlock(&call->calls->mutex);
    return ready;
}

wxl_http_collected_t wxl_http_calls_collect(wxl_http_call_t *call, apr_pool_t *pool,
                                            wxl_http_reply_t *reply)
{
    wxl_http_collected_t collected = WXL_HTTP_NOT_YET;

    /* Without its mutex: the engine's thread may hold it still, having just rung. */
    if (__atomic_load_n(&call->done, __ATOMIC_ACQUIRE))
        collected = WXL_HTTP_IN_TURN;
    else if (overtake(call))
        collected = WXL_HTTP_OUT_OF_TURN;
    if (!collected)
        return collected;
    *reply = call->reply; /* the engine leaves it alone */
    call->reply.body = NULL;
    wxl_http_adopt(pool, reply);
    return collected;
}

void wxl_http_calls_drop(wxl_http_call_t *call)
{
    wxl_http_calls_t *calls = call->calls;
    wxl_http_call_t *next = NULL;

    pthread_mutex_lock(&calls->mutex);
    if (call->turn == WXL_HTTP_AWAKE) {
        calls->awake--;
        next = next_in_line(calls);
    } else {
        step_out(call);
    }
    call->turn = WXL_HTTP_LEFT;
    pthread_mutex_unlock(&calls->mutex);
    if (next)
        hand_over(next);
    part(call);
}

void wxl_http_calls_done(wxl_http_call_t *call)
{
    wxl_http_calls_t *calls = call->calls;
    int ready = 0;

    pthread_mutex_lock(&calls->mutex);
    if (call->turn == WXL_HTTP_UNDER_WAY) { /* else it was dropped */
        ready = calls->awake >= calls->most;
        if (ready) {
            join_line(calls, call);
        } else {
            call->turn = WXL_HTTP_AWAKE;
            calls->awake++;
        }
    }
    pthread_mutex_unlock(&calls->mutex);
    if (!ready) /* else it is the line's */
        hand_over(call);
}

/* -- the engine's thread ---------------------------------------------------------------------- */

wxl_http_call_t *wxl_http_calls_take(wxl_http_calls_t *calls, int *stopping)
{
    wxl_http_call_t *taken;
    apr_uint64_t count;

    while (read(calls->wake, &count, sizeof(count)) < 0 && errno == EINTR)
        ;
    pthread_mutex_lock(&calls->mutex);
    *stopping = calls->stopping;
    taken = calls->first;
    calls->first = NULL;
    calls->last = &calls->first;
    pthread_mutex_unlock(&calls->mutex);
    return taken;
}

void wxl_http_calls_stop(wxl_http_calls_t *calls)
{
    wxl_http_call_t *call;

    pthread_mutex_lock(&calls->mutex);
    calls->stopping = 1;
    calls->most = INT_MAX;
    pthread_mutex_unlock(&calls->mutex);
    ring(calls->wake);
    do {
        pthread_mutex_lock(&calls->mutex);
        call = next_in_line(calls);
        pthread_mutex_unlock(&calls->mutex);
        if (call)
            hand_over(call);
    } while (call);
}

void wxl_http_calls_release(wxl_http_calls_t *calls)
{
    close(calls->wake);
    leave(calls);
}
