/* base/problem: the table against the wire contract. */

#include "base/problem.h"

#include <stdio.h>

#include "tap.h"

/* What the contract fixes for each. */
static const struct {
    wxl_problem_t problem;
    int status;
    const char *error_code, *error, *action; /* error NULL: any sentence */
} contract[] = {
    {WXL_CODE_REQUIRED, 400, "BAD_REQUEST", "Code is required", "fix_request"},
    {WXL_FIELD_REQUIRED, 400, "BAD_REQUEST", NULL, "fix_request"},
    {WXL_FIELD_NULL, 400, "BAD_REQUEST", NULL, "fix_request"},
    {WXL_FIELD_BLANK, 400, "BAD_REQUEST", NULL, "fix_request"},
    {WXL_FIELD_NOT_STRING, 400, "BAD_REQUEST", NULL, "fix_request"},
    {WXL_FIELD_TOO_LONG, 400, "BAD_REQUEST", NULL, "fix_request"},
    {WXL_FIELD_SCOPE, 400, "BAD_REQUEST", NULL, "fix_request"},
    {WXL_BODY_NOT_JSON, 400, "BAD_REQUEST", NULL, "fix_request"},
    {WXL_BODY_NOT_OBJECT, 400, "BAD_REQUEST", NULL, "fix_request"},
    {WXL_BODY_NOT_UTF8, 400, "BAD_REQUEST", NULL, "fix_request"},
    {WXL_BODY_HAS_NUL, 400, "BAD_REQUEST", NULL, "fix_request"},
    {WXL_BODY_TOO_DEEP, 400, "BAD_REQUEST", NULL, "fix_request"},
    {WXL_BODY_DUPLICATE_KEY, 400, "BAD_REQUEST", NULL, "fix_request"},
    {WXL_BODY_NOT_FORM, 400, "BAD_REQUEST", NULL, "fix_request"},
    {WXL_BODY_INCOMPLETE, 400, "BAD_REQUEST", NULL, "fix_request"},
    {WXL_BODY_TOO_SLOW, 408, "REQUEST_TIMEOUT", NULL, "retry"},
    {WXL_BODY_TOO_LARGE, 413, "PAYLOAD_TOO_LARGE", NULL, "fix_request"},
    {WXL_MEDIA_TYPE, 415, "UNSUPPORTED_MEDIA_TYPE", NULL, "fix_request"},
    {WXL_METHOD, 405, "METHOD_NOT_ALLOWED", NULL, "fix_request"},
    {WXL_RATE_LIMITED, 429, "RATE_LIMIT_EXCEEDED", "Too many requests", "wait"},
    {WXL_FIELD_EMAIL, 400, "BAD_REQUEST", NULL, "fix_request"},
    {WXL_FIELD_URL, 400, "BAD_REQUEST", NULL, "fix_request"},
    {WXL_FIELD_TAKEN, 400, "BAD_REQUEST", NULL, "fix_request"},
    {WXL_WECHAT_ERROR, 400, "WECHAT_API_ERROR", "WeChat API error", "relogin"},
    {WXL_WECHAT_UNREACHABLE, 503, "SERVICE_UNAVAILABLE", "Failed to connect to WeChat API",
     "relogin"},
    {WXL_WECHAT_BUSY, 503, "SERVICE_UNAVAILABLE", "Failed to connect to WeChat API", "wait"},
    {WXL_WECHAT_INVALID, 500, "INTERNAL_ERROR", "Invalid WeChat response", "retry"},
    {WXL_USER_DISABLED, 403, "USER_INACTIVE", "User is inactive", "none"},
    {WXL_TOKEN_INVALID, 401, "TOKEN_NOT_VALID", "Token is invalid", "sign_in"},
    {WXL_TOKEN_EXPIRED, 401, "TOKEN_EXPIRED", "Token is expired", "refresh"},
    {WXL_REFRESH_EXPIRED, 401, "TOKEN_EXPIRED", "Token is expired", "sign_in"},
    {WXL_NOT_AUTHENTICATED, 401, "NOT_AUTHENTICATED",
     "Authentication credentials were not provided.", "sign_in"},
    {WXL_AUTHORIZATION_HEADER, 401, "BAD_AUTHORIZATION_HEADER", NULL, "sign_in"},
    {WXL_USER_NOT_FOUND, 401, "USER_NOT_FOUND", NULL, "sign_in"},
    {WXL_USER_INACTIVE, 401, "USER_INACTIVE", "User is inactive", "sign_in"},
    {WXL_PERMISSION_DENIED, 403, "PERMISSION_DENIED", NULL, "none"},
    {WXL_NOT_FOUND, 404, "NOT_FOUND", "Not found.", "none"},
    {WXL_SESSION_LIMIT, 403, "SESSION_LIMIT_REACHED", NULL, "none"},
    {WXL_TOKEN_STOLEN, 401, "TOKEN_NOT_VALID", "Token is invalid", "sign_in"},
    {WXL_DB_UNAVAILABLE, 503, "SERVICE_UNAVAILABLE", "Service is unavailable", "wait"},
    {WXL_NOT_CONFIGURED, 500, "INTERNAL_ERROR", "Internal server error", "contact_operator"},
    {WXL_INTERNAL, 500, "INTERNAL_ERROR", "Internal server error", "contact_operator"},
};

