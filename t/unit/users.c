/* core/users: new, known, disabled, admin; on a real SQLite with the shipped schema. */

#include "core/users.h"

#include <time.h>

#include "sqlite.h"

#define AVATAR "https://www.gravatar.com/avatar/00000000000000000000000000000000?d=mp&f=y"
#define NOW_USEC apr_time_from_sec(NOW)

static apr_pool_t *pool;
static sqlite_t *sqlite;

static wxl_problem_t signin(apr_time_t now, const char *openid, int admin, wxl_user_t *user)
{
    wxl_errand_t errand = fixture_errand(pool);
    wxl_arrival_t arrival = {.openid = openid, .admin = admin};
    apr_status_t rv;

    errand.now = now;
    rv = wxl_users_signin(&errand, &sqlite->door, &arrival, user);
    if ((rv == APR_SUCCESS) != (errand.problem == WXL_OK))
        ok(0, "result and problem agree");
    return errand.problem;
}

static void new_user(void)
{
    wxl_user_t user, other;

    memset(&user, 0xA5, sizeof(user));
    is_int(signin(NOW_USEC + 7, "oNew", 0, &user), WXL_OK, "new: signed in");
    is_int(user.id, 1, "new: the first id");
    is_str(user.openid, "oNew", "new: openid");
    ok(strncmp(user.username, "\xe7\x94\xa8\xe6\x88\xb7_", 7) == 0 && strlen(user.username) == 23,
       "new: username is 用户_ and 16 characters: %s", user.username);
    ok(strspn(user.username + 7, "0123456789abcdef-") == 16, "new: of a UUID");
    is_str(user.avatar_url, AVATAR, "new: avatar");
    is_str(user.phone, NULL, "new: no phone");
    is_str(user.email, NULL, "new: no email");
    is_str(user.user_type, "wechat", "new: type");
    is_int(user.is_superuser + user.is_staff, 0, "new: no rights");
    is_int(user.is_active, 1, "new: active");
    is_int(user.date_joined, NOW_USEC + 7, "new: joined now, to the microsecond");
    is_int(user.last_login_at, NOW_USEC + 7, "new: last login");
    is_str(sqlite_ask(&sqlite->db, "SELECT password FROM wxlogin_user"), "!",
           "new: no password opens it");
    is_int(signin(NOW_USEC, "onew", 0, &other), WXL_OK, "case matters");
    ok(other.id != user.id && strcmp(other.username, user.username) != 0, "so that is another one");
}

static void known_user(void)
{
    wxl_user_t before, after;

    signin(NOW_USEC, "oKnown", 0, &before);
    sqlite_run(&sqlite->db, "UPDATE wxlogin_user SET username = 'Ann', phone = '', "
                            "email = 'a@b.c', avatar_url = '' WHERE openid = 'oKnown'");
    is_int(signin(NOW_USEC + 5000000, "oKnown", 0, &after), WXL_OK, "known: signed in");
    is_int(after.id, before.id, "known: the same id");
    is_int(after.last_login_at, NOW_USEC + 5000000, "known: last login moves");
    is_int(after.date_joined, NOW_USEC, "known: joined as before");
    is_str(after.username, "Ann", "known: username stays");
    is_str(after.phone, "", "known: an empty phone is not null");
    is_str(after.email, "a@b.c", "known: email stays");
    is_str(after.avatar_url, "", "known: avatar stays");
    is_str(sqlite_ask(&sqlite->db, "SELECT count(*) FROM wxlogin_user WHERE openid = 'oKnown'"),
           "1", "known: one row");
}

static void disabled_user(void)
{
    wxl_user_t user;

    signin(NOW_USEC, "oOff", 0, &user);
    sqlite_run(&sqlite->db, "UPDATE wxlogin_user SET is_active = 0 WHERE openid = 'oOff'");
    is_int(tag_of(signin(NOW_USEC + 9, "oOff", 1, &user)), tag_of(WXL_USER_DISABLED),
           "disabled: refused, though asked for as an admin");
    is_str(sqlite_ask(&sqlite->db, "SELECT last_login_at || is_staff || is_superuser || user_type "
                                   "FROM wxlogin_user WHERE openid = 'oOff'"),
           "179000000000000000wechat", "disabled: nothing of it changes");
    sqlite_run(&sqlite->db, "UPDATE wxlogin_user SET is_active = 1 WHERE openid = 'oOff'");
    is_int(signin(NOW_USEC + 10, "oOff", 0, &user), WXL_OK, "enabled again");
}

