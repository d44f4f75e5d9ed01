/* gate/db: rows, NULL, errors, and statements that are lost and mended; on a real SQLite. */

#include "gate/db.h"

#include "sqlite.h"

/* The text for PostgreSQL is not used here, so it need not be there. */
#define SQLITE_ONLY(text) \
    {                     \
        NULL, text        \
    }

static const wxl_statement_t echo = {
    .label = "wxlogin_echo",
    .sql = SQLITE_ONLY("SELECT %s, NULL, '', CAST(%s AS INTEGER) + 1, '100%%'"),
    .args = 2,
    .columns = 5,
};
static const wxl_statement_t no_row = {
    .label = "wxlogin_no_row",
    .sql = SQLITE_ONLY("SELECT 1 WHERE %s = 'never'"),
    .args = 1,
    .columns = 1,
};
static const wxl_statement_t note_it = {
    .label = "wxlogin_note",
    .sql = SQLITE_ONLY("INSERT INTO notes (text) VALUES (%s) RETURNING id, text"),
    .args = 1,
    .columns = 2,
};
static const wxl_statement_t wrong = {
    .label = "wxlogin_wrong",
    .sql = SQLITE_ONLY("SELECT a FROM nowhere WHERE a = %s"),
    .args = 1,
    .columns = 1,
};

static const wxl_statement_t many = {
    .label = "wxlogin_many",
    .sql =
        SQLITE_ONLY("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300)"
                    " SELECT i, CASE WHEN i %% 2 = 0 THEN 'even' END FROM n"
                    " WHERE i <= CAST(%s AS INTEGER)"),
    .args = 1,
    .columns = 2,
};

static void dialects(void)
{
    static const struct {
        const char *name;
        int known;
        wxl_dialect_t dialect;
    } cases[] = {
        {"pgsql", 1, WXL_PGSQL},
        {"sqlite3", 1, WXL_SQLITE3},
        {"sqlite", 0, 0},
        {"mysql", 0, 0},
        {"", 0, 0},
        {"PgSQL", 0, 0},
    };
    size_t i;

    for (i = 0; i < COUNT(cases); i++) {
        wxl_dialect_t dialect = 0;

        is_int(wxl_db_dialect(cases[i].name, &dialect), cases[i].known, "driver \"%s\"",
               cases[i].name);
        if (cases[i].known)
            is_int(dialect, cases[i].dialect, "its dialect");
    }
}

static void rows(apr_pool_t *pool, sqlite_t *sqlite)
{
    const char *args[] = {"\xe7\x94\xa8' OR 1=1 --", "41"};
    wxl_errand_t errand = fixture_errand(pool);
    const char **row = NULL;

    is_int(wxl_db_row(&errand, &sqlite->db, &echo, args, &row), APR_SUCCESS, "a row");
    if (row) {
        is_str(row[0], args[0], "an argument comes back as it went, quotes and all");
        is_str(row[1], NULL, "NULL is NULL");
        is_str(row[2], "", "an empty string is none");
        is_str(row[3], "42", "a number as text");
        is_str(row[4], "100%", "a doubled percent sign is one");
    }
    row = args;
    is_int(wxl_db_row(&errand, &sqlite->db, &no_row, args, &row), APR_SUCCESS, "no row: no error");
    ok(row == NULL, "and NULL");
    is_int(errand.problem, WXL_OK, "nothing failed");
}

static void many_rows(apr_pool_t *pool, sqlite_t *sqlite)
{
    static const char *const counts[] = {"0", "1", "300"};
    size_t i;

    for (i = 0; i < COUNT(counts); i++) {
        wxl_errand_t errand = fixture_errand(pool);
        apr_array_header_t *all = NULL;
        const char *args[] = {counts[i]};
        int n, right = 0;

        is_int(wxl_db_rows(&errand, &sqlite->db, &many, args, &all), APR_SUCCESS, "%s rows",
               counts[i]);
        is_int(all->nelts, atoi(counts[i]), "are as many");
        for (n = 0; n < all->nelts; n++) {
            const char **row = APR_ARRAY_IDX(all, n, const char **);

            right +=
                atoi(row[0]) == n + 1 && (n % 2 ? row[1] && strcmp(row[1], "even") == 0 : !row[1]);
        }
        is_int(right, all->nelts, "in order, each with its columns");
    }
}

