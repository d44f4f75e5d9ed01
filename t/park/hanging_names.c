/* Names for t/park/names.t, preloaded into httpd: x.hang.test never comes, x.slow.test takes half
   a second, of x.mixed.test the second look-up takes four, the others a third; all are 127.0.0.1. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <string.h>
#include <unistd.h>

typedef int look_up_t(const char *, const char *, const struct addrinfo *, struct addrinfo **);

static int mixed;

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **result)
{
    look_up_t *look_up = (look_up_t *)dlsym(RTLD_NEXT, "getaddrinfo");

    if (node && strstr(node, ".hang.test"))
        sleep(20);
    else if (node && strstr(node, ".slow.test"))
        usleep(500000);
    else if (node && strstr(node, ".mixed.test"))
        usleep(__atomic_add_fetch(&mixed, 1, __ATOMIC_SEQ_CST) == 2 ? 4000000 : 300000);
    if (node && strstr(node, ".test"))
        node = "127.0.0.1";
    return look_up(node, service, hints, result);
}
