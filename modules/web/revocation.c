/* web/revocation: which tokens are dead before they expire. See revocation.h. */

#include "web/revocation.h"

#include <apr_strings.h>
#include <http_main.h>

#include "base/clock.h"
#include "core/ended.h"
#include "core/revoked.h"
#include "web/dbd.h"
#include "web/shm.h"
#include "web/usercache.h"

#define DEFAULT_SIZE 65536
#define SID_LENGTH 32

/* Clocks of hosts and data base may differ, and a request under way may issue a token of a session
   that has just ended. Seconds. */
#define SLACK 300

/* The log is told once in this time that a register is too small. */
#define TELL_EVERY apr_time_from_sec(3600)

/* Set at start-up, the same in all children. */
static wxl_revoked_t sessions, users;

/* -- start-up ---------------------------------------------------------------------------------- */

/* The longest lifetimes of any server's tokens, in seconds. */
static void find_lifetimes(const server_rec *server, apr_int64_t *access, apr_int64_t *any)
{
    for (*access = *any = 0; server; server = server->next) {
        const wxl_tokens_settings_t *tokens = &wxl_config_of(server)->signin.tokens;

        if (tokens->access_ttl > *access)
            *access = tokens->access_ttl;
        if (tokens->refresh_ttl > *any)
            *any = tokens->refresh_ttl;
    }
    if (*access > *any)
        *any = *access;
}

/* One of the servers before this one that has the same data base. */
static const server_rec *earlier(const server_rec *main_server, const server_rec *server)
{
    const server_rec *other;

    for (other = main_server; other != server; other = other->next) {
        if (wxl_config_of(other)->db == wxl_config_of(server)->db)
            return other;
    }
    return NULL;
}

/* The data bases there are. @param name which they are: other ones, another room
   @return how many */
static apr_size_t count_watches(apr_pool_t *pool, server_rec *main_server, const char **name)
{
    apr_uint64_t all = 0;
    apr_size_t count = 0;
    const server_rec *server;

    for (server = main_server; server; server = server->next) {
        const wxl_config_t *config = wxl_config_of(server);

        if (config->db && !earlier(main_server, server)) {
            apr_uint64_t realm = wxl_dbd_realm(config->db);

            all = wxl_revoked_key(all, &realm, sizeof(realm));
            count++;
        }
    }
    *name = apr_psprintf(pool, "revoked, data bases %" APR_UINT64_T_HEX_FMT, all);
    return count;
}

static void give_watches(server_rec *main_server, wxl_watch_t *watch)
{
    server_rec *server;

    for (server = main_server; server; server = server->next) {
        wxl_config_t *config = wxl_config_of(server);
        const server_rec *other = earlier(main_server, server);

        config->watch = NULL;
        if (!config->db)
            continue;
        config->watch = other ? wxl_config_of(other)->watch : watch++;
        /* A new generation reads at once: its settings may be others. */
        __atomic_store_n(&config->watch->read_due, 0, __ATOMIC_RELEASE);
    }
}

apr_status_t wxl_revocation_start(apr_pool_t *pconf, server_rec *main_server)
{
    apr_size_t entries = wxl_config_of(main_server)->revocation_size;
    apr_size_t size = wxl_revoked_size(entries ? entries : DEFAULT_SIZE);
    apr_int64_t access, any;
    const char *name;
    /* Whole cache lines, so that the registers begin on one. */
    apr_size_t count = count_watches(pconf, main_server, &name);
    apr_size_t watches = APR_ALIGN(count * sizeof(wxl_watch_t), 64);
    void *memory;
    int is_new;
    apr_status_t rv;

    if (count == 0)
        return APR_SUCCESS;
    rv = wxl_shm_room(main_server, name, watches + 2 * size, &memory, &is_new);
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_EMERG | APLOG_STARTUP, rv, main_server,
                     "WXL0550: no shared memory for revoked tokens");
        return rv;
    }
    find_lifetimes(main_server, &access, &any);
    wxl_revoked_use(&sessions, (char *)memory + watches, size, access + SLACK);
    wxl_revoked_use(&users, (char *)memory + watches + size, size, any + SLACK);
    give_watches(main_server, memory);
    return APR_SUCCESS;
}

apr_interval_time_t wxl_revocation_session_lifetime(void)
{
    return apr_time_from_sec(sessions.lifetime);
}

apr_interval_time_t wxl_revocation_user_lifetime(void)
{
    return apr_time_from_sec(users.lifetime);
}

/* -- what was ended ---------------------------------------------------------------------------- */

/* A sid is unique everywhere: which data base it is of makes no difference. */
static apr_uint64_t session_key(const char *sid)
{
    return wxl_revoked_key(0, sid, SID_LENGTH);
}

static apr_uint64_t user_key(const wxl_config_t *config, apr_int64_t id)
{
    return wxl_revoked_key(wxl_dbd_realm(config->db), &id, sizeof(id));
}

static void tell_room(const wxl_config_t *config)
{
    apr_uint64_t now = (apr_uint64_t)wxl_clock_steady();
    apr_uint64_t told = __atomic_load_n(&config->watch->room, __ATOMIC_RELAXED);

    if ((told == 0 || now - told > (apr_uint64_t)TELL_EVERY) &&
        __atomic_compare_exchange_n(&config->watch->room, &told, now, 0, __ATOMIC_RELAXED,
                                    __ATOMIC_RELAXED))
        ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, ap_server_conf,
                     "WXL0551: more was revoked than there is room to remember: the data base is "
                     "asked about some tokens; raise WxLoginRevocationSize (told once an hour)");
}

