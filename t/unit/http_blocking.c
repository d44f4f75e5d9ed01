/* gate/http_blocking: what a server may do to us, with a server that does it. */

#include "gate/http_blocking.h"

#include <apr_thread_proc.h>

#include "server.h"

#define SECRET "fedcba9876543210"
#define MAX_BODY 4096
#define TIMEOUT_MS 1500
#define PATIENCE_MS 20000 /* of a call that is answered */
#define JSON "{\"openid\":\"o1\"}"
#define OK "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
#define LENGTH_15 "Content-Length: 15\r\n\r\n"
#define K "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef" /* 64 bytes */
#define K1 K K K K K K K K K K K K K K K K                                   /* 1024 bytes */
/* JSON, and 200,000 times an "a" */
#define GZIP                                                                                   \
    "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff\xab\x56\xca\x2f\x48\xcd\xcb\x4c\x51\xb2\x52\xca" \
    "\x37\x54\xaa\x05\x00\x11\x89\x5c\xed\x0f\x00\x00\x00"
#define BOMB                                                                                   \
    "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xed\xc1\x31\x01\x00\x00\x00\xc2\xa0\xac\xeb\x5f" \
    "\xc2\x0c\xfe\x40\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" \
    "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" \
    "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" \
    "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" \
    "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" \
    "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" \
    "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" \
    "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" \
    "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" \
    "\xaf\x01\x9b\x53\x69\xe0\x40\x0d\x03\x00"

/* The bytes of an answer with their length: some hold a NUL. */
#define SAYS(path, bytes, then)              \
    {                                        \
        path, bytes, sizeof(bytes) - 1, then \
    }

static const script_t scripts[] = {
    SAYS("/good", OK LENGTH_15 JSON, THEN_KEEP),
    SAYS("/good-close", OK "Connection: close\r\n" LENGTH_15 JSON, THEN_CLOSE),
    SAYS("/until-close", OK "\r\n" JSON, THEN_CLOSE),
    SAYS("/old", "HTTP/1.0 200 OK\r\n\r\n" JSON, THEN_CLOSE),
    SAYS("/chunked",
         OK "Transfer-Encoding: chunked\r\n\r\n5\r\n{\"ope\r\na\r\nnid\":\"o1\"}\r\n0\r\n\r\n",
         THEN_KEEP),
    SAYS("/hundred", "HTTP/1.1 100 Continue\r\n\r\n" OK LENGTH_15 JSON, THEN_KEEP),
    SAYS("/empty", OK "Content-Length: 0\r\n\r\n", THEN_KEEP),
    SAYS("/nul", OK "Content-Length: 3\r\n\r\na\0b", THEN_KEEP),
    SAYS("/500", "HTTP/1.1 500 No\r\n" LENGTH_15 JSON, THEN_KEEP),
    SAYS("/exact", OK "Content-Length: 4096\r\n\r\n" K1 K1 K1 K1, THEN_KEEP),
    SAYS("/late-close", OK LENGTH_15 JSON, THEN_CLOSE),

    SAYS("/redirect", "HTTP/1.1 302 Found\r\nLocation: /good\r\nContent-Length: 0\r\n\r\n",
         THEN_KEEP),
    SAYS("/redirect-file",
         "HTTP/1.1 301 Moved\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n",
         THEN_KEEP),

    SAYS("/cut-before", "", THEN_CLOSE),
    SAYS("/reset-before", "", THEN_RESET),
    SAYS("/cut-status", "HTTP/1.1 20", THEN_CLOSE),
    SAYS("/cut-headers", "HTTP/1.1 200 OK\r\nContent-Le", THEN_CLOSE),
    SAYS("/cut-body", OK "Content-Length: 100\r\n\r\n" JSON, THEN_CLOSE),
    SAYS("/reset-body", OK "Content-Length: 100\r\n\r\n" JSON, THEN_RESET),
    SAYS("/cut-chunk", OK "Transfer-Encoding: chunked\r\n\r\n20\r\n{\"openid\"", THEN_CLOSE),
    SAYS("/no-last-chunk", OK "Transfer-Encoding: chunked\r\n\r\nf\r\n" JSON "\r\n", THEN_CLOSE),
    SAYS("/not-http", "SSH-2.0-OpenSSH_9.2\r\n", THEN_CLOSE),
    SAYS("/http-0.9", JSON, THEN_CLOSE),

    SAYS("/declared-large", OK "Content-Length: 4097\r\n\r\n", THEN_STALL),
    SAYS("/large", OK "\r\n" K1 K1 K1 K1 "x", THEN_CLOSE),
    SAYS("/large-chunked",
         OK "Transfer-Encoding: chunked\r\n\r\n1400\r\n" K1 K1 K1 K1 K1 "\r\n0\r\n\r\n", THEN_KEEP),
    SAYS("/gzip", OK "Content-Encoding: gzip\r\nContent-Length: 35\r\n\r\n" GZIP, THEN_KEEP),
    SAYS("/gzip-broken", OK "Content-Encoding: gzip\r\n" LENGTH_15 JSON, THEN_KEEP),

    SAYS("/silent", "", THEN_STALL),
    SAYS("/stall-headers", "HTTP/1.1 200 OK\r\n", THEN_STALL),
    SAYS("/stall-body", OK LENGTH_15 "{", THEN_STALL),
    SAYS("/trickle", OK LENGTH_15 JSON, TRICKLE),
    SAYS("/bomb", OK "Content-Encoding: gzip\r\n\r\n" BOMB, THEN_CLOSE),
};

