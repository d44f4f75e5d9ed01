/* core/recall: what is remembered of users. See recall.h. */

#include "core/recall.h"

#include <string.h>

#include <apr_strings.h>

#include "base/sealed.h"

#define WAYS 4
#define ENTRY_WORDS 96
#define HEAD_WORDS 5
#define TEXT_BYTES ((ENTRY_WORDS - HEAD_WORDS) * 8)

enum { SUM, ID, REALM, LEARNT, SHAPE };

/* SHAPE: flags, then the two lengths. */
#define IS_THERE 1
#define IS_ACTIVE 2
#define IS_STAFF 4
#define IS_SUPERUSER 8
#define IS_FORGOTTEN 16
#define NAME_SHIFT 16
#define TYPE_SHIFT 32
#define LENGTH_MASK 0xFFFF

/* What was learnt this much later was learnt by a clock that has been set back since. */
#define CLOCK_JUMP apr_time_from_sec(60)

typedef struct {
    apr_uint64_t word[ENTRY_WORDS];
} entry_t;

static apr_size_t set_bytes(void)
{
    return WAYS * sizeof(entry_t);
}

apr_size_t wxl_recall_size(apr_size_t users)
{
    return (users + WAYS - 1) / WAYS * set_bytes();
}

void wxl_recall_use(wxl_recall_t *recall, void *memory, apr_size_t size)
{
    recall->words = memory;
    recall->sets = size / set_bytes();
    if (recall->sets == 0)
        recall->words = NULL;
}

static apr_uint64_t *set_of(const wxl_recall_t *recall, apr_uint64_t realm, apr_int64_t id)
{
    apr_size_t set = wxl_sealed_mix(realm, (apr_uint64_t)id) % recall->sets;

    return recall->words + set * WAYS * ENTRY_WORDS;
}

static apr_size_t name_length(const entry_t *entry)
{
    return entry->word[SHAPE] >> NAME_SHIFT & LENGTH_MASK;
}

static apr_size_t type_length(const entry_t *entry)
{
    return entry->word[SHAPE] >> TYPE_SHIFT & LENGTH_MASK;
}

/* Words in use, which also are those that are summed up; 0 for lengths that cannot be. */
static int words_of(const entry_t *entry)
{
    apr_size_t text = name_length(entry) + type_length(entry);

    return text > TEXT_BYTES ? 0 : HEAD_WORDS + (int)((text + 7) / 8);
}

/* @return 1 where the copy is whole */
static int copy_out(const apr_uint64_t *from, entry_t *entry)
{
    int words;

    entry->word[SHAPE] = wxl_sealed_peek(from + SHAPE);
    words = words_of(entry);
    /* the shape may have changed since: then it is another one that was summed up */
    return words > 0 && wxl_sealed_get(from, entry->word, words) && words_of(entry) == words;
}

static int is_of(const apr_uint64_t *entry, apr_uint64_t realm, apr_int64_t id)
{
    return wxl_sealed_peek(entry + ID) == (apr_uint64_t)id &&
           wxl_sealed_peek(entry + REALM) == realm;
}

static void read_entry(const entry_t *entry, apr_pool_t *pool, wxl_recalled_t *recalled)
{
    const char *text = (const char *)(entry->word + HEAD_WORDS);
    apr_uint64_t shape = entry->word[SHAPE];
    wxl_user_t *user = &recalled->user;

    memset(recalled, 0, sizeof(*recalled));
    recalled->learnt = (apr_time_t)entry->word[LEARNT];
    if (!(shape & IS_THERE))
        return;
    user->id = (apr_int64_t)entry->word[ID];
    user->username = apr_pstrmemdup(pool, text, name_length(entry));
    user->user_type = apr_pstrmemdup(pool, text + name_length(entry), type_length(entry));
    user->is_active = (shape & IS_ACTIVE) != 0;
    user->is_staff = (shape & IS_STAFF) != 0;
    user->is_superuser = (shape & IS_SUPERUSER) != 0;
}

