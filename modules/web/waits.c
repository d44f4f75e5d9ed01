/* web/waits: how many sign-ins may wait. See waits.h. */

#include "web/waits.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include <ap_mpm.h>
#include <apr_atomic.h>
#include <mod_status.h>
#include <util_cfgtree.h>

#include "web/config.h"
#include "web/park.h"
#include "web/shm.h"

/* A parked sign-in has four descriptors: client, bell and rope (web/park), WeChat. The rest is
   httpd's. */
#define DESCRIPTORS_EACH 4
#define DESCRIPTORS_OTHERS 512
/* One connection in five stays for others. */
#define SHARE_OF_CONNECTIONS(n) ((n) / 5 * 4)
#define DEFAULT_WORKER_FACTOR 2
/* The log is told of those that were refused this often at most. */
#define TELL_EVERY apr_time_from_sec(10)

/* Worked out at start, read by the children. */
static int parked_limit = 0;
static int share = 1;                  /* of the threads; prefork: of the processes */
static int processes = 0;              /* prefork: how many there may be; else 0 */
static volatile apr_uint32_t *blocked; /* prefork: pid of the process with this number, waiting */

/* How many wait in a child: in shared memory, so that one of them can tell of all. */
typedef struct {
    apr_uint32_t pid; /* whose it is; 0: free */
    apr_uint32_t parked, blocking;
} place_t;
static place_t *places;
static int place_count;

/* Of this child. */
static place_t own; /* where there is no place in shared memory */
static place_t *mine = &own;
static apr_uint32_t refused; /* since the log was told ... */
static apr_uint64_t told;    /* ... at this time */

/* The number behind a directive, wherever it stands outside of sections. */
static double find_number(const char *name, double otherwise)
{
    const ap_directive_t *node;

    for (node = ap_conftree; node; node = node->next) {
        if (ap_cstr_casecmp(node->directive, name) == 0)
            otherwise = strtod(node->args, NULL);
    }
    return otherwise;
}

static int by_descriptors(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY ||
        limit.rlim_cur > 1u << 24)
        return 1 << 22;
    return limit.rlim_cur > DESCRIPTORS_OTHERS
               ? (int)(limit.rlim_cur - DESCRIPTORS_OTHERS) / DESCRIPTORS_EACH
               : 1;
}

/* The largest limit of all servers. @param asked set to 1 where an administrator wrote it */
static int most_configured(const server_rec *server, int *asked)
{
    int most = 0;

    for (; server; server = server->next) {
        const wxl_config_t *config = wxl_config_of(server);

        if (config->exchange_limit > most) {
            most = config->exchange_limit;
            *asked = config->exchange_limit_set;
        }
    }
    return most;
}

static void start_parking(server_rec *main_server, int threads)
{
    double factor = find_number("AsyncRequestWorkerFactor", DEFAULT_WORKER_FACTOR);
    int connections = SHARE_OF_CONNECTIONS((int)(threads * (factor + 1)));
    int descriptors = by_descriptors();
    int asked = 0, wanted = most_configured(main_server, &asked);
    int level = asked ? APLOG_WARNING : APLOG_INFO; /* the default asks for nothing in particular */

    parked_limit = connections < descriptors ? connections : descriptors;
    if (parked_limit < 1)
        parked_limit = 1;
    if (connections < wanted)
        ap_log_error(APLOG_MARK, level, 0, main_server,
                     "WXL0530: a child can hold %d waiting sign-ins, not the %d of "
                     "WxLoginExchangeLimit: raise AsyncRequestWorkerFactor to %d",
                     connections, wanted, wanted * 5 / 4 / (threads ? threads : 1) + 1);
    if (descriptors < wanted)
        ap_log_error(APLOG_MARK, level, 0, main_server,
                     "WXL0531: a child can hold %d waiting sign-ins, not the %d of "
                     "WxLoginExchangeLimit: raise the limit of open files (ulimit -n) to %d",
                     descriptors, wanted, wanted * DESCRIPTORS_EACH + DESCRIPTORS_OTHERS);
}

/* Children of two generations live side by side for a while. */
static void start_places(server_rec *main_server, int daemons)
{
    apr_size_t size = sizeof(place_t) * 2 * (apr_size_t)daemons;
    void *memory;
    int fresh;

    place_count = 0;
    if (wxl_shm_room(main_server, "waits", size, &memory, &fresh) != APR_SUCCESS)
        return; /* nobody is told, that is all */
    places = memory;
    place_count = 2 * daemons;
}

static int is_dead(apr_uint32_t pid)
{
    return kill((pid_t)pid, 0) != 0 && errno == ESRCH;
}

static apr_status_t leave(void *unused)
{
    (void)unused;
    apr_atomic_set32(&mine->pid, 0);
    return APR_SUCCESS;
}

