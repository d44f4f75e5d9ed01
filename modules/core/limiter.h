/*
 * core/limiter: at most N events in any T, for very many clients, counted by several processes.
 *
 * Pure arithmetic on a block of memory and a time that the caller gives. No lock: each state is
 * one 64-bit word, so a process may be killed at any instruction and harms nobody. Any thread of
 * any process that maps the block may call at any time; nothing is allocated.
 *
 * How it counts. A client has one slot for each event that its limit allows. An event takes a slot
 * that is free: never used, or its last event is T ago. So the events of one slot are at least T
 * apart, and N slots never hold more than N events of any T: no rolling window admits one too
 * many. A client is refused if and only if N events lie in the past T. Whoever is refused writes
 * nothing, so being refused does not prolong the wait.
 *
 * That is exact up to N = 64. Above, a slot is a group of g = ceil(N / 64) events and counts until
 * T after the last of them. Still never more than N events in any T; but a client may be refused
 * while there were only N - 2g + 1, because a group is forgotten as a whole.
 *
 * A full table never turns a limit off, and never forgets a client whose events still count. What
 * it does instead: clients that find no room share one row of slots with the other newcomers of
 * their set (one of many: an address chooses it by a secret), and one limit, until room comes up
 * by itself. wxl_limiter_counts() tells how often that happened.
 */
#ifndef WXL_LIMITER_H
#define WXL_LIMITER_H

#include <apr_time.h>

/** The largest N: a slot can count 4,095 events. */
#define WXL_LIMITER_MOST 250000

/* A client's place is kept for ten seconds longer than its events count, and a time that is further
   ahead than T and ten seconds is taken for one from before the clock was set back. So a caller may
   have read its clock ten seconds ago, and nobody is shut out for longer than 2 T and ten seconds.
 */

/** A table, as one process sees it. Constant after wxl_limiter_open(). */
typedef struct {
    apr_uint32_t limit;         /* N */
    apr_interval_time_t window; /* T, in microseconds */
    apr_uint32_t slots;         /* of a client */
    apr_uint32_t group;         /* events a slot holds */
    apr_uint32_t sets;          /* of eight clients each */
    apr_uint32_t stride;        /* words of a set */
    apr_uint64_t *memory;
} wxl_limiter_t;

/** What becomes of a request. */
typedef struct {
    int admitted;
    apr_uint32_t remaining;    /* how many more would be admitted now */
    apr_interval_time_t reset; /* until there will be more; 0: all of them are there */

    /* Where the event stands, for wxl_limiter_give_back(); NULL: it was not counted. */
    apr_uint64_t *slot;
    apr_uint64_t before, after;
} wxl_limiter_verdict_t;

/**
 * Draw up a table.
 * @param limit N, 1 to WXL_LIMITER_MOST
 * @param window T, in microseconds
 * @param clients how many it shall remember at once, without sharing
 * @return bytes of memory that wxl_limiter_open() needs; 0: more than this machine can address
 */
apr_size_t wxl_limiter_shape(wxl_limiter_t *limiter, apr_uint32_t limit, apr_interval_time_t window,
                             apr_uint32_t clients);

/**
 * Give a table its memory.
 * @param memory aligned to 64 bytes; all zero, or used by a table of the same shape
 */
void wxl_limiter_open(wxl_limiter_t *limiter, void *memory);

/**
 * May a client do it once more?
 * @param hash who it is: 64 bits of a keyed hash, which strangers cannot aim
 * @param now microseconds of a clock that all processes share and that does not step
 * @param take 1: count the event if it is admitted; 0: only ask
 */
void wxl_limiter_check(const wxl_limiter_t *limiter, apr_uint64_t hash, apr_time_t now, int take,
                       wxl_limiter_verdict_t *verdict);

/** Uncount an event that check() counted a moment ago: another limit refuses the request. */
void wxl_limiter_give_back(const wxl_limiter_verdict_t *verdict);

/**
 * Count a refused request in the statistics.
 * @return 1 if it is worth a log line: none was due for this client in the past minute
 */
int wxl_limiter_refused(const wxl_limiter_t *limiter, apr_uint64_t hash, apr_time_t now);

/**
 * How a table has fared since it was made.
 * @param refused requests that were refused
 * @param shared events counted in a shared row, for want of room
 */
void wxl_limiter_counts(const wxl_limiter_t *limiter, apr_uint64_t *refused, apr_uint64_t *shared);

#endif
