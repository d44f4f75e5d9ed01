/*
 * web/limit: holds requests to the rate limits of where they go.
 *
 * Limits may stand on any location of the server. They are applied as early as their key allows:
 * those that count addresses, and all where no sign-in is asked for, before authentication; the
 * rest behind it. Limits of our own endpoints that stand at no location are applied at the desk,
 * before the body is read. A request counts once in each limit, also when httpd redirects it
 * internally; subrequests and error documents do not count.
 */
#ifndef WXL_LIMIT_H
#define WXL_LIMIT_H

#include "web/call.h"

/** header_parser: before authentication. @return DECLINED, or DONE: refused and answered */
int wxl_limit_early(request_rec *r);

/** fixups: behind it. @return DECLINED, or DONE: refused and answered */
int wxl_limit_late(request_rec *r);

/**
 * The limits of our own endpoints, where their location has none of its own.
 * @return APR_SUCCESS, or failed with WXL_RATE_LIMITED
 */
apr_status_t wxl_limit_endpoint(wxl_call_t *call);

/** log_transaction: limits that count failures get to know how it ended. */
int wxl_limit_log(request_rec *r);

#endif
