/* Names for t/park/names.t and bench/soak, preloaded into httpd: x.hang.test never comes, x.slow.test
   takes half a second, of x.mixed.test the second look-up takes four, the others a third, x.gone.test
   is not known while there is the file that WX_NAME_GONE names; all are 127.0.0.1. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <stdlib.h>
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
    else if (node && strstr(node, ".gone.test") && access(getenv("WX_NAME_GONE"), F_OK) == 0)
        return EAI_NONAME;
    if (node && strstr(node, ".test"))
        node = "127.0.0.1";
    return look_up(node, service, hints, result);
}
