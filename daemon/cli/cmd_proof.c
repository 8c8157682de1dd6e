/*
 * outreach proof - one page about one person and one campaign, for a complaint or the regulator
 *
 * What is known comes from the list, the ledger, the delivery log and the replies; what is not
 * is said to be not known.
 */
#include "address.h"
#include "builtin.h"
#include "campaign.h"
#include "clock.h"
#include "code_words.h"
#include "consent.h"
#include "discreet.h"
#include "gateway_names.h"
#include "human.h"
#include "kept_back.h"
#include "keys.h"
#include "log.h"
#include "log_entry.h"
#include "mem.h"
#include "numbers_shown.h"
#include "safe_marks.h"
#include "subcommands.h"
#include "table.h"
#include "tail.h"
#include "template.h"
#include "tree.h"
#include "walk.h"
#include "zone.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_COLUMNS 80
#define TEXT_BYTES 8192
#define LOG_LINES 50
#define ENTRIES 1000 /* of a stream at once */
#define PLACES 16    /* in the list, of one number */

struct proof_options {
    bool as_is;
};

static const struct option_row proof_options[] = {
    {"as-is", 0, OPTION_FLAG, OPTION_AT(struct proof_options, as_is), NULL,
     .help = N_("the address is not a telephone number: take it as it is written")},
    {0},
};

struct proof {
    struct cli *cli;
    struct picture *picture;
    struct campaign *campaign;
    const struct reminder_status *reminder; /* at hand */
    char address[ADDRESS_BYTES];
    struct gateway_names gateways;
    struct code_words *codes;
    struct buf out;
    json_t *notices, *refusals, *consents;
    json_t *changes;      /* entries of the audit that are about the campaign */
    int64_t rows_queued;  /* as its entry there says; -1: there is none */
    int64_t hers[PLACES]; /* her numbers in the list */
    size_t hers_count, found;
    bool log_read; /* there is a delivery log, and we may read it */
};

static void heading(struct proof *p, const char *words)
{
    buf_printf(&p->out, "\n%s\n", words);
}

/* "    what   the rest, which goes on below itself" */
static void line(struct proof *p, const char *what, const char *rest)
{
    struct buf lines = BUF_INIT(1u << 16);
    static const char indent[] = "                ";

    buf_puts(&p->out, "  ");
    table_fit(&p->out, what, sizeof indent - 4, TABLE_LEFT);
    buf_putc(&p->out, ' ');
    table_wrap(&lines, rest, PAGE_COLUMNS - sizeof indent, indent);
    buf_puts(&p->out,
             lines.length > sizeof indent - 1 ? buf_string(&lines) + sizeof indent - 1 : "\n");
    buf_free(&lines);
}

static void time_line(struct proof *p, const char *what, int64_t ms)
{
    char when[HUMAN_BYTES];

    if (ms > 0)
        line(p, what, human_time(when, p->picture->zone, ms, true));
}

/* ------------------------------------------------------------------------- its text */

static enum signature_mode signature_of(const struct cli *cli, const char *gateway, bool *known)
{
    static const struct {
        const char *name;
        enum signature_mode mode;
    } modes[] = {{"prefix", SIGNATURE_PREFIX},
                 {"suffix", SIGNATURE_SUFFIX},
                 {"gateway", SIGNATURE_GATEWAY},
                 {"none", SIGNATURE_NONE}};
    const struct tree *list = cli->settings->gateways;

    *known = false;
    for (const struct tree *g = list != NULL ? list->first : NULL; g != NULL; g = g->next) {
        if (strcmp(tree_string(g, "name", ""), gateway) != 0)
            continue;
        *known = true;
        for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
            if (strcmp(tree_string(g, "signature", ""), modes[i].name) == 0)
                return modes[i].mode;
        return strcmp(tree_string(g, "channel", ""), "sms") == 0 ? SIGNATURE_PREFIX
                                                                 : SIGNATURE_NONE;
    }
    return SIGNATURE_PREFIX;
}

/* A document that an amendment has kept. NULL: it is not there any more. */
static struct campaign *document_kept(struct proof *p, unsigned version, struct error *err)
{
    struct command c = COMMAND_INIT;
    struct tree *tree = NULL;
    redisReply *reply;

    command_start(&c, "HGET");
    key_versions(&c, p->picture->status->id);
    command_add_int(&c, version);
    if (db_ask(p->cli->db, &c, &reply, err) == 0) {
        if (reply->type == REDIS_REPLY_STRING)
            tree = tree_parse_json(reply->str, reply->len, NULL, err);
        freeReplyObject(reply);
    }
    command_free(&c);
    return tree != NULL ? campaign_create(tree, &p->cli->settings->defaults, NULL, 0, err) : NULL;
}

