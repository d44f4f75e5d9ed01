/*
 * core/limiter: rate limits without a lock. See limiter.h.
 *
 * A table is a head of 8 words, then sets. A set, in words of 64 bits:
 *     0..7    headers of its eight ways: tag (40 bits of the hash) | version (24); 0: never used
 *     8       when the shared row was last used
 *     9..17   when each way, and the shared row, was last worth a log line | print
 *     18..    nine rows of slots: time of the last event (52 bits, microseconds) | 12 bits.
 *             The 12 bits count the events of the slot. In the ninth row, which is shared, a slot
 *             holds one event and they are a print of the client (0: free): so a client that moves
 *             into a way of its own later goes on counting what it did here
 *
 * Why no event slips through. All loads and stores are sequentially consistent, so there is one
 * order of all of them. An event is counted in three steps: (1) the slot is taken by CAS, from the
 * very value that was seen to be free; (2) the way's version is raised by CAS, which fails if the
 * way has a new owner; (3) the whole set is looked at again. If (2) or (3) finds something else
 * than was expected, the slot is put back and everything starts anew.
 *
 * - Within a row, (1) alone holds the limit: each slot's events are T apart. (Who joins a group
 *   later than others, with a clock read before theirs, gets their time: no group goes back.)
 * - A way gets a new owner by CAS of its header, from the value that was read before all its slots
 *   were seen to be empty. If an event came in between, (2) has raised the version and that CAS
 *   fails; if the CAS was first, (2) fails. So a way with an event that was admitted keeps its
 *   owner as long as the event counts.
 * - Two processes may give one client two ways, where one of them saw a lower way become empty.
 *   Events go into the lowest; the others and the shared row are counted along. Of two events
 *   of one client that are both admitted in different rows, one did its step (2) last (in the
 *   shared row, which has no owner: step 1). Its step (3) saw the other, because from step (2) on
 *   neither header nor slot can have changed. So the last of any N + 1 would have seen N + 1.
 * - In the shared row step (3) must find no way of the client: who makes one later sees the event.
 */

#include "core/limiter.h"

#include <stdatomic.h>
#include <string.h>

#define WAYS 8
#define SHARED WAYS /* number of the shared row, behind those of the ways */
#define UNKNOWN (-1)

#define HEAD_WORDS 8 /* of a table: a cache line of its own, it changes often */
#define REFUSED 0
#define SHARES 1

#define USED_WORD WAYS
#define TOLD_WORD (WAYS + 1)
#define SLOT_WORD (TOLD_WORD + WAYS + 1)

/* Ways planned for, of eight: a hash never fills sets evenly. With all clients there that the
   table was made for, fewer than one in a hundred finds its set full. */
#define PLANNED 4

#define MOST_SLOTS 64
#define LOW 12
#define LOW_MASK 0xFFFu
#define TAG_SHIFT 24
#define VERSION_MASK 0xFFFFFFu

/* How old a caller's idea of now may be: on a busy machine it waits between the clock and us. */
#define SLACK apr_time_from_sec(10)
#define TELL_EVERY apr_time_from_sec(60)

#define TRIES 10000 /* never needed; an end, should the memory be damaged */
typedef _Atomic apr_uint64_t word_t;

/* A process-wide lock behind it, as for lack of an instruction, would be none between processes. */
_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "64-bit words must be atomic without a lock");
_Static_assert(sizeof(word_t) == sizeof(apr_uint64_t), "a word is 64 bits");

/* One look at the slots that count for a client. */
typedef struct {
    int way; /* where its events go: the lowest way that has its tag, SHARED or UNKNOWN */
    apr_uint32_t events;
    apr_uint64_t oldest; /* time of the slot that will be free first; 0: all are */
    word_t *slot;        /* for the next event; NULL: none is free */
    apr_uint64_t seen;   /* what stood in it */
} look_t;

/* A client in its set. */
typedef struct {
    const wxl_limiter_t *limiter;
    word_t *set;
    apr_uint64_t tag;
    apr_uint64_t print;
    apr_time_t now;
} client_t;

static apr_uint64_t word_of(apr_uint64_t time, apr_uint64_t low)
{
    return time << LOW | low;
}

/* Is a time nearer than `span`? One far ahead is from before the clock was set back: else its
   owner would be shut out until then. */
static int is_near(const wxl_limiter_t *limiter, apr_uint64_t time, apr_time_t now,
                   apr_interval_time_t span)
{
    apr_interval_time_t age = now - (apr_time_t)time;

    return age < span && age >= -(limiter->window + SLACK);
}

static int is_live(const client_t *client, apr_uint64_t word)
{
    return (word & LOW_MASK) &&
           is_near(client->limiter, word >> LOW, client->now, client->limiter->window);
}

/* May a time still count for somebody, whose now is a little older than ours? */
static int is_recent(const client_t *client, apr_uint64_t time)
{
    return time && is_near(client->limiter, time, client->now, client->limiter->window + SLACK);
}

static word_t *row_of(const client_t *client, int way)
{
    return client->set + SLOT_WORD + (apr_size_t)way * client->limiter->slots;
}

