/*
 * web/mapped: which of our handlers an administrator mapped, where, and where the guard stands.
 *
 * Reads the tree of directives that httpd keeps while it starts; called in check_config.
 */
#ifndef WXL_MAPPED_H
#define WXL_MAPPED_H

#include "web/private.h"

/** What AuthType calls the guard. */
#define WXL_AUTH_TYPE "WxLogin"

typedef struct {
    const char *directive; /* SetHandler or AuthType */
    const char *handler;   /* its argument */
    const char *filename;  /* where it stands */
    int line;
    server_rec *server; /* the server it stands in; NULL: outside of virtual hosts, for all */
} wxl_mapped_t;

/**
 * Find every `SetHandler wxlogin-…` and `AuthType WxLogin`.
 * @return array of wxl_mapped_t in the pool
 */
apr_array_header_t *wxl_mapped_find(apr_pool_t *pool, server_rec *main_server);

/**
 * Does one of them concern a server?
 * @param handler name to look for, or NULL for any
 * @return the first that does, or NULL
 */
const wxl_mapped_t *wxl_mapped_to(const apr_array_header_t *all, const server_rec *server,
                                  const char *handler);

#endif
