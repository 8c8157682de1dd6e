/*
 * outreach retry - what failed is tried once more, because a person asks for it
 *
 * Compare-and-set like every move of the ledger: a notice that has moved meanwhile stays as it is,
 * counters and retry set change in the same script, and that script refuses what is cancelled,
 * paused or past its end. So it may be run twice, and beside any daemon.
 */
#include "audit.h"
#include "clock.h"
#include "cli.h"
#include "codes_seen.h"
#include "gateway_names.h"
#include "human.h"
#include "keys.h"
#include "mem.h"
#include "moves.h"
#include "picture.h"
#include "prose.h"
#include "subcommands.h"
#include "table.h"
#include "walk.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define AT_ONCE 500 /* notices of one script */

struct retry_options {
    const char *reminder, *reason, *gateway;
    bool list, undelivered, dry_run, yes;
};

static const struct option_row retry_options[] = {
    {"list", 'l', OPTION_FLAG, OPTION_AT(struct retry_options, list), NULL,
     .help = N_("only list what failed, by reason")},
    {"reminder", 'r', OPTION_STRING, OPTION_AT(struct retry_options, reminder), "NAME",
     .help = N_("of this reminder only")},
    {"reason", 0, OPTION_STRING, OPTION_AT(struct retry_options, reason), "REASON",
     .help = N_("what failed for this reason only, as --list names it")},
    {"gateway", 'g', OPTION_STRING, OPTION_AT(struct retry_options, gateway), "NAME",
     .help = N_("what failed at this gateway only")},
    {"undelivered", 'u', OPTION_FLAG, OPTION_AT(struct retry_options, undelivered), NULL,
     .help = N_("also what a gateway took and could not deliver: it may cost once more")},
    {"dry-run", 'n', OPTION_FLAG, OPTION_AT(struct retry_options, dry_run), NULL,
     .help = N_("only say what would be done")},
    {"yes", 'y', OPTION_FLAG, OPTION_AT(struct retry_options, yes), NULL,
     .help = N_("do not ask; needed where nobody can be asked")},
    {0},
};

struct retrying_run {
    struct cli *cli;
    const struct retry_options *options;
    struct picture *picture;
    const struct reminder_status *reminder; /* at hand */
    struct gateway_names gateways;
    struct codes_seen *codes;
    int64_t counts[2][REASON_COUNT]; /* failed, undelivered; of the reminder at hand */
    int64_t able[2][REASON_COUNT];   /* of these who has no part of it: of several may one arrive */
    int64_t there[2][REASON_COUNT];  /* the same, at the gateway that is asked for */
    int64_t wanted, moved, left;     /* over all; left: more than may be parked at once */
    int64_t over;                    /* wanted, but for the end of their reminder */
    bool moving;                     /* the second walk */
    uint32_t epoch;
    int64_t base_s, room;
    struct moves moves;
    const char *refusal;            /* why the script refused the rest of the reminder at hand */
    struct table *table, *glossary; /* what failed; what the reasons mean */
    bool told[REASON_COUNT];        /* that stand in the table, to be explained */
    char *takes; /* the fewest options that would try something again; NULL: none would */
    json_t *json;
};

static bool is_there(const struct retrying_run *r, const struct record *record)
{
    const char *gateway = r->options->gateway;

    return gateway == NULL || strcmp(gateway_names_of(&r->gateways, record->gateway), gateway) == 0;
}

static bool wants(const struct retrying_run *r, const struct record *record)
{
    const struct retry_options *o = r->options;
    enum retrying how = record_retrying(record);

    if (how == RETRY_NEVER || (record->state == NOTICE_UNDELIVERED && !o->undelivered))
        return false;
    if (!is_there(r, record))
        return false;
    return o->reason != NULL ? strcmp(notice_reason_name(record->reason), o->reason) == 0
                             : how == RETRY_USUALLY;
}

/* ---------------------------------------------------------------------- moving */

