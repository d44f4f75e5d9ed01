/* core/tokens: which tokens are believed, and which not. */

#include "core/tokens.h"

#include "token_maker.h"

#define DAY 86400

static wxl_tokens_settings_t settings(apr_pool_t *pool)
{
    wxl_tokens_settings_t made = {token_keys(pool), 7 * DAY, 30 * DAY};

    return made;
}

/* Claims by hand, as the text of each value; NULL leaves the claim out. */
static const struct {
    const char *name, *type, *exp, *iat, *jti, *user_id;
    wxl_problem_t problem;
} claims[] = {
#define ACCESS "\"access\""
#define ID "\"x1\""
#define USER "\"42\""
#define NOW_TEXT "1790000000"
#define LATER "1790000001"
    {"control", ACCESS, LATER, NOW_TEXT, ID, USER, WXL_OK},
    {"expires in a second", ACCESS, "1790000001", "1", ID, USER, WXL_OK},
    {"exp is now", ACCESS, "1790000000", "1", ID, USER, WXL_TOKEN_EXPIRED},
    {"expired by one second", ACCESS, "1789999999", "1", ID, USER, WXL_TOKEN_EXPIRED},
    {"exp 0", ACCESS, "0", "0", ID, USER, WXL_TOKEN_EXPIRED},
    {"exp -1", ACCESS, "-1", "0", ID, USER, WXL_TOKEN_EXPIRED},
    {"the smallest exp", ACCESS, "-9223372036854775808", "0", ID, USER, WXL_TOKEN_EXPIRED},
    {"the largest exp", ACCESS, "9223372036854775807", "0", ID, USER, WXL_OK},
    {"exp in milliseconds: far away", ACCESS, "1790000001000", NOW_TEXT, ID, USER, WXL_OK},
    {"exp missing", ACCESS, NULL, NOW_TEXT, ID, USER, WXL_TOKEN_INVALID},
    {"exp null", ACCESS, "null", NOW_TEXT, ID, USER, WXL_TOKEN_INVALID},
    {"exp a string", ACCESS, "\"1790000001\"", NOW_TEXT, ID, USER, WXL_TOKEN_INVALID},
    {"exp a real", ACCESS, "1790000001.5", NOW_TEXT, ID, USER, WXL_TOKEN_INVALID},
    {"exp true", ACCESS, "true", NOW_TEXT, ID, USER, WXL_TOKEN_INVALID},
    {"exp a list", ACCESS, "[1790000001]", NOW_TEXT, ID, USER, WXL_TOKEN_INVALID},
    {"iat missing", ACCESS, LATER, NULL, ID, USER, WXL_TOKEN_INVALID},
    {"iat a string", ACCESS, LATER, "\"1790000000\"", ID, USER, WXL_TOKEN_INVALID},
    {"iat null", ACCESS, LATER, "null", ID, USER, WXL_TOKEN_INVALID},
    {"iat one second ahead", ACCESS, "1790000009", "1790000001", ID, USER, WXL_TOKEN_INVALID},
    {"iat far ahead", ACCESS, "9223372036854775807", "9223372036854775807", ID, USER,
     WXL_TOKEN_INVALID},
    {"jti missing", ACCESS, LATER, NOW_TEXT, NULL, USER, WXL_TOKEN_INVALID},
    {"jti empty", ACCESS, LATER, NOW_TEXT, "\"\"", USER, WXL_TOKEN_INVALID},
    {"jti a number", ACCESS, LATER, NOW_TEXT, "7", USER, WXL_TOKEN_INVALID},
    {"jti null", ACCESS, LATER, NOW_TEXT, "null", USER, WXL_TOKEN_INVALID},
    {"user_id a number", ACCESS, LATER, NOW_TEXT, ID, "42", WXL_OK},
    {"user_id missing", ACCESS, LATER, NOW_TEXT, ID, NULL, WXL_TOKEN_INVALID},
    {"user_id null", ACCESS, LATER, NOW_TEXT, ID, "null", WXL_TOKEN_INVALID},
    {"user_id empty", ACCESS, LATER, NOW_TEXT, ID, "\"\"", WXL_TOKEN_INVALID},
    {"user_id negative", ACCESS, LATER, NOW_TEXT, ID, "-42", WXL_TOKEN_INVALID},
    {"user_id negative, a string", ACCESS, LATER, NOW_TEXT, ID, "\"-42\"", WXL_TOKEN_INVALID},
    {"user_id 0", ACCESS, LATER, NOW_TEXT, ID, "0", WXL_TOKEN_INVALID},
    {"user_id \"0\", as 0", ACCESS, LATER, NOW_TEXT, ID, "\"0\"", WXL_TOKEN_INVALID},
    {"user_id a real", ACCESS, LATER, NOW_TEXT, ID, "42.0", WXL_TOKEN_INVALID},
    {"user_id true", ACCESS, LATER, NOW_TEXT, ID, "true", WXL_TOKEN_INVALID},
    {"user_id with a blank", ACCESS, LATER, NOW_TEXT, ID, "\" 42\"", WXL_TOKEN_INVALID},
    {"user_id with a sign", ACCESS, LATER, NOW_TEXT, ID, "\"+42\"", WXL_TOKEN_INVALID},
    {"user_id in hex", ACCESS, LATER, NOW_TEXT, ID, "\"0x2a\"", WXL_TOKEN_INVALID},
    {"user_id with SQL", ACCESS, LATER, NOW_TEXT, ID, "\"42;--\"", WXL_TOKEN_INVALID},
    {"the largest bigint", ACCESS, LATER, NOW_TEXT, ID, "\"9223372036854775807\"", WXL_OK},
    {"beyond a bigint, as many digits", ACCESS, LATER, NOW_TEXT, ID, "\"9223372036854775808\"",
     WXL_TOKEN_INVALID},
    {"twenty digits", ACCESS, LATER, NOW_TEXT, ID, "\"10000000000000000000\"", WXL_TOKEN_INVALID},
    {"token_type missing", NULL, LATER, NOW_TEXT, ID, USER, WXL_TOKEN_INVALID},
    {"token_type sliding", "\"sliding\"", LATER, NOW_TEXT, ID, USER, WXL_TOKEN_INVALID},
    {"token_type Access", "\"Access\"", LATER, NOW_TEXT, ID, USER, WXL_TOKEN_INVALID},
    {"token_type refresh", "\"refresh\"", LATER, NOW_TEXT, ID, USER, WXL_TOKEN_INVALID},
    {"token_type a number", "1", LATER, NOW_TEXT, ID, USER, WXL_TOKEN_INVALID},
    {"token_type null", "null", LATER, NOW_TEXT, ID, USER, WXL_TOKEN_INVALID},
    {"the wrong type is told before the end of time", "\"refresh\"", "1", "1", ID, USER,
     WXL_TOKEN_INVALID},
    {"expiry is told before a missing jti", ACCESS, "1", "1", NULL, USER, WXL_TOKEN_EXPIRED},
};

