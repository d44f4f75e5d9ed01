/* gate/json: what is read, what is refused and why, and what is written. */

#include "gate/json.h"

#include "fixture.h"

#define S(text) text, sizeof(text) - 1

static const struct {
    const char *text;
    size_t len;
    wxl_problem_t problem;
} bodies[] = {
    {S("{}"), WXL_OK},
    {S(" \t\r\n{ } \n"), WXL_OK},
    {S("{\"code\":\"abc\"}"), WXL_OK},
    {S("{\"code\":\"\\u7528\\u6237\"}"), WXL_OK},
    {S("{\"code\":\"\xe7\x94\xa8\"}"), WXL_OK},
    {S("{\"a\":\"\\ud83d\\ude00\"}"), WXL_OK},
    {S("{\"a\":\"\xf0\x9f\x98\x80\"}"), WXL_OK},
    {S("{\"a\":\"\\/\\b\\f\\n\\r\\t\\\"\\\\\"}"), WXL_OK},
    {S("{\"a\":[1,-2,3.5e2,true,false,null,{}]}"), WXL_OK},
    {S("{\"a\":9223372036854775807,\"b\":-9223372036854775808}"), WXL_OK},
    {S("{\"\":1}"), WXL_OK},
    {S("{\"a\":{\"a\":{\"a\":1}}}"), WXL_OK},
    {S("{\"a\":\"\xef\xbf\xbf\xee\x80\x80\"}"), WXL_OK},

    {S(""), WXL_BODY_NOT_JSON},
    {S(" "), WXL_BODY_NOT_JSON},
    {S("{"), WXL_BODY_NOT_JSON},
    {S("}"), WXL_BODY_NOT_JSON},
    {S("{\"a\""), WXL_BODY_NOT_JSON},
    {S("{\"a\":"), WXL_BODY_NOT_JSON},
    {S("{\"a\":\"b"), WXL_BODY_NOT_JSON},
    {S("{\"a\":\"\\"), WXL_BODY_NOT_JSON},
    {S("{\"a\":\"\\u12"), WXL_BODY_NOT_JSON},
    {S("{a:1}"), WXL_BODY_NOT_JSON},
    {S("{'a':1}"), WXL_BODY_NOT_JSON},
    {S("{\"a\":1,}"), WXL_BODY_NOT_JSON},
    {S("{\"a\":1 \"b\":2}"), WXL_BODY_NOT_JSON},
    {S("{\"a\":01}"), WXL_BODY_NOT_JSON},
    {S("{\"a\":+1}"), WXL_BODY_NOT_JSON},
    {S("{\"a\":.5}"), WXL_BODY_NOT_JSON},
    {S("{\"a\":NaN}"), WXL_BODY_NOT_JSON},
    {S("{\"a\":-Infinity}"), WXL_BODY_NOT_JSON},
    {S("{\"a\":True}"), WXL_BODY_NOT_JSON},
    {S("{\"a\":\"\\x41\"}"), WXL_BODY_NOT_JSON},
    {S("{\"a\":\"\t\"}"), WXL_BODY_NOT_JSON},
    {S("{\"a\":\"\x1f\"}"), WXL_BODY_NOT_JSON},
    {S("{\"a\":1}//"), WXL_BODY_NOT_JSON},
    {S("/**/{\"a\":1}"), WXL_BODY_NOT_JSON},
    {S("{}{}"), WXL_BODY_NOT_JSON},
    {S("{} x"), WXL_BODY_NOT_JSON},
    {S("{\"a\":1}]"), WXL_BODY_NOT_JSON},
    {S("{\"a\":9223372036854775808}"), WXL_BODY_NOT_JSON},
    {S("{\"a\":1e999}"), WXL_BODY_NOT_JSON},
    {S("{\"a\":\"\\ud800\"}"), WXL_BODY_NOT_JSON},
    {S("{\"a\":\"\\udc00\"}"), WXL_BODY_NOT_JSON},
    {S("{\"a\":\"\\ud800\\u0041\"}"), WXL_BODY_NOT_JSON},
    {S("{\"a\":\"\\ude00\\ud83d\"}"), WXL_BODY_NOT_JSON},
    {S("code=abc"), WXL_BODY_NOT_JSON},
    {S("<xml/>"), WXL_BODY_NOT_JSON},

    {S("[]"), WXL_BODY_NOT_OBJECT},
    {S("[{}]"), WXL_BODY_NOT_OBJECT},
    {S("\"abc\""), WXL_BODY_NOT_OBJECT},
    {S("1"), WXL_BODY_NOT_OBJECT},
    {S("null"), WXL_BODY_NOT_OBJECT},
    {S("true"), WXL_BODY_NOT_OBJECT},

    {S("\xff"), WXL_BODY_NOT_UTF8},
    {S("\xef\xbb\xbf{}"), WXL_BODY_NOT_JSON}, /* a byte order mark (RFC 8259, section 8.1) */
    {S("\xfe\xff{\0}"), WXL_BODY_HAS_NUL},    /* UTF-16 */
    {S("{\"a\":\"\x80\"}"), WXL_BODY_NOT_UTF8},
    {S("{\"a\":\"\xe7\x94\"}"), WXL_BODY_NOT_UTF8},
    {S("{\"a\":\"\xc0\xaf\"}"), WXL_BODY_NOT_UTF8},         /* overlong slash */
    {S("{\"a\":\"\xc0\x80\"}"), WXL_BODY_NOT_UTF8},         /* overlong NUL */
    {S("{\"a\":\"\xe0\x80\xaf\"}"), WXL_BODY_NOT_UTF8},     /* overlong, three bytes */
    {S("{\"a\":\"\xed\xa0\x80\"}"), WXL_BODY_NOT_UTF8},     /* a surrogate in UTF-8 */
    {S("{\"a\":\"\xf4\x90\x80\x80\"}"), WXL_BODY_NOT_UTF8}, /* beyond U+10FFFF */
    {S("{\"a\":\"\xf8\x88\x80\x80\x80\"}"), WXL_BODY_NOT_UTF8},
    {S("{\"\xb2\xe2\":1}"), WXL_BODY_NOT_UTF8}, /* GBK */

    {S("{\"a\":\"x\0y\"}"), WXL_BODY_HAS_NUL},
    {S("{}\0"), WXL_BODY_HAS_NUL},
    {S("\0"), WXL_BODY_HAS_NUL},
    {S("{\"a\":\"\\u0000\"}"), WXL_BODY_HAS_NUL},
    {S("{\"a\":\"x\\u0000y\"}"), WXL_BODY_HAS_NUL},
    {S("{\"a\\u0000b\":1}"), WXL_BODY_HAS_NUL},

    {S("{\"a\":1,\"a\":2}"), WXL_BODY_DUPLICATE_KEY},
    {S("{\"a\":1,\"\\u0061\":2}"), WXL_BODY_DUPLICATE_KEY},
    {S("{\"x\":{\"a\":1,\"a\":1}}"), WXL_BODY_DUPLICATE_KEY},
};

