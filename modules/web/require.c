/* web/require: providers of Require. See require.h. */

#include "web/require.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <ap_provider.h>
#include <http_request.h>
#include <mod_auth.h>

#include "web/visit.h"

/* Without a user: ask for one. With one whom we do not know (of another AuthType): no. */
static authz_status judge(const request_rec *r, const wxl_user_t *user, int granted)
{
    if (user)
        return granted ? AUTHZ_GRANTED : AUTHZ_DENIED;
    return r->user && *r->user ? AUTHZ_DENIED : AUTHZ_DENIED_NO_USER;
}

static authz_status check_staff(request_rec *r, const char *line, const void *words)
{
    const wxl_user_t *user = wxl_visit_user(r);

    (void)line, (void)words;
    return judge(r, user, user && user->is_staff);
}

static authz_status check_superuser(request_rec *r, const char *line, const void *words)
{
    const wxl_user_t *user = wxl_visit_user(r);

    (void)line, (void)words;
    return judge(r, user, user && user->is_superuser);
}

static int is_among(const char *text, const apr_array_header_t *words)
{
    int i;

    for (i = 0; i < words->nelts; i++) {
        if (strcmp(text, APR_ARRAY_IDX(words, i, const char *)) == 0)
            return 1;
    }
    return 0;
}

static authz_status check_type(request_rec *r, const char *line, const void *words)
{
    const wxl_user_t *user = wxl_visit_user(r);

    (void)line;
    return judge(r, user, user && is_among(user->user_type, words));
}

static authz_status check_user(request_rec *r, const char *line, const void *words)
{
    const wxl_user_t *user = wxl_visit_user(r);

    (void)line;
    return judge(r, user, user && is_among(r->user, words)); /* the id as digits */
}

static const char *parse_none(cmd_parms *cmd, const char *line, const void **words)
{
    (void)words;
    if (*ap_getword_conf(cmd->temp_pool, &line))
        return "Require wxlogin-staff and wxlogin-superuser take no argument";
    return NULL;
}

static const char *parse_words(cmd_parms *cmd, const char *line, const void **words)
{
    apr_array_header_t *all = apr_array_make(cmd->pool, 2, sizeof(const char *));
    const char *word;

    while (*(word = ap_getword_conf(cmd->pool, &line)))
        APR_ARRAY_PUSH(all, const char *) = word;
    *words = all;
    return all->nelts ? NULL : "Require wxlogin-type: write one or more user types";
}

static const char *parse_ids(cmd_parms *cmd, const char *line, const void **words)
{
    const apr_array_header_t *all;
    int i;

    if (parse_words(cmd, line, words))
        return "Require wxlogin-user: write one or more ids";
    all = *words;
    for (i = 0; i < all->nelts; i++) {
        const char *id = APR_ARRAY_IDX(all, i, const char *);

        if (id[strspn(id, "0123456789")] || *id == '0')
            return apr_psprintf(cmd->pool, "Require wxlogin-user: \"%s\" is not the id of a user",
                                id);
    }
    return NULL;
}

static const struct {
    const char *name;
    authz_provider provider;
} providers[] = {
    {"wxlogin-staff", {check_staff, parse_none}},
    {"wxlogin-superuser", {check_superuser, parse_none}},
    {"wxlogin-type", {check_type, parse_words}},
    {"wxlogin-user", {check_user, parse_ids}},
};

void wxl_require_register(apr_pool_t *pool)
{
    size_t i;

    for (i = 0; i < sizeof(providers) / sizeof(providers[0]); i++)
        ap_register_auth_provider(pool, AUTHZ_PROVIDER_GROUP, providers[i].name,
                                  AUTHZ_PROVIDER_VERSION, &providers[i].provider,
                                  AP_AUTH_INTERNAL_PER_CONF);
}
