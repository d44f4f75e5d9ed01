/*
 * core/revoked: what has been ended before its time, in memory that processes share.
 *
 * A register holds pairs of a key and a moment, in seconds since 1970: "the session S ended then",
 * "tokens of the user U that were issued up to then are dead". An entry is needed for a limited
 * time, the register's `lifetime`: then the last token that it could stop has expired by itself.
 *
 * Each entry is one word, so no writer can leave half of one behind, wherever it is killed; there
 * is no lock, and nothing to repair. Any thread of any process, at any time.
 *
 *     set: │ lost │ entry │ entry │ entry │ entry │ entry │ entry │ entry │    one cache line
 *     entry: key's tag, 32 bits │ moment, 32 bits        0: free
 *
 * A key has its place in one set. What does not fit is not forgotten: `lost` is the latest moment
 * that found no room. Whoever asks about a key of that set learns it, and has to ask elsewhere
 * about tokens that are as old as that.
 *
 * The tag and the choice of the set are bits of one hash. Two keys that agree in all of them share
 * an entry, so that one may be taken for revoked that is not: of the pairs of keys one in as many
 * as there are sets, times 2^32 (with 65536 entries: one in 9 * 10^13). Its owner signs in again.
 */
#ifndef WXL_REVOKED_H
#define WXL_REVOKED_H

#include <apr.h>

typedef struct {
    apr_uint64_t *words; /* NULL: nothing is remembered */
    apr_size_t sets;
    apr_int64_t lifetime; /* seconds for which an entry is needed */
} wxl_revoked_t;

/** What is known about a key. Moments in seconds since 1970. */
typedef struct {
    apr_int64_t moment; /* of the key; 0: it is not there */
    apr_int64_t lost;   /* the latest moment of an entry that may be missing; 0: none is */
} wxl_revoked_answer_t;

/** What became of an entry. */
typedef enum {
    WXL_REVOKED_KNOWN, /* it was there, or is over */
    WXL_REVOKED_NEW,
    WXL_REVOKED_LOST /* there was no room: it counts among what was lost, as news */
} wxl_revoked_entered_t;

/** @return bytes that a register of so many entries takes, 10 million at most */
apr_size_t wxl_revoked_size(apr_size_t entries);

/**
 * Use memory.
 * @param memory aligned to 64 bytes; all zero when it is used for the first time
 * @param size what wxl_revoked_size() said
 */
void wxl_revoked_use(wxl_revoked_t *revoked, void *memory, apr_size_t size, apr_int64_t lifetime);

/**
 * The key of some bytes.
 * @param realm tells keys that are the same bytes apart
 */
apr_uint64_t wxl_revoked_key(apr_uint64_t realm, const void *bytes, apr_size_t len);

/**
 * Enter a moment. Of several for one key the latest counts.
 * @param moment seconds since 1970; one that is over (now - moment >= lifetime) changes nothing,
 *        one beyond the year 2106 is taken for that
 */
wxl_revoked_entered_t wxl_revoked_add(const wxl_revoked_t *revoked, apr_uint64_t key,
                                      apr_int64_t moment, apr_int64_t now);

/** Look a key up. Entries that are over count as not there. */
wxl_revoked_answer_t wxl_revoked_find(const wxl_revoked_t *revoked, apr_uint64_t key,
                                      apr_int64_t now);

#endif
