/* web/limit: holds requests to rate limits. See limit.h. */

#include "web/limit.h"

#include <apr_network_io.h>
#include <apr_siphash.h>
#include <apr_strings.h>
#include <http_request.h>

#include "base/clock.h"
#include "web/limit_config.h"
#include "web/reply.h"
#include "web/request.h"

/* So much of a refused request's body is worth reading, to keep the connection. */
#define SHORT_BODY 16384

typedef enum { EARLY, LATE, DESK } phase_t;

/* One limit that a request meets. */
typedef struct {
    const wxl_limit_t *limit;
    request_rec *r;
    apr_uint64_t hash; /* who it is */
    wxl_limiter_verdict_t verdict;
} meeting_t;

static int seconds_up(apr_interval_time_t time)
{
    return (int)((time + APR_USEC_PER_SEC - 1) / APR_USEC_PER_SEC);
}

static request_rec *first_of(request_rec *r)
{
    while (r->prev)
        r = r->prev;
    return r;
}

/* All limits that this request, with those that it was redirected from, has met. */
static apr_array_header_t *meetings_of(request_rec *r, int make)
{
    static const char key[] = "mod_wxlogin/limit";
    apr_pool_t *pool = first_of(r)->pool;
    void *met = NULL;

    apr_pool_userdata_get(&met, key, pool);
    if (!met && make) {
        met = apr_array_make(pool, 2, sizeof(meeting_t));
        apr_pool_userdata_setn(met, key, NULL, pool);
    }
    return met;
}

/* -- Who it is --------------------------------------------------------------------------------- */

static apr_uint64_t hash_bytes(const void *bytes, apr_size_t len)
{
    return apr_siphash24(bytes, len, wxl_limit_config_secret());
}

/* The address as it counts: IPv6 by its /64, as one subscriber has all of it. */
static apr_uint64_t hash_address(const apr_sockaddr_t *address)
{
    static const unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    const unsigned char *bytes = address->ipaddr_ptr;

    if (address->ipaddr_len == 16 && memcmp(bytes, mapped, sizeof(mapped)) == 0)
        return hash_bytes(bytes + sizeof(mapped), 4);
    return hash_bytes(bytes, address->ipaddr_len == 16 ? 8 : (apr_size_t)address->ipaddr_len);
}

/* @return 0 if the limit does not count this client */
static int identify(const wxl_limit_t *limit, request_rec *r, apr_uint64_t *hash)
{
    int by_user = limit->key != WXL_LIMIT_IP && r->user;
    apr_uint64_t words[3];
    int i;

    for (i = 0; limit->except && i < limit->except->nelts; i++) {
        if (apr_ipsubnet_test(APR_ARRAY_IDX(limit->except, i, apr_ipsubnet_t *), r->useragent_addr))
            return 0;
    }
    if (limit->key == WXL_LIMIT_USER && !by_user)
        return 0;
    words[0] = limit->is_named ? 0 : wxl_config_of(r->server)->limit_scope;
    words[1] = (apr_uint64_t)by_user;
    words[2] = by_user ? hash_bytes(r->user, strlen(r->user)) : hash_address(r->useragent_addr);
    *hash = hash_bytes(words, sizeof(words));
    return 1;
}

/* -- Which limits ------------------------------------------------------------------------------ */

static int is_due(const wxl_limit_t *limit, request_rec *r, phase_t phase)
{
    int early = limit->key == WXL_LIMIT_IP || (limit->key == WXL_LIMIT_CLIENT && !ap_auth_type(r));

    return phase == DESK || (phase == EARLY) == early;
}

/* Was it met before an internal redirect? Then it has counted. */
static int was_met(const apr_array_header_t *met, const wxl_limit_t *limit, const request_rec *r)
{
    int i;

    for (i = 0; i < met->nelts; i++) {
        const meeting_t *meeting = &APR_ARRAY_IDX(met, i, meeting_t);

        if (meeting->limit->table.memory == limit->table.memory && meeting->r != r)
            return 1;
    }
    return 0;
}

