/* core/profile and the small things it brought: fields, numbers as text, percent-encoding. */

#include "core/profile.h"

#include "base/text.h"
#include "fixture.h"

static apr_pool_t *pool;

static wxl_json_t *parse(const char *text)
{
    wxl_json_t *json = NULL;
    int at;

    if (wxl_json_parse(pool, text, strlen(text), &json, &at) != WXL_OK)
        ok(0, "test data: %s", text);
    return json;
}

/* NULL: the field is fine. */
static const struct {
    const char *json, *wrong;
} cases[] = {
    {"{}", NULL},
    {"{\"username\":\" a \"}", NULL},
    {"{\"username\":\"\"}", "username"},
    {"{\"username\":null}", "username"},
    {"{\"username\":7}", NULL},
    {"{\"username\":true}", "username"},
    {"{\"phone\":null}", NULL},
    {"{\"phone\":\"\"}", NULL},
    {"{\"phone\":\"123456789012345678901\"}", "phone"},
    {"{\"phone\":123456789012345678}", NULL},
    {"{\"email\":\"a@b.c\"}", NULL},
    {"{\"email\":\"a@b\"}", "email"},
    {"{\"email\":\"a@@b.c\"}", "email"},
    {"{\"email\":\"@\"}", "email"},
    {"{\"email\":\".\"}", "email"},
    {"{\"avatar_url\":\"\"}", NULL},
    {"{\"avatar_url\":null}", "avatar_url"},
    {"{\"avatar_url\":\"http://a\"}", NULL},
    {"{\"avatar_url\":\"http://a:\"}", "avatar_url"},
    {"{\"avatar_url\":\"http://a:65535\"}", NULL},
    {"{\"avatar_url\":\"http://a:65536\"}", "avatar_url"},
    {"{\"avatar_url\":\"http://u:p@a/\"}", NULL},
    {"{\"avatar_url\":\"http://[::1]/\"}", NULL},
    {"{\"avatar_url\":\"http://[x]/\"}", "avatar_url"},
    {"{\"avatar_url\":\":\"}", "avatar_url"},
    {"{\"avatar_url\":\"http\"}", "avatar_url"},
};

static void fields(void)
{
    wxl_changes_t changes;
    wxl_errand_t errand;
    size_t i;
    int more = 0;
    wxl_wrong_t *wrong;

    for (i = 0; i < COUNT(cases); i++) {
        errand = fixture_errand(pool);
        wxl_profile_read(&errand, parse(cases[i].json), &changes);
        is_str(errand.field, cases[i].wrong, "%s", cases[i].json);
        ok((errand.problem == WXL_OK) == !cases[i].wrong, "%s: a problem, or none", cases[i].json);
    }
    errand = fixture_errand(pool);
    wxl_profile_read(&errand, parse("{\"username\":\"\",\"phone\":[],\"email\":\"x\"}"), &changes);
    for (wrong = errand.wrong; wrong; wrong = wrong->next)
        more++;
    is_int(more, 2, "two more fields are wrong");
    is_int(errand.problem, WXL_FIELD_BLANK, "the first one is the problem");

    errand = fixture_errand(pool);
    wxl_profile_read(&errand, parse("{\"username\":\" x \",\"phone\":null,\"id\":3}"), &changes);
    is_str(changes.username.value, "x", "trimmed");
    ok(changes.phone.set && !changes.phone.value, "null is a change");
    ok(!changes.email.set && !changes.avatar_url.set, "what is not there is none");
    is_int(wxl_profile_is_change(&changes), 1, "so there is something to do");
    wxl_profile_read(&errand, parse("{\"id\":3}"), &changes);
    is_int(wxl_profile_is_change(&changes), 0, "an id is nothing to do");
}

static void numbers(void)
{
    static const char *const texts[][2] = {
        {"7", "7"},       {"-7", "-7"},       {"9223372036854775807", "9223372036854775807"},
        {"1.5", "1.5"},   {"0.1", "0.1"},     {"-0.25", "-0.25"},
        {"1e2", "100.0"}, {"1e300", "1e300"}, {"\"x\"", "x"},
        {"true", NULL},   {"null", NULL},     {"[]", NULL},
    };
    size_t i;

    for (i = 0; i < COUNT(texts); i++)
        is_str(wxl_json_text(pool, parse(apr_psprintf(pool, "{\"k\":%s}", texts[i][0])), "k"),
               texts[i][1], "as text: %s", texts[i][0]);
    is_str(wxl_json_text(pool, parse("{}"), "k"), NULL, "nothing");
}

static void percent(void)
{
    is_str(wxl_text_percent(pool, ""), "", "percent: nothing");
    is_str(wxl_text_percent(pool, "aZ09-._~"), "aZ09-._~", "percent: the unreserved");
    is_str(wxl_text_percent(pool, " %+\r\n\"\x7f"), "%20%25%2B%0D%0A%22%7F", "percent: the rest");
    is_str(wxl_text_percent(pool, "张"), "%E5%BC%A0", "percent: UTF-8");
}

int main(void)
{
    pool = fixture_start();
    fields();
    numbers();
    percent();
    return done_testing();
}
