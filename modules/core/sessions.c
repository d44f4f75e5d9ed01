/* core/sessions: the sign-ins. See sessions.h. */

#include "core/sessions.h"

#include <apr_strings.h>

#include "gate/crypto.h"

#define SID_RANDOM_BYTES 10

/* 48 bits of milliseconds and 80 of chance: ids come in the order of time, which keeps the pages of
   the index full (the idea of UUIDv7, RFC 9562, section 5.7). */
static const char *new_sid(apr_pool_t *pool, apr_time_t now)
{
    const char *random = wxl_crypto_random_hex(pool, SID_RANDOM_BYTES);
    apr_uint64_t ms = (apr_uint64_t)apr_time_as_msec(now) & 0xFFFFFFFFFFFFULL;

    return random ? apr_psprintf(pool, "%012" APR_UINT64_T_HEX_FMT "%s", ms, random) : NULL;
}

apr_status_t wxl_sessions_begin(wxl_errand_t *errand, const wxl_sessions_settings_t *settings,
                                wxl_claims_t *refresh, wxl_session_t *session)
{
    (void)settings;
    session->sid = new_sid(errand->pool, errand->now);
    session->digest = wxl_crypto_digest_hex(errand->pool, refresh->jti);
    session->expires_at = apr_time_from_sec(refresh->exp);
    if (!session->sid || !session->digest)
        return wxl_fail(errand, WXL_INTERNAL, APR_SUCCESS, "the random generator failed");
    refresh->sid = session->sid;
    return APR_SUCCESS;
}
