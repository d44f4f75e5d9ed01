/* core/sessions: the sign-ins. See sessions.h. */

#include "core/sessions.h"

#include <string.h>

#include <apr_escape.h>
#include <apr_strings.h>

#include "base/text.h"
#include "core/sql_sessions.h"
#include "gate/crypto.h"

#define SID_TIME_BYTES 6
#define SID_BYTES 16
#define SID_LENGTH 32
#define CENTURY apr_time_from_sec(APR_INT64_C(36525) * 86400)

/* Stands for the sid of a token that has none; wxl_sessions_new_sid() gives it to nobody. */
#define NOBODY "00000000000000000000000000000000"

/* Columns of the list, in the order of its statement. */
enum {
    COLUMN_SID,
    COLUMN_APPID,
    COLUMN_ADDRESS,
    COLUMN_USER_AGENT,
    COLUMN_DEVICE,
    COLUMN_CREATED_AT,
    COLUMN_LAST_USED_AT,
    COLUMN_EXPIRES_AT
};

/* 48 bits of milliseconds and 80 of chance: ids come in the order of time, which keeps the pages of
   the index full (the idea of UUIDv7, RFC 9562, section 5.7). */
const char *wxl_sessions_new_sid(apr_pool_t *pool, apr_time_t now)
{
    apr_uint64_t ms = (apr_uint64_t)apr_time_as_msec(now);
    unsigned char sid[SID_BYTES];
    int i;

    if (!wxl_crypto_random(sid, sizeof(sid)))
        return NULL;
    for (i = SID_TIME_BYTES; i-- > 0; ms >>= 8)
        sid[i] = (unsigned char)ms;
    return apr_pescape_hex(pool, sid, sizeof(sid), 0);
}

int wxl_sessions_is_sid(const char *text)
{
    return strlen(text) == SID_LENGTH && strspn(text, "0123456789abcdef") == SID_LENGTH;
}

apr_int64_t wxl_sessions_idle_after(const wxl_sessions_settings_t *settings, apr_time_t now)
{
    return settings->idle ? now - settings->idle : 0;
}

apr_int64_t wxl_sessions_born_after(const wxl_sessions_settings_t *settings, apr_time_t now)
{
    return settings->max ? now - settings->max : 0;
}

apr_int64_t wxl_sessions_longest(const wxl_sessions_settings_t *settings)
{
    return settings->max ? settings->max : CENTURY;
}

void wxl_sessions_bound(const wxl_sessions_settings_t *settings, apr_int64_t created_at,
                        wxl_claims_t *claims)
{
    apr_int64_t end = apr_time_sec(created_at + wxl_sessions_longest(settings));

    if (claims->exp > end)
        claims->exp = end;
}

/* Follows from the sid: a sign-in that is answered twice gives the same. */
static const char *first_jti(apr_pool_t *pool, const char *sid)
{
    return wxl_crypto_digest_hex(pool, apr_pstrcat(pool, "first in ", sid, NULL));
}

apr_status_t wxl_sessions_begin(wxl_errand_t *errand, const wxl_sessions_settings_t *settings,
                                wxl_claims_t *refresh, wxl_session_t *session)
{
    wxl_sessions_bound(settings, errand->now, refresh);
    refresh->sid = session->sid;
    refresh->jti = first_jti(errand->pool, session->sid);
    session->digest = refresh->jti ? wxl_crypto_digest_hex(errand->pool, refresh->jti) : NULL;
    session->expires_at = apr_time_from_sec(refresh->exp);
    if (!session->digest)
        return wxl_fail(errand, WXL_INTERNAL, APR_SUCCESS, "OpenSSL has no SHA-256");
    return APR_SUCCESS;
}

/* A statement whose one column is a sid. */
static apr_status_t run_for_sids(wxl_errand_t *errand, const wxl_db_door_t *door,
                                 const wxl_statement_t *statement, const char **args,
                                 apr_array_header_t **sids)
{
    apr_array_header_t *rows;
    apr_status_t rv = wxl_db_ask(errand, door, statement, args, &rows);
    int i;

    *sids = apr_array_make(errand->pool, 1, sizeof(const char *));
    for (i = 0; rv == APR_SUCCESS && i < rows->nelts; i++)
        APR_ARRAY_PUSH(*sids, const char *) = APR_ARRAY_IDX(rows, i, const char **)[0];
    return rv;
}

