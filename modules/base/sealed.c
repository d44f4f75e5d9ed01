/* base/sealed: entries with a checksum. See sealed.h. */

#include "base/sealed.h"

#define SUM 0
#define START 0x9E3779B97F4A7C15ULL

apr_uint64_t wxl_sealed_peek(const apr_uint64_t *word)
{
    return __atomic_load_n(word, __ATOMIC_RELAXED);
}

static void store(apr_uint64_t *word, apr_uint64_t value)
{
    __atomic_store_n(word, value, __ATOMIC_RELAXED);
}

/* One round of the finalizer of MurmurHash3. */
apr_uint64_t wxl_sealed_mix(apr_uint64_t hash, apr_uint64_t word)
{
    hash ^= word;
    hash *= 0xFF51AFD7ED558CCDULL;
    hash ^= hash >> 33;
    hash *= 0xC4CEB9FE1A85EC53ULL;
    return hash ^ hash >> 29;
}

static apr_uint64_t sum_of(const apr_uint64_t *entry, int count)
{
    apr_uint64_t hash = START;
    int i;

    for (i = SUM + 1; i < count; i++)
        hash = wxl_sealed_mix(hash, entry[i]);
    return hash ? hash : 1; /* 0 stands in an entry that is empty */
}

int wxl_sealed_get(const apr_uint64_t *from, apr_uint64_t *to, int count)
{
    int i;

    to[SUM] = wxl_sealed_peek(from + SUM);
    if (to[SUM] == 0)
        return 0;
    for (i = SUM + 1; i < count; i++)
        to[i] = wxl_sealed_peek(from + i);
    return to[SUM] == sum_of(to, count);
}

void wxl_sealed_put(apr_uint64_t *to, const apr_uint64_t *from, int count)
{
    int i;

    store(to + SUM, 0);
    for (i = SUM + 1; i < count; i++)
        store(to + i, from[i]);
    store(to + SUM, sum_of(from, count));
}

void wxl_sealed_clear(apr_uint64_t *entry)
{
    store(entry + SUM, 0);
}
