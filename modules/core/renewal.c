/* core/renewal: the refresh of a session. See renewal.h. */

#include "core/renewal.h"

#include <string.h>

#include <apr_strings.h>

#include "base/text.h"
#include "core/rotation.h"
#include "core/sql_sessions.h"
#include "core/together.h"
#include "core/users.h"
#include "gate/crypto.h"

/* A use of a session is noted at most so often. */
#define TOUCH apr_time_from_sec(60)

/* Columns of a session, as the statements of core/sql_sessions return them. */
enum {
    COLUMN_USER,
    COLUMN_CREATED_AT,
    COLUMN_LAST_USED_AT,
    COLUMN_EXPIRES_AT,
    COLUMN_REVOKED_AT,
    COLUMN_REVOKED_WHY,
    COLUMN_DIGEST,
    COLUMN_PREVIOUS,
    COLUMN_ROTATED_AT,
    COLUMN_SID /* where there may be more rows than one */
};

static apr_int64_t integer(const char *text)
{
    return text ? apr_atoi64(text) : 0;
}

static void read_row(const char **row, wxl_session_state_t *state)
{
    state->user = row[COLUMN_USER];
    state->created_at = integer(row[COLUMN_CREATED_AT]);
    state->last_used_at = integer(row[COLUMN_LAST_USED_AT]);
    state->expires_at = integer(row[COLUMN_EXPIRES_AT]);
    state->revoked_at = integer(row[COLUMN_REVOKED_AT]);
    state->why = row[COLUMN_REVOKED_WHY];
    state->digest = row[COLUMN_DIGEST];
    state->previous = row[COLUMN_PREVIOUS];
    state->rotated_at = integer(row[COLUMN_ROTATED_AT]);
}

/* What is asked: the arguments of either statement, and what the answer is compared with. */
typedef struct {
    const wxl_renewal_settings_t *settings;
    const wxl_claims_t *claims;
    const char *next_jti;   /* with rotation only */
    const char *digests[2]; /* of the token and, with rotation, of its successor */
    const char *args[10];
} question_t;

static void touch(const wxl_errand_t *errand, question_t *question, const char *const times[])
{
    apr_interval_time_t idle = question->settings->sessions->idle;
    /* often enough for one who is signed out when he stays away */
    apr_interval_time_t each = idle && idle / 4 < TOUCH ? idle / 4 : TOUCH;
    const char *args[] = {question->claims->sid,
                          question->claims->user_id,
                          question->digests[0],
                          times[0],
                          times[1],
                          times[2],
                          wxl_text_decimal(errand->pool, errand->now - each)};

    memcpy(question->args, args, sizeof(args));
}

static void rotate(const wxl_errand_t *errand, question_t *question, const char *const times[])
{
    const wxl_renewal_settings_t *settings = question->settings;
    apr_int64_t end = apr_time_sec(errand->now) + settings->tokens->refresh_ttl;
    const char *args[] = {question->claims->sid,
                          question->claims->user_id,
                          question->digests[0],
                          question->digests[1],
                          settings->sessions->rotation == WXL_ROTATION_STRICT ? "1" : "0",
                          times[0],
                          times[1],
                          times[2],
                          wxl_text_decimal(errand->pool, apr_time_from_sec(end)),
                          wxl_text_decimal(errand->pool, wxl_sessions_longest(settings->sessions))};

    memcpy(question->args, args, sizeof(args));
}

static apr_status_t phrase(wxl_errand_t *errand, const wxl_renewal_settings_t *settings,
                           const wxl_claims_t *claims, question_t *question)
{
    int rotates = settings->sessions->rotation != WXL_ROTATION_OFF;
    apr_pool_t *pool = errand->pool;
    const char *times[] = {
        wxl_text_decimal(pool, errand->now),
        wxl_text_decimal(pool, wxl_sessions_idle_after(settings->sessions, errand->now)),
        wxl_text_decimal(pool, wxl_sessions_born_after(settings->sessions, errand->now)),
    };

    memset(question, 0, sizeof(*question));
    question->settings = settings;
    question->claims = claims;
    question->digests[0] = wxl_crypto_digest_hex(pool, claims->jti);
    if (rotates)
        question->next_jti = wxl_rotation_next_jti(pool, claims->sid, claims->jti);
    if (!question->digests[0] || (rotates && !question->next_jti))
        return wxl_fail(errand, WXL_INTERNAL, APR_SUCCESS, "OpenSSL has no SHA-256");
    if (rotates) {
        question->digests[1] = wxl_crypto_digest_hex(pool, question->next_jti);
        rotate(errand, question, times);
    } else {
        touch(errand, question, times);
    }
    return APR_SUCCESS;
}

