#include "inside.h"

#include "clock.h"
#include "keys.h"
#include "language.h"
#include "log.h"

#include <stdlib.h>
#include <string.h>

#define ERASED_MOST 64 /* neighbours at once: people are erased one by one */

/* A run of neighbours whose records and rows are being read. */
struct reading {
    struct batch *batch;
    size_t first, count; /* in batch->notices */
    bool again;          /* some had no row: is the list still there? */
    bool gone;           /* it is not */
};

struct batch *batch_take(struct job *job)
{
    struct dispatch *d = job->d;
    struct batch *b = spare_take(&d->spare_batches);

    if (b != NULL) {
        struct notice *notices = b->notices;
        struct arena texts = b->texts;

        memset(b, 0, sizeof *b);
        b->notices = notices;
        b->texts = texts;
    } else {
        b = xcalloc(1, sizeof *b);
        b->notices = xcalloc(GROUP_MAX, sizeof *b->notices);
    }
    arena_reset(&b->texts);
    b->job = job;
    b->db = dispatch_stripe(d);
    job->batches++;
    return b;
}

static void batch_free(void *object)
{
    struct batch *b = object;

    arena_free(&b->texts);
    free(b->notices);
    free(b);
}

void batches_trim(struct dispatch *d)
{
    spare_trim(&d->spare_batches, batch_free);
}

void batches_free(struct dispatch *d)
{
    spare_free(&d->spare_batches, batch_free);
}

void lease_give_back(struct job *job, struct db *db, const char *lease, uint32_t from, uint32_t to,
                     unsigned takeovers)
{
    struct command *c = &job->d->command;

    command_script(c, SCRIPT_RELEASE, 2);
    key_reminder(c, job->id, job->name);
    key_leases(c, job->id, job->name);
    command_add_string(c, lease);
    command_add_int(c, from);
    command_add_int(c, to);
    command_add_int(c, takeovers);
    db_send(db, c, NULL, NULL);
}

static void on_suspicious_end(void *arg, const redisReply *reply)
{
    struct job *job = arg;

    (void)reply;
    job->asks--;
    if (job->state == JOB_OPEN)
        job->wake_ms = 0;
    dispatch_ask_turn(job->d);
}

/* Of the suspicious one is worked at a time: the next may be claimed when this lease has ended, and
 * is not to be waited for. */
static void lease_end(const struct batch *b)
{
    struct job *job = b->job;
    struct command *c = &job->d->command;
    bool suspicious = b->takeovers >= TAKEOVERS_SUSPICIOUS;

    command_script(c, SCRIPT_RELEASE, 2);
    key_reminder(c, job->id, job->name);
    key_leases(c, job->id, job->name);
    command_add_string(c, b->lease);
    if (!suspicious)
        command_can_wait(c);
    job->asks += suspicious;
    db_send(b->db, c, suspicious ? on_suspicious_end : NULL, suspicious ? job : NULL);
}

/* All of it is settled, or given up: the lease ends. */
static void batch_close(struct batch *b)
{
    struct job *job = b->job;
    struct dispatch *d = job->d;

    if (b->from != 0 && b->give_back)
        lease_give_back(job, b->db, b->lease, b->from, b->to, b->takeovers);
    else if (b->from != 0)
        lease_end(b);
    d->in_memory -= b->count;
    job->in_memory -= b->count;
    job->batches--;
    spare_give(&d->spare_batches, b);
    dispatch_ask_turn(d);
}

void batch_settled(struct notice *n)
{
    struct batch *b = n->batch;

    if (--b->open == 0 && b->waiting_replies == 0)
        batch_close(b);
}

/* N of an id "N-0". */
static uint32_t row_number(const redisReply *row)
{
    const redisReply *id = db_at(row, 0);
    uint32_t n = 0;

    if (id != NULL && id->str != NULL)
        for (const char *s = id->str; *s >= '0' && *s <= '9'; s++)
            n = n * 10 + (uint32_t)(*s - '0');
    return n;
}

/* Who is no notice of this reminder has nothing to wait for. */
static void retry_drop(const struct job *job, uint32_t number)
{
    struct command *c = &job->d->command;

    log_warning("retry.damaged campaign=%s reminder=%s n=%u", job->id, job->name, number);
    command_start(c, "ZREM");
    key_retry(c, job->id, job->name);
    command_add_int(c, number);
    db_send(job->d->db, c, NULL, NULL);
}

/* Rows come in the order of their numbers, perhaps with gaps: a number without a
 * row was erased. */
static void prepare_run(const struct reading *run, const redisReply *rows)
{
    struct batch *b = run->batch;
    size_t at = 0;
    int64_t now_ms = clock_wall_ms();

    for (size_t i = 0; i < run->count; i++) {
        struct notice *n = &b->notices[run->first + i];
        const redisReply *row = NULL, *value;

        while (rows != NULL && at < rows->elements) {
            uint32_t number = row_number(rows->element[at]);

            if (number >= n->n) {
                if (number == n->n)
                    row = rows->element[at];
                break;
            }
            at++;
        }
        value = db_at(db_at(row, 1), 1);
        if (n->absent) {
            retry_drop(b->job, n->n);
            batch_settled(n);
            continue;
        }
        prepare_notice(n, value ? value->str : NULL, value ? value->len : 0, now_ms);
    }
}

