/* gate/http_engine: many calls at once and nobody waits, against a server that does what it is
   told. */

#include "gate/http_engine.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>

#include "server.h"

#define MANY 60
#define TIMEOUT_MS 2000
#define PATIENCE_MS 20000 /* of a call that is answered */
#define JSON "{\"openid\":\"o1\"}"
#define OK "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
#define LENGTH_15 "Content-Length: 15\r\n\r\n"
#define SAYS(path, bytes, then)              \
    {                                        \
        path, bytes, sizeof(bytes) - 1, then \
    }

static const script_t scripts[] = {
    SAYS("/good", OK LENGTH_15 JSON, THEN_KEEP),
    SAYS("/late-close", OK LENGTH_15 JSON, THEN_CLOSE),
    SAYS("/slow", OK LENGTH_15 JSON, TRICKLE), /* too slow */
    SAYS("/slowish", "HTTP/1.0 200\r\n\r\n", TRICKLE),
    SAYS("/silent", "", THEN_STALL),
    SAYS("/mute", "", THEN_STALL), /* for longer than all the rest takes */
    SAYS("/stall", OK LENGTH_15 "{\"open", THEN_STALL),
    SAYS("/cut-before", "", THEN_CLOSE),
    SAYS("/cut-body", OK LENGTH_15 "{\"open", THEN_CLOSE),
    SAYS("/reset", OK "Content-Le", THEN_RESET),
    SAYS("/500", "HTTP/1.1 500 No\r\n" LENGTH_15 JSON, THEN_KEEP),
    SAYS("/large", OK "Content-Length: 100000\r\n\r\n" JSON, THEN_STALL),
};

static server_t server;

/* One call and the bell that belongs to it. */
typedef struct {
    int bell;
    wxl_http_call_t *call;
    wxl_http_reply_t reply;
} asked_t;

static int is_slow(const char *path)
{
    return strcmp(path, "/silent") == 0 || strcmp(path, "/stall") == 0 ||
           strcmp(path, "/slow") == 0;
}

static asked_t ask_at(wxl_http_engine_t *engine, apr_pool_t *pool, const char *origin,
                      const char *path)
{
    int ms = is_slow(path) ? TIMEOUT_MS : PATIENCE_MS;
    char *url = apr_pstrcat(pool, origin, path, NULL);
    wxl_http_request_t request = {
        .url = url,
        .timeout = ms * 1000,
        .connect_timeout = ms * 1000 / 2,
        .max_body = 4096,
    };
    asked_t asked = {.bell = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};

    asked.call = wxl_http_engine_submit(engine, &request, asked.bell);
    memset(url, 'x', strlen(url)); /* it was copied */
    return asked;
}

static asked_t ask(wxl_http_engine_t *engine, apr_pool_t *pool, const char *path)
{
    return ask_at(engine, pool, apr_psprintf(pool, "http://127.0.0.1:%d", server.port), path);
}

/* Wait for the bell as a parked connection would. @return 1 if it rang and the reply is there */
static int hear(asked_t *asked, apr_pool_t *pool, int ms)
{
    struct pollfd bell = {.fd = asked->bell, .events = POLLIN};
    int rang = asked->call && poll(&bell, 1, ms) == 1 &&
               wxl_http_calls_collect(asked->call, pool, &asked->reply);

    if (asked->call)
        wxl_http_calls_drop(asked->call);
    close(asked->bell);
    return rang;
}

static int elapsed(apr_time_t began)
{
    return (int)apr_time_as_msec(apr_time_now() - began);
}

static int threads_now(void)
{
    char line[256];
    int threads = 0;
    FILE *file = fopen("/proc/self/status", "r");

    while (file && fgets(line, sizeof(line), file)) {
        if (sscanf(line, "Threads: %d", &threads) == 1)
            break;
    }
    if (file)
        fclose(file);
    return threads;
}

static int descriptors_now(void)
{
    int count = 0, fd;

    for (fd = 0; fd < 1024; fd++)
        count += fcntl(fd, F_GETFD) != -1;
    return count;
}

static const struct {
    const char *path;
    int status;
    const char *why;
    int slow;
} cases[] = {
    {"/good", 200, "", 0},
    {"/500", 500, "", 0},
    {"/slowish", 200, "", 0},
    {"/cut-before", 0, "cut before", 0},
    {"/cut-body", 0, "cut short", 0},
    {"/reset", 0, "cut before", 0},
    {"/large", 0, "too large", 0},
    {"/silent", 0, "in time", 1},
    {"/stall", 0, "in time", 1},
    {"/slow", 0, "in time", 1},
};