static const struct {
    const char *path;
    int status; /* 0: there was no answer */
    const char *body;
    const char *why; /* a word of it */
    int slow;        /* ends at the timeout, no sooner */
} cases[] = {
    {"/good", 200, JSON, NULL, 0},
    {"/good-close", 200, JSON, NULL, 0},
    {"/until-close", 200, JSON, NULL, 0},
    {"/old", 200, JSON, NULL, 0},
    {"/chunked", 200, JSON, NULL, 0},
    {"/hundred", 200, JSON, NULL, 0},
    {"/gzip", 200, JSON, NULL, 0},
    {"/empty", 200, "", NULL, 0},
    {"/500", 500, JSON, NULL, 0},
    {"/exact", 200, K1 K1 K1 K1, NULL, 0},
    {"/redirect", 302, "", NULL, 0},
    {"/redirect-file", 301, "", NULL, 0},
    {"/cut-before", 0, NULL, "cut", 0},
    {"/reset-before", 0, NULL, "cut", 0},
    {"/cut-status", 0, NULL, "", 0},
    {"/cut-headers", 200, "", NULL, 0}, /* libcurl takes it for an empty answer; so no JSON */
    {"/cut-body", 0, NULL, "cut", 0},
    {"/reset-body", 0, NULL, "cut", 0},
    {"/cut-chunk", 0, NULL, "cut", 0},
    {"/no-last-chunk", 0, NULL, "cut", 0},
    {"/not-http", 0, NULL, "", 0},
    {"/http-0.9", 0, NULL, "", 0},
    {"/declared-large", 0, NULL, "too large", 0},
    {"/large", 0, NULL, "too large", 0},
    {"/large-chunked", 0, NULL, "too large", 0},
    {"/bomb", 0, NULL, "too large", 0},
    {"/gzip-broken", 0, NULL, "decompressed", 0},
    {"/silent", 0, NULL, "in time", 1},
    {"/stall-headers", 0, NULL, "in time", 1},
    {"/stall-body", 0, NULL, "in time", 1},
    {"/trickle", 0, NULL, "in time", 1},
};

static wxl_http_blocking_t *http;
static server_t server;

static wxl_http_reply_t get_within(apr_pool_t *pool, const char *origin, const char *path, int ms)
{
    wxl_http_request_t request = {
        .url = apr_pstrcat(pool, origin, path, "?secret=" SECRET, NULL),
        .timeout = ms * 1000,
        .connect_timeout = ms * 1000 / 2,
        .max_body = MAX_BODY,
    };
    wxl_http_reply_t reply;

    memset(&reply, 0xA5, sizeof(reply));
    wxl_http_blocking_get(http, pool, &request, &reply);
    return reply;
}

static wxl_http_reply_t get(apr_pool_t *pool, const char *origin, const char *path)
{
    return get_within(pool, origin, path, PATIENCE_MS);
}

static const char *origin_of(apr_pool_t *pool, int port)
{
    return apr_psprintf(pool, "http://127.0.0.1:%d", port);
}

/* A timeout is kept within bounds: not much later, and not sooner. */
static int in_time(apr_time_t began, int slow)
{
    long ms = (long)apr_time_as_msec(apr_time_now() - began);

    return (!slow || ms >= TIMEOUT_MS - 50) && ms < PATIENCE_MS;
}

