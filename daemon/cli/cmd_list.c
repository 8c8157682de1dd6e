/*
 * outreach list - the campaigns, a line each
 */
#include "cli.h"
#include "clock.h"
#include "daemons.h"
#include "doubt.h"
#include "equation.h"
#include "human.h"
#include "mem.h"
#include "next_move.h"
#include "pending.h"
#include "picture.h"
#include "reply_book.h"
#include "subcommands.h"
#include "table.h"
#include "tree.h"
#include "trial.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sums {
    int64_t planned, through, next_ms; /* next_ms: 0 none, -1 under way */
    bool more;                         /* and a reminder for some, nobody knows yet for whom */
    bool only_doubt;                   /* under way only for notices in doubt */
};

/* Whom a reminder is not for are no part of it. */
static void add_progress(struct sums *sums, const struct picture *p,
                         const struct reminder_status *r)
{
    bool some = picture_for_some(p, r);
    int64_t others = some ? r->counts[NOTICE_EXCLUDED] : 0;

    if (some && strcmp(r->state, "open") != 0 && strcmp(r->state, "done") != 0) {
        sums->more = sums->more || (strcmp(r->state, "skipped") != 0 && !r->cancelled);
        return;
    }
    sums->planned += r->planned - others;
    sums->through += equation_through(r) - others;
}

/* Something of the reminder may leave at at_ms, and not before. */
static void comes_next(struct sums *sums, int64_t at_ms)
{
    if (sums->next_ms >= 0 && (sums->next_ms == 0 || at_ms < sums->next_ms))
        sums->next_ms = at_ms;
}

static struct sums sum_up(struct cli *cli, const struct picture *p)
{
    const struct campaign_status *s = p->status;
    int64_t now_ms = clock_wall_ms();
    struct sums sums = {.only_doubt = true};

    /* next_ms stays 0 for a paused one: nothing comes next until it is resumed. */
    for (size_t i = 0; i < s->reminder_count; i++) {
        const struct reminder_status *r = &s->reminders[i];
        bool open = strcmp(r->state, "open") == 0;
        int64_t at_ms;

        add_progress(&sums, p, r);
        if (r->paused || reminder_idle(r))
            continue;
        if (open ? reminder_settled(r) : strcmp(r->state, "scheduled") != 0)
            continue;
        at_ms = !open                   ? r->due_ms
                : picture_only_doubt(r) ? now_ms
                                        : next_move_ms(cli, p, r, now_ms);
        if (at_ms > now_ms) {
            comes_next(&sums, at_ms);
        } else {
            sums.next_ms = -1;
            sums.only_doubt &= picture_only_doubt(r);
        }
    }
    sums.only_doubt &= sums.next_ms < 0;
    return sums;
}

struct list_options {
    bool all;
};

static const struct option_row list_options[] = {
    {"all", 'a', OPTION_FLAG, OPTION_AT(struct list_options, all), NULL,
     .help = N_("also tests (outreach test) that are through")},
    {0},
};

struct listing {
    struct cli *cli;
    struct table *table;
    json_t *all;
    char **ids;          /* of those that a daemon has taken */
    unsigned doubts;     /* campaigns that wait for nothing else */
    bool waits;          /* something is still to be sent */
    unsigned more;       /* campaigns of which not all that will be sent is known */
    bool every;          /* tests that are through, too */
    unsigned tests;      /* that are left out */
    struct buf awaiting; /* a word for each that waits for approval */
};

static void list_one(struct listing *l, const struct picture *p)
{
    struct table *t = l->table;
    const struct campaign_status *s = p->status;
    struct sums sums = sum_up(l->cli, p);
    char a[HUMAN_BYTES], b[HUMAN_BYTES], c[HUMAN_BYTES];

    if (!l->every && trial_is_over(s)) {
        l->tests++;
        return;
    }
    table_cell(t, s->id);
    table_cell(t, words_state(s->state));
    table_cell(t, p->title);
    table_cell(t, strcmp(s->state, "awaiting") == 0 ? "-"
                  : sums.only_doubt                 ? T("in doubt")
                  : sums.next_ms < 0                ? TC("list", "now")
                                                    : human_time(a, p->zone, sums.next_ms, false));
    table_printf(t, "%s/%s%s", human_count(a, sums.through), human_count(b, sums.planned),
                 sums.more ? "+" : "");
    table_cell(t, human_percent(c, sums.through, sums.planned));
    l->waits = l->waits || (sums.next_ms != 0 && !sums.only_doubt);
    l->doubts += sums.only_doubt;
    l->more += sums.more;
    if (campaign_awaits(s))
        picture_write_awaiting(p, &l->awaiting);
    json_array_append_new(
        l->all, json_pack("{s:s,s:b,s:s,s:s,s:s,s:o,s:o,s:o,s:I,s:I,s:I,s:b}", "id", s->id, "test",
                          trial_is(s->id), "state", s->state, "approval", s->approval, "telling",
                          s->telling, "by", json_text(s->by), "title", json_text(p->title),
                          "next_ms", sums.next_ms > 0 ? json_integer(sums.next_ms) : json_null(),
                          "rows", (json_int_t)s->rows, "planned", (json_int_t)sums.planned,
                          "through", (json_int_t)sums.through, "more", sums.more));
}

