/*
 * outreach watch - bars that move until everything is settled
 *
 * On a terminal the picture is drawn over itself; elsewhere a line is printed
 * for a reminder whenever it has moved. Redis is asked, no daemon is needed.
 */
#include "bar.h"
#include "cli.h"
#include "clock.h"
#include "daemons.h"
#include "equation.h"
#include "human.h"
#include "mem.h"
#include "picture.h"
#include "subcommands.h"
#include "table.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DRAW_MS 250
#define PRINT_MS 2000
#define RATE_MS 3000.0 /* over which the rate is smoothed */
#define NAME_COLUMNS 12
#define FIGURES_COLUMNS 27 /* beside bar and counts: percent, rate, time left */

struct watch_options {
    const char *until;
    int64_t timeout_ms;
};

static const struct option_row watch_options[] = {
    {"until", 'u', OPTION_CHOICE, OPTION_AT(struct watch_options, until), "settled|done",
     .help = N_("settled (nothing waits, is being sent or in doubt), or done (marked so)")},
    {"timeout", 't', OPTION_DURATION, OPTION_AT(struct watch_options, timeout_ms), "SECONDS",
     .help = N_("give up after that (exit code 75)")},
    {0},
};

/* How fast one reminder goes. */
struct pace {
    int64_t at_ms, through;
    double per_second;
    uint64_t printed_sum;
    char printed_state[12];
    bool seen, printed;
};

struct watched {
    char *id;
    struct picture *picture;
    struct pace paces[CAMPAIGN_ALL_REMINDERS];
    bool told_loading, told_awaiting;
};

struct watch {
    struct cli *cli;
    const struct watch_options *options;
    struct watched *campaigns;
    size_t count;
    unsigned lines; /* drawn last time */
    bool over;
    bool daemons, told_silence; /* whether any daemon runs, and that none does was told */
    unsigned counts_columns;    /* of the widest "through/planned" */
    struct bar_style style;
    struct buf out;
};

/* ------------------------------------------------------------------- the pace */
static void keep_pace(struct pace *p, const struct reminder_status *r, int64_t now_ms)
{
    int64_t through = equation_through(r);
    double took = (double)(now_ms - p->at_ms), weight;

    if (p->seen && took > 0) {
        double now = (double)(through - p->through) * 1000 / took;

        weight = took >= RATE_MS ? 1 : took / RATE_MS;
        if (now < 0)
            now = 0;
        /* The first figure is taken as it is, not averaged with nothing. */
        p->per_second = p->per_second == 0 ? now : p->per_second + weight * (now - p->per_second);
        if (p->per_second < 0.05 && now == 0)
            p->per_second = 0;
    }
    p->seen = true;
    p->at_ms = now_ms;
    p->through = through;
}

static const char *time_left(char *out, const struct pace *p, const struct reminder_status *r)
{
    int64_t left = reminder_sum(r) - equation_through(r);

    if (p->per_second < 0.05 || left == 0)
        return "";
    return human_clock(out, (int64_t)((double)left / p->per_second + 0.999));
}

static int look(struct watch *w)
{
    struct error err;
    int64_t now = clock_mono_ms();
    char text[HUMAN_BYTES];

    w->daemons = daemons_run(w->cli->db);
    for (size_t i = 0; i < w->count; i++) {
        struct watched *one = &w->campaigns[i];
        struct picture *p = picture_read(w->cli, one->id, &err);

        if (p == NULL)
            return picture_fail(w->cli, one->id, &err);
        picture_free(one->picture);
        one->picture = p;
        for (size_t k = 0; k < p->status->reminder_count; k++) {
            unsigned columns =
                2 * (unsigned)strlen(human_count(text, p->status->reminders[k].planned)) + 1;

            keep_pace(&one->paces[k], &p->status->reminders[k], now);
            if (columns > w->counts_columns)
                w->counts_columns = columns;
        }
    }
    return 0;
}

