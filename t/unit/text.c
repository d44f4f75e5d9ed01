/* base/text: trimming, counting characters, writing times. */

#include "base/text.h"

#include <stdlib.h>
#include <time.h>

#include "fixture.h"

static void trim(apr_pool_t *pool)
{
    static const struct {
        const char *text, *trimmed;
    } cases[] = {
        {"", ""},
        {" ", ""},
        {" \t\r\n\v\f ", ""},
        {"a", "a"},
        {" a", "a"},
        {"a ", "a"},
        {"\r\n a b \t", "a b"},
        {"\xe7\x94\xa8", "\xe7\x94\xa8"},   /* no byte of it is taken for a blank */
        {"\xe5\x85\xa0 ", "\xe5\x85\xa0"},  /* ends with A0, a blank in Latin-1 */
        {" \xe5\x85\x85", "\xe5\x85\x85"},  /* ends with 85, a line end in Latin-1 */
        {"\xe3\x80\x80x", "\xe3\x80\x80x"}, /* ASCII only: an ideographic space stays */
    };
    size_t i;

    for (i = 0; i < COUNT(cases); i++)
        is_str(wxl_text_trim(pool, cases[i].text), cases[i].trimmed, "trim, case %zu", i);
}

static void length(void)
{
    static const struct {
        const char *text;
        size_t length;
    } cases[] = {
        {"", 0},
        {"abc", 3},
        {"\xc3\xa9", 1},
        {"\xe7\x94\xa8\xe6\x88\xb7_", 3},
        {"\xf0\x9f\x98\x80", 1},
        {"e\xcc\x81", 2}, /* a letter and its accent are two, as in the data base */
    };
    size_t i;

    for (i = 0; i < COUNT(cases); i++)
        is_int((long long)wxl_text_length(cases[i].text), (long long)cases[i].length,
               "length, case %zu", i);
}

static void times(apr_pool_t *pool)
{
    static const struct {
        const char *zone;
        apr_int64_t usec;
        const char *text;
    } cases[] = {
        {"UTC0", 0, "1970-01-01T00:00:00.000000+00:00"},
        {"UTC0", 1, "1970-01-01T00:00:00.000001+00:00"},
        {"CST-8", INT64_C(1795356862101194), "2026-11-22T22:14:22.101194+08:00"},
        {"UTC0", INT64_C(1795356862101194), "2026-11-22T14:14:22.101194+00:00"},
        {"NST3:30", INT64_C(1795356862000009), "2026-11-22T10:44:22.000009-03:30"},
        {"XXX0:30", INT64_C(1795356862000000), "2026-11-22T13:44:22.000000-00:30"},
        {"IST-5:45", INT64_C(1795356862000000), "2026-11-22T19:59:22.000000+05:45"},
        {"UTC0", INT64_C(1709164800000000), "2024-02-29T00:00:00.000000+00:00"},
        {"CST-8", INT64_C(1767196799999999), "2025-12-31T23:59:59.999999+08:00"},
        {"UTC0", INT64_C(4102444800000000), "2100-01-01T00:00:00.000000+00:00"},
        {"CET-1CEST,M3.5.0,M10.5.0/3", INT64_C(1782900000000000),
         "2026-07-01T12:00:00.000000+02:00"},
        {"CET-1CEST,M3.5.0,M10.5.0/3", INT64_C(1767265200000000),
         "2026-01-01T12:00:00.000000+01:00"},
    };
    size_t i;

    for (i = 0; i < COUNT(cases); i++) {
        setenv("TZ", cases[i].zone, 1);
        tzset();
        is_str(wxl_text_time(pool, cases[i].usec), cases[i].text, "time in %s", cases[i].zone);
    }
}

int main(void)
{
    apr_pool_t *pool = fixture_start();

    trim(pool);
    length();
    times(pool);
    return done_testing();
}