/* The document that was sent by: the campaign's own, or an older one. */
static struct campaign *document_of(struct proof *p, unsigned version, struct error *err)
{
    return version == 0 || version == p->reminder->version ? walk_campaign(p->cli, p->picture, err)
                                                           : document_kept(p, version, err);
}

/* A built-in reminder is a campaign of its own. */
static struct campaign *speaker_of(struct proof *p, unsigned version, struct error *err)
{
    struct campaign *c = document_of(p, version, err), *whole = c;

    if (c == NULL || !builtin_is(p->reminder->name))
        return c;
    c = builtin_campaign(whole, p->reminder->name, &p->cli->settings->defaults, err);
    campaign_free(whole);
    return c;
}

/* What the phone has shown, made once more of what it was made of. Returns its length, or -1. */
static int text_of(struct proof *p, const struct record *r, const char *row, size_t n, bool neutral,
                   char *out, bool *signature_known)
{
    struct template_value values[CAMPAIGN_MAX_COLUMNS], language = {"", 0};
    struct error err;
    struct campaign *c = speaker_of(p, r->version, &err);
    int reminder = c != NULL ? campaign_find_reminder(c, p->reminder->name) : -1, length = -1;
    enum signature_mode mode =
        signature_of(p->cli, gateway_names_of(&p->gateways, r->gateway), signature_known);
    const struct campaign_text *text;
    const char *empty;

    if (reminder >= 0 && r->step < c->channel_count && campaign_row_split(c, row, n, values) == 0) {
        if (c->column_language >= 0)
            language = values[c->column_language];
        text = campaign_text(c, (size_t)reminder, c->channels[r->step], language.text,
                             language.length);
        length = neutral
                     ? campaign_compose_neutral(c, c->channels[r->step],
                                                campaign_text_language(text), mode, out, TEXT_BYTES)
                     : campaign_compose(c, text, values, mode, out, TEXT_BYTES, &empty);
    }
    campaign_free(c);
    return length;
}

/* --------------------------------------------------------------------------- the log */

struct log_reading {
    struct log_filter filter;
    struct proof *proof;
    json_t *lines;
    bool intended, neutral;          /* there is a line of an intent; what the last one says */
    int64_t accepted_ms, receipt_ms; /* of the last such line; 0: there is none */
};

static bool log_wants(void *arg, const char *line, size_t n)
{
    return log_filter_wants(&((struct log_reading *)arg)->filter, line, n);
}

static const char *member(const json_t *object, const char *name)
{
    const char *s = json_string_value(json_object_get(object, name));

    return s != NULL ? s : "";
}

/* The ledger keeps no time of a receipt: it stands in the log alone. */
static void note_line(struct log_reading *l, const json_t *entry)
{
    const char *event = member(entry, "event");
    int64_t ms = 0;

    clock_parse(member(entry, "t"), &ms);
    if (strcmp(event, "intent") == 0) {
        l->intended = true;
        l->neutral = strcmp(member(entry, "reason"), "neutral") == 0;
        l->accepted_ms = l->receipt_ms = 0; /* another attempt begins */
    } else if (strcmp(event, "accepted") == 0) {
        l->accepted_ms = ms;
    } else if (strcmp(event, "delivered") == 0 || strcmp(event, "undelivered") == 0) {
        l->receipt_ms = ms;
    }
}

static void read_log(struct log_reading *l, const char *path)
{
    struct tail *t = tail_open(path, false, NULL);
    const char *text;
    size_t n;

    if (t == NULL)
        return;
    l->proof->log_read = true;
    if (tail_back(t, LOG_LINES, log_wants, l) > 0)
        while (tail_next(t, &text, &n) == 1) {
            json_t *entry = log_wants(l, text, n) ? json_loadb(text, n, 0, NULL) : NULL;

            if (entry == NULL)
                continue;
            note_line(l, entry);
            json_array_append_new(l->lines, entry);
        }
    tail_close(t);
}

