/* base/breaker: stops asking what is down. See breaker.h. */

#include "base/breaker.h"

#include <apr_atomic.h>

#define COUNT_BITS 16
#define COUNT_MASK ((APR_UINT64_C(1) << COUNT_BITS) - 1)

apr_interval_time_t wxl_breaker_enter(wxl_breaker_t *breaker, const wxl_breaker_rules_t *rules,
                                      apr_time_t now, int *probe)
{
    apr_uint64_t until = apr_atomic_read64(&breaker->until);

    *probe = 0;
    if (until == 0)
        return 0;
    /* Further ahead than it was ever set: the clock has been set back. */
    if ((apr_uint64_t)now < until &&
        until - (apr_uint64_t)now <= (apr_uint64_t)(rules->pause + rules->probe))
        return (apr_interval_time_t)(until - (apr_uint64_t)now);
    /* Half open: whoever moves the word is the probe. */
    *probe = apr_atomic_cas64(&breaker->until, (apr_uint64_t)(now + rules->probe), until) == until;
    return *probe ? 0 : rules->probe;
}

int wxl_breaker_success(wxl_breaker_t *breaker)
{
    /* The usual case writes nothing. */
    if (apr_atomic_read64(&breaker->failures) != 0)
        apr_atomic_set64(&breaker->failures, 0);
    if (apr_atomic_read64(&breaker->until) == 0)
        return 0;
    return apr_atomic_xchg64(&breaker->until, 0) != 0;
}

/* Count a failure. @return how many there are in a row */
static int count(wxl_breaker_t *breaker, const wxl_breaker_rules_t *rules, apr_time_t now)
{
    apr_uint64_t seen, next;

    do {
        apr_time_t first;

        seen = apr_atomic_read64(&breaker->failures);
        /* Milliseconds: 48 bits hold them for 8900 years. */
        first = apr_time_from_msec((apr_time_t)(seen >> COUNT_BITS));
        if (seen == 0 || now - first > rules->window || first - now > rules->window)
            next = (apr_uint64_t)apr_time_as_msec(now) << COUNT_BITS | 1;
        else
            next = (seen & COUNT_MASK) < COUNT_MASK ? seen + 1 : seen;
    } while (apr_atomic_cas64(&breaker->failures, next, seen) != seen);
    return (int)(next & COUNT_MASK);
}

int wxl_breaker_failure(wxl_breaker_t *breaker, const wxl_breaker_rules_t *rules, apr_time_t now,
                        int probe)
{
    if (probe) {
        apr_atomic_set64(&breaker->until, (apr_uint64_t)(now + rules->pause));
        return 0;
    }
    if (apr_atomic_read64(&breaker->until) != 0 || count(breaker, rules, now) < rules->failures)
        return 0;
    apr_atomic_set64(&breaker->failures, 0);
    return apr_atomic_cas64(&breaker->until, (apr_uint64_t)(now + rules->pause), 0) == 0;
}

void wxl_breaker_undecided(wxl_breaker_t *breaker, apr_time_t now)
{
    apr_uint64_t until = apr_atomic_read64(&breaker->until);

    if (until > (apr_uint64_t)now) /* else closed, or open to a probe already */
        apr_atomic_cas64(&breaker->until, (apr_uint64_t)now, until);
}
