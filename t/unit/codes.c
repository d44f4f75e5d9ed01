/* core/codes: who asks about a code, who waits, who is told. The clock is the test's. */

#include "core/codes.h"

#include <apr_thread_mutex.h>
#include <apr_thread_proc.h>

#include "fixture.h"

#define SECOND APR_USEC_PER_SEC
#define MINE WXL_CODES_MINE
#define JOIN WXL_CODES_JOIN
#define KNOWN WXL_CODES_KNOWN
#define WAYS 8

static wxl_codes_t *table_of(apr_uint32_t count)
{
    void *memory = calloc(1, wxl_codes_size(count));

    if (!memory)
        abort();
    return wxl_codes_init(memory, count);
}

static wxl_codes_ask_t ask_for(apr_uint64_t number, apr_time_t now, apr_time_t deadline)
{
    wxl_codes_ask_t ask = {{{number, number}}, now, deadline};

    return ask;
}

static wxl_codes_outcome_t openid(const char *text)
{
    wxl_codes_outcome_t outcome = {.problem = WXL_OK};

    apr_cpystrn(outcome.text, text, sizeof(outcome.text));
    return outcome;
}

/* One story with two codes, event by event. Times in seconds. The tickets of the first askers of
   each code, 0 and 1, and of a second one of code 0, 2, are kept. */
typedef enum { CLAIM, PUBLISH, GIVE_UP } event_t;

static const struct {
    event_t event;
    int code;
    int ticket; /* that is used or filled; -1: none is kept */
    int now;
    int until;
    int result;
    const char *name;
} story[] = {
    {CLAIM, 0, 0, 100, 112, MINE, "the first asks"},
    {CLAIM, 0, -1, 100, 112, JOIN, "the second joins"},
    {CLAIM, 0, -1, 111, 123, JOIN, "so does a late one"},
    {CLAIM, 1, 1, 101, 113, MINE, "another code is another story"},
    {PUBLISH, 0, 0, 111, 171, 0, "the first knows"},
    {CLAIM, 0, -1, 111, 123, KNOWN, "and everybody knows"},
    {CLAIM, 0, -1, 170, 182, KNOWN, "until the end"},
    {CLAIM, 1, -1, 112, 124, JOIN, "the other code is still under way"},
    {CLAIM, 0, 2, 171, 183, MINE, "then it is forgotten: somebody asks again"},
    {PUBLISH, 0, 0, 172, 999, 0, "the first tells again: it is not its slot any more"},
    {CLAIM, 0, -1, 172, 184, JOIN, "so the second asker's claim stands"},
    {GIVE_UP, 0, 0, 172, 0, 0, "the first gives up what it no longer has"},
    {CLAIM, 0, -1, 172, 184, JOIN, "so the second asker's claim stands again"},
    {GIVE_UP, 0, 2, 173, 0, 0, "the second asker gives up"},
    {CLAIM, 0, 2, 173, 185, MINE, "whoever waits may ask"},
    {GIVE_UP, 0, 2, 173, 0, 0, "gives up, too"},
    {GIVE_UP, 0, 2, 173, 0, 0, "twice is no harm"},
    {PUBLISH, 0, 2, 174, 999, 0, "nothing is told after giving up"},
    {CLAIM, 0, 0, 174, 186, MINE, "so it is asked again"},
    {CLAIM, 1, -1, 112, 124, JOIN, "one moment before the deadline: it is still under way"},
    {CLAIM, 1, 2, 113, 125, MINE, "at the deadline: whoever asked is dead"},
    {PUBLISH, 1, 1, 114, 999, 0, "or only slow: it comes too late"},
    {CLAIM, 1, -1, 114, 126, JOIN, "nobody believes it"},
    {PUBLISH, 1, 2, 115, 175, 0, "the new asker knows"},
    {CLAIM, 1, -1, 115, 127, KNOWN, "and is believed"},
    {GIVE_UP, 1, 2, 116, 0, 0, "what is known is not given up"},
    {CLAIM, 1, -1, 116, 128, KNOWN, "it stays"},
    {CLAIM, 0, -1, 185, 197, JOIN, "the last asker of the first code"},
    {PUBLISH, 0, 0, 185, 185, 0, "tells for no time at all"},
    {CLAIM, 0, 0, 185, 197, MINE, "nobody hears it"},
};

