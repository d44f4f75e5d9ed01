/* web/desk: where every request arrives. See desk.h. */

#include "web/desk.h"

#include "web/limit.h"
#include "web/reply.h"
#include "web/request.h"

static apr_status_t admit(wxl_call_t *call)
{
    call->body_unread = wxl_request_has_body(call->r);
    if (call->r->method_number != M_POST)
        return wxl_fail(&call->errand, WXL_METHOD, APR_SUCCESS, "only POST");
    if (call->config->not_ready)
        return wxl_fail(&call->errand, WXL_NOT_CONFIGURED, APR_SUCCESS, "%s",
                        call->config->not_ready);
    return wxl_limit_endpoint(call);
}

int wxl_desk_answer(wxl_call_t *call, apr_status_t rv)
{
    return rv == APR_SUCCESS ? wxl_reply_answer(call) : wxl_reply_problem(call);
}

int wxl_desk_serve(request_rec *r, wxl_serve_t serve)
{
    wxl_call_t *call = apr_pcalloc(r->pool, sizeof(*call)); /* it may outlive this function */
    apr_status_t rv;

    if (r->method_number == M_OPTIONS)
        return wxl_reply_options(r);
    call->r = r;
    call->config = wxl_config_of(r->server);
    wxl_errand_init(&call->errand, r->pool, apr_time_now());
    rv = admit(call);
    if (rv == APR_SUCCESS)
        rv = wxl_request_read(call);
    if (rv == APR_SUCCESS) {
        call->errand.now = apr_time_now(); /* the body may have been long in coming */
        rv = serve(call);
    }
    return call->parked ? SUSPENDED : wxl_desk_answer(call, rv);
}
