/*
 * tap: what a test program prints (Test Anything Protocol), for `prove` to read.
 *
 *     int main(void) { is_int(1 + 1, 2, "sums"); return done_testing(); }
 */
#ifndef WXL_TAP_H
#define WXL_TAP_H

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static int tap_count, tap_failed;

__attribute__((format(printf, 4, 0))) static inline int tap_print(int good, const char *file,
                                                                  int line, const char *name,
                                                                  va_list args)
{
    char text[512];

    tap_count++;
    vsnprintf(text, sizeof(text), name, args);
    printf("%sok %d - %s\n", good ? "" : "not ", tap_count, text);
    if (!good) {
        tap_failed++;
        fflush(stdout);
        /* prove shows what comes this way */
        fprintf(stderr, "#   Failed test '%s'\n#   at %s line %d.\n", text, file, line);
    }
    return good;
}

__attribute__((format(printf, 4, 5))) static inline int tap_ok(int good, const char *file, int line,
                                                               const char *name, ...)
{
    va_list args;

    va_start(args, name);
    tap_print(good, file, line, name, args);
    va_end(args);
    fflush(stdout);
    return good;
}

__attribute__((format(printf, 5, 6))) static inline int tap_int(long long got, long long want,
                                                                const char *file, int line,
                                                                const char *name, ...)
{
    va_list args;

    va_start(args, name);
    tap_print(got == want, file, line, name, args);
    va_end(args);
    if (got != want)
        fprintf(stderr, "#   got %lld, want %lld\n", got, want);
    fflush(stdout);
    return got == want;
}

__attribute__((format(printf, 5, 6))) static inline int tap_str(const char *got, const char *want,
                                                                const char *file, int line,
                                                                const char *name, ...)
{
    int good = got && want ? strcmp(got, want) == 0 : got == want;
    va_list args;

    va_start(args, name);
    tap_print(good, file, line, name, args);
    va_end(args);
    if (!good)
        fprintf(stderr, "#   got  %s\n#   want %s\n", got ? got : "(null)", want ? want : "(null)");
    fflush(stdout);
    return good;
}

/* Each takes a name for the test at its end, as printf does. */
#define ok(good, ...) tap_ok(!!(good), __FILE__, __LINE__, __VA_ARGS__)
#define is_int(got, want, ...) tap_int((got), (want), __FILE__, __LINE__, __VA_ARGS__)
#define is_str(got, want, ...) tap_str((got), (want), __FILE__, __LINE__, __VA_ARGS__)

#define note(...) (printf("# " __VA_ARGS__), printf("\n"))

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/** @return the exit status: 0 where every test passed and there was one */
static inline int done_testing(void)
{
    printf("1..%d\n", tap_count);
    if (tap_failed)
        printf("# %d of %d failed\n", tap_failed, tap_count);
    return tap_failed || !tap_count;
}

#endif