void wxl_waits_child(apr_pool_t *pchild)
{
    int i;

    for (i = 0; i < place_count; i++) {
        apr_uint32_t pid = apr_atomic_read32(&places[i].pid);

        if ((pid && !is_dead(pid)) ||
            apr_atomic_cas32(&places[i].pid, (apr_uint32_t)getpid(), pid) != pid)
            continue;
        mine = &places[i];
        apr_atomic_set32(&mine->parked, 0);
        apr_atomic_set32(&mine->blocking, 0);
        apr_pool_cleanup_register(pchild, NULL, leave, apr_pool_cleanup_null);
        return;
    }
}

static int half_of(int all)
{
    return all > 1 ? all / 2 : 1;
}

int wxl_waits_start(server_rec *main_server)
{
    int threaded = 0, threads = 1, daemons = 1, fresh;
    void *memory;

    ap_mpm_query(AP_MPMQ_IS_THREADED, &threaded);
    ap_mpm_query(AP_MPMQ_MAX_THREADS, &threads);
    ap_mpm_query(AP_MPMQ_MAX_DAEMONS, &daemons);
    start_places(main_server, daemons);
    processes = 0;
    if (threaded) {
        start_parking(main_server, threads);
        share = half_of(threads);
        return OK;
    }
    processes = daemons;
    share = half_of(daemons);
    if (wxl_shm_room(main_server, "blocked", sizeof(*blocked) * (apr_size_t)daemons, &memory,
                     &fresh) != APR_SUCCESS)
        return HTTP_INTERNAL_SERVER_ERROR;
    blocked = memory;
    return OK;
}

int wxl_waits_share(void)
{
    return share;
}

void wxl_waits_refused(server_rec *server)
{
    apr_time_t now = apr_time_now();
    apr_uint64_t last = apr_atomic_read64(&told);

    apr_atomic_inc32(&refused);
    if (now - (apr_time_t)last < TELL_EVERY && now >= (apr_time_t)last)
        return;
    if (apr_atomic_cas64(&told, (apr_uint64_t)now, last) == last)
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, server,
                     "WXL0535: as many sign-ins wait for WeChat in this child as may: %u more were "
                     "answered 503 since this was last said",
                     apr_atomic_xchg32(&refused, 0));
}

int wxl_waits_park(int most)
{
    apr_uint32_t limit = (apr_uint32_t)(most < parked_limit ? most : parked_limit);

    if (apr_atomic_inc32(&mine->parked) < limit)
        return 1;
    apr_atomic_dec32(&mine->parked);
    return 0;
}

void wxl_waits_unpark(void)
{
    apr_atomic_dec32(&mine->parked);
}

/* prefork: how many of the processes wait? One that was killed while it did is struck off. */
static int count_blocked(void)
{
    int count = 0, i;

    for (i = 0; i < processes; i++) {
        apr_uint32_t pid = apr_atomic_read32(&blocked[i]);

        if (pid && is_dead(pid))
            apr_atomic_cas32(&blocked[i], 0, pid);
        else if (pid)
            count++;
    }
    return count;
}

int wxl_waits_block(const request_rec *r)
{
    long number = r->connection->id;

    if (processes) {
        if (number < 0 || number >= processes)
            return 1;
        apr_atomic_set32(&blocked[number], (apr_uint32_t)getpid());
        if (count_blocked() <= share)
            return 1;
        apr_atomic_set32(&blocked[number], 0);
        return 0;
    }
    /* The threads of a child that ends are wanted for nothing else. */
    if (apr_atomic_inc32(&mine->blocking) < (apr_uint32_t)share || wxl_park_ending())
        return 1;
    apr_atomic_dec32(&mine->blocking);
    return 0;
}

void wxl_waits_unblock(const request_rec *r)
{
    long number = r->connection->id;

    if (!processes)
        apr_atomic_dec32(&mine->blocking);
    else if (number >= 0 && number < processes)
        apr_atomic_set32(&blocked[number], 0);
}

int wxl_waits_status(request_rec *r, int flags)
{
    apr_uint32_t parked = 0, blocking = processes ? (apr_uint32_t)count_blocked() : 0;
    int i;

    for (i = 0; i < place_count; i++) {
        apr_uint32_t pid = apr_atomic_read32(&places[i].pid);

        if (!pid || is_dead(pid))
            continue;
        parked += apr_atomic_read32(&places[i].parked);
        blocking += apr_atomic_read32(&places[i].blocking);
    }
    ap_rprintf(
        r,
        flags & AP_STATUS_SHORT
            ? "WxLoginParked: %u\nWxLoginBlocking: %u\n"
            : "<hr />\n<h2>mod_wxlogin</h2>\n<p>Sign-ins that wait for WeChat: %u parked, %u "
              "in a thread each</p>\n",
        parked, blocking);
    return OK;
}
