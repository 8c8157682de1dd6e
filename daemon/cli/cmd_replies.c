/*
 * outreach replies - what residents wrote, and what a person does about it
 */
#include "address.h"
#include "audit.h"
#include "append.h"
#include "builtin.h"
#include "cli.h"
#include "clock.h"
#include "column.h"
#include "daemons.h"
#include "encoding.h"
#include "human.h"
#include "keys.h"
#include "log.h"
#include "mem.h"
#include "numbers_shown.h"
#include "picture.h"
#include "places.h"
#include "prose.h"
#include "reply_page.h"
#include "safe_marks.h"
#include "subcommands.h"
#include "table.h"
#include "template.h"
#include "tree.h"
#include "zone.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ANSWER_MS (2 * INT64_C(86400000)) /* a person's answer is worth so long */

struct replies_options {
    bool all, mine, sums, registered, numbers, yes;
    const char *campaign;
    int64_t limit;
};

static const struct option_row replies_options[] = {
    {"all", 'a', OPTION_FLAG, OPTION_AT(struct replies_options, all), NULL,
     .help = N_("also those that need nobody (places, answers, refusals) and what is closed")},
    {"mine", 'm', OPTION_FLAG, OPTION_AT(struct replies_options, mine), NULL,
     .help = N_("assigned to me")},
    {"campaign", 0, OPTION_STRING, OPTION_AT(struct replies_options, campaign), "ID",
     .help = N_("of this campaign; of answer: through it")},
    {"sums", 0, OPTION_FLAG, OPTION_AT(struct replies_options, sums), NULL,
     .help = N_("how many of a campaign answered what, have a place, wait")},
    {"registered", 0, OPTION_FLAG, OPTION_AT(struct replies_options, registered), NULL,
     .help = N_("who has a place of a campaign, and who waits, in that order")},
    {"numbers", 0, OPTION_FLAG, OPTION_AT(struct replies_options, numbers), NULL,
     .help = N_("whole numbers; those of a cry for help always are")},
    {"limit", 'n', OPTION_NUMBER, OPTION_AT(struct replies_options, limit), "COUNT", .min = 1,
     .max = 100000, .initial = 100, .help = N_("with --all: the last so many")},
    {"yes", 'y', OPTION_FLAG, OPTION_AT(struct replies_options, yes), NULL,
     .help = N_("of answer: do not ask, also where a text answers a cry for help")},
    {0},
};

static const char *shown_number(const char *address, bool whole)
{
    return whole ? address : log_mask(address, strlen(address));
}

static const struct zone *usual_zone(const struct cli *cli)
{
    return zone_find(cli->settings->defaults.timezone, NULL);
}

/* ------------------------------------------------------------------------------ list */

struct wanted {
    const struct cli *cli;
    const struct replies_options *options;
};

static bool is_wanted(const struct reply_entry *e, const void *arg)
{
    const struct wanted *w = arg;
    const struct replies_options *o = w->options;

    return (o->campaign == NULL || strcmp(o->campaign, e->campaign) == 0) &&
           (!o->mine || strcmp(e->who, w->cli->by) == 0);
}

static bool is_whole(const struct replies_options *o, const struct reply_entry *e)
{
    return o->numbers || strcmp(e->kind, "alarm") == 0;
}

static json_t *entry_json(const struct reply_entry *e, bool whole)
{
    return json_pack("{s:s,s:I,s:o,s:o,s:I,s:o,s:o,s:b,s:o,s:o,s:I}", "id", e->id, "at_ms",
                     (json_int_t)e->at_ms, "from", json_text(shown_number(e->from, whole)),
                     "campaign", json_text(e->campaign), "n", (json_int_t)e->n, "kind",
                     json_text(e->kind), "text", json_text(e->text), "open", e->open, "who",
                     json_text(e->who), "answered_by", json_text(e->answered_by), "answered_ms",
                     (json_int_t)e->answered_ms);
}

static void write_list(struct cli *cli, struct reply_book *book, const struct wanted *w)
{
    struct buf out = BUF_INIT(16u << 20);
    size_t open = 0;

    if (reply_page_write(cli, book, is_wanted, w, w->options->numbers, &out) == 0)
        buf_puts(&out, w->options->all
                           ? T("there are no such replies\n")
                           : T("nothing waits for a person (all replies: outreach replies "
                               "--all)\n"));
    for (size_t i = 0; i < book->count; i++)
        open += book->entries[i].open && is_wanted(&book->entries[i], w);
    if (open > 0)
        buf_printf(&out,
                   T("%zu to be dealt with by a person. outreach replies answer ID TEXT, then\n"
                     "outreach replies close ID\n"),
                   open);
    cli_print(&out);
    buf_free(&out);
}

