/*
 * outreach verify - the ledger itself counted, against the counters
 *
 * With --repair the counters, the ranges that nobody looks after and the retry set are
 * rebuilt from it.
 */
#include "audit.h"
#include "cli.h"
#include "copy.h"
#include "equation.h"
#include "picture.h"
#include "subcommands.h"
#include "table.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct verdict {
    int64_t counted[NOTICE_STATES];
    const char *trouble; /* what is wrong besides numbers, or NULL */
    bool equal;
};

static void count_ledger(const struct copy *copy, struct verdict *v)
{
    const unsigned char *bytes = (const unsigned char *)copy->ledger->str;
    size_t n = copy->ledger->len / LEDGER_RECORD_BYTES;
    struct ledger_header header;

    if (copy->ledger->len % LEDGER_RECORD_BYTES != 0 || n == 0 ||
        ledger_header_unpack(bytes, &header) != 0) {
        v->trouble = T("its ledger has no header: it is damaged");
        return;
    }
    if ((int64_t)n - 1 != copy->counters.last)
        v->trouble = T("its ledger has not a record for every recipient");
    for (size_t i = 1; i < n; i++) {
        unsigned state = bytes[i * LEDGER_RECORD_BYTES] >> 4;

        if (state < NOTICE_STATES)
            v->counted[state]++;
        else
            v->trouble = T("its ledger holds records of no known state");
    }
}

/* Before a reminder is due it has no ledger: everybody waits, or none will go. */
static void expect_without_ledger(const struct copy *copy, struct verdict *v)
{
    const struct reminder_status *r = &copy->counters;

    if (strcmp(r->state, "open") == 0 || (strcmp(r->state, "done") == 0 && !r->cancelled))
        v->trouble = T("its ledger is gone: Redis has lost data");
    v->counted[r->cancelled ? NOTICE_CANCELLED : NOTICE_UNTOUCHED] = r->planned;
}

static void judge(const struct copy *copy, struct verdict *v)
{
    memset(v, 0, sizeof *v);
    if (copy->ledger != NULL)
        count_ledger(copy, v);
    else
        expect_without_ledger(copy, v);
    v->equal = v->trouble == NULL && equation_holds(&copy->counters);
    for (int i = 0; i < NOTICE_STATES; i++)
        v->equal &= v->counted[i] == copy->counters.counts[i];
}

/* The first two states are both `waiting`; here they are told apart. */
static const char *state_name(int state)
{
    return state == NOTICE_UNTOUCHED ? T("waiting (untouched)")
           : state == NOTICE_PARKED  ? T("waiting (parked)")
                                     : words_state(notice_state_name((enum notice_state)state));
}

static void write_difference(const struct copy *copy, const struct verdict *v, struct buf *out)
{
    const struct table_column columns[] = {{T("state"), TABLE_LEFT, false},
                                           {T("counters"), TABLE_RIGHT, false},
                                           {T("ledger"), TABLE_RIGHT, false},
                                           {"", TABLE_LEFT, false}};
    struct table *t = table_create(columns, 4);

    for (int i = 0; i < NOTICE_STATES; i++) {
        if (copy->counters.counts[i] == 0 && v->counted[i] == 0)
            continue;
        table_cell(t, state_name(i));
        table_printf(t, "%" PRId64, copy->counters.counts[i]);
        table_printf(t, "%" PRId64, v->counted[i]);
        table_cell(t, copy->counters.counts[i] == v->counted[i] ? "" : "≠");
    }
    table_write(t, 0, 4, out);
    table_free(t);
    if (v->trouble != NULL)
        buf_printf(out, "    %s\n", v->trouble);
    equation_write(&copy->counters, 0, 4, out);
}

