/* base/problem: the table of problems. See problem.h. */

#include "base/problem.h"

#include <stddef.h>

/* In the order of the enum. Tags: 01xx the request, 02xx WeChat, 03xx user and token, 04xx ours.
   Where the contract says "says which", `error` is the sentence that says it. */
/* clang-format off: a table */
static const wxl_problem_info_t problems[WXL_PROBLEMS] = {
    [WXL_OK] = {0, 200, "OK", "OK", "none", WXL_BLAME_CLIENT, .message = {"成功", "OK"}},

    [WXL_CODE_REQUIRED] = {101, 400, "BAD_REQUEST", "Code is required", "fix_request",
                           WXL_BLAME_CLIENT,
                           .message = {"缺少登录凭证 code", "The login code is missing."},
                           .field = {"该字段是必填项。", "This field is required."}},
    [WXL_FIELD_REQUIRED] = {102, 400, "BAD_REQUEST", "A required field is missing", "fix_request",
                            WXL_BLAME_CLIENT,
                            .message = {"缺少必填字段", "A required field is missing."},
                            .field = {"该字段是必填项。", "This field is required."}},
    [WXL_FIELD_NULL] = {103, 400, "BAD_REQUEST", "A field is null", "fix_request", WXL_BLAME_CLIENT,
                        .message = {"字段不能为 null", "A field may not be null."},
                        .field = {"该字段不能为 null。", "This field may not be null."}},
    [WXL_FIELD_BLANK] = {104, 400, "BAD_REQUEST", "A field is blank", "fix_request",
                         WXL_BLAME_CLIENT, .message = {"字段不能为空", "A field may not be blank."},
                         .field = {"该字段不能为空。", "This field may not be blank."}},
    [WXL_FIELD_NOT_STRING] = {105, 400, "BAD_REQUEST", "A field is not a string", "fix_request",
                              WXL_BLAME_CLIENT,
                              .message = {"字段类型错误", "A field has the wrong type."},
                              .field = {"不是有效的字符串。", "Not a valid string."}},
    [WXL_FIELD_TOO_LONG] = {106, 400, "BAD_REQUEST", "A field is too long", "fix_request",
                            WXL_BLAME_CLIENT, .message = {"字段过长", "A field is too long."},
                            .field = {"请确保这个字段不能超过 %d 个字符。",
                                      "Ensure this field has no more than %d characters."}},
    [WXL_FIELD_SCOPE] = {122, 400, "BAD_REQUEST", "A field is not one of its values", "fix_request",
                         WXL_BLAME_CLIENT,
                         .message = {"字段的值无效", "A field is not one of its values."},
                         .field = {"请填写 this、others 或 all。", "Write this, others or all."}},
    [WXL_BODY_NOT_JSON] = {110, 400, "BAD_REQUEST", "Request body is not valid JSON", "fix_request",
                           WXL_BLAME_CLIENT,
                           .message = {"请求体不是有效的 JSON",
                                       "The request body is not valid JSON."}},
    [WXL_BODY_NOT_OBJECT] = {111, 400, "BAD_REQUEST", "Request body is not a JSON object",
                             "fix_request", WXL_BLAME_CLIENT,
                             .message = {"请求体不是 JSON 对象",
                                         "The request body is not a JSON object."}},
    [WXL_BODY_NOT_UTF8] = {112, 400, "BAD_REQUEST", "Request body is not valid UTF-8",
                           "fix_request", WXL_BLAME_CLIENT,
                           .message = {"请求体不是有效的 UTF-8",
                                       "The request body is not valid UTF-8."}},
    [WXL_BODY_HAS_NUL] = {113, 400, "BAD_REQUEST", "Request body contains U+0000", "fix_request",
                          WXL_BLAME_CLIENT,
                          .message = {"请求体包含空字符 U+0000",
                                      "The request body contains U+0000."}},
    [WXL_BODY_TOO_DEEP] = {114, 400, "BAD_REQUEST", "Request body is nested too deeply",
                           "fix_request", WXL_BLAME_CLIENT,
                           .message = {"请求体嵌套过深", "The request body is nested too deeply."}},
    [WXL_BODY_DUPLICATE_KEY] = {115, 400, "BAD_REQUEST", "Request body names a key twice",
                                "fix_request", WXL_BLAME_CLIENT,
                                .message = {"请求体包含重复的键",
                                            "The request body names a key twice."}},
    [WXL_BODY_NOT_FORM] = {116, 400, "BAD_REQUEST", "Request body is not a valid form",
                           "fix_request", WXL_BLAME_CLIENT,
                           .message = {"请求体不是有效的表单",
                                       "The request body is not a valid form."}},
    [WXL_BODY_INCOMPLETE] = {117, 400, "BAD_REQUEST", "Request body is incomplete", "fix_request",
                             WXL_BLAME_CLIENT,
                             .message = {"请求体不完整", "The request body is incomplete."}},
    [WXL_BODY_TOO_SLOW] = {118, 408, "REQUEST_TIMEOUT", "Request body came too slowly", "retry",
                           WXL_BLAME_CLIENT,
                           .message = {"请求体接收超时", "The request body came too slowly."}},
    [WXL_BODY_TOO_LARGE] = {119, 413, "PAYLOAD_TOO_LARGE", "Request body is too large",
                            "fix_request", WXL_BLAME_CLIENT,
                            .message = {"请求体过大", "The request body is too large."}},
    [WXL_MEDIA_TYPE] = {120, 415, "UNSUPPORTED_MEDIA_TYPE", "Unsupported media type", "fix_request",
                        WXL_BLAME_CLIENT,
                        .message = {"不支持的媒体类型",
                                    "The media type of the request is not supported."}},
    [WXL_METHOD] = {121, 405, "METHOD_NOT_ALLOWED", "Method not allowed", "fix_request",
                    WXL_BLAME_CLIENT,
                    .message = {"不支持的请求方法", "The request method is not allowed."}},
    [WXL_RATE_LIMITED] = {130, 429, "RATE_LIMIT_EXCEEDED", "Too many requests", "wait",
                          WXL_BLAME_CLIENT,
                          .message = {"请求过于频繁，请稍后再试",
                                      "Too many requests. Please try again later."}},
    [WXL_FIELD_EMAIL] = {107, 400, "BAD_REQUEST", "A field is not an email address", "fix_request",
                         WXL_BLAME_CLIENT,
                         .message = {"邮件地址无效", "A field is not a valid email address."},
                         .field = {"请输入合法的邮件地址。", "Enter a valid email address."}},
    [WXL_FIELD_URL] = {108, 400, "BAD_REQUEST", "A field is not a URL", "fix_request",
                       WXL_BLAME_CLIENT, .message = {"网址无效", "A field is not a valid URL."},
                       .field = {"请输入合法的URL。", "Enter a valid URL."}},
    [WXL_FIELD_TAKEN] = {109, 400, "BAD_REQUEST", "A field is taken by another user", "fix_request",
                         WXL_BLAME_CLIENT,
                         .message = {"该名称已被使用", "The name is taken by another user."},
                         .field = {"已存在一位使用该名字的用户。",
                                   "A user with that username already exists."}},

    [WXL_WECHAT_ERROR] = {201, 400, "WECHAT_API_ERROR", "WeChat API error", "relogin",
                          WXL_BLAME_UPSTREAM,
                          .message = {"微信接口返回错误", "WeChat answered with an error."}},
    [WXL_WECHAT_UNREACHABLE] = {202, 503, "SERVICE_UNAVAILABLE", "Failed to connect to WeChat API",
                                "relogin", WXL_BLAME_UPSTREAM,
                                .message = {"无法连接微信服务器，请重新登录",
                                            "WeChat could not be reached. Please sign in again."}},
    [WXL_WECHAT_BUSY] = {203, 503, "SERVICE_UNAVAILABLE", "Failed to connect to WeChat API", "wait",
                         WXL_BLAME_UPSTREAM,
                         .message = {"登录服务繁忙，请稍后再试",
                                     "Sign-in is busy. Please try again later."}},
    [WXL_WECHAT_INVALID] = {204, 500, "INTERNAL_ERROR", "Invalid WeChat response", "retry",
                            WXL_BLAME_US,
                            .message = {"微信服务器返回了无效的数据",
                                        "WeChat answered with invalid data."}},

    [WXL_USER_DISABLED] = {301, 403, "USER_INACTIVE", "User is inactive", "none", WXL_BLAME_CLIENT,
                           .message = {"用户已被禁用", "The user is disabled."}},
    [WXL_TOKEN_INVALID] = {302, 401, "TOKEN_NOT_VALID", "Token is invalid", "sign_in",
                           WXL_BLAME_TOKEN,
                           .message = {"令牌无效，请重新登录",
                                       "The token is invalid. Please sign in again."}},
    [WXL_TOKEN_EXPIRED] = {303, 401, "TOKEN_EXPIRED", "Token is expired", "refresh",
                           WXL_BLAME_TOKEN,
                           .message = {"令牌已过期，请刷新",
                                       "The token is expired. Please refresh it."}},
    [WXL_REFRESH_EXPIRED] = {304, 401, "TOKEN_EXPIRED", "Token is expired", "sign_in",
                             WXL_BLAME_TOKEN,
                             .message = {"登录已过期，请重新登录",
                                         "The session is expired. Please sign in again."}},
    [WXL_NOT_AUTHENTICATED] =
        {305, 401, "NOT_AUTHENTICATED", "Authentication credentials were not provided.", "sign_in",
         WXL_BLAME_TOKEN, .message = {"身份认证信息未提供，请先登录", "Please sign in first."}},
    [WXL_AUTHORIZATION_HEADER] = {306, 401, "BAD_AUTHORIZATION_HEADER",
                                  "Authorization header must contain two space-delimited values",
                                  "sign_in", WXL_BLAME_TOKEN,
                                  .message = {"Authorization 请求头格式错误，请重新登录",
                                              "The Authorization header is malformed. "
                                              "Please sign in again."}},
    [WXL_USER_NOT_FOUND] = {307, 401, "USER_NOT_FOUND", "User not found", "sign_in",
                            WXL_BLAME_TOKEN,
                            .message = {"用户不存在，请重新登录",
                                        "The user does not exist. Please sign in again."}},
    [WXL_USER_INACTIVE] = {308, 401, "USER_INACTIVE", "User is inactive", "sign_in",
                           WXL_BLAME_TOKEN, .message = {"用户已被禁用", "The user is disabled."}},
    [WXL_PERMISSION_DENIED] = {309, 403, "PERMISSION_DENIED",
                               "You do not have permission to perform this action.", "none",
                               WXL_BLAME_CLIENT,
                               .message = {"您没有执行该操作的权限",
                                           "You do not have permission to do this."}},
    [WXL_NOT_FOUND] = {310, 404, "NOT_FOUND", "Not found.", "none", WXL_BLAME_CLIENT,
                       .message = {"未找到", "Not found."}},
    [WXL_SESSION_LIMIT] = {311, 403, "SESSION_LIMIT_REACHED", "Too many sessions", "none",
                           WXL_BLAME_CLIENT,
                           .message = {"登录的设备过多，请先在其他设备上退出登录",
                                       "Too many devices are signed in. Please sign out on "
                                       "another one first."}},
    [WXL_TOKEN_STOLEN] = {312, 401, "TOKEN_NOT_VALID", "Token is invalid", "sign_in",
                          WXL_BLAME_CLIENT,
                          .message = {"令牌无效，请重新登录",
                                      "The token is invalid. Please sign in again."}},

    [WXL_DB_UNAVAILABLE] = {401, 503, "SERVICE_UNAVAILABLE", "Service is unavailable", "wait",
                            WXL_BLAME_UPSTREAM,
                            .message = {"服务暂不可用，请稍后再试",
                                        "The service is unavailable. Please try again later."}},
    [WXL_NOT_CONFIGURED] = {402, 500, "INTERNAL_ERROR", "Internal server error", "contact_operator",
                            WXL_BLAME_US, .message = {"服务器内部错误", "Internal server error."}},
    [WXL_INTERNAL] = {403, 500, "INTERNAL_ERROR", "Internal server error", "contact_operator",
                      WXL_BLAME_US, .message = {"服务器内部错误", "Internal server error."}},
};
/* clang-format on */

