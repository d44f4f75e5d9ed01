/* core/rotation: what becomes of refresh tokens. See rotation.h. */

#include "core/rotation.h"

#include <string.h>

#include <apr_strings.h>

#include "gate/crypto.h"

const char *wxl_rotation_next_jti(apr_pool_t *pool, const char *sid, const char *jti)
{
    /* The words keep it apart from the digest of a jti, which stands in the data base. */
    return wxl_crypto_digest_hex(pool, apr_pstrcat(pool, "successor in ", sid, " of ", jti, NULL));
}

static int same(const char *a, const char *b)
{
    return a && b && strcmp(a, b) == 0;
}

wxl_problem_t wxl_rotation_judge(const wxl_sessions_settings_t *settings,
                                 const wxl_session_state_t *state, apr_time_t now,
                                 const char *const digests[2], const char **why)
{
    int known;

    if (settings->rotation == WXL_ROTATION_OFF)
        known = same(state->digest, digests[0]) || same(state->previous, digests[0]);
    else
        known = same(state->previous, digests[0]) && same(state->digest, digests[1]);
    *why = "the user of the session is gone";
    if (!state->user)
        return WXL_USER_NOT_FOUND;
    *why = "the user of the session is disabled";
    if (strcmp(state->user, "1") != 0)
        return WXL_USER_INACTIVE;
    *why =
        "a refresh token came that had been replaced by one that was used: two parties have tokens";
    if (state->revoked_at && state->last_used_at == now && same(state->why, WXL_WHY_THEFT))
        return WXL_TOKEN_STOLEN; /* this very request has ended it */
    *why = state->why ? state->why : "ended";
    if (state->revoked_at)
        return WXL_TOKEN_INVALID;
    *why = "the session has come to its end";
    if (state->expires_at <= now || state->created_at <= wxl_sessions_born_after(settings, now))
        return WXL_REFRESH_EXPIRED;
    *why = "the session was not used for too long";
    if (state->last_used_at <= wxl_sessions_idle_after(settings, now))
        return WXL_REFRESH_EXPIRED;
    *why = "a refresh token that has been replaced";
    return known ? WXL_OK : WXL_TOKEN_INVALID;
}
