/*
 * forecast.h - what a campaign will come to, before it is queued
 *
 * Each row is decided by the pump's own functions (dispatch/decide.h, the gateways'
 * route) at the moment when its reminder may go, and added up; then each gateway's part
 * is sent through its rate, the allowed hours and its closed days on paper. What cannot
 * be known is taken as good: that gateways work, answer at once, and that nobody
 * else sends through them; and of who has hours of her own, that no closed day is among them.
 * Where several gateways draw lots, so does the forecast.
 */
#ifndef OUTREACH_FORECAST_H
#define OUTREACH_FORECAST_H

#include "campaign.h"
#include "decide.h"
#include "gateway.h"
#include "ledger.h"

#include <jansson.h>

#define FORECAST_GATEWAYS 64
#define FORECAST_TEMPLATES 100
#define FORECAST_CUTS 40 /* characters: more is another text */

struct forecast_part { /* what one gateway carries of one reminder */
    int64_t notices, segments;
    double cost;
    int64_t done_ms; /* the last has left; 0: nothing to send */
    int64_t late;    /* notices that it cannot send in time */
};

struct forecast_reminder {
    bool skipped;
    bool sent_already;                              /* it has begun, and nothing of it waits */
    int64_t due_ms, begins_ms, done_ms, expires_ms; /* begins: after hours and closed days */
    int64_t first_slot_ms, last_slot_ms;            /* of slots: from when to when; else 0 */
    struct forecast_part parts[FORECAST_GATEWAYS];
    int64_t sent, segments, late, refused;
    int64_t own_hours, own_late; /* who may be told at hours of her own only (store/safe.h): of the
                                    sent, and of the late */
    int64_t own_done_ms;         /* when the last of them is told */
    double cost;
    int64_t missed[REASON_COUNT];
    int64_t several;                    /* notices of more than one segment */
    int64_t cut_notices[FORECAST_CUTS]; /* of them: those that so many characters less, and no
                                           fewer, would make a segment shorter */
    double cut_cost[FORECAST_CUTS];     /* and what that saves */
};

/* A provider's template that somebody gets, and what the first of them gets it filled with. */
struct forecast_template {
    size_t reminder;
    const char *gateway, *code, *signature; /* signature: NULL: the gateway's own */
    const struct campaign_template *of;
    json_t *params; /* an object, in the template's order */
};

struct forecast; /* opaque */
struct hours;
struct settings;

/* All is borrowed. NULL with err: a gateway's settings are wrong. now_ms: when it would be
 * queued. */
struct forecast *forecast_create(const struct campaign *c, const struct settings *settings,
                                 int64_t now_ms, struct error *err);
void forecast_free(struct forecast *f); /* NULL is fine */

/* A reminder that is not asked for. Before the first row. */
void forecast_skip(struct forecast *f, size_t reminder);

/* One that has begun goes on, whatever its time says, as long as something of it waits. Before
 * the first row. */
void forecast_begun(struct forecast *f, size_t reminder, bool waits);

/* Who knows for whom a reminder still waits, by the number that forecast_row() has; and adds to
 * *seen what became of it for her, where it has begun (store/earlier.h). */
typedef bool forecast_waits_fn(void *arg, size_t reminder, int64_t n, unsigned *seen);
void forecast_ask(struct forecast *f, forecast_waits_fn *fn, void *arg);

/* Who wants to know of every notice: to whom, and when it may go at the earliest. */
typedef void forecast_notice_fn(void *arg, size_t reminder, const char *to, size_t n,
                                int64_t at_ms);
void forecast_listen(struct forecast *f, forecast_notice_fn *fn, void *arg);

/* One recipient; refused: she has opted out; safe: how she is marked (enum safe_mode), or -1;
 * hours: of her own, which hold besides, or NULL; number: in the list that stands in Redis, for
 * forecast_ask(). */
struct forecast_person {
    bool refused;
    int safe;
    const struct hours *hours;
    int64_t number;
};
void forecast_row(struct forecast *f, const char *row, size_t n, const struct forecast_person *who);

/* Whether somebody who is to have a neutral text only gets one by that gateway, as at the gate
 * (dispatch/safe.c): not where a provider's template speaks. text: hers, as decide_text() has it,
 * which the neutral one takes the place of; else REASON_SAFE. */
enum notice_reason forecast_neutral(const struct campaign *c, size_t reminder, size_t step,
                                    const struct gateway_config *gateway,
                                    const struct template_value *to, struct decided_text *text);

/* After the last row: reckons the times. */
void forecast_finish(struct forecast *f);

const struct forecast_reminder *forecast_reminder(const struct forecast *f, size_t reminder);
size_t forecast_gateways(const struct forecast *f);
const struct gateway_config *forecast_gateway(const struct forecast *f, size_t i);

/* The templates, in the order in which they came up; FORECAST_TEMPLATES at most. */
const struct forecast_template *forecast_templates(const struct forecast *f, size_t *count);

/* How many more reminder r may go to, who have no place yet by which they would get it: of those
 * whom the filter leaves out, as many as there are places. 0 where that is not why. */
int64_t forecast_later(const struct campaign *c, size_t r, const struct forecast_reminder *p);

/* The fewest characters that, cut from the text, make it a segment shorter for half of those
 * who get several; 0: no short cut helps. */
unsigned forecast_cut(const struct forecast_reminder *r, int64_t *notices, double *saves);

#endif
