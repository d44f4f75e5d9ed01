/* web/reply: answers. See reply.h. */

#include "web/reply.h"

#include <apr_strings.h>
#include <http_request.h>
#include <util_filter.h>

#include "gate/crypto.h"
#include "web/language.h"

#define REQUEST_ID_BYTES 12

/* Notes of a request that is refused: the answer, and the status it is for. In notes, as these go
   along where mod_dir takes over the refusal of a subrequest. */
#define NOTE_ANSWER "wxlogin-answer"
#define NOTE_STATUS "wxlogin-status"

/* What the answer to an answer that cannot be written is: fixed, so that nothing can fail. */
#define LAST_WORDS                                                             \
    "{\"success\":false,\"code\":500,\"error\":\"Internal server error\","     \
    "\"error_code\":\"INTERNAL_ERROR\",\"message\":\"服务器内部错误\"," \
    "\"action\":\"contact_operator\",\"request_id\":\"\"}"

/* Public keys: who checks tokens asks for a kid that he does not know, but not each time. */
#define READY_CACHE "public, max-age=300"

static int send_body(request_rec *r, int status, const char *text, apr_size_t len,
                     const char *cache)
{
    r->status = status;
    ap_set_content_type(r, "application/json");
    apr_table_setn(r->headers_out, "Cache-Control", cache);
    apr_table_setn(r->headers_out, "X-Content-Type-Options", "nosniff");
    ap_set_content_length(r, (apr_off_t)len);
    ap_rwrite(text, (int)len, r);
    return OK;
}

static int send_json(request_rec *r, int status, const char *text, apr_size_t len)
{
    return send_body(r, status, text, len, "no-store");
}

int wxl_reply_answer(wxl_call_t *call)
{
    apr_size_t len;
    const char *text;

    if (call->ready)
        return send_body(call->r, HTTP_OK, call->ready, strlen(call->ready), READY_CACHE);
    text = wxl_json_write(call->errand.pool, call->answer, &len);
    if (!text) {
        wxl_fail(&call->errand, WXL_INTERNAL, APR_SUCCESS, "the answer is not UTF-8");
        return wxl_reply_problem(call);
    }
    return send_json(call->r, HTTP_OK, text, len);
}

int wxl_reply_options(request_rec *r, const char *allow)
{
    r->status = HTTP_NO_CONTENT;
    apr_table_setn(r->headers_out, "Allow", allow);
    return OK;
}

/* mod_unique_id's value, or one of ours. */
static const char *request_id(request_rec *r)
{
    const char *id = apr_table_get(r->subprocess_env, "UNIQUE_ID");

    if (!id)
        id = wxl_crypto_random_hex(r->pool, REQUEST_ID_BYTES);
    return id ? id : "";
}

static int log_level(wxl_blame_t blame)
{
    switch (blame) {
    case WXL_BLAME_CLIENT: return APLOG_WARNING;
    case WXL_BLAME_TOKEN: return APLOG_INFO;
    case WXL_BLAME_UPSTREAM: return APLOG_ERR;
    default: return APLOG_CRIT;
    }
}

static const char *action_of(const wxl_errand_t *errand, const wxl_problem_info_t *info)
{
    int wait;

    return errand->problem == WXL_WECHAT_ERROR ? wxl_problem_wechat_action(errand->errcode, &wait)
                                               : info->action;
}

static const char *field_text(apr_pool_t *pool, wxl_problem_t problem, int limit, wxl_lang_t lang)
{
    const char *text = wxl_problem_info(problem)->field[lang];
    const char *mark = text ? strstr(text, "%d") : NULL;

    if (!mark)
        return text;
    return apr_psprintf(pool, "%.*s%d%s", (int)(mark - text), text, limit, mark + 2);
}

