/*
 * gate/http_legs: the engine's part of each call, and the hosts that calls go to. The inside of
 * gate/http_engine, on its thread; nobody else includes it.
 *
 * A leg begins in the queue of its host. It goes ahead at once where the host's name has been
 * looked up lately; where not, a few go ahead and the others wait for their news.
 */
#ifndef WXL_HTTP_LEGS_H
#define WXL_HTTP_LEGS_H

#include "gate/http_calls.h"
#include "gate/http_easy.h"

/** Legs that may wait for the look-up of one name at a time: libcurl starts a thread for each. */
#define WXL_HTTP_LOOKUPS 4
/** Handles without a transfer that are kept. */
#define WXL_HTTP_SPARE_HANDLES 256

typedef struct wxl_http_host_t wxl_http_host_t;

/* The engine's part of a call. */
typedef struct wxl_http_leg_t {
    struct wxl_http_leg_t *newer, *older; /* all legs there are */
    struct wxl_http_leg_t *next;          /* in its host's queue */
    wxl_http_call_t *call;
    wxl_http_host_t *host;
    CURL *curl; /* NULL: it waits in the queue */
    wxl_transfer_t transfer;
} wxl_http_leg_t;

/* A host that calls go to: everything in front of the path. */
struct wxl_http_host_t {
    wxl_http_host_t *next;
    char *origin;
    apr_time_t known_until;                  /* so long libcurl remembers the name */
    wxl_http_leg_t *ahead[WXL_HTTP_LOOKUPS]; /* those that went ahead; their news is awaited */
    wxl_http_leg_t *first, **last;           /* those that wait for the name */
};

/** All that is under way. Zeroed but for `multi` at the start. */
typedef struct {
    CURLM *multi;
    int running; /* transfers */
    int most;    /* of them at a time, since somebody set this to `running` */
    int news;    /* one that went ahead may have some */
    wxl_http_leg_t *newest;
    wxl_http_host_t *hosts;
    CURL *idle[WXL_HTTP_SPARE_HANDLES];
    int idle_count;
} wxl_http_legs_t;

/** A new call comes in: it goes to the queue of its host, and ahead if it may. */
void wxl_http_legs_add(wxl_http_legs_t *legs, wxl_http_call_t *call);

/** A transfer ended. @param curl its handle, still in legs->multi; perhaps the closer's */
void wxl_http_legs_finish(wxl_http_legs_t *legs, CURL *curl, CURLcode code);

/** legs->news is set: one of those that went ahead has opened a socket, or sent its request over
    a connection that was kept. Others may go then. */
void wxl_http_legs_news(wxl_http_legs_t *legs);

/** End those that waited too long for a name. */
void wxl_http_legs_expire(wxl_http_legs_t *legs, apr_time_t now);

/** @return when the next one will have waited too long, or `otherwise` if that is earlier;
    0: never */
apr_time_t wxl_http_legs_next(const wxl_http_legs_t *legs, apr_time_t otherwise);

/** Nobody asks: close the connections and free the handles that are kept. */
void wxl_http_legs_rest(wxl_http_legs_t *legs);

/** Nobody waits any more, the child is ending: end all, free all. */
void wxl_http_legs_let_go(wxl_http_legs_t *legs);

#endif
