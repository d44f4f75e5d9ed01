/*
 * gate/http_blocking: a GET whose caller waits. See http_blocking.h.
 *
 * Easy handles are kept in a list, last in first out: the handle used last has the connection
 * that is most likely still open.
 */

#include "gate/http_blocking.h"

#include <stdlib.h>

#include <apr_thread_mutex.h>

#include "gate/http_easy.h"

typedef struct handle_t {
    struct handle_t *next; /* used before this one */
    CURL *curl;
    apr_time_t used; /* by wxl_http_clock() */
} handle_t;

struct wxl_http_blocking_t {
    apr_thread_mutex_t *mutex; /* guards the list; held for a few instructions only */
    handle_t *idle;
    apr_interval_time_t max_idle;
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

static void handles_free(handle_t *handle)
{
    handle_t *next;

    for (; handle; handle = next) {
        next = handle->next;
        curl_easy_cleanup(handle->curl);
        free(handle);
    }
}

/* Those at the end of the list are the remains of a busier time. */
static void handle_give_back(wxl_http_blocking_t *http, handle_t *handle)
{
    handle_t **last, *old;

    handle->used = wxl_http_clock();
    apr_thread_mutex_lock(http->mutex);
    handle->next = http->idle;
    http->idle = handle;
    for (last = &handle->next; *last && handle->used - (*last)->used < http->max_idle;)
        last = &(*last)->next;
    old = *last;
    *last = NULL;
    apr_thread_mutex_unlock(http->mutex);
    handles_free(old);
}

static apr_status_t shut_down(void *data)
{
    wxl_http_blocking_t *http = data;

    handles_free(http->idle);
    curl_global_cleanup();
    return APR_SUCCESS;
}

wxl_http_blocking_t *wxl_http_blocking_create(apr_pool_t *pool, apr_interval_time_t idle)
{
    wxl_http_blocking_t *http = apr_pcalloc(pool, sizeof(*http));

    if (!wxl_http_easy_start())
        return NULL;
    if (apr_thread_mutex_create(&http->mutex, APR_THREAD_MUTEX_DEFAULT, pool) != APR_SUCCESS) {
        curl_global_cleanup();
        return NULL;
    }
    http->max_idle = idle;
    /* A pre-cleanup: the mutex is still there. */
    apr_pool_pre_cleanup_register(pool, http, shut_down);
    return http;
}

int wxl_http_blocking_trusts(const char *ca)
{
    CURL *curl;
    int trusts;

    if (!wxl_http_easy_start())
        return 0;
    curl = wxl_http_easy_new();
    trusts = curl && wxl_http_easy_trust(curl, ca);
    curl_easy_cleanup(curl);
    curl_global_cleanup();
    return trusts;
}

void wxl_http_blocking_get(wxl_http_blocking_t *http, apr_pool_t *pool,
                           const wxl_http_request_t *request, wxl_http_reply_t *reply)
{
    wxl_transfer_t transfer = {0};
    handle_t *handle = handle_take(http);
    CURLcode code;

    if (!handle) {
        wxl_http_lack(reply, "libcurl is out of memory");
        return;
    }
    if (!wxl_http_easy_setup(handle->curl, &transfer, request)) {
        wxl_http_lack(reply, "libcurl could not be given the certificates to trust");
        handle_give_back(http, handle);
        return;
    }
    code = curl_easy_perform(handle->curl);
    wxl_http_easy_finish(handle->curl, code, &transfer, reply);
    wxl_http_adopt(pool, reply);
    handle_give_back(http, handle);
}
