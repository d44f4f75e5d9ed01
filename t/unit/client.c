/* core/client: what is kept of a client. */

#include "core/client.h"

#include "base/text.h"

#include "fixture.h"

static apr_pool_t *pool;

static const char *repeat(const char *text, int count)
{
    const char *all = "";

    while (count-- > 0)
        all = apr_pstrcat(pool, all, text, NULL);
    return all;
}

#define IOS "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4_1 like Mac OS X) AppleWebKit/605.1.15 "
#define WECHAT "MicroMessenger/8.0.49(0x1800312b) NetType/WIFI Language/zh_CN"

static void devices(void)
{
    static const struct {
        const char *user_agent, *device;
    } cases[] = {
        {IOS "(KHTML, like Gecko) Mobile/15E148 " WECHAT " miniProgram/wx1234567890",
         "iPhone, WeChat 8.0.49"},
        {"Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) Mobile/15E148 " WECHAT,
         "iPad, WeChat 8.0.49"},
        {"Mozilla/5.0 (Linux; Android 14; V2199A Build/UP1A; wv) Chrome/116.0 Mobile XWEB/1160065 "
         "MMWEBSDK/20231202 MicroMessenger/8.0.47.2560(0x28002F35) WeChat/arm64 Weixin "
         "MiniProgramEnv/android",
         "Android, WeChat 8.0.47.2560"},
        {"Mozilla/5.0 (Windows NT 10.0; WOW64) Chrome/107.0 Safari/537.36 "
         "MicroMessenger/7.0.20.1781(0x6700143B) MiniProgramEnv/Windows WindowsWechat/WMPF",
         "Windows, WeChat 7.0.20.1781"},
        {"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Safari/537.36 MicroMessenger/6.8.0"
         "(0x16080000) MiniProgramEnv/Mac MacWechat/WMPF",
         "Mac, WeChat 6.8.0"},
        {"Mozilla/5.0 (Phone; OpenHarmony 5.0) ArkWeb/4.1.6.1 Mobile MicroMessenger/8.0.11 "
         "MiniProgramEnv/ohos",
         "HarmonyOS, WeChat 8.0.11"},
        {"Mozilla/5.0 (Linux; Android 12; HarmonyOS; NOH-AN00) MicroMessenger/8.0.42",
         "HarmonyOS, WeChat 8.0.42"},
        {IOS "wechatdevtools/1.06.2401020 MicroMessenger/8.0.5 Language/zh_CN webview/",
         "WeChat DevTools 8.0.5"},
        {"Mozilla/5.0 (X11; Linux x86_64) Firefox/115.0", "Linux"},
        {IOS "Safari/604.1", "iPhone"},
        {"MicroMessenger/8.0.49", "WeChat 8.0.49"},
        {"MicroMessenger/", NULL},
        {"MicroMessenger/beta iPhone", "iPhone"},
        {"curl/7.88.1", NULL},
        {"", NULL},
        {NULL, NULL},
    };
    size_t i;

    for (i = 0; i < COUNT(cases); i++) {
        wxl_client_t client = {.address = "192.0.2.1"};

        wxl_client_describe(pool, &client, cases[i].user_agent, NULL);
        is_str(client.device, cases[i].device, "device of %.40s", cases[i].user_agent);
        is_str(client.address, "192.0.2.1", "the address is the caller's");
    }
}

static void own_names(void)
{
    const struct {
        const char *name, *header, *device;
    } cases[] = {
        {"a name", "Anna's phone", "Anna's phone"},
        {"UTF-8", "\xe5\xae\x89\xe5\xa8\x9c", "\xe5\xae\x89\xe5\xa8\x9c"},
        {"trimmed", " \tAnna\n", "Anna"},
        {"controls", "An\tna\x7f!\x01", "An na !"},
        {"not UTF-8: the rest stays",
         "An\xff\xe5\xae"
         "a",
         "An???a"},
        {"64 characters", repeat("\xe9\x95\xbf", 64), repeat("\xe9\x95\xbf", 64)},
        {"65 of them", repeat("\xe9\x95\xbf", 65), repeat("\xe9\x95\xbf", 64)},
        {"a blank where it is cut", apr_pstrcat(pool, repeat("x", 63), " y", NULL),
         repeat("x", 63)},
        {"empty: the user agent counts", "", "Linux"},
        {"blanks, the same", "  \t", "Linux"},
        {"none, the same", NULL, "Linux"},
    };
    size_t i;

    for (i = 0; i < COUNT(cases); i++) {
        wxl_client_t client = {0};

        wxl_client_describe(pool, &client, "Linux", cases[i].header);
        is_str(client.device, cases[i].device, "%s", cases[i].name);
    }
}

static void user_agents(void)
{
    wxl_client_t client = {0};

    wxl_client_describe(pool, &client, repeat("\xf0\x9f\x98\x80", 300), NULL);
    is_str(client.user_agent, repeat("\xf0\x9f\x98\x80", 256), "256 characters, none cut in two");
    wxl_client_describe(pool, &client, apr_pstrcat(pool, repeat("x", 300), WECHAT, NULL), NULL);
    is_str(client.user_agent, repeat("x", 256), "cut");
    is_str(client.device, "WeChat 8.0.49", "but the version behind it is known");
    wxl_client_describe(pool, &client, "\xff", NULL);
    is_str(client.user_agent, "?", "not UTF-8");
    wxl_client_describe(pool, &client, " ", NULL);
    is_str(client.user_agent, NULL, "nothing in it");
}

static void cuts(void)
{
    const char *text = "a\xe9\x95\xbf"
                       "b";

    is_str(wxl_text_cut(pool, text, 0), "", "no character");
    is_str(wxl_text_cut(pool, text, 1), "a", "one");
    is_str(wxl_text_cut(pool, text, 2), "a\xe9\x95\xbf", "two, four bytes");
    ok(wxl_text_cut(pool, text, 3) == text, "three: all of it, itself");
    ok(wxl_text_cut(pool, text, 9) == text, "more than there are");
    is_str(wxl_text_cut(pool, "", 0), "", "nothing of nothing");
}

int main(void)
{
    pool = fixture_start();

    devices();
    own_names();
    user_agents();
    cuts();
    return done_testing();
}
