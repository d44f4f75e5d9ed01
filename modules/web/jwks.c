/* web/jwks: GET /.well-known/jwks.json. The keys that anybody may check our tokens with. */

#include "web/endpoints.h"

apr_status_t wxl_jwks_serve(wxl_call_t *call)
{
    call->ready = call->config->jwks;
    return APR_SUCCESS;
}
