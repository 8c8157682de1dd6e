/*
 * outreach approve - a second person agrees to what is queued
 *
 * What is shown is reckoned from the rows and the document that stand in Redis, not from anybody's
 * file; and what is agreed to is named by their digests, which the script compares once more.
 */
#include "amending.h"
#include "approval.h"
#include "foresee.h"
#include "audience.h"
#include "clock.h"
#include "cli.h"
#include "human.h"
#include "keys.h"
#include "mem.h"
#include "picture.h"
#include "second_person.h"
#include "subcommands.h"
#include "tree.h"
#include "unsent.h"
#include "walk.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ROWS_AT_ONCE 2000

struct approve_options {
    bool yes, dry_run;
};

static const struct option_row approve_options[] = {
    {"yes", 'y', OPTION_FLAG, OPTION_AT(struct approve_options, yes), NULL,
     .help = N_("do not ask; needed where nobody can be asked")},
    {"dry-run", 'n', OPTION_FLAG, OPTION_AT(struct approve_options, dry_run), NULL,
     .help = N_("only show what would be approved")},
    {0},
};

struct approving {
    struct cli *cli;
    struct picture *picture;
    struct reading reading; /* of what stands in Redis */
    struct asking *asking;
    struct unsent *unsent;    /* what of it would be sent now */
    struct amending *amended; /* what differs from what was agreed to; NULL: nothing was yet */
    int64_t now_ms;
};

/* -------------------------------------------------------------- what is queued */

static int take_rows(struct approving *a, const redisReply *rows, struct error *err)
{
    for (size_t i = 0; i < rows->elements; i++) {
        const redisReply *id = db_at(rows->element[i], 0),
                         *row = db_field(db_at(rows->element[i], 1), "r");

        if (row == NULL || id == NULL)
            continue;
        a->asking->number = strtoll(id->str, NULL, 10);
        preview_row(a->reading.preview, row->str, row->len);
        if (asking_row(a->asking, row->str, row->len, err) != 0)
            return -1;
    }
    return 0;
}

static int read_rows(struct approving *a, struct error *err)
{
    const char *id = a->picture->status->id;
    struct command c = COMMAND_INIT;
    redisReply *rows = NULL;
    int rc = 0;

    for (int64_t from = 1; from <= a->picture->status->rows && rc == 0; from += ROWS_AT_ONCE) {
        command_start(&c, "XRANGE");
        key_audience(&c, id);
        command_add_format(&c, "%" PRId64 "-0", from);
        command_add_format(&c, "%" PRId64 "-0", from + ROWS_AT_ONCE - 1);
        rc = db_ask(a->cli->db, &c, &rows, err);
        if (rc == 0) {
            rc = take_rows(a, rows, err);
            freeReplyObject(rows);
        }
    }
    command_free(&c);
    return rc == 0 ? asking_end(a->asking, err) : rc;
}

/* The list is the one that the document was queued with, where it says which. */
static bool is_whole(const struct approving *a)
{
    const struct campaign *c = a->reading.campaign;
    const char *digest = tree_string(c->document, "audience.digest", NULL);

    const struct tree *queued = tree_get(c->document, "audience.rows");
    bool added = queued != NULL && queued->kind == TREE_INT &&
                 queued->integer < a->picture->status->rows; /* people who came later: it is seen */

    return (int64_t)preview_rows(a->reading.preview) == a->picture->status->rows &&
           (digest == NULL || added || strcmp(digest, preview_digest(a->reading.preview)) == 0);
}

