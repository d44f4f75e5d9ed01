/* Fuzzer: a duration. At least a second and at most a hundred years, or a word on what is right. */

#include "fuzz.h"

#include "base/duration.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy = fuzz_copy(data, size, 1);
    apr_int64_t seconds = 0;
    const char *right = wxl_duration_parse(copy, &seconds);

    free(copy);
    if (right)
        HOLDS(*right && seconds == 0);
    else
        HOLDS(seconds >= 1 && seconds <= INT64_C(100) * 366 * 86400);
    return 0;
}