static void write_log(struct proof *p, const json_t *lines)
{
    for (size_t i = 0; i < json_array_size(lines); i++) {
        const json_t *entry = json_array_get(lines, i);
        struct buf words = BUF_INIT(1u << 16);
        const char *code = member(entry, "code"), *meaning;
        char when[HUMAN_BYTES];
        int64_t ms;

        if (clock_parse(member(entry, "t"), &ms) == 0)
            buf_printf(&words, "%s  ", human_time(when, p->picture->zone, ms, true));
        buf_puts(&words, words_state(member(entry, "event")));
        if (member(entry, "gateway")[0] != '\0')
            buf_printf(&words, T(", gateway %s"), member(entry, "gateway"));
        if (member(entry, "id")[0] != '\0')
            buf_printf(&words, T(", message id %s"), member(entry, "id"));
        if (code[0] != '\0')
            buf_printf(&words, " [%s]", code);
        meaning =
            code[0] != '\0' ? code_words_find(p->codes, member(entry, "gateway"), code) : NULL;
        if (meaning == NULL)
            meaning = words_reason(member(entry, "reason"));
        if (meaning[0] != '\0')
            buf_printf(&words, T(": %s"), meaning);
        line(p, i == 0 ? T("log") : "", buf_string(&words));
        buf_free(&words);
    }
}

/* ------------------------------------------------------------------------ one notice */

/* What the last receipt means, in plain words. */
static const char *receipt_words(const struct record *r)
{
    switch (r->state) {
    case NOTICE_DELIVERED:
        return T("a receipt says that it arrived at the phone");
    case NOTICE_UNDELIVERED:
        return T("a receipt says that it did not arrive");
    case NOTICE_ACCEPTED:
        return r->ids > 0 ? T("none yet: the operator took it, and has not said what became of it")
                          : T("none: this gateway sends none; the operator took it");
    case NOTICE_UNCERTAIN:
        return T("none: whether it left is not known");
    default:
        return T("none: it was not sent, or not taken");
    }
}

/* When the operator took it. The ledger says so only of what has no receipt yet. */
static int64_t accepted_ms(const struct walk_notice *w, const struct log_reading *log)
{
    if (log->accepted_ms != 0)
        return log->accepted_ms;
    return w->record.state == NOTICE_ACCEPTED && w->record.settled_s != 0
               ? w->submitted_ms + (int64_t)w->record.settled_s * 1000
               : 0;
}

static void write_times(struct proof *p, const struct walk_notice *w, const struct log_reading *log,
                        json_t *one)
{
    enum notice_state state = w->record.state;
    bool receipt = state == NOTICE_DELIVERED || state == NOTICE_UNDELIVERED;
    bool taken = receipt || state == NOTICE_ACCEPTED;
    int64_t accepted = accepted_ms(w, log);
    struct buf words = BUF_INIT(1024);
    char when[HUMAN_BYTES];

    json_object_set_new(one, "accepted_ms", json_integer(accepted));
    json_object_set_new(one, "receipt_ms", json_integer(receipt ? log->receipt_ms : 0));
    time_line(p, T("submitted"), w->submitted_ms);
    if (taken && accepted != 0)
        time_line(p, T("taken"), accepted);
    else if (taken)
        line(p, T("taken"), T("by the operator; when is not known without the delivery log"));
    else
        time_line(p, TC("proof", "settled"), w->settled_ms);
    buf_puts(&words, receipt_words(&w->record));
    if (receipt && log->receipt_ms != 0)
        buf_printf(&words, T("; it came %s"),
                   human_time(when, p->picture->zone, log->receipt_ms, true));
    else if (receipt)
        buf_puts(&words, T("; when it came is not known without the delivery log"));
    line(p, T("receipt"), buf_string(&words));
    buf_free(&words);
}

static redisReply *read_row(struct proof *p, int64_t n, struct error *err)
{
    struct command c = COMMAND_INIT;
    redisReply *rows = NULL;

    command_start(&c, "XRANGE");
    key_rows(&c, p->picture->status->id, p->reminder->name);
    command_add_format(&c, "%" PRId64 "-0", n);
    command_add_format(&c, "%" PRId64 "-0", n);
    db_ask(p->cli->db, &c, &rows, err);
    command_free(&c);
    return rows;
}

