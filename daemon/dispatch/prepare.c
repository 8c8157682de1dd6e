#include "inside.h"

#include "calendar.h"
#include "clock.h"
#include "decide.h"
#include "fault.h"
#include "hours.h"
#include "log.h"
#include "row.h"
#include "template.h"
#include "zone.h"

#include <stdio.h>
#include <string.h>

#define AGAIN_MS 15000 /* all gateways of a channel are out of use */
#define ASKED_MS 15000 /* for a provider's answer about one in doubt */

static int64_t soonest(const struct job *job, int64_t ms)
{
    return ms < job->expires_ms ? ms : job->expires_ms;
}

static void prepare_reference(struct notice *n, const struct job *job);

/* Before one in doubt is sent again its provider is asked, once, where that can be: the
 * answer comes as a receipt. False if nobody can be asked, or was already. */
static bool ask_provider(struct notice *n, const struct record *r, const char *row, size_t length)
{
    struct job *job = n->batch->job;
    struct dispatch *d = job->d;
    struct template_value values[CAMPAIGN_MAX_COLUMNS];
    const struct template_value *to = &values[r->step];
    int64_t submitted_ms = (job->base_s + (int64_t)r->intended_s) * 1000;

    if (r->settled_s != 0 || row == NULL || r->step >= job->campaign->channel_count ||
        campaign_row_split(job->campaign, row, length, values) != 0)
        return false;
    prepare_reference(n, job);
    for (size_t i = 0; i < d->lane_count; i++)
        if (d->lanes[i].number == r->gateway && !gateway_retired(d->lanes[i].gateway) &&
            gateway_query(d->lanes[i].gateway, n->reference,
                          to->length == 0 ? ""
                                          : arena_strndup(&n->batch->texts, to->text, to->length),
                          submitted_ms)) {
            settle_asked(n, clock_wall_ms() + ASKED_MS);
            return true;
        }
    return false;
}

/* One that waited for another attempt, of which nothing has gone out, is given up: it has a
 * place among what its person may get, which others may have. */
static void return_place(struct notice *n, const struct record *r, const char *row, size_t length)
{
    const struct campaign *c = n->batch->job->campaign;
    struct template_value values[CAMPAIGN_MAX_COLUMNS];

    if (r->fence == 0 || row == NULL || r->step >= c->channel_count ||
        campaign_row_split(c, row, length, values) != 0)
        return;
    n->message.to = arena_strndup(&n->batch->texts, values[r->step].text, values[r->step].length);
    n->message.to_length = values[r->step].length;
    intent_return_cap(n);
}

/* What a claim finds that is not simply waiting. True when n is dealt with. */
static bool prepare_special(struct notice *n, struct record *r, const char *row, size_t length)
{
    struct batch *b = n->batch;
    bool waiting = r->state == NOTICE_UNTOUCHED || r->state == NOTICE_PARKED;

    if (r->state >= NOTICE_STATES) /* it is left as it is: `verify` tells of it too */
        log_warning("record.damaged campaign=%s reminder=%s n=%u state=%u", b->job->id,
                    b->job->name, n->n, (unsigned)r->state);

    if (b->sweep != SWEEP_NO && waiting) {
        return_place(n, r, row, length);
        settle_as(n, b->sweep == SWEEP_CANCELLED ? NOTICE_CANCELLED : NOTICE_EXPIRED, REASON_NONE);
        return true;
    }
    if (r->state == NOTICE_UNCERTAIN && b->from == 0) {
        /* Its doubt has lasted long enough. resend: once more, and marked so; hold,
         * or too late: it stays uncertain, for a person. */
        if (b->sweep == SWEEP_NO &&
            b->job->campaign->reminders[b->job->reminder].doubt == DOUBT_RESEND &&
            r->attempts < (unsigned)b->job->d->settings->dispatch.attempts) {
            if (!ask_provider(n, r, row, length))
                settle_resend(n);
        } else {
            settle_as(n, NOTICE_UNCERTAIN, r->reason);
        }
        return true;
    }
    if (waiting && b->takeovers > TAKEOVERS_ALONE) { /* it alone was being worked on */
        settle_as(n, NOTICE_FAILED, REASON_POISON);
        return true;
    }
    if (waiting)
        return false;
    if (r->state == NOTICE_ACCEPTED && b->from == 0 && b->sweep == SWEEP_NO &&
        r->step + 1 < b->job->campaign->channel_count && b->job->campaign->fallback_after_ms > 0) {
        settle_no_receipt(n);
        return true;
    }
    if (b->from == 0) /* else it would be looked at for ever */
        settle_forget(n);
    else
        batch_settled(n); /* somebody has it, or has settled it */
    return true;
}