static void admin_user(void)
{
    wxl_user_t user;

    is_int(signin(NOW_USEC, "admin1", 1, &user), WXL_OK, "a new admin");
    ok(user.is_staff && user.is_superuser, "has the rights");
    is_str(user.user_type, "admin", "and the type");
    signin(NOW_USEC, "admin1", 0, &user);
    ok(user.is_staff && user.is_superuser, "an admin stays one");
    is_str(user.user_type, "admin", "its type, too: it is stored");
    signin(NOW_USEC, "oLater", 0, &user);
    is_int(signin(NOW_USEC, "oLater", 1, &user), WXL_OK, "a known user");
    ok(user.is_staff && user.is_superuser && strcmp(user.user_type, "admin") == 0,
       "becomes an admin later");
    sqlite_run(&sqlite->db, "UPDATE wxlogin_user SET is_staff = 1, is_superuser = 0, "
                            "user_type = 'wechat' WHERE openid = 'oNew'");
    signin(NOW_USEC, "oNew", 0, &user);
    ok(user.is_staff && !user.is_superuser, "rights given by hand stay as they are");
}

/* Text that could be taken for something else. */
static void odd_openids(void)
{
    static const char *const openids[] = {
        "o'; DROP TABLE wxlogin_user; --",
        "%s%d%lld",
        "\"",
        "\\",
        "1e5",
        "0017",
        " ",
        "NULL",
        "\xe7\x94\xa8\xe6\x88\xb7",
        "\xf0\x9f\x98\x80",
        "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff1234",
    };
    size_t i;

    for (i = 0; i < COUNT(openids); i++) {
        wxl_user_t user = {0}, again = {0};

        is_int(signin(NOW_USEC, openids[i], 0, &user), WXL_OK, "openid <%s>", openids[i]);
        is_str(user.openid, openids[i], "comes back as it went");
        signin(NOW_USEC, openids[i], 0, &again);
        is_int(again.id, user.id, "and is found again");
    }
}

static void door(void)
{
    wxl_user_t user;

    is_int(sqlite->opened, sqlite->closed, "each connection was given back");
    sqlite->shut = 1;
    is_int(tag_of(signin(NOW_USEC, "oNew", 0, &user)), tag_of(WXL_DB_UNAVAILABLE),
           "a door that does not open: its own problem");
    is_int(sqlite->opened, sqlite->closed, "and is not closed");
    sqlite->shut = 0;
    sqlite_run(&sqlite->db, "DROP TABLE wxlogin_user");
    is_int(tag_of(signin(NOW_USEC, "oNew", 0, &user)), tag_of(WXL_INTERNAL),
           "the table is gone: one of ours");
    is_int(sqlite->opened, sqlite->closed, "given back all the same");
}

static void answer(void)
{
    wxl_user_t user = {
        .id = INT64_C(9007199254740993),
        .username = "\xe7\x94\xa8\xe6\x88\xb7_x",
        .avatar_url = "",
        .user_type = "wechat",
        .is_staff = 1,
        .is_active = 1,
        .date_joined = NOW_USEC,
    };

    setenv("TZ", "CST-8", 1);
    tzset();
    is_str(wxl_json_write(pool, wxl_users_json(pool, &user), NULL),
           "{\"id\":9007199254740993,\"orders_count\":0,\"completed_orders_count\":0,"
           "\"is_superuser\":false,\"is_staff\":true,\"is_active\":true,"
           "\"date_joined\":\"2026-09-21T22:13:20.000000+08:00\",\"openid\":null,"
           "\"username\":\"用户_x\",\"avatar_url\":\"\",\"phone\":null,\"email\":null,"
           "\"user_type\":\"wechat\",\"last_login_at\":null}",
           "keys, order and types of the contract");
    user.username = "\xff";
    is_str(wxl_json_write(pool, wxl_users_json(pool, &user), NULL), NULL,
           "a name that is not UTF-8 is not written");
}

int main(void)
{
    pool = fixture_start();
    sqlite = sqlite_start(pool);

    new_user();
    known_user();
    disabled_user();
    admin_user();
    odd_openids();
    door();
    answer();
    return done_testing();
}
