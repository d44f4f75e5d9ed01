/*
 * web/caretaker: what a child does by itself, beside requests: it reads in the data base what was
 * ended elsewhere, so that the guard knows it (WxLoginRevocationPoll), and removes sessions that
 * are long over.
 *
 * Each child has a thread for it, for each data base: one that hangs does not hold up the others.
 * Yet each piece of work is done by one child at a time. When it is due stands in shared memory
 * (wxl_watch_t): whoever comes first puts it off and does it. There is no leader that could be
 * lost; what a child leaves undone because it was killed is soon due again, and another one comes
 * first.
 */
#ifndef WXL_CARETAKER_H
#define WXL_CARETAKER_H

#include "web/private.h"

/**
 * Start the threads, in a child, after the fork and after mod_dbd has got ready there. They end
 * with pchild; a data base that does not answer holds the end of a child up for some seconds at
 * most.
 */
void wxl_caretaker_child(apr_pool_t *pchild, server_rec *main_server);

#endif