static void events(void)
{
    wxl_codes_t *codes = table_of(64);
    wxl_codes_ticket_t tickets[3], dummy;
    size_t i;

    memset(tickets, 0, sizeof(tickets));
    for (i = 0; i < COUNT(story); i++) {
        int t = story[i].ticket;
        wxl_codes_ticket_t *ticket = t < 0 ? &dummy : &tickets[t];
        wxl_codes_ask_t ask = ask_for((apr_uint64_t)story[i].code + 1, story[i].now * SECOND,
                                      story[i].until * SECOND);
        wxl_codes_outcome_t outcome = openid(story[i].code ? "o-other" : "o-one");

        if (story[i].event == PUBLISH)
            wxl_codes_publish(codes, ticket, &outcome, story[i].until * SECOND);
        else if (story[i].event == GIVE_UP)
            wxl_codes_give_up(codes, ticket);
        if (story[i].event != CLAIM) {
            ok(1, "%s", story[i].name);
            continue;
        }
        memset(&outcome, 0, sizeof(outcome));
        is_int(wxl_codes_claim(codes, &ask, ticket, &outcome), story[i].result, "%s",
               story[i].name);
        ok(!ticket->serial == (story[i].result != MINE), "... with a ticket only if it asks");
        if (story[i].result == KNOWN)
            is_str(outcome.text, story[i].code ? "o-other" : "o-one", "... and the openid");
    }
    free(codes);
}

/* What is told comes back as it was. */
static void outcomes(void)
{
    wxl_codes_t *codes = table_of(64);
    wxl_codes_outcome_t told, heard;
    wxl_codes_ticket_t ticket;
    wxl_codes_ask_t ask = ask_for(7, SECOND, 2 * SECOND);

    memset(&told, 0, sizeof(told));
    told.problem = WXL_WECHAT_ERROR;
    told.errcode = -40029;
    memset(told.text, 'x', sizeof(told.text) - 1);
    wxl_codes_claim(codes, &ask, &ticket, &heard);
    wxl_codes_publish(codes, &ticket, &told, 3 * SECOND);
    is_int(wxl_codes_claim(codes, &ask, &ticket, &heard), KNOWN, "a failure is known");
    ok(memcmp(&told, &heard, sizeof(told)) == 0, "to the last byte");
    is_int((long long)strlen(heard.text), WXL_CODES_TEXT - 1, "the longest text");
    free(codes);
}

/* One set of eight: what is under way is never overwritten, what is known goes oldest first. */
static void full(void)
{
    wxl_codes_t *codes = table_of(WAYS);
    wxl_codes_ticket_t tickets[WAYS], ticket, none = {0, 0};
    wxl_codes_outcome_t outcome, told = openid("o1");
    wxl_codes_ask_t ask;
    int i;

    for (i = 0; i < WAYS; i++) {
        ask = ask_for((apr_uint64_t)i + 1, SECOND, 10 * SECOND);
        is_int(wxl_codes_claim(codes, &ask, &tickets[i], &outcome), MINE, "code %d of eight", i);
        ok(tickets[i].serial, "... remembered");
    }
    ask = ask_for(100, SECOND, 10 * SECOND);
    is_int(wxl_codes_claim(codes, &ask, &ticket, &outcome), MINE, "the ninth asks");
    is_int(ticket.serial, 0, "but is not remembered");
    wxl_codes_publish(codes, &ticket, &told, 60 * SECOND);
    wxl_codes_give_up(codes, &none);
    is_int(wxl_codes_claim(codes, &ask, &ticket, &outcome), MINE, "telling changed nothing");
    ask = ask_for(1, SECOND, 10 * SECOND);
    is_int(wxl_codes_claim(codes, &ask, &ticket, &outcome), JOIN, "nor did giving up");

    for (i = 0; i < WAYS; i++) /* the fourth is forgotten first */
        wxl_codes_publish(codes, &tickets[i], &told, (60 + (i + 4) % WAYS) * SECOND);
    ask = ask_for(100, 2 * SECOND, 10 * SECOND);
    is_int(wxl_codes_claim(codes, &ask, &ticket, &outcome), MINE, "the ninth asks again");
    ok(ticket.serial, "and is remembered");
    is_int(ticket.slot, tickets[4].slot, "in the place of the one that is forgotten soonest");
    ask = ask_for(5, 2 * SECOND, 10 * SECOND);
    is_int(wxl_codes_claim(codes, &ask, &ticket, &outcome), MINE, "which is gone");
    for (i = 0; i < WAYS; i++) {
        ask = ask_for((apr_uint64_t)i + 1, 2 * SECOND, 10 * SECOND);
        if (i != 4 && i != 5)
            is_int(wxl_codes_claim(codes, &ask, &ticket, &outcome), KNOWN, "code %d stayed", i);
    }
    free(codes);
}

static void sizes(void)
{
    ok(wxl_codes_size(0) > 0, "a table of nothing has a set");
    is_int((long long)wxl_codes_size(WAYS), (long long)wxl_codes_size(1), "a set is the least");
    ok(wxl_codes_size(65536) > 65536 * (sizeof(wxl_codes_outcome_t) + sizeof(wxl_codes_key_t)),
       "room for all");
    ok(wxl_codes_size(65536) < 65536 * 256, "in less than 16 MB");
    is_int((long long)wxl_codes_size(0xffffffff), (long long)wxl_codes_size(1u << 23),
           "there is an end to it");
}