static int list(struct cli *cli, const struct replies_options *o)
{
    struct numbers_shown shown = {.command = "replies", .campaign = o->campaign};
    struct wanted w = {cli, o};
    json_t *all = json_array();
    struct reply_book book;
    struct error err;
    int rc = 0;

    if (reply_book_read(cli, o->all, (size_t)o->limit, &book, &err) != 0)
        rc = cli_error(cli, EX_UNAVAILABLE, &err);
    for (size_t i = 0; i < book.count && rc == 0; i++) {
        const struct reply_entry *e = &book.entries[i];

        if (!is_wanted(e, &w))
            continue;
        shown.count += is_whole(o, e);
        json_array_append_new(all, entry_json(e, is_whole(o, e)));
    }
    if (rc == 0 && o->campaign != NULL && json_array_size(all) == 0)
        picture_free(picture_ask(cli, o->campaign, &rc)); /* is there such a one? */
    if (rc == 0 && numbers_shown(cli, &shown, &err) != 0)
        rc = cli_error(cli, EX_UNAVAILABLE, &err);
    if (rc == 0 && cli->json)
        cli_json(json_incref(all));
    else if (rc == 0)
        write_list(cli, &book, &w);
    json_decref(all);
    reply_book_free(&book);
    return rc;
}

/* ------------------------------------------------------------------- sums, registered */

static int ask_hash(struct cli *cli, void (*key)(struct command *c, const char *id), const char *id,
                    redisReply **out, struct error *err)
{
    struct command c = COMMAND_INIT;
    int rc;

    command_start(&c, "HGETALL");
    key(&c, id);
    rc = db_ask(cli->db, &c, out, err);
    command_free(&c);
    return rc;
}

static struct campaign *read_campaign(struct cli *cli, const char *id, int *rc)
{
    struct picture *p = picture_ask(cli, id, rc);
    struct campaign *c = NULL;
    struct tree *document;
    struct error err;

    if (p == NULL)
        return NULL;
    document = p->status->document == NULL
                   ? NULL
                   : tree_parse_json(p->status->document, strlen(p->status->document), NULL, &err);
    if (document != NULL)
        c = campaign_create(document, &cli->settings->defaults, NULL, 0, &err);
    if (c == NULL)
        *rc = document == NULL && p->status->document == NULL
                  ? cli_fail(cli, EX_TEMPFAIL, T("%s: no daemon has taken it yet"), id)
                  : cli_error(cli, EX_DATAERR, &err);
    picture_free(p);
    return c;
}

static int sums(struct cli *cli, const char *id)
{
    struct buf out = BUF_INIT(1u << 20);
    redisReply *given = NULL, *places = NULL;
    int64_t taken = 0, waiting = 0, gave_back = 0, answered = 0;
    struct campaign *c;
    json_t *answers;
    struct error err;
    int rc = 0;

    c = read_campaign(cli, id, &rc);
    if (c == NULL)
        return rc;
    answers = json_object();
    if ((ask_hash(cli, key_answer_sums, id, &given, &err) != 0 ||
         ask_hash(cli, key_places, id, &places, &err) != 0))
        rc = cli_error(cli, EX_UNAVAILABLE, &err);
    for (size_t i = 0; places != NULL && i + 1 < places->elements; i += 2) {
        enum place_state state = place_parse(places->element[i + 1], NULL, NULL);

        taken += state == PLACE_TAKEN;
        waiting += state == PLACE_WAITING;
        gave_back += state == PLACE_GIVEN_UP;
    }
    for (size_t i = 0; rc == 0 && c->replies != NULL && i < c->replies->answers.count; i++) {
        int64_t n = db_int(db_field(given, c->replies->answers.items[i]), 0);

        answered += n;
        json_object_set_new(answers, c->replies->answers.items[i], json_integer(n));
        buf_printf(&out, "%8" PRId64 "  %s\n", n, c->replies->answers.items[i]);
    }
    if (rc == 0 && c->replies != NULL && c->replies->asks)
        buf_printf(&out, T("%8" PRId64 "  answered\n"), answered);
    if (rc == 0 && c->replies != NULL && c->replies->registers) {
        buf_printf(&out, T("%8" PRId64 "  have a place"), taken);
        if (c->replies->capacity > 0)
            buf_printf(&out, T(" (of %" PRId64 ")"), c->replies->capacity);
        buf_printf(&out, T("\n%8" PRId64 "  wait for one\n%8" PRId64 "  gave it back\n"), waiting,
                   gave_back);
    }
    if (rc == 0 && (c->replies == NULL || out.length == 0))
        rc = cli_fail(cli, EX_USAGE, T("%s has neither `registration` nor `answers`"), id);
    if (rc == 0 && cli->json)
        cli_json(json_pack("{s:s,s:O,s:I,s:I,s:I,s:I}", "campaign", id, "answers", answers,
                           "answered", (json_int_t)answered, "registered", (json_int_t)taken,
                           "waiting", (json_int_t)waiting, "withdrawn", (json_int_t)gave_back));
    else if (rc == 0)
        cli_print(&out);
    buf_free(&out);
    json_decref(answers);
    freeReplyObject(given);
    freeReplyObject(places);
    campaign_free(c);
    return rc;
}

