/* web/shm: shared memory that outlives graceful restarts. See shm.h. */

#include "web/shm.h"

#include <apr_shm.h>
#include <apr_strings.h>

#define ALIGNMENT 64 /* a cache line; apr_shm's memory begins behind a header of its own */

typedef struct room_t room_t;

/* All of this lies in the process pool and in httpd's own memory: nothing of it, not even a string
   of ours, may lie in this shared object, which is unloaded and loaded again at a restart. */
struct room_t {
    room_t *next;
    const char *name;
    apr_size_t size;
    apr_shm_t *shm; /* NULL: given up, the node is to be used again */
    void *memory;
    int wanted;
};

typedef struct {
    room_t *rooms;
} registry_t;

static registry_t *registry(void)
{
    static const char key[] = "mod_wxlogin/shm/1"; /* counts the versions of room_t */
    registry_t *kept = ap_retained_data_get(key);

    return kept ? kept : ap_retained_data_create(key, sizeof(*kept));
}

void wxl_shm_begin(void)
{
    room_t *room;

    for (room = registry()->rooms; room; room = room->next)
        room->wanted = 0;
}

static room_t *find(const char *name, apr_size_t size)
{
    room_t *room;

    for (room = registry()->rooms; room; room = room->next) {
        if (room->shm && room->size == size && strcmp(room->name, name) == 0)
            return room;
    }
    return NULL;
}

/* A node that is free. */
static room_t *node(apr_pool_t *pool)
{
    registry_t *kept = registry();
    room_t *room;

    for (room = kept->rooms; room; room = room->next) {
        if (!room->shm)
            return room;
    }
    room = apr_pcalloc(pool, sizeof(*room));
    room->next = kept->rooms;
    kept->rooms = room;
    return room;
}

apr_status_t wxl_shm_room(server_rec *main_server, const char *name, apr_size_t size, void **memory,
                          int *is_new)
{
    apr_pool_t *pool = main_server->process->pool;
    room_t *room = find(name, size);
    apr_status_t rv;

    *is_new = !room;
    if (!room) {
        apr_shm_t *shm;

        rv = apr_shm_create(&shm, size + ALIGNMENT, NULL, pool);
        if (rv != APR_SUCCESS)
            return rv;
        room = node(pool);
        room->name = apr_pstrdup(pool, name);
        room->size = size;
        room->shm = shm;
        room->memory = (void *)APR_ALIGN((apr_uintptr_t)apr_shm_baseaddr_get(shm), ALIGNMENT);
    }
    room->wanted = 1;
    *memory = room->memory;
    return APR_SUCCESS;
}

void wxl_shm_end(void)
{
    room_t *room;

    for (room = registry()->rooms; room; room = room->next) {
        if (room->shm && !room->wanted) {
            apr_shm_destroy(room->shm);
            room->shm = NULL;
        }
    }
}
