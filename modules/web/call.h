/*
 * web/call: one request to one of our endpoints, while it is being served.
 */
#ifndef WXL_CALL_H
#define WXL_CALL_H

#include "web/private.h"

#include "base/errand.h"
#include "gate/json.h"
#include "web/config.h"

typedef struct wxl_endpoint_t wxl_endpoint_t;

typedef struct {
    request_rec *r;
    const wxl_endpoint_t *endpoint; /* NULL where the guard speaks */
    const wxl_config_t *config;
    wxl_errand_t errand;
    wxl_json_t *fields;  /* what the client sent */
    wxl_json_t *answer;  /* what it gets, where nothing failed */
    const char *ready;   /* or the same, written while httpd started: no secret, for caches too */
    apr_int64_t user_id; /* of the token, where the endpoint wants one */
    const char *sid;     /* the same: of its session; NULL: of none */
    int body_unread;     /* there may be more of the body on the connection */
    int parked;          /* the answer is sent later, when the exchange is over */
    int quiet;           /* it failed, but the log has been told of the like already */
    int expected;        /* it failed as many will for a while: the log is told when that begins */
    int filter_answered; /* a filter sent an answer of its own: nothing is left to say */
} wxl_call_t;

/** An endpoint: sets call->answer, or fails the errand. */
typedef apr_status_t (*wxl_serve_t)(wxl_call_t *call);

/** What SetHandler may name. */
struct wxl_endpoint_t {
    const char *handler;
    const char *allow;   /* its methods, as in Allow */
    apr_int64_t methods; /* and as httpd's bits; GET is HEAD, too */
    wxl_serve_t admit;   /* asked before the body is read; NULL: everybody may */
    wxl_serve_t serve;
};

#endif
