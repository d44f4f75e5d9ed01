/*
 * web/dbd: the way to mod_dbd's connections.
 *
 * mod_dbd waits for ever when its pool is empty, and opens connections under the pool's lock. So
 * this room lets in no more requests than there are connections; the rest wait here, for a limited
 * time. While the data base is down a breaker answers at once, and one request at a time tries.
 *
 * Start-up: pre_config → wxl_dbd_reset, check_config → wxl_dbd_attach, child_init →
 * wxl_dbd_child, a new connection → wxl_dbd_greet. Requests: wxl_dbd_door, on any thread.
 */
#ifndef WXL_DBD_H
#define WXL_DBD_H

#include "web/private.h"

#include "gate/db.h"

#include <mod_dbd.h> /* needs the types of the line above */

typedef struct wxl_dbd_pool_t wxl_dbd_pool_t;

/** A door, and what it needs to know of the request behind it. */
typedef struct {
    wxl_db_door_t door;
    server_rec *server;
    wxl_dbd_pool_t *pool;
    ap_dbd_t *rec; /* mod_dbd's, while lent */
    int probe;     /* the breaker let this request through to see */
    int quiet;     /* nobody waits: that the data base is away is no error yet. 0; may be set */
} wxl_dbd_door_t;

/** Forget what an earlier reading of the configuration found. */
void wxl_dbd_reset(void);

/**
 * mod_dbd's hook post_connect, run when it has made a connection: our statements are prepared at
 * once. DBDPrepareSQL would do the same, but a statement that is lost would stay lost.
 */
apr_status_t wxl_dbd_greet(apr_pool_t *pool, dbd_cfg_t *cfg, ap_dbd_t *rec);

/**
 * Find the pool of connections of a server.
 * @param pool lives as long as the configuration
 * @param db the pool; servers with the same settings share one, as they do in mod_dbd
 * @return NULL, or why there is none and what to write
 */
const char *wxl_dbd_attach(apr_pool_t *pool, server_rec *server, wxl_dbd_pool_t **db);

/** Get ready in a child, after the fork. */
void wxl_dbd_child(apr_pool_t *pchild);

/**
 * The door through which the rooms below get a connection, for one request.
 * @param door storage of the caller, filled in
 */
void wxl_dbd_door(wxl_dbd_door_t *door, server_rec *server, wxl_dbd_pool_t *db);

/**
 * Tell the data base of a pool from others, by driver and parameters. The same in all processes
 * and after a restart.
 * @param db may be NULL
 */
apr_uint64_t wxl_dbd_realm(const wxl_dbd_pool_t *db);

#endif
