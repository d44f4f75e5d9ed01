/*
 * web/directives: the table of directives and what each accepts.
 *
 * A value that is wrong by itself is refused here; what must hold between directives is
 * web/config_check's.
 */
#ifndef WXL_DIRECTIVES_H
#define WXL_DIRECTIVES_H

#include "web/private.h"

/* Names, for the table and for messages that tell what to write. */
#define WXL_D_ENVIRONMENT "WxLoginEnvironment"
#define WXL_D_APPID "WxLoginAppId"
#define WXL_D_SECRET "WxLoginAppSecret"
#define WXL_D_KEY "WxLoginSecretKey"
#define WXL_D_NAMED_KEY "WxLoginKey"
#define WXL_D_URL "WxLoginExchangeURL"
#define WXL_D_CA "WxLoginExchangeCA"
#define WXL_D_TIMEOUT "WxLoginExchangeTimeout"
#define WXL_D_EXCHANGE_LIMIT "WxLoginExchangeLimit"
#define WXL_D_EXCHANGE_MODE "WxLoginExchangeMode"
#define WXL_D_EXCHANGE_BREAKER "WxLoginExchangeBreaker"
#define WXL_D_ACCESS_TTL "WxLoginAccessTTL"
#define WXL_D_REFRESH_TTL "WxLoginRefreshTTL"
#define WXL_D_SESSIONS "WxLoginSessions"
#define WXL_D_ROTATION "WxLoginRefreshRotation"
#define WXL_D_MAX_SESSIONS "WxLoginMaxSessions"
#define WXL_D_SESSION_IDLE "WxLoginSessionIdle"
#define WXL_D_SESSION_MAX "WxLoginSessionMax"
#define WXL_D_MAX_BODY "WxLoginMaxBody"
#define WXL_D_LANGUAGE "WxLoginLanguage"
#define WXL_D_RATE_LIMIT "WxLoginRateLimit"
#define WXL_D_RATE_LIMIT_SIZE "WxLoginRateLimitSize"
#define WXL_D_REALM "WxLoginRealm"
#define WXL_D_GUARD "WxLoginGuard"
#define WXL_D_TOKEN_FROM "WxLoginTokenFrom"
#define WXL_D_USER_CACHE "WxLoginUserCache"
#define WXL_D_USER_CACHE_STALE "WxLoginUserCacheStale"
#define WXL_D_REVOCATION_POLL "WxLoginRevocationPoll"
#define WXL_D_REVOCATION_SIZE "WxLoginRevocationSize"

/** The member of the module record. */
extern const command_rec wxl_directives[];

#endif
