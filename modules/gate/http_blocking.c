/*
 * gate/http_blocking: a GET whose caller waits. See http_blocking.h.
 *
 * Easy handles are kept in a list, last in first out: the handle used last has the connection
 * that is most likely still open. There are as many as ever waited at the same time.
 */

#include "gate/http_blocking.h"

#include <stdlib.h>

#include <apr_thread_mutex.h>

#include "gate/http_easy.h"

typedef struct handle_t {
    struct handle_t *next;
    CURL *curl;
} handle_t;

struct wxl_http_blocking_t {
    apr_thread_mutex_t *mutex; /* guards the list; held for a few instructions only */
    handle_t *idle;
};

static handle_t *handle_take(wxl_http_blocking_t *http)
{
    handle_t *handle;

    apr_thread_mutex_lock(http->mutex);
    handle = http->idle;
    if (handle)
        http->idle = handle->next;
    apr_thread_mutex_unlock(http->mutex);
    if (handle)
        return handle;

    handle = calloc(1, sizeof(*handle)); /* not from a pool: those of a child are not for threads */
    if (handle && !(handle->curl = wxl_http_easy_new())) {
        free(handle);
        handle = NULL;
    }
    return handle;
}

static void handle_give_back(wxl_http_blocking_t *http, handle_t *handle)
{
    apr_thread_mutex_lock(http->mutex);
    handle->next = http->idle;
    http->idle = handle;
    apr_thread_mutex_unlock(http->mutex);
}

static apr_status_t shut_down(void *data)
{
    wxl_http_blocking_t *http = data;

    while (http->idle) {
        handle_t *handle = http->idle;

        http->idle = handle->next;
        curl_easy_cleanup(handle->curl);
        free(handle);
    }
    curl_global_cleanup();
    return APR_SUCCESS;
}

wxl_http_blocking_t *wxl_http_blocking_create(apr_pool_t *pool)
{
    wxl_http_blocking_t *http = apr_pcalloc(pool, sizeof(*http));

    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return NULL;
    if (apr_thread_mutex_create(&http->mutex, APR_THREAD_MUTEX_DEFAULT, pool) != APR_SUCCESS) {
        curl_global_cleanup();
        return NULL;
    }
    /* A pre-cleanup: the mutex is still there. */
    apr_pool_pre_cleanup_register(pool, http, shut_down);
    return http;
}

void wxl_http_blocking_get(wxl_http_blocking_t *http, apr_pool_t *pool,
                           const wxl_http_request_t *request, wxl_http_reply_t *reply)
{
    wxl_transfer_t transfer = {0};
    handle_t *handle = handle_take(http);
    CURLcode code;

    if (!handle) {
        wxl_http_fail(reply, "libcurl is out of memory");
        return;
    }
    wxl_http_easy_setup(handle->curl, &transfer, request);
    code = curl_easy_perform(handle->curl);
    wxl_http_easy_finish(handle->curl, code, &transfer, reply);
    wxl_http_adopt(pool, reply);
    handle_give_back(http, handle);
}