static wxl_problem_t parse(apr_pool_t *pool, const char *text, size_t len)
{
    char *copy = heap_copy(text, len);
    wxl_json_t *json = NULL;
    int at = -7;
    wxl_problem_t problem = wxl_json_parse(pool, copy, len, &json, &at);

    free(copy); /* what is read must not point into it */
    if (at < 0 || (size_t)at > len)
        ok(0, "place %d lies within the %zu bytes of %s", at, len, text);
    return problem;
}

static void reading(apr_pool_t *pool)
{
    size_t i;

    for (i = 0; i < COUNT(bodies); i++)
        is_int(tag_of(parse(pool, bodies[i].text, bodies[i].len)), tag_of(bodies[i].problem),
               "body %zu: %s", i, bodies[i].len < 40 ? bodies[i].text : "…");
}

/* `levels` of one bracket, closed again or not. */
static wxl_problem_t parse_deep(apr_pool_t *pool, const char *open, const char *close, int levels)
{
    size_t step = strlen(open);
    char *text = apr_palloc(pool, (step + 1) * (size_t)levels + 16), *p = text;
    int i;

    p += sprintf(p, "{\"a\":");
    for (i = 0; i < levels; i++, p += step)
        memcpy(p, open, step + 1);
    *p++ = '1';
    for (i = 0; i < levels && *close; i++)
        *p++ = *close;
    *p++ = '}';
    return parse(pool, text, (size_t)(p - text));
}

static void depth(apr_pool_t *pool)
{
    is_int(parse_deep(pool, "[", "]", 2046), WXL_OK, "2048 levels are read");
    is_int(tag_of(parse_deep(pool, "[", "]", 2047)), tag_of(WXL_BODY_TOO_DEEP), "2049 are not");
    is_int(tag_of(parse_deep(pool, "[", "", 100000)), tag_of(WXL_BODY_TOO_DEEP),
           "a hundred thousand, left open");
    is_int(tag_of(parse_deep(pool, "{\"a\":", "}", 100000)), tag_of(WXL_BODY_TOO_DEEP),
           "a hundred thousand objects");
}

