/*
 * outreach rehearse - the whole of a campaign beforehand, by what sends it, to nobody
 *
 * The campaign is queued in a world of its own (rehearsal.h) and sent there by a real outreachd.
 * While there is something to do time goes its way; when nothing can happen before a certain
 * instant, the clock is set forward to it. What came of it is counted in the ledger there and
 * held against the forecast.
 */
#include "asking.h"
#include "reading.h"
#include "clock.h"
#include "cli.h"
#include "gateway_names.h"
#include "human.h"
#include "mem.h"
#include "next_move.h"
#include "picture.h"
#include "rehearsal.h"
#include "rehearsal_people.h"
#include "subcommands.h"
#include "table.h"
#include "walk.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOOK_MS 50
#define QUIET_MS 300     /* nothing has moved for so long before the clock is set forward */
#define RECEIPTS_MS 1500 /* and before what is accepted and not delivered is let be */
#define STUCK_MS 20000   /* what should be done now and is not: a gateway's turn, a closed day */
#define STEP_MS 60000
#define LONG_S 45      /* sending at the gateways' rates may take so long as it takes, */
#define SHORT_S 20     /* else they are made quicker, until it takes this */
#define LATE_MS 600000 /* what began or ended later than the forecast by more differs from it */
#define BAR_COLUMNS 24
#define REASON_COLUMNS 74

struct rehearse_options {
    int64_t latency_ms, loss, reject, undelivered;
};

static const struct option_row rehearse_options[] = {
    {"latency", 0, OPTION_DURATION, OPTION_AT(struct rehearse_options, latency_ms), "TIME",
     .initial = 20, .help = N_("how long the gateways take to answer (20ms)")},
    {"loss", 0, OPTION_NUMBER, OPTION_AT(struct rehearse_options, loss), "PERCENT", .min = 0,
     .max = 100, .help = N_("so many answers get lost")},
    {"reject", 0, OPTION_NUMBER, OPTION_AT(struct rehearse_options, reject), "PERCENT", .min = 0,
     .max = 100, .help = N_("so many numbers do not exist")},
    {"undelivered", 0, OPTION_NUMBER, OPTION_AT(struct rehearse_options, undelivered), "PERCENT",
     .min = 0, .max = 100, .help = N_("so many do not reach the phone")},
    {0},
};

/* What came of one reminder. */
struct came {
    int64_t first_ms, last_ms; /* submits; 0: none */
    int64_t sent, segments, refused;
    int64_t missed[REASON_COUNT];
    int64_t lost[REASON_COUNT]; /* of those sent: failed, or undelivered */
    int64_t again, uncertain;   /* of those sent: more than once; never answered */
    double cost;
    bool skipped, equal;
};

struct rehearsing {
    struct cli *cli, *inner;
    const char *path;
    struct rehearsal_options options;
    struct rehearsal *world;
    struct reading reading; /* the campaign, and its rows through the forecast */
    struct asking *asking;
    struct picture *picture; /* as it stands in that world */
    struct gateway_names gateways;
    struct came came[CAMPAIGN_MAX_REMINDERS];
    size_t at; /* the reminder that is counted */
    int64_t queued_ms, ended_ms, began_mono_ms, drawn_ms;
};

/* ------------------------------------------------------------------- the forecast */

/* As if it was queued at that time. 0, or an exit code. */
static int reckon(struct rehearsing *r, int64_t now_ms)
{
    struct error err;

    asking_free(r->asking);
    r->asking = NULL;
    reading_close(&r->reading);
    r->reading = (struct reading){0};
    if (reading_open(&r->reading, r->cli, r->path, 0, &err) != 0)
        return cli_error(r->cli, reading_fault(&r->reading), &err);
    r->asking = asking_create(r->cli, r->reading.campaign, now_ms, &err);
    if (r->asking == NULL)
        return cli_error(r->cli, EX_CONFIG, &err);
    r->reading.row = asking_row;
    r->reading.arg = r->asking;
    if (reading_audience(&r->reading, &err) != 0)
        return cli_error(r->cli, r->reading.no_list ? EX_NOINPUT : EX_DATAERR, &err);
    return asking_end(r->asking, &err) != 0 ? cli_error(r->cli, EX_UNAVAILABLE, &err) : 0;
}

