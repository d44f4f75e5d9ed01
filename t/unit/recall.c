/* core/recall: what is remembered; by many at once, and after writers that were killed. */

#include "core/recall.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"

#define REALM 0x1234567890ABCDEF
#define LEARNT apr_time_from_sec(NOW)

static apr_pool_t *pool;

static wxl_recall_t new_recall(apr_size_t users)
{
    apr_size_t size = wxl_recall_size(users);
    wxl_recall_t recall;
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED)
        abort();
    wxl_recall_use(&recall, memory, size);
    return recall;
}

/* A user all of whose members follow from two numbers, so that a mixture is seen. */
static wxl_user_t make_user(apr_pool_t *p, apr_int64_t id, unsigned version)
{
    wxl_user_t user = {.id = id};
    char *name = apr_palloc(p, 152 * 4);
    unsigned len = version % 600;

    memset(name, 'a' + (int)(version % 26), len);
    name[len] = '\0';
    user.username = name;
    user.user_type = apr_psprintf(p, "t%u", version);
    user.is_active = version & 1;
    user.is_staff = version >> 1 & 1;
    user.is_superuser = version >> 2 & 1;
    return user;
}

static int is_whole(const wxl_user_t *user, apr_int64_t id)
{
    unsigned version = (unsigned)strtoul(user->user_type + 1, NULL, 10);
    apr_pool_t *p;
    wxl_user_t want;
    int same;

    apr_pool_create(&p, pool);
    want = make_user(p, id, version);
    same = user->id == id && strcmp(user->username, want.username) == 0 &&
           user->is_active == want.is_active && user->is_staff == want.is_staff &&
           user->is_superuser == want.is_superuser;
    apr_pool_destroy(p);
    return same;
}

static void one_by_one(void)
{
    wxl_recall_t recall = new_recall(1000), none = {NULL, 0};
    wxl_recalled_t got;
    wxl_user_t user = make_user(pool, 7, 5), longest = make_user(pool, 9, 599), too_long = user;

    is_int(wxl_recall_get(&recall, REALM, 7, pool, &got), 0, "nothing is known");
    is_int(wxl_recall_get(&recall, 0, 0, pool, &got), 0, "not even of nobody");
    wxl_recall_put(&recall, REALM, 7, &user, LEARNT);
    is_int(wxl_recall_get(&recall, REALM, 7, pool, &got), 1, "then it is");
    ok(is_whole(&got.user, 7), "whole");
    is_int(got.learnt, LEARNT, "since then");
    is_int(wxl_recall_get(&recall, REALM + 1, 7, pool, &got), 0, "not in another data base");
    is_int(wxl_recall_get(&recall, REALM, 8, pool, &got), 0, "not of another user");

    user = make_user(pool, 7, 6);
    wxl_recall_put(&recall, REALM, 7, &user, LEARNT - 1);
    wxl_recall_get(&recall, REALM, 7, pool, &got);
    is_str(got.user.user_type, "t5", "what was learnt later stays");
    wxl_recall_put(&recall, REALM, 7, &user, LEARNT + 1);
    wxl_recall_get(&recall, REALM, 7, pool, &got);
    is_str(got.user.user_type, "t6", "until something is learnt after it");
    wxl_recall_put(&recall, REALM, 7, &user, LEARNT - apr_time_from_sec(3600));
    wxl_recall_get(&recall, REALM, 7, pool, &got);
    is_int(got.learnt, LEARNT - apr_time_from_sec(3600), "or the clock has been set back");

    wxl_recall_put(&recall, REALM, 7, NULL, LEARNT + 2);
    is_int(wxl_recall_get(&recall, REALM, 7, pool, &got), 1, "that there is nobody is known, too");
    is_int(got.user.id, 0, "by an id of 0");

    wxl_recall_put(&recall, REALM, 9, &longest, LEARNT);
    is_int(wxl_recall_get(&recall, REALM, 9, pool, &got), 1, "a name of 599 bytes");
    ok(is_whole(&got.user, 9), "is whole");
    too_long.username = apr_pstrcat(pool, longest.username, longest.username, NULL);
    wxl_recall_put(&recall, REALM, 9, &too_long, LEARNT + 1);
    is_int(wxl_recall_get(&recall, REALM, 9, pool, &got), 0,
           "one too long is not remembered, nor the old one");

    wxl_recall_put(&recall, REALM, 11, &user, LEARNT);
    wxl_recall_forget(&recall, REALM, 11, LEARNT + 5);
    is_int(wxl_recall_get(&recall, REALM, 11, pool, &got), 0, "one that is to be forgotten is");
    wxl_recall_put(&recall, REALM, 11, &user, LEARNT + 4);
    is_int(wxl_recall_get(&recall, REALM, 11, pool, &got), 0,
           "also by those who had asked before that");
    wxl_recall_put(&recall, REALM, 11, &user, LEARNT + 6);
    is_int(wxl_recall_get(&recall, REALM, 11, pool, &got), 1, "until something newer is learnt");
    wxl_recall_forget(&recall, REALM, 12, LEARNT);
    is_int(wxl_recall_get(&recall, REALM, 12, pool, &got), 0, "one who was not known stays so");

    wxl_recall_forget(&none, REALM, 7, LEARNT);
    wxl_recall_put(&none, REALM, 7, &user, LEARNT);
    is_int(wxl_recall_get(&none, REALM, 7, pool, &got), 0, "without memory nothing is");
}