static void looking(apr_pool_t *pool)
{
    static const char text[] = "{\"s\":\"x\",\"e\":\"\",\"i\":-5,\"n\":null,\"t\":true,\"f\":false,"
                               "\"r\":1.0,\"a\":[],\"o\":{}}";
    static const struct {
        const char *key;
        wxl_json_kind_t kind;
    } cases[] = {
        {"s", WXL_JSON_STRING}, {"e", WXL_JSON_STRING}, {"i", WXL_JSON_INTEGER},
        {"n", WXL_JSON_NULL},   {"t", WXL_JSON_OTHER},  {"f", WXL_JSON_OTHER},
        {"r", WXL_JSON_OTHER},  {"a", WXL_JSON_OTHER},  {"o", WXL_JSON_OTHER},
        {"S", WXL_JSON_ABSENT}, {"", WXL_JSON_ABSENT},
    };
    apr_int64_t value = -7;
    wxl_json_t *json;
    size_t i;
    int at;

    is_int(wxl_json_parse(pool, text, sizeof(text) - 1, &json, &at), WXL_OK, "a sample of kinds");
    for (i = 0; i < COUNT(cases); i++)
        is_int(wxl_json_kind(json, cases[i].key), cases[i].kind, "kind of \"%s\"", cases[i].key);
    is_str(wxl_json_string(json, "s"), "x", "a string");
    is_str(wxl_json_string(json, "e"), "", "an empty string");
    is_str(wxl_json_string(json, "i"), NULL, "a number is no string");
    is_str(wxl_json_string(json, "n"), NULL, "null is no string");
    is_str(wxl_json_string(json, "x"), NULL, "nothing is no string");
    is_int(wxl_json_integer(json, "r", &value), 0, "1.0 is no integer");
    is_int(wxl_json_integer(json, "s", &value), 0, "a string is no integer");
    is_int(wxl_json_integer(json, "t", &value), 0, "true is no integer");
    is_int(value, -7, "and the value is left alone");
    is_int(wxl_json_integer(json, "i", &value), 1, "an integer");
    is_int(value, -5, "and its value");
}

static void utf8(void)
{
    static const struct {
        const char *text;
        size_t len;
        int is;
    } cases[] = {
        {S(""), 1},
        {S("abc"), 1},
        {S("\xe7\x94\xa8"), 1},
        {S("\xf0\x9f\x98\x80"), 1},
        {S("a\0b"), 0},
        {S("\0"), 0},
        {S("\x80"), 0},
        {S("\xe7\x94"), 0},
        {S("\xed\xa0\x80"), 0},
        {S("\xc0\x80"), 0},
        {S("\xf5\x80\x80\x80"), 0},
        {S("\xff"), 0},
    };
    size_t i;

    for (i = 0; i < COUNT(cases); i++) {
        char *copy = heap_copy(cases[i].text, cases[i].len);

        is_int(wxl_json_is_utf8(copy, cases[i].len), cases[i].is, "UTF-8 or not, case %zu", i);
        free(copy);
    }
}

static wxl_json_t *json_of(apr_pool_t *pool, const char *key)
{
    wxl_json_t *json = wxl_json_object(pool);

    wxl_json_set_string(json, key, "v");
    return json;
}

/* UTF-8 as RFC 3629 has it, also for what it forbids. @return its end */
static char *put_utf8(char *to, unsigned code)
{
    int more = code < 0x80 ? 0 : code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    static const unsigned char first[] = {0, 0xc0, 0xe0, 0xf0};

    *to++ = (char)(first[more] | code >> 6 * more);
    while (more-- > 0)
        *to++ = (char)(0x80 | (code >> 6 * more & 0x3f));
    return to;
}

static void writing(apr_pool_t *pool)
{
    wxl_json_t *json = wxl_json_object(pool), *inner = wxl_json_object(pool);
    apr_size_t len = 0;
    const char *text;

    is_str(wxl_json_write(pool, json, &len), "{}", "an empty object");
    is_int((long long)len, 2, "its length");
    wxl_json_set_string(json, "z", "\xe7\x94\xa8\"\\\n\x01/");
    wxl_json_set_string(json, "null", NULL);
    wxl_json_set_integer(json, "max", INT64_MAX);
    wxl_json_set_integer(json, "min", INT64_MIN);
    wxl_json_set_bool(json, "yes", 17);
    wxl_json_set_bool(json, "no", 0);
    wxl_json_set_object(json, "o", inner);
    wxl_json_set_strings(json, "list", "one");
    wxl_json_set_string(inner, "late", "x");
    text = wxl_json_write(pool, json, &len);
    is_str(text,
           "{\"z\":\"\xe7\x94\xa8\\\"\\\\\\n\\u0001/\",\"null\":null,\"max\":9223372036854775807,"
           "\"min\":-9223372036854775808,\"yes\":true,\"no\":false,\"o\":{\"late\":\"x\"},"
           "\"list\":[\"one\"]}",
           "compact, in the order of setting, UTF-8 as it is");
    is_int((long long)len, text ? (long long)strlen(text) : -1, "the length is the text's");
    ok(wxl_json_write(pool, json, NULL) != NULL, "the length may be left out");
}