/* How much quicker the gateways must be for it to take SHORT_S, if it takes longer than LONG_S. */
static int64_t reckon_faster(const struct rehearsing *r)
{
    const struct forecast *f = r->asking->forecast;
    double longest = 0;

    for (size_t i = 0; i < forecast_gateways(f); i++) {
        const struct gateway_config *g = forecast_gateway(f, i);
        double slots = 0;

        for (size_t k = 0; k < r->reading.campaign->reminder_count; k++) {
            const struct forecast_part *p = &forecast_reminder(f, k)->parts[i];

            slots += (double)(g->count == GATEWAY_COUNT_SEGMENTS ? p->segments : p->notices);
        }
        if (g->rate > 0)
            longest = fmax(longest, slots * (double)g->rate_ms / 1000 / (double)g->rate);
    }
    return longest > LONG_S ? (int64_t)ceil(longest / SHORT_S) : 1;
}

/* ---------------------------------------------------------------------- its course */

struct look {
    bool over, busy, receipts; /* receipts: some may still come */
    int64_t next_ms;           /* nothing happens before; INT64_MAX: nobody knows */
    int64_t planned, through;
    uint64_t sum; /* changes with whatever moves */
};

static void at_earliest(struct look *l, int64_t at_ms, int64_t now_ms)
{
    if (at_ms <= now_ms)
        l->busy = true;
    else if (at_ms < l->next_ms)
        l->next_ms = at_ms;
}

static void look_at_open(struct rehearsing *r, const struct reminder_status *s, int64_t now_ms,
                         struct look *l)
{
    const struct campaign *c = r->reading.campaign;
    int k = campaign_find_reminder(c, s->name);
    int64_t retry_ms;

    if (reminder_settled(s))
        return;
    l->over = false;
    l->busy |= s->counts[NOTICE_SENDING] > 0;
    retry_ms = next_move_retry_ms(r->inner, c->id, s->name);
    if (retry_ms != INT64_MAX)
        at_earliest(l, next_move_open_ms(c, k, retry_ms > now_ms ? retry_ms : now_ms), now_ms);
    if (s->counts[NOTICE_UNTOUCHED] > 0)
        at_earliest(l, next_move_open_ms(c, k, now_ms), now_ms);
    if (s->expires_ms > now_ms)
        at_earliest(l, s->expires_ms, now_ms);
    if (s->counts[NOTICE_UNCERTAIN] > 0 && s->expires_ms > now_ms && k >= 0 &&
        c->reminders[k].doubt == DOUBT_RESEND) /* after doubt_wait, and no sooner */
        at_earliest(l, now_ms + STEP_MS, now_ms);
}

static int look(struct rehearsing *r, struct look *l, struct error *err)
{
    int64_t now_ms = rehearsal_now_ms(r->world);
    const struct campaign_status *s;

    picture_free(r->picture);
    r->picture = picture_read(r->inner, r->reading.campaign->id, err);
    if (r->picture == NULL)
        return -1;
    *l = (struct look){.over = true, .next_ms = INT64_MAX};
    s = r->picture->status;
    for (size_t i = 0; i < s->reminder_count; i++) {
        const struct reminder_status *one = &s->reminders[i];

        l->planned += one->planned;
        l->through += reminder_sum(one) - reminder_waiting(one) - one->counts[NOTICE_SENDING];
        l->receipts |= one->counts[NOTICE_ACCEPTED] > 0;
        l->sum = l->sum * 31 + (uint64_t)one->state[0];
        for (int k = 0; k < NOTICE_STATES; k++)
            l->sum = l->sum * 31 + (uint64_t)one->counts[k];
        if (strcmp(one->state, "scheduled") == 0) {
            l->over = false;
            at_earliest(l, one->due_ms, now_ms);
        } else if (strcmp(one->state, "open") == 0) {
            look_at_open(r, one, now_ms, l);
        }
    }
    return 0;
}

