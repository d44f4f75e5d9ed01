/* base/parcel: what goes in comes out, in memory of its own. */

#include "base/parcel.h"

#include "fixture.h"

static void same(const char **got, const char *const *want, int count, const char *name)
{
    int i;

    for (i = 0; i < count; i++)
        is_str(got[i], want[i], "%s: string %d", name, i);
}

int main(void)
{
    static const char *const some[] = {"one", NULL, "", "\xe7\x94\xa8\xe6\x88\xb7", "five"};
    static const char *const none[] = {NULL, NULL};
    char *long_one = heap_copy("", 0);
    const char *one[1], **copy;
    wxl_parcel_t parcel = {0};
    apr_pool_t *pool = fixture_start();
    apr_size_t room;

    free(long_one);
    ok(wxl_parcel_pack(&parcel, some, COUNT(some)), "packed");
    same(parcel.strings, some, COUNT(some), "inside");
    copy = wxl_parcel_copy(pool, &parcel);
    room = parcel.room;
    ok(wxl_parcel_pack(&parcel, none, COUNT(none)), "something shorter");
    is_int(parcel.count, COUNT(none), "in its place");
    is_int((long long)parcel.room, (long long)room, "in the same block");
    same(copy, some, COUNT(some), "the copy stays");
    same(wxl_parcel_copy(pool, &parcel), none, COUNT(none), "nothing but NULL");

    long_one = malloc(100001);
    memset(long_one, 'x', 100000);
    long_one[100000] = '\0';
    one[0] = long_one;
    ok(wxl_parcel_pack(&parcel, one, 1), "something long");
    copy = wxl_parcel_copy(pool, &parcel);
    wxl_parcel_free(&parcel);
    is_int((long long)strlen(copy[0]), 100000, "whole");
    ok(strcmp(copy[0], long_one) == 0, "and the same");
    free(long_one);
    wxl_parcel_free(&parcel);
    is_int(parcel.count, 0, "freed twice, no harm");
    return done_testing();
}
