/* web/exchange: a code becomes an openid. See exchange.h. */

#include "web/exchange.h"

#include <errno.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <apr_strings.h>

#include "gate/http_blocking.h"
#include "gate/http_engine.h"
#include "web/desk.h"
#include "web/park.h"
#include "web/upstream.h"
#include "web/waits.h"

/* Who waits for another's exchange looks whether it is over after the first of these times, then
   whenever it has waited for an eighth longer, and at least so often as the second one says. */
#define LOOK_SOON apr_time_from_msec(20)
#define LOOK_LATE apr_time_from_msec(250)
/* This long beyond the timeout of an exchange its claim is void, and nobody joins it. */
#define GRACE apr_time_from_sec(2)

/* Of this child. */
static wxl_http_blocking_t *http; /* for waits that block */
static wxl_http_engine_t *engine; /* for waits that are parked; NULL: nobody parks */

/* One exchange, in the request's pool. */
typedef struct {
    wxl_call_t *call;
    wxl_signin_t *story;
    wxl_exchange_then_t then;
    wxl_codes_ask_t ask;
    apr_time_t since;          /* when it began to wait for others who ask about its code ... */
    apr_time_t patience;       /* ... and how long it does */
    wxl_codes_ticket_t ticket; /* ours to publish; empty: none, or done */
    int probe;
    int parks;   /* this one waits without a thread */
    int counted; /* in web/waits */
    int timer;   /* a timerfd, while it waits for others; else -1 */
    wxl_http_call_t *under_way;
} exchange_t;

void wxl_exchange_child(apr_pool_t *pchild, server_rec *server)
{
    const apr_interval_time_t idle = apr_time_from_sec(WXL_HTTP_MAX_IDLE);

    wxl_park_child(pchild, server);
    wxl_upstream_child(pchild, server);
    http = wxl_http_blocking_create(pchild, idle);
    if (!http)
        ap_log_error(APLOG_MARK, APLOG_CRIT, 0, server,
                     "WXL0512: libcurl cannot start; sign-in will fail in this child");
    if (wxl_park_available())
        engine = wxl_http_engine_create(pchild, idle, wxl_waits_share());
    if (wxl_park_available() && !engine)
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, server,
                     "WXL0534: no thread or descriptor for parked sign-ins; they will block");
}

/* -- what came of it ------------------------------------------------------------------------- */

static void uncount(exchange_t *ex)
{
    if (!ex->counted)
        return;
    ex->counted = 0;
    if (ex->parks)
        wxl_waits_unpark();
    else
        wxl_waits_unblock(ex->call->r);
}

/* Copy as much as there is room for, and no half character. */
static void copy_text(char *to, apr_size_t size, const char *text)
{
    apr_cpystrn(to, text ? text : "", size);
    while (*to && !wxl_json_is_utf8(to, strlen(to)))
        to[strlen(to) - 1] = '\0';
}

/* Tell those who wait for the same code. */
static void publish(exchange_t *ex)
{
    const wxl_errand_t *errand = &ex->call->errand;
    wxl_codes_outcome_t outcome = {.problem = (apr_int32_t)errand->problem,
                                   .errcode = errand->errcode};
    const char *text = errand->problem == WXL_OK ? ex->story->openid : errand->errmsg;

    if (errand->problem == WXL_WECHAT_BUSY ||
        (errand->problem == WXL_OK && strlen(text) >= sizeof(outcome.text))) {
        wxl_upstream_give_up(&ex->ticket); /* not asked, or cannot be told: others may */
    } else {
        copy_text(outcome.text, sizeof(outcome.text), text);
        copy_text(outcome.sid, sizeof(outcome.sid), ex->story->session.sid);
        wxl_upstream_publish(&ex->ticket, &outcome, apr_time_now());
    }
    memset(&ex->ticket, 0, sizeof(ex->ticket));
}

/* Another request asked about this code: its outcome is ours, and its session. */
static void adopt(exchange_t *ex, const wxl_codes_outcome_t *outcome)
{
    wxl_errand_t *errand = &ex->call->errand;
    const char *text = apr_pstrdup(errand->pool, outcome->text);

    if (outcome->problem == WXL_OK) {
        ex->story->openid = text;
        if (ex->story->session.sid && *outcome->sid) /* both servers keep sessions */
            ex->story->session.sid = apr_pstrdup(errand->pool, outcome->sid);
        return;
    }
    errand->errcode = outcome->errcode;
    errand->errmsg = text;
    if (outcome->problem == WXL_WECHAT_ERROR)
        wxl_problem_wechat_action(outcome->errcode, &errand->retry_after);
    wxl_fail(errand, (wxl_problem_t)outcome->problem, APR_SUCCESS,
             "as another request with this code");
}

