/* base/errand: the first failure is kept. */

#include "base/errand.h"

#include "fixture.h"

int main(void)
{
    apr_pool_t *pool = fixture_start();
    char field[] = "code";
    wxl_errand_t errand;

    memset(&errand, 0xA5, sizeof(errand));
    wxl_errand_init(&errand, pool, 42);
    is_int(errand.now, 42, "the clock is the caller's");
    is_int(errand.problem, WXL_OK, "a new errand has no problem");
    is_str(errand.field, NULL, "and no field");
    is_int(errand.retry_after, 0, "and nothing to wait for");

    is_int(wxl_fail(&errand, WXL_DB_UNAVAILABLE, APR_ENOENT, "why %d %s", 1, "x"), APR_ENOENT,
           "the cause is given back");
    is_int(errand.problem, WXL_DB_UNAVAILABLE, "the problem is kept");
    is_int(errand.rv, APR_ENOENT, "the cause is kept");
    is_str(errand.why, "why 1 x", "the reason is formatted");

    is_int(wxl_fail(&errand, WXL_INTERNAL, APR_SUCCESS, "later"), APR_EGENERAL,
           "never APR_SUCCESS, though there is no cause");
    is_int(errand.problem, WXL_DB_UNAVAILABLE, "a second problem changes nothing");
    is_int(errand.rv, APR_ENOENT, "nor the cause");
    is_str(errand.why, "why 1 x", "nor the reason");
    is_int(wxl_fail_field(&errand, WXL_FIELD_TOO_LONG, "late", 64), APR_EINVAL, "a late field");
    is_str(errand.field, NULL, "is not noted");
    is_int(errand.limit, 0, "nor its limit");

    wxl_errand_init(&errand, pool, 42);
    is_int(wxl_fail_field(&errand, WXL_FIELD_TOO_LONG, field, 64), APR_EINVAL, "a field fails");
    ok(errand.field == field, "its name is not copied");
    is_int(errand.limit, 64, "its limit");
    is_int(errand.problem, WXL_FIELD_TOO_LONG, "its problem");
    is_str(errand.why, "field code", "its reason names it");
    return done_testing();
}
