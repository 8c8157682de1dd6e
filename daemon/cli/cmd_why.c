/*
 * outreach why - did this person get it, and if not, why not
 *
 * There is no index from a number to its notices: that would be a second list of
 * people to keep. Every audience is read through instead, a page after the
 * other, some hundred thousand rows a second.
 */
#include "address.h"
#include "builtin.h"
#include "cli.h"
#include "clock.h"
#include "code_words.h"
#include "codes_seen.h"
#include "discreet.h"
#include "equation.h"
#include "gateway_names.h"
#include "human.h"
#include "kept_back.h"
#include "keys.h"
#include "log_entry.h"
#include "mem.h"
#include "picture.h"
#include "recycled.h"
#include "safe_marks.h"
#include "subcommands.h"
#include "table.h"
#include "tail.h"
#include "template.h"
#include "tree.h"
#include "waits.h"
#include "zone.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_ROWS 1000
#define PAGES_AHEAD 4
#define MOST_HITS 256 /* of one person, over all campaigns */
#define LOG_LINES 50
#define MOST_ENDS 1024

struct why_options {
    bool as_is, recycled;
    const char *campaign;
};

static const struct option_row why_options[] = {
    {"campaign", 0, OPTION_STRING, OPTION_AT(struct why_options, campaign), "ID",
     .help = N_("look in this campaign only")},
    {"recycled", 0, OPTION_FLAG, OPTION_AT(struct why_options, recycled), NULL,
     .help = N_("no NUMBER: list those that found nobody three times in a row")},
    {"as-is", 0, OPTION_FLAG, OPTION_AT(struct why_options, as_is), NULL,
     .help = N_("the address is not a telephone number: take it as it is written")},
    {0},
};

struct asking {
    struct cli *cli;
    char address[ADDRESS_BYTES], hash[ADDRESS_HASH_BYTES];
    bool hashed, opted_out;
    char *kept[KEPT_BACK_PROTECTED + 1]; /* in words; NULL until they are wanted */
    struct gateway_names gateways;
    struct codes_seen *codes;
    struct buf out;
    json_t *campaigns, *log;
    struct log_notice hits[MOST_HITS];
    size_t hit_count;
    struct end {
        int64_t submitted_ms;
        bool nobody; /* else it was delivered */
    } ends[MOST_ENDS];
    size_t end_count;
    int hidden; /* campaigns that are not for who asks */
    struct safe_note safe;
    int gone; /* how many of the last found nobody */
};

/* --------------------------------------------------------------- the audiences */
struct scan {
    const struct asking *asking;
    const struct campaign *campaign;
    const char *reminder; /* a built-in one, or "" */
    int64_t found[MOST_HITS];
    size_t count;
};

static bool is_of(const struct scan *s, const char *row, size_t n)
{
    const char *address = s->asking->address;
    struct template_value values[CAMPAIGN_MAX_COLUMNS];
    size_t length = strlen(address);

    if (memmem(row, n, address, length) == NULL) /* nearly all rows end here */
        return false;
    if (builtin_split(s->campaign, s->reminder, row, n, values) != 0)
        return false;
    for (size_t k = 0; k < s->campaign->channel_count; k++)
        if (values[k].length == length && memcmp(values[k].text, address, length) == 0)
            return true;
    return false;
}

static void on_page(void *arg, const redisReply *reply)
{
    struct scan *s = arg;

    for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i < reply->elements; i++) {
        const redisReply *id = db_at(reply->element[i], 0);
        const redisReply *row = db_field(db_at(reply->element[i], 1), "r");

        if (id == NULL || row == NULL || s->count == MOST_HITS || !is_of(s, row->str, row->len))
            continue;
        s->found[s->count++] = strtoll(id->str, NULL, 10);
    }
}

static int scan_audience(struct cli *cli, const char *id, int64_t rows, struct scan *s,
                         struct error *err)
{
    struct command c = COMMAND_INIT;
    int rc = 0;

