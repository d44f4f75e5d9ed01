/*
 * limiter_model: a rate limit as anybody would write it: the times of all events, and a count.
 */
#ifndef WXL_LIMITER_MODEL_H
#define WXL_LIMITER_MODEL_H

#include <apr_time.h>

#define MODEL_KEEPS 8192 /* more than any limit that is tested */

typedef struct {
    apr_uint32_t limit;
    apr_interval_time_t window;
    apr_uint32_t head, count;
    apr_time_t times[MODEL_KEEPS];
} model_t;

typedef struct {
    int admitted;
    apr_uint32_t remaining;
    apr_interval_time_t reset;
} model_verdict_t;

static inline void model_init(model_t *model, apr_uint32_t limit, apr_interval_time_t window)
{
    model->limit = limit;
    model->window = window;
    model->head = model->count = 0;
}

static inline void model_add(model_t *model, apr_time_t now)
{
    model->times[(model->head + model->count++) % MODEL_KEEPS] = now;
}

/** @return events of the past window; what is older is dropped */
static inline apr_uint32_t model_past(model_t *model, apr_time_t now)
{
    while (model->count && now - model->times[model->head] >= model->window) {
        model->head = (model->head + 1) % MODEL_KEEPS;
        model->count--;
    }
    return model->count;
}

static inline model_verdict_t model_check(model_t *model, apr_time_t now)
{
    model_verdict_t verdict = {0};

    if (model_past(model, now) < model->limit) {
        verdict.admitted = 1;
        model_add(model, now);
    }
    verdict.remaining = model->limit - model->count;
    verdict.reset = model->times[model->head] + model->window - now;
    return verdict;
}

/** @return the moment when the oldest event leaves the window, or the one before; not before now */
static inline apr_time_t model_edge(const model_t *model, apr_time_t now)
{
    apr_time_t edge = model->count ? model->times[model->head] + model->window : now;

    edge -= edge & 1;
    return edge > now ? edge : now;
}

#endif
