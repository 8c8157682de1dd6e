#include "recycled.h"

#include "builtin.h"
#include "campaigns.h"
#include "clock.h"
#include "discreet.h"
#include "human.h"
#include "keys.h"
#include "mem.h"
#include "picture.h"
#include "table.h"
#include "template.h"
#include "tree.h"
#include "zone.h"

#include <inttypes.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_ROWS 1000
#define ENDS_MOST 32 /* of one number that found nobody: the latest are enough */

struct suspect {
    char *address;               /* first: what it is found by */
    int64_t nobody_s[ENDS_MOST]; /* submitted, wall clock */
    size_t nobody_count;         /* all; the oldest are written over */
    int64_t reached_s;           /* the last that was delivered; 0: none */
    char campaign[CAMPAIGN_ID_BYTES];
    int64_t last_s; /* of the last that found nobody, which was of that campaign */
};

/* Everything is gone through twice: who was not found, then when these were last reached. */
struct search {
    struct cli *cli;
    bool second;
    void *tree; /* of suspects, by their address */
    struct suspect **suspects;
    size_t count, room;
};

/* One page of a campaign: the records of a reminder for its rows. */
struct page {
    const char *campaign, *reminder;
    const struct campaign *document;
    redisReply *records;
    int64_t base_s, from;
};

enum recycled_end recycled_end(const struct record *r)
{
    if (r->fence == 0)
        return RECYCLED_UNKNOWN;
    if (r->state == NOTICE_DELIVERED)
        return RECYCLED_REACHED;
    return r->reason == REASON_NUMBER && (r->state == NOTICE_UNDELIVERED ||
                                          (r->state == NOTICE_FAILED && r->attempts > 0))
               ? RECYCLED_NOBODY
               : RECYCLED_UNKNOWN;
}

/* ------------------------------------------------------------------ the suspects */

static int by_address(const void *x, const void *y)
{
    return strcmp(((const struct suspect *)x)->address, ((const struct suspect *)y)->address);
}

static struct suspect *find(struct search *s, char *address, bool add)
{
    struct suspect key = {.address = address}, *one;
    struct suspect **found = tfind(&key, &s->tree, by_address);

    if (found != NULL || !add)
        return found != NULL ? *found : NULL;
    one = xcalloc(1, sizeof *one);
    one->address = xstrdup(address);
    if (tsearch(one, &s->tree, by_address) == NULL)
        abort();
    if (s->count == s->room) {
        s->room = s->room > 0 ? 2 * s->room : 64;
        s->suspects = xreallocarray(s->suspects, s->room, sizeof(struct suspect *));
    }
    s->suspects[s->count++] = one;
    return one;
}

static void search_free(struct search *s)
{
    for (size_t i = 0; i < s->count; i++) {
        tdelete(s->suspects[i], &s->tree, by_address);
        free(s->suspects[i]->address);
        free(s->suspects[i]);
    }
    free(s->suspects);
}

/* In a row until now: of one second it is taken that she was reached last. */
static int in_a_row(const struct suspect *one)
{
    size_t kept = one->nobody_count < ENDS_MOST ? one->nobody_count : ENDS_MOST;
    int count = 0;

    for (size_t i = 0; i < kept; i++)
        count += one->nobody_s[i] > one->reached_s;
    return count;
}

static void note(struct search *s, const struct page *p, char *address, enum recycled_end end,
                 int64_t submitted_s)
{
    struct suspect *one = find(s, address, !s->second);

    if (one == NULL)
        return;
    if (end == RECYCLED_REACHED) {
        one->reached_s = submitted_s > one->reached_s ? submitted_s : one->reached_s;
        return;
    }
    one->nobody_s[one->nobody_count++ % ENDS_MOST] = submitted_s;
    if (submitted_s < one->last_s)
        return;
    one->last_s = submitted_s;
    snprintf(one->campaign, sizeof one->campaign, "%s", p->campaign);
}

/* ------------------------------------------------------------------ a page of rows */

static bool record_at(const struct page *p, int64_t n, struct record *r)
{
    size_t at = (size_t)(n - p->from) * LEDGER_RECORD_BYTES;

    if (n < p->from || at + LEDGER_RECORD_BYTES > p->records->len)
        return false;
    record_unpack((const unsigned char *)p->records->str + at, r);
    return true;
}

