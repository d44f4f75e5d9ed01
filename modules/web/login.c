/* web/login: POST /login/. The story is core/signin's; here it is carried through httpd. */

#include "web/endpoints.h"

#include <apr_strings.h>

#include "core/signin.h"
#include "web/dbd.h"
#include "web/exchange.h"
#include "web/request.h"
#include "web/usercache.h"

static void tell(const wxl_call_t *call, const wxl_signin_t *story)
{
    apr_table_setn(call->r->subprocess_env, "WXLOGIN_USER_ID",
                   apr_psprintf(call->r->pool, "%" APR_INT64_T_FMT, story->user.id));
    if (story->admin)
        ap_log_rerror(APLOG_MARK, APLOG_NOTICE, 0, call->r,
                      "WXL0001: development: user %" APR_INT64_T_FMT " signed in with a code that "
                      "begins with admin and has the rights of an administrator",
                      story->user.id);
}

apr_status_t wxl_login_serve(wxl_call_t *call)
{
    wxl_errand_t *errand = &call->errand;
    wxl_http_reply_t reply;
    wxl_signin_t story;
    wxl_dbd_door_t door;
    const char *code;
    apr_status_t rv;

    rv = wxl_request_string(call, "code", WXL_CODE_REQUIRED, &code);
    if (rv == APR_SUCCESS)
        rv = wxl_signin_begin(errand, &call->config->signin, code, &story);
    if (rv != APR_SUCCESS)
        return rv;
    if (!story.openid) {
        wxl_exchange_carry(errand->pool, &story.ask, &reply);
        errand->now = apr_time_now(); /* WeChat may have taken seconds */
    }
    wxl_dbd_door(&door, call->r->server, call->config->db);
    rv = wxl_signin_finish(errand, &story, &reply, &door.door, &call->answer);
    if (story.user.id) /* the guard need not ask; known also where he is disabled */
        wxl_usercache_learn(call->config, &story.user, errand->now);
    if (rv == APR_SUCCESS)
        tell(call, &story);
    return rv;
}
