/* core/signin: both halves, with scripted replies and a real SQLite. */

#include "core/signin.h"

#include "sqlite.h"
#include "token_maker.h"
#include "wechat_settings.h"

#define GOOD "{\"session_key\":\"MDEyMzQ1Njc4OWFiY2RlZg==\",\"openid\":\"oReal\"}"

static apr_pool_t *pool;
static sqlite_t *sqlite;

enum { MOCK, DEVELOPMENT, PRODUCTION };

static wxl_signin_settings_t settings_of(int kind)
{
    wxl_signin_settings_t settings = {
        .development = kind != PRODUCTION,
        .tokens = {token_keys(pool), 604800, 2592000},
    };

    if (kind != MOCK)
        settings.wechat = wechat_settings(pool);
    return settings;
}

static const char *letters(const char *letter, int count)
{
    const char *text = "";

    while (count-- > 0)
        text = apr_pstrcat(pool, text, letter, NULL);
    return text;
}

static void first_half(void)
{
    const struct {
        const char *name, *code;
        int kind;
        wxl_problem_t problem;
        const char *openid;  /* known at once */
        const char *js_code; /* end of the URL */
        int admin, limit;
    } cases[] = {
        {"mock", "abc", MOCK, WXL_OK, "abc", NULL, 0, 0},
        {"mock, trimmed", " \tabc\n", MOCK, WXL_OK, "abc", NULL, 0, 0},
        {"mock admin", "admin", MOCK, WXL_OK, "admin", NULL, 1, 0},
        {"any case, trimmed", "  AdMiN7 ", MOCK, WXL_OK, "AdMiN7", NULL, 1, 0},
        {"admin in the middle is none", "xadmin", MOCK, WXL_OK, "xadmin", NULL, 0, 0},
        {"admi is none", "admi", MOCK, WXL_OK, "admi", NULL, 0, 0},
        {"mock, 64 characters", letters("\xe7\x94\xa8", 64), MOCK, WXL_OK,
         letters("\xe7\x94\xa8", 64), NULL, 0, 0},
        {"mock, 65 characters", letters("x", 65), MOCK, WXL_FIELD_TOO_LONG, NULL, NULL, 0, 64},
        {"mock, nothing", "", MOCK, WXL_CODE_REQUIRED, NULL, NULL, 0, 0},
        {"blanks", " \t\r\n", PRODUCTION, WXL_CODE_REQUIRED, NULL, NULL, 0, 0},
        {"real", "a b", PRODUCTION, WXL_OK, NULL, "js_code=a+b", 0, 0},
        {"real, trimmed", " x ", PRODUCTION, WXL_OK, NULL, "js_code=x", 0, 0},
        {"no admin in production", "admin", PRODUCTION, WXL_OK, NULL, "js_code=admin", 0, 0},
        {"admin by WeChat in development", "admin", DEVELOPMENT, WXL_OK, NULL, "js_code=admin", 1,
         0},
        {"512 characters", letters("x", 512), PRODUCTION, WXL_OK, NULL, "xxx", 0, 0},
        {"513 characters", letters("x", 513), PRODUCTION, WXL_FIELD_TOO_LONG, NULL, NULL, 0, 512},
    };
    size_t i;

    for (i = 0; i < COUNT(cases); i++) {
        wxl_signin_settings_t settings = settings_of(cases[i].kind);
        wxl_errand_t errand = fixture_errand(pool);
        wxl_signin_t story;

        wxl_signin_begin(&errand, &settings, cases[i].code, &story);
        is_int(tag_of(errand.problem), tag_of(cases[i].problem), "%s", cases[i].name);
        is_str(story.openid, cases[i].openid, "%s: openid", cases[i].name);
        is_int(story.admin, cases[i].admin, "%s: admin or not", cases[i].name);
        is_int(errand.limit, cases[i].limit, "%s: limit", cases[i].name);
        if (cases[i].problem != WXL_OK)
            is_str(errand.field, "code", "%s: the field", cases[i].name);
        if (cases[i].js_code)
            ok(story.ask.url && strstr(story.ask.url, cases[i].js_code), "%s: asks WeChat for it",
               cases[i].name);
        else
            is_str(story.ask.url, NULL, "%s: asks nobody", cases[i].name);
    }
}

