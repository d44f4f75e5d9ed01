/* web/identity: who it is, as told to others. See identity.h. */

#include "web/identity.h"

#include <apr_lib.h>
#include <util_filter.h>

#include "base/text.h"
#include "web/visit.h"

static const char *const prefixes[] = {"x-wx-user", "x-wx-is"};

/* A hyphen of the prefix matches all that is no letter and no digit: what reads headers from CGI
   variables, or lets _ and . pass for -, cannot tell them apart. */
static int begins_with(const char *name, const char *prefix)
{
    for (; *prefix; name++, prefix++) {
        if (*prefix == '-' ? !*name || apr_isalnum(*name) : apr_tolower(*name) != *prefix)
            return 0;
    }
    return 1;
}

static int is_ours(const char *name)
{
    return begins_with(name, prefixes[0]) || begins_with(name, prefixes[1]);
}

static void scrub(apr_table_t *headers)
{
    const apr_array_header_t *all = apr_table_elts(headers);
    int i = 0;

    while (i < all->nelts) {
        const char *name = APR_ARRAY_IDX(all, i, apr_table_entry_t).key;

        if (name && is_ours(name)) {
            apr_table_unset(headers, name); /* moves what stands behind it */
            i = 0;
        } else {
            i++;
        }
    }
}

static ap_filter_rec_t *trailers_filter;

/* MergeTrailers lets a client add headers when the body has been read. */
static apr_status_t scrub_trailers(ap_filter_t *f, apr_bucket_brigade *bb, ap_input_mode_t mode,
                                   apr_read_type_e block, apr_off_t bytes)
{
    apr_status_t rv = ap_get_brigade(f->next, bb, mode, block, bytes);
    request_rec *r = f->r;

    if (rv == APR_SUCCESS && !APR_BRIGADE_EMPTY(bb) && APR_BUCKET_IS_EOS(APR_BRIGADE_LAST(bb))) {
        const wxl_user_t *user = wxl_visit_user(r);

        scrub(r->trailers_in);
        scrub(r->headers_in);
        if (user)
            wxl_identity_tell(r, user);
        ap_remove_input_filter(f);
    }
    return rv;
}

void wxl_identity_register(void)
{
    /* next to what decodes the body (PROTOCOL), before what modules add */
    trailers_filter =
        ap_register_input_filter("WXLOGIN_TRAILERS", scrub_trailers, NULL, AP_FTYPE_PROTOCOL - 1);
}

int wxl_identity_scrub(request_rec *r)
{
    scrub(r->headers_in);
    if (apr_table_get(r->headers_in, "Transfer-Encoding") || r->proto_num >= HTTP_VERSION(2, 0))
        ap_add_input_filter_handle(trailers_filter, NULL, r, r->connection);
    return DECLINED;
}

/* @return the user's id as text */
static const char *note(request_rec *r, const wxl_user_t *user)
{
    const char *id = wxl_text_decimal(r->pool, user->id);
    apr_table_t *env = r->subprocess_env;

    apr_table_setn(env, "WXLOGIN_USER_ID", id);
    apr_table_setn(env, "WXLOGIN_USERNAME", user->username);
    apr_table_setn(env, "WXLOGIN_USER_TYPE", user->user_type);
    apr_table_setn(env, "WXLOGIN_IS_STAFF", user->is_staff ? "1" : "0");
    return id;
}

void wxl_identity_note(request_rec *r, const wxl_user_t *user)
{
    note(r, user);
}

void wxl_identity_tell(request_rec *r, const wxl_user_t *user)
{
    apr_table_t *headers = r->headers_in;
    const char *id, *sid;

    if (!user) {
        scrub(headers);
        return;
    }
    id = note(r, user);
    sid = wxl_visit_sid(r);
    if (sid)
        apr_table_setn(r->subprocess_env, "WXLOGIN_SESSION", sid);
    apr_table_setn(headers, "X-Wx-User-Id", id);
    apr_table_setn(headers, "X-Wx-Username", wxl_text_percent(r->pool, user->username));
    apr_table_setn(headers, "X-Wx-User-Type", wxl_text_percent(r->pool, user->user_type));
    apr_table_setn(headers, "X-Wx-Is-Staff", user->is_staff ? "1" : "0");
}
