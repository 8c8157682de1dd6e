#include "forecast.h"

#include "calendar.h"
#include "campaigns.h"
#include "decide.h"
#include "earlier.h"
#include "error.h"
#include "hours.h"
#include "mem.h"
#include "places.h"
#include "reply_rules.h"
#include "safe.h"
#include "settings.h"
#include "zone.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SPELLS_MOST 2000 /* windows and days looked through for one gateway's part */

struct forecast {
    const struct campaign *c;
    struct gateway_set *gateways;
    forecast_notice_fn *notice;
    void *arg;
    forecast_waits_fn *waits;
    void *waits_arg;
    struct forecast_reminder reminders[CAMPAIGN_MAX_REMINDERS];
    size_t order[CAMPAIGN_MAX_REMINDERS]; /* as they begin */
    struct forecast_template templates[FORECAST_TEMPLATES];
    size_t template_count;
};

/* Of those that begin at one time none is earlier. */
static void put_in_order(struct forecast *f, size_t r, const int64_t *due_ms)
{
    size_t at = r;

    for (; at > 0 && due_ms[f->order[at - 1]] > due_ms[r]; at--)
        f->order[at] = f->order[at - 1];
    f->order[at] = r;
}

struct forecast *forecast_create(const struct campaign *c, const struct settings *settings,
                                 int64_t now_ms, struct error *err)
{
    struct gateway_set *set = gateway_set_plan(settings->gateways, settings->plugin_dir, err);
    int64_t due_ms[CAMPAIGN_MAX_REMINDERS];
    bool skipped[CAMPAIGN_MAX_REMINDERS];
    struct forecast *f;

    if (set == NULL)
        return NULL;
    f = xcalloc(1, sizeof *f);
    f->c = c;
    f->gateways = set;
    campaign_plan(c, now_ms, due_ms, skipped);
    for (size_t r = 0; r < c->reminder_count; r++) {
        struct forecast_reminder *p = &f->reminders[r];

        p->skipped = skipped[r];
        p->due_ms = due_ms[r] > now_ms ? due_ms[r] : now_ms;
        p->expires_ms = c->reminders[r].expires_ms;
        /* Where people have zones of their own theirs alone count: see job.c. */
        p->begins_ms = c->column_timezone >= 0
                           ? p->due_ms
                           : hours_next_open(c->reminders[r].hours, c->zone, p->due_ms);
        put_in_order(f, r, due_ms);
    }
    return f;
}

void forecast_free(struct forecast *f)
{
    if (f == NULL)
        return;
    for (size_t i = 0; i < f->template_count; i++)
        json_decref(f->templates[i].params);
    gateway_set_close(f->gateways);
    free(f);
}

void forecast_skip(struct forecast *f, size_t reminder)
{
    f->reminders[reminder].skipped = true;
}

void forecast_begun(struct forecast *f, size_t reminder, bool waits)
{
    f->reminders[reminder].skipped = !waits;
    f->reminders[reminder].sent_already = !waits;
}

void forecast_ask(struct forecast *f, forecast_waits_fn *fn, void *arg)
{
    f->waits = fn;
    f->waits_arg = arg;
}

void forecast_listen(struct forecast *f, forecast_notice_fn *fn, void *arg)
{
    f->notice = fn;
    f->arg = arg;
}

/* The day in the campaign's zone, as 20270303, and whether it is no worked one there. */
static int day_of(const struct campaign *c, int64_t ms, bool *rest)
{
    struct local_time t;

    zone_local(c->zone, ms, &t);
    *rest = !calendar_works(c->calendar, &t);
    return t.year * 10000 + t.month * 100 + t.day;
}

static int64_t next_midnight(const struct campaign *c, int64_t ms)
{
    struct local_time t;

    zone_local(c->zone, ms, &t);
    t.day++;
    t.hour = t.minute = t.second = 0;
    return zone_wall(c->zone, &t);
}

/* ---------------------------------------------------------------------- one row */

/* The first step with an address and a gateway that carries it, as the pump chooses; the days
 * on which a gateway is closed are reckoned with its times. */
static struct gateway *route(const struct forecast *f, size_t r, const struct template_value *row,
                             size_t *step, enum notice_reason *why)
{
    const struct campaign *c = f->c;
    struct route_query q = {.class = (unsigned)c->class, .group = c->to_group};
    char address[132];

    *why = REASON_NUMBER;
    for (*step = 0; *step < c->channel_count; ++*step) {
        struct gateway *gw;

        if (!decide_address(c, r, *step, row))
            continue;
        *why = REASON_NO_GATEWAY;
        q.channel = c->channels[*step];
        if (!gateway_serves(f->gateways, q.channel, (enum gateway_class)c->class, c->to_group))
            continue;
        memcpy(address, row[*step].length > 0 ? row[*step].text : "", row[*step].length);
        address[row[*step].length] = '\0';
        q.address = address;
        gw = gateway_route(f->gateways, &q, NULL);
        if (gw != NULL)
            return gw;
        *why = REASON_OUTAGE; /* all that serve it are disabled */
    }
    return NULL;
}

