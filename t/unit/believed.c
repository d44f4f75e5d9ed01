/* core/believed: a token that was believed is known again, and no other is. */

#include "core/believed.h"

#include "token_maker.h"

#define TOKENS 64

static apr_pool_t *pool;
static void *memory;
static wxl_believed_t believed;
/* Two servers: the one has the key, the other has another. */
static wxl_tokens_settings_t settings, others;

static wxl_believed_t use(unsigned char salt)
{
    unsigned char salts[WXL_BELIEVED_SALT];
    wxl_believed_t made;

    memset(salts, salt, sizeof(salts));
    wxl_believed_use(&made, memory, wxl_believed_size(TOKENS), salts);
    return made;
}

static wxl_problem_t check_at(const wxl_tokens_settings_t *of, const char *token, int after,
                              wxl_claims_t *claims)
{
    wxl_errand_t errand = fixture_errand(pool);

    memset(claims, 0, sizeof(*claims));
    errand.now += apr_time_from_sec(after);
    wxl_believed_check(&errand, &believed, of, token, claims);
    return errand.problem;
}

static wxl_problem_t check(const char *token, wxl_claims_t *claims)
{
    return check_at(&settings, token, 0, claims);
}

static const char *token_of(const char *jti, int user, const char *sid, int exp)
{
    return token_make(pool, HS256,
                      apr_psprintf(pool,
                                   "{\"token_type\":\"access\",\"exp\":%" APR_INT64_T_FMT
                                   ",\"iat\":%" APR_INT64_T_FMT
                                   ",\"jti\":\"%s\",\"user_id\":\"%d\"%s%s%s}",
                                   (apr_int64_t)NOW + exp, (apr_int64_t)NOW, jti, user,
                                   sid ? ",\"sid\":\"" : "", sid ? sid : "", sid ? "\"" : ""));
}

/* The key is taken away: whatever passes now is known from before.
   @return the problem without it */
static wxl_problem_t from_memory(const char *token, wxl_claims_t *claims)
{
    wxl_jwt_keys_t keys = settings.keys;
    wxl_problem_t problem;

    settings.keys = others.keys;
    problem = check(token, claims);
    settings.keys = keys;
    return problem;
}

static void known_again(void)
{
    const char *token = token_of("j1", 42, "5e55", 100), *bare = token_of("j2", 7, NULL, 100);
    wxl_claims_t first, again;

    is_int(from_memory(token, &first), WXL_TOKEN_INVALID, "not known yet");
    is_int(check(token, &first), WXL_OK, "believed by its signature");
    is_int(from_memory(token, &again), WXL_OK, "known again");
    is_str(again.jti, "j1", "jti");
    is_str(again.user_id, "42", "user_id");
    is_str(again.sid, "5e55", "sid");
    is_int(again.type, WXL_TOKEN_ACCESS, "type");
    is_int(again.exp, NOW + 100, "exp");
    is_int(again.iat, NOW, "iat");
    check(bare, &first);
    is_int(from_memory(bare, &again), WXL_OK, "one of no session");
    is_str(again.sid, NULL, "has none");
    is_str(again.user_id, "7", "and its own user");
}

static void not_mistaken(void)
{
    const char *token = token_of("j3", 42, "5e55", 100);
    size_t i, len = strlen(token), wrong = 0;
    wxl_claims_t claims;

    check(token, &claims);
    for (i = 0; i < len; i++) {
        char *forged = apr_pstrdup(pool, token);

        forged[i] = forged[i] == 'A' ? 'B' : 'A';
        wrong += check(forged, &claims) != WXL_TOKEN_INVALID;
    }
    is_int((long long)wrong, 0, "any other letter is another token");
    is_int(check(apr_pstrmemdup(pool, token, len - 1), &claims), WXL_TOKEN_INVALID, "a part of it");
    is_int(check(apr_pstrcat(pool, token, "A", NULL), &claims), WXL_TOKEN_INVALID, "or more");
    is_int(check(token_fill(pool, 'a', WXL_JWT_MAX + 1), &claims), WXL_TOKEN_INVALID, "too long");
    is_int(check_at(&others, token, 0, &claims), WXL_TOKEN_INVALID, "another server's is no good");
    is_int(check(token, &claims), WXL_OK, "the token itself is");
}