static const char *refusal_of(enum moves_verdict verdict)
{
    switch (verdict) {
    case MOVES_CANCELLED:
        return T("it is cancelled");
    case MOVES_EXPIRED:
        return T("it is past its end");
    case MOVES_PAUSED:
        return T("it is paused: outreach resume first");
    case MOVES_VERSION:
        return T("it was changed just now: try again");
    default:
        return T("Redis has lost its ledger, or went back (outreach recover)");
    }
}

static int flush(struct retrying_run *r, struct error *err)
{
    int64_t seq = r->reminder->seq;
    struct moves_target target = {.campaign = r->picture->status->id,
                                  .reminder = r->reminder->name,
                                  .intent = true,
                                  .now_ms = clock_wall_ms(),
                                  .version = r->reminder->version,
                                  .seq = seq};
    struct command c = COMMAND_INIT;
    enum moves_verdict verdict;
    redisReply *reply;
    int rc;

    if (r->moves.count == 0 || r->refusal != NULL)
        return 0;
    moves_command(&r->moves, &target, &c);
    rc = db_ask(r->cli->db, &c, &reply, err);
    command_free(&c);
    if (rc != 0)
        return -1;
    verdict = moves_verdict(reply, &seq);
    if (verdict == MOVES_DONE)
        r->moved += (int64_t)r->moves.count - (int64_t)(reply->elements - 2) / 2;
    else
        r->refusal = refusal_of(verdict);
    freeReplyObject(reply);
    r->moves.count = 0;
    return cli_interrupted() != 0 ? error_set(err, T("interrupted")) : 0;
}

static int put_move(struct retrying_run *r, const struct walk_notice *w, struct error *err)
{
    struct record record = w->record;
    int64_t now_ms = clock_wall_ms();
    struct move *m;

    if (r->room == 0) {
        r->left++;
        return 0;
    }
    r->room--;
    m = moves_add(&r->moves);
    m->n = (uint32_t)w->n;
    record_pack(&record, m->believed);
    record_retry(&record, r->epoch << 12, now_ms / 1000 - r->base_s);
    record_pack(&record, m->wanted);
    m->retry = now_ms;
    return r->moves.count == AT_ONCE ? flush(r, err) : 0;
}

static int on_notice(void *arg, const struct walk_notice *w, struct error *err)
{
    struct retrying_run *r = arg;
    enum notice_state state = w->record.state;

    if (r->moving)
        return wants(r, &w->record) ? put_move(r, w, err) : 0;
    if ((state == NOTICE_FAILED || state == NOTICE_UNDELIVERED) &&
        w->record.reason < REASON_COUNT) {
        bool able = record_retrying(&w->record) != RETRY_NEVER;

        r->counts[state == NOTICE_UNDELIVERED][w->record.reason]++;
        r->able[state == NOTICE_UNDELIVERED][w->record.reason] += able;
        r->there[state == NOTICE_UNDELIVERED][w->record.reason] += able && is_there(r, &w->record);
        codes_seen_stands(r->codes, r->picture->status->id, r->reminder->name, w->n, state,
                          w->record.reason);
    }
    r->wanted += wants(r, &w->record);
    return 0;
}

/* Fences are an epoch's: one that is nobody else's. */
static int take_epoch(struct retrying_run *r, struct error *err)
{
    struct command c = COMMAND_INIT;
    redisReply *reply;
    int rc;

    command_start(&c, "INCR");
    command_add_string(&c, KEY_EPOCH);
    rc = db_ask(r->cli->db, &c, &reply, err);
    command_free(&c);
    if (rc != 0)
        return -1;
    r->epoch = (uint32_t)db_int(reply, 0) & 0xfffff;
    freeReplyObject(reply);
    return 0;
}