struct place {
    const char *address;
    enum place_state state;
    int64_t change, at_ms;
    uint32_t n;
};

static int by_place(const void *x, const void *y)
{
    const struct place *a = x, *b = y;

    if (a->state != b->state)
        return a->state == PLACE_TAKEN ? -1 : 1;
    return a->change < b->change ? -1 : 1;
}

/* What the list calls her; sensitive campaigns name nobody. */
static void name_of(struct cli *cli, const struct campaign *c, uint32_t n, char *out, size_t size)
{
    struct template_value row[CAMPAIGN_MAX_COLUMNS];
    int column = campaign_column(c, "name");
    struct command cmd = COMMAND_INIT;
    const redisReply *value;
    redisReply *rows;
    struct error err;

    out[0] = '\0';
    if (column < 0 || n == 0 || c->sensitive)
        return;
    command_start(&cmd, "XRANGE");
    key_audience(&cmd, c->id);
    command_add_format(&cmd, "%u-0", n);
    command_add_format(&cmd, "%u-0", n);
    if (db_ask(cli->db, &cmd, &rows, &err) == 0) {
        value = db_at(db_at(db_at(rows, 0), 1), 1);
        if (value != NULL && campaign_row_split(c, value->str, value->len, row) == 0)
            snprintf(out, size, "%.*s", (int)row[column].length, row[column].text);
        freeReplyObject(rows);
    }
    command_free(&cmd);
}

static int registered(struct cli *cli, const struct replies_options *o, const char *id)
{
    const struct table_column columns[] = {
        {"", TABLE_RIGHT, false},         {T("WHAT"), TABLE_LEFT, false},
        {T("NUMBER"), TABLE_LEFT, false}, {TC("replies", "NAME"), TABLE_LEFT, TABLE_WRAPS},
        {T("SINCE"), TABLE_LEFT, false},
    };
    struct buf out = BUF_INIT(16u << 20);
    struct table *t;
    json_t *all;
    redisReply *places = NULL;
    struct place *list_of = NULL;
    struct campaign *c;
    struct error err;
    size_t count = 0;
    int rc = 0;

    c = read_campaign(cli, id, &rc);
    if (c == NULL)
        return rc;
    t = table_create(columns, sizeof columns / sizeof *columns);
    all = json_array();
    if (ask_hash(cli, key_places, id, &places, &err) != 0)
        rc = cli_error(cli, EX_UNAVAILABLE, &err);
    if (rc == 0 && places->elements > 1)
        list_of = xcalloc(places->elements / 2, sizeof *list_of);
    for (size_t i = 0; rc == 0 && i + 1 < places->elements; i += 2) {
        struct place *p = &list_of[count];

        p->address = places->element[i]->str;
        p->state = place_parse(places->element[i + 1], &p->at_ms, &p->n);
        p->change = strtoll(places->element[i + 1]->str + 2, NULL, 10);
        count += p->state == PLACE_TAKEN || p->state == PLACE_WAITING;
    }
    if (count > 0)
        qsort(list_of, count, sizeof *list_of, by_place);
    for (size_t i = 0; i < count; i++) {
        const struct place *p = &list_of[i];
        const char *kind = p->state == PLACE_TAKEN ? "registered" : "waiting";
        char name[256], at[HUMAN_BYTES];

        name_of(cli, c, p->n, name, sizeof name);
        table_printf(t, "%zu", i + 1);
        table_cell(t, reply_page_kind(kind));
        table_cell(t, shown_number(p->address, o->numbers && !c->sensitive));
        table_cell(t, name);
        table_cell(t, human_time(at, c->zone, p->at_ms, false));
        json_array_append_new(
            all, json_pack("{s:s,s:o,s:o,s:I,s:I}", "state", kind, "to",
                           json_text(shown_number(p->address, o->numbers && !c->sensitive)), "name",
                           json_text(name), "n", (json_int_t)p->n, "at_ms", (json_int_t)p->at_ms));
    }
    if (rc == 0 && o->numbers && !c->sensitive &&
        numbers_shown(cli,
                      &(struct numbers_shown){
                          .command = "replies --registered", .campaign = c->id, .count = count},
                      &err) != 0)
        rc = cli_error(cli, EX_UNAVAILABLE, &err);
    if (rc == 0 && cli->json)
        cli_json(json_incref(all));
    else if (rc == 0 && count == 0)
        buf_printf(&out, "%s\n", T("nobody has a place yet"));
    else if (rc == 0)
        table_write(t, cli->width, 0, &out);
    cli_print(&out);
    buf_free(&out);
    json_decref(all);
    table_free(t);
    free(list_of);
    freeReplyObject(places);
    campaign_free(c);
    return rc;
}

