/*
 * outreach forecast - who would get what, when, by which gateway, and at what cost
 */
#include "cli.h"
#include "forecast_year.h"
#include "foresee.h"
#include "funds.h"
#include "hints.h"
#include "human.h"
#include "second_person.h"
#include "subcommands.h"
#include "table.h"
#include "utf8.h"

#include <inttypes.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#define REMARKS 20
#define LOCK_SCREEN 20 /* characters that a lock screen shows */
#define WEEK_MS (INT64_C(7) * 86400000)

struct forecast_options {
    bool offline;
    int64_t year; /* 0: any */
};

static const struct option_row forecast_options[] = {
    {"year", 'y', OPTION_NUMBER, OPTION_AT(struct forecast_options, year), "YEAR", .min = 1970,
     .max = 9999, .word = "all",
     .help = N_("only reminders of that year; the sums of all the campaigns")},
    {"offline", 0, OPTION_FLAG, OPTION_AT(struct forecast_options, offline), NULL,
     .help = N_("do not ask Redis who has opted out")},
    {0},
};

/* --------------------------------------------------------------------- the answer */

static void write_reminders(const struct asking *a, struct buf *out)
{
    const struct campaign *c = a->campaign;
    const struct table_column columns[] = {
        {T("reminder"), TABLE_LEFT, TABLE_WRAPS}, {T("begins"), TABLE_LEFT, false},
        {T("finished"), TABLE_LEFT, false},       {T("people"), TABLE_RIGHT, false},
        {T("segments"), TABLE_RIGHT, false},      {T("cost"), TABLE_RIGHT, false}};
    struct table *t = table_create(columns, sizeof columns / sizeof *columns);
    char when[HUMAN_BYTES];

    for (size_t r = 0; r < c->reminder_count; r++) {
        const struct forecast_reminder *p = forecast_reminder(a->forecast, r);

        table_cell(t, c->reminders[r].name);
        if (p->skipped) {
            table_cell(t, p->sent_already ? T("sent already") : T("over or missed"));
            for (int i = 0; i < 4; i++)
                table_cell(t, "");
            continue;
        }
        table_cell(t, human_time(when, c->zone,
                                 p->first_slot_ms != 0 ? p->first_slot_ms : p->begins_ms, false));
        table_cell(t, human_time(when, c->zone, p->done_ms, false));
        table_cell(t, human_count(when, p->sent));
        table_cell(t, human_count(when, p->segments));
        table_printf(t, "%.2f", human_money(p->cost));
    }
    table_write(t, a->cli->width, 2, out);
    table_free(t);
}

static void write_gateways(const struct asking *a, struct buf *out)
{
    const struct table_column columns[] = {{T("gateway"), TABLE_LEFT, TABLE_WRAPS},
                                           {T("notices"), TABLE_RIGHT, false},
                                           {T("segments"), TABLE_RIGHT, false},
                                           {T("cost"), TABLE_RIGHT, false},
                                           {T("its rate"), TABLE_LEFT, false}};
    struct table *t = table_create(columns, sizeof columns / sizeof *columns);
    char text[HUMAN_BYTES];

    for (size_t i = 0; i < forecast_gateways(a->forecast); i++) {
        const struct gateway_config *g = forecast_gateway(a->forecast, i);
        struct forecast_part sum = {0};

        for (size_t r = 0; r < a->campaign->reminder_count; r++) {
            const struct forecast_part *p = &forecast_reminder(a->forecast, r)->parts[i];

            sum.notices += p->notices;
            sum.segments += p->segments;
            sum.cost += p->cost;
        }
        if (sum.notices == 0)
            continue;
        table_cell(t, g->name);
        table_cell(t, human_count(text, sum.notices));
        table_cell(t, human_count(text, sum.segments));
        table_printf(t, "%.2f", human_money(sum.cost));
        if (g->rate > 0)
            table_printf(t, "%s %s", human_rate(text, (double)g->rate * 1000 / (double)g->rate_ms),
                         g->count == GATEWAY_COUNT_SEGMENTS ? TC("forecast", "segments")
                                                            : T("messages"));
        else
            table_cell(t, T("none set"));
    }
    table_write(t, a->cli->width, 2, out);
    table_free(t);
}

