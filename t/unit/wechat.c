/* core/wechat: the request, and every answer that is known. */

#include "wechat_settings.h"

#define OPENID "oAbcdefghijklmnopqrstuvwx-_1"
#define SESSION "\"session_key\":\"jHwS8qG\\/Gwn4AAAAAAAAAA==\""
#define RID ", rid: 62315303-6bf82c14-411401fc"
#define TEN "aaaaaaaaaa"
#define SIXTY TEN TEN TEN TEN TEN TEN

static const struct {
    const char *name;
    int status;
    const char *body;
    wxl_problem_t problem;
    const char *openid;
    int errcode;
    const char *errmsg;
    int wait;
} replies[] = {
#define GOOD(name, body, openid)                    \
    {                                               \
        name, 200, body, WXL_OK, openid, 0, NULL, 0 \
    }
    GOOD("as recorded, no errcode", "{" SESSION ",\"openid\":\"" OPENID "\"}", OPENID),
    GOOD("openid first", "{\"openid\":\"" OPENID "\"," SESSION "}", OPENID),
    GOOD("with a unionid", "{" SESSION ",\"openid\":\"" OPENID "\",\"unionid\":\"oX\"}", OPENID),
    GOOD("errcode 0", "{" SESSION ",\"openid\":\"o1\",\"errcode\":0,\"errmsg\":\"ok\"}", "o1"),
    GOOD("errcode \"0\"", "{" SESSION ",\"openid\":\"o1\",\"errcode\":\"0\"}", "o1"),
    GOOD("errcode null", "{" SESSION ",\"openid\":\"o1\",\"errcode\":null}", "o1"),
    GOOD("expires_in of old times", "{" SESSION ",\"expires_in\":7200,\"openid\":\"o1\"}", "o1"),
    GOOD("blanks and lines", "\n { " SESSION " , \"openid\" : \"o1\" } \r\n", "o1"),
    GOOD("a slash that is escaped", "{" SESSION ",\"openid\":\"a\\/b\"}", "a/b"),
    GOOD("an openid of 64 characters", "{" SESSION ",\"openid\":\"" SIXTY "bbbb\"}", SIXTY "bbbb"),
    GOOD("64 characters, not bytes", "{" SESSION ",\"openid\":\"" SIXTY "\xe7\x94\xa8\"}",
         SIXTY "\xe7\x94\xa8"),
    {"HTTP 201", 201, "{" SESSION ",\"openid\":\"o1\"}", WXL_OK, "o1", 0, NULL, 0},

#define ERROR(code, msg, wait)                                                                     \
    {                                                                                              \
        "errcode " #code, 200, "{\"errcode\":" #code ",\"errmsg\":\"" msg "\"}", WXL_WECHAT_ERROR, \
            NULL, code, msg, wait                                                                  \
    }
    ERROR(-1, "system error", 0),
    ERROR(40002, "invalid grant_type" RID, 0),
    ERROR(40013, "invalid appid" RID, 0),
    ERROR(40029, "invalid code" RID, 0),
    ERROR(40125, "invalid appsecret" RID, 0),
    ERROR(40163, "code been used" RID, 0),
    ERROR(40164, "invalid ip 203.0.113.7 ipv6 ::ffff:203.0.113.7, not in whitelist" RID, 0),
    ERROR(40226, "code blocked", 0),
    ERROR(40243, "", 0),
    ERROR(41002, "appid missing" RID, 0),
    ERROR(41004, "appsecret missing", 0),
    ERROR(41008, "missing code" RID, 0),
    ERROR(42003, "oauth_code timeout", 0),
    ERROR(45011, "api minute-quota reach limit, must slower, retry next minute" RID, 60),
    ERROR(50002, "user limited", 0),
    ERROR(2147483647, "largest", 0),
#define FAILS(name, body, errcode, errmsg)                          \
    {                                                               \
        name, 200, body, WXL_WECHAT_ERROR, NULL, errcode, errmsg, 0 \
    }
    FAILS("a quoted errcode", "{\"errcode\":\"42001\",\"errmsg\":\"x\"}", 42001, "x"),
    FAILS("a quoted -1", "{\"errcode\":\"-1\"}", -1, ""),
    FAILS("no errmsg", "{\"errcode\":40029}", 40029, ""),
    FAILS("errmsg null", "{\"errcode\":40029,\"errmsg\":null}", 40029, ""),
    FAILS("errmsg a number", "{\"errcode\":40029,\"errmsg\":5}", 40029, ""),
    FAILS("errmsg in Chinese", "{\"errcode\":40029,\"errmsg\":\"\xe7\x94\xa8\"}", 40029,
          "\xe7\x94\xa8"),
    FAILS("an errcode beside an openid", "{\"errcode\":40029," SESSION ",\"openid\":\"o1\"}", 40029,
          ""),
    FAILS("every key, all empty",
          "{\"errcode\":40029,\"errmsg\":\"e\",\"openid\":\"\",\"session_key\":\"\"}", 40029, "e"),
    FAILS("an errmsg that repeats the secret",
          "{\"errcode\":40125,\"errmsg\":\"bad secret " APPSECRET "\"}", 40125, ""),

#define INVALID(name, body)                                   \
    {                                                         \
        name, 200, body, WXL_WECHAT_INVALID, NULL, 0, NULL, 0 \
    }
    INVALID("an empty object", "{}"),
    INVALID("errcode 0 and nothing else", "{\"errcode\":0,\"errmsg\":\"ok\"}"),
    INVALID("no openid", "{" SESSION "}"),
    INVALID("no session_key", "{\"openid\":\"o1\"}"),
    INVALID("openid is empty", "{" SESSION ",\"openid\":\"\"}"),
    INVALID("session_key is empty", "{\"session_key\":\"\",\"openid\":\"o1\"}"),
    INVALID("openid is null", "{" SESSION ",\"openid\":null}"),
    INVALID("openid is a number", "{" SESSION ",\"openid\":12345}"),
    INVALID("openid is a list", "{" SESSION ",\"openid\":[\"o1\"]}"),
    INVALID("openid of 65 characters", "{" SESSION ",\"openid\":\"" SIXTY "bbbbb\"}"),
    INVALID("errcode is true", "{\"errcode\":true}"),
    INVALID("errcode is a word", "{\"errcode\":\"none\"}"),
    INVALID("errcode is empty", "{\"errcode\":\"\"}"),
    INVALID("errcode is a real", "{\"errcode\":40029.5}"),
    INVALID("errcode is an object", "{\"errcode\":{}}"),
    INVALID("errcode beyond an int", "{\"errcode\":4294967296," SESSION ",\"openid\":\"o1\"}"),
    INVALID("quoted, beyond 64 bits", "{\"errcode\":\"99999999999999999999\"}"),
    INVALID("a list", "[]"),
    INVALID("a string", "\"ok\""),
    INVALID("a number", "0"),
    INVALID("null", "null"),

#define NO_ANSWER(name, status, body)                                \
    {                                                                \
        name, status, body, WXL_WECHAT_UNREACHABLE, NULL, 0, NULL, 0 \
    }
    NO_ANSWER("nothing", 200, ""),
    NO_ANSWER("blanks", 200, "  \n"),
    NO_ANSWER("an HTML page", 200, "<html><body>502</body></html>"),
    NO_ANSWER("half an object", 200, "{" SESSION ",\"openid\":\"o"),
    NO_ANSWER("two objects", 200, "{" SESSION ",\"openid\":\"o1\"}{}"),
    NO_ANSWER("a form", 200, "openid=o1&session_key=x"),
    NO_ANSWER("invalid UTF-8", 200, "{" SESSION ",\"openid\":\"\xff\"}"),
    NO_ANSWER("a lone surrogate", 200, "{" SESSION ",\"openid\":\"\\ud800\"}"),
    NO_ANSWER("U+0000 in the openid", 200, "{" SESSION ",\"openid\":\"o\\u0000\"}"),
    NO_ANSWER("openid twice", 200, "{" SESSION ",\"openid\":\"o1\",\"openid\":\"o2\"}"),
    NO_ANSWER("a byte order mark", 200, "\xef\xbb\xbf{" SESSION ",\"openid\":\"o1\"}"),
    NO_ANSWER("HTTP 204", 204, ""),
    NO_ANSWER("a redirect", 302, "{" SESSION ",\"openid\":\"o1\"}"),
    NO_ANSWER("HTTP 400", 400, "{\"errcode\":40029}"),
    NO_ANSWER("HTTP 412", 412, ""),
    NO_ANSWER("HTTP 500 with an openid", 500, "{" SESSION ",\"openid\":\"o1\"}"),
    NO_ANSWER("HTTP 503", 503, "busy"),
};