/* --------------------------------------------------------------- assign, answer, close */

/* The text stays out of the audit. */
static int audit(struct cli *cli, const char *op, const struct reply_entry *e, const char *who,
                 struct error *err)
{
    struct command c = COMMAND_INIT;
    int rc;

    audit_command(&c, op, "reply", e->id, "campaign", e->campaign, "who", who, "by", cli->by, NULL);
    rc = db_ask(cli->db, &c, NULL, err);
    command_free(&c);
    return rc;
}

/* The one that waits from that address: in book, or told, with the exit code in *rc. */
static bool find_of(struct cli *cli, const char *typed, const char *address,
                    struct reply_book *book, int *rc)
{
    struct buf ids = BUF_INIT(1u << 16);
    struct reply_book open;
    struct error err;
    size_t count = 0;

    if (reply_book_read(cli, false, 0, &open, &err) != 0)
        *rc = cli_error(cli, EX_UNAVAILABLE, &err);
    for (size_t i = 0; i < open.count; i++)
        if (strcmp(open.entries[i].from, address) == 0)
            buf_printf(&ids, "%s%s", count++ > 0 ? ", " : "", open.entries[i].id);
    if (*rc == 0 && count == 0)
        *rc =
            cli_fail(cli, EX_DATAERR,
                     T("nothing that %s wrote waits for a person (outreach replies --all)"), typed);
    else if (*rc == 0 && count > 1)
        *rc = cli_fail(cli, EX_DATAERR, T("%s wrote more than once: say which of %s"), typed,
                       buf_string(&ids));
    else if (*rc == 0 && reply_book_find(cli, buf_string(&ids), book, &err) != 0)
        *rc = cli_error(cli, EX_UNAVAILABLE, &err);
    reply_book_free(&open);
    buf_free(&ids);
    return *rc == 0;
}

/* By its id, or by the number of whoever wrote it. Told, with the exit code in *rc, where there is
 * none. */
static bool find(struct cli *cli, const char *id, struct reply_book *book, int *rc)
{
    char address[ADDRESS_BYTES];
    struct error err;

    if (reply_book_find(cli, id, book, &err) != 0)
        *rc = cli_error(cli, EX_UNAVAILABLE, &err);
    else if (book->count == 0 && address_read(cli, id, false, address, &err) == 0)
        return find_of(cli, id, address, book, rc);
    else if (book->count == 0)
        *rc = cli_fail(cli, EX_DATAERR, T("there is no reply %s (outreach replies --all)"), id);
    return *rc == 0;
}

static int told(struct cli *cli, const struct reply_entry *e, const char *state, const char *words)
{
    if (cli->json)
        cli_json(json_pack("{s:s,s:s}", "id", e->id, "state", state));
    else
        printf("%s  %s\n", e->id, words);
    return 0;
}

static int change_open(struct cli *cli, const struct reply_entry *e, const char *who,
                       struct error *err)
{
    struct command c = COMMAND_INIT;
    int rc;

