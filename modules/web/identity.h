/*
 * web/identity: who it is, as told to those behind the guard: in the environment, and in request
 * headers for back ends.
 *
 * Whoever reads the headers believes them, so nobody but us may set them: a client's own are
 * removed from each request before anything else is done with it. Each function is called in the
 * thread of the request.
 */
#ifndef WXL_IDENTITY_H
#define WXL_IDENTITY_H

#include "web/private.h"

#include "core/users.h"

/**
 * Hook post_read_request, the first of all: remove the client's copies. X-Wx-User… and X-Wx-Is… in
 * any case, with whatever stands for a hyphen: what a back end could take for ours is gone.
 * @return DECLINED
 */
int wxl_identity_scrub(request_rec *r);

/** Set environment and headers, instead of those set before. @param user NULL: nobody known */
void wxl_identity_tell(request_rec *r, const wxl_user_t *user);

/** The environment alone, for what is served by ourselves. */
void wxl_identity_note(request_rec *r, const wxl_user_t *user);

/** The input filter that removes the client's copies from the trailers of a body. */
void wxl_identity_register(void);

#endif
