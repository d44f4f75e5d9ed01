/*
 * web/desk: what every endpoint has in common: method, configuration, body, answer or error.
 */
#ifndef WXL_DESK_H
#define WXL_DESK_H

#include "web/call.h"

/**
 * Serve a request from its first byte to its last.
 * @param endpoint what is special about it
 * @return what a handler returns to httpd
 */
int wxl_desk_serve(request_rec *r, const wxl_endpoint_t *endpoint);

/**
 * Answer a call, or log and answer its failure.
 * @param rv what the endpoint returned
 * @return what a handler returns to httpd
 */
int wxl_desk_answer(wxl_call_t *call, apr_status_t rv);

#endif