/* Each field that is wrong, as {"field": ["why"]}. */
static void set_fields(wxl_json_t *json, const wxl_errand_t *errand, wxl_lang_t lang)
{
    const wxl_wrong_t *wrong;

    wxl_json_set_strings(json, errand->field,
                         field_text(errand->pool, errand->problem, errand->limit, lang));
    for (wrong = errand->wrong; wrong; wrong = wrong->next)
        wxl_json_set_strings(json, wrong->field,
                             field_text(errand->pool, wrong->problem, wrong->limit, lang));
}

static wxl_json_t *body_of(const wxl_errand_t *errand, const wxl_problem_info_t *info,
                           wxl_lang_t lang, const char *id)
{
    wxl_json_t *body = wxl_json_object(errand->pool);

    wxl_json_set_bool(body, "success", 0);
    wxl_json_set_integer(body, "code", info->status);
    wxl_json_set_string(body, "error", info->error);
    wxl_json_set_string(body, "error_code", info->error_code);
    wxl_json_set_string(body, "message", info->message[lang]);
    wxl_json_set_string(body, "action", action_of(errand, info));
    if (errand->retry_after)
        wxl_json_set_integer(body, "retry_after", errand->retry_after);
    if (errand->field && info->field[lang]) {
        wxl_json_t *errors = wxl_json_object(errand->pool);

        set_fields(errors, errand, lang);
        wxl_json_set_object(body, "errors", errors);
        if (errand->bare_fields)
            set_fields(body, errand, lang);
    }
    if (errand->problem == WXL_WECHAT_ERROR) {
        wxl_json_set_integer(body, "errcode", errand->errcode);
        wxl_json_set_string(body, "errmsg", errand->errmsg);
    }
    wxl_json_set_string(body, "request_id", id);
    return body;
}

/* What every refused request is told, up to the two members that differ. Such a request shall cost
   no more than a file that is not there; most of its cost would be making this text anew. */
static const char *refusals[WXL_LANGS];

void wxl_reply_prepare(apr_pool_t *pconf)
{
    wxl_errand_t errand;
    apr_size_t len;
    int lang;

    wxl_errand_init(&errand, pconf, 0);
    errand.problem = WXL_RATE_LIMITED;
    for (lang = 0; lang < WXL_LANGS; lang++) {
        wxl_json_t *body = body_of(&errand, wxl_problem_info(errand.problem), lang, "");
        const char *text = wxl_json_write(pconf, body, &len);
        const char *last = text ? strstr(text, ",\"request_id\":") : NULL;

        refusals[lang] = last ? apr_pstrmemdup(pconf, text, (apr_size_t)(last - text)) : NULL;
    }
}

/* @return the body, or NULL where it was not prepared */
static const char *refusal_of(const wxl_errand_t *errand, wxl_lang_t lang, const char *id)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@-";

    if (errand->problem != WXL_RATE_LIMITED || !refusals[lang] || id[strspn(id, plain)])
        return NULL;
    return apr_pstrcat(errand->pool, refusals[lang],
                       ",\"retry_after\":", apr_itoa(errand->pool, errand->retry_after),
                       ",\"request_id\":\"", id, "\"}", NULL);
}

/* RFC 6750, section 3: who brings no token is told the realm, and nothing else. */
static const char *challenge(const wxl_call_t *call, const wxl_problem_info_t *info)
{
    const char *realm = wxl_config_realm(call->r);

    if (call->errand.problem == WXL_NOT_AUTHENTICATED)
        return apr_psprintf(call->r->pool, "Bearer realm=\"%s\"", realm);
    return apr_psprintf(call->r->pool,
                        "Bearer realm=\"%s\", error=\"invalid_token\", error_description=\"%s\"",
                        realm, info->error);
}

static void set_headers(const wxl_call_t *call, apr_table_t *headers,
                        const wxl_problem_info_t *info, wxl_lang_t lang)
{
    apr_table_setn(headers, "Content-Language", wxl_problem_lang_tag(lang));
    if (call->errand.retry_after)
        apr_table_setn(headers, "Retry-After", apr_itoa(call->r->pool, call->errand.retry_after));
    if (info->status == HTTP_METHOD_NOT_ALLOWED && call->endpoint)
        apr_table_setn(headers, "Allow", call->endpoint->allow);
    if (info->status == HTTP_UNAUTHORIZED)
        apr_table_setn(headers, "WWW-Authenticate", challenge(call, info));
}

