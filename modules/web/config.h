/*
 * web/config: what the administrator set, for a server and for a location.
 *
 * It contains the settings of the rooms below and hands them down; they never look up. Made and
 * merged while the configuration is read; constant once the server runs, so any thread may read.
 */
#ifndef WXL_CONFIG_H
#define WXL_CONFIG_H

#include "web/private.h"

#include "core/signin.h"

typedef enum { WXL_PRODUCTION = 0, WXL_DEVELOPMENT } wxl_environment_t;

/** A server or virtual host. Each *_set tells what was written there, for merging. */
typedef struct {
    wxl_environment_t environment;
    wxl_lang_t language;
    wxl_signin_settings_t signin;
    int exchange_limit;    /* exchanges that may be under way in a child */
    int exchange_blocking; /* never park */
    int breaker_off;       /* ask WeChat also while it is known to be down */
    int secret_literal;    /* the AppSecret stands in the configuration file itself */
    int key_literal;       /* the key does */
    wxl_secret_t key;      /* WxLoginSecretKey; bytes NULL: not configured */

    unsigned environment_set : 1;
    unsigned language_set : 1;
    unsigned appid_set : 1;
    unsigned secret_set : 1;
    unsigned key_set : 1;
    unsigned origin_set : 1;
    unsigned ca_set : 1;
    unsigned timeout_set : 1;
    unsigned exchange_limit_set : 1;
    unsigned exchange_blocking_set : 1;
    unsigned breaker_set : 1;
    unsigned access_ttl_set : 1;
    unsigned refresh_ttl_set : 1;
    unsigned sessions_set : 1;
    unsigned rotation_set : 1;
    unsigned max_sessions_set : 1;
    unsigned session_idle_set : 1;
    unsigned session_max_set : 1;
    unsigned user_cache_set : 1;
    unsigned user_cache_stale_set : 1;
    unsigned revocation_poll_set : 1;

    apr_interval_time_t user_cache;       /* how long what is known of a user is good for */
    apr_interval_time_t user_cache_stale; /* and how much longer while the data base is down */
    apr_interval_time_t revocation_poll;  /* how often to look what others ended; 0: never */
    apr_size_t revocation_size;       /* of the main server: how many are remembered; 0: unset */
    apr_array_header_t *query_tokens; /* of const char *, from each WxLoginTokenFrom; or NULL */

    apr_array_header_t
        *limits;             /* of the sign-in endpoints, wxl_limit_t *; NULL: not set, none: off */
    apr_uint32_t limit_size; /* of the main server: clients that a limit remembers; 0: not set */

    /* Set by web/limit_config when httpd starts. NULL: no limit. */
    apr_array_header_t *login_limits, *refresh_limits;
    apr_uint64_t limit_scope; /* keeps the counts of servers apart */

    /* Set by web/config_check, once all directives are read. */
    const char *not_ready;     /* why no request can be served; NULL: ready */
    const char *jwks;          /* what wxlogin-jwks answers */
    struct wxl_dbd_pool_t *db; /* of web/dbd; NULL: no data base */

    /* Set by web/revocation when httpd starts. */
    struct wxl_watch_t *watch; /* what is known in common of the data base; NULL: there is none */

    /* Set by web/nofile when a child starts. */
    const char *plain_root; /* DocumentRoot, if all of its path are directories; else NULL */
} wxl_config_t;

typedef enum { WXL_GUARD_UNSET = 0, WXL_GUARD_REQUIRED, WXL_GUARD_OPTIONAL } wxl_guard_t;

/** A place where a token may stand. */
typedef enum { WXL_FROM_HEADER = 0, WXL_FROM_QUERY, WXL_FROM_COOKIE } wxl_from_t;
typedef struct {
    wxl_from_t from;
    const char *name; /* of the parameter or the cookie */
} wxl_token_from_t;

/** A location. */
typedef struct {
    apr_size_t max_body;              /* bytes; 0: not set here */
    const char *realm;                /* for WWW-Authenticate; NULL: not set here */
    wxl_guard_t guard;                /* may a request come without a token? */
    apr_array_header_t *token_from;   /* of wxl_token_from_t, in order; NULL: not set here */
    apr_array_header_t *query_tokens; /* of const char *: the names among them; or NULL */
    apr_array_header_t *limits;       /* wxl_limit_t *; NULL: not set here, none: off */
} wxl_dir_config_t;

/** Make and merge: the members of the module record. */
void *wxl_config_create(apr_pool_t *pool, server_rec *server);
void *wxl_config_merge(apr_pool_t *pool, void *base, void *add);
void *wxl_config_dir_create(apr_pool_t *pool, char *path);
void *wxl_config_dir_merge(apr_pool_t *pool, void *base, void *add);

/** @return the configuration of a server, never NULL */
wxl_config_t *wxl_config_of(const server_rec *server);

/** @return the configuration of the location of a request, never NULL */
const wxl_dir_config_t *wxl_config_dir(const request_rec *r);

/** @return the realm of the location of a request, fit for a quoted string */
const char *wxl_config_realm(const request_rec *r);

/** @return the largest body this request may have, in bytes: WxLoginMaxBody or LimitRequestBody,
    whichever is less */
apr_size_t wxl_config_max_body(const request_rec *r);

/** @return the rate limits of where a request goes, wxl_limit_t *; NULL: none was written there */
const apr_array_header_t *wxl_config_limits(const request_rec *r);

/** Has any WxLogin directive been written for this server? */
int wxl_config_is_set(const wxl_config_t *config);

#endif
