/* web/dbd: the way to mod_dbd's connections. See dbd.h. */

#include "web/dbd.h"

#include <apr_strings.h>
#include <apr_thread_cond.h>
#include <apr_thread_mutex.h>

#include "base/breaker.h"
#include "core/sql.h"

/* How long a request waits for its turn. */
#define LONGEST_WAIT apr_time_from_sec(3)
/* So many batches of sign-ins are under way in a child at a time; the fewer, the larger. One that
   takes as long as this hangs. */
#define BATCHES 1
#define PATIENCE 100000
/* After one failure nobody tries for a second, then one does. */
static const wxl_breaker_rules_t rules = {
    .failures = 1,
    .window = apr_time_from_sec(1),
    .pause = apr_time_from_sec(1),
    .probe = apr_time_from_sec(10),
};

struct wxl_dbd_pool_t {
    wxl_dbd_pool_t *next;
    const char *driver, *params;
    wxl_dialect_t dialect;
    int limit; /* connections, so requests inside at a time */
    apr_uint64_t realm;

    /* Of each child. */
    apr_thread_mutex_t *mutex; /* guards `inside`; never held over I/O */
    apr_thread_cond_t *turn;
    int inside;
    wxl_breaker_t breaker;
    wxl_batch_t *batch;
};

/* mod_dbd's functions, and the pools that the configuration names. Set while httpd starts, on one
   thread; only read afterwards. */
static struct {
    APR_OPTIONAL_FN_TYPE(ap_dbd_open) * open;
    APR_OPTIONAL_FN_TYPE(ap_dbd_close) * close;
    wxl_dbd_pool_t *pools;
} dbd;

static wxl_dbd_pool_t *find(const dbd_cfg_t *cfg)
{
    wxl_dbd_pool_t *pool;

    for (pool = dbd.pools; pool; pool = pool->next) {
        if (strcmp(pool->driver, cfg->name) == 0 && strcmp(pool->params, cfg->params) == 0)
            return pool;
    }
    return NULL;
}

apr_status_t wxl_dbd_greet(apr_pool_t *unused, dbd_cfg_t *cfg, ap_dbd_t *rec)
{
    const wxl_dbd_pool_t *pool = find(cfg);
    wxl_db_t db;

    (void)unused; /* gone before the connection is, so not for statements */
    if (!pool)
        return DECLINED; /* a data base of somebody else's */
    db.dialect = pool->dialect;
    db.driver = rec->driver;
    db.handle = rec->handle;
    db.prepared = rec->prepared;
    db.pool = rec->pool;
    wxl_db_greet(&db, wxl_sql_all, wxl_sql_count);
    return OK;
}

void wxl_dbd_reset(void)
{
    memset(&dbd, 0, sizeof(dbd));
}

/* mod_dbd's settings of a server. They have no public accessor; its configuration begins with
   this pointer in every 2.4. */
static const dbd_cfg_t *settings_of(const server_rec *server)
{
    const module *mod = ap_find_linked_module("mod_dbd.c");
    dbd_cfg_t *const *config = mod ? ap_get_module_config(server->module_config, mod) : NULL;

    return config ? *config : NULL;
}

/* FNV-1a over the driver and, behind its final NUL, the parameters. */
static apr_uint64_t realm_of(const char *driver, const char *params)
{
    apr_uint64_t h = 0xCBF29CE484222325ULL;

    for (; *driver; driver++)
        h = (h ^ (unsigned char)*driver) * 0x100000001B3ULL;
    for (h *= 0x100000001B3ULL; *params; params++)
        h = (h ^ (unsigned char)*params) * 0x100000001B3ULL;
    return h;
}

static wxl_dbd_pool_t *add(apr_pool_t *p, const dbd_cfg_t *cfg, wxl_dialect_t dialect)
{
    wxl_dbd_pool_t *pool = apr_pcalloc(p, sizeof(*pool));

    pool->driver = cfg->name;
    pool->params = cfg->params;
    pool->dialect = dialect;
    pool->limit = cfg->nmax > 0 ? cfg->nmax : 1;
    pool->realm = realm_of(cfg->name, cfg->params);
    pool->next = dbd.pools;
    dbd.pools = pool;
    return pool;
}

const char *wxl_dbd_attach(apr_pool_t *p, server_rec *server, wxl_dbd_pool_t **db)
{
    const dbd_cfg_t *cfg = settings_of(server);
    wxl_dialect_t dialect;

    dbd.open = APR_RETRIEVE_OPTIONAL_FN(ap_dbd_open);
    dbd.close = APR_RETRIEVE_OPTIONAL_FN(ap_dbd_close);
    if (!dbd.open || !dbd.close || !cfg)
        return "mod_dbd is not loaded; write LoadModule dbd_module modules/mod_dbd.so, "
               "DBDriver and DBDParams";
    if (cfg->name[0] == '[') /* mod_dbd's mark for none */
        return "no data base is configured; write DBDriver pgsql or DBDriver sqlite3, and "
               "DBDParams";
    if (!wxl_db_dialect(cfg->name, &dialect))
        return apr_psprintf(p,
                            "DBDriver %s is not supported; write DBDriver pgsql or "
                            "DBDriver sqlite3",
                            cfg->name);
    if (!*cfg->params)
        return "DBDParams is missing; write DBDParams \"host=... dbname=...\" for pgsql, the "
               "path of the file for sqlite3";
    *db = find(cfg);
    if (!*db)
        *db = add(p, cfg, dialect);
    else if (cfg->nmax > 0 && cfg->nmax < (*db)->limit)
        (*db)->limit = cfg->nmax;
    return NULL;
}

