/* web/session_config: the directives of sessions. See session_config.h. */

#include "web/session_config.h"

#include "web/config.h"
#include "web/values.h"

#define MOST_SESSIONS 100

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
    return wxl_values_refuse(cmd, value, "off, tolerant or strict");
}

const char *wxl_session_config_most(cmd_parms *cmd, void *dir, const char *value,
                                    const char *policy)
{
    wxl_config_t *config = wxl_config_of(cmd->server);
    const char *error = NULL;
    apr_off_t most = 0;

    (void)dir;
    if (policy && ap_cstr_casecmp(policy, "reject") != 0 &&
        ap_cstr_casecmp(policy, "evict-oldest") != 0)
        return wxl_values_refuse(cmd, policy, "evict-oldest or reject behind the number");
    if (policy || ap_cstr_casecmp(value, "off") != 0)
        error = wxl_values_number(cmd, value, MOST_SESSIONS, "sessions", &most);
    config->max_sessions_set = 1;
    config->signin.sessions.most = (int)most;
    config->signin.sessions.reject = policy && ap_cstr_casecmp(policy, "reject") == 0;
    return error;
}

const char *wxl_session_config_idle(cmd_parms *cmd, void *dir, const char *value)
{
    wxl_config_t *config = wxl_config_of(cmd->server);

    (void)dir;
    config->session_idle_set = 1;
    return wxl_values_span(cmd, value, &config->signin.sessions.idle);
}

const char *wxl_session_config_max(cmd_parms *cmd, void *dir, const char *value)
{
    wxl_config_t *config = wxl_config_of(cmd->server);

    (void)dir;
    config->session_max_set = 1;
    return wxl_values_span(cmd, value, &config->signin.sessions.max);
}
