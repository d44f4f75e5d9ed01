/*
 * web/config_check: what must hold between directives. Seen by `httpd -t`.
 */
#ifndef WXL_CONFIG_CHECK_H
#define WXL_CONFIG_CHECK_H

#include "web/private.h"

/**
 * Check every server, and get ready what need not be made for each request. Runs in the
 * check_config hook, in the parent, on one thread.
 *
 * A server is checked where one of our handlers is mapped to it by SetHandler. Handlers mapped in
 * ways that cannot be seen here (AddHandler, .htaccess) find out from wxl_config_t.not_ready.
 * @return OK, or HTTP_INTERNAL_SERVER_ERROR after each fault has been logged with what to write
 */
int wxl_config_check(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *main);

#endif