    for (int64_t from = 1; from <= rows && rc == 0; from += PAGE_ROWS) {
        command_start(&c, "XRANGE");
        key_rows(&c, id, s->reminder);
        command_add_format(&c, "%" PRId64 "-0", from);
        command_add_format(&c, "%" PRId64 "-0", from + PAGE_ROWS - 1);
        command_add_string(&c, "COUNT");
        command_add_int(&c, PAGE_ROWS);
        db_send(cli->db, &c, on_page, s);
        rc = db_drain(cli->db, PAGES_AHEAD, err);
    }
    if (db_drain(cli->db, 0, err) != 0)
        rc = -1;
    command_free(&c);
    return rc;
}

/* ------------------------------------------------------------------ the ledgers */
struct found_record {
    bool there;         /* a ledger with a record of this number */
    const char *kept;   /* it waits, and will not be sent, in words; NULL: it will */
    struct waits waits; /* what holds all of its reminder */
    struct record record;
    int64_t base_ms;
};

static int read_record(struct cli *cli, const char *id, const char *reminder, int64_t n,
                       struct found_record *f, struct error *err)
{
    struct command c = COMMAND_INIT;
    redisReply *header = NULL, *record = NULL;
    struct ledger_header h;
    int rc;

    memset(f, 0, sizeof *f);
    command_start(&c, "GETRANGE");
    key_ledger(&c, id, reminder);
    command_add_int(&c, 0);
    command_add_int(&c, LEDGER_RECORD_BYTES - 1);
    rc = db_ask(cli->db, &c, &header, err);
    if (rc == 0) {
        command_start(&c, "GETRANGE");
        key_ledger(&c, id, reminder);
        command_add_int(&c, n * LEDGER_RECORD_BYTES);
        command_add_int(&c, n * LEDGER_RECORD_BYTES + LEDGER_RECORD_BYTES - 1);
        rc = db_ask(cli->db, &c, &record, err);
    }
    if (rc == 0 && header->len == LEDGER_RECORD_BYTES && record->len == LEDGER_RECORD_BYTES &&
        ledger_header_unpack((const unsigned char *)header->str, &h) == 0) {
        f->there = true;
        f->base_ms = h.base_s * 1000;
        record_unpack((const unsigned char *)record->str, &f->record);
    }
    if (header != NULL)
        freeReplyObject(header);
    if (record != NULL)
        freeReplyObject(record);
    command_free(&c);
    return rc;
}

static const char *gateway_name(const struct asking *a, unsigned number)
{
    return gateway_names_of(&a->gateways, number);
}

/* What is true of a notice whose reminder has no ledger yet. */
static enum notice_state state_before(const struct reminder_status *r)
{
    return r->cancelled ? NOTICE_CANCELLED : NOTICE_UNTOUCHED;
}

static bool was_submitted(const struct found_record *f)
{
    return f->there && record_was_submitted(&f->record);
}

static void write_times(struct asking *a, const struct picture *p, const struct reminder_status *r,
                        const struct found_record *f)
{
    const struct record *rec = &f->record;
    int64_t submitted = f->base_ms + (int64_t)rec->intended_s * 1000;
    char when[HUMAN_BYTES];

    if (f->there && rec->state == NOTICE_PARKED) {
        buf_printf(&a->out, T(", looked at again %s"),
                   human_time(when, p->zone, f->base_ms + (int64_t)rec->settled_s * 1000, true));
        return;
    }
    if (!was_submitted(f)) {
        if ((!f->there || rec->state == NOTICE_UNTOUCHED) && !r->cancelled)
            buf_printf(&a->out, T(", due %s"), human_time(when, p->zone, r->due_ms, false));
        return;
    }
    buf_printf(&a->out, T(", submitted %s"), human_time(when, p->zone, submitted, true));
    if (notice_is_terminal(rec->state) && rec->settled_s > 0)
        buf_printf(&a->out, T(", settled %s later"),
                   human_duration(when, (int64_t)rec->settled_s * 1000));
}

