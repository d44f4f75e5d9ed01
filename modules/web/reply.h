/*
 * web/reply: the only place where an answer is written and a failure is logged.
 */
#ifndef WXL_REPLY_H
#define WXL_REPLY_H

#include "web/call.h"

/** The methods that every endpoint of today has, for Allow. */
#define WXL_ALLOW "POST, OPTIONS"

/** Write what can be written beforehand. In post_config, in the parent; pconf keeps it. */
void wxl_reply_prepare(apr_pool_t *pconf);

/**
 * Send call->answer, 200.
 * @return what a handler returns to httpd
 */
int wxl_reply_answer(wxl_call_t *call);

/**
 * Send the failure of call->errand in the one shape of errors (wire contract, section 2) and write
 * its one log line.
 * @return what a handler returns to httpd
 */
int wxl_reply_problem(wxl_call_t *call);

/** Answer OPTIONS: 204 with Allow. */
int wxl_reply_options(request_rec *r);

#endif
