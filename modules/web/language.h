/*
 * web/language: which language a person is answered in.
 */
#ifndef WXL_LANGUAGE_H
#define WXL_LANGUAGE_H

#include "web/private.h"

#include "base/problem.h"

/**
 * Choose by Accept-Language (RFC 9110, section 12.5.4; basic filtering of RFC 4647: "en-GB" and
 * "en" both get en, "zh", "zh-TW" and "zh-CN" get zh-CN).
 * @param preferred the server's own, for a client that names none of ours
 */
wxl_lang_t wxl_language_of(request_rec *r, wxl_lang_t preferred);

#endif