static const char *claim(apr_pool_t *pool, const char *name, const char *value, const char *comma)
{
    return value ? apr_pstrcat(pool, comma, "\"", name, "\":", value, NULL) : "";
}

static void by_hand(apr_pool_t *pool)
{
    wxl_tokens_settings_t set = settings(pool);
    size_t i;

    for (i = 0; i < COUNT(claims); i++) {
        const char *text = apr_pstrcat(
            pool, "{\"a\":1", claim(pool, "token_type", claims[i].type, ","),
            claim(pool, "exp", claims[i].exp, ","), claim(pool, "iat", claims[i].iat, ","),
            claim(pool, "jti", claims[i].jti, ","), claim(pool, "user_id", claims[i].user_id, ","),
            "}", NULL);
        wxl_errand_t errand = fixture_errand(pool);
        wxl_claims_t read = {0};
        apr_status_t rv =
            wxl_tokens_check(&errand, &set, WXL_TOKEN_ACCESS, token_make(pool, HS256, text), &read);

        is_int(tag_of(errand.problem), tag_of(claims[i].problem), "%s", claims[i].name);
        ok((rv == APR_SUCCESS) == (claims[i].problem == WXL_OK), "%s: result fits", claims[i].name);
        if (rv == APR_SUCCESS)
            ok(strspn(read.user_id, "0123456789") == strlen(read.user_id) && *read.jti,
               "%s: what is read can be used", claims[i].name);
    }
}