static void told(wxl_errand_t *errand, const char *openid, size_t i)
{
    const char *name = replies[i].name;

    is_int(tag_of(errand->problem), tag_of(replies[i].problem), "%s", name);
    is_str(openid, replies[i].openid, "%s: openid", name);
    is_int(errand->errcode, replies[i].errcode, "%s: errcode", name);
    if (replies[i].errmsg)
        is_str(errand->errmsg, replies[i].errmsg, "%s: errmsg, untouched", name);
    is_int(errand->retry_after, replies[i].wait, "%s: seconds to wait", name);
    ok(!errand->why || (!strstr(errand->why, "jHwS8qG") && !strstr(errand->why, APPSECRET)),
       "%s: no secret in the reason", name);
}

static int is_wiped(const wxl_http_reply_t *reply)
{
    size_t i;

    for (i = 0; i < reply->len; i++) {
        if (reply->body[i])
            return 0;
    }
    return 1;
}

static void reading(apr_pool_t *pool, const wxl_wechat_settings_t *settings)
{
    size_t i;

    for (i = 0; i < COUNT(replies); i++) {
        wxl_errand_t errand = fixture_errand(pool);
        wxl_http_reply_t reply = wechat_reply(pool, replies[i].status, replies[i].body);
        const char *openid = NULL;
        apr_status_t rv = wxl_wechat_read(&errand, settings, &reply, &openid);

        ok((rv == APR_SUCCESS) == (replies[i].problem == WXL_OK), "%s: result", replies[i].name);
        told(&errand, openid, i);
        ok(is_wiped(&reply), "%s: the body is wiped", replies[i].name);
    }
}

