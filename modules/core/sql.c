/* core/sql: the statements. See sql.h. */

#include "core/sql.h"

#define AVATAR "https://www.gravatar.com/avatar/00000000000000000000000000000000?d=mp&f=y"

/* A password hash that no password gives: Django's mark for "cannot sign in with one". */
#define NO_PASSWORD "!"

/* clang-format off: SQL keeps the lines it was written in */
const wxl_statement_t wxl_sql_signin = {
    .label = "wxlogin_signin",
    .args = 7,
    .columns = 12,
    .sql =
        {
            [WXL_PGSQL] =
                "INSERT INTO wxlogin_user AS u (openid, username, is_staff, is_superuser,"
                " date_joined, last_login_at, user_type, password, avatar_url, is_active)"
                " VALUES (%s, %s, %d = 1, %d = 1,"
                " 'epoch'::timestamptz + %lld * interval '1 microsecond',"
                " 'epoch'::timestamptz + %lld * interval '1 microsecond',"
                " %s, '" NO_PASSWORD "', '" AVATAR "', true)"
                " ON CONFLICT (openid) DO UPDATE SET"
                " last_login_at = CASE WHEN u.is_active THEN excluded.last_login_at"
                " ELSE u.last_login_at END,"
                " is_staff = u.is_staff OR (u.is_active AND excluded.is_staff),"
                " is_superuser = u.is_superuser OR (u.is_active AND excluded.is_superuser),"
                " user_type = CASE WHEN u.is_active AND excluded.is_superuser"
                " THEN excluded.user_type ELSE u.user_type END"
                " RETURNING id::bigint, openid::text, username::text, avatar_url::text,"
                " phone::text, email::text, user_type::text,"
                " CASE WHEN is_superuser THEN 1 ELSE 0 END, CASE WHEN is_staff THEN 1 ELSE 0 END,"
                " CASE WHEN is_active THEN 1 ELSE 0 END,"
                " (extract(epoch FROM date_joined) * 1000000)::bigint,"
                " (extract(epoch FROM last_login_at) * 1000000)::bigint",
            [WXL_SQLITE3] =
                "INSERT INTO wxlogin_user (openid, username, is_staff, is_superuser,"
                " date_joined, last_login_at, user_type, password, avatar_url, is_active)"
                " VALUES (%s, %s, CAST(%s AS INTEGER), CAST(%s AS INTEGER),"
                " CAST(%s AS INTEGER), CAST(%s AS INTEGER), %s,"
                " '" NO_PASSWORD "', '" AVATAR "', 1)"
                " ON CONFLICT (openid) DO UPDATE SET"
                " last_login_at = CASE WHEN wxlogin_user.is_active THEN excluded.last_login_at"
                " ELSE wxlogin_user.last_login_at END,"
                " is_staff = wxlogin_user.is_staff"
                " OR (wxlogin_user.is_active AND excluded.is_staff),"
                " is_superuser = wxlogin_user.is_superuser"
                " OR (wxlogin_user.is_active AND excluded.is_superuser),"
                " user_type = CASE WHEN wxlogin_user.is_active AND excluded.is_superuser"
                " THEN excluded.user_type ELSE wxlogin_user.user_type END"
                " RETURNING CAST(id AS INTEGER), CAST(openid AS TEXT), CAST(username AS TEXT),"
                " CAST(avatar_url AS TEXT), CAST(phone AS TEXT), CAST(email AS TEXT),"
                " CAST(user_type AS TEXT), CAST(is_superuser AS INTEGER),"
                " CAST(is_staff AS INTEGER), CAST(is_active AS INTEGER),"
                " CAST(date_joined AS INTEGER), CAST(last_login_at AS INTEGER)",
        },
};
/* clang-format on */

const wxl_statement_t *const wxl_sql_all[] = {&wxl_sql_signin};
const int wxl_sql_count = sizeof(wxl_sql_all) / sizeof(wxl_sql_all[0]);
