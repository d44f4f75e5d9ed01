/*
 * gate/http_calls: where those who ask and the engine meet.
 *
 * A call has two owners, one on each side; the last one frees it. One mutex guards the queue of new
 * calls, and one of each call who owns it: both are leaves, never held across a call of libcurl's
 * or of httpd's. Nothing here knows libcurl.
 */
#ifndef WXL_HTTP_CALLS_H
#define WXL_HTTP_CALLS_H

#include <pthread.h>

#include <apr_thread_mutex.h>

#include "gate/http.h"

typedef struct wxl_http_calls_t wxl_http_calls_t;

/** One request under way. malloc'ed, never from a pool: it may outlive the request's. */
typedef struct wxl_http_call_t {
    struct wxl_http_call_t *next; /* in the queue */
    pthread_mutex_t mutex;
    int owners, dropped; /* under the mutex */
    int done;            /* atomic; written under the mutex */
    int eventfd;         /* the asker's */
    char *url;
    wxl_http_request_t request; /* its url is the one above */
    apr_time_t submitted;       /* by wxl_http_clock() */
    wxl_http_reply_t reply;     /* the engine's until done, then the asker's; its body malloc'ed */
} wxl_http_call_t;

struct wxl_http_calls_t {
    apr_thread_mutex_t *mutex;
    wxl_http_call_t *first, **last; /* those that the engine has not seen yet */
    int stopping;
    int wake; /* an eventfd: the engine's bell */
};

/** Begin. @return 1, or 0 if a mutex or a descriptor could not be had */
int wxl_http_calls_init(wxl_http_calls_t *calls, apr_pool_t *pool);

/* -- the asker's side, any thread -- */

/**
 * Make a call; see wxl_http_engine_submit().
 * @return NULL: out of memory
 */
wxl_http_call_t *wxl_http_calls_new(const wxl_http_request_t *request, int eventfd);

/**
 * Put a call into the queue of the engine's thread, and wake that.
 * @return 1, or 0: the child is ending, and the call is gone
 */
int wxl_http_calls_queue(wxl_http_calls_t *calls, wxl_http_call_t *call);

/**
 * Is it done?
 * @param pool where the body goes
 * @return 1 and the reply, once; 0: not yet
 */
int wxl_http_calls_collect(wxl_http_call_t *call, apr_pool_t *pool, wxl_http_reply_t *reply);

/**
 * Let go of a call, done or not. After this its eventfd is never written again. A transfer that is
 * under way runs to its end (the code is spent anyway) and its answer is thrown away.
 */
void wxl_http_calls_drop(wxl_http_call_t *call);

/* -- the engine's side -- */

/**
 * The bell rang: take all new calls, in order, linked by `next`.
 * @param stopping set to 1 when the child is ending
 */
wxl_http_call_t *wxl_http_calls_take(wxl_http_calls_t *calls, int *stopping);

/** The reply is in the call: wake the asker, if it still waits. The call is no longer ours. */
void wxl_http_calls_done(wxl_http_call_t *call);

/** Wake the engine's thread. */
void wxl_http_calls_ring(wxl_http_calls_t *calls);

/** Refuse new calls from now on, and wake the engine. */
void wxl_http_calls_stop(wxl_http_calls_t *calls);

#endif