static void write_text(struct proof *p, const struct walk_notice *w, const struct log_reading *log,
                       json_t *one, redisReply *rows)
{
    const redisReply *row = db_field(db_at(db_at(rows, 0), 1), "r");
    char text[TEXT_BYTES + 1];
    bool known = false;
    int length =
        row == NULL ? -1 : text_of(p, &w->record, row->str, row->len, log->neutral, text, &known);

    json_object_set_new(one, "version", json_integer(w->record.version));
    json_object_set_new(one, "neutral", json_boolean(log->neutral));
    json_object_set_new(one, "signature_known", json_boolean(known));
    if (length < 0) {
        json_object_set_new(one, "text", json_null());
        line(p, T("text as sent"),
             T("not known: her row, or this version of the campaign, is not kept"));
        return;
    }
    text[length] = '\0';
    json_object_set_new(one, "text", json_text(text));
    line(p, T("text as sent"), text);
    if (!known)
        line(p, "",
             T("(the gateway is not configured any more: that the signature stands in front "
               "is taken for granted)"));
    if (log->neutral)
        line(p, "", T("(a neutral text: she is a protected resident)"));
    else if (!log->intended)
        line(p, "", T("(whether a neutral text went in its place is not known without its log)"));
}

/* What was planned; of what a reminder of our own says, why it was written. */
static void write_plan(struct proof *p, const struct walk_notice *w)
{
    if (strcmp(p->reminder->name, BUILTIN_CORRECTIONS) == 0)
        line(p, T("due"), T("at once: the event had changed, and she was told before it did"));
    else if (strcmp(p->reminder->name, BUILTIN_ANSWERS) == 0)
        line(p, T("due"), T("at once: an answer to what she wrote, or a confirmation of it"));
    else if (w->submitted_ms != 0 && w->submitted_ms < p->reminder->due_ms - 1000)
        line(p, T("due"), T("not known: it was planned for another time after this one had left"));
    else
        time_line(p, T("due"), p->reminder->due_ms);
}

static void write_heading(struct proof *p, int64_t number)
{
    char count[HUMAN_BYTES];

    if (number > 0)
        buf_printf(&p->out, T("\nNOTICE  %s, recipient %s of the list\n"),
                   words_reminder(p->reminder->name), human_count(count, number));
    else
        buf_printf(&p->out, T("\nNOTICE  %s, to this number; whose in the list is not known\n"),
                   words_reminder(p->reminder->name));
}

/* Her number in the campaign's list; 0: it is not known. */
static int64_t her_number(const struct proof *p, const struct walk_notice *w,
                          const redisReply *rows)
{
    const redisReply *row = db_field(db_at(db_at(rows, 0), 1), "r");

    if (!builtin_is(p->reminder->name))
        return w->n;
    return row == NULL ? 0 : builtin_row_of(p->campaign, row->str, row->len);
}

static int tell_notice(struct proof *p, const struct walk_notice *w, struct error *err)
{
    const struct record *r = &w->record;
    enum notice_state state = r->state == NOTICE_PARKED ? NOTICE_UNTOUCHED : r->state;
    bool left = record_was_submitted(r);
    const char *gateway = left ? gateway_names_of(&p->gateways, r->gateway) : "";
    const char *path = p->cli->settings->log.delivery;
    char *rotated = xasprintf("%s.1", path);
    struct log_reading log = {
        .filter = {.campaign = p->picture->status->id, .reminder = p->reminder->name, .n = w->n},
        .proof = p,
        .lines = json_array()};
    redisReply *rows = read_row(p, w->n, err);
    bool builtin = builtin_is(p->reminder->name);
    char text[160], *refused = NULL;
    enum kept_back kept = KEPT_BACK_NOT;
    json_t *one;

    if (rows == NULL ||
        (kept_back_waits(p->reminder, r) &&
         kept_back_ask(p->cli, p->campaign, p->reminder->name, w->n, r, &kept, err) != 0) ||
        (kept != KEPT_BACK_NOT &&
         (refused = kept_back_words(p->cli, kept, p->address, p->picture->zone, err)) == NULL)) {
        free(rotated);
        freeReplyObject(rows);
        json_decref(log.lines);
        return -1;
    }
    read_log(&log, rotated);
    read_log(&log, path);
    free(rotated);
    one = json_pack("{s:s,s:I,s:s,s:b,s:s,s:s,s:i,s:i,s:I,s:I,s:s,s:O}", "reminder",
                    p->reminder->name, "n", (json_int_t)her_number(p, w, rows), "state",
                    notice_state_name(state), "kept_back", kept != KEPT_BACK_NOT, "reason",
                    notice_reason_name(r->reason), "gateway", gateway, "attempts", (int)r->attempts,
                    "segments", (int)r->segments, "due_ms",
                    (json_int_t)(builtin ? 0 : p->reminder->due_ms), "submitted_ms",
                    (json_int_t)w->submitted_ms, "receipt", receipt_words(r), "log", log.lines);
    write_heading(p, her_number(p, w, rows));
    line(p, T("outcome"),
         refused != NULL ? T("will not be sent") : words_state(notice_state_name(state)));
    if (refused != NULL)
        line(p, T("because"), refused);
    if (words_reason(notice_reason_name(r->reason))[0] != '\0')
        line(p, T("because"), words_reason(notice_reason_name(r->reason)));
    write_plan(p, w);
    if (left) {
        line(p, T("gateway"), gateway);
        write_times(p, w, &log, one);
        snprintf(text, sizeof text, T("%u; segments: %u, attempt %u"), r->version, r->segments,
                 r->attempts);
        line(p, T("text version"), text);
        write_text(p, w, &log, one, rows);
    }
    write_log(p, log.lines);
    if (!p->log_read)
        line(p, T("log"), T("cannot be read here: message ids and receipts' codes are not known"));
    json_array_append_new(p->notices, one);
    json_decref(log.lines);
    freeReplyObject(rows);
    free(refused);
    p->found++;
    return 0;
}

