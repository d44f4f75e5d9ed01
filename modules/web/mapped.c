/* web/mapped: where our handlers are mapped. See mapped.h. */

#include "web/mapped.h"

#include <util_cfgtree.h>

#define PREFIX "wxlogin-"

/* The server that a <VirtualHost> section made: it remembers file and line. */
static server_rec *server_of(const ap_directive_t *section, server_rec *main_server)
{
    server_rec *server;

    for (server = main_server->next; server; server = server->next) {
        if (server->defn_name && (int)server->defn_line_number == section->line_num &&
            strcmp(server->defn_name, section->filename) == 0)
            return server;
    }
    return NULL;
}

/* @return what a directive maps or guards, or NULL */
static const char *argument_of(apr_pool_t *pool, const ap_directive_t *node)
{
    const char *args = node->args;
    const char *word;

    if (ap_cstr_casecmp(node->directive, "SetHandler") == 0) {
        word = ap_getword_conf(pool, &args);
        return ap_cstr_casecmpn(word, PREFIX, sizeof(PREFIX) - 1) == 0 ? word : NULL;
    }
    if (ap_cstr_casecmp(node->directive, "AuthType") == 0) {
        word = ap_getword_conf(pool, &args);
        return ap_cstr_casecmp(word, WXL_AUTH_TYPE) == 0 ? word : NULL;
    }
    return NULL;
}

static void walk(apr_pool_t *pool, const ap_directive_t *node, server_rec *main_server,
                 server_rec *server, apr_array_header_t *found)
{
    for (; node; node = node->next) {
        const char *argument = argument_of(pool, node);

        if (argument) {
            wxl_mapped_t *mapped = apr_array_push(found);

            mapped->directive = node->directive;
            mapped->handler = argument;
            mapped->filename = node->filename;
            mapped->line = node->line_num;
            mapped->server = server;
        }
        if (node->first_child) {
            int is_vhost = ap_cstr_casecmp(node->directive, "<VirtualHost") == 0;

            walk(pool, node->first_child, main_server,
                 is_vhost ? server_of(node, main_server) : server, found);
        }
    }
}

apr_array_header_t *wxl_mapped_find(apr_pool_t *pool, server_rec *main_server)
{
    apr_array_header_t *found = apr_array_make(pool, 8, sizeof(wxl_mapped_t));

    walk(pool, ap_conftree, main_server, NULL, found);
    return found;
}

const wxl_mapped_t *wxl_mapped_to(const apr_array_header_t *all, const server_rec *server,
                                  const char *handler)
{
    int i;

    for (i = 0; i < all->nelts; i++) {
        const wxl_mapped_t *mapped = &APR_ARRAY_IDX(all, i, wxl_mapped_t);

        if ((!mapped->server || mapped->server == server) &&
            (!handler || ap_cstr_casecmp(mapped->handler, handler) == 0))
            return mapped;
    }
    return NULL;
}
