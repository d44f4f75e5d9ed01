/* web/directives: the table of directives. See directives.h. */

#include "web/directives.h"

#include <errno.h>

#include <apr_lib.h>
#include <apr_strings.h>
#include <apr_uri.h>

#include "base/duration.h"
#include "web/config.h"
#include "web/key_config.h"
#include "web/limit_config.h"
#include "web/session_config.h"
#include "web/source.h"
#include "web/values.h"

#define LONGEST_TIMEOUT 60
#define LARGEST_BODY (1024 * 1024)
#define MOST_EXCHANGES 100000
#define MOST_REVOKED 10000000

static const char *set_environment(cmd_parms *cmd, void *dir, const char *value)
{
    wxl_config_t *config = wxl_config_of(cmd->server);

    (void)dir;
    if (ap_cstr_casecmp(value, "development") == 0)
        config->environment = WXL_DEVELOPMENT;
    else if (ap_cstr_casecmp(value, "production") == 0)
        config->environment = WXL_PRODUCTION;
    else
        return wxl_values_refuse(cmd, value, "development or production");
    config->environment_set = 1;
    return NULL;
}

static const char *set_appid(cmd_parms *cmd, void *dir, const char *value)
{
    wxl_config_t *config = wxl_config_of(cmd->server);
    wxl_secret_t appid;
    int literal;
    const char *error = wxl_source_read(cmd, value, &appid, &literal);

    (void)dir;
    config->signin.wechat.appid = appid.bytes;
    config->appid_set = 1;
    return error;
}

static const char *set_secret(cmd_parms *cmd, void *dir, const char *value)
{
    wxl_config_t *config = wxl_config_of(cmd->server);

    (void)dir;
    config->secret_set = 1;
    return wxl_source_read(cmd, value, &config->signin.wechat.secret, &config->secret_literal);
}

static const char *set_key(cmd_parms *cmd, void *dir, const char *value)
{
    wxl_config_t *config = wxl_config_of(cmd->server);

    (void)dir;
    config->key_set = 1;
    return wxl_source_read(cmd, value, &config->key, &config->key_literal);
}

static const char *set_url(cmd_parms *cmd, void *dir, const char *value)
{
    static const char *form = "the origin of the WeChat API, https://HOST or https://HOST:PORT";
    wxl_config_t *config = wxl_config_of(cmd->server);
    apr_uri_t uri;

    (void)dir;
    if (apr_uri_parse(cmd->temp_pool, value, &uri) != APR_SUCCESS || !uri.scheme || !uri.hostname ||
        !*uri.hostname || uri.user || uri.password || uri.query || uri.fragment ||
        (uri.path && strcmp(uri.path, "/") != 0))
        return wxl_values_refuse(cmd, value, form);
    if (ap_cstr_casecmp(uri.scheme, "https") != 0 && ap_cstr_casecmp(uri.scheme, "http") != 0)
        return wxl_values_refuse(cmd, value, form);
    config->signin.wechat.origin = apr_uri_unparse(cmd->pool, &uri, APR_URI_UNP_OMITPATHINFO);
    config->origin_set = 1;
    return NULL;
}

static const char *set_ca(cmd_parms *cmd, void *dir, const char *value)
{
    wxl_config_t *config = wxl_config_of(cmd->server);

    (void)dir;
    config->ca_set = 1;
    return wxl_source_certificates(cmd, value, &config->signin.wechat.ca);
}

static const char *set_timeout(cmd_parms *cmd, void *dir, const char *value, const char *more)
{
    static const char *form = "1 to 60 seconds, and if you like connect=SECONDS, no longer than "
                              "the first: 10 connect=3";
    wxl_wechat_settings_t *wechat = &wxl_config_of(cmd->server)->signin.wechat;
    apr_int64_t total, connect;

    (void)dir;
    if (wxl_duration_parse(value, &total) || total > LONGEST_TIMEOUT)
        return wxl_values_refuse(cmd, value, form);
    connect = apr_time_sec(wechat->connect_timeout);
    if (connect > total)
        connect = total;
    if (more) {
        if (strncmp(more, "connect=", 8) != 0 || wxl_duration_parse(more + 8, &connect) ||
            connect > total)
            return wxl_values_refuse(cmd, more, form);
    }
    wechat->timeout = apr_time_from_sec(total);
    wechat->connect_timeout = apr_time_from_sec(connect);
    wxl_config_of(cmd->server)->timeout_set = 1;
    return NULL;
}