static void note_place(struct proof *p, int64_t n)
{
    for (size_t i = 0; i < p->hers_count; i++)
        if (p->hers[i] == n)
            return;
    if (p->hers_count < PLACES)
        p->hers[p->hers_count++] = n;
}

static int on_notice(void *arg, const struct walk_notice *w, struct error *err)
{
    struct proof *p = arg;
    size_t length = strlen(p->address);

    for (size_t k = 0; w->row != NULL && k < p->campaign->channel_count; k++)
        if (w->row[k].length == length && memcmp(w->row[k].text, p->address, length) == 0) {
            if (!builtin_is(p->reminder->name))
                note_place(p, w->n);
            return tell_notice(p, w, err);
        }
    return 0;
}

/* ------------------------------------------------------------------ what is around it */

static void on_consent(void *arg, const char *name, size_t name_length, const char *words, size_t n)
{
    struct proof *p = arg;
    struct buf text = BUF_INIT(4096);

    buf_printf(&text, T("%.*s (%.*s, by the register)"), (int)n, words, (int)name_length, name);
    line(p, T("consent"), buf_string(&text));
    buf_free(&text);
    json_array_append_new(p->consents,
                          json_pack("{s:s%,s:s%}", "name", name, name_length, "consent", words, n));
}

static int each_entry(struct proof *p, const char *key,
                      void (*fn)(struct proof *p, int64_t ms, const redisReply *fields),
                      struct error *err)
{
    struct command c = COMMAND_INIT;
    char from[48] = "-";
    size_t count;

    do {
        redisReply *reply;

        command_start(&c, "XRANGE");
        command_add_string(&c, key);
        command_add_string(&c, from);
        command_add_string(&c, "+");
        command_add_string(&c, "COUNT");
        command_add_int(&c, ENTRIES);
        if (db_ask(p->cli->db, &c, &reply, err) != 0) {
            command_free(&c);
            return -1;
        }
        count = reply->elements;
        for (size_t i = 0; i < count; i++) {
            const redisReply *id = db_at(reply->element[i], 0);

            fn(p, strtoll(id->str, NULL, 10), db_at(reply->element[i], 1));
            snprintf(from, sizeof from, "(%.40s", id->str);
        }
        freeReplyObject(reply);
    } while (count == ENTRIES);
    command_free(&c);
    return 0;
}

static const char *field(const redisReply *fields, const char *name)
{
    const redisReply *value = db_field(fields, name);

    return value != NULL && value->str != NULL ? value->str : "";
}

/* ------------------------------------------------------- who changed what, and the list */

static const struct {
    const char *op, *words;
} change_words[] = {
    {"queue", N_("queued")},     {"approve", N_("approved")}, {"amend", N_("amended")},
    {"cancel", N_("cancelled")}, {"pause", N_("paused")},     {"resume", N_("resumed")},
    {"add", N_("people added")}, {"retry", N_("sent again")}, {"repair", N_("counters repaired")},
};

static const char *words_of_change(const char *op)
{
    for (size_t i = 0; i < sizeof change_words / sizeof *change_words; i++)
        if (strcmp(change_words[i].op, op) == 0)
            return words_of(change_words[i].words);
    return NULL;
}

