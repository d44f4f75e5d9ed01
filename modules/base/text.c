/* base/text: questions about strings. See text.h. */

#include "base/text.h"

#include <stdlib.h>
#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>
#include <apr_time.h>

const char *wxl_text_trim(apr_pool_t *pool, const char *text)
{
    size_t len;

    while (apr_isspace(*text))
        text++;
    len = strlen(text);
    if (len == 0 || !apr_isspace(text[len - 1]))
        return text;
    while (len > 0 && apr_isspace(text[len - 1]))
        len--;
    return apr_pstrmemdup(pool, text, len);
}

/* Each code point has exactly one byte that is not 10xxxxxx (RFC 3629, section 3). */
static int is_first_byte(char c)
{
    return ((unsigned char)c & 0xC0) != 0x80;
}

size_t wxl_text_length(const char *text)
{
    size_t count = 0;

    for (; *text; text++)
        count += is_first_byte(*text);
    return count;
}

const char *wxl_text_cut(apr_pool_t *pool, const char *text, size_t most)
{
    const char *end;

    for (end = text; *end; end++) {
        if (is_first_byte(*end) && most-- == 0)
            return apr_pstrmemdup(pool, text, end - text);
    }
    return text;
}

const char *wxl_text_time(apr_pool_t *pool, apr_int64_t usec)
{
    apr_time_exp_t t;
    int offset;

    apr_time_exp_lt(&t, (apr_time_t)usec);
    offset = abs(t.tm_gmtoff) / 60;
    return apr_psprintf(pool, "%04d-%02d-%02dT%02d:%02d:%02d.%06d%c%02d:%02d", t.tm_year + 1900,
                        t.tm_mon + 1, t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec, t.tm_usec,
                        t.tm_gmtoff < 0 ? '-' : '+', offset / 60, offset % 60);
}

const char *wxl_text_decimal(apr_pool_t *pool, apr_int64_t number)
{
    return apr_psprintf(pool, "%" APR_INT64_T_FMT, number);
}

const char *wxl_text_percent(apr_pool_t *pool, const char *text)
{
    static const char digits[] = "0123456789ABCDEF";
    char *out = apr_palloc(pool, 3 * strlen(text) + 1);
    char *to = out;

    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;

        if (apr_isalnum(c) || strchr("-._~", c)) {
            *to++ = (char)c;
        } else {
            *to++ = '%';
            *to++ = digits[c >> 4];
            *to++ = digits[c & 15];
        }
    }
    *to = '\0';
    return out;
}
