/* core/sql: each statement is whole, in both dialects. */

#include "core/sql.h"

#include "tap.h"

static int count(const char *text, const char *part)
{
    int found = 0;

    for (text = strstr(text, part); text; text = strstr(text + strlen(part), part))
        found++;
    return found;
}

/* The parameters of apr_dbd: a % that is not doubled. */
static int parameters(const char *sql)
{
    int found = 0;

    for (; *sql; sql++) {
        if (*sql == '%' && *++sql != '%')
            found++;
    }
    return found;
}

/* The first place of a word outside of parentheses. */
static const char *outside(const char *sql, const char *word)
{
    int depth = 0;

    for (; *sql; sql++) {
        depth += (*sql == '(') - (*sql == ')');
        if (depth == 0 && strncmp(sql, word, strlen(word)) == 0)
            return sql;
    }
    return NULL;
}

/* What a statement gives: behind its RETURNING, or else its SELECT; not that of a part of it. */
static const char *list_of(const char *sql)
{
    const char *returning = outside(sql, " RETURNING ");

    return returning ? returning : outside(sql, "SELECT ");
}

/* Its columns: commas outside of parentheses, and one. */
static int returned(const char *sql)
{
    int depth = 0, found = 1;

    for (sql = list_of(sql); sql && *sql; sql++) {
        depth += (*sql == '(') - (*sql == ')');
        found += *sql == ',' && depth == 0;
        if (depth == 0 && strncmp(sql, " FROM ", 6) == 0)
            break;
    }
    return found;
}

static void whole(const wxl_statement_t *statement)
{
    int i;

    ok(strncmp(statement->label, "wxlogin_", 8) == 0, "%s: label", statement->label);
    ok(strspn(statement->label, "abcdefghijklmnopqrstuvwxyz_0123456789") ==
           strlen(statement->label),
       "%s: letters that PREPARE takes without quotes", statement->label);
    for (i = 0; i < WXL_DIALECTS; i++) {
        const char *sql = statement->sql[i];

        if (!sql) {
            ok(statement->sql[1 - i] != NULL, "%s: the other dialect has it", statement->label);
            continue;
        }
        is_int(parameters(sql), statement->args, "%s: arguments, dialect %d", statement->label, i);
        is_int(returned(sql), statement->columns, "%s: columns, dialect %d", statement->label, i);
        is_int(count(sql, "("), count(sql, ")"), "%s: parentheses, dialect %d", statement->label,
               i);
        is_int(count(sql, "'") % 2, 0, "%s: quotes, dialect %d", statement->label, i);
        is_int(count(sql, ";") + count(sql, "  "), 0, "%s: one statement, no gap, dialect %d",
               statement->label, i);
    }
}

int main(void)
{
    int i;

    ok(wxl_sql_count > 0, "there are statements");
    for (i = 0; i < wxl_sql_count; i++)
        whole(wxl_sql_all[i]);
    whole(&wxl_sql_ended_sessions);
    whole(&wxl_sql_ended_users);
    whole(&wxl_sql_ended_ask);
    whole(&wxl_sql_purge);
    return done_testing();
}
