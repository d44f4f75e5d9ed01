/*
 * web/bearer: the token that comes with a request: where it stands, and how it is kept out of
 * logs and away from back ends.
 *
 * A token in the query is taken out of it before any other module looks at the query, and is
 * remembered in the visit. Each function is called in the thread of the request.
 */
#ifndef WXL_BEARER_H
#define WXL_BEARER_H

#include "web/private.h"

#include "base/errand.h"

/**
 * Find the token, where WxLoginTokenFrom says; the first place that has one counts.
 * @param token NULL where there is none: no header, or one of another scheme
 * @return APR_SUCCESS, or WXL_AUTHORIZATION_HEADER failed: malformed, or more than one
 */
apr_status_t wxl_bearer_find(wxl_errand_t *errand, request_rec *r, const char **token);

/**
 * Hooks pre_translate_name, translate_name and header_parser: take the token out of the query. The
 * first two know <Location>, the last one also <Directory>.
 * @return DECLINED
 */
int wxl_bearer_take(request_rec *r);

/**
 * Hook post_read_request: take tokens out of the request line, which is what the access log shows,
 * by all the names that are used anywhere in the server; and out of the URI, until the location is
 * known.
 * @return DECLINED
 */
int wxl_bearer_blur(request_rec *r);

/**
 * Hook log_transaction, before mod_log_config: the same for what failed before that, and for the
 * queries of locations that use no query tokens.
 * @return DECLINED
 */
int wxl_bearer_forget(request_rec *r);

#endif
