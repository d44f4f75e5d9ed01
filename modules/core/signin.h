/*
 * core/signin: the story of a sign-in, in two halves.
 *
 *     begin    code ──► sid, and what to ask WeChat (or nothing, in mock mode)
 *              …        somebody carries the request to WeChat, waits, and reads the reply
 *                       (core/wechat), or knows already what WeChat said of this code and the sid
 *                       of whoever asked it: one code opens one session
 *     finish   openid ──► user and session ──► tokens ──► answer
 *
 * Who waits in between is not this room's business, and the halves may run on different threads:
 * all state is in the story and the errand. Memory is the errand's pool's.
 */
#ifndef WXL_SIGNIN_H
#define WXL_SIGNIN_H

#include "base/errand.h"
#include "core/sessions.h"
#include "core/tokens.h"
#include "core/users.h"
#include "core/wechat.h"
#include "gate/json.h"

typedef struct {
    int development; /* allows mock mode and the admin shortcut */
    wxl_wechat_settings_t wechat;
    wxl_tokens_settings_t tokens;
    wxl_sessions_settings_t sessions;
} wxl_signin_settings_t;

typedef struct {
    const wxl_signin_settings_t *settings;
    const char *openid;     /* mock mode: known from the start; else NULL until WeChat answered */
    int admin;              /* the admin shortcut was asked for, and this is development */
    wxl_http_request_t ask; /* to be carried where openid is NULL */
    wxl_client_t client;    /* who asks, for the row of the session; zeroes: not known */
    wxl_user_t user;        /* known after finish */
    wxl_session_t session;  /* the same, but for its sid; that is NULL where sessions are off */
    apr_array_header_t *ended; /* sids (const char *) that had to make room; NULL: none */
} wxl_signin_t;

/**
 * First half.
 * @param code as the client sent it: valid UTF-8, not NULL
 * @param story storage of the caller, filled in; lives through both halves
 * @return APR_SUCCESS, or failed: WXL_CODE_REQUIRED, WXL_FIELD_TOO_LONG
 */
apr_status_t wxl_signin_begin(wxl_errand_t *errand, const wxl_signin_settings_t *settings,
                              const char *code, wxl_signin_t *story);

/**
 * Second half.
 * @param story its openid set, and its client
 * @param door where a data base connection comes from; taken after WeChat answered, never before
 * @param answer {access, refresh, user}
 * @return APR_SUCCESS, or failed with any problem of the user or the data base
 */
apr_status_t wxl_signin_finish(wxl_errand_t *errand, wxl_signin_t *story, const wxl_db_door_t *door,
                               wxl_json_t **answer);

#endif