static void draw(struct rehearsing *r, const struct look *l, bool end)
{
    char when[HUMAN_BYTES], percent[HUMAN_BYTES];
    int full = l->planned > 0 ? (int)(l->through * BAR_COLUMNS / l->planned) : BAR_COLUMNS;

    if (r->cli->json || !isatty(STDERR_FILENO) ||
        (!end && clock_mono_ms() - r->drawn_ms < 2 * (int64_t)LOOK_MS))
        return;
    r->drawn_ms = clock_mono_ms();
    if (end) {
        fputs("\r\033[K", stderr);
        return;
    }
    fprintf(stderr, "\r\033[K%s  ",
            human_time(when, r->reading.campaign->zone, rehearsal_now_ms(r->world), false));
    for (int i = 0; i < BAR_COLUMNS; i++)
        fputs(r->cli->unicode ? (i < full ? "█" : "░") : (i < full ? "#" : "."), stderr);
    fprintf(stderr, " %s", human_percent(percent, l->through, l->planned));
    fflush(stderr);
}

/* Until nothing more will happen. 0, or an exit code. */
static int play(struct rehearsing *r)
{
    int64_t moved_ms = clock_mono_ms();
    uint64_t sum = 0;
    struct error err;
    struct look l = {0};

    while (cli_interrupted() == 0) {
        int64_t quiet_ms, now_ms;

        if (!rehearsal_lives(r->world))
            return cli_fail(r->cli, EX_SOFTWARE, T("outreachd ended amid the rehearsal"));
        if (look(r, &l, &err) != 0)
            return cli_error(r->cli, EX_UNAVAILABLE, &err);
        draw(r, &l, false);
        if (l.sum != sum)
            moved_ms = clock_mono_ms();
        sum = l.sum;
        quiet_ms = clock_mono_ms() - moved_ms;
        if (quiet_ms < (l.busy ? STUCK_MS : l.receipts ? RECEIPTS_MS : QUIET_MS)) {
            cli_sleep(r->inner, LOOK_MS);
            continue;
        }
        if (l.over)
            break;
        now_ms = rehearsal_now_ms(r->world);
        if (l.busy || l.next_ms == INT64_MAX)
            l.next_ms = l.next_ms < now_ms + STEP_MS ? l.next_ms : now_ms + STEP_MS;
        rehearsal_sleep(r->world, l.next_ms - now_ms);
        moved_ms = clock_mono_ms();
    }
    draw(r, &l, true);
    r->ended_ms = rehearsal_now_ms(r->world);
    return cli_interrupted();
}

/* ------------------------------------------------------------------- its outcome */

static int on_notice(void *arg, const struct walk_notice *w, struct error *err)
{
    struct rehearsing *r = arg;
    struct came *came = &r->came[r->at];
    const struct record *record = &w->record;

    (void)err;
    if (!record_was_submitted(record)) {
        if (record->state == NOTICE_OPTED_OUT)
            came->refused++;
        else if (record->reason < REASON_COUNT)
            came->missed[record->reason]++;
        return 0;
    }
    if (record->state == NOTICE_FAILED || record->state == NOTICE_UNDELIVERED)
        came->lost[record->reason < REASON_COUNT ? record->reason : REASON_NONE]++;
    came->again += record->attempts > 1;
    came->uncertain += record->state == NOTICE_UNCERTAIN;
    came->sent++;
    came->segments += record->segments;
    if (record->gateway < GATEWAY_NAMES_MAX)
        came->cost += r->gateways.costs[record->gateway] * record->segments;
    if (came->first_ms == 0 || w->submitted_ms < came->first_ms)
        came->first_ms = w->submitted_ms;
    if (w->submitted_ms > came->last_ms)
        came->last_ms = w->submitted_ms;
    return 0;
}