    command_start(&c, who != NULL ? "HSET" : "HDEL");
    command_add_string(&c, KEY_REPLIES_OPEN);
    command_add_string(&c, e->id);
    if (who != NULL)
        command_add_string(&c, who);
    rc = db_ask(cli->db, &c, NULL, err);
    command_free(&c);
    return rc;
}

static int assign(struct cli *cli, const struct replies_options *o, char **operands, int count)
{
    struct reply_book book;
    struct error err;
    int rc = 0;

    (void)o, (void)count;
    if (find(cli, operands[1], &book, &rc) &&
        (change_open(cli, book.entries, operands[2], &err) != 0 ||
         audit(cli, "reply-assign", book.entries, operands[2], &err) != 0))
        rc = cli_error(cli, EX_UNAVAILABLE, &err);
    if (rc == 0)
        rc = told(cli, book.entries, "assigned", T("is assigned"));
    reply_book_free(&book);
    return rc;
}

static int close_replies(struct cli *cli, const struct replies_options *o, char **operands,
                         int count)
{
    int rc = 0;

    (void)o;
    for (int i = 1; i < count && rc == 0; i++) {
        struct reply_book book;
        struct error err;

        if (find(cli, operands[i], &book, &rc) &&
            ((book.entries->open && audit(cli, "reply-close", book.entries, NULL, &err) != 0) ||
             change_open(cli, book.entries, NULL, &err) != 0))
            rc = cli_error(cli, EX_UNAVAILABLE, &err);
        if (rc == 0)
            rc = told(cli, book.entries, "closed", T("is closed"));
        reply_book_free(&book);
    }
    return rc;
}

/* Her row, or her address alone. */
static void row_of(struct cli *cli, const struct campaign *c, const struct reply_entry *e,
                   bool campaigns_own, redisReply **rows, struct template_value *row)
{
    struct command cmd = COMMAND_INIT;
    const redisReply *value = NULL;
    struct error err;

    command_start(&cmd, "XRANGE");
    key_audience(&cmd, c->id);
    command_add_format(&cmd, "%u-0", campaigns_own ? e->n : 0);
    command_add_format(&cmd, "%u-0", campaigns_own ? e->n : 0);
    if (db_ask(cli->db, &cmd, rows, &err) == 0)
        value = db_at(db_at(db_at(*rows, 0), 1), 1);
    command_free(&cmd);
    if (value != NULL && campaign_row_split(c, value->str, value->len, row) == 0)
        for (size_t k = 0; k < c->channel_count; k++)
            if (row[k].length == strlen(e->from) &&
                memcmp(row[k].text, e->from, row[k].length) == 0)
                return;
    for (size_t i = 0; i < c->column_count; i++)
        row[i] = (struct template_value){"", 0};
    for (size_t k = 0; k < c->channel_count; k++)
        if (column_is_phone(c->channels[k]) == (e->from[0] == '+')) {
            row[k] = (struct template_value){e->from, strlen(e->from)};
            return;
        }
}

/* -1 with what is wrong with it. */
static int check_text(const struct campaign *c, const char *text, struct error *err)
{
    struct text_size size;
    char *whole = xasprintf("%s%s", c->signature, text);
    int valid = text_measure(whole, strlen(whole), TEXT_BILL_GSM, &size);

    free(whole);
    if (valid != 0 || text[0] == '\0')
        return error_set(err, T("the text is empty, or is no UTF-8"));
    for (const unsigned char *p = (const unsigned char *)text; *p != '\0'; p++)
        if ((*p < 0x20 && *p != '\n') || *p == 0x7f)
            return error_set(err, T("the text holds a control character"));
    if (strstr(text, "【") != NULL)
        return error_set(err, T("leave the signature out: it is added once"));
    if ((int)size.parts > c->max_segments)
        return error_set(err, T("the text takes %u SMS parts, of %d at most"), size.parts,
                         c->max_segments);
    return 0;
}

/* The same text to the same reply is said once. */
static void make_token(const struct reply_entry *e, const char *text,
                       char token[APPEND_TOKEN_BYTES])
{
    static const unsigned char key[crypto_shorthash_KEYBYTES] = "outreach answer";
    unsigned char sum[crypto_shorthash_BYTES];
    char hex[2 * sizeof sum + 1];

    crypto_shorthash(sum, (const unsigned char *)text, strlen(text), key);
    sodium_bin2hex(hex, sizeof hex, sum, sizeof sum);
    snprintf(token, APPEND_TOKEN_BYTES, "reply:%s:%s", e->id, hex);
}

