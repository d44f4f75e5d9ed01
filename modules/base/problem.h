/*
 * base/problem: the closed list of what can go wrong, and what a client is told about it.
 *
 * Every failure of the module is one of these. A room names the problem (wxl_fail() of
 * base/errand.h); the desk (web/reply) turns it into a status, a body and one log line.
 * Constant data: any thread may call, at any time; nothing is allocated.
 *
 * The texts and codes are those of the wire contract; the English `error` sentences marked
 * there as recorded are the original service's own and never change.
 */
#ifndef WXL_PROBLEM_H
#define WXL_PROBLEM_H

typedef enum {
    WXL_OK = 0,
    /* The request itself. */
    WXL_CODE_REQUIRED,
    WXL_FIELD_REQUIRED,
    WXL_FIELD_NULL,
    WXL_FIELD_BLANK,
    WXL_FIELD_NOT_STRING,
    WXL_FIELD_TOO_LONG,
    WXL_FIELD_SCOPE,
    WXL_BODY_NOT_JSON,
    WXL_BODY_NOT_OBJECT,
    WXL_BODY_NOT_UTF8,
    WXL_BODY_HAS_NUL,
    WXL_BODY_TOO_DEEP,
    WXL_BODY_DUPLICATE_KEY,
    WXL_BODY_NOT_FORM,
    WXL_BODY_INCOMPLETE,
    WXL_BODY_TOO_SLOW,
    WXL_BODY_TOO_LARGE,
    WXL_MEDIA_TYPE,
    WXL_METHOD,
    WXL_RATE_LIMITED,
    WXL_FIELD_EMAIL,
    WXL_FIELD_URL,
    WXL_FIELD_TAKEN,
    /* WeChat. */
    WXL_WECHAT_ERROR,
    WXL_WECHAT_UNREACHABLE,
    WXL_WECHAT_BUSY,
    WXL_WECHAT_INVALID,
    /* The user and the token. */
    WXL_USER_DISABLED,
    WXL_TOKEN_INVALID,
    WXL_TOKEN_EXPIRED,
    WXL_REFRESH_EXPIRED,
    /* The user and the token, where a token is needed. */
    WXL_NOT_AUTHENTICATED,
    WXL_AUTHORIZATION_HEADER,
    WXL_USER_NOT_FOUND,
    WXL_USER_INACTIVE, /* the token's; WXL_USER_DISABLED is the one who signs in */
    WXL_PERMISSION_DENIED,
    /* Sessions. */
    WXL_NOT_FOUND,
    WXL_SESSION_LIMIT,
    WXL_TOKEN_STOLEN, /* told to the client as WXL_TOKEN_INVALID, to the log as what it is */
    /* Ours. */
    WXL_DB_UNAVAILABLE,
    WXL_NOT_CONFIGURED,
    WXL_INTERNAL,
    WXL_PROBLEMS /* how many there are */
} wxl_problem_t;

typedef enum { WXL_LANG_ZH_CN = 0, WXL_LANG_EN, WXL_LANGS } wxl_lang_t;

/** Who has to look at it: decides the level of the log line. */
typedef enum {
    WXL_BLAME_CLIENT,   /* parameter errors: warning */
    WXL_BLAME_TOKEN,    /* a token that ran out is daily life: info */
    WXL_BLAME_UPSTREAM, /* WeChat, network, data base: error */
    WXL_BLAME_US        /* internal: critical */
} wxl_blame_t;

typedef struct {
    int tag;                /* number of the log tag, WXL0101: unique, never reused */
    int status;             /* HTTP status */
    const char *error_code; /* the machine's word */
    const char *error;      /* fixed English sentence */
    const char *action;     /* what a client should do now */
    wxl_blame_t blame;
    const char *message[WXL_LANGS]; /* for a person */
    const char *field[WXL_LANGS];   /* about one field, put into "errors"; NULL: none.
                                       May hold one %d: the length that is allowed */
} wxl_problem_info_t;

/**
 * Look a problem up.
 * @param problem one of the list; anything else is taken as WXL_INTERNAL
 * @return static row, never NULL
 */
const wxl_problem_info_t *wxl_problem_info(wxl_problem_t problem);

/**
 * What a client should do about an errcode of WeChat.
 * @param errcode WeChat's number, not 0
 * @param wait where seconds to wait are stored; 0 where none are known
 * @return static word, one of the contract's actions
 */
const char *wxl_problem_wechat_action(int errcode, int *wait);

/**
 * The language's tag as HTTP knows it (RFC 5646): "zh-CN", "en".
 * @return static string
 */
const char *wxl_problem_lang_tag(wxl_lang_t lang);

#endif
