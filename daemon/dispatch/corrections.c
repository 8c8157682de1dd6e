#include "inside.h"

#include "amend.h"
#include "append.h"
#include "clock.h"
#include "correction.h"
#include "error.h"
#include "fault.h"
#include "keys.h"
#include "log.h"
#include "mem.h"
#include "series.h"
#include "template.h"
#include "tree.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Those who were told an older version of an amended campaign are told the newer.
 *
 * The amendment leaves `correct` (the version that they are to be told) and `correct_at` (whom to
 * look at next) in the campaign's hash. People are looked at a page after the other: what the
 * ledgers of the reminders say of each, and her last correction if she has one. For those whose
 * event was another the corrections of a page are appended by one script, under a token of the
 * version and the page: whoever comes by again appends nothing. The script refuses when the
 * campaign has been amended again, and then all begins anew for the newer version: what still
 * waits of the older is not sent any more (see prepare.c), and counts as not told. While one of
 * the older is being sent nobody knows: it may come back, to wait, and not be sent any more. Then
 * the walk stops for a moment.
 *
 * A ledger that cannot be read does not say that nobody was told: the campaign is given up, with
 * an error in the log, and tried again with each look at all campaigns, a minute apart, until its
 * ledger is there again.
 */
#define PAGE 256
#define SAY_PAGES 16 /* pages without a correction: how far we are is written so often */
#define LEDGER_OF "the ledger of "
#define SENDING_S 1 /* until those are looked at again whose older correction is being sent */

struct waiting {
    struct waiting *next;
    char id[CAMPAIGN_ID_BYTES];
};

/* A reminder that counts over the campaign's audience; behind the last of them the corrections. */
struct teller {
    char name[NAME_BYTES];
    int64_t last; /* of its ledger, where it has begun; 0: it has told nobody */
};

struct corrector {
    struct dispatch *d;
    struct waiting *first;
    bool busy; /* with the campaign below */
    char id[CAMPAIGN_ID_BYTES];
    struct teller *reminders;      /* reminder_count of them, and the corrections */
    size_t reminder_count, looked; /* looked: how many of them have answered */
    struct error broken;           /* what could not be read of it; "": nothing */
    bool sending;                  /* an older correction of somebody on this page is */
    struct event *again;
    struct campaign *now;
    struct campaign *was[AMEND_VERSIONS + 1]; /* by version, where the event was another; of one
                                                 that repeats all of them are in series */
    struct correction *corrections[AMEND_VERSIONS + 1]; /* by the version that was told */
    struct series *series;     /* where the event repeats: of which occurrence; else NULL */
    const char **names;        /* of reminders, for it */
    unsigned char *versions;   /* of a page: of each person, by reminder */
    struct correction **about; /* by version and reminder, where somebody was told so */
    unsigned version;
    int64_t rows, at, said; /* said: what stands in Redis of at */
    struct told told[PAGE];
    int chosen[PAGE];     /* of a series: the reminder, or -1 */
    unsigned known[PAGE]; /* and what corrections have told her */
    int64_t until_ms[PAGE];
    size_t count, asks;
    int64_t written;
};

/* One question, and whose record the answer begins with. */
struct question {
    struct corrector *c;
    size_t i;
};

static void look_at_next(struct corrector *c);
static void look_at_page(struct corrector *c);
static void load(struct corrector *c);

static void on_again(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    load(arg);
}

struct corrector *corrector_create(struct dispatch *d)
{
    struct corrector *c = xcalloc(1, sizeof *c);

    c->d = d;
    c->again = evtimer_new(d->base, on_again, c);
    return c;
}

static void forget(struct corrector *c)
{
    for (size_t v = 0; v <= AMEND_VERSIONS; v++) {
        correction_free(c->corrections[v]);
        campaign_free(c->was[v]);
    }
    memset(c->corrections, 0, sizeof c->corrections);
    memset(c->was, 0, sizeof c->was);
    for (size_t i = 0; c->about != NULL && i < (AMEND_VERSIONS + 1) * c->reminder_count; i++)
        correction_free(c->about[i]);
    free(c->about);
    free(c->versions);
    free(c->names);
    series_free(c->series);
    c->about = NULL;
    c->versions = NULL;
    c->names = NULL;
    c->series = NULL;
    campaign_free(c->now);
    c->now = NULL;
    free(c->reminders);
    c->reminders = NULL;
    c->reminder_count = 0;
    c->broken.text[0] = '\0';
}

