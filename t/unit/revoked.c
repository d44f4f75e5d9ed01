/* core/revoked: nothing that was entered is missing: full sets, many writers, killed ones. */

#include "core/revoked.h"

#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"

#define LIFETIME 1000
#define SET 7 /* entries that a set holds */

static void *shared(apr_size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED)
        abort();
    return memory;
}

static wxl_revoked_t new_register(apr_size_t entries)
{
    apr_size_t size = wxl_revoked_size(entries);
    wxl_revoked_t revoked;

    wxl_revoked_use(&revoked, shared(size), size, LIFETIME);
    return revoked;
}

static apr_uint64_t key_of(apr_int64_t number)
{
    return wxl_revoked_key(7, &number, sizeof(number));
}

static wxl_revoked_entered_t add(const wxl_revoked_t *revoked, apr_int64_t number,
                                 apr_int64_t moment)
{
    return wxl_revoked_add(revoked, key_of(number), moment, NOW);
}

static apr_int64_t find(const wxl_revoked_t *revoked, apr_int64_t number, apr_int64_t now)
{
    return wxl_revoked_find(revoked, key_of(number), now).moment;
}

static apr_int64_t lost(const wxl_revoked_t *revoked, apr_int64_t number, apr_int64_t now)
{
    return wxl_revoked_find(revoked, key_of(number), now).lost;
}

static void one_by_one(void)
{
    wxl_revoked_t revoked = new_register(1000), none;

    is_int(find(&revoked, 1, NOW), 0, "nothing is there");
    is_int(add(&revoked, 1, NOW - 10), WXL_REVOKED_NEW, "one is entered");
    is_int(find(&revoked, 1, NOW), NOW - 10, "and is there");
    is_int(find(&revoked, 2, NOW), 0, "another one is not");
    is_int(lost(&revoked, 1, NOW), 0, "nothing was lost");
    is_int(add(&revoked, 1, NOW - 10), WXL_REVOKED_KNOWN, "once more is no news");
    is_int(add(&revoked, 1, NOW - 20), WXL_REVOKED_KNOWN, "nor is an earlier moment");
    is_int(find(&revoked, 1, NOW), NOW - 10, "which changes nothing");
    is_int(add(&revoked, 1, NOW), WXL_REVOKED_NEW, "a later one");
    is_int(find(&revoked, 1, NOW), NOW, "takes its place");
    is_int(add(&revoked, 3, NOW + 5), WXL_REVOKED_NEW, "a moment to come");
    is_int(find(&revoked, 3, NOW), NOW + 5, "counts as well");
    is_int(add(&revoked, 4, NOW * 1000), WXL_REVOKED_NEW, "one far away");
    is_int(find(&revoked, 4, NOW), 0xFFFFFFFFLL, "is cut to what a word holds");
    is_int(add(&revoked, 5, 0), WXL_REVOKED_KNOWN, "0 is no moment");
    is_int(add(&revoked, 5, -1), WXL_REVOKED_KNOWN, "nor is one before 1970");
    is_int(find(&revoked, 5, NOW), 0, "neither is entered");

    ok(wxl_revoked_key(1, "a", 1) != wxl_revoked_key(2, "a", 1), "the realm is part of the key");
    ok(wxl_revoked_key(1, "a", 1) != wxl_revoked_key(1, "b", 1), "so is each byte");
    wxl_revoked_use(&none, NULL, 0, LIFETIME);
    is_int(add(&none, 1, NOW), WXL_REVOKED_KNOWN, "without memory nothing is entered");
    is_int(find(&none, 1, NOW), 0, "nor found");
}

