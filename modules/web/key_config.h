/*
 * web/key_config: the keys of the tokens: what WxLoginKey accepts, and what must hold between keys.
 *
 * While the configuration is read and checked: in the parent, on one thread.
 */
#ifndef WXL_KEY_CONFIG_H
#define WXL_KEY_CONFIG_H

#include "web/private.h"

#include "web/config.h"

/**
 * The directive WxLoginKey: `kid=NAME alg=ALGORITHM file=PATH [sign]`. The file is read at once:
 * still as root, and an error gets its file and line.
 * @return NULL, or a sentence for the administrator that holds no secret
 */
const char *wxl_key_config_add(cmd_parms *cmd, void *dir, int argc, char *const argv[]);

/**
 * Put the keys of a server together when all directives are read: which key signs, which is that of
 * tokens without "kid", and what wxlogin-jwks answers. Where WxLoginSecretKey is set it is checked
 * before.
 * @return NULL, or why that cannot be done
 */
const char *wxl_key_config_ready(apr_pool_t *pool, wxl_config_t *config);

#endif