int wxl_recall_get(const wxl_recall_t *recall, apr_uint64_t realm, apr_int64_t id, apr_pool_t *pool,
                   wxl_recalled_t *recalled)
{
    const apr_uint64_t *at;
    entry_t entry;
    int way;

    if (!recall->words)
        return 0;
    at = set_of(recall, realm, id);
    for (way = 0; way < WAYS && !is_of(at, realm, id); way++)
        at += ENTRY_WORDS;
    if (way == WAYS || !copy_out(at, &entry) || !is_of(entry.word, realm, id) ||
        entry.word[SHAPE] & IS_FORGOTTEN)
        return 0;
    read_entry(&entry, pool, recalled);
    return 1;
}

/* The entry of this user, or else the one to give up: one not in use, or the oldest. */
static apr_uint64_t *place_of(const wxl_recall_t *recall, apr_uint64_t realm, apr_int64_t id)
{
    apr_uint64_t *at = set_of(recall, realm, id);
    apr_uint64_t *place = at;
    int way;

    for (way = 0; way < WAYS; way++, at += ENTRY_WORDS) {
        if (is_of(at, realm, id))
            return at;
        if (wxl_sealed_peek(at + LEARNT) < wxl_sealed_peek(place + LEARNT))
            place = at;
    }
    return place;
}

/* @return 1, or 0 where the texts are too long to be remembered */
static int fill(entry_t *entry, const wxl_user_t *user)
{
    apr_size_t name = strlen(user->username), type = strlen(user->user_type);
    char *text = (char *)(entry->word + HEAD_WORDS);

    if (name + type > TEXT_BYTES)
        return 0;
    memcpy(text, user->username, name);
    memcpy(text + name, user->user_type, type);
    entry->word[SHAPE] = IS_THERE | (user->is_active ? IS_ACTIVE : 0) |
                         (user->is_staff ? IS_STAFF : 0) | (user->is_superuser ? IS_SUPERUSER : 0) |
                         (apr_uint64_t)name << NAME_SHIFT | (apr_uint64_t)type << TYPE_SHIFT;
    return 1;
}

/* Write an entry; one that was learnt later stays. @param fits 0: only forget the old one */
static void put(const wxl_recall_t *recall, const entry_t *entry, int fits)
{
    apr_uint64_t realm = entry->word[REALM];
    apr_int64_t id = (apr_int64_t)entry->word[ID];
    apr_time_t learnt = (apr_time_t)entry->word[LEARNT];
    apr_uint64_t *place = place_of(recall, realm, id);
    entry_t known;

    if (is_of(place, realm, id) && copy_out(place, &known) &&
        (apr_time_t)known.word[LEARNT] > learnt &&
        (apr_time_t)known.word[LEARNT] - learnt < CLOCK_JUMP)
        return;
    if (fits)
        wxl_sealed_put(place, entry->word, words_of(entry));
    else
        wxl_sealed_clear(place);
}

static void begin(entry_t *entry, apr_uint64_t realm, apr_int64_t id, apr_time_t learnt)
{
    memset(entry, 0, sizeof(*entry));
    entry->word[ID] = (apr_uint64_t)id;
    entry->word[REALM] = realm;
    entry->word[LEARNT] = (apr_uint64_t)learnt;
}

void wxl_recall_put(const wxl_recall_t *recall, apr_uint64_t realm, apr_int64_t id,
                    const wxl_user_t *user, apr_time_t learnt)
{
    entry_t entry;

    if (!recall->words)
        return;
    begin(&entry, realm, id, learnt);
    put(recall, &entry, !user || fill(&entry, user));
}

void wxl_recall_forget(const wxl_recall_t *recall, apr_uint64_t realm, apr_int64_t id,
                       apr_time_t when)
{
    entry_t entry;

    if (!recall->words)
        return;
    begin(&entry, realm, id, when);
    entry.word[SHAPE] = IS_FORGOTTEN;
    put(recall, &entry, 1);
}
