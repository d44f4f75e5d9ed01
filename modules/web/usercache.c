/* web/usercache: who a user is, remembered. See usercache.h. */

#include "web/usercache.h"

#include "core/recall.h"
#include "web/dbd.h"
#include "web/shm.h"

/* Users remembered at once: 6 MB of memory, taken page by page as it is used. */
#define USERS 8192

static wxl_recall_t recall; /* set at start-up, the same in all children */

void wxl_usercache_start(server_rec *main_server)
{
    apr_size_t size = wxl_recall_size(USERS);
    void *memory;
    int is_new;
    apr_status_t rv = wxl_shm_room(main_server, "users", size, &memory, &is_new);

    if (rv == APR_SUCCESS)
        wxl_recall_use(&recall, memory, size);
    else
        ap_log_error(APLOG_MARK, APLOG_WARNING, rv, main_server,
                     "WXL0524: no shared memory: the guard asks the data base for each request");
}

/* Ask the data base, and remember what it says. */
static apr_status_t ask(wxl_errand_t *errand, server_rec *server, const wxl_config_t *config,
                        apr_int64_t id, wxl_user_t *user)
{
    wxl_dbd_door_t door;
    apr_status_t rv;

    wxl_dbd_door(&door, server, config->db);
    rv = wxl_users_find(errand, &door.door, id, user);
    if (rv == APR_SUCCESS || errand->problem == WXL_USER_NOT_FOUND)
        wxl_recall_put(&recall, wxl_dbd_realm(config->db), id, rv == APR_SUCCESS ? user : NULL,
                       errand->now);
    return rv;
}

apr_status_t wxl_usercache_find(wxl_errand_t *errand, server_rec *server,
                                const wxl_config_t *config, apr_int64_t id, wxl_user_t *user)
{
    apr_interval_time_t age = -1; /* nothing is known, or by a clock that has been set back */
    wxl_recalled_t recalled;
    apr_status_t rv;

    if (wxl_recall_get(&recall, wxl_dbd_realm(config->db), id, errand->pool, &recalled))
        age = errand->now - recalled.learnt;
    if (age < 0 || age >= config->user_cache) {
        rv = ask(errand, server, config, id, user);
        if (errand->problem != WXL_DB_UNAVAILABLE || age < 0 ||
            age >= config->user_cache + config->user_cache_stale)
            return rv;
        /* It does not answer, which web/dbd has logged: what is known will do. */
        wxl_errand_init(errand, errand->pool, errand->now);
    }
    *user = recalled.user;
    if (user->id)
        return APR_SUCCESS;
    return wxl_fail(errand, WXL_USER_NOT_FOUND, APR_SUCCESS,
                    "user %" APR_INT64_T_FMT " does not exist", id);
}

void wxl_usercache_learn(const wxl_config_t *config, const wxl_user_t *user, apr_time_t when)
{
    wxl_recall_put(&recall, wxl_dbd_realm(config->db), user->id, user, when);
}

void wxl_usercache_forget(const wxl_config_t *config, apr_int64_t id, apr_time_t when)
{
    wxl_recall_forget(&recall, wxl_dbd_realm(config->db), id, when);
}