static void only_while_good(void)
{
    const char *token = token_of("j4", 42, "5e55", 100), *refresh;
    wxl_claims_t claims;

    check(token, &claims);
    is_int(check_at(&settings, token, 99, &claims), WXL_OK, "until its last second");
    is_int(check_at(&settings, token, 100, &claims), WXL_TOKEN_EXPIRED, "then it has expired");
    is_int(check_at(&settings, token, -1, &claims), WXL_TOKEN_INVALID, "issued in the future");
    refresh = BY_PYJWT_REFRESH;
    is_int(check(refresh, &claims), WXL_TOKEN_INVALID, "a refresh token is no access token");
    is_int(check(refresh, &claims), WXL_TOKEN_INVALID, "not the second time, either");
}

static void not_kept(void)
{
    const char *empty = token_of("j5", 42, "", 100);
    const char *large = token_of(token_fill(pool, 'j', 300), 42, "5e55", 100);
    wxl_claims_t claims;

    is_int(check(empty, &claims), WXL_OK, "an empty sid");
    is_str(claims.sid, "", "is one");
    is_int(from_memory(empty, &claims), WXL_TOKEN_INVALID, "and not kept");
    is_int(check(large, &claims), WXL_OK, "a long jti is believed");
    is_int(from_memory(large, &claims), WXL_TOKEN_INVALID, "but not kept");
}

static void restarted(void)
{
    const char *token = token_of("j6", 42, "5e55", 100);
    wxl_believed_t before = believed;
    wxl_claims_t claims;

    check(token, &claims);
    believed = use(2);
    is_int(from_memory(token, &claims), WXL_TOKEN_INVALID, "a new salt forgets it");
    believed = before;
    is_int(from_memory(token, &claims), WXL_OK, "those who have the old one do not");
    memset(&believed, 0, sizeof(believed));
    is_int(check(token, &claims), WXL_OK, "without memory it is checked");
    is_int(from_memory(token, &claims), WXL_TOKEN_INVALID, "each time");
    believed = before;
}

/* More tokens than there is room for: each is answered rightly, and some are known. */
static void crowded(void)
{
    wxl_claims_t claims;
    int i, wrong = 0, known = 0;

    for (i = 0; i < 4 * TOKENS; i++) {
        const char *token = token_of(apr_psprintf(pool, "c%d", i), 1000 + i, "5e55", 100 + i);

        wrong += check(token, &claims) != WXL_OK || atoi(claims.user_id) != 1000 + i;
    }
    for (i = 0; i < 4 * TOKENS; i++) {
        const char *token = token_of(apr_psprintf(pool, "c%d", i), 1000 + i, "5e55", 100 + i);

        if (from_memory(token, &claims) == WXL_OK) {
            known++;
            wrong += atoi(claims.user_id) != 1000 + i;
        }
    }
    is_int(wrong, 0, "nobody is taken for another");
    ok(known > TOKENS / 2 && known <= TOKENS, "as many are known as there is room for: %d", known);
}

int main(void)
{
    wxl_secret_t other = {OTHER_KEY, sizeof(OTHER_KEY) - 1};

    pool = fixture_start();
    memory = apr_pcalloc(pool, wxl_believed_size(TOKENS));
    settings.keys = token_keys(pool);
    others.keys.signer = others.keys.unnamed = wxl_jwt_secret(pool, NULL, &other);
    believed = use(1);
    known_again();
    not_mistaken();
    only_while_good();
    not_kept();
    restarted();
    crowded();
    return done_testing();
}