static void tell(const struct cli *cli, const char *id, const struct copy *copy,
                 const struct verdict *v, json_t *all)
{
    struct buf out = BUF_INIT(1u << 20);
    json_t *counters = json_object(), *ledger = json_object();

    for (int i = 0; i < NOTICE_STATES; i++) {
        const char *name = i == NOTICE_PARKED ? "parked" : notice_state_name((enum notice_state)i);

        json_object_set_new(counters, name, json_integer(copy->counters.counts[i]));
        json_object_set_new(ledger, name, json_integer(v->counted[i]));
    }
    json_array_append_new(
        all, json_pack("{s:s,s:b,s:b,s:I,s:o,s:o,s:o}", "reminder", copy->counters.name, "ok",
                       v->equal, "has_ledger", copy->ledger != NULL, "planned",
                       (json_int_t)copy->counters.planned, "counters", counters, "ledger", ledger,
                       "trouble", v->trouble ? json_text(v->trouble) : json_null()));
    if (cli->json)
        return;
    buf_printf(&out, "%s/%s  ", id, words_reminder(copy->counters.name));
    if (v->equal && copy->ledger != NULL)
        buf_printf(&out, T("the ledger of %" PRId64 " agrees with the counters\n"),
                   copy->counters.planned);
    else if (v->equal)
        buf_printf(&out, T("no ledger yet; all %" PRId64 " are accounted for\n"),
                   copy->counters.planned);
    else
        buf_puts(&out, T("ledger and counters DISAGREE\n"));
    if (!v->equal)
        write_difference(copy, v, &out);
    cli_print(&out);
    buf_free(&out);
}

static void tell_repairs(const struct cli *cli, const char *id, const char *reminder,
                         const struct copy_repairs *r, json_t *all)
{
    json_t *last = json_array_get(all, json_array_size(all) - 1);

    json_object_set_new(last, "repaired",
                        json_pack("{s:i,s:i,s:i,s:b}", "counters", (int)r->counters, "ranges",
                                  (int)r->ranges, "retries", (int)r->retries, "cursor", r->cursor));
    if (cli->json || (r->counters == 0 && r->ranges == 0 && r->retries == 0 && !r->cursor))
        return;
    printf(T("%s/%s  repaired: %u counters, %u ranges that nobody looked after, %u retries%s\n"),
           id, words_reminder(reminder), r->counters, r->ranges, r->retries,
           r->cursor ? T(", the cursor") : "");
}

/* 0, or an exit code. */
static int repair(struct cli *cli, struct copy *copy, struct copy_repairs *done)
{
    struct error err;
    int rc = copy->ledger != NULL ? copy_repair(cli, copy, done, &err) : 0;

    if (rc < 0)
        return cli_error(cli, EX_UNAVAILABLE, &err);
    if (rc == 0 && copy->ledger != NULL) {
        struct command c = COMMAND_INIT;

        audit_command(&c, "repair", "campaign", copy->id, "reminder", copy->counters.name, "by",
                      cli->by, NULL);
        rc = db_ask(cli->db, &c, NULL, &err);
        command_free(&c);
        if (rc != 0)
            return cli_error(cli, EX_UNAVAILABLE, &err);
    }
    if (rc > 0)
        return cli_fail(cli, EX_TEMPFAIL, T("%s/%s is being repaired by somebody else: try again"),
                        copy->id, copy->counters.name);
    return 0;
}

struct verify_options {
    bool repair;
};

static const struct option_row verify_options[] = {
    {"repair", 0, OPTION_FLAG, OPTION_AT(struct verify_options, repair), NULL,
     .help = N_("rebuild counters, leases and retry set from the ledger; also while it is sent")},
    {0},
};

/* Of one campaign: its reminders, or the one of that name; all is what programs get. 0, or an exit
 * code. */
static int verify_one(struct cli *cli, const struct picture *p, const char *only, bool mend,
                      json_t *all, int *unequal)
{
    const char *id = p->status->id;
    struct error err;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < p->status->reminder_count; i++) {
        const char *name = p->status->reminders[i].name;
        struct verdict v;
        struct copy copy;
        struct copy_repairs repairs = {0};

        if (only != NULL && strcmp(name, only) != 0)
            continue;
        if (copy_reminder(cli, id, name, &copy, &err) != 0)
            return cli_error(cli, EX_UNAVAILABLE, &err);
        if (mend && (rc = repair(cli, &copy, &repairs)) == 0) {
            copy_free(&copy);
            if (copy_reminder(cli, id, name, &copy, &err) != 0)
                return cli_error(cli, EX_UNAVAILABLE, &err);
        }
        judge(&copy, &v);
        tell(cli, id, &copy, &v, all);
        if (mend && rc == 0)
            tell_repairs(cli, id, name, &repairs, all);
        *unequal += !v.equal;
        copy_free(&copy);
    }
    return rc;
}

