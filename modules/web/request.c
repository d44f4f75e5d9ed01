/* web/request: what the client sent. See request.h. */

#include "web/request.h"

#include <apr_strings.h>

#include "base/text.h"

typedef enum { TYPE_JSON, TYPE_FORM, TYPE_OTHER } media_type_t;

int wxl_request_has_body(const request_rec *r)
{
    const char *length = apr_table_get(r->headers_in, "Content-Length");

    return apr_table_get(r->headers_in, "Transfer-Encoding") || (length && strcmp(length, "0"));
}

/* The type without its parameters: any charset may be claimed, the bytes must be UTF-8. */
static media_type_t media_type(const request_rec *r)
{
    const char *field = apr_table_get(r->headers_in, "Content-Type");
    const char *type;

    if (!field || apr_table_get(r->headers_in, "Content-Encoding"))
        return TYPE_OTHER;
    type = wxl_text_trim(r->pool, ap_getword(r->pool, &field, ';'));
    if (ap_cstr_casecmp(type, "application/json") == 0)
        return TYPE_JSON;
    if (ap_cstr_casecmp(type, "application/x-www-form-urlencoded") == 0)
        return TYPE_FORM;
    return TYPE_OTHER;
}

static apr_status_t fail_too_large(wxl_call_t *call)
{
    return wxl_fail(&call->errand, WXL_BODY_TOO_LARGE, APR_SUCCESS,
                    "more than %" APR_SIZE_T_FMT " bytes", wxl_config_max_body(call->r));
}

/* Reading failed: a filter of httpd's tells by its code why. */
static apr_status_t fail_reading(wxl_call_t *call, apr_status_t rv)
{
    switch (ap_map_http_request_error(rv, HTTP_BAD_REQUEST)) {
    case AP_FILTER_ERROR:
        call->filter_answered = 1;
        return wxl_fail(&call->errand, WXL_BODY_INCOMPLETE, rv, "a filter has answered");
    case HTTP_REQUEST_TIME_OUT:
        return wxl_fail(&call->errand, WXL_BODY_TOO_SLOW, rv, "the body came too slowly");
    case HTTP_REQUEST_ENTITY_TOO_LARGE:
        return wxl_fail(&call->errand, WXL_BODY_TOO_LARGE, rv, "LimitRequestBody");
    default: return wxl_fail(&call->errand, WXL_BODY_INCOMPLETE, rv, "the body ended early");
    }
}

/* Read to the end of the stream, not merely as many bytes as were announced.
   @param body room for max bytes */
static apr_status_t read_bytes(wxl_call_t *call, char *body, apr_size_t max, apr_size_t *len)
{
    request_rec *r = call->r;
    apr_bucket_brigade *bb = apr_brigade_create(r->pool, r->connection->bucket_alloc);
    int end = 0;

    *len = 0;
    while (!end) {
        apr_size_t room = max - *len;
        apr_off_t got;
        apr_status_t rv = ap_get_brigade(r->input_filters, bb, AP_MODE_READBYTES, APR_BLOCK_READ,
                                         (apr_off_t)room + 1);

        if (rv == APR_SUCCESS)
            rv = apr_brigade_length(bb, 1, &got);
        if (rv != APR_SUCCESS)
            return fail_reading(call, rv);
        if (got > (apr_off_t)room)
            return fail_too_large(call);
        rv = apr_brigade_flatten(bb, body + *len, &room);
        if (rv != APR_SUCCESS)
            return fail_reading(call, rv);
        *len += room;
        end = !APR_BRIGADE_EMPTY(bb) && APR_BUCKET_IS_EOS(APR_BRIGADE_LAST(bb));
        apr_brigade_cleanup(bb);
    }
    return APR_SUCCESS;
}

static apr_status_t read_body(wxl_call_t *call, char **body, apr_size_t *len)
{
    const char *field = apr_table_get(call->r->headers_in, "Content-Length");
    apr_size_t max = wxl_config_max_body(call->r);
    apr_size_t room = max;
    apr_status_t rv;

    if (field) {
        apr_off_t announced;
        char *end;

        if (apr_strtoff(&announced, field, &end, 10) != APR_SUCCESS || announced < 0)
            return wxl_fail(&call->errand, WXL_BODY_INCOMPLETE, APR_SUCCESS, "Content-Length");
        if (announced > (apr_off_t)max)
            return fail_too_large(call); /* not one byte of it is read */
        /* An input filter may make it longer: then the limit holds. */
        if (call->r->input_filters == call->r->proto_input_filters)
            room = (apr_size_t)announced;
    }
    *body = apr_palloc(call->r->pool, room + 1);
    rv = read_bytes(call, *body, room, len);
    if (rv == APR_SUCCESS)
        call->body_unread = 0;
    return rv;
}

