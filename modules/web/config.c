/* web/config: what the administrator set. See config.h. */

#include "web/config.h"

#include <apr_strings.h>

#define DEFAULT_ORIGIN "https://api.weixin.qq.com"
#define DEFAULT_EXCHANGE_TIMEOUT apr_time_from_sec(10)
#define DEFAULT_CONNECT_TIMEOUT apr_time_from_sec(3)
#define DEFAULT_EXCHANGE_LIMIT 1000
#define DEFAULT_ACCESS_TTL (7 * 86400)
#define DEFAULT_REFRESH_TTL (30 * 86400)
#define DEFAULT_MAX_BODY 16384
#define DEFAULT_REALM "wxlogin"
#define DEFAULT_USER_CACHE apr_time_from_sec(60)
#define DEFAULT_USER_CACHE_STALE apr_time_from_sec(600)
#define DEFAULT_REVOCATION_POLL apr_time_from_sec(5)

void *wxl_config_create(apr_pool_t *pool, server_rec *server)
{
    wxl_config_t *config = apr_pcalloc(pool, sizeof(*config));

    (void)server;
    config->environment = WXL_PRODUCTION;
    config->language = WXL_LANG_ZH_CN;
    config->signin.wechat.origin = DEFAULT_ORIGIN;
    config->signin.wechat.timeout = DEFAULT_EXCHANGE_TIMEOUT;
    config->signin.wechat.connect_timeout = DEFAULT_CONNECT_TIMEOUT;
    config->exchange_limit = DEFAULT_EXCHANGE_LIMIT;
    config->signin.tokens.access_ttl = DEFAULT_ACCESS_TTL;
    config->signin.tokens.refresh_ttl = DEFAULT_REFRESH_TTL;
    config->user_cache = DEFAULT_USER_CACHE;
    config->user_cache_stale = DEFAULT_USER_CACHE_STALE;
    config->revocation_poll = DEFAULT_REVOCATION_POLL;
    return config;
}

static void merge_tokens(wxl_config_t *merged, const wxl_config_t *add)
{
    if (add->key_set) {
        merged->key = add->key;
        merged->key_literal = add->key_literal;
        merged->key_set = 1;
    }
    /* Who names keys has no others; nor has who has a secret of his own: a key from outside would
       sign his tokens, and let in those of all the others. */
    if (add->signin.tokens.keys.named || add->key_set) {
        merged->signin.tokens.keys.named = add->signin.tokens.keys.named;
        merged->signin.tokens.keys.signer = add->signin.tokens.keys.signer;
    }
    if (add->access_ttl_set) {
        merged->signin.tokens.access_ttl = add->signin.tokens.access_ttl;
        merged->access_ttl_set = 1;
    }
    if (add->refresh_ttl_set) {
        merged->signin.tokens.refresh_ttl = add->signin.tokens.refresh_ttl;
        merged->refresh_ttl_set = 1;
    }
}

static void merge_sessions(wxl_config_t *merged, const wxl_config_t *add)
{
    wxl_sessions_settings_t *to = &merged->signin.sessions;
    const wxl_sessions_settings_t *from = &add->signin.sessions;

    if (add->sessions_set) {
        to->off = from->off;
        merged->sessions_set = 1;
    }
    if (add->rotation_set) {
        to->rotation = from->rotation;
        merged->rotation_set = 1;
    }
    if (add->max_sessions_set) {
        to->most = from->most;
        to->reject = from->reject;
        merged->max_sessions_set = 1;
    }
    if (add->session_idle_set) {
        to->idle = from->idle;
        merged->session_idle_set = 1;
    }
    if (add->session_max_set) {
        to->max = from->max;
        merged->session_max_set = 1;
    }
}

static void merge_wechat(wxl_config_t *merged, const wxl_config_t *add)
{
    wxl_wechat_settings_t *to = &merged->signin.wechat;
    const wxl_wechat_settings_t *from = &add->signin.wechat;

    if (add->appid_set) {
        to->appid = from->appid;
        merged->appid_set = 1;
    }
    if (add->secret_set) {
        to->secret = from->secret;
        merged->secret_literal = add->secret_literal;
        merged->secret_set = 1;
    }
    if (add->origin_set) {
        to->origin = from->origin;
        merged->origin_set = 1;
    }
    if (add->ca_set) {
        to->ca = from->ca;
        merged->ca_set = 1;
    }
    if (add->timeout_set) {
        to->timeout = from->timeout;
        to->connect_timeout = from->connect_timeout;
        merged->timeout_set = 1;
    }
    if (add->exchange_limit_set) {
        merged->exchange_limit = add->exchange_limit;
        merged->exchange_limit_set = 1;
    }
    if (add->exchange_blocking_set) {
        merged->exchange_blocking = add->exchange_blocking;
        merged->exchange_blocking_set = 1;
    }
    if (add->breaker_set) {
        merged->breaker_off = add->breaker_off;
        merged->breaker_set = 1;
    }
}

