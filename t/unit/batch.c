/* base/batch: who leads, who is taken along, what each gets. */

#include "base/batch.h"

#include "batch_callers.h"

#define MOST_THREADS 200

static void alone(void)
{
    wxl_batch_t *batch = new_batch(1, 1, FOREVER);
    caller_t *caller = new_caller(batch, "me");
    wxl_batch_load_t load;
    int i;

    for (i = 0; i < 3; i++) {
        occupy(batch, &load);
        wxl_batch_end(batch, &load);
        is_int(load.own, WXL_BATCH_ALONE, "who gives himself no reply has none");
    }
    call(caller);
    is_int(caller->role, WXL_BATCH_REPLY, "his own reply");
    caller->deed = FAIL;
    call(caller);
    is_int(caller->role, WXL_BATCH_FAILED, "his own failure");
    is_int(caller->errand.problem, WXL_OK, "is told by him alone");
}

/* Ten come while the slot is busy. */
static void together(deed_t deed, wxl_batch_role_t role)
{
    static const char *const keys[] = {"m", "c", "z", "a", "\xe7\x94\xa8", "B", "k", "", "0", "y"};
    wxl_batch_t *batch = new_batch(1, 1, FOREVER);
    caller_t *callers[COUNT(keys)];
    wxl_batch_load_t load;
    size_t i;

    occupy(batch, &load);
    for (i = 0; i < COUNT(keys); i++) {
        callers[i] = new_caller(batch, keys[i]);
        callers[i]->deed = deed;
        comes(callers[i]);
    }
    is_int(wxl_batch_waiting(batch), COUNT(keys), "ten wait");
    wxl_batch_end(batch, &load);
    for (i = 0; i < COUNT(keys); i++)
        over(callers[i]);
    is_int(callers[0]->led, COUNT(keys), "who waited longest leads all ten");
    ok(callers[0]->in_order && strcmp(callers[0]->first, "") == 0, "in order");
    for (i = 0; i < COUNT(keys); i++) {
        is_int(callers[i]->role, role, "caller %d", (int)i);
        if (i > 0 && role == WXL_BATCH_REPLY && deed == ECHO)
            is_str(callers[i]->leader, "m", "and it was the first who did it");
        if (i > 0 && role == WXL_BATCH_FAILED) {
            is_int(tag_of(callers[i]->errand.problem), tag_of(WXL_DB_UNAVAILABLE), "with a reason");
            is_int(callers[i]->errand.retry_after, 7, "and when to come again");
            is_str(callers[i]->errand.why, "as m found", "in the leader's words");
        }
    }
}

/* How many loads did they make, and how large was the largest? */
static int loads(caller_t *const callers[], int count, int *largest)
{
    int i, found = 0;

    *largest = 0;
    for (i = 0; i < count; i++) {
        found += callers[i]->led > 0;
        if (callers[i]->led > *largest)
            *largest = callers[i]->led;
        if (callers[i]->led && !callers[i]->in_order)
            ok(0, "a load out of order, or with one key twice");
    }
    return found;
}

/* So many come with so many different keys. */
static void crowd(int count, int keys, int want_loads, int want_largest)
{
    wxl_batch_t *batch = new_batch(1, 1, FOREVER);
    caller_t *callers[MOST_THREADS];
    wxl_batch_load_t load;
    int i, largest, answered = 0;

    occupy(batch, &load);
    for (i = 0; i < count; i++)
        callers[i] = comes(new_caller(batch, apr_psprintf(pool, "k%d", i % keys)));
    wxl_batch_end(batch, &load);
    for (i = 0; i < count; i++)
        over(callers[i]);
    for (i = 0; i < count; i++)
        answered += callers[i]->role == WXL_BATCH_REPLY;
    is_int(answered, count, "%d callers of %d keys: all have their own reply", count, keys);
    is_int(loads(callers, count, &largest), want_loads, "in so many loads");
    is_int(largest, want_largest, "the largest of this size");
}

