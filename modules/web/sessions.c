/* web/sessions: GET /sessions/ and DELETE /sessions/ID/, by the token of the user. */

#include "web/endpoints.h"

#include <apr_strings.h>

#include "base/text.h"
#include "core/sessions.h"
#include "web/dbd.h"
#include "web/guard.h"
#include "web/identity.h"
#include "web/revocation.h"
#include "web/usercache.h"

/* What the one and the other take; which of them a request means its path tells. */
static const wxl_endpoint_t all = {.allow = "GET, HEAD, OPTIONS"};
static const wxl_endpoint_t one = {.allow = "DELETE, OPTIONS"};

/* The last segment of the path, where it is an id: one that has the form of one, or that stands
   behind the name of the list.
   @return NULL: the path is the list's */
static const char *id_of(apr_pool_t *pool, const char *path)
{
    char *copy = apr_pstrdup(pool, path), *id, *before;
    size_t len = strlen(copy);

    if (len > 0 && copy[len - 1] == '/')
        copy[--len] = '\0';
    id = strrchr(copy, '/');
    if (!id)
        return NULL;
    *id++ = '\0';
    before = strrchr(copy, '/');
    if (wxl_sessions_is_sid(id) || (before && strcmp(before, "/sessions") == 0))
        return id;
    return NULL;
}

/* The user must still be one. */
static apr_status_t recognise(wxl_call_t *call)
{
    wxl_user_t *user = apr_palloc(call->r->pool, sizeof(*user));
    apr_status_t rv =
        wxl_usercache_find(&call->errand, call->r->server, call->config, call->user_id, user);

    if (rv == APR_SUCCESS)
        rv = wxl_guard_active(&call->errand, user);
    if (rv == APR_SUCCESS)
        wxl_identity_note(call->r, user);
    return rv;
}

static apr_status_t remove_one(wxl_call_t *call, const wxl_db_door_t *door,
                               const wxl_whose_t *whose)
{
    apr_status_t rv;

    if (!wxl_sessions_is_sid(whose->sid))
        return wxl_fail(&call->errand, WXL_NOT_FOUND, APR_SUCCESS, "not the id of a session");
    rv = wxl_sessions_remove(&call->errand, door, whose);
    if (rv != APR_SUCCESS)
        return rv;
    wxl_revocation_session(call->config, whose->sid, call->errand.now);
    call->answer = wxl_json_object(call->errand.pool);
    return APR_SUCCESS;
}

apr_status_t wxl_sessions_serve(wxl_call_t *call)
{
    wxl_whose_t whose = {.sid = id_of(call->r->pool, call->r->uri)};
    int is_list = call->r->method_number == M_GET;
    wxl_dbd_door_t door;
    apr_status_t rv;

    if (is_list != !whose.sid) {
        call->endpoint = whose.sid ? &one : &all;
        return wxl_fail(&call->errand, WXL_METHOD, APR_SUCCESS, "only %s", call->endpoint->allow);
    }
    rv = recognise(call);
    if (rv != APR_SUCCESS)
        return rv;
    wxl_dbd_door(&door, call->r->server, call->config->db);
    whose.user_id = wxl_text_decimal(call->r->pool, call->user_id);
    if (!is_list)
        return remove_one(call, &door.door, &whose);
    whose.sid = call->sid;
    return wxl_sessions_list(&call->errand, &door.door, &call->config->signin.sessions, &whose,
                             &call->answer);
}