static int read_base(struct retrying_run *r, struct error *err)
{
    struct command c = COMMAND_INIT;
    struct ledger_header header;
    redisReply *reply;
    int rc;

    command_start(&c, "GETRANGE");
    key_ledger(&c, r->picture->status->id, r->reminder->name);
    command_add_int(&c, 0);
    command_add_int(&c, LEDGER_RECORD_BYTES - 1);
    rc = db_ask(r->cli->db, &c, &reply, err);
    command_free(&c);
    if (rc != 0)
        return -1;
    r->base_s = 0;
    if (reply->type == REDIS_REPLY_STRING && reply->len == LEDGER_RECORD_BYTES &&
        ledger_header_unpack((const unsigned char *)reply->str, &header) == 0)
        r->base_s = header.base_s;
    freeReplyObject(reply);
    return 0;
}

/* Who asked, and the daemons look at it at once. */
static int tell_others(struct retrying_run *r, int64_t moved, struct error *err)
{
    const char *id = r->picture->status->id, *name = r->reminder->name;
    struct command c = COMMAND_INIT;
    char count[24];
    int rc;

    snprintf(count, sizeof count, "%" PRId64, moved);
    audit_command(&c, "retry", "campaign", id, "reminder", name, "by", r->cli->by, "notices", count,
                  "reason", r->options->reason, "through", r->options->gateway, NULL);
    rc = db_ask(r->cli->db, &c, NULL, err);
    if (rc == 0) {
        command_start(&c, "ZADD");
        command_add_string(&c, KEY_SCHEDULE);
        command_add_int(&c, clock_wall_ms());
        command_add_format(&c, "%s/%s", id, name);
        rc = db_ask(r->cli->db, &c, NULL, err);
    }
    command_free(&c);
    return rc;
}

static int move_reminder(struct retrying_run *r, struct error *err)
{
    int64_t before = r->moved, parked = r->reminder->counts[NOTICE_PARKED];
    int64_t most = r->cli->settings->dispatch.park_max;
    int rc = read_base(r, err);

    r->room = parked < most ? most - parked : 0;
    r->refusal = NULL;
    if (rc == 0)
        rc = walk_reminder(r->cli, r->picture, r->reminder, NULL, on_notice, r, err);
    if (rc == 0)
        rc = flush(r, err);
    if (r->moved > before && tell_others(r, r->moved - before, rc == 0 ? err : NULL) != 0)
        rc = -1;
    r->moves.count = 0;
    if (r->refusal != NULL)
        prose_tell(T("outreach: %s: not tried again: %s\n"), words_reminder(r->reminder->name),
                   r->refusal);
    return rc;
}

/* -------------------------------------------------------------------- all of it */

static bool is_asked_for(const struct retrying_run *r, const struct reminder_status *one)
{
    const char *only = words_reminder_name(r->options->reminder);

    return (only == NULL || strcmp(only, one->name) == 0) &&
           (strcmp(one->state, "open") == 0 || strcmp(one->state, "done") == 0) &&
           one->counts[NOTICE_FAILED] + one->counts[NOTICE_UNDELIVERED] > 0;
}

/* Why nothing of the reminder at hand may go any more; NULL: it may. */
static const char *ended(const struct retrying_run *r)
{
    if (r->reminder->cancelled)
        return words_state("cancelled");
    return r->reminder->expires_ms <= clock_wall_ms() ? T("over") : NULL;
}

/* Whether these options try it again, and what it takes where they do not: what takes least is
 * kept, to be told. */
static const char *how_words(struct retrying_run *r, enum notice_state state,
                             enum notice_reason reason)
{
    const struct retry_options *o = r->options;
    struct record record = {.state = state, .reason = reason};
    enum retrying how = record_retrying(&record);
    const char *name = notice_reason_name(reason);
    bool other = o->reason != NULL && strcmp(o->reason, name) != 0,
         unnamed = o->reason == NULL && how == RETRY_IF_NAMED,
         unasked = state == NOTICE_UNDELIVERED && !o->undelivered;
    char *takes;