/* Whom its `only` leaves out: as it was meant, and no warning. */
static void write_filtered(const struct asking *a, size_t r, struct buf *out)
{
    const struct campaign_reminder *one = &a->campaign->reminders[r];
    const struct forecast_reminder *p = forecast_reminder(a->forecast, r);
    char n[HUMAN_BYTES];

    if (one->filter == FILTER_REGISTERED)
        buf_printf(
            out, T("  %s: for who has registered by then: nobody can have yet, at most %s will\n"),
            one->name, human_count(n, forecast_later(a->campaign, r, p)));
    else
        buf_printf(out, T("  %s: not for %s of them, by only = \"%s\"\n"), one->name,
                   human_count(n, p->missed[REASON_FILTER]), one->only);
}

/* What somebody should know of one reminder; nothing where all is well. */
static void write_warnings(const struct asking *a, size_t r, struct buf *out)
{
    const struct campaign *c = a->campaign;
    const struct forecast_reminder *p = forecast_reminder(a->forecast, r);
    const char *name = c->reminders[r].name;
    char n[HUMAN_BYTES], long_[HUMAN_BYTES], when[HUMAN_BYTES];
    int64_t notices, slow = p->late - p->own_late;
    double saves;
    unsigned cut = forecast_cut(p, &notices, &saves);

    if (p->begins_ms > p->due_ms && p->first_slot_ms == 0)
        buf_printf(out,
                   T("  %s: due %s, outside the allowed hours: it waits %s, and then %s notices "
                     "leave at once\n"),
                   name, human_time(when, c->zone, p->due_ms, false),
                   human_duration(long_, p->begins_ms - p->due_ms), human_count(n, p->sent));
    if (slow > 0)
        buf_printf(out,
                   T("  ! %s: %s notices cannot be sent before it expires (%s): begin earlier, "
                     "or add a gateway\n"),
                   name, human_count(n, slow), human_time(when, c->zone, p->expires_ms, false));
    if (p->own_hours > 0)
        buf_printf(out, T("  %s: %s get it at hours of their own, the last %s\n"), name,
                   human_count(n, p->own_hours), human_time(when, c->zone, p->own_done_ms, false));
    if (p->own_late > 0)
        buf_printf(
            out,
            T("  ! %s: %s have hours of their own, none of them before it expires (%s): tell "
              "them in person\n"),
            name, human_count(n, p->own_late), human_time(when, c->zone, p->expires_ms, false));
    if (p->refused > 0)
        buf_printf(out, T("  %s: %s have opted out\n"), name, human_count(n, p->refused));
    for (int k = 1; k < REASON_COUNT; k++)
        if (k == REASON_FILTER && p->missed[k] > 0)
            write_filtered(a, r, out);
        else if (p->missed[k] > 0)
            buf_printf(out, T("  ! %s: %s get nothing: %s\n"), name, human_count(n, p->missed[k]),
                       words_reason(notice_reason_name((enum notice_reason)k)));
    if (cut > 0)
        buf_printf(out,
                   T("  %s: shorter by %u, it takes a segment less for %s people: %.2f %s saved\n"),
                   name, cut, human_count(n, notices), human_money(saves),
                   words_currency(a->cli->settings->defaults.currency));
}

/* Several reminders within one week, to the same people. */
static void write_crowd(const struct asking *a, struct buf *out)
{
    const struct campaign *c = a->campaign;
    unsigned most = 0;

    for (size_t r = 0; r < c->reminder_count; r++) {
        const struct forecast_reminder *p = forecast_reminder(a->forecast, r);
        unsigned count = 0;

        for (size_t k = 0; k < c->reminder_count && !p->skipped; k++) {
            const struct forecast_reminder *q = forecast_reminder(a->forecast, k);

            count += !q->skipped && q->begins_ms >= p->begins_ms &&
                     q->begins_ms < p->begins_ms + WEEK_MS;
        }
        most = count > most ? count : most;
    }
    if (most > 2)
        buf_printf(out, T("  each person gets up to %u notices of this campaign within one week\n"),
                   most);
}

