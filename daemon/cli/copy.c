#include "copy.h"

#include "clock.h"
#include "keys.h"
#include "mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GAP                                                                                        \
    256 /* ranges this near to each other are one: what is done in between is passed over          \
         */
#define AT_ONCE 400

int copy_reminder(struct cli *cli, const char *id, const char *reminder, struct copy *copy,
                  struct error *err)
{
    struct command c = COMMAND_INIT;
    int rc;

    memset(copy, 0, sizeof *copy);
    snprintf(copy->id, sizeof copy->id, "%s", id);
    command_script(&c, SCRIPT_COPY, 4);
    key_ledger(&c, id, reminder);
    key_reminder(&c, id, reminder);
    key_leases(&c, id, reminder);
    key_retry(&c, id, reminder);
    rc = db_ask(cli->db, &c, &copy->reply, err);
    if (rc == 0 && copy->reply->elements != 4) {
        freeReplyObject(copy->reply);
        copy->reply = NULL;
        rc = error_set(err, T("Redis did not copy ledger and counters together"));
    }
    command_free(&c);
    if (rc != 0)
        return -1;
    copy->ledger = db_at(copy->reply, 0);
    if (copy->ledger->type != REDIS_REPLY_STRING)
        copy->ledger = NULL;
    reminder_status_parse(db_at(copy->reply, 1), reminder, &copy->counters);
    copy->repairs = db_int(db_field(db_at(copy->reply, 1), "repairs"), 0);
    copy->leases = db_at(copy->reply, 2);
    copy->retry = db_at(copy->reply, 3);
    return 0;
}

void copy_free(struct copy *copy)
{
    if (copy->reply != NULL)
        freeReplyObject(copy->reply);
    copy->reply = NULL;
}

/* ------------------------------------------------------------------- what is wrong */

struct range {
    uint32_t from, to;
};

struct repair {
    struct cli *cli;
    const struct copy *copy;
    struct command command;
    int64_t wrong[NOTICE_STATES]; /* ledger less counters */
    uint32_t last, cursor;
    unsigned char *looked_after; /* a byte a number: 1 leased, 2 in the retry set */
    struct range *ranges;
    size_t range_count;
    struct copy_repairs *done;
};

static void look_at_leases(struct repair *r)
{
    const redisReply *leases = r->copy->leases, *retry = r->copy->retry;
    unsigned long from, to;

    for (size_t i = 0; i + 1 < leases->elements; i += 2)
        if (sscanf(leases->element[i + 1]->str, "%lu %lu", &from, &to) == 2)
            for (unsigned long n = from; n >= 1 && n <= to && n <= r->last; n++)
                r->looked_after[n] |= 1;
    for (size_t i = 0; i < retry->elements; i++) {
        int64_t n = db_int(retry->element[i], 0);

        if (n >= 1 && n <= r->last)
            r->looked_after[n] |= 2;
    }
}

static void add_range(struct repair *r, uint32_t n)
{
    struct range *last = r->range_count > 0 ? &r->ranges[r->range_count - 1] : NULL;

    if (last != NULL && n - last->to <= GAP) {
        last->to = n;
        return;
    }
    if (r->range_count % 64 == 0)
        r->ranges = xreallocarray(r->ranges, r->range_count + 64, sizeof *r->ranges);
    r->ranges[r->range_count++] = (struct range){n, n};
}

static int send_retries(struct repair *r, const unsigned char *records, int64_t base_s,
                        struct error *err)
{
    struct command *c = &r->command;
    unsigned under_way = 0;
    int64_t later_ms = clock_wall_ms() + r->cli->settings->dispatch.doubt_wait_ms;

    for (uint32_t n = 1; n <= r->last; n++) {
        struct record record;

        record_unpack(records + (size_t)n * LEDGER_RECORD_BYTES, &record);
        if ((record.state != NOTICE_PARKED && record.state != NOTICE_UNCERTAIN) ||
            (r->looked_after[n] & 2) != 0)
            continue;
        command_start(c, "ZADD");
        key_retry(c, r->copy->id, r->copy->counters.name);
        command_add_string(c, "NX");
        command_add_int(c, record.state == NOTICE_PARKED
                               ? (base_s + (int64_t)record.settled_s) * 1000
                               : later_ms);
        command_add_int(c, n);
        db_send(r->cli->db, c, NULL, NULL);
        r->done->retries++;
        if (++under_way % AT_ONCE == 0 && db_drain(r->cli->db, 0, err) != 0)
            return -1;
    }
    return 0;
}