/* How many characters less would save a segment: of UTF-16 units one each, of septets too. */
static void note_cut(struct forecast_reminder *p, const struct text_size *size, double cost)
{
    bool units = size->encoding != TEXT_GSM7 || size->segments != size->parts;
    unsigned alone = units ? 70 : 160, several = units ? 67 : 153, fewer = size->segments - 1;
    unsigned room = fewer == 1 ? alone : fewer * several;

    p->several++;
    if (size->units <= room || size->units - room >= FORECAST_CUTS)
        return;
    p->cut_notices[size->units - room]++;
    p->cut_cost[size->units - room] += cost;
}

static void add(struct forecast *f, size_t r, const struct gateway *gw,
                const struct text_size *size)
{
    const struct gateway_config *config = gateway_config(gw);
    struct forecast_reminder *p = &f->reminders[r];
    struct forecast_part *part = &p->parts[gateway_index(gw)];
    double cost = config->cost * size->segments;

    part->notices++;
    part->segments += size->segments;
    part->cost += cost;
    p->sent++;
    p->segments += size->segments;
    p->cost += cost;
    if (size->segments > 1)
        note_cut(p, size, config->cost);
}

static void note_slot(struct forecast_reminder *p, int64_t due_ms)
{
    if (p->first_slot_ms == 0 || due_ms < p->first_slot_ms)
        p->first_slot_ms = due_ms;
    if (due_ms > p->last_slot_ms)
        p->last_slot_ms = due_ms;
}

/* From then on, when may she be told? A slot at night waits for the morning, and then perhaps for
 * hours of her own, which are the campaign's time whatever her zone. */
static int64_t her_open(const struct forecast *f, size_t r, const struct hours *own, int64_t at_ms)
{
    if (f->c->column_timezone < 0)
        at_ms = hours_next_open(f->c->reminders[r].hours, f->c->zone, at_ms);
    return own != NULL ? hours_next_open(own, f->c->zone, at_ms) : at_ms;
}

/* Asked at the moment of the reminder, and again when that says to wait. When it may go, or 0. */
static int64_t row_goes(const struct forecast *f, size_t r, const struct template_value *row,
                        const struct hours *own, struct forecast_reminder *p)
{
    int64_t at_ms = p->begins_ms;

    for (int i = 0; i < (own != NULL ? SPELLS_MOST : 4); i++) {
        struct decided_time t = {.expires_ms = p->expires_ms};
        enum decided how =
            at_ms >= p->expires_ms ? DECIDE_LATE : decide_time(f->c, r, row, at_ms, &t);

        if (how == DECIDE_GOES && own != NULL) {
            t.until_ms = her_open(f, r, own, at_ms);
            if (t.until_ms > at_ms)
                how = DECIDE_WAITS;
        }
        if (how == DECIDE_GOES) {
            if (f->c->reminders[r].at.of_slot)
                note_slot(p, at_ms);
            if (at_ms > p->done_ms)
                p->done_ms = at_ms;
            return at_ms;
        }
        if (how == DECIDE_LATE)
            break;
        if (how == DECIDE_FAILS) {
            p->missed[t.reason]++;
            return 0;
        }
        at_ms = her_open(f, r, NULL, t.until_ms);
    }
    p->late++;
    if (own != NULL) { /* is it for them? */
        struct forecast_reminder usual = *p;

        p->own_late += row_goes(f, r, row, NULL, &usual) != 0;
    }
    return 0;
}

/* Fills the provider's template, where there is one, as the pump does; the first of each is kept.
 */
static enum notice_reason fill_template(struct forecast *f, size_t r,
                                        const struct gateway_config *g, const char *language,
                                        const struct template_value *row)
{
    const struct campaign_template *t =
        campaign_template(f->c, r, g->name, language, strlen(language));
    char value[DECIDE_TEXT_BYTES];
    const char *name, *empty;
    json_t *params = NULL;
    size_t i;

    if (t == NULL)
        return REASON_NONE;
    for (i = 0; i < f->template_count; i++)
        if (f->templates[i].of == t && f->templates[i].reminder == r)
            break;
    if (i == f->template_count && i < FORECAST_TEMPLATES)
        params = json_object();
    for (size_t k = 0; k < campaign_template_params(t); k++) {
        int n = campaign_template_param(f->c, t, k, row, value, sizeof value, &name, &empty);

        if (n < 0) {
            json_decref(params);
            return empty != NULL ? REASON_EMPTY : REASON_TOO_LONG;
        }
        if (params != NULL)
            json_object_set_new(params, name, json_stringn(value, (size_t)n));
    }
    if (params != NULL)
        f->templates[f->template_count++] =
            (struct forecast_template){.reminder = r,
                                       .gateway = g->name,
                                       .code = campaign_template_code(t),
                                       .signature = campaign_template_signature(t),
                                       .of = t,
                                       .params = params};
    return REASON_NONE;
}