/* What comes next of one in doubt. */
static const char *doubt_words(const struct picture *p, const struct reminder_status *r)
{
    if (strcmp(r->state, "done") == 0 || r->cancelled)
        return T("nobody sends it again; a late receipt may still tell. Ask the resident");
    if (picture_holds_doubt(p, r))
        return T(
            "it is held for a person and not sent again (doubt = \"hold\"); a late receipt may "
            "still tell");
    return T("it is sent again when the doubt has lasted (dispatch.doubt_wait), unless a receipt "
             "comes first");
}

/* Until when a receipt of what was accepted finds it; 0: none is to come. */
static int64_t receipt_until_ms(const struct asking *a, const struct found_record *f)
{
    const struct record *rec = &f->record;

    if (!f->there || rec->state != NOTICE_ACCEPTED || rec->ids == 0)
        return 0;
    return record_final_ms(rec, f->base_ms,
                           gateway_receipt_wait_ms(a->cli, gateway_name(a, rec->gateway)));
}

static void write_receipt(struct asking *a, const struct picture *p, const struct found_record *f)
{
    int64_t until_ms = receipt_until_ms(a, f);
    char when[HUMAN_BYTES];

    if (until_ms == 0)
        return;
    human_time(when, p->zone, until_ms, false);
    buf_printf(&a->out,
               until_ms > clock_wall_ms()
                   ? T("                a receipt is waited for until %s\n")
                   : T("                no receipt came by %s: nothing more is expected\n"),
               when);
}

enum { HIT_INDENT = 16 };
static const char hit_indent[] = "                ";

/* What was written from that place on goes on below where the terminal ends. */
static void wrap_from(struct asking *a, size_t start)
{
    struct buf lines = BUF_INIT(1u << 16);

    if (a->cli->width <= 40)
        return;
    table_wrap(&lines, buf_string(&a->out) + start, a->cli->width - HIT_INDENT - 1, hit_indent);
    a->out.length = start;
    buf_puts(&a->out, buf_string(&lines) + HIT_INDENT);
    buf_free(&lines);
}

static void put_below(struct asking *a, const char *words)
{
    table_wrap(&a->out, words, a->cli->width > 40 ? a->cli->width - HIT_INDENT - 1 : 200,
               hit_indent);
}

static void write_waits(struct asking *a, const struct picture *p, const struct found_record *f)
{
    char *words = waits_words(p, &f->waits);

    if (words[0] != '\0')
        put_below(a, words);
    free(words);
}

static void write_hit(struct asking *a, const struct picture *p, const struct reminder_status *r,
                      int64_t n, const struct found_record *f)
{
    const struct record *rec = &f->record;
    enum notice_state state = f->there ? rec->state : state_before(r);
    const char *reason = f->there ? codes_seen_reason(a->codes, p->status->id, r->name, n,
                                                      (enum notice_reason)rec->reason)
                                  : "";
    bool left = was_submitted(f) || (f->there && rec->attempts > 0);
    const char *gateway = left ? gateway_name(a, rec->gateway) : "";
    size_t start;

    buf_puts(&a->out, "  ");
    table_fit(&a->out, words_reminder(r->name), 12, TABLE_LEFT);
    buf_puts(&a->out, "  ");
    if (strcmp(r->state, "skipped") == 0) {
        buf_printf(&a->out, "%s\n", T("skipped: it had been missed when the campaign was queued"));
        return;
    }
    start = a->out.length;
    buf_puts(&a->out,
             f->kept != NULL ? T("will not be sent") : words_state(notice_state_name(state)));
    if (gateway[0] != '\0')
        buf_printf(&a->out, T(", by %s"), gateway);
    if (left && rec->attempts > 0)
        buf_printf(&a->out, T(", attempt %u"), rec->attempts);
    if (left && rec->segments > 0)
        buf_printf(&a->out, T(", segments: %u"), rec->segments);
    write_times(a, p, r, f);
    buf_putc(&a->out, '\n');
    wrap_from(a, start);
    if (f->kept != NULL)
        put_below(a, f->kept);
    else
        write_waits(a, p, f);
    if (reason[0] != '\0')
        put_below(a, reason);
    if (state == NOTICE_UNCERTAIN)
        put_below(a, doubt_words(p, r));
    write_receipt(a, p, f);
    if (f->there && (rec->flags & FLAG_RESENT) != 0)
        buf_puts(&a->out,
                 T("                was sent again after a doubt: two copies are possible\n"));
    /* Of what is through, a flag that came later tells nothing. */
    if (((r->paused && f->waits.what != WAITS_FOR_APPROVAL) || r->cancelled) &&
        (state == NOTICE_UNTOUCHED || state == NOTICE_PARKED))
        buf_printf(&a->out, T("                the reminder is %s\n"),
                   words_state(picture_reminder_state(r)));
}

