/*
 * web/exchange: a code becomes an openid, however long WeChat takes.
 *
 *     claim   somebody asked about this code before, or is asking? (web/upstream, core/codes)
 *     enter   is there room to wait (web/waits), is WeChat known to be down (web/upstream)?
 *     ask     parked, where the connection can be (web/park, gate/http_engine), else blocking
 *     hear    read the reply, tell everybody who waits for the same code
 *
 * One client a child; any of its threads may call.
 */
#ifndef WXL_EXCHANGE_H
#define WXL_EXCHANGE_H

#include "web/call.h"

#include "core/signin.h"

/** Get ready in a child, after the fork. */
void wxl_exchange_child(apr_pool_t *pchild, server_rec *server);

/**
 * What to do when the exchange is over.
 * @param baton the story of wxl_exchange_run(), its openid set; or the call's errand failed
 * @return as an endpoint does
 */
typedef apr_status_t (*wxl_exchange_then_t)(wxl_call_t *call, wxl_signin_t *story);

/**
 * Run the exchange of a story.
 * @param call, story live as long as the request
 * @param code as it was sent, trimmed
 * @return what `then` returned, or call->parked is set: then the answer is sent later, perhaps on
 *         another thread
 */
apr_status_t wxl_exchange_run(wxl_call_t *call, wxl_signin_t *story, const char *code,
                              wxl_exchange_then_t then);

#endif