static enum recycled_end wanted(const struct search *s)
{
    return s->second ? RECYCLED_REACHED : RECYCLED_NOBODY;
}

static void take_row(struct search *s, const struct page *p, int64_t n, const redisReply *row)
{
    struct template_value values[CAMPAIGN_MAX_COLUMNS];
    struct record r;
    char *address;

    if (row == NULL || !record_at(p, n, &r) || recycled_end(&r) != wanted(s) ||
        r.step >= p->document->channel_count ||
        builtin_split(p->document, p->reminder, row->str, row->len, values) != 0 ||
        values[r.step].length == 0)
        return;
    address = xasprintf("%.*s", (int)values[r.step].length, values[r.step].text);
    note(s, p, address, wanted(s), p->base_s + (int64_t)r.intended_s);
    free(address);
}

static bool any_wanted(const struct search *s, const struct page *p)
{
    struct record r;

    for (int64_t n = p->from; record_at(p, n, &r); n++)
        if (recycled_end(&r) == wanted(s))
            return true;
    return false;
}

static int read_rows(struct search *s, const struct page *p, struct error *err)
{
    struct command c = COMMAND_INIT;
    redisReply *rows;
    int rc;

    command_start(&c, "XRANGE");
    key_rows(&c, p->campaign, p->reminder);
    command_add_format(&c, "%" PRId64 "-0", p->from);
    command_add_format(&c, "%" PRId64 "-0", p->from + PAGE_ROWS - 1);
    rc = db_ask(s->cli->db, &c, &rows, err);
    command_free(&c);
    if (rc != 0)
        return -1;
    for (size_t i = 0; rows->type == REDIS_REPLY_ARRAY && i < rows->elements; i++) {
        const redisReply *id = db_at(rows->element[i], 0);

        if (id != NULL)
            take_row(s, p, strtoll(id->str, NULL, 10), db_field(db_at(rows->element[i], 1), "r"));
    }
    freeReplyObject(rows);
    return 0;
}

static int read_range(struct cli *cli, const char *id, const char *reminder, int64_t from,
                      int64_t count, redisReply **reply, struct error *err)
{
    struct command c = COMMAND_INIT;
    int rc;

    command_start(&c, "GETRANGE");
    key_ledger(&c, id, reminder);
    command_add_int(&c, from * LEDGER_RECORD_BYTES);
    command_add_int(&c, (from + count) * LEDGER_RECORD_BYTES - 1);
    rc = db_ask(cli->db, &c, reply, err);
    command_free(&c);
    return rc;
}

static int search_reminder(struct search *s, const struct picture *picture,
                           const struct campaign *document, const struct reminder_status *r,
                           struct error *err)
{
    struct page p = {.campaign = picture->status->id, .document = document, .reminder = r->name};
    struct ledger_header h;
    redisReply *header;
    int rc = 0;

    if (read_range(s->cli, p.campaign, p.reminder, 0, 1, &header, err) != 0)
        return -1;
    if (header->type != REDIS_REPLY_STRING || header->len != LEDGER_RECORD_BYTES ||
        ledger_header_unpack((const unsigned char *)header->str, &h) != 0)
        h.base_s = 0; /* not begun */
    freeReplyObject(header);
    p.base_s = h.base_s;
    for (p.from = 1; p.base_s > 0 && p.from <= r->last && rc == 0; p.from += PAGE_ROWS) {
        if (read_range(s->cli, p.campaign, p.reminder, p.from, PAGE_ROWS, &p.records, err) != 0)
            return -1;
        if (p.records->type == REDIS_REPLY_STRING && any_wanted(s, &p))
            rc = read_rows(s, &p, err);
        freeReplyObject(p.records);
    }
    return rc;
}

