/* core/ended: what the data base says has been ended, page by page; and what is long over goes. */

#include "core/ended.h"

#include "sqlite.h"

#define DAY (apr_time_from_sec(86400))
#define NOW_SQL "CAST((julianday('now') - 2440587.5) * 86400000000.0 AS INTEGER)"

static apr_pool_t *pool;
static sqlite_t *sqlite;

static void sql(const char *text)
{
    if (sqlite_run(&sqlite->db, text) != 0)
        bail_out("cannot run ", text);
}

/* Sessions numbered from..to, ended and expired so many seconds ago; NULL: not ended. */
static void add_sessions(int from, int to, const char *revoked_ago, const char *expired_ago)
{
    sql(apr_psprintf(pool,
                     "WITH RECURSIVE n(i) AS (SELECT %d UNION ALL SELECT i + 1 FROM n WHERE i < %d)"
                     " INSERT INTO wxlogin_session (sid, user_id, created_at, last_used_at,"
                     " expires_at, revoked_at, refresh_digest)"
                     " SELECT printf('%%032x', i), 7, 0, 0, " NOW_SQL " - %s * 1000000,"
                     " " NOW_SQL " - %s * 1000000, 'x' FROM n",
                     from, to, expired_ago, revoked_ago));
}

/* Read all pages. @return how many entries; *pages how many pages; -1 where one came twice, or not
   with whom it belongs to */
static int read_all(wxl_ended_kind_t kind, apr_interval_time_t age, int *pages)
{
    const apr_int64_t owner = kind == WXL_ENDED_SESSIONS ? 7 : 2;
    wxl_ended_reading_t reading = {.kind = kind, .age = age};
    apr_hash_t *seen = apr_hash_make(pool);
    apr_array_header_t *page;
    int i;

    *pages = 0;
    do {
        wxl_errand_t errand = fixture_errand(pool);

        if (wxl_ended_read(&errand, &sqlite->door, &reading, &page) != APR_SUCCESS)
            bail_out("cannot read: ", errand.why);
        ++*pages;
        for (i = 0; i < page->nelts; i++) {
            const wxl_ended_t *ended = &APR_ARRAY_IDX(page, i, wxl_ended_t);

            if (apr_hash_get(seen, ended->id, APR_HASH_KEY_STRING) || ended->user_id != owner)
                return -1;
            apr_hash_set(seen, ended->id, APR_HASH_KEY_STRING, ended);
        }
    } while (page->nelts == WXL_ENDED_PAGE);
    return (int)apr_hash_count(seen);
}

static void reading(void)
{
    int pages;

    is_int(read_all(WXL_ENDED_SESSIONS, DAY, &pages), 0, "nothing was ended");
    is_int(pages, 1, "one page says so");
    add_sessions(1, 10, "NULL", "-1000");
    is_int(read_all(WXL_ENDED_SESSIONS, DAY, &pages), 0, "sessions that live are not read");
    add_sessions(100, 109, "60", "-1000");
    is_int(read_all(WXL_ENDED_SESSIONS, DAY, &pages), 10, "those that were ended are");
    is_int(read_all(WXL_ENDED_SESSIONS, apr_time_from_sec(59), &pages), 0, "not from before");
    is_int(read_all(WXL_ENDED_SESSIONS, apr_time_from_sec(70), &pages), 10, "the time asked for");
    sql("UPDATE wxlogin_session SET revoked_at = " NOW_SQL " WHERE sid < printf('%032x', 100)");
    is_int(read_all(WXL_ENDED_SESSIONS, DAY, &pages), 20, "and later ones");

    /* 2500 at one and the same time: the pages are told apart by the sid */
    add_sessions(1000, 3499, "NULL", "-1000");
    sql("UPDATE wxlogin_session SET revoked_at = (SELECT " NOW_SQL " - 1000)"
        " WHERE sid >= printf('%032x', 1000)");
    is_int(read_all(WXL_ENDED_SESSIONS, DAY, &pages), 2520, "many, ended at the same moment");
    is_int(pages, 3, "in three pages");
    sql("DELETE FROM wxlogin_session WHERE sid >= printf('%032x', 1980)");
    is_int(read_all(WXL_ENDED_SESSIONS, DAY, &pages), 1000, "a page full to the last");
    is_int(pages, 2, "and an empty one");
}

static void users(void)
{
    int pages;

    sql("INSERT INTO wxlogin_user (id, openid, username, date_joined) VALUES"
        " (1, 'a', 'a', 0), (2, 'b', 'b', 0), (3, 'c', 'c', 0)");
    is_int(read_all(WXL_ENDED_USERS, DAY, &pages), 0, "no epoch has moved");
    sql("UPDATE wxlogin_user SET is_active = 0 WHERE id = 2");
    is_int(read_all(WXL_ENDED_USERS, DAY, &pages), 1, "that of a user who was disabled has");
    is_int(read_all(WXL_ENDED_USERS, -apr_time_from_sec(60), &pages), 0, "but not in the future");
}

