/*
 * gate/http_easy: what one transfer of libcurl's looks like to us. The seam between
 * gate/http_blocking (which waits) and gate/http_engine (which does not): libcurl is known here and
 * to them.
 *
 * A transfer belongs to one thread at a time.
 */
#ifndef WXL_HTTP_EASY_H
#define WXL_HTTP_EASY_H

#include <curl/curl.h>

#include "gate/http.h"

/** One transfer under way. The caller zeroes it. */
typedef struct {
    apr_size_t max_body;
    char *body; /* malloc'ed */
    apr_size_t len, size;
    int sent;      /* times the request went out, or was about to */
    int too_large; /* the answer is */
    int resolved;  /* a socket is being opened: the name has been looked up */
    int lacking;   /* there was no descriptor or memory */

    /* For gate/http_engine; NULL elsewhere. */
    CURL *curl;
    int *news; /* set to 1 when `sent` or `resolved` changes */
} wxl_transfer_t;

/** Start libcurl: in a child, after the fork and before there are other threads. Each time wants a
    curl_global_cleanup(). @return 1, or 0: out of memory */
int wxl_http_easy_start(void);

/** A handle with everything that is the same in every call. @return NULL: out of memory */
CURL *wxl_http_easy_new(void);

/**
 * A handle whose transfer fails at once, without a socket. Before it does, libcurl closes all
 * connections of its multi that nobody has used for a second: the only way to have it do so without
 * losing the names, the TLS sessions and the certificates that it knows.
 * @return NULL: out of memory
 */
CURL *wxl_http_easy_closer(void);

/**
 * Whom the next transfer of a handle trusts.
 * @param ca certificates in PEM, which live longer than the transfer; NULL: those of the system
 * @return 1, or 0: out of memory, or this libcurl cannot take certificates from memory
 */
int wxl_http_easy_trust(CURL *curl, const char *ca);

/** Get a handle ready for a request, the timeouts being what is left of them.
    @return 1, or 0: as above, and the handle must not be used for it */
int wxl_http_easy_setup(CURL *curl, wxl_transfer_t *transfer, const wxl_http_request_t *request);

/**
 * Read how it went, and make the handle forget the URL.
 * @param reply its body is transfer->body, malloc'ed, now the caller's
 */
void wxl_http_easy_finish(CURL *curl, CURLcode code, wxl_transfer_t *transfer,
                          wxl_http_reply_t *reply);

#endif