static const char *set_exchange_limit(cmd_parms *cmd, void *dir, const char *value)
{
    wxl_config_t *config = wxl_config_of(cmd->server);
    apr_off_t limit = 0;
    const char *error = wxl_values_number(cmd, value, MOST_EXCHANGES, "exchanges", &limit);

    (void)dir;
    config->exchange_limit = (int)limit;
    config->exchange_limit_set = 1;
    return error;
}

static const char *set_exchange_mode(cmd_parms *cmd, void *dir, const char *value)
{
    wxl_config_t *config = wxl_config_of(cmd->server);

    (void)dir;
    if (ap_cstr_casecmp(value, "auto") != 0 && ap_cstr_casecmp(value, "blocking") != 0)
        return wxl_values_refuse(cmd, value, "auto or blocking");
    config->exchange_blocking = ap_cstr_casecmp(value, "blocking") == 0;
    config->exchange_blocking_set = 1;
    return NULL;
}

static const char *set_exchange_breaker(cmd_parms *cmd, void *dir, int on)
{
    wxl_config_t *config = wxl_config_of(cmd->server);

    (void)dir;
    config->breaker_off = !on;
    config->breaker_set = 1;
    return NULL;
}

static const char *set_access_ttl(cmd_parms *cmd, void *dir, const char *value)
{
    wxl_config_t *config = wxl_config_of(cmd->server);
    const char *right = wxl_duration_parse(value, &config->signin.tokens.access_ttl);

    (void)dir;
    config->access_ttl_set = 1;
    return right ? wxl_values_refuse(cmd, value, right) : NULL;
}

static const char *set_refresh_ttl(cmd_parms *cmd, void *dir, const char *value)
{
    wxl_config_t *config = wxl_config_of(cmd->server);
    const char *right = wxl_duration_parse(value, &config->signin.tokens.refresh_ttl);

    (void)dir;
    config->refresh_ttl_set = 1;
    return right ? wxl_values_refuse(cmd, value, right) : NULL;
}

static const char *set_max_body(cmd_parms *cmd, void *dirv, const char *value)
{
    wxl_dir_config_t *dir = dirv;
    apr_off_t bytes = 0;
    const char *error = wxl_values_number(cmd, value, LARGEST_BODY, "bytes", &bytes);

    dir->max_body = (apr_size_t)bytes;
    return error;
}

static const char *set_language(cmd_parms *cmd, void *dir, const char *value)
{
    wxl_config_t *config = wxl_config_of(cmd->server);
    int lang;

    (void)dir;
    for (lang = 0; lang < WXL_LANGS; lang++) {
        if (ap_cstr_casecmp(value, wxl_problem_lang_tag(lang)) == 0) {
            config->language = lang;
            config->language_set = 1;
            return NULL;
        }
    }
    return wxl_values_refuse(cmd, value, "zh-CN or en");
}

static const char *set_realm(cmd_parms *cmd, void *dirv, const char *value)
{
    wxl_dir_config_t *dir = dirv;
    const char *c;

    for (c = value; *c; c++) { /* RFC 9110, section 5.6.4: what needs no escape in quotes */
        if (apr_iscntrl(*c) || *c == '"' || *c == '\\')
            return wxl_values_refuse(cmd, ap_escape_logitem(cmd->temp_pool, value),
                                     "a text without quotes, backslashes and control characters");
    }
    dir->realm = value;
    return NULL;
}

static const char *set_guard(cmd_parms *cmd, void *dirv, const char *value)
{
    wxl_dir_config_t *dir = dirv;

    if (ap_cstr_casecmp(value, "required") == 0)
        dir->guard = WXL_GUARD_REQUIRED;
    else if (ap_cstr_casecmp(value, "optional") == 0)
        dir->guard = WXL_GUARD_OPTIONAL;
    else
        return wxl_values_refuse(cmd, value, "required or optional");
    return NULL;
}

static void add_name(apr_pool_t *pool, apr_array_header_t **names, const char *name)
{
    if (!*names)
        *names = apr_array_make(pool, 2, sizeof(const char *));
    APR_ARRAY_PUSH(*names, const char *) = name;
}

