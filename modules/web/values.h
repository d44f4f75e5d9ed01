/*
 * web/values: what directives accept, and what they say of the rest.
 *
 * While the configuration is read, on one thread. What is not accepted comes back as the sentence
 * that httpd shows; NULL: it is right.
 */
#ifndef WXL_VALUES_H
#define WXL_VALUES_H

#include "web/private.h"

/** The sentence of every refusal. @param right what to write instead */
const char *wxl_values_refuse(cmd_parms *cmd, const char *value, const char *right);

/** A number from 1 to `most`. @param of what it is a number of: "bytes" */
const char *wxl_values_number(cmd_parms *cmd, const char *value, apr_off_t most, const char *of,
                              apr_off_t *number);

/** A duration, or "off" for 0. @param span microseconds */
const char *wxl_values_span(cmd_parms *cmd, const char *value, apr_interval_time_t *span);

#endif
