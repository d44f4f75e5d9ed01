/*
 * web/waits: how many sign-ins may wait for WeChat in one child at a time.
 *
 * Parked ones cost descriptors and places among the child's connections; blocking ones cost
 * threads, and WeChat gets at most half of those (under prefork: of the processes), so that the
 * other half is there for everything else: a sick one with sign-ins that wait in a thread each, and
 * one that has become well with the parked ones that it answers all at once.
 */
#ifndef WXL_WAITS_H
#define WXL_WAITS_H

#include "web/private.h"

/** Work out what this configuration can carry, and warn where it is less than was asked for.
    Called in post_config. @return OK, or HTTP_INTERNAL_SERVER_ERROR */
int wxl_waits_start(server_rec *main_server);

/** Get ready in a child, after the fork. */
void wxl_waits_child(apr_pool_t *pchild);

/** How many wait, for the page of mod_status: its optional hook. @param flags AP_STATUS_… */
int wxl_waits_status(request_rec *r, int flags);

/** @return how many threads of a child sign-ins may take, those that wait in them and those that
    are woken when WeChat has answered: half, at least 1. Once wxl_waits_start() has run */
int wxl_waits_share(void);

/** One more could not wait: tell the log, once in a while. */
void wxl_waits_refused(server_rec *server);

/** A parked wait begins. @param most the virtual host's WxLoginExchangeLimit. @return 1, or 0 where
    there are too many */
int wxl_waits_park(int most);
void wxl_waits_unpark(void);

/** A blocking wait begins. @param r the request. @return 1, or 0 where there are too many */
int wxl_waits_block(const request_rec *r);
void wxl_waits_unblock(const request_rec *r);

#endif