/* All of them at once: none waits for another. */
static void answers(wxl_http_engine_t *engine, apr_pool_t *pool)
{
    asked_t all[COUNT(cases)];
    apr_time_t began;
    size_t i;
    int before;

    all[0] = ask(engine, pool, "/good");
    ok(hear(&all[0], pool, PATIENCE_MS), "a first call");
    is_int(all[0].reply.status, 200, "is answered");
    is_int((long long)all[0].reply.len, 15, "with its body");
    ok(memcmp(all[0].reply.body, JSON, 15) == 0, "byte by byte");

    before = server.seen->requests;
    began = apr_time_now();
    for (i = 0; i < COUNT(cases); i++)
        all[i] = ask(engine, pool, cases[i].path);
    ok(elapsed(began) < 2 * TIMEOUT_MS, "asking takes no time");
    for (i = 0; i < COUNT(cases); i++) {
        ok(hear(&all[i], pool, PATIENCE_MS), "%s: the bell", cases[i].path);
        is_int(all[i].reply.status, cases[i].status, "%s: status", cases[i].path);
        if (!cases[i].status)
            ok(all[i].reply.why && strstr(all[i].reply.why, cases[i].why), "%s: %s", cases[i].path,
               all[i].reply.why);
        if (cases[i].slow)
            ok(elapsed(began) >= TIMEOUT_MS - 50, "%s: had its time", cases[i].path);
    }
    ok(elapsed(began) < 3 * TIMEOUT_MS, "all in the time of the slowest: %d ms", elapsed(began));
    is_int(server_until(&server.seen->requests, before + COUNT(cases)) - before, COUNT(cases),
           "each was asked once");
}

static void many(wxl_http_engine_t *engine, apr_pool_t *pool)
{
    asked_t all[MANY];
    int good = 0, before = server.seen->requests, threads, i;
    apr_time_t began = apr_time_now();

    threads = threads_now();
    for (i = 0; i < MANY; i++)
        all[i] = ask(engine, pool, i % 3 ? "/slowish" : "/good");
    is_int(threads_now(), threads, "%d calls under way, no thread more", MANY);
    for (i = 0; i < MANY; i++)
        good += hear(&all[i], pool, PATIENCE_MS) && all[i].reply.status == 200;
    is_int(good, MANY, "all answered, in %d ms", elapsed(began));
    is_int(server.seen->requests - before, MANY, "each was asked once");
}

/* A server that has not said a word yet: those who come next do not wait for its first answer. */
static void cold(apr_pool_t *pool)
{
    asked_t mute, all[10];
    apr_pool_t *child;
    wxl_http_engine_t *engine;
    apr_time_t began = apr_time_now();
    int good = 0, requests = server.seen->requests;
    size_t i;

    apr_pool_create(&child, pool);
    engine = wxl_http_engine_create(child, apr_time_from_sec(30), UNPACED);
    mute = ask(engine, pool, "/mute");
    server_until(&server.seen->requests, requests + 1);
    for (i = 0; i < COUNT(all); i++)
        all[i] = ask(engine, pool, "/good");
    for (i = 0; i < COUNT(all); i++)
        good += hear(&all[i], pool, PATIENCE_MS) && all[i].reply.status == 200;
    is_int(good, COUNT(all), "the first call has no answer: the others have");
    ok(elapsed(began) < PATIENCE_MS / 2, "and did not wait for it: %d ms", elapsed(began));
    wxl_http_calls_drop(mute.call);
    close(mute.bell);
    apr_pool_destroy(child);
}

/* Whoever drops a call is not woken: its bell may have another owner by now. */
static void dropped(wxl_http_engine_t *engine, apr_pool_t *pool)
{
    asked_t gone[20], last;
    apr_uint64_t count;
    int bells[COUNT(gone)], rang = 0;
    size_t i;

    for (i = 0; i < COUNT(gone); i++) {
        gone[i] = ask(engine, pool, i % 2 ? "/slowish" : "/silent");
        bells[i] = dup(gone[i].bell);
        if (i % 3 == 0)
            apr_sleep(5000); /* some are under way, some still in the queue */
        wxl_http_calls_drop(gone[i].call);
    }
    last = ask(engine, pool, "/silent");
    ok(hear(&last, pool, PATIENCE_MS),
       "one that is not dropped hears of it, after the others ended");
    for (i = 0; i < COUNT(gone); i++) {
        rang += read(bells[i], &count, sizeof(count)) > 0;
        close(bells[i]);
        close(gone[i].bell);
    }
    is_int(rang, 0, "no bell of those that were dropped rang");
}

