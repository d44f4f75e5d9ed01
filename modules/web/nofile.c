/* web/nofile: an endpoint has no file. See nofile.h. */

#include "web/nofile.h"

#include <ap_expr.h>

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

/* Is it DocumentRoot, or a directory above it? */
static int leads_to_root(request_rec *r)
{
    const char *root = ap_document_root(r);
    size_t len = strlen(r->filename);

    return root && strncmp(root, r->filename, len) == 0 && (root[len] == '/' || root[len] == '\0');
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
