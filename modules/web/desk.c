/* web/desk: where every request arrives. See desk.h. */

#include "web/desk.h"

#include "web/limit.h"
#include "web/reply.h"
#include "web/request.h"

static apr_status_t admit(wxl_call_t *call)
{
    apr_status_t rv;

    call->body_unread = wxl_request_has_body(call->r);
    if (!(call->endpoint->methods & (AP_METHOD_BIT << call->r->method_number)))
        return wxl_fail(&call->errand, WXL_METHOD, APR_SUCCESS, "only %s", call->endpoint->allow);
    if (call->config->not_ready)
        return wxl_fail(&call->errand, WXL_NOT_CONFIGURED, APR_SUCCESS, "%s",
                        call->config->not_ready);
    rv = wxl_limit_endpoint(call);
    if (rv == APR_SUCCESS && call->endpoint->admit)
        rv = call->endpoint->admit(call);
    return rv;
}

int wxl_desk_answer(wxl_call_t *call, apr_status_t rv)
{
    return rv == APR_SUCCESS ? wxl_reply_answer(call) : wxl_reply_problem(call);
}

int wxl_desk_serve(request_rec *r, const wxl_endpoint_t *endpoint)
{
    wxl_call_t *call = apr_pcalloc(r->pool, sizeof(*call)); /* it may outlive this function */
    apr_status_t rv;

    if (r->method_number == M_OPTIONS)
        return wxl_reply_options(r, endpoint->allow);
    call->r = r;
    call->endpoint = endpoint;
    call->config = wxl_config_of(r->server);
    wxl_errand_init(&call->errand, r->pool, apr_time_now());
    rv = admit(call);
    if (rv == APR_SUCCESS && r->method_number != M_GET) /* whose body means nothing */
        rv = wxl_request_read(call);
    if (rv == APR_SUCCESS) {
        call->errand.now = apr_time_now(); /* the body may have been long in coming */
        rv = endpoint->serve(call);
    }
    return call->parked ? SUSPENDED : wxl_desk_answer(call, rv);
}