static void kinds(void)
{
    wxl_batch_t *batch = new_batch(1, 1, FOREVER);
    caller_t *callers[8];
    wxl_batch_load_t load;
    int i, largest;

    occupy(batch, &load);
    for (i = 0; i < 8; i++) {
        callers[i] = new_caller(batch, apr_psprintf(pool, "%d", i));
        callers[i]->kind = i % 2 ? &kind_one : &kind_two;
        comes(callers[i]);
    }
    wxl_batch_end(batch, &load);
    for (i = 0; i < 8; i++)
        over(callers[i]);
    is_int(loads(callers, 8, &largest), 2, "two kinds make two loads");
    is_int(largest, 4, "each of its own");
    is_int(callers[0]->led + callers[1]->led, 8, "led by the first of each");
}

static void late(void)
{
    wxl_batch_t *batch = new_batch(1, 1, FOREVER);
    caller_t *first = new_caller(batch, "first"), *second = new_caller(batch, "second");
    wxl_batch_load_t load;

    occupy(batch, &load);
    second->patience = 300000;
    comes(second);
    comes(first);
    over(second);
    is_int(second->role, WXL_BATCH_LATE, "nobody took him along in time");
    is_int(second->errand.problem, WXL_OK, "which is not told by this room");
    is_int(wxl_batch_waiting(batch), 1, "the other one still waits");
    wxl_batch_end(batch, &load);
    over(first);
    is_int(first->led, 1, "and leads, alone");
}

/* Both wait, and the slot becomes idle. @return whether somebody else took it, and both along,
   before the one who was woken did */
static int take_both(caller_t *stays, caller_t *goes, wxl_batch_load_t *load)
{
    static const char *const args[] = {"leader", ""};
    const wxl_batch_call_t what = {&kind_one, args, 2, 0};
    wxl_errand_t errand = fixture_errand(pool);
    const char **unused;

    occupy(stays->batch, load);
    comes(stays);
    comes(goes);
    wxl_batch_end(stays->batch, load);
    if (wxl_batch_join(stays->batch, &errand, &what, load, &unused) == WXL_BATCH_LEAD) {
        if (load->count == 3)
            return 1;
        wxl_batch_end(stays->batch, load);
    }
    over(goes);
    over(stays);
    return 0;
}

/* Taken along, but the load takes too long for one of them. */
static void left_behind(void)
{
    wxl_batch_t *batch = new_batch(1, 1, FOREVER);
    caller_t *stays = new_caller(batch, "stays"), *goes = new_caller(batch, "goes");
    const char *row[] = {"stays", NULL, "", "leader"};
    wxl_batch_load_t load;
    int tries = 1000;

    goes->patience = 500000;
    while (!take_both(stays, goes, &load)) {
        if (--tries == 0) {
            ok(0, "who finds the slot idle takes both along");
            return;
        }
    }
    over(goes);
    is_int(goes->role, WXL_BATCH_LATE, "taken along, and gone before the end");
    is_str(load.members[0].args[0], "goes", "what he asked for stays as it was");
    row[2] = load.members[2].args[1];
    wxl_batch_reply(&load, 0, row, 4);
    wxl_batch_reply(&load, 2, row, 4);
    wxl_batch_end(batch, &load);
    over(stays);
    is_int(stays->role, WXL_BATCH_REPLY, "the other one has his reply");
    goes->patience = FOREVER;
    call(goes);
    is_int(goes->role, WXL_BATCH_REPLY, "he may come again");
}

/* So many loads, one after the other, each because the one before hangs. */
static void all_hang(wxl_batch_t *batch, wxl_batch_load_t loads_of[], int count)
{
    static const char *const args[] = {"x"};
    wxl_errand_t errand = fixture_errand(pool);
    const char **row;
    int i;

    occupy(batch, &loads_of[0]);
    for (i = 1; i < count; i++) {
        const wxl_batch_call_t what = {&kind_one, args, 1, apr_time_now() + FOREVER};

        is_int(wxl_batch_join(batch, &errand, &what, &loads_of[i], &row), WXL_BATCH_LEAD,
               "load %d begins though the first hangs", i + 1);
    }
}