static int64_t forecast_begins(const struct forecast_reminder *p)
{
    return p->first_slot_ms != 0 ? p->first_slot_ms : p->begins_ms;
}

/* What a gateway cannot send in time is in the forecast's sums, which say less where there is any.
 */
static int64_t forecast_too_slow(const struct rehearsing *r, const struct forecast_reminder *p)
{
    int64_t late = 0;

    for (size_t i = 0; i < forecast_gateways(r->asking->forecast); i++)
        late += p->parts[i].late;
    return late;
}

static bool is_equal(const struct rehearsing *r, const struct came *came,
                     const struct forecast_reminder *p)
{
    int64_t slow = forecast_too_slow(r, p), begins = forecast_begins(p);

    if (came->skipped != p->skipped || p->skipped)
        return came->skipped == p->skipped;
    if (came->sent != p->sent - slow)
        return false;
    if (came->sent == 0 || slow > 0)
        return true;
    return came->segments == p->segments && fabs(came->cost - p->cost) <= 0.001 &&
           came->first_ms >= begins - 1000 && came->first_ms <= begins + LATE_MS &&
           (r->options.faster > 1 || came->last_ms <= p->done_ms + LATE_MS);
}

static int count(struct rehearsing *r)
{
    struct error err;

    if (gateway_names_read(&r->gateways, r->inner, &err) != 0)
        return cli_error(r->cli, EX_UNAVAILABLE, &err);
    for (size_t k = 0; k < r->reading.campaign->reminder_count; k++) {
        const struct reminder_status *one =
            picture_reminder(r->picture, r->reading.campaign->reminders[k].name);

        r->at = k;
        r->came[k].skipped = one == NULL || strcmp(one->state, "skipped") == 0;
        if (!r->came[k].skipped &&
            walk_reminder(r->inner, r->picture, one, NULL, on_notice, r, &err) != 0)
            return cli_error(r->cli, EX_UNAVAILABLE, &err);
        r->came[k].equal = is_equal(r, &r->came[k], forecast_reminder(r->asking->forecast, k));
    }
    return 0;
}

/* ------------------------------------------------------------------------ telling */

static void write_table(const struct rehearsing *r, struct buf *out)
{
    const struct campaign *c = r->reading.campaign;
    const struct table_column columns[] = {
        {T("reminder"), TABLE_LEFT, TABLE_WRAPS}, {T("first"), TABLE_LEFT, false},
        {T("last"), TABLE_LEFT, false},           {T("sent"), TABLE_RIGHT, false},
        {T("seg."), TABLE_RIGHT, false},          {T("cost"), TABLE_RIGHT, false}};
    struct table *t = table_create(columns, sizeof columns / sizeof *columns);
    char when[HUMAN_BYTES];

    for (size_t k = 0; k < c->reminder_count; k++) {
        const struct came *came = &r->came[k];

        table_cell(t, c->reminders[k].name);
        table_cell(t, came->skipped ? T("over or missed")
                                    : human_time(when, c->zone, came->first_ms, false));
        table_cell(t, came->skipped ? "" : human_time(when, c->zone, came->last_ms, false));
        table_cell(t, came->skipped ? "" : human_count(when, came->sent));
        table_cell(t, came->skipped ? "" : human_count(when, came->segments));
        if (came->skipped)
            table_cell(t, "");
        else
            table_printf(t, "%.2f", human_money(came->cost));
    }
    table_write(t, r->cli->width, 2, out);
    table_free(t);
}