    if (how == RETRY_NEVER || r->able[state == NOTICE_UNDELIVERED][reason] == 0)
        return T("no");
    if (ended(r) != NULL)
        return ended(r);
    if (r->there[state == NOTICE_UNDELIVERED][reason] == 0)
        return T("not asked for");
    if (!other && !unnamed && !unasked)
        return T("yes");
    takes = xasprintf("%s%s%s", state == NOTICE_UNDELIVERED ? " -u" : "",
                      how == RETRY_IF_NAMED ? " --reason " : "", how == RETRY_IF_NAMED ? name : "");
    if (r->takes == NULL || strlen(takes) < strlen(r->takes)) {
        free(r->takes);
        r->takes = takes;
    } else {
        free(takes);
    }
    if (other)
        return T("not asked for");
    return !unasked ? T("with --reason") : unnamed ? T("with -u, --reason") : T("with -u");
}

static void list_reminder(struct retrying_run *r)
{
    char text[HUMAN_BYTES];

    for (int s = 0; s < 2; s++)
        for (int k = 0; k < REASON_COUNT; k++) {
            enum notice_state state = s == 0 ? NOTICE_FAILED : NOTICE_UNDELIVERED;
            const char *name = notice_reason_name((enum notice_reason)k);
            struct record record = {.state = state, .reason = (enum notice_reason)k};

            if (r->counts[s][k] == 0)
                continue;
            table_cell(r->table, words_reminder(r->reminder->name));
            table_cell(r->table, words_state(notice_state_name(state)));
            table_cell(r->table, human_count(text, r->counts[s][k]));
            table_cell(r->table, how_words(r, state, (enum notice_reason)k));
            table_cell(r->table, name);
            if (words_reason(name)[0] != '\0')
                r->told[k] = true;
            json_array_append_new(
                r->json, json_pack("{s:s,s:s,s:s,s:I,s:s,s:b}", "reminder", r->reminder->name,
                                   "state", notice_state_name(state), "reason", name, "notices",
                                   (json_int_t)r->counts[s][k], "retried",
                                   record_retrying(&record) == RETRY_NEVER      ? "never"
                                   : record_retrying(&record) == RETRY_IF_NAMED ? "if-named"
                                                                                : "usually",
                                   "over", ended(r) != NULL));
        }
}

/* Once, of all reminders. */
static void explain(struct retrying_run *r)
{
    for (int k = 0; k < REASON_COUNT; k++) {
        if (!r->told[k])
            continue;
        table_cell(r->glossary, notice_reason_name((enum notice_reason)k));
        table_cell(r->glossary, codes_seen_reasons(r->codes, r->picture->status->id, NULL,
                                                   NOTICE_STATES, (enum notice_reason)k));
    }
}

/* What there is; then, of those not past their end, what is wanted. */
static int look(struct retrying_run *r, struct error *err)
{
    const struct campaign_status *s = r->picture->status;

    for (size_t i = 0; i < s->reminder_count; i++) {
        int64_t wanted = r->wanted;

        r->reminder = &s->reminders[i];
        if (!is_asked_for(r, r->reminder))
            continue;
        memset(r->counts, 0, sizeof r->counts);
        memset(r->able, 0, sizeof r->able);
        memset(r->there, 0, sizeof r->there);
        if (walk_reminder(r->cli, r->picture, r->reminder, NULL, on_notice, r, err) != 0)
            return -1;
        list_reminder(r);
        if (ended(r) != NULL) {
            if (!r->reminder->cancelled)
                r->over += r->wanted - wanted;
            r->wanted = wanted;
        }
    }
    explain(r);
    return 0;
}

static int move_all(struct retrying_run *r, struct error *err)
{
    const struct campaign_status *s = r->picture->status;

    r->moving = true;
    if (take_epoch(r, err) != 0)
        return -1;
    for (size_t i = 0; i < s->reminder_count; i++) {
        r->reminder = &s->reminders[i];
        if (is_asked_for(r, r->reminder) && ended(r) == NULL && move_reminder(r, err) != 0)
            return -1;
    }
    return 0;
}

