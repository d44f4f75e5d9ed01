/*
 * base/batch: calls that come together are carried out together.
 *
 *     join ──► LEAD    the caller carries out the load, his own call among it: he gives each its
 *         │            reply, and ends the load
 *         ├──► REPLY   another one has done it: here is the row
 *         ├──► FAILED  another one has tried: the errand has failed as his did
 *         ├──► ALONE   it could not be done together: the caller does it for himself
 *         └──► LATE    nobody did it in time
 *
 * Whoever finds an idle slot leads at once, and takes along those who wait; whoever comes while all
 * slots are busy waits for the next load. So a caller who is alone is not delayed, the load grows
 * with the time that one takes, and nobody leads twice for one call. There is no thread and no
 * timer in it.
 *
 * A load that hangs must not hold up everybody: when the newest one has been under way for longer
 * than `patience`, none of them takes up a slot any more. But never are there more than `most`.
 *
 * Memory: what a call brings and gets is copied into its seat, which belongs to the room. So nobody
 * touches the pool of another thread, and a caller whose time is up may leave his load behind.
 *
 * One room for each child, made when it starts; all else on any thread.
 */
#ifndef WXL_BATCH_H
#define WXL_BATCH_H

#include "base/errand.h"

/** Calls in a load, at most. */
#define WXL_BATCH_MAX 64

typedef struct wxl_batch_t wxl_batch_t;

typedef struct {
    int slots;                    /* loads under way at a time, as long as none takes long */
    int most;                     /* and when they do */
    apr_interval_time_t patience; /* how long is long */
} wxl_batch_rules_t;

/** What a caller wants. Strings, of which the first tells what it is about: a load has no two calls
    of the same, and is ordered by it (bytewise). */
typedef struct {
    const void *kind; /* a load has calls of one kind only */
    const char *const *args;
    int count;           /* of args, at least 1 */
    apr_time_t deadline; /* until when he waits */
} wxl_batch_call_t;

typedef enum {
    WXL_BATCH_ALONE = 0,
    WXL_BATCH_LEAD,
    WXL_BATCH_REPLY,
    WXL_BATCH_FAILED,
    WXL_BATCH_LATE
} wxl_batch_role_t;

/** One call of a load. To be read by the leader; `seat` and what follows it are the room's. */
typedef struct {
    const char *const *args;
    struct wxl_batch_seat_t *seat; /* NULL: the leader's own call */
} wxl_batch_member_t;

/** What a leader carries out. Storage of his; between join and end he alone reads it. */
typedef struct {
    int count; /* 1: he is alone, and need not give himself a reply */
    wxl_batch_member_t members[WXL_BATCH_MAX];
    apr_uint64_t number;
    wxl_batch_role_t own; /* what the leader's call came to: ALONE, until he replies or fails;
                             FAILED he may set himself, where it is he alone who has */
    const char **own_row;
} wxl_batch_load_t;

/**
 * Make a room. It is gone with the pool, when nobody is in it any more.
 * @param rules copied
 */
wxl_batch_t *wxl_batch_create(apr_pool_t *pool, const wxl_batch_rules_t *rules);

/**
 * Join in. May block, up to call->deadline.
 * @param errand gets the failure of the leader's with FAILED, is not touched otherwise
 * @param load filled in with LEAD, and then wxl_batch_end() must follow
 * @param row with REPLY: a copy, in the errand's pool; NULL where there is none
 */
wxl_batch_role_t wxl_batch_join(wxl_batch_t *batch, wxl_errand_t *errand,
                                const wxl_batch_call_t *call, wxl_batch_load_t *load,
                                const char ***row);

/**
 * Leader: the reply to the call at an index. Those that get none are sent away as ALONE.
 * @param row columns, copied (the leader's own: not copied); NULL: there is none
 */
void wxl_batch_reply(wxl_batch_load_t *load, int index, const char **row, int columns);

/** Leader: all have failed, and why. His own errand is not this room's business. */
void wxl_batch_fail(wxl_batch_load_t *load, const wxl_errand_t *errand);

/**
 * Leader: done. The slot is free, everybody gets what there is for him, and one of those who have
 * come meanwhile is woken to lead the next load.
 */
void wxl_batch_end(wxl_batch_t *batch, wxl_batch_load_t *load);

/** @return how many wait for the next load at this moment */
int wxl_batch_waiting(wxl_batch_t *batch);

#endif
