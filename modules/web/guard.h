/*
 * web/guard: AuthType WxLogin.
 *
 * The guard stands in httpd's own row of hooks, and leaves to mod_authz_core what Require means:
 *
 *     post_read_request    web/identity  forged headers go     web/bearer  tokens leave the log
 *     translate_name …     web/bearer    the token leaves the query
 *     force_authn          where a token is optional it is looked at all the same
 *     check_user_id        token → core/tokens, web/revocation, user → web/usercache;   401, 503
 *     auth_checker         mod_authz_core's "no" becomes 403; 401 where there is no user
 *     fixups               web/identity  environment and headers
 *     insert_error_filter  a 403 that Require gave before there was a user becomes ours, too
 *
 * Refusals are written by web/reply when httpd comes to answer them. All in the thread of the
 * request.
 */
#ifndef WXL_GUARD_H
#define WXL_GUARD_H

#include "web/call.h"

/** Hook force_authn. */
int wxl_guard_force(request_rec *r);

/** Hook check_user_id. */
int wxl_guard_authn(request_rec *r);

/** Hook auth_checker. */
int wxl_guard_authz(request_rec *r);

/** Hook fixups. */
int wxl_guard_fixup(request_rec *r);

/** Hook insert_error_filter, before wxl_reply_error_filter(). */
void wxl_guard_error(request_rec *r);

/**
 * Admit to an endpoint that asks the data base itself: its token is checked, here and without
 * AuthType. Of type wxl_serve_t; sets call->user_id and call->sid.
 * @return APR_SUCCESS, or failed: WXL_NOT_AUTHENTICATED, WXL_AUTHORIZATION_HEADER, what
 *         wxl_tokens_check() or wxl_revocation_ask() says, or for a token that was revoked
 *         WXL_TOKEN_INVALID, WXL_USER_INACTIVE, WXL_USER_NOT_FOUND
 */
apr_status_t wxl_guard_admit(wxl_call_t *call);

/** May he? @return APR_SUCCESS, or WXL_USER_INACTIVE failed */
apr_status_t wxl_guard_active(wxl_errand_t *errand, const wxl_user_t *user);

#endif