static int search_campaign(struct search *s, const char *id, struct error *err)
{
    struct picture *picture = picture_read(s->cli, id, err);
    struct campaign *document = NULL;
    struct tree *tree;
    int rc = 0;

    if (picture == NULL)
        return -1;
    if (picture->document != NULL) { /* else it is loading */
        tree = tree_parse_json(picture->status->document, strlen(picture->status->document), NULL,
                               err);
        if (tree != NULL)
            document = campaign_create(tree, &s->cli->settings->defaults, NULL, 0, err);
        if (document == NULL)
            rc = error_prefix(err, "%s", id);
    }
    if (document != NULL && document->sensitive && !discreet_may(s->cli)) {
        campaign_free(document); /* whose numbers are nobody's business */
        document = NULL;
    }
    for (size_t i = 0; document != NULL && i < picture->status->reminder_count && rc == 0; i++)
        rc = search_reminder(s, picture, document, &picture->status->reminders[i], err);
    campaign_free(document);
    picture_free(picture);
    return rc;
}

static int search_all(struct search *s, const char *only, struct error *err)
{
    char **ids;
    int rc = 0;

    if (only != NULL)
        return search_campaign(s, only, err);
    ids = campaign_ids(s->cli->db, err);
    if (ids == NULL)
        return -1;
    for (size_t i = 0; ids[i] != NULL; i++) {
        if (rc == 0)
            rc = search_campaign(s, ids[i], err);
        free(ids[i]);
    }
    free(ids);
    return rc;
}

/* ---------------------------------------------------------------------- telling */

static int latest_first(const void *x, const void *y)
{
    const struct suspect *a = *(struct suspect *const *)x, *b = *(struct suspect *const *)y;

    if (a->last_s != b->last_s)
        return a->last_s > b->last_s ? -1 : 1;
    return by_address(a, b);
}

static void tell_json(const struct search *s)
{
    json_t *list = json_array();

    for (size_t i = 0; i < s->count; i++)
        if (in_a_row(s->suspects[i]) >= RECYCLED_LEAST)
            json_array_append_new(
                list, json_pack("{s:o,s:i,s:I,s:s}", "address", json_text(s->suspects[i]->address),
                                "nobody_in_a_row", in_a_row(s->suspects[i]), "last_ms",
                                (json_int_t)s->suspects[i]->last_s * 1000, "campaign",
                                s->suspects[i]->campaign));
    cli_json(list);
}

static void tell(const struct search *s)
{
    const struct table_column columns[] = {
        {T("NUMBER"), TABLE_LEFT, false},
        {T("NOBODY IN A ROW"), TABLE_RIGHT, false},
        {T("LAST"), TABLE_LEFT, false},
        {T("CAMPAIGN"), TABLE_LEFT, TABLE_WRAPS},
    };
    const struct zone *zone = zone_find(s->cli->settings->defaults.timezone, NULL);
    struct table *t = table_create(columns, sizeof columns / sizeof *columns);
    struct buf out = BUF_INIT(16u << 20);
    char when[HUMAN_BYTES];
    size_t told = 0;

    for (size_t i = 0; i < s->count; i++) {
        const struct suspect *one = s->suspects[i];

        if (in_a_row(one) < RECYCLED_LEAST)
            continue;
        told++;
        table_cell(t, one->address);
        table_printf(t, "%d", in_a_row(one));
        table_cell(t, human_time(when, zone, one->last_s * 1000, false));
        table_cell(t, one->campaign);
    }
    if (told > 0) {
        table_write(t, s->cli->width, 0, &out);
        buf_puts(&out, T("These numbers were given up, and may be given to somebody else: ask the "
                         "residents, and correct the lists\n"));
    } else {
        buf_puts(&out, T("no number found nobody three times in a row\n"));
    }
    cli_print(&out);
    buf_free(&out);
    table_free(t);
}

int recycled_run(struct cli *cli, const char *campaign)
{
    struct search s = {.cli = cli};
    struct error err;
    int rc = cli_connect(cli);

    if (rc != 0)
        return rc;
    if (search_all(&s, campaign, &err) != 0)
        rc = cli_error(cli, EX_DATAERR, &err);
    s.second = true;
    if (rc == 0 && s.count > 0 && search_all(&s, campaign, &err) != 0)
        rc = cli_error(cli, EX_DATAERR, &err);
    if (s.count > 0)
        qsort(s.suspects, s.count, sizeof(struct suspect *), latest_first);
    if (rc == 0 && cli->json)
        tell_json(&s);
    else if (rc == 0)
        tell(&s);
    search_free(&s);
    return rc;
}
