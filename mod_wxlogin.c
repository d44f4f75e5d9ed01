/* Licensed under the Apache License, Version 2.0: see LICENSE. */

/*
 * mod_wxlogin: the sign-in service of a WeChat mini program, inside Apache httpd.
 *
 * The way of a sign-in; each name on it is a file below modules/:
 *
 *     POST /login/ ─ web/desk, web/login    method, configuration, body (web/request)
 *                      │ begin
 *                   core/signin ── core/wechat ── web/exchange, gate/http ──────► WeChat
 *                      │ finish  ◄───────────────────────────────────────────── reply
 *                   core/signin ── core/users ── gate/db (web/dbd) ─────────────► data base
 *                      │           core/tokens ── gate/jwt         one statement
 *                   web/reply             200 {access, refresh, user}, or one error of
 *                                         base/problem
 *
 * Four floors, each a folder of modules/: base (words), gate (foreign libraries), core (the
 * business), web (httpd). A floor includes only the floors below it.
 */

#define WXL_ROOF
#include "web/private.h"

#include <http_connection.h>
#include <http_request.h>
#include <mod_status.h>

#include "gate/json.h"
#include "web/bearer.h"
#include "web/caretaker.h"
#include "web/config.h"
#include "web/config_check.h"
#include "web/dbd.h"
#include "web/desk.h"
#include "web/directives.h"
#include "web/endpoints.h"
#include "web/exchange.h"
#include "web/guard.h"
#include "web/identity.h"
#include "web/limit.h"
#include "web/limit_config.h"
#include "web/nofile.h"
#include "web/park.h"
#include "web/reply.h"
#include "web/require.h"
#include "web/revocation.h"
#include "web/shm.h"
#include "web/tokencache.h"
#include "web/upstream.h"
#include "web/usercache.h"
#include "web/waits.h"

static void hooks(apr_pool_t *pool);

/* The one symbol that the shared object exports. */
#pragma GCC visibility push(default)
AP_DECLARE_MODULE(wxlogin)
= {
    STANDARD20_MODULE_STUFF,
    wxl_config_dir_create, /* a location */
    wxl_config_dir_merge,
    wxl_config_create, /* a server */
    wxl_config_merge,
    wxl_directives,
    hooks,
    AP_MODULE_FLAG_ALWAYS_MERGE, /* each virtual host gets settings of its own */
};
#pragma GCC visibility pop

#define POST (AP_METHOD_BIT << M_POST)
#define GET (AP_METHOD_BIT << M_GET)
#define GET_AND_DELETE (GET | AP_METHOD_BIT << M_DELETE)
#define GET_AND_PATCH (GET | AP_METHOD_BIT << M_PATCH)

static const wxl_endpoint_t endpoints[] = {
    {"wxlogin-login", "POST, OPTIONS", POST, NULL, wxl_login_serve},
    {"wxlogin-refresh", "POST, OPTIONS", POST, NULL, wxl_refresh_serve},
    {"wxlogin-verify", "POST, OPTIONS", POST, NULL, wxl_verify_serve},
    {"wxlogin-logout", "POST, OPTIONS", POST, NULL, wxl_logout_serve},
    {"wxlogin-sessions", "GET, HEAD, DELETE, OPTIONS", GET_AND_DELETE, wxl_guard_admit,
     wxl_sessions_serve},
    {"wxlogin-profile", "GET, HEAD, PATCH, OPTIONS", GET_AND_PATCH, wxl_guard_admit,
     wxl_profile_serve},
    {"wxlogin-jwks", "GET, HEAD, OPTIONS", GET, NULL, wxl_jwks_serve},
};

/* Start-up 1, before the configuration is read; again at each restart. */
static int pre_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp)
{
    (void)plog, (void)ptemp;
    wxl_json_start();
    wxl_dbd_reset();
    wxl_upstream_register(pconf);
    wxl_limit_config_reset(pconf);
    return OK;
}

/* Start-up 2, when the configuration holds. */
static int post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *server)
{
    (void)plog, (void)ptemp;
    ap_add_version_component(pconf, "mod_wxlogin/" WXL_VERSION);
    wxl_reply_prepare(pconf);
    if (ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_CREATE_PRE_CONFIG)
        return OK; /* only a rehearsal: the configuration will be read again */
    wxl_shm_begin();
    if (wxl_limit_config_start(pconf, server) != APR_SUCCESS || wxl_waits_start(server) != OK ||
        wxl_upstream_start(server) != OK || wxl_revocation_start(pconf, server) != APR_SUCCESS)
        return HTTP_INTERNAL_SERVER_ERROR;
    wxl_usercache_start(server);
    wxl_tokencache_start(server);
    wxl_shm_end();
    return OK;
}

