/* web/profile: GET and PATCH /user/profile/, by the token of the user, which web/guard checks with
   AuthType WxLogin in the location or without. */

#include "web/endpoints.h"

#include "core/profile.h"
#include "web/dbd.h"
#include "web/guard.h"
#include "web/identity.h"
#include "web/usercache.h"

apr_status_t wxl_profile_serve(wxl_call_t *call)
{
    wxl_errand_t *errand = &call->errand;
    wxl_changes_t changes;
    wxl_dbd_door_t door;
    wxl_user_t user;
    apr_status_t rv;

    memset(&changes, 0, sizeof(changes));
    errand->bare_fields = 1;
    if (call->fields && wxl_profile_read(errand, call->fields, &changes) != APR_SUCCESS)
        return APR_EINVAL;
    wxl_dbd_door(&door, call->r->server, call->config->db);
    if (wxl_profile_is_change(&changes))
        rv = wxl_users_change(errand, &door.door, call->user_id, &changes, &user);
    else
        rv = wxl_users_find(errand, &door.door, call->user_id, &user);
    if (rv != APR_SUCCESS)
        return rv;
    wxl_usercache_learn(call->config, &user, errand->now);
    rv = wxl_guard_active(errand, &user);
    if (rv != APR_SUCCESS)
        return rv;
    wxl_identity_note(call->r, &user);
    call->answer = wxl_profile_json(errand->pool, &user);
    return APR_SUCCESS;
}