static apr_status_t parse_json(wxl_call_t *call, const char *body, apr_size_t len)
{
    int at;
    wxl_problem_t problem = wxl_json_parse(call->errand.pool, body, len, &call->fields, &at);

    if (problem != WXL_OK)
        return wxl_fail(&call->errand, problem, APR_SUCCESS,
                        "%" APR_SIZE_T_FMT " bytes, at byte %d", len, at);
    return APR_SUCCESS;
}

/* One NAME=VALUE of a form, still encoded. */
static apr_status_t parse_pair(wxl_call_t *call, char *pair)
{
    char *name = pair;
    char *value = strchr(pair, '=');
    int bad_name, bad_value;

    if (value)
        *value++ = '\0';
    else
        value = pair + strlen(pair);
    bad_name = ap_unescape_urlencoded(name);
    bad_value = ap_unescape_urlencoded(value);
    if (bad_name == HTTP_NOT_FOUND || bad_value == HTTP_NOT_FOUND) /* its word for %00 */
        return wxl_fail(&call->errand, WXL_BODY_HAS_NUL, APR_SUCCESS, "form");
    if (bad_name || bad_value)
        return wxl_fail(&call->errand, WXL_BODY_NOT_FORM, APR_SUCCESS, "a %% without two digits");
    if (!wxl_json_is_utf8(name, strlen(name)) || !wxl_json_is_utf8(value, strlen(value)))
        return wxl_fail(&call->errand, WXL_BODY_NOT_UTF8, APR_SUCCESS, "form");
    if (wxl_json_kind(call->fields, name) != WXL_JSON_ABSENT)
        return wxl_fail(&call->errand, WXL_BODY_DUPLICATE_KEY, APR_SUCCESS, "form");
    wxl_json_set_string(call->fields, name, value);
    return APR_SUCCESS;
}

static apr_status_t parse_form(wxl_call_t *call, char *body, apr_size_t len)
{
    apr_status_t rv = APR_SUCCESS;
    char *last, *pair;

    if (memchr(body, '\0', len))
        return wxl_fail(&call->errand, WXL_BODY_HAS_NUL, APR_SUCCESS, "form");
    body[len] = '\0';
    call->fields = wxl_json_object(call->errand.pool);
    for (pair = apr_strtok(body, "&", &last); pair && rv == APR_SUCCESS;
         pair = apr_strtok(NULL, "&", &last))
        rv = parse_pair(call, pair);
    return rv;
}

apr_status_t wxl_request_read(wxl_call_t *call)
{
    media_type_t type = media_type(call->r);
    apr_size_t len = 0;
    char *body = NULL;
    apr_status_t rv;

    if (type == TYPE_OTHER && wxl_request_has_body(call->r))
        return wxl_fail(&call->errand, WXL_MEDIA_TYPE, APR_SUCCESS,
                        "neither application/json nor application/x-www-form-urlencoded");
    rv = read_body(call, &body, &len);
    if (rv != APR_SUCCESS)
        return rv;
    if (len == 0) {
        call->fields = wxl_json_object(call->errand.pool);
        return APR_SUCCESS;
    }
    return type == TYPE_FORM ? parse_form(call, body, len) : parse_json(call, body, len);
}

apr_status_t wxl_request_string(wxl_call_t *call, const char *name, wxl_problem_t empty,
                                const char **value)
{
    int plain = empty == WXL_FIELD_REQUIRED;

    switch (wxl_json_kind(call->fields, name)) {
    case WXL_JSON_ABSENT: return wxl_fail_field(&call->errand, empty, name, 0);
    case WXL_JSON_NULL:
        return wxl_fail_field(&call->errand, plain ? WXL_FIELD_NULL : empty, name, 0);
    case WXL_JSON_STRING: break;
    default: return wxl_fail_field(&call->errand, WXL_FIELD_NOT_STRING, name, 0);
    }
    *value = wxl_text_trim(call->errand.pool, wxl_json_string(call->fields, name));
    if (!**value)
        return wxl_fail_field(&call->errand, plain ? WXL_FIELD_BLANK : empty, name, 0);
    return APR_SUCCESS;
}
