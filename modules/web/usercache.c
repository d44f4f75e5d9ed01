/* web/usercache: who a user is, remembered. See usercache.h. */

#include "web/usercache.h"

#include <apr_shm.h>

#include "core/recall.h"
#include "web/dbd.h"

/* Users remembered at once: 6 MB of memory, taken page by page as it is used. */
#define USERS 8192

/* Changes with the layout of core/recall: a graceful restart may bring another version of us. */
#define RETAINED "mod_wxlogin-users-1"

static wxl_recall_t recall; /* set at start-up, the same in all children */

/* Memory that no restart but a full one takes away: it belongs to the process. */
static apr_shm_t *shared_memory(server_rec *main_server, apr_size_t size)
{
    apr_shm_t **kept = ap_retained_data_get(RETAINED);
    apr_status_t rv;

    if (!kept)
        kept = ap_retained_data_create(RETAINED, sizeof(*kept));
    if (*kept)
        return *kept;
    rv = apr_shm_create(kept, size, NULL, main_server->process->pool);
    if (rv == APR_SUCCESS)
        return *kept; /* all zero, as anonymous memory is */
    *kept = NULL;
    ap_log_error(APLOG_MARK, APLOG_WARNING, rv, main_server,
                 "WXL0524: no shared memory: the guard asks the data base for each request");
    return NULL;
}

void wxl_usercache_start(server_rec *main_server)
{
    apr_size_t size = wxl_recall_size(USERS);
    apr_shm_t *shm;

    if (ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_CREATE_PRE_CONFIG)
        return; /* httpd reads its configuration twice when it starts */
    shm = shared_memory(main_server, size);
    if (shm)
        wxl_recall_use(&recall, apr_shm_baseaddr_get(shm), size);
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