static json_t *hit_json(const struct asking *a, const struct reminder_status *r,
                        const struct found_record *f)
{
    const struct record *rec = &f->record;
    enum notice_state state = f->there ? rec->state : state_before(r);
    bool skipped = strcmp(r->state, "skipped") == 0;
    json_t *one = json_pack("{s:s,s:s,s:s,s:b,s:I}", "name", r->name, "reminder_state",
                            picture_reminder_state(r), "state",
                            skipped ? "skipped" : notice_state_name(state), "kept_back",
                            f->kept != NULL, "due_ms", (json_int_t)r->due_ms);

    json_object_set_new(one, "waits_for", json_string(waits_name(f->waits.what)));
    if (f->waits.what == WAITS_FOR_HOURS)
        json_object_set_new(one, "opens_ms", json_integer(f->waits.until_ms));
    if (!f->there)
        return one;
    json_object_set_new(one, "attempts", json_integer(rec->attempts));
    json_object_set_new(
        one, "gateway",
        json_text(was_submitted(f) || rec->attempts > 0 ? gateway_name(a, rec->gateway) : ""));
    json_object_set_new(one, "reason", json_string(notice_reason_name(rec->reason)));
    json_object_set_new(one, "segments", json_integer(rec->segments));
    json_object_set_new(one, "resent", json_boolean((rec->flags & FLAG_RESENT) != 0));
    if (was_submitted(f))
        json_object_set_new(one, "submitted_ms",
                            json_integer(f->base_ms + (int64_t)rec->intended_s * 1000));
    if (receipt_until_ms(a, f) != 0)
        json_object_set_new(one, "receipt_until_ms", json_integer(receipt_until_ms(a, f)));
    if (rec->state == NOTICE_PARKED)
        json_object_set_new(one, "next_ms",
                            json_integer(f->base_ms + (int64_t)rec->settled_s * 1000));
    else if (was_submitted(f) && notice_is_terminal(rec->state))
        json_object_set_new(
            one, "settled_ms",
            json_integer(f->base_ms + ((int64_t)rec->intended_s + rec->settled_s) * 1000));
    return one;
}

/* Whether somebody was there, when last asked: only what says it for sure. */
static void note_end(struct asking *a, const struct found_record *f)
{
    const struct record *r = &f->record;
    enum recycled_end end = f->there ? recycled_end(r) : RECYCLED_UNKNOWN;

    if (end != RECYCLED_UNKNOWN && a->end_count < MOST_ENDS)
        a->ends[a->end_count++] =
            (struct end){f->base_ms + (int64_t)r->intended_s * 1000, end == RECYCLED_NOBODY};
}

/* Ledgers know seconds: within one it is taken that she was reached last. */
static int by_time(const void *x, const void *y)
{
    const struct end *a = x, *b = y;

    if (a->submitted_ms != b->submitted_ms)
        return a->submitted_ms < b->submitted_ms ? -1 : 1;
    return (int)b->nobody - (int)a->nobody;
}

