/* gate/http_engine, gate/http_blocking: where libcurl cannot be told whom to trust nobody is asked,
   and least of all somebody whom the system trusts. */

#include <poll.h>
#include <sys/eventfd.h>

#include "gate/http_blocking.h"
#include "gate/http_engine.h"

#include "server.h"
#include "setopt.h"

#define JSON "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"

static const script_t scripts[] = {{"/good", JSON, sizeof(JSON) - 1, THEN_KEEP}};
static int cannot; /* what is the matter with libcurl */

static CURLcode refuse(CURLoption option)
{
    return option == CURLOPT_CAINFO_BLOB ? (CURLcode)cannot : CURLE_OK;
}

static wxl_http_reply_t ask_engine(wxl_http_engine_t *engine, apr_pool_t *pool,
                                   const wxl_http_request_t *request)
{
    struct pollfd bell = {.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), .events = POLLIN};
    wxl_http_call_t *call = wxl_http_engine_submit(engine, request, bell.fd);
    wxl_http_reply_t reply = {0};

    ok(call && poll(&bell, 1, 30000) == 1 && wxl_http_calls_collect(call, pool, &reply),
       "the engine has an answer");
    if (call)
        wxl_http_calls_drop(call);
    close(bell.fd);
    return reply;
}

static void refused(const char *who, const wxl_http_reply_t *reply)
{
    is_int(reply->status, 0, "%s: no answer", who);
    ok(reply->ours && reply->unsent, "%s: ours, and unsent: %s", who, reply->why);
}

static void failing(apr_pool_t *pool, const server_t *server, int error)
{
    wxl_http_request_t request = {
        .url = apr_psprintf(pool, "http://127.0.0.1:%d/good", server->port),
        .timeout = apr_time_from_sec(20),
        .connect_timeout = apr_time_from_sec(20),
        .max_body = 100,
        .ca = "PEM",
    };
    wxl_http_blocking_t *http = wxl_http_blocking_create(pool, apr_time_from_sec(30));
    wxl_http_engine_t *engine = wxl_http_engine_create(pool, apr_time_from_sec(30), UNPACED);
    int requests = server->seen->requests;
    wxl_http_reply_t reply;

    cannot = error;
    is_int(wxl_http_blocking_trusts("PEM"), 0, "it is seen at the start");
    wxl_http_blocking_get(http, pool, &request, &reply);
    refused("blocking", &reply);
    reply = ask_engine(engine, pool, &request);
    refused("engine", &reply);
    is_int(server->seen->requests, requests, "nobody was asked");
    request.ca = NULL;
    wxl_http_blocking_get(http, pool, &request, &reply);
    is_int(reply.status, 200, "blocking: the system's need no telling");
    is_int(ask_engine(engine, pool, &request).status, 200, "engine: nor here");

    cannot = 0;
    request.ca = "PEM";
    is_int(wxl_http_blocking_trusts("PEM"), 1, "one that can");
    wxl_http_blocking_get(http, pool, &request, &reply);
    is_int(reply.status, 200, "blocking: asks");
    is_int(ask_engine(engine, pool, &request).status, 200, "engine: asks");
}

int main(void)
{
    apr_pool_t *pool = fixture_start(), *child;
    server_t server = server_start(scripts, COUNT(scripts));

    apr_pool_create(&child, pool);
    failing(child, &server, CURLE_NOT_BUILT_IN);
    apr_pool_clear(child);
    failing(child, &server, CURLE_OUT_OF_MEMORY);
    apr_pool_destroy(child);
    server_stop(&server);
    return done_testing();
}