static void ask(const char *sid, const char *user_id, wxl_ended_answer_t *answer)
{
    wxl_errand_t errand = fixture_errand(pool);

    memset(answer, 0xff, sizeof(*answer));
    if (wxl_ended_ask(&errand, &sqlite->door, sid, user_id, answer) != APR_SUCCESS)
        bail_out("cannot ask: ", errand.why);
}

static void asking(void)
{
    wxl_ended_answer_t answer;

    add_sessions(5000, 5001, "NULL", "-1000");
    sql("UPDATE wxlogin_session SET revoked_at = 1 WHERE sid = printf('%032x', 5001)");
    sql("UPDATE wxlogin_session SET user_id = 2 WHERE sid = printf('%032x', 5001)");
    ask("00000000000000000000000000001388", "7", &answer);
    is_int(answer.session_ended, 0, "a session that lives");
    is_int(answer.epoch, 0, "of a user whose tokens are good");
    ask("00000000000000000000000000001389", "2", &answer);
    is_int(answer.session_ended, 1, "one that was ended");
    ok(answer.epoch > apr_time_from_sec(NOW), "a user who was disabled");
    ask("ffffffffffffffffffffffffffffffff", "99", &answer);
    is_int(answer.session_ended, 1, "one that is not there");
    is_int(answer.epoch, 0, "a user who is not");
    ask("00000000000000000000000000001388", "1", &answer);
    is_int(answer.session_ended, 1, "one of another user");
    ask(NULL, "2", &answer);
    ok(answer.epoch > 0, "a token of no session");
}

static int purge(void)
{
    wxl_errand_t errand = fixture_errand(pool);
    int removed = -1;

    if (wxl_ended_purge(&errand, &sqlite->door, DAY, &removed) != APR_SUCCESS)
        bail_out("cannot purge: ", errand.why);
    return removed;
}

static void purging(void)
{
    sql("DELETE FROM wxlogin_session");
    is_int(purge(), 0, "nothing to remove");
    add_sessions(1, 600, "NULL", "86401");  /* expired, a day ago and more */
    add_sessions(601, 1200, "86401", "-1"); /* ended then */
    add_sessions(2001, 2010, "NULL", "86300");
    add_sessions(2011, 2020, "86300", "-1");
    add_sessions(2021, 2030, "NULL", "-1");
    is_int(purge(), 500, "a batch");
    is_int(purge(), 500, "and another");
    is_int(purge(), 200, "the rest of it");
    is_int(purge(), 0, "and no more");
    is_str(sqlite_ask(&sqlite->db, "SELECT count(*) FROM wxlogin_session WHERE sid >"
                                   " printf('%032x', 2000)"),
           "30", "those that are not long over stay");
}

/* A machine that slept: its steady clock has stood still; what was ended meanwhile is read. */
static void asleep(void)
{
    const apr_interval_time_t overlap = apr_time_from_sec(30);
    const wxl_ended_moment_t never = {0, 0}, last = {1000 * DAY, 5000 * DAY};
    wxl_ended_moment_t now = {last.steady + 5, last.wall + 5};

    is_int(wxl_ended_age(&never, &now, overlap, DAY), DAY, "never read: all that matters");
    is_int(wxl_ended_age(&last, &now, overlap, DAY), overlap + 5, "since then, and some more");
    now.wall = last.wall + 7200000005;
    is_int(wxl_ended_age(&last, &now, overlap, DAY), overlap + 7200000005, "it slept two hours");
    now.wall = last.wall + 3 * DAY;
    is_int(wxl_ended_age(&last, &now, overlap, DAY), DAY, "three days: all that matters");
    now.wall = last.wall - 3 * DAY;
    is_int(wxl_ended_age(&last, &now, overlap, DAY), overlap + 5, "the clock was set back");
    is_int(wxl_ended_since(&last, &now), 5, "no time runs backwards");
}

static void away(void)
{
    wxl_errand_t errand = fixture_errand(pool);
    wxl_ended_reading_t reading = {.kind = WXL_ENDED_SESSIONS, .age = DAY};
    wxl_ended_answer_t answer;
    apr_array_header_t *page;
    int removed;

    sqlite->shut = 1;
    ok(wxl_ended_read(&errand, &sqlite->door, &reading, &page) != APR_SUCCESS, "no data base");
    is_int(tag_of(errand.problem), tag_of(WXL_DB_UNAVAILABLE), "is told as such");
    ok(wxl_ended_ask(&errand, &sqlite->door, NULL, "1", &answer) != APR_SUCCESS, "to who asks");
    ok(wxl_ended_purge(&errand, &sqlite->door, DAY, &removed) != APR_SUCCESS, "and who removes");
    is_int(sqlite->opened, sqlite->closed, "every connection was given back");
}

int main(void)
{
    pool = fixture_start();
    sqlite = sqlite_start(pool);
    reading();
    users();
    asking();
    purging();
    asleep();
    away();
    return done_testing();
}
