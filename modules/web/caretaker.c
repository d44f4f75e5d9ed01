/* web/caretaker: what a child does by itself. See caretaker.h. */

#include "web/caretaker.h"

#include <signal.h>
#include <unistd.h>

#include <apr_strings.h>
#include <apr_thread_cond.h>
#include <apr_thread_mutex.h>
#include <apr_thread_proc.h>

#include "base/clock.h"
#include "core/ended.h"
#include "web/config.h"
#include "web/dbd.h"
#include "web/revocation.h"
#include "web/usercache.h"

/* What is committed late shows late, under the time at which it was done. So each reading goes back
   a little behind the one before, and now and then by more, for transactions that stay open. */
#define OVERLAP apr_time_from_sec(30)
#define WIDE_OVERLAP apr_time_from_sec(3600)
#define WIDE_EVERY apr_time_from_sec(60)

/* Sessions are kept for so long after the last of their tokens has expired. */
#define KEEP apr_time_from_sec(86400)
#define PURGE_EVERY apr_time_from_sec(600)
#define PURGE_PAUSE apr_time_from_sec(1) /* after a full batch: the data base has others to serve */

#define AFTER_FAILURE apr_time_from_sec(5)
#define LONGEST_SLEEP apr_time_from_sec(60)
/* Work that has not been done by then is somebody else's: who began it was killed, or hangs. */
#define LONGEST_WORK apr_time_from_sec(15)
#define LONGEST_END apr_time_from_sec(4)

/* A data base that is looked after. */
typedef struct {
    server_rec *server; /* one of those that use it */
    const wxl_config_t *config;
    apr_interval_time_t poll; /* the shortest of any of them; 0: only once */
    int sessions;             /* one of them keeps sessions */
} home_t;

typedef struct {
    apr_pool_t *pool; /* the thread's */
    apr_thread_t *thread;
    apr_thread_mutex_t *mutex; /* guards what follows; never held over I/O */
    apr_thread_cond_t *change;
    int stopping, ended;
    home_t home; /* what the thread looks after */
} caretaker_t;

static int is_stopping(caretaker_t *taker)
{
    int stopping;

    apr_thread_mutex_lock(taker->mutex);
    stopping = taker->stopping;
    apr_thread_mutex_unlock(taker->mutex);
    return stopping;
}

static apr_uint64_t load(const apr_uint64_t *word)
{
    return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static void store(apr_uint64_t *word, apr_uint64_t value)
{
    __atomic_store_n(word, value, __ATOMIC_RELEASE);
}

/* -- reading ----------------------------------------------------------------------------------- */

/* The log hears of the first failure and of the end of it. That the data base is out of reach is
   said by web/dbd; here it is only for completeness. */
static void tell(const home_t *home, const wxl_errand_t *errand)
{
    int failed = errand->problem != WXL_OK;
    apr_uint64_t was =
        __atomic_exchange_n(&home->config->watch->failing, (apr_uint64_t)failed, __ATOMIC_RELAXED);

    if (failed && !was)
        ap_log_error(APLOG_MARK, errand->problem == WXL_DB_UNAVAILABLE ? APLOG_NOTICE : APLOG_ERR,
                     errand->rv, home->server,
                     "WXL0552: what was revoked elsewhere cannot be read, and is not known until "
                     "it can: %s",
                     errand->why);
    else if (!failed && was)
        ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, home->server,
                     "WXL0553: what was revoked elsewhere can be read again");
}

static void enter(const home_t *home, wxl_ended_kind_t kind, const apr_array_header_t *page)
{
    int i;

    for (i = 0; i < page->nelts; i++) {
        const wxl_ended_t *ended = &APR_ARRAY_IDX(page, i, wxl_ended_t);

        if (kind == WXL_ENDED_USERS)
            wxl_revocation_user(home->config, ended->user_id, ended->when);
        else if (wxl_revocation_session(home->config, ended->id, ended->when))
            /* he may be gone, too, and is to be told so */
            wxl_usercache_forget(home->config, ended->user_id, apr_time_now());
    }
}

static void find_door(const home_t *home, wxl_dbd_door_t *door)
{
    wxl_dbd_door(door, home->server, home->config->db);
    door->quiet = 1;
}

/* @return APR_SUCCESS, APR_EINTR because the child is to end, or failed */
static apr_status_t read_pages(caretaker_t *taker, wxl_errand_t *errand,
                               wxl_ended_reading_t reading)
{
    const home_t *home = &taker->home;
    apr_pool_t *pool = errand->pool;
    apr_array_header_t *page;
    wxl_dbd_door_t door;

    do {
        apr_status_t rv;

        if (is_stopping(taker))
            return APR_EINTR;
        apr_pool_clear(pool);
        wxl_errand_init(errand, pool, apr_time_now());
        find_door(home, &door);
        rv = wxl_ended_read(errand, &door.door, &reading, &page);
        if (rv != APR_SUCCESS)
            return rv;
        enter(home, reading.kind, page);
    } while (page->nelts == WXL_ENDED_PAGE);
    return APR_SUCCESS;
}