/* The connection was cut in the middle: what came may hold the session_key. */
static void cut(apr_pool_t *pool, const wxl_wechat_settings_t *settings)
{
    wxl_errand_t errand = fixture_errand(pool);
    wxl_http_reply_t reply = wechat_reply(pool, 0, "{" SESSION ",\"openid\":\"o1\"");
    const char *openid = NULL;

    reply.why = "its answer was cut short";
    ok(wxl_wechat_read(&errand, settings, &reply, &openid) != APR_SUCCESS, "no answer: fails");
    is_int(tag_of(errand.problem), tag_of(WXL_WECHAT_UNREACHABLE), "no answer: unreachable");
    is_str(errand.why, "WeChat: its answer was cut short", "no answer: the reason");
    ok(is_wiped(&reply), "no answer: the half of it is wiped");
}

/* Where this machine failed nothing is said of WeChat; a code that was not sent is not spent. */
static void lacking(apr_pool_t *pool, const wxl_wechat_settings_t *settings)
{
    static const struct {
        const char *name;
        int status, ours, unsent;
        const char *body;
        wxl_problem_t problem;
        wxl_wechat_health_t health;
    } cases[] = {
        {"no descriptor", 0, 1, 1, "", WXL_WECHAT_BUSY, WXL_WECHAT_UNKNOWN},
        {"no memory for the answer", 0, 1, 0, "", WXL_WECHAT_UNREACHABLE, WXL_WECHAT_UNKNOWN},
        {"refused", 0, 0, 1, "", WXL_WECHAT_UNREACHABLE, WXL_WECHAT_SICK},
        {"cut", 0, 0, 0, "", WXL_WECHAT_UNREACHABLE, WXL_WECHAT_SICK},
        {"502", 502, 0, 0, "", WXL_WECHAT_UNREACHABLE, WXL_WECHAT_SICK},
        {"busy", 200, 0, 0, "{\"errcode\":-1}", WXL_WECHAT_ERROR, WXL_WECHAT_SICK},
        {"a spent code", 200, 0, 0, "{\"errcode\":40163}", WXL_WECHAT_ERROR, WXL_WECHAT_WELL},
        {"no answer to this", 200, 0, 0, "{}", WXL_WECHAT_INVALID, WXL_WECHAT_WELL},
    };
    size_t i;

    for (i = 0; i < COUNT(cases); i++) {
        wxl_errand_t errand = fixture_errand(pool);
        wxl_http_reply_t reply = wechat_reply(pool, cases[i].status, cases[i].body);
        const char *openid = NULL;

        reply.why = "it is so";
        reply.ours = cases[i].ours;
        reply.unsent = cases[i].unsent;
        wxl_wechat_read(&errand, settings, &reply, &openid);
        is_int(tag_of(errand.problem), tag_of(cases[i].problem), "%s: problem", cases[i].name);
        is_int(wxl_wechat_health(&errand, &reply), cases[i].health, "%s: health", cases[i].name);
        ok((errand.retry_after > 0) == (errand.problem == WXL_WECHAT_BUSY),
           "%s: when to come again", cases[i].name);
    }
}

