/* web/values: what directives accept. See values.h. */

#include "web/values.h"

#include <apr_lib.h>
#include <apr_strings.h>

#include "base/duration.h"

const char *wxl_values_refuse(cmd_parms *cmd, const char *value, const char *right)
{
    return apr_psprintf(cmd->pool, "%s \"%s\" is wrong: write %s", cmd->cmd->name, value, right);
}

const char *wxl_values_number(cmd_parms *cmd, const char *value, apr_off_t most, const char *of,
                              apr_off_t *number)
{
    char *end;

    if (apr_isdigit(*value) && /* no sign, no blank in front */
        apr_strtoff(number, value, &end, 10) == APR_SUCCESS && !*end && *number >= 1 &&
        *number <= most)
        return NULL;
    return wxl_values_refuse(
        cmd, value,
        apr_psprintf(cmd->temp_pool, "a number of %s from 1 to %" APR_OFF_T_FMT, of, most));
}

const char *wxl_values_span(cmd_parms *cmd, const char *value, apr_interval_time_t *span)
{
    apr_int64_t seconds = 0;
    const char *right = NULL;

    if (ap_cstr_casecmp(value, "off") != 0)
        right = wxl_duration_parse(value, &seconds);
    if (right)
        return wxl_values_refuse(cmd, value, apr_pstrcat(cmd->temp_pool, right, ", or off", NULL));
    *span = apr_time_from_sec(seconds);
    return NULL;
}