static void full(void)
{
    wxl_recall_t recall = new_recall(64);
    wxl_recalled_t got;
    int id, known = 0, whole = 0;

    for (id = 1; id <= 1000; id++) {
        wxl_user_t user = make_user(pool, id, (unsigned)id);

        wxl_recall_put(&recall, REALM, id, &user, LEARNT + id);
        whole += wxl_recall_get(&recall, REALM, id, pool, &got) && is_whole(&got.user, id);
    }
    is_int(whole, 1000, "the latest is always known");
    for (id = 1; id <= 1000; id++)
        known += wxl_recall_get(&recall, REALM, id, pool, &got);
    is_int(known, 64, "as many as there is room for");
    for (id = 1, known = 0; id <= 800; id++)
        known += wxl_recall_get(&recall, REALM, id, pool, &got);
    is_int(known, 0, "the oldest are forgotten");
}

/* Every word of an entry, spoilt: it counts as forgotten. */
static void spoilt(void)
{
    wxl_recall_t recall = new_recall(4);
    wxl_user_t user = make_user(pool, 7, 90);
    apr_size_t i, words = wxl_recall_size(4) / sizeof(apr_uint64_t);
    int wrong = 0, forgotten = 0;

    for (i = 0; i < words; i++) {
        wxl_recalled_t got;
        apr_uint64_t kept;

        memset(recall.words, 0, words * sizeof(apr_uint64_t));
        wxl_recall_put(&recall, REALM, 7, &user, LEARNT);
        kept = recall.words[i];
        recall.words[i] ^= UINT64_C(0x8000000080000001);
        if (!wxl_recall_get(&recall, REALM, 7, pool, &got))
            forgotten++;
        else if (!is_whole(&got.user, 7) || got.learnt != LEARNT)
            wrong++;
        recall.words[i] = kept;
    }
    is_int(wrong, 0, "no entry that was spoilt is believed");
    ok(forgotten >= 5 + 90 / 8, "%d words matter", forgotten);
}

static void write_for_ever(const wxl_recall_t *recall, unsigned seed)
{
    apr_pool_t *p;
    unsigned version = seed;

    apr_pool_create(&p, NULL);
    for (;;) {
        apr_int64_t id = 1 + version % 3;
        wxl_user_t user;

        version = version * 1103515245u + 12345u;
        user = make_user(p, id, version >> 8);
        wxl_recall_put(recall, REALM, id, &user, LEARNT);
        apr_pool_clear(p);
    }
}

/* Four processes write the same three users; some are killed, others take their place. */
static void at_once(void)
{
    wxl_recall_t recall = new_recall(4);
    pid_t writer[4];
    int i, round, known = 0, mixed = 0;

    for (i = 0; i < 4; i++) {
        writer[i] = fork();
        if (writer[i] == 0)
            write_for_ever(&recall, (unsigned)i);
    }
    for (round = 0; round < 200000; round++) {
        apr_int64_t id = 1 + round % 3;
        wxl_recalled_t got;
        apr_pool_t *p;

        apr_pool_create(&p, pool);
        if (wxl_recall_get(&recall, REALM, id, p, &got)) {
            known++;
            mixed += !is_whole(&got.user, id);
        }
        apr_pool_destroy(p);
        if (round % 10000 == 9999) {
            i = round / 10000 % 4;
            kill(writer[i], SIGKILL);
            waitpid(writer[i], NULL, 0);
            writer[i] = fork();
            if (writer[i] == 0)
                write_for_ever(&recall, (unsigned)round);
        }
    }
    for (i = 0; i < 4; i++) {
        kill(writer[i], SIGKILL);
        waitpid(writer[i], NULL, 0);
    }
    is_int(mixed, 0, "four writers, twenty of them killed: never a mixture");
    ok(known > 1000, "and mostly an answer: %d of %d", known, round);
    for (i = 1; i <= 3; i++) {
        wxl_user_t user = make_user(pool, i, 1);
        wxl_recalled_t got;

        wxl_recall_put(&recall, REALM, i, &user, LEARNT + 1);
        ok(wxl_recall_get(&recall, REALM, i, pool, &got) && is_whole(&got.user, i),
           "afterwards all is well with user %d", i);
    }
}

int main(void)
{
    pool = fixture_start();
    one_by_one();
    full();
    spoilt();
    at_once();
    return done_testing();
}
