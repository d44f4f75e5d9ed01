/* web/config_check: what must hold between directives. See config_check.h. */

#include "web/config_check.h"

#include <arpa/inet.h>

#include <apr_strings.h>
#include <apr_uri.h>

#include "web/config.h"
#include "web/dbd.h"
#include "web/directives.h"
#include "web/key_config.h"
#include "web/mapped.h"

/* RFC 7518, section 3.2: a key for HS256 has at least the size of the hash. */
#define SHORTEST_KEY 32

/* One server being checked. */
typedef struct {
    apr_pool_t *pool; /* lives as long as the configuration */
    server_rec *server;
    wxl_config_t *config;
    const wxl_mapped_t *where; /* the SetHandler that brings it in, or NULL */
    int required;              /* a fault here keeps httpd from starting */
    int faults;
} check_t;

/* A fault. Where the server is not known to use us, it is kept for the first request. */
static void fault(check_t *check, int tag, const char *sentence)
{
    check->faults++;
    if (!check->config->not_ready)
        check->config->not_ready = sentence;
    if (!check->required)
        return;
    if (check->where)
        ap_log_error(APLOG_MARK, APLOG_ERR | APLOG_STARTUP, 0, check->server,
                     "WXL%04d: %s:%d: %s %s: %s", tag, check->where->filename, check->where->line,
                     check->where->directive, check->where->handler, sentence);
    else
        ap_log_error(APLOG_MARK, APLOG_ERR | APLOG_STARTUP, 0, check->server,
                     "WXL%04d: server %s: %s", tag, check->server->server_hostname, sentence);
}

static void warn(check_t *check, int tag, const char *sentence)
{
    if (check->required)
        ap_log_error(APLOG_MARK, APLOG_WARNING | APLOG_STARTUP, 0, check->server, "WXL%04d: %s",
                     tag, sentence);
}

static int is_development(const check_t *check)
{
    return check->config->environment == WXL_DEVELOPMENT;
}

static int is_loopback(const char *host)
{
    struct in_addr address;

    return ap_cstr_casecmp(host, "localhost") == 0 || strcmp(host, "::1") == 0 ||
           strcmp(host, "[::1]") == 0 ||
           /* an address of 127.0.0.0/8, not a name that begins like one */
           (inet_pton(AF_INET, host, &address) == 1 && ntohl(address.s_addr) >> 24 == 127);
}

/* No WxLoginSecretKey: that is fine where a WxLoginKey does what is needed here. */
static void check_missing_key(check_t *check, int issues)
{
    const wxl_jwt_keys_t *keys = &check->config->signin.tokens.keys;
    const char *random;

    if (keys->signer || (keys->named && !issues))
        return;
    if (keys->named) {
        fault(check, 516,
              "no key signs new tokens: write sign behind the " WXL_D_NAMED_KEY
              " that holds a private key, or " WXL_D_KEY);
        return;
    }
    if (!is_development(check)) {
        fault(check, 501,
              WXL_D_KEY " is missing or empty: write " WXL_D_KEY
                        " file:/path, with a file made by: openssl rand -hex 32");
        return;
    }
    random = wxl_crypto_random_hex(check->pool, SHORTEST_KEY);
    if (random)
        check->config->key = wxl_crypto_keep(check->pool, random, strlen(random));
    else
        fault(check, 502, "the random generator failed, no key could be made");
    warn(check, 521,
         WXL_D_KEY " is not set: a random key was made, tokens end with the next "
                   "restart; write " WXL_D_KEY " file:/path");
}

/* @param issues does this server make tokens, or does it only check them? */
static void check_key(check_t *check, int issues)
{
    const char *error;

    if (!check->config->key.bytes)
        check_missing_key(check, issues);
    else if (check->config->key.len < SHORTEST_KEY && !is_development(check))
        fault(check, 503,
              WXL_D_KEY " is shorter than 32 bytes: write one made by: "
                        "openssl rand -hex 32");
    else if (check->config->key_literal && !is_development(check))
        fault(check, 504,
              WXL_D_KEY " stands in the configuration file itself: write " WXL_D_KEY
                        " file:/path, env:NAME or exec:PROGRAM");
    error = wxl_key_config_ready(check->pool, check->config);
    if (error)
        fault(check, 517, error);
}

static void check_lifetimes(check_t *check)
{
    const wxl_tokens_settings_t *tokens = &check->config->signin.tokens;

    if (tokens->refresh_ttl < tokens->access_ttl)
        warn(check, 522,
             WXL_D_REFRESH_TTL " is shorter than " WXL_D_ACCESS_TTL
                               ": refresh tokens are of no use");
}

static void check_sessions(check_t *check)
{
    const wxl_config_t *config = check->config;
    const wxl_sessions_settings_t *sessions = &config->signin.sessions;

    if (sessions->off && (sessions->rotation != WXL_ROTATION_OFF || sessions->most ||
                          sessions->idle || sessions->max))
        warn(check, 525,
             WXL_D_SESSIONS " is off: " WXL_D_ROTATION ", " WXL_D_MAX_SESSIONS
                            ", " WXL_D_SESSION_IDLE " and " WXL_D_SESSION_MAX " have no effect");
    else if (sessions->idle &&
             sessions->idle <= apr_time_from_sec(config->signin.tokens.access_ttl))
        warn(check, 526,
             WXL_D_SESSION_IDLE " is not longer than " WXL_D_ACCESS_TTL
                                ": a session would end before its first refresh");
}