/* Tokens as a whole, made by others. */
static const struct {
    const char *name, *token;
    int types;
    wxl_problem_t problem;
} whole[] = {
    {"PyJWT", BY_PYJWT, WXL_TOKEN_ACCESS, WXL_OK},
    {"PyJWT, refresh", BY_PYJWT_REFRESH, WXL_TOKEN_REFRESH, WXL_OK},
    {"PyJWT, user_id a number", BY_PYJWT_NUMBER, WXL_TOKEN_ACCESS, WXL_OK},
    {"PyJWT, claims from back to front", BY_PYJWT_ORDER, WXL_TOKEN_ANY, WXL_OK},
    {"Crypt::JWT", BY_CRYPT_JWT, WXL_TOKEN_ANY, WXL_OK},
    {"an access token to refresh with", BY_PYJWT, WXL_TOKEN_REFRESH, WXL_TOKEN_INVALID},
    {"a refresh token for access", BY_PYJWT_REFRESH, WXL_TOKEN_ACCESS, WXL_TOKEN_INVALID},
    {"another key", BY_PYJWT_OTHER_KEY, WXL_TOKEN_ANY, WXL_TOKEN_INVALID},
    {"HS384", BY_PYJWT_HS384, WXL_TOKEN_ANY, WXL_TOKEN_INVALID},
    {"none", BY_PYJWT_NONE, WXL_TOKEN_ANY, WXL_TOKEN_INVALID},
    {"the payload of a refresh token with the signature of an access token",
     HEADER_PART
     ".eyJ0b2tlbl90eXBlIjoicmVmcmVzaCIsImV4cCI6MTc5MjU5MjAwMCwiaWF0IjoxNzkwMDAwMDAwLCJqd"
     "GkiOiIwMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZiIsInVzZXJfaWQiOiI0MiJ9." SIGNATURE,
     WXL_TOKEN_ANY, WXL_TOKEN_INVALID},
    {"nothing", "", WXL_TOKEN_ANY, WXL_TOKEN_INVALID},
    {"two dots", "..", WXL_TOKEN_ANY, WXL_TOKEN_INVALID},
    {"e30..", "e30..", WXL_TOKEN_ANY, WXL_TOKEN_INVALID},
    {".e30.x", ".e30.x", WXL_TOKEN_ANY, WXL_TOKEN_INVALID},
    {"garbage", "not a token", WXL_TOKEN_ANY, WXL_TOKEN_INVALID},
};

static void by_others(apr_pool_t *pool)
{
    wxl_tokens_settings_t set = settings(pool);
    size_t i;

    for (i = 0; i < COUNT(whole); i++) {
        wxl_errand_t errand = fixture_errand(pool);
        wxl_claims_t read = {0};

        wxl_tokens_check(&errand, &set, whole[i].types, whole[i].token, &read);
        is_int(tag_of(errand.problem), tag_of(whole[i].problem), "%s", whole[i].name);
        if (whole[i].problem == WXL_OK) {
            is_str(read.user_id, "42", "%s: user_id", whole[i].name);
            is_str(read.jti, JTI, "%s: jti", whole[i].name);
            is_int(read.iat, NOW, "%s: iat", whole[i].name);
        }
    }
}

