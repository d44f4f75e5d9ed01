/* web/language: Accept-Language. See language.h. */

#include "web/language.h"

#include <stdlib.h>

/* More ranges than any person lists. */
#define MOST_RANGES 20

/* Is it this language, or this language of somewhere? */
static int is_range(const char *range, const char *language)
{
    return ap_cstr_casecmpn(range, language, 2) == 0 && (!range[2] || range[2] == '-');
}

/* Split "en-GB;q=0.8" into range and quality (1 where none is given, 0 where it is garbled).
   ap_get_list_item() has already brought it into this form: no blanks, lower case. */
static double split(char *item)
{
    char *params = strchr(item, ';');
    const char *q;

    if (!params)
        return 1;
    *params++ = '\0';
    q = strstr(params, "q=");
    return q ? strtod(q + 2, NULL) : 1;
}

wxl_lang_t wxl_language_of(request_rec *r, wxl_lang_t preferred)
{
    const char *field = apr_table_get(r->headers_in, "Accept-Language");
    wxl_lang_t best = preferred;
    double best_quality = 0;
    int left = MOST_RANGES;
    char *item;

    while (field && left-- > 0 && (item = ap_get_list_item(r->pool, &field)) != NULL) {
        double quality = split(item);
        wxl_lang_t lang;

        if (is_range(item, "zh"))
            lang = WXL_LANG_ZH_CN;
        else if (is_range(item, "en"))
            lang = WXL_LANG_EN;
        else if (strcmp(item, "*") == 0)
            lang = preferred;
        else
            continue;
        if (quality > best_quality) {
            best = lang;
            best_quality = quality;
        }
    }
    return best;
}
