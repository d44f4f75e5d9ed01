/*
 * gate/http_engine: many GETs at once, and no thread waits for them.
 *
 * One thread a child waits for all answers (curl_multi_socket_action over epoll). Whoever asks
 * sends his request himself where the engine is free, or leaves it in a queue; he gets a call back
 * at once, does something else, and is woken through an eventfd of his own when the answer is
 * there. The same promises as gate/http: no redirect, nothing sent twice, no secret in a log.
 *
 * Not all are woken at once: gate/http_calls has the turns.
 *
 * wxl_http_engine_create() is called in a child after the fork, and only where somebody will park
 * requests; the rest on any thread. The engine never touches a pool or a structure of the asker.
 *
 * Name look-ups never stop anybody but those who wait for that very name: while a host has not
 * been looked up lately, a few calls go ahead and the others wait in a queue of that host.
 */
#ifndef WXL_HTTP_ENGINE_H
#define WXL_HTTP_ENGINE_H

#include "gate/http_calls.h"

typedef struct wxl_http_engine_t wxl_http_engine_t;

/**
 * Start the engine and its thread.
 * @param pool the child's; the thread ends in a pre-cleanup of it, whatever is under way
 * @param idle when nobody asked anything for half of this time or, at the latest, all of it, what
 *        was kept is given back: connections, handles, memory
 * @return NULL if a thread, a descriptor or libcurl could not be had
 */
wxl_http_engine_t *wxl_http_engine_create(apr_pool_t *pool, apr_interval_time_t idle, int most);

/**
 * Ask.
 * @param request copied
 * @param bell an eventfd, written when the call is done and its turn has come; the asker's, and to
 *        be closed only after wxl_http_calls_drop()
 * @return the call, to be dropped once by the asker, and perhaps done already; NULL: out of memory,
 *         or the child is ending
 */
wxl_http_call_t *wxl_http_engine_submit(wxl_http_engine_t *engine,
                                        const wxl_http_request_t *request, int bell);

#endif
