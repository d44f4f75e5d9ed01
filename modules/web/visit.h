/*
 * web/visit: what the guard knows of a request, from one hook to the next.
 *
 * Lives in the request; used by its thread.
 */
#ifndef WXL_VISIT_H
#define WXL_VISIT_H

#include "web/private.h"

#include "core/users.h"

typedef struct {
    const char *query_token; /* the token that stood in the query, which it has been taken out of */
    int query_tokens;        /* how many there were */
    char *unparsed_uri;      /* with its tokens; NULL: it is in its place */
    const wxl_user_t *user;  /* whose token it is; NULL: not known */
    const char *sid;         /* and of which session; NULL: of none */
    int endpoint;            /* one of ours serves it: there is no file */
    int inside;              /* mod_authz_core is being asked */
    int passed;              /* all that may refuse it has let it pass */
    int refused;             /* the guard has refused it, and said why */
} wxl_visit_t;

/** @return the visit of a request; made if there is none */
wxl_visit_t *wxl_visit_of(request_rec *r);

/** @return the visit of a request, or NULL */
wxl_visit_t *wxl_visit_seen(const request_rec *r);

/** @return the request that this one came from, by internal redirect or as subrequest; or NULL */
const request_rec *wxl_visit_origin(const request_rec *r);

/**
 * Whom did the guard recognise? A request that comes from another and has the same guard is not
 * asked again by httpd: it has the user of the other.
 * @return NULL: nobody, or by another module
 */
const wxl_user_t *wxl_visit_user(const request_rec *r);

/** @return the session that the token of that user belongs to; NULL: none */
const char *wxl_visit_sid(const request_rec *r);

#endif