/* @return 1, or 0 for what is no place */
static int parse_place(apr_pool_t *pool, const char *text, wxl_token_from_t *place)
{
    const char *name = strchr(text, ':');
    const char *c;

    if (!name) {
        place->from = WXL_FROM_HEADER;
        return ap_cstr_casecmp(text, "header") == 0;
    }
    place->name = apr_pstrdup(pool, ++name);
    if (ap_cstr_casecmpn(text, "query:", 6) == 0)
        place->from = WXL_FROM_QUERY;
    else if (ap_cstr_casecmpn(text, "cookie:", 7) == 0)
        place->from = WXL_FROM_COOKIE;
    else
        return 0;
    for (c = name; apr_isalnum(*c) || *c == '-' || *c == '_'; c++)
        continue;
    return c > name && !*c;
}

static const char *set_token_from(cmd_parms *cmd, void *dirv, int argc, char *const argv[])
{
    static const char *form = "one or more of header, query:NAME, cookie:NAME, where a NAME has "
                              "letters, digits, - and _";
    wxl_dir_config_t *dir = dirv;
    int i;

    if (argc == 0)
        return wxl_values_refuse(cmd, "", form);
    dir->token_from = apr_array_make(cmd->pool, argc, sizeof(wxl_token_from_t));
    dir->query_tokens = NULL;
    for (i = 0; i < argc; i++) {
        wxl_token_from_t *place = apr_array_push(dir->token_from);

        if (!parse_place(cmd->pool, argv[i], place))
            return wxl_values_refuse(cmd, argv[i], form);
        if (place->from != WXL_FROM_QUERY)
            continue;
        add_name(cmd->pool, &dir->query_tokens, place->name);
        /* the server keeps them all out of its log */
        add_name(cmd->pool, &wxl_config_of(cmd->server)->query_tokens, place->name);
    }
    return NULL;
}

static const char *set_user_cache(cmd_parms *cmd, void *dir, const char *value)
{
    wxl_config_t *config = wxl_config_of(cmd->server);

    (void)dir;
    config->user_cache_set = 1;
    return wxl_values_span(cmd, value, &config->user_cache);
}

static const char *set_user_cache_stale(cmd_parms *cmd, void *dir, const char *value)
{
    wxl_config_t *config = wxl_config_of(cmd->server);

    (void)dir;
    config->user_cache_stale_set = 1;
    return wxl_values_span(cmd, value, &config->user_cache_stale);
}

static const char *set_revocation_poll(cmd_parms *cmd, void *dir, const char *value)
{
    wxl_config_t *config = wxl_config_of(cmd->server);

    (void)dir;
    config->revocation_poll_set = 1;
    return wxl_values_span(cmd, value, &config->revocation_poll);
}

static const char *set_revocation_size(cmd_parms *cmd, void *dir, const char *value)
{
    const char *error = ap_check_cmd_context(cmd, GLOBAL_ONLY);
    apr_off_t size = 0;

    (void)dir;
    if (!error)
        error = wxl_values_number(cmd, value, MOST_REVOKED, "sessions", &size);
    wxl_config_of(cmd->server)->revocation_size = (apr_size_t)size;
    return error;
}