/* The two words of a moment are not written as one: who reads a new and an old one reads back
   further than he has to. */
static wxl_ended_moment_t load_moment(const apr_uint64_t *steady, const apr_uint64_t *wall)
{
    wxl_ended_moment_t moment = {.steady = (apr_time_t)load(steady)};

    moment.wall = (apr_time_t)load(wall);
    return moment;
}

static void store_moment(apr_uint64_t *steady, apr_uint64_t *wall, const wxl_ended_moment_t *moment)
{
    store(wall, (apr_uint64_t)moment->wall);
    store(steady, (apr_uint64_t)moment->steady);
}

static apr_status_t read_kind(caretaker_t *taker, wxl_errand_t *errand, wxl_ended_kind_t kind)
{
    wxl_watch_t *watch = taker->home.config->watch;
    int sessions = kind == WXL_ENDED_SESSIONS;
    wxl_watch_readings_t *readings = sessions ? &watch->sessions : &watch->users;
    apr_interval_time_t lifetime =
        sessions ? wxl_revocation_session_lifetime() : wxl_revocation_user_lifetime();
    wxl_ended_moment_t last = load_moment(&readings->last_steady, &readings->last_wall);
    wxl_ended_moment_t wide = load_moment(&readings->wide_steady, &readings->wide_wall);
    const wxl_ended_moment_t now = {wxl_clock_steady(), apr_time_now()};
    int is_wide = wide.steady == 0 || wxl_ended_since(&wide, &now) >= WIDE_EVERY;
    wxl_ended_reading_t reading = {.kind = kind};
    apr_status_t rv;

    reading.age = is_wide ? wxl_ended_age(&wide, &now, WIDE_OVERLAP, lifetime)
                          : wxl_ended_age(&last, &now, OVERLAP, lifetime);
    rv = read_pages(taker, errand, reading);
    if (rv != APR_SUCCESS)
        return rv;
    store_moment(&readings->last_steady, &readings->last_wall, &now);
    if (is_wide)
        store_moment(&readings->wide_steady, &readings->wide_wall, &now);
    return APR_SUCCESS;
}

static apr_interval_time_t read_ended(caretaker_t *taker, wxl_errand_t *errand)
{
    const home_t *home = &taker->home;
    apr_status_t rv = read_kind(taker, errand, WXL_ENDED_USERS);

    if (rv == APR_SUCCESS && home->sessions)
        rv = read_kind(taker, errand, WXL_ENDED_SESSIONS);
    if (APR_STATUS_IS_EINTR(rv))
        return 0;
    tell(home, errand);
    if (rv != APR_SUCCESS)
        return AFTER_FAILURE;
    return home->poll ? home->poll : APR_INT64_MAX;
}

/* -- old sessions ------------------------------------------------------------------------------ */

static apr_interval_time_t purge(caretaker_t *taker, wxl_errand_t *errand)
{
    const home_t *home = &taker->home;
    wxl_dbd_door_t door;
    int removed;

    if (!home->sessions)
        return PURGE_EVERY;
    find_door(home, &door);
    if (wxl_ended_purge(errand, &door.door, wxl_revocation_session_lifetime() + KEEP, &removed) !=
        APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_INFO, errand->rv, home->server,
                     "WXL0554: old sessions could not be removed: %s", errand->why);
        return PURGE_EVERY;
    }
    if (removed)
        ap_log_error(APLOG_MARK, APLOG_INFO, 0, home->server, "WXL0555: %d old sessions removed",
                     removed);
    return removed == WXL_ENDED_BATCH ? PURGE_PAUSE : PURGE_EVERY;
}

/* -- the thread -------------------------------------------------------------------------------- */

/* Work for one child. @return in how long it is to be done again */
typedef apr_interval_time_t (*work_t)(caretaker_t *taker, wxl_errand_t *errand);

