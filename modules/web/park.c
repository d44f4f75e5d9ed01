/* web/park: a connection waits without a thread. See park.h. */

#include "web/park.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <ap_mpm.h>
#include <http_connection.h>
#include <http_request.h>
#include <scoreboard.h>

#include <apr_portable.h>

/* State of one connection, in c->conn_config. Only the thread that has the connection touches it;
   while it is parked nobody has it. */
typedef struct {
    int nested;     /* the hooks behind ours are running */
    request_rec *r; /* the request that waits; NULL: none */
    int descriptor; /* what it waits for */
    wxl_resume_t resume;
    void *baton;
    apr_socket_t *socket; /* the connection's, while exchanged; else NULL */
    int real;             /* its own descriptor, while exchanged */
    int lost;             /* the descriptor that the MPM closed; -1: none */
    int bell, rope;       /* two descriptors of an eventfd; -1: not made yet */
} park_t;

static int available; /* this child may park */

#if AP_MODULE_MAGIC_AT_LEAST(20120211, 137) /* CONN_STATE_ASYNC_WAITIO: httpd 2.4.63 */

void wxl_park_child(apr_pool_t *pchild, server_rec *server)
{
    int async = 0, waitio = 0;

    (void)pchild, (void)server;
    /* The header knowing the state is not enough: the MPM that was loaded must. */
    available = ap_mpm_query(AP_MPMQ_IS_ASYNC, &async) == APR_SUCCESS && async &&
                ap_mpm_query(AP_MPMQ_CAN_WAITIO, &waitio) == APR_SUCCESS && waitio;
}

#define WAITIO CONN_STATE_ASYNC_WAITIO
#define HANDLER CONN_STATE_HANDLER

#else

void wxl_park_child(apr_pool_t *pchild, server_rec *server)
{
    (void)pchild, (void)server;
    available = 0;
}

/* Never reached: nothing is parked. */
#define WAITIO CONN_STATE_SUSPENDED
#define HANDLER CONN_STATE_SUSPENDED

#endif

int wxl_park_available(void)
{
    return available;
}

int wxl_park_ending(void)
{
    int state = AP_MPMQ_RUNNING;

    return ap_mpm_query(AP_MPMQ_MPM_STATE, &state) == APR_SUCCESS && state == AP_MPMQ_STOPPING;
}

static park_t *park_of(conn_rec *c)
{
    return ap_get_module_config(c->conn_config, &wxlogin_module);
}

int wxl_park_can(request_rec *r)
{
    conn_rec *c = r->connection;
    const park_t *park = park_of(c);

    /* An HTTP/2 stream has a master; SUSPENDED inside a subrequest or an internal redirect is an
       invalid status; clogging filters and pending output would be lost sight of. In a child that
       ends, the thread that polls may have gone: it does when it counts no connection, and those
       that it accepted last are not counted before a worker has taken them. */
    return available && !wxl_park_ending() && park && park->nested && !park->r && !c->master &&
           c->cs && !r->main && !r->prev && !c->clogging_input_filters &&
           !c->data_in_output_filters;
}

int wxl_park_lost(request_rec *r, int descriptor)
{
    const park_t *park = park_of(r->connection);

    return park && park->lost == descriptor;
}

/* Give the connection its own descriptor back. */
static void restore(park_t *park)
{
    apr_os_sock_t now = -1;

    if (!park->socket)
        return;
    apr_os_sock_get(&now, park->socket);
    if (now == park->descriptor) {
        apr_os_sock_put(&park->socket, &park->real, NULL);
    } else { /* the MPM closed what it took for the socket, in an error path */
        close(park->real);
        park->lost = park->descriptor;
        if (park->descriptor == park->bell)
            park->bell = -1;
    }
    park->socket = NULL;
}

/* r->pool goes away, whatever happened: nothing may stay exchanged. Registered after the caller's
   cleanup, so it runs before the descriptor is closed. */
static apr_status_t forget(void *data)
{
    park_t *park = data;

    restore(park);
    park->r = NULL;
    return APR_SUCCESS;
}

static apr_status_t close_bell(void *data)
{
    park_t *park = data;

    if (park->bell >= 0)
        close(park->bell);
    if (park->rope >= 0)
        close(park->rope);
    return APR_SUCCESS;
}

