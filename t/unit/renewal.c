/* core/renewal: the decision as a table, and with the statements on a real SQLite. */

#include "core/renewal.h"

#include "core/rotation.h"
#include "core/users.h"
#include "gate/crypto.h"

#include "sqlite.h"

#define NOW_USEC apr_time_from_sec(NOW)
#define HOUR 3600
#define ENDED (NOW_USEC - 5)
#define AHEAD (NOW_USEC + apr_time_from_sec(HOUR))

static apr_pool_t *pool;

/* "d" is the digest of the token, "n" that of its successor. */
static const struct {
    const char *name;
    wxl_rotation_t rotation;
    const char *user, *digest, *previous, *why;
    apr_int64_t revoked_at, expires_in, idle_for, age; /* the last three in seconds */
    wxl_problem_t problem;
} cases[] = {
#define OFF WXL_ROTATION_OFF
#define TOLERANT WXL_ROTATION_TOLERANT
#define STRICT WXL_ROTATION_STRICT
    {"off: it counts", OFF, "1", "d", NULL, NULL, 0, 9, 0, 0, WXL_OK},
    {"off: it was before", OFF, "1", "x", "d", NULL, 0, 9, 0, 0, WXL_OK},
    {"off: older", OFF, "1", "x", "y", NULL, 0, 9, 0, 0, WXL_TOKEN_INVALID},
    {"tolerant: replaced", TOLERANT, "1", "n", "d", NULL, 0, 9, 0, 0, WXL_OK},
    {"tolerant: counts still, so nothing was done", TOLERANT, "1", "d", NULL, NULL, 0, 9, 0, 0,
     WXL_TOKEN_INVALID},
    {"tolerant: replaced by another", TOLERANT, "1", "x", "d", NULL, 0, 9, 0, 0, WXL_TOKEN_INVALID},
    {"tolerant: older", TOLERANT, "1", "x", "n", NULL, 0, 9, 0, 0, WXL_TOKEN_INVALID},
    {"strict: replaced", STRICT, "1", "n", "d", NULL, 0, 9, 0, 0, WXL_OK},
    {"strict: theft, just now", STRICT, "1", "x", "n", "theft", NOW_USEC, 9, 0, 0,
     WXL_TOKEN_STOLEN},
    {"strict: theft, just now, by another clock", STRICT, "1", "x", "n", "theft", AHEAD, 9, 0, 0,
     WXL_TOKEN_STOLEN},
    {"strict: theft, before", STRICT, "1", "n", "d", "theft", ENDED, 9, 1, 0, WXL_TOKEN_INVALID},
    {"strict: theft, before, by another clock", STRICT, "1", "n", "d", "theft", AHEAD, 9, 1, 0,
     WXL_TOKEN_INVALID},
    {"ended", OFF, "1", "d", NULL, "logout", ENDED, 9, 0, 0, WXL_TOKEN_INVALID},
    {"ended, nobody said why", OFF, "1", "d", NULL, NULL, ENDED, 9, 0, 0, WXL_TOKEN_INVALID},
    {"ended just now for another reason", STRICT, "1", "n", "d", "logout", NOW_USEC, 9, 0, 0,
     WXL_TOKEN_INVALID},
    {"expires in a second", OFF, "1", "d", NULL, NULL, 0, 1, 0, 0, WXL_OK},
    {"expires now", OFF, "1", "d", NULL, NULL, 0, 0, 0, 0, WXL_REFRESH_EXPIRED},
    {"expired", TOLERANT, "1", "n", "d", NULL, 0, -1, 0, 0, WXL_REFRESH_EXPIRED},
    {"idle for long, not too long", OFF, "1", "d", NULL, NULL, 0, 9, HOUR - 1, 0, WXL_OK},
    {"idle for too long", OFF, "1", "d", NULL, NULL, 0, 9, HOUR, 0, WXL_REFRESH_EXPIRED},
    {"old, not too old", OFF, "1", "d", NULL, NULL, 0, 9, 0, 2 * HOUR - 1, WXL_OK},
    {"too old", OFF, "1", "d", NULL, NULL, 0, 9, 0, 2 * HOUR, WXL_REFRESH_EXPIRED},
    {"disabled", OFF, "0", "d", NULL, NULL, 0, 9, 0, 0, WXL_USER_INACTIVE},
    {"disabled, which has ended it", OFF, "0", "d", NULL, "disabled", ENDED, 9, 0, 0,
     WXL_USER_INACTIVE},
    {"gone", OFF, NULL, "d", NULL, "deleted", ENDED, -9, 0, 0, WXL_USER_NOT_FOUND},
};

