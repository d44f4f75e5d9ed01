/* base/parcel: strings in one block. See parcel.h. */

#include "base/parcel.h"

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

static apr_size_t size_of(const char *const *strings, int count)
{
    apr_size_t size = (apr_size_t)count * sizeof(*strings);
    int i;

    for (i = 0; i < count; i++)
        size += strings[i] ? strlen(strings[i]) + 1 : 0;
    return size;
}

/* Room for so many bytes. What the block held need not be kept. */
static int make_room(wxl_parcel_t *parcel, apr_size_t size)
{
    if (parcel->room >= size)
        return 1;
    wxl_parcel_free(parcel);
    parcel->strings = malloc(size);
    parcel->room = parcel->strings ? size : 0;
    return parcel->strings != NULL;
}

int wxl_parcel_pack(wxl_parcel_t *parcel, const char *const *strings, int count)
{
    apr_size_t size = size_of(strings, count);
    char *to;
    int i;

    parcel->count = 0;
    parcel->size = 0;
    if (!make_room(parcel, size))
        return 0;
    to = (char *)(parcel->strings + count);
    for (i = 0; i < count; i++) {
        apr_size_t length = strings[i] ? strlen(strings[i]) + 1 : 0;

        parcel->strings[i] = strings[i] ? memcpy(to, strings[i], length) : NULL;
        to += length;
    }
    parcel->count = count;
    parcel->size = size;
    return 1;
}

const char **wxl_parcel_copy(apr_pool_t *pool, const wxl_parcel_t *parcel)
{
    const char **copy = apr_pmemdup(pool, parcel->strings, parcel->size);
    int i;

    for (i = 0; i < parcel->count; i++) {
        if (copy[i])
            copy[i] = (char *)copy + (copy[i] - (const char *)parcel->strings);
    }
    return copy;
}

void wxl_parcel_free(wxl_parcel_t *parcel)
{
    free(parcel->strings);
    parcel->strings = NULL;
    parcel->count = 0;
    parcel->size = parcel->room = 0;
}
