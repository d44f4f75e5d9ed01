/*
 * core/recall: what is remembered of users, in memory that processes share.
 *
 * Entries are sealed (base/sealed), so there is no lock: any thread of any process, at any time.
 *
 * An entry is 96 words of 64 bits:
 *
 *     0 checksum │ 1 id │ 2 realm │ 3 learnt, µs │ 4 flags and lengths │ 5… username, user_type
 *
 * Entries stand in sets of four; a user has his place in one set, where the one learnt longest ago
 * makes room. There are no pointers in it: each process may see the memory at another address.
 */
#ifndef WXL_RECALL_H
#define WXL_RECALL_H

#include <apr_pools.h>

#include "core/users.h"

typedef struct {
    apr_uint64_t *words; /* NULL: nothing is remembered */
    apr_size_t sets;
} wxl_recall_t;

/** @return bytes that a memory of so many users takes, at least */
apr_size_t wxl_recall_size(apr_size_t users);

/**
 * Use memory.
 * @param memory aligned to 8 bytes; all zero when it is used for the first time
 */
void wxl_recall_use(wxl_recall_t *recall, void *memory, apr_size_t size);

/** What is remembered of a user. */
typedef struct {
    wxl_user_t user; /* id, username, user_type and the flags; an id of 0: there was no such user */
    apr_time_t learnt; /* when it was so, microseconds since 1970 */
} wxl_recalled_t;

/**
 * What is remembered of a user?
 * @param realm tells users of one data base from those of another
 * @param pool where username and user_type are copied to
 * @return 1, or 0 where nothing is remembered
 */
int wxl_recall_get(const wxl_recall_t *recall, apr_uint64_t realm, apr_int64_t id, apr_pool_t *pool,
                   wxl_recalled_t *recalled);

/**
 * Remember. What has been learnt later than this stays.
 * @param user NULL: there is none of this id
 * @param learnt when the data base was asked
 */
void wxl_recall_put(const wxl_recall_t *recall, apr_uint64_t realm, apr_int64_t id,
                    const wxl_user_t *user, apr_time_t learnt);

/**
 * Forget a user. What was learnt of him before `when` is not remembered afterwards either.
 */
void wxl_recall_forget(const wxl_recall_t *recall, apr_uint64_t realm, apr_int64_t id,
                       apr_time_t when);

#endif
