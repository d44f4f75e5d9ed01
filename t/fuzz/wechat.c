/* Fuzzer: WeChat's reply. Either an openid that fits its column, or one of three problems. */

#include "fuzz.h"

#include "base/text.h"
#include "core/users.h"
#include "core/wechat.h"

static const wxl_wechat_settings_t settings = {
    .appid = "wx0123456789abcdef",
    .secret = {"fedcba9876543210fedcba9876543210", 32},
};

static void told(const wxl_errand_t *errand, apr_status_t rv, const char *openid)
{
    if (rv == APR_SUCCESS) {
        HOLDS(openid && *openid && wxl_text_length(openid) <= WXL_OPENID_MAX);
        HOLDS(wxl_json_is_utf8(openid, strlen(openid)));
        return;
    }
    HOLDS(!openid && errand->why && !strstr(errand->why, settings.secret.bytes));
    if (errand->problem == WXL_WECHAT_ERROR) {
        HOLDS(errand->errcode != 0 && errand->errmsg);
        HOLDS(wxl_json_is_utf8(errand->errmsg, strlen(errand->errmsg)));
        HOLDS(!strstr(errand->errmsg, settings.secret.bytes));
        return;
    }
    HOLDS(errand->problem == WXL_WECHAT_UNREACHABLE || errand->problem == WXL_WECHAT_INVALID);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *pool = fuzz_pool();
    char *copy = fuzz_copy(data, size, 0);
    wxl_http_reply_t reply = {.status = 200, .body = copy, .len = size};
    const char *openid = NULL;
    wxl_errand_t errand;
    apr_status_t rv;

    wxl_errand_init(&errand, pool, 0);
    rv = wxl_wechat_read(&errand, &settings, &reply, &openid);
    free(copy);
    told(&errand, rv, openid);
    apr_pool_destroy(pool);
    return 0;
}