static void decisions(void)
{
    static const char *const digests[2] = {"d", "n"};
    size_t i;

    for (i = 0; i < COUNT(cases); i++) {
        wxl_sessions_settings_t settings = {.rotation = cases[i].rotation,
                                            .idle = apr_time_from_sec(HOUR),
                                            .max = apr_time_from_sec(2 * HOUR)};
        wxl_session_state_t state = {
            .user = cases[i].user,
            .digest = cases[i].digest,
            .previous = cases[i].previous,
            .why = cases[i].why,
            .revoked_at = cases[i].revoked_at,
            .expires_at = NOW_USEC + apr_time_from_sec(cases[i].expires_in),
            .last_used_at = NOW_USEC - apr_time_from_sec(cases[i].idle_for),
            .created_at = NOW_USEC - apr_time_from_sec(cases[i].age),
        };
        const char *why = NULL;

        is_int(tag_of(wxl_rotation_judge(&settings, &state, NOW_USEC, digests, &why)),
               tag_of(cases[i].problem), "%s", cases[i].name);
        settings.idle = settings.max = 0;
        if (cases[i].problem == WXL_REFRESH_EXPIRED && cases[i].expires_in > 0)
            is_int(wxl_rotation_judge(&settings, &state, NOW_USEC, digests, &why), WXL_OK,
                   "%s: not without a limit", cases[i].name);
    }
}

static void successors(void)
{
    const char *a = wxl_rotation_next_jti(pool, "s1", "j1");

    ok(a && strlen(a) == 32 && strspn(a, "0123456789abcdef") == 32, "a jti: 32 lower-case hex");
    is_str(wxl_rotation_next_jti(pool, "s1", "j1"), a, "the same again");
    ok(strcmp(wxl_rotation_next_jti(pool, "s1", "j2"), a) != 0, "another of another token");
    ok(strcmp(wxl_rotation_next_jti(pool, "s2", "j1"), a) != 0, "another in another session");
    ok(strcmp(wxl_crypto_digest_hex(pool, "j1"), a) != 0, "not what stands in the data base");
}

/* One code that is answered twice: one session, and one refresh token. */
static void beginnings(void)
{
    const wxl_sessions_settings_t settings = {.rotation = WXL_ROTATION_STRICT};
    wxl_errand_t errand = fixture_errand(pool);
    wxl_session_t one = {.sid = wxl_sessions_new_sid(pool, errand.now)};
    wxl_session_t other = {.sid = wxl_sessions_new_sid(pool, errand.now)};
    wxl_session_t again = {.sid = one.sid};
    wxl_claims_t a = {.jti = "x"}, b = {.jti = "y"}, c = {.jti = "z"};

    ok(wxl_sessions_is_sid(one.sid) && strcmp(one.sid, other.sid) != 0, "each sid is new");
    wxl_sessions_begin(&errand, &settings, &a, &one);
    wxl_sessions_begin(&errand, &settings, &b, &again);
    wxl_sessions_begin(&errand, &settings, &c, &other);
    is_str(b.jti, a.jti, "begun twice, it has one refresh token");
    is_str(again.digest, one.digest, "known by one digest");
    ok(strcmp(c.jti, a.jti) != 0, "another session has another");
    ok(strcmp(wxl_rotation_next_jti(pool, one.sid, a.jti), a.jti) != 0, "so has its successor");
}

static sqlite_t *sqlite;
static wxl_tokens_settings_t tokens;

/* @return what the refresh token of a new sign-in says */
static wxl_claims_t signed_in(const wxl_sessions_settings_t *settings, const char *openid)
{
    wxl_errand_t errand = fixture_errand(pool);
    wxl_session_t session = {.sid = wxl_sessions_new_sid(pool, errand.now),
                             .client = {.address = "192.0.2.1"}};
    wxl_arrival_t arrival = {.openid = openid, .session = &session};
    wxl_claims_t refresh;
    wxl_user_t user;

    wxl_tokens_draft(&errand, &tokens, WXL_TOKEN_REFRESH, NULL, &refresh);
    wxl_sessions_begin(&errand, settings, &refresh, &session);
    is_int(wxl_users_signin(&errand, &sqlite->door, &arrival, &user), APR_SUCCESS, "%s signs in",
           openid);
    refresh.user_id = apr_psprintf(pool, "%" APR_INT64_T_FMT, user.id);
    return refresh;
}

