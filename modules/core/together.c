/* core/together: one round trip and one commit for many. See together.h. */

#include "core/together.h"

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "core/sql_lists.h"
#include "gate/json.h"

/* PostgreSQL: one argument of all rows. */
static const char *as_list(apr_pool_t *pool, const wxl_batch_load_t *load, int column)
{
    struct iovec parts[2 * WXL_BATCH_MAX];
    int i;

    for (i = 0; i < load->count; i++) {
        const char *value = load->members[i].args[column];

        if (!value)
            value = WXL_SQL_LIST_NULL;
        parts[2 * i].iov_base = (char *)value;
        parts[2 * i].iov_len = strlen(value);
        parts[2 * i + 1].iov_base = (char *)WXL_SQL_LIST_SEPARATOR;
        parts[2 * i + 1].iov_len = sizeof(WXL_SQL_LIST_SEPARATOR) - 1;
    }
    return apr_pstrcatv(pool, parts, 2 * (apr_size_t)load->count - 1, NULL);
}

static int compare(const void *key, const void *member)
{
    return strcmp(key, ((const wxl_batch_member_t *)member)->args[0]);
}

/* Each row to whom it belongs: the data base owes us no order. */
static void sort_out(const wxl_together_t *what, const wxl_batch_load_t *load,
                     const apr_array_header_t *found, const char **rows[])
{
    int i;

    for (i = 0; i < found->nelts; i++) {
        const char **row = APR_ARRAY_IDX(found, i, const char **);
        const wxl_batch_member_t *member = bsearch(
            row[what->key], load->members, (size_t)load->count, sizeof(load->members[0]), compare);

        if (member)
            rows[member - load->members] = row;
    }
}

/* SQLite: {"rows":[{"a":…,"b":…},…]}. @return NULL where something is not UTF-8 */
static const char *as_json(apr_pool_t *pool, const wxl_together_t *what,
                           const wxl_batch_load_t *load)
{
    wxl_json_t *json = wxl_json_object(pool);
    int i, column;

    wxl_json_set_array(json, "rows");
    for (i = 0; i < load->count; i++) {
        wxl_json_t *row = wxl_json_object(pool);

        for (column = 0; column < what->args; column++) {
            const char key[] = {(char)('a' + column), '\0'};

            wxl_json_set_string(row, key, load->members[i].args[column]);
        }
        wxl_json_append(json, "rows", row);
    }
    return wxl_json_write(pool, json, NULL);
}

/* The arguments of all rows, as the data base takes them. */
static const char **arguments(apr_pool_t *pool, wxl_dialect_t dialect, const wxl_together_t *what,
                              const wxl_batch_load_t *load)
{
    const char **args = apr_palloc(pool, (apr_size_t)what->args * sizeof(*args));
    int i;

    if (dialect == WXL_SQLITE3)
        args[0] = as_json(pool, what, load);
    for (i = 0; i < what->args && dialect == WXL_PGSQL; i++)
        args[i] = as_list(pool, load, i);
    return args;
}

static apr_status_t run_many(wxl_errand_t *errand, wxl_db_t *db, const wxl_together_t *what,
                             const wxl_batch_load_t *load, const char **rows[])
{
    const char **args = arguments(errand->pool, db->dialect, what, load);
    const wxl_statement_t *then = what->then[db->dialect];
    apr_array_header_t *found;
    apr_status_t rv;

    if (!args[0]) /* a text that JSON cannot hold */
        return wxl_fail(errand, WXL_INTERNAL, APR_SUCCESS, "a value that is not UTF-8");
    rv = wxl_db_rows(errand, db, what->many[db->dialect], args, &found);
    if (rv == APR_SUCCESS)
        sort_out(what, load, found, rows);
    if (rv == APR_SUCCESS && then)
        rv = wxl_db_rows(errand, db, then, args, &found);
    return rv;
}

/* The connection is held for this and no longer. */
static apr_status_t run(wxl_errand_t *errand, const wxl_db_door_t *door, const wxl_together_t *what,
                        const wxl_batch_load_t *load, const char **rows[])
{
    wxl_db_t db;
    apr_status_t rv = door->open(door, errand, &db);

    if (rv != APR_SUCCESS)
        return rv;
    if (load->count > 1)
        rv = run_many(errand, &db, what, load, rows);
    else
        rv = what->one(errand, &db, load->members[0].args, &rows[0]);
    door->close(door, errand, &db);
    return rv;
}

static apr_status_t alone(wxl_errand_t *errand, const wxl_db_door_t *door,
                          const wxl_together_t *what, const char *const *args, const char ***row)
{
    wxl_batch_load_t load;

    load.count = 1;
    load.members[0].args = args;
    *row = NULL;
    return run(errand, door, what, &load, row);
}

/* Carry out a load of more than one. */
static void lead(wxl_errand_t *errand, const wxl_db_door_t *door, const wxl_together_t *what,
                 wxl_batch_load_t *load)
{
    const char **rows[WXL_BATCH_MAX] = {NULL};
    wxl_errand_t shared;
    int i;

    wxl_errand_init(&shared, errand->pool, errand->now);
    if (run(&shared, door, what, load, rows) == APR_SUCCESS) {
        for (i = 0; i < load->count; i++)
            wxl_batch_reply(load, i, rows[i], what->columns);
    } else if (shared.problem == WXL_DB_UNAVAILABLE) {
        load->own = WXL_BATCH_FAILED;
        if (shared.rv != APR_TIMEUP) /* or it is his own time that is up: the others go on */
            wxl_batch_fail(load, &shared);
        errand->retry_after = shared.retry_after;
        wxl_fail(errand, shared.problem, shared.rv, "%s", shared.why);
    } /* else one of them is at fault, and each tries for himself */
}

static apr_status_t fail_late(wxl_errand_t *errand, wxl_batch_t *batch)
{
    errand->retry_after = 1;
    return wxl_fail(errand, WXL_DB_UNAVAILABLE, APR_TIMEUP,
                    "all data base connections are busy, and %d more wait",
                    wxl_batch_waiting(batch));
}

/* No value may hold what stands between values, or for none. */
static int fits_in_list(const char *const *args, int count)
{
    int i;

    for (i = 0; i < count; i++) {
        if (args[i] && strpbrk(args[i], WXL_SQL_LIST_SEPARATOR WXL_SQL_LIST_NULL))
            return 0;
    }
    return 1;
}

apr_status_t wxl_together_row(wxl_errand_t *errand, const wxl_db_door_t *door,
                              const wxl_together_t *what, const char *const *args,
                              const char ***row)
{
    const wxl_batch_call_t call = {what, args, what->args, door->deadline};
    wxl_batch_role_t role = WXL_BATCH_ALONE;
    wxl_batch_load_t load;

    if (door->batch && fits_in_list(args, call.count))
        role = wxl_batch_join(door->batch, errand, &call, &load, row);
    if (role == WXL_BATCH_LEAD && load.count == 1) {
        apr_status_t rv = alone(errand, door, what, args, row);

        wxl_batch_end(door->batch, &load);
        return rv;
    }
    if (role == WXL_BATCH_LEAD) {
        lead(errand, door, what, &load);
        wxl_batch_end(door->batch, &load);
        role = load.own;
        *row = load.own_row;
    }
    switch (role) {
    case WXL_BATCH_REPLY: return APR_SUCCESS;
    case WXL_BATCH_FAILED: return APR_EGENERAL;
    case WXL_BATCH_LATE: return fail_late(errand, door->batch);
    default: return alone(errand, door, what, args, row);
    }
}
