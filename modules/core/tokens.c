/* core/tokens: claims. See tokens.h. */

#include "core/tokens.h"

#include <errno.h>
#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "base/text.h"
#include "gate/crypto.h"
#include "gate/json.h"

#define JTI_BYTES 16

apr_status_t wxl_tokens_draft(wxl_errand_t *errand, const wxl_tokens_settings_t *settings,
                              wxl_token_type_t type, const char *user_id, wxl_claims_t *claims)
{
    memset(claims, 0, sizeof(*claims));
    claims->type = type;
    claims->user_id = user_id;
    claims->iat = claims->auth_time = apr_time_sec(errand->now);
    claims->exp =
        claims->iat + (type == WXL_TOKEN_ACCESS ? settings->access_ttl : settings->refresh_ttl);
    claims->jti = wxl_crypto_random_hex(errand->pool, JTI_BYTES);
    if (!claims->jti)
        return wxl_fail(errand, WXL_INTERNAL, APR_SUCCESS, "the random generator failed");
    return APR_SUCCESS;
}

apr_status_t wxl_tokens_write(wxl_errand_t *errand, const wxl_tokens_settings_t *settings,
                              const wxl_claims_t *claims, const char **token)
{
    wxl_json_t *json = wxl_json_object(errand->pool);
    apr_status_t rv;

    wxl_json_set_string(json, "token_type",
                        claims->type == WXL_TOKEN_ACCESS ? "access" : "refresh");
    wxl_json_set_integer(json, "exp", claims->exp);
    wxl_json_set_integer(json, "iat", claims->iat);
    wxl_json_set_string(json, "jti", claims->jti);
    wxl_json_set_string(json, "user_id", claims->user_id);
    if (claims->sid)
        wxl_json_set_string(json, "sid", claims->sid);
    if (claims->auth_time < claims->iat)
        wxl_json_set_integer(json, "auth_time", claims->auth_time);
    rv = wxl_jwt_sign(errand, &settings->keys, json, token);
    wxl_json_drop(errand->pool, json);
    return rv;
}

static apr_status_t refuse(wxl_errand_t *errand, const char *why)
{
    return wxl_fail(errand, WXL_TOKEN_INVALID, APR_SUCCESS, "token: %s", why);
}

static wxl_token_type_t type_of(const wxl_json_t *json)
{
    const char *type = wxl_json_string(json, "token_type");

    if (type && strcmp(type, "access") == 0)
        return WXL_TOKEN_ACCESS;
    if (type && strcmp(type, "refresh") == 0)
        return WXL_TOKEN_REFRESH;
    return 0;
}

/* user_id as digits, from the string that we write or the number that older services write.
   @return NULL where there is neither */
static const char *user_id_of(apr_pool_t *pool, const wxl_json_t *json)
{
    const char *text = wxl_json_string(json, "user_id");
    apr_int64_t number = 0;
    char *end;

    if (text) {
        errno = 0;
        number = apr_isdigit(*text) ? apr_strtoi64(text, &end, 10) : 0;
        if (number == 0 || errno != 0 || *end)
            return NULL;
    } else {
        wxl_json_integer(json, "user_id", &number);
    }
    return number > 0 ? wxl_text_decimal(pool, number) : NULL;
}

static apr_status_t check_times(wxl_errand_t *errand, const wxl_json_t *json, int types,
                                wxl_claims_t *claims)
{
    apr_int64_t now = apr_time_sec(errand->now);
    apr_int64_t nbf;

    if (!wxl_json_integer(json, "exp", &claims->exp))
        return refuse(errand, "exp is missing or not an integer");
    if (claims->exp <= now && !(types & WXL_TOKEN_OLD))
        return wxl_fail(errand,
                        claims->type == WXL_TOKEN_ACCESS ? WXL_TOKEN_EXPIRED : WXL_REFRESH_EXPIRED,
                        APR_SUCCESS, "token expired %" APR_INT64_T_FMT " s ago",
                        claims->exp < 0 ? now : now - claims->exp);
    if (!wxl_json_integer(json, "iat", &claims->iat))
        return refuse(errand, "iat is missing or not an integer");
    if (claims->iat > now)
        return refuse(errand, "iat lies in the future");
    /* Others may write one, too. It can only make a token older. */
    if (!wxl_json_integer(json, "auth_time", &claims->auth_time) || claims->auth_time > claims->iat)
        claims->auth_time = claims->iat;
    /* The one claim that may be missing: who wrote it meant it (RFC 7519, section 4.1.5). */
    if (wxl_json_kind(json, "nbf") != WXL_JSON_ABSENT &&
        (!wxl_json_integer(json, "nbf", &nbf) || nbf > now))
        return refuse(errand, "nbf lies in the future or is not an integer");
    return APR_SUCCESS;
}

apr_status_t wxl_tokens_check(wxl_errand_t *errand, const wxl_tokens_settings_t *settings,
                              int types, const char *token, wxl_claims_t *claims)
{
    wxl_json_t *json;
    apr_status_t rv = wxl_jwt_verify(errand, &settings->keys, token, &json);

    if (rv != APR_SUCCESS)
        return rv;
    claims->type = type_of(json);
    if ((claims->type & types) == 0)
        return refuse(errand, "token_type is missing or not the one asked for");
    rv = check_times(errand, json, types, claims);
    if (rv != APR_SUCCESS)
        return rv;
    claims->jti = wxl_json_string(json, "jti");
    if (!claims->jti || !*claims->jti)
        return refuse(errand, "jti is missing");
    claims->sid = wxl_json_string(json, "sid");
    if (!claims->sid && wxl_json_kind(json, "sid") != WXL_JSON_ABSENT)
        return refuse(errand, "sid is not a string");
    claims->user_id = user_id_of(errand->pool, json);
    if (!claims->user_id)
        return refuse(errand, "user_id is missing or not a number");
    return APR_SUCCESS;
}
