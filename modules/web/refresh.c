/* web/refresh: POST /token/refresh/. The session is asked (core/renewal); where there is none, the
   token itself says all there is to know. */

#include "web/endpoints.h"

#include "core/renewal.h"
#include "web/dbd.h"
#include "web/request.h"
#include "web/revocation.h"

static apr_status_t renew(wxl_call_t *call, const wxl_claims_t *claims, wxl_renewal_t *renewal)
{
    const wxl_renewal_settings_t settings = {.sessions = &call->config->signin.sessions,
                                             .tokens = &call->config->signin.tokens};
    wxl_dbd_door_t door;
    apr_status_t rv;

    wxl_dbd_door(&door, call->r->server, call->config->db);
    rv = wxl_renewal_run(&call->errand, &door.door, &settings, claims, renewal);
    if (rv == APR_SUCCESS)
        apr_table_setn(call->r->subprocess_env, "WXLOGIN_SESSION", claims->sid);
    if (call->errand.problem == WXL_TOKEN_STOLEN)
        wxl_revocation_session(call->config, claims->sid, call->errand.now);
    return rv;
}

/* What a token of no session gives: an access token, for as long as it lives. Nobody is asked, so
   the user's epoch may have moved unheard: by its iat alone the new token would be past it for
   good. So it tells of when the old one is. */
static apr_status_t renew_alone(wxl_call_t *call, const wxl_claims_t *claims,
                                wxl_renewal_t *renewal)
{
    apr_status_t rv;

    memset(renewal, 0, sizeof(*renewal));
    rv = wxl_revocation_check(&call->errand, call->r->server, call->config, claims);
    if (rv != APR_SUCCESS)
        return rv;
    rv = wxl_tokens_draft(&call->errand, &call->config->signin.tokens, WXL_TOKEN_ACCESS,
                          claims->user_id, &renewal->access);
    renewal->access.auth_time = claims->auth_time;
    return rv;
}

/* {access} or {access, refresh} */
static apr_status_t write_answer(wxl_call_t *call, const wxl_renewal_t *renewal)
{
    const wxl_tokens_settings_t *settings = &call->config->signin.tokens;
    wxl_json_t *answer = wxl_json_object(call->errand.pool);
    const char *token;
    apr_status_t rv = wxl_tokens_write(&call->errand, settings, &renewal->access, &token);

    if (rv != APR_SUCCESS)
        return rv;
    wxl_json_set_string(answer, "access", token);
    if (renewal->refresh.jti) {
        rv = wxl_tokens_write(&call->errand, settings, &renewal->refresh, &token);
        if (rv != APR_SUCCESS)
            return rv;
        wxl_json_set_string(answer, "refresh", token);
    }
    call->answer = answer;
    return APR_SUCCESS;
}

apr_status_t wxl_refresh_serve(wxl_call_t *call)
{
    wxl_errand_t *errand = &call->errand;
    wxl_renewal_t renewal;
    const char *refresh;
    wxl_claims_t claims;
    apr_status_t rv;

    rv = wxl_request_string(call, "refresh", WXL_FIELD_REQUIRED, &refresh);
    if (rv == APR_SUCCESS)
        rv = wxl_tokens_check(errand, &call->config->signin.tokens, WXL_TOKEN_REFRESH, refresh,
                              &claims);
    if (rv != APR_SUCCESS)
        return rv;
    if (claims.sid && !call->config->signin.sessions.off)
        rv = renew(call, &claims, &renewal);
    else
        rv = renew_alone(call, &claims, &renewal);
    if (rv != APR_SUCCESS)
        return rv;
    apr_table_setn(call->r->subprocess_env, "WXLOGIN_USER_ID", claims.user_id);
    return write_answer(call, &renewal);
}