static int has_tag(const client_t *client, int way)
{
    return atomic_load(&client->set[way]) >> TAG_SHIFT == client->tag;
}

static void find_set(const wxl_limiter_t *limiter, apr_uint64_t hash, apr_time_t now,
                     client_t *client)
{
    word_t *sets = (word_t *)limiter->memory + HEAD_WORDS;
    apr_uint64_t number = (hash & VERSION_MASK) % limiter->sets; /* bits that are not in the tag */

    client->limiter = limiter;
    client->set = sets + number * limiter->stride;
    client->tag = hash >> TAG_SHIFT ? hash >> TAG_SHIFT : 1; /* a header in use is not 0 */
    client->print = (hash >> TAG_SHIFT & LOW_MASK) ? hash >> TAG_SHIFT & LOW_MASK : 1;
    client->now = now;
}

static void note_event(look_t *look, apr_uint64_t word, apr_uint32_t events)
{
    look->events += events;
    if (look->oldest == 0 || word >> LOW < look->oldest)
        look->oldest = word >> LOW;
}

/* Count a way of the client's; if `choose`, find the slot for the next event: the newest group
   that has room, or else an empty one. */
static void count_way(const client_t *client, int way, int choose, look_t *look)
{
    word_t *row = row_of(client, way);
    int joins = 0;
    apr_uint32_t i;

    for (i = 0; i < client->limiter->slots; i++) {
        apr_uint64_t word = atomic_load(&row[i]);
        int live = is_live(client, word);

        if (live)
            note_event(look, word, (apr_uint32_t)(word & LOW_MASK));
        if (!choose || (live && (word & LOW_MASK) >= client->limiter->group))
            continue;
        if (!look->slot || (live && (!joins || word > look->seen))) {
            look->slot = &row[i];
            look->seen = word;
            joins = live;
        }
    }
}

/* Count the shared row: all of it for a client that has to use it, else what is the client's. */
static void count_shared(const client_t *client, int use, look_t *look)
{
    word_t *row = row_of(client, SHARED);
    apr_uint64_t used = atomic_load(&client->set[USED_WORD]);
    apr_uint32_t i;

    if (!use && !is_recent(client, used))
        return; /* the usual case: nobody has used it */
    for (i = 0; i < client->limiter->slots; i++) {
        apr_uint64_t word = atomic_load(&row[i]);

        if (!is_live(client, word)) {
            if (use && !look->slot) {
                look->slot = &row[i];
                look->seen = word;
            }
        } else if (use || (word & LOW_MASK) == client->print) {
            note_event(look, word, 1);
        }
    }
}

static void look_around(const client_t *client, look_t *look)
{
    int way;

    memset(look, 0, sizeof(*look));
    look->way = UNKNOWN;
    for (way = 0; way < WAYS; way++) {
        if (has_tag(client, way)) {
            count_way(client, way, look->way == UNKNOWN, look);
            if (look->way == UNKNOWN)
                look->way = way;
        }
    }
    count_shared(client, 0, look);
}

/* Has its owner no event left that counts, whoever asks? */
static int is_deserted(const client_t *client, int way)
{
    word_t *row = row_of(client, way);
    apr_uint32_t i;

    for (i = 0; i < client->limiter->slots; i++) {
        apr_uint64_t word = atomic_load(&row[i]);

        if ((word & LOW_MASK) && is_recent(client, word >> LOW))
            return 0;
    }
    return 1;
}

/* Find a way for a newcomer. @return its number, UNKNOWN where all are taken */
static int find_room(const client_t *client, apr_uint64_t *header)
{
    int way;

    for (way = 0; way < WAYS; way++) {
        *header = atomic_load(&client->set[way]); /* before the slots: see step (2) above */
        if (*header == 0 || is_deserted(client, way))
            return way;
    }
    return UNKNOWN;
}

/* Make a way the client's, with the next version. @return 0 if somebody was faster */
static int claim(const client_t *client, int way, apr_uint64_t header)
{
    apr_uint64_t next = client->tag << TAG_SHIFT | ((header + 1) & VERSION_MASK);

    return atomic_compare_exchange_strong(&client->set[way], &header, next);
}

/* Step (2). @return 0 if the way has a new owner */
static int raise_version(const client_t *client, int way)
{
    apr_uint64_t header = atomic_load(&client->set[way]);

    while (header >> TAG_SHIFT == client->tag) {
        if (claim(client, way, header))
            return 1;
        header = atomic_load(&client->set[way]);
    }
    return 0;
}

/* Steps (1) to (3). @return 0 to start anew */
static int count_event(const client_t *client, const look_t *look, wxl_limiter_verdict_t *verdict)
{
    apr_uint64_t seen = look->seen;
    apr_uint64_t time = (apr_uint64_t)client->now;
    apr_uint64_t low = 1;
    look_t again;

    if (look->way == SHARED) {
        low = client->print;
        atomic_store(&client->set[USED_WORD], time); /* before the slot: who sees it looks there */
    } else if (is_live(client, seen)) {
        low = (seen & LOW_MASK) + 1;
        time = seen >> LOW > time ? seen >> LOW : time;
    }
    verdict->slot = (apr_uint64_t *)look->slot;
    verdict->before = seen;
    verdict->after = word_of(time, low);
    if (!atomic_compare_exchange_strong(look->slot, &seen, verdict->after))
        return 0;
    if (look->way == SHARED || raise_version(client, look->way)) {
        look_around(client, &again);
        if (again.way == (look->way == SHARED ? UNKNOWN : look->way) &&
            again.events <= client->limiter->limit)
            return 1;
    }
    wxl_limiter_give_back(verdict);
    return 0;
}

