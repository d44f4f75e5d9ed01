/* web/desk: where every request arrives. See desk.h. */

#include "web/desk.h"

#include "web/reply.h"
#include "web/request.h"

static apr_status_t admit(wxl_call_t *call)
{
    call->body_unread = wxl_request_has_body(call->r);
    if (!(call->endpoint->methods & (AP_METHOD_BIT << call->r->method_number)))
        return wxl_fail(&call->errand, WXL_METHOD, APR_SUCCESS, "only %s", call->endpoint->allow);
    if (call->config->not_ready)
        return wxl_fail(&call->errand, WXL_NOT_CONFIGURED, APR_SUCCESS, "%s",
                        call->config->not_ready);
    if (call->endpoint->admit)
        return call->endpoint->admit(call);
    return APR_SUCCESS;
}

int wxl_desk_serve(request_rec *r, const wxl_endpoint_t *endpoint)
{
    wxl_call_t call = {.r = r, .endpoint = endpoint, .config = wxl_config_of(r->server)};
    apr_status_t rv;

    if (r->method_number == M_OPTIONS)
        return wxl_reply_options(r, endpoint->allow);
    wxl_errand_init(&call.errand, r->pool, apr_time_now());
    rv = admit(&call);
    if (rv == APR_SUCCESS && r->method_number != M_GET) /* whose body means nothing */
        rv = wxl_request_read(&call);
    if (rv == APR_SUCCESS) {
        call.errand.now = apr_time_now(); /* the body may have been long in coming */
        rv = endpoint->serve(&call);
    }
    return rv == APR_SUCCESS ? wxl_reply_answer(&call) : wxl_reply_problem(&call);
}
