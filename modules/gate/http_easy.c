/* gate/http_easy: one transfer of libcurl's. See http_easy.h. */

#include "gate/http_easy.h"

#include <stdlib.h>
#include <string.h>

/* So that changes of WeChat's DNS are followed. */
#define MAX_LIFE_SECONDS 600L
#define FIRST_BUFFER 512

static size_t on_body(char *data, size_t one, size_t len, void *baton)
{
    wxl_transfer_t *transfer = baton;

    (void)one; /* always 1 */
    if (len > transfer->max_body - transfer->len) {
        transfer->too_large = 1;
        return 0; /* ends the transfer */
    }
    if (transfer->len + len > transfer->size) {
        apr_size_t size = transfer->size ? transfer->size : FIRST_BUFFER;
        char *grown;

        while (size < transfer->len + len)
            size *= 2;
        grown = realloc(transfer->body, size);
        if (!grown)
            return 0;
        transfer->body = grown;
        transfer->size = size;
    }
    memcpy(transfer->body + transfer->len, data, len);
    transfer->len += len;
    return len;
}

/* The engine let this transfer look the name up afresh: that has begun. What anybody finds from now
   on is kept; libcurl would throw it away each time that it looks whether this one has ended. */
static int on_look_up(void *resolver, void *reserved, void *baton)
{
    wxl_transfer_t *transfer = baton;

    (void)resolver, (void)reserved;
    if (transfer->news)
        curl_easy_setopt(transfer->curl, CURLOPT_DNS_CACHE_TIMEOUT, -1L);
    return 0;
}

/* And so is what it finds itself, also when it ends. */
static void tell_engine(wxl_transfer_t *transfer)
{
    if (!transfer->news)
        return;
    *transfer->news = 1;
    curl_easy_setopt(transfer->curl, CURLOPT_DNS_CACHE_TIMEOUT, -1L);
}

/* libcurl repeats a GET by itself when a kept connection turns out to be dead before any byte
   came back. Whether the request was read before that, nobody knows: so only the first passes. */
static int on_request(void *baton, char *to, char *from, int to_port, int from_port)
{
    wxl_transfer_t *transfer = baton;

    (void)to, (void)from, (void)to_port, (void)from_port;
    tell_engine(transfer);
    return transfer->sent++ == 0 ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

/* A socket is about to connect, so the name is known. */
static int on_socket(void *baton, curl_socket_t socket, curlsocktype purpose)
{
    wxl_transfer_t *transfer = baton;

    (void)socket, (void)purpose;
    transfer->resolved = 1;
    tell_engine(transfer);
    return CURL_SOCKOPT_OK;
}

CURL *wxl_http_easy_new(void)
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
    curl_easy_setopt(curl, CURLOPT_MAXAGE_CONN, (long)WXL_HTTP_MAX_IDLE);
    curl_easy_setopt(curl, CURLOPT_MAXLIFETIME_CONN, MAX_LIFE_SECONDS);
    curl_easy_setopt(curl, CURLOPT_ACCEPT_ENCODING, "gzip");
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "mod_wxlogin");
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_PREREQFUNCTION, on_request);
    curl_easy_setopt(curl, CURLOPT_SOCKOPTFUNCTION, on_socket);
    curl_easy_setopt(curl, CURLOPT_RESOLVER_START_FUNCTION, on_look_up);
    /* No CURLOPT_PIPEWAIT: those that wait for another's connection have no timeout, and wait as
       long as its handshake hangs. A connection that is up and speaks HTTP/2 is shared anyway. */
    return curl;
}

/* libcurl's own error text may quote the URL, which holds the secret: so words of ours. */
static const char *why_of(CURLcode code, const wxl_transfer_t *transfer)
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

/* libcurl takes a URL apart and puts it together again for each transfer, letter by letter. Ours are
   a short origin and a long query: the query goes into the request line as it stands. */
static void set_url(CURL *curl, const char *url)
{
    const char *slashes = strstr(url, "//");
    size_t len = slashes ? (size_t)(slashes - url) + 2 : 0;
    char origin[300];

    len += strcspn(url + len, "/?#");
    if (url[len] != '/' || len >= sizeof(origin)) {
        curl_easy_setopt(curl, CURLOPT_URL, url);
        return;
    }
    memcpy(origin, url, len);
    origin[len] = '\0';
    curl_easy_setopt(curl, CURLOPT_URL, origin);
    curl_easy_setopt(curl, CURLOPT_REQUEST_TARGET, url + len);
}

void wxl_http_easy_setup(CURL *curl, wxl_transfer_t *transfer, const wxl_http_request_t *request)
{
    transfer->max_body = request->max_body;
    set_url(curl, request->url);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)(request->timeout / 1000));
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)(request->connect_timeout / 1000));
    curl_easy_setopt(curl, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)request->max_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, transfer);
    curl_easy_setopt(curl, CURLOPT_PREREQDATA, transfer);
    curl_easy_setopt(curl, CURLOPT_SOCKOPTDATA, transfer);
    curl_easy_setopt(curl, CURLOPT_RESOLVER_START_DATA, transfer);
}

void wxl_http_easy_finish(CURL *curl, CURLcode code, wxl_transfer_t *transfer,
                          wxl_http_reply_t *reply)
{
    long status = 0;

    if (code == CURLE_OK)
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_setopt(curl, CURLOPT_REQUEST_TARGET, NULL); /* keep no secret in an idle handle */
    curl_easy_setopt(curl, CURLOPT_URL, NULL);
    reply->status = (int)status;
    reply->body = transfer->body;
    reply->len = transfer->len;
    reply->why = status ? NULL : why_of(code, transfer);
}
