/* core/sessions: the limit of a user's sessions and signing out, with the statements on a real
   SQLite; above all what happens when they are asked twice. */

#include "core/sessions.h"

#include "sqlite.h"

#define HOUR 3600

static apr_pool_t *pool;
static sqlite_t *sqlite;

static const char *sid_of(char letter)
{
    return apr_psprintf(pool, "%032x", letter);
}

static void sql(const char *text)
{
    if (sqlite_run(&sqlite->db, text) != 0)
        bail_out("cannot run ", text);
}

/* A session for each letter, the first the oldest; all begun in the hour before. */
static void begin(const char *user_id, const char *letters)
{
    for (; *letters; letters++)
        sql(apr_psprintf(pool,
                         "INSERT INTO wxlogin_session (sid, user_id, created_at, last_used_at,"
                         " expires_at, refresh_digest) VALUES ('%s', %s, %d%06d, %d%06d, %d000000,"
                         " 'x')",
                         sid_of(*letters), user_id, (int)NOW - HOUR, *letters, (int)NOW - HOUR,
                         *letters, (int)NOW + HOUR));
}

static void change(char letter, const char *assignment)
{
    sql(apr_psprintf(pool, "UPDATE wxlogin_session SET %s WHERE sid = '%s'", assignment,
                     sid_of(letter)));
}

/* The letters of those that live, and of those that a statement gave, each in order. */
static const char *living(const char *user_id)
{
    const char *text = sqlite_ask(&sqlite->db, apr_psprintf(pool,
                                                            "SELECT group_concat(sid) FROM (SELECT"
                                                            " sid FROM wxlogin_session WHERE"
                                                            " user_id = %s AND revoked_at IS NULL"
                                                            " ORDER BY sid)",
                                                            user_id));
    char *letters = apr_pcalloc(pool, 100);
    int i;

    for (i = 0; text && strlen(text) >= 32; text += text[32] ? 33 : 32)
        letters[i++] = (char)strtol(apr_pstrmemdup(pool, text + 24, 8), NULL, 16);
    return letters;
}

static int by_letter(const void *a, const void *b)
{
    return *(const char *)a - *(const char *)b;
}

static const char *letters_of(const apr_array_header_t *sids)
{
    char *letters = apr_pcalloc(pool, 100);
    int i;

    for (i = 0; i < sids->nelts; i++)
        letters[i] = (char)strtol(APR_ARRAY_IDX(sids, i, const char *) + 24, NULL, 16);
    qsort(letters, strlen(letters), 1, by_letter);
    return letters;
}

/* The limit is kept behind the sign-in that began `letter`. @return what ended, and the problem */
static const char *limit(int most, int reject, char letter, wxl_problem_t *problem)
{
    const wxl_sessions_settings_t settings = {.most = most, .reject = reject};
    const wxl_whose_t whose = {.user_id = "1", .sid = sid_of(letter)};
    wxl_errand_t errand = fixture_errand(pool);
    apr_array_header_t *ended;

    wxl_sessions_limit(&errand, &sqlite->door, &settings, &whose, &ended);
    *problem = errand.problem;
    return letters_of(ended);
}

static void rejecting(void)
{
    wxl_problem_t problem;

    begin("1", "ab");
    is_str(limit(3, 1, 'b', &problem), "", "two of three: nothing ends");
    is_int(problem, WXL_OK, "the second is welcome");
    begin("1", "c");
    limit(2, 1, 'c', &problem);
    is_int(tag_of(problem), tag_of(WXL_SESSION_LIMIT), "the third of two is refused");
    is_str(living("1"), "ab", "and is over");
    /* two requests with one code open one session, and each keeps the limit behind its sign-in */
    is_str(limit(2, 1, 'c', &problem), "c", "the same session, asked about once more");
    is_int(tag_of(problem), tag_of(WXL_SESSION_LIMIT), "is refused once more");
    is_str(sqlite_ask(&sqlite->db, "SELECT group_concat(revoked_why) FROM wxlogin_session"),
           "limit", "the row says why");
    change('a', "revoked_at = 1, revoked_why = 'logout'");
    limit(2, 1, 'c', &problem);
    is_int(tag_of(problem), tag_of(WXL_SESSION_LIMIT), "also when there is room again");
    limit(1, 1, 'a', &problem);
    is_int(problem, WXL_OK, "one that was signed out was not one too many");
    sql("DELETE FROM wxlogin_session");
}

