/*
 * base/breaker: stops asking something that is known to be down.
 *
 * Pure arithmetic on one word; no lock, no clock of its own. Closed: everybody passes. Opened by
 * a failure until a moment; when that moment has passed exactly one caller passes as the probe and
 * the others wait for its news (until the probe's own time is over, should it never report).
 *
 * Any thread of the process; the word may also lie in shared memory.
 */
#ifndef WXL_BREAKER_H
#define WXL_BREAKER_H

#include <apr_time.h>

typedef struct {
    apr_uint64_t until; /* 0: closed; else nobody passes before this time (microseconds) */
} wxl_breaker_t;

/**
 * May I ask?
 * @param probe how long a probe may take before another one is let through
 * @return 0: yes; else the microseconds to wait, at least 1
 */
apr_interval_time_t wxl_breaker_enter(wxl_breaker_t *breaker, apr_time_t now,
                                      apr_interval_time_t probe);

/**
 * It answered: close.
 * @return 1 if it was open (a change worth a log line), else 0
 */
int wxl_breaker_success(wxl_breaker_t *breaker);

/**
 * It did not answer: open for a while.
 * @return 1 if it was closed (a change worth a log line), else 0
 */
int wxl_breaker_failure(wxl_breaker_t *breaker, apr_time_t now, apr_interval_time_t pause);

#endif
