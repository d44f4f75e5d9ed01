/*
 * base/sealed: entries in memory that processes share, without a lock.
 *
 * An entry is a row of 64-bit words, of which the first is a checksum of the others. Whoever reads
 * copies the entry and checks the copy. So two writers at a time, or one that is killed half way,
 * spoil at worst the one entry they write, which then counts as empty. The checksum need not resist
 * an attacker: nobody chooses what two writers mix. Any thread of any process, at any time.
 */
#ifndef WXL_SEALED_H
#define WXL_SEALED_H

#include <apr.h>

/** One word of shared memory, as it is at this moment. */
apr_uint64_t wxl_sealed_peek(const apr_uint64_t *word);

/**
 * Copy an entry out.
 * @param to room for `count` words
 * @return 1 where the copy is whole; 0: the entry is empty, spoilt, or of another length
 */
int wxl_sealed_get(const apr_uint64_t *from, apr_uint64_t *to, int count);

/** Copy an entry in; from[0] is not looked at. */
void wxl_sealed_put(apr_uint64_t *to, const apr_uint64_t *from, int count);

/** Make an entry empty. */
void wxl_sealed_clear(apr_uint64_t *entry);

/** Mix a word into a hash: even, but not secret. */
apr_uint64_t wxl_sealed_mix(apr_uint64_t hash, apr_uint64_t word);

#endif
