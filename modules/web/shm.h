/*
 * web/shm: blocks of memory that all children share and that live through graceful restarts.
 *
 * Anonymous, so there is no file, no name and no permission to get wrong; made in the parent before
 * the first fork and kept until httpd stops. Offsets, not pointers, belong into them.
 */
#ifndef WXL_SHM_H
#define WXL_SHM_H

#include "web/private.h"

/**
 * Get a block; called in post_config.
 * @param name a short literal; the same name gets the same block again after a restart, unless the
 *        size changed: then a new one (children of the old generation keep the old one)
 * @param fresh set to 1 when it is new: all zero
 * @return memory aligned to 64 bytes, or NULL where the system has none
 */
void *wxl_shm_block(server_rec *main_server, const char *name, apr_size_t size, int *fresh);

#endif
