/* web/visit: what the guard knows of a request. See visit.h. */

#include "web/visit.h"

wxl_visit_t *wxl_visit_seen(const request_rec *r)
{
    return ap_get_module_config(r->request_config, &wxlogin_module);
}

wxl_visit_t *wxl_visit_of(request_rec *r)
{
    wxl_visit_t *visit = wxl_visit_seen(r);

    if (!visit) {
        visit = apr_pcalloc(r->pool, sizeof(*visit));
        ap_set_module_config(r->request_config, &wxlogin_module, visit);
    }
    return visit;
}

const request_rec *wxl_visit_origin(const request_rec *r)
{
    return r->prev ? r->prev : r->main;
}

/* The visit in which the guard recognised somebody, or NULL. */
static const wxl_visit_t *recognised(const request_rec *r)
{
    const request_rec *of;

    for (of = r; of && r->user; of = wxl_visit_origin(of)) {
        const wxl_visit_t *visit = wxl_visit_seen(of);

        /* the same string, not an equal one: httpd has handed it on */
        if (visit && visit->user && of->user == r->user)
            return visit;
    }
    return NULL;
}

const wxl_user_t *wxl_visit_user(const request_rec *r)
{
    const wxl_visit_t *visit = recognised(r);

    return visit ? visit->user : NULL;
}

const char *wxl_visit_sid(const request_rec *r)
{
    const wxl_visit_t *visit = recognised(r);

    return visit ? visit->sid : NULL;
}