/* WeChat has answered, or has not. */
static void hear(exchange_t *ex, const wxl_http_reply_t *reply)
{
    wxl_errand_t *errand = &ex->call->errand;

    errand->now = apr_time_now(); /* it may have taken seconds */
    wxl_wechat_read(errand, &ex->story->settings->wechat, reply, &ex->story->openid);
    wxl_upstream_report(ex->call, wxl_wechat_health(errand, reply), ex->probe);
    publish(ex);
}

/* The call has served its purpose: the next one's turn. */
static void drop_call(exchange_t *ex)
{
    if (ex->under_way)
        wxl_http_calls_drop(ex->under_way);
    ex->under_way = NULL;
}

/* The request ends, however it ends: nothing of the exchange stays behind. */
static apr_status_t clean_up(void *data)
{
    exchange_t *ex = data;

    drop_call(ex); /* or it might ring for another request */
    if (ex->timer >= 0 && !wxl_park_lost(ex->call->r, ex->timer))
        close(ex->timer);
    ex->timer = -1;
    uncount(ex);
    if (ex->ticket.serial)
        wxl_upstream_give_up(&ex->ticket);
    return APR_SUCCESS;
}

/* -- waiting --------------------------------------------------------------------------------- */

/* While a connection is parked the MPM applies TimeOut, and it may be that of the first server of
   the address: config_check has seen to ours only. */
static int is_patient(const exchange_t *ex)
{
    return ex->call->r->connection->base_server->timeout > ex->story->settings->wechat.timeout;
}

/* Room for one more wait, parked if the connection can be, else blocking. */
static apr_status_t count(exchange_t *ex)
{
    wxl_call_t *call = ex->call;

    if (ex->counted)
        return APR_SUCCESS;
    ex->parks =
        engine && !call->config->exchange_blocking && is_patient(ex) && wxl_park_can(call->r);
    ex->counted =
        ex->parks ? wxl_waits_park(call->config->exchange_limit) : wxl_waits_block(call->r);
    if (ex->counted)
        return APR_SUCCESS;
    wxl_waits_refused(call->r->server);
    call->expected = 1;
    call->errand.retry_after = 1;
    return wxl_fail(&call->errand, WXL_WECHAT_BUSY, APR_SUCCESS, "too many sign-ins wait");
}

/* The descriptor to wait for. */
static int bell_of(const exchange_t *ex)
{
    return ex->under_way ? wxl_park_bell(ex->call->r) : ex->timer;
}

static void start_call(exchange_t *ex)
{
    request_rec *r = ex->call->r;

    if (wxl_park_bell(r) >= 0)
        ex->under_way = wxl_http_engine_submit(engine, &ex->story->ask, wxl_park_rope(r));
}

/* Ask WeChat. @return 1 if it is over, 0 if the connection is to be parked */
static int ask(exchange_t *ex)
{
    wxl_errand_t *errand = &ex->call->errand;
    wxl_http_reply_t reply;

    if (count(ex) != APR_SUCCESS || wxl_upstream_enter(ex->call, &ex->probe) != APR_SUCCESS) {
        wxl_upstream_give_up(&ex->ticket);
        memset(&ex->ticket, 0, sizeof(ex->ticket));
        return 1;
    }
    if (ex->parks) {
        start_call(ex);
        if (!ex->under_way) {
            wxl_http_lack(&reply, "no descriptor or memory was left");
        } else if (!wxl_http_calls_collect(ex->under_way, errand->pool, &reply)) {
            return 0;
        } else { /* refused perhaps, and that at once: nobody needs to be woken */
            drop_call(ex);
            wxl_park_silence(ex->call->r);
        }
    } else if (http) {
        wxl_http_blocking_get(http, errand->pool, &ex->story->ask, &reply);
    } else {
        wxl_http_lack(&reply, "libcurl did not start");
    }
    hear(ex, &reply);
    return 1;
}

/* How long a claim holds. */
static apr_interval_time_t claim_time(const exchange_t *ex)
{
    return ex->story->settings->wechat.timeout + GRACE;
}

/* A timerfd that fires after this time. @return 0 where none is to be had */
static int set_timer(exchange_t *ex, apr_interval_time_t time)
{
    struct itimerspec soon = {.it_value.tv_nsec = (long)time * 1000};

    if (ex->timer < 0)
        ex->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    return ex->timer >= 0 && timerfd_settime(ex->timer, 0, &soon, NULL) == 0;
}