enum notice_reason forecast_neutral(const struct campaign *c, size_t r, size_t step,
                                    const struct gateway_config *gateway,
                                    const struct template_value *to, struct decided_text *text)
{
    char address[130];

    if (campaign_template(c, r, gateway->name, text->language, strlen(text->language)) != NULL)
        return REASON_SAFE;
    snprintf(address, sizeof address, "%.*s", (int)to->length, to->text);
    return decide_neutral(c, step, gateway, address, text->language, text) == REASON_NONE
               ? REASON_NONE
               : REASON_SAFE;
}

/* One reminder for one recipient: does it go? */
static bool reminder_goes(struct forecast *f, size_t r, const struct template_value *row,
                          const struct forecast_person *who)
{
    struct forecast_reminder *p = &f->reminders[r];
    struct decided_text text;
    enum notice_reason why;
    struct gateway *gw;
    int64_t at_ms;
    size_t step;

    if (who->safe == SAFE_SKIP) {
        p->missed[REASON_SAFE]++;
        return false;
    }
    at_ms = row_goes(f, r, row, who->hours, p);
    if (at_ms == 0)
        return false;
    gw = route(f, r, row, &step, &why);
    if (gw != NULL)
        why = decide_text(f->c, r, step, gateway_config(gw), row, &text);
    if (gw != NULL && who->safe == SAFE_NEUTRAL)
        why = forecast_neutral(f->c, r, step, gateway_config(gw), &row[step], &text);
    else if (gw != NULL && why == REASON_NONE)
        why = fill_template(f, r, gateway_config(gw), text.language, row);
    if (gw == NULL || why != REASON_NONE) {
        p->missed[why]++;
        return false;
    }
    add(f, r, gw, &text.size);
    if (who->hours != NULL) {
        p->own_hours++;
        p->own_done_ms = at_ms > p->own_done_ms ? at_ms : p->own_done_ms;
    }
    if (f->notice != NULL)
        f->notice(f->arg, r, row[step].text, row[step].length, at_ms);
    return true;
}

/* Is she one of it? Before it is queued nobody has a place yet; and where gateways work, who was
 * sent an earlier one has been told, and nobody is without. told_ms: when first; seen: what became
 * of earlier ones that have begun. */
static bool filter_passes(const struct forecast *f, size_t r, int64_t told_ms, unsigned seen)
{
    enum campaign_filter filter = f->c->reminders[r].filter;
    struct record sent = {.state = NOTICE_DELIVERED};

    if (!earlier_asks(filter))
        return place_passes(filter, PLACE_NONE);
    return earlier_passes(filter,
                          told_ms < f->reminders[r].due_ms ? earlier_seen(seen, &sent) : seen);
}

void forecast_row(struct forecast *f, const char *bytes, size_t n,
                  const struct forecast_person *who)
{
    struct template_value row[CAMPAIGN_MAX_COLUMNS];
    int64_t told_ms[CAMPAIGN_MAX_REMINDERS]; /* of each occurrence: when she was first told */
    unsigned seen[CAMPAIGN_MAX_REMINDERS];   /* and what is known of her (earlier.h) */
    size_t each = f->c->reminder_count / f->c->occurrence_count;

    if (campaign_row_split(f->c, bytes, n, row) != 0)
        return;
    for (size_t o = 0; o < f->c->occurrence_count; o++) {
        told_ms[o] = INT64_MAX;
        seen[o] = 0;
    }
    for (size_t k = 0; k < f->c->reminder_count; k++) {
        size_t r = f->order[k], o = r / each;
        struct forecast_reminder *p = &f->reminders[r];
        bool waits = f->waits == NULL || f->waits(f->waits_arg, r, who->number, &seen[o]);

        if (p->skipped || !waits)
            continue;
        if (who->refused)
            p->refused++;
        else if (who->safe != SAFE_SKIP && !filter_passes(f, r, told_ms[o], seen[o]))
            p->missed[REASON_FILTER]++;
        else if (reminder_goes(f, r, row, who) && told_ms[o] == INT64_MAX)
            told_ms[o] = p->due_ms;
    }
}

/* -------------------------------------------------------------------- the times */

