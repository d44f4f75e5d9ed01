/*
 * core/profile: what a user may see and change of himself (wire contract, section 7).
 *
 * Called in a request, by the thread that holds the errand; results live in the errand's pool.
 */
#ifndef WXL_PROFILE_H
#define WXL_PROFILE_H

#include "core/users.h"

/**
 * Read a PATCH: which fields are there, trimmed, and whether they are right. Keys that are unknown
 * or read-only are passed over.
 * @param fields what the client sent
 * @return APR_SUCCESS, or failed with a WXL_FIELD_ problem of each field that is wrong
 */
apr_status_t wxl_profile_read(wxl_errand_t *errand, const wxl_json_t *fields,
                              wxl_changes_t *changes);

/** Does it change anything? */
int wxl_profile_is_change(const wxl_changes_t *changes);

/** The user as GET and PATCH answer him. */
wxl_json_t *wxl_profile_json(apr_pool_t *pool, const wxl_user_t *user);

#endif
