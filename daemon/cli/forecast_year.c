#include "forecast_year.h"

#include "campaign_files.h"
#include "crowd.h"
#include "foresee.h"
#include "human.h"
#include "mem.h"
#include "mistakes.h"
#include "table.h"
#include "zone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WEEKS_TOLD 5
#define PLAN_BYTES (64u << 20) /* of a plan on standard input */

struct sum {
    int64_t notices, segments, late, missed; /* missed: people who get nothing, for any reason */
    double cost;
};

/* A campaign's line. */
struct line {
    char *id, *title, *file;
    const struct zone *zone;
    int64_t first_ms; /* when its first reminder begins; 0: none is sent */
    int64_t people;   /* -1: its list is not there yet */
    size_t reminders; /* that are asked for and still to come */
    struct sum sum;
};

struct month {
    int month; /* 202703 */
    struct sum sum;
};

struct year {
    struct cli *cli;
    int year;
    json_t *wanted; /* { "campaign/reminder": true }; NULL: all */
    struct line *lines;
    size_t line_count;
    struct month *months;
    size_t month_count;
    struct crowd *crowd;
    unsigned broken;
    int64_t later; /* notices more, to who has registered by then */
    /* of the campaign that is being read */
    const struct campaign *campaign;
    const struct forecast *forecast;
    int64_t asked_ms, week; /* the last moment that a week was asked of */
};

static void sum_add(struct sum *to, const struct sum *more)
{
    to->notices += more->notices;
    to->segments += more->segments;
    to->late += more->late;
    to->missed += more->missed;
    to->cost += more->cost;
}

/* ------------------------------------------------------------------ one campaign */

/* The Monday of that week in the campaign's zone, as its midnight. */
static int64_t week_of(const struct zone *zone, int64_t ms)
{
    struct local_time t;

    zone_local(zone, ms, &t);
    t.day -= (t.weekday + 6) % 7;
    t.hour = t.minute = t.second = 0;
    return zone_wall(zone, &t);
}

static void on_notice(void *arg, size_t reminder, const char *to, size_t n, int64_t at_ms)
{
    struct year *y = arg;

    (void)reminder;
    if (at_ms != y->asked_ms) { /* the same for all, unless each has a time of her own */
        y->asked_ms = at_ms;
        y->week = week_of(y->campaign->zone, at_ms);
    }
    crowd_add(y->crowd, to, n, y->week);
}

/* A reminder by each person's own time belongs where the plan shows it: to who comes when the
 * event begins. */
static bool is_wanted(const struct year *y, const struct campaign *c, size_t r, int64_t due_ms)
{
    const struct campaign_reminder *one = &c->reminders[r];
    char key[CAMPAIGN_ID_BYTES + 40];
    struct local_time t;

    zone_local(c->zone,
               one->at.of_slot ? moment_resolve(&one->at, c->zone, one->starts_ms, 0) : due_ms, &t);
    snprintf(key, sizeof key, "%s/%s", c->id, one->name);
    return (y->year == 0 || t.year == y->year) &&
           (y->wanted == NULL || json_object_get(y->wanted, key) != NULL);
}

static const struct line *find(const struct year *y, const char *id)
{
    for (size_t i = 0; i < y->line_count; i++)
        if (strcmp(y->lines[i].id, id) == 0)
            return &y->lines[i];
    return NULL;
}

/* One id is one campaign: whether it is there already is told, unless it is the same file. */
static bool is_there(const struct year *y, const char *id, const char *file)
{
    const struct line *l = find(y, id);

    if (l != NULL && strcmp(l->file, file) != 0)
        fprintf(stderr, T("%s: its id is %s, as that of %s: only the first is counted\n"), file, id,
                l->file);
    return l != NULL;
}

static void before(void *arg, struct forecast *f, const struct campaign *c)
{
    struct year *y = arg;

    y->campaign = c;
    y->asked_ms = INT64_MIN;
    for (size_t r = 0; r < c->reminder_count; r++)
        if (find(y, c->id) != NULL || !is_wanted(y, c, r, forecast_reminder(f, r)->due_ms))
            forecast_skip(f, r);
    forecast_listen(f, on_notice, y);
}

static struct line *line_add(struct year *y, const char *file, const struct campaign *c)
{
    struct line *l;

    y->lines = xreallocarray(y->lines, y->line_count + 1, sizeof *y->lines);
    l = &y->lines[y->line_count++];
    *l = (struct line){.id = xstrdup(c->id),
                       .title = xstrdup(c->title),
                       .file = xstrdup(file),
                       .zone = c->zone,
                       .people = -1};
    return l;
}