static void evicting(void)
{
    wxl_problem_t problem;

    begin("1", "abcd");
    begin("2", "xyz");
    is_str(limit(2, 0, 'd', &problem), "ab", "four of two: the oldest end");
    is_int(problem, WXL_OK, "the newest is welcome");
    is_str(living("1"), "cd", "the others live");
    is_str(limit(2, 0, 'd', &problem), "ab", "run again: the same are given");
    is_str(living("1"), "cd", "and no more are ended");
    change('a', "revoked_at = revoked_at - 1");
    change('b', "revoked_why = 'logout'");
    is_str(limit(2, 0, 'd', &problem), "", "not one from before, nor one of another reason");
    begin("1", "e");
    is_str(limit(2, 0, 'e', &problem), "c", "one more, one less");
    is_str(living("2"), "xyz", "nobody else has lost one");
    sql("DELETE FROM wxlogin_session");
}

static const char *log_out(char letter, wxl_scope_t scope, const wxl_sessions_settings_t *settings)
{
    const wxl_logout_t logout = {.whose = {.user_id = "1", .sid = letter ? sid_of(letter) : NULL},
                                 .scope = scope};
    wxl_errand_t errand = fixture_errand(pool);
    apr_array_header_t *ended;

    if (wxl_sessions_logout(&errand, &sqlite->door, settings, &logout, &ended) != APR_SUCCESS)
        bail_out("cannot sign out: ", errand.why);
    return letters_of(ended);
}

static void signing_out(void)
{
    const wxl_sessions_settings_t settings = {.off = 0};

    begin("1", "abcd");
    begin("2", "x");
    is_str(log_out('a', WXL_SCOPE_THIS, &settings), "a", "this");
    is_str(log_out('a', WXL_SCOPE_THIS, &settings), "a", "this, run again");
    is_str(log_out('b', WXL_SCOPE_OTHERS, &settings), "acd", "others: with what has just ended");
    is_str(living("1"), "b", "it stays");
    is_str(log_out('b', WXL_SCOPE_OTHERS, &settings), "acd", "others, run again");
    is_str(log_out('b', WXL_SCOPE_ALL, &settings), "abcd", "all");
    is_str(log_out('b', WXL_SCOPE_ALL, &settings), "abcd", "all, run again: though it is over now");
    sql("UPDATE wxlogin_session SET revoked_at = revoked_at - 1 WHERE user_id = 1");
    begin("1", "e");
    is_str(log_out('b', WXL_SCOPE_ALL, &settings), "", "in the name of one that ended before");
    is_str(living("1"), "e", "nothing ends");
    is_str(log_out(0, WXL_SCOPE_ALL, &settings), "e",
           "in that of a token without a session all do");
    is_str(living("2"), "x", "but nobody else's");
    sql("DELETE FROM wxlogin_session");
}

/* In the name of a session whose time has run out. */
static void run_out(void)
{
    static const struct {
        const char *name, *assignment;
    } cases[] = {
        {"expired", "expires_at = 1790000000000000"},
        {"idle for too long", "last_used_at = 1789992800000000"},
        {"too old", "created_at = 1789989200000000"},
    };
    const wxl_sessions_settings_t settings = {.idle = apr_time_from_sec(2 * HOUR),
                                              .max = apr_time_from_sec(3 * HOUR)};
    const wxl_sessions_settings_t endless = {.off = 0};
    size_t i;

    for (i = 0; i < COUNT(cases); i++) {
        begin("1", "ab");
        change('b', cases[i].assignment);
        is_str(log_out('b', WXL_SCOPE_OTHERS, &settings), "", "%s: others", cases[i].name);
        is_str(log_out('b', WXL_SCOPE_ALL, &settings), "", "%s: all", cases[i].name);
        is_str(log_out('b', WXL_SCOPE_THIS, &settings), "b", "%s: this", cases[i].name);
        is_str(log_out('a', WXL_SCOPE_ALL, &settings), "ab", "%s: by one that lives",
               cases[i].name);
        sql("DELETE FROM wxlogin_session");
    }
    begin("1", "ab");
    change('b', "last_used_at = 1, created_at = 1");
    is_str(log_out('b', WXL_SCOPE_OTHERS, &endless), "a", "without limits no time is too long");
    is_int(sqlite->opened, sqlite->closed, "each connection was given back");
}

int main(void)
{
    pool = fixture_start();
    sqlite = sqlite_start(pool);
    rejecting();
    evicting();
    signing_out();
    run_out();
    return done_testing();
}
