/* base/batch: calls that come together are carried out together. See batch.h. */

#include "base/batch.h"

#include <string.h>

#include <apr_thread_cond.h>
#include <apr_thread_mutex.h>

#include "base/parcel.h"

/* Where a call that has to wait sits. Seats are used again; their memory is the room's. */
typedef struct wxl_batch_seat_t {
    struct wxl_batch_seat_t *next; /* in the queue, or among the empty ones */
    apr_thread_cond_t *news;
    apr_time_t until; /* he sleeps, if nobody wakes him */
    enum {
        WAITING, /* in the queue */
        TAKEN,   /* in a load: the leader reads args and writes the rest */
        DONE,    /* the load is over: the caller reads what was written, and leaves */
        LEFT     /* in a load, but the caller has gone */
    } state;
    const void *kind;
    wxl_parcel_t args;
    wxl_batch_role_t role; /* what the call came to, and with it: */
    int has_row;
    wxl_parcel_t row; /* or why it failed */
    wxl_problem_t problem;
    apr_status_t rv;
    int retry_after;
} seat_t;

struct wxl_batch_t {
    wxl_batch_rules_t rules;
    apr_pool_t *pool; /* seats; used with the mutex held, by this room only */
    apr_thread_mutex_t
        *mutex;            /* guards all below, and the state of each seat; never held over I/O */
    seat_t *first, **last; /* the queue, in the order of arrival */
    seat_t *empty;
    int running;           /* loads under way */
    int stuck;             /* of these, that hang: they take up no slot */
    apr_uint64_t last_one; /* number of the newest load */
    apr_uint64_t last_stuck;
    apr_time_t since; /* when the newest load began */
};

static apr_status_t destroy(void *data)
{
    wxl_batch_t *batch = data;
    seat_t *seat;

    for (seat = batch->empty; seat; seat = seat->next) {
        wxl_parcel_free(&seat->args);
        wxl_parcel_free(&seat->row);
    }
    return APR_SUCCESS;
}

wxl_batch_t *wxl_batch_create(apr_pool_t *parent, const wxl_batch_rules_t *rules)
{
    apr_pool_t *pool;
    wxl_batch_t *batch;

    apr_pool_create(&pool, parent);
    batch = apr_pcalloc(pool, sizeof(*batch));
    batch->rules = *rules;
    batch->pool = pool;
    batch->last = &batch->first;
    apr_thread_mutex_create(&batch->mutex, APR_THREAD_MUTEX_DEFAULT, pool);
    apr_pool_cleanup_register(pool, batch, destroy, apr_pool_cleanup_null);
    return batch;
}

/* -- all of this with the mutex held --------------------------------------------------------- */

static seat_t *take_seat(wxl_batch_t *batch)
{
    seat_t *seat = batch->empty;

    if (seat) {
        batch->empty = seat->next;
        return seat;
    }
    seat = apr_pcalloc(batch->pool, sizeof(*seat));
    apr_thread_cond_create(&seat->news, batch->pool);
    return seat;
}

static void give_seat_back(wxl_batch_t *batch, seat_t *seat)
{
    seat->next = batch->empty;
    batch->empty = seat;
}

static void enqueue(wxl_batch_t *batch, seat_t *seat)
{
    seat->state = WAITING;
    seat->next = NULL;
    *batch->last = seat;
    batch->last = &seat->next;
}

/* Out of the queue. @param link what points to it */
static void unlink_seat(wxl_batch_t *batch, seat_t **link)
{
    seat_t *seat = *link;

    *link = seat->next;
    if (!seat->next)
        batch->last = link;
}

static void dequeue(wxl_batch_t *batch, const seat_t *seat)
{
    seat_t **link = &batch->first;

    while (*link != seat)
        link = &(*link)->next;
    unlink_seat(batch, link);
}

static int has_idle_slot(const wxl_batch_t *batch)
{
    return batch->running - batch->stuck < batch->rules.slots && batch->running < batch->rules.most;
}

/* May one who waits begin a load? If the newest one hangs then so do all. */
static int may_lead(wxl_batch_t *batch, apr_time_t now)
{
    if (!has_idle_slot(batch) && batch->running < batch->rules.most &&
        now - batch->since >= batch->rules.patience) {
        batch->stuck = batch->running;
        batch->last_stuck = batch->last_one;
    }
    return has_idle_slot(batch);
}

