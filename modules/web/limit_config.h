/*
 * web/limit_config: which rate limits there are: what was written, the defaults, their tables.
 *
 * Directives and start-up, in the parent on one thread. What comes out is constant once the server
 * runs; only the tables' memory changes (core/limiter).
 */
#ifndef WXL_LIMIT_CONFIG_H
#define WXL_LIMIT_CONFIG_H

#include "web/private.h"

#include <apr_tables.h>

#include "core/limiter.h"

/** Who is counted. */
typedef enum {
    WXL_LIMIT_CLIENT, /* the user where one is signed in, else the address */
    WXL_LIMIT_IP,     /* the address */
    WXL_LIMIT_USER    /* the user; who is not signed in is not counted */
} wxl_limit_key_t;

typedef struct {
    const char *name; /* of its count: written by name=, else of the section it stands in */
    int is_named;     /* one count wherever the name is written; else one of each server */
    const char *rate; /* as it was written: 5/1m */
    wxl_limit_key_t key;
    int failures;               /* only requests that end with a 4xx count */
    int dry_run;                /* counts and tells, refuses nobody */
    apr_array_header_t *except; /* apr_ipsubnet_t *: who is never counted; NULL: nobody */
    const char *filename;       /* where it is written; NULL: a default */
    int line;
    apr_uint32_t limit;
    apr_interval_time_t window;
    wxl_limiter_t table; /* of the name: equal names share their memory */
} wxl_limit_t;

/** Forget what an earlier reading of the configuration found. */
void wxl_limit_config_reset(apr_pool_t *pconf);

/** The directives: for the table in web/directives. */
const char *wxl_limit_config_rate(cmd_parms *cmd, void *dir, int argc, char *const argv[]);
const char *wxl_limit_config_size(cmd_parms *cmd, void *dir, const char *value);

/**
 * Make the tables of all limits, and choose the limits of our own endpoints. In post_config,
 * between wxl_shm_begin() and wxl_shm_end().
 * @return APR_SUCCESS, or why not; it has been logged
 */
apr_status_t wxl_limit_config_start(apr_pool_t *pconf, server_rec *main_server);

/** @return the secret of this start, with which clients are hashed: 16 bytes */
const unsigned char *wxl_limit_config_secret(void);

#endif
