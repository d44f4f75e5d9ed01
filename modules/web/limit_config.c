/* web/limit_config: which rate limits there are. See limit_config.h. */

#include "web/limit_config.h"

#include <errno.h>

#include <apr_general.h>
#include <apr_lib.h>
#include <apr_network_io.h>
#include <apr_siphash.h>
#include <apr_strings.h>

#include "base/duration.h"
#include "web/config.h"
#include "web/directives.h"
#include "web/mapped.h"
#include "web/shm.h"
#include "web/values.h"

#define DEFAULT_SIZE 100000
#define LARGEST_SIZE 10000000
#define LONGEST_WINDOW (366 * 86400)
#define LONGEST_NAME 64

/* Every limit that was written or is a default. Set while httpd starts; read-only afterwards. */
static struct {
    apr_array_header_t *all; /* wxl_limit_t * */
    const unsigned char *secret;
} limits;

void wxl_limit_config_reset(apr_pool_t *pconf)
{
    limits.all = apr_array_make(pconf, 8, sizeof(wxl_limit_t *));
    limits.secret = NULL;
}

const unsigned char *wxl_limit_config_secret(void)
{
    return limits.secret;
}

/* -- WxLoginRateLimit -------------------------------------------------------------------------- */

static const char *parse_rate(cmd_parms *cmd, wxl_limit_t *limit, const char *value)
{
    static const char *form = "NUMBER/DURATION, such as 5/1m or 100/1h, or off";
    apr_int64_t count, seconds;
    const char *right;
    char *end;

    errno = 0;
    count = apr_strtoi64(value, &end, 10);
    if (!apr_isdigit(*value) || *end != '/')
        return wxl_values_refuse(cmd, value, form);
    if (errno != 0 || count < 1 || count > WXL_LIMITER_MOST)
        return wxl_values_refuse(
            cmd, value, "a number from 1 to " APR_STRINGIFY(WXL_LIMITER_MOST) " before the slash");
    right = wxl_duration_parse(end + 1, &seconds);
    if (right)
        return wxl_values_refuse(cmd, value,
                                 apr_pstrcat(cmd->pool, right, " behind the slash", NULL));
    if (seconds > LONGEST_WINDOW)
        return wxl_values_refuse(cmd, value, "at most 366d behind the slash");
    limit->rate = value;
    limit->limit = (apr_uint32_t)count;
    limit->window = apr_time_from_sec(seconds);
    return NULL;
}

static const char *parse_name(cmd_parms *cmd, wxl_limit_t *limit, const char *value)
{
    const char *at;

    for (at = value; apr_isalnum(*at) || (*at && strchr("_.-", *at)); at++)
        continue;
    if (*at || at == value || at - value > LONGEST_NAME)
        return "name= and 1 to 64 letters, digits, dots, hyphens or underscores";
    (void)cmd;
    limit->name = value;
    limit->is_named = 1;
    return NULL;
}

static const char *parse_key(cmd_parms *cmd, wxl_limit_t *limit, const char *value)
{
    (void)cmd;
    if (strcmp(value, "client") == 0)
        limit->key = WXL_LIMIT_CLIENT;
    else if (strcmp(value, "ip") == 0)
        limit->key = WXL_LIMIT_IP;
    else if (strcmp(value, "user") == 0)
        limit->key = WXL_LIMIT_USER;
    else
        return "key=client, key=ip or key=user";
    return NULL;
}

static const char *parse_count(cmd_parms *cmd, wxl_limit_t *limit, const char *value)
{
    (void)cmd;
    if (strcmp(value, "all") != 0 && strcmp(value, "failures") != 0)
        return "count=all or count=failures";
    limit->failures = strcmp(value, "failures") == 0;
    return NULL;
}

static const char *parse_except(cmd_parms *cmd, wxl_limit_t *limit, const char *value)
{
    static const char *form = "except= and networks with commas between them, such as "
                              "except=10.0.0.0/8,2001:db8::/32";
    char *last, *net, *list = apr_pstrdup(cmd->temp_pool, value);

    if (!limit->except)
        limit->except = apr_array_make(cmd->pool, 2, sizeof(apr_ipsubnet_t *));
    if (!*value || *value == ',' || value[strlen(value) - 1] == ',' || strstr(value, ",,"))
        return form;
    for (net = apr_strtok(list, ",", &last); net; net = apr_strtok(NULL, ",", &last)) {
        char *bits = strchr(net, '/');

        if (bits)
            *bits++ = '\0';
        if (apr_ipsubnet_create(apr_array_push(limit->except), net, bits, cmd->pool) != APR_SUCCESS)
            return form;
    }
    return NULL;
}

static const struct {
    const char *prefix;
    const char *(*parse)(cmd_parms *cmd, wxl_limit_t *limit, const char *value);
} options[] = {
    {"name=", parse_name},
    {"key=", parse_key},
    {"count=", parse_count},
    {"except=", parse_except},
};

