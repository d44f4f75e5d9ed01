/* gate/http_easy: one transfer of libcurl's. See http_easy.h. */

#include "gate/http_easy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* So that changes of WeChat's DNS are followed. */
#define MAX_LIFE_SECONDS 600L
#define FIRST_BUFFER 512
/* The least that libcurl has. */
#define LEAST_BUFFER 1024L
#define LEAST_UPLOAD_BUFFER 16384L

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
        transfer->lacking = !grown;
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

/* A socket is about to connect, so the name is known. libcurl would not tell why there is none. */
static curl_socket_t on_socket(void *baton, curlsocktype purpose, struct curl_sockaddr *address)
{
    wxl_transfer_t *transfer = baton;
    int s = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);

    (void)purpose;
    transfer->resolved = 1;
    transfer->lacking =
        s < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM);
    tell_engine(transfer);
    return s < 0 ? CURL_SOCKET_BAD : s;
}

static const char *system_certificates; /* libcurl's folder; its file needs no mention */

int wxl_http_easy_start(void)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return 0;
    system_certificates = curl_version_info(CURLVERSION_NOW)->capath;
    return 1;
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
    /* An answer is some 400 bytes, and thousands may be waited for at a time: not 16 KB for each of
       them, and not 64 KB for the question where there is TLS. */
    curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, LEAST_BUFFER);
    curl_easy_setopt(curl, CURLOPT_UPLOAD_BUFFERSIZE, LEAST_UPLOAD_BUFFER);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_PREREQFUNCTION, on_request);
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, on_socket);
    curl_easy_setopt(curl, CURLOPT_RESOLVER_START_FUNCTION, on_look_up);
    /* No CURLOPT_PIPEWAIT: those that wait for another's connection have no timeout, and wait as
       long as its handshake hangs. A connection that is up and speaks HTTP/2 is shared anyway. */
    return curl;
}

/* Can this process not even open one descriptor more? */
static int is_full(void)
{
    int fd = dup(0), full = fd < 0 && (errno == EMFILE || errno == ENFILE);

    if (fd >= 0)
        close(fd);
    return full;
}

/* Was it this machine that failed? @return what it lacks, or NULL: the other side failed */
static const char *lack_of(CURL *curl, CURLcode code, const wxl_transfer_t *transfer)
{
    long error = 0;

    if (transfer->lacking)
        return "no descriptor or memory was left";
    switch (code) {
    case CURLE_OUT_OF_MEMORY:
    case CURLE_FAILED_INIT: return "libcurl is out of memory";
    case CURLE_SSL_CACERT_BADFILE: return "the certificates to trust could not be read";
    case CURLE_COULDNT_RESOLVE_HOST: return is_full() ? "no descriptor was left" : NULL;
    case CURLE_COULDNT_CONNECT:
        curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &error);
        return error == EADDRNOTAVAIL ? "no local port was left" : NULL;
    default: return NULL;
    }
}

static curl_socket_t no_socket(void *baton, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)baton, (void)purpose, (void)address;
    return CURL_SOCKET_BAD;
}

CURL *wxl_http_easy_closer(void)
{
    CURL *curl = curl_easy_init();

    if (!curl)
        return NULL;
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_URL, "http://127.0.0.1/");
    curl_easy_setopt(curl, CURLOPT_MAXAGE_CONN, 0L);
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, no_socket);
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

/* Handles serve all virtual hosts, so both are set every time. Where the first one fails, as it
   always does in a libcurl with GnuTLS, the system's certificates would go on being trusted. */
int wxl_http_easy_trust(CURL *curl, const char *ca)
{
    struct curl_blob pem = {(void *)ca, ca ? strlen(ca) : 0, CURL_BLOB_NOCOPY};
    /* instead of the file */
    CURLcode code = curl_easy_setopt(curl, CURLOPT_CAINFO_BLOB, ca ? &pem : NULL);

    curl_easy_setopt(curl, CURLOPT_CAPATH, ca ? NULL : system_certificates);
    return !ca || code == CURLE_OK;
}

/* libcurl takes a URL apart and puts it together again for each transfer, letter by letter. Ours
   are a short origin and a long query: the query goes into the request line as it stands. */
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

int wxl_http_easy_setup(CURL *curl, wxl_transfer_t *transfer, const wxl_http_request_t *request)
{
    if (!wxl_http_easy_trust(curl, request->ca))
        return 0; /* before the secret is in it */
    transfer->max_body = request->max_body;
    set_url(curl, request->url);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)(request->timeout / 1000));
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)(request->connect_timeout / 1000));
    curl_easy_setopt(curl, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)request->max_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, transfer);
    curl_easy_setopt(curl, CURLOPT_PREREQDATA, transfer);
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, transfer);
    curl_easy_setopt(curl, CURLOPT_RESOLVER_START_DATA, transfer);
    return 1;
}

void wxl_http_easy_finish(CURL *curl, CURLcode code, wxl_transfer_t *transfer,
                          wxl_http_reply_t *reply)
{
    long status = 0;

    if (code == CURLE_OK)
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    memset(reply, 0, sizeof(*reply));
    reply->status = (int)status;
    reply->body = transfer->body;
    reply->len = transfer->len;
    if (!status) {
        const char *lack = lack_of(curl, code, transfer);

        reply->why = lack ? lack : why_of(code, transfer);
        reply->ours = lack != NULL;
        reply->unsent = !transfer->sent;
    }
    curl_easy_setopt(curl, CURLOPT_REQUEST_TARGET, NULL); /* keep no secret in an idle handle */
    curl_easy_setopt(curl, CURLOPT_URL, NULL);
}
