/* web/logout: POST /logout/. A refresh token in the body tells whose sessions end, or else a bearer
   token. One that has expired still ends its own session: in the manner of RFC 7009 a token that is
   over is no error. */

#include "web/endpoints.h"

#include "core/sessions.h"
#include "web/bearer.h"
#include "web/dbd.h"
#include "web/request.h"
#include "web/revocation.h"

/* The token, from wherever it comes. */
static apr_status_t find_token(wxl_call_t *call, const char **token, int *types)
{
    wxl_json_kind_t kind = wxl_json_kind(call->fields, "refresh");
    apr_status_t rv;

    if (kind != WXL_JSON_ABSENT && kind != WXL_JSON_NULL) {
        *types = WXL_TOKEN_REFRESH | WXL_TOKEN_OLD;
        return wxl_request_string(call, "refresh", WXL_FIELD_REQUIRED, token);
    }
    *types = WXL_TOKEN_ACCESS | WXL_TOKEN_OLD;
    rv = wxl_bearer_find(&call->errand, call->r, token);
    if (rv == APR_SUCCESS && !*token)
        return wxl_fail(&call->errand, WXL_NOT_AUTHENTICATED, APR_SUCCESS,
                        "neither a refresh token nor a bearer token");
    return rv;
}

static apr_status_t read_scope(wxl_call_t *call, wxl_scope_t *scope)
{
    static const char *const names[] = {
        [WXL_SCOPE_THIS] = "this",
        [WXL_SCOPE_OTHERS] = "others",
        [WXL_SCOPE_ALL] = "all",
    };
    const char *name;
    apr_status_t rv;
    size_t i;

    *scope = WXL_SCOPE_THIS;
    if (wxl_json_kind(call->fields, "scope") == WXL_JSON_ABSENT)
        return APR_SUCCESS;
    rv = wxl_request_string(call, "scope", WXL_FIELD_REQUIRED, &name);
    if (rv != APR_SUCCESS)
        return rv;
    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        *scope = (wxl_scope_t)i;
        if (strcmp(name, names[i]) == 0)
            return APR_SUCCESS;
    }
    return wxl_fail_field(&call->errand, WXL_FIELD_SCOPE, "scope", 0);
}

/* A token that has expired ends its own session and no other. */
static apr_status_t check_age(wxl_call_t *call, const wxl_claims_t *claims, wxl_scope_t scope)
{
    if (scope == WXL_SCOPE_THIS || claims->exp > apr_time_sec(call->errand.now))
        return APR_SUCCESS;
    return wxl_fail(&call->errand,
                    claims->type == WXL_TOKEN_ACCESS ? WXL_TOKEN_EXPIRED : WXL_REFRESH_EXPIRED,
                    APR_SUCCESS, "expired, and more than its own session is to end");
}

static apr_status_t end(wxl_call_t *call, const wxl_claims_t *claims, wxl_scope_t scope)
{
    const wxl_sessions_settings_t *settings = &call->config->signin.sessions;
    const wxl_logout_t logout = {
        .whose = {.user_id = claims->user_id,
                  .sid = claims->sid && wxl_sessions_is_sid(claims->sid) ? claims->sid : NULL},
        .scope = scope,
    };
    apr_array_header_t *ended;
    wxl_dbd_door_t door;
    apr_status_t rv;
    int i;

    if (settings->off || (scope == WXL_SCOPE_THIS && !logout.whose.sid))
        return APR_SUCCESS; /* nothing is kept of it, so nothing can be ended */
    /* a session is asked by its statement; what has none must itself be good */
    if (!logout.whose.sid) {
        rv = wxl_revocation_check(&call->errand, call->r->server, call->config, claims);
        if (rv != APR_SUCCESS)
            return rv;
    }
    wxl_dbd_door(&door, call->r->server, call->config->db);
    rv = wxl_sessions_logout(&call->errand, &door.door, settings, &logout, &ended);
    for (i = 0; rv == APR_SUCCESS && i < ended->nelts; i++)
        wxl_revocation_session(call->config, APR_ARRAY_IDX(ended, i, const char *),
                               call->errand.now);
    return rv;
}

apr_status_t wxl_logout_serve(wxl_call_t *call)
{
    wxl_scope_t scope = WXL_SCOPE_THIS;
    wxl_claims_t claims;
    const char *token;
    apr_status_t rv;
    int types;

    rv = find_token(call, &token, &types);
    if (rv == APR_SUCCESS)
        rv = read_scope(call, &scope);
    if (rv == APR_SUCCESS)
        rv = wxl_tokens_check(&call->errand, &call->config->signin.tokens, types, token, &claims);
    if (rv == APR_SUCCESS)
        rv = check_age(call, &claims, scope);
    if (rv == APR_SUCCESS)
        rv = end(call, &claims, scope);
    if (rv != APR_SUCCESS)
        return rv;
    apr_table_setn(call->r->subprocess_env, "WXLOGIN_USER_ID", claims.user_id);
    call->answer = wxl_json_object(call->errand.pool);
    return APR_SUCCESS;
}