/* Start-up 3, in each child after the fork: whatever owns a socket, a lock or a thread. */
static void child_init(apr_pool_t *pchild, server_rec *server)
{
    wxl_nofile_child(pchild, server);
    wxl_waits_child(pchild);
    wxl_exchange_child(pchild, server);
    wxl_dbd_child(pchild);
    wxl_caretaker_child(pchild, server);
}

static int handler(request_rec *r)
{
    size_t i;

    if (!r->handler || strncmp(r->handler, "wxlogin-", 8) != 0)
        return DECLINED;
    for (i = 0; i < sizeof(endpoints) / sizeof(endpoints[0]); i++) {
        if (strcmp(r->handler, endpoints[i].handler) == 0)
            return wxl_desk_serve(r, &endpoints[i]);
    }
    return DECLINED;
}

/* All hooks, in the order in which httpd runs them: those of the server and of a child, */
static void server_hooks(void)
{
    static const char *const dbd[] = {"mod_dbd.c", NULL};

    ap_hook_pre_config(pre_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_check_config(wxl_config_check, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_post_config(post_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_child_init(child_init, dbd, NULL, APR_HOOK_MIDDLE);
    /* First: a DBDInitSQL that fails would keep the hooks behind it from running. */
    APR_OPTIONAL_HOOK(dbd, post_connect, wxl_dbd_greet, NULL, NULL, APR_HOOK_FIRST);
}

/* and those of a connection and its requests. */
static void request_hooks(void)
{
    /* Before everybody: a parked connection must get its own descriptor back first. */
    ap_hook_process_connection(wxl_park_process, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_pre_close_connection(wxl_park_pre_close, NULL, NULL, APR_HOOK_REALLY_FIRST);

    /* First of all: nobody shall see a forged header, or the token in a query. */
    ap_hook_post_read_request(wxl_identity_scrub, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_post_read_request(wxl_bearer_blur, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_pre_translate_name(wxl_bearer_take, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_translate_name(wxl_bearer_take, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_translate_name(wxl_nofile_mark, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_dirwalk_stat(wxl_nofile_stat, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_header_parser(wxl_bearer_take, NULL, NULL, APR_HOOK_REALLY_FIRST);
    /* Last: what SetEnvIf finds out is there for the log line of a refused request, too. */
    ap_hook_header_parser(wxl_limit_early, NULL, NULL, APR_HOOK_LAST);
    ap_hook_force_authn(wxl_guard_force, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_check_authn(wxl_guard_authn, NULL, NULL, APR_HOOK_MIDDLE, AP_AUTH_INTERNAL_PER_CONF);
    /* Before mod_authz_core, whose answer it sees. */
    ap_hook_check_authz(wxl_guard_authz, NULL, NULL, APR_HOOK_FIRST, AP_AUTH_INTERNAL_PER_CONF);
    ap_hook_fixups(wxl_guard_fixup, NULL, NULL, APR_HOOK_REALLY_FIRST);
    /* First: a request that is refused shall cost nothing more. */
    ap_hook_fixups(wxl_limit_late, NULL, NULL, APR_HOOK_FIRST);

    ap_hook_handler(handler, NULL, NULL, APR_HOOK_MIDDLE);
    APR_OPTIONAL_HOOK(ap, status_hook, wxl_waits_status, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_insert_error_filter(wxl_guard_error, NULL, NULL, APR_HOOK_FIRST);
    ap_hook_insert_error_filter(wxl_reply_error_filter, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_log_transaction(wxl_limit_log, NULL, NULL, APR_HOOK_MIDDLE);
    /* Before mod_log_config. */
    ap_hook_log_transaction(wxl_bearer_forget, NULL, NULL, APR_HOOK_REALLY_FIRST);
}

static void hooks(apr_pool_t *pool)
{
    wxl_identity_register();
    wxl_reply_register();
    wxl_require_register(pool);
    server_hooks();
    request_hooks();
}
