/* For t/park/lost.t, preloaded into httpd. When the file "fail" is in WX_LOST, the next eventfd that
   is to be polled cannot be: the MPM gives the connection up and closes its descriptor. At once the
   number belongs to another eventfd, and the closing thread waits for the file "on" before it goes
   on. What has happened to the other one by then is written to the file "seen". */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

typedef int epoll_ctl_t(int, int, int, struct epoll_event *);
typedef int close_t(int);

static int lost = -1, other = -1;

static const char *file(const char *name)
{
    static __thread char path[512];

    snprintf(path, sizeof(path), "%s/%s", getenv("WX_LOST"), name);
    return path;
}

static int is_eventfd(int fd)
{
    char path[64], target[64] = "";

    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    return readlink(path, target, sizeof(target) - 1) > 0 && strstr(target, "[eventfd]");
}

int epoll_ctl(int epoll, int what, int fd, struct epoll_event *event)
{
    epoll_ctl_t *next = (epoll_ctl_t *)dlsym(RTLD_NEXT, "epoll_ctl");

    if (what != EPOLL_CTL_ADD || lost >= 0 || !is_eventfd(fd) || unlink(file("fail")) != 0)
        return next(epoll, what, fd, event);
    lost = fd;
    errno = ENOSPC;
    return -1;
}

static void say(const char *what)
{
    FILE *seen = fopen(file("seen"), "a");

    fprintf(seen, "%s\n", what);
    fclose(seen);
}

static void wait_and_see(void)
{
    struct pollfd ring = {.fd = other, .events = POLLIN};
    int i;

    say("closed");
    for (i = 0; i < 3000 && access(file("on"), F_OK) != 0; i++)
        usleep(10000);
    say(poll(&ring, 1, 500) ? "rung" : "silent");
}

int close(int fd)
{
    close_t *next = (close_t *)dlsym(RTLD_NEXT, "close");
    int made, rv;

    if (fd >= 0 && fd == other)
        say("closed again");
    if (fd < 0 || fd != lost || other >= 0)
        return next(fd);
    rv = next(fd);
    made = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (made != fd) {
        dup2(made, fd);
        next(made);
    }
    other = fd;
    wait_and_see();
    return rv;
}