static void errors(apr_pool_t *pool, sqlite_t *sqlite)
{
    const char *args[] = {"a secret value", NULL};
    wxl_errand_t errand = fixture_errand(pool);
    const char **row = NULL;

    ok(wxl_db_row(&errand, &sqlite->db, &wrong, args, &row) != APR_SUCCESS, "an SQL error fails");
    is_int(tag_of(errand.problem), tag_of(WXL_INTERNAL), "as one of ours");
    ok(strstr(errand.why, "wxlogin_wrong") && strstr(errand.why, "nowhere"),
       "the reason names statement and table: %s", errand.why);
    ok(!strstr(errand.why, args[0]) && !strchr(errand.why, '\n'), "no value, one line");
}

/* A table that is not there when the connection is greeted. */
static void late_table(apr_pool_t *pool, sqlite_t *sqlite)
{
    const wxl_statement_t *const all[] = {&note_it, &echo};
    const char *args[] = {"first"};
    wxl_errand_t errand = fixture_errand(pool);
    const char **row = NULL;

    wxl_db_greet(&sqlite->db, all, COUNT(all));
    ok(wxl_db_row(&errand, &sqlite->db, &note_it, args, &row) != APR_SUCCESS,
       "no table yet: fails");
    is_int(tag_of(errand.problem), tag_of(WXL_INTERNAL), "as one of ours");
    sqlite_run(&sqlite->db, "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT)");
    errand = fixture_errand(pool);
    is_int(wxl_db_row(&errand, &sqlite->db, &note_it, args, &row), APR_SUCCESS,
           "the table is there: works without a new connection");
    is_str(row ? row[0] : NULL, "1", "the first row");
}

/* Another connection changes the schema under prepared statements. */
static void schema_change(apr_pool_t *pool, sqlite_t *sqlite)
{
    static const char *const changes[] = {
        "ALTER TABLE notes ADD COLUMN colour TEXT",
        "CREATE INDEX notes_text ON notes (text)",
        "ALTER TABLE notes RENAME COLUMN colour TO shade",
        "VACUUM",
    };
    wxl_db_t other = sqlite_connect(pool, sqlite->path);
    const char *args[] = {"again"};
    size_t i;

    for (i = 0; i < COUNT(changes); i++) {
        wxl_errand_t errand = fixture_errand(pool);
        const char **row = NULL;

        is_int(sqlite_run(&other, changes[i]), 0, "somebody else: %s", changes[i]);
        is_int(wxl_db_row(&errand, &sqlite->db, &note_it, args, &row), APR_SUCCESS,
               "the statement is mended: %s", errand.why ? errand.why : "no complaint");
        is_str(row ? row[1] : NULL, "again", "and ran");
    }
    is_str(sqlite_ask(&sqlite->db, "SELECT count(*) FROM notes WHERE text = 'again'"), "4",
           "each time once");
}

/* Another connection holds the write lock for as long as it likes. */
static void lock(apr_pool_t *pool, sqlite_t *sqlite)
{
    wxl_db_t other = sqlite_connect(pool, sqlite->path);
    const char *args[] = {"locked out"};
    wxl_errand_t errand = fixture_errand(pool);
    const char **row = NULL;
    apr_time_t began;

    is_int(sqlite_run(&other, "BEGIN IMMEDIATE"), 0, "somebody else writes");
    began = apr_time_now();
    ok(wxl_db_row(&errand, &sqlite->db, &note_it, args, &row) != APR_SUCCESS, "locked: fails");
    is_int(tag_of(errand.problem), tag_of(WXL_DB_UNAVAILABLE), "as a data base out of reach: %s",
           errand.why);
    note("waited %d ms", (int)apr_time_as_msec(apr_time_now() - began));
    ok(apr_time_now() - began < apr_time_from_sec(15), "after a time that a client can wait");
    is_int(sqlite_run(&other, "COMMIT"), 0, "somebody else is done");
    errand = fixture_errand(pool);
    is_int(wxl_db_row(&errand, &sqlite->db, &note_it, args, &row), APR_SUCCESS, "works again");
    is_str(sqlite_ask(&sqlite->db, "SELECT count(*) FROM notes WHERE text = 'locked out'"), "1",
           "nothing was left behind by the failure");
}

int main(void)
{
    apr_pool_t *pool = fixture_start();
    sqlite_t *sqlite = sqlite_start(pool);

    dialects();
    rows(pool, sqlite);
    many_rows(pool, sqlite);
    errors(pool, sqlite);
    late_table(pool, sqlite);
    schema_change(pool, sqlite);
    lock(pool, sqlite);
    return done_testing();
}