static void check_credentials(check_t *check)
{
    wxl_config_t *config = check->config;
    const wxl_wechat_settings_t *wechat = &config->signin.wechat;

    if (!wechat->appid != !wechat->secret.bytes)
        fault(check, 505,
              wechat->appid ? WXL_D_APPID " is set but " WXL_D_SECRET
                                          " is missing or empty: write " WXL_D_SECRET
                                          " file:/path, env:NAME or exec:PROGRAM, or remove both"
                            : WXL_D_SECRET " is set but " WXL_D_APPID
                                           " is missing or empty: write " WXL_D_APPID
                                           " with the AppID of the mini program, or remove both");
    else if (!wechat->appid && !is_development(check))
        fault(check, 506,
              "production needs the credentials of the mini program: write " WXL_D_APPID
              " and " WXL_D_SECRET ", or " WXL_D_ENVIRONMENT
              " development to sign in without WeChat");
    else if (!wechat->appid)
        warn(check, 523,
             "development without credentials: WeChat is not asked, every code signs "
             "in (mock mode)");
    if (config->secret_literal && !is_development(check))
        fault(check, 507,
              WXL_D_SECRET " stands in the configuration file itself: write " WXL_D_SECRET
                           " file:/path, env:NAME or exec:PROGRAM");
}

static void check_origin(check_t *check)
{
    const char *origin = check->config->signin.wechat.origin;
    apr_uri_t uri;

    if (is_development(check) || apr_uri_parse(check->pool, origin, &uri) != APR_SUCCESS)
        return;
    if (ap_cstr_casecmp(uri.scheme, "http") == 0 && !is_loopback(uri.hostname))
        fault(check, 508,
              apr_psprintf(check->pool,
                           WXL_D_URL " %s would send the AppSecret unencrypted: write "
                                     "https://, or the address of this host itself",
                           origin));
}

/* While an exchange is parked the connection waits under TimeOut: that must not come first. */
static void check_timeout(check_t *check)
{
    apr_interval_time_t timeout = check->config->signin.wechat.timeout;

    if (wxl_wechat_configured(&check->config->signin.wechat) && check->server->timeout <= timeout)
        fault(check, 515,
              apr_psprintf(check->pool,
                           "TimeOut %d is not longer than " WXL_D_TIMEOUT " %d: write TimeOut %d "
                           "or more, or a shorter " WXL_D_TIMEOUT,
                           (int)apr_time_sec(check->server->timeout), (int)apr_time_sec(timeout),
                           (int)apr_time_sec(timeout) + 5));
}

static void check_db(check_t *check, int needed)
{
    const char *error = wxl_dbd_attach(check->pool, check->server, &check->config->db);

    if (error && needed)
        fault(check, 509, apr_pstrcat(check->pool, "a data base is needed: ", error, NULL));
}

/* Does a handler ask for sessions? Not the refresh: it can serve tokens that belong to none. */
static int needs_sessions(const server_rec *server, const wxl_config_t *config,
                          const apr_array_header_t *mapped)
{
    return !config->signin.sessions.off && (wxl_mapped_to(mapped, server, "wxlogin-logout") ||
                                            wxl_mapped_to(mapped, server, "wxlogin-sessions"));
}

/* @return number of faults that keep httpd from starting */
static int check_server(apr_pool_t *pool, server_rec *server, const apr_array_header_t *mapped)
{
    check_t check = {.pool = pool, .server = server, .config = wxl_config_of(server)};
    wxl_config_t *config = check.config;
    const wxl_mapped_t *login = wxl_mapped_to(mapped, server, "wxlogin-login");
    /* Directives, but no handler in sight anywhere: it will come by another way. */
    int needs_db = login || wxl_mapped_to(mapped, server, "wxlogin-profile") ||
                   wxl_mapped_to(mapped, server, WXL_AUTH_TYPE) ||
                   needs_sessions(server, config, mapped);
    int unseen = mapped->nelts == 0 && wxl_config_is_set(config);

    check.where = login ? login : wxl_mapped_to(mapped, server, NULL);
    check.required = check.where != NULL || unseen;
    config->signin.development = is_development(&check);
    check_key(&check,
              login || unseen || !check.where || wxl_mapped_to(mapped, server, "wxlogin-refresh"));
    check_lifetimes(&check);
    check_sessions(&check);
    if (login || unseen || !check.where) {
        check_credentials(&check);
        check_origin(&check);
        check_timeout(&check);
    }
    /* A server that has nothing to do with us keeps its data base to itself. */
    if (check.required || needs_db || wxl_config_is_set(config))
        check_db(&check, needs_db);
    if (wxl_wechat_configured(&config->signin.wechat))
        wxl_wechat_prepare(pool, &config->signin.wechat);
    return check.required ? check.faults : 0;
}

int wxl_config_check(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *main)
{
    apr_array_header_t *mapped = wxl_mapped_find(pconf, main);
    server_rec *server;
    int faults = 0;

    (void)plog, (void)ptemp;
    for (server = main; server; server = server->next)
        faults += check_server(pconf, server, mapped);
    return faults ? HTTP_INTERNAL_SERVER_ERROR : OK;
}