/* Until when is there nothing to do? Only to be asked by one who may not lead. */
static apr_time_t next_look(const wxl_batch_t *batch, apr_time_t deadline)
{
    apr_time_t patient = batch->since + batch->rules.patience;

    return batch->running < batch->rules.most && patient < deadline ? patient : deadline;
}

/* Add a call in its place. @return 0 where the load has one with the same first argument */
static int add(wxl_batch_load_t *load, const char *const *args, seat_t *seat)
{
    int low = 0, high = load->count;

    while (low < high) {
        int middle = (low + high) / 2;
        int order = strcmp(args[0], load->members[middle].args[0]);

        if (order == 0)
            return 0;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    memmove(&load->members[low + 1], &load->members[low],
            (size_t)(load->count - low) * sizeof(load->members[0]));
    load->members[low].args = args;
    load->members[low].seat = seat;
    load->count++;
    return 1;
}

/* Whom to wake, so that the queue does not lie idle: the first, where he may lead, or would sleep
   on when he may. To be asked after whatever changes the queue or the loads. */
static seat_t *heir(const wxl_batch_t *batch)
{
    seat_t *first = batch->first;

    if (first && (has_idle_slot(batch) || next_look(batch, first->until) < first->until))
        return first;
    return NULL;
}

static void wake_heir(const wxl_batch_t *batch)
{
    seat_t *seat = heir(batch);

    if (seat)
        apr_thread_cond_signal(seat->news);
}

/* Begin a load: the caller's own, and those who have waited longest. */
static void begin(wxl_batch_t *batch, const wxl_batch_call_t *call, wxl_batch_load_t *load)
{
    seat_t **link = &batch->first;

    batch->running++;
    batch->since = apr_time_now();
    load->number = ++batch->last_one;
    load->count = 0;
    load->own = WXL_BATCH_ALONE;
    add(load, call->args, NULL);
    while (*link && load->count < WXL_BATCH_MAX) {
        seat_t *seat = *link;

        if (seat->kind == call->kind && add(load, seat->args.strings, seat)) {
            unlink_seat(batch, link);
            seat->state = TAKEN;
            seat->role = WXL_BATCH_ALONE;
        } else {
            link = &seat->next;
        }
    }
    wake_heir(batch); /* whoever is first now has yet to be told that this load, too, may hang */
}

/* Sleep until the call is done, its time is up, or it may lead. The seat is given back only where
   there is nothing left in it. */
static wxl_batch_role_t await(wxl_batch_t *batch, seat_t *seat, const wxl_batch_call_t *call,
                              wxl_batch_load_t *load)
{
    apr_time_t now = apr_time_now();

    while (seat->state != DONE) {
        if (seat->state == WAITING && may_lead(batch, now)) {
            dequeue(batch, seat);
            give_seat_back(batch, seat);
            begin(batch, call, load);
            return WXL_BATCH_LEAD;
        }
        if (now >= call->deadline)
            return WXL_BATCH_LATE;
        seat->until = seat->state == TAKEN ? call->deadline : next_look(batch, call->deadline);
        apr_thread_cond_timedwait(seat->news, batch->mutex, seat->until - now);
        now = apr_time_now();
    }
    return seat->role;
}

/* The caller has given up. If he had just been chosen to lead, the next one is. */
static void abandon(wxl_batch_t *batch, seat_t *seat)
{
    if (seat->state == TAKEN) {
        seat->state = LEFT; /* the leader will give the seat back */
        return;
    }
    dequeue(batch, seat);
    give_seat_back(batch, seat);
    wake_heir(batch);
}

/* -- and this without ------------------------------------------------------------------------ */

/* What the leader has left in the seat. */
static wxl_batch_role_t unpack(wxl_errand_t *errand, const seat_t *seat, const char ***row)
{
    if (seat->role == WXL_BATCH_REPLY) {
        *row = seat->has_row ? wxl_parcel_copy(errand->pool, &seat->row) : NULL;
    } else if (seat->role == WXL_BATCH_FAILED) {
        wxl_fail(errand, seat->problem, seat->rv, "%s", seat->row.strings[0]);
        errand->retry_after = seat->retry_after;
    }
    return seat->role;
}

/* There is a queue, or no idle slot. Comes and goes with the mutex held. */
static wxl_batch_role_t wait_for_news(wxl_batch_t *batch, wxl_errand_t *errand,
                                      const wxl_batch_call_t *call, wxl_batch_load_t *load,
                                      const char ***row)
{
    seat_t *seat = take_seat(batch);
    wxl_batch_role_t role;

    if (!wxl_parcel_pack(&seat->args, call->args, call->count)) {
        give_seat_back(batch, seat);
        return WXL_BATCH_ALONE;
    }
    seat->kind = call->kind;
    enqueue(batch, seat);
    role = await(batch, seat, call, load);
    if (role == WXL_BATCH_LATE) {
        abandon(batch, seat);
    } else if (role != WXL_BATCH_LEAD) {
        apr_thread_mutex_unlock(batch->mutex);
        role = unpack(errand, seat, row);
        apr_thread_mutex_lock(batch->mutex);
        give_seat_back(batch, seat);
    }
    return role;
}

wxl_batch_role_t wxl_batch_join(wxl_batch_t *batch, wxl_errand_t *errand,
                                const wxl_batch_call_t *call, wxl_batch_load_t *load,
                                const char ***row)
{
    wxl_batch_role_t role = WXL_BATCH_LEAD;

    apr_thread_mutex_lock(batch->mutex);
    if (has_idle_slot(batch))
        begin(batch, call, load);
    else
        role = wait_for_news(batch, errand, call, load, row);
    apr_thread_mutex_unlock(batch->mutex);
    return role;
}

void wxl_batch_reply(wxl_batch_load_t *load, int index, const char **row, int columns)
{
    seat_t *seat = load->members[index].seat;

    if (!seat) {
        load->own = WXL_BATCH_REPLY;
        load->own_row = row;
        return;
    }
    seat->has_row = row != NULL;
    if (!row || wxl_parcel_pack(&seat->row, row, columns))
        seat->role = WXL_BATCH_REPLY;
}

void wxl_batch_fail(wxl_batch_load_t *load, const wxl_errand_t *errand)
{
    const char *why[] = {errand->why ? errand->why : ""};
    int i;

    load->own = WXL_BATCH_FAILED;
    for (i = 0; i < load->count; i++) {
        seat_t *seat = load->members[i].seat;

        if (!seat || !wxl_parcel_pack(&seat->row, why, 1))
            continue;
        seat->role = WXL_BATCH_FAILED;
        seat->problem = errand->problem;
        seat->rv = errand->rv;
        seat->retry_after = errand->retry_after;
    }
}

/* The slot and the results are free. With the mutex held. */
static void close_load(wxl_batch_t *batch, const wxl_batch_load_t *load)
{
    int i;

    batch->running--;
    if (load->number <= batch->last_stuck)
        batch->stuck--;
    for (i = 0; i < load->count; i++) {
        seat_t *seat = load->members[i].seat;

        if (!seat)
            continue;
        if (seat->state == LEFT)
            give_seat_back(batch, seat);
        else
            seat->state = DONE;
    }
}

void wxl_batch_end(wxl_batch_t *batch, wxl_batch_load_t *load)
{
    seat_t *next;
    int i;

    apr_thread_mutex_lock(batch->mutex);
    close_load(batch, load);
    next = heir(batch);
    apr_thread_mutex_unlock(batch->mutex);
    /* A seat may have a new caller by now: he looks up and sleeps on. */
    if (next)
        apr_thread_cond_signal(next->news);
    for (i = 0; i < load->count; i++) {
        if (load->members[i].seat)
            apr_thread_cond_signal(load->members[i].seat->news);
    }
}

int wxl_batch_waiting(wxl_batch_t *batch)
{
    const seat_t *seat;
    int waiting = 0;

    apr_thread_mutex_lock(batch->mutex);
    for (seat = batch->first; seat; seat = seat->next)
        waiting++;
    apr_thread_mutex_unlock(batch->mutex);
    return waiting;
}