/* An answer on its way. */
struct answering {
    struct cli *cli;
    const struct reply_entry *entry;
    const char *text;
    struct campaign *campaign; /* through which it goes */
    struct safe_note safe;     /* how she may be told of anything */
    bool again;                /* that very answer had been given */
};

/* A mark of any address that she has in the list counts, "skip" before the others. 0, or an exit
 * code. */
static int read_safe(struct answering *a, const struct template_value *row)
{
    struct error err;
    int rc = 0;

    for (size_t k = 0; k < a->campaign->channel_count && rc == 0; k++) {
        char *address = xstrndup(row[k].text, row[k].length);
        struct safe_note one = {.marked = false};

        if (address[0] != '\0' && safe_marks_read(a->cli, address, &one, &err) != 0)
            rc = cli_error(a->cli, EX_UNAVAILABLE, &err);
        if (one.marked && (!a->safe.marked || one.mark.mode == SAFE_SKIP))
            a->safe = one;
        free(address);
    }
    if (rc == 0 && a->safe.marked && a->safe.mark.mode == SAFE_SKIP)
        rc = cli_fail(a->cli, EX_NOPERM, "%s",
                      T("nothing was sent: she is marked as safe \"skip\", no machine writes to "
                        "her; tell her in person, then outreach replies close ID"));
    return rc;
}

static int not_taken(struct answering *a, enum append_verdict verdict)
{
    const char *id = a->campaign->id;

    return verdict == APPEND_FULL
               ? cli_fail(a->cli, EX_DATAERR,
                          T("nothing was sent: the answers of %s have reached "
                            "defaults.max_audience; answer through another campaign, "
                            "--campaign ID"),
                          id)
               : cli_fail(a->cli, EX_DATAERR,
                          T("nothing was sent: %s takes no more answers; answer through another "
                            "campaign, --campaign ID"),
                          id);
}

static int send_answer(struct answering *answering)
{
    struct cli *cli = answering->cli;
    const struct reply_entry *e = answering->entry;
    const struct campaign *c = answering->campaign;
    const char *text = answering->text;
    char token[APPEND_TOKEN_BYTES];
    struct append a = {.campaign = c->id,
                       .reminder = BUILTIN_ANSWERS,
                       .token = token,
                       .max_rows = cli->settings->defaults.max_audience,
                       .now_ms = clock_wall_ms()};
    struct template_value row[CAMPAIGN_MAX_COLUMNS];
    struct buf bytes = BUF_INIT(1u << 20);
    struct command cmd = COMMAND_INIT;
    bool own = strcmp(e->campaign, c->id) == 0;
    redisReply *rows = NULL, *reply = NULL;
    struct append_answer done;
    struct error err;
    int rc;

    make_token(e, text, token);
    a.expires_ms = a.now_ms + ANSWER_MS;
    row_of(cli, c, e, own, &rows, row);
    rc = read_safe(answering, row);
    builtin_row(c,
                &(struct builtin_notice){.person = row,
                                         .text = text,
                                         .length = strlen(text),
                                         .n = own ? e->n : 0,
                                         .expires_ms = a.expires_ms},
                &bytes);
    append_begin(&a, &cmd);
    append_row(&cmd, bytes.data, bytes.length, NULL);
    if (rc == 0 && db_ask(cli->db, &cmd, &reply, &err) != 0) {
        rc = cli_error(cli, EX_UNAVAILABLE, &err);
    } else if (rc == 0) {
        append_answer(reply, &done);
        answering->again = done.again && e->answered_ms != 0; /* else who began it died */
        append_schedule(c->id, BUILTIN_ANSWERS, a.now_ms, &cmd);
        if (done.verdict != APPEND_DONE)
            rc = not_taken(answering, done.verdict);
        else if (db_ask(cli->db, &cmd, NULL, &err) != 0)
            rc = cli_error(cli, EX_UNAVAILABLE, &err);
    }
    command_free(&cmd);
    buf_free(&bytes);
    freeReplyObject(rows);
    freeReplyObject(reply);
    return rc;
}

static int may_answer(struct cli *cli, const struct reply_entry *e)
{
    enum reply_refusal refusal;
    struct error err;

    if (reply_book_refusal(cli, e, &refusal, &err) != 0)
        return cli_error(cli, EX_UNAVAILABLE, &err);
    if (refusal == REPLY_REFUSED)
        return cli_fail(cli, EX_NOPERM,
                        T("she has refused, and has not asked anything since: nothing is sent to "
                          "her (call her, if it has to be)"));
    return 0;
}