static void sizes(apr_pool_t *pool)
{
    const char *tokens[] = {token_of_length(pool, 4096), token_of_length(pool, 4097),
                            token_fill(pool, '.', 3 << 20)};
    wxl_problem_t problems[] = {WXL_OK, WXL_TOKEN_INVALID, WXL_TOKEN_INVALID};
    wxl_tokens_settings_t set = settings(pool);
    size_t i;

    for (i = 0; i < COUNT(tokens); i++) {
        wxl_errand_t errand = fixture_errand(pool);
        wxl_claims_t read;

        wxl_tokens_check(&errand, &set, WXL_TOKEN_ANY, tokens[i] ? tokens[i] : "", &read);
        is_int(tag_of(errand.problem), tag_of(problems[i]), "%zu bytes",
               tokens[i] ? strlen(tokens[i]) : 0);
    }
}

static void expired_kinds(apr_pool_t *pool)
{
    wxl_tokens_settings_t set = settings(pool);
    wxl_errand_t errand = fixture_errand(pool);
    wxl_claims_t read;

    errand.now = apr_time_from_sec(NOW + 7 * DAY);
    wxl_tokens_check(&errand, &set, WXL_TOKEN_ANY, BY_PYJWT, &read);
    is_int(tag_of(errand.problem), tag_of(WXL_TOKEN_EXPIRED), "an access token after 7 days");
    errand = fixture_errand(pool);
    errand.now = apr_time_from_sec(NOW + 30 * DAY) - 1;
    wxl_tokens_check(&errand, &set, WXL_TOKEN_ANY, BY_PYJWT_REFRESH, &read);
    is_int(tag_of(errand.problem), 0, "a refresh token a microsecond before 30 days");
    errand.now++;
    wxl_tokens_check(&errand, &set, WXL_TOKEN_ANY, BY_PYJWT_REFRESH, &read);
    is_int(tag_of(errand.problem), tag_of(WXL_REFRESH_EXPIRED), "and after them");
}

/* Draft and write. */
static apr_status_t issue(wxl_errand_t *errand, const wxl_tokens_settings_t *set,
                          wxl_token_type_t type, const char *sid, const char **token)
{
    wxl_claims_t says;
    apr_status_t rv = wxl_tokens_draft(errand, set, type, "42", &says);

    says.sid = sid;
    return rv == APR_SUCCESS ? wxl_tokens_write(errand, set, &says, token) : rv;
}

static void issue_and_check(apr_pool_t *pool)
{
    wxl_tokens_settings_t set = settings(pool);
    wxl_errand_t errand = fixture_errand(pool);
    const char *access = "", *refresh = "", *payload;
    wxl_claims_t a, r;
    apr_size_t len;

    errand.now += 999999; /* a started second does not count */
    is_int(issue(&errand, &set, WXL_TOKEN_ACCESS, NULL, &access), APR_SUCCESS, "access");
    is_int(issue(&errand, &set, WXL_TOKEN_REFRESH, "5e55", &refresh), APR_SUCCESS, "refresh");
    is_int(wxl_tokens_check(&errand, &set, WXL_TOKEN_ACCESS, access, &a), APR_SUCCESS,
           "the access token is believed at once");
    is_int(wxl_tokens_check(&errand, &set, WXL_TOKEN_REFRESH, refresh, &r), APR_SUCCESS,
           "so is the refresh token");
    is_int(a.type, WXL_TOKEN_ACCESS, "its type");
    is_int(a.exp, NOW + 7 * DAY, "it holds 7 days");
    is_int(r.exp, NOW + 30 * DAY, "the other 30");
    is_int(a.iat, NOW, "iat in whole seconds");
    is_int(a.iat, r.iat, "a pair shares iat");
    is_str(a.sid, NULL, "no session is none");
    is_str(r.sid, "5e55", "a session comes back");
    ok(strcmp(a.jti, r.jti) != 0, "and differs in jti");
    ok(strlen(a.jti) == 32 && strspn(a.jti, "0123456789abcdef") == 32, "jti: 32 lower-case hex");
    ok(strncmp(access, HEADER_PART ".", strlen(HEADER_PART) + 1) == 0, "the header is fixed");

    payload = strchr(access, '.') + 1;
    payload = apr_pdecode_base64(pool, payload, strcspn(payload, "."), APR_ENCODE_NONE, &len);
    is_str(payload,
           apr_psprintf(pool,
                        "{\"token_type\":\"access\",\"exp\":1790604800,\"iat\":1790000000,"
                        "\"jti\":\"%s\",\"user_id\":\"42\"}",
                        a.jti),
           "claims in the order of the contract");
    payload = strchr(refresh, '.') + 1;
    payload = apr_pdecode_base64(pool, payload, strcspn(payload, "."), APR_ENCODE_NONE, &len);
    ok(strstr(payload, "\"user_id\":\"42\",\"sid\":\"5e55\"}") != NULL, "sid behind user_id");
}