static void expiry(void)
{
    wxl_revoked_t revoked = new_register(1);
    int i;

    is_int(add(&revoked, 1, NOW - LIFETIME), WXL_REVOKED_KNOWN, "what is over is not entered");
    is_int(add(&revoked, 1, NOW - LIFETIME + 1), WXL_REVOKED_NEW,
           "what is needed a second more is");
    is_int(find(&revoked, 1, NOW), NOW - LIFETIME + 1, "and found");
    is_int(find(&revoked, 1, NOW + 1), 0, "until that is over");
    for (i = 2; i <= SET; i++)
        add(&revoked, i, NOW);
    is_int(wxl_revoked_add(&revoked, key_of(8), NOW + 1, NOW + 1), WXL_REVOKED_NEW,
           "its place is free again");
    is_int(find(&revoked, 8, NOW + 1), NOW + 1, "for another");
    is_int(find(&revoked, 1, NOW), 0, "which has it now");
    is_int(find(&revoked, 2, NOW + 1), NOW, "the neighbours stay");
}

static void full(void)
{
    wxl_revoked_t revoked = new_register(1);
    int i, missing = 0;

    is_int(revoked.sets, 1, "the smallest register is one set");
    for (i = 1; i <= SET; i++)
        is_int(add(&revoked, i, NOW - 100 + i), WXL_REVOKED_NEW, "entry %d has a place", i);
    is_int(lost(&revoked, 1, NOW), 0, "seven fit");
    is_int(add(&revoked, 8, NOW - 50), WXL_REVOKED_LOST, "the eighth does not");
    is_int(find(&revoked, 8, NOW), 0, "it is not there");
    is_int(lost(&revoked, 8, NOW), NOW - 50, "but that it may be missing is known");
    is_int(lost(&revoked, 99, NOW), NOW - 50, "to everybody of the set");
    is_int(add(&revoked, 8, NOW - 50), WXL_REVOKED_KNOWN, "which is no news the second time");
    is_int(add(&revoked, 9, NOW - 60), WXL_REVOKED_KNOWN, "nor for an earlier moment");
    is_int(add(&revoked, 10, NOW - 40), WXL_REVOKED_LOST, "but for a later one");
    is_int(lost(&revoked, 8, NOW), NOW - 40, "which moves it");
    is_int(add(&revoked, 3, NOW), WXL_REVOKED_NEW, "who has a place can still be moved");
    for (i = 1; i <= SET; i++)
        missing += find(&revoked, i, NOW) == 0;
    is_int(missing, 0, "nobody lost his place");
    is_int(lost(&revoked, 8, NOW - 40 + LIFETIME - 1), NOW - 40, "the mark stays");
    is_int(lost(&revoked, 8, NOW - 40 + LIFETIME), 0, "until what was lost is over");
}

/* Of many more than there is room for, each is there or known to be missing. */
static void crowded(void)
{
    wxl_revoked_t revoked = new_register(3000);
    int i, there = 0, forgotten = 0, told = 0;

    for (i = 0; i < 3000; i++)
        told += add(&revoked, i, NOW - i % 500) == WXL_REVOKED_LOST;
    for (i = 0; i < 3000; i++) {
        wxl_revoked_answer_t answer = wxl_revoked_find(&revoked, key_of(i), NOW);

        there += answer.moment == NOW - i % 500;
        forgotten += answer.moment != NOW - i % 500 && answer.lost < NOW - i % 500;
    }
    is_int(forgotten, 0, "of as many as it was made for none is forgotten");
    ok(there > 2970, "and 99 in a hundred have a place: %d of 3000", there);
    ok(told <= 3000 - there, "%d of those without one were news", told);
    for (i = 3000; i < 30000; i++)
        add(&revoked, i, NOW - i % 500);
    for (i = 0; i < 30000; i++) {
        wxl_revoked_answer_t answer = wxl_revoked_find(&revoked, key_of(i), NOW);

        forgotten += answer.moment != NOW - i % 500 && answer.lost < NOW - i % 500;
    }
    is_int(forgotten, 0, "nor of ten times as many");
}

/* -- at once ----------------------------------------------------------------------------------- */

#define WRITERS 4
#define EACH 20000