/* It is known as answered, and by whom; who has answered has it, where nobody had. */
static int note_answered(struct cli *cli, const struct reply_entry *e, struct error *err)
{
    struct command c = COMMAND_INIT;
    int rc;

    command_start(&c, "HSET");
    command_add_string(&c, KEY_REPLIES_ANSWERED);
    command_add_string(&c, e->id);
    command_add_format(&c, "%" PRId64 " %s", clock_wall_ms(), cli->by);
    rc = db_ask(cli->db, &c, NULL, err);
    command_free(&c);
    if (rc == 0 && e->open && e->who[0] == '\0')
        rc = change_open(cli, e, cli->by, err);
    return rc == 0 ? audit(cli, "reply-answer", e, NULL, err) : rc;
}

/* When it leaves, where that is not at once; or NULL. */
static const char *what_holds_it(struct answering *a)
{
    struct error err;
    struct picture *p = picture_read(a->cli, a->campaign->id, &err);
    const struct reminder_status *r = p != NULL ? picture_reminder(p, BUILTIN_ANSWERS) : NULL;
    bool paused = r != NULL && r->paused;

    picture_free(p);
    if (!daemons_run(a->cli->db))
        return T("no outreachd runs: it leaves when one does");
    if (paused)
        return T("the campaign is paused or waits for approval: it leaves when that is over");
    return a->safe.marked && a->safe.mark.mode == SAFE_HOURS
               ? T("she is marked as safe \"hours\": it leaves at these hours")
               : NULL;
}

/* What was sent, to whom, and what is next; or that it had been. */
static void tell_answer(struct answering *a)
{
    const struct reply_entry *e = a->entry;
    bool neutral = a->safe.marked && a->safe.mark.mode == SAFE_NEUTRAL;
    const char *holds = what_holds_it(a), *to = shown_number(e->from, false);
    struct buf out = BUF_INIT(1u << 20);
    char when[HUMAN_BYTES], *shown;

    if (a->cli->json) {
        cli_json(json_pack("{s:s,s:s,s:o,s:b}", "id", e->id, "state",
                           a->again ? "answered-already" : "answered", "to", json_text(to),
                           "neutral", neutral));
        return;
    }
    shown = xasprintf("%s%s", a->campaign->signature, a->text);
    if (a->again)
        buf_printf(&out,
                   T("%s  nothing is sent: these very words went to %s already (%s, %s).\n"
                     "    To write once more, use other words.\n"),
                   e->id, to, human_time(when, usual_zone(a->cli), e->answered_ms, false),
                   e->answered_by);
    else
        buf_printf(&out, T("%s  is answered. To %s goes:\n"), e->id, to);
    if (!a->again && neutral)
        buf_printf(&out, "    %s\n",
                   T("a neutral text in its place: she is marked as safe \"neutral\""));
    else if (!a->again)
        table_wrap(&out, shown, (a->cli->width > 0 ? a->cli->width : 80) - 4, "    ");
    if (!a->again && holds != NULL)
        buf_printf(&out, "%s\n", holds);
    if (e->open)
        buf_printf(&out, T("When it is dealt with: outreach replies close %s\n"), e->id);
    cli_print(&out);
    buf_free(&out);
    free(shown);
}

/* A cry for help wants a voice: a text may be read by whom she fears. 0, or the exit code of one
 * who did not say yes. */
static int confirm_alarm(struct cli *cli, const struct reply_entry *e, bool yes)
{
    struct error err;

    if (strcmp(e->kind, "alarm") != 0)
        return 0;
    if (!cli->json &&
        numbers_shown(cli,
                      &(struct numbers_shown){
                          .command = "replies answer", .campaign = e->campaign, .count = 1},
                      &err) != 0)
        return cli_error(cli, EX_UNAVAILABLE, &err);
    if (!cli->json)
        prose_tell(T("%s is a cry for help. A person should call her: %s. A message can be read by "
                     "whoever is beside her, and may come too late.\n"),
                   e->id, e->from);
    if (yes)
        return 0;
    if (!cli->terminal || !isatty(STDIN_FILENO) || cli->json)
        return cli_fail(cli, EX_USAGE,
                        T("%s: there is nobody to ask whether to answer a cry for help by a text: "
                          "say -y"),
                        e->id);
    if (cli_confirm(cli, T("Send her this text all the same?")))
        return 0;
    fputs(T("outreach: nothing was sent\n"), stderr);
    return EX_TEMPFAIL;
}

