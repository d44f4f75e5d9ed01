/* gate/http_legs: legs and hosts. See http_legs.h. */

#include "gate/http_legs.h"

#include <stdlib.h>
#include <string.h>

/* How long a looked-up name is believed. */
#define NAME_SECONDS 60
#define TOO_LATE "its name could not be looked up in time"
#define NO_MEMORY "libcurl is out of memory"

/* -- legs and handles ------------------------------------------------------------------------- */

static wxl_http_leg_t *leg_begin(wxl_http_legs_t *legs, wxl_http_call_t *call)
{
    wxl_http_leg_t *leg = calloc(1, sizeof(*leg));

    if (!leg)
        return NULL;
    leg->call = call;
    leg->older = legs->newest;
    if (legs->newest)
        legs->newest->newer = leg;
    legs->newest = leg;
    return leg;
}

/* The reply is in the call. */
static void leg_end(wxl_http_legs_t *legs, wxl_http_leg_t *leg)
{
    if (leg->newer)
        leg->newer->older = leg->older;
    else
        legs->newest = leg->older;
    if (leg->older)
        leg->older->newer = leg->newer;
    wxl_http_calls_done(leg->call);
    free(leg);
}

/* A failure of the other side. */
static void leg_fail(wxl_http_legs_t *legs, wxl_http_leg_t *leg, const char *why)
{
    wxl_http_fail(&leg->call->reply, why);
    leg_end(legs, leg);
}

/* A failure of our own, before anybody was asked. */
static void leg_lack(wxl_http_legs_t *legs, wxl_http_leg_t *leg, const char *why)
{
    wxl_http_lack(&leg->call->reply, why);
    leg_end(legs, leg);
}

static CURL *handle_take(wxl_http_legs_t *legs)
{
    return legs->idle_count ? legs->idle[--legs->idle_count] : wxl_http_easy_new();
}

static void handle_give_back(wxl_http_legs_t *legs, CURL *curl)
{
    if (legs->idle_count < WXL_HTTP_SPARE_HANDLES)
        legs->idle[legs->idle_count++] = curl;
    else
        curl_easy_cleanup(curl);
}

/* -- hosts ------------------------------------------------------------------------------------ */

static wxl_http_host_t *host_of(wxl_http_legs_t *legs, const char *url)
{
    const char *slashes = strstr(url, "//");
    size_t len = slashes ? (size_t)(slashes - url) + 2 : 0;
    wxl_http_host_t *host;

    len += strcspn(url + len, "/?#");
    for (host = legs->hosts; host; host = host->next) {
        if (strncmp(host->origin, url, len) == 0 && !host->origin[len])
            return host;
    }
    host = calloc(1, sizeof(*host));
    if (!host || !(host->origin = strndup(url, len))) {
        free(host);
        return NULL;
    }
    host->last = &host->first;
    host->next = legs->hosts; /* as many as the configuration names: never removed */
    legs->hosts = host;
    return host;
}

/* The place of a leg among those that went ahead, or a free one for NULL; NULL: there is none. */
static wxl_http_leg_t **place_of(wxl_http_host_t *host, const wxl_http_leg_t *leg)
{
    int i;

    for (i = 0; i < WXL_HTTP_LOOKUPS; i++) {
        if (host->ahead[i] == leg)
            return &host->ahead[i];
    }
    return NULL;
}

/* Add the transfer of a leg, or end it. */
static void start(wxl_http_legs_t *legs, wxl_http_leg_t *leg, apr_time_t now)
{
    wxl_http_request_t left = leg->call->request;
    apr_interval_time_t waited = now - leg->call->submitted;
    int known = now < leg->host->known_until;

    left.timeout -= waited;
    left.connect_timeout -= waited;
    if (left.connect_timeout < apr_time_from_msec(1)) {
        leg_fail(legs, leg, TOO_LATE);
        return;
    }
    leg->curl = handle_take(legs);
    if (!leg->curl) {
        leg_lack(legs, leg, NO_MEMORY);
        return;
    }
    if (!wxl_http_easy_setup(leg->curl, &leg->transfer, &left)) {
        handle_give_back(legs, leg->curl);
        leg_lack(legs, leg, "libcurl could not be given the certificates to trust");
        return;
    }
    curl_easy_setopt(leg->curl, CURLOPT_PRIVATE, leg);
    /* Those that go ahead look the name up afresh, so that it is known for all of the time. */
    curl_easy_setopt(leg->curl, CURLOPT_DNS_CACHE_TIMEOUT, known ? -1L : 0L);
    if (!known) {
        leg->transfer.curl = leg->curl;
        leg->transfer.news = &legs->news;
        *place_of(leg->host, NULL) = leg;
    }
    if (curl_multi_add_handle(legs->multi, leg->curl) != CURLM_OK) {
        if (!known)
            *place_of(leg->host, leg) = NULL;
        curl_easy_cleanup(leg->curl);
        leg_lack(legs, leg, NO_MEMORY);
        return;
    }
    if (++legs->running > legs->most)
        legs->most = legs->running;
}