static wxl_codes_key_t key_of(apr_pool_t *pool, const char *text, const char *appid,
                              const char *code)
{
    wxl_secret_t secret = {text, strlen(text)};

    return wxl_codes_key(pool, wxl_crypto_hmac_keep(pool, &secret), appid, code);
}

/* Keys: the same for the same, different for whatever differs. */
static void keys(apr_pool_t *pool)
{
    static const struct {
        const char *secret, *appid, *code;
    } others[] = {{"secret-2", "wx1", "code"},  {"secret-1", "wx2", "code"},
                  {"secret-1", "wx1", "Code"},  {"secret-1", "wx1", "code "},
                  {"secret-1", "wx1c", "ode"},  {"secret-1", "wx1", ""},
                  {"secret-1", "", "wx1\ncode"}};
    wxl_codes_key_t one = key_of(pool, "secret-1", "wx1", "code");
    wxl_codes_key_t two = key_of(pool, "secret-1", "wx1", "code");
    size_t i;

    ok(memcmp(&one, &two, sizeof(one)) == 0, "the same code has the same key");
    for (i = 0; i < COUNT(others); i++) {
        two = key_of(pool, others[i].secret, others[i].appid, others[i].code);
        ok(memcmp(&one, &two, sizeof(one)) != 0, "what is not the same has another: %d", (int)i);
    }
}

/* A process that died anywhere leaves zeros or rubbish in a slot that was being written: whatever
   stands there, a claim is an answer and nothing is read outside of the table. */
static void rubbish(void)
{
    apr_size_t size = wxl_codes_size(64);
    unsigned char *memory = malloc(size);
    unsigned seed = 1;
    int round, wrong = 0;
    apr_size_t i;

    if (!memory)
        abort();
    for (round = 0; round < 200; round++) {
        wxl_codes_t *codes;
        wxl_codes_ticket_t ticket;
        wxl_codes_outcome_t outcome = openid("o");
        wxl_codes_ask_t ask = ask_for((apr_uint64_t)round, SECOND, 9 * SECOND);

        for (i = 0; i < size; i++)
            memory[i] = (unsigned char)((seed = seed * 1103515245 + 12345) >> 16);
        codes = wxl_codes_init(memory, 64);
        wrong += (unsigned)wxl_codes_claim(codes, &ask, &ticket, &outcome) > KNOWN;
        wxl_codes_publish(codes, &ticket, &outcome, 9 * SECOND);
        wxl_codes_give_up(codes, &ticket);
    }
    is_int(wrong, 0, "rubbish in the table: a claim is still an answer");
    free(memory);
}

/* Threads under a lock: of all who want a code at the same time, one asks. */
#define THREADS 4
#define ROUNDS 5000
static wxl_codes_t *shared;
static apr_thread_mutex_t *mutex;
static int asked[ROUNDS];

static void *APR_THREAD_FUNC rush(apr_thread_t *thread, void *data)
{
    long wrong = 0;
    int i;

    (void)data;
    for (i = 0; i < ROUNDS; i++) {
        wxl_codes_ask_t ask = ask_for((apr_uint64_t)i + 1, SECOND, 9 * SECOND);
        wxl_codes_outcome_t outcome, told = openid("o");
        wxl_codes_ticket_t ticket;
        wxl_codes_claim_t claim;

        told.errcode = i;
        do {
            apr_thread_mutex_lock(mutex);
            claim = wxl_codes_claim(shared, &ask, &ticket, &outcome);
            asked[i] += claim == MINE;
            apr_thread_mutex_unlock(mutex);
        } while (claim == JOIN);
        if (claim == MINE) {
            apr_thread_mutex_lock(mutex);
            wxl_codes_publish(shared, &ticket, &told, 60 * SECOND + i);
            apr_thread_mutex_unlock(mutex);
        } else {
            wrong += outcome.errcode != i;
        }
    }
    apr_thread_exit(thread, (apr_status_t)wrong);
    return NULL;
}

static void race(apr_pool_t *pool)
{
    apr_thread_t *threads[THREADS];
    apr_status_t part;
    int i, wrong = 0, more = 0;

    shared = table_of(65536);
    apr_thread_mutex_create(&mutex, APR_THREAD_MUTEX_DEFAULT, pool);
    for (i = 0; i < THREADS; i++)
        apr_thread_create(&threads[i], NULL, rush, NULL, pool);
    for (i = 0; i < THREADS; i++) {
        apr_thread_join(&part, threads[i]);
        wrong += part;
    }
    for (i = 0; i < ROUNDS; i++)
        more += asked[i] != 1;
    is_int(wrong, 0, "%d threads, %d codes: everybody hears what was told", THREADS, ROUNDS);
    is_int(more, 0, "and each code was asked about once");
    free(shared);
}

int main(void)
{
    apr_pool_t *pool = fixture_start();

    events();
    outcomes();
    full();
    sizes();
    keys(pool);
    rubbish();
    race(pool);
    return done_testing();
}