static int look(struct approving *a)
{
    struct error err;

    a->reading.campaign = walk_campaign(a->cli, a->picture, &err);
    if (a->reading.campaign == NULL)
        return cli_error(a->cli, EX_DATAERR, &err);
    a->reading.stands = a->picture->status;
    a->reading.preview = preview_create(a->reading.campaign, a->cli->settings, 0);
    a->asking = asking_create(a->cli, a->reading.campaign, a->now_ms, &err);
    if (a->asking == NULL)
        return cli_error(a->cli, EX_CONFIG, &err);
    a->unsent = unsent_create(a->cli, a->picture, a->reading.campaign, a->asking->forecast, &err);
    if (a->unsent == NULL)
        return cli_error(a->cli, EX_UNAVAILABLE, &err);
    if (read_rows(a, &err) != 0)
        return cli_error(a->cli, EX_UNAVAILABLE, &err);
    a->reading.report.rows = preview_rows(a->reading.preview);
    if (a->picture->status->agreed != 0) {
        a->amended = amending_awaiting(a->cli, a->picture->status, &err);
        if (a->amended == NULL)
            return cli_error(a->cli, EX_UNAVAILABLE, &err);
    }
    return is_whole(a) ? 0
                       : cli_fail(a->cli, EX_DATAERR,
                                  T("%s: the list in Redis is not the one that was queued: cancel "
                                    "it and queue it anew"),
                                  a->picture->status->id);
}

/* ------------------------------------------------------------------- agreeing */

/* It is cancelled, and that who was told is told of it is what awaits. */
static bool is_off(const struct campaign_status *s)
{
    return strcmp(s->state, "cancelled") == 0;
}

/* Is the cost one of the reasons, and known what was held against its bound? Not where people were
 * added since; of one that is cancelled only what is told of that still goes, and that sum was of
 * all. */
static bool has_sum(const struct campaign_status *s)
{
    return !is_off(s) && s->reckoned.rows > 0 && s->reckoned.rows == s->rows && (approval_parse(s->approval) & APPROVAL_COST) != 0;
}

/* It may be below the bound: of words that came while it waited, or where the bound is lifted. */
static void write_sum(const struct approving *a, struct buf *out)
{
    const struct approval_sum *sum = &a->picture->status->reckoned;
    const char *currency = words_currency(a->cli->settings->defaults.currency);
    char people[HUMAN_BYTES];

    human_count(people, sum->rows);
    if (sum->cost > sum->bound)
        buf_printf(out, T("\nIt costs at most %.2f %s for %s recipients, more than %.2f\n"),
                   human_money(sum->cost), currency, people, human_money(sum->bound));
    else
        buf_printf(out, T("\nIt costs at most %.2f %s for %s recipients; the bound is %.2f\n"),
                   human_money(sum->cost), currency, people, human_money(sum->bound));
    if (a->amended != NULL)
        second_person_write_whole(out);
}

static json_t *sum_json(const struct campaign_status *s)
{
    if (!has_sum(s))
        return NULL;
    return json_pack("{s:f,s:f,s:I}", "cost", s->reckoned.cost, "bound", s->reckoned.bound,
                     "recipients", (json_int_t)s->reckoned.rows);
}

static void show(const struct approving *a)
{
    const struct campaign_status *s = a->picture->status;
    struct buf out = BUF_INIT(64u << 20);
    char when[HUMAN_BYTES], *why = words_approval(is_off(s) ? s->telling : s->approval);

    buf_printf(&out, T("queued by %s, %s; why a second person is asked: %s\n\n"), s->by,
               human_time(when, a->picture->zone, s->queued_ms, false), why);
    if (a->amended != NULL) {
        amending_write_awaiting(a->amended, &out);
        if (!is_off(s))
            buf_puts(&out, T("\nThe whole campaign as it is now\n\n"));
    } else if (s->amended_by[0] != '\0') {
        buf_printf(&out, T("changed by %s, %s, before anybody agreed to it\n\n"), s->amended_by,
                   human_time(when, a->picture->zone, s->amended_ms, false));
    }
    if (!is_off(s)) {
        reading_write(&a->reading, a->now_ms, &out);
        buf_putc(&out, '\n');
        asking_write(a->asking, &a->reading, &out);
    }
    if (has_sum(s))
        write_sum(a, &out);
    cli_print(&out);
    buf_free(&out);
    free(why);
}