static void tell_gone(struct asking *a)
{
    qsort(a->ends, a->end_count, sizeof *a->ends, by_time);
    for (size_t i = a->end_count; i > 0 && a->ends[i - 1].nobody; i--)
        a->gone++;
    if (a->gone >= RECYCLED_LEAST)
        buf_printf(
            &a->out,
            T("\nthe last %d notices found nobody at this number: it was given up, and may be "
              "given to somebody else. Ask the resident, and correct the list\n"),
            a->gone);
}

/* Will what waits for her be kept back? *words: why, or NULL. */
static int ask_kept(struct asking *a, const struct campaign *c, const char *reminder, int64_t n,
                    const struct record *record, const char **words, struct error *err)
{
    const struct zone *zone = zone_find(a->cli->settings->defaults.timezone, NULL);
    enum kept_back kept;

    if (kept_back_ask(a->cli, c, reminder, n, record, &kept, err) != 0)
        return -1;
    if (kept != KEPT_BACK_NOT && a->kept[kept] == NULL)
        a->kept[kept] = kept_back_words(a->cli, kept, a->address, zone, err);
    *words = a->kept[kept];
    return kept != KEPT_BACK_NOT && *words == NULL ? -1 : 0;
}

/* When it would leave if nothing held its reminder; 0: at a time that hangs on her slot. */
static int64_t leaves_ms(const struct campaign *c, const struct reminder_status *r,
                         const struct found_record *f)
{
    int k = campaign_find_reminder(c, r->name);

    if (f->there && f->record.state == NOTICE_PARKED)
        return f->base_ms + (int64_t)f->record.settled_s * 1000;
    return k >= 0 && c->reminders[k].at.of_slot ? 0 : r->due_ms;
}

/* of: a built-in reminder, which has rows of its own, or "". */
static int tell_hit(struct asking *a, const struct picture *p, const struct campaign *c,
                    const char *of, int64_t n, struct error *err)
{
    json_t *reminders = json_array();
    int rc = 0;

    if (a->hit_count < MOST_HITS) {
        struct log_notice *hit = &a->hits[a->hit_count++];

        snprintf(hit->campaign, sizeof hit->campaign, "%s", p->status->id);
        snprintf(hit->reminder, sizeof hit->reminder, "%s", of);
        hit->n = n;
    }
    buf_printf(&a->out,
               of[0] != '\0' ? T("\n%s  %s  (notice %" PRId64 ")\n")
                             : T("\n%s  %s  (recipient %" PRId64 ")\n"),
               p->status->id, p->title, n);
    for (size_t i = 0; i < p->status->reminder_count && rc == 0; i++) {
        const struct reminder_status *r = &p->status->reminders[i];
        struct found_record f;

        if (strcmp(builtin_is(r->name) ? r->name : "", of) != 0)
            continue;
        rc = read_record(a->cli, p->status->id, r->name, n, &f, err);
        if (rc == 0 && kept_back_waits(r, f.there ? &f.record : NULL)) {
            rc = ask_kept(a, c, r->name, n, f.there ? &f.record : NULL, &f.kept, err);
            f.waits = waits_for(p, c, r, leaves_ms(c, r, &f), clock_wall_ms());
        }
        if (rc != 0)
            break;
        note_end(a, &f);
        write_hit(a, p, r, n, &f);
        json_array_append_new(reminders, hit_json(a, r, &f));
    }
    json_array_append_new(a->campaigns, json_pack("{s:s,s:o,s:I,s:o}", "campaign", p->status->id,
                                                  "title", json_text(p->title), "n", (json_int_t)n,
                                                  "reminders", reminders));
    return rc;
}

static int ask_rows(struct asking *a, const struct picture *p, const struct campaign *c,
                    const char *of, int64_t rows, struct error *err)
{
    struct scan scan = {.asking = a, .campaign = c, .reminder = of};
    int rc = scan_audience(a->cli, p->status->id, rows, &scan, err);

    for (size_t i = 0; i < scan.count && rc == 0; i++)
        rc = tell_hit(a, p, c, of, scan.found[i], err);
    return rc;
}