static void forget_waiting(struct corrector *c)
{
    struct waiting *next;

    for (; c->first != NULL; c->first = next) {
        next = c->first->next;
        free(c->first);
    }
}

void corrector_free(struct corrector *c)
{
    if (c == NULL)
        return;
    forget(c);
    forget_waiting(c);
    event_free(c->again);
    free(c);
}

/* Once, however often it is asked for. */
static void put_waiting(struct corrector *c, const char *campaign)
{
    struct waiting **at = &c->first, *w;

    while (*at != NULL && strcmp((*at)->id, campaign) != 0)
        at = &(*at)->next;
    if (*at != NULL)
        return;
    w = xcalloc(1, sizeof *w);
    snprintf(w->id, sizeof w->id, "%s", campaign);
    *at = w;
}

/* Who does not read the events, or not any more, keeps what is to be looked at: the reader goes
 * on with it, and when that one dies we may be the next. */
static bool goes_on(const struct corrector *c)
{
    return events_ours(c->d->events) && dispatch_may_begin(c->d);
}

static void done_with_it(struct corrector *c)
{
    forget(c);
    look_at_next(c);
}

static void give_up(struct corrector *c, const char *why)
{
    log_error("corrections.error campaign=%s reason=%s", c->id, log_quote(why));
    done_with_it(c); /* the next look at all campaigns tries again */
}

/* Something cannot be read; when all of what was asked is answered it is given up. */
static void breaks(struct corrector *c, const char *what, const char *name, const redisReply *reply)
{
    if (c->broken.text[0] == '\0')
        snprintf(c->broken.text, sizeof c->broken.text, "%s%s: %s", what, name,
                 db_is_error(reply, NULL) ? reply->str : "it is lost");
}

static bool gave_up(struct corrector *c)
{
    struct error why = c->broken;

    if (why.text[0] != '\0')
        give_up(c, why.text);
    return why.text[0] != '\0';
}

/* ------------------------------------------------------------------------ a page */

static void on_said(void *arg, const redisReply *reply)
{
    struct corrector *c = arg;

    if (db_is_error(reply, NULL)) {
        give_up(c, reply->str);
        return;
    }
    if (db_int(reply, 0) == 0) { /* amended again, or another daemon is at it */
        forget(c);
        load(c);
        return;
    }
    c->said = c->at;
    if (c->at > c->rows) {
        log_info("campaign.corrected campaign=%s version=%u corrections=%" PRId64, c->id,
                 c->version, c->written);
        done_with_it(c);
    } else {
        look_at_page(c);
    }
}

static void turn_page(struct corrector *c, bool say)
{
    struct command *cmd = &c->d->command;

    c->at += (int64_t)c->count;
    if (!say && c->at <= c->rows && c->at - c->said < (int64_t)SAY_PAGES * PAGE) {
        look_at_page(c);
        return;
    }
    command_script(cmd, SCRIPT_CORRECTED, 1);
    key_campaign(cmd, c->id);
    command_add_int(cmd, c->version);
    command_add_int(cmd, c->said);
    command_add_int(cmd, c->at > c->rows ? 0 : c->at);
    db_send(c->d->db, cmd, on_said, c);
}

static void on_appended(void *arg, const redisReply *reply)
{
    struct corrector *c = arg;
    struct append_answer answer;

    FAULT_POINT("correct");
    append_answer(reply, &answer);
    switch (answer.verdict) {
    case APPEND_DONE:
        if (!answer.again)
            c->written += answer.last - answer.first + 1;
        append_schedule(c->id, BUILTIN_CORRECTIONS, clock_wall_ms(), &c->d->command);
        db_send(c->d->db, &c->d->command, NULL, NULL);
        turn_page(c, true);
        break;
    case APPEND_OLD:
        forget(c);
        load(c);
        break;
    case APPEND_CANCELLED: /* nobody is to be told any more */
        c->at = c->rows;
        turn_page(c, true);
        break;
    default:
        give_up(c, db_is_error(reply, NULL) ? reply->str : "its corrections cannot be written");
    }
}