static void asking(apr_pool_t *pool, const wxl_wechat_settings_t *settings)
{
    static const struct {
        const char *code, *escaped;
    } cases[] = {
        {"0a1B2c3D", "0a1B2c3D"},
        {"a b", "a+b"},
        {"a&secret=x#y?z", "a%26secret%3dx%23y%3fz"},
        {"\xe7\x94\xa8", "%e7%94%a8"},
        {"%00", "%2500"},
        {"a\r\nHost: x", "a%0d%0aHost%3a+x"},
        {"../..", "..%2f.."},
    };
    wxl_errand_t errand = fixture_errand(pool);
    size_t i;

    for (i = 0; i < COUNT(cases); i++) {
        wxl_http_request_t request;

        wxl_wechat_ask(&errand, settings, cases[i].code, &request);
        is_str(request.url,
               apr_pstrcat(pool,
                           "https://api.weixin.qq.com/sns/jscode2session?appid=" APPID
                           "&secret=" APPSECRET "&grant_type=authorization_code&js_code=",
                           cases[i].escaped, NULL),
               "URL for code, case %zu", i);
        is_int(request.timeout, apr_time_from_sec(10), "timeout");
        is_int(request.connect_timeout, apr_time_from_sec(3), "time to connect");
        ok(request.max_body >= 1024 && request.max_body <= 1 << 20, "the answer is limited");
    }
}

static void configured(void)
{
    wxl_wechat_settings_t none = {0}, appid = {.appid = APPID},
                          secret = {.secret = {APPSECRET, 32}},
                          both = {.appid = APPID, .secret = {APPSECRET, 32}};

    ok(!wxl_wechat_configured(&none), "no credentials");
    ok(!wxl_wechat_configured(&appid), "the AppID alone is not enough");
    ok(!wxl_wechat_configured(&secret), "nor is the secret");
    ok(wxl_wechat_configured(&both), "both are");
}

int main(void)
{
    apr_pool_t *pool = fixture_start();
    wxl_wechat_settings_t settings = wechat_settings(pool);

    configured();
    asking(pool, &settings);
    reading(pool, &settings);
    cut(pool, &settings);
    lacking(pool, &settings);
    return done_testing();
}
