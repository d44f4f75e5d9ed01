/* base/breaker: stops asking what is down. See breaker.h. */

#include "base/breaker.h"

#include <apr_atomic.h>

apr_interval_time_t wxl_breaker_enter(wxl_breaker_t *breaker, apr_time_t now,
                                      apr_interval_time_t probe)
{
    apr_uint64_t until = apr_atomic_read64(&breaker->until);

    if (until == 0)
        return 0;
    if ((apr_uint64_t)now < until)
        return (apr_interval_time_t)(until - (apr_uint64_t)now);
    /* Half open: whoever moves the word is the probe. */
    if (apr_atomic_cas64(&breaker->until, (apr_uint64_t)(now + probe), until) == until)
        return 0;
    return probe;
}

int wxl_breaker_success(wxl_breaker_t *breaker)
{
    if (apr_atomic_read64(&breaker->until) == 0) /* the usual case writes nothing */
        return 0;
    return apr_atomic_xchg64(&breaker->until, 0) != 0;
}

int wxl_breaker_failure(wxl_breaker_t *breaker, apr_time_t now, apr_interval_time_t pause)
{
    return apr_atomic_xchg64(&breaker->until, (apr_uint64_t)(now + pause)) == 0;
}
