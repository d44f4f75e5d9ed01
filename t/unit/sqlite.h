/*
 * sqlite: a data base file of the test's own, and a door to it.
 *
 * The schema is the one that administrators get: conf/schema/sqlite3.sql, found from the top of
 * the source tree, where the tests are started.
 */
#ifndef WXL_TEST_SQLITE_H
#define WXL_TEST_SQLITE_H

#include <apr_dbd.h>
#include <apr_file_io.h>

#include "core/sql.h"
#include "gate/db.h"

#include "fixture.h"

#define SCHEMA "conf/schema/sqlite3.sql"

typedef struct {
    wxl_db_door_t door;
    wxl_db_t db;
    const char *path;
    int opened, closed; /* how often the door was */
    int shut;           /* open fails */
} sqlite_t;

/** What cannot be prepared is no failed test but the end of all of them. */
static inline void bail_out(const char *why, const char *more)
{
    printf("Bail out! %s%s\n", why, more);
    exit(255);
}

static inline apr_status_t sqlite_open(const wxl_db_door_t *door, wxl_errand_t *errand,
                                       wxl_db_t *db)
{
    sqlite_t *sqlite = door->baton;

    if (sqlite->shut)
        return wxl_fail(errand, WXL_DB_UNAVAILABLE, APR_SUCCESS, "the door is shut");
    sqlite->opened++;
    *db = sqlite->db;
    return APR_SUCCESS;
}

static inline void sqlite_close(const wxl_db_door_t *door, const wxl_errand_t *errand, wxl_db_t *db)
{
    sqlite_t *sqlite = door->baton;

    (void)errand, (void)db;
    sqlite->closed++;
}

static inline apr_status_t sqlite_disconnect(void *data)
{
    wxl_db_t *db = data;

    apr_dbd_close(db->driver, db->handle);
    return APR_SUCCESS;
}

/** Another connection to the same file, not yet greeted. It is closed with the pool. */
static inline wxl_db_t sqlite_connect(apr_pool_t *pool, const char *path)
{
    wxl_db_t db = {.dialect = WXL_SQLITE3, .prepared = apr_hash_make(pool), .pool = pool};

    if (apr_dbd_get_driver(pool, "sqlite3", &db.driver) != APR_SUCCESS)
        bail_out("no driver sqlite3: ", "apt-get install libaprutil1-dbd-sqlite3");
    if (apr_dbd_open(db.driver, pool, path, &db.handle) != APR_SUCCESS)
        bail_out("cannot open ", path);
    apr_pool_cleanup_register(pool, apr_pmemdup(pool, &db, sizeof(db)), sqlite_disconnect,
                              apr_pool_cleanup_null);
    return db;
}

/** Run SQL. @return the driver's code, 0 for success */
static inline int sqlite_run(wxl_db_t *db, const char *sql)
{
    int rows;

    return apr_dbd_query(db->driver, db->handle, &rows, sql);
}

/** @return the first column of the first row, NULL for NULL or none */
static inline const char *sqlite_ask(wxl_db_t *db, const char *sql)
{
    apr_dbd_results_t *results = NULL;
    apr_dbd_row_t *row = NULL;

    if (apr_dbd_select(db->driver, db->pool, db->handle, &results, sql, 1) != 0 ||
        apr_dbd_get_row(db->driver, db->pool, results, &row, 1) != 0)
        return NULL;
    return apr_dbd_get_entry(db->driver, row, 0);
}

static inline char *sqlite_schema(apr_pool_t *pool)
{
    apr_file_t *file;
    apr_finfo_t info;
    char *text;

    if (apr_file_open(&file, SCHEMA, APR_FOPEN_READ, 0, pool) != APR_SUCCESS ||
        apr_file_info_get(&info, APR_FINFO_SIZE, file) != APR_SUCCESS)
        bail_out("run this from the top of the source tree: no ", SCHEMA);
    text = apr_pcalloc(pool, (apr_size_t)info.size + 1);
    if (apr_file_read_full(file, text, (apr_size_t)info.size, NULL) != APR_SUCCESS)
        bail_out("cannot read ", SCHEMA);
    apr_file_close(file);
    /* the driver takes what follows the last semicolon for one more statement */
    *(strrchr(text, ';') + 1) = '\0';
    return text;
}

static inline apr_status_t sqlite_remove(void *data)
{
    sqlite_t *sqlite = data;
    apr_pool_t *pool = sqlite->db.pool;

    apr_file_remove(sqlite->path, pool);
    apr_file_remove(apr_pstrcat(pool, sqlite->path, "-wal", NULL), pool);
    apr_file_remove(apr_pstrcat(pool, sqlite->path, "-shm", NULL), pool);
    return APR_SUCCESS;
}

/** A new file with the schema in it, one greeted connection, and a door that lends it. */
static inline sqlite_t *sqlite_start(apr_pool_t *pool)
{
    sqlite_t *sqlite = apr_pcalloc(pool, sizeof(*sqlite));
    const char *folder = getenv("TMPDIR");
    apr_file_t *file;
    char *path;

    path = apr_pstrcat(pool, folder ? folder : "/tmp", "/wxlogin-unit.XXXXXX", NULL);
    if (apr_file_mktemp(&file, path, APR_FOPEN_CREATE | APR_FOPEN_READ | APR_FOPEN_WRITE, pool))
        bail_out("cannot create ", path);
    apr_dbd_init(pool);
    sqlite->path = path;
    apr_pool_cleanup_register(pool, sqlite, sqlite_remove, apr_pool_cleanup_null);
    sqlite->db = sqlite_connect(pool, path);
    if (sqlite_run(&sqlite->db, sqlite_schema(pool)) != 0)
        bail_out("the schema does not load: ",
                 apr_dbd_error(sqlite->db.driver, sqlite->db.handle, 0));
    wxl_db_greet(&sqlite->db, wxl_sql_all, wxl_sql_count);
    sqlite->door.open = sqlite_open;
    sqlite->door.close = sqlite_close;
    sqlite->door.baton = sqlite;
    return sqlite;
}

#endif
