/* gate/http_engine, gate/http_blocking: what this machine lacks, and what it gets back when nobody
   asks any more. */

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>

#include <apr_thread_proc.h>

#include "gate/http_blocking.h"
#include "gate/http_engine.h"

#include "server.h"

#define MANY 10
#define IDLE apr_time_from_sec(3)
#define JSON "HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{\"openid\":\"o1\"}"
#define SLOW "HTTP/1.0 200\r\n\r\n" /* one byte after the other */
#define SAYS(path, bytes, then)              \
    {                                        \
        path, bytes, sizeof(bytes) - 1, then \
    }

static const script_t scripts[] = {
    SAYS("/good", JSON, THEN_KEEP),
    SAYS("/slow", SLOW, TRICKLE),
    SAYS("/together", JSON, TOGETHER),
    SAYS("/silent", "", THEN_STALL),
};

static server_t server;

static int descriptors_now(void)
{
    int count = 0, fd;

    for (fd = 0; fd < 1024; fd++)
        count += fcntl(fd, F_GETFD) != -1;
    return count;
}

static wxl_http_request_t request_of(apr_pool_t *pool, int port, const char *path)
{
    wxl_http_request_t request = {
        .url = apr_psprintf(pool, "http://127.0.0.1:%d%s", port, path),
        .timeout = apr_time_from_sec(strcmp(path, "/silent") == 0 ? 2 : 20),
        .connect_timeout = apr_time_from_sec(2),
        .max_body = 100,
    };

    return request;
}

/* -- the engine: each asker has a bell -- */

typedef struct {
    int bell;
    wxl_http_call_t *call;
    wxl_http_reply_t reply;
} asked_t;

static asked_t ask(wxl_http_engine_t *engine, const wxl_http_request_t *request)
{
    asked_t asked = {.bell = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};

    asked.call = wxl_http_engine_submit(engine, request, asked.bell);
    return asked;
}

static int hear(asked_t *asked, apr_pool_t *pool)
{
    struct pollfd bell = {.fd = asked->bell, .events = POLLIN};
    int rang = asked->call && poll(&bell, 1, 30000) == 1 &&
               wxl_http_calls_collect(asked->call, pool, &asked->reply);

    if (asked->call)
        wxl_http_calls_drop(asked->call);
    close(asked->bell);
    return rang;
}

static int is_good(asked_t *asked, apr_pool_t *pool)
{
    return hear(asked, pool) && asked->reply.status == 200;
}

/* -- lacking -- */

/* No descriptor can be opened from now on. */
static void take_away(struct rlimit *had)
{
    struct rlimit none;

    getrlimit(RLIMIT_NOFILE, had);
    none = *had;
    none.rlim_cur = 3;
    setrlimit(RLIMIT_NOFILE, &none);
}

