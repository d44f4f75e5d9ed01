/*
 * base/breaker: stops asking something that is known to be down.
 *
 * Pure arithmetic on two words; no lock, no clock of its own. Closed: everybody passes. Enough
 * failures in a row, close enough to each other, open it for a while; then exactly one caller
 * passes as the probe, and the others wait for its news (until the probe's own time is over, should
 * it never report). Success closes it.
 *
 * Any thread; the words may lie in memory that processes share, and a process may die between any
 * two instructions.
 */
#ifndef WXL_BREAKER_H
#define WXL_BREAKER_H

#include <apr_time.h>

typedef struct {
    apr_uint64_t until;    /* 0: closed; else nobody passes before this time (microseconds) */
    apr_uint64_t failures; /* in a row: time of the first << 16 | count */
} wxl_breaker_t;

/** What opens it, and for how long. Constant. */
typedef struct {
    int failures;               /* in a row */
    apr_interval_time_t window; /* within this time of the first of them */
    apr_interval_time_t pause;  /* nobody passes for this long */
    apr_interval_time_t probe;  /* a probe may take this long before another one passes */
} wxl_breaker_rules_t;

/**
 * May I ask?
 * @param probe set to 1 if the caller is the probe: it should report, with the same word
 * @return 0: yes; else the microseconds to wait, at least 1
 */
apr_interval_time_t wxl_breaker_enter(wxl_breaker_t *breaker, const wxl_breaker_rules_t *rules,
                                      apr_time_t now, int *probe);

/**
 * It answered: close.
 * @return 1 if it was open (a change worth a log line), else 0
 */
int wxl_breaker_success(wxl_breaker_t *breaker);

/**
 * It did not answer. Once it is open only the probe's word counts: those that were under way when
 * it opened say nothing new.
 * @return 1 if this opened it (a change worth a log line), else 0
 */
int wxl_breaker_failure(wxl_breaker_t *breaker, const wxl_breaker_rules_t *rules, apr_time_t now,
                        int probe);

/** The probe did not get as far as asking: the next caller may be the probe. */
void wxl_breaker_undecided(wxl_breaker_t *breaker, apr_time_t now);

#endif
