/*
 * web/exchange: carries a request to WeChat and waits for the reply.
 *
 * One client a child; any of its threads may call. The wait blocks the calling thread.
 */
#ifndef WXL_EXCHANGE_H
#define WXL_EXCHANGE_H

#include "web/private.h"

#include "gate/http.h"

/** Get ready in a child, after the fork. */
void wxl_exchange_child(apr_pool_t *pchild, server_rec *server);

/**
 * Carry a request.
 * @param pool where the reply's body goes
 * @param reply always filled in
 */
void wxl_exchange_carry(apr_pool_t *pool, const wxl_http_request_t *request,
                        wxl_http_reply_t *reply);

#endif