static void compare(struct repair *r, const unsigned char *records)
{
    uint32_t touched = 0;

    for (int s = 0; s < NOTICE_STATES; s++)
        r->wrong[s] = -r->copy->counters.counts[s];
    for (uint32_t n = 1; n <= r->last; n++) {
        unsigned state = records[(size_t)n * LEDGER_RECORD_BYTES] >> 4;

        if (state < NOTICE_STATES)
            r->wrong[state]++;
        if (state != NOTICE_UNTOUCHED)
            touched = n;
    }
    r->cursor = r->copy->counters.cursor > touched ? (uint32_t)r->copy->counters.cursor : touched;
    r->done->cursor = r->cursor != r->copy->counters.cursor;
    for (uint32_t n = 1; n <= r->cursor && n <= r->last; n++)
        if (records[(size_t)n * LEDGER_RECORD_BYTES] >> 4 == NOTICE_UNTOUCHED &&
            (r->looked_after[n] & 1) == 0)
            add_range(r, n);
    for (int s = 0; s < NOTICE_STATES; s++)
        r->done->counters += r->wrong[s] != 0;
    r->done->ranges = (unsigned)r->range_count;
}

/* One call: the counters with the first one, some of the ranges with each. 0, 1 (another
 * repair was faster), -1. */
static int send_script(struct repair *r, size_t call, size_t first, size_t count, struct error *err)
{
    struct command *c = &r->command;
    redisReply *reply;
    int rc;

    command_script(c, SCRIPT_REPAIR, 3);
    key_reminder(c, r->copy->id, r->copy->counters.name);
    key_leases(c, r->copy->id, r->copy->counters.name);
    key_retry(c, r->copy->id, r->copy->counters.name);
    command_add_int(c, r->copy->repairs + (int64_t)call);
    command_add_int(c, r->cursor);
    command_add_int(c, call == 0 ? NOTICE_STATES : 0);
    for (int s = 0; call == 0 && s < NOTICE_STATES; s++) {
        command_add_format(c, "c%d", s);
        command_add_int(c, r->wrong[s]);
    }
    command_add_int(c, (int64_t)count);
    for (size_t i = first; i < first + count; i++) {
        command_add_int(c, r->ranges[i].from);
        command_add_int(c, r->ranges[i].to);
    }
    if (db_ask(r->cli->db, c, &reply, err) != 0)
        return -1;
    rc = db_at(reply, 0) != NULL && strcmp(db_at(reply, 0)->str, "OK") == 0 ? 0 : 1;
    freeReplyObject(reply);
    return rc;
}

static int send_all(struct repair *r, struct error *err)
{
    size_t call = 0, at = 0, count;
    int rc;

    do {
        count = r->range_count - at < AT_ONCE ? r->range_count - at : AT_ONCE;
        rc = send_script(r, call++, at, count, err);
        at += count;
    } while (rc == 0 && at < r->range_count);
    return rc;
}

int copy_repair(struct cli *cli, const struct copy *copy, struct copy_repairs *done,
                struct error *err)
{
    const unsigned char *records;
    struct ledger_header header;
    struct repair r = {.cli = cli, .copy = copy, .command = COMMAND_INIT, .done = done};
    int rc;

    memset(done, 0, sizeof *done);
    if (copy->ledger == NULL || copy->ledger->len < LEDGER_RECORD_BYTES ||
        ledger_header_unpack((const unsigned char *)copy->ledger->str, &header) != 0)
        return error_set(err, T("the ledger is gone or damaged: it is the delivery log that can "
                                "fill it (outreach recover)"));
    records = (const unsigned char *)copy->ledger->str;
    r.last = (uint32_t)(copy->ledger->len / LEDGER_RECORD_BYTES - 1);
    r.looked_after = xcalloc(r.last + 1, 1);
    look_at_leases(&r);
    compare(&r, records);
    rc = send_retries(&r, records, header.base_s, err);
    if (rc == 0)
        rc = db_drain(cli->db, 0, err);
    if (rc == 0 && (done->counters > 0 || done->ranges > 0 || done->cursor))
        rc = send_all(&r, err);
    free(r.looked_after);
    free(r.ranges);
    command_free(&r.command);
    return rc;
}