static struct sum *month_of(struct year *y, const struct zone *zone, int64_t ms)
{
    struct local_time t;
    size_t at = 0;
    int month;

    zone_local(zone, ms, &t);
    month = t.year * 100 + t.month;
    while (at < y->month_count && y->months[at].month < month)
        at++;
    if (at == y->month_count || y->months[at].month != month) {
        y->months = xreallocarray(y->months, y->month_count + 1, sizeof *y->months);
        memmove(&y->months[at + 1], &y->months[at], (y->month_count - at) * sizeof *y->months);
        y->month_count++;
        y->months[at] = (struct month){.month = month};
    }
    return &y->months[at].sum;
}

static void add_reminder(struct year *y, struct line *l, const struct campaign *c, size_t r,
                         const struct forecast_reminder *p)
{
    struct sum sum = {p->sent, p->segments, p->late, 0, p->cost};
    int64_t begins_ms = p->first_slot_ms != 0 ? p->first_slot_ms : p->begins_ms;

    if (p->skipped)
        return;
    for (int k = 1; k < REASON_COUNT; k++)
        if (k != REASON_FILTER) /* not for them, until they have a place */
            sum.missed += p->missed[k];
    y->later += forecast_later(c, r, p);
    l->reminders++;
    if (l->first_ms == 0 || begins_ms < l->first_ms)
        l->first_ms = begins_ms;
    sum_add(&l->sum, &sum);
    sum_add(month_of(y, l->zone, begins_ms), &sum);
}

/* A plan is made before its lists are there. */
static void add_bare(struct year *y, const char *file, struct error *err)
{
    struct campaign *bare = reading_bare(y->cli, file, err);

    if (bare == NULL) {
        y->broken++;
        mistakes_tell_beside(y->cli, file, err);
        return;
    }
    if (!is_there(y, bare->id, file))
        line_add(y, file, bare);
    campaign_free(bare);
}

static void add_file(void *arg, const char *file)
{
    struct year *y = arg;
    struct foreseen f = {0};
    struct error err;
    int rc = foresee(y->cli, file, 0, before, y, &f, &err);

    if (rc == 0 && !is_there(y, f.reading.campaign->id, file)) {
        struct line *l = line_add(y, file, f.reading.campaign);

        l->people = (int64_t)preview_rows(f.reading.preview);
        for (size_t r = 0; r < f.reading.campaign->reminder_count; r++)
            add_reminder(y, l, f.reading.campaign, r, forecast_reminder(f.asking->forecast, r));
    } else if (rc != 0 && (f.reading.no_list || f.reading.no_register != 0)) {
        add_bare(y, file, &err);
    } else if (rc != 0) {
        y->broken++;
        mistakes_tell_beside(y->cli, file, &err);
    }
    foreseen_close(&f);
}

/* ------------------------------------------------------------- a plan on stdin */

static int add_plan(struct year *y, struct error *err)
{
    json_error_t why;
    json_t *plan = json_loadf(stdin, 0, &why), *files = json_object(), *entry;
    const char *file;
    void *next;
    size_t i;

    if (!json_is_array(plan)) {
        json_decref(plan);
        json_decref(files);
        return error_set(
            err, T("standard input is no plan: outreach plan --json | outreach forecast -"));
    }
    y->wanted = json_object();
    json_array_foreach(plan, i, entry)
    {
        const char *campaign = json_string_value(json_object_get(entry, "campaign")),
                   *reminder = json_string_value(json_object_get(entry, "reminder"));
        char *key;

        file = json_string_value(json_object_get(entry, "file"));
        if (campaign == NULL || reminder == NULL || file == NULL)
            continue; /* the event itself, or what is queued already */
        key = xasprintf("%s/%s", campaign, reminder);
        json_object_set_new(y->wanted, key, json_true());
        json_object_set_new(files, file, json_true());
        free(key);
    }
    json_object_foreach_safe(files, next, file, entry) add_file(y, file);
    json_decref(plan);
    json_decref(files);
    return 0;
}

/* ---------------------------------------------------------------------- the answer */

static int by_time(const void *a, const void *b)
{
    const struct line *x = a, *y = b;
    int64_t at = x->first_ms != 0 ? x->first_ms : INT64_MAX,
            bt = y->first_ms != 0 ? y->first_ms : INT64_MAX;

    return at != bt ? (at < bt ? -1 : 1) : strcmp(x->id, y->id);
}

