/* base/duration: what an administrator may write, and what not. */

#include "base/duration.h"

#include "tap.h"

static const struct {
    const char *text;
    long long seconds; /* 0: refused */
} cases[] = {
    {"1", 1},
    {"300", 300},
    {"300s", 300},
    {"5m", 300},
    {"5M", 300},
    {"2h", 7200},
    {"2H", 7200},
    {"7d", 604800},
    {"30D", 2592000},
    {"007", 7},
    {"36600d", 36600LL * 86400}, /* exactly the longest */
    {"3162240000", 36600LL * 86400},
    {"36601d", 0},
    {"3162240001", 0},
    {"52704001m", 0},
    {"", 0},
    {" ", 0},
    {" 5", 0},
    {"5 ", 0},
    {"5 m", 0},
    {"0", 0},
    {"0d", 0},
    {"-1", 0},
    {"+1", 0},
    {"m", 0},
    {"5mm", 0},
    {"5m5", 0},
    {"1d12h", 0},
    {"5w", 0},
    {"5ms", 0},
    {"1.5h", 0},
    {"1e3", 0},
    {"0x10", 0},
    {"5\n", 0},
    {"5\xc5\xbf", 0}, /* U+017F, which folds to s */
    {"\xd9\xa5", 0},  /* an Arabic five */
    {"9223372036854775807", 0},
    {"9223372036854775808", 0},
    {"99999999999999999999999999d", 0},
    {"106751991167301d", 0}, /* times 86400 goes round 64 bits */
};

int main(void)
{
    size_t i;

    for (i = 0; i < COUNT(cases); i++) {
        apr_int64_t seconds = -7;
        const char *right = wxl_duration_parse(cases[i].text, &seconds);

        if (cases[i].seconds) {
            is_str(right, NULL, "\"%s\" is accepted", cases[i].text);
            is_int(seconds, cases[i].seconds, "\"%s\" in seconds", cases[i].text);
        } else {
            ok(right && *right, "\"%s\" is refused with a word on what is right", cases[i].text);
            is_int(seconds, -7, "\"%s\" leaves the result alone", cases[i].text);
        }
    }
    return done_testing();
}
