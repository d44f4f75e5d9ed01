/*
 * web/endpoints: the endpoints, each in a file of its own name. All are of type wxl_serve_t.
 */
#ifndef WXL_ENDPOINTS_H
#define WXL_ENDPOINTS_H

#include "web/call.h"

/** POST /login/ {"code"}: wire contract, section 3. */
apr_status_t wxl_login_serve(wxl_call_t *call);

/** POST /token/refresh/ {"refresh"}: wire contract, section 4. */
apr_status_t wxl_refresh_serve(wxl_call_t *call);

/** POST /token/verify/ {"token"}: {} or the 401 of wire contract, section 2. */
apr_status_t wxl_verify_serve(wxl_call_t *call);

/** POST /logout/ {"refresh"?, "scope"?}: {}, also where nothing is left to end. */
apr_status_t wxl_logout_serve(wxl_call_t *call);

/** GET /sessions/ and DELETE /sessions/ID/, by a bearer token. */
apr_status_t wxl_sessions_serve(wxl_call_t *call);

/** GET and PATCH /user/profile/: wire contract, section 7. */
apr_status_t wxl_profile_serve(wxl_call_t *call);

/** GET: the public keys; nobody's secret. */
apr_status_t wxl_jwks_serve(wxl_call_t *call);

#endif
