/*
 * The two clients of the load test; each prints one line of JSON when it is done.
 *
 *     load sign-in PORT CLIENTS WARM-UP SECONDS
 *         so many mini programs: each holds a connection and posts one code after the other. One that
 *         is told to wait (503, Retry-After) waits, and a little longer, as a phone would. Answers
 *         that come before the warm-up is over do not count.
 *     load page PORT EVERY-MS WARM-UP SECONDS
 *         a new visitor every so many milliseconds, whether those before have been served or not:
 *         each opens a connection, fetches /small.txt, and leaves after 10 s at the latest.
 *
 * One thread, epoll, 127.0.0.1 only.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define EVENTS 256
#define MOST_VISITORS 4096
#define SECOND 1000000LL
#define PATIENCE_PAGE (10 * SECOND)
#define PATIENCE_SIGN_IN (60 * SECOND)
#define CROSSING (SECOND / 5)
#define TICK (5000LL)

enum { IDLE, CONNECTING, WAITING };

typedef struct {
    int fd; /* -1: none */
    int state;
    int served;    /* answers 200 so far */
    int kept;      /* this connection has had an answer */
    int64_t since; /* when this request began */
    int64_t next;  /* IDLE: when to begin; 0: not at all */
    size_t len;
    char buffer[4096];
} peer_t;

static struct {
    int pages; /* 1: visitors, 0: sign-ins */
    int port, epoll;
    int64_t from, until; /* what is measured */
    peer_t *peers;
    int count;
    uint32_t *times; /* µs, of 200 */
    size_t times_len, times_size;
    unsigned long good, told_to_wait, other, cut, broken, given_up, serial;
    unsigned seed;
} load;

static int64_t now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * SECOND + t.tv_nsec / 1000;
}

static int measured(int64_t now)
{
    return now >= load.from && now < load.until;
}

static void note_time(int64_t us)
{
    if (load.times_len == load.times_size) {
        load.times_size = load.times_size ? load.times_size * 2 : 65536;
        load.times = realloc(load.times, load.times_size * sizeof(*load.times));
        if (!load.times)
            abort();
    }
    load.times[load.times_len++] = (uint32_t)us;
}

static void hang_up(peer_t *peer)
{
    if (peer->fd >= 0)
        close(peer->fd);
    peer->fd = -1;
    peer->state = IDLE;
    peer->kept = 0;
}

/* -- asking ----------------------------------------------------------------------------------- */

static void send_request(peer_t *peer)
{
    char request[512];
    int len;

    if (load.pages) {
        len = snprintf(request, sizeof(request),
                       "GET /small.txt HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n");
    } else {
        char body[64];
        int body_len =
            snprintf(body, sizeof(body), "{\"code\":\"load-%x-%lu\"}", load.seed, load.serial++);

        len = snprintf(request, sizeof(request),
                       "POST /api/login/ HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                       "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
                       body_len, body);
    }
    peer->state = WAITING;
    peer->len = 0;
    if (write(peer->fd, request, (size_t)len) != len)
        shutdown(peer->fd, SHUT_RDWR); /* heard of as an end */
}

static void begin(peer_t *peer, int64_t now)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)load.port)};
    struct epoll_event event = {.events = EPOLLOUT, .data.ptr = peer};
    int one = 1;

    peer->since = now;
    if (peer->fd >= 0) {
        send_request(peer);
        return;
    }
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    peer->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    peer->state = CONNECTING;
    if (peer->fd >= 0) {
        setsockopt(peer->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        epoll_ctl(load.epoll, EPOLL_CTL_ADD, peer->fd, &event);
        if (connect(peer->fd, (struct sockaddr *)&address, sizeof(address)) == 0 ||
            errno == EINPROGRESS)
            return;
    }
    load.broken++;
    hang_up(peer);
    peer->next = now + SECOND;
}

/* -- hearing ---------------------------------------------------------------------------------- */