/* ------------------------------------------------------------------- telling */

static void tell_list(struct retrying_run *r)
{
    const struct retry_options *o = r->options;
    struct buf out = BUF_INIT(1u << 20);
    char n[HUMAN_BYTES];

    if (r->cli->json)
        return;
    if (json_array_size(r->json) == 0) {
        puts(T("nothing failed"));
        return;
    }
    table_write(r->table, r->cli->width, 0, &out);
    buf_putc(&out, '\n');
    table_write_glossary(r->glossary, &out);
    buf_printf(&out, T("\nto be tried again: %s%s\n"), human_count(n, r->wanted),
               r->options->reason == NULL && r->options->gateway == NULL && !r->options->undelivered
                   ? ""
                   : T(", as asked for"));
    if (r->over > 0)
        buf_printf(&out,
                   T("\n%s failed in reminders that are over. To try them all the same, give\n"
                     "such a reminder a later `expires` in the campaign's file, then\n"
                     "outreach amend FILE, and this again.\n"),
                   human_count(n, r->over));
    else if (r->wanted == 0 && r->takes != NULL)
        buf_printf(&out,
                   T("What may be tried again takes other options, as in\n  outreach retry "
                     "%s%s%s%s%s%s\n"),
                   r->picture->status->id, o->reminder != NULL ? " -r " : "",
                   o->reminder != NULL ? o->reminder : "", o->gateway != NULL ? " -g " : "",
                   o->gateway != NULL ? o->gateway : "", r->takes);
    else if (r->wanted == 0 && r->options->gateway != NULL)
        buf_printf(&out, T("Nothing that failed at %s can be tried again.\n"), r->options->gateway);
    else if (r->wanted == 0)
        buf_puts(&out, T("Nothing of it can be tried again.\n"));
    cli_print(&out);
    buf_free(&out);
}

static int ask_person(const struct retrying_run *r)
{
    char n[HUMAN_BYTES], *question;
    bool sure;

    if (!r->cli->terminal || !isatty(STDIN_FILENO) || r->cli->json)
        return cli_fail(r->cli, EX_USAGE,
                        T("%s: there is nobody to ask whether to send again: say -y"),
                        r->picture->status->id);
    question = xasprintf(T("Try %s notices of %s again?"), human_count(n, r->wanted),
                         r->picture->status->id);
    sure = cli_confirm(r->cli, question);
    free(question);
    if (!sure)
        fputs(T("outreach: nothing was changed\n"), stderr);
    return sure ? 0 : EX_TEMPFAIL;
}

static int tell_moved(struct retrying_run *r, bool moved)
{
    char n[HUMAN_BYTES], k[HUMAN_BYTES];

    if (r->cli->json)
        cli_json(json_pack("{s:s,s:O,s:I,s:I,s:I,s:I}", "id", r->picture->status->id, "failed",
                           r->json, "over", (json_int_t)r->over, "wanted", (json_int_t)r->wanted,
                           "retried", (json_int_t)r->moved, "left", (json_int_t)r->left));
    else if (moved)
        printf(T("%s notices wait to be sent again\n"), human_count(n, r->moved));
    if (moved && r->left > 0)
        return cli_fail(r->cli, EX_TEMPFAIL,
                        T("%s more than may wait at once (park_max): run it again when these are "
                          "through"),
                        human_count(k, r->left));
    return 0;
}

static bool is_gateway(const struct gateway_names *g, const char *name)
{
    for (unsigned i = 1; i < GATEWAY_NAMES_MAX; i++)
        if (strcmp(gateway_names_of(g, i), name) == 0)
            return true;
    return false;
}

