/* web/bearer: the token that comes with a request. See bearer.h. */

#include "web/bearer.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <util_cookies.h>

#include "web/config.h"
#include "web/visit.h"

#define SCHEME "bearer"
#define BLANKS " \t\n\v\f\r" /* as isspace() has them */

static apr_status_t fail(wxl_errand_t *errand, const char *why)
{
    return wxl_fail(errand, WXL_AUTHORIZATION_HEADER, APR_SUCCESS, "%s", why);
}

static const char *skip_blanks(const char *text)
{
    while (apr_isspace(*text))
        text++;
    return text;
}

static int is_scheme(const char *text)
{
    size_t len = strlen(SCHEME);

    return ap_cstr_casecmpn(text, SCHEME, len) == 0 && (!text[len] || apr_isspace(text[len]));
}

/* httpd joins fields of one name by a comma: is there a bearer token behind one? */
static int has_another(const char *field)
{
    while ((field = strchr(field, ',')) != NULL) {
        field = skip_blanks(field + 1);
        if (is_scheme(field))
            return 1;
    }
    return 0;
}

/* Scheme and token, nothing else. A header of another scheme is not ours to judge. */
static apr_status_t from_header(wxl_errand_t *errand, request_rec *r, const char **token)
{
    const char *field = apr_table_get(r->headers_in, "Authorization");
    const char *end;

    if (!field || !*(field = skip_blanks(field)))
        return APR_SUCCESS;
    if (has_another(field))
        return fail(errand, "more than one Authorization header");
    if (!is_scheme(field))
        return APR_SUCCESS;
    field = skip_blanks(field + strlen(SCHEME));
    if (!*field)
        return fail(errand, "Authorization header without a token");
    end = field + strcspn(field, BLANKS);
    if (*skip_blanks(end))
        return fail(errand, "Authorization header of more than two words");
    *token = *end ? apr_pstrmemdup(r->pool, field, end - field) : field;
    return APR_SUCCESS;
}

/* An internal redirect and a subrequest have a query of their own, but no other token. */
static apr_status_t from_query(wxl_errand_t *errand, request_rec *r, const char *name,
                               const char **token)
{
    const request_rec *of;

    (void)name; /* whichever of them it was */
    for (of = r; of; of = wxl_visit_origin(of)) {
        const wxl_visit_t *visit = wxl_visit_seen(of);

        if (!visit || !visit->query_tokens)
            continue;
        if (visit->query_tokens > 1)
            return fail(errand, "more than one token in the query");
        if (*visit->query_token)
            *token = visit->query_token;
        return APR_SUCCESS;
    }
    return APR_SUCCESS;
}

static apr_status_t from_cookie(wxl_errand_t *errand, request_rec *r, const char *name,
                                const char **token)
{
    const char *value = NULL;

    if (ap_cookie_read(r, name, &value, 0) != APR_SUCCESS)
        return fail(errand, "more than one cookie of the token's name");
    if (value && *value)
        *token = value;
    return APR_SUCCESS;
}

apr_status_t wxl_bearer_find(wxl_errand_t *errand, request_rec *r, const char **token)
{
    const apr_array_header_t *places = wxl_config_dir(r)->token_from;
    apr_status_t rv = APR_SUCCESS;
    int i;

    *token = NULL;
    if (!places)
        return from_header(errand, r, token);
    for (i = 0; i < places->nelts && rv == APR_SUCCESS && !*token; i++) {
        const wxl_token_from_t *place = &APR_ARRAY_IDX(places, i, wxl_token_from_t);

        switch (place->from) {
        case WXL_FROM_HEADER: rv = from_header(errand, r, token); break;
        case WXL_FROM_QUERY: rv = from_query(errand, r, place->name, token); break;
        case WXL_FROM_COOKIE: rv = from_cookie(errand, r, place->name, token); break;
        }
    }
    return rv;
}

/* Is this NAME=VALUE a token? Its name may be percent-encoded.
   @return the value, or NULL */