static void on_change(struct proof *p, int64_t ms, const redisReply *fields)
{
    static const char *const kept[] = {"op", "by", "version", "reminder", "rows", "file", "awaits"};
    json_t *one;

    if (strcmp(field(fields, "campaign"), p->picture->status->id) != 0 ||
        words_of_change(field(fields, "op")) == NULL)
        return;
    one = json_pack("{s:I}", "at_ms", (json_int_t)ms);
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        if (field(fields, kept[i])[0] != '\0')
            json_object_set_new(one, kept[i], json_text(field(fields, kept[i])));
    json_array_append_new(p->changes, one);
    if (strcmp(field(fields, "op"), "queue") == 0)
        p->rows_queued = strtoll(field(fields, "rows"), NULL, 10);
}

static void write_change(struct proof *p, const char *what, const json_t *one)
{
    struct buf words = BUF_INIT(4096);
    char when[HUMAN_BYTES];

    buf_printf(
        &words, T("%s by %s"),
        human_time(when, p->picture->zone, json_integer_value(json_object_get(one, "at_ms")), true),
        member(one, "by"));
    if (member(one, "version")[0] != '\0')
        buf_printf(&words, T(", version %s"), member(one, "version"));
    if (member(one, "reminder")[0] != '\0')
        buf_printf(&words, T(", reminder %s"), words_reminder(member(one, "reminder")));
    if (member(one, "rows")[0] != '\0')
        buf_printf(&words, T(", recipients %s"), member(one, "rows"));
    if (member(one, "file")[0] != '\0')
        buf_printf(&words, T(", out of %s"), member(one, "file"));
    line(p, what, buf_string(&words));
    buf_free(&words);
}

/* All that was done to the campaign, as the audit has it. */
static void write_changes(struct proof *p)
{
    for (size_t i = 0; i < json_array_size(p->changes); i++) {
        const json_t *one = json_array_get(p->changes, i);

        if (strcmp(member(one, "op"), "queue") != 0)
            write_change(p, words_of_change(member(one, "op")), one);
    }
    if (p->rows_queued < 0)
        line(p, T("changes"),
             T("the audit does not go back to when it was queued: what was changed before its "
               "first entry, and by whom, is not known"));
    else if (json_array_size(p->changes) == 1)
        line(p, T("changes"), T("none since it was queued"));
}

/* The entry of the audit with which number n came later; NULL: with the campaign, or not known. */
static const json_t *added_with(const struct proof *p, int64_t n)
{
    for (size_t i = 0; i < json_array_size(p->changes); i++) {
        const json_t *one = json_array_get(p->changes, i);
        long long first, last;

        if (strcmp(member(one, "op"), "add") == 0 &&
            sscanf(member(one, "rows"), "%lld-%lld", &first, &last) == 2 && n >= first && n <= last)
            return one;
    }
    return NULL;
}

/* As the campaign was queued, whatever an amendment says of a list. */
static void write_queued_list(struct proof *p)
{
    struct error err;
    struct campaign *first = p->picture->status->version > 1 ? document_kept(p, 1, &err) : NULL;
    const struct campaign *c = first != NULL ? first : p->campaign;
    const struct tree *digest = tree_get(c->document, "audience.digest");
    struct buf words = BUF_INIT(1u << 16);
    char rows[HUMAN_BYTES];

    buf_puts(&words,
             c->audience_file != NULL ? c->audience_file : T("given with the campaign itself"));
    if (p->rows_queued >= 0)
        buf_printf(&words, T(", as it was queued: %s people could be told"),
                   human_count(rows, p->rows_queued));
    if (digest != NULL && digest->kind == TREE_STRING)
        buf_printf(&words, T("; SHA-256 of its rows %s"), digest->string);
    line(p, T("list"), buf_string(&words));
    buf_free(&words);
    campaign_free(first);
}

/* From which list she came: the queued one, or one of later. */
static void write_list(struct proof *p)
{
    bool queued = p->hers_count == 0;

    for (size_t i = 0; i < p->hers_count; i++) {
        const json_t *added = added_with(p, p->hers[i]);

        if (added != NULL)
            write_change(p, T("added later"), added);
        else if (p->rows_queued >= 0 && p->hers[i] > p->rows_queued)
            line(p, T("added later"), T("by whom, and out of which list, is not known"));
        else
            queued = true;
    }
    if (queued)
        write_queued_list(p);
}

static bool is_on_record(const struct proof *p, const char *op)
{
    for (size_t i = 0; i < json_array_size(p->changes); i++)
        if (strcmp(member(json_array_get(p->changes, i), "op"), op) == 0)
            return true;
    return false;
}

