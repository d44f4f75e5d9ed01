/*
 * replay: runs a fuzzer over files and folders given as arguments, without libFuzzer.
 *
 *     build/unit/fuzz_json t/fuzz/corpus/json
 *
 * Prints how many files it ran; fails where it ran none or one cannot be read. A fuzzer that finds
 * something ends the program with a signal; the last name printed is the file.
 */

#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>

#include "../fuzz.h"

static int count, failed;

static void replay(const char *path);

static void replay_folder(const char *path)
{
    struct dirent **names;
    int i, found = scandir(path, &names, NULL, alphasort);

    for (i = 0; i < found; i++) {
        char inner[4096];

        if (names[i]->d_name[0] != '.') {
            snprintf(inner, sizeof(inner), "%s/%s", path, names[i]->d_name);
            replay(inner);
        }
        free(names[i]);
    }
    if (found >= 0)
        free(names);
}

static void replay_file(const char *path, size_t size)
{
    uint8_t *data = malloc(size + 1);
    FILE *file = fopen(path, "rb");

    if (!data || !file || fread(data, 1, size, file) != size) {
        fprintf(stderr, "%s: cannot be read\n", path);
        failed = 1;
    } else {
        printf("%s\n", path);
        fflush(stdout); /* so that it is the last one named, should this end here */
        LLVMFuzzerTestOneInput(data, size);
        count++;
    }
    if (file)
        fclose(file);
    free(data);
}

static void replay(const char *path)
{
    struct stat info;

    if (stat(path, &info) != 0) {
        fprintf(stderr, "%s: not found\n", path);
        failed = 1;
    } else if (S_ISDIR(info.st_mode)) {
        replay_folder(path);
    } else {
        replay_file(path, (size_t)info.st_size);
    }
}

int main(int argc, char **argv)
{
    int i;

    for (i = 1; i < argc; i++)
        replay(argv[i]);
    printf("replayed %d\n", count);
    return failed || count == 0;
}
