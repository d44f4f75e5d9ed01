/*
 * web/upstream: what the whole server knows of WeChat: is it well, and which codes were
 * asked about.
 *
 * The breaker and the table of codes lie in shared memory; this room puts the lock around the table
 * and the rules to the breaker. Any thread of any child.
 */
#ifndef WXL_UPSTREAM_H
#define WXL_UPSTREAM_H

#include "web/private.h"

#include "core/codes.h"
#include "core/wechat.h"
#include "web/call.h"

/** Register our name for the Mutex directive; called in pre_config. */
void wxl_upstream_register(apr_pool_t *pconf);

/** Make what is shared; called in post_config. @return OK, or HTTP_INTERNAL_SERVER_ERROR */
int wxl_upstream_start(server_rec *main_server);

/** Get ready in a child. */
void wxl_upstream_child(apr_pool_t *pchild, server_rec *server);

/**
 * May WeChat be asked?
 * @param probe set to 1 where this exchange decides whether the others may
 * @return APR_SUCCESS, or WXL_WECHAT_BUSY failed, with the seconds to wait; not worth a line in the
 *         log, which was told when the breaker opened
 */
apr_status_t wxl_upstream_enter(wxl_call_t *call, int *probe);

/** Tell how WeChat was. @param call its errand says why, if it was not well
    @param probe as wxl_upstream_enter() set it */
void wxl_upstream_report(const wxl_call_t *call, wxl_wechat_health_t health, int probe);

/** core/codes under its lock. @return of claim: as there */
wxl_codes_key_t wxl_upstream_key(apr_pool_t *pool, const char *asked, const char *code);
wxl_codes_claim_t wxl_upstream_claim(const wxl_codes_ask_t *ask, wxl_codes_ticket_t *ticket,
                                     wxl_codes_outcome_t *outcome);
void wxl_upstream_publish(const wxl_codes_ticket_t *ticket, const wxl_codes_outcome_t *outcome,
                          apr_time_t now);
void wxl_upstream_give_up(const wxl_codes_ticket_t *ticket);

#endif
