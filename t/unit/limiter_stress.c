/* core/limiter: real processes and threads on one block of memory, some of them killed. Afterwards
   every admitted event is laid on a line: no window may hold one too many. */

#include "core/limiter.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <apr_atomic.h>
#include <apr_thread_proc.h>

#include "fixture.h"

#define PROCESSES 2
#define THREADS 4
#define MOST_EVENTS (1 << 21)
#define MOST_CLIENTS 512
#define SECOND APR_INT64_C(1000000)

/* The limiter's clock runs ten times as fast, so that windows come and go. */
#define SPEED 10
#define SLACK (10 * SECOND) /* how old a time the limiter accepts */

/* It was decided between the two: a thread may sleep in the middle, and find that events of before
   have made room for those of other clients meanwhile. */
typedef struct {
    apr_uint32_t client;
    apr_time_t when, until;
} event_t;

/* What all processes share. */
typedef struct {
    volatile apr_uint32_t stop;
    volatile apr_uint32_t count; /* of events */
    volatile apr_uint32_t checks[PROCESSES * THREADS];
    volatile apr_uint32_t late; /* checks whose thread slept for too long in the middle */
    apr_uint64_t hashes[MOST_CLIENTS];
    event_t events[MOST_EVENTS];
} shared_t;

typedef struct {
    const char *name;
    apr_uint32_t limit;
    apr_interval_time_t window;
    apr_uint32_t planned; /* clients that the table is made for */
    apr_uint32_t clients; /* that come */
    int real_ms;
} scene_t;

static shared_t *shared;
static wxl_limiter_t limiter;
static const scene_t *scene;

static apr_time_t clock_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (now.tv_sec * SECOND + now.tv_nsec / 1000) * SPEED;
}

static void *map(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED)
        abort();
    return memory;
}

static void one_check(apr_uint32_t client)
{
    wxl_limiter_verdict_t verdict;
    apr_time_t now = clock_now(), until;
    apr_uint32_t at;

    wxl_limiter_check(&limiter, shared->hashes[client], now, 1, &verdict);
    until = clock_now();
    if (until - now > SLACK / 2) {
        apr_atomic_inc32(&shared->late);
    } else if (verdict.admitted) {
        at = apr_atomic_inc32(&shared->count);
        if (at < MOST_EVENTS) {
            shared->events[at].client = client;
            /* the time it was counted with: others may already have come later */
            shared->events[at].when = (apr_time_t)(verdict.after >> 12);
            shared->events[at].until = until;
        }
    }
}

/* Half of the checks on a few clients, half on many. Which those are changes as time goes by, so
   that clients go and their places get new owners. */
static apr_uint32_t pick(unsigned random)
{
    apr_uint32_t all = scene->clients, many = (all + 1) / 2, few = (all + 15) / 16;
    apr_uint32_t turn = (apr_uint32_t)(clock_now() / (scene->window + SLACK + SECOND));

    return ((random >> 16) % (random & 0x8000 ? many : few) + turn % 2 * (all / 2)) % all;
}

static void *APR_THREAD_FUNC hammer(apr_thread_t *thread, void *data)
{
    apr_uint32_t number = (apr_uint32_t)(size_t)data;
    unsigned random = number * 7919 + 17 + (unsigned)getpid();

    while (!apr_atomic_read32(&shared->stop)) {
        random = random * 1664525 + 1013904223;
        one_check(pick(random));
        apr_atomic_inc32(&shared->checks[number]);
    }
    (void)thread; /* returned from, not exited: AddressSanitizer follows that */
    return NULL;
}

static pid_t start_child(int number)
{
    pid_t pid = fork();

    if (pid == 0) {
        apr_thread_t *threads[THREADS];
        apr_pool_t *pool;
        apr_status_t rv;
        int i;

        apr_pool_create(&pool, NULL);
        for (i = 0; i < THREADS; i++)
            apr_thread_create(&threads[i], NULL, hammer, (void *)(size_t)(number * THREADS + i),
                              pool);
        for (i = 0; i < THREADS; i++)
            apr_thread_join(&rv, threads[i]);
        _exit(0);
    }
    return pid;
}

static int by_client_and_time(const void *a, const void *b)
{
    const event_t *x = a, *y = b;

    if (x->client != y->client)
        return x->client < y->client ? -1 : 1;
    return x->when < y->when ? -1 : x->when > y->when;
}

/* Do these, of one client, certainly lie in one window? */
static int together(const event_t *first, const event_t *last)
{
    const event_t *event;
    apr_time_t until = 0;

    for (event = first; event <= last; event++)
        until = event->until > until ? event->until : until;
    return until - first->when < scene->window;
}