static bool is_over(const struct watch *w)
{
    bool until_done = w->options->until != NULL && strcmp(w->options->until, "done") == 0;

    for (size_t i = 0; i < w->count; i++) {
        const struct campaign_status *s = w->campaigns[i].picture->status;

        if (strcmp(s->state, "loading") == 0)
            return false;
        for (size_t k = 0; k < s->reminder_count; k++) {
            const struct reminder_status *r = &s->reminders[k];
            bool done = strcmp(r->state, "done") == 0 || strcmp(r->state, "skipped") == 0 ||
                        reminder_idle(r);

            if (until_done ? !done : !reminder_settled(r))
                return false;
        }
    }
    return true;
}

/* Its time is yet to come, or is not even waited for. */
static bool is_ahead(const struct reminder_status *r)
{
    return strcmp(r->state, "scheduled") == 0 || strcmp(r->state, "awaiting") == 0;
}

/* ---------------------------------------------------------------- on a terminal */
static void draw_reminder(struct watch *w, const struct picture *p, const struct reminder_status *r,
                          const struct pace *pace)
{
    unsigned width = w->cli->width, beside = NAME_COLUMNS + 4 + w->counts_columns + FIGURES_COLUMNS;
    unsigned bar = width > beside + 8 ? width - beside : 8;
    int64_t counts[BAR_PARTS], through = equation_through(r);
    char a[HUMAN_BYTES], b[HUMAN_BYTES], figures[3 * HUMAN_BYTES];

    buf_puts(&w->out, "  ");
    table_fit(&w->out, words_reminder(r->name), NAME_COLUMNS, TABLE_LEFT);
    buf_putc(&w->out, ' ');
    if (is_ahead(r) || strcmp(r->state, "skipped") == 0) {
        buf_puts(&w->out, words_state(picture_reminder_state(r)));
        if (is_ahead(r))
            buf_printf(&w->out, "  %s", human_time(a, p->zone, r->due_ms, false));
        return;
    }
    equation_bar(r, counts);
    bar_write(&w->out, &w->style, counts, r->planned, bar);
    snprintf(figures, sizeof figures, "%s/%s", human_count(a, through), human_count(b, r->planned));
    buf_putc(&w->out, ' ');
    table_fit(&w->out, figures, w->counts_columns, TABLE_RIGHT);
    buf_printf(&w->out, " %4s", human_percent(a, through, r->planned));
    if (reminder_settled(r) || r->paused || r->cancelled) {
        buf_printf(&w->out, "  %s",
                   words_state(strcmp(r->state, "open") == 0 && !r->paused && !r->cancelled
                                   ? "settled"
                                   : picture_reminder_state(r)));
        return;
    }
    if (picture_only_doubt(r)) {
        buf_puts(&w->out, T("  in doubt"));
        return;
    }
    snprintf(figures, sizeof figures, "%s", human_rate(a, pace->per_second));
    table_fit(&w->out, figures, 10, TABLE_RIGHT);
    table_fit(&w->out, time_left(a, pace, r), 9, TABLE_RIGHT);
}

static void end_line(struct watch *w)
{
    buf_puts(&w->out, "\033[K\n");
    w->lines++;
}

static void draw_campaign(struct watch *w, const struct watched *one, unsigned most)
{
    const struct picture *p = one->picture;
    size_t room = w->cli->width > 1 ? w->cli->width - 1 : 79;
    const char *state = words_state(p->status->state);
    char heading[512];

    if (strcmp(p->status->state, "active") == 0)
        state = "";
    else if (strcmp(p->status->state, "loading") == 0)
        state = T("waits for outreachd");
    snprintf(heading, sizeof heading, "%s  %s%s%s", p->status->id, p->title,
             p->title[0] ? "  " : "", state);
    table_fit(&w->out, heading, room, TABLE_LEFT);
    end_line(w);
    if (strcmp(p->status->state, "awaiting") == 0 && w->lines < most) {
        snprintf(heading, sizeof heading, T("  by somebody else than %s: outreach approve %s"),
                 p->status->by, p->status->id);
        table_fit(&w->out, heading, room, TABLE_LEFT);
        end_line(w);
    }
    for (size_t k = 0; k < p->status->reminder_count && w->lines < most; k++) {
        draw_reminder(w, p, &p->status->reminders[k], &one->paces[k]);
        end_line(w);
    }
}