/* Of a series: told[i].version becomes the one that she was told of her occurrence. */
static void choose(struct corrector *c, size_t i)
{
    struct told *t = &c->told[i];
    unsigned version = 0;

    c->known[i] = t->version;
    c->chosen[i] = series_choose(c->series, c->versions + i * c->reminder_count, t->version,
                                 &version, &c->until_ms[i]);
    if (c->chosen[i] >= 0)
        t->version = version;
}

static bool is_to_be_told(const struct corrector *c, size_t i)
{
    const struct told *t = &c->told[i];

    if (t->correction != 0 && t->corrected_to == c->version)
        return false;
    if (c->series != NULL)
        return c->chosen[i] >= 0;
    return told_is_behind(t, c->version) && c->was[t->version] != NULL;
}

/* NULL, and c is broken: it cannot be said; no amendment is taken without its text. Made when the
 * first is to be told, for where nobody is there need be no text. */
static const struct correction *correction_for(struct corrector *c, size_t i)
{
    unsigned version = c->told[i].version;
    struct correction **made = &c->corrections[version];
    const struct campaign *was = c->was[version];
    const char *about = NULL;
    struct error err;

    if (c->series != NULL) {
        about = c->names[c->chosen[i]];
        made = &c->about[version * c->reminder_count + (size_t)c->chosen[i]];
        was = series_version(c->series, version);
    }
    if (*made == NULL)
        *made = correction_create(was, about, c->now, &c->d->settings->defaults, &err);
    if (*made == NULL)
        c->broken = err;
    return *made;
}

/* A row of the audience as the correction of whom it is. */
static bool write_row(struct corrector *c, const redisReply *row, uint32_t n, size_t i,
                      struct buf *out)
{
    const struct correction *correction = correction_for(c, i);
    struct template_value values[CAMPAIGN_MAX_COLUMNS];
    struct correction_texts texts;
    struct builtin_notice notice = {.person = values,
                                    .text = texts.text,
                                    .texts = texts.others,
                                    .n = n,
                                    .expires_ms = c->series != NULL ? c->until_ms[i]
                                                                    : correction_expires(c->now),
                                    .version = c->version};

    if (correction == NULL || row == NULL || row->type != REDIS_REPLY_STRING ||
        campaign_row_split(c->now, row->str, row->len, values) != 0)
        return false;
    correction_write_all(correction, c->now, values, &texts);
    notice.length = texts.length;
    builtin_row(c->now, &notice, out);
    return true;
}

static void on_rows(void *arg, const redisReply *reply)
{
    struct corrector *c = arg;
    struct command *cmd = &c->d->command;
    struct buf rows = BUF_INIT(COMMAND_MAX_BYTES / 2);
    struct append_of of[PAGE];
    size_t ends[PAGE], n = 0;
    char token[APPEND_TOKEN_BYTES];
    struct append append = {.campaign = c->id,
                            .reminder = BUILTIN_CORRECTIONS,
                            .token = token,
                            .version = c->version,
                            .max_rows = LEDGER_MAX_NUMBER,
                            .now_ms = clock_wall_ms(),
                            .expires_ms = correction_expires(c->now)};

    if (reply->type != REDIS_REPLY_ARRAY) {
        give_up(c, db_is_error(reply, NULL) ? reply->str : "its audience cannot be read");
        return;
    }
    for (size_t k = 0; k < reply->elements; k++) {
        const redisReply *id = db_at(reply->element[k], 0);
        int64_t number = id != NULL && id->str != NULL ? strtoll(id->str, NULL, 10) : 0;
        size_t i = (size_t)(number - c->at);

        if (number < c->at || number >= c->at + (int64_t)c->count || !is_to_be_told(c, i) ||
            !write_row(c, db_at(db_at(reply->element[k], 1), 1), (uint32_t)number, i, &rows))
            continue;
        of[n] = (struct append_of){(uint32_t)number, c->version,
                                   c->series != NULL ? c->known[i] : c->told[i].version};
        ends[n++] = rows.length;
    }
    if (c->broken.text[0] != '\0') { /* none is passed over: who is behind is found again */
        buf_free(&rows);
        gave_up(c);
        return;
    }
    if (n == 0 || buf_overflowed(&rows)) {
        bool overflowed = buf_overflowed(&rows);

        buf_free(&rows);
        if (overflowed)
            give_up(c, "its corrections are too long");
        else
            turn_page(c, false); /* they were erased */
        return;
    }
    snprintf(token, sizeof token, "correct:%u:%" PRId64, c->version, c->at);
    append_begin(&append, cmd);
    for (size_t k = 0; k < n; k++) {
        size_t from = k > 0 ? ends[k - 1] : 0;

        append_row(cmd, rows.data + from, ends[k] - from, &of[k]);
    }
    buf_free(&rows);
    db_send(c->d->db, cmd, on_appended, c);
}

