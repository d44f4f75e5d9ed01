/* gate/json: JSON through jansson. See json.h. */

#include "gate/json.h"

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>
#include <jansson.h>

#define USUAL_SIZE 2048 /* bytes of a text that is written: most of ours have less */

struct wxl_json_t {
    json_t *value;
    int broken; /* a value could not be set */
};

void wxl_json_start(void)
{
    json_object_seed(0);
}

static apr_status_t release(void *value)
{
    json_decref(value);
    return APR_SUCCESS;
}

static wxl_json_t *adopt(apr_pool_t *pool, json_t *value)
{
    wxl_json_t *json = apr_pcalloc(pool, sizeof(*json));

    json->value = value;
    json->broken = value == NULL;
    if (value)
        apr_pool_cleanup_register(pool, value, release, apr_pool_cleanup_null);
    return json;
}

static wxl_problem_t problem_of(const json_error_t *error)
{
    switch (json_error_code(error)) {
    case json_error_null_character:
    case json_error_null_byte_in_key: return WXL_BODY_HAS_NUL;
    case json_error_invalid_utf8: return WXL_BODY_NOT_UTF8;
    case json_error_stack_overflow: return WXL_BODY_TOO_DEEP;
    case json_error_duplicate_key: return WXL_BODY_DUPLICATE_KEY;
    default: return WXL_BODY_NOT_JSON;
    }
}

wxl_problem_t wxl_json_parse(apr_pool_t *pool, const char *text, apr_size_t len, wxl_json_t **json,
                             int *at)
{
    json_error_t error;
    json_t *value;
    const char *nul = memchr(text, '\0', len);

    if (nul) {
        *at = (int)(nul - text);
        return WXL_BODY_HAS_NUL;
    }
    /* error.text quotes the input, which may be a code or a token: only the place is told. */
    value = json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (!value) {
        *at = error.position;
        return problem_of(&error);
    }
    *at = (int)len;
    *json = adopt(pool, value);
    return json_is_object(value) ? WXL_OK : WXL_BODY_NOT_OBJECT;
}

int wxl_json_is_utf8(const char *text, apr_size_t len)
{
    json_t *string = memchr(text, '\0', len) ? NULL : json_stringn(text, len);
    int is = string != NULL;

    json_decref(string);
    return is;
}

wxl_json_kind_t wxl_json_kind(const wxl_json_t *json, const char *key)
{
    const json_t *value = json_object_get(json->value, key);

    if (!value)
        return WXL_JSON_ABSENT;
    switch (json_typeof(value)) {
    case JSON_NULL: return WXL_JSON_NULL;
    case JSON_STRING: return WXL_JSON_STRING;
    case JSON_INTEGER: return WXL_JSON_INTEGER;
    default: return WXL_JSON_OTHER;
    }
}

const char *wxl_json_string(const wxl_json_t *json, const char *key)
{
    return json_string_value(json_object_get(json->value, key));
}

int wxl_json_integer(const wxl_json_t *json, const char *key, apr_int64_t *value)
{
    const json_t *number = json_object_get(json->value, key);

    if (!json_is_integer(number))
        return 0;
    *value = json_integer_value(number);
    return 1;
}

const char *wxl_json_text(apr_pool_t *pool, const wxl_json_t *json, const char *key)
{
    const json_t *value = json_object_get(json->value, key);
    char digits[40];
    size_t len = 0;
    int precision;

    if (json_is_string(value))
        return json_string_value(value);
    if (!json_is_number(value))
        return NULL;
    /* the shortest text that gives the same number again */
    for (precision = 15; precision <= 17; precision++) {
        len = json_dumpb(value, digits, sizeof(digits),
                         JSON_ENCODE_ANY | JSON_REAL_PRECISION((size_t)precision));
        if (len >= sizeof(digits))
            return NULL;
        digits[len] = '\0';
        if (strtod(digits, NULL) == json_number_value(value))
            break;
    }
    return apr_pstrmemdup(pool, digits, len);
}

wxl_json_t *wxl_json_object(apr_pool_t *pool)
{
    return adopt(pool, json_object());
}

void wxl_json_drop(apr_pool_t *pool, wxl_json_t *json)
{
    if (json->value)
        apr_pool_cleanup_run(pool, json->value, release);
}

/* Takes over `value`, which may be NULL for one that could not be made. Whether a string is UTF-8
   is looked at while it is written: not here, too. */
static void set(wxl_json_t *json, const char *key, json_t *value)
{
    if (json_object_set_new_nocheck(json->value, key, value) != 0)
        json->broken = 1;
}

void wxl_json_set_string(wxl_json_t *json, const char *key, const char *value)
{
    set(json, key, value ? json_string_nocheck(value) : json_null());
}

void wxl_json_set_integer(wxl_json_t *json, const char *key, apr_int64_t value)
{
    set(json, key, json_integer(value));
}

void wxl_json_set_bool(wxl_json_t *json, const char *key, int value)
{
    set(json, key, json_boolean(value));
}

void wxl_json_set_object(wxl_json_t *json, const char *key, wxl_json_t *value)
{
    set(json, key, json_incref(value->value));
    json->broken |= value->broken;
}

void wxl_json_set_strings(wxl_json_t *json, const char *key, const char *value)
{
    json_t *array = json_array();

    if (json_array_append_new(array, json_string_nocheck(value)) != 0)
        json->broken = 1;
    set(json, key, array);
}

void wxl_json_set_array(wxl_json_t *json, const char *key)
{
    set(json, key, json_array());
}

void wxl_json_append(wxl_json_t *json, const char *key, wxl_json_t *value)
{
    json->broken |= value->broken;
    if (json_array_append(json_object_get(json->value, key), value->value) != 0)
        json->broken = 1;
}

const char *wxl_json_write(apr_pool_t *pool, const wxl_json_t *json, apr_size_t *len)
{
    char usual[USUAL_SIZE], *text;
    apr_size_t size;

    if (json->broken)
        return NULL;
    size = json_dumpb(json->value, usual, sizeof(usual), JSON_COMPACT);
    if (size == 0) /* jansson's word for a failure */
        return NULL;
    if (size <= sizeof(usual)) {
        text = apr_pstrmemdup(pool, usual, size);
    } else { /* it has only been measured */
        text = apr_palloc(pool, size + 1);
        json_dumpb(json->value, text, size, JSON_COMPACT);
        text[size] = '\0';
    }
    if (len)
        *len = size;
    return text;
}