apr_status_t wxl_sessions_limit(wxl_errand_t *errand, const wxl_db_door_t *door,
                                const wxl_sessions_settings_t *settings, const wxl_whose_t *whose,
                                apr_array_header_t **ended)
{
    const char *args[] = {
        whose->user_id,
        whose->sid,
        apr_itoa(errand->pool, settings->most),
        wxl_text_decimal(errand->pool, errand->now),
        wxl_text_decimal(errand->pool, wxl_sessions_idle_after(settings, errand->now)),
        wxl_text_decimal(errand->pool, wxl_sessions_born_after(settings, errand->now))};
    apr_status_t rv;

    *ended = apr_array_make(errand->pool, 1, sizeof(const char *));
    if (!settings->most)
        return APR_SUCCESS;
    rv = run_for_sids(errand, door,
                      settings->reject ? &wxl_sql_session_refuse : &wxl_sql_session_evict, args,
                      ended);
    if (rv == APR_SUCCESS && settings->reject && (*ended)->nelts > 0)
        return wxl_fail(errand, WXL_SESSION_LIMIT, APR_SUCCESS, "user %s has %d sessions",
                        whose->user_id, settings->most);
    return rv;
}

static apr_status_t end_one(wxl_errand_t *errand, const wxl_db_door_t *door,
                            const wxl_whose_t *whose, const char *why, apr_array_header_t **ended)
{
    const char *args[] = {wxl_text_decimal(errand->pool, errand->now), why, whose->sid,
                          whose->user_id};

    return run_for_sids(errand, door, &wxl_sql_session_end, args, ended);
}

apr_status_t wxl_sessions_logout(wxl_errand_t *errand, const wxl_db_door_t *door,
                                 const wxl_sessions_settings_t *settings,
                                 const wxl_logout_t *logout, apr_array_header_t **ended)
{
    const wxl_whose_t *whose = &logout->whose;
    const char *mine = whose->sid ? whose->sid : NOBODY;
    const char *args[] = {
        wxl_text_decimal(errand->pool, errand->now),
        WXL_WHY_LOGOUT,
        whose->user_id,
        logout->scope == WXL_SCOPE_OTHERS ? mine : NOBODY,
        mine,
        wxl_text_decimal(errand->pool, wxl_sessions_idle_after(settings, errand->now)),
        wxl_text_decimal(errand->pool, wxl_sessions_born_after(settings, errand->now))};

    if (logout->scope != WXL_SCOPE_THIS)
        return run_for_sids(errand, door, &wxl_sql_session_end_many, args, ended);
    if (whose->sid)
        return end_one(errand, door, whose, WXL_WHY_LOGOUT, ended);
    *ended = apr_array_make(errand->pool, 1, sizeof(const char *));
    return APR_SUCCESS;
}

apr_status_t wxl_sessions_remove(wxl_errand_t *errand, const wxl_db_door_t *door,
                                 const wxl_whose_t *whose)
{
    apr_array_header_t *ended;
    apr_status_t rv = end_one(errand, door, whose, WXL_WHY_REMOVED, &ended);

    if (rv == APR_SUCCESS && ended->nelts == 0)
        return wxl_fail(errand, WXL_NOT_FOUND, APR_SUCCESS, "user %s has no session %s",
                        whose->user_id, whose->sid);
    return rv;
}

static void set_time(wxl_json_t *json, apr_pool_t *pool, const char *key, const char *value)
{
    wxl_json_set_string(json, key, wxl_text_time(pool, apr_atoi64(value)));
}

static wxl_json_t *json_of(apr_pool_t *pool, const char **row, const char *current)
{
    wxl_json_t *json = wxl_json_object(pool);

    wxl_json_set_string(json, "id", row[COLUMN_SID]);
    wxl_json_set_bool(json, "current", current && strcmp(row[COLUMN_SID], current) == 0);
    wxl_json_set_string(json, "device", row[COLUMN_DEVICE]);
    wxl_json_set_string(json, "user_agent", row[COLUMN_USER_AGENT]);
    wxl_json_set_string(json, "address", row[COLUMN_ADDRESS]);
    wxl_json_set_string(json, "appid", row[COLUMN_APPID]);
    set_time(json, pool, "created_at", row[COLUMN_CREATED_AT]);
    set_time(json, pool, "last_used_at", row[COLUMN_LAST_USED_AT]);
    set_time(json, pool, "expires_at", row[COLUMN_EXPIRES_AT]);
    return json;
}

apr_status_t wxl_sessions_list(wxl_errand_t *errand, const wxl_db_door_t *door,
                               const wxl_sessions_settings_t *settings, const wxl_whose_t *whose,
                               wxl_json_t **answer)
{
    const char *args[] = {
        whose->user_id, wxl_text_decimal(errand->pool, errand->now),
        wxl_text_decimal(errand->pool, wxl_sessions_idle_after(settings, errand->now)),
        wxl_text_decimal(errand->pool, wxl_sessions_born_after(settings, errand->now))};
    apr_array_header_t *rows;
    apr_status_t rv = wxl_db_ask(errand, door, &wxl_sql_session_list, args, &rows);
    int i;

    if (rv != APR_SUCCESS)
        return rv;
    *answer = wxl_json_object(errand->pool);
    wxl_json_set_array(*answer, "sessions");
    for (i = 0; i < rows->nelts; i++)
        wxl_json_append(*answer, "sessions",
                        json_of(errand->pool, APR_ARRAY_IDX(rows, i, const char **), whose->sid));
    return APR_SUCCESS;
}
