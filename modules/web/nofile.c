/* web/nofile: an endpoint has no file. See nofile.h. */

#include "web/nofile.h"

#include <ap_expr.h>
#include <apr_file_info.h>
#include <apr_strings.h>

#include "web/config.h"
#include "web/visit.h"

#define PREFIX "wxlogin-"

int wxl_nofile_mark(request_rec *r)
{
    const core_dir_config *core = ap_get_core_module_config(r->per_dir_config);
    const char *handler, *wrong;

    if (!core->expr_handler)
        return DECLINED;
    handler = ap_expr_str_exec(r, core->expr_handler, &wrong);
    if (handler && strncmp(handler, PREFIX, strlen(PREFIX)) == 0)
        wxl_visit_of(r)->endpoint = 1;
    return DECLINED;
}

/* Is the whole path made of directories, and of no links? Of links httpd may have to know whose
   they are. As a child sees it: there may be directories that it must not enter. */
static int is_plain(const char *root, apr_pool_t *pool)
{
    char *path = apr_pstrdup(pool, root);
    apr_finfo_t finfo;
    size_t end;

    for (end = 1; path && *path == '/'; end++) {
        end += strcspn(path + end, "/");
        path[end] = '\0';
        if (apr_stat(&finfo, path, APR_FINFO_TYPE | APR_FINFO_LINK, pool) != APR_SUCCESS ||
            finfo.filetype != APR_DIR)
            return 0;
        if (!root[end])
            return 1;
        path[end] = '/';
    }
    return 0;
}

void wxl_nofile_child(apr_pool_t *pchild, server_rec *server)
{
    apr_pool_t *scratch;

    apr_pool_create(&scratch, pchild);
    for (; server; server = server->next) {
        const core_server_config *core = ap_get_core_module_config(server->module_config);
        wxl_config_t *config = wxl_config_of(server);

        config->plain_root =
            is_plain(core->ap_document_root, scratch) ? core->ap_document_root : NULL;
    }
    apr_pool_destroy(scratch);
}

/* Is it DocumentRoot, or a directory above it? Not where some module gives each request its own. */
static int leads_to_root(request_rec *r)
{
    const char *root = ap_document_root(r);
    size_t len = strlen(r->filename);

    return root && root == wxl_config_of(r->server)->plain_root &&
           strncmp(root, r->filename, len) == 0 && (root[len] == '/' || root[len] == '\0');
}

apr_status_t wxl_nofile_stat(apr_finfo_t *finfo, request_rec *r, apr_int32_t wanted)
{
    const wxl_visit_t *visit = wxl_visit_seen(r);

    if (!visit || !visit->endpoint)
        return AP_DECLINED;
    if (!(wanted & APR_FINFO_LINK)) /* the whole path */
        return APR_ENOENT;
    if (!leads_to_root(r))
        return AP_DECLINED;
    memset(finfo, 0, sizeof(*finfo));
    finfo->pool = r->pool;
    finfo->valid = APR_FINFO_TYPE;
    finfo->filetype = APR_DIR;
    return APR_SUCCESS;
}
