/*
 * web/private: what every room of this floor includes first: httpd, and the module's own name, so
 * that LogLevel wxlogin:debug works.
 */
#ifndef WXL_PRIVATE_H
#define WXL_PRIVATE_H

#include <httpd.h>

#include <http_config.h>
#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>

#define WXL_VERSION "0.1.0"

extern module AP_MODULE_DECLARE_DATA wxlogin_module;

/* AP_DECLARE_MODULE of the roof contains it. */
#ifndef WXL_ROOF
APLOG_USE_MODULE(wxlogin);
#endif

#endif
