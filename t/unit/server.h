/*
 * server: a server that says exactly what a test tells it to, byte for byte.
 *
 * It runs in processes of its own, one for each connection. What it saw is counted in memory that
 * is shared with the test.
 */
#ifndef WXL_TEST_SERVER_H
#define WXL_TEST_SERVER_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"

/** Calls of an engine that are awake at a time, where a test is not about turns: all of them. */
#define UNPACED 1000

/** What happens behind the bytes. */
typedef enum {
    THEN_KEEP,  /* wait for the next request */
    THEN_CLOSE, /* end the connection in good order */
    THEN_RESET, /* break it */
    THEN_STALL, /* say nothing more */
    TRICKLE,    /* the bytes themselves come one by one, 20 a second */
    TOGETHER    /* answered when ten have asked */
} then_t;

/** The answer to GET /path. */
typedef struct {
    const char *path;
    const char *bytes;
    size_t len;
    then_t then;
} script_t;

typedef struct {
    int connections;
    int requests;       /* that were received as a whole */
    int ended;          /* connections that the server has closed */
    int gathered;       /* requests of which ten are answered together */
    char request[4096]; /* the last one */
} seen_t;

typedef struct {
    const script_t *scripts;
    int count;
    int socket, port;
    pid_t pid;
    seen_t *seen;
} server_t;

/** Listen on a free port of 127.0.0.1. @return the socket */
static inline int server_listen(int backlog, int *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof(address);
    int s = socket(AF_INET, SOCK_STREAM, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (s < 0 || bind(s, (struct sockaddr *)&address, size) != 0 || listen(s, backlog) != 0 ||
        getsockname(s, (struct sockaddr *)&address, &size) != 0)
        abort();
    *port = ntohs(address.sin_port);
    return s;
}

/** Does anybody listen there? */
static inline int server_listens(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int s = socket(AF_INET, SOCK_STREAM, 0), rv;

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    rv = connect(s, (struct sockaddr *)&address, sizeof(address));
    close(s);
    return rv == 0;
}

/* Read up to the empty line. @return 0 where the client went away */
static inline int server_hear(int s, char *request, size_t size)
{
    size_t len = 0;

    while (len < size - 1) {
        ssize_t got = recv(s, request + len, size - 1 - len, 0);

        if (got <= 0)
            return 0;
        len += (size_t)got;
        request[len] = '\0';
        if (strstr(request, "\r\n\r\n"))
            return 1;
    }
    return 0;
}

static inline const script_t *server_find(const server_t *server, const char *request)
{
    int i;

    for (i = 0; i < server->count; i++) {
        size_t len = strlen(server->scripts[i].path);

        if (strncmp(request, "GET ", 4) == 0 &&
            strncmp(request + 4, server->scripts[i].path, len) == 0 &&
            strchr(" ?", request[4 + len]))
            return &server->scripts[i];
    }
    return NULL;
}

static inline void server_say(int s, const script_t *script)
{
    size_t step = script->then == TRICKLE ? 1 : script->len, sent = 0;

    while (sent < script->len && send(s, script->bytes + sent, step, MSG_NOSIGNAL) > 0) {
        sent += step;
        if (script->then == TRICKLE)
            usleep(50000);
    }
}

static inline void server_gather(const server_t *server)
{
    __atomic_add_fetch(&server->seen->gathered, 1, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&server->seen->gathered, __ATOMIC_SEQ_CST) < 10)
        usleep(1000);
}

/** Wait until one of its counters is so high. @return it, also where that took too long */
static inline int server_until(const int *counter, int n)
{
    int i;

    for (i = 0; i < 10000 && __atomic_load_n(counter, __ATOMIC_SEQ_CST) < n; i++)
        usleep(1000);
    return __atomic_load_n(counter, __ATOMIC_SEQ_CST);
}

static inline void server_connection(const server_t *server, int s)
{
    char request[4096];

    while (server_hear(s, request, sizeof(request))) {
        const script_t *script = server_find(server, request);

        __atomic_add_fetch(&server->seen->requests, 1, __ATOMIC_SEQ_CST);
        memcpy(server->seen->request, request, sizeof(request));
        if (!script)
            return;
        if (script->then == TOGETHER)
            server_gather(server);
        server_say(s, script);
        if (script->then == THEN_STALL)
            sleep(30);
        if (script->then == THEN_RESET) {
            struct linger now = {1, 0};

            setsockopt(s, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
        }
        if (script->then != THEN_KEEP)
            return;
    }
}

static inline void server_run(const server_t *server)
{
    setpgid(0, 0); /* so that all its processes can be ended at once */
    signal(SIGCHLD, SIG_IGN);
    alarm(120); /* should the test die, this goes too */
    for (;;) {
        int s = accept(server->socket, NULL, NULL);

        if (s < 0)
            continue;
        __atomic_add_fetch(&server->seen->connections, 1, __ATOMIC_SEQ_CST);
        if (fork() == 0) {
            close(server->socket);
            alarm(60);
            server_connection(server, s);
            close(s);
            __atomic_add_fetch(&server->seen->ended, 1, __ATOMIC_SEQ_CST);
            _exit(0);
        }
        close(s);
    }
}

static inline server_t server_start(const script_t *scripts, int count)
{
    server_t server = {.scripts = scripts, .count = count};

    server.seen =
        mmap(NULL, sizeof(*server.seen), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    server.socket = server_listen(128, &server.port);
    fflush(stdout);
    server.pid = fork();
    if (server.pid == 0) {
        server_run(&server);
        _exit(0);
    }
    close(server.socket);
    setpgid(server.pid, server.pid);
    return server;
}

static inline void server_stop(server_t *server)
{
    kill(-server->pid, SIGKILL);
    waitpid(server->pid, NULL, 0);
    munmap(server->seen, sizeof(*server->seen));
}

#endif