static void against_contract(void)
{
    size_t i;

    is_int(COUNT(contract), WXL_PROBLEMS - 1, "this test knows every problem");
    for (i = 0; i < COUNT(contract); i++) {
        const wxl_problem_info_t *info = wxl_problem_info(contract[i].problem);

        is_int(info->status, contract[i].status, "WXL%04d: status", info->tag);
        is_str(info->error_code, contract[i].error_code, "WXL%04d: error_code", info->tag);
        is_str(info->action, contract[i].action, "WXL%04d: action", info->tag);
        if (contract[i].error)
            is_str(info->error, contract[i].error, "WXL%04d: error", info->tag);
    }
}

/* One %d at most, and no other conversion: the desk fills it in by hand. */
static int is_template(const char *text)
{
    const char *percent = strchr(text, '%');

    return !percent || (percent[1] == 'd' && !strchr(percent + 1, '%'));
}

static void complete(wxl_problem_t problem)
{
    const wxl_problem_info_t *info = wxl_problem_info(problem);
    int lang, other;

    ok(info->tag > 100 && info->tag < 500, "problem %d: tag in its range", problem);
    ok(info->error && *info->error && !strchr(info->error, '"'), "WXL%04d: error", info->tag);
    for (lang = 0; lang < WXL_LANGS; lang++) {
        ok(info->message[lang] && *info->message[lang], "WXL%04d: message, language %d", info->tag,
           lang);
        ok(!info->field[lang] == !info->field[0], "WXL%04d: field text in all languages or none",
           info->tag);
        if (info->field[lang])
            ok(is_template(info->field[lang]), "WXL%04d: field text is a template", info->tag);
    }
    ok((info->status >= 500) == (info->blame >= WXL_BLAME_UPSTREAM) || info->status == 400,
       "WXL%04d: blame fits the status", info->tag);
    for (other = problem + 1; other < WXL_PROBLEMS; other++) {
        if (wxl_problem_info((wxl_problem_t)other)->tag == info->tag)
            ok(0, "WXL%04d is used twice", info->tag);
    }
}

static void wechat_actions(void)
{
    static const struct {
        int errcode, wait;
        const char *action;
    } cases[] = {
        {-1, 0, "retry"},
        {40029, 0, "relogin"},
        {40163, 0, "relogin"},
        {42003, 0, "relogin"},
        {45011, 60, "wait"},
        {40226, 0, "none"},
        {50002, 0, "none"},
        {40002, 0, "contact_operator"},
        {40013, 0, "contact_operator"},
        {40125, 0, "contact_operator"},
        {40164, 0, "contact_operator"},
        {41002, 0, "contact_operator"},
        {41004, 0, "contact_operator"},
        {41008, 0, "relogin"}, /* not in the contract: a new code is worth a try */
        {12345678, 0, "relogin"},
        {-2147483647 - 1, 0, "relogin"},
    };
    size_t i;

    for (i = 0; i < COUNT(cases); i++) {
        int wait = -7;

        is_str(wxl_problem_wechat_action(cases[i].errcode, &wait), cases[i].action,
               "errcode %d: action", cases[i].errcode);
        is_int(wait, cases[i].wait, "errcode %d: seconds to wait", cases[i].errcode);
    }
}

int main(void)
{
    int problem;

    against_contract();
    for (problem = WXL_OK + 1; problem < WXL_PROBLEMS; problem++)
        complete((wxl_problem_t)problem);
    ok(wxl_problem_info(WXL_PROBLEMS) == wxl_problem_info(WXL_INTERNAL), "off the list: internal");
    ok(wxl_problem_info((wxl_problem_t)-1) == wxl_problem_info(WXL_INTERNAL), "-1: internal");
    is_int(wxl_problem_info(WXL_OK)->status, 200, "no problem is 200");
    wechat_actions();
    is_str(wxl_problem_lang_tag(WXL_LANG_ZH_CN), "zh-CN", "Chinese");
    is_str(wxl_problem_lang_tag(WXL_LANG_EN), "en", "English");
    return done_testing();
}