static int ask_campaign(struct asking *a, const char *id, struct error *err)
{
    struct picture *p = picture_read(a->cli, id, err);
    struct campaign *c = NULL;
    struct tree *document;
    int rc = 0;

    if (p == NULL)
        return -1;
    document = p->document != NULL
                   ? tree_parse_json(p->status->document, strlen(p->status->document), NULL, err)
                   : NULL;
    if (document != NULL)
        c = campaign_create(document, &a->cli->settings->defaults, NULL, 0, err);
    if (p->document != NULL && c == NULL)
        rc = error_prefix(err, "%s", id);
    if (c != NULL && c->sensitive && !discreet_may(a->cli)) {
        a->hidden++; /* whether she is in it is not told either */
        campaign_free(c);
        c = NULL;
    }
    if (c != NULL)
        rc = ask_rows(a, p, c, "", p->status->rows, err);
    for (size_t i = 0; c != NULL && i < p->status->reminder_count && rc == 0; i++)
        if (builtin_is(p->status->reminders[i].name))
            rc = ask_rows(a, p, c, p->status->reminders[i].name, p->status->reminders[i].last, err);
    campaign_free(c);
    picture_free(p);
    return rc;
}

static int ask_campaigns(struct asking *a, const char *only, struct error *err)
{
    char **ids;
    int rc = 0;

    if (only != NULL)
        return ask_campaign(a, only, err);
    ids = campaign_ids(a->cli->db, err);
    if (ids == NULL)
        return -1;
    for (size_t i = 0; ids[i] != NULL; i++) {
        if (rc == 0)
            rc = ask_campaign(a, ids[i], err);
        free(ids[i]);
    }
    free(ids);
    return rc;
}

/* ----------------------------------------------------------------- what is around */
static int ask_optout(struct asking *a, struct error *err)
{
    struct command c = COMMAND_INIT;
    redisReply *reply;
    int rc;

    command_start(&c, "SISMEMBER");
    command_add_string(&c, KEY_OPTOUT);
    command_add_string(&c, a->address);
    rc = db_ask(a->cli->db, &c, &reply, err);
    command_free(&c);
    if (rc != 0)
        return -1;
    a->opted_out = db_int(reply, 0) != 0;
    freeReplyObject(reply);
    return 0;
}

struct log_search {
    struct asking *asking;
    struct log_filter filter;
};

static bool log_wants(void *arg, const char *line, size_t n)
{
    return log_filter_wants(&((struct log_search *)arg)->filter, line, n);
}

static void search_log_file(struct log_search *s, const char *path, const struct log_style *style)
{
    struct tail *t = tail_open(path, false, NULL);
    const char *line;
    size_t n;

    if (t == NULL)
        return;
    if (tail_back(t, LOG_LINES, log_wants, s) > 0) {
        while (tail_next(t, &line, &n) == 1) {
            if (!log_wants(s, line, n))
                continue;
            buf_puts(&s->asking->out, "  ");
            log_entry_write(line, n, style, &s->asking->out);
            json_array_append_new(s->asking->log, json_loadb(line, n, 0, NULL));
        }
    }
    tail_close(t);
}

static void search_log(struct asking *a, const struct why_options *options)
{
    const char *path = a->cli->settings->log.delivery;
    struct log_search s = {a,
                           {.hash = a->hashed ? a->hash : NULL,
                            .campaign = options->campaign,
                            .n = -1,
                            .notices = a->hits,
                            .notice_count = a->hit_count}};
    struct log_style style = {.zone = zone_find(a->cli->settings->defaults.timezone, NULL),
                              .colours = a->cli->colours,
                              .codes = code_words_create(a->cli->settings)};
    char *rotated = xasprintf("%s.1", path);
    size_t before;

    buf_puts(&a->out, T("\nDelivery log\n"));
    before = a->out.length;
    if (a->hashed || a->hit_count > 0) {
        search_log_file(&s, rotated, &style);
        search_log_file(&s, path, &style);
    }
    if (!a->hashed && a->hit_count == 0)
        buf_printf(&a->out, T("  cannot be searched by number: %s/log.key is not there\n"),
                   a->cli->settings->state_dir);
    else if (a->out.length == before)
        buf_puts(&a->out, T("  has nothing of this number\n"));
    code_words_free(style.codes);
    free(rotated);
}

