/*
 * web/session_config: the directives of sessions.
 *
 * Called while the configuration is read, in the parent on one thread.
 */
#ifndef WXL_SESSION_CONFIG_H
#define WXL_SESSION_CONFIG_H

#include "web/private.h"

/** WxLoginSessions on|off */
const char *wxl_session_config_switch(cmd_parms *cmd, void *dir, int on);

/** WxLoginRefreshRotation off|tolerant|strict */
const char *wxl_session_config_rotation(cmd_parms *cmd, void *dir, const char *value);

/** WxLoginMaxSessions number [evict-oldest|reject], or off */
const char *wxl_session_config_most(cmd_parms *cmd, void *dir, const char *value,
                                    const char *policy);

/** WxLoginSessionIdle duration|off */
const char *wxl_session_config_idle(cmd_parms *cmd, void *dir, const char *value);

/** WxLoginSessionMax duration|off */
const char *wxl_session_config_max(cmd_parms *cmd, void *dir, const char *value);

#endif
