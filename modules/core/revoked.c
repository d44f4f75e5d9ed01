/* core/revoked: what has been ended before its time. See revoked.h. */

#include "core/revoked.h"

#include <string.h>

#include <apr_siphash.h>

/* A set: the mark of what was lost, then the entries. */
#define WORDS 8
#define LOST 0
#define FIRST 1

/* Entries are planned for so many in a set of seven: then one set in a hundred is full. */
#define PLANNED 3

#define TAG_SHIFT 32
#define LATEST 0xFFFFFFFFLL

apr_size_t wxl_revoked_size(apr_size_t entries)
{
    return (entries + PLANNED - 1) / PLANNED * WORDS * sizeof(apr_uint64_t);
}

void wxl_revoked_use(wxl_revoked_t *revoked, void *memory, apr_size_t size, apr_int64_t lifetime)
{
    revoked->sets = size / (WORDS * sizeof(apr_uint64_t));
    revoked->words = revoked->sets ? memory : NULL;
    revoked->lifetime = lifetime;
}

apr_uint64_t wxl_revoked_key(apr_uint64_t realm, const void *bytes, apr_size_t len)
{
    /* Nobody chooses his key: the hash has to be even, it need not be secret. */
    unsigned char salt[APR_SIPHASH_KSIZE] = "wxlogin revoked";

    memcpy(salt, &realm, sizeof(realm));
    return apr_siphash24(bytes, len, salt);
}

static apr_uint64_t load(const apr_uint64_t *word)
{
    return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

/* @param seen what is expected there; gets what is there instead */
static int swap(apr_uint64_t *word, apr_uint64_t *seen, apr_uint64_t next)
{
    return __atomic_compare_exchange_n(word, seen, next, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

static apr_uint64_t *set_of(const wxl_revoked_t *revoked, apr_uint64_t key)
{
    /* The tag is the upper half: what chooses the set are the bits of the lower. */
    return revoked->words + (key & LATEST) % revoked->sets * WORDS;
}

static apr_int64_t moment_of(apr_uint64_t word)
{
    return (apr_int64_t)(word & LATEST);
}

static int is_of(apr_uint64_t word, apr_uint64_t key)
{
    return word != 0 && word >> TAG_SHIFT == key >> TAG_SHIFT;
}

static int is_over(const wxl_revoked_t *revoked, apr_int64_t moment, apr_int64_t now)
{
    return moment == 0 || now - moment >= revoked->lifetime;
}

/* Move the moment of an entry forward.
   @return 0 where the entry is the key's no more: it was over, and somebody has taken its place */
static int move_forward(apr_uint64_t *entry, apr_uint64_t next, wxl_revoked_entered_t *entered)
{
    apr_uint64_t seen = load(entry);

    while (is_of(seen, next)) {
        *entered = moment_of(seen) < moment_of(next) ? WXL_REVOKED_NEW : WXL_REVOKED_KNOWN;
        if (*entered == WXL_REVOKED_KNOWN || swap(entry, &seen, next))
            return 1;
    }
    return 0;
}

/* Take a place that was free, or whose entry was over. @return 0 where somebody was faster */
static int take(const wxl_revoked_t *revoked, apr_uint64_t *place, apr_uint64_t next,
                apr_int64_t now)
{
    apr_uint64_t seen = load(place);

    return is_over(revoked, moment_of(seen), now) && swap(place, &seen, next);
}

/* Note that an entry found no room. */
static wxl_revoked_entered_t lose(apr_uint64_t *lost, apr_uint64_t moment)
{
    apr_uint64_t seen = load(lost);

    while (seen < moment) {
        if (swap(lost, &seen, moment))
            return WXL_REVOKED_LOST;
    }
    return WXL_REVOKED_KNOWN;
}

/* Where the key's own entry stands, or one that is free. @return NULL: the set is full */
static apr_uint64_t *find_place(const wxl_revoked_t *revoked, apr_uint64_t *set, apr_uint64_t next,
                                apr_int64_t now)
{
    apr_uint64_t *place = NULL;
    int i;

    for (i = FIRST; i < WORDS; i++) {
        apr_uint64_t word = load(set + i);

        if (is_of(word, next))
            return set + i;
        if (!place && is_over(revoked, moment_of(word), now))
            place = set + i;
    }
    return place;
}

wxl_revoked_entered_t wxl_revoked_add(const wxl_revoked_t *revoked, apr_uint64_t key,
                                      apr_int64_t moment, apr_int64_t now)
{
    wxl_revoked_entered_t entered = WXL_REVOKED_NEW;
    apr_uint64_t *set, *place, next;

    if (moment > LATEST)
        moment = LATEST;
    if (!revoked->words || moment <= 0 || is_over(revoked, moment, now))
        return WXL_REVOKED_KNOWN;
    set = set_of(revoked, key);
    next = key >> TAG_SHIFT << TAG_SHIFT | (apr_uint64_t)moment;
    while ((place = find_place(revoked, set, next, now)) != NULL) {
        if (move_forward(place, next, &entered) || take(revoked, place, next, now))
            return entered;
    }
    return lose(set + LOST, (apr_uint64_t)moment);
}

wxl_revoked_answer_t wxl_revoked_find(const wxl_revoked_t *revoked, apr_uint64_t key,
                                      apr_int64_t now)
{
    wxl_revoked_answer_t answer = {0, 0};
    const apr_uint64_t *set;
    int i;

    if (!revoked->words)
        return answer;
    set = set_of(revoked, key);
    for (i = FIRST; i < WORDS; i++) {
        apr_uint64_t word = load(set + i);

        /* Two writers at a time may have made two entries of one key. */
        if (is_of(word, key) && moment_of(word) > answer.moment)
            answer.moment = moment_of(word);
    }
    answer.lost = moment_of(load(set + LOST));
    if (is_over(revoked, answer.moment, now))
        answer.moment = 0;
    if (is_over(revoked, answer.lost, now))
        answer.lost = 0;
    return answer;
}
