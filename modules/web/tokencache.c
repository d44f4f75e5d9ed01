/* web/tokencache: tokens that were believed. See tokencache.h. */

#include "web/tokencache.h"

#include "core/believed.h"
#include "web/shm.h"

/* Tokens remembered at once: 4 MB of memory, taken page by page as it is used. */
#define TOKENS 16384

static wxl_believed_t believed; /* set at start-up, the same in all children */

void wxl_tokencache_start(server_rec *main_server)
{
    apr_size_t size = wxl_believed_size(TOKENS);
    unsigned char salt[WXL_BELIEVED_SALT];
    void *memory;
    int is_new;

    if (wxl_crypto_random(salt, sizeof(salt)) &&
        wxl_shm_room(main_server, "tokens", size, &memory, &is_new) == APR_SUCCESS)
        wxl_believed_use(&believed, memory, size, salt);
    else
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, main_server,
                     "WXL0527: no shared memory: the guard checks the signature for each request");
    wxl_crypto_wipe(salt, sizeof(salt));
}

apr_status_t wxl_tokencache_check(wxl_errand_t *errand, const wxl_config_t *config,
                                  const char *token, wxl_claims_t *claims)
{
    return wxl_believed_check(errand, &believed, &config->signin.tokens, token, claims);
}
