/* Fuzzer: a request's body. What is read can be looked at; a refusal is one of our problems. */

#include <apr_strings.h>

#include "fuzz.h"

static void look(const wxl_json_t *json)
{
    static const char *const keys[] = {"code", "refresh", "token", "errcode", "", "a"};
    size_t i;

    for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        const char *text = wxl_json_string(json, keys[i]);
        apr_int64_t value;

        HOLDS(!text == (wxl_json_kind(json, keys[i]) != WXL_JSON_STRING));
        HOLDS(!wxl_json_integer(json, keys[i], &value) ==
              (wxl_json_kind(json, keys[i]) != WXL_JSON_INTEGER));
        if (text)
            HOLDS(wxl_json_is_utf8(text, strlen(text)));
    }
}

/* A text is written, as a value and as a key, and read again. */
static void again(apr_pool_t *pool, const char *text, size_t size)
{
    wxl_json_t *json = wxl_json_object(pool), *second;
    apr_size_t len = 0;
    const char *written;
    int at;

    wxl_json_set_string(json, "value", text);
    wxl_json_set_string(json, text, "key");
    written = wxl_json_write(pool, json, &len);
    HOLDS(!written == !wxl_json_is_utf8(text, size));
    if (!written)
        return;
    HOLDS(strlen(written) == len);
    HOLDS(wxl_json_parse(pool, written, len, &second, &at) == WXL_OK);
    HOLDS(strcmp(wxl_json_string(second, text), "key") == 0);
    if (strcmp(text, "value") != 0)
        HOLDS(strcmp(wxl_json_string(second, "value"), text) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *pool = fuzz_pool();
    char *copy = fuzz_copy(data, size, 0);
    wxl_json_t *json = NULL;
    wxl_problem_t problem;
    int at = -1;

    problem = wxl_json_parse(pool, copy, size, &json, &at);
    wxl_json_is_utf8(copy, size);
    free(copy);
    copy = apr_pstrmemdup(pool, (const char *)data, size);
    again(pool, copy, strlen(copy));
    HOLDS(at >= 0 && (size_t)at <= size);
    if (problem == WXL_OK) {
        look(json);
    } else {
        HOLDS(wxl_problem_info(problem)->status == 400);
    }
    apr_pool_destroy(pool);
    return 0;
}
