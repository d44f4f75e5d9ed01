/*
 * core/users: the people.
 *
 * Called in a request, by the thread that holds the errand; results live in the errand's pool.
 */
#ifndef WXL_USERS_H
#define WXL_USERS_H

#include "base/errand.h"
#include "gate/db.h"
#include "gate/json.h"

/** Width of the column openid, in characters. */
#define WXL_OPENID_MAX 64

typedef struct {
    apr_int64_t id;
    const char *openid; /* NULL for a user who has none */
    const char *username;
    const char *avatar_url;
    const char *phone; /* NULL: not known */
    const char *email; /* NULL: not known */
    const char *user_type;
    int is_superuser, is_staff, is_active;
    apr_int64_t date_joined;   /* microseconds since 1970 */
    apr_int64_t last_login_at; /* the same; 0: never */
} wxl_user_t;

/** Somebody who signs in. */
typedef struct {
    const char *openid; /* not empty, valid UTF-8, at most WXL_OPENID_MAX characters */
    int admin; /* grant the rights of an administrator (development only; the caller's to know) */
    const struct wxl_session_t *session; /* to be written with it (core/sessions); NULL: none */
} wxl_arrival_t;

/**
 * Find or create the user of an openid, move the last login and write the session: one statement
 * on PostgreSQL, two on SQLite.
 * @return APR_SUCCESS, or failed: WXL_USER_DISABLED, WXL_DB_UNAVAILABLE, WXL_INTERNAL
 */
apr_status_t wxl_users_signin(wxl_errand_t *errand, const wxl_db_door_t *door,
                              const wxl_arrival_t *arrival, wxl_user_t *user);

/**
 * Find a user by id: one statement.
 * @return APR_SUCCESS also for a disabled one, or failed: WXL_USER_NOT_FOUND, WXL_DB_UNAVAILABLE,
 *         WXL_INTERNAL
 */
apr_status_t wxl_users_find(wxl_errand_t *errand, const wxl_db_door_t *door, apr_int64_t id,
                            wxl_user_t *user);

/** What is to change of a user. A member that is not `set` stays as it is. */
typedef struct {
    int set;
    const char *value; /* NULL: null */
} wxl_change_t;

typedef struct {
    wxl_change_t username, avatar_url, phone, email;
} wxl_changes_t;

/**
 * Change a user who is not disabled: one statement, all or nothing.
 * @param changes UTF-8 of lengths that the columns hold
 * @param user as it is afterwards; a disabled one comes back unchanged
 * @return APR_SUCCESS, or failed as wxl_users_find(), or WXL_FIELD_TAKEN where another user has
 *         the username
 */
apr_status_t wxl_users_change(wxl_errand_t *errand, const wxl_db_door_t *door, apr_int64_t id,
                              const wxl_changes_t *changes, wxl_user_t *user);

/** The user as the sign-in answers it: keys and order of the wire contract, section 3. */
wxl_json_t *wxl_users_json(apr_pool_t *pool, const wxl_user_t *user);

#endif
