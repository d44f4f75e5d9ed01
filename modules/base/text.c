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

/* A number of so many digits. */
static void put(char *to, int number, int digits)
{
    for (; digits > 0; number /= 10)
        to[--digits] = (char)('0' + number % 10);
}

const char *wxl_text_time(apr_pool_t *pool, apr_int64_t usec)
{
    static const char form[] = "yyyy-mm-ddThh:mm:ss.uuuuuu+hh:mm"; /* ten times as fast as "%d" */
    char *text = apr_pmemdup(pool, form, sizeof(form));
    apr_time_exp_t t;
    int offset;

    apr_time_exp_lt(&t, (apr_time_t)usec);
    offset = abs(t.tm_gmtoff) / 60;
    put(text, t.tm_year + 1900, 4);
    put(text + 5, t.tm_mon + 1, 2);
    put(text + 8, t.tm_mday, 2);
    put(text + 11, t.tm_hour, 2);
    put(text + 14, t.tm_min, 2);
    put(text + 17, t.tm_sec, 2);
    put(text + 20, t.tm_usec, 6);
    text[26] = t.tm_gmtoff < 0 ? '-' : '+';
    put(text + 27, offset / 60, 2);
    put(text + 30, offset % 60, 2);
    return text;
}

/* APR has no cheap way to write a 64-bit number but that for offsets, which are as wide wherever
   files may be large. */
_Static_assert(sizeof(apr_off_t) >= sizeof(apr_int64_t), "APR was built without large files");

const char *wxl_text_decimal(apr_pool_t *pool, apr_int64_t number)
{
    return apr_off_t_toa(pool, number);
}

const char *wxl_text_percent(apr_pool_t *pool, const char *text)
{
    static const char digits[] = "0123456789ABCDEF";
    char *out = apr_palloc(pool, 3 * strlen(text) + 1);
    char *to = out;

    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;

        if (c < 0x80 && (apr_isalnum(c) || strchr("-._~", c))) {
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