static const char *parse_option(cmd_parms *cmd, wxl_limit_t *limit, const char *word)
{
    const char *right = "key=client|ip|user, name=WORD, count=all|failures, "
                        "except=NETWORK[,NETWORK...] or dry-run";
    size_t i;

    if (strcmp(word, "dry-run") == 0) {
        limit->dry_run = 1;
        return NULL;
    }
    for (i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        size_t len = strlen(options[i].prefix);

        if (strncmp(word, options[i].prefix, len) == 0) {
            right = options[i].parse(cmd, limit, word + len);
            break;
        }
    }
    return right ? wxl_values_refuse(cmd, word, right) : NULL;
}

static int same_rate(const wxl_limit_t *a, const wxl_limit_t *b)
{
    return a->limit == b->limit && a->window == b->window;
}

/* Limits of one name share one count, wherever they stand. */
static const char *check_name(cmd_parms *cmd, const wxl_limit_t *limit)
{
    int i;

    for (i = 0; limit->is_named && i < limits.all->nelts; i++) {
        const wxl_limit_t *other = APR_ARRAY_IDX(limits.all, i, const wxl_limit_t *);

        if (other->is_named && strcmp(other->name, limit->name) == 0 && !same_rate(other, limit))
            return apr_psprintf(cmd->pool,
                                "%s %s name=%s is wrong: that name has %s at %s:%d, and limits of "
                                "one name share one count; write the same rate or another name",
                                cmd->cmd->name, limit->rate, limit->name, other->rate,
                                other->filename, other->line);
    }
    return NULL;
}

/* In one section, each limit needs a count of its own, or one request would count twice. */
static const char *check_twins(cmd_parms *cmd, const wxl_limit_t *limit,
                               const apr_array_header_t *section)
{
    int i;

    for (i = 0; i < section->nelts; i++) {
        const wxl_limit_t *other = APR_ARRAY_IDX(section, i, const wxl_limit_t *);
        int apart = (other->key == WXL_LIMIT_IP && limit->key == WXL_LIMIT_USER) ||
                    (other->key == WXL_LIMIT_USER && limit->key == WXL_LIMIT_IP);

        if (same_rate(other, limit) && !apart && strcmp(other->name, limit->name) == 0)
            return apr_psprintf(cmd->pool,
                                "%s %s is wrong: with that of line %d each request would count "
                                "twice; write name=WORD, or leave one out",
                                cmd->cmd->name, limit->rate, other->line);
    }
    return NULL;
}

/* What a count without a name is called: the section, as it is written. */
static const char *name_of_place(cmd_parms *cmd)
{
    const ap_directive_t *section = cmd->directive->parent;

    if (!cmd->path || !section)
        return "login";
    return apr_psprintf(cmd->pool, "%s %s%s", section->directive, section->args,
                        ap_strchr_c(section->args, '>') ? "" : ">");
}

const char *wxl_limit_config_rate(cmd_parms *cmd, void *dirv, int argc, char *const argv[])
{
    wxl_dir_config_t *dir = dirv;
    apr_array_header_t **section = cmd->path ? &dir->limits : &wxl_config_of(cmd->server)->limits;
    wxl_limit_t *limit = apr_pcalloc(cmd->pool, sizeof(*limit));
    const char *error = ap_check_cmd_context(cmd, NOT_IN_LIMIT);
    int i;

    if (error)
        return error;
    if (argc == 0)
        return apr_pstrcat(cmd->pool, cmd->cmd->name, " needs a value: write 5/1m or off", NULL);
    if (!*section)
        *section = apr_array_make(cmd->pool, 2, sizeof(wxl_limit_t *));
    if (ap_cstr_casecmp(argv[0], "off") == 0) {
        apr_array_clear(*section);
        return argc == 1 ? NULL : wxl_values_refuse(cmd, argv[1], "nothing behind off");
    }
    limit->name = name_of_place(cmd);
    limit->filename = cmd->directive->filename;
    limit->line = cmd->directive->line_num;
    error = parse_rate(cmd, limit, argv[0]);
    for (i = 1; i < argc && !error; i++)
        error = parse_option(cmd, limit, argv[i]);
    if (!error)
        error = check_name(cmd, limit);
    if (!error)
        error = check_twins(cmd, limit, *section);
    APR_ARRAY_PUSH(*section, wxl_limit_t *) = limit;
    APR_ARRAY_PUSH(limits.all, wxl_limit_t *) = limit;
    return error;
}

const char *wxl_limit_config_size(cmd_parms *cmd, void *dir, const char *value)
{
    const char *error = ap_check_cmd_context(cmd, GLOBAL_ONLY);
    apr_off_t size = 0;

    (void)dir;
    if (!error)
        error = wxl_values_number(cmd, value, LARGEST_SIZE, "clients", &size);
    wxl_config_of(cmd->server)->limit_size = (apr_uint32_t)size;
    return error;
}

/* -- Start-up ---------------------------------------------------------------------------------- */