typedef struct {
    wxl_revoked_t revoked;
    apr_uint64_t *done; /* of each writer: how many it has entered, in shared memory */
    apr_uint64_t enough;
} crowd_t;

typedef struct {
    const crowd_t *crowd;
    int number;
} writer_t;

/* Writers have keys of their own, and every tenth is one of all. After EACH it begins anew. */
static apr_int64_t number_of(int writer, apr_uint64_t i)
{
    i %= EACH;
    return (apr_int64_t)(i % 10 == 0 ? i : i * WRITERS + (apr_uint64_t)writer + 1000000);
}

static apr_int64_t moment_of(int writer, apr_uint64_t i)
{
    return NOW - 100 + (apr_int64_t)(i % EACH % 50) + writer;
}

static void *write_all(void *baton)
{
    const writer_t *writer = baton;
    apr_uint64_t *done = writer->crowd->done + writer->number;

    while (*done < writer->crowd->enough) {
        add(&writer->crowd->revoked, number_of(writer->number, *done),
            moment_of(writer->number, *done));
        __atomic_store_n(done, *done + 1, __ATOMIC_RELEASE);
    }
    return NULL;
}

static int count_forgotten(const crowd_t *crowd)
{
    int writer, forgotten = 0;
    apr_uint64_t i;

    for (writer = 0; writer < WRITERS; writer++) {
        for (i = 0; i < crowd->done[writer] && i < EACH; i++) {
            wxl_revoked_answer_t answer =
                wxl_revoked_find(&crowd->revoked, key_of(number_of(writer, i)), NOW);
            apr_int64_t moment = moment_of(writer, i);

            forgotten += answer.moment < moment && answer.lost < moment;
        }
    }
    return forgotten;
}

static crowd_t new_crowd(apr_size_t entries, apr_uint64_t enough)
{
    crowd_t crowd = {new_register(entries), shared(WRITERS * sizeof(apr_uint64_t)), enough};

    return crowd;
}

static void threads(apr_size_t entries, const char *name)
{
    crowd_t crowd = new_crowd(entries, EACH);
    writer_t writer[WRITERS];
    pthread_t thread[WRITERS];
    int i;

    for (i = 0; i < WRITERS; i++) {
        writer[i] = (writer_t){&crowd, i};
        pthread_create(&thread[i], NULL, write_all, &writer[i]);
    }
    for (i = 0; i < WRITERS; i++)
        pthread_join(thread[i], NULL);
    is_int(count_forgotten(&crowd), 0, "four threads, %s: none is forgotten", name);
}

/* Processes that are killed at any moment, and others that go on with their work. */
static void killed(void)
{
    crowd_t crowd = new_crowd(2000, UINT64_MAX);
    pid_t pid[WRITERS];
    int i, round, kills = 0;

    for (round = 0; round < 50; round++) {
        for (i = 0; i < WRITERS; i++) {
            writer_t writer = {&crowd, i};

            pid[i] = fork();
            if (pid[i] == 0) {
                write_all(&writer);
                _exit(0);
            }
        }
        usleep(300);
        for (i = 0; i < WRITERS; i++) {
            int status;

            kill(pid[i], SIGKILL);
            waitpid(pid[i], &status, 0);
            kills += WIFSIGNALED(status);
        }
    }
    ok(kills == 50 * WRITERS, "%d writers were killed", kills);
    is_int(count_forgotten(&crowd), 0, "what they had entered is not forgotten");
    crowd.enough = 2 * EACH;
    for (i = 0; i < WRITERS; i++) {
        writer_t writer = {&crowd, i};

        crowd.done[i] %= EACH;
        write_all(&writer);
    }
    is_int(count_forgotten(&crowd), 0, "and the register is as good as before");
}

int main(void)
{
    fixture_start();
    one_by_one();
    expiry();
    full();
    crowded();
    threads(WRITERS * EACH, "room for all");
    threads(500, "crowded");
    killed();
    return done_testing();
}
