/*
 * fuzz: what every fuzzer needs: APR, and for each input a fresh pool and a copy on the heap that
 * ends exactly where the input ends, so that AddressSanitizer sees one byte too many.
 *
 * Memory of a pool is not watched by AddressSanitizer; freeing the pool each time at least shows
 * what points into it afterwards.
 */
#ifndef WXL_FUZZ_H
#define WXL_FUZZ_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>
#include <apr_pools.h>

#include "gate/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** What must hold, or the fuzzer stops here. */
#define HOLDS(fact) ((fact) ? (void)0 : abort())

static inline apr_pool_t *fuzz_pool(void)
{
    static apr_pool_t *parent;
    apr_pool_t *pool;

    if (!parent) {
        apr_initialize();
        atexit(apr_terminate);
        apr_pool_create(&parent, NULL);
        wxl_json_start();
    }
    apr_pool_create(&pool, parent);
    return pool;
}

/** @return a copy of the input with `more` (0 or 1) NUL bytes behind it, for free() */
static inline char *fuzz_copy(const uint8_t *data, size_t size, size_t more)
{
    char *copy = malloc(size + more ? size + more : 1);

    HOLDS(copy);
    if (size)
        memcpy(copy, data, size);
    memset(copy + size, 0, more);
    return copy;
}

#endif
