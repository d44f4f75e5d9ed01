/*
 * gate/json: JSON through jansson, and nothing of jansson beyond this file.
 *
 * Values live in the pool they were made with. Any thread may use a value, one at a time.
 * wxl_json_start() is called once while the module is loaded.
 */
#ifndef WXL_JSON_H
#define WXL_JSON_H

#include <apr_pools.h>

#include "base/problem.h"

typedef struct wxl_json_t wxl_json_t;

typedef enum {
    WXL_JSON_ABSENT, /* no such key */
    WXL_JSON_NULL,
    WXL_JSON_STRING,
    WXL_JSON_INTEGER,
    WXL_JSON_OTHER /* true, false, a real, an array, an object */
} wxl_json_kind_t;

/** Seed the hash tables, before threads exist. May be called again. */
void wxl_json_start(void);

/**
 * Read one JSON object.
 *
 * Strict (RFC 8259): UTF-8 without BOM, nothing behind the object, no key twice, no U+0000 in any
 * spelling, no lone surrogate, numbers within 64 bits, at most 2048 levels deep. The length is the
 * caller's to limit.
 * @param text need not end with NUL
 * @param json the object, in the pool
 * @param at where reading stopped, in bytes, for the log
 * @return WXL_OK, or the WXL_BODY_ problem that says what is wrong
 */
wxl_problem_t wxl_json_parse(apr_pool_t *pool, const char *text, apr_size_t len, wxl_json_t **json,
                             int *at);

/** Is it UTF-8 without U+0000? */
int wxl_json_is_utf8(const char *text, apr_size_t len);

/** What stands under a key of an object? */
wxl_json_kind_t wxl_json_kind(const wxl_json_t *json, const char *key);

/** @return the string under a key (lives as long as json), NULL where there is no string */
const char *wxl_json_string(const wxl_json_t *json, const char *key);

/** @return 1 and the value where an integer stands under the key, else 0 */
int wxl_json_integer(const wxl_json_t *json, const char *key, apr_int64_t *value);

/**
 * A string, or a number as text: 1.5 is "1.5", as Django REST framework takes numbers for strings.
 * @return text in the pool, or NULL where neither stands under the key
 */
const char *wxl_json_text(apr_pool_t *pool, const wxl_json_t *json, const char *key);

/** @return a new, empty object in the pool; keys keep the order in which they are set */
wxl_json_t *wxl_json_object(apr_pool_t *pool);

/**
 * Give a value back before its pool is cleared, so that the next can have its memory. It is not
 * used again.
 * @param pool the one it was made with
 */
void wxl_json_drop(apr_pool_t *pool, wxl_json_t *json);

/*
 * Set a key of an object. A value that cannot be written (a string that is not UTF-8) is noticed
 * when it is written: wxl_json_write() then gives NULL instead of half an answer. A key is not
 * looked at: it is a word of ours, or wxl_json_is_utf8().
 */
void wxl_json_set_string(wxl_json_t *json, const char *key, const char *value); /* NULL: null */
void wxl_json_set_integer(wxl_json_t *json, const char *key, apr_int64_t value);
void wxl_json_set_bool(wxl_json_t *json, const char *key, int value);
/** Set an object under a key. The inner object may still be changed through `value`. */
void wxl_json_set_object(wxl_json_t *json, const char *key, wxl_json_t *value);
/** Set an array of one string under a key. */
void wxl_json_set_strings(wxl_json_t *json, const char *key, const char *value);
/** Set an empty array under a key, and put objects behind one another into it. */
void wxl_json_set_array(wxl_json_t *json, const char *key);
void wxl_json_append(wxl_json_t *json, const char *key, wxl_json_t *value);

/**
 * Write compactly, keys in order, UTF-8 as it is (RFC 8259).
 * @param len bytes without the final NUL; may be NULL
 * @return text in the pool, or NULL if a value could not be written
 */
const char *wxl_json_write(apr_pool_t *pool, const wxl_json_t *json, apr_size_t *len);

#endif
