/* web/exchange: the way to WeChat and back. See exchange.h. */

#include "web/exchange.h"

static wxl_http_t *http; /* of this child */

void wxl_exchange_child(apr_pool_t *pchild, server_rec *server)
{
    http = wxl_http_create(pchild);
    if (!http)
        ap_log_error(APLOG_MARK, APLOG_CRIT, 0, server,
                     "WXL0512: libcurl cannot start; sign-in will fail in this child");
}

void wxl_exchange_carry(apr_pool_t *pool, const wxl_http_request_t *request,
                        wxl_http_reply_t *reply)
{
    if (http) {
        wxl_http_get(http, pool, request, reply);
        return;
    }
    memset(reply, 0, sizeof(*reply));
    reply->body = "";
    reply->why = "libcurl did not start";
}