/* For free(). */
static char *question_of(const struct approving *a)
{
    const struct campaign_status *s = a->picture->status;
    struct asking_sums sums = asking_sums(a->asking);
    const char *currency = words_currency(a->cli->settings->defaults.currency);
    char people[HUMAN_BYTES], notices[HUMAN_BYTES];
    double cost;

    if (a->amended != NULL) {
        human_count(people, amending_corrections(a->amended, &cost));
        return xasprintf(T("Approve the change of %s by %s: %s corrections, about %.2f %s, and %s "
                           "notices not sent yet, %.2f %s?"),
                         s->id, s->amended_by, people, human_money(cost), currency,
                         human_count(notices, sums.notices), human_money(sums.cost), currency);
    }
    return xasprintf(T("Approve %s: %s recipients, %s notices, %.2f %s?"), s->id,
                     human_count(people, (int64_t)preview_rows(a->reading.preview)),
                     human_count(notices, sums.notices), human_money(sums.cost), currency);
}

/* 0, or the exit code of one who did not say yes. */
static int ask_person(const struct approving *a)
{
    char *question;
    bool sure;

    if (!a->cli->terminal || !isatty(STDIN_FILENO) || a->cli->json)
        return cli_fail(a->cli, EX_USAGE,
                        T("%s: there is nobody to ask whether to approve it: say -y"),
                        a->picture->status->id);
    question = question_of(a);
    sure = cli_confirm(a->cli, question);
    free(question);
    if (!sure)
        fputs(T("outreach: not approved\n"), stderr);
    return sure ? 0 : EX_TEMPFAIL;
}

static void tell(const struct approving *a, const char *state)
{
    const struct campaign_status *s = a->picture->status;
    struct asking_sums sums;

    if (!a->cli->json) {
        if (strcmp(state, "active") == 0)
            printf(is_off(s) ? T("%s: who was told is told now that it is cancelled\n")
                             : T("%s is approved; it is sent when due\n"),
                   s->id);
        return;
    }
    sums = asking_sums(a->asking);
    cli_json(json_pack("{s:s,s:s,s:o,s:o,s:s,s:s,s:I,s:I,s:I,s:f,s:s,s:o,s:o*,s:o*}", "id", s->id,
                       "state", state, "by", json_text(s->by), "approved_by",
                       strcmp(state, "active") == 0 ? json_text(a->cli->by) : json_null(),
                       "approval", is_off(s) ? s->telling : s->approval, "hash", s->hash,
                       "recipients", (json_int_t)s->rows, "notices", (json_int_t)sums.notices,
                       "segments", (json_int_t)sums.segments, "cost", sums.cost, "currency",
                       a->cli->settings->defaults.currency, "reminders", asking_json(a->asking),
                       "amendment", a->amended != NULL ? amending_json_awaiting(a->amended) : NULL,
                       "reckoned", sum_json(s)));
}

/* It is about who asks: the same is approved by somebody else. */
static int refuse_own(const struct approving *a)
{
    const struct campaign_status *s = a->picture->status;
    char *authors = picture_authors(s);
    int rc;

    if (s->approved_by[0] == '\0' && strcmp(authors, s->by) == 0)
        rc = cli_fail(a->cli, EX_NOPERM,
                      T("%s was queued by %s: a second person has to approve it"), s->id, s->by);
    else
        rc = cli_fail(a->cli, EX_NOPERM,
                      T("%s: what awaits was written by %s: somebody else has to approve it"),
                      s->id, authors);
    free(authors);
    return rc;
}