/* ---------------------------------------------------------------------- running */
static int ask(struct asking *a, const struct why_options *options, struct error *err)
{
    if (gateway_names_read(&a->gateways, a->cli, err) != 0 || ask_optout(a, err) != 0 ||
        safe_marks_read(a->cli, a->address, &a->safe, err) != 0)
        return -1;
    buf_printf(&a->out, "%s  %s\n", a->address,
               a->opted_out ? T("has opted out: nothing is sent") : T("has not opted out"));
    if (a->safe.marked)
        buf_printf(&a->out, "    %s%s%s: %s\n", safe_mode_name(a->safe.mark.mode),
                   a->safe.mark.hours[0] != '\0' ? " " : "", a->safe.mark.hours,
                   safe_marks_words(a->safe.mark.mode));
    if (ask_campaigns(a, options->campaign, err) != 0)
        return -1;
    if (a->hidden > 0)
        buf_printf(
            &a->out,
            T("\n%d sensitive campaigns are not told of here, whoever is in them: ask who may "
              "read %s/log.key\n"),
            a->hidden, a->cli->settings->state_dir);
    if (a->hit_count == 0)
        buf_puts(&a->out, T("\nis in no campaign's list\n"));
    tell_gone(a);
    search_log(a, options);
    return 0;
}

static int why(struct cli *cli, const void *arg, char **operands, int count)
{
    const struct why_options *options = arg;
    struct asking a = {.cli = cli, .out = BUF_INIT(16u << 20)};
    struct error err;
    int rc = cli_settings(cli);

    if (rc != 0)
        return rc;
    if (count != (options->recycled ? 0 : 1))
        return cli_fail(cli, EX_USAGE, "%s",
                        T("usage: outreach why NUMBER, or outreach why --recycled"));
    if (options->recycled)
        return recycled_run(cli, options->campaign);
    if (address_read(cli, operands[0], options->as_is, a.address, &err) != 0)
        return cli_error(cli, EX_DATAERR, &err);
    rc = cli_connect(cli);
    if (rc != 0)
        return rc;
    a.hashed = address_hash(cli, a.address, a.hash) == 0;
    a.codes = codes_seen_create(cli, options->campaign);
    a.campaigns = json_array();
    a.log = json_array();
    if (ask(&a, options, &err) != 0)
        rc = cli_error(cli, db_well(cli->db) ? EX_DATAERR : EX_UNAVAILABLE, &err);
    else if (cli->json)
        cli_json(json_pack(
            "{s:o,s:b,s:s,s:i,s:i,s:O,s:O}", "address", json_text(a.address), "opted_out",
            a.opted_out, "safe", a.safe.marked ? safe_mode_name(a.safe.mark.mode) : "", "hidden",
            a.hidden, "nobody_in_a_row", a.gone, "notices", a.campaigns, "log", a.log));
    else
        cli_print(&a.out);
    gateway_names_free(&a.gateways);
    codes_seen_free(a.codes);
    for (size_t i = 0; i < sizeof a.kept / sizeof *a.kept; i++)
        free(a.kept[i]);
    json_decref(a.campaigns);
    json_decref(a.log);
    buf_free(&a.out);
    return rc;
}

const struct subcommand cmd_why = {
    .name = "why",
    .operands = "[NUMBER]",
    .summary = N_("whether somebody got a notice, and if not, why not"),
    .more =
        N_("Looks through every campaign's list, the ledgers, the opt-outs and the delivery log.\n"
           "--recycled lists numbers instead: where the last three notices found nobody, the\n"
           "number was given up and may be somebody else's by now."),
    .least = 0,
    .most = 1,
    .options = why_options,
    .options_bytes = sizeof(struct why_options),
    .run = why,
};
