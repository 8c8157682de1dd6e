/*
 * outreach show - what became of every notice of a campaign
 */
#include "cli.h"
#include "doubt.h"
#include "daemons.h"
#include "equation.h"
#include "human.h"
#include "picture.h"
#include "roll.h"
#include "subcommands.h"
#include "utf8.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct show_options {
    const char *reminder, *state;
};

static const struct option_row show_options[] = {
    {"reminder", 'r', OPTION_STRING, OPTION_AT(struct show_options, reminder), "NAME",
     .help = N_("this reminder only")},
    {"state", 's', OPTION_STRING, OPTION_AT(struct show_options, state), "STATE",
     .help = N_("list who is in this state: uncertain, failed, undelivered, ...")},
    {0},
};

/* Goes on in the line, or in the next one where the terminal has no more room. */
static void put_time(const struct cli *cli, size_t *column, const char *label, const char *when,
                     struct buf *out)
{
    char piece[HUMAN_BYTES + 40];
    size_t n = (size_t)snprintf(piece, sizeof piece, "  %s %s", label, when);

    n = utf8_columns(piece, n);
    if (cli->width > 0 && *column + n > cli->width) {
        buf_putc(out, '\n');
        *column = 0;
    }
    buf_puts(out, piece);
    *column += n;
}

static void show_reminder(const struct cli *cli, const struct picture *p,
                          const struct reminder_status *r, struct buf *out)
{
    const char *state = words_state(picture_reminder_state(r));
    const char *name = words_reminder(r->name);
    size_t column = utf8_columns(name, strlen(name)) + 2 + utf8_columns(state, strlen(state));
    char a[HUMAN_BYTES];

    buf_printf(out, "\n%s  %s", name, state);
    put_time(cli, &column, T("due"), human_time(a, p->zone, r->due_ms, false), out);
    if (r->begun_ms != 0)
        put_time(cli, &column, T("begun"), human_time(a, p->zone, r->begun_ms, true), out);
    if (r->done_ms != 0)
        put_time(cli, &column, TC("show", "done"), human_time(a, p->zone, r->done_ms, true), out);
    buf_putc(out, '\n');
    equation_write(r, cli->width, 2, out);
    if (picture_only_doubt(r))
        buf_printf(out,
                   picture_holds_doubt(p, r)
                       ? T("  open only for %s in doubt, which are held for a person\n")
                       : T("  open only for %s in doubt, which are sent again in their time\n"),
                   human_count(a, r->counts[NOTICE_UNCERTAIN]));
    else if (strcmp(r->state, "done") == 0 && r->counts[NOTICE_UNCERTAIN] > 0)
        buf_printf(
            out, T("  %s stay in doubt: nobody sends them again, a late receipt may still tell\n"),
            human_count(a, r->counts[NOTICE_UNCERTAIN]));
}

static json_t *reminder_json(const struct reminder_status *r)
{
    json_t *one =
        json_pack("{s:s,s:s,s:I,s:I,s:I,s:I}", "name", r->name, "state", picture_reminder_state(r),
                  "due_ms", (json_int_t)r->due_ms, "expires_ms", (json_int_t)r->expires_ms,
                  "begun_ms", (json_int_t)r->begun_ms, "done_ms", (json_int_t)r->done_ms);

    equation_json(r, one);
    return one;
}

/* The notices in that state, one by one: printed, or put into the reminder's JSON. */
static int show_who(struct cli *cli, const struct picture *p, const struct reminder_status *r,
                    enum notice_state state, json_t *reminder, struct error *err)
{
    json_t *who = cli->json ? json_array() : NULL;
    int rc = roll_tell(cli, p, r, state, who, err);

    if (who != NULL)
        json_object_set_new(reminder, "who", who);
    return rc;
}