/* The one log line of a failure, its headers and its body.
   @return NULL where not even that can be written */
static const char *speak(const wxl_call_t *call, apr_table_t *headers,
                         const wxl_problem_info_t *info)
{
    const wxl_errand_t *errand = &call->errand;
    wxl_lang_t lang = wxl_language_of(call->r, call->config->language);
    const char *id = request_id(call->r);
    const char *text;

    if (!call->quiet)
        ap_log_rerror(APLOG_MARK, call->expected ? APLOG_DEBUG : log_level(info->blame), errand->rv,
                      call->r, "WXL%04d: %s %s: %d %s: %s (request_id %s)", info->tag,
                      call->r->method, call->r->uri, info->status, info->error_code, errand->why,
                      id);
    apr_table_setn(call->r->subprocess_env, "WXLOGIN_ERROR", info->error_code);
    set_headers(call, headers, info, lang);
    text = refusal_of(errand, lang, id);
    return text ? text : wxl_json_write(errand->pool, body_of(errand, info, lang, id), NULL);
}

int wxl_reply_problem(wxl_call_t *call)
{
    const wxl_problem_info_t *info = wxl_problem_info(call->errand.problem);
    const char *text = speak(call, call->r->headers_out, info);

    if (call->filter_answered)
        return AP_FILTER_ERROR;
    if (call->body_unread) /* nobody will read it, so nothing can follow on this connection */
        call->r->connection->keepalive = AP_CONN_CLOSE;
    if (!text)
        return send_json(call->r, HTTP_INTERNAL_SERVER_ERROR, LAST_WORDS, sizeof(LAST_WORDS) - 1);
    return send_json(call->r, info->status, text, strlen(text));
}

int wxl_reply_refuse(wxl_call_t *call)
{
    const wxl_problem_info_t *info = wxl_problem_info(call->errand.problem);
    request_rec *r = call->r;
    const char *text = speak(call, r->err_headers_out, info);

    apr_table_setn(r->err_headers_out, "Cache-Control", "no-store");
    apr_table_setn(r->err_headers_out, "X-Content-Type-Options", "nosniff");
    if (!text)
        text = LAST_WORDS;
    apr_table_setn(r->notes, NOTE_ANSWER, text);
    apr_table_setn(r->notes, NOTE_STATUS, apr_itoa(r->pool, info->status));
    ap_custom_response(r, info->status, text); /* instead of any ErrorDocument */
    return info->status;
}

/* Instead of the page that httpd writes comes what the filter was made with. */
static apr_status_t say_instead(ap_filter_t *f, apr_bucket_brigade *bb)
{
    request_rec *r = f->r;
    const char *text = f->ctx;
    apr_size_t len;

    apr_brigade_cleanup(bb);
    if (!text)
        return APR_SUCCESS; /* has been said */
    f->ctx = NULL;
    len = strlen(text);
    ap_set_content_type(r, "application/json");
    ap_set_content_length(r, (apr_off_t)len);
    APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_pool_create(text, len, r->pool, bb->bucket_alloc));
    APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_eos_create(bb->bucket_alloc));
    return ap_pass_brigade(f->next, bb);
}

static ap_filter_rec_t *error_filter;

void wxl_reply_error_filter(request_rec *r)
{
    const char *text = apr_table_get(r->notes, NOTE_ANSWER);
    const char *status = apr_table_get(r->notes, NOTE_STATUS);

    if (text && status && strcmp(status, apr_itoa(r->pool, r->status)) == 0)
        ap_add_output_filter_handle(error_filter, (void *)text, r, r->connection);
}

void wxl_reply_register(void)
{
    error_filter = ap_register_output_filter("WXLOGIN_ERROR", say_instead, NULL, AP_FTYPE_RESOURCE);
}
