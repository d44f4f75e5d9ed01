/*
 * web/shm: rooms of memory that all children share and that outlive graceful restarts.
 *
 * A room has a name. Whoever asks for that name and size after a restart finds the room as it was
 * left; a room that nobody asked for since wxl_shm_begin() is given up by wxl_shm_end(). Memory
 * is anonymous: no file, no permission, and a page costs nothing until it is written.
 *
 * Parent only, on one thread, in post_config of a start that is meant (AP_SQ_MAIN_STATE is not
 * AP_SQ_MS_CREATE_PRE_CONFIG). Children inherit the rooms, at the same addresses. What lies in
 * them must be in order at any moment: a child may die in the middle.
 */
#ifndef WXL_SHM_H
#define WXL_SHM_H

#include "web/private.h"

/** Before the first room is asked for. */
void wxl_shm_begin(void);

/**
 * Get a room.
 * @param name with size, what it is known by after a restart; copied
 * @param memory aligned to 64 bytes, all zero where it is new; stays until the room is given up
 * @param is_new 1 if it was made just now, 0 if it holds what it held before
 */
apr_status_t wxl_shm_room(server_rec *main_server, const char *name, apr_size_t size, void **memory,
                          int *is_new);

/** After the last: give up rooms that nobody wants any more. Children that use them keep them. */
void wxl_shm_end(void);

#endif