/* Meet the limits that are due. @return number of them; they stand at the end of `met` */
static int meet(request_rec *r, const apr_array_header_t *limits, phase_t phase,
                apr_array_header_t *met)
{
    int before = met->nelts;
    int i;

    for (i = 0; i < limits->nelts; i++) {
        const wxl_limit_t *limit = APR_ARRAY_IDX(limits, i, const wxl_limit_t *);
        apr_uint64_t hash;

        if (limit->table.memory && is_due(limit, r, phase) && !was_met(met, limit, r) &&
            identify(limit, r, &hash)) {
            meeting_t *meeting = apr_array_push(met);

            memset(meeting, 0, sizeof(*meeting));
            meeting->limit = limit;
            meeting->r = r;
            meeting->hash = hash;
        }
    }
    return met->nelts - before;
}

/* -- The decision ------------------------------------------------------------------------------ */

static void ask(meeting_t *meeting, apr_time_t now, int take)
{
    wxl_limiter_check(&meeting->limit->table, meeting->hash, now, take, &meeting->verdict);
}

/* Of those that refuse and mean it, the one to wait for longest; NULL: none. */
static meeting_t *find_refusal(meeting_t *meetings, int count)
{
    meeting_t *worst = NULL;
    int i;

    for (i = 0; i < count; i++) {
        if (!meetings[i].verdict.admitted && !meetings[i].limit->dry_run &&
            (!worst || meetings[i].verdict.reset > worst->verdict.reset))
            worst = &meetings[i];
    }
    return worst;
}

static void tell_dry_run(const meeting_t *meeting, apr_time_t now)
{
    const wxl_limit_t *limit = meeting->limit;

    if (limit->dry_run && !meeting->verdict.admitted &&
        wxl_limiter_refused(&limit->table, meeting->hash, now))
        ap_log_rerror(APLOG_MARK, APLOG_NOTICE, 0, meeting->r,
                      "WXL0131: %s %s would be refused: client %s has used up the rate limit %s of "
                      "%s (dry-run; told once a minute)",
                      meeting->r->method, meeting->r->uri, meeting->r->useragent_ip, limit->name,
                      limit->rate);
}

/* Admit a request to all limits or to none, so that a refusal costs nothing anywhere.
   @return the refusal, or NULL */
static meeting_t *decide(meeting_t *meetings, int count, apr_time_t now)
{
    meeting_t *refusal = NULL;
    int alone = count == 1 && !meetings[0].limit->failures;
    int i;

    for (i = 0; i < count && !alone; i++)
        ask(&meetings[i], now, 0);
    if (!alone)
        refusal = find_refusal(meetings, count);
    for (i = 0; i < count && !refusal; i++) {
        if (!meetings[i].limit->failures)
            ask(&meetings[i], now, 1);
    }
    if (!refusal) { /* others may have come in between */
        refusal = find_refusal(meetings, count);
        for (i = 0; i < count && refusal; i++)
            wxl_limiter_give_back(&meetings[i].verdict);
    }
    for (i = 0; i < count; i++)
        tell_dry_run(&meetings[i], now);
    return refusal;
}

/* -- What the client is told ------------------------------------------------------------------- */

/* Of the limit with the least left. In err_headers_out, where a proxied answer keeps them. */
static void set_headers(request_rec *r, const meeting_t *meeting)
{
    apr_table_t *headers = r->err_headers_out;

    apr_table_setn(headers, "RateLimit-Limit", apr_psprintf(r->pool, "%u", meeting->limit->limit));
    apr_table_setn(headers, "RateLimit-Remaining",
                   apr_psprintf(r->pool, "%u", meeting->verdict.remaining));
    apr_table_setn(headers, "RateLimit-Reset",
                   apr_itoa(r->pool, seconds_up(meeting->verdict.reset)));
}

static void set_headers_of_least(request_rec *r, const apr_array_header_t *met)
{
    const meeting_t *least = NULL;
    int i;

    for (i = 0; i < met->nelts; i++) {
        const meeting_t *meeting = &APR_ARRAY_IDX(met, i, meeting_t);

        if (!meeting->limit->dry_run &&
            (!least || meeting->verdict.remaining < least->verdict.remaining))
            least = meeting;
    }
    if (least)
        set_headers(r, least);
}

/* Is the body, if there is one, not worth waiting for? As httpd does for any answer without a
   handler, a short one is read and dropped: a new connection would cost both sides more. */
