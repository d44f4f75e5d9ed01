/* core/wechat: code2Session. See wechat.h. */

#include "core/wechat.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include <apr_escape.h>
#include <apr_strings.h>

#include "base/text.h"
#include "core/users.h"
#include "gate/json.h"

/* A real answer has about 100 bytes. */
#define MAX_ANSWER (64 * 1024)
/* "system error": WeChat's own word for being busy. */
#define ERRCODE_BUSY (-1)
/* Bytes of an errmsg that the log line shows; real ones have about 60. */
#define LONGEST_LOGGED 200

int wxl_wechat_configured(const wxl_wechat_settings_t *settings)
{
    return settings->appid && settings->secret.bytes;
}

void wxl_wechat_prepare(apr_pool_t *pool, wxl_wechat_settings_t *settings)
{
    const char *url =
        apr_pstrcat(pool, settings->origin,
                    "/sns/jscode2session?appid=", apr_pescape_urlencoded(pool, settings->appid),
                    "&secret=", apr_pescape_urlencoded(pool, settings->secret.bytes),
                    "&grant_type=authorization_code&js_code=", NULL);

    settings->url = wxl_crypto_keep(pool, url, strlen(url));
    wxl_crypto_wipe((char *)url, strlen(url));
}

static apr_status_t wipe_text(void *text)
{
    wxl_crypto_wipe(text, strlen(text));
    return APR_SUCCESS;
}

void wxl_wechat_ask(wxl_errand_t *errand, const wxl_wechat_settings_t *settings, const char *code,
                    wxl_http_request_t *request)
{
    char *url = apr_pstrcat(errand->pool, settings->url.bytes,
                            apr_pescape_urlencoded(errand->pool, code), NULL);

    apr_pool_cleanup_register(errand->pool, url, wipe_text, apr_pool_cleanup_null);
    request->url = url;
    request->timeout = settings->timeout;
    request->connect_timeout = settings->connect_timeout;
    request->max_body = MAX_ANSWER;
    request->ca = settings->ca;
}

/* The errcode: 0 where there is none. WeChat's page shows quoted numbers too.
   @return 1, or 0 where something stands there that is no number */
static int read_errcode(const wxl_json_t *json, int *errcode)
{
    apr_int64_t number = 0;
    const char *text;
    char *end;

    switch (wxl_json_kind(json, "errcode")) {
    case WXL_JSON_ABSENT:
    case WXL_JSON_NULL: break;
    case WXL_JSON_INTEGER: wxl_json_integer(json, "errcode", &number); break;
    case WXL_JSON_STRING:
        text = wxl_json_string(json, "errcode");
        errno = 0;
        number = apr_strtoi64(text, &end, 10);
        if (errno != 0 || end == text || *end)
            return 0;
        break;
    default: return 0;
    }
    *errcode = (int)number;
    return number >= INT_MIN && number <= INT_MAX;
}

/* WeChat's own text goes to the client untouched; but should whatever answers in its place repeat
   what it was asked, the secret stays here. */
static const char *read_errmsg(wxl_errand_t *errand, const wxl_wechat_settings_t *settings,
                               const wxl_json_t *json)
{
    const char *errmsg = wxl_json_string(json, "errmsg");

    if (!errmsg || strstr(errmsg, settings->secret.bytes))
        return "";
    return apr_pstrdup(errand->pool, errmsg);
}

static apr_status_t fail_errcode(wxl_errand_t *errand, const wxl_wechat_settings_t *settings,
                                 const wxl_json_t *json, int errcode)
{
    const char *errmsg = read_errmsg(errand, settings, json);

    errand->errcode = errcode;
    errand->errmsg = errmsg;
    wxl_problem_wechat_action(errcode, &errand->retry_after);
    return wxl_fail(errand, WXL_WECHAT_ERROR, APR_SUCCESS, "errcode %d, %.*s", errcode,
                    LONGEST_LOGGED, errmsg);
}

static int is_filled(const char *text)
{
    return text && *text;
}

static apr_status_t read_json(wxl_errand_t *errand, const wxl_wechat_settings_t *settings,
                              const wxl_json_t *json, const char **openid)
{
    const char *text = wxl_json_string(json, "openid");
    int errcode;

    if (!read_errcode(json, &errcode))
        return wxl_fail(errand, WXL_WECHAT_INVALID, APR_SUCCESS, "errcode is not a number");
    if (errcode != 0)
        return fail_errcode(errand, settings, json, errcode);
    /* Some platforms answer a failure with every key present and empty. */
    if (!is_filled(text) || !is_filled(wxl_json_string(json, "session_key")))
        return wxl_fail(errand, WXL_WECHAT_INVALID, APR_SUCCESS,
                        "neither an errcode nor an openid with a session_key");
    if (wxl_text_length(text) > WXL_OPENID_MAX)
        return wxl_fail(errand, WXL_WECHAT_INVALID, APR_SUCCESS,
                        "openid is longer than %d characters", WXL_OPENID_MAX);
    *openid = apr_pstrdup(errand->pool, text);
    return APR_SUCCESS;
}

/* The JSON of a reply, or failed. */
static apr_status_t parse(wxl_errand_t *errand, const wxl_http_reply_t *reply, wxl_json_t **json)
{
    wxl_problem_t problem;
    int at;

    if (reply->status == 0 && reply->ours && reply->unsent) {
        errand->retry_after = 1;
        return wxl_fail(errand, WXL_WECHAT_BUSY, APR_SUCCESS, "WeChat was not asked: %s",
                        reply->why);
    }
    if (reply->status == 0)
        return wxl_fail(errand, WXL_WECHAT_UNREACHABLE, APR_SUCCESS, "WeChat: %s", reply->why);
    if (reply->status < 200 || reply->status > 299)
        return wxl_fail(errand, WXL_WECHAT_UNREACHABLE, APR_SUCCESS, "WeChat: HTTP status %d",
                        reply->status);
    problem = wxl_json_parse(errand->pool, reply->body, reply->len, json, &at);
    if (problem == WXL_BODY_NOT_OBJECT)
        return wxl_fail(errand, WXL_WECHAT_INVALID, APR_SUCCESS, "WeChat: not a JSON object");
    if (problem != WXL_OK)
        return wxl_fail(errand, WXL_WECHAT_UNREACHABLE, APR_SUCCESS,
                        "WeChat: %" APR_SIZE_T_FMT " bytes that are not JSON, at byte %d",
                        reply->len, at);
    return APR_SUCCESS;
}

apr_status_t wxl_wechat_read(wxl_errand_t *errand, const wxl_wechat_settings_t *settings,
                             const wxl_http_reply_t *reply, const char **openid)
{
    wxl_json_t *json;
    apr_status_t rv = parse(errand, reply, &json);

    if (reply->len) /* on every path: half an answer may hold a whole session_key */
        wxl_crypto_wipe((char *)reply->body, reply->len);
    return rv == APR_SUCCESS ? read_json(errand, settings, json, openid) : rv;
}

wxl_wechat_health_t wxl_wechat_health(const wxl_errand_t *errand, const wxl_http_reply_t *reply)
{
    if (reply->status == 0 && reply->ours)
        return WXL_WECHAT_UNKNOWN;
    return errand->problem == WXL_WECHAT_UNREACHABLE ||
                   (errand->problem == WXL_WECHAT_ERROR && errand->errcode == ERRCODE_BUSY)
               ? WXL_WECHAT_SICK
               : WXL_WECHAT_WELL;
}
