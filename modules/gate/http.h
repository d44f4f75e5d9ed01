/*
 * gate/http: the words of a GET over HTTP(S): what is asked, what came back.
 *
 * Who carries it: gate/http_blocking, whose caller waits, and gate/http_engine, whose caller does
 * not. What neither ever does: follow a redirect, speak another protocol, use a proxy of the
 * environment, raise a signal, accept a certificate that does not verify, log a URL, send a request
 * twice. The last one matters: the GET that they are made for spends a code that works once.
 */
#ifndef WXL_HTTP_H
#define WXL_HTTP_H

#include <apr_pools.h>
#include <apr_time.h>

/** Seconds. A connection that lay idle for longer is not used again: the other side may be closing
    it, and a request lost in that way cannot be repeated (the code may be spent). */
#define WXL_HTTP_MAX_IDLE 30

typedef struct {
    const char *url;                     /* a secret: WeChat wants the AppSecret in the query */
    apr_interval_time_t timeout;         /* the whole call */
    apr_interval_time_t connect_timeout; /* name look-up, TCP and TLS */
    apr_size_t max_body;                 /* bytes of the answer, after decompression */
    const char *ca;                      /* certificates to trust, PEM; lives as long as the client.
                                            NULL: those of the system */
} wxl_http_request_t;

typedef struct {
    int status;       /* HTTP status; 0: there was no complete answer */
    const char *body; /* in the caller's pool; may hold secrets; with len 0 perhaps NULL */
    apr_size_t len;
    const char *why; /* with status 0: what happened, static, holds no secret */
    int ours;        /* with status 0: this machine lacked something, which says nothing of the
                        other side */
    int unsent;      /* with status 0: the request did not leave this machine */
} wxl_http_reply_t;

/** Fill in a reply that never came. @param why static */
void wxl_http_fail(wxl_http_reply_t *reply, const char *why);

/** The same where nobody was asked, for want of something of our own. */
void wxl_http_lack(wxl_http_reply_t *reply, const char *why);

/** @return microseconds by a clock that nobody sets: for timeouts. It begins anywhere. */
apr_time_t wxl_http_clock(void);

/** Move a reply's malloc'ed body into a pool; the old copy is wiped and freed. */
void wxl_http_adopt(apr_pool_t *pool, wxl_http_reply_t *reply);

#endif
