/*
 * web/require: what Require may say of a user: wxlogin-staff, wxlogin-superuser,
 * wxlogin-type TYPE …, wxlogin-user ID ….
 */
#ifndef WXL_REQUIRE_H
#define WXL_REQUIRE_H

#include "web/private.h"

/** Register the providers, while hooks are registered. */
void wxl_require_register(apr_pool_t *pool);

#endif