/* The verdict on a look. */
static void judge(const client_t *client, const look_t *look, wxl_limiter_verdict_t *verdict)
{
    const wxl_limiter_t *limiter = client->limiter;
    apr_uint32_t capacity = limiter->slots * (look->way == SHARED ? 1 : limiter->group);

    memset(verdict, 0, sizeof(*verdict));
    verdict->remaining = look->events < capacity ? capacity - look->events : 0;
    verdict->admitted = verdict->remaining > 0 && (look->slot || look->way == UNKNOWN);
    if (look->oldest)
        verdict->reset = (apr_time_t)look->oldest + limiter->window - client->now;
}

/* @return 0 to start anew, because somebody else changed what was seen */
static int try_once(const client_t *client, int take, wxl_limiter_verdict_t *verdict)
{
    apr_uint64_t header;
    look_t look;

    look_around(client, &look);
    if (look.way == UNKNOWN) {
        int room = find_room(client, &header);

        if (room == UNKNOWN) {
            memset(&look, 0, sizeof(look));
            look.way = SHARED;
            count_shared(client, 1, &look);
        } else if (take && look.events < client->limiter->limit) {
            claim(client, room, header);
            return 0;
        }
    }
    judge(client, &look, verdict);
    if (!take || !verdict->admitted)
        return 1;
    if (!count_event(client, &look, verdict))
        return 0;
    verdict->remaining--;
    if (!look.oldest)
        verdict->reset = client->limiter->window;
    if (look.way == SHARED)
        atomic_fetch_add((word_t *)client->limiter->memory + SHARES, 1);
    return 1;
}

apr_size_t wxl_limiter_shape(wxl_limiter_t *limiter, apr_uint32_t limit, apr_interval_time_t window,
                             apr_uint32_t clients)
{
    *limiter = (wxl_limiter_t){.limit = limit, .window = window};
    limiter->group = (limit + MOST_SLOTS - 1) / MOST_SLOTS;
    limiter->slots = limit / limiter->group;
    limiter->sets = clients / PLANNED + (clients % PLANNED != 0);
    limiter->stride = (SLOT_WORD + (WAYS + 1) * limiter->slots + 7) & ~7u; /* whole cache lines */
    if (limiter->sets > APR_SIZE_MAX / 2 / sizeof(word_t) / limiter->stride)
        return 0;
    return sizeof(word_t) * (HEAD_WORDS + (apr_size_t)limiter->sets * limiter->stride);
}

void wxl_limiter_open(wxl_limiter_t *limiter, void *memory)
{
    limiter->memory = memory;
}

void wxl_limiter_check(const wxl_limiter_t *limiter, apr_uint64_t hash, apr_time_t now, int take,
                       wxl_limiter_verdict_t *verdict)
{
    client_t client;
    int tries;

    find_set(limiter, hash, now, &client);
    for (tries = 0; tries < TRIES; tries++) {
        if (try_once(&client, take, verdict))
            return;
    }
    memset(verdict, 0, sizeof(*verdict));
    verdict->reset = APR_USEC_PER_SEC;
}

void wxl_limiter_give_back(const wxl_limiter_verdict_t *verdict)
{
    apr_uint64_t after = verdict->after;

    /* Where others have joined the group since, the event stays: one too many is no harm. */
    if (verdict->slot)
        atomic_compare_exchange_strong((word_t *)verdict->slot, &after, verdict->before);
}

int wxl_limiter_refused(const wxl_limiter_t *limiter, apr_uint64_t hash, apr_time_t now)
{
    client_t client;
    apr_uint64_t told;
    word_t *word;
    int way;

    atomic_fetch_add((word_t *)limiter->memory + REFUSED, 1);
    find_set(limiter, hash, now, &client);
    for (way = 0; way < SHARED && !has_tag(&client, way); way++)
        continue;
    word = &client.set[TOLD_WORD + way];
    told = atomic_load(word);
    /* A way may have had another owner; those who share a row share the line, too. */
    if (told && (way == SHARED || (told & LOW_MASK) == client.print) &&
        is_near(limiter, told >> LOW, now, TELL_EVERY))
        return 0;
    return atomic_compare_exchange_strong(word, &told, word_of((apr_uint64_t)now, client.print));
}

void wxl_limiter_counts(const wxl_limiter_t *limiter, apr_uint64_t *refused, apr_uint64_t *shared)
{
    *refused = atomic_load((word_t *)limiter->memory + REFUSED);
    *shared = atomic_load((word_t *)limiter->memory + SHARES);
}
