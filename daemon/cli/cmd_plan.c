/*
 * outreach plan - the year, from campaign files and from what is queued
 */
#include "clock.h"
#include "cli.h"
#include "human.h"
#include "ics.h"
#include "mem.h"
#include "plan.h"
#include "prose.h"
#include "subcommands.h"
#include "table.h"
#include "zone.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define THIS_YEAR (-1)

struct plan_options {
    int64_t year; /* 0: all */
    bool ics, queued, offline;
};

static const struct option_row plan_options[] = {
    {"year", 'y', OPTION_NUMBER, OPTION_AT(struct plan_options, year), "YEAR", .min = 1970,
     .max = 9999, .initial = THIS_YEAR, .word = "all",
     .help = N_("of that year; all: of every year (this year, with --ics all)")},
    {"queued", 'q', OPTION_FLAG, OPTION_AT(struct plan_options, queued), NULL,
     .help = N_("also what is queued, beside the files that are named")},
    {"offline", 0, OPTION_FLAG, OPTION_AT(struct plan_options, offline), NULL,
     .help = N_("do not ask Redis: the files alone, whether they are queued or not")},
    {"ics", 0, OPTION_FLAG, OPTION_AT(struct plan_options, ics), NULL,
     .help = N_("as a calendar (.ics) for Outlook, WPS, Google or a phone")},
    {0},
};

/* ----------------------------------------------------------------- for a person */
static const char *state_words(const struct plan *p, const char *state)
{
    if (strcmp(state, "file") == 0)
        return p->queued != NULL ? T("not queued") : T("file");
    return strcmp(state, "pending") == 0 ? T("not taken") : words_state(state);
}

static void put_month(struct table *t, const struct local_time *at)
{
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

    if (language_chinese())
        table_printf(t, "%d年%d月", at->year, at->month);
    else
        table_printf(t, "%s %d", months[at->month - 1], at->year);
    for (int i = 0; i < 6; i++)
        table_cell(t, "");
}

static void write_table(const struct cli *cli, const struct plan *p, struct buf *out)
{
    const struct table_column columns[] = {
        {T("DATE"), TABLE_LEFT, false},          {T("TIME"), TABLE_RIGHT, false},
        {TC("plan", "WHAT"), TABLE_LEFT, true},  {T("ID"), TABLE_LEFT, TABLE_WRAPS},
        {TC("plan", "TITLE"), TABLE_LEFT, true}, {T("PEOPLE"), TABLE_RIGHT, false},
        {T("STATE"), TABLE_LEFT, false},
    };
    struct table *t = table_create(columns, sizeof columns / sizeof *columns);
    struct local_time at, last = {0};
    char people[HUMAN_BYTES];

    for (size_t i = 0; i < p->count; i++) {
        const struct plan_entry *e = &p->entries[i];

        zone_local(e->zone, e->at_ms, &at);
        if (at.year != last.year || at.month != last.month)
            put_month(t, &at);
        last = at;
        table_printf(t, "  %02d %s", at.day, words_weekday(at.weekday));
        table_printf(t, "%s%d:%02d", e->own_times ? "~" : "", at.hour, at.minute);
        table_printf(t, "%s%s", e->reminder == NULL ? T("EVENT") : "  ",
                     e->reminder == NULL ? "" : e->reminder);
        table_cell(t, e->campaign);
        table_cell(t, e->title);
        table_cell(t, e->people < 0 ? "?" : human_count(people, e->people));
        table_cell(t, state_words(p, e->state));
    }
    table_write(t, cli->width, 0, out);
    table_free(t);
}

/* ----------------------------------------------------------------- for programs */
static json_t *json_or_null(const char *s)
{
    return s != NULL ? json_text(s) : json_null();
}

static json_t *as_json(const struct plan *p)
{
    json_t *all = json_array();

    for (size_t i = 0; i < p->count; i++) {
        const struct plan_entry *e = &p->entries[i];
        struct local_time t;
        char when[32];

        zone_local(e->zone, e->at_ms, &t);
        snprintf(when, sizeof when, "%04d-%02d-%02dT%02d:%02d", t.year % 10000, t.month, t.day,
                 t.hour, t.minute);
        json_array_append_new(
            all, json_pack("{s:s,s:I,s:s,s:s,s:s,s:o,s:o,s:o,s:o,s:o,s:s,s:b}", "at", when, "at_ms",
                           (json_int_t)e->at_ms, "timezone", zone_name(e->zone), "kind",
                           e->reminder == NULL ? "event" : "reminder", "campaign", e->campaign,
                           "reminder", json_or_null(e->reminder), "title", json_text(e->title),
                           "file", json_or_null(e->file), "venue", json_or_null(e->venue), "people",
                           e->people < 0 ? json_null() : json_integer(e->people), "state", e->state,
                           "own_times", e->own_times));
    }
    return all;
}

