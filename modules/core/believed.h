/*
 * core/believed: access tokens that were believed a moment ago, in memory that processes share.
 *
 * A phone sends the same token with each request. Once its signature has been checked and its
 * claims have been read, it is enough to see that it is the same token. The token itself is not
 * kept: it is known again by 128 bits of a keyed hash, with a key that is drawn at each start. So
 * a restart with other keys forgets all that was believed by the old ones, and nobody can make a
 * token that is mistaken for another.
 *
 * Only the signature and the form are taken on trust. Whether it has expired, and whether it was
 * revoked, is asked each time.
 *
 * Entries are sealed (base/sealed), and stand in sets of four; the token that expires first makes
 * room. Any thread of any process, at any time.
 */
#ifndef WXL_BELIEVED_H
#define WXL_BELIEVED_H

#include "core/tokens.h"

#define WXL_BELIEVED_SALT 32 /* bytes */

typedef struct {
    apr_uint64_t *words; /* NULL: nothing is remembered */
    apr_size_t sets;
    unsigned char salt[WXL_BELIEVED_SALT];
} wxl_believed_t;

/** @return bytes that a memory of so many tokens takes, at least */
apr_size_t wxl_believed_size(apr_size_t tokens);

/**
 * Use memory.
 * @param memory aligned to 8 bytes; it may hold what others have left there, under another salt
 * @param salt drawn at this start; copied
 */
void wxl_believed_use(wxl_believed_t *believed, void *memory, apr_size_t size,
                      const unsigned char salt[WXL_BELIEVED_SALT]);

/**
 * As wxl_tokens_check() of an access token; a token that was believed before is not checked again.
 * @param settings tell tokens of one server from those of another by their address
 */
apr_status_t wxl_believed_check(wxl_errand_t *errand, const wxl_believed_t *believed,
                                const wxl_tokens_settings_t *settings, const char *token,
                                wxl_claims_t *claims);

#endif
