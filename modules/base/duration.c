/* base/duration: lengths of time. See duration.h. */

#include "base/duration.h"

#include <errno.h>

#include <apr_lib.h>
#include <apr_strings.h>

/* A hundred years: longer is a slip of the finger, and later sums in microseconds stay exact. */
#define LONGEST (APR_INT64_C(100) * 366 * 86400)

static apr_int64_t unit_seconds(char unit)
{
    switch (apr_tolower(unit)) {
    case '\0':
    case 's': return 1;
    case 'm': return 60;
    case 'h': return 3600;
    case 'd': return 86400;
    default: return 0;
    }
}

const char *wxl_duration_parse(const char *text, apr_int64_t *seconds)
{
    static const char *form = "a number of seconds, or a number followed by s, m, h or d, "
                              "such as 300, 5m or 7d";
    apr_int64_t count, unit;
    char *end;

    if (!apr_isdigit(*text)) /* no sign, no blank in front */
        return form;
    errno = 0;
    count = apr_strtoi64(text, &end, 10);
    unit = unit_seconds(*end);
    if (errno != 0 || unit == 0 || (*end && end[1]))
        return form;
    if (count < 1)
        return "at least one second";
    if (count > LONGEST / unit)
        return "at most 100 years";
    *seconds = count * unit;
    return NULL;
}
