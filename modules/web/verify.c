/* web/verify: POST /token/verify/. Either type of token, as the original's. */

#include "web/endpoints.h"

#include "core/tokens.h"
#include "web/request.h"
#include "web/revocation.h"

apr_status_t wxl_verify_serve(wxl_call_t *call)
{
    wxl_errand_t *errand = &call->errand;
    wxl_claims_t claims;
    const char *token;
    apr_status_t rv;

    rv = wxl_request_string(call, "token", WXL_FIELD_REQUIRED, &token);
    if (rv == APR_SUCCESS)
        rv = wxl_tokens_check(errand, &call->config->signin.tokens, WXL_TOKEN_ANY, token, &claims);
    if (rv == APR_SUCCESS)
        rv = wxl_revocation_check(errand, call->r->server, call->config, &claims);
    if (rv == APR_SUCCESS)
        call->answer = wxl_json_object(errand->pool);
    return rv;
}
