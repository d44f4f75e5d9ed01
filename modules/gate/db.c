/* gate/db: apr_dbd. See db.h. */

#include "gate/db.h"

#include <string.h>

#include <apr_strings.h>

/* The driver tries 16 times: this long each, and 100 ms between. */
#define SQLITE_BUSY_TIMEOUT "100"

/* A prepared statement of one connection. */
typedef struct {
    apr_dbd_prepared_t *prepared; /* NULL: it has to be prepared first */
    const char *label;
    int generation;   /* the server may still know the old label: each preparation gets its own */
    apr_pool_t *pool; /* of a preparation that was not the first */
} slot_t;

int wxl_db_dialect(const char *name, wxl_dialect_t *dialect)
{
    static const char *const names[WXL_DIALECTS] = {"pgsql", "sqlite3"};
    int i;

    for (i = 0; i < WXL_DIALECTS; i++) {
        if (strcmp(name, names[i]) == 0) {
            *dialect = (wxl_dialect_t)i;
            return 1;
        }
    }
    return 0;
}

static slot_t *slot_of(wxl_db_t *db, const wxl_statement_t *statement)
{
    slot_t *slot = apr_hash_get(db->prepared, statement->label, APR_HASH_KEY_STRING);

    if (!slot) {
        slot = apr_pcalloc(db->pool, sizeof(*slot));
        apr_hash_set(db->prepared, statement->label, APR_HASH_KEY_STRING, slot);
    }
    return slot;
}

/* PostgreSQL: forget the last preparation, here and on the server. A statement that fails for a
   reason of its own is prepared again each time, on a connection that may live for weeks. */
static apr_pool_t *start_anew(wxl_db_t *db, slot_t *slot)
{
    int rows;

    if (slot->label) /* that the server does not know it any more is no harm */
        apr_dbd_query(
            db->driver, db->handle, &rows,
            apr_pstrcat(slot->pool ? slot->pool : db->pool, "DEALLOCATE ", slot->label, NULL));
    slot->label = NULL;
    slot->prepared = NULL;
    if (slot->pool)
        apr_pool_clear(slot->pool);
    else
        apr_pool_create(&slot->pool, db->pool);
    return slot->pool;
}

/* @return 0 or the driver's code */
static int prepare(wxl_db_t *db, const wxl_statement_t *statement)
{
    slot_t *slot = slot_of(db, statement);
    apr_pool_t *pool = db->pool;
    apr_dbd_prepared_t *prepared = NULL;
    const char *label;
    int rv;

    if (slot->generation > 0 && db->dialect == WXL_PGSQL)
        pool = start_anew(db, slot);
    label = apr_psprintf(pool, "%s_%d", statement->label, slot->generation++);
    rv = apr_dbd_prepare(db->driver, pool, db->handle, statement->sql[db->dialect], label,
                         &prepared);
    if (rv == 0) { /* after a failure `prepared` may be set all the same, and is of no use */
        slot->prepared = prepared;
        slot->label = label;
    }
    return rv;
}

void wxl_db_greet(wxl_db_t *db, const wxl_statement_t *const statements[], int count)
{
    int i, rows;

    if (db->dialect == WXL_SQLITE3) {
        /* In one string: a PRAGMA that gives a row counts as an error when it comes last. */
        apr_dbd_query(db->driver, db->handle, &rows,
                      "PRAGMA busy_timeout=" SQLITE_BUSY_TIMEOUT "; PRAGMA synchronous=NORMAL");
    }
    for (i = 0; i < count; i++) {
        if (statements[i]->sql[db->dialect])
            prepare(db, statements[i]);
    }
}

/* Copy the row: its memory is the result's. */
static const char **copy_row(apr_pool_t *pool, wxl_db_t *db, apr_dbd_row_t *row, int columns)
{
    const char **copy = apr_pcalloc(pool, (apr_size_t)columns * sizeof(*copy));
    int i;

    for (i = 0; i < columns; i++) {
        const char *value = NULL;

        /* apr_dbd_get_entry gives "" for NULL on PostgreSQL; this call tells them apart. */
        if (apr_dbd_datum_get(db->driver, row, i, APR_DBD_TYPE_STRING, &value) == APR_SUCCESS)
            copy[i] = apr_pstrdup(pool, value);
    }
    return copy;
}

/* @param rows gets the rows, in order
   @return 0 or the driver's code */
static int run(wxl_db_t *db, const wxl_statement_t *statement, const char **args,
               apr_array_header_t *rows)
{
    slot_t *slot = slot_of(db, statement);
    apr_dbd_results_t *results = NULL;
    apr_dbd_row_t *row = NULL;
    int rv;

    if (!slot->prepared) {
        rv = prepare(db, statement);
        if (rv != 0)
            return rv;
    }
    /* Random access (1): without it an SQL error looks like an empty result. */
    rv = apr_dbd_pselect(db->driver, rows->pool, db->handle, &results, slot->prepared, 1,
                         statement->args, args);
    if (rv != 0)
        return rv;
    apr_array_clear(rows);
    while (apr_dbd_get_row(db->driver, rows->pool, results, &row, -1) == 0) /* -1: the next one */
        APR_ARRAY_PUSH(rows, const char **) = copy_row(rows->pool, db, row, statement->columns);
    return 0;
}