int wxl_park_bell(request_rec *r)
{
    park_t *park = park_of(r->connection);

    if (park->rope >= 0) /* without a bell, where that was lost: the connection is at its end */
        return park->bell;
    park->bell = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    park->rope = park->bell < 0 ? -1 : fcntl(park->bell, F_DUPFD_CLOEXEC, 0);
    if (park->bell >= 0 && park->rope < 0) {
        close(park->bell);
        park->bell = -1;
    }
    return park->bell;
}

int wxl_park_rope(request_rec *r)
{
    return park_of(r->connection)->rope;
}

/* It rings once for each wait, and is silent before the next. Should a ring come late, the next
   wait is woken for nothing, and goes on. */
void wxl_park_silence(request_rec *r)
{
    apr_uint64_t rings;

    if (read(park_of(r->connection)->bell, &rings, sizeof(rings)) < 0)
        return; /* it had not rung */
}

int wxl_park(request_rec *r, int descriptor, wxl_resume_t resume, void *baton)
{
    park_t *park = park_of(r->connection);

    park->r = r;
    park->descriptor = descriptor;
    park->resume = resume;
    park->baton = baton;
    apr_pool_cleanup_register(r->pool, park, forget, apr_pool_cleanup_null);
    return SUSPENDED;
}

int wxl_park_again(request_rec *r, int descriptor)
{
    park_of(r->connection)->descriptor = descriptor;
    return SUSPENDED;
}

/* The MPM will poll the other descriptor: it reads the number when it adds the socket, after this
   returns. One that is readable already fires at once: nothing is missed. */
static void exchange(conn_rec *c, park_t *park)
{
    park->socket = ap_get_conn_socket(c);
    apr_os_sock_get(&park->real, park->socket);
    apr_os_sock_put(&park->socket, &park->descriptor, NULL);
    c->cs->state = WAITIO;
    c->cs->sense = CONN_SENSE_WANT_READ;
}

/* The request is answered, or never will be: hand the connection back to the MPM. */
static void conclude(request_rec *r, park_t *park, int status)
{
    apr_pool_cleanup_kill(r->pool, park, forget);
    park->r = NULL;
    ap_die(status, r); /* OK sends the rest of the answer, an error its document */
    ap_process_request_after_handler(r); /* r is gone after this */
}

static int wake_up(conn_rec *c, park_t *park)
{
    request_rec *r = park->r;
    int status;

    restore(park);
    if (park->descriptor == park->bell)
        wxl_park_silence(r);
    c->cs->state = HANDLER;
    if (ap_extended_status) /* or mod_status adds up durations that never began */
        ap_time_process_request(c->sbh, START_PREQUEST);
    ap_update_child_status(c->sbh, SERVER_BUSY_WRITE, r);
    status = park->resume(r, park->baton, 0);
    if (status == SUSPENDED)
        exchange(c, park);
    else
        conclude(r, park, status);
    return OK;
}

int wxl_park_process(conn_rec *c)
{
    park_t *park;
    int status;

    if (!available || c->master || !c->cs)
        return DECLINED;
    park = park_of(c);
    if (!park) {
        park = apr_pcalloc(c->pool, sizeof(*park));
        park->bell = park->rope = park->lost = -1;
        apr_pool_cleanup_register(c->pool, park, close_bell, apr_pool_cleanup_null);
        ap_set_module_config(c->conn_config, &wxlogin_module, park);
    }
    if (park->nested)
        return DECLINED;
    if (park->r)
        return wake_up(c, park);
    park->nested = 1;
    status = ap_run_process_connection(c);
    park->nested = 0;
    if (park->r && c->cs->state == CONN_STATE_SUSPENDED)
        exchange(c, park);
    return status;
}

int wxl_park_pre_close(conn_rec *c)
{
    park_t *park = available ? park_of(c) : NULL;
    conn_state_e state;
    request_rec *r;

    if (!park || !park->r)
        return OK;
    r = park->r;
    state = c->cs->state;
    restore(park); /* first of all: what follows may write */
    c->keepalive = AP_CONN_CLOSE;
    conclude(r, park, park->resume(r, park->baton, 1));
    c->cs->state = state; /* the MPM goes on with what it was about to do */
    return OK;
}
