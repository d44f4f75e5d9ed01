/*
 * web/park: a connection waits without a thread.
 *
 * Under the event MPM of httpd 2.4.63 and later a connection may ask the MPM to wait for its socket
 * and to call back on a worker (CONN_STATE_ASYNC_WAITIO). Here the socket's descriptor is exchanged
 * for one of ours (an eventfd, a timerfd) while the wait lasts: the MPM polls that, and keep-alive,
 * TimeOut, graceful stop and the scoreboard stay the MPM's business.
 *
 *     handler          wxl_park(): SUSPENDED
 *     process_connection hook, after the MPM's own processing: descriptor exchanged, WAITIO
 *     ... no thread ...
 *     process_connection hook, on any worker: descriptor restored, resume(), answer
 *     pre_close_connection hook: TimeOut or an error came first: restored, resume(gone), answer
 */
#ifndef WXL_PARK_H
#define WXL_PARK_H

#include "web/private.h"

/**
 * What to do when the descriptor is readable.
 * @param gone the wait ended in another way (TimeOut, connection closing): answer now or never
 * @return what a handler returns; SUSPENDED to wait again, unless gone
 */
typedef int (*wxl_resume_t)(request_rec *r, void *baton, int gone);

/** Ask once, in child_init, whether this MPM can park. Without it nothing is ever parked. */
void wxl_park_child(apr_pool_t *pchild, server_rec *server);

/** Can this child park connections at all? */
int wxl_park_available(void);

/** Is this child ending in good order? What waits already is answered, nothing new is parked. */
int wxl_park_ending(void);

/**
 * Can this request be parked? Not where somebody else owns the connection's fate: HTTP/2 streams,
 * subrequests, internal redirects, output that is still to be flushed.
 */
int wxl_park_can(request_rec *r);

/**
 * An eventfd to wait for, which does not ring. It is the connection's, made once and used again;
 * when a request resumes it has been silenced.
 * @return -1: there is no descriptor left
 */
int wxl_park_bell(request_rec *r);

/**
 * The descriptor to ring that bell by: another one of the same eventfd. The one above is lent to
 * the MPM, which may close it after an error of its own; then its number may belong to somebody
 * else while it is still rung. This one is not closed before the connection ends.
 * @return -1: there is no bell
 */
int wxl_park_rope(request_rec *r);

/** It rang, and there is no need to park. */
void wxl_park_silence(request_rec *r);

/**
 * Park: called in a handler, which returns what this returns.
 * @param descriptor to wait for: the bell, or one that is the caller's to close, in a cleanup of
 *        r->pool registered before
 * @param resume called once for each wake-up
 * @return SUSPENDED
 */
int wxl_park(request_rec *r, int descriptor, wxl_resume_t resume, void *baton);

/**
 * Wait again, for another descriptor or the same one: called in resume, which returns what this
 * returns.
 */
int wxl_park_again(request_rec *r, int descriptor);

/** Has the MPM closed this descriptor, for which a parked request waited, in an error path? Then
    nobody else may: its number belongs to another. For cleanups of r->pool. */
int wxl_park_lost(request_rec *r, int descriptor);

/** Hooks of the roof. */
int wxl_park_process(conn_rec *c);
int wxl_park_pre_close(conn_rec *c);

#endif
