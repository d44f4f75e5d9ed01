/*
 * web/nofile: an endpoint has no file.
 *
 * httpd looks for a file behind each URL: for the whole path, and where there is none for each
 * directory above it. An endpoint has none, and the directories down to DocumentRoot have been
 * looked at when the child began: the file system is asked only about what would lie beyond.
 * Sections of the configuration hold as they do without this. Where a link is among the
 * directories, or one that the child must not enter, or where each request has a DocumentRoot of
 * its own, httpd looks as ever.
 *
 * wxl_nofile_child() in child_init, the rest in the thread of the request.
 */
#ifndef WXL_NOFILE_H
#define WXL_NOFILE_H

#include "web/private.h"

/** Look at the DocumentRoot of each server. */
void wxl_nofile_child(apr_pool_t *pchild, server_rec *server);

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
