/*
 * gate/http: one GET over HTTP(S), through libcurl.
 *
 * wxl_http_create() is called in each child after the fork. wxl_http_get() blocks the calling
 * thread for at most the request's timeout; any number of threads may call it at once.
 *
 * What it never does: follow a redirect, speak another protocol, use a proxy of the environment,
 * raise a signal, accept a certificate that does not verify, log a URL, send a request twice. The
 * last one matters: the GET that it is made for spends a code that works once.
 */
#ifndef WXL_HTTP_H
#define WXL_HTTP_H

#include <apr_pools.h>
#include <apr_time.h>

typedef struct wxl_http_t wxl_http_t;

typedef struct {
    const char *url;                     /* a secret: WeChat wants the AppSecret in the query */
    apr_interval_time_t timeout;         /* the whole call */
    apr_interval_time_t connect_timeout; /* name look-up, TCP and TLS */
    apr_size_t max_body;                 /* bytes of the answer, after decompression */
} wxl_http_request_t;

typedef struct {
    int status;       /* HTTP status; 0: there was no complete answer */
    const char *body; /* in the caller's pool; may hold secrets */
    apr_size_t len;
    const char *why; /* with status 0: what happened, static, holds no secret */
} wxl_http_reply_t;

/**
 * Make the client of a child process: it keeps connections alive between calls.
 * @param pool lives as long as the child; closes everything
 * @return NULL if libcurl could not start
 */
wxl_http_t *wxl_http_create(apr_pool_t *pool);

/**
 * GET.
 * @param pool where the body goes
 * @param reply always filled in
 */
void wxl_http_get(wxl_http_t *http, apr_pool_t *pool, const wxl_http_request_t *request,
                  wxl_http_reply_t *reply);

/** Fill in a reply that never came. @param why static */
void wxl_http_fail(wxl_http_reply_t *reply, const char *why);

/** Move a reply's malloc'ed body into a pool; the old copy is wiped and freed. */
void wxl_http_adopt(apr_pool_t *pool, wxl_http_reply_t *reply);

#endif
