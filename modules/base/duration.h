/*
 * base/duration: lengths of time as an administrator writes them: 300, 5m, 7d.
 *
 * Called while the configuration is read. Nothing is allocated.
 */
#ifndef WXL_DURATION_H
#define WXL_DURATION_H

#include <apr_time.h>

/**
 * Read a duration: digits, then nothing or one of s, m, h, d (either case).
 * @param text what the administrator wrote
 * @param seconds the result, at least 1
 * @return NULL, or a sentence fragment that says what would be right (static)
 */
const char *wxl_duration_parse(const char *text, apr_int64_t *seconds);

#endif
