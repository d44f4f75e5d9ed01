/* web/session_config: the directives of sessions. See session_config.h. */

#include "web/session_config.h"

#include <apr_strings.h>

#include "base/duration.h"
#include "web/config.h"

#define MOST_SESSIONS 100

static const char *refuse(cmd_parms *cmd, const char *value, const char *right)
{
    return apr_psprintf(cmd->pool, "%s \"%s\" is wrong: write %s", cmd->cmd->name, value, right);
}

const char *wxl_session_config_switch(cmd_parms *cmd, void *dir, int on)
{
    wxl_config_t *config = wxl_config_of(cmd->server);

    (void)dir;
    config->signin.sessions.off = !on;
    config->sessions_set = 1;
    return NULL;
}

const char *wxl_session_config_rotation(cmd_parms *cmd, void *dir, const char *value)
{
    static const char *const names[] = {
        [WXL_ROTATION_OFF] = "off",
        [WXL_ROTATION_TOLERANT] = "tolerant",
        [WXL_ROTATION_STRICT] = "strict",
    };
    wxl_config_t *config = wxl_config_of(cmd->server);
    size_t i;

    (void)dir;
    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (ap_cstr_casecmp(value, names[i]) != 0)
            continue;
        config->signin.sessions.rotation = (wxl_rotation_t)i;
        config->rotation_set = 1;
        return NULL;
    }
    return refuse(cmd, value, "off, tolerant or strict");
}

const char *wxl_session_config_most(cmd_parms *cmd, void *dir, const char *value,
                                    const char *policy)
{
    static const char *form = "a number of sessions from 1 to 100, and if you like evict-oldest or "
                              "reject; or off";
    wxl_config_t *config = wxl_config_of(cmd->server);
    apr_off_t most = 0;
    char *end;

    (void)dir;
    config->max_sessions_set = 1;
    config->signin.sessions.reject = policy && ap_cstr_casecmp(policy, "reject") == 0;
    if (policy && !config->signin.sessions.reject && ap_cstr_casecmp(policy, "evict-oldest") != 0)
        return refuse(cmd, policy, form);
    if (ap_cstr_casecmp(value, "off") == 0 && !policy) {
        config->signin.sessions.most = 0;
        return NULL;
    }
    if (apr_strtoff(&most, value, &end, 10) != APR_SUCCESS || end == value || *end || most < 1 ||
        most > MOST_SESSIONS)
        return refuse(cmd, value, form);
    config->signin.sessions.most = (int)most;
    return NULL;
}

/* A duration, or off for none. */
static const char *set_span(cmd_parms *cmd, const char *value, apr_int64_t *seconds)
{
    const char *right;

    *seconds = 0;
    if (ap_cstr_casecmp(value, "off") == 0)
        return NULL;
    right = wxl_duration_parse(value, seconds);
    return right ? refuse(cmd, value, apr_pstrcat(cmd->temp_pool, right, ", or off", NULL)) : NULL;
}

const char *wxl_session_config_idle(cmd_parms *cmd, void *dir, const char *value)
{
    wxl_config_t *config = wxl_config_of(cmd->server);

    (void)dir;
    config->session_idle_set = 1;
    return set_span(cmd, value, &config->signin.sessions.idle);
}

const char *wxl_session_config_max(cmd_parms *cmd, void *dir, const char *value)
{
    wxl_config_t *config = wxl_config_of(cmd->server);

    (void)dir;
    config->session_max_set = 1;
    return set_span(cmd, value, &config->signin.sessions.max);
}
