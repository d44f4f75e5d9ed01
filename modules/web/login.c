/* web/login: POST /login/. The story is core/signin's; here it is carried through httpd. */

#include "web/endpoints.h"

#include "base/text.h"
#include "core/signin.h"
#include "web/dbd.h"
#include "web/exchange.h"
#include "web/request.h"
#include "web/revocation.h"
#include "web/usercache.h"

static void tell(const wxl_call_t *call, const wxl_signin_t *story)
{
    apr_table_setn(call->r->subprocess_env, "WXLOGIN_USER_ID",
                   wxl_text_decimal(call->r->pool, story->user.id));
    if (story->session.sid)
        apr_table_setn(call->r->subprocess_env, "WXLOGIN_SESSION", story->session.sid);
    if (story->admin)
        ap_log_rerror(APLOG_MARK, APLOG_NOTICE, 0, call->r,
                      "WXL0001: development: user %" APR_INT64_T_FMT " signed in with a code that "
                      "begins with admin and has the rights of an administrator",
                      story->user.id);
}

/* Sessions that had to make room for this one. */
static void tell_ended(const wxl_call_t *call, const wxl_signin_t *story)
{
    int i;

    for (i = 0; story->ended && i < story->ended->nelts; i++)
        wxl_revocation_session(call->config, APR_ARRAY_IDX(story->ended, i, const char *),
                               call->errand.now);
}

/* The second half of the story, when the openid is known. */
static apr_status_t finish(wxl_call_t *call, wxl_signin_t *story)
{
    const apr_table_t *headers = call->r->headers_in;
    wxl_dbd_door_t door;
    apr_status_t rv;

    story->client.address = call->r->useragent_ip;
    wxl_client_describe(call->errand.pool, &story->client, apr_table_get(headers, "User-Agent"),
                        apr_table_get(headers, "X-Device"));
    wxl_dbd_door(&door, call->r->server, call->config->db);
    rv = wxl_signin_finish(&call->errand, story, &door.door, &call->answer);
    if (story->user.id) /* the guard need not ask; known also where he is disabled */
        wxl_usercache_learn(call->config, &story->user, call->errand.now);
    tell_ended(call, story);
    if (rv == APR_SUCCESS)
        tell(call, story);
    return rv;
}

apr_status_t wxl_login_serve(wxl_call_t *call)
{
    wxl_signin_t *story = apr_palloc(call->r->pool, sizeof(*story));
    const char *code;
    apr_status_t rv;

    rv = wxl_request_string(call, "code", WXL_CODE_REQUIRED, &code);
    if (rv == APR_SUCCESS)
        rv = wxl_signin_begin(&call->errand, &call->config->signin, code, story);
    if (rv != APR_SUCCESS)
        return rv;
    return story->openid ? finish(call, story) : wxl_exchange_run(call, story, code, finish);
}
