/*
 * fixture: what most test programs need: APR, a pool, and an errand with a clock of its own.
 */
#ifndef WXL_FIXTURE_H
#define WXL_FIXTURE_H

#include <stdlib.h>
#include <string.h>

#include <apr_general.h>
#include <apr_pools.h>
#include <apr_strings.h>

#include "base/errand.h"
#include "gate/json.h"

#include "tap.h"

/** The moment at which every test happens, unless it says otherwise: 2026-09-21T14:13:20Z. */
#define NOW INT64_C(1790000000)

static inline apr_pool_t *fixture_start(void)
{
    apr_pool_t *pool;

    apr_initialize();
    atexit(apr_terminate);
    apr_pool_create(&pool, NULL);
    wxl_json_start();
    return pool;
}

static inline wxl_errand_t fixture_errand(apr_pool_t *pool)
{
    wxl_errand_t errand;

    wxl_errand_init(&errand, pool, apr_time_from_sec(NOW));
    return errand;
}

/** The word that logs and messages use is too coarse: tests name a problem by its tag. */
static inline int tag_of(wxl_problem_t problem)
{
    return wxl_problem_info(problem)->tag;
}

/** A copy on the heap that ends exactly where the text ends: AddressSanitizer watches its end. */
static inline char *heap_copy(const char *text, size_t len)
{
    char *copy = malloc(len ? len : 1);

    if (!copy)
        abort();
    if (len)
        memcpy(copy, text, len);
    return copy;
}

#endif