/* An access token made of an older refresh token tells so; it is never newer than its iat. */
static void made_of_another(apr_pool_t *pool)
{
    static const struct {
        const char *name, *claim;
        apr_int64_t auth_time;
    } others[] = {
        {"no auth_time", "", NOW},
        {"earlier", ",\"auth_time\":1789999000", NOW - 1000},
        {"later than iat", ",\"auth_time\":1790000001", NOW},
        {"no number", ",\"auth_time\":\"1789999000\"", NOW},
    };
    wxl_tokens_settings_t set = settings(pool);
    wxl_errand_t errand = fixture_errand(pool);
    wxl_claims_t made, read;
    const char *token;
    size_t i;

    wxl_tokens_draft(&errand, &set, WXL_TOKEN_ACCESS, "42", &made);
    made.auth_time = NOW - 1000;
    is_int(wxl_tokens_write(&errand, &set, &made, &token), APR_SUCCESS, "written");
    is_int(wxl_tokens_check(&errand, &set, WXL_TOKEN_ACCESS, token, &read), APR_SUCCESS, "read");
    is_int(read.auth_time, NOW - 1000, "when the old one is of");
    is_int(read.iat, NOW, "and its own iat");
    for (i = 0; i < COUNT(others); i++) {
        const char *text =
            apr_pstrcat(pool, "{\"token_type\":\"access\",\"exp\":1790604800,\"iat\":1790000000",
                        ",\"jti\":\"" JTI "\",\"user_id\":\"42\"", others[i].claim, "}", NULL);

        token = token_make(pool, HS256, text);
        is_int(wxl_tokens_check(&errand, &set, WXL_TOKEN_ACCESS, token, &read), APR_SUCCESS, "%s",
               others[i].name);
        is_int(read.auth_time, others[i].auth_time, "%s: auth_time", others[i].name);
    }
}

static void old_ones(apr_pool_t *pool)
{
    wxl_tokens_settings_t set = settings(pool);
    wxl_errand_t errand = fixture_errand(pool);
    const char *token = "";
    wxl_claims_t says;

    issue(&errand, &set, WXL_TOKEN_ACCESS, "5e55", &token);
    errand.now += apr_time_from_sec(8 * DAY);
    is_int(wxl_tokens_check(&errand, &set, WXL_TOKEN_ACCESS | WXL_TOKEN_OLD, token, &says),
           APR_SUCCESS, "expired, and welcome all the same");
    is_int(says.exp, NOW + 7 * DAY, "its exp is there to be judged");
    is_str(says.sid, "5e55", "and the session");
    ok(wxl_tokens_check(&errand, &set, WXL_TOKEN_REFRESH | WXL_TOKEN_OLD, token, &says) !=
           APR_SUCCESS,
       "but not of the other type");
}

int main(void)
{
    apr_pool_t *pool = fixture_start();

    by_hand(pool);
    by_others(pool);
    sizes(pool);
    expired_kinds(pool);
    issue_and_check(pool);
    made_of_another(pool);
    old_ones(pool);
    return done_testing();
}