const wxl_problem_info_t *wxl_problem_info(wxl_problem_t problem)
{
    if ((unsigned)problem >= WXL_PROBLEMS)
        problem = WXL_INTERNAL;
    return &problems[problem];
}

/* WeChat's codes by what the person at the phone can do about them. Codes that the contract does
   not name concern the code just sent or are unknown: a new code is the only thing to try. */
static const struct {
    int errcode;
    int wait;
    const char *action;
} wechat_actions[] = {
    {-1, 0, "retry"},               /* system error: WeChat is busy */
    {40002, 0, "contact_operator"}, /* invalid grant_type */
    {40013, 0, "contact_operator"}, /* invalid appid */
    {40029, 0, "relogin"},          /* invalid code */
    {40125, 0, "contact_operator"}, /* invalid appsecret */
    {40163, 0, "relogin"},          /* code been used */
    {40164, 0, "contact_operator"}, /* our address is not in the whitelist */
    {40226, 0, "none"},             /* code blocked: high-risk user */
    {40243, 0, "contact_operator"}, /* AppSecret frozen */
    {41002, 0, "contact_operator"}, /* appid missing */
    {41004, 0, "contact_operator"}, /* appsecret missing */
    {42003, 0, "relogin"},          /* code expired */
    {45011, 60, "wait"},            /* minute quota */
    {50002, 0, "none"},             /* account frozen */
};

const char *wxl_problem_wechat_action(int errcode, int *wait)
{
    size_t i;

    *wait = 0;
    for (i = 0; i < sizeof(wechat_actions) / sizeof(wechat_actions[0]); i++) {
        if (wechat_actions[i].errcode == errcode) {
            *wait = wechat_actions[i].wait;
            return wechat_actions[i].action;
        }
    }
    return "relogin";
}

const char *wxl_problem_lang_tag(wxl_lang_t lang)
{
    return lang == WXL_LANG_EN ? "en" : "zh-CN";
}