static wxl_problem_t renew(const wxl_sessions_settings_t *settings, const wxl_claims_t *claims,
                           int after, wxl_renewal_t *renewal)
{
    const wxl_renewal_settings_t both = {.sessions = settings, .tokens = &tokens};
    wxl_errand_t errand = fixture_errand(pool);

    errand.now += apr_time_from_sec(after);
    wxl_renewal_run(&errand, &sqlite->door, &both, claims, renewal);
    return errand.problem;
}

static const char *last_used(const char *sid)
{
    return sqlite_ask(&sqlite->db, apr_psprintf(pool,
                                                "SELECT last_used_at / 1000000 - 1790000000 FROM "
                                                "wxlogin_session WHERE sid = '%s'",
                                                sid));
}

static void touches(void)
{
    wxl_sessions_settings_t settings = {.rotation = WXL_ROTATION_OFF};
    wxl_claims_t claims = signed_in(&settings, "toucher");
    wxl_renewal_t renewal;

    is_int(renew(&settings, &claims, 59, &renewal), WXL_OK, "off: renewed");
    is_str(renewal.refresh.jti, NULL, "no new refresh token");
    is_str(renewal.access.sid, claims.sid, "the access token is of the session");
    is_str(last_used(claims.sid), "0", "59 seconds: not noted");
    renew(&settings, &claims, 60, &renewal);
    is_str(last_used(claims.sid), "60", "a minute: noted");
    renew(&settings, &claims, 119, &renewal);
    is_str(last_used(claims.sid), "60", "and not again before the next");
    settings.idle = apr_time_from_sec(40);
    is_int(tag_of(renew(&settings, &claims, 100, &renewal)), tag_of(WXL_REFRESH_EXPIRED),
           "idle for forty seconds");
    is_int(renew(&settings, &claims, 99, &renewal), WXL_OK, "for less");
    is_str(last_used(claims.sid), "99", "a short idle time: noted more often");
    claims.jti = "00000000000000000000000000000000";
    is_int(tag_of(renew(&settings, &claims, 99, &renewal)), tag_of(WXL_TOKEN_INVALID),
           "a token that the session does not know");
    claims.sid = "00000000000000000000000000000000";
    is_int(tag_of(renew(&settings, &claims, 99, &renewal)), tag_of(WXL_TOKEN_INVALID),
           "no such session");
    claims.user_id = "99999";
    is_int(tag_of(renew(&settings, &claims, 99, &renewal)), tag_of(WXL_USER_NOT_FOUND),
           "and no such user");
    claims.sid = "no sid";
    is_int(tag_of(renew(&settings, &claims, 99, &renewal)), tag_of(WXL_TOKEN_INVALID),
           "no sid of ours");
    is_int(sqlite->opened, sqlite->closed, "each connection was given back");
}

static void bounds(void)
{
    wxl_sessions_settings_t settings = {.rotation = WXL_ROTATION_TOLERANT,
                                        .max = apr_time_from_sec(10 * HOUR)};
    wxl_claims_t claims;
    wxl_renewal_t renewal;

    claims = signed_in(&settings, "bound");
    is_int(claims.exp, NOW + 10 * HOUR, "the refresh token does not outlive the session");
    is_int(renew(&settings, &claims, 9 * HOUR, &renewal), WXL_OK, "renewed in time");
    is_int(renewal.refresh.iat, NOW + 9 * HOUR, "the successor begins now");
    is_int(renewal.refresh.exp, NOW + 10 * HOUR, "and ends with the session");
    is_int(renewal.access.exp, NOW + 10 * HOUR, "so does the access token");
    claims = renewal.refresh;
    is_int(tag_of(renew(&settings, &claims, 10 * HOUR, &renewal)), tag_of(WXL_REFRESH_EXPIRED),
           "and then it is over");
    settings.max = 0;
    claims = signed_in(&settings, "boundless");
    is_int(claims.exp, NOW + tokens.refresh_ttl, "without a limit: the refresh token's life");
    is_int(renew(&settings, &claims, HOUR, &renewal), WXL_OK, "renewed");
    is_int(renewal.refresh.exp, NOW + HOUR + tokens.refresh_ttl, "and its successor's");
}

int main(void)
{
    pool = fixture_start();
    sqlite = sqlite_start(pool);
    tokens.access_ttl = 7 * 86400;
    tokens.refresh_ttl = 30 * 86400;

    decisions();
    successors();
    beginnings();
    touches();
    bounds();
    return done_testing();
}