static void decide_page(struct corrector *c)
{
    struct command *cmd = &c->d->command;
    bool any = false;

    for (size_t i = 0; i < c->count; i++) {
        if (c->series != NULL)
            choose(c, i);
        any = any || is_to_be_told(c, i);
    }
    if (!any) {
        turn_page(c, false);
        return;
    }
    command_start(cmd, "XRANGE");
    key_audience(cmd, c->id);
    command_add_format(cmd, "%" PRId64 "-0", c->at);
    command_add_format(cmd, "%" PRId64 "-0", c->at + (int64_t)c->count - 1);
    db_send(c->d->db, cmd, on_rows, c);
}

static void answered(struct corrector *c)
{
    static const struct timeval moment = {SENDING_S, 0};
    bool sending = c->sending;

    if (--c->asks > 0)
        return;
    c->sending = false;
    if (gave_up(c))
        return;
    if (!sending) {
        decide_page(c);
        return;
    }
    forget(c);
    evtimer_add(c->again, &moment);
}

static const unsigned char *piece_at(const redisReply *reply, size_t i, size_t size)
{
    return reply->type == REDIS_REPLY_STRING && reply->len >= (i + 1) * size
               ? (const unsigned char *)reply->str + i * size
               : NULL;
}

static void on_correction(void *arg, const redisReply *reply)
{
    struct question *q = arg;
    struct corrector *c = q->c;
    const struct teller *own = &c->reminders[c->reminder_count];
    const unsigned char *record = piece_at(reply, 0, LEDGER_RECORD_BYTES);
    struct record r;

    if (record != NULL) {
        told_correction(&c->told[q->i], record);
        record_unpack(record, &r);
        c->sending =
            c->sending || (r.state == NOTICE_SENDING && c->told[q->i].corrected_to < c->version);
    } else if (db_is_error(reply, NULL) || c->told[q->i].correction <= own->last)
        breaks(c, LEDGER_OF, own->name, reply);
    free(q);
    answered(c);
}

static void on_entries(void *arg, const redisReply *reply)
{
    struct corrector *c = arg;
    struct command *cmd = &c->d->command;

    if (db_is_error(reply, NULL))
        breaks(c, "who has which correction", "", reply);
    for (size_t i = 0; i < c->count; i++) {
        const unsigned char *entry = piece_at(reply, i, TOLD_BYTES);
        struct question *q;

        if (entry == NULL)
            break;
        told_entry(&c->told[i], entry);
        if (c->told[i].correction == 0)
            continue;
        q = xmalloc(sizeof *q);
        *q = (struct question){c, i};
        command_start(cmd, "GETRANGE");
        key_ledger(cmd, c->id, BUILTIN_CORRECTIONS);
        command_add_int(cmd, (int64_t)c->told[i].correction * LEDGER_RECORD_BYTES);
        command_add_int(cmd, ((int64_t)c->told[i].correction + 1) * LEDGER_RECORD_BYTES - 1);
        c->asks++;
        db_send(c->d->db, cmd, on_correction, q);
    }
    answered(c);
}

static void on_records(void *arg, const redisReply *reply)
{
    struct corrector *c = arg;
    size_t at = c->looked++;
    const struct teller *r = &c->reminders[at];
    int64_t here = r->last - c->at + 1; /* rows may have come when it was past its end */

    if (here > (int64_t)c->count)
        here = (int64_t)c->count;
    if (db_is_error(reply, NULL) ||
        (here > 0 && piece_at(reply, (size_t)here - 1, LEDGER_RECORD_BYTES) == NULL))
        breaks(c, LEDGER_OF, r->name, reply);
    for (size_t i = 0; i < c->count; i++) {
        const unsigned char *record = piece_at(reply, i, LEDGER_RECORD_BYTES);

        if (c->series != NULL)
            c->versions[i * c->reminder_count + at] = (unsigned char)told_version(record);
        else
            told_record(&c->told[i], record);
    }
    answered(c);
}