static apr_array_header_t *make_default(apr_pool_t *pool, const char *name, const char *rate,
                                        apr_uint32_t per_minute)
{
    apr_array_header_t *array = apr_array_make(pool, 1, sizeof(wxl_limit_t *));
    wxl_limit_t *limit = apr_pcalloc(pool, sizeof(*limit));

    limit->name = name;
    limit->rate = rate;
    limit->limit = per_minute;
    limit->window = apr_time_from_sec(60);
    APR_ARRAY_PUSH(array, wxl_limit_t *) = limit;
    APR_ARRAY_PUSH(limits.all, wxl_limit_t *) = limit;
    return array;
}

/* Which limits our own endpoints of a server have, where their location has none of its own. */
static void choose(apr_pool_t *pool, server_rec *server, const apr_array_header_t *mapped)
{
    wxl_config_t *config = wxl_config_of(server);
    int in_use = mapped->nelts > 0 || wxl_config_is_set(config);
    int defaults = in_use && config->environment == WXL_PRODUCTION;
    int off = config->limits && config->limits->nelts == 0;
    const char *name = apr_psprintf(pool, "%s:%u", server->server_hostname, server->port);

    config->limit_scope = apr_siphash24(name, strlen(name), limits.secret);
    config->login_limits = config->limits;
    if (defaults && !config->limits)
        config->login_limits = make_default(pool, "login", "5/1m", 5);
    if (defaults && !off)
        config->refresh_limits = make_default(pool, "refresh", "60/1m", 60);
}

static apr_status_t make_secret(server_rec *main_server)
{
    void *secret;
    int is_new;
    apr_status_t rv = wxl_shm_room(main_server, "limit secret", 16, &secret, &is_new);

    if (rv == APR_SUCCESS && is_new)
        rv = apr_generate_random_bytes(secret, 16);
    limits.secret = secret;
    return rv;
}

static void tell(server_rec *main_server, const wxl_limit_t *limit, apr_uint32_t clients,
                 apr_size_t size, int is_new)
{
    apr_uint64_t refused, shared;

    wxl_limiter_counts(&limit->table, &refused, &shared);
    if (is_new)
        ap_log_error(APLOG_MARK, APLOG_INFO, 0, main_server,
                     "WXL0540: rate limit %s %s: room for %u clients, %" APR_SIZE_T_FMT
                     " bytes that are used as clients come",
                     limit->name, limit->rate, clients, size);
    else
        ap_log_error(APLOG_MARK, shared ? APLOG_NOTICE : APLOG_INFO, 0, main_server,
                     "WXL0543: rate limit %s %s goes on; so far %" APR_UINT64_T_FMT
                     " requests were refused, %" APR_UINT64_T_FMT
                     " came when there was no room for their client (" WXL_D_RATE_LIMIT_SIZE " %u)",
                     limit->name, limit->rate, refused, shared, clients);
}

static apr_status_t make_table(apr_pool_t *pool, server_rec *main_server, wxl_limit_t *limit)
{
    apr_uint32_t clients = wxl_config_of(main_server)->limit_size;
    apr_size_t size;
    const char *name;
    void *memory;
    int is_new;
    apr_status_t rv;

    clients = clients ? clients : DEFAULT_SIZE;
    size = wxl_limiter_shape(&limit->table, limit->limit, limit->window, clients);
    name = apr_psprintf(pool, "limit %s %u/%" APR_INT64_T_FMT, limit->name, limit->limit,
                        (apr_int64_t)limit->window);
    rv = size ? wxl_shm_room(main_server, name, size, &memory, &is_new) : APR_ENOMEM;
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_EMERG | APLOG_STARTUP, rv, main_server,
                     "WXL0541: no shared memory for the rate limit %s %s: %" APR_SIZE_T_FMT
                     " bytes for %u clients; write a smaller " WXL_D_RATE_LIMIT_SIZE,
                     limit->name, limit->rate, size, clients);
        return rv;
    }
    wxl_limiter_open(&limit->table, memory);
    tell(main_server, limit, clients, size, is_new);
    return APR_SUCCESS;
}

apr_status_t wxl_limit_config_start(apr_pool_t *pconf, server_rec *main_server)
{
    apr_array_header_t *mapped = wxl_mapped_find(pconf, main_server);
    apr_status_t rv = make_secret(main_server);
    server_rec *server;
    int i;

    if (rv != APR_SUCCESS)
        ap_log_error(APLOG_MARK, APLOG_EMERG | APLOG_STARTUP, rv, main_server,
                     "WXL0542: no shared memory or no random numbers for the rate limits");
    for (server = main_server; server && rv == APR_SUCCESS; server = server->next)
        choose(pconf, server, mapped);
    for (i = 0; i < limits.all->nelts && rv == APR_SUCCESS; i++)
        rv = make_table(pconf, main_server, APR_ARRAY_IDX(limits.all, i, wxl_limit_t *));
    return rv;
}