static void cells(struct table *t, const struct sum *sum)
{
    char text[HUMAN_BYTES];

    table_cell(t, human_count(text, sum->notices));
    table_cell(t, human_count(text, sum->segments));
    table_printf(t, "%.2f", human_money(sum->cost));
}

static void write_campaigns(const struct year *y, struct buf *out)
{
    const struct table_column columns[] = {
        {T("begins"), TABLE_LEFT, false},   {T("campaign"), TABLE_LEFT, true},
        {T("people"), TABLE_RIGHT, false},  {T("sends"), TABLE_RIGHT, false},
        {T("notices"), TABLE_RIGHT, false}, {T("segments"), TABLE_RIGHT, false},
        {T("cost"), TABLE_RIGHT, false},
    };
    struct table *t = table_create(columns, sizeof columns / sizeof *columns);

    for (size_t i = 0; i < y->line_count; i++) {
        const struct line *l = &y->lines[i];
        struct local_time at;
        char text[HUMAN_BYTES];

        zone_local(l->zone, l->first_ms, &at);
        if (l->first_ms != 0)
            table_printf(t, "%04d-%02d-%02d", at.year, at.month, at.day);
        else
            table_cell(t, l->people < 0 ? "?" : "-");
        table_printf(t, "%s  %s", l->id, l->title);
        table_cell(t, l->people < 0 ? "?" : human_count(text, l->people));
        table_printf(t, "%zu", l->reminders);
        cells(t, &l->sum);
    }
    table_write(t, y->cli->width, 0, out);
    table_free(t);
}

static void write_months(const struct year *y, struct buf *out)
{
    const struct table_column columns[] = {
        {T("month"), TABLE_LEFT, true},
        {T("notices"), TABLE_RIGHT, false},
        {T("segments"), TABLE_RIGHT, false},
        {T("cost"), TABLE_RIGHT, false},
    };
    struct table *t = table_create(columns, sizeof columns / sizeof *columns);
    struct sum all = {0};

    for (size_t i = 0; i < y->month_count; i++) {
        table_printf(t, "%04d-%02d", y->months[i].month / 100, y->months[i].month % 100);
        cells(t, &y->months[i].sum);
        sum_add(&all, &y->months[i].sum);
    }
    table_cell(t, T("in all"));
    cells(t, &all);
    table_write(t, y->cli->width, 0, out);
    table_free(t);
}

/* The first campaign's zone will do: an office has one. */
static const struct zone *zone_of(const struct year *y)
{
    return y->line_count > 0 ? y->lines[0].zone
                             : zone_find(y->cli->settings->defaults.timezone, NULL);
}

static void write_crowd(const struct year *y, struct buf *out)
{
    size_t count;
    struct crowd_week *weeks = crowd_weeks(y->crowd, &count);
    char n[HUMAN_BYTES];

    for (size_t i = 0; i < count && i < WEEKS_TOLD; i++) {
        struct local_time t;

        zone_local(zone_of(y), weeks[i].week, &t);
        buf_printf(out, T("  week of %04d-%02d-%02d: %s people get %d or more notices, up to %u\n"),
                   t.year, t.month, t.day, human_count(n, weeks[i].people), CROWD_MANY,
                   weeks[i].most);
    }
    free(weeks);
}

/* words: of a campaign and how many of its notices. */
static void put_note(const struct year *y, const char *words, const struct line *l, int64_t count,
                     struct buf *out)
{
    char n[HUMAN_BYTES], *note = xasprintf(words, l->id, human_count(n, count));

    table_wrap(out, note, y->cli->width > 40 ? y->cli->width - 2 : 200, "  ");
    free(note);
}

static void write_answer(const struct year *y, struct buf *out)
{
    struct buf notes = BUF_INIT(1u << 20);
    char n[HUMAN_BYTES];
    size_t unknown = 0;

    write_campaigns(y, out);
    buf_putc(out, '\n');
    write_months(y, out);
    buf_printf(out, T("\ncosts in %s\n"), words_currency(y->cli->settings->defaults.currency));
    for (size_t i = 0; i < y->line_count; i++)
        unknown += y->lines[i].people < 0;
    if (unknown > 0)
        buf_printf(&notes, T("  %zu campaigns have no list yet (?): they are not in the sums\n"),
                   unknown);
    for (size_t i = 0; i < y->line_count; i++) {
        if (y->lines[i].sum.late > 0)
            put_note(y, T("! %s: %s notices cannot be sent before they expire: see its forecast"),
                     &y->lines[i], y->lines[i].sum.late, &notes);
        if (y->lines[i].sum.missed > 0)
            put_note(y, T("! %s: %s notices would reach nobody: see its forecast"), &y->lines[i],
                     y->lines[i].sum.missed, &notes);
    }
    if (y->later > 0)
        buf_printf(&notes,
                   T("  at most %s notices more, to who has registered by then: in no sum here\n"),
                   human_count(n, y->later));
    write_crowd(y, &notes);
    if (notes.length > 0) {
        buf_puts(out, T("\nTo know\n"));
        buf_put(out, notes.data, notes.length);
    }
    buf_free(&notes);
}