static void write_missed(const struct rehearsing *r, struct buf *out)
{
    char n[HUMAN_BYTES];

    for (size_t k = 0; k < r->reading.campaign->reminder_count; k++) {
        const struct came *came = &r->came[k];
        const char *name = r->reading.campaign->reminders[k].name;

        for (int i = 1; i < REASON_COUNT; i++) {
            if (came->missed[i] == 0)
                continue;
            buf_printf(out,
                       i == REASON_FILTER ? T("  %s: %s got nothing, as it should be:\n")
                                          : T("  ! %s: %s got nothing:\n"),
                       name, human_count(n, came->missed[i]));
            table_wrap(out, words_reason(notice_reason_name((enum notice_reason)i)), REASON_COLUMNS,
                       "    ");
        }
        if (came->refused > 0)
            buf_printf(out, T("  %s: %s have opted out\n"), name, human_count(n, came->refused));
        if (came->missed[REASON_NONE] > 0)
            buf_printf(out, T("  ! %s: %s were not sent in time\n"), name,
                       human_count(n, came->missed[REASON_NONE]));
    }
}

/* Sent, and to no avail: what the operators were told to refuse or lose. */
static void write_lost(const struct rehearsing *r, struct buf *out)
{
    char n[HUMAN_BYTES];

    for (size_t k = 0; k < r->reading.campaign->reminder_count; k++) {
        const struct came *came = &r->came[k];
        const char *name = r->reading.campaign->reminders[k].name;

        if (came->again > 0)
            buf_printf(out, T("  ! %s: %s were sent again, for no answer had come\n"), name,
                       human_count(n, came->again));
        if (came->uncertain > 0)
            buf_printf(out, T("  ! %s: %s are in doubt: no answer came\n"), name,
                       human_count(n, came->uncertain));
        for (int i = 0; i < REASON_COUNT; i++) {
            if (came->lost[i] == 0)
                continue;
            buf_printf(out, T("  ! %s: %s were sent and did not arrive:\n"), name,
                       human_count(n, came->lost[i]));
            table_wrap(out,
                       i == REASON_NONE ? T("no reason was given")
                                        : words_reason(notice_reason_name((enum notice_reason)i)),
                       REASON_COLUMNS, "    ");
        }
    }
}

static bool write_differences(const struct rehearsing *r, struct buf *out)
{
    const struct campaign *c = r->reading.campaign;
    char a[HUMAN_BYTES], b[HUMAN_BYTES];
    bool equal = true;

    for (size_t k = 0; k < c->reminder_count; k++) {
        const struct forecast_reminder *p = forecast_reminder(r->asking->forecast, k);

        if (r->came[k].equal)
            continue;
        equal = false;
        buf_printf(out, T("  ≠ %s: the forecast says %s, from %s, %" PRId64 " segments, %.2f\n"),
                   c->reminders[k].name, human_count(a, p->sent - forecast_too_slow(r, p)),
                   human_time(b, c->zone, forecast_begins(p), false), p->segments, p->cost);
    }
    return equal;
}

static struct came sum_up(const struct rehearsing *r)
{
    struct came sum = {.equal = true};

    for (size_t k = 0; k < r->reading.campaign->reminder_count; k++) {
        sum.sent += r->came[k].sent;
        sum.segments += r->came[k].segments;
        sum.cost += r->came[k].cost;
        sum.equal &= r->came[k].equal;
    }
    return sum;
}

static void write_report(const struct rehearsing *r, struct buf *out)
{
    const struct campaign *c = r->reading.campaign;
    struct came sum = sum_up(r);
    char people[HUMAN_BYTES], n[HUMAN_BYTES], k[HUMAN_BYTES], from[HUMAN_BYTES], to[HUMAN_BYTES];
    struct buf notes = BUF_INIT(1u << 20);

    buf_printf(out, T("%s  %s\n%s recipients, %s notices, %s segments, %.2f %s\n"), c->id, c->title,
               human_count(people, (int64_t)preview_rows(r->reading.preview)),
               human_count(n, sum.sent), human_count(k, sum.segments), human_money(sum.cost),
               words_currency(r->cli->settings->defaults.currency));
    buf_printf(out, T("%s to %s, in %s\n\n"), human_time(from, c->zone, r->queued_ms, false),
               human_time(to, c->zone, r->ended_ms, false),
               human_duration(n, clock_mono_ms() - r->began_mono_ms));
    write_table(r, out);
    write_missed(r, &notes);
    write_lost(r, &notes);
    if (r->options.faster > 1)
        buf_printf(&notes,
                   T("  the gateways were %" PRId64 " times as quick: the forecast says when it is "
                     "finished\n"),
                   r->options.faster);
    if (write_differences(r, &notes))
        buf_puts(&notes, T("  equal to the forecast, reminder for reminder\n"));
    buf_putc(out, '\n');
    buf_put(out, notes.data, notes.length);
    buf_free(&notes);
}