static int agree(const struct approving *a)
{
    const struct campaign_status *s = a->picture->status;
    const struct campaign_approval approval = {.hash = s->hash,
                                               .digest = s->digest,
                                               .rows = s->rows,
                                               .by = a->cli->by,
                                               .now_ms = clock_wall_ms()};
    struct error err;
    char word[16];

    if (campaign_approve(a->cli->db, a->reading.campaign, &approval, word, &err) != 0)
        return cli_error(a->cli, EX_UNAVAILABLE, &err);
    if (strcmp(word, "OWN") == 0)
        return refuse_own(a);
    if (strcmp(word, "NOBODY") == 0)
        return cli_fail(a->cli, EX_USAGE, T("approve: --by is empty"));
    if (strcmp(word, "CANCELLED") == 0)
        return cli_fail(a->cli, EX_DATAERR, T("%s was cancelled; that is final"), s->id);
    if (strcmp(word, "OTHER") == 0 || strcmp(word, "UNKNOWN") == 0)
        return cli_fail(a->cli, EX_DATAERR,
                        T("%s was changed since it was shown; nothing was approved"), s->id);
    tell(a, "active");
    return 0;
}

/* ------------------------------------------------------------------ running */

/* Of one that waits for nobody. */
static int tell_not_awaiting(const struct approving *a)
{
    const struct campaign_status *s = a->picture->status;
    char when[HUMAN_BYTES];

    if (strcmp(s->state, "cancelled") == 0)
        return cli_fail(a->cli, EX_DATAERR, T("%s was cancelled; that is final"), s->id);
    if (a->cli->json)
        cli_json(json_pack("{s:s,s:s,s:o,s:o}", "id", s->id, "state", s->state, "by",
                           json_text(s->by), "approved_by",
                           s->approved_by[0] != '\0' ? json_text(s->approved_by) : json_null()));
    else if (s->approved_by[0] != '\0')
        printf(T("%s was approved by %s, %s; nothing was changed\n"), s->id, s->approved_by,
               human_time(when, a->picture->zone, s->approved_ms, false));
    else
        printf(T("%s needs no approval; nothing was changed\n"), s->id);
    return 0;
}

static int run(struct approving *a, const struct approve_options *options)
{
    const struct campaign_status *s = a->picture->status;
    int rc;

    if (!campaign_awaits(s))
        return tell_not_awaiting(a);
    if (campaign_is_author(s, a->cli->by) && !options->dry_run)
        return refuse_own(a);
    rc = look(a);
    if (rc != 0)
        return rc;
    if (!a->cli->json)
        show(a);
    if (options->dry_run) {
        tell(a, "awaiting");
        return 0;
    }
    rc = options->yes ? 0 : ask_person(a);
    return rc == 0 ? agree(a) : rc;
}

static int approve(struct cli *cli, const void *options, char **operands, int count)
{
    struct approving a = {.cli = cli, .now_ms = clock_wall_ms()};
    int rc = cli_connect(cli);

    (void)count;
    a.picture = rc == 0 ? picture_ask_taken(cli, operands[0], &rc) : NULL;
    if (rc == 0)
        rc = run(&a, options);
    amending_free(a.amended);
    asking_free(a.asking);
    unsent_free(a.unsent);
    reading_close(&a.reading);
    picture_free(a.picture);
    return rc;
}

const struct subcommand cmd_approve = {
    .name = "approve",
    .operands = "ID",
    .summary = N_("agree, as a second person, to a campaign that awaits it"),
    .more =
        N_("A campaign above the bounds of `approval` is not sent until somebody else than who\n"
           "queued, amended or added to it has agreed: those are refused, with exit code 77.\n"
           "Shows texts, times, people and cost as they stand in Redis, and then asks; of an\n"
           "amendment, who changed what, and the correction that goes out. What was sent\n"
           "already is not reckoned again. Where the cost is why, the sum that counts for that,\n"
           "with what was sent, and its bound come last.\n"
           "What is approved is that text and that list. Later `add` may bring in as many\n"
           "people in all as could be sent to without approval (nobody with\n"
           "approval.required); another text, time or place has to be approved anew.\n"
           "A reminder whose time went by meanwhile is treated by the campaign's `missed`.\n"
           "--by is a label and no proof of identity: the rule keeps from mistakes, not from\n"
           "fraud.\n"
           "To turn it down: outreach cancel."),
    .least = 1,
    .most = 1,
    .options = approve_options,
    .options_bytes = sizeof(struct approve_options),
    .run = approve,
};