static void no_descriptor(apr_pool_t *pool, wxl_http_engine_t *engine, wxl_http_blocking_t *http)
{
    wxl_http_request_t good = request_of(pool, server.port, "/good");
    wxl_http_reply_t reply;
    struct rlimit had;
    asked_t one = {.bell = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
    int rang;

    take_away(&had);
    one.call = wxl_http_engine_submit(engine, &good, one.bell);
    rang = hear(&one, pool);
    wxl_http_blocking_get(http, pool, &good, &reply);
    setrlimit(RLIMIT_NOFILE, &had);
    ok(rang && !one.reply.status, "engine: no answer without a descriptor");
    ok(one.reply.ours && one.reply.unsent, "ours, and unsent: %s", one.reply.why);
    ok(!reply.status, "blocking: no answer without a descriptor");
    ok(reply.ours && reply.unsent, "ours, and unsent: %s", reply.why);
    is_int(server.seen->requests, 0, "nobody was asked");

    one = ask(engine, &good);
    ok(is_good(&one, pool), "engine: afterwards it is answered");
    wxl_http_blocking_get(http, pool, &good, &reply);
    is_int(reply.status, 200, "blocking: afterwards it is answered");
    ok(!reply.ours && !reply.unsent, "and nothing was lacking");
}

/* Failures of the other side are not taken for ours. */
static void theirs(apr_pool_t *pool, wxl_http_engine_t *engine, wxl_http_blocking_t *http)
{
    wxl_http_request_t request = request_of(pool, server.port, "/silent");
    wxl_http_reply_t reply;
    int port, s = server_listen(1, &port);
    asked_t one = ask(engine, &request);

    hear(&one, pool);
    ok(!one.reply.ours && !one.reply.unsent, "silent: %s", one.reply.why);
    close(s);
    request = request_of(pool, port, "/");
    one = ask(engine, &request);
    hear(&one, pool);
    ok(!one.reply.ours && one.reply.unsent, "refused: %s", one.reply.why);
    wxl_http_blocking_get(http, pool, &request, &reply);
    ok(!reply.ours && reply.unsent, "refused, blocking: %s", reply.why);
    request.url = "http://no-such-host.invalid/";
    one = ask(engine, &request);
    hear(&one, pool);
    ok(!one.reply.ours && one.reply.unsent, "no name: %s", one.reply.why);
}

/* -- giving back -- */

/* When nobody has asked for a while the connections are closed; then it goes on as before. */
static void quiet_engine(apr_pool_t *pool)
{
    wxl_http_request_t slow = request_of(pool, server.port, "/slow");
    wxl_http_request_t good = request_of(pool, server.port, "/good");
    int fresh, i, well = 0;
    apr_time_t until = apr_time_now() + apr_time_from_sec(60);
    apr_pool_t *child;
    wxl_http_engine_t *engine;
    asked_t all[MANY];

    apr_pool_create(&child, pool);
    engine = wxl_http_engine_create(child, IDLE, UNPACED);
    fresh = descriptors_now();
    for (i = 0; i < MANY; i++)
        all[i] = ask(engine, &good);
    for (i = 0; i < MANY; i++)
        well += is_good(&all[i], pool);
    is_int(well, MANY, "engine: %d at once", MANY);
    ok(descriptors_now() > fresh, "their connections are kept");
    while (descriptors_now() > fresh && apr_time_now() < until)
        apr_sleep(10000);
    is_int(descriptors_now(), fresh, "and closed when nobody asks");
    all[0] = ask(engine, &slow);
    all[1] = ask(engine, &good);
    ok(is_good(&all[1], pool) && is_good(&all[0], pool), "then it goes on");
    apr_pool_destroy(child);
}

static wxl_http_blocking_t *shared;

static void *APR_THREAD_FUNC one_more(apr_thread_t *thread, void *data)
{
    wxl_http_request_t together;
    wxl_http_reply_t reply;
    apr_pool_t *pool;

    (void)data;
    apr_pool_create(&pool, NULL);
    together = request_of(pool, server.port, "/together");
    wxl_http_blocking_get(shared, pool, &together, &reply);
    apr_pool_destroy(pool);
    apr_thread_exit(thread, APR_SUCCESS);
    return NULL;
}

/* What a busy time opened is closed by the calls of a quiet one. */
static void quiet_blocking(apr_pool_t *pool)
{
    wxl_http_request_t good = request_of(pool, server.port, "/good");
    apr_thread_t *running[MANY];
    wxl_http_reply_t reply;
    apr_pool_t *child;
    apr_status_t rv;
    int i, busy, fresh;

    apr_pool_create(&child, pool);
    shared = wxl_http_blocking_create(child, apr_time_from_sec(2));
    wxl_http_blocking_get(shared, pool, &good, &reply);
    fresh = descriptors_now();
    for (i = 0; i < MANY; i++)
        apr_thread_create(&running[i], NULL, one_more, NULL, pool);
    for (i = 0; i < MANY; i++)
        apr_thread_join(&rv, running[i]);
    busy = descriptors_now();
    ok(busy >= fresh + MANY - 1, "blocking: %d at once", MANY);
    apr_sleep(apr_time_from_msec(2010));
    wxl_http_blocking_get(shared, pool, &good, &reply);
    is_int(descriptors_now(), fresh, "one alone later: all but its own descriptors are closed");
    apr_pool_destroy(child);
}

int main(void)
{
    apr_pool_t *pool = fixture_start(), *child;
    wxl_http_engine_t *engine;
    wxl_http_blocking_t *http;

    server = server_start(scripts, COUNT(scripts));
    apr_pool_create(&child, pool);
    engine = wxl_http_engine_create(child, apr_time_from_sec(30), UNPACED);
    http = wxl_http_blocking_create(child, apr_time_from_sec(30));
    no_descriptor(pool, engine, http);
    theirs(pool, engine, http);
    apr_pool_destroy(child);
    quiet_engine(pool);
    quiet_blocking(pool);
    server_stop(&server);
    return done_testing();
}
