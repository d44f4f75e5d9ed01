/* core/signin: the story of a sign-in. See signin.h. */

#include "core/signin.h"

#include <string.h>
#include <strings.h>

#include <apr_strings.h>

#include "base/text.h"

#define ADMIN_PREFIX "admin"

apr_status_t wxl_signin_begin(wxl_errand_t *errand, const wxl_signin_settings_t *settings,
                              const char *code, wxl_signin_t *story)
{
    int mock = settings->development && !wxl_wechat_configured(&settings->wechat);
    int longest = mock ? WXL_OPENID_MAX : WXL_CODE_MAX;

    memset(story, 0, sizeof(*story));
    story->settings = settings;
    code = wxl_text_trim(errand->pool, code);
    if (!*code)
        return wxl_fail_field(errand, WXL_CODE_REQUIRED, "code", 0);
    if (wxl_text_length(code) > (size_t)longest)
        return wxl_fail_field(errand, WXL_FIELD_TOO_LONG, "code", longest);
    story->admin =
        settings->development && strncasecmp(code, ADMIN_PREFIX, strlen(ADMIN_PREFIX)) == 0;
    if (mock)
        story->openid = code;
    else
        wxl_wechat_ask(errand, &settings->wechat, code, &story->ask);
    return APR_SUCCESS;
}

/* Both tokens and the user, as the client gets them. */
static apr_status_t write_answer(wxl_errand_t *errand, const wxl_signin_t *story,
                                 wxl_json_t **answer)
{
    const wxl_tokens_settings_t *settings = &story->settings->tokens;
    const char *user_id = apr_psprintf(errand->pool, "%" APR_INT64_T_FMT, story->user.id);
    const char *access, *refresh;
    apr_status_t rv;

    rv = wxl_tokens_issue(errand, settings, WXL_TOKEN_ACCESS, user_id, &access);
    if (rv == APR_SUCCESS)
        rv = wxl_tokens_issue(errand, settings, WXL_TOKEN_REFRESH, user_id, &refresh);
    if (rv != APR_SUCCESS)
        return rv;
    *answer = wxl_json_object(errand->pool);
    wxl_json_set_string(*answer, "access", access);
    wxl_json_set_string(*answer, "refresh", refresh);
    wxl_json_set_object(*answer, "user", wxl_users_json(errand->pool, &story->user));
    return APR_SUCCESS;
}

apr_status_t wxl_signin_finish(wxl_errand_t *errand, wxl_signin_t *story, const wxl_db_door_t *door,
                               wxl_json_t **answer)
{
    apr_status_t rv = wxl_users_signin(errand, door, story->openid, story->admin, &story->user);

    return rv == APR_SUCCESS ? write_answer(errand, story, answer) : rv;
}
