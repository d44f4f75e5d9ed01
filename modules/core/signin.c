/* core/signin: the story of a sign-in. See signin.h. */

#include "core/signin.h"

#include <string.h>
#include <strings.h>

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
    if (!settings->sessions.off) {
        story->session.sid = wxl_sessions_new_sid(errand->pool, errand->now);
        if (!story->session.sid)
            return wxl_fail(errand, WXL_INTERNAL, APR_SUCCESS, "the random generator failed");
    }
    story->admin =
        settings->development && strncasecmp(code, ADMIN_PREFIX, strlen(ADMIN_PREFIX)) == 0;
    if (mock)
        story->openid = code;
    else
        wxl_wechat_ask(errand, &settings->wechat, code, &story->ask);
    return APR_SUCCESS;
}

/* Both tokens and the user, as the client gets them.
   @param refresh what the refresh token says; its jti is known to the session */
static apr_status_t write_answer(wxl_errand_t *errand, const wxl_signin_t *story,
                                 wxl_claims_t *refresh, wxl_json_t **answer)
{
    const wxl_tokens_settings_t *settings = &story->settings->tokens;
    const char *access_token, *refresh_token;
    wxl_claims_t access;
    apr_status_t rv;

    refresh->user_id = wxl_text_decimal(errand->pool, story->user.id);
    rv = wxl_tokens_draft(errand, settings, WXL_TOKEN_ACCESS, refresh->user_id, &access);
    access.sid = refresh->sid;
    if (access.sid)
        wxl_sessions_bound(&story->settings->sessions, errand->now, &access);
    if (rv == APR_SUCCESS)
        rv = wxl_tokens_write(errand, settings, &access, &access_token);
    if (rv == APR_SUCCESS)
        rv = wxl_tokens_write(errand, settings, refresh, &refresh_token);
    if (rv != APR_SUCCESS)
        return rv;
    *answer = wxl_json_object(errand->pool);
    wxl_json_set_string(*answer, "access", access_token);
    wxl_json_set_string(*answer, "refresh", refresh_token);
    wxl_json_set_object(*answer, "user", wxl_users_json(errand->pool, &story->user));
    return APR_SUCCESS;
}

static apr_status_t keep_limit(wxl_errand_t *errand, wxl_signin_t *story, const wxl_db_door_t *door)
{
    const wxl_whose_t whose = {
        .user_id = wxl_text_decimal(errand->pool, story->user.id),
        .sid = story->session.sid,
    };

    return wxl_sessions_limit(errand, door, &story->settings->sessions, &whose, &story->ended);
}

apr_status_t wxl_signin_finish(wxl_errand_t *errand, wxl_signin_t *story, const wxl_db_door_t *door,
                               wxl_json_t **answer)
{
    const wxl_signin_settings_t *settings = story->settings;
    wxl_arrival_t arrival = {.openid = story->openid, .admin = story->admin};
    wxl_claims_t refresh;
    apr_status_t rv;

    rv = wxl_tokens_draft(errand, &settings->tokens, WXL_TOKEN_REFRESH, NULL, &refresh);
    if (rv == APR_SUCCESS && story->session.sid) {
        story->session.appid = settings->wechat.appid;
        story->session.client = story->client;
        rv = wxl_sessions_begin(errand, &settings->sessions, &refresh, &story->session);
        arrival.session = &story->session;
    }
    if (rv == APR_SUCCESS)
        rv = wxl_users_signin(errand, door, &arrival, &story->user);
    if (rv == APR_SUCCESS && arrival.session)
        rv = keep_limit(errand, story, door);
    return rv == APR_SUCCESS ? write_answer(errand, story, &refresh, answer) : rv;
}