/* @return windows that hold one too many */
static int windows_over(apr_uint32_t count)
{
    apr_uint32_t i;
    int over = 0;

    qsort(shared->events, count, sizeof(event_t), by_client_and_time);
    for (i = scene->limit; i < count; i++) {
        const event_t *first = &shared->events[i - scene->limit], *last = &shared->events[i];

        over += first->client == last->client && together(first, last);
    }
    return over;
}

static void prepare(const scene_t *next)
{
    apr_size_t size = wxl_limiter_shape(&limiter, next->limit, next->window, next->planned);
    apr_uint32_t i;

    scene = next;
    wxl_limiter_open(&limiter, map(size));
    memset(shared, 0, sizeof(*shared));
    for (i = 0; i < scene->clients; i++)
        apr_generate_random_bytes((unsigned char *)&shared->hashes[i], sizeof(shared->hashes[i]));
}

static void report(const char *how)
{
    apr_uint32_t count = apr_atomic_read32(&shared->count), checks = 0;
    apr_uint64_t refused, shares;
    int i, over;

    for (i = 0; i < PROCESSES * THREADS; i++)
        checks += apr_atomic_read32(&shared->checks[i]);
    wxl_limiter_counts(&limiter, &refused, &shares);
    over = windows_over(count < MOST_EVENTS ? count : MOST_EVENTS);
    note("%u checks, %u admitted, %" APR_UINT64_T_FMT " in shared rows, %u late", checks, count,
         shares, apr_atomic_read32(&shared->late));
    ok(count > scene->limit && count <= MOST_EVENTS, "%s, %s: events were admitted", scene->name,
       how);
    /* A thread slept for longer than the limiter accepts: then this run proves nothing. */
    if (apr_atomic_read32(&shared->late) && over)
        note("too slow here to say, %d over", over);
    else
        is_int(over, 0, "%s, %s: no window has one too many", scene->name, how);
}

static void stress(const scene_t *next)
{
    pid_t children[PROCESSES];
    int i, status, died = 0;

    prepare(next);
    for (i = 0; i < PROCESSES; i++)
        children[i] = start_child(i);
    usleep((useconds_t)next->real_ms * 1000);
    apr_atomic_set32(&shared->stop, 1);
    for (i = 0; i < PROCESSES; i++) {
        waitpid(children[i], &status, 0);
        died += status != 0;
    }
    is_int(died, 0, "%s: %d threads in %d processes", next->name, PROCESSES * THREADS, PROCESSES);
    report("all alive");
}

/* Children die at any instruction, one after the other, and others go on. */
static void slaughter(const scene_t *next, int times)
{
    apr_uint32_t before;
    pid_t survivor;
    int i, status;

    prepare(next);
    survivor = start_child(0);
    for (i = 0; i < times; i++) {
        pid_t victim = start_child(1);

        usleep(500 + (useconds_t)(rand() % 4000));
        kill(victim, SIGKILL);
        waitpid(victim, &status, 0);
    }
    before = apr_atomic_read32(&shared->checks[0]);
    for (i = 0; i < 1000 && apr_atomic_read32(&shared->checks[0]) == before; i++)
        usleep(10000);
    ok(apr_atomic_read32(&shared->checks[0]) != before, "%s: after %d deaths the others go on",
       next->name, times);
    apr_atomic_set32(&shared->stop, 1);
    waitpid(survivor, &status, 0);
    report("after the deaths");
    /* When the window is over nothing of the dead is left. */
    usleep((useconds_t)((next->window + 2 * SECOND) / SPEED));
    for (i = 0; i < (int)next->limit; i++) {
        wxl_limiter_verdict_t verdict;

        wxl_limiter_check(&limiter, shared->hashes[0], clock_now(), 1, &verdict);
        status = verdict.admitted;
        if (!status)
            break;
    }
    ok(status, "%s: a window later a client has its whole limit again", next->name);
}

int main(void)
{
    static const scene_t scenes[] = {
        {"room for all", 5, 2 * SECOND, 800, 300, 3000},
        {"one hot client", 64, SECOND, 8, 1, 1000},
        {"one event, too little room", 1, 2 * SECOND, 8, 40, 3000},
        {"five events, too little room", 5, SECOND, 8, 24, 3000},
        {"64 events, too little room", 64, SECOND, 4, 12, 3000},
        {"groups of 16", 1000, 2 * SECOND, 8, 6, 3000},
        {"groups, too little room", 200, SECOND, 4, 20, 3000},
    };
    size_t i;

    fixture_start();
    shared = map(sizeof(*shared));
    for (i = 0; i < COUNT(scenes); i++)
        stress(&scenes[i]);
    slaughter(&scenes[0], 200);
    slaughter(&scenes[3], 200);
    return done_testing();
}
