/* core/believed: tokens that were believed. See believed.h. */

#include "core/believed.h"

#include <string.h>

#include <apr_siphash.h>
#include <apr_strings.h>

#include "base/sealed.h"

#define WAYS 4
#define ENTRY_WORDS 32
/* WORDS: how many are in use, and summed up. Behind the head: jti, user_id and sid, each with its
   NUL; an empty sid stands for none. */
enum { SUM, NAME_1, NAME_2, EXP, IAT, AUTH_TIME, WORDS, HEAD_WORDS };
#define TEXT_BYTES ((ENTRY_WORDS - HEAD_WORDS) * 8)

typedef struct {
    apr_uint64_t word[ENTRY_WORDS];
} entry_t;

static apr_size_t set_bytes(void)
{
    return WAYS * sizeof(entry_t);
}

apr_size_t wxl_believed_size(apr_size_t tokens)
{
    return (tokens + WAYS - 1) / WAYS * set_bytes();
}

void wxl_believed_use(wxl_believed_t *believed, void *memory, apr_size_t size,
                      const unsigned char salt[WXL_BELIEVED_SALT])
{
    believed->sets = size / set_bytes();
    believed->words = believed->sets ? memory : NULL;
    memcpy(believed->salt, salt, WXL_BELIEVED_SALT);
}

/* What a token is known by. The address of the settings is the same in all children. */
static void name(const wxl_believed_t *believed, const wxl_tokens_settings_t *settings,
                 const char *token, entry_t *entry)
{
    unsigned char salt[WXL_BELIEVED_SALT];
    apr_size_t len = strlen(token);
    apr_uintptr_t scope = (apr_uintptr_t)settings;
    apr_size_t i;

    memcpy(salt, believed->salt, sizeof(salt));
    for (i = 0; i < sizeof(scope); i++) {
        salt[i] ^= (unsigned char)(scope >> 8 * i);
        salt[APR_SIPHASH_KSIZE + i] ^= (unsigned char)(scope >> 8 * i);
    }
    entry->word[NAME_1] = apr_siphash24(token, len, salt);
    entry->word[NAME_2] = apr_siphash24(token, len, salt + APR_SIPHASH_KSIZE);
}

static apr_uint64_t *set_of(const wxl_believed_t *believed, const entry_t *entry)
{
    return believed->words + entry->word[NAME_1] % believed->sets * WAYS * ENTRY_WORDS;
}

static int is_of(const apr_uint64_t *at, const entry_t *entry)
{
    return wxl_sealed_peek(at + NAME_1) == entry->word[NAME_1] &&
           wxl_sealed_peek(at + NAME_2) == entry->word[NAME_2];
}

/* @return 1 where the copy is whole */
static int copy_out(const apr_uint64_t *from, entry_t *entry)
{
    apr_uint64_t words = wxl_sealed_peek(from + WORDS);

    /* the number may have changed since: then it is another one that was summed up */
    return words > HEAD_WORDS && words <= ENTRY_WORDS &&
           wxl_sealed_get(from, entry->word, (int)words) && entry->word[WORDS] == words;
}

/* @return 1 and the whole entry of this name, or 0 */
static int find(const wxl_believed_t *believed, const entry_t *sought, entry_t *entry)
{
    const apr_uint64_t *at = set_of(believed, sought);
    int way;

    for (way = 0; way < WAYS; way++, at += ENTRY_WORDS) {
        if (is_of(at, sought) && copy_out(at, entry) && is_of(entry->word, sought))
            return 1;
    }
    return 0;
}

static void read_claims(apr_pool_t *pool, const entry_t *entry, wxl_claims_t *claims)
{
    const char *text =
        apr_pmemdup(pool, entry->word + HEAD_WORDS, (entry->word[WORDS] - HEAD_WORDS) * 8);

    claims->type = WXL_TOKEN_ACCESS;
    claims->exp = (apr_int64_t)entry->word[EXP];
    claims->iat = (apr_int64_t)entry->word[IAT];
    claims->auth_time = (apr_int64_t)entry->word[AUTH_TIME];
    claims->jti = text;
    claims->user_id = claims->jti + strlen(claims->jti) + 1;
    text = claims->user_id + strlen(claims->user_id) + 1;
    claims->sid = *text ? text : NULL;
}

/* @return 1, or 0 where the claims do not fit */
static int write_claims(const wxl_claims_t *claims, entry_t *entry)
{
    const char *const texts[] = {claims->jti, claims->user_id, claims->sid ? claims->sid : ""};
    char *to = (char *)(entry->word + HEAD_WORDS), *end = to + TEXT_BYTES;
    int i;

    if (claims->sid && !*claims->sid)
        return 0; /* it would come back as none */
    memset(to, 0, TEXT_BYTES);
    for (i = 0; i < 3; i++) {
        apr_size_t size = strlen(texts[i]) + 1;

        if (size > (apr_size_t)(end - to))
            return 0;
        memcpy(to, texts[i], size);
        to += size;
    }
    entry->word[EXP] = (apr_uint64_t)claims->exp;
    entry->word[IAT] = (apr_uint64_t)claims->iat;
    entry->word[AUTH_TIME] = (apr_uint64_t)claims->auth_time;
    entry->word[WORDS] =
        (apr_uint64_t)(HEAD_WORDS + (to - (char *)(entry->word + HEAD_WORDS) + 7) / 8);
    return 1;
}

/* The place of an entry: its own, or that of the one which expires first; free ones do at once. */
static apr_uint64_t *place_of(const wxl_believed_t *believed, const entry_t *entry)
{
    apr_uint64_t *at = set_of(believed, entry);
    apr_uint64_t *place = at;
    int way;

    for (way = 0; way < WAYS; way++, at += ENTRY_WORDS) {
        if (is_of(at, entry))
            return at;
        if (wxl_sealed_peek(at + EXP) < wxl_sealed_peek(place + EXP))
            place = at;
    }
    return place;
}

apr_status_t wxl_believed_check(wxl_errand_t *errand, const wxl_believed_t *believed,
                                const wxl_tokens_settings_t *settings, const char *token,
                                wxl_claims_t *claims)
{
    apr_int64_t now = apr_time_sec(errand->now);
    entry_t entry, known;
    apr_status_t rv;

    /* longer than any: not even looked at */
    if (!believed->words || strnlen(token, WXL_JWT_MAX + 1) > WXL_JWT_MAX)
        return wxl_tokens_check(errand, settings, WXL_TOKEN_ACCESS, token, claims);
    name(believed, settings, token, &entry);
    if (find(believed, &entry, &known)) {
        read_claims(errand->pool, &known, claims);
        if (claims->exp > now && claims->iat <= now)
            return APR_SUCCESS;
    }
    rv = wxl_tokens_check(errand, settings, WXL_TOKEN_ACCESS, token, claims);
    if (rv == APR_SUCCESS && write_claims(claims, &entry))
        wxl_sealed_put(place_of(believed, &entry), entry.word, (int)entry.word[WORDS]);
    return rv;
}