static void writing_again(apr_pool_t *pool)
{
    wxl_json_t *json = wxl_json_object(pool), *one = wxl_json_object(pool);
    char text[] = "x";

    wxl_json_set_string(json, "a", text);
    wxl_json_set_object(json, "b", one);
    wxl_json_set_array(json, "c");
    is_str(wxl_json_write(pool, json, NULL), "{\"a\":\"x\",\"b\":{},\"c\":[]}", "an empty array");
    text[0] = 'y';
    wxl_json_append(json, "c", one);
    wxl_json_append(json, "c", json_of(pool, "k"));
    wxl_json_set_integer(one, "d", 1);
    is_str(wxl_json_write(pool, json, NULL),
           "{\"a\":\"x\",\"b\":{\"d\":1},\"c\":[{\"d\":1},{\"k\":\"v\"}]}",
           "texts are copied, objects are not");
    wxl_json_set_bool(json, "b", 0);
    wxl_json_set_object(json, "a", one);
    wxl_json_set_string(json, "c", NULL);
    is_str(wxl_json_write(pool, json, NULL), "{\"a\":{\"d\":1},\"b\":false,\"c\":null}",
           "a key that is set again has its place and the last value");
}

/* Each character, alone and in company, as a value and as a key: what is read back is the same. */
static void characters(apr_pool_t *pool)
{
    unsigned wrong = 0, code;

    for (code = 1; code < 0x110000; code += code < 0x3000 ? 1 : 97) {
        char text[8] = "a", *end = put_utf8(text + 1, code);
        wxl_json_t *json = wxl_json_object(pool), *read = NULL;
        const char *written;
        apr_size_t len = 0;
        int at;

        strcpy(end, "z");
        wxl_json_set_string(json, "value", text);
        wxl_json_set_string(json, text, "key");
        written = wxl_json_write(pool, json, &len);
        if (code >= 0xd800 && code < 0xe000)
            wrong += written != NULL; /* half of a pair is no character */
        else
            wrong += !written || wxl_json_parse(pool, written, len, &read, &at) != WXL_OK ||
                     strcmp(wxl_json_string(read, "value"), text) != 0 ||
                     !wxl_json_string(read, text);
        apr_pool_clear(pool);
    }
    is_int((long long)wrong, 0, "every character comes back");
}

/* Around the size that is written at once. */
static void long_texts(apr_pool_t *pool)
{
    size_t size, wrong = 0;

    for (size = 2030; size < 2060; size++) {
        wxl_json_t *json = wxl_json_object(pool), *read;
        char *value = apr_palloc(pool, size + 1);
        apr_size_t len = 0;
        const char *text;
        int at;

        memset(value, 'x', size);
        value[size] = '\0';
        wxl_json_set_string(json, "k", value);
        text = wxl_json_write(pool, json, &len);
        wrong += !text || strlen(text) != len || len != size + strlen("{'k':''}") ||
                 wxl_json_parse(pool, text, len, &read, &at) != WXL_OK ||
                 strcmp(wxl_json_string(read, "k"), value) != 0;
    }
    is_int((long long)wrong, 0, "long texts come back");
}

static void broken(apr_pool_t *pool)
{
    wxl_json_t *json = wxl_json_object(pool), *outer = wxl_json_object(pool);

    wxl_json_set_string(json, "a", "\xff");
    is_str(wxl_json_write(pool, json, NULL), NULL,
           "a string that is not UTF-8: nothing is written");
    wxl_json_set_object(outer, "o", json);
    is_str(wxl_json_write(pool, outer, NULL), NULL, "nor around it");
    json = wxl_json_object(pool);
    wxl_json_set_strings(json, "a", "\xed\xa0\x80");
    is_str(wxl_json_write(pool, json, NULL), NULL, "in a list");
    json = wxl_json_object(pool);
    wxl_json_set_array(json, "a");
    wxl_json_append(json, "a", outer);
    is_str(wxl_json_write(pool, json, NULL), NULL, "in an array");
}

int main(void)
{
    apr_pool_t *pool = fixture_start();

    reading(pool);
    depth(pool);
    looking(pool);
    utf8();
    writing(pool);
    writing_again(pool);
    long_texts(pool);
    broken(pool);
    characters(pool);
    return done_testing();
}