static int write_campaign(struct proof *p, struct error *err)
{
    const struct campaign_status *s = p->picture->status;
    struct buf words = BUF_INIT(1u << 16);
    char when[HUMAN_BYTES];

    if (each_entry(p, KEY_AUDIT, on_change, err) != 0) {
        buf_free(&words);
        return -1;
    }
    heading(p, T("CONSENT AND ITS SOURCE"));
    if (consent_each(p->cli, p->address, on_consent, p, err) != 0) {
        buf_free(&words);
        return -1;
    }
    if (json_array_size(p->consents) == 0)
        line(p, T("consent"),
             T("not known here: no record of it is kept with a list. Show where the list's owner "
               "keeps it"));
    write_list(p);
    heading(p, T("CAMPAIGN"));
    line(p, s->id, p->picture->title);
    line(p, T("class"), words_class(p->campaign->class_name));
    buf_printf(&words, T("%s by %s"), human_time(when, p->picture->zone, s->queued_ms, true),
               s->by);
    line(p, T("queued"), buf_string(&words));
    if (s->approved_by[0] == '\0') {
        line(p, T("approved"), T("no second person is on record"));
    } else if (!is_on_record(p, "approve")) {
        buf_clear(&words);
        buf_printf(&words, T("%s by %s"), human_time(when, p->picture->zone, s->approved_ms, true),
                   s->approved_by);
        line(p, T("approved"), buf_string(&words));
    }
    write_changes(p);
    buf_free(&words);
    return 0;
}

/* ---------------------------------------------------------------------------- refusals */

static void tell_refusal(struct proof *p, int64_t ms, const char *kind, const char *words,
                         const char *detail)
{
    char when[HUMAN_BYTES];
    struct buf out = BUF_INIT(1u << 16);

    buf_printf(&out, "%s  %s%s%s", human_time(when, p->picture->zone, ms, true), words,
               detail[0] != '\0' ? T(": ") : "", detail);
    line(p, "", buf_string(&out));
    json_array_append_new(p->refusals, json_pack("{s:I,s:s,s:o}", "at_ms", (json_int_t)ms, "kind",
                                                 kind, "detail", json_text(detail)));
    buf_free(&out);
}

static void on_reply(struct proof *p, int64_t ms, const redisReply *fields)
{
    if (strcmp(field(fields, "from"), p->address) == 0 &&
        strcmp(field(fields, "kind"), "optout") == 0)
        tell_refusal(p, ms, "reply", T("she replied"), field(fields, "text"));
}

/* The audit has masked numbers: it may be another one that looks like hers. */
static void on_audit(struct proof *p, int64_t ms, const redisReply *fields)
{
    const char *op = field(fields, "op");

    if (strcmp(field(fields, "to"), log_mask(p->address, strlen(p->address))) != 0)
        return;
    if (strcmp(op, "optout-add") == 0)
        tell_refusal(p, ms, "audit-add",
                     T("a number that looks like this one when masked was opted out by"),
                     field(fields, "by"));
    if (strcmp(op, "optout-remove") == 0)
        tell_refusal(p, ms, "audit-remove",
                     T("a number that looks like this one when masked was taken off by"),
                     field(fields, "by"));
}

static int write_refusals(struct proof *p, bool *opted_out, struct error *err)
{
    struct command c = COMMAND_INIT;
    redisReply *reply;
    int rc;

    command_start(&c, "SISMEMBER");
    command_add_string(&c, KEY_OPTOUT);
    command_add_string(&c, p->address);
    rc = db_ask(p->cli->db, &c, &reply, err);
    command_free(&c);
    if (rc != 0)
        return -1;
    *opted_out = db_int(reply, 0) != 0;
    freeReplyObject(reply);
    heading(p, T("REFUSALS OF THIS NUMBER"));
    line(p, T("today"), *opted_out ? T("has opted out: nothing is sent") : T("has not opted out"));
    rc = each_entry(p, KEY_REPLIES, on_reply, err) | each_entry(p, KEY_AUDIT, on_audit, err);
    if (rc == 0 && json_array_size(p->refusals) == 0) {
        char words[200];

        snprintf(words, sizeof words,
                 T("no refusal is on record (replies by which people refuse are kept for %d days)"),
                 (int)(p->cli->settings->replies.keep_refusals_ms / 86400000));
        line(p, "", words);
    }
    return rc;
}

/* ---------------------------------------------------------------------------- running */

