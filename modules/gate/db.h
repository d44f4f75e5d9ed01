/*
 * gate/db: one statement on one connection, through apr_dbd; PostgreSQL and SQLite alike.
 *
 * A connection is used by one thread at a time, the one that took it. Where connections come from
 * is not known here (mod_dbd: web/dbd): a room that needs one asks its wxl_db_door_t for it.
 */
#ifndef WXL_DB_H
#define WXL_DB_H

#include <apr_dbd.h>
#include <apr_hash.h>
#include <apr_tables.h>

#include "base/batch.h"
#include "base/errand.h"

typedef enum { WXL_PGSQL = 0, WXL_SQLITE3, WXL_DIALECTS } wxl_dialect_t;

/** A statement: both texts take the same arguments and give the same columns. */
typedef struct {
    const char *label;             /* [a-z_0-9], begins with wxlogin_ */
    const char *sql[WXL_DIALECTS]; /* with the parameters of apr_dbd: %s, %lld, %d;
                                      NULL: this one has no use for it */
    int args;
    int columns;
} wxl_statement_t;

/** A connection that was lent to us. */
typedef struct {
    wxl_dialect_t dialect;
    const apr_dbd_driver_t *driver;
    apr_dbd_t *handle;
    apr_hash_t *prepared; /* lives with the connection; ours are the keys wxlogin_… */
    apr_pool_t *pool;     /* lives with the connection */
} wxl_db_t;

/** Where connections come from. */
typedef struct wxl_db_door_t {
    /** Lend a connection, or fail with WXL_DB_UNAVAILABLE; with APR_TIMEUP where the deadline came
        before a connection was free, which says nothing of the data base. */
    apr_status_t (*open)(const struct wxl_db_door_t *door, wxl_errand_t *errand, wxl_db_t *db);
    /** Give it back. Called once for each one lent, in the same thread; whether the data base was
        there is read from the errand. */
    void (*close)(const struct wxl_db_door_t *door, const wxl_errand_t *errand, wxl_db_t *db);
    void *baton;
    wxl_batch_t *batch;  /* where callers meet who go through together; NULL: each goes alone */
    apr_time_t deadline; /* until when they wait for their turn */
} wxl_db_door_t;

/**
 * Which dialect is a driver's?
 * @param name as in DBDriver
 * @return 1 and the dialect, or 0 for a driver we have no SQL for
 */
int wxl_db_dialect(const char *name, wxl_dialect_t *dialect);

/**
 * Get a new connection ready: settings of its own, statements prepared. What fails here is tried
 * again when it is needed (a table may not be there yet), so nothing is returned.
 */
void wxl_db_greet(wxl_db_t *db, const wxl_statement_t *const statements[], int count);

/**
 * Run a statement that gives at most one row.
 *
 * A statement or connection that was lost (server restarted, backend killed, schema changed) is
 * mended once and the statement run again; so it must be one that may run twice.
 * @param args UTF-8 without U+0000, of a length the column can hold: checked before, by the caller
 * @param row columns as text, NULL for NULL, in the errand's pool; *row is NULL for no row
 * @return APR_SUCCESS, or WXL_DB_UNAVAILABLE failed (lost, locked) or WXL_INTERNAL (an SQL error)
 */
apr_status_t wxl_db_row(wxl_errand_t *errand, wxl_db_t *db, const wxl_statement_t *statement,
                        const char **args, const char ***row);

/**
 * Run a statement that gives any number of rows; otherwise as wxl_db_row().
 * @param rows const char ** each, as a row above, in the order in which they came; never NULL
 */
apr_status_t wxl_db_rows(wxl_errand_t *errand, wxl_db_t *db, const wxl_statement_t *statement,
                         const char **args, apr_array_header_t **rows);

/*
 * The same two for one statement that stands alone: a connection is taken, and held for it and no
 * longer. They fail as the door does, too.
 */
apr_status_t wxl_db_ask_row(wxl_errand_t *errand, const wxl_db_door_t *door,
                            const wxl_statement_t *statement, const char **args, const char ***row);
apr_status_t wxl_db_ask(wxl_errand_t *errand, const wxl_db_door_t *door,
                        const wxl_statement_t *statement, const char **args,
                        apr_array_header_t **rows);

#endif