static void run_done(const struct reading *run)
{
    struct batch *b = run->batch;

    b->waiting_replies--;
    b->job->coming -= run->count;
    if (b->open == 0 && b->waiting_replies == 0)
        batch_close(b);
    dispatch_ask_turn(b->job->d);
}

static void read_rows(struct reading *run);

static void on_list(void *arg, const redisReply *reply)
{
    ((struct reading *)arg)->gone = db_int(reply, 0) == 0;
}

static void give_run_back(const struct reading *run, const char *why)
{
    struct batch *b = run->batch;

    job_halt(b->job, why);
    b->give_back = true;
    for (size_t i = 0; i < run->count; i++)
        batch_settled(&b->notices[run->first + i]);
}

static void on_rows(void *arg, const redisReply *reply)
{
    struct reading *run = arg;
    bool sending = run->batch->sweep == SWEEP_NO; /* a sweep goes on without them */

    if (reply->type != REDIS_REPLY_ARRAY) { /* never a reason to call anybody erased */
        log_error("rows.error campaign=%s reply=%s", run->batch->job->id,
                  log_quote(reply->str ? reply->str : ""));
        give_run_back(run, N_("its audience cannot be read"));
    } else if (sending && (run->gone || (reply->elements == 0 && run->count >= ERASED_MOST))) {
        give_run_back(run, N_("its list is not in Redis any more: nothing of it is sent"));
    } else if (sending && reply->elements < run->count && !run->again) { /* or is the list gone? */
        run->again = true;
        read_rows(run);
        return;
    } else {
        prepare_run(run, reply);
    }
    run_done(run);
}

/* The second time whether there is a list comes with its rows: Redis does what one write
 * brought in one go. */
static void read_rows(struct reading *run)
{
    struct batch *b = run->batch;
    struct command *c = &b->job->d->command;

    if (run->again) {
        command_start(c, "EXISTS");
        key_rows(c, b->job->id, b->job->name);
        db_send(b->db, c, on_list, run);
    }
    command_start(c, "XRANGE");
    key_rows(c, b->job->id, b->job->name);
    command_add_format(c, "%u-0", b->notices[run->first].n);
    command_add_format(c, "%u-0", b->notices[run->first + run->count - 1].n);
    if (job_is_ahead(b->job))
        command_can_wait(c);
    db_send(b->db, c, on_rows, run);
}

/* A sweep needs them only to give back what its notices have reserved: what nobody has touched
 * has reserved nothing. */
static bool wants_rows(const struct batch *b)
{
    return b->sweep == SWEEP_NO || (!b->fresh && b->job->rule_count > 0);
}

static void on_records(void *arg, const redisReply *reply)
{
    struct reading *run = arg;
    struct batch *b = run->batch;

    for (size_t i = 0; i < run->count; i++) {
        struct notice *n = &b->notices[run->first + i];

        if (reply->type == REDIS_REPLY_STRING && reply->len >= (i + 1) * LEDGER_RECORD_BYTES)
            memcpy(n->record, reply->str + i * LEDGER_RECORD_BYTES, LEDGER_RECORD_BYTES);
        else if (b->from == 0 && reply->type == REDIS_REPLY_STRING)
            n->absent = true; /* beyond the end of the ledger */
    }
    if (wants_rows(b))
        return; /* their answer is next */
    prepare_run(run, NULL);
    run_done(run);
}

static void read_run(struct batch *b, size_t first, size_t count)
{
    struct job *job = b->job;
    struct dispatch *d = job->d;
    struct reading *run = arena_alloc(&b->texts, sizeof *run);
    uint32_t from = b->notices[first].n, to = b->notices[first + count - 1].n;

    *run = (struct reading){.batch = b, .first = first, .count = count};
    if (!b->fresh) {
        command_start(&d->command, "GETRANGE");
        key_ledger(&d->command, job->id, job->name);
        command_add_int(&d->command, (int64_t)from * LEDGER_RECORD_BYTES);
        command_add_int(&d->command, (int64_t)(to + 1) * LEDGER_RECORD_BYTES - 1);
        db_send(b->db, &d->command, on_records, run);
    }
    if (wants_rows(b)) {
        read_rows(run);
    } else if (b->fresh) {
        prepare_run(run, NULL);
        run_done(run);
    }
}

static int by_number(const void *a, const void *b)
{
    uint32_t x = ((const struct notice *)a)->n, y = ((const struct notice *)b)->n;

    return x < y ? -1 : x > y;
}

void batch_read(struct batch *b)
{
    size_t first[GROUP_MAX], length[GROUP_MAX], runs = 0;

    b->job->coming += b->count;
    b->job->d->in_memory += b->count;
    b->job->in_memory += b->count;
    b->open = b->count;
    if (b->from == 0)
        qsort(b->notices, b->count, sizeof *b->notices, by_number);
    for (size_t i = 0; i < b->count; i++) {
        if (i > 0 && b->notices[i].n == b->notices[i - 1].n + 1) {
            length[runs - 1]++;
        } else {
            first[runs] = i;
            length[runs++] = 1;
        }
    }
    b->waiting_replies = runs;
    if (runs == 0) {
        b->give_back = false;
        batch_close(b);
        return;
    }
    for (size_t r = 0; r < runs; r++) /* the last one may close b */
        read_run(b, first[r], length[r]);
}
