/*
 * wechat_settings: credentials as recorded ones look, and a secret key for the tokens.
 */
#ifndef WXL_WECHAT_SETTINGS_H
#define WXL_WECHAT_SETTINGS_H

#include "core/wechat.h"

#include "fixture.h"

#define APPID "wx0123456789abcdef"
#define APPSECRET "fedcba9876543210fedcba9876543210"

static inline wxl_wechat_settings_t wechat_settings(apr_pool_t *pool)
{
    wxl_wechat_settings_t settings = {
        .appid = APPID,
        .secret = {APPSECRET, sizeof(APPSECRET) - 1},
        .origin = "https://api.weixin.qq.com",
        .timeout = apr_time_from_sec(10),
        .connect_timeout = apr_time_from_sec(3),
    };

    wxl_wechat_prepare(pool, &settings);
    return settings;
}

/** A reply as gate/http hands it over: the body can be written to. */
static inline wxl_http_reply_t wechat_reply(apr_pool_t *pool, int status, const char *body)
{
    wxl_http_reply_t reply = {
        .status = status, .body = apr_pstrdup(pool, body), .len = strlen(body)};

    return reply;
}

#endif