static apr_status_t touch_one(wxl_errand_t *errand, wxl_db_t *db, const char *const *of,
                              const char ***row)
{
    const char *args[7];

    memcpy(args, of, sizeof(args));
    return wxl_db_row(errand, db, &wxl_sql_session_touch, args, row);
}

static apr_status_t rotate_one(wxl_errand_t *errand, wxl_db_t *db, const char *const *of,
                               const char ***row)
{
    const char *args[10];

    memcpy(args, of, sizeof(args));
    return wxl_db_row(errand, db, &wxl_sql_session_rotate, args, row);
}

static const wxl_together_t touching = {
    .args = 7,
    .columns = 10,
    .key = COLUMN_SID,
    .one = touch_one,
    .many = {[WXL_PGSQL] = &wxl_sql_sessions_touch, [WXL_SQLITE3] = &wxl_sql_sessions_touch_json},
};
static const wxl_together_t rotating = {
    .args = 10,
    .columns = 10,
    .key = COLUMN_SID,
    .one = rotate_one,
    .many = {[WXL_PGSQL] = &wxl_sql_sessions_rotate, [WXL_SQLITE3] = &wxl_sql_sessions_rotate_json},
};

/* A session that is not there: its user may be gone with it. */
static apr_status_t fail_unknown(wxl_errand_t *errand, const wxl_db_door_t *door,
                                 const wxl_claims_t *claims)
{
    wxl_user_t user;
    apr_status_t rv = wxl_users_find(errand, door, apr_atoi64(claims->user_id), &user);

    if (rv != APR_SUCCESS)
        return rv;
    return wxl_fail(errand, WXL_TOKEN_INVALID, APR_SUCCESS, "there is no such session");
}

static apr_status_t draft(wxl_errand_t *errand, const question_t *question,
                          const wxl_session_state_t *state, wxl_renewal_t *renewal)
{
    const wxl_renewal_settings_t *settings = question->settings;
    const wxl_claims_t *claims = question->claims;
    apr_status_t rv = wxl_tokens_draft(errand, settings->tokens, WXL_TOKEN_ACCESS, claims->user_id,
                                       &renewal->access);

    renewal->access.sid = claims->sid;
    wxl_sessions_bound(settings->sessions, state->created_at, &renewal->access);
    if (settings->sessions->rotation == WXL_ROTATION_OFF)
        return rv;
    renewal->refresh = *claims;
    renewal->refresh.jti = question->next_jti;
    renewal->refresh.iat = renewal->refresh.auth_time = apr_time_sec(state->rotated_at);
    renewal->refresh.exp = apr_time_sec(state->expires_at);
    return rv;
}

apr_status_t wxl_renewal_run(wxl_errand_t *errand, const wxl_db_door_t *door,
                             const wxl_renewal_settings_t *settings, const wxl_claims_t *claims,
                             wxl_renewal_t *renewal)
{
    int rotates = settings->sessions->rotation != WXL_ROTATION_OFF;
    wxl_session_state_t state;
    question_t question;
    wxl_problem_t problem;
    const char **row, *why;
    apr_status_t rv;

    memset(renewal, 0, sizeof(*renewal));
    if (!wxl_sessions_is_sid(claims->sid))
        return wxl_fail(errand, WXL_TOKEN_INVALID, APR_SUCCESS, "token: sid is not one of ours");
    rv = phrase(errand, settings, claims, &question);
    if (rv == APR_SUCCESS)
        rv = wxl_together_row(errand, door, rotates ? &rotating : &touching, question.args, &row);
    if (rv != APR_SUCCESS)
        return rv;
    if (!row)
        return fail_unknown(errand, door, claims);
    read_row(row, &state);
    problem = wxl_rotation_judge(settings->sessions, &state, errand->now, question.digests, &why);
    if (problem != WXL_OK)
        return wxl_fail(errand, problem, APR_SUCCESS, "session %s of user %s %s: %s", claims->sid,
                        claims->user_id, problem == WXL_TOKEN_STOLEN ? "ends" : "is refused", why);
    return draft(errand, &question, &state, renewal);
}
