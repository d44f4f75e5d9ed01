/*
 * web/nofile: an endpoint has no file.
 *
 * httpd looks for a file behind each URL: for the whole path, and where there is none for each
 * directory above it. An endpoint has none, and the directories down to DocumentRoot are known to
 * be there: the file system is asked only about what would lie beyond them. Sections of the
 * configuration hold as they do without this.
 *
 * In the thread of the request.
 */
#ifndef WXL_NOFILE_H
#define WXL_NOFILE_H

#include "web/private.h"

/**
 * Hook translate_name: is it an endpoint, by the SetHandler of its location?
 * @return DECLINED
 */
int wxl_nofile_mark(request_rec *r);

/**
 * Hook dirwalk_stat: what the file system would say of r->filename.
 * @return APR_SUCCESS and the kind of file, APR_ENOENT, or AP_DECLINED: ask the file system
 */
apr_status_t wxl_nofile_stat(apr_finfo_t *finfo, request_rec *r, apr_int32_t wanted);

#endif
