/* core/client: what a client looks like. See client.h. */

#include "core/client.h"

#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "base/text.h"
#include "gate/json.h"

/* What WeChat's user agents say of where it runs. The first that is found counts: what pretends to
   be another stands before it. */
static const struct {
    const char *word, *platform;
} platforms[] = {
    {"wechatdevtools", "WeChat DevTools"},
    {"OpenHarmony", "HarmonyOS"},
    {"HarmonyOS", "HarmonyOS"},
    {"iPad", "iPad"},
    {"iPhone", "iPhone"},
    {"Android", "Android"},
    {"Windows", "Windows"},
    {"Macintosh", "Mac"},
    {"Linux", "Linux"},
};

/* A text as it may be kept. What is not UTF-8 keeps its ASCII.
   @return NULL where nothing is left */
static const char *clean(apr_pool_t *pool, const char *text, size_t most)
{
    int is_utf8;
    char *copy, *c;

    if (!text)
        return NULL;
    is_utf8 = wxl_json_is_utf8(text, strlen(text));
    copy = apr_pstrdup(pool, text);
    for (c = copy; *c; c++) {
        if (apr_iscntrl(*c))
            *c = ' ';
        else if (!is_utf8 && !apr_isascii(*c))
            *c = '?';
    }
    text = wxl_text_trim(pool, wxl_text_cut(pool, wxl_text_trim(pool, copy), most));
    return *text ? text : NULL;
}

/* The number behind "MicroMessenger/", up to what no person wants to know: 8.0.49 */
static const char *wechat_version(apr_pool_t *pool, const char *user_agent)
{
    const char *mark = strstr(user_agent, "MicroMessenger/");
    size_t len;

    if (!mark)
        return NULL;
    mark += strlen("MicroMessenger/");
    len = strspn(mark, "0123456789.");
    return len > 0 ? apr_pstrmemdup(pool, mark, len) : NULL;
}

static const char *device_of(apr_pool_t *pool, const char *user_agent)
{
    const char *platform = NULL, *version;
    size_t i;

    if (!user_agent)
        return NULL;
    for (i = 0; i < sizeof(platforms) / sizeof(platforms[0]) && !platform; i++) {
        if (strstr(user_agent, platforms[i].word))
            platform = platforms[i].platform;
    }
    version = wechat_version(pool, user_agent);
    if (!platform || !version)
        return platform ? platform : version ? apr_pstrcat(pool, "WeChat ", version, NULL) : NULL;
    if (strncmp(platform, "WeChat", 6) == 0)
        return apr_pstrcat(pool, platform, " ", version, NULL);
    return apr_pstrcat(pool, platform, ", WeChat ", version, NULL);
}

void wxl_client_describe(apr_pool_t *pool, wxl_client_t *client, const char *user_agent,
                         const char *device)
{
    client->user_agent = clean(pool, user_agent, WXL_USER_AGENT_MAX);
    client->device = clean(pool, device, WXL_DEVICE_MAX);
    if (!client->device) /* from the whole of it: the version often stands at the end */
        client->device = clean(pool, device_of(pool, user_agent), WXL_DEVICE_MAX);
}
