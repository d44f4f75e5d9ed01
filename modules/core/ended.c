/* core/ended: what the data base says has been ended. See ended.h. */

#include "core/ended.h"

#include <apr_strings.h>

#include "base/text.h"
#include "core/sql.h"

#define FIRST_SID "00000000000000000000000000000000"
#define FIRST_ID "0"

apr_interval_time_t wxl_ended_since(const wxl_ended_moment_t *then, const wxl_ended_moment_t *now)
{
    apr_interval_time_t steady = now->steady - then->steady, wall = now->wall - then->wall;

    return wall > steady ? wall : steady;
}

apr_interval_time_t wxl_ended_age(const wxl_ended_moment_t *last, const wxl_ended_moment_t *now,
                                  apr_interval_time_t overlap, apr_interval_time_t lifetime)
{
    apr_interval_time_t age;

    if (last->steady == 0)
        return lifetime;
    age = wxl_ended_since(last, now) + overlap;
    return age < lifetime ? age : lifetime;
}

apr_status_t wxl_ended_read(wxl_errand_t *errand, const wxl_db_door_t *door,
                            wxl_ended_reading_t *reading, apr_array_header_t **page)
{
    int sessions = reading->kind == WXL_ENDED_SESSIONS;
    const char *first = sessions ? FIRST_SID : FIRST_ID;
    const char *args[] = {wxl_text_decimal(errand->pool, reading->age),
                          wxl_text_decimal(errand->pool, reading->last_when),
                          *reading->last_id ? reading->last_id : first};
    wxl_ended_t ended = {NULL, 0, 0};
    apr_array_header_t *rows;
    apr_status_t rv;
    int i;

    rv = wxl_db_ask(errand, door, sessions ? &wxl_sql_ended_sessions : &wxl_sql_ended_users, args,
                    &rows);
    if (rv != APR_SUCCESS)
        return rv;
    *page = apr_array_make(errand->pool, rows->nelts, sizeof(wxl_ended_t));
    for (i = 0; i < rows->nelts; i++) {
        const char **row = APR_ARRAY_IDX(rows, i, const char **);

        ended.id = row[0];
        ended.when = apr_atoi64(row[1]);
        ended.user_id = apr_atoi64(row[sessions ? 2 : 0]);
        APR_ARRAY_PUSH(*page, wxl_ended_t) = ended;
    }
    if (rows->nelts > 0) {
        reading->last_when = ended.when;
        apr_cpystrn(reading->last_id, ended.id, sizeof(reading->last_id));
    }
    return APR_SUCCESS;
}

apr_status_t wxl_ended_ask(wxl_errand_t *errand, const wxl_db_door_t *door, const char *sid,
                           const char *user_id, wxl_ended_answer_t *answer)
{
    const char *args[] = {sid, user_id};
    apr_array_header_t *rows;
    apr_status_t rv = wxl_db_ask(errand, door, &wxl_sql_ended_ask, args, &rows);
    const char **row;

    if (rv != APR_SUCCESS)
        return rv;
    if (rows->nelts != 1)
        return wxl_fail(errand, WXL_INTERNAL, APR_SUCCESS, "no answer about a token");
    row = APR_ARRAY_IDX(rows, 0, const char **);
    answer->session_ended = !row[0] || apr_atoi64(row[0]) != 0;
    answer->epoch = row[1] ? apr_atoi64(row[1]) : 0;
    return APR_SUCCESS;
}

apr_status_t wxl_ended_purge(wxl_errand_t *errand, const wxl_db_door_t *door,
                             apr_interval_time_t age, int *removed)
{
    const char *digits = wxl_text_decimal(errand->pool, age);
    const char *args[] = {digits, digits};
    apr_array_header_t *rows;
    apr_status_t rv = wxl_db_ask(errand, door, &wxl_sql_purge, args, &rows);

    *removed = rv == APR_SUCCESS ? rows->nelts : 0;
    return rv;
}
