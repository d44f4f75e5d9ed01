/*
 * web/request: what the client sent.
 */
#ifndef WXL_REQUEST_H
#define WXL_REQUEST_H

#include "web/call.h"

/** Does the client send a body? As its headers say; an empty one is none. */
int wxl_request_has_body(const request_rec *r);

/**
 * Read the body under its limits into call->fields: a JSON object, or a form whose fields become
 * strings. No body is like {}.
 * @return APR_SUCCESS, or failed with one of the WXL_BODY_ problems or WXL_MEDIA_TYPE
 */
apr_status_t wxl_request_read(wxl_call_t *call);

/**
 * A field that must be a string with something in it.
 * @param empty the problem where it is missing, null or blank; WXL_FIELD_REQUIRED tells the three
 *        apart
 * @param value trimmed
 */
apr_status_t wxl_request_string(wxl_call_t *call, const char *name, wxl_problem_t empty,
                                const char **value);

#endif
