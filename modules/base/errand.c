/* base/errand: the call and its first failure. See errand.h. */

#include "base/errand.h"

#include <stdarg.h>
#include <string.h>

#include <apr_strings.h>

void wxl_errand_init(wxl_errand_t *errand, apr_pool_t *pool, apr_time_t now)
{
    memset(errand, 0, sizeof(*errand));
    errand->pool = pool;
    errand->now = now;
}

apr_status_t wxl_fail(wxl_errand_t *errand, wxl_problem_t problem, apr_status_t rv, const char *why,
                      ...)
{
    if (errand->problem == WXL_OK) {
        va_list args;

        va_start(args, why);
        errand->why = apr_pvsprintf(errand->pool, why, args);
        va_end(args);
        errand->problem = problem;
        errand->rv = rv;
    }
    return rv == APR_SUCCESS ? APR_EGENERAL : rv;
}

apr_status_t wxl_fail_field(wxl_errand_t *errand, wxl_problem_t problem, const char *field,
                            int limit)
{
    if (errand->problem == WXL_OK) {
        errand->field = field;
        errand->limit = limit;
    } else if (errand->field) {
        wxl_wrong_t *wrong = apr_palloc(errand->pool, sizeof(*wrong));

        wrong->next = errand->wrong;
        wrong->problem = problem;
        wrong->field = field;
        wrong->limit = limit;
        errand->wrong = wrong;
    }
    wxl_fail(errand, problem, APR_SUCCESS, "field %s", field);
    return APR_EINVAL;
}