/* Is it a correction of another version than this job's? True when n is dealt with. */
static bool prepare_version(struct notice *n, const struct template_value *row)
{
    struct job *job = n->batch->job;
    unsigned version = decide_version(job->campaign, row);

    if (version == 0 || version == job->version)
        return false;
    if (version < job->version) {
        settle_as(n, NOTICE_CANCELLED, REASON_REPLACED);
        return true;
    }
    job_reload(job); /* amended since it was opened here */
    n->batch->give_back = true;
    batch_settled(n);
    return true;
}

/* Is it too early for this one person? True when n is dealt with. */
static bool prepare_time(struct notice *n, const struct template_value *row, int64_t now_ms)
{
    struct job *job = n->batch->job;
    struct decided_time t = {.expires_ms = job->expires_ms};

    switch (decide_time(job->campaign, job->reminder, row, now_ms, &t)) {
    case DECIDE_GOES:
        n->message.expires_ms = t.expires_ms;
        n->hours_until_ms = t.hours_until_ms;
        return false;
    case DECIDE_WAITS:
        settle_park(n, t.reason, soonest(job, t.until_ms));
        return true;
    case DECIDE_LATE:
        settle_as(n, NOTICE_EXPIRED, t.reason);
        return true;
    default:
        settle_as(n, NOTICE_FAILED, t.reason);
        return true;
    }
}

/* Asked for once a second. */
int prepare_today(const struct job *job, int64_t now_ms, bool *rest)
{
    static int64_t second;
    static const struct zone *zone;
    static const struct calendar *calendar;
    static int day;
    static bool rests;

    if (now_ms / 1000 != second || zone != job->campaign->zone ||
        calendar != job->campaign->calendar) {
        struct local_time t;

        zone_local(job->campaign->zone, now_ms, &t);
        day = t.year * 10000 + t.month * 100 + t.day;
        calendar = job->campaign->calendar;
        rests = !calendar_works(calendar, &t);
        second = now_ms / 1000;
        zone = job->campaign->zone;
    }
    *rest = rests;
    return day;
}

/* When a notice that found no gateway is looked at again: where they are closed today, not
 * before the next day begins. */
static int64_t again(const struct job *job, const struct route_query *q, int64_t now_ms)
{
    const struct dispatch *d = job->d;
    struct local_time t;

    for (size_t i = 0; i < d->lane_count; i++) {
        const struct gateway_config *config = d->lanes[i].config;

        if (strcmp(config->channel, q->channel) == 0 && (config->classes & 1u << q->class) != 0 &&
            !config->disabled && !gateway_retired(d->lanes[i].gateway) &&
            !gateway_closed_on(d->lanes[i].gateway, q->today, q->rest))
            return now_ms + AGAIN_MS;
    }
    zone_local(job->campaign->zone, now_ms, &t);
    t.day++;
    t.hour = t.minute = t.second = 0;
    return zone_wall(job->campaign->zone, &t);
}

/* The gateway for n on the channel of its step, or NULL with n dealt with. */
static struct lane *prepare_route(struct notice *n, struct record *r,
                                  const struct template_value *row, int64_t now_ms)
{
    struct job *job = n->batch->job;
    struct dispatch *d = job->d;
    const struct campaign *c = job->campaign;
    struct route_query q = {.class = (unsigned)c->class, .group = c->to_group};
    struct gateway *gw = NULL;
    enum notice_reason reason = r->step > 0 ? r->reason : REASON_NONE; /* of the step before */
    unsigned first = r->step;
    bool addressed = false;

    q.today = prepare_today(job, now_ms, &q.rest);
    for (; r->step < c->channel_count; r->step++) {
        const struct template_value *to = &row[r->step];

        if (r->step > first && r->fence != 0 && c->sensitive) /* no other one after an attempt */
            break;
        q.channel = c->channels[r->step];
        if (!decide_address(c, job->reminder, r->step, row))
            continue;
        addressed = true;
        if (!gateway_serves(d->gateways, q.channel, (enum gateway_class)c->class, c->to_group))
            continue;
        n->message.to =
            to->length == 0 ? "" : arena_strndup(&n->batch->texts, to->text, to->length);
        n->message.to_length = to->length;
        memset(n->hash, 0, sizeof n->hash);
        q.address = n->message.to;
        if (r->attempts > 0 &&
            r->gateway > 0) /* it did not do last time: another one, if there is one */
            for (size_t i = 0; i < d->lane_count; i++)
                if (d->lanes[i].number == r->gateway)
                    q.avoid |= UINT64_C(1) << i;
        gw = gateway_route(d->gateways, &q, NULL);
        if (gw == NULL && q.avoid != 0) {
            q.avoid = 0;
            gw = gateway_route(d->gateways, &q, NULL);
        }
        if (gw != NULL)
            return lane_of(gw);
        settle_park(n, REASON_OUTAGE, soonest(job, again(job, &q, now_ms)));
        return NULL;
    }
    settle_as(n, (r->flags & FLAG_TOLD) != 0 ? NOTICE_UNDELIVERED : NOTICE_FAILED,
              addressed               ? REASON_NO_GATEWAY
              : reason != REASON_NONE ? reason
                                      : REASON_NUMBER);
    return NULL;
}

