/*
 * gate/http_blocking: a GET whose caller waits.
 *
 * wxl_http_blocking_create() is called in each child after the fork. wxl_http_blocking_get() blocks
 * the calling thread for at most the request's timeout; any number of threads may call it at once.
 * wxl_http_blocking_trusts() is for the parent, while the configuration is read.
 */
#ifndef WXL_HTTP_BLOCKING_H
#define WXL_HTTP_BLOCKING_H

#include "gate/http.h"

typedef struct wxl_http_blocking_t wxl_http_blocking_t;

/**
 * Make the client of a child process: it keeps connections alive between calls.
 * @param pool lives as long as the child; closes everything
 * @param idle connections that nobody used for so long are closed at the end of the next call
 * @return NULL if libcurl could not start
 */
wxl_http_blocking_t *wxl_http_blocking_create(apr_pool_t *pool, apr_interval_time_t idle);

/**
 * Can this libcurl trust certificates that it is given, here and in gate/http_engine? That depends
 * on the TLS library it was built with. Nothing of libcurl goes on running.
 * @param ca PEM
 * @return 1, or 0
 */
int wxl_http_blocking_trusts(const char *ca);

/**
 * GET.
 * @param pool where the body goes
 * @param reply always filled in
 */
void wxl_http_blocking_get(wxl_http_blocking_t *http, apr_pool_t *pool,
                           const wxl_http_request_t *request, wxl_http_reply_t *reply);

#endif