const command_rec wxl_directives[] = {
    AP_INIT_TAKE1(WXL_D_ENVIRONMENT, set_environment, NULL, RSRC_CONF,
                  "development or production (the default)"),
    AP_INIT_TAKE1(WXL_D_APPID, set_appid, NULL, RSRC_CONF,
                  "AppID of the mini program, or env:NAME"),
    AP_INIT_TAKE1(WXL_D_SECRET, set_secret, NULL, RSRC_CONF,
                  "AppSecret of the mini program as env:NAME, file:PATH or exec:PROGRAM"),
    AP_INIT_TAKE1(WXL_D_KEY, set_key, NULL, RSRC_CONF,
                  "key that signs the tokens as env:NAME, file:PATH or exec:PROGRAM"),
    AP_INIT_TAKE_ARGV(WXL_D_NAMED_KEY, wxl_key_config_add, NULL, RSRC_CONF,
                      "kid=NAME alg=ES256|RS256|EdDSA|HS256 file=PATH, and sign for the one that "
                      "signs the tokens"),
    AP_INIT_TAKE1(WXL_D_URL, set_url, NULL, RSRC_CONF,
                  "origin of the WeChat API (https://api.weixin.qq.com)"),
    AP_INIT_TAKE1(WXL_D_CA, set_ca, NULL, RSRC_CONF,
                  "file with the certificates that WeChat's is verified with, instead of the "
                  "system's"),
    AP_INIT_TAKE12(WXL_D_TIMEOUT, set_timeout, NULL, RSRC_CONF,
                   "seconds for a call of WeChat (10), and connect=SECONDS (3)"),
    AP_INIT_TAKE1(WXL_D_EXCHANGE_LIMIT, set_exchange_limit, NULL, RSRC_CONF,
                  "exchanges that may be under way in a child (1000)"),
    AP_INIT_TAKE1(WXL_D_EXCHANGE_MODE, set_exchange_mode, NULL, RSRC_CONF,
                  "auto (park where the MPM can) or blocking"),
    AP_INIT_FLAG(WXL_D_EXCHANGE_BREAKER, set_exchange_breaker, NULL, RSRC_CONF,
                 "on (the default): after failures in a row WeChat is left alone for a while"),
    AP_INIT_TAKE1(WXL_D_ACCESS_TTL, set_access_ttl, NULL, RSRC_CONF,
                  "how long an access token holds (7d)"),
    AP_INIT_TAKE1(WXL_D_REFRESH_TTL, set_refresh_ttl, NULL, RSRC_CONF,
                  "how long a refresh token holds (30d)"),
    AP_INIT_FLAG(WXL_D_SESSIONS, wxl_session_config_switch, NULL, RSRC_CONF,
                 "on (the default): a row of each sign-in, so that it can be listed and ended"),
    AP_INIT_TAKE1(WXL_D_ROTATION, wxl_session_config_rotation, NULL, RSRC_CONF,
                  "does a refresh give a new refresh token? off (the default), tolerant, strict"),
    AP_INIT_TAKE12(WXL_D_MAX_SESSIONS, wxl_session_config_most, NULL, RSRC_CONF,
                   "sessions of a user, and evict-oldest (the default) or reject; or off"),
    AP_INIT_TAKE1(WXL_D_SESSION_IDLE, wxl_session_config_idle, NULL, RSRC_CONF,
                  "how long a session lives without a refresh, or off"),
    AP_INIT_TAKE1(WXL_D_SESSION_MAX, wxl_session_config_max, NULL, RSRC_CONF,
                  "how long a session lives at most, or off"),
    AP_INIT_TAKE1(WXL_D_MAX_BODY, set_max_body, NULL, RSRC_CONF | ACCESS_CONF,
                  "largest body of a request, in bytes (16384)"),
    AP_INIT_TAKE1(WXL_D_LANGUAGE, set_language, NULL, RSRC_CONF,
                  "language of messages where the client names none: zh-CN or en"),
    AP_INIT_TAKE_ARGV(WXL_D_RATE_LIMIT, wxl_limit_config_rate, NULL, RSRC_CONF | ACCESS_CONF,
                      "NUMBER/DURATION or off (5/1m at sign-in, in production), and key=, name=, "
                      "count=, except=, dry-run"),
    AP_INIT_TAKE1(WXL_D_RATE_LIMIT_SIZE, wxl_limit_config_size, NULL, RSRC_CONF,
                  "clients that a rate limit remembers at once (100000)"),
    AP_INIT_TAKE1(WXL_D_REALM, set_realm, NULL, RSRC_CONF | OR_AUTHCFG,
                  "realm of WWW-Authenticate (wxlogin)"),
    AP_INIT_TAKE1(WXL_D_GUARD, set_guard, NULL, RSRC_CONF | OR_AUTHCFG,
                  "required (the default), or optional: without a token a request passes"),
    AP_INIT_TAKE_ARGV(WXL_D_TOKEN_FROM, set_token_from, NULL, RSRC_CONF | ACCESS_CONF,
                      "where tokens may stand: header (the default), query:NAME, cookie:NAME"),
    AP_INIT_TAKE1(WXL_D_USER_CACHE, set_user_cache, NULL, RSRC_CONF,
                  "how long the guard takes a user for what he was (60s), or off"),
    AP_INIT_TAKE1(WXL_D_USER_CACHE_STALE, set_user_cache_stale, NULL, RSRC_CONF,
                  "how much longer while the data base is out of reach (10m), or off"),
    AP_INIT_TAKE1(WXL_D_REVOCATION_POLL, set_revocation_poll, NULL, RSRC_CONF,
                  "how often to look in the data base what was ended elsewhere (5s), or off"),
    AP_INIT_TAKE1(WXL_D_REVOCATION_SIZE, set_revocation_size, NULL, RSRC_CONF,
                  "sessions, and users, that are remembered as ended at once (65536)"),
    {.name = NULL},
};
