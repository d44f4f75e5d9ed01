/* web/guard: AuthType WxLogin. See guard.h. */

#include "web/guard.h"

#include <apr_strings.h>
#include <http_request.h>

#include "base/text.h"
#include "core/tokens.h"
#include "web/bearer.h"
#include "web/identity.h"
#include "web/mapped.h"
#include "web/reply.h"
#include "web/revocation.h"
#include "web/tokencache.h"
#include "web/usercache.h"
#include "web/visit.h"

/* r->user of a request that may pass without one: not NULL, which httpd would take for a fault, and
   nobody's id. Gone before a handler sees it. */
static char nobody[] = "";

/* What a request that the guard has asked for a user bears: known by its address. */
static char auth_type[] = WXL_AUTH_TYPE;

static int is_guarded(request_rec *r)
{
    const char *type;

    if (r->ap_auth_type == auth_type)
        return 1;
    type = ap_auth_type(r);
    return type && ap_cstr_casecmp(type, WXL_AUTH_TYPE) == 0;
}

static int is_optional(const request_rec *r)
{
    return wxl_config_dir(r)->guard == WXL_GUARD_OPTIONAL;
}

static void begin(wxl_call_t *call, request_rec *r)
{
    memset(call, 0, sizeof(*call));
    call->r = r;
    call->config = wxl_config_of(r->server);
    wxl_errand_init(&call->errand, r->pool, apr_time_now());
}

static int refuse_call(wxl_call_t *call)
{
    wxl_visit_of(call->r)->refused = 1;
    return wxl_reply_refuse(call);
}

/* Refuse for a problem found by httpd. */
static int refuse(request_rec *r, wxl_problem_t problem, const char *why)
{
    wxl_call_t call;

    begin(&call, r);
    wxl_fail(&call.errand, problem, APR_SUCCESS, "%s", why);
    return refuse_call(&call);
}

/* A token was revoked. Where its user is gone or disabled that is what to tell: there is no use in
   signing in again. */
static apr_status_t refuse_revoked(wxl_call_t *call, const char *why)
{
    wxl_errand_t errand;
    wxl_user_t user;

    wxl_errand_init(&errand, call->errand.pool, call->errand.now);
    if (wxl_usercache_find(&errand, call->r->server, call->config, call->user_id, &user) ==
        APR_SUCCESS)
        wxl_guard_active(&errand, &user);
    if (errand.problem == WXL_USER_NOT_FOUND || errand.problem == WXL_USER_INACTIVE)
        return wxl_fail(&call->errand, errand.problem, errand.rv, "%s", errand.why);
    return wxl_fail(&call->errand, WXL_TOKEN_INVALID, APR_SUCCESS, "token: %s", why);
}

apr_status_t wxl_guard_admit(wxl_call_t *call)
{
    wxl_errand_t *errand = &call->errand;
    wxl_claims_t claims;
    const char *token, *why;
    apr_status_t rv;

    rv = wxl_bearer_find(errand, call->r, &token);
    if (rv != APR_SUCCESS)
        return rv;
    if (!token)
        return wxl_fail(errand, WXL_NOT_AUTHENTICATED, APR_SUCCESS, "no token");
    if (call->config->not_ready)
        return wxl_fail(errand, WXL_NOT_CONFIGURED, APR_SUCCESS, "%s", call->config->not_ready);
    rv = wxl_tokencache_check(errand, call->config, token, &claims);
    if (rv != APR_SUCCESS)
        return rv;
    call->user_id = apr_atoi64(claims.user_id);
    call->sid = claims.sid;
    rv = wxl_revocation_ask(errand, call->r->server, call->config, &claims, &why);
    return rv == APR_SUCCESS && why ? refuse_revoked(call, why) : rv;
}

apr_status_t wxl_guard_active(wxl_errand_t *errand, const wxl_user_t *user)
{
    if (user->is_active)
        return APR_SUCCESS;
    return wxl_fail(errand, WXL_USER_INACTIVE, APR_SUCCESS, "user %" APR_INT64_T_FMT " is disabled",
                    user->id);
}

static apr_status_t recognise(wxl_call_t *call, wxl_user_t *user)
{
    apr_status_t rv = wxl_guard_admit(call);

    if (rv == APR_SUCCESS)
        rv = wxl_usercache_find(&call->errand, call->r->server, call->config, call->user_id, user);
    if (rv == APR_SUCCESS)
        rv = wxl_guard_active(&call->errand, user);
    return rv;
}

int wxl_guard_authn(request_rec *r)
{
    wxl_call_t call;
    wxl_user_t *user;

    if (!is_guarded(r))
        return DECLINED;
    begin(&call, r);
    user = apr_palloc(r->pool, sizeof(*user));
    r->ap_auth_type = auth_type;
    if (recognise(&call, user) == APR_SUCCESS) {
        r->user = (char *)wxl_text_decimal(r->pool, user->id);
        wxl_visit_of(r)->user = user;
        wxl_visit_of(r)->sid = call.sid;
        return OK;
    }
    if (call.errand.problem == WXL_NOT_AUTHENTICATED && is_optional(r)) {
        r->user = nobody;
        return OK;
    }
    return refuse_call(&call);
}

int wxl_guard_force(request_rec *r)
{
    return is_optional(r) && is_guarded(r) ? OK : DECLINED;
}

int wxl_guard_authz(request_rec *r)
{
    wxl_visit_t *visit;
    int status, known;

    visit = wxl_visit_seen(r);
    if ((visit && visit->inside) || !is_guarded(r))
        return DECLINED;
    visit = wxl_visit_of(r);
    visit->inside = 1;
    status = ap_run_auth_checker(r);
    visit->inside = 0;
    known = r->user != nobody;
    if (!known)
        r->user = NULL;
    if (status == HTTP_UNAUTHORIZED && !known)
        return refuse(r, WXL_NOT_AUTHENTICATED, "Require wants a user");
    if (status == HTTP_UNAUTHORIZED || status == HTTP_FORBIDDEN)
        return refuse(r, WXL_PERMISSION_DENIED,
                      known ? apr_psprintf(r->pool, "Require denies it to user %s", r->user)
                            : "Require denies it");
    return status;
}

int wxl_guard_fixup(request_rec *r)
{
    const wxl_user_t *user = wxl_visit_user(r);

    if (is_guarded(r))
        wxl_visit_of(r)->passed = 1;
    /* a request that comes from a guarded one may itself not be guarded */
    if (user || wxl_visit_origin(r))
        wxl_identity_tell(r, user);
    return DECLINED;
}

void wxl_guard_error(request_rec *r)
{
    const wxl_visit_t *visit = wxl_visit_seen(r);

    if (r->status == HTTP_FORBIDDEN && is_guarded(r) &&
        !(visit && (visit->passed || visit->refused)))
        refuse(r, WXL_PERMISSION_DENIED, "refused before a user was asked for");
}