/* A kept connection that died: the request goes out once, whether the server read it or not. */
static void kept(wxl_http_engine_t *engine, apr_pool_t *pool)
{
    static const char *const deadly[] = {"/cut-before", "/reset"};
    int connections, requests;
    asked_t one;
    size_t i;

    one = ask(engine, pool, "/good");
    hear(&one, pool, PATIENCE_MS);
    connections = server.seen->connections;
    for (i = 0; i < 5; i++) {
        one = ask(engine, pool, "/good");
        hear(&one, pool, PATIENCE_MS);
    }
    is_int(server.seen->connections, connections, "five more, the same connections");
    for (i = 0; i < COUNT(deadly); i++) {
        requests = server.seen->requests;
        one = ask(engine, pool, deadly[i]);
        ok(hear(&one, pool, PATIENCE_MS), "%s on a kept connection: the bell", deadly[i]);
        is_int(one.reply.status, 0, "no answer");
        apr_sleep(100000);
        is_int(server.seen->requests - requests, 1, "it was not sent again");
    }
    requests = server.seen->ended;
    one = ask(engine, pool, "/late-close");
    hear(&one, pool, PATIENCE_MS);
    server_until(&server.seen->ended, requests + 1);
    requests = server.seen->requests;
    one = ask(engine, pool, "/good");
    ok(hear(&one, pool, PATIENCE_MS) && server.seen->requests - requests <= 1,
       "a connection that ended meanwhile: asked once at most");
}

static void nobody(wxl_http_engine_t *engine, apr_pool_t *pool)
{
    int port, s = server_listen(1, &port);
    apr_time_t began = apr_time_now();
    asked_t one;

    close(s);
    one = ask_at(engine, pool, apr_psprintf(pool, "http://127.0.0.1:%d", port), "/");
    ok(hear(&one, pool, PATIENCE_MS), "nobody listens: the bell");
    is_int(one.reply.status, 0, "no answer");
    ok(one.reply.why && strstr(one.reply.why, "refused"), "refused: %s", one.reply.why);
    ok(elapsed(began) < PATIENCE_MS / 2, "at once");

    one = ask_at(engine, pool, "http://no-such-host.invalid", "/");
    ok(hear(&one, pool, PATIENCE_MS) && one.reply.status == 0, "no such name: %s", one.reply.why);
    one = ask_at(engine, pool, "ftp://127.0.0.1", "/");
    ok(hear(&one, pool, PATIENCE_MS) && one.reply.status == 0, "another protocol: %s",
       one.reply.why);
    one = ask_at(engine, pool, "no address at all", "");
    ok(hear(&one, pool, PATIENCE_MS) && one.reply.status == 0, "no address at all: %s",
       one.reply.why);
}

/* Requests end in pools of their own, after the engine. */
static apr_status_t let_go(void *data)
{
    asked_t *asked = data;

    wxl_http_calls_drop(asked->call);
    close(asked->bell);
    return APR_SUCCESS;
}

/* The child ends while calls are under way: at once, and whoever waits is woken. */
static void the_end(apr_pool_t *pool)
{
    int descriptors = descriptors_now(), threads = threads_now(), round;

    for (round = 0; round < 3; round++) {
        apr_pool_t *child, *request;
        wxl_http_engine_t *engine;
        asked_t all[20];
        apr_time_t began;
        size_t i;

        apr_pool_create(&child, pool);
        engine = wxl_http_engine_create(child, apr_time_from_sec(30), UNPACED);
        apr_pool_create(&request, child);
        for (i = 0; i < COUNT(all); i++) {
            all[i] = ask(engine, pool, i % 2 ? "/mute" : "/good");
            apr_pool_cleanup_register(request, &all[i], let_go, apr_pool_cleanup_null);
        }
        apr_sleep(round * 50000); /* in the queue, on the way, under way */
        began = apr_time_now();
        apr_pool_destroy(child);
        ok(elapsed(began) < PATIENCE_MS / 2, "with calls under way the engine ends in %d ms",
           elapsed(began));
    }
    is_int(threads_now(), threads, "no thread is left");
    is_int(descriptors_now(), descriptors, "nor a descriptor");
}

int main(void)
{
    apr_pool_t *pool = fixture_start(), *child;
    wxl_http_engine_t *engine;
    int threads = threads_now();

    server = server_start(scripts, COUNT(scripts));
    apr_pool_create(&child, pool);
    engine = wxl_http_engine_create(child, apr_time_from_sec(30), UNPACED);
    ok(engine != NULL, "an engine");
    is_int(threads_now(), threads + 1, "has one thread");
    answers(engine, pool);
    many(engine, pool);
    dropped(engine, pool);
    kept(engine, pool);
    nobody(engine, pool);
    apr_pool_destroy(child);
    cold(pool);
    the_end(pool);
    server_stop(&server);
    return done_testing();
}