/* A load hangs: after a while another one begins, but not more than there may be. */
static void stuck(void)
{
    wxl_batch_t *batch = new_batch(1, 3, 200000);
    wxl_batch_load_t loads_of[3];
    const char *args[] = {"x"}, **row;
    wxl_batch_call_t what = {&kind_one, args, 1, 0};
    wxl_errand_t errand = fixture_errand(pool);
    apr_time_t began = apr_time_now();
    int i;

    all_hang(batch, loads_of, 3);
    ok(apr_time_now() - began >= 400000, "each after it has waited");
    what.deadline = apr_time_now() + 60000;
    is_int(wxl_batch_join(batch, &errand, &what, &loads_of[0], &row), WXL_BATCH_LATE,
           "but there are no more than three");
    wxl_batch_end(batch, &loads_of[2]);
    began = apr_time_now();
    for (i = 0; i < 100; i++) {
        wxl_batch_join(batch, &errand, &what, &loads_of[2], &row);
        wxl_batch_end(batch, &loads_of[2]);
    }
    ok(apr_time_now() - began < 10000000, "who comes now need not wait for those that hang");
    for (i = 0; i < 2; i++)
        wxl_batch_end(batch, &loads_of[i]);
    is_int(wxl_batch_join(batch, &errand, &what, &loads_of[0], &row), WXL_BATCH_LEAD,
           "all have ended");
    what.deadline = apr_time_now() + 1000;
    is_int(wxl_batch_join(batch, &errand, &what, &loads_of[1], &row), WXL_BATCH_LATE,
           "and again there is one slot");
    wxl_batch_end(batch, &loads_of[0]);
}

/* All hang, and one that is not the newest ends at last: who waits may lead when he has been
   patient with the newest. */
static void old_one_ends(void)
{
    wxl_batch_t *batch = new_batch(1, 2, 100000);
    caller_t *waits = new_caller(batch, "waits");
    wxl_batch_load_t loads_of[2];
    apr_time_t began;

    all_hang(batch, loads_of, 2);
    waits->patience = apr_time_from_sec(20);
    began = apr_time_now();
    comes(waits);
    wxl_batch_end(batch, &loads_of[0]);
    over(waits);
    is_int(waits->led, 1, "an old load ends: the one who waits leads, though the newest hangs");
    ok(apr_time_now() - began < apr_time_from_sec(10), "and not only when his time is up");
    wxl_batch_end(batch, &loads_of[1]);
}

/* The same with two who wait and cannot go together: the load of the first hangs as well. */
static void old_ones_end(void)
{
    wxl_batch_t *batch = new_batch(1, 3, 100000);
    caller_t *first = new_caller(batch, "same"), *second = new_caller(batch, "same");
    wxl_batch_load_t loads_of[3];
    apr_time_t began;

    all_hang(batch, loads_of, 3);
    apr_thread_mutex_create(&first->held, APR_THREAD_MUTEX_DEFAULT, pool);
    apr_thread_mutex_lock(first->held);
    comes(first);
    second->patience = apr_time_from_sec(20);
    began = apr_time_now();
    comes(second);
    wxl_batch_end(batch, &loads_of[0]);
    wxl_batch_end(batch, &loads_of[1]);
    over(second);
    is_int(second->led, 1, "old loads end: the second leads, though the first hangs as well");
    ok(apr_time_now() - began < apr_time_from_sec(10), "and not only when his time is up");
    apr_thread_mutex_unlock(first->held);
    over(first);
    is_int(first->led, 1, "the first has led, too");
    wxl_batch_end(batch, &loads_of[2]);
}

int main(void)
{
    pool = fixture_start();
    alone();
    together(ECHO, WXL_BATCH_REPLY);
    together(NO_ROW, WXL_BATCH_REPLY);
    together(NO_REPLY, WXL_BATCH_ALONE);
    together(FAIL, WXL_BATCH_FAILED);
    crowd(5, 2, 3, 2);
    crowd(20, 1, 20, 1);
    crowd(150, 150, 3, WXL_BATCH_MAX);
    kinds();
    late();
    left_behind();
    stuck();
    old_one_ends();
    old_ones_end();
    return done_testing();
}
