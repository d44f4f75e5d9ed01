/*
 * core/together: statements for callers who come together: one round trip and one commit for all.
 *
 * What could not be done together is done again, by each caller for himself: so a row that the data
 * base refuses does no harm to those beside it, and whatever is done must be something that may be
 * done twice. Nor does a leader whose own time is up before he has a connection: those who came
 * after him have theirs. Who waits for whom is base/batch's business.
 */
#ifndef WXL_TOGETHER_H
#define WXL_TOGETHER_H

#include "gate/db.h"

/** What is to be done. Constant; callers with the same one go together. */
typedef struct {
    int args;    /* of a row. The first one tells rows apart */
    int columns; /* of the result */
    int key;     /* the column that is the first argument */

    /** For one row, on a connection. */
    apr_status_t (*one)(wxl_errand_t *errand, wxl_db_t *db, const char *const *args,
                        const char ***row);

    /** For many: statements that take each argument of all rows as a list (PostgreSQL, see
        WXL_SQL_LIST_SEPARATOR), or all rows as one JSON (SQLite), with the arguments in order:
        {"rows":[{"a":…,"b":…},…]}. `then` may be NULL; it is run behind `many`, and its result is
        of no interest. */
    const wxl_statement_t *many[WXL_DIALECTS], *then[WXL_DIALECTS];
} wxl_together_t;

/**
 * Do it, for one row. May block: for the data base, and for others before that, until the door's
 * deadline.
 * @param args of one row. Those who bring the same first argument are served one after the other
 * @param row in the errand's pool; NULL: there is none
 * @return APR_SUCCESS, or failed: WXL_DB_UNAVAILABLE, or whatever `one` failed with
 */
apr_status_t wxl_together_row(wxl_errand_t *errand, const wxl_db_door_t *door,
                              const wxl_together_t *what, const char *const *args,
                              const char ***row);

#endif
