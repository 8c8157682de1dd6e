#include "walk.h"

#include "builtin.h"
#include "campaign.h"
#include "clock.h"
#include "human.h"
#include "keys.h"
#include "template.h"
#include "tree.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PIECE 4096   /* records and rows read at once */
#define DRAW_MS 200  /* between two pictures of the progress, */
#define QUIET_MS 500 /* and before the first */

struct walk {
    struct cli *cli;
    const struct picture *picture;
    const struct reminder_status *reminder;
    const struct campaign *campaign;
    walk_fn *fn;
    void *arg;
    int64_t base_ms; /* of the ledger's times */
    int64_t began_ms, drawn_ms;
    redisReply *records, *rows; /* of the piece at hand */
};

struct campaign *walk_campaign(const struct cli *cli, const struct picture *p, struct error *err)
{
    const char *text = p->status->document;
    struct tree *document = NULL;
    struct campaign *c = NULL;

    if (text == NULL)
        error_set(err, T("%s is still being loaded: try again"), p->status->id);
    else
        document = tree_parse_json(text, strlen(text), NULL, err);
    if (document != NULL) /* is the campaign's from here */
        c = campaign_create(document, &cli->settings->defaults, NULL, 0, err);
    if (text != NULL && c == NULL)
        error_prefix(err, "%s", p->status->id);
    return c;
}

static void progress(struct walk *w, int64_t n)
{
    int64_t now = clock_mono_ms();
    char percent[HUMAN_BYTES], count[HUMAN_BYTES];

    if (now - w->began_ms < QUIET_MS || now - w->drawn_ms < DRAW_MS || !isatty(STDERR_FILENO))
        return;
    w->drawn_ms = now;
    fputs("\r\033[K", stderr);
    fprintf(stderr, T("%s: %s, %s notices"), w->reminder->name,
            human_percent(percent, n, w->reminder->planned), human_count(count, n));
    fflush(stderr);
}

static int read_piece(struct walk *w, int64_t from, struct error *err)
{
    struct command c = COMMAND_INIT;
    int rc;

    command_start(&c, "GETRANGE");
    key_ledger(&c, w->picture->status->id, w->reminder->name);
    command_add_int(&c, from * LEDGER_RECORD_BYTES);
    command_add_int(&c, (from + PIECE) * LEDGER_RECORD_BYTES - 1);
    rc = db_ask(w->cli->db, &c, &w->records, err);
    if (rc == 0 && w->campaign != NULL) {
        command_start(&c, "XRANGE");
        key_rows(&c, w->picture->status->id, w->reminder->name);
        command_add_format(&c, "%" PRId64 "-0", from);
        command_add_format(&c, "%" PRId64 "-0", from + PIECE - 1);
        rc = db_ask(w->cli->db, &c, &w->rows, err);
    }
    command_free(&c);
    return rc;
}

static void free_piece(struct walk *w)
{
    if (w->records != NULL)
        freeReplyObject(w->records);
    if (w->rows != NULL)
        freeReplyObject(w->rows);
    w->records = w->rows = NULL;
}

/* The row of number n, if it is there; *at moves on with it. */
static const redisReply *row_of(const struct walk *w, int64_t n, size_t *at)
{
    while (w->rows != NULL && *at < w->rows->elements) {
        const redisReply *entry = w->rows->element[*at], *id = db_at(entry, 0);
        int64_t number = id != NULL && id->str != NULL ? strtoll(id->str, NULL, 10) : 0;

        if (number > n)
            break;
        (*at)++;
        if (number == n)
            return db_field(db_at(entry, 1), "r");
    }
    return NULL;
}

/* What stands in the ledger; without one, what is true of all. */
static void record_at(const struct walk *w, size_t i, struct walk_notice *notice)
{
    const struct record *r = &notice->record;

    if (w->records->type == REDIS_REPLY_STRING &&
        w->records->len >= (i + 1) * LEDGER_RECORD_BYTES) {
        record_unpack((const unsigned char *)w->records->str + i * LEDGER_RECORD_BYTES,
                      &notice->record);
    } else {
        memset(&notice->record, 0, sizeof notice->record);
        notice->record.state = w->reminder->cancelled ? NOTICE_CANCELLED : NOTICE_UNTOUCHED;
    }
    if (!record_was_submitted(r))
        return;
    notice->submitted_ms = w->base_ms + (int64_t)r->intended_s * 1000;
    if (notice_is_terminal(r->state) && r->state != NOTICE_UNCERTAIN)
        notice->settled_ms = notice->submitted_ms + (int64_t)r->settled_s * 1000;
}

static int walk_piece(struct walk *w, int64_t from, struct error *err)
{
    struct template_value values[CAMPAIGN_MAX_COLUMNS];
    int64_t to = from + PIECE - 1;
    size_t at = 0;

    if (to > w->reminder->planned)
        to = w->reminder->planned;
    for (int64_t n = from; n <= to; n++) {
        struct walk_notice notice = {.n = n};
        const redisReply *row = row_of(w, n, &at);

        record_at(w, (size_t)(n - from), &notice);
        if (row != NULL &&
            builtin_split(w->campaign, w->reminder->name, row->str, row->len, values) == 0)
            notice.row = values;
        if (w->fn(w->arg, &notice, err) != 0)
            return -1;
    }
    progress(w, to);
    return 0;
}

/* The instant that the ledger's times count from. */
static int read_base(struct walk *w, struct error *err)
{
    struct command c = COMMAND_INIT;
    struct ledger_header header;
    redisReply *reply;
    int rc;

    command_start(&c, "GETRANGE");
    key_ledger(&c, w->picture->status->id, w->reminder->name);
    command_add_int(&c, 0);
    command_add_int(&c, LEDGER_RECORD_BYTES - 1);
    rc = db_ask(w->cli->db, &c, &reply, err);
    command_free(&c);
    if (rc != 0)
        return -1;
    if (reply->type == REDIS_REPLY_STRING && reply->len == LEDGER_RECORD_BYTES &&
        ledger_header_unpack((const unsigned char *)reply->str, &header) == 0)
        w->base_ms = header.base_s * 1000;
    freeReplyObject(reply);
    return 0;
}

int walk_reminder(struct cli *cli, const struct picture *p, const struct reminder_status *r,
                  const struct campaign *campaign, walk_fn *fn, void *arg, struct error *err)
{
    struct walk w = {.cli = cli,
                     .picture = p,
                     .reminder = r,
                     .campaign = campaign,
                     .fn = fn,
                     .arg = arg,
                     .began_ms = clock_mono_ms()};
    int rc = read_base(&w, err);

    for (int64_t from = 1; from <= r->planned && rc == 0; from += PIECE) {
        rc = read_piece(&w, from, err);
        if (rc == 0)
            rc = walk_piece(&w, from, err);
        free_piece(&w);
    }
    if (w.drawn_ms != 0)
        fputs("\r\033[K", stderr);
    return rc;
}