/* Where a provider has the text, what it is filled with is all that we know of it. */
static void write_templates(const struct asking *a, struct buf *out)
{
    size_t n;
    const struct forecast_template *t = forecast_templates(a->forecast, &n);
    const char *name;
    json_t *value;

    if (n > 0)
        buf_puts(out, T("\nBy approved templates, as the first one gets it\n"));
    for (size_t i = 0; i < n; i++) {
        buf_printf(out, "  %s  %s  %s", a->campaign->reminders[t[i].reminder].name, t[i].gateway,
                   t[i].code);
        json_object_foreach(t[i].params, name, value)
        {
            buf_printf(out, "  %s=%s", name, json_string_value(value));
        }
        if (t[i].signature != NULL)
            buf_printf(out, T("  signature %s"), t[i].signature);
        buf_putc(out, '\n');
    }
}

static json_t *templates_json(const struct asking *a)
{
    size_t n;
    const struct forecast_template *t = forecast_templates(a->forecast, &n);
    json_t *all = json_array();

    for (size_t i = 0; i < n; i++)
        json_array_append_new(all, json_pack("{s:s,s:s,s:s,s:s*,s:O}", "reminder",
                                             a->campaign->reminders[t[i].reminder].name, "gateway",
                                             t[i].gateway, "code", t[i].code, "signature",
                                             t[i].signature, "params", t[i].params));
    return all;
}

static void write_lock_screen(const struct reading *reading, struct buf *out)
{
    const struct preview_text *texts;
    size_t n = preview_texts(reading->preview, &texts);

    buf_puts(out, T("\nOn a lock screen\n"));
    for (size_t i = 0; i < n; i++) {
        const char *s = texts[i].sample, *end;
        size_t left = LOCK_SCREEN;
        uint32_t code;

        if (s == NULL)
            continue;
        for (end = s + strlen(s); left > 0 && s < end && utf8_next(&s, end, &code) == 0; left--)
            ;
        buf_printf(out, "  %.*s%s\n", (int)(s - texts[i].sample), texts[i].sample,
                   s < end ? "…" : "");
    }
}

void asking_write(const struct asking *a, const struct reading *reading, struct buf *out)
{
    struct asking_sums sums = asking_sums(a);
    char n[HUMAN_BYTES], k[HUMAN_BYTES], people[HUMAN_BYTES];
    struct buf warnings = BUF_INIT(1u << 20);

    for (size_t r = 0; r < a->campaign->reminder_count; r++) {
        if (!forecast_reminder(a->forecast, r)->skipped)
            write_warnings(a, r, &warnings);
    }
    write_crowd(a, &warnings);
    hints_write_private(a->cli, a->campaign, true, &warnings);
    buf_printf(out, T("%s  %s\n%s recipients, %s notices, %s segments, %.2f %s\n\n"),
               a->campaign->id, a->campaign->title,
               human_count(people, (int64_t)preview_rows(reading->preview)),
               human_count(n, sums.notices), human_count(k, sums.segments), human_money(sums.cost),
               words_currency(a->cli->settings->defaults.currency));
    write_reminders(a, out);
    buf_putc(out, '\n');
    write_gateways(a, out);
    funds_write(a, &warnings);
    if (warnings.length > 0) {
        buf_puts(out, T("\nTo know\n"));
        buf_put(out, warnings.data, warnings.length);
    }
    buf_free(&warnings);
    write_templates(a, out);
    write_lock_screen(reading, out);
    if (reading->report.refused > 0 || reading->report.merged > 0) {
        buf_printf(out, T("\nRows of the list: %lu not taken, %lu merged\n"),
                   reading->report.refused, reading->report.merged);
        reading_write_remarks(reading, out);
    }
}