/* A mini program goes on; a visitor was here once. */
static void rest(peer_t *peer, int64_t now, int64_t pause)
{
    peer->state = IDLE;
    peer->len = 0;
    peer->next = load.pages ? 0 : now + pause;
    if (!load.pages && pause == 0)
        begin(peer, now);
}

static void count_answer(peer_t *peer, int status, int64_t now)
{
    if (status == 200)
        peer->served++;
    if (!measured(now))
        return;
    if (status == 200) {
        load.good++;
        note_time(now - peer->since);
    } else if (status == 503) {
        load.told_to_wait++;
    } else {
        load.other++;
    }
}

/* @return bytes of the whole answer that is in the buffer, 0: not all of it is here */
static size_t answer_size(const peer_t *peer, const char **head_end)
{
    const char *length;
    size_t size;

    *head_end = memmem(peer->buffer, peer->len, "\r\n\r\n", 4);
    if (!*head_end)
        return 0;
    length = strcasestr(peer->buffer, "\r\nContent-Length:");
    size = (size_t)(*head_end - peer->buffer) + 4 + (length ? strtoul(length + 17, NULL, 10) : 0);
    return peer->len >= size ? size : 0;
}

static void take_answer(peer_t *peer, const char *head_end, int64_t now)
{
    int status = atoi(peer->buffer + 9);
    const char *retry = strcasestr(peer->buffer, "\r\nRetry-After:");
    const char *closes = strcasestr(peer->buffer, "\r\nConnection: close");
    int64_t pause = 0;

    count_answer(peer, status, now);
    peer->kept = 1;
    if (status != 200)
        pause = (retry && retry < head_end ? atoi(retry + 14) : 1) * SECOND + random() % SECOND;
    if (closes && closes < head_end)
        hang_up(peer);
    rest(peer, now, pause);
}

/* The connection ended. One that httpd closed while it was idle is simply opened again; so is one
   that it closed as the next request was on its way, which is what a busy event MPM does. */
static void lost(peer_t *peer, int64_t now)
{
    int state = peer->state, cut = peer->kept && peer->len == 0 && now - peer->since < CROSSING;

    hang_up(peer);
    if (state == IDLE)
        return;
    load.cut += cut && measured(now);
    load.broken += !cut && measured(now);
    rest(peer, now, cut ? 0 : SECOND + random() % SECOND);
}

static void hear(peer_t *peer, int64_t now)
{
    const char *head_end;
    ssize_t got = read(peer->fd, peer->buffer + peer->len, sizeof(peer->buffer) - 1 - peer->len);

    if (got <= 0) {
        if (got == 0 || (errno != EAGAIN && errno != EINTR))
            lost(peer, now);
        return;
    }
    peer->len += (size_t)got;
    peer->buffer[peer->len] = '\0';
    if (answer_size(peer, &head_end))
        take_answer(peer, head_end, now);
    else if (peer->len >= sizeof(peer->buffer) - 1)
        lost(peer, now);
}

static void on_event(peer_t *peer, uint32_t events, int64_t now)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = peer};

    if (peer->fd < 0)
        return;
    if (peer->state == CONNECTING && (events & EPOLLOUT) && !(events & (EPOLLERR | EPOLLHUP))) {
        epoll_ctl(load.epoll, EPOLL_CTL_MOD, peer->fd, &event);
        send_request(peer);
    } else if (peer->state == CONNECTING) {
        lost(peer, now);
    } else {
        hear(peer, now);
    }
}

/* -- time ------------------------------------------------------------------------------------- */

static void give_up(peer_t *peer, int64_t now)
{
    if (measured(now)) {
        load.given_up++;
        if (load.pages)
            note_time(now - peer->since);
    }
    hang_up(peer);
    rest(peer, now, SECOND);
}

static void look_round(int64_t now)
{
    int64_t patience = load.pages ? PATIENCE_PAGE : PATIENCE_SIGN_IN;
    int i;

    for (i = 0; i < load.count; i++) {
        peer_t *peer = &load.peers[i];

        if (peer->state != IDLE && now - peer->since > patience)
            give_up(peer, now);
        else if (peer->state == IDLE && peer->next && peer->next <= now)
            begin(peer, now);
    }
}