static void answers(apr_pool_t *pool)
{
    const char *origin = origin_of(pool, server.port);
    size_t i;

    for (i = 0; i < COUNT(cases); i++) {
        const char *name = cases[i].path;
        int before = server.seen->requests;
        apr_time_t began = apr_time_now();
        wxl_http_reply_t reply =
            get_within(pool, origin, name, cases[i].slow ? TIMEOUT_MS : PATIENCE_MS);

        ok(in_time(began, cases[i].slow), "%s: in its time", name);
        is_int(reply.status, cases[i].status, "%s: status", name);
        if (cases[i].status) {
            is_int((long long)reply.len, (long long)strlen(cases[i].body), "%s: length", name);
            ok(memcmp(reply.body, cases[i].body, reply.len) == 0, "%s: body", name);
        } else {
            const char *why = reply.why ? reply.why : "";

            ok(*why && strstr(why, cases[i].why), "%s: why: %s", name, why);
            ok(!strstr(why, SECRET), "%s: no secret in it", name);
        }
        ok(reply.body && reply.len <= MAX_BODY, "%s: never more than is allowed", name);
        is_int(server_until(&server.seen->requests, before + 1) - before, 1, "%s: asked once",
               name);
    }
}

static void the_request(apr_pool_t *pool)
{
    static const char *const never[] = {"\r\nCookie:", "\r\nReferer:", "\r\nAuthorization:",
                                        "\r\nExpect:", "\r\nProxy",    "\r\nTransfer-Encoding:"};
    const char *origin = origin_of(pool, server.port);
    const char *request = server.seen->request;
    size_t i;

    setenv("http_proxy", "http://127.0.0.1:1", 1);
    setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
    is_int(get(pool, origin, "/nul").len, 3,
           "a body with a NUL in it; no proxy of the environment");
    ok(strncmp(request, "GET /nul?secret=" SECRET " HTTP/1.1\r\n", 42) == 0, "the request line");
    ok(strstr(request, "\r\nUser-Agent: mod_wxlogin\r\n") != NULL, "it says who asks");
    for (i = 0; i < COUNT(never); i++)
        ok(!strstr(request, never[i]), "no header %s", never[i] + 2);
}

/* Connections are kept; one that died meanwhile is noticed, and nothing is sent twice. */
static void keep_alive(apr_pool_t *pool)
{
    const char *origin = origin_of(pool, server.port);
    int connections, requests, ended, i;

    get(pool, origin, "/good");
    connections = server.seen->connections;
    for (i = 0; i < 5; i++)
        get(pool, origin, "/good");
    is_int(server.seen->connections, connections, "five more requests, the same connection");

    ended = server.seen->ended;
    is_int(get(pool, origin, "/late-close").status, 200, "an answer, then the connection ends");
    server_until(&server.seen->ended, ended + 1);
    requests = server.seen->requests;
    is_int(get(pool, origin, "/good").status, 200,
           "a dead connection is noticed before it is used");
    is_int(server.seen->requests - requests, 1, "the request went out once");

    /* The server takes the request on a kept connection and dies: curl would try again. */
    requests = server.seen->requests;
    is_int(get(pool, origin, "/cut-before").status, 0, "it dies with the request in its hands");
    apr_sleep(50000);
    is_int(server.seen->requests - requests, 1, "the request is not sent again");
    get(pool, origin, "/good");
    requests = server.seen->requests;
    is_int(get(pool, origin, "/reset-before").status, 0, "it breaks the connection instead");
    apr_sleep(50000);
    is_int(server.seen->requests - requests, 1, "nor then");
    is_int(get(pool, origin, "/good").status, 200, "the client goes on");
}

static void no_server(apr_pool_t *pool)
{
    wxl_http_reply_t reply;
    apr_time_t began;
    int port, s = server_listen(1, &port);

    close(s);
    reply = get(pool, origin_of(pool, port), "/good");
    is_int(reply.status, 0, "nobody listens");
    ok(reply.why && strstr(reply.why, "refused"), "nobody listens: %s", reply.why);

    reply = get(pool, "http://no-such-host.invalid", "/good");
    is_int(reply.status, 0, "no such name");
    ok(reply.why && *reply.why, "no such name: %s", reply.why);

    began = apr_time_now();
    reply = get_within(pool, apr_psprintf(pool, "https://127.0.0.1:%d", server.port), "/good",
                       TIMEOUT_MS);
    is_int(reply.status, 0, "no TLS there");
    ok(reply.why && in_time(began, 0), "no TLS there: %s", reply.why);
}

