/*
 * base/clock: the time that only goes forward. Any thread.
 */
#ifndef WXL_CLOCK_H
#define WXL_CLOCK_H

#include <apr_time.h>

/** @return microseconds since the machine was started: it does not step, and is the same in all
    processes */
apr_time_t wxl_clock_steady(void);

#endif