static void look_at_page(struct corrector *c)
{
    struct command *cmd = &c->d->command;
    int64_t left = c->rows - c->at + 1, to;

    if (!goes_on(c)) {
        put_waiting(c, c->id);
        done_with_it(c);
        return;
    }
    c->count = left < 0 ? 0 : left < PAGE ? (size_t)left : PAGE;
    memset(c->told, 0, sizeof c->told);
    if (c->count == 0) {
        turn_page(c, true);
        return;
    }
    to = c->at + (int64_t)c->count;
    c->asks = c->reminder_count + 1;
    c->looked = 0;
    for (size_t r = 0; r < c->reminder_count; r++) {
        command_start(cmd, "GETRANGE");
        key_ledger(cmd, c->id, c->reminders[r].name);
        command_add_int(cmd, c->at * LEDGER_RECORD_BYTES);
        command_add_int(cmd, to * LEDGER_RECORD_BYTES - 1);
        db_send(c->d->db, cmd, on_records, c);
    }
    command_start(cmd, "GETRANGE");
    key_corrected(cmd, c->id);
    command_add_int(cmd, c->at * TOLD_BYTES);
    command_add_int(cmd, to * TOLD_BYTES - 1);
    db_send(c->d->db, cmd, on_entries, c);
}

/* ------------------------------------------------------------------- the campaign */

static struct campaign *read_document(const struct corrector *c, const redisReply *document,
                                      struct error *err)
{
    struct tree *tree = NULL;

    if (document != NULL && document->type == REDIS_REPLY_STRING)
        tree = tree_parse_json(document->str, document->len, NULL, err);
    return tree == NULL ? NULL : campaign_create(tree, &c->d->settings->defaults, NULL, 0, err);
}

static void begin_series(struct corrector *c)
{
    c->names = xcalloc(c->reminder_count + 1, sizeof *c->names);
    for (size_t r = 0; r < c->reminder_count; r++)
        c->names[r] = c->reminders[r].name;
    c->series = series_create(c->now, c->names, c->reminder_count, clock_wall_ms());
    c->versions = xcalloc(PAGE, c->reminder_count + 1);
    c->about = xcalloc((AMEND_VERSIONS + 1) * c->reminder_count + 1, sizeof(struct correction *));
}

static void on_versions(void *arg, const redisReply *reply)
{
    struct corrector *c = arg;
    struct error err = {"its documents cannot be read"};
    char name[12];

    if (reply->type != REDIS_REPLY_ARRAY) {
        give_up(c, db_is_error(reply, NULL) ? reply->str : err.text);
        return;
    }
    if (correction_repeats(c->now))
        begin_series(c);
    for (unsigned v = 1; v < c->version && c->now != NULL; v++) {
        struct campaign *was;

        snprintf(name, sizeof name, "%u", v);
        was = read_document(c, db_field(reply, name), &err);
        if (was == NULL) { /* who was told it cannot be told what it was */
            log_error("corrections.lost campaign=%s version=%u", c->id, v);
            continue;
        }
        if (c->series != NULL) {
            series_put(c->series, v, was);
            continue;
        }
        if (correction_needed(was, c->now))
            c->was[v] = was;
        else
            campaign_free(was);
    }
    look_at_page(c);
}

static void take_names(struct corrector *c, const redisReply *names)
{
    char *copy = xstrdup(names != NULL && names->str != NULL ? names->str : ""), *save = NULL;

    c->reminders = xcalloc(CAMPAIGN_ALL_REMINDERS + 1, sizeof *c->reminders);
    for (char *name = strtok_r(copy, " ", &save);
         name != NULL && c->reminder_count < CAMPAIGN_ALL_REMINDERS;
         name = strtok_r(NULL, " ", &save))
        if (!builtin_is(name))
            snprintf(c->reminders[c->reminder_count++].name, NAME_BYTES, "%s", name);
    snprintf(c->reminders[c->reminder_count].name, NAME_BYTES, "%s", BUILTIN_CORRECTIONS);
    free(copy);
}

/* Of whom all depends is known: where nothing has begun nobody was told, and there need be no
 * text for it. */
static void on_tellers(struct corrector *c)
{
    bool begun = false;

    if (gave_up(c))
        return;
    for (size_t r = 0; r < c->reminder_count; r++)
        begun = begun || c->reminders[r].last > 0;
    if (!begun) {
        c->at = c->rows + 1;
        c->count = 0;
        turn_page(c, true);
        return;
    }
    command_start(&c->d->command, "HGETALL");
    key_versions(&c->d->command, c->id);
    db_send(c->d->db, &c->d->command, on_versions, c);
}