static int prove(struct proof *p, bool *opted_out, struct error *err)
{
    struct buf notices;
    char when[HUMAN_BYTES];
    int rc = 0;

    if (gateway_names_read(&p->gateways, p->cli, err) != 0)
        return -1;
    p->campaign = walk_campaign(p->cli, p->picture, err);
    if (p->campaign == NULL)
        return -1;
    if (p->campaign->sensitive && !discreet_may(p->cli))
        return discreet_refuse(p->cli, p->picture->status->id, err);
    if (numbers_shown(p->cli,
                      &(struct numbers_shown){.command = "proof",
                                              .campaign = p->picture->status->id,
                                              .to = log_mask(p->address, strlen(p->address)),
                                              .count = 1},
                      err) != 0)
        return -1;
    /* First: what stands above them depends on where she is in the list. */
    for (size_t i = 0; i < p->picture->status->reminder_count && rc == 0; i++) {
        p->reminder = &p->picture->status->reminders[i];
        if (strcmp(p->reminder->state, "skipped") != 0)
            rc = walk_reminder(p->cli, p->picture, p->reminder, p->campaign, on_notice, p, err);
    }
    notices = p->out;
    p->out = BUF_INIT(16u << 20);
    buf_printf(&p->out, T("PROOF  %s  %s\n"), p->address, p->picture->status->id);
    buf_printf(&p->out, T("made %s for %s, times in %s\n"),
               human_time(when, p->picture->zone, clock_wall_ms(), true), p->cli->by,
               zone_name(p->picture->zone));
    if (rc == 0)
        rc = write_campaign(p, err);
    buf_put(&p->out, notices.data, notices.length);
    buf_free(&notices);
    if (p->found == 0)
        buf_puts(&p->out, T("\nNOTICES\n  none: this number is not in the list\n"));
    return rc == 0 ? write_refusals(p, opted_out, err) : -1;
}

static int proof(struct cli *cli, const void *arg, char **operands, int count)
{
    const struct proof_options *options = arg;
    struct proof p = {.cli = cli, .out = BUF_INIT(16u << 20)};
    bool opted_out = false;
    struct error err;
    int rc = cli_settings(cli);

    (void)count;
    if (rc == 0 && address_read(cli, operands[0], options->as_is, p.address, &err) != 0)
        rc = address_read(cli, operands[1], false, p.address, &(struct error){0}) == 0
                 ? cli_fail(cli, EX_USAGE, T("the number comes first: outreach proof %s %s"),
                            operands[1], operands[0])
                 : cli_error(cli, EX_DATAERR, &err);
    if (rc == 0)
        rc = cli_connect(cli);
    if (rc == 0)
        p.picture = picture_ask_taken(cli, operands[1], &rc);
    if (rc != 0)
        return rc;
    p.notices = json_array();
    p.refusals = json_array();
    p.changes = json_array();
    p.rows_queued = -1;
    p.consents = json_array();
    p.codes = code_words_create(cli->settings);
    if (prove(&p, &opted_out, &err) != 0)
        rc = cli_error(cli, db_well(cli->db) ? EX_DATAERR : EX_UNAVAILABLE, &err);
    else if (cli->json)
        cli_json(json_pack(
            "{s:o,s:s,s:o,s:O,s:s?,s:s,s:I,s:b,s:O,s:O,s:O}", "address", json_text(p.address),
            "campaign", p.picture->status->id, "title", json_text(p.picture->title), "consent",
            json_array_size(p.consents) > 0 ? p.consents : json_null(), "list",
            p.campaign->audience_file, "queued_by", p.picture->status->by, "queued_ms",
            (json_int_t)p.picture->status->queued_ms, "opted_out", opted_out, "notices", p.notices,
            "refusals", p.refusals, "changes", p.changes));
    else
        cli_print(&p.out);
    gateway_names_free(&p.gateways);
    code_words_free(p.codes);
    json_decref(p.notices);
    json_decref(p.refusals);
    json_decref(p.changes);
    json_decref(p.consents);
    campaign_free(p.campaign);
    picture_free(p.picture);
    buf_free(&p.out);
    return rc;
}

const struct subcommand cmd_proof = {
    .name = "proof",
    .operands = "NUMBER CAMPAIGN",
    .summary = N_("one page for a complaint or the regulator: what was sent, and on whose word"),
    .more = N_("The list that she came with, who queued, approved, amended, cancelled; the exact\n"
               "text as it was sent, all times, gateway, message ids, the receipt in plain words,\n"
               "refusals of that number and when. What is not known is said to be not known.\n"
               "Keep the delivery log as long as complaints may come: message ids, and when a\n"
               "receipt came, stand there alone. That the page was made is on record."),
    .least = 2,
    .most = 2,
    .options = proof_options,
    .options_bytes = sizeof(struct proof_options),
    .run = proof,
};
