/*
 * gate/http_calls: where those who ask and the engine meet, and whose turn it is.
 *
 * A call has two owners, one on each side; the last one frees it.
 *
 * Answers come in waves: thousands who waited for a slow server have theirs within a moment. If all
 * of them were woken then, they would fill every thread and all that comes would wait behind them.
 * So a few calls are awake at a time; those whose reply comes while all places are taken stand in
 * line, and whoever leaves a place rings for the first of them:
 *
 *     UNDER_WAY ──► AWAKE ──► LEFT       a place was free
 *     UNDER_WAY ──► READY ──► AWAKE ...  first in line when one became free
 *
 * One mutex guards the queue of new calls, the line and the places, and one of each call who owns
 * it: both are leaves, never held across a call of libcurl's or of httpd's. Nothing here knows
 * libcurl.
 */
#ifndef WXL_HTTP_CALLS_H
#define WXL_HTTP_CALLS_H

#include <pthread.h>

#include "gate/http.h"

typedef struct wxl_http_calls_t wxl_http_calls_t;

typedef enum {
    WXL_HTTP_UNDER_WAY = 0, /* the engine has it */
    WXL_HTTP_READY,         /* the reply is there, and it stands in line; nobody but the line and
                               the asker knows it */
    WXL_HTTP_AWAKE,         /* it has a place: its bell has rung, or is about to */
    WXL_HTTP_LEFT           /* it has none, and wants none any more */
} wxl_http_turn_t;

/** One request under way. malloc'ed, never from a pool: it may outlive the request's. */
typedef struct wxl_http_call_t {
    wxl_http_calls_t *calls;
    struct wxl_http_call_t *next;           /* in the queue */
    struct wxl_http_call_t *ahead, *behind; /* in the line */
    wxl_http_turn_t turn;                   /* these under the mutex of all */
    pthread_mutex_t mutex;
    int owners; /* under its own mutex */
    int done;   /* atomic; written under its own mutex */
    int bell;   /* an eventfd, the asker's */
    char *url;
    wxl_http_request_t request; /* its url is the one above */
    apr_time_t submitted;       /* by wxl_http_clock() */
    wxl_http_reply_t reply;     /* the engine's until it is ready, then the asker's; its body
                                   malloc'ed */
} wxl_http_call_t;

/** malloc'ed like the calls, which refer to it. */
struct wxl_http_calls_t {
    int users; /* atomic: the engine, and each call */
    pthread_mutex_t mutex;
    wxl_http_call_t *first, **last; /* those that the engine has not seen yet */
    wxl_http_call_t *front, *back;  /* the line */
    int awake, most;                /* calls that have a place, and how many may */
    int stopping;
    int wake; /* an eventfd: the engine's bell */
};

/**
 * Begin.
 * @param most so many calls are awake at a time; at least 1
 * @return NULL: memory or a descriptor could not be had
 */
wxl_http_calls_t *wxl_http_calls_create(int most);

/* -- the asker's side, any thread -- */

/**
 * Make a call; see wxl_http_engine_submit().
 * @return NULL: out of memory
 */
wxl_http_call_t *wxl_http_calls_new(wxl_http_calls_t *calls, const wxl_http_request_t *request,
                                    int bell);

/**
 * Put a call into the queue of the engine's thread, and wake that.
 * @return 1, or 0: the child is ending, and the call is gone
 */
int wxl_http_calls_queue(wxl_http_calls_t *calls, wxl_http_call_t *call);

typedef enum {
    WXL_HTTP_NOT_YET = 0,
    WXL_HTTP_IN_TURN,
    WXL_HTTP_OUT_OF_TURN /* it stood in line, and does no more: it takes no place */
} wxl_http_collected_t;

/**
 * Is it done? An asker who is awake for another reason need not wait for his turn.
 * @param pool where the body goes
 * @param reply filled in, once, unless it is not yet there
 */
wxl_http_collected_t wxl_http_calls_collect(wxl_http_call_t *call, apr_pool_t *pool,
                                            wxl_http_reply_t *reply);

/**
 * Let go of a call, done or not: as soon as the work is done that it was made for, for it keeps its
 * place until then, and this rings for the next in line. After this its own bell is never rung
 * again. A transfer that is under way runs to its end (the code is spent anyway) and its answer is
 * thrown away.
 */
void wxl_http_calls_drop(wxl_http_call_t *call);

/* -- the engine's side -- */

/**
 * The bell rang: take all new calls, in order, linked by `next`.
 * @param stopping set to 1 when the child is ending
 */
wxl_http_call_t *wxl_http_calls_take(wxl_http_calls_t *calls, int *stopping);

/** The reply is in the call: wake the asker, if it still waits, when its turn has come. The call is
    no longer ours. */
void wxl_http_calls_done(wxl_http_call_t *call);

/** Wake the engine's thread. */
void wxl_http_calls_ring(wxl_http_calls_t *calls);

/** Refuse new calls from now on, wake the engine, and all who stand in line: nobody waits for his
    turn any more. */
void wxl_http_calls_stop(wxl_http_calls_t *calls);

/** The engine has ended, and every call is done. What askers still hold stays good. */
void wxl_http_calls_release(wxl_http_calls_t *calls);

#endif
