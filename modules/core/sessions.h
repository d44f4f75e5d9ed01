/*
 * core/sessions: the sign-ins, one row each, so that they can be listed and ended.
 *
 * A session is known by its sid, a claim of its tokens. What its refresh tokens are known by is the
 * digest of their jti; no token is kept. How a session is renewed stands in core/renewal.
 * Called in a request, by the thread that holds the errand; results live in the errand's pool.
 */
#ifndef WXL_SESSIONS_H
#define WXL_SESSIONS_H

#include <apr_tables.h>

#include "base/errand.h"
#include "core/client.h"
#include "core/tokens.h"
#include "gate/db.h"
#include "gate/json.h"

typedef enum { WXL_ROTATION_OFF = 0, WXL_ROTATION_TOLERANT, WXL_ROTATION_STRICT } wxl_rotation_t;

typedef struct {
    int off; /* no rows, and tokens that are good until they expire */
    wxl_rotation_t rotation;
    int most;                 /* sessions of a user; 0: any number */
    int reject;               /* what then: refuse the new one, or end the oldest */
    apr_interval_time_t idle; /* without use for so long a session ends; 0: it does not */
    apr_interval_time_t max;  /* after this it ends in any case; 0: it does not */
} wxl_sessions_settings_t;

/** Why a session was ended: what stands in its row. The schema has words of its own. */
#define WXL_WHY_LOGOUT "logout"   /* by itself, or by another of the same user */
#define WXL_WHY_REMOVED "removed" /* from the list */
#define WXL_WHY_THEFT "theft"     /* a refresh token came that had been replaced long ago */

/** A new session. */
typedef struct wxl_session_t {
    const char *sid;    /* 32 hex digits */
    const char *digest; /* of the jti of its refresh token: the same */
    const char *appid;  /* of the mini program; NULL: not configured */
    wxl_client_t client;
    apr_int64_t expires_at; /* microseconds since 1970 */
} wxl_session_t;

/** Is this text a sid, of us or of somebody alike? */
int wxl_sessions_is_sid(const char *text);

/** @return the time after which a session that lives at `now` was used last, or was begun, in
    microseconds since 1970; 0 where it does not matter */
apr_int64_t wxl_sessions_idle_after(const wxl_sessions_settings_t *settings, apr_time_t now);
apr_int64_t wxl_sessions_born_after(const wxl_sessions_settings_t *settings, apr_time_t now);

/** @return the longest life of a session, in microseconds; a hundred years for no limit */
apr_int64_t wxl_sessions_longest(const wxl_sessions_settings_t *settings);

/**
 * A token does not outlive the longest life of its session.
 * @param created_at of the session, microseconds since 1970
 * @param claims exp is brought forward if need be
 */
void wxl_sessions_bound(const wxl_sessions_settings_t *settings, apr_int64_t created_at,
                        wxl_claims_t *claims);

/** @return a sid that nobody has, in the pool; NULL where the random generator failed */
const char *wxl_sessions_new_sid(apr_pool_t *pool, apr_time_t now);

/**
 * Begin a session; who signs in writes it (core/users). To begin it twice is to begin it once: both
 * refresh tokens have the same jti, so neither is the other's predecessor.
 * @param refresh what its refresh token will say; gets the sid and the jti
 * @param session sid, appid and client set by the caller, the rest filled in
 * @return APR_SUCCESS, or WXL_INTERNAL failed
 */
apr_status_t wxl_sessions_begin(wxl_errand_t *errand, const wxl_sessions_settings_t *settings,
                                wxl_claims_t *refresh, wxl_session_t *session);

/** A session of a user. */
typedef struct {
    const char *user_id; /* decimal digits */
    const char *sid;     /* 32 hex digits; NULL where the token belongs to none */
} wxl_whose_t;

/**
 * Keep the sessions of a user within the limit, after one has begun: one statement, or none where
 * there is no limit. May be asked again about the same one: one that was too many stays so.
 * @param ended the sids (const char *) of those that are over by it
 * @return APR_SUCCESS, or failed: WXL_SESSION_LIMIT where the new one is one too many
 */
apr_status_t wxl_sessions_limit(wxl_errand_t *errand, const wxl_db_door_t *door,
                                const wxl_sessions_settings_t *settings, const wxl_whose_t *whose,
                                apr_array_header_t **ended);

typedef enum { WXL_SCOPE_THIS = 0, WXL_SCOPE_OTHERS, WXL_SCOPE_ALL } wxl_scope_t;

/** A signing out. */
typedef struct {
    wxl_whose_t whose; /* in whose name; OTHERS and ALL end nothing where that session is over */
    wxl_scope_t scope;
} wxl_logout_t;

/**
 * Sign out: one statement. That there is nothing to end is no failure.
 * @param ended the sids (const char *) of those that are over now
 */
apr_status_t wxl_sessions_logout(wxl_errand_t *errand, const wxl_db_door_t *door,
                                 const wxl_sessions_settings_t *settings,
                                 const wxl_logout_t *logout, apr_array_header_t **ended);

/**
 * End one session of a user, which may be over already: one statement.
 * @return APR_SUCCESS, or WXL_NOT_FOUND failed where he has no such session
 */
apr_status_t wxl_sessions_remove(wxl_errand_t *errand, const wxl_db_door_t *door,
                                 const wxl_whose_t *whose);

/**
 * The living sessions of a user, newest first, a hundred at most: one statement.
 * @param whose its sid is the one that is marked as current
 * @param answer {"sessions": [...]}
 */
apr_status_t wxl_sessions_list(wxl_errand_t *errand, const wxl_db_door_t *door,
                               const wxl_sessions_settings_t *settings, const wxl_whose_t *whose,
                               wxl_json_t **answer);

#endif
