/* web/refresh: POST /token/refresh/. Stateless: the token itself says all there is to know. */

#include "web/endpoints.h"

#include "core/tokens.h"
#include "web/request.h"
#include "web/revocation.h"

apr_status_t wxl_refresh_serve(wxl_call_t *call)
{
    const wxl_tokens_settings_t *settings = &call->config->signin.tokens;
    wxl_errand_t *errand = &call->errand;
    const char *refresh, *access;
    wxl_claims_t claims;
    apr_status_t rv;

    rv = wxl_request_string(call, "refresh", WXL_FIELD_REQUIRED, &refresh);
    if (rv == APR_SUCCESS)
        rv = wxl_tokens_check(errand, settings, WXL_TOKEN_REFRESH, refresh, &claims);
    if (rv == APR_SUCCESS && (!claims.sid || call->config->signin.sessions.off))
        rv = wxl_revocation_check(errand, call->r->server, call->config, &claims);
    if (rv == APR_SUCCESS)
        rv = wxl_tokens_issue(errand, settings, WXL_TOKEN_ACCESS, claims.user_id, &access);
    if (rv != APR_SUCCESS)
        return rv;
    apr_table_setn(call->r->subprocess_env, "WXLOGIN_USER_ID", claims.user_id);
    call->answer = wxl_json_object(errand->pool);
    wxl_json_set_string(call->answer, "access", access);
    return APR_SUCCESS;
}
