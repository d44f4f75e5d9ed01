/*
 * core/ended: what the data base says has been ended: sessions that were revoked, and users whose
 * older tokens are dead, whoever ended them (this module, another host, an administrator by SQL).
 *
 * What is read goes by the data base's clock: so many microseconds before its now. Called by the
 * thread that holds the errand; results live in the errand's pool. A function that takes a door is
 * one statement.
 */
#ifndef WXL_ENDED_H
#define WXL_ENDED_H

#include <apr_tables.h>

#include "base/errand.h"
#include "gate/db.h"

/** Most that a page of a reading holds; a page of fewer is the last. */
#define WXL_ENDED_PAGE 1000

/** Most sessions that are removed at a time. */
#define WXL_ENDED_BATCH 500

/** A session or a user that was ended. */
typedef struct {
    const char *id;      /* sid, or the user's id in decimal digits */
    apr_time_t when;     /* microseconds since 1970 */
    apr_int64_t user_id; /* whose it was, or who he is */
} wxl_ended_t;

typedef enum { WXL_ENDED_SESSIONS, WXL_ENDED_USERS } wxl_ended_kind_t;

/** A moment by two clocks, in microseconds. */
typedef struct {
    apr_time_t steady; /* wxl_clock_steady(): never set, but may stand still while the machine or
                          its host sleeps; 0: never */
    apr_time_t wall;   /* apr_time_now(): goes on meanwhile, but may be set */
} wxl_ended_moment_t;

/** How long ago a moment was: the longer of what the two clocks say. */
apr_interval_time_t wxl_ended_since(const wxl_ended_moment_t *then, const wxl_ended_moment_t *now);

/**
 * How far back a reading has to go.
 * @param last when one began that has got everything up to then less the overlap
 * @param lifetime nothing older is of interest
 */
apr_interval_time_t wxl_ended_age(const wxl_ended_moment_t *last, const wxl_ended_moment_t *now,
                                  apr_interval_time_t overlap, apr_interval_time_t lifetime);

/** Where a reading has got to. */
typedef struct {
    wxl_ended_kind_t kind;
    apr_interval_time_t age; /* it goes so far back */
    apr_time_t last_when;    /* of the last that was read; 0 to begin */
    char last_id[40];        /* and its id; empty to begin */
} wxl_ended_reading_t;

/**
 * Read a page of what was ended, oldest first.
 * @param reading moves on
 * @param page of wxl_ended_t; fewer than WXL_ENDED_PAGE: there are no more
 * @return APR_SUCCESS, or failed: WXL_DB_UNAVAILABLE, WXL_INTERNAL
 */
apr_status_t wxl_ended_read(wxl_errand_t *errand, const wxl_db_door_t *door,
                            wxl_ended_reading_t *reading, apr_array_header_t **page);

/** What the data base knows of a token. */
typedef struct {
    int session_ended; /* or not there */
    apr_time_t epoch;  /* tokens that the user got then or before are dead; 0: none are */
} wxl_ended_answer_t;

/**
 * Ask about one token.
 * @param sid 32 hex digits, or NULL for a token without: session_ended says nothing then
 * @param user_id decimal digits
 * @return APR_SUCCESS, or failed: WXL_DB_UNAVAILABLE, WXL_INTERNAL
 */
apr_status_t wxl_ended_ask(wxl_errand_t *errand, const wxl_db_door_t *door, const char *sid,
                           const char *user_id, wxl_ended_answer_t *answer);

/**
 * Remove sessions that expired or were revoked longer than `age` ago, WXL_ENDED_BATCH at most.
 * @param removed how many there were
 * @return APR_SUCCESS, or failed: WXL_DB_UNAVAILABLE, WXL_INTERNAL
 */
apr_status_t wxl_ended_purge(wxl_errand_t *errand, const wxl_db_door_t *door,
                             apr_interval_time_t age, int *removed);

#endif
