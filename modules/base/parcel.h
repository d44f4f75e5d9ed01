/*
 * base/parcel: a list of strings in one block of memory, to be handed from one thread to another.
 *
 * The block is malloc'ed and used again and again; it only grows. One thread at a time: whoever
 * hands a parcel over sees to it that the other one takes it afterwards.
 */
#ifndef WXL_PARCEL_H
#define WXL_PARCEL_H

#include <apr_pools.h>

/** All zero: empty. */
typedef struct {
    const char **strings; /* the block: `count` pointers, and behind them the bytes */
    int count;
    apr_size_t size, room; /* bytes that are used, and bytes that there are */
} wxl_parcel_t;

/**
 * Copy strings into the parcel; what it held is gone.
 * @param strings some of them may be NULL, and stay so
 * @return 1, or 0 where there is no memory: the parcel is then empty
 */
int wxl_parcel_pack(wxl_parcel_t *parcel, const char *const *strings, int count);

/** @return a copy of the strings, in the pool */
const char **wxl_parcel_copy(apr_pool_t *pool, const wxl_parcel_t *parcel);

/** Free the block. */
void wxl_parcel_free(wxl_parcel_t *parcel);

#endif
