/* web/shm: shared blocks. See shm.h. */

#include "web/shm.h"

#include <apr_shm.h>
#include <apr_strings.h>

#define RETAINED "mod_wxlogin/shm"
#define MOST_BLOCKS 16
#define LONGEST_NAME 32
#define LINE 64

/* What survives a restart, when this code is unloaded and loaded again: data only. */
typedef struct {
    char name[LONGEST_NAME];
    apr_size_t size;
    apr_shm_t *shm;
} block_t;

static block_t *find(block_t *blocks, const char *name)
{
    int i;

    for (i = 0; i < MOST_BLOCKS; i++) {
        if (!blocks[i].name[0] || strcmp(blocks[i].name, name) == 0)
            return &blocks[i];
    }
    return NULL;
}

static void *base_of(const block_t *block)
{
    apr_uintptr_t base = (apr_uintptr_t)apr_shm_baseaddr_get(block->shm);

    return (void *)((base + LINE - 1) & ~(apr_uintptr_t)(LINE - 1));
}

void *wxl_shm_block(server_rec *main_server, const char *name, apr_size_t size, int *fresh)
{
    block_t *blocks = ap_retained_data_get(RETAINED);
    block_t *block;

    if (!blocks)
        blocks = ap_retained_data_create(RETAINED, sizeof(*blocks) * MOST_BLOCKS);
    block = find(blocks, name);
    *fresh = block && block->size != size;
    if (!block)
        return NULL;
    if (!*fresh)
        return base_of(block);
    if (block->shm) /* the parent's mapping only: old children keep theirs */
        apr_shm_destroy(block->shm);
    memset(block, 0, sizeof(*block));
    if (apr_shm_create(&block->shm, size + LINE, NULL, main_server->process->pool) != APR_SUCCESS)
        return NULL;
    apr_cpystrn(block->name, name, sizeof(block->name));
    block->size = size;
    return base_of(block);
}