/* What the phone will show, and what that takes. -1 when n is dealt with. */
static int prepare_text(struct notice *n, const struct lane *lane, const struct record *r,
                        const struct template_value *row)
{
    struct job *job = n->batch->job;
    struct gateway_message *m = &n->message;
    struct decided_text t;
    enum notice_reason reason =
        decide_text(job->campaign, job->reminder, r->step, lane->config, row, &t);

    if (reason != REASON_NONE) {
        settle_as(n, NOTICE_FAILED, reason);
        return -1;
    }
    m->text = arena_strndup(&n->batch->texts, t.shown, t.length);
    m->length = t.length;
    m->encoding = t.size.encoding == TEXT_GSM7 ? GATEWAY_GSM7 : GATEWAY_UCS2;
    m->segments = t.size.segments;
    m->language = t.language;
    return 0;
}

/* What fills the provider's template, where the campaign names one for this gateway. -1 when
 * n is dealt with. */
static int prepare_template(struct notice *n, const struct lane *lane,
                            const struct template_value *row)
{
    const struct campaign *c = n->batch->job->campaign;
    const struct campaign_template *t = campaign_template(
        c, n->batch->job->reminder, lane->name, n->message.language, strlen(n->message.language));
    struct gateway_message *m = &n->message;
    struct gateway_field *params;
    char value[DECIDE_TEXT_BYTES];
    const char *empty;

    if (t == NULL)
        return 0;
    m->template_code = campaign_template_code(t);
    m->template_signature = campaign_template_signature(t);
    m->param_count = campaign_template_params(t);
    m->params = params =
        arena_alloc(&n->batch->texts, (m->param_count + 1) * sizeof *params); /* never 0 bytes */
    for (size_t i = 0; i < m->param_count; i++) {
        int length =
            campaign_template_param(c, t, i, row, value, sizeof value, &params[i].name, &empty);

        if (length < 0) {
            settle_as(n, NOTICE_FAILED, empty != NULL ? REASON_EMPTY : REASON_TOO_LONG);
            return -1;
        }
        params[i].value = arena_strndup(&n->batch->texts, value, (size_t)length);
        params[i].length = (size_t)length;
    }
    return 0;
}

/* The columns, for the plugins that ask for them. */
static void prepare_columns(struct notice *n, const struct campaign *c,
                            const struct template_value *row)
{
    struct gateway_field *fields = arena_alloc(&n->batch->texts, c->column_count * sizeof *fields);

    for (size_t i = 0; i < c->column_count; i++)
        fields[i] = (struct gateway_field){
            .name = c->columns[i],
            .value = arena_strndup(&n->batch->texts, row[i].text ? row[i].text : "", row[i].length),
            .length = row[i].length,
        };
    n->message.columns = fields;
    n->message.column_count = c->column_count;
}

/* "campaign/reminder/n", without printf: one a notice. */
static void prepare_reference(struct notice *n, const struct job *job)
{
    size_t length = strlen(job->key);
    char digits[12];
    int at = 0;

    memcpy(n->reference, job->key, length);
    n->reference[length++] = '/';
    for (uint32_t rest = n->n; rest > 0; rest /= 10)
        digits[at++] = (char)('0' + rest % 10);
    while (at > 0)
        n->reference[length++] = digits[--at];
    n->reference[length] = '\0';
    n->message.reference = n->reference;
    n->message.reference_number = (uint64_t)job->ref << 32 | n->n;
}