static void show_campaign(const struct cli *cli, const struct picture *p, struct buf *out)
{
    const struct campaign_status *s = p->status;
    char a[HUMAN_BYTES], b[HUMAN_BYTES];

    if (strcmp(s->state, "loading") == 0) {
        buf_printf(out,
                   daemons_run(cli->db)
                       ? T("%s  %s recipients loaded; not taken by outreachd yet\n")
                       : T("%s  %s recipients loaded; no outreachd runs to take it\n"),
                   s->id, human_count(b, s->rows));
        return;
    }
    buf_printf(out, "%s  %s\n", s->id, p->title);
    buf_printf(out, T("%s, %s recipients, queued %s by %s\n"), words_state(s->state),
               human_count(b, s->rows), human_time(a, p->zone, s->queued_ms, false), s->by);
    if (campaign_awaits(s))
        picture_write_awaiting(p, out);
    else if (s->approved_by[0] != '\0')
        buf_printf(out, T("approved %s by %s\n"), human_time(a, p->zone, s->approved_ms, false),
                   s->approved_by);
}

static int show(struct cli *cli, const void *arg, char **operands, int count)
{
    const struct show_options *options = arg;
    struct buf out = BUF_INIT(1u << 20);
    struct picture *p = NULL;
    struct error err;
    json_t *reminders;
    int state = options->state != NULL ? picture_notice_state(cli, options->state) : 0;
    int rc, unequal = 0, shown = 0;
    bool waits = false;

    (void)count;
    if (state < 0)
        return EX_USAGE;
    rc = cli_connect(cli);
    if (rc == 0)
        p = picture_ask(cli, operands[0], &rc);
    if (rc != 0)
        return rc;
    reminders = json_array();
    show_campaign(cli, p, &out);
    for (size_t i = 0; i < p->status->reminder_count; i++) {
        const struct reminder_status *r = &p->status->reminders[i];

        if (options->reminder != NULL &&
            strcmp(words_reminder_name(options->reminder), r->name) != 0)
            continue;
        shown++;
        waits = waits || (!reminder_settled(r) && strcmp(r->state, "skipped") != 0);
        unequal += !equation_holds(r);
        show_reminder(cli, p, r, &out);
        json_array_append_new(reminders, reminder_json(r));
        if (options->state == NULL || rc != 0)
            continue;
        if (!cli->json)
            cli_print(&out);
        rc = show_who(cli, p, r, (enum notice_state)state,
                      json_array_get(reminders, json_array_size(reminders) - 1), &err);
    }
    if (rc != 0) {
        rc = cli_error(cli, EX_UNAVAILABLE, &err);
        json_decref(reminders);
    } else if (options->reminder != NULL && shown == 0) {
        rc = picture_no_reminder(cli, p, options->reminder);
        json_decref(reminders);
    } else if (cli->json) {
        cli_json(json_pack(
            "{s:s,s:s,s:s,s:s,s:o,s:s,s:s,s:o,s:o,s:I,s:I,s:o}", "approval", p->status->approval,
            "telling", p->status->telling, "hash", p->status->hash, "list", p->status->digest,
            "approved_by",
            p->status->approved_by[0] != '\0' ? json_text(p->status->approved_by) : json_null(),
            "id", p->status->id, "state", p->status->state, "title", json_text(p->title), "by",
            json_text(p->status->by), "queued_ms", (json_int_t)p->status->queued_ms, "rows",
            (json_int_t)p->status->rows, "reminders", reminders));
    } else {
        json_decref(reminders);
        if (waits && !daemons_run(cli->db))
            buf_printf(&out, "%s\n", daemons_silence());
        doubt_write(cli, &out);
        cli_print(&out);
    }
    if (unequal > 0 && rc == 0)
        rc = EX_SOFTWARE;
    picture_free(p);
    buf_free(&out);
    return rc;
}

const struct subcommand cmd_show = {
    .name = "show",
    .operands = "ID",
    .summary = N_("what became of every notice of a campaign"),
    .more =
        N_("For each reminder: its state and times, and where its notices are. The sum must be\n"
           "what was planned; if it is not, a ≠ says so and the exit code is 70.\n"
           "open: something is still to be done. done: nothing more by our doing; what was\n"
           "accepted may still be delivered.\n"
           "With --state: who they are, by their place in the list as it was queued: that is no\n"
           "row of the file, for its heading and the rows that were not taken or were merged do\n"
           "not count. `outreach why` tells the rest of one."),
    .least = 1,
    .most = 1,
    .options = show_options,
    .options_bytes = sizeof(struct show_options),
    .run = show,
};
