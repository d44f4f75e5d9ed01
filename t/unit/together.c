/* core/together: a load of several that gets no connection: whom does it harm? */

#include "core/together.h"

#include <unistd.h>

#include <apr_thread_proc.h>

#include "fixture.h"

static apr_pool_t *pool;

/* Somebody who comes, on a thread of his own, with a door of his own. */
typedef struct {
    wxl_db_door_t door;
    apr_status_t shut; /* why the door fails, APR_SUCCESS: it is out of reach */
    int is_open;
    int tried; /* how often he was at the door */
    const char *key;
    apr_pool_t *pool;
    apr_thread_t *thread;
    apr_status_t rv;
    const char **row;
    wxl_errand_t errand;
} guest_t;

static apr_status_t open_door(const wxl_db_door_t *door, wxl_errand_t *errand, wxl_db_t *db)
{
    guest_t *guest = door->baton;

    guest->tried++;
    memset(db, 0, sizeof(*db));
    if (guest->is_open)
        return APR_SUCCESS;
    errand->retry_after = 1;
    return wxl_fail(errand, WXL_DB_UNAVAILABLE, guest->shut, "no way for %s", guest->key);
}

static void close_door(const wxl_db_door_t *door, const wxl_errand_t *errand, wxl_db_t *db)
{
    (void)door, (void)errand, (void)db;
}

static apr_status_t one(wxl_errand_t *errand, wxl_db_t *db, const char *const *args,
                        const char ***row)
{
    (void)db;
    *row = apr_pcalloc(errand->pool, sizeof(**row));
    (*row)[0] = args[0];
    return APR_SUCCESS;
}

/* No door opens for a load of several, so there is no statement for it. */
static const wxl_together_t what = {.args = 1, .columns = 1, .one = one};

static void *APR_THREAD_FUNC run(apr_thread_t *thread, void *data)
{
    guest_t *guest = data;
    const char *args[] = {guest->key};

    (void)thread;
    guest->rv = wxl_together_row(&guest->errand, &guest->door, &what, args, &guest->row);
    return NULL;
}

/* On his way, and waiting. */
static void comes(guest_t *guest, wxl_batch_t *batch, const char *key)
{
    int before = wxl_batch_waiting(batch);

    memset(guest, 0, sizeof(*guest));
    guest->key = key;
    /* an allocator of its own: pools of one allocator must not be used by two threads */
    apr_pool_create_unmanaged_ex(&guest->pool, NULL, NULL);
    wxl_errand_init(&guest->errand, guest->pool, apr_time_from_sec(NOW));
    guest->door.open = open_door;
    guest->door.close = close_door;
    guest->door.baton = guest;
    guest->door.batch = batch;
    guest->door.deadline = apr_time_now() + apr_time_from_sec(3600);
    if (apr_thread_create(&guest->thread, NULL, run, guest, pool) != APR_SUCCESS)
        abort();
    while (wxl_batch_waiting(batch) == before)
        usleep(100);
}

/* Three come while the slot is busy, so the first leads all; his door does not open. */
static void three(guest_t guests[3], apr_status_t shut)
{
    static const char *const keys[] = {"first", "second", "third"}, *const args[] = {"occupied"};
    const wxl_batch_rules_t rules = {1, 1, apr_time_from_sec(3600)};
    const wxl_batch_call_t busy = {&rules, args, 1, 0};
    wxl_batch_t *batch = wxl_batch_create(pool, &rules);
    wxl_errand_t errand = fixture_errand(pool);
    wxl_batch_load_t load;
    const char **row;
    int i;

    is_int(wxl_batch_join(batch, &errand, &busy, &load, &row), WXL_BATCH_LEAD, "the slot is busy");
    for (i = 0; i < 3; i++) {
        comes(&guests[i], batch, keys[i]);
        guests[i].shut = shut;
        guests[i].is_open = i > 0;
    }
    wxl_batch_end(batch, &load);
    for (i = 0; i < 3; i++)
        apr_thread_join(&(apr_status_t){0}, guests[i].thread);
    is_int(tag_of(guests[0].errand.problem), tag_of(WXL_DB_UNAVAILABLE), "the first fails");
    is_str(guests[0].errand.why, "no way for first", "as he found");
    is_int(guests[0].errand.retry_after, 1, "and may come again");
    is_int(guests[0].tried, 1, "he was at the door once");
}

static void own_time_is_up(void)
{
    guest_t guests[3];
    int i;

    three(guests, APR_TIMEUP);
    for (i = 1; i < 3; i++) {
        is_int(guests[i].rv, APR_SUCCESS, "the leader's time is up: number %d goes on", i + 1);
        is_str(guests[i].row ? guests[i].row[0] : NULL, guests[i].key, "and has his row");
        is_int(guests[i].tried, 1, "through his own door");
    }
    for (i = 0; i < 3; i++)
        apr_pool_destroy(guests[i].pool);
}

static void out_of_reach(void)
{
    guest_t guests[3];
    int i;

    three(guests, APR_SUCCESS);
    for (i = 1; i < 3; i++) {
        is_int(tag_of(guests[i].errand.problem), tag_of(WXL_DB_UNAVAILABLE),
               "the data base is out of reach: number %d fails, too", i + 1);
        is_str(guests[i].errand.why, "no way for first", "as the leader found");
        is_int(guests[i].tried, 0, "and does not ask again");
    }
    for (i = 0; i < 3; i++)
        apr_pool_destroy(guests[i].pool);
}

int main(void)
{
    pool = fixture_start();
    own_time_is_up();
    out_of_reach();
    return done_testing();
}