/* From the gateway's number with the campaign's extension behind it: a reply to it says what it
 * means. */
static void prepare_from(struct notice *n, const struct lane *lane, const struct campaign *c)
{
    const char *number = lane->config->number;
    size_t length = number != NULL ? strlen(number) : 0;
    char *from;

    if (c->extension == NULL || length == 0 ||
        strspn(number + (*number == '+'), "0123456789") != length - (*number == '+'))
        return;
    from = arena_alloc(&n->batch->texts, length + strlen(c->extension) + 1);
    stpcpy(stpcpy(from, number), c->extension);
    n->message.from = from;
}

/* The addresses on the other channels: a refusal of any of them counts. */
static void prepare_others(struct notice *n, const struct campaign *c,
                           const struct template_value *row)
{
    const char **others = arena_alloc(&n->batch->texts, c->channel_count * sizeof *others);

    for (size_t i = 0; i < c->channel_count; i++)
        others[i] = arena_strndup(&n->batch->texts, row[i].text ? row[i].text : "", row[i].length);
    n->others = others;
}

#define ROW_BLOCK 16 /* a number that the compiler knows: it looks at all of them at once */

static inline unsigned char is_damage(char byte, char feed)
{
    return ((unsigned char)byte < 0x20) & (byte != ROW_SEPARATOR) & (byte != feed);
}

/* Rows are checked on their way into the audience; but any client of Redis can write there,
 * and a control character would mean something to a gateway. */
static bool row_damaged(const struct campaign *c, const char *row, size_t n)
{
    char feed = c->column_until >= 0 ? '\n' : ROW_SEPARATOR; /* a finished text may have lines */
    unsigned char found = 0;

    for (; n >= ROW_BLOCK; row += ROW_BLOCK, n -= ROW_BLOCK)
        for (size_t i = 0; i < ROW_BLOCK; i++)
            found |= is_damage(row[i], feed);
    for (size_t i = 0; i < n; i++)
        found |= is_damage(row[i], feed);
    return found != 0;
}

void prepare_notice(struct notice *n, const char *row, size_t row_length, int64_t now_ms)
{
    struct job *job = n->batch->job;
    const struct campaign *c = job->campaign;
    struct template_value values[CAMPAIGN_MAX_COLUMNS];
    struct record r;
    struct lane *lane;

    record_unpack(n->record, &r);
    n->lane = NULL;
    if (job->d->draining || dispatch_in_doubt(job->d)) { /* for whoever comes next */
        n->batch->give_back = true;
        batch_settled(n);
        return;
    }
    if (prepare_special(n, &r, row, row_length))
        return;
    if (row == NULL) {
        settle_as(n, NOTICE_EXCLUDED, REASON_ERASED);
        return;
    }
    FAULT_ONE("prepare", n->n);
    if (row_damaged(c, row, row_length) || campaign_row_split(c, row, row_length, values) != 0) {
        log_warning("row.damaged campaign=%s n=%u bytes=%zu", job->id, n->n, row_length);
        settle_as(n, NOTICE_EXCLUDED, REASON_ROW);
        return;
    }
    if (prepare_version(n, values))
        return;
    if (prepare_time(n, values, now_ms))
        return;
    lane = prepare_route(n, &r, values, now_ms);
    if (lane == NULL)
        return;
    if (lane->queued > 2 * (size_t)lane->config->window + GROUP_MAX) {
        settle_park(n, REASON_TURN, soonest(job, now_ms + lane_turn_ms(lane)));
        return;
    }
    if (prepare_text(n, lane, &r, values) != 0 || prepare_template(n, lane, values) != 0)
        return;
    if (lane->config->capabilities & GATEWAY_WANTS_COLUMNS)
        prepare_columns(n, c, values);
    if (c->channel_count > 1)
        prepare_others(n, c, values);
    prepare_reference(n, job);
    prepare_from(n, lane, c);
    n->step = r.step;
    n->unasked = decide_unasked(c, values);
    n->message.title = c->sensitive ? NULL : c->title;
    n->message.message_class = c->class_name;
    n->message.campaign = job->id;
    n->message.reminder = job->name;
    n->message.number = n->n;
    n->message.attempt = r.attempts + 1;
    n->ready_us = dispatch_pass_us(job->d);
    lane_add(lane, n);
}