static void draw(struct watch *w)
{
    /* What scrolled out of the window cannot be drawn over: never more than fits. */
    unsigned most = w->cli->height > 6 ? w->cli->height - 4 : 3;

    if (w->lines > 0)
        buf_printf(&w->out, "\r\033[%uA", w->lines);
    else
        buf_puts(&w->out, "\033[?25l"); /* hides the cursor */
    w->lines = 0;
    for (size_t i = 0; i < w->count; i++) {
        if (w->lines + 1 < most) {
            draw_campaign(w, &w->campaigns[i], most);
            continue;
        }
        buf_printf(&w->out, T("... and %zu more campaigns"), w->count - i);
        end_line(w);
        break;
    }
    if (!w->daemons && !w->over) {
        buf_puts(&w->out, daemons_silence());
        end_line(w);
    }
    bar_legend(&w->out, &w->style);
    end_line(w);
    if (!w->over) {
        buf_puts(&w->out, T("Ctrl-C ends this display; the sending goes on"));
        end_line(w);
    }
    buf_puts(&w->out, "\033[J");
}

/* ------------------------------------------------------------------- elsewhere */
static void print_reminder(struct watch *w, const char *id, const struct reminder_status *r,
                           struct pace *pace, const struct picture *p)
{
    /* Receipts move notices without changing the sum: weigh each state. */
    uint64_t sum = 0;
    int64_t through = equation_through(r);
    char a[HUMAN_BYTES], b[HUMAN_BYTES];

    for (int i = 0; i < NOTICE_STATES; i++)
        sum = sum * 31 + (uint64_t)r->counts[i];
    if (pace->printed && sum == pace->printed_sum && strcmp(pace->printed_state, r->state) == 0)
        return;
    pace->printed = true;
    pace->printed_sum = sum;
    memcpy(pace->printed_state, r->state, sizeof pace->printed_state);
    buf_printf(&w->out, "%s/%s %s", id, words_reminder(r->name),
               words_state(picture_reminder_state(r)));
    if (is_ahead(r)) {
        buf_printf(&w->out, " %s\n", human_time(a, p->zone, r->due_ms, false));
        return;
    }
    if (strcmp(r->state, "skipped") == 0) {
        buf_putc(&w->out, '\n');
        return;
    }
    buf_printf(&w->out, " %" PRId64 "/%" PRId64 " %s", through, r->planned,
               human_percent(a, through, r->planned));
    for (size_t i = 1; i < EQUATION_TERMS; i++)
        if (equation_value(r, i) > 0)
            buf_printf(&w->out, " %s %" PRId64, words_state(equation_name(i)),
                       equation_value(r, i));
    if (picture_only_doubt(r)) {
        buf_puts(&w->out, T(" in doubt"));
    } else if (!reminder_settled(r)) {
        buf_printf(&w->out, " %s", human_rate(a, pace->per_second));
        if (time_left(b, pace, r)[0] != '\0')
            buf_printf(&w->out, T(" %s left"), time_left(b, pace, r));
    }
    buf_putc(&w->out, '\n');
}

static void print(struct watch *w)
{
    if (!w->daemons && !w->over && !w->told_silence)
        buf_printf(&w->out, "%s\n", daemons_silence());
    w->told_silence = !w->daemons;
    for (size_t i = 0; i < w->count; i++) {
        struct watched *one = &w->campaigns[i];
        const struct campaign_status *s = one->picture->status;

        if (strcmp(s->state, "loading") == 0 && !one->told_loading)
            buf_printf(&w->out, T("%s waits for outreachd\n"), s->id);
        one->told_loading = strcmp(s->state, "loading") == 0;
        if (strcmp(s->state, "awaiting") == 0 && !one->told_awaiting)
            picture_write_awaiting(one->picture, &w->out);
        one->told_awaiting = strcmp(s->state, "awaiting") == 0;
        for (size_t k = 0; k < s->reminder_count; k++)
            print_reminder(w, one->id, &s->reminders[k], &one->paces[k], one->picture);
    }
}

