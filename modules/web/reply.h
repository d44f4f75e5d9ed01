/*
 * web/reply: the only place where an answer is written and a failure is logged.
 */
#ifndef WXL_REPLY_H
#define WXL_REPLY_H

#include "web/call.h"

/** Write what can be written beforehand. In post_config, in the parent; pconf keeps it. */
void wxl_reply_prepare(apr_pool_t *pconf);

/**
 * Send call->ready or call->answer, 200.
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
int wxl_reply_options(request_rec *r, const char *allow);

/**
 * Refuse a request in a hook: the same shape and log line, but sent when httpd answers the status.
 * ErrorDocument is passed over; headers that `Header always` adds are there (CORS needs them).
 * @return what a hook returns to httpd: the status
 */
int wxl_reply_refuse(wxl_call_t *call);

/** Hook insert_error_filter: lets what wxl_reply_refuse() said take the place of httpd's page. */
void wxl_reply_error_filter(request_rec *r);

/** Register the filter for it, while hooks are registered. */
void wxl_reply_register(void);

#endif