/* Queued while no daemon ran: nobody knows more of it than its event says. */
static bool list_pending(void *arg, const redisReply *fields)
{
    struct listing *l = arg;
    const char *id = pending_field(fields, "campaign");
    const redisReply *body = db_field(fields, "body");
    struct tree *document;
    const char *title;

    if (strcmp(pending_field(fields, "op"), "queue") != 0 || body == NULL)
        return false;
    document = tree_parse_json(body->str, body->len, NULL, NULL);
    if (document != NULL && id[0] == '\0')
        id = tree_string(document, "id", "?");
    for (size_t i = 0; l->ids[i] != NULL; i++)
        if (strcmp(l->ids[i], id) == 0)
            id = "";
    if (id[0] != '\0') {
        title = picture_title(document);
        table_cell(l->table, id);
        table_cell(l->table, T("not taken"));
        table_cell(l->table, title);
        table_cell(l->table, daemons_run(l->cli->db) ? T("soon") : T("when outreachd runs"));
        table_cell(l->table, "");
        table_cell(l->table, "");
        json_array_append_new(l->all,
                              json_pack("{s:o,s:s,s:o,s:n,s:I,s:I,s:I}", "id", json_text(id),
                                        "state", "pending", "title", json_text(title), "next_ms",
                                        "rows", (json_int_t)db_int(db_field(fields, "rows"), 0),
                                        "planned", (json_int_t)0, "through", (json_int_t)0));
    }
    tree_free(document);
    return false;
}

static int list_all(struct listing *l, struct error *err)
{
    l->ids = campaign_ids(l->cli->db, err);
    if (l->ids == NULL)
        return -1;
    for (size_t i = 0; l->ids[i] != NULL; i++) {
        struct picture *p = picture_read(l->cli, l->ids[i], err);

        if (p != NULL) /* else erased between the two questions */
            list_one(l, p);
        picture_free(p);
    }
    return pending_each(l->cli->db, list_pending, l, err);
}

static void write_table(const struct listing *l, struct buf *out)
{
    table_write(l->table, l->cli->width, 0, out);
    buf_put(out, l->awaiting.data, l->awaiting.length);
    if (l->more > 0)
        buf_puts(out,
                 T("+: and a reminder for some of the list alone (`only`), counted from when it "
                   "begins\n"));
    if (l->doubts > 0)
        buf_puts(out, T("in doubt: all is through but notices that a gateway never answered for "
                        "(outreach show ID)\n"));
    if (l->waits && !daemons_run(l->cli->db))
        buf_printf(out, "%s\n", daemons_silence());
}

static int list(struct cli *cli, const void *arg, char **operands, int count)
{
    const struct list_options *options = arg;
    const struct table_column columns[] = {
        {T("ID"), TABLE_LEFT, TABLE_WRAPS}, {T("STATE"), TABLE_LEFT, false},
        {T("TITLE"), TABLE_LEFT, true},     {T("NEXT"), TABLE_LEFT, false},
        {T("THROUGH"), TABLE_RIGHT, false}, {"%", TABLE_RIGHT, false},
    };
    struct listing l = {.cli = cli,
                        .table = table_create(columns, sizeof columns / sizeof *columns),
                        .all = json_array(),
                        .every = options->all || cli->json,
                        .awaiting = BUF_INIT(1u << 20)};
    struct buf out = BUF_INIT(16u << 20);
    struct error err;
    int rc = cli_connect(cli);

    (void)operands, (void)count;
    if (rc == 0 && list_all(&l, &err) != 0)
        rc = cli_error(cli, EX_UNAVAILABLE, &err);
    else if (rc == 0 && cli->json)
        cli_json(json_incref(l.all));
    else if (rc == 0 && json_array_size(l.all) == 0)
        buf_printf(&out, "%s\n", T("no campaigns yet (outreach queue CAMPAIGN.conf)"));
    else if (rc == 0)
        write_table(&l, &out);
    if (rc == 0 && !cli->json && l.tests > 0)
        buf_printf(&out, T("tests that are through: %u (outreach list --all)\n"), l.tests);
    if (rc == 0 && !cli->json)
        doubt_write(cli, &out);
    if (rc == 0 && !cli->json)
        reply_book_tell(cli, &out);
    if (rc == 0 && !cli->json && daemons_write_troubles(cli->db, &out, &err) != 0)
        rc = cli_error(cli, EX_UNAVAILABLE, &err);
    cli_print(&out);
    for (size_t i = 0; l.ids != NULL && l.ids[i] != NULL; i++)
        free(l.ids[i]);
    free(l.ids);
    json_decref(l.all);
    table_free(l.table);
    buf_free(&l.awaiting);
    buf_free(&out);
    return rc;
}

const struct subcommand cmd_list = {
    .name = "list",
    .operands = "",
    .summary = N_("the campaigns, with what comes next and how far they are"),
    .most = 0,
    .options = list_options,
    .options_bytes = sizeof(struct list_options),
    .run = list,
};
