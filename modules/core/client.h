/*
 * core/client: what a client looks like, as a list of sessions shows it to people.
 *
 * Texts come from strangers: what is kept is valid UTF-8, without control characters, and fits its
 * column. Any thread; results live in the pool.
 */
#ifndef WXL_CLIENT_H
#define WXL_CLIENT_H

#include <apr_pools.h>

/** Widths of the columns, in characters. */
#define WXL_ADDRESS_MAX 45
#define WXL_USER_AGENT_MAX 256
#define WXL_DEVICE_MAX 64

typedef struct {
    const char *address;    /* NULL: not known */
    const char *user_agent; /* NULL: the client sent none */
    const char *device;     /* as people would call it: "iPhone, WeChat 8.0.49"; NULL: unclear */
} wxl_client_t;

/**
 * Describe a client.
 * @param client address set by the caller; the rest is filled in
 * @param user_agent header as it came, or NULL
 * @param device what the client calls itself (X-Device), or NULL: then the user agent tells
 */
void wxl_client_describe(apr_pool_t *pool, wxl_client_t *client, const char *user_agent,
                         const char *device);

#endif