static int run(struct retrying_run *r)
{
    struct error err;
    int rc;

    if (gateway_names_read(&r->gateways, r->cli, &err) != 0)
        return cli_error(r->cli, EX_UNAVAILABLE, &err);
    if (r->options->gateway != NULL && !is_gateway(&r->gateways, r->options->gateway))
        return cli_fail(r->cli, EX_DATAERR,
                        T("nothing was ever sent through a gateway %s (outreach gateways)"),
                        r->options->gateway);
    if (look(r, &err) != 0)
        return cli_error(r->cli, EX_UNAVAILABLE, &err);
    tell_list(r);
    if (r->options->list || r->options->dry_run || r->wanted == 0)
        return tell_moved(r, false);
    rc = r->options->yes ? 0 : ask_person(r);
    if (rc != 0)
        return rc;
    cli_catch_signals();
    if (move_all(r, &err) != 0)
        return cli_error(r->cli, cli_interrupted() != 0 ? cli_interrupted() : EX_UNAVAILABLE, &err);
    return tell_moved(r, true);
}

/* 0, or the exit code: a reason that there is not. */
static int check_reason(const struct cli *cli, const char *reason)
{
    for (int k = 1; k < REASON_COUNT && reason != NULL; k++)
        if (strcmp(notice_reason_name((enum notice_reason)k), reason) == 0)
            return 0;
    return reason == NULL ? 0
                          : cli_fail(cli, EX_USAGE,
                                     T("retry: nothing fails for the reason %s (outreach retry "
                                       "--list names them)"),
                                     reason);
}

static int retry(struct cli *cli, const void *arg, char **operands, int count)
{
    const struct retry_options *options = arg;
    const struct table_column columns[] = {{T("reminder"), TABLE_LEFT, TABLE_WRAPS},
                                           {T("state"), TABLE_LEFT, false},
                                           {TC("retry", "notices"), TABLE_RIGHT, false},
                                           {T("again"), TABLE_LEFT, false},
                                           {T("reason"), TABLE_LEFT, TABLE_WRAPS}};
    const struct table_column meanings[] = {{"", TABLE_LEFT, false}, {"", TABLE_LEFT, TABLE_WRAPS}};
    struct picture *p = NULL;
    struct retrying_run *r;
    int rc = check_reason(cli, options->reason);

    (void)count;
    if (rc == 0)
        rc = cli_connect(cli);
    if (rc == 0)
        p = picture_ask_taken(cli, operands[0], &rc);
    if (rc == 0 && options->reminder != NULL &&
        picture_reminder(p, words_reminder_name(options->reminder)) == NULL)
        rc = picture_no_reminder(cli, p, options->reminder);
    if (rc != 0) {
        picture_free(p);
        return rc;
    }
    r = xcalloc(1, sizeof *r);
    r->cli = cli;
    r->options = options;
    r->picture = p;
    r->json = json_array();
    r->table = table_create(columns, sizeof columns / sizeof *columns);
    r->glossary = table_create(meanings, sizeof meanings / sizeof *meanings);
    r->codes = codes_seen_create(cli, p->status->id);
    rc = run(r);
    codes_seen_free(r->codes);
    table_free(r->table);
    table_free(r->glossary);
    free(r->takes);
    json_decref(r->json);
    gateway_names_free(&r->gateways);
    free(r);
    picture_free(p);
    return rc;
}

const struct subcommand cmd_retry = {
    .name = "retry",
    .operands = "ID",
    .summary = N_("try once more what failed, by reason"),
    .more =
        N_("Without --reason what may go better now: an outage, a balance, a template, spent\n"
           "attempts. A number that is nobody's or a text that was refused only if it is named.\n"
           "Never who has it, who refused or is blacklisted, and nothing past its end. Their\n"
           "attempts are kept: one more each, or what is left of `attempts`.\n"
           "At most park_max of a reminder at a time."),
    .least = 1,
    .most = 1,
    .options = retry_options,
    .options_bytes = sizeof(struct retry_options),
    .run = retry,
};
