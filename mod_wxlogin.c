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

#include <http_request.h>

#include "gate/json.h"
#include "web/config.h"
#include "web/config_check.h"
#include "web/dbd.h"
#include "web/desk.h"
#include "web/directives.h"
#include "web/endpoints.h"
#include "web/exchange.h"
#include "web/limit.h"
#include "web/limit_config.h"
#include "web/reply.h"
#include "web/shm.h"

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

/* What SetHandler may name. */
static const struct {
    const char *handler;
    wxl_serve_t serve;
} endpoints[] = {
    {"wxlogin-login", wxl_login_serve},
    {"wxlogin-refresh", wxl_refresh_serve},
    {"wxlogin-verify", wxl_verify_serve},
};

/* Start-up 1, before the configuration is read; again at each restart. */
static int pre_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp)
{
    (void)plog, (void)ptemp;
    wxl_json_start();
    wxl_dbd_reset();
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
    if (wxl_limit_config_start(pconf, server) != APR_SUCCESS)
        return HTTP_INTERNAL_SERVER_ERROR;
    wxl_shm_end();
    return OK;
}

/* Start-up 3, in each child after the fork: whatever owns a socket or a lock. */
static void child_init(apr_pool_t *pchild, server_rec *server)
{
    wxl_exchange_child(pchild, server);
    wxl_dbd_child(pchild);
}

static int handler(request_rec *r)
{
    size_t i;

    if (!r->handler || strncmp(r->handler, "wxlogin-", 8) != 0)
        return DECLINED;
    for (i = 0; i < sizeof(endpoints) / sizeof(endpoints[0]); i++) {
        if (strcmp(r->handler, endpoints[i].handler) == 0)
            return wxl_desk_serve(r, endpoints[i].serve);
    }
    return DECLINED;
}

/* All hooks, in the order in which httpd runs them. */
static void hooks(apr_pool_t *pool)
{
    (void)pool;
    ap_hook_pre_config(pre_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_check_config(wxl_config_check, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_post_config(post_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_child_init(child_init, NULL, NULL, APR_HOOK_MIDDLE);
    /* First: a DBDInitSQL that fails would keep the hooks behind it from running. */
    APR_OPTIONAL_HOOK(dbd, post_connect, wxl_dbd_greet, NULL, NULL, APR_HOOK_FIRST);
    /* Last: what SetEnvIf finds out is there for the log line of a refused request, too. */
    ap_hook_header_parser(wxl_limit_early, NULL, NULL, APR_HOOK_LAST);
    /* First: a request that is refused shall cost nothing more. */
    ap_hook_fixups(wxl_limit_late, NULL, NULL, APR_HOOK_FIRST);
    ap_hook_handler(handler, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_log_transaction(wxl_limit_log, NULL, NULL, APR_HOOK_MIDDLE);
}