static int answer(struct cli *cli, const struct replies_options *o, char **operands, int count)
{
    struct answering a = {.cli = cli, .text = operands[2]};
    struct reply_book book;
    const char *id;
    struct error err;
    int rc = 0;

    (void)count;
    if (!find(cli, operands[1], &book, &rc)) {
        reply_book_free(&book);
        return rc;
    }
    a.entry = book.entries;
    id = o->campaign != NULL ? o->campaign : book.entries->campaign;
    if (id[0] == '\0')
        rc = cli_fail(cli, EX_USAGE,
                      T("the reply belongs to no campaign: say through which one it is answered, "
                        "--campaign ID"));
    if (rc == 0)
        rc = may_answer(cli, book.entries);
    if (rc == 0)
        a.campaign = read_campaign(cli, id, &rc);
    if (rc == 0 && check_text(a.campaign, a.text, &err) != 0)
        rc = cli_error(cli, EX_DATAERR, &err);
    if (rc == 0)
        rc = confirm_alarm(cli, book.entries, o->yes);
    if (rc == 0)
        rc = send_answer(&a);
    if (rc == 0 && !a.again && note_answered(cli, book.entries, &err) != 0)
        rc = cli_error(cli, EX_UNAVAILABLE, &err);
    if (rc == 0)
        tell_answer(&a);
    campaign_free(a.campaign);
    reply_book_free(&book);
    return rc;
}

/* ----------------------------------------------------------------------------- verbs */

static const struct {
    const char *name;
    int least, most;
    int (*run)(struct cli *cli, const struct replies_options *o, char **operands, int count);
    const char *few, *many; /* what is wrong with fewer operands, or more */
} verbs[] = {
    {"assign", 3, 3, assign,
     N_("replies assign: which, and to whom? outreach replies assign ID WHO"),
     N_("replies assign: one reply to one person: outreach replies assign ID WHO")},
    {"answer", 3, 3, answer,
     N_("replies answer: which, and what is the answer? outreach replies answer ID \"TEXT\""),
     N_("replies answer: put the answer in quotes: outreach replies answer ID \"TEXT\"")},
    {"close", 2, 1000, close_replies,
     N_("replies close: which? outreach replies close ID (outreach replies lists them)"),
     N_("replies close: at most 1000 at once")},
};

static int replies(struct cli *cli, const void *arg, char **operands, int count)
{
    struct replies_options o = *(const struct replies_options *)arg;
    int rc;

    for (size_t i = 0; i < sizeof verbs / sizeof *verbs && count > 0; i++) {
        if (strcmp(operands[0], verbs[i].name) != 0)
            continue;
        if (count < verbs[i].least || count > verbs[i].most)
            return cli_fail(cli, EX_USAGE, "%s",
                            words_of(count < verbs[i].least ? verbs[i].few : verbs[i].many));
        rc = cli_connect(cli);
        return rc != 0 ? rc : verbs[i].run(cli, &o, operands, count);
    }
    if (count == 1 && o.campaign == NULL)
        o.campaign = operands[0];
    else if (count > 0)
        return cli_no_verb(cli, &cmd_replies, operands[0]);
    if ((o.sums || o.registered) && o.campaign == NULL)
        return cli_fail(cli, EX_USAGE,
                        T("of which campaign? outreach replies CAMPAIGN --sums (or --registered)"));
    rc = cli_connect(cli);
    if (rc != 0)
        return rc;
    return o.sums         ? sums(cli, o.campaign)
           : o.registered ? registered(cli, &o, o.campaign)
                          : list(cli, &o);
}

const struct subcommand cmd_replies = {
    .name = "replies",
    .operands = "[CAMPAIGN | assign ID WHO | answer ID TEXT | close ID...]",
    .summary = N_("what residents wrote back: read, assign, answer, close"),
    .more =
        N_("Shows what waits for a person: questions, and cries for help, which no machine\n"
           "answers. An ID may also be the number of somebody from whom one reply waits.\n"
           "answer sends one notice under the campaign's signature, at any hour; to\n"
           "somebody who has refused only where she has asked since. A cry for help is for a\n"
           "person to call: answer asks before it sends a text. All is audited. What is closed\n"
           "is forgotten after replies.keep (180 days)."),
    .least = 0,
    .most = -1,
    .options = replies_options,
    .options_bytes = sizeof(struct replies_options),
    .run = replies,
};
