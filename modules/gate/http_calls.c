/* gate/http_calls: where askers and engine meet. See http_calls.h. */

#include "gate/http_calls.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "gate/crypto.h"

int wxl_http_calls_init(wxl_http_calls_t *calls, apr_pool_t *pool)
{
    calls->last = &calls->first;
    calls->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    return calls->wake >= 0 &&
           apr_thread_mutex_create(&calls->mutex, APR_THREAD_MUTEX_DEFAULT, pool) == APR_SUCCESS;
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
    free(call);
}

wxl_http_call_t *wxl_http_calls_new(const wxl_http_request_t *request, int eventfd)
{
    wxl_http_call_t *call = calloc(1, sizeof(*call));

    if (!call || !(call->url = strdup(request->url))) {
        free(call);
        return NULL;
    }
    pthread_mutex_init(&call->mutex, NULL);
    call->owners = 2;
    call->eventfd = eventfd;
    call->request = *request;
    call->request.url = call->url;
    call->submitted = wxl_http_clock();
    return call;
}

int wxl_http_calls_queue(wxl_http_calls_t *calls, wxl_http_call_t *call)
{
    int refused, first = 0;

    apr_thread_mutex_lock(calls->mutex);
    refused = calls->stopping;
    if (!refused) {
        first = !calls->first;
        *calls->last = call;
        calls->last = &call->next;
    }
    apr_thread_mutex_unlock(calls->mutex);
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

int wxl_http_calls_collect(wxl_http_call_t *call, apr_pool_t *pool, wxl_http_reply_t *reply)
{
    /* Without the mutex: the engine's thread may hold it still, having just rung. */
    if (!__atomic_load_n(&call->done, __ATOMIC_ACQUIRE))
        return 0;
    *reply = call->reply; /* once it is done, the engine leaves it alone */
    call->reply.body = NULL;
    wxl_http_adopt(pool, reply);
    return 1;
}

/* One owner less; the last one frees.
   @param engine 1: it is the engine, which is done; 0: the asker, who drops it */
static void part(wxl_http_call_t *call, int engine)
{
    int last;

    pthread_mutex_lock(&call->mutex);
    if (engine) {
        __atomic_store_n(&call->done, 1, __ATOMIC_RELEASE);
        if (!call->dropped)
            ring(call->eventfd);
    } else {
        call->dropped = 1; /* so the bell is not rung when its number belongs to another */
    }
    last = --call->owners == 0;
    pthread_mutex_unlock(&call->mutex);
    if (last)
        free_call(call);
}

void wxl_http_calls_drop(wxl_http_call_t *call)
{
    part(call, 0);
}

void wxl_http_calls_done(wxl_http_call_t *call)
{
    part(call, 1);
}

wxl_http_call_t *wxl_http_calls_take(wxl_http_calls_t *calls, int *stopping)
{
    wxl_http_call_t *taken;
    apr_uint64_t count;

    while (read(calls->wake, &count, sizeof(count)) < 0 && errno == EINTR)
        ;
    apr_thread_mutex_lock(calls->mutex);
    *stopping = calls->stopping;
    taken = calls->first;
    calls->first = NULL;
    calls->last = &calls->first;
    apr_thread_mutex_unlock(calls->mutex);
    return taken;
}

void wxl_http_calls_stop(wxl_http_calls_t *calls)
{
    apr_thread_mutex_lock(calls->mutex);
    calls->stopping = 1;
    apr_thread_mutex_unlock(calls->mutex);
    ring(calls->wake);
}