static json_t *lost_json(const struct came *came)
{
    json_t *lost = json_object();

    for (int i = 0; i < REASON_COUNT; i++)
        if (came->lost[i] > 0)
            json_object_set_new(lost, notice_reason_name((enum notice_reason)i),
                                json_integer(came->lost[i]));
    return lost;
}

static json_t *reminder_json(const struct rehearsing *r, size_t k)
{
    const struct forecast_reminder *p = forecast_reminder(r->asking->forecast, k);
    const struct came *came = &r->came[k];
    json_t *missed = json_object();

    for (int i = 0; i < REASON_COUNT; i++)
        if (came->missed[i] > 0)
            json_object_set_new(
                missed, i == REASON_NONE ? "late" : notice_reason_name((enum notice_reason)i),
                json_integer(came->missed[i]));
    return json_pack(
        "{s:s,s:b,s:I,s:I,s:I,s:I,s:f,s:o,s:o,s:I,s:I,s:I,s:b,s:{s:b,s:I,s:I,s:I,s:I,s:f,s:I}}",
        "name", r->reading.campaign->reminders[k].name, "skipped", came->skipped, "first_ms",
        (json_int_t)came->first_ms, "last_ms", (json_int_t)came->last_ms, "notices",
        (json_int_t)came->sent, "segments", (json_int_t)came->segments, "cost", came->cost,
        "missed", missed, "lost", lost_json(came), "opted_out", (json_int_t)came->refused, "again",
        (json_int_t)came->again, "uncertain", (json_int_t)came->uncertain, "equal", came->equal,
        "forecast", "skipped", p->skipped, "begins_ms", (json_int_t)forecast_begins(p), "done_ms",
        (json_int_t)p->done_ms, "notices", (json_int_t)p->sent, "segments", (json_int_t)p->segments,
        "cost", p->cost, "late", (json_int_t)p->late);
}

static int tell(const struct rehearsing *r)
{
    struct came sum = sum_up(r);
    struct buf out = BUF_INIT(16u << 20);
    json_t *reminders;

    if (!r->cli->json) {
        write_report(r, &out);
        cli_print(&out);
        buf_free(&out);
        return sum.equal ? 0 : EX_SOFTWARE;
    }
    reminders = json_array();
    for (size_t k = 0; k < r->reading.campaign->reminder_count; k++)
        json_array_append_new(reminders, reminder_json(r, k));
    cli_json(json_pack(
        "{s:s,s:b,s:I,s:I,s:I,s:f,s:s,s:I,s:I,s:I,s:I,s:o}", "id", r->reading.campaign->id, "equal",
        sum.equal, "recipients", (json_int_t)preview_rows(r->reading.preview), "notices",
        (json_int_t)sum.sent, "segments", (json_int_t)sum.segments, "cost", sum.cost, "currency",
        r->cli->settings->defaults.currency, "queued_ms", (json_int_t)r->queued_ms, "ended_ms",
        (json_int_t)r->ended_ms, "took_ms", (json_int_t)(clock_mono_ms() - r->began_mono_ms),
        "faster", (json_int_t)r->options.faster, "reminders", reminders));
    return sum.equal ? 0 : EX_SOFTWARE;
}

