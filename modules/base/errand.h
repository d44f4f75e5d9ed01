/*
 * base/errand: one call through the house, and the first reason why it failed.
 *
 * The desk makes an errand for each request; every room below gets it as its first argument. It
 * belongs to one thread at a time (the story may go on in another thread after WeChat answered,
 * never in two at once).
 */
#ifndef WXL_ERRAND_H
#define WXL_ERRAND_H

#include <apr_pools.h>
#include <apr_time.h>

#include "base/problem.h"

/** A field that is wrong, behind the first one. */
typedef struct wxl_wrong_t {
    struct wxl_wrong_t *next;
    wxl_problem_t problem;
    const char *field;
    int limit;
} wxl_wrong_t;

typedef struct {
    apr_pool_t *pool; /* whatever a room returns lives here, unless its header says otherwise */
    apr_time_t now;   /* the one clock: microseconds since 1970, set by the desk or by a test */

    /* Set by wxl_fail() and the helpers below; read by the desk. */
    wxl_problem_t problem; /* WXL_OK until something failed */
    apr_status_t rv;       /* the cause as APR knows it, or APR_SUCCESS */
    const char *why;       /* for the log only, never for a client; holds no secret */
    const char *field;     /* name of the field that is wrong, or NULL */
    int limit;             /* with WXL_FIELD_TOO_LONG: characters allowed */
    int retry_after;       /* seconds, 0: unknown */
    int errcode;           /* with WXL_WECHAT_ERROR: WeChat's own number */
    const char *errmsg;    /* with WXL_WECHAT_ERROR: WeChat's own text, untouched */
    int bare_fields;    /* the client expects the names of fields at the top of the answer, too */
    wxl_wrong_t *wrong; /* further fields that are wrong, in no order; NULL: none */
} wxl_errand_t;

/**
 * Begin an errand.
 * @param errand storage of the caller, overwritten
 * @param pool where results are allocated
 * @param now time of the call
 */
void wxl_errand_init(wxl_errand_t *errand, apr_pool_t *pool, apr_time_t now);

/**
 * Fail: the only way to do it. The first failure is kept, later ones are ignored.
 * @param rv the cause; APR_SUCCESS where there is none but the problem itself
 * @param why printf format for the log line. Neither it nor an argument may hold a secret
 * @return never APR_SUCCESS: rv, or APR_EGENERAL in its place, so that a room can
 *         `return wxl_fail(...)`
 */
apr_status_t wxl_fail(wxl_errand_t *errand, wxl_problem_t problem, apr_status_t rv, const char *why,
                      ...) __attribute__((format(printf, 4, 5)));

/**
 * Fail because of one field of the request. May be called for several fields: all are told to the
 * client, the first is the errand's problem.
 * @param field name of the field, not copied
 * @param limit with WXL_FIELD_TOO_LONG the characters allowed, else 0
 * @return APR_EINVAL
 */
apr_status_t wxl_fail_field(wxl_errand_t *errand, wxl_problem_t problem, const char *field,
                            int limit);

#endif
