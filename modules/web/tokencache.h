/*
 * web/tokencache: access tokens that were believed a moment ago, shared by all children.
 *
 * Start-up: post_config → wxl_tokencache_start. Requests: any thread.
 */
#ifndef WXL_TOKENCACHE_H
#define WXL_TOKENCACHE_H

#include "web/private.h"

#include "core/tokens.h"
#include "web/config.h"

/** Take shared memory; where there is none each token is checked anew. */
void wxl_tokencache_start(server_rec *main_server);

/**
 * Believe an access token, or not: as wxl_tokens_check(), which is not asked about a token that it
 * has believed before.
 */
apr_status_t wxl_tokencache_check(wxl_errand_t *errand, const wxl_config_t *config,
                                  const char *token, wxl_claims_t *claims);

#endif