static json_t *reminder_json(const struct asking *a, size_t r)
{
    const struct forecast_reminder *p = forecast_reminder(a->forecast, r);
    json_t *gateways = json_object(), *missed = json_object();
    int64_t notices;
    double saves;
    unsigned cut = forecast_cut(p, &notices, &saves);

    for (size_t i = 0; i < forecast_gateways(a->forecast); i++)
        if (p->parts[i].notices > 0)
            json_object_set_new(
                gateways, forecast_gateway(a->forecast, i)->name,
                json_pack("{s:I,s:I,s:f,s:I,s:I}", "notices", (json_int_t)p->parts[i].notices,
                          "segments", (json_int_t)p->parts[i].segments, "cost", p->parts[i].cost,
                          "done_ms", (json_int_t)p->parts[i].done_ms, "late",
                          (json_int_t)p->parts[i].late));
    for (int k = 1; k < REASON_COUNT; k++)
        if (p->missed[k] > 0)
            json_object_set_new(missed, notice_reason_name((enum notice_reason)k),
                                json_integer(p->missed[k]));
    return json_pack(
        "{s:s,s:b,s:I,s:I,s:I,s:I,s:I,s:I,s:f,s:I,s:I,s:I,s:I,s:o,s:o,s:{s:i,s:I,s:f}}", "name",
        a->campaign->reminders[r].name, "skipped", p->skipped, "due_ms", (json_int_t)p->due_ms,
        "begins_ms", (json_int_t)p->begins_ms, "done_ms", (json_int_t)p->done_ms, "expires_ms",
        (json_int_t)p->expires_ms, "notices", (json_int_t)p->sent, "segments",
        (json_int_t)p->segments, "cost", p->cost, "late", (json_int_t)p->late, "own_hours",
        (json_int_t)p->own_hours, "own_late", (json_int_t)p->own_late, "opted_out",
        (json_int_t)p->refused, "gateways", gateways, "missed", missed, "cut", "characters",
        (int)cut, "notices", (json_int_t)(cut > 0 ? notices : 0), "saves", cut > 0 ? saves : 0.0);
}

json_t *asking_json(const struct asking *a)
{
    json_t *reminders = json_array();

    for (size_t r = 0; r < a->campaign->reminder_count; r++)
        json_array_append_new(reminders, reminder_json(a, r));
    return reminders;
}

static void tell(const struct foreseen *f)
{
    const struct asking *a = f->asking;
    const struct reading *reading = &f->reading;
    double cost = f->whole != NULL ? asking_sums(f->whole).cost : 0;
    struct buf out = BUF_INIT(64u << 20);

    if (a->cli->json) {
        cli_json(json_pack("{s:s,s:I,s:s,s:o,s:o,s:o,s:o}", "id", a->campaign->id, "recipients",
                           (json_int_t)preview_rows(reading->preview), "currency",
                           a->cli->settings->defaults.currency, "reminders", asking_json(a),
                           "templates", templates_json(a), "approval",
                           second_person_json(a->cli, reading, cost), "balances", funds_json(a)));
        return;
    }
    asking_write(a, reading, &out);
    second_person_write(a->cli, reading, cost, &out);
    cli_print(&out);
    buf_free(&out);
}

/* One campaign in full: its reminders, gateways, texts, rows. */
static int one(struct cli *cli, const char *path)
{
    struct foreseen f = {0};
    struct error err;
    int rc = foresee(cli, path, REMARKS, NULL, NULL, &f, &err);

    if (rc != 0)
        cli_error(cli, rc, &err);
    else
        tell(&f);
    foreseen_close(&f);
    return rc;
}

static bool is_file(const char *path)
{
    struct stat st;

    return strcmp(path, "-") != 0 && (stat(path, &st) != 0 || !S_ISDIR(st.st_mode));
}

static int forecast(struct cli *cli, const void *arg, char **operands, int count)
{
    const struct forecast_options *options = arg;
    int rc = options->offline ? cli_settings(cli) : cli_connect(cli);

    if (rc != 0)
        return rc;
    if (count == 1 && options->year == 0 && is_file(operands[0]))
        return one(cli, operands[0]);
    return forecast_year(cli, (int)options->year, operands, count);
}

const struct subcommand cmd_forecast = {
    .name = "forecast",
    .operands = "FILE|DIRECTORY|-...",
    .summary = N_("who would get what, when it is finished, and what it costs"),
    .more =
        N_("Decides for every recipient as outreachd will: channel, gateway, text, segments,\n"
           "hours, slot; and reckons when the gateways' rates let the last one leave. Gateways\n"
           "are taken to work, and to be free. Nothing is sent or stored.\n"
           "Tells what is moved by the allowed hours, what cannot be sent in time, who gets\n"
           "nothing and why, how many characters less would save a segment, and what providers'\n"
           "templates are filled with.\n"
           "Of several files, of a directory's, or with --year: what each campaign and each\n"
           "month comes to, and in which weeks the same people get many notices. \"-\" takes\n"
           "the reminders that `outreach plan --json` writes."),
    .least = 1,
    .most = -1,
    .options = forecast_options,
    .options_bytes = sizeof(struct forecast_options),
    .run = forecast,
};
