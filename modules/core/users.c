/* core/users: the people. See users.h. */

#include "core/users.h"

#include <string.h>

#include <apr_strings.h>

#include "base/text.h"
#include "core/sessions.h"
#include "core/sql.h"
#include "core/sql_sessions.h"
#include "core/together.h"
#include "gate/crypto.h"

/* A new user is called this and the first characters of a random UUID. */
#define USERNAME_PREFIX "用户_"
#define USERNAME_RANDOM_BYTES 8

/* Columns of a user, as the statements of core/sql return them. */
enum {
    COLUMN_ID,
    COLUMN_OPENID,
    COLUMN_USERNAME,
    COLUMN_AVATAR_URL,
    COLUMN_PHONE,
    COLUMN_EMAIL,
    COLUMN_USER_TYPE,
    COLUMN_IS_SUPERUSER,
    COLUMN_IS_STAFF,
    COLUMN_IS_ACTIVE,
    COLUMN_DATE_JOINED,
    COLUMN_LAST_LOGIN_AT
};

/* As a random UUID begins (RFC 9562, section 5.4): 8 digits, 4, and the first 2 of the third group,
   which are its version and one more. */
static const char *new_username(apr_pool_t *pool)
{
    static const char form[] = USERNAME_PREFIX "xxxxxxxx-xxxx-4x";
    const char *hex = wxl_crypto_random_hex(pool, USERNAME_RANDOM_BYTES);
    char *name = apr_pmemdup(pool, form, sizeof(form));
    char *digits = name + strlen(USERNAME_PREFIX);

    if (!hex)
        return NULL; /* the generator failed: the column refuses it */
    memcpy(digits, hex, 8);
    memcpy(digits + 9, hex + 8, 4);
    digits[15] = hex[12];
    return name;
}

static apr_int64_t integer(const char *text)
{
    return text ? apr_atoi64(text) : 0;
}

static void read_row(const char **row, wxl_user_t *user)
{
    user->id = integer(row[COLUMN_ID]);
    user->openid = row[COLUMN_OPENID];
    user->username = row[COLUMN_USERNAME];
    user->avatar_url = row[COLUMN_AVATAR_URL];
    user->phone = row[COLUMN_PHONE];
    user->email = row[COLUMN_EMAIL];
    user->user_type = row[COLUMN_USER_TYPE];
    user->is_superuser = integer(row[COLUMN_IS_SUPERUSER]) != 0;
    user->is_staff = integer(row[COLUMN_IS_STAFF]) != 0;
    user->is_active = integer(row[COLUMN_IS_ACTIVE]) != 0;
    user->date_joined = integer(row[COLUMN_DATE_JOINED]);
    user->last_login_at = integer(row[COLUMN_LAST_LOGIN_AT]);
}

/* What a sign-in brings, in the order of wxl_sql_signin_session. */
enum {
    ARG_OPENID,
    ARG_USERNAME,
    ARG_ADMIN,
    ARG_NOW,
    ARG_USER_TYPE,
    ARG_SID,
    ARG_DIGEST,
    ARG_APPID,
    ARG_ADDRESS,
    ARG_USER_AGENT,
    ARG_DEVICE,
    ARG_EXPIRES_AT,
    ARGS
};

/* The user alone. */
static apr_status_t upsert(wxl_errand_t *errand, wxl_db_t *db, const char *const *of,
                           const char ***row)
{
    const char *args[] = {of[ARG_OPENID], of[ARG_USERNAME], of[ARG_ADMIN],    of[ARG_ADMIN],
                          of[ARG_NOW],    of[ARG_NOW],      of[ARG_USER_TYPE]};

    return wxl_db_row(errand, db, &wxl_sql_signin, args, row);
}

/* SQLite: the user, then the session. Not in a transaction: its driver holds one lock of the whole
   process for a statement, but none for a transaction, so two of them in one process would wait for
   each other by sleeping. Whoever ends between the two leaves a user behind who has signed in. */
static apr_status_t upsert_each(wxl_errand_t *errand, wxl_db_t *db, const char *const *of,
                                const char ***row)
{
    const char *args[] = {of[ARG_SID],    of[ARG_APPID], of[ARG_ADDRESS], of[ARG_USER_AGENT],
                          of[ARG_DEVICE], of[ARG_NOW],   of[ARG_NOW],     of[ARG_EXPIRES_AT],
                          of[ARG_DIGEST], NULL};
    const char **unused;
    apr_status_t rv = upsert(errand, db, of, row);

    if (rv != APR_SUCCESS || !*row)
        return rv;
    args[9] = (*row)[COLUMN_ID];
    return wxl_db_row(errand, db, &wxl_sql_session_add, args, &unused);
}

static apr_status_t upsert_both(wxl_errand_t *errand, wxl_db_t *db, const char *const *of,
                                const char ***row)
{
    const char *args[ARGS];

    if (db->dialect == WXL_SQLITE3)
        return upsert_each(errand, db, of, row);
    memcpy(args, of, sizeof(args));
    return wxl_db_row(errand, db, &wxl_sql_signin_session, args, row);
}