/* Somebody else asks: look again in a moment. @return as ask() */
static int join(exchange_t *ex)
{
    apr_interval_time_t look = (ex->ask.now - ex->since) / 8;

    look = look < LOOK_SOON ? LOOK_SOON : look > LOOK_LATE ? LOOK_LATE : look;
    if (ex->ask.now >= ex->patience) {
        wxl_fail(&ex->call->errand, WXL_WECHAT_UNREACHABLE, APR_SUCCESS,
                 "the request that asked about this code did not end");
        return 1;
    }
    if (count(ex) != APR_SUCCESS)
        return 1;
    if (!ex->parks) {
        apr_sleep(look);
        return 0;
    }
    if (set_timer(ex, look))
        return 0;
    ex->call->errand.retry_after = 1;
    wxl_fail(&ex->call->errand, WXL_WECHAT_BUSY, APR_FROM_OS_ERROR(errno), "timerfd");
    return 1;
}

/* From the start, or again after joining. @return as ask() */
static int claim(exchange_t *ex)
{
    wxl_codes_outcome_t outcome;

    ex->ask.now = apr_time_now();
    ex->ask.deadline = ex->ask.now + claim_time(ex); /* whoever takes over has all of it */
    switch (wxl_upstream_claim(&ex->ask, &ex->ticket, &outcome)) {
    case WXL_CODES_MINE: return ask(ex);
    case WXL_CODES_JOIN: return join(ex);
    default: adopt(ex, &outcome); return 1;
    }
}

static apr_status_t conclude(exchange_t *ex)
{
    wxl_call_t *call = ex->call;

    uncount(ex);
    call->errand.now = apr_time_now();
    return call->errand.problem == WXL_OK ? ex->then(call, ex->story) : APR_EGENERAL;
}

/* TimeOut of the connection came first. Where WeChat has answered and the call stood in line, what
   it said is kept for the next request with this code; but who is sent away takes no thread. */
static void too_late(exchange_t *ex)
{
    wxl_errand_t *errand = &ex->call->errand;
    wxl_http_collected_t collected;
    wxl_http_reply_t reply;

    if (!ex->under_way) {
        wxl_fail(errand, WXL_WECHAT_UNREACHABLE, APR_SUCCESS, "TimeOut came first");
        return;
    }
    collected = wxl_http_calls_collect(ex->under_way, errand->pool, &reply);
    if (!collected)
        wxl_http_fail(&reply, "TimeOut came first");
    hear(ex, &reply);
    if (collected == WXL_HTTP_OUT_OF_TURN && errand->problem == WXL_OK) {
        errand->retry_after = 1;
        wxl_fail(errand, WXL_DB_UNAVAILABLE, APR_TIMEUP, "TimeOut came before its turn");
    }
}

/* The connection was woken up. @return as ask() */
static int go_on(exchange_t *ex)
{
    wxl_http_reply_t reply;

    if (!ex->under_way)
        return claim(ex);
    if (!wxl_http_calls_collect(ex->under_way, ex->call->errand.pool, &reply))
        return 0;
    hear(ex, &reply);
    return 1;
}

static int resume(request_rec *r, void *baton, int gone)
{
    exchange_t *ex = baton;
    int status;

    if (gone)
        too_late(ex);
    else if (!go_on(ex))
        return wxl_park_again(r, bell_of(ex));
    ex->call->parked = 0;
    status = wxl_desk_answer(ex->call, conclude(ex));
    drop_call(ex); /* what is left, to write and to log, is no work of ours */
    return status;
}

apr_status_t wxl_exchange_run(wxl_call_t *call, wxl_signin_t *story, const char *code,
                              wxl_exchange_then_t then)
{
    exchange_t *ex = apr_pcalloc(call->r->pool, sizeof(*ex));
    const wxl_wechat_settings_t *wechat = &story->settings->wechat;

    ex->call = call;
    ex->story = story;
    ex->then = then;
    ex->timer = -1;
    ex->since = call->errand.now;
    /* Should the one who asks die, somebody takes over: one exchange more. */
    ex->patience = call->errand.now + 2 * claim_time(ex);
    /* Who asks another host, a test server perhaps, gets nothing of what WeChat said. */
    ex->ask.key = wxl_upstream_key(
        call->r->pool, apr_pstrcat(call->r->pool, wechat->origin, " ", wechat->appid, NULL), code);
    apr_pool_cleanup_register(call->r->pool, ex, clean_up, apr_pool_cleanup_null);
    while (!claim(ex)) {
        if (ex->parks) {
            call->parked = 1;
            wxl_park(call->r, bell_of(ex), resume, ex);
            return APR_SUCCESS;
        }
    }
    return conclude(ex);
}