static void on_state(void *arg, const redisReply *reply)
{
    struct corrector *c = arg;
    struct teller *r = &c->reminders[c->looked];
    const redisReply *state = db_at(reply, 0), *begun = db_at(reply, 1);

    if (state == NULL || (state->type != REDIS_REPLY_STRING && c->looked < c->reminder_count))
        breaks(c, "the reminder ", r->name, reply);
    else if (state->type == REDIS_REPLY_STRING && /* one that was done without it was taken out */
             (strcmp(state->str, "open") == 0 ||
              (strcmp(state->str, "done") == 0 && begun->type == REDIS_REPLY_STRING)))
        r->last = db_int(db_at(reply, 2), 0);
}

static void on_header(void *arg, const redisReply *reply)
{
    struct corrector *c = arg;
    const struct teller *r = &c->reminders[c->looked];

    if (db_is_error(reply, NULL) ||
        (r->last > 0 && (reply->type != REDIS_REPLY_STRING || strcmp(reply->str, "OLG1") != 0)))
        breaks(c, LEDGER_OF, r->name, reply);
    if (c->looked++ == c->reminder_count)
        on_tellers(c);
}

static void ask_tellers(struct corrector *c)
{
    struct command *cmd = &c->d->command;

    c->looked = 0;
    for (size_t r = 0; r <= c->reminder_count; r++) {
        command_start(cmd, "HMGET");
        key_reminder(cmd, c->id, c->reminders[r].name);
        command_add_string(cmd, "state");
        command_add_string(cmd, "begun");
        command_add_string(cmd, "last");
        db_send(c->d->db, cmd, on_state, c);
        command_start(cmd, "GETRANGE");
        key_ledger(cmd, c->id, c->reminders[r].name);
        command_add_int(cmd, 0);
        command_add_int(cmd, 3);
        db_send(c->d->db, cmd, on_header, c);
    }
}

static void on_campaign(void *arg, const redisReply *reply)
{
    struct corrector *c = arg;
    struct error err = {"its document is not there"};
    unsigned version = (unsigned)db_int(db_at(reply, 0), 0);

    if (reply->type != REDIS_REPLY_ARRAY) {
        give_up(c, db_is_error(reply, NULL) ? reply->str : "it cannot be read");
        return;
    }
    if (version == 0 || version > AMEND_VERSIONS) {
        done_with_it(c);
        return;
    }
    c->version = version;
    c->at = c->said = db_int(db_at(reply, 1), 1);
    c->rows = db_int(db_at(reply, 2), 0);
    c->written = 0;
    take_names(c, db_at(reply, 3));
    c->now = read_document(c, db_at(reply, 4), &err);
    if (c->now == NULL) {
        give_up(c, err.text);
        return;
    }
    ask_tellers(c);
}

static void load(struct corrector *c)
{
    static const char *const fields[] = {"correct", "correct_at", "last", "reminders", "document"};
    struct command *cmd = &c->d->command;

    command_start(cmd, "HMGET");
    key_campaign(cmd, c->id);
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        command_add_string(cmd, fields[i]);
    db_send(c->d->db, cmd, on_campaign, c);
}

static void on_correct(void *arg, const redisReply *reply)
{
    struct corrector *c = arg;

    if (db_is_error(reply, NULL))
        give_up(c, reply->str);
    else if (db_int(reply, 0) > 0)
        load(c);
    else
        done_with_it(c);
}

static void look_at_next(struct corrector *c)
{
    struct command *cmd = &c->d->command;
    struct waiting *w = c->first;

    c->busy = w != NULL && goes_on(c);
    if (!c->busy)
        return;
    c->first = w->next;
    memcpy(c->id, w->id, sizeof c->id);
    free(w);
    command_start(cmd, "HGET");
    key_campaign(cmd, c->id);
    command_add_string(cmd, "correct");
    db_send(c->d->db, cmd, on_correct, c);
}

void corrections_look(struct corrector *c, const char *campaign)
{
    put_waiting(c, campaign);
    corrections_poll(c);
}

void corrections_poll(struct corrector *c)
{
    if (!c->busy)
        look_at_next(c);
}
