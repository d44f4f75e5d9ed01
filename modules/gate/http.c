/*
 * gate/http: libcurl. See http.h.
 *
 * Easy handles are kept in a list, last in first out: the handle used last has the connection
 * that is most likely still open. There are as many as ever waited at the same time.
 */

#include "gate/http.h"

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>
#include <apr_thread_mutex.h>
#include <curl/curl.h>

/* A connection that lay idle for longer is not used again: the other side may be closing it, and
   a request lost in that way cannot be repeated (the code may be spent). */
#define MAX_IDLE_SECONDS 30L
/* So that changes of WeChat's DNS are followed. */
#define MAX_LIFE_SECONDS 600L
#define FIRST_BUFFER 1024

typedef struct handle_t {
    struct handle_t *next;
    CURL *curl;
} handle_t;

struct wxl_http_t {
    apr_thread_mutex_t *mutex; /* guards the list; held for a few instructions only */
    handle_t *idle;
};

/* One transfer under way. */
typedef struct {
    apr_pool_t *pool;
    char *body;
    apr_size_t len, size, max;
    int sent;      /* times the request went out */
    int too_large; /* the answer is */
} transfer_t;

static size_t on_body(char *data, size_t one, size_t len, void *baton)
{
    transfer_t *transfer = baton;

    (void)one; /* always 1 */
    if (len > transfer->max - transfer->len) {
        transfer->too_large = 1;
        return 0; /* ends the transfer */
    }
    if (transfer->len + len > transfer->size) {
        apr_size_t size = transfer->size ? transfer->size : FIRST_BUFFER;
        char *grown;

        while (size < transfer->len + len)
            size *= 2;
        grown = apr_palloc(transfer->pool, size);
        if (transfer->len)
            memcpy(grown, transfer->body, transfer->len);
        transfer->body = grown;
        transfer->size = size;
    }
    memcpy(transfer->body + transfer->len, data, len);
    transfer->len += len;
    return len;
}

/* libcurl repeats a GET by itself when a kept connection turns out to be dead before any byte
   came back. Whether the request was read before that, nobody knows: so only the first passes. */
static int on_request(void *baton, char *to, char *from, int to_port, int from_port)
{
    transfer_t *transfer = baton;

    (void)to, (void)from, (void)to_port, (void)from_port;
    return transfer->sent++ == 0 ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

/* What is the same in every call. */
static CURL *handle_setup(void)
{
    CURL *curl = curl_easy_init();

    if (!curl)
        return NULL;
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
#if LIBCURL_VERSION_NUM >= 0x075500
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
#else
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
#if LIBCURL_VERSION_NUM >= 0x075700
    /* A name look-up that hangs must not outlast the timeout. */
    curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L);
#endif
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(curl, CURLOPT_MAXAGE_CONN, MAX_IDLE_SECONDS);
    curl_easy_setopt(curl, CURLOPT_MAXLIFETIME_CONN, MAX_LIFE_SECONDS);
    curl_easy_setopt(curl, CURLOPT_ACCEPT_ENCODING, "gzip");
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "mod_wxlogin");
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_PREREQFUNCTION, on_request);
    return curl;
}

static handle_t *handle_take(wxl_http_t *http)
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
    if (handle && !(handle->curl = handle_setup())) {
        free(handle);
        handle = NULL;
    }
    return handle;
}

static void handle_give_back(wxl_http_t *http, handle_t *handle)
{
    apr_thread_mutex_lock(http->mutex);
    handle->next = http->idle;
    http->idle = handle;
    apr_thread_mutex_unlock(http->mutex);
}

static apr_status_t shut_down(void *data)
{
    wxl_http_t *http = data;

    while (http->idle) {
        handle_t *handle = http->idle;

        http->idle = handle->next;
        curl_easy_cleanup(handle->curl);
        free(handle);
    }
    curl_global_cleanup();
    return APR_SUCCESS;
}

wxl_http_t *wxl_http_create(apr_pool_t *pool)
{
    wxl_http_t *http = apr_pcalloc(pool, sizeof(*http));

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

/* libcurl's own error text may quote the URL, which holds the secret: so words of ours. */
static const char *why_of(CURLcode code, const transfer_t *transfer)
{
    if (transfer->too_large)
        return "its answer is too large";
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST: return "its name could not be resolved";
    case CURLE_COULDNT_CONNECT: return "the connection was refused";
    case CURLE_OPERATION_TIMEDOUT: return "it did not answer in time";
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR: return "its certificate could not be verified";
    case CURLE_SSL_CONNECT_ERROR: return "TLS could not be set up";
    case CURLE_GOT_NOTHING:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_ABORTED_BY_CALLBACK: return "the connection was cut before it answered";
    case CURLE_PARTIAL_FILE: return "its answer was cut short";
    case CURLE_BAD_CONTENT_ENCODING: return "its answer could not be decompressed";
    case CURLE_FILESIZE_EXCEEDED: return "its answer is too large";
    default: return "the transfer failed";
    }
}

static void perform(CURL *curl, transfer_t *transfer, const wxl_http_request_t *request,
                    wxl_http_reply_t *reply)
{
    CURLcode code;
    long status = 0;

    curl_easy_setopt(curl, CURLOPT_URL, request->url);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)(request->timeout / 1000));
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)(request->connect_timeout / 1000));
    curl_easy_setopt(curl, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)request->max_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, transfer);
    curl_easy_setopt(curl, CURLOPT_PREREQDATA, transfer);
    code = curl_easy_perform(curl);
    if (code == CURLE_OK)
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_setopt(curl, CURLOPT_URL, NULL); /* keep no secret in an idle handle */

    reply->status = (int)status;
    reply->body = transfer->len ? transfer->body : "";
    reply->len = transfer->len;
    reply->why = status ? NULL : why_of(code, transfer);
}

void wxl_http_get(wxl_http_t *http, apr_pool_t *pool, const wxl_http_request_t *request,
                  wxl_http_reply_t *reply)
{
    transfer_t transfer = {.pool = pool, .max = request->max_body};
    handle_t *handle = handle_take(http);

    memset(reply, 0, sizeof(*reply));
    if (!handle) {
        reply->body = "";
        reply->why = "libcurl is out of memory";
        return;
    }
    perform(handle->curl, &transfer, request, reply);
    handle_give_back(http, handle);
}