/* ----------------------------------------------------------------------- running */

/* Queued there, and agreed to where the campaign itself asks for that. */
static int queue_there(struct rehearsing *r)
{
    const char *const queue[] = {"queue", r->path, "--json", "--wait", "120", NULL};
    const char *const agree[] = {"approve", r->reading.campaign->id,         "-y",
                                 "--by",    "the rehearsal's second person", NULL};
    struct error err;
    struct look l;
    int rc = rehearsal_run(r->world, queue);

    if (rc != 0) /* it has said why */
        return rc;
    if (look(r, &l, &err) != 0)
        return cli_error(r->cli, EX_UNAVAILABLE, &err);
    if (strcmp(r->picture->status->state, "awaiting") == 0)
        rc = rehearsal_run(r->world, agree);
    r->queued_ms = r->picture->status->queued_ms;
    return rc;
}

static int run(struct rehearsing *r)
{
    struct error err;
    int rc = reckon(r, clock_wall_ms());

    if (rc != 0)
        return rc;
    r->options.faster = reckon_faster(r);
    r->world = rehearsal_create(r->cli, &r->options, &err);
    if (r->world == NULL)
        return cli_error(r->cli, EX_CANTCREAT, &err);
    r->inner = rehearsal_cli(r->world);
    if (rehearsal_start(r->world, &err) != 0)
        return cli_interrupted() != 0 ? cli_interrupted() : cli_error(r->cli, EX_UNAVAILABLE, &err);
    if (r->reading.residents != NULL) {
        rc = rehearsal_people(r->cli, r->inner, r->path, &err);
        if (rc != 0)
            return cli_interrupted() != 0 ? rc : cli_error(r->cli, rc, &err);
    }
    rc = queue_there(r);
    if (rc == 0)
        rc = reckon(r, r->queued_ms);
    if (rc == 0)
        rc = play(r);
    if (rc == 0)
        rc = count(r);
    return rc == 0 ? tell(r) : rc;
}

static int rehearse(struct cli *cli, const void *arg, char **operands, int n)
{
    const struct rehearse_options *options = arg;
    struct rehearsing *r;
    struct error err;
    int rc = cli_settings(cli);

    (void)n;
    if (rc != 0)
        return rc;
    if (reading_there(operands[0], &err) != 0)
        return cli_error(cli, EX_NOINPUT, &err);
    cli_catch_signals();
    r = xcalloc(1, sizeof *r);
    r->cli = cli;
    r->path = operands[0];
    r->began_mono_ms = clock_mono_ms();
    r->options = (struct rehearsal_options){.latency_ms = options->latency_ms,
                                            .loss = options->loss,
                                            .reject = options->reject,
                                            .undelivered = options->undelivered,
                                            .faster = 1};
    rc = run(r);
    picture_free(r->picture);
    gateway_names_free(&r->gateways);
    asking_free(r->asking);
    reading_close(&r->reading);
    rehearsal_close(r->world);
    free(r);
    return rc;
}

const struct subcommand cmd_rehearse = {
    .name = "rehearse",
    .operands = "CAMPAIGN.conf",
    .summary = N_("play the whole campaign to make-believe operators, in a minute"),
    .more =
        N_("A private Redis and a real outreachd in a temporary directory, whose gateways are\n"
           "sandboxes of the same names, channels, rates, classes and prices; the clock is set\n"
           "forward where nothing can happen. Tells what was sent when, what it costs, who got\n"
           "nothing and why, and whether that equals the forecast (exit 70 if not).\n"
           "Nothing is written to the real Redis and no operator is spoken to. Who has opted out\n"
           "is known where the audience comes from the register of residents, which is read then.\n"
           "Who is protected (outreach safe) is not known to it, nor to that forecast."),
    .least = 1,
    .most = 1,
    .options = rehearse_options,
    .options_bytes = sizeof(struct rehearse_options),
    .run = rehearse,
};