static void write_ics(const struct plan *p, struct buf *out)
{
    char people[HUMAN_BYTES];

    ics_begin(out, T("Outreach"));
    for (size_t i = 0; i < p->count; i++) {
        const struct plan_entry *e = &p->entries[i];
        const char *dot = e->day[0] != '\0' ? "." : "";
        char *uid = e->reminder != NULL ? xasprintf("%s/%s@outreach", e->campaign, e->reminder)
                                        : xasprintf("%s@%s%soutreach", e->campaign, e->day, dot);
        char *summary = e->reminder != NULL ? xasprintf(T("Reminder %s: %s"), e->reminder, e->title)
                                            : xstrdup(e->title);
        char *more = e->people >= 0 ? xasprintf(T("%s; recipients: %s"), e->campaign,
                                                human_count(people, e->people))
                                    : xstrdup(e->campaign);
        const struct ics_entry entry = {
            .uid = uid,
            .starts_ms = e->at_ms,
            .ends_ms = e->ends_ms,
            .summary = summary,
            .location = e->reminder == NULL ? e->venue : NULL,
            .description = more,
            .category = e->reminder == NULL ? T("Events") : T("Reminders"),
            .cancelled = strcmp(e->state, "cancelled") == 0,
        };

        ics_add(out, &entry, clock_wall_ms());
        free(uid);
        free(summary);
        free(more);
    }
    ics_end(out);
}

/* ------------------------------------------------------------------------------ */
/* Of the configuration: where an office keeps its campaigns. NULL if there is no such
 * directory; else for free(). */
static char *usual_directory(const struct cli *cli)
{
    const char *slash = cli->config != NULL ? strrchr(cli->config, '/') : NULL;
    char *path = slash != NULL
                     ? xasprintf("%.*s/campaigns", (int)(slash - cli->config), cli->config)
                     : xstrdup("campaigns");
    struct stat st;

    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return path;
    free(path);
    return NULL;
}

/* The private Redis has never run: nothing is queued, and none is made to say so. */
static bool is_unused(const struct cli *cli)
{
    const struct settings *s = cli->settings;
    char *path = xasprintf("%s/redis", s->state_dir);
    bool unused = s->redis.url == NULL && s->redis.sentinels == NULL && access(path, F_OK) != 0 &&
                  errno == ENOENT;

    free(path);
    return unused;
}

/* What is queued stands on its own, or says of the files that are named which of them are. */
static int gather(struct plan *p, struct plan *queued, struct cli *cli,
                  const struct plan_options *options, char **operands, int count)
{
    char *usual = NULL;
    struct error err;
    int rc = cli_settings(cli);
    bool all = !options->offline && (count == 0 || options->queued);

    if (rc == 0 && options->offline && options->queued)
        return cli_fail(cli, EX_USAGE, "%s", T("--offline or --queued: only one of them"));
    if (rc == 0 && all)
        rc = cli_connect(cli);
    else if (rc == 0 && !options->offline && is_unused(cli))
        p->queued = queued;
    else if (rc == 0 && !options->offline && cli_try_connect(cli, &err) != 0)
        prose_tell(T("outreach: which of them are queued is not known: %s\n"), err.text);
    if (rc == 0 && cli->db != NULL && db_well(cli->db)) {
        if (plan_add_queued(all ? p : queued, cli, &err) != 0)
            rc = cli_error(cli, EX_UNAVAILABLE, &err);
        p->queued = queued;
    }
    if (rc == 0 && count == 0 && (usual = usual_directory(cli)) != NULL) {
        operands = &usual;
        count = 1;
    }
    for (int i = 0; rc == 0 && i < count; i++)
        if (plan_add_path(p, cli, operands[i], &err) != 0)
            rc = cli_error(cli, EX_NOINPUT, &err);
    free(usual);
    return rc;
}

static int year_of(const struct cli *cli, const struct plan_options *options)
{
    struct local_time now;

    if (options->year != THIS_YEAR)
        return (int)options->year;
    if (options->ics)
        return 0;
    zone_local(zone_find(cli->settings->defaults.timezone, NULL), clock_wall_ms(), &now);
    return now.year;
}

static int plan(struct cli *cli, const void *arg, char **operands, int count)
{
    const struct plan_options *options = arg;
    struct buf out = BUF_INIT(64u << 20);
    struct plan p = {0}, queued = {0};
    char later[HUMAN_BYTES];
    int rc = gather(&p, &queued, cli, options, operands, count), year;

    if (rc == 0) {
        year = year_of(cli, options);
        plan_arrange(&p, year);
        if (options->ics)
            write_ics(&p, &out);
        else if (cli->json)
            cli_json(as_json(&p));
        else if (p.count > 0)
            write_table(cli, &p, &out);
        else if (year == 0)
            buf_puts(&out, T("nothing is planned\n"));
        else
            buf_printf(&out, T("nothing is planned in %d (--year all shows every year)\n"), year);
        if (p.later > 0 && !options->ics && !cli->json)
            buf_printf(&out, T("and %s after that year: --year %d, or --year all\n"),
                       human_count(later, (int64_t)p.later), p.next_year);
        cli_print(&out);
        if (p.broken > 0)
            rc = EX_DATAERR;
    }
    plan_free(&p);
    plan_free(&queued);
    buf_free(&out);
    return rc;
}

const struct subcommand cmd_plan = {
    .name = "plan",
    .operands = "[FILE|DIRECTORY]...",
    .summary = N_("the year: events, their reminders and how many they reach"),
    .more =
        N_("Without operands: what is queued, and the files of campaigns/ beside the\n"
           "configuration. With operands: those campaign files alone, and which of them are\n"
           "queued (with --queued what is queued besides). Due times are those of the campaign; "
           "what falls\n"
           "outside of its hours leaves when they begin. \"~\" is a reminder by each person's own\n"
           "time, shown as of the event's start. A list that is not there yet is \"?\".\n"
           "--ics is the same as a calendar; each entry keeps its UID, so that a calendar that\n"
           "imports it again changes its entries and does not double them."),
    .least = 0,
    .most = -1,
    .options = plan_options,
    .options_bytes = sizeof(struct plan_options),
    .run = plan,
};