static void print_json(const struct watch *w)
{
    json_t *campaigns = json_array();

    for (size_t i = 0; i < w->count; i++) {
        const struct campaign_status *s = w->campaigns[i].picture->status;
        json_t *reminders = json_array();

        for (size_t k = 0; k < s->reminder_count; k++) {
            const struct reminder_status *r = &s->reminders[k];
            json_t *one = json_pack("{s:s,s:s,s:b,s:f}", "name", r->name, "state",
                                    picture_reminder_state(r), "settled", reminder_settled(r),
                                    "per_second", w->campaigns[i].paces[k].per_second);

            equation_json(r, one);
            json_array_append_new(reminders, one);
        }
        json_array_append_new(campaigns, json_pack("{s:s,s:s,s:o}", "id", s->id, "state", s->state,
                                                   "reminders", reminders));
    }
    cli_json(json_pack("{s:I,s:b,s:o}", "t", (json_int_t)clock_wall_ms(), "daemon", w->daemons,
                       "campaigns", campaigns));
}

/* ---------------------------------------------------------------------- running */
static int show_once(struct watch *w)
{
    if (w->cli->json)
        print_json(w);
    else if (w->cli->terminal)
        draw(w);
    else
        print(w);
    return cli_print(&w->out);
}

static int watch_all(struct watch *w)
{
    int64_t until = clock_mono_ms() + w->options->timeout_ms;
    bool live = w->cli->terminal && !w->cli->json;
    int rc;

    for (;;) {
        rc = look(w);
        if (rc != 0)
            break;
        w->over = is_over(w);
        if (show_once(w) != 0 || w->over)
            break;
        if (w->options->timeout_ms > 0 && clock_mono_ms() >= until) {
            rc = cli_fail(w->cli, EX_TEMPFAIL, T("not settled in time"));
            break;
        }
        cli_sleep(w->cli, live ? DRAW_MS : PRINT_MS);
        rc = cli_interrupted();
        if (rc != 0)
            break;
    }
    if (live)
        fputs("\033[?25h", stdout); /* the cursor again */
    return rc;
}

/* All that are not settled, where none is named. */
static char **under_way(struct cli *cli, int *count, int *rc)
{
    struct error err;
    char **ids = campaign_ids(cli->db, &err);
    int kept = 0;

    if (ids == NULL) {
        *rc = cli_error(cli, EX_UNAVAILABLE, &err);
        return NULL;
    }
    for (size_t i = 0; ids[i] != NULL; i++) {
        struct picture *p = picture_read(cli, ids[i], NULL);
        bool moving = false;

        for (size_t k = 0; p != NULL && k < p->status->reminder_count; k++)
            moving |= !reminder_settled(&p->status->reminders[k]);
        if (moving)
            ids[kept++] = ids[i];
        else
            free(ids[i]);
        picture_free(p);
    }
    *count = kept;
    return ids;
}

static int watch(struct cli *cli, const void *arg, char **operands, int count)
{
    struct watch w = {.cli = cli, .options = arg, .out = BUF_INIT(1u << 20)};
    char **found = NULL;
    int rc = cli_connect(cli);

    if (rc == 0 && count == 0)
        operands = found = under_way(cli, &count, &rc);
    if (rc != 0)
        return rc;
    w.style = (struct bar_style){cli->unicode, cli->colours};
    w.count = (size_t)count;
    w.campaigns = xcalloc(w.count + 1, sizeof *w.campaigns);
    for (size_t i = 0; i < w.count; i++)
        w.campaigns[i].id = operands[i];
    cli_catch_signals();
    if (w.count > 0)
        rc = watch_all(&w);
    else if (!cli->json)
        puts(T("nothing is under way"));
    for (size_t i = 0; i < w.count; i++)
        picture_free(w.campaigns[i].picture);
    for (size_t i = 0; found != NULL && i < w.count; i++)
        free(found[i]);
    free(found);
    free(w.campaigns);
    buf_free(&w.out);
    return rc;
}

const struct subcommand cmd_watch = {
    .name = "watch",
    .operands = "[ID]...",
    .summary = N_("progress bars until everything is settled"),
    .more = N_("Without an ID: everything that is under way. Ctrl-C ends the watching, not the\n"
               "sending. Without a terminal a line is printed for each reminder that has moved,\n"
               "every two seconds; with --json a line of JSON.\n"
               "21/63: so many are through, sent or given up; what is being sent or in doubt is\n"
               "not, and may wait again.\n"
               "settled: nothing more by our doing; what was accepted may still be delivered."),
    .least = 0,
    .most = -1,
    .options = watch_options,
    .options_bytes = sizeof(struct watch_options),
    .run = watch,
};