/* Both halves. @return the answer as text, or NULL */
static const char *whole(int kind, const char *code, const wxl_http_reply_t *reply,
                         wxl_errand_t *errand)
{
    wxl_signin_settings_t settings = settings_of(kind);
    wxl_json_t *answer = NULL;
    wxl_signin_t story;
    apr_status_t rv;

    *errand = fixture_errand(pool);
    rv = wxl_signin_begin(errand, &settings, code, &story);
    if (rv == APR_SUCCESS && !story.openid)
        rv = wxl_wechat_read(errand, &settings.wechat, reply, &story.openid);
    if (rv == APR_SUCCESS)
        rv = wxl_signin_finish(errand, &story, &sqlite->door, &answer);
    return rv == APR_SUCCESS ? wxl_json_write(pool, answer, NULL) : NULL;
}

static void in_mock_mode(void)
{
    wxl_tokens_settings_t tokens = {token_keys(pool), 604800, 2592000};
    wxl_errand_t errand;
    const char *text = whole(MOCK, "alice", NULL, &errand);
    wxl_claims_t access, refresh;
    wxl_json_t *json;
    int at;

    if (!ok(text && wxl_json_parse(pool, text, strlen(text), &json, &at) == WXL_OK, "mock: answer"))
        return;
    ok(strncmp(text, "{\"access\":\"", 11) == 0, "access comes first");
    ok(strstr(text, "\",\"refresh\":\"") && strstr(text, "\",\"user\":{\"id\":1,"),
       "then refresh, then the user");
    wxl_tokens_check(&errand, &tokens, WXL_TOKEN_ACCESS, wxl_json_string(json, "access"), &access);
    wxl_tokens_check(&errand, &tokens, WXL_TOKEN_REFRESH, wxl_json_string(json, "refresh"),
                     &refresh);
    is_int(tag_of(errand.problem), 0, "both tokens are believed");
    is_str(access.user_id, "1", "the access token is the user's");
    is_str(refresh.user_id, "1", "so is the refresh token");
    ok(access.iat == refresh.iat && strcmp(access.jti, refresh.jti) != 0, "a pair");
    ok(!strstr(text, "session_key") && !strstr(text, "password"), "no secret in it");
}

static void with_wechat(void)
{
    wxl_http_reply_t good = wechat_reply(pool, 200, GOOD);
    wxl_errand_t errand;
    const char *text = whole(PRODUCTION, "0a1b", &good, &errand);

    ok(text && strstr(text, "\"openid\":\"oReal\""), "the user is who WeChat says");
    ok(text && !strstr(text, "MDEyMzQ1"), "the session_key stays here");
    good = wechat_reply(pool, 200, GOOD);
    text = whole(DEVELOPMENT, "Admin", &good, &errand);
    ok(text && strstr(text, "\"is_superuser\":true,\"is_staff\":true") &&
           strstr(text, "\"user_type\":\"admin\""),
       "development: the shortcut makes an admin");
}

static void failures(void)
{
    static const struct {
        const char *name;
        int status;
        const char *body;
        wxl_problem_t problem;
    } cases[] = {
        {"no answer", 0, "", WXL_WECHAT_UNREACHABLE},
        {"HTTP 500", 500, GOOD, WXL_WECHAT_UNREACHABLE},
        {"a page", 200, "<html>", WXL_WECHAT_UNREACHABLE},
        {"code used", 200, "{\"errcode\":40163,\"errmsg\":\"code been used\"}", WXL_WECHAT_ERROR},
        {"nothing in it", 200, "{}", WXL_WECHAT_INVALID},
    };
    int opened = sqlite->opened;
    wxl_errand_t errand;
    size_t i;

    for (i = 0; i < COUNT(cases); i++) {
        wxl_http_reply_t reply = wechat_reply(pool, cases[i].status, cases[i].body);

        reply.why = cases[i].status ? NULL : "it did not answer in time";
        is_str(whole(PRODUCTION, "c", &reply, &errand), NULL, "%s: no answer", cases[i].name);
        is_int(tag_of(errand.problem), tag_of(cases[i].problem), "%s: problem", cases[i].name);
    }
    is_int(sqlite->opened, opened, "without WeChat's word no connection is taken");

    sqlite->shut = 1;
    is_str(whole(MOCK, "alice", NULL, &errand), NULL, "no data base: no answer");
    is_int(tag_of(errand.problem), tag_of(WXL_DB_UNAVAILABLE), "no data base: problem");
    sqlite->shut = 0;
    sqlite_run(&sqlite->db, "UPDATE wxlogin_user SET is_active = 0");
    is_str(whole(MOCK, "alice", NULL, &errand), NULL, "disabled: no answer");
    is_int(tag_of(errand.problem), tag_of(WXL_USER_DISABLED), "disabled: problem");
    is_int(sqlite->opened, sqlite->closed, "each connection was given back");
}

int main(void)
{
    pool = fixture_start();
    sqlite = sqlite_start(pool);

    first_half();
    in_mock_mode();
    with_wechat();
    failures();
    return done_testing();
}