static void send_visitor(int64_t now)
{
    int i;

    for (i = 0; i < load.count; i++) {
        if (load.peers[i].state == IDLE) {
            hang_up(&load.peers[i]);
            begin(&load.peers[i], now);
            return;
        }
    }
}

static void run(int64_t every)
{
    struct epoll_event events[EVENTS];
    int64_t visitor = now_us(), tick = 0;

    for (;;) {
        int64_t now = now_us();
        int count, i;

        if (now >= load.until)
            return;
        if (now >= tick) {
            look_round(now);
            tick = now + TICK;
        }
        while (load.pages && visitor <= now) {
            send_visitor(now);
            visitor += every;
        }
        count = epoll_wait(load.epoll, events, EVENTS, load.pages ? 1 : (int)(TICK / 1000));
        now = now_us();
        for (i = 0; i < count; i++)
            on_event(events[i].data.ptr, events[i].events, now);
    }
}

/* -- the sum ---------------------------------------------------------------------------------- */

static int by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

static double ms_at(double share)
{
    size_t at = (size_t)(share * (double)load.times_len);

    if (at == load.times_len && at)
        at--;
    return load.times_len ? load.times[at] / 1000.0 : -1;
}

/* Visitors who still wait have waited so long at least: that counts, or the worst would be lost. */
static void count_unserved(int64_t now, int *waiting, int *never)
{
    int i;

    for (i = 0; i < load.count; i++) {
        const peer_t *peer = &load.peers[i];

        *waiting += peer->state != IDLE;
        *never += !peer->served;
        if (load.pages && peer->state != IDLE)
            note_time(now - peer->since);
    }
}

static void report(double seconds)
{
    int waiting = 0, never = 0;

    count_unserved(now_us(), &waiting, &never);
    qsort(load.times, load.times_len, sizeof(*load.times), by_size);
    printf(
        "{\"good\": %lu, \"rate\": %.1f, \"busy\": %lu, \"other\": %lu, \"cut\": %lu, \"broken\": %lu, "
        "\"given_up\": %lu, \"waiting\": %d, \"never\": %d, \"p50\": %.1f, \"p99\": %.1f, "
        "\"max\": %.1f}\n",
        load.good, (double)load.good / seconds, load.told_to_wait, load.other, load.cut,
        load.broken, load.given_up, waiting, never, ms_at(0.5), ms_at(0.99), ms_at(1.0));
}

int main(int argc, char **argv)
{
    struct rlimit files;
    double seconds;
    int i;

    if (argc != 6 || (strcmp(argv[1], "sign-in") != 0 && strcmp(argv[1], "page") != 0)) {
        fprintf(stderr, "usage: load sign-in PORT CLIENTS WARM-UP SECONDS\n"
                        "       load page PORT EVERY-MS WARM-UP SECONDS\n");
        return 2;
    }
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    load.pages = strcmp(argv[1], "page") == 0;
    load.port = atoi(argv[2]);
    load.count = load.pages ? MOST_VISITORS : atoi(argv[3]);
    seconds = atof(argv[5]);
    load.from = now_us() + (int64_t)(atof(argv[4]) * SECOND);
    load.until = load.from + (int64_t)(seconds * SECOND);
    load.epoll = epoll_create1(EPOLL_CLOEXEC);
    load.seed = (unsigned)(now_us() ^ getpid());
    srandom(load.seed);
    load.peers = calloc((size_t)load.count, sizeof(*load.peers));
    if (!load.peers)
        return 1;
    for (i = 0; i < load.count; i++) {
        load.peers[i].fd = -1;
        load.peers[i].next = !load.pages; /* all at once */
    }
    run(atoi(argv[3]) * 1000LL);
    report(seconds);
    return 0;
}
