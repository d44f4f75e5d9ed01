/*
 * core/sql_lists: how one argument of many rows is given to PostgreSQL. core/together writes it,
 * the statements of core/sql and core/sql_sessions read it. Constant text.
 */
#ifndef WXL_SQL_LISTS_H
#define WXL_SQL_LISTS_H

/** One argument of many rows in one text (PostgreSQL): what stands between the values, and what
    stands for NULL. No value may hold either. */
#define WXL_SQL_LIST_SEPARATOR "\x1f"
#define WXL_SQL_LIST_NULL "\x1a"

/** Such an argument as an array, and five of them. */
#define WXL_SQL_LIST "string_to_array(%s, E'\\x1f', E'\\x1a')"
#define WXL_SQL_FIVE_LISTS \
    WXL_SQL_LIST ", " WXL_SQL_LIST ", " WXL_SQL_LIST ", " WXL_SQL_LIST ", " WXL_SQL_LIST

/** A condition that is looked at once, before the first row is touched: whoever finds a row locked
    by somebody else gives up soon, as all others of his statement wait with him. */
#define WXL_SQL_IMPATIENT "(SELECT set_config('lock_timeout', '100ms', true)) IS NOT NULL"

#endif