/* When may something leave there, from ms on, and until when? -1: not within sight. */
static int spell(const struct campaign *c, size_t r, const struct gateway_config *g, int64_t *ms,
                 int64_t *until_ms)
{
    const struct hours *hours = c->reminders[r].hours;

    for (int i = 0; i < SPELLS_MOST; i++) {
        bool rest;
        int day;

        if (c->column_timezone < 0)
            *ms = hours_next_open(hours, c->zone, *ms);
        day = day_of(c, *ms, &rest);
        *until_ms = next_midnight(c, *ms);
        if (!route_closed_on(g, day, rest)) {
            int64_t close = c->column_timezone < 0 ? hours_close(hours, c->zone, *ms) : INT64_MAX;

            if (close < *until_ms)
                *until_ms = close;
            return 0;
        }
        *ms = *until_ms;
    }
    return -1;
}

/* Notices (or segments, where those are counted) a millisecond; 0: no limit is set. */
static double pace(const struct forecast *f, const struct forecast_part *part,
                   const struct gateway_config *g)
{
    double rate = g->rate > 0 ? (double)g->rate / (double)g->rate_ms : 0;
    double sender = g->sender_rate > 0 ? (double)g->sender_rate / (double)g->sender_rate_ms : 0;
    double each = part->notices > 0 && g->count == GATEWAY_COUNT_SEGMENTS
                      ? (double)part->segments / (double)part->notices
                      : 1;
    double own = f->c->rate / 1000 * each; /* of the campaign: in notices */

    if (sender > 0 && (rate <= 0 || sender < rate))
        rate = sender;
    if (own > 0 && (rate <= 0 || own < rate))
        rate = own;
    return rate;
}

static void reckon(const struct forecast *f, size_t r, struct forecast_part *part,
                   const struct gateway_config *g)
{
    struct forecast_reminder *p = (struct forecast_reminder *)&f->reminders[r];
    double rate = pace(f, part, g),
           left = (double)(g->count == GATEWAY_COUNT_SEGMENTS ? part->segments : part->notices),
           all = left;
    int64_t ms = p->begins_ms, until_ms = 0;

    if (p->last_slot_ms != 0) /* each at a time of her own: the last one counts */
        ms = p->last_slot_ms;
    while (left > 0 && ms < p->expires_ms) {
        double fits;

        if (spell(f->c, r, g, &ms, &until_ms) != 0 || ms >= p->expires_ms)
            break;
        if (until_ms > p->expires_ms)
            until_ms = p->expires_ms;
        fits = rate > 0 ? rate * (double)(until_ms - ms) : left;
        if (p->last_slot_ms != 0 || fits >= left) {
            part->done_ms = ms + (rate > 0 && p->last_slot_ms == 0 ? (int64_t)(left / rate) : 0);
            left = 0;
            break;
        }
        left -= fits;
        ms = part->done_ms = until_ms;
    }
    if (left > 0 && all > 0)
        part->late = (int64_t)ceil(left / all * (double)part->notices);
    p->late += part->late;
    if (part->done_ms > p->done_ms)
        p->done_ms = part->done_ms;
}

void forecast_finish(struct forecast *f)
{
    for (size_t r = 0; r < f->c->reminder_count; r++)
        for (size_t i = 0; i < gateway_set_count(f->gateways); i++)
            if (f->reminders[r].parts[i].notices > 0)
                reckon(f, r, &f->reminders[r].parts[i], forecast_gateway(f, i));
}

/* --------------------------------------------------------------------- the answer */

const struct forecast_reminder *forecast_reminder(const struct forecast *f, size_t reminder)
{
    return &f->reminders[reminder];
}

size_t forecast_gateways(const struct forecast *f)
{
    return gateway_set_count(f->gateways);
}

const struct gateway_config *forecast_gateway(const struct forecast *f, size_t i)
{
    return gateway_config(gateway_set_at(f->gateways, i));
}

int64_t forecast_later(const struct campaign *c, size_t r, const struct forecast_reminder *p)
{
    int64_t most = p->missed[REASON_FILTER];

    if (c->reminders[r].filter != FILTER_REGISTERED)
        return 0;
    return c->replies->capacity > 0 && c->replies->capacity < most ? c->replies->capacity : most;
}

unsigned forecast_cut(const struct forecast_reminder *r, int64_t *notices, double *saves)
{
    *notices = 0;
    *saves = 0;
    for (unsigned k = 1; k < FORECAST_CUTS; k++) {
        *notices += r->cut_notices[k];
        *saves += r->cut_cost[k];
        if (*notices > 0 && 2 * *notices >= r->several)
            return k;
    }
    return 0;
}

const struct forecast_template *forecast_templates(const struct forecast *f, size_t *count)
{
    *count = f->template_count;
    return f->templates;
}