static json_t *sum_json(const struct sum *s)
{
    return json_pack("{s:I,s:I,s:f,s:I,s:I}", "notices", (json_int_t)s->notices, "segments",
                     (json_int_t)s->segments, "cost", s->cost, "late", (json_int_t)s->late,
                     "missed", (json_int_t)s->missed);
}

static json_t *as_json(const struct year *y)
{
    json_t *campaigns = json_array(), *months = json_array(), *crowded = json_array(), *all;
    size_t count;
    struct crowd_week *weeks = crowd_weeks(y->crowd, &count);
    struct sum sum = {0};
    char text[40];

    for (size_t i = 0; i < y->line_count; i++) {
        const struct line *l = &y->lines[i];
        json_t *one = sum_json(&l->sum);

        json_object_set_new(one, "id", json_string(l->id));
        json_object_set_new(one, "title", json_text(l->title));
        json_object_set_new(one, "file", json_text(l->file));
        json_object_set_new(one, "begins_ms",
                            l->first_ms != 0 ? json_integer(l->first_ms) : json_null());
        json_object_set_new(one, "recipients",
                            l->people < 0 ? json_null() : json_integer(l->people));
        json_object_set_new(one, "reminders", json_integer((json_int_t)l->reminders));
        json_array_append_new(campaigns, one);
    }
    for (size_t i = 0; i < y->month_count; i++) {
        json_t *one = sum_json(&y->months[i].sum);

        snprintf(text, sizeof text, "%04d-%02d", y->months[i].month / 100,
                 y->months[i].month % 100);
        json_object_set_new(one, "month", json_string(text));
        json_array_append_new(months, one);
        sum_add(&sum, &y->months[i].sum);
    }
    for (size_t i = 0; i < count; i++) {
        struct local_time t;

        zone_local(zone_of(y), weeks[i].week, &t);
        snprintf(text, sizeof text, "%04d-%02d-%02d", t.year % 10000, t.month, t.day);
        json_array_append_new(crowded,
                              json_pack("{s:s,s:I,s:i}", "week", text, "people",
                                        (json_int_t)weeks[i].people, "most", (int)weeks[i].most));
    }
    free(weeks);
    all = sum_json(&sum);
    json_object_set_new(all, "currency", json_text(y->cli->settings->defaults.currency));
    json_object_set_new(all, "campaigns", campaigns);
    json_object_set_new(all, "months", months);
    json_object_set_new(all, "crowded", crowded);
    return all;
}

int forecast_year(struct cli *cli, int year, char **operands, int count)
{
    struct year y = {.cli = cli, .year = year, .crowd = crowd_create()};
    struct buf out = BUF_INIT(64u << 20);
    struct error err;
    int rc = 0;

    for (int i = 0; i < count && rc == 0; i++)
        if (strcmp(operands[i], "-") == 0) {
            if (add_plan(&y, &err) != 0)
                rc = cli_error(cli, EX_DATAERR, &err);
        } else if (campaign_files_each(operands[i], add_file, &y, &err) != 0) {
            rc = cli_error(cli, EX_NOINPUT, &err);
        }
    if (rc == 0) {
        if (y.line_count > 0)
            qsort(y.lines, y.line_count, sizeof *y.lines, by_time);
        if (cli->json)
            cli_json(as_json(&y));
        else
            write_answer(&y, &out);
        cli_print(&out);
        rc = y.broken > 0 ? EX_DATAERR : 0;
    }
    for (size_t i = 0; i < y.line_count; i++) {
        free(y.lines[i].id);
        free(y.lines[i].title);
        free(y.lines[i].file);
    }
    free(y.lines);
    free(y.months);
    json_decref(y.wanted);
    crowd_free(y.crowd);
    buf_free(&out);
    return rc;
}
