/*
 * core/codes: one answer per code.
 *
 * A code of wx.login() works once. A phone may post it twice all the same: a double tap, or an
 * answer lost on a train. Here it is remembered which codes are being exchanged and how the
 * exchanges of the last minute ended: the second request joins the first, or gets what it got.
 *
 *     claim ──► MINE      ask WeChat, then publish or give up
 *           ├─► JOIN      somebody asks already: look again in a moment
 *           └─► KNOWN     it was exchanged: this came of it
 *
 * Bounded memory, shared by the children, of fixed layout; codes stand in it as keyed digests only.
 * Pure arithmetic: no clock and no lock of its own. Every function is called with the caller's
 * lock held, for a few hundred instructions; a process that dies in between leaves at most a slot
 * that is overwritten later (`state` is written last).
 */
#ifndef WXL_CODES_H
#define WXL_CODES_H

#include <apr_time.h>

#include "base/problem.h"
#include "gate/crypto.h"

/** Room for an openid or an errmsg with its NUL. WeChat's openids have 28 bytes; one that does not
    fit is not remembered. An errmsg is cut. */
#define WXL_CODES_TEXT 128
/** The same for a sid. */
#define WXL_CODES_SID 40

typedef struct wxl_codes_t wxl_codes_t;

/** What came of an exchange. */
typedef struct {
    apr_int32_t problem;       /* wxl_problem_t; WXL_OK: the openid is known */
    apr_int32_t errcode;       /* with WXL_WECHAT_ERROR */
    char text[WXL_CODES_TEXT]; /* the openid, or with WXL_WECHAT_ERROR the errmsg */
    char sid[WXL_CODES_SID];   /* with WXL_OK: of the session that the code opens; empty: none */
} wxl_codes_outcome_t;

typedef struct {
    apr_uint64_t word[2];
} wxl_codes_key_t;

typedef enum { WXL_CODES_MINE, WXL_CODES_JOIN, WXL_CODES_KNOWN } wxl_codes_claim_t;

/** A claim that was granted. Zeroed: none. */
typedef struct {
    apr_uint32_t slot;
    apr_uint32_t serial; /* tells this claim from later ones of the same slot; 0: not remembered */
} wxl_codes_ticket_t;

/** How many bytes a table of so many codes takes. */
apr_size_t wxl_codes_size(apr_uint32_t count);

/** Begin with memory that is all zero, aligned to 8 bytes. */
wxl_codes_t *wxl_codes_init(void *memory, apr_uint32_t count);

/**
 * The key of a code: HMAC-SHA256 of appid and code, cut to 128 bits.
 * @param secret made at start, not the one that signs tokens
 */
wxl_codes_key_t wxl_codes_key(apr_pool_t *pool, const wxl_hmac_t *secret, const char *appid,
                              const char *code);

/** A question about a code. */
typedef struct {
    wxl_codes_key_t key;
    apr_time_t now;
    apr_time_t deadline; /* when the asker gives up at the latest: then its claim is void */
} wxl_codes_ask_t;

/**
 * Who asks WeChat about a code?
 * @param ticket with MINE: for publish and give_up. A table that is full of exchanges under way,
 *        and a key of zeros, give an empty one: the exchange goes on, unremembered
 * @param outcome with KNOWN: filled in
 */
wxl_codes_claim_t wxl_codes_claim(wxl_codes_t *codes, const wxl_codes_ask_t *ask,
                                  wxl_codes_ticket_t *ticket, wxl_codes_outcome_t *outcome);

/**
 * Tell what came of an exchange, to those who wait and to those who come before `until`.
 */
void wxl_codes_publish(wxl_codes_t *codes, const wxl_codes_ticket_t *ticket,
                       const wxl_codes_outcome_t *outcome, apr_time_t until);

/** WeChat was not asked after all: whoever comes or waits may ask. */
void wxl_codes_give_up(wxl_codes_t *codes, const wxl_codes_ticket_t *ticket);

#endif