static void merge_guard(apr_pool_t *pool, wxl_config_t *merged, const wxl_config_t *add)
{
    if (add->user_cache_set) {
        merged->user_cache = add->user_cache;
        merged->user_cache_set = 1;
    }
    if (add->user_cache_stale_set) {
        merged->user_cache_stale = add->user_cache_stale;
        merged->user_cache_stale_set = 1;
    }
    if (add->revocation_poll_set) {
        merged->revocation_poll = add->revocation_poll;
        merged->revocation_poll_set = 1;
    }
    if (merged->query_tokens && add->query_tokens)
        merged->query_tokens = apr_array_append(pool, merged->query_tokens, add->query_tokens);
    else if (add->query_tokens)
        merged->query_tokens = add->query_tokens;
}

void *wxl_config_merge(apr_pool_t *pool, void *basev, void *addv)
{
    const wxl_config_t *add = addv;
    wxl_config_t *merged = apr_pmemdup(pool, basev, sizeof(*merged));

    if (add->environment_set) {
        merged->environment = add->environment;
        merged->environment_set = 1;
    }
    if (add->language_set) {
        merged->language = add->language;
        merged->language_set = 1;
    }
    if (add->limits)
        merged->limits = add->limits;
    merge_tokens(merged, add);
    merge_sessions(merged, add);
    merge_wechat(merged, add);
    merge_guard(pool, merged, add);
    return merged;
}

void *wxl_config_dir_create(apr_pool_t *pool, char *path)
{
    (void)path;
    return apr_pcalloc(pool, sizeof(wxl_dir_config_t));
}

void *wxl_config_dir_merge(apr_pool_t *pool, void *basev, void *addv)
{
    const wxl_dir_config_t *base = basev, *add = addv;
    wxl_dir_config_t *merged = apr_pmemdup(pool, base, sizeof(*merged));

    if (add->max_body)
        merged->max_body = add->max_body;
    if (add->limits) /* a section that names limits has no others */
        merged->limits = add->limits;
    if (add->realm)
        merged->realm = add->realm;
    if (add->guard)
        merged->guard = add->guard;
    if (add->token_from) {
        merged->token_from = add->token_from;
        merged->query_tokens = add->query_tokens;
    }
    return merged;
}

wxl_config_t *wxl_config_of(const server_rec *server)
{
    return ap_get_module_config(server->module_config, &wxlogin_module);
}

const wxl_dir_config_t *wxl_config_dir(const request_rec *r)
{
    return ap_get_module_config(r->per_dir_config, &wxlogin_module);
}

const char *wxl_config_realm(const request_rec *r)
{
    const char *realm = wxl_config_dir(r)->realm;

    return realm ? realm : DEFAULT_REALM;
}

apr_size_t wxl_config_max_body(const request_rec *r)
{
    const wxl_dir_config_t *dir = ap_get_module_config(r->per_dir_config, &wxlogin_module);

    apr_size_t most = dir->max_body ? dir->max_body : DEFAULT_MAX_BODY;
    apr_off_t httpd = ap_get_limit_req_body(r); /* so that we refuse, and not a filter in HTML */

    return httpd > 0 && httpd < (apr_off_t)most ? (apr_size_t)httpd : most;
}

const apr_array_header_t *wxl_config_limits(const request_rec *r)
{
    const wxl_dir_config_t *dir = ap_get_module_config(r->per_dir_config, &wxlogin_module);

    return dir->limits;
}

int wxl_config_is_set(const wxl_config_t *config)
{
    return config->environment_set || config->language_set || config->appid_set ||
           config->secret_set || config->key_set || config->origin_set || config->timeout_set ||
           config->ca_set || config->exchange_limit_set || config->exchange_blocking_set ||
           config->breaker_set || config->access_ttl_set || config->refresh_ttl_set ||
           config->sessions_set || config->rotation_set || config->max_sessions_set ||
           config->session_idle_set || config->session_max_set || config->user_cache_set ||
           config->user_cache_stale_set || config->revocation_poll_set ||
           config->signin.tokens.keys.named;
}
