/*
 * bench/limiter: what a check of core/limiter costs.
 *
 *     make bench-limiter
 *
 * One thread, and eight threads in two processes; one hot key, and 100,000 keys. Each check reads
 * the clock, as web/limit does. The times are of one check, as a thread sees it: wall time of the
 * run, times threads that can run at once, through the number of checks. On a machine that is busy
 * with something else the time of the CPU is the one to look at.
 */

#include "core/limiter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <pthread.h>

#define KEYS 100000
#define SECONDS 1.0
#define BATCH 256

typedef struct {
    const char *what;
    apr_uint32_t limit;
    apr_interval_time_t window;
    unsigned keys;
} scene_t;

typedef struct {
    volatile int stop;
    _Alignas(64) unsigned long checks[64][8]; /* a cache line each */
    _Alignas(64) unsigned long admitted[64][8];
} shared_t;

static wxl_limiter_t limiter;
static const scene_t *scene;
static shared_t *shared;

static double seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* What the processes that have ended have used, in seconds of CPU. */
static double cpu_seconds(void)
{
    struct rusage usage;

    getrusage(RUSAGE_CHILDREN, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static apr_time_t microseconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (apr_time_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void *map(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED)
        abort();
    return memory;
}

/* splitmix64: turns a number into something like a keyed hash */
static apr_uint64_t mix(apr_uint64_t x)
{
    x += 0x9E3779B97F4A7C15u;
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9u;
    x = (x ^ x >> 27) * 0x94D049BB133111EBu;
    return x ^ x >> 31;
}

static void *work(void *data)
{
    size_t number = (size_t)data;
    apr_uint64_t random = mix(number);
    unsigned long checks = 0, admitted = 0;
    int i;

    while (!shared->stop) {
        for (i = 0; i < BATCH; i++) {
            wxl_limiter_verdict_t verdict;

            random = random * 6364136223846793005u + 1442695040888963407u;
            wxl_limiter_check(&limiter, mix((random >> 33) % scene->keys), microseconds(), 1,
                              &verdict);
            admitted += (unsigned long)verdict.admitted;
        }
        checks += BATCH;
    }
    shared->checks[number][0] = checks;
    shared->admitted[number][0] = admitted;
    return NULL;
}

static void run_process(int number, int threads)
{
    pthread_t ids[16];
    int i;

    for (i = 0; i < threads; i++)
        pthread_create(&ids[i], NULL, work, (void *)(size_t)(number * threads + i));
    for (i = 0; i < threads; i++)
        pthread_join(ids[i], NULL);
    _exit(0);
}

static void run(const scene_t *next, int processes, int threads)
{
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    int all = processes * threads, at_once = all < cpus ? all : (int)cpus;
    unsigned long checks = 0, admitted = 0;
    apr_size_t size = wxl_limiter_shape(&limiter, next->limit, next->window, KEYS);
    double start, cpu = cpu_seconds();
    int i;

    scene = next;
    memset(shared, 0, sizeof(*shared));
    wxl_limiter_open(&limiter, map(size));
    start = seconds();
    for (i = 0; i < processes; i++) {
        if (fork() == 0)
            run_process(i, threads);
    }
    usleep((useconds_t)(SECONDS * 1e6));
    shared->stop = 1;
    while (wait(NULL) > 0)
        continue;
    start = seconds() - start;
    cpu = cpu_seconds() - cpu;
    for (i = 0; i < all; i++) {
        checks += shared->checks[i][0];
        admitted += shared->admitted[i][0];
    }
    printf(
        "%-34s %d x %d threads  %6.1f M checks/s  %5.0f ns a check, %5.0f ns of CPU  %5.1f %% admitted\n",
        next->what, processes, threads, (double)checks / start / 1e6,
        start * at_once * 1e9 / (double)checks, cpu * 1e9 / (double)checks,
        100.0 * (double)admitted / (double)checks);
    munmap(limiter.memory, size);
}

int main(void)
{
    static const scene_t scenes[] = {
        {"5/1m, one hot key (refused)", 5, 60000000, 1},
        {"5/1m, 100,000 keys", 5, 60000000, KEYS},
        {"5/1m, 100,000 keys, all admitted", 5, 1, KEYS},
        {"64/1m, one hot key (refused)", 64, 60000000, 1},
        {"64/1m, 100,000 keys", 64, 60000000, KEYS},
        {"250000/1s, one hot key", 250000, 1000000, 1},
        {"250000/1m, 100,000 keys (admitted)", 250000, 60000000, KEYS},
    };
    size_t i;

    shared = map(sizeof(*shared));
    for (i = 0; i < sizeof(scenes) / sizeof(scenes[0]); i++) {
        run(&scenes[i], 1, 1);
        run(&scenes[i], 2, 4);
    }
    return 0;
}
