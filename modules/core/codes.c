/* core/codes: one answer per code. See codes.h. */

#include "core/codes.h"

#include <string.h>

#include <apr_strings.h>

#define WAYS 8
#define MOST_SETS (1u << 20)

typedef enum { FREE = 0, RUNNING, KNOWN } state_t;

typedef struct {
    wxl_codes_key_t key;
    apr_time_t until; /* RUNNING: then the claim is void; KNOWN: then it is forgotten */
    apr_uint32_t state;
    apr_uint32_t serial;
    wxl_codes_outcome_t outcome;
} slot_t;

struct wxl_codes_t {
    apr_uint32_t sets; /* a power of two */
    apr_uint32_t serial;
    slot_t slots[];
};

static apr_uint32_t sets_for(apr_uint32_t count)
{
    apr_uint32_t sets = 1;

    while (sets < count / WAYS && sets < MOST_SETS)
        sets *= 2;
    return sets;
}

apr_size_t wxl_codes_size(apr_uint32_t count)
{
    return sizeof(wxl_codes_t) + (apr_size_t)sets_for(count) * WAYS * sizeof(slot_t);
}

wxl_codes_t *wxl_codes_init(void *memory, apr_uint32_t count)
{
    wxl_codes_t *codes = memory;

    codes->sets = sets_for(count);
    return codes;
}

wxl_codes_key_t wxl_codes_key(apr_pool_t *pool, const wxl_hmac_t *secret, const char *appid,
                              const char *code)
{
    wxl_codes_key_t key = {{0, 0}};
    unsigned char mac[WXL_HMAC_SHA256_SIZE];
    /* A line feed stands in no appid. */
    const char *text = apr_pstrcat(pool, appid, "\n", code, NULL);

    if (wxl_crypto_hmac(secret, text, strlen(text), mac) == APR_SUCCESS)
        memcpy(&key, mac, sizeof(key));
    return key;
}

/* Is there something in it that still counts? */
static int is_live(const slot_t *slot, apr_time_t now)
{
    return slot->state != FREE && now < slot->until;
}

static slot_t *find(slot_t *set, const wxl_codes_key_t *key, apr_time_t now)
{
    int i;

    for (i = 0; i < WAYS; i++) {
        if (is_live(&set[i], now) && memcmp(&set[i].key, key, sizeof(*key)) == 0)
            return &set[i];
    }
    return NULL;
}

/* A slot to write on: one that holds nothing, else the answer that is forgotten soonest. What is
   under way is never overwritten. */
static slot_t *spare(slot_t *set, apr_time_t now)
{
    slot_t *best = NULL;
    int i;

    for (i = 0; i < WAYS; i++) {
        if (!is_live(&set[i], now))
            return &set[i];
        if (set[i].state == KNOWN && (!best || set[i].until < best->until))
            best = &set[i];
    }
    return best;
}

wxl_codes_claim_t wxl_codes_claim(wxl_codes_t *codes, const wxl_codes_ask_t *ask,
                                  wxl_codes_ticket_t *ticket, wxl_codes_outcome_t *outcome)
{
    slot_t *set = &codes->slots[(ask->key.word[0] & (codes->sets - 1)) * WAYS];
    slot_t *slot = find(set, &ask->key, ask->now);

    memset(ticket, 0, sizeof(*ticket));
    if (ask->key.word[0] == 0 && ask->key.word[1] == 0)
        return WXL_CODES_MINE; /* no key could be made: strangers must not share a slot */
    if (slot && slot->state == RUNNING)
        return WXL_CODES_JOIN;
    if (slot) {
        *outcome = slot->outcome;
        return WXL_CODES_KNOWN;
    }
    slot = spare(set, ask->now);
    if (!slot)
        return WXL_CODES_MINE;
    if (++codes->serial == 0)
        codes->serial = 1;
    slot->state = FREE;
    slot->key = ask->key;
    slot->until = ask->deadline;
    slot->serial = codes->serial;
    slot->state = RUNNING;
    ticket->slot = (apr_uint32_t)(slot - codes->slots);
    ticket->serial = slot->serial;
    return WXL_CODES_MINE;
}

/* The slot of a ticket, as long as it is the ticket's. */
static slot_t *slot_of(wxl_codes_t *codes, const wxl_codes_ticket_t *ticket)
{
    slot_t *slot = &codes->slots[ticket->slot];

    return ticket->serial && slot->serial == ticket->serial && slot->state == RUNNING ? slot : NULL;
}

void wxl_codes_publish(wxl_codes_t *codes, const wxl_codes_ticket_t *ticket,
                       const wxl_codes_outcome_t *outcome, apr_time_t until)
{
    slot_t *slot = slot_of(codes, ticket);

    if (!slot)
        return;
    slot->outcome = *outcome;
    slot->until = until;
    slot->state = KNOWN;
}

void wxl_codes_give_up(wxl_codes_t *codes, const wxl_codes_ticket_t *ticket)
{
    slot_t *slot = slot_of(codes, ticket);

    if (slot)
        slot->state = FREE;
}
