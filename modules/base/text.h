/*
 * base/text: the few questions about strings that several rooms ask.
 *
 * Any thread; results are allocated where said.
 */
#ifndef WXL_TEXT_H
#define WXL_TEXT_H

#include <stddef.h>

#include <apr_pools.h>

/**
 * Drop white space (ASCII) at both ends.
 * @return a pointer into text where only its beginning is dropped, else a copy in the pool
 */
const char *wxl_text_trim(apr_pool_t *pool, const char *text);

/**
 * Count the characters of a string, as a varchar(n) column and DRF's max_length do.
 * @param text valid UTF-8 (gate/json has checked it)
 * @return code points
 */
size_t wxl_text_length(const char *text);

/**
 * The beginning of a string, not cut within a character.
 * @param text valid UTF-8
 * @param most code points
 * @return text itself where it is no longer, else a copy in the pool
 */
const char *wxl_text_cut(apr_pool_t *pool, const char *text, size_t most);

/**
 * Format a time for a client: ISO 8601 with microseconds and the server's UTC offset,
 * "2026-11-22T22:14:22.101194+08:00".
 * @param usec microseconds since 1970, of a year with four digits
 * @return string in the pool
 */
const char *wxl_text_time(apr_pool_t *pool, apr_int64_t usec);

/** @return a number in decimal digits, in the pool */
const char *wxl_text_decimal(apr_pool_t *pool, apr_int64_t number);

/**
 * Percent-encode all but the unreserved characters (RFC 3986, section 2.3): safe in a header.
 * @return string in the pool
 */
const char *wxl_text_percent(apr_pool_t *pool, const char *text);

#endif
