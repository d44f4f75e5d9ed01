/*
 * core/renewal: the refresh of a session: the question to the data base, and the tokens it gives.
 *
 * What the answer means stands in core/rotation.
 * Called in a request, by the thread that holds the errand; results live in the errand's pool.
 */
#ifndef WXL_RENEWAL_H
#define WXL_RENEWAL_H

#include "base/errand.h"
#include "core/sessions.h"
#include "core/tokens.h"
#include "gate/db.h"

typedef struct {
    const wxl_sessions_settings_t *sessions;
    const wxl_tokens_settings_t *tokens;
} wxl_renewal_settings_t;

/** What a refresh gives. */
typedef struct {
    wxl_claims_t access;
    wxl_claims_t refresh; /* jti NULL: it stays as it is */
} wxl_renewal_t;

/**
 * Renew a session: one statement.
 * @param claims of a refresh token that was believed; it has a sid
 * @param renewal filled in
 * @return APR_SUCCESS, or failed with a problem of wxl_rotation_judge() or of the data base
 */
apr_status_t wxl_renewal_run(wxl_errand_t *errand, const wxl_db_door_t *door,
                             const wxl_renewal_settings_t *settings, const wxl_claims_t *claims,
                             wxl_renewal_t *renewal);

#endif