static json_t *as_json(const char *id, int unequal, json_t *reminders)
{
    return json_pack("{s:s,s:b,s:O}", "id", id, "ok", unequal == 0, "reminders", reminders);
}

/* Every campaign that a daemon has taken; one that cannot be read is told, and the others go on. */
static int verify_all(struct cli *cli, int *unequal)
{
    json_t *campaigns = json_array();
    struct error err;
    char **ids = campaign_ids(cli->db, &err);
    int rc = ids != NULL ? 0 : cli_error(cli, EX_UNAVAILABLE, &err);
    bool away = false;

    if (ids != NULL && ids[0] == NULL && !cli->json)
        printf("%s\n", T("no campaigns yet (outreach queue CAMPAIGN.conf)"));
    for (size_t i = 0; ids != NULL && ids[i] != NULL; i++) {
        struct picture *p = away ? NULL : picture_read(cli, ids[i], &err);

        if (p == NULL) {
            if (!away && !picture_is_unknown(cli, ids[i])) /* else it was erased meanwhile */
                rc = picture_fail(cli, ids[i], &err);
        } else if (strcmp(p->status->state, "loading") != 0) { /* else its list comes */
            json_t *reminders = json_array();
            int bad = 0, one = verify_one(cli, p, NULL, false, reminders, &bad);

            rc = one != 0 ? one : rc;
            json_array_append_new(campaigns, as_json(ids[i], bad, reminders));
            json_decref(reminders);
            *unequal += bad;
        }
        away = !db_well(cli->db); /* which has been told */
        picture_free(p);
        free(ids[i]);
    }
    free(ids);
    if (ids != NULL && cli->json)
        cli_json(json_incref(campaigns));
    json_decref(campaigns);
    return rc;
}

static int verify_named(struct cli *cli, bool mend, char **operands, int count, int *unequal)
{
    const char *only = words_reminder_name(count == 2 ? operands[1] : NULL);
    json_t *all = json_array();
    int rc = 0;
    struct picture *p = picture_ask_taken(cli, operands[0], &rc);

    if (rc == 0 && only != NULL && picture_reminder(p, only) == NULL)
        rc = picture_no_reminder(cli, p, operands[1]);
    if (rc == 0)
        rc = verify_one(cli, p, only, mend, all, unequal);
    if (rc == 0 && cli->json)
        cli_json(as_json(operands[0], *unequal, all));
    json_decref(all);
    picture_free(p);
    return rc;
}

static int verify(struct cli *cli, const void *arg, char **operands, int count)
{
    const struct verify_options *options = arg;
    int rc, unequal = 0;

    if (count == 0 && options->repair)
        return cli_fail(cli, EX_USAGE, T("of which campaign? outreach verify ID --repair"));
    rc = cli_connect(cli);
    if (rc == 0)
        rc = count == 0 ? verify_all(cli, &unequal)
                        : verify_named(cli, options->repair, operands, count, &unequal);
    return rc != 0 ? rc : unequal > 0 ? EX_SOFTWARE : 0;
}

const struct subcommand cmd_verify = {
    .name = "verify",
    .operands = "[ID [REMINDER]]",
    .summary = N_("count the ledger itself and compare it with the counters"),
    .more =
        N_("Without an ID: every campaign.\n"
           "Copies both in one transaction, so it holds at any instant, also while notices are\n"
           "being sent. Exit code 70 where they differ; then both are shown. The ledger is the\n"
           "truth: --repair puts right what can be rebuilt from it."),
    .least = 0,
    .most = 2,
    .options = verify_options,
    .options_bytes = sizeof(struct verify_options),
    .run = verify,
};