static const char *value_of(apr_pool_t *pool, const char *pair, size_t len,
                            const apr_array_header_t *names)
{
    char *name = apr_pstrmemdup(pool, pair, len);
    char *value = strchr(name, '=');
    int i;

    if (value)
        *value++ = '\0';
    ap_unescape_urlencoded(name);
    for (i = 0; i < names->nelts; i++) {
        if (strcmp(name, APR_ARRAY_IDX(names, i, const char *)) != 0)
            continue;
        if (value)
            ap_unescape_urlencoded(value);
        return value ? value : "";
    }
    return NULL;
}

/* A query without its tokens.
   @param visit learns the token; NULL: nobody wants to know
   @return NULL where nothing is left; the query itself where there was none in it */
static const char *without(apr_pool_t *pool, const char *query, const apr_array_header_t *names,
                           wxl_visit_t *visit)
{
    char *rest = apr_palloc(pool, strlen(query) + 1);
    const char *from = query;
    char *to = rest;
    int found = 0;

    for (;;) {
        size_t len = strcspn(from, "&");
        const char *value = value_of(pool, from, len, names);

        if (!value) {
            memcpy(to, from, len);
            to += len;
            *to++ = '&';
        } else if (visit) {
            visit->query_token = value;
            visit->query_tokens++;
        }
        found |= value != NULL;
        if (!from[len])
            break;
        from += len + 1;
    }
    if (!found)
        return query;
    if (to == rest)
        return NULL;
    to[-1] = '\0'; /* the last & */
    return rest;
}

/* The same for a text with a query in it: a URI, a request line. */
static const char *text_without(apr_pool_t *pool, const char *text, const apr_array_header_t *names)
{
    const char *mark = text ? strchr(text, '?') : NULL;
    const char *query, *rest;
    size_t len;

    if (!mark)
        return text;
    len = strcspn(mark + 1, " #");
    query = apr_pstrmemdup(pool, mark + 1, len);
    rest = without(pool, query, names, NULL);
    if (rest == query)
        return text;
    return apr_pstrcat(pool, apr_pstrmemdup(pool, text, mark - text), rest ? "?" : "",
                       rest ? rest : "", mark + 1 + len, NULL);
}

/* Before there is a location nobody knows whether the query is ours to change; httpd itself may
   find fault with the request, and log it. Now it is known: the URI is itself again. */
static void restore_uri(request_rec *r)
{
    wxl_visit_t *visit = wxl_visit_seen(r);

    if (visit && visit->unparsed_uri) {
        r->unparsed_uri = visit->unparsed_uri;
        visit->unparsed_uri = NULL;
    }
}

int wxl_bearer_take(request_rec *r)
{
    const apr_array_header_t *names = wxl_config_dir(r)->query_tokens;
    const char *rest;

    restore_uri(r);
    if (!names || !r->args)
        return DECLINED;
    rest = without(r->pool, r->args, names, wxl_visit_of(r));
    if (rest == r->args)
        return DECLINED;
    r->args = (char *)rest;
    r->parsed_uri.query = r->args;
    r->unparsed_uri = (char *)text_without(r->pool, r->unparsed_uri, names);
    return DECLINED;
}

int wxl_bearer_blur(request_rec *r)
{
    const apr_array_header_t *names = wxl_config_of(r->server)->query_tokens;
    const char *uri;

    if (!names)
        return DECLINED;
    r->the_request = (char *)text_without(r->pool, r->the_request, names);
    if (r->parsed_uri.scheme) /* mod_proxy, as a forward proxy, takes it as it stands now */
        return DECLINED;
    uri = text_without(r->pool, r->unparsed_uri, names);
    if (uri != r->unparsed_uri) {
        wxl_visit_of(r)->unparsed_uri = r->unparsed_uri;
        r->unparsed_uri = (char *)uri;
    }
    return DECLINED;
}

int wxl_bearer_forget(request_rec *r)
{
    const apr_array_header_t *names = wxl_config_of(r->server)->query_tokens;

    for (; names && r; r = r->next) {
        r->the_request = (char *)text_without(r->pool, r->the_request, names);
        if (r->args)
            r->args = (char *)without(r->pool, r->args, names, NULL);
    }
    return DECLINED;
}