static wxl_http_leg_t *first_of(wxl_http_host_t *host)
{
    wxl_http_leg_t *leg = host->first;

    host->first = leg->next;
    if (!host->first)
        host->last = &host->first;
    return leg;
}

/* Let those go that may. */
static void admit(wxl_http_legs_t *legs, wxl_http_host_t *host)
{
    apr_time_t now = wxl_http_clock();

    while (host->first && (now < host->known_until || place_of(host, NULL)))
        start(legs, first_of(host), now);
}

/* A leg that went ahead is no longer among those. */
static void looked_up(wxl_http_leg_t *leg)
{
    wxl_http_leg_t **place = place_of(leg->host, leg);

    if (!place)
        return;
    *place = NULL;
    if (leg->transfer.resolved)
        leg->host->known_until = wxl_http_clock() + apr_time_from_sec(NAME_SECONDS);
}

void wxl_http_legs_news(wxl_http_legs_t *legs)
{
    wxl_http_host_t *host;
    int i;

    legs->news = 0;
    for (host = legs->hosts; host; host = host->next) {
        for (i = 0; i < WXL_HTTP_LOOKUPS; i++) {
            wxl_http_leg_t *leg = host->ahead[i];

            if (leg && (leg->transfer.resolved || leg->transfer.sent))
                looked_up(leg);
        }
        admit(legs, host);
    }
}

void wxl_http_legs_add(wxl_http_legs_t *legs, wxl_http_call_t *call)
{
    wxl_http_leg_t *leg = leg_begin(legs, call);

    if (!leg) {
        wxl_http_lack(&call->reply, "no memory was left");
        wxl_http_calls_done(call);
        return;
    }
    leg->host = host_of(legs, call->url);
    if (!leg->host) {
        leg_lack(legs, leg, NO_MEMORY);
        return;
    }
    *leg->host->last = leg;
    leg->host->last = &leg->next;
    admit(legs, leg->host);
}

void wxl_http_legs_finish(wxl_http_legs_t *legs, CURL *curl, CURLcode code)
{
    char *private;
    wxl_http_leg_t *leg;

    curl_easy_getinfo(curl, CURLINFO_PRIVATE, &private);
    leg = (wxl_http_leg_t *)private;
    curl_multi_remove_handle(legs->multi, curl);
    if (!leg) { /* the closer, which has done its work */
        curl_easy_cleanup(curl);
        return;
    }
    wxl_http_easy_finish(curl, code, &leg->transfer, &leg->call->reply);
    handle_give_back(legs, curl);
    legs->running--;
    if (place_of(leg->host, leg) || leg->host->first)
        legs->news = 1;
    looked_up(leg);
    leg_end(legs, leg);
}

static apr_time_t expiry(const wxl_http_leg_t *leg)
{
    return leg->call->submitted + leg->call->request.connect_timeout;
}

/* They wait in order, so the first is the oldest; those of other virtual hosts with shorter
   timeouts are found when they come to the front. */
void wxl_http_legs_expire(wxl_http_legs_t *legs, apr_time_t now)
{
    wxl_http_host_t *host;

    for (host = legs->hosts; host; host = host->next) {
        while (host->first && expiry(host->first) <= now)
            leg_fail(legs, first_of(host), TOO_LATE);
    }
}

apr_time_t wxl_http_legs_next(const wxl_http_legs_t *legs, apr_time_t otherwise)
{
    const wxl_http_host_t *host;

    for (host = legs->hosts; host; host = host->next) {
        if (host->first && (!otherwise || expiry(host->first) < otherwise))
            otherwise = expiry(host->first);
    }
    return otherwise;
}

static void free_handles(wxl_http_legs_t *legs)
{
    while (legs->idle_count)
        curl_easy_cleanup(legs->idle[--legs->idle_count]);
}

void wxl_http_legs_rest(wxl_http_legs_t *legs)
{
    CURL *closer = wxl_http_easy_closer();

    free_handles(legs);
    if (closer && curl_multi_add_handle(legs->multi, closer) != CURLM_OK)
        curl_easy_cleanup(closer);
}

void wxl_http_legs_let_go(wxl_http_legs_t *legs)
{
    while (legs->newest) {
        wxl_http_leg_t *leg = legs->newest;

        if (leg->curl) {
            curl_multi_remove_handle(legs->multi, leg->curl);
            curl_easy_cleanup(leg->curl);
        }
        free(leg->transfer.body);
        leg_fail(legs, leg, "the server is ending");
    }
    free_handles(legs);
    while (legs->hosts) {
        wxl_http_host_t *host = legs->hosts;

        legs->hosts = host->next;
        free(host->origin);
        free(host);
    }
}