static int body_is_long(request_rec *r)
{
    const char *length = apr_table_get(r->headers_in, "Content-Length");

    return wxl_request_has_body(r) &&
           (!length || r->expecting_100 || apr_table_get(r->headers_in, "Transfer-Encoding") ||
            apr_atoi64(length) > SHORT_BODY);
}

/* Fail a call because of a refusal. One log line a client and minute. */
static apr_status_t fail(wxl_call_t *call, const meeting_t *refusal, apr_time_t now)
{
    const wxl_limit_t *limit = refusal->limit;
    request_rec *r = call->r;
    int by_user = limit->key != WXL_LIMIT_IP && r->user;

    call->quiet = !wxl_limiter_refused(&limit->table, refusal->hash, now);
    call->body_unread = body_is_long(r);
    call->errand.retry_after = seconds_up(refusal->verdict.reset);
    set_headers(r, refusal);
    if (call->quiet) /* nobody will read why */
        return wxl_fail(&call->errand, WXL_RATE_LIMITED, APR_SUCCESS, "rate limit");
    return wxl_fail(&call->errand, WXL_RATE_LIMITED, APR_SUCCESS,
                    "%s %s has used up the rate limit %s of %s, told once a minute",
                    by_user ? "user" : "client", by_user ? r->user : r->useragent_ip, limit->name,
                    limit->rate);
}

/* -- Where it happens -------------------------------------------------------------------------- */

/* Is it a request of its own: no subrequest, and no error document of another? */
static int is_counted(const request_rec *r)
{
    return !r->main && !(r->prev && r->prev->status >= HTTP_BAD_REQUEST);
}

/* Apply limits. @return the refusal, or NULL */
static const meeting_t *apply(request_rec *r, const apr_array_header_t *limits, phase_t phase,
                              apr_time_t now)
{
    apr_array_header_t *met = meetings_of(r, 1);
    int count = meet(r, limits, phase, met);
    const meeting_t *refusal;

    if (count == 0)
        return NULL;
    refusal = decide((meeting_t *)met->elts + met->nelts - count, count, now);
    if (!refusal)
        set_headers_of_least(r, met);
    return refusal;
}

static int apply_at_place(request_rec *r, phase_t phase)
{
    const apr_array_header_t *limits = wxl_config_limits(r);
    wxl_call_t call = {.r = r, .config = wxl_config_of(r->server)};
    const meeting_t *refusal;
    apr_time_t now;

    if (!limits || limits->nelts == 0 || !is_counted(r))
        return DECLINED;
    now = wxl_clock_steady();
    refusal = apply(r, limits, phase, now);
    if (!refusal)
        return DECLINED;
    wxl_errand_init(&call.errand, r->pool, apr_time_now());
    fail(&call, refusal, now);
    ap_run_insert_error_filter(r); /* no handler will run: `Header always` is applied here */
    wxl_reply_problem(&call);
    return DONE;
}

int wxl_limit_early(request_rec *r)
{
    return apply_at_place(r, EARLY);
}

int wxl_limit_late(request_rec *r)
{
    return apply_at_place(r, LATE);
}

apr_status_t wxl_limit_endpoint(wxl_call_t *call)
{
    request_rec *r = call->r;
    const apr_array_header_t *limits = NULL;
    const meeting_t *refusal;
    apr_time_t now;

    if (strcmp(r->handler, "wxlogin-login") == 0)
        limits = call->config->login_limits;
    else if (strcmp(r->handler, "wxlogin-refresh") == 0)
        limits = call->config->refresh_limits;
    if (!limits || limits->nelts == 0 || wxl_config_limits(r) || !is_counted(r))
        return APR_SUCCESS;
    now = wxl_clock_steady();
    refusal = apply(r, limits, DESK, now);
    return refusal ? fail(call, refusal, now) : APR_SUCCESS;
}

int wxl_limit_log(request_rec *r)
{
    const apr_array_header_t *met = meetings_of(r, 0);
    const request_rec *last = r;
    int i;

    while (last->next)
        last = last->next;
    if (!met || last->status < 400 || last->status > 499 || last->status == HTTP_TOO_MANY_REQUESTS)
        return DECLINED;
    for (i = 0; i < met->nelts; i++) {
        meeting_t *meeting = &APR_ARRAY_IDX(met, i, meeting_t);

        if (meeting->limit->failures)
            ask(meeting, wxl_clock_steady(), 1);
    }
    return DECLINED;
}