static const wxl_together_t user_alone = {
    .args = ARG_SID,
    .columns = 12,
    .key = COLUMN_OPENID,
    .one = upsert,
    .many = {[WXL_PGSQL] = &wxl_sql_signins, [WXL_SQLITE3] = &wxl_sql_signins_json},
};
static const wxl_together_t user_and_session = {
    .args = ARGS,
    .columns = 12,
    .key = COLUMN_OPENID,
    .one = upsert_both,
    .many = {[WXL_PGSQL] = &wxl_sql_signins_session, [WXL_SQLITE3] = &wxl_sql_signins_json},
    .then = {[WXL_SQLITE3] = &wxl_sql_sessions_json},
};

apr_status_t wxl_users_signin(wxl_errand_t *errand, const wxl_db_door_t *door,
                              const wxl_arrival_t *arrival, wxl_user_t *user)
{
    const wxl_session_t *session = arrival->session;
    const char *args[ARGS] = {
        arrival->openid, new_username(errand->pool), arrival->admin ? "1" : "0",
        wxl_text_decimal(errand->pool, errand->now), arrival->admin ? "admin" : "wechat"};
    const char **row = NULL;
    apr_status_t rv;

    if (session) {
        args[ARG_SID] = session->sid;
        args[ARG_DIGEST] = session->digest;
        args[ARG_APPID] = session->appid;
        args[ARG_ADDRESS] = session->client.address;
        args[ARG_USER_AGENT] = session->client.user_agent;
        args[ARG_DEVICE] = session->client.device;
        args[ARG_EXPIRES_AT] = wxl_text_decimal(errand->pool, session->expires_at);
    }
    rv = wxl_together_row(errand, door, session ? &user_and_session : &user_alone, args, &row);
    if (rv != APR_SUCCESS)
        return rv;
    if (!row)
        return wxl_fail(errand, WXL_INTERNAL, APR_SUCCESS, "sign-in returned no row");
    read_row(row, user);
    if (!user->is_active)
        return wxl_fail(errand, WXL_USER_DISABLED, APR_SUCCESS,
                        "user %" APR_INT64_T_FMT " is disabled", user->id);
    return APR_SUCCESS;
}

static apr_status_t fail_not_found(wxl_errand_t *errand, apr_int64_t id)
{
    return wxl_fail(errand, WXL_USER_NOT_FOUND, APR_SUCCESS,
                    "user %" APR_INT64_T_FMT " does not exist", id);
}

apr_status_t wxl_users_find(wxl_errand_t *errand, const wxl_db_door_t *door, apr_int64_t id,
                            wxl_user_t *user)
{
    const char *args[] = {wxl_text_decimal(errand->pool, id)};
    const char **row;
    apr_status_t rv = wxl_db_ask_row(errand, door, &wxl_sql_user, args, &row);

    if (rv != APR_SUCCESS)
        return rv;
    if (!row)
        return fail_not_found(errand, id);
    read_row(row, user);
    return APR_SUCCESS;
}

apr_status_t wxl_users_change(wxl_errand_t *errand, const wxl_db_door_t *door, apr_int64_t id,
                              const wxl_changes_t *changes, wxl_user_t *user)
{
    const wxl_change_t *change[] = {&changes->username, &changes->avatar_url, &changes->phone,
                                    &changes->email};
    const char *digits = wxl_text_decimal(errand->pool, id);
    const char *args[11] = {[8] = changes->username.value, digits, digits};
    const char **row;
    apr_status_t rv;
    int i;

    for (i = 0; i < 4; i++) {
        args[2 * i] = change[i]->set ? "1" : "0";
        args[2 * i + 1] = change[i]->value;
    }
    rv = wxl_db_ask_row(errand, door, &wxl_sql_change, args, &row);
    if (rv != APR_SUCCESS)
        return rv;
    if (!row)
        return fail_not_found(errand, id);
    read_row(row, user);
    if (changes->username.set && user->is_active &&
        strcmp(user->username, changes->username.value) != 0)
        return wxl_fail_field(errand, WXL_FIELD_TAKEN, "username", 0);
    return APR_SUCCESS;
}

static void set_time(wxl_json_t *json, const char *key, apr_pool_t *pool, apr_int64_t usec)
{
    wxl_json_set_string(json, key, usec ? wxl_text_time(pool, usec) : NULL);
}

wxl_json_t *wxl_users_json(apr_pool_t *pool, const wxl_user_t *user)
{
    wxl_json_t *json = wxl_json_object(pool);

    wxl_json_set_integer(json, "id", user->id);
    wxl_json_set_integer(json, "orders_count", 0);
    wxl_json_set_integer(json, "completed_orders_count", 0);
    wxl_json_set_bool(json, "is_superuser", user->is_superuser);
    wxl_json_set_bool(json, "is_staff", user->is_staff);
    wxl_json_set_bool(json, "is_active", user->is_active);
    set_time(json, "date_joined", pool, user->date_joined);
    wxl_json_set_string(json, "openid", user->openid);
    wxl_json_set_string(json, "username", user->username);
    wxl_json_set_string(json, "avatar_url", user->avatar_url);
    wxl_json_set_string(json, "phone", user->phone);
    wxl_json_set_string(json, "email", user->email);
    wxl_json_set_string(json, "user_type", user->user_type);
    set_time(json, "last_login_at", pool, user->last_login_at);
    return json;
}
