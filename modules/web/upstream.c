/* web/upstream: what the whole server knows of WeChat. See upstream.h. */

#include "web/upstream.h"

#include <apr_global_mutex.h>
#include <apr_hash.h>
#include <util_mutex.h>

#include "base/breaker.h"
#include "web/shm.h"

#define MUTEX "wxlogin-codes"
#define RETAINED "mod_wxlogin/upstream"
#define SECRET_SIZE 32
#define BREAKERS 64

/* Codes remembered at once; of 200 bytes each, and the system gives memory only as it is used. */
#define CODES 65536
/* How long an answer is given again ... */
#define KEEP_SUCCESS apr_time_from_sec(60)
/* ... and a failure: only so that those who waited for it hear of it. */
#define KEEP_FAILURE apr_time_from_sec(2)

static const wxl_breaker_rules_t rules = {
    .failures = 5,
    .window = apr_time_from_sec(10),
    .pause = apr_time_from_sec(5),
    .probe = apr_time_from_sec(15), /* one that died with its child keeps nobody out for longer */
};

/* In shared memory. Servers that ask different hosts have different breakers; should two hosts
   meet in one, it is too careful, never too trusting. */
typedef struct {
    wxl_breaker_t breakers[BREAKERS];
    char secret[SECRET_SIZE];
} shared_t;

/* Kept through restarts: children of two generations use one table, so they need one lock. */
typedef struct {
    apr_global_mutex_t *mutex;
} retained_t;

static shared_t *shared;
static wxl_codes_t *codes;
static const wxl_hmac_t *secret; /* the shared one, kept ready */
static retained_t *retained;

void wxl_upstream_register(apr_pool_t *pconf)
{
    ap_mutex_register(pconf, MUTEX, NULL, APR_LOCK_DEFAULT, 0);
}

static apr_status_t start_mutex(server_rec *main_server)
{
    retained = ap_retained_data_get(RETAINED);
    if (!retained)
        retained = ap_retained_data_create(RETAINED, sizeof(*retained));
    if (retained->mutex)
        return APR_SUCCESS;
    return ap_global_mutex_create(&retained->mutex, NULL, MUTEX, NULL, main_server,
                                  main_server->process->pool, 0);
}

static const wxl_hmac_t *keep_secret(apr_pool_t *pconf)
{
    wxl_secret_t bytes = {shared->secret, sizeof(shared->secret)};

    return wxl_crypto_hmac_keep(pconf, &bytes);
}

int wxl_upstream_start(server_rec *main_server)
{
    void *memory, *table;
    int fresh, fresh_table;
    apr_status_t rv = wxl_shm_room(main_server, "upstream", sizeof(*shared), &memory, &fresh);

    if (rv == APR_SUCCESS)
        rv = wxl_shm_room(main_server, "codes", wxl_codes_size(CODES), &table, &fresh_table);
    if (rv == APR_SUCCESS)
        rv = start_mutex(main_server);
    if (rv == APR_SUCCESS) {
        shared = memory;
        codes = wxl_codes_init(table, CODES);
        if ((fresh && !wxl_crypto_random(shared->secret, sizeof(shared->secret))) ||
            !(secret = keep_secret(main_server->process->pconf)))
            rv = APR_EGENERAL;
    }
    if (rv == APR_SUCCESS)
        return OK;
    ap_log_error(APLOG_MARK, APLOG_CRIT, rv, main_server,
                 "WXL0532: no shared memory, mutex or random numbers to be had");
    return HTTP_INTERNAL_SERVER_ERROR;
}

void wxl_upstream_child(apr_pool_t *pchild, server_rec *server)
{
    apr_status_t rv = apr_global_mutex_child_init(
        &retained->mutex, apr_global_mutex_lockfile(retained->mutex), pchild);

    if (rv != APR_SUCCESS)
        ap_log_error(APLOG_MARK, APLOG_CRIT, rv, server, "WXL0533: Mutex %s", MUTEX);
}

static wxl_breaker_t *breaker_of(const wxl_config_t *config)
{
    apr_ssize_t len = APR_HASH_KEY_STRING;

    return &shared->breakers[apr_hashfunc_default(config->signin.wechat.origin, &len) % BREAKERS];
}

apr_status_t wxl_upstream_enter(wxl_call_t *call, int *probe)
{
    apr_interval_time_t wait;

    *probe = 0;
    if (call->config->breaker_off)
        return APR_SUCCESS;
    wait = wxl_breaker_enter(breaker_of(call->config), &rules, apr_time_now(), probe);
    if (wait == 0)
        return APR_SUCCESS;
    if (wait > rules.pause) /* a probe is under way */
        wait = rules.pause;
    call->errand.retry_after = (int)((wait + APR_USEC_PER_SEC - 1) / APR_USEC_PER_SEC);
    call->expected = 1;
    return wxl_fail(&call->errand, WXL_WECHAT_BUSY, APR_SUCCESS,
                    "WeChat is known to be out of reach");
}

void wxl_upstream_report(const wxl_call_t *call, wxl_wechat_health_t health, int probe)
{
    wxl_breaker_t *breaker = breaker_of(call->config);

    if (call->config->breaker_off)
        return;
    switch (health) {
    case WXL_WECHAT_SICK:
        if (wxl_breaker_failure(breaker, &rules, apr_time_now(), probe))
            ap_log_error(APLOG_MARK, APLOG_ERR, 0, call->r->server,
                         "WXL0513: WeChat failed %d times in a row (last: %s): nobody asks it for "
                         "%d s, then one sign-in tries",
                         rules.failures, call->errand.why, (int)apr_time_sec(rules.pause));
        break;
    case WXL_WECHAT_WELL:
        if (wxl_breaker_success(breaker))
            ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, call->r->server,
                         "WXL0514: WeChat answers again");
        break;
    default:
        if (probe)
            wxl_breaker_undecided(breaker, apr_time_now());
    }
}

wxl_codes_key_t wxl_upstream_key(apr_pool_t *pool, const char *asked, const char *code)
{
    return wxl_codes_key(pool, secret, asked, code);
}

wxl_codes_claim_t wxl_upstream_claim(const wxl_codes_ask_t *ask, wxl_codes_ticket_t *ticket,
                                     wxl_codes_outcome_t *outcome)
{
    wxl_codes_claim_t claim;

    apr_global_mutex_lock(retained->mutex);
    claim = wxl_codes_claim(codes, ask, ticket, outcome);
    apr_global_mutex_unlock(retained->mutex);
    return claim;
}

void wxl_upstream_publish(const wxl_codes_ticket_t *ticket, const wxl_codes_outcome_t *outcome,
                          apr_time_t now)
{
    apr_time_t keep = outcome->problem == WXL_OK ? KEEP_SUCCESS : KEEP_FAILURE;

    apr_global_mutex_lock(retained->mutex);
    wxl_codes_publish(codes, ticket, outcome, now + keep);
    apr_global_mutex_unlock(retained->mutex);
}

void wxl_upstream_give_up(const wxl_codes_ticket_t *ticket)
{
    apr_global_mutex_lock(retained->mutex);
    wxl_codes_give_up(codes, ticket);
    apr_global_mutex_unlock(retained->mutex);
}