void wxl_dbd_child(apr_pool_t *pchild)
{
    wxl_dbd_pool_t *pool;

    for (pool = dbd.pools; pool; pool = pool->next) {
        const wxl_batch_rules_t batches = {BATCHES, pool->limit, PATIENCE};

        pool->inside = 0;
        pool->batch = wxl_batch_create(pchild, &batches);
        memset(&pool->breaker, 0, sizeof(pool->breaker));
        apr_thread_mutex_create(&pool->mutex, APR_THREAD_MUTEX_DEFAULT, pchild);
        apr_thread_cond_create(&pool->turn, pchild);
    }
}

/* @return APR_SUCCESS, or APR_TIMEUP where all connections were busy for too long */
static apr_status_t enter(wxl_dbd_pool_t *pool, apr_time_t deadline)
{
    apr_status_t rv = APR_SUCCESS;

    apr_thread_mutex_lock(pool->mutex);
    while (pool->inside >= pool->limit && rv == APR_SUCCESS) {
        apr_interval_time_t left = deadline - apr_time_now();

        rv = left > 0 ? apr_thread_cond_timedwait(pool->turn, pool->mutex, left) : APR_TIMEUP;
    }
    if (pool->inside < pool->limit) {
        pool->inside++;
        rv = APR_SUCCESS;
    }
    apr_thread_mutex_unlock(pool->mutex);
    return rv;
}

static void leave(wxl_dbd_pool_t *pool)
{
    apr_thread_mutex_lock(pool->mutex);
    pool->inside--;
    apr_thread_cond_signal(pool->turn);
    apr_thread_mutex_unlock(pool->mutex);
}

/* Ask the breaker. @return APR_SUCCESS, or failed */
static apr_status_t ask_breaker(wxl_errand_t *errand, wxl_dbd_pool_t *pool, int *probe)
{
    apr_interval_time_t wait = wxl_breaker_enter(&pool->breaker, &rules, apr_time_now(), probe);

    if (wait == 0)
        return APR_SUCCESS;
    errand->retry_after = (int)((wait + APR_USEC_PER_SEC - 1) / APR_USEC_PER_SEC);
    return wxl_fail(errand, WXL_DB_UNAVAILABLE, APR_SUCCESS, "data base is known to be down");
}

/* A connection of mod_dbd's: one that it finds dead is dropped, the second try makes a new one. But
   what takes long is a server that does not answer: asking it once is enough. */
static ap_dbd_t *take(wxl_dbd_door_t *door, apr_pool_t *pool)
{
    apr_time_t began = apr_time_now();
    ap_dbd_t *rec = dbd.open(pool, door->server);

    if (!rec && apr_time_now() - began < apr_time_from_sec(1))
        rec = dbd.open(pool, door->server);
    return rec;
}

static void tell_breaker(wxl_dbd_door_t *door, int success, int probe)
{
    wxl_breaker_t *breaker = &door->pool->breaker;

    if (success ? wxl_breaker_success(breaker)
                : wxl_breaker_failure(breaker, &rules, apr_time_now(), probe))
        ap_log_error(APLOG_MARK, success || door->quiet ? APLOG_NOTICE : APLOG_ERR, 0, door->server,
                     success ? "WXL0511: the data base answers again"
                             : "WXL0510: the data base is out of reach; one request a second "
                               "will try again");
}

static apr_status_t open_door(const wxl_db_door_t *of, wxl_errand_t *errand, wxl_db_t *db)
{
    wxl_dbd_door_t *door = of->baton;
    ap_dbd_t *rec;
    apr_status_t rv;

    if (!door->pool)
        return wxl_fail(errand, WXL_NOT_CONFIGURED, APR_SUCCESS, "no data base is configured");
    rv = ask_breaker(errand, door->pool, &door->probe);
    if (rv != APR_SUCCESS)
        return rv;
    rv = enter(door->pool, of->deadline);
    if (rv != APR_SUCCESS) {
        if (door->probe) /* it has found out nothing: another one may try soon */
            tell_breaker(door, 0, 1);
        errand->retry_after = 1;
        return wxl_fail(errand, WXL_DB_UNAVAILABLE, rv, "all data base connections are busy");
    }
    rec = take(door, errand->pool);
    if (!rec) {
        tell_breaker(door, 0, door->probe);
        leave(door->pool);
        errand->retry_after = 1;
        return wxl_fail(errand, WXL_DB_UNAVAILABLE, APR_SUCCESS, "data base is out of reach");
    }
    door->rec = rec;
    db->dialect = door->pool->dialect;
    db->driver = rec->driver;
    db->handle = rec->handle;
    db->prepared = rec->prepared;
    db->pool = rec->pool;
    return APR_SUCCESS;
}

static void close_door(const wxl_db_door_t *of, const wxl_errand_t *errand, wxl_db_t *db)
{
    wxl_dbd_door_t *door = of->baton;

    /* SQLite: a file that another process writes to is not out of reach. */
    int lost = errand->problem == WXL_DB_UNAVAILABLE && db->dialect == WXL_PGSQL;

    tell_breaker(door, !lost, door->probe);
    dbd.close(door->server, door->rec);
    leave(door->pool);
}

void wxl_dbd_door(wxl_dbd_door_t *door, server_rec *server, wxl_dbd_pool_t *db)
{
    door->door.open = open_door;
    door->door.close = close_door;
    door->door.baton = door;
    door->door.batch = db ? db->batch : NULL;
    door->door.deadline = apr_time_now() + LONGEST_WAIT;
    door->server = server;
    door->pool = db;
    door->rec = NULL;
    door->probe = 0;
    door->quiet = 0;
}

apr_uint64_t wxl_dbd_realm(const wxl_dbd_pool_t *db)
{
    return db ? db->realm : 0;
}