int wxl_revocation_session(const wxl_config_t *config, const char *sid, apr_time_t ended)
{
    wxl_revoked_entered_t entered;

    if (!config->watch || strlen(sid) != SID_LENGTH)
        return 0;
    entered = wxl_revoked_add(&sessions, session_key(sid), apr_time_sec(ended),
                              apr_time_sec(apr_time_now()));
    if (entered == WXL_REVOKED_LOST)
        tell_room(config);
    return entered != WXL_REVOKED_KNOWN;
}

void wxl_revocation_user(const wxl_config_t *config, apr_int64_t user_id, apr_time_t epoch)
{
    apr_time_t now = apr_time_now();
    wxl_revoked_entered_t entered;

    if (!config->watch)
        return;
    entered =
        wxl_revoked_add(&users, user_key(config, user_id), apr_time_sec(epoch), apr_time_sec(now));
    if (entered != WXL_REVOKED_KNOWN)
        wxl_usercache_forget(config, user_id, now);
    if (entered == WXL_REVOKED_LOST)
        tell_room(config);
}

/* -- is it dead? ------------------------------------------------------------------------------- */

/* @return NULL for a token of no session; also for one whose sid is somebody else's claim */
static const char *sid_of(const wxl_config_t *config, const wxl_claims_t *claims)
{
    const char *sid = claims->sid;

    if (config->signin.sessions.off || !sid || strlen(sid) != SID_LENGTH ||
        strspn(sid, "0123456789abcdef") != SID_LENGTH)
        return NULL;
    return sid;
}

/* Until the data base has been read nothing is known for certain. Tokens of no session are no
   reason to ask it: they are good without it. */
static int is_blind(const wxl_config_t *config, const char *sid)
{
    return sid && !__atomic_load_n(&config->watch->sessions.last_steady, __ATOMIC_ACQUIRE);
}

static const char *why_epoch(apr_pool_t *pool, const char *user_id)
{
    return apr_psprintf(pool, "all tokens that user %s had were revoked", user_id);
}

static const char *why_session(apr_pool_t *pool, const char *sid)
{
    return apr_psprintf(pool, "session %s has ended", sid);
}

/* Did the user get it before his epoch moved? Only for tokens of no session: his sessions were
   ended at that moment, and to know that of one no clock has to agree with another. */
static int is_before(const wxl_claims_t *claims, const char *sid, apr_int64_t epoch)
{
    return !sid && epoch != 0 && claims->auth_time <= epoch;
}

/* A session's end is remembered for as long as its access tokens may live; refresh tokens live
   longer. */
static int outlives_register(const wxl_claims_t *claims, const char *sid)
{
    return sid && claims->type == WXL_TOKEN_REFRESH;
}

/* The registers do not know it for certain. */
static apr_status_t ask_data_base(wxl_errand_t *errand, server_rec *server,
                                  const wxl_config_t *config, const wxl_claims_t *claims,
                                  const char **why)
{
    const char *sid = sid_of(config, claims);
    wxl_ended_answer_t answer;
    wxl_dbd_door_t door;
    apr_status_t rv;

    wxl_dbd_door(&door, server, config->db);
    rv = wxl_ended_ask(errand, &door.door, sid, claims->user_id, &answer);
    if (rv != APR_SUCCESS)
        return rv;
    if (is_before(claims, sid, apr_time_sec(answer.epoch)))
        *why = why_epoch(errand->pool, claims->user_id);
    else if (sid && answer.session_ended)
        *why = why_session(errand->pool, sid);
    return APR_SUCCESS;
}

/* May an entry be missing that would stop this token? */
static int may_be_lost(const wxl_revoked_answer_t *answer, apr_int64_t since, apr_int64_t slack)
{
    return answer->lost != 0 && since <= answer->lost + slack;
}

apr_status_t wxl_revocation_ask(wxl_errand_t *errand, server_rec *server,
                                const wxl_config_t *config, const wxl_claims_t *claims,
                                const char **why)
{
    const char *sid = sid_of(config, claims);
    apr_int64_t now = apr_time_sec(errand->now);
    wxl_revoked_answer_t user = {0, 0}, session = {0, 0};

    *why = NULL;
    if (!config->watch)
        return APR_SUCCESS;
    if (sid)
        session = wxl_revoked_find(&sessions, session_key(sid), now);
    else
        user = wxl_revoked_find(&users, user_key(config, apr_atoi64(claims->user_id)), now);
    if (is_before(claims, sid, user.moment))
        *why = why_epoch(errand->pool, claims->user_id);
    else if (session.moment)
        *why = why_session(errand->pool, sid);
    else if (may_be_lost(&user, claims->auth_time, 0) ||
             may_be_lost(&session, claims->iat, SLACK) || is_blind(config, sid) ||
             outlives_register(claims, sid))
        return ask_data_base(errand, server, config, claims, why);
    return APR_SUCCESS;
}

apr_status_t wxl_revocation_check(wxl_errand_t *errand, server_rec *server,
                                  const wxl_config_t *config, const wxl_claims_t *claims)
{
    const char *why;
    apr_status_t rv = wxl_revocation_ask(errand, server, config, claims, &why);

    if (rv != APR_SUCCESS || !why)
        return rv;
    return wxl_fail(errand, WXL_TOKEN_INVALID, APR_SUCCESS, "token: %s", why);
}