/* The first line of what the driver says: further ones (DETAIL) may quote values. */
static const char *error_of(apr_pool_t *pool, wxl_db_t *db, int rv)
{
    const char *text = apr_dbd_error(db->driver, db->handle, rv);

    return text ? apr_pstrmemdup(pool, text, strcspn(text, "\r\n")) : "no reason given";
}

/* Is the connection alive? A broken one is connected again (PostgreSQL). */
static int is_alive(apr_pool_t *pool, wxl_db_t *db)
{
    return apr_dbd_check_conn(db->driver, pool, db->handle) == 0;
}

/* It will be back: soon, as far as we know. */
static apr_status_t fail_away(wxl_errand_t *errand, const char *what, const char *error)
{
    errand->retry_after = 1;
    return wxl_fail(errand, WXL_DB_UNAVAILABLE, APR_SUCCESS, "%s: %s", what, error);
}

/* SQLite: another process writes, and did not end in time. The driver has tried 16 times, and tells
   it by the words only. */
static int is_locked(const wxl_db_t *db, const char *error)
{
    return db->dialect == WXL_SQLITE3 && strstr(error, "locked") != NULL;
}

/* What the data base says of a table or column that is not there, PostgreSQL and SQLite. */
static int is_schema(const char *error)
{
    return (strstr(error, " does not exist") && !strstr(error, "prepared statement")) ||
           strstr(error, "no such ") || strstr(error, "has no column");
}

/* The second try failed too: is that the data base's absence, or the statement's fault? */
static apr_status_t fail_second(wxl_errand_t *errand, wxl_db_t *db,
                                const wxl_statement_t *statement, int rv, const char *first)
{
    const char *second = error_of(errand->pool, db, rv);

    if (!is_alive(errand->pool, db))
        return fail_away(errand, "data base lost", second);
    if (is_schema(second))
        return wxl_fail(errand, WXL_INTERNAL, APR_SUCCESS,
                        "%s failed: %s; the tables are missing or of an older version: load "
                        "conf/schema/%s into the data base",
                        statement->label, second,
                        db->dialect == WXL_PGSQL ? "pgsql.sql"
                                                 : "sqlite3-upgrade.sql and sqlite3.sql");
    return wxl_fail(errand, WXL_INTERNAL, APR_SUCCESS, "%s failed: %s (first: %s)",
                    statement->label, second, first);
}

/* Run it, and once more if it or its connection was lost. */
static apr_status_t run_mended(wxl_errand_t *errand, wxl_db_t *db, const wxl_statement_t *statement,
                               const char **args, apr_array_header_t *rows)
{
    const char *first;
    int rv = run(db, statement, args, rows);

    if (rv == 0)
        return APR_SUCCESS;
    first = error_of(errand->pool, db, rv);
    if (is_locked(db, first))
        return fail_away(errand, "another one writes", first);
    /* Twice: the first new connection may meet the end of a server that is just going down. */
    if (!is_alive(errand->pool, db) && !is_alive(errand->pool, db))
        return fail_away(errand, "data base lost", first);
    /* The statement is gone with the old connection, or was made for an old schema. */
    rv = prepare(db, statement);
    if (rv != 0 && is_alive(errand->pool, db)) /* that the connection is lost may show only now */
        rv = prepare(db, statement);
    if (rv == 0)
        rv = run(db, statement, args, rows);
    return rv == 0 ? APR_SUCCESS : fail_second(errand, db, statement, rv, first);
}

apr_status_t wxl_db_row(wxl_errand_t *errand, wxl_db_t *db, const wxl_statement_t *statement,
                        const char **args, const char ***row)
{
    apr_array_header_t *rows = apr_array_make(errand->pool, 1, sizeof(const char **));
    apr_status_t rv = run_mended(errand, db, statement, args, rows);

    *row = rows->nelts > 0 ? APR_ARRAY_IDX(rows, 0, const char **) : NULL;
    return rv;
}

apr_status_t wxl_db_rows(wxl_errand_t *errand, wxl_db_t *db, const wxl_statement_t *statement,
                         const char **args, apr_array_header_t **rows)
{
    *rows = apr_array_make(errand->pool, 16, sizeof(const char **));
    return run_mended(errand, db, statement, args, *rows);
}

apr_status_t wxl_db_ask_row(wxl_errand_t *errand, const wxl_db_door_t *door,
                            const wxl_statement_t *statement, const char **args, const char ***row)
{
    apr_array_header_t *rows;
    apr_status_t rv = wxl_db_ask(errand, door, statement, args, &rows);

    *row = rv == APR_SUCCESS && rows->nelts > 0 ? APR_ARRAY_IDX(rows, 0, const char **) : NULL;
    return rv;
}

apr_status_t wxl_db_ask(wxl_errand_t *errand, const wxl_db_door_t *door,
                        const wxl_statement_t *statement, const char **args,
                        apr_array_header_t **rows)
{
    wxl_db_t db;
    apr_status_t rv = door->open(door, errand, &db);

    if (rv != APR_SUCCESS)
        return rv;
    rv = wxl_db_rows(errand, &db, statement, args, rows);
    door->close(door, errand, &db);
    return rv;
}
