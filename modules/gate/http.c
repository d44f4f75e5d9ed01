/* gate/http: the words of a GET. See http.h. */

#include "gate/http.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <apr_strings.h>

#include "gate/crypto.h"

void wxl_http_fail(wxl_http_reply_t *reply, const char *why)
{
    memset(reply, 0, sizeof(*reply));
    reply->why = why;
}

void wxl_http_lack(wxl_http_reply_t *reply, const char *why)
{
    wxl_http_fail(reply, why);
    reply->ours = reply->unsent = 1;
}

apr_time_t wxl_http_clock(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return apr_time_from_sec((apr_time_t)now.tv_sec) + now.tv_nsec / 1000;
}

void wxl_http_adopt(apr_pool_t *pool, wxl_http_reply_t *reply)
{
    char *body = (char *)reply->body;

    reply->body = apr_pstrmemdup(pool, body ? body : "", reply->len);
    if (body)
        wxl_crypto_wipe(body, reply->len);
    free(body);
}
