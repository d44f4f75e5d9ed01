/*
 * core/wechat: what WeChat is asked (code2Session), and what its answer means.
 *
 * wxl_wechat_prepare() is called while the configuration is checked, the rest in a request. This
 * room talks to nobody: it makes the request and reads the reply, whoever carries them.
 *
 * Source: WeChat, "小程序登录", GET /sns/jscode2session; real answers differ from the page (no
 * errcode on success, text/plain, a rid behind errmsg).
 */
#ifndef WXL_WECHAT_H
#define WXL_WECHAT_H

#include "base/errand.h"
#include "gate/crypto.h"
#include "gate/http.h"

/** Longest code that is passed on, in characters. Recorded ones have 32; no length is promised. */
#define WXL_CODE_MAX 512

typedef struct {
    const char *appid;   /* NULL: not configured */
    wxl_secret_t secret; /* bytes NULL: not configured */
    const char *origin;  /* "https://api.weixin.qq.com", no final slash */
    apr_interval_time_t timeout;
    apr_interval_time_t connect_timeout;
    const char *ca; /* certificates that WeChat's is to be verified with, PEM; NULL: the system's */
    wxl_secret_t url; /* made by wxl_wechat_prepare(): all of the URL but the code */
} wxl_wechat_settings_t;

/** Are there credentials? Without them there is only mock mode. */
int wxl_wechat_configured(const wxl_wechat_settings_t *settings);

/** Do at start-up what need not be done for each sign-in. */
void wxl_wechat_prepare(apr_pool_t *pool, wxl_wechat_settings_t *settings);

/**
 * The request that exchanges a code.
 * @param request filled in; its URL is a secret
 */
void wxl_wechat_ask(wxl_errand_t *errand, const wxl_wechat_settings_t *settings, const char *code,
                    wxl_http_request_t *request);

/**
 * Read the reply. Its body is wiped: it holds the session_key.
 * @param openid the user, as WeChat calls it, 1 to WXL_OPENID_MAX characters; in the errand's pool
 * @return APR_SUCCESS, or failed: WXL_WECHAT_UNREACHABLE (no answer, HTTP error, no JSON),
 *         WXL_WECHAT_ERROR (an errcode), WXL_WECHAT_INVALID (JSON, but neither), WXL_WECHAT_BUSY
 *         (for want of a descriptor or of memory it was not asked: the code is as good as before)
 */
apr_status_t wxl_wechat_read(wxl_errand_t *errand, const wxl_wechat_settings_t *settings,
                             const wxl_http_reply_t *reply, const char **openid);

typedef enum {
    WXL_WECHAT_WELL,   /* it answered; errors of the client or the administrator are answers, too */
    WXL_WECHAT_SICK,   /* it did not answer, or not sensibly, or said itself that it is busy (-1) */
    WXL_WECHAT_UNKNOWN /* this machine failed, before WeChat could */
} wxl_wechat_health_t;

/** After wxl_wechat_read(): how is WeChat? */
wxl_wechat_health_t wxl_wechat_health(const wxl_errand_t *errand, const wxl_http_reply_t *reply);

#endif
