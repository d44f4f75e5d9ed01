/*
 * web/usercache: who a user is and whether he still may, without asking the data base each time.
 *
 * The memory (core/recall) is shared by all children and lives through graceful restarts.
 * Start-up: post_config → wxl_usercache_start. Requests: the rest, on any thread.
 */
#ifndef WXL_USERCACHE_H
#define WXL_USERCACHE_H

#include "web/private.h"

#include "base/errand.h"
#include "core/users.h"
#include "web/config.h"

/** Make the shared memory, or find the one of the last generation. */
void wxl_usercache_start(server_rec *main_server);

/**
 * Find a user. What was learnt within WxLoginUserCache counts as true; then the data base is
 * asked; while it does not answer, what was learnt within WxLoginUserCacheStale before that counts.
 * @param user id, username, user_type and flags are always there, also of a disabled user
 * @return APR_SUCCESS, or failed: WXL_USER_NOT_FOUND, WXL_DB_UNAVAILABLE, WXL_INTERNAL
 */
apr_status_t wxl_usercache_find(wxl_errand_t *errand, server_rec *server,
                                const wxl_config_t *config, apr_int64_t id, wxl_user_t *user);

/** Learn what this module has just read or written: it counts from now on. */
void wxl_usercache_learn(const wxl_config_t *config, const wxl_user_t *user, apr_time_t when);

/** What was learnt of a user before `when` no longer counts, not even while the data base is out
    of reach. */
void wxl_usercache_forget(const wxl_config_t *config, apr_int64_t id, apr_time_t when);

#endif
