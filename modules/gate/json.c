/* gate/json: JSON through jansson. See json.h. */

#include "gate/json.h"

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>
#include <jansson.h>

/* A piece of JSON. */
typedef struct {
    const char *bytes;
    apr_size_t len;
} text_t;

/* An object of an array. */
typedef struct item_t {
    struct item_t *next;
    const wxl_json_t *object;
} item_t;

/* A member of an object that is written. */
typedef struct member_t {
    struct member_t *next;
    text_t key;           /* in quotes */
    text_t text;          /* of the value; bytes NULL: it is one of the next two */
    wxl_json_t *object;   /* NULL: an array */
    item_t *items, **end; /* of the array */
} member_t;

/* Either has been read, or is to be written. */
struct wxl_json_t {
    apr_pool_t *pool;
    json_t *value; /* what was read; NULL: it is to be written */
    member_t *members, **end;
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

    json->pool = pool;
    json->value = value;
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

wxl_json_t *wxl_json_fields(apr_pool_t *pool)
{
    return adopt(pool, json_object());
}

int wxl_json_add_field(wxl_json_t *fields, const char *name, const char *value)
{
    return json_object_set_new(fields->value, name, json_string(value)) == 0;
}

/* -- writing ---------------------------------------------------------------------------------- */

wxl_json_t *wxl_json_object(apr_pool_t *pool)
{
    wxl_json_t *json = apr_pcalloc(pool, sizeof(*json));

    json->pool = pool;
    json->end = &json->members;
    return json;
}

/* What a character means for the string that it stands in. */
enum { ESCAPED = 1, NOT_ASCII = 2 };

static const unsigned char meaning[256] = {
    [0 ... 0x1f] = ESCAPED, ['"'] = ESCAPED, ['\\'] = ESCAPED, [0x80 ... 0xff] = NOT_ASCII};

static int look_at(const char *string, apr_size_t len)
{
    unsigned found = 0;
    apr_size_t i;

    for (i = 0; i < len; i++)
        found |= meaning[(unsigned char)string[i]];
    return (int)found;
}

/* As jansson writes it. @return text of no bytes where it is not UTF-8 */
static text_t escape(apr_pool_t *pool, const char *string)
{
    json_t *value = json_string(string);
    char *dump = value ? json_dumps(value, JSON_ENCODE_ANY) : NULL;
    text_t text = {NULL, 0};

    if (dump) {
        text.len = strlen(dump);
        text.bytes = apr_pstrmemdup(pool, dump, text.len);
    }
    free(dump);
    json_decref(value);
    return text;
}

/* A string in quotes, in the pool. Nearly all of what we write is tokens, digits and names: what
   needs no escape is copied as it stands. jansson looks at each character several times, and was
   half of the cost of an answer. */
static text_t quote(wxl_json_t *json, const char *string)
{
    apr_size_t len = strlen(string);
    int found = look_at(string, len);
    text_t text;
    char *to;

    if ((found & ESCAPED) || ((found & NOT_ASCII) && !wxl_json_is_utf8(string, len))) {
        text = escape(json->pool, string);
        json->broken |= text.bytes == NULL;
        return text;
    }
    to = apr_palloc(json->pool, len + 3);
    to[0] = '"';
    memcpy(to + 1, string, len);
    memcpy(to + 1 + len, "\"", 2);
    text.bytes = to;
    text.len = len + 2;
    return text;
}

/* @return the member of this key, in quotes; NULL: there is none */
static member_t *find(const wxl_json_t *json, const text_t *key)
{
    member_t *member = json->members;

    while (member &&
           (member->key.len != key->len || memcmp(member->key.bytes, key->bytes, key->len) != 0))
        member = member->next;
    return member;
}

/* The member of this key, without a value: the one that is there, or a new one at the end. */
static member_t *member_of(wxl_json_t *json, const char *key)
{
    text_t quoted = quote(json, key);
    member_t *member = find(json, &quoted);

    if (!member) {
        member = apr_palloc(json->pool, sizeof(*member));
        member->next = NULL;
        *json->end = member;
        json->end = &member->next;
    }
    member->key = quoted;
    member->text.bytes = NULL;
    member->object = NULL;
    member->items = NULL;
    return member;
}

static void set_text(wxl_json_t *json, const char *key, const char *text)
{
    member_of(json, key)->text = (text_t){text, strlen(text)};
}

void wxl_json_set_string(wxl_json_t *json, const char *key, const char *value)
{
    if (value)
        member_of(json, key)->text = quote(json, value);
    else
        set_text(json, key, "null");
}

void wxl_json_set_integer(wxl_json_t *json, const char *key, apr_int64_t value)
{
    set_text(json, key, apr_psprintf(json->pool, "%" APR_INT64_T_FMT, value));
}

void wxl_json_set_bool(wxl_json_t *json, const char *key, int value)
{
    set_text(json, key, value ? "true" : "false");
}

void wxl_json_set_object(wxl_json_t *json, const char *key, wxl_json_t *value)
{
    member_of(json, key)->object = value;
}

void wxl_json_set_strings(wxl_json_t *json, const char *key, const char *value)
{
    text_t string = quote(json, value ? value : "\xff");

    set_text(json, key, apr_pstrcat(json->pool, "[", string.bytes, "]", NULL));
}

void wxl_json_set_array(wxl_json_t *json, const char *key)
{
    member_t *member = member_of(json, key);

    member->end = &member->items;
}

void wxl_json_append(wxl_json_t *json, const char *key, wxl_json_t *value)
{
    text_t quoted = quote(json, key);
    member_t *member = find(json, &quoted);
    item_t *item = apr_palloc(json->pool, sizeof(*item));

    item->next = NULL;
    item->object = value;
    *member->end = item;
    member->end = &item->next;
}

/* What has been written so far; measured only, while there is no room. */
typedef struct {
    char *room;
    apr_size_t len;
    int broken;
} output_t;

static void put(output_t *out, const char *bytes, apr_size_t len)
{
    if (out->room)
        memcpy(out->room + out->len, bytes, len);
    out->len += len;
}

static void put_object(output_t *out, const wxl_json_t *json);

static void put_value(output_t *out, const member_t *member)
{
    const item_t *item;

    if (member->text.bytes) {
        put(out, member->text.bytes, member->text.len);
    } else if (member->object) {
        put_object(out, member->object);
    } else {
        put(out, "[", 1);
        for (item = member->items; item; item = item->next) {
            put_object(out, item->object);
            if (item->next)
                put(out, ",", 1);
        }
        put(out, "]", 1);
    }
}

static void put_object(output_t *out, const wxl_json_t *json)
{
    const member_t *member;

    out->broken |= json->broken;
    put(out, "{", 1);
    for (member = json->members; member && !out->broken; member = member->next) {
        put(out, member->key.bytes, member->key.len);
        put(out, ":", 1);
        put_value(out, member);
        if (member->next)
            put(out, ",", 1);
    }
    put(out, "}", 1);
}

const char *wxl_json_write(apr_pool_t *pool, const wxl_json_t *json, apr_size_t *len)
{
    output_t out = {NULL, 0, 0};

    put_object(&out, json);
    if (out.broken)
        return NULL;
    out.room = apr_palloc(pool, out.len + 1);
    out.room[out.len] = '\0';
    out.len = 0;
    put_object(&out, json);
    if (len)
        *len = out.len;
    return out.room;
}
