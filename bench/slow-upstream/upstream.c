/*
 * A WeChat for load tests: answers each GET with an openid after so many milliseconds.
 *
 *     upstream PORT MILLISECONDS [USERS]
 *
 * The openids are those of USERS users (10000), in turns. One thread, epoll; all answers take the
 * same time, so those that wait form a queue. Listens on 127.0.0.1 only. Ends on SIGTERM.
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

#define MOST_FDS 65536
#define EVENTS 256

/* An answer that is due. The connection's turn tells an old one from a new one of the same number. */
typedef struct {
    int fd;
    unsigned turn;
    int64_t due;
} due_t;

static due_t queue[MOST_FDS]; /* a ring */
static unsigned head, tail;
static unsigned turns[MOST_FDS];
static unsigned long long served, users = 10000;

static int64_t now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void answer(const due_t *due)
{
    char body[128], reply[384];
    int len;

    if (turns[due->fd] != due->turn)
        return; /* it was closed meanwhile */
    snprintf(body, sizeof(body),
             "{\"session_key\":\"jHwS8qG\\/Gwn4jHwS8qGGwg==\",\"openid\":\"oLoad%023llu\"}",
             served++ % users);
    len = snprintf(reply, sizeof(reply),
                   "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Type: text/plain\r\n"
                   "Content-Length: %zu\r\n\r\n%s",
                   strlen(body), body);
    if (write(due->fd, reply, (size_t)len) != len)
        shutdown(due->fd, SHUT_RDWR);
}

static void drop(int fd)
{
    turns[fd]++;
    close(fd);
}

/* Requests are short: one read holds one. */
static void hear(int fd, int64_t delay)
{
    char request[4096];
    ssize_t len = read(fd, request, sizeof(request));
    due_t due = {fd, turns[fd], now_us() + delay};

    if (len <= 0) {
        if (len == 0 || (errno != EAGAIN && errno != EINTR))
            drop(fd);
        return;
    }
    if (delay == 0)
        answer(&due);
    else
        queue[tail++ % MOST_FDS] = due;
}

static void welcome(int epoll, int listener)
{
    int fd, one = 1;

    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

        if (fd >= MOST_FDS) {
            close(fd);
            continue;
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
    }
}

static int listen_on(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(fd, 8192) != 0) {
        perror("upstream");
        exit(1);
    }
    return fd;
}

int main(int argc, char **argv)
{
    struct epoll_event events[EVENTS], event = {.events = EPOLLIN};
    struct rlimit files;
    int64_t delay;
    int listener, epoll, i;

    if (argc != 3 && argc != 4) {
        fprintf(stderr, "usage: upstream PORT MILLISECONDS [USERS]\n");
        return 2;
    }
    if (argc == 4 && atoll(argv[3]) > 0)
        users = (unsigned long long)atoll(argv[3]);
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max < MOST_FDS ? files.rlim_max : MOST_FDS;
    setrlimit(RLIMIT_NOFILE, &files);
    delay = (int64_t)atoi(argv[2]) * 1000;
    listener = listen_on(atoi(argv[1]));
    epoll = epoll_create1(EPOLL_CLOEXEC);
    event.data.fd = listener;
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        int64_t wait = head == tail ? 1000000 : queue[head % MOST_FDS].due - now_us();
        int count = epoll_wait(epoll, events, EVENTS, wait <= 0 ? 0 : (int)((wait + 999) / 1000));

        for (i = 0; i < count; i++) {
            if (events[i].data.fd == listener)
                welcome(epoll, listener);
            else
                hear(events[i].data.fd, delay);
        }
        while (head != tail && queue[head % MOST_FDS].due <= now_us())
            answer(&queue[head++ % MOST_FDS]);
    }
}
