/* core/profile: what a user may see and change of himself. See profile.h. */

#include "core/profile.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

#include <apr_lib.h>
#include <apr_strings.h>
#include <apr_uri.h>

#include "base/text.h"

/* RFC 5321, section 4.5.3.1.1. */
#define LOCAL_PART_MAX 64
/* RFC 1035, section 2.3.4. */
#define LABEL_MAX 63
#define PORT_MAX 65535

/* Letters, digits and the hyphen; or a letter of another script, as its UTF-8 bytes. */
static int is_label_char(char c)
{
    return apr_isalnum(c) || c == '-' || (unsigned char)c >= 0x80;
}

/* A host name: labels with a dot between, none of which begins or ends with a hyphen.
   @return how many labels there are, 0 for what is no host name */
static int labels_of(const char *host)
{
    int labels = 0;

    for (;;) {
        size_t len = 0;

        while (is_label_char(host[len]))
            len++;
        if (len == 0 || len > LABEL_MAX || host[0] == '-' || host[len - 1] == '-')
            return 0;
        labels++;
        if (!host[len])
            return labels;
        if (host[len] != '.')
            return 0;
        host += len + 1;
    }
}

/* The addresses that people have: a dot-atom (RFC 5322, section 3.2.3), @, a host name of at least
   two labels. Quoted local parts and address literals are refused, as Django refuses the latter. */
static int is_email(apr_pool_t *pool, const char *text)
{
    static const char *others = "!#$%&'*+/=?^_`{|}~-";
    const char *at = strrchr(text, '@');
    const char *c;

    (void)pool;
    if (!at || at == text || at - text > LOCAL_PART_MAX || labels_of(at + 1) < 2)
        return 0;
    for (c = text; c < at; c++) {
        if (*c == '.' ? c == text || c[1] == '.' || c + 1 == at
                      : !apr_isalnum(*c) && !strchr(others, *c))
            return 0;
    }
    return 1;
}

/* An address of the web, taken apart by APR; no blanks and no controls anywhere. */
static int is_web_url(apr_pool_t *pool, const char *text)
{
    apr_uri_t uri;
    const char *c;

    for (c = text; *c; c++) {
        if (apr_iscntrl(*c) || strchr(" \"<>\\^`{|}", *c))
            return 0;
    }
    if (apr_uri_parse(pool, text, &uri) != APR_SUCCESS || !uri.scheme || !uri.hostname)
        return 0;
    if (strcasecmp(uri.scheme, "http") != 0 && strcasecmp(uri.scheme, "https") != 0)
        return 0;
    if (uri.port_str && (!*uri.port_str || apr_atoi64(uri.port_str) > PORT_MAX))
        return 0;
    if (strchr(uri.hostinfo, '[')) /* IPv6; APR has taken the brackets off */
        return strspn(uri.hostname, "0123456789abcdefABCDEF:.") == strlen(uri.hostname);
    return labels_of(uri.hostname) > 0;
}

/* The fields that may be changed. */
static const struct {
    const char *name;
    int longest; /* characters, as in the schema */
    int needed;  /* "" is refused */
    int nullable;
    int (*is_right)(apr_pool_t *pool, const char *text); /* NULL: anything is */
    wxl_problem_t problem;                               /* where it is not */
    apr_size_t change;                                   /* offset in wxl_changes_t */
} profile_fields[] = {
    {"username", 150, 1, 0, NULL, WXL_OK, offsetof(wxl_changes_t, username)},
    {"avatar_url", 200, 0, 0, is_web_url, WXL_FIELD_URL, offsetof(wxl_changes_t, avatar_url)},
    {"phone", 20, 0, 1, NULL, WXL_OK, offsetof(wxl_changes_t, phone)},
    {"email", 254, 0, 1, is_email, WXL_FIELD_EMAIL, offsetof(wxl_changes_t, email)},
};
#define FIELDS (sizeof(profile_fields) / sizeof(profile_fields[0]))

static void read_field(wxl_errand_t *errand, const wxl_json_t *fields, size_t i,
                       wxl_change_t *change)
{
    const char *name = profile_fields[i].name;
    const char *text = wxl_json_text(errand->pool, fields, name);

    change->set = 1;
    if (wxl_json_kind(fields, name) == WXL_JSON_NULL) {
        if (!profile_fields[i].nullable)
            wxl_fail_field(errand, WXL_FIELD_NULL, name, 0);
        return;
    }
    if (!text) {
        wxl_fail_field(errand, WXL_FIELD_NOT_STRING, name, 0);
        return;
    }
    text = wxl_text_trim(errand->pool, text);
    if (!*text && profile_fields[i].needed)
        wxl_fail_field(errand, WXL_FIELD_BLANK, name, 0);
    else if (wxl_text_length(text) > (size_t)profile_fields[i].longest)
        wxl_fail_field(errand, WXL_FIELD_TOO_LONG, name, profile_fields[i].longest);
    else if (*text && profile_fields[i].is_right && !profile_fields[i].is_right(errand->pool, text))
        wxl_fail_field(errand, profile_fields[i].problem, name, 0);
    change->value = text;
}

apr_status_t wxl_profile_read(wxl_errand_t *errand, const wxl_json_t *fields,
                              wxl_changes_t *changes)
{
    size_t i;

    memset(changes, 0, sizeof(*changes));
    for (i = 0; i < FIELDS; i++) {
        if (wxl_json_kind(fields, profile_fields[i].name) != WXL_JSON_ABSENT)
            read_field(errand, fields, i,
                       (wxl_change_t *)((char *)changes + profile_fields[i].change));
    }
    return errand->problem == WXL_OK ? APR_SUCCESS : APR_EINVAL;
}

int wxl_profile_is_change(const wxl_changes_t *changes)
{
    return changes->username.set || changes->avatar_url.set || changes->phone.set ||
           changes->email.set;
}

wxl_json_t *wxl_profile_json(apr_pool_t *pool, const wxl_user_t *user)
{
    wxl_json_t *json = wxl_json_object(pool);

    wxl_json_set_string(json, "username", user->username);
    wxl_json_set_string(json, "avatar_url", user->avatar_url);
    wxl_json_set_string(json, "phone", user->phone);
    wxl_json_set_string(json, "email", user->email);
    wxl_json_set_integer(json, "id", user->id);
    wxl_json_set_string(json, "user_type", user->user_type);
    wxl_json_set_string(json, "last_login_at",
                        user->last_login_at ? wxl_text_time(pool, user->last_login_at) : NULL);
    wxl_json_set_integer(json, "orders_count", 0);
    return json;
}
