/*
 * web/revocation: which tokens are dead before they expire: those of a session that was ended, and
 * those that a user got before his epoch moved (he was disabled, lost a right, got a password).
 *
 * Two registers (core/revoked) in memory that all children share and that lives through graceful
 * restarts: sessions, for as long as an access token may live; users, for as long as any token may.
 * They are filled by this httpd when it ends something itself, at once, and by web/caretaker,
 * which reads in the data base what others have ended. What a register has no room for is asked of
 * the data base, token by token; so are the tokens of sessions until it has been read once, and
 * the refresh tokens of sessions always: they live longer than the register remembers. A token of a
 * session dies with that alone: a user's epoch ends his sessions (schema) and concerns the others.
 *
 * Start-up: post_config → wxl_revocation_start. The rest: any thread of any child.
 */
#ifndef WXL_REVOCATION_H
#define WXL_REVOCATION_H

#include "web/private.h"

#include "base/errand.h"
#include "core/tokens.h"
#include "web/config.h"

/** When readings that succeeded began, by two clocks (wxl_ended_moment_t); 0: there was none. */
typedef struct {
    apr_uint64_t last_steady, last_wall;
    apr_uint64_t wide_steady, wide_wall; /* of one that went further back */
} wxl_watch_readings_t;

/** What the children know in common of a data base. Shared memory: each word is read and written
    atomically. Single times by wxl_clock_steady(). */
typedef struct wxl_watch_t {
    wxl_watch_readings_t users, sessions; /* sessions are read only where they are kept */
    apr_uint64_t read_due;                /* when it is to be read again, by whoever comes first */
    apr_uint64_t purge_due;               /* when it is to be cleared of old sessions */
    apr_uint64_t failing;                 /* 1: reading fails, and the log knows */
    apr_uint64_t room; /* when the log was told that a register is too small; 0: never */
} wxl_watch_t;

/**
 * Make the shared memory, or find the one of the last generation. Sets `watch` of each server that
 * has a data base. In post_config, between wxl_shm_begin() and wxl_shm_end().
 * @return APR_SUCCESS, or why not; it has been logged
 */
apr_status_t wxl_revocation_start(apr_pool_t *pconf, server_rec *main_server);

/**
 * A session has ended: its access tokens are refused from now on, by all children of this httpd.
 * @param sid 32 hex digits
 * @param ended when
 * @return 1: that is news; 0: it was known, or has no meaning any more
 */
int wxl_revocation_session(const wxl_config_t *config, const char *sid, apr_time_t ended);

/**
 * The epoch of a user has moved: tokens that he got then or before are refused from now on, and
 * what is remembered of him (web/usercache) no longer counts.
 */
void wxl_revocation_user(const wxl_config_t *config, apr_int64_t user_id, apr_time_t epoch);

/**
 * Is a token dead?
 * @param claims of a token that wxl_tokens_check() believed
 * @param why NULL: it lives; else why not, for the log
 * @return APR_SUCCESS, or failed because the data base had to be asked: WXL_DB_UNAVAILABLE,
 *         WXL_INTERNAL
 */
apr_status_t wxl_revocation_ask(wxl_errand_t *errand, server_rec *server,
                                const wxl_config_t *config, const wxl_claims_t *claims,
                                const char **why);

/** The same; a token that is dead fails as WXL_TOKEN_INVALID. */
apr_status_t wxl_revocation_check(wxl_errand_t *errand, server_rec *server,
                                  const wxl_config_t *config, const wxl_claims_t *claims);

/** For how long after its end a session's access tokens might have lived on: microseconds. */
apr_interval_time_t wxl_revocation_session_lifetime(void);

/** The same for all tokens of a user whose epoch moved. */
apr_interval_time_t wxl_revocation_user_lifetime(void);

#endif