static void protocols(apr_pool_t *pool)
{
    static const char *const origins[] = {"file:///etc/passwd",
                                          "ftp://127.0.0.1/x",
                                          "gopher://127.0.0.1/x",
                                          "dict://127.0.0.1/x",
                                          "",
                                          "http://",
                                          "http://[",
                                          "\xff"};
    size_t i;

    for (i = 0; i < COUNT(origins); i++) {
        wxl_http_reply_t reply = get(pool, origins[i], "");

        is_int(reply.status, 0, "<%s> is not asked", origins[i]);
        is_int((long long)reply.len, 0, "<%s> gives nothing", origins[i]);
        ok(reply.why && !strstr(reply.why, SECRET), "<%s>: %s", origins[i], reply.why);
    }
}

/* A server whose certificate nobody signed but itself, by the openssl command. @return its pid */
static pid_t tls_start(apr_pool_t *pool, const char *pem, int port)
{
    const char *accept_on = apr_psprintf(pool, "127.0.0.1:%d", port);
    pid_t pid;
    int i;

    if (system(apr_pstrcat(pool, "openssl req -x509 -newkey rsa:2048 -nodes -days 1 -keyout ", pem,
                           " -out ", pem, " -subj /CN=127.0.0.1 >/dev/null 2>&1", NULL)) != 0)
        return 0;
    fflush(stdout);
    pid = fork();
    if (pid == 0) {
        alarm(60);
        execlp("openssl", "openssl", "s_server", "-quiet", "-www", "-accept", accept_on, "-cert",
               pem, "-key", pem, (char *)NULL);
        _exit(127);
    }
    for (i = 0; i < 600 && !server_listens(port); i++)
        apr_sleep(50000);
    return pid;
}

static void certificate(apr_pool_t *pool)
{
    const char *folder = getenv("TMPDIR");
    char *pem = apr_pstrcat(pool, folder ? folder : "/tmp", "/wxlogin-unit.XXXXXX", NULL);
    int port, s = server_listen(1, &port), file = mkstemp(pem);
    wxl_http_reply_t reply;
    pid_t pid;

    close(s);
    close(file);
    pid = tls_start(pool, pem, port);
    if (pid) {
        reply = get(pool, apr_psprintf(pool, "https://127.0.0.1:%d", port), "/");
        is_int(reply.status, 0, "a certificate that nobody signed is refused");
        is_str(reply.why, "its certificate could not be verified", "and that is said");
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    } else {
        ok(1, "a certificate that nobody signed # SKIP no openssl command");
    }
    unlink(pem);
}

#define THREADS 8
#define ROUNDS 25

static void *APR_THREAD_FUNC many(apr_thread_t *thread, void *data)
{
    apr_pool_t *pool;
    long good = 0;
    int i;

    (void)data;
    apr_pool_create(&pool, NULL);
    for (i = 0; i < ROUNDS; i++)
        good +=
            get(pool, origin_of(pool, server.port), i % 5 ? "/good" : "/late-close").status == 200;
    apr_pool_destroy(pool);
    apr_thread_exit(thread, (apr_status_t)good);
    return NULL;
}

/* A connection may die between look and use: then the request fails, but it is never repeated. */
static void threads(apr_pool_t *pool)
{
    apr_thread_t *running[THREADS];
    int before = server.seen->requests, good = 0, i;

    for (i = 0; i < THREADS; i++)
        apr_thread_create(&running[i], NULL, many, NULL, pool);
    for (i = 0; i < THREADS; i++) {
        apr_status_t part;

        apr_thread_join(&part, running[i]);
        good += part;
    }
    ok(good > THREADS * ROUNDS / 2, "%d threads: %d of %d answered", THREADS, good,
       THREADS * ROUNDS);
    ok(server.seen->requests - before <= THREADS * ROUNDS, "none was sent twice: %d",
       server.seen->requests - before);
}

int main(void)
{
    apr_pool_t *pool = fixture_start(), *child;

    server = server_start(scripts, COUNT(scripts));
    apr_pool_create(&child, pool);
    http = wxl_http_blocking_create(child, apr_time_from_sec(30));
    ok(http != NULL, "a client");
    answers(pool);
    the_request(pool);
    keep_alive(pool);
    no_server(pool);
    protocols(pool);
    certificate(pool);
    threads(pool);
    apr_pool_destroy(child);
    server_stop(&server);
    return done_testing();
}