/* Do it if it is due, and nobody else does. @return in how long to look again */
static apr_interval_time_t attend(caretaker_t *taker, apr_uint64_t *due, work_t work)
{
    apr_uint64_t now = (apr_uint64_t)wxl_clock_steady();
    apr_uint64_t seen = load(due), claim = now + (apr_uint64_t)LONGEST_WORK;
    apr_interval_time_t next;
    wxl_errand_t errand;
    apr_pool_t *pool;

    if (now < seen)
        return seen - now < (apr_uint64_t)LONGEST_SLEEP ? (apr_interval_time_t)(seen - now)
                                                        : LONGEST_SLEEP;
    if (!__atomic_compare_exchange_n(due, &seen, claim, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        return LONGEST_WORK;
    apr_pool_create(&pool, taker->pool);
    wxl_errand_init(&errand, pool, apr_time_now());
    next = work(taker, &errand);
    apr_pool_destroy(pool);
    seen = next == APR_INT64_MAX ? APR_UINT64_MAX : now + (apr_uint64_t)next;
    /* Unless a restart has brought it forward, or somebody thought that we hang. */
    __atomic_compare_exchange_n(due, &claim, seen, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
    return next;
}

/* @return for how long there is nothing to do */
static apr_interval_time_t go_round(caretaker_t *taker)
{
    const home_t *home = &taker->home;
    wxl_watch_t *watch = home->config->watch;
    apr_interval_time_t sleep = LONGEST_SLEEP;
    apr_interval_time_t next[] = {
        attend(taker, &watch->read_due, read_ended), attend(taker, &watch->purge_due, purge),
        home->poll ? home->poll : LONGEST_SLEEP, /* whoever has done it may be gone by then */
    };
    size_t i;

    for (i = 0; i < sizeof(next) / sizeof(next[0]); i++)
        sleep = next[i] < sleep ? next[i] : sleep;
    return sleep;
}

static void *APR_THREAD_FUNC run(apr_thread_t *thread, void *baton)
{
    caretaker_t *taker = baton;

    while (!is_stopping(taker)) {
        apr_interval_time_t sleep = go_round(taker);

        apr_thread_mutex_lock(taker->mutex);
        if (!taker->stopping && sleep > 0)
            apr_thread_cond_timedwait(taker->change, taker->mutex, sleep);
        apr_thread_mutex_unlock(taker->mutex);
    }
    apr_thread_mutex_lock(taker->mutex);
    taker->ended = 1;
    apr_thread_cond_signal(taker->change);
    apr_thread_mutex_unlock(taker->mutex);
    apr_thread_exit(thread, APR_SUCCESS);
    return NULL;
}

/* The child ends. Should the thread wait for a data base that does not answer, the process ends
   here: mod_dbd cannot take its connections apart while one is lent (apr_reslist aborts). */
static apr_status_t stop(void *baton)
{
    caretaker_t *taker = baton;
    apr_time_t deadline = apr_time_now() + LONGEST_END;
    apr_status_t rv = APR_SUCCESS;
    int ended;

    apr_thread_mutex_lock(taker->mutex);
    taker->stopping = 1;
    apr_thread_cond_signal(taker->change);
    while (!taker->ended && rv == APR_SUCCESS) {
        apr_interval_time_t left = deadline - apr_time_now();

        rv = left > 0 ? apr_thread_cond_timedwait(taker->change, taker->mutex, left) : APR_TIMEUP;
    }
    ended = taker->ended;
    apr_thread_mutex_unlock(taker->mutex);
    if (!ended) {
        ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, taker->home.server,
                     "WXL0557: the data base does not answer: this child ends all the same");
        _exit(0);
    }
    apr_thread_join(&rv, taker->thread);
    return APR_SUCCESS;
}

static void add_home(apr_array_header_t *homes, server_rec *server)
{
    const wxl_config_t *config = wxl_config_of(server);
    home_t *home = NULL;
    int i;

    for (i = 0; i < homes->nelts && !home; i++) {
        home = &APR_ARRAY_IDX(homes, i, home_t);
        if (home->config->watch != config->watch)
            home = NULL;
    }
    if (!home) {
        home = apr_array_push(homes);
        memset(home, 0, sizeof(*home));
        home->server = server;
        home->config = config;
    }
    home->sessions |= !config->signin.sessions.off;
    if (config->revocation_poll && (!home->poll || config->revocation_poll < home->poll))
        home->poll = config->revocation_poll;
}

/* Signals are for the threads of the MPM: their handlers must not run in this one. */
static apr_status_t start_thread(caretaker_t *taker)
{
    sigset_t all, before;
    apr_status_t rv;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    rv = apr_thread_create(&taker->thread, NULL, run, taker, taker->pool);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rv;
}

static void look_after(apr_pool_t *pchild, const home_t *home)
{
    caretaker_t *taker = apr_pcalloc(pchild, sizeof(*taker));
    apr_allocator_t *allocator;
    apr_status_t rv;

    taker->home = *home;
    /* Memory of its own: the pools of a child are not for two threads. */
    apr_allocator_create(&allocator);
    apr_pool_create_ex(&taker->pool, pchild, NULL, allocator);
    apr_allocator_owner_set(allocator, taker->pool);
    apr_thread_mutex_create(&taker->mutex, APR_THREAD_MUTEX_DEFAULT, pchild);
    apr_thread_cond_create(&taker->change, pchild);
    rv = start_thread(taker);
    if (rv == APR_SUCCESS)
        apr_pool_pre_cleanup_register(pchild, taker, stop);
    else
        ap_log_error(APLOG_MARK, APLOG_ERR, rv, home->server,
                     "WXL0556: no thread could be started: this child does not look what was "
                     "revoked elsewhere");
}

void wxl_caretaker_child(apr_pool_t *pchild, server_rec *main_server)
{
    apr_array_header_t *homes = apr_array_make(pchild, 1, sizeof(home_t));
    server_rec *server;
    int i;

    for (server = main_server; server; server = server->next) {
        if (wxl_config_of(server)->watch)
            add_home(homes, server);
    }
    for (i = 0; i < homes->nelts; i++)
        look_after(pchild, &APR_ARRAY_IDX(homes, i, home_t));
}
