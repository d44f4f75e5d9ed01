/* base/clock: the time that only goes forward. See clock.h. */

#include "base/clock.h"

#include <time.h>

apr_time_t wxl_clock_steady(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return apr_time_from_sec((apr_time_t)now.tv_sec) + now.tv_nsec / 1000;
}
