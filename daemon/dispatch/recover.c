#include "inside.h"

#include "clock.h"
#include "error.h"
#include "keys.h"
#include "log.h"
#include "outcome.h"
#include "replay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * What a dead daemon left: ranges under its leases, and notices with its intent and
 * no outcome. The leases lose their owner; the ledger is read through, and what is
 * `sending` under a fence of the dead epochs becomes uncertain. A claim of retries
 * leaves no trace but their later look: what is parked and due is looked at at once,
 * also what somebody living has claimed, since only one of two intents succeeds.
 * One campaign after the other, one reminder after the other, a piece of a ledger
 * at a time.
 *
 * Of our own last life the delivery log is at hand: an outcome that was learnt while Redis
 * was away, and went down with us, stands there. What it says is no doubt.
 */
#define PIECE 4000                    /* records read at once */
#define LOG_BYTES (INT64_C(64) << 20) /* of the end of our log: many times what Redis can owe */

struct recovery {
    struct dispatch *d;
    struct {
        char name[NAME_BYTES];
        uint32_t epoch;
        void (*done)(void *arg);
        void *arg;
    } order;               /* the latest */
    char name[NAME_BYTES]; /* of the dead daemon */
    uint32_t epoch;        /* the last under which it sent */
    bool busy, superseded; /* superseded: another order came; this one ends at its next step */
    void (*done)(void *arg);
    void *arg;
    reminder_key *keys; /* reminders to be looked at */
    size_t key_count, at;
    char id[CAMPAIGN_ID_BYTES], reminder[NAME_BYTES];
    int64_t base_s;      /* of the reminder's ledger */
    uint32_t last, next; /* numbers: of the reminder, to be read */
    struct moves moves;
    unsigned uncertain, leases, known;
    struct replay *log; /* of our own last life, or NULL */
    uint32_t ref;       /* of the reminder, for the receipts' index */
};

static void next_reminder(struct recovery *r);
static void next_piece(struct recovery *r);
static void start(struct recovery *r);

struct recovery *recovery_create(struct dispatch *d)
{
    struct recovery *r = xcalloc(1, sizeof *r);

    r->d = d;
    return r;
}

void recovery_free(struct recovery *r)
{
    if (r == NULL)
        return;
    free(r->keys);
    replay_free(r->log);
    free(r);
}

bool recovery_busy(const struct recovery *r)
{
    return r->busy;
}

/* ------------------------------------------------------------ a piece of ledger */

static void log_moved(const struct recovery *r, const struct move *m)
{
    struct delivery_event e = DELIVERY_EVENT_INIT;
    struct record record;

    record_unpack(m->wanted, &record);
    e.event = notice_state_name(record.state);
    e.campaign = r->id;
    e.reminder = r->reminder;
    e.reason = notice_reason_name(record.reason);
    e.n = m->n;
    e.fence = record.fence;
    e.attempt = record.attempts;
    e.until_ms = m->retry > 0 ? m->retry : -1;
    delivery_log_add(r->d->log, &e);
}

/* A fence carries the epoch, and an epoch is drawn once, by one daemon: it is enough
 * to know the last under which the dead one sent. Its earlier ones were recovered before
 * it did. */
static bool of_the_dead(const struct recovery *r, const struct record *record)
{
    return record->state == NOTICE_SENDING && record->fence >> 12 == r->epoch;
}

static void on_moved(void *arg, const redisReply *reply)
{
    struct recovery *r = arg;
    enum moves_verdict verdict = MOVES_GONE;
    int64_t seq = 0;

    if (reply->type == REDIS_REPLY_ARRAY)
        verdict = moves_verdict(reply, &seq);
    if (verdict == MOVES_BACK)
        dispatch_went_back(r->d, r->id, r->reminder);
    if (verdict == MOVES_DONE)
        for (size_t i = 0; i < r->moves.count; i++) {
            const struct move *m = &r->moves.list[i];
            const unsigned char *found = moves_differing(reply, m->n);
            struct record now;

            if (found != NULL) { /* settled meanwhile, unless a receipt has only left a mark */
                record_unpack(found, &now);
                if (of_the_dead(r, &now) && m->n < r->next)
                    r->next = m->n;
            } else if (m->believed[0] >> 4 == NOTICE_SENDING &&
                       m->wanted[0] >> 4 != NOTICE_PARKED) {
                log_moved(r, m);
                r->uncertain += m->wanted[0] >> 4 == NOTICE_UNCERTAIN;
            }
        }
    next_piece(r);
}

static bool parked_and_due(const struct recovery *r, const struct record *record, int64_t now_ms)
{
    return record->state == NOTICE_PARKED &&
           (r->base_s + (int64_t)record->settled_s) * 1000 <= now_ms;
}

/* What our own log knows of the attempt that stands there. */
static const struct replay_notice *told_by_log(const struct recovery *r, uint32_t n,
                                               const struct record *record)
{
    const struct replay_reminder *one =
        r->log != NULL ? replay_find(r->log, r->id, r->reminder) : NULL;
    const struct replay_notice *notice = one != NULL ? replay_notice_at(one, n) : NULL;

    return notice != NULL && notice->fence == record->fence ? notice : NULL;
}

static int64_t receipt_wait_of(const struct dispatch *d, const char *gateway)
{
    for (size_t i = 0; i < d->lane_count; i++)
        if (strcmp(d->lanes[i].name, gateway) == 0)
            return d->lanes[i].receipt_wait_ms;
    return RECEIPT_WAIT_MS;
}

/* A receipt finds it by the gateway's id. On the move's connection, and before it. */
static void index_id(struct recovery *r, uint32_t n, const struct replay_notice *notice)
{
    struct receipt_index_id id = {
        .bytes = notice->id,
        .length = strlen(notice->id),
        .entry = {.ref = r->ref, .n = n, .fence = notice->fence, .part = 0, .parts = 1},
    };
    const char *gateway = replay_gateway(r->log, notice->gateway);

    if (gateway == NULL || r->ref == 0)
        return;
    receipt_index_command(&r->d->command, gateway, receipt_wait_of(r->d, gateway), &id, 1,
                          clock_wall_ms());
    db_send(r->d->db, &r->d->command, NULL, NULL);
}

/* False: nobody knows what became of it. */
static bool settle_by_log(struct recovery *r, struct move *m, struct record *record, int64_t now_ms)
{
    const struct replay_notice *notice = told_by_log(r, m->n, record);
    struct record wanted;
    int64_t retry;

    if (notice == NULL ||
        !replay_wants(notice, record, r->base_s, record->gateway, now_ms,
                      r->d->settings->dispatch.doubt_wait_ms, &wanted, &retry) ||
        wanted.state == NOTICE_UNCERTAIN)
        return false;
    if (wanted.ids > 0)
        index_id(r, m->n, notice);
    *record = wanted;
    m->retry = retry;
    r->known++;
    return true;
}

/* Record 0 is the header. */
static void move_piece(struct recovery *r, const unsigned char *records, size_t count,
                       uint32_t from)
{
    int64_t now_ms = clock_wall_ms();
    struct ledger_header header;

    r->moves.count = 0;
    if (from == 0)
        r->base_s = ledger_header_unpack(records, &header) == 0 ? header.base_s : 0;
    for (size_t i = from == 0; i < count; i++) {
        struct record record;
        struct move *m;

        record_unpack(records + i * LEDGER_RECORD_BYTES, &record);
        if (!of_the_dead(r, &record) && !parked_and_due(r, &record, now_ms))
            continue;
        if (r->moves.count == MOVES_MAX) { /* the rest is the next piece */
            r->next = from + (uint32_t)i;
            return;
        }
        m = moves_add(&r->moves);
        m->n = from + (uint32_t)i;
        m->retry = now_ms;
        memcpy(m->believed, records + i * LEDGER_RECORD_BYTES, LEDGER_RECORD_BYTES);
        if (record.state == NOTICE_SENDING &&
            ((record.flags & FLAG_EARLY) != 0 || !settle_by_log(r, m, &record, now_ms))) {
            outcome_doubt(&record);
            /* `hold` is looked at then too, and stays; poison is a person's */
            m->retry = record.state == NOTICE_UNCERTAIN && record.reason != REASON_POISON
                           ? settle_doubt_until(r->d, now_ms)
                           : RETRY_KEEP;
        }
        record_pack(&record, m->wanted);
    }
}

static void on_piece(void *arg, const redisReply *reply)
{
    struct recovery *r = arg;
    uint32_t from = r->next;
    size_t count = reply->type == REDIS_REPLY_STRING ? reply->len / LEDGER_RECORD_BYTES : 0;
    struct moves_target target = {.campaign = r->id,
                                  .reminder = r->reminder,
                                  .now_ms = clock_wall_ms(),
                                  .seq = dispatch_seq(r->d, r->id, r->reminder)};

    if (count == 0) {
        next_reminder(r);
        return;
    }
    r->next = from + (uint32_t)count;
    move_piece(r, (const unsigned char *)reply->str, count, from);
    if (r->moves.count == 0) {
        next_piece(r);
        return;
    }
    moves_command(&r->moves, &target, &r->d->command);
    db_send(r->d->db, &r->d->command, on_moved, r);
}

static void next_piece(struct recovery *r)
{
    struct command *c = &r->d->command;

    if (r->superseded) {
        start(r);
        return;
    }
    if (r->next > r->last) {
        next_reminder(r);
        return;
    }
    command_start(c, "GETRANGE");
    key_ledger(c, r->id, r->reminder);
    command_add_int(c, (int64_t)r->next * LEDGER_RECORD_BYTES);
    command_add_int(c, ((int64_t)r->next + PIECE) * LEDGER_RECORD_BYTES - 1);
    db_send(r->d->db, c, on_piece, r);
}

/* -------------------------------------------------------------- one reminder */

static bool lease_of_the_dead(const struct recovery *r, const char *lease)
{
    size_t n = strlen(r->name);
    unsigned long epoch;

    if (strncmp(lease, r->name, n) != 0 || lease[n] != ':')
        return false;
    epoch = strtoul(lease + n + 1, NULL, 10);
    return epoch <= r->epoch;
}

static void on_leases(void *arg, const redisReply *reply)
{
    struct recovery *r = arg;
    struct command *c = &r->d->command;

    for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i + 1 < reply->elements; i += 2) {
        unsigned long from, to, takeovers;

        if (!lease_of_the_dead(r, reply->element[i]->str) ||
            sscanf(reply->element[i + 1]->str, "%lu %lu %lu", &from, &to, &takeovers) != 3)
            continue;
        command_script(c, SCRIPT_RELEASE, 2);
        key_reminder(c, r->id, r->reminder);
        key_leases(c, r->id, r->reminder);
        command_add_string(c, reply->element[i]->str);
        command_add_int(c, (int64_t)from);
        command_add_int(c, (int64_t)to);
        command_add_int(c, (int64_t)takeovers + 1);
        db_send(r->d->db, c, NULL, NULL);
        r->leases++;
    }
    /* Ranges go back before their intents are looked at: nobody works on them twice,
     * since what is `sending` is not claimed. */
}

/* Counters are believed where they add up: they may have been lost. */
static bool nothing_to_do(const redisReply *reply)
{
    int64_t sum = 0;

    for (size_t s = 0; s < NOTICE_STATES; s++)
        sum += db_int(db_at(reply, 3 + s), 0);
    return sum == db_int(db_at(reply, 2), -1) && db_int(db_at(reply, 3 + NOTICE_PARKED), 0) == 0 &&
           db_int(db_at(reply, 3 + NOTICE_SENDING), 0) == 0;
}

static void on_ref(void *arg, const redisReply *reply)
{
    ((struct recovery *)arg)->ref = (uint32_t)db_int(reply, 0);
}

static void on_counters(void *arg, const redisReply *reply)
{
    struct recovery *r = arg;
    const redisReply *state = db_at(reply, 0);

    if (state == NULL || state->type != REDIS_REPLY_STRING || strcmp(state->str, "open") != 0 ||
        nothing_to_do(reply)) {
        next_reminder(r); /* nothing is parked or being sent in it */
        return;
    }
    r->last = (uint32_t)db_int(db_at(reply, 1), 0);
    r->next = 0;
    next_piece(r);
}

static void next_reminder(struct recovery *r)
{
    struct command *c = &r->d->command;

    if (r->superseded) {
        start(r);
        return;
    }
    if (r->at == r->key_count) {
        r->busy = false;
        if (r->uncertain > 0 || r->leases > 0)
            log_info("recovery.done daemon=%s epoch=%u leases=%u known=%u uncertain=%u", r->name,
                     r->epoch, r->leases, r->known, r->uncertain);
        replay_free(r->log);
        r->log = NULL;
        r->done(r->arg);
        return;
    }
    if (key_split(r->keys[r->at++], r->id, r->reminder) != 0) {
        next_reminder(r);
        return;
    }
    if (strcmp(r->name, r->d->name) != 0) /* else it is our share by now */
        quota_return_campaign(r->d, r->id, r->name);
    command_start(c, "HGETALL");
    key_leases(c, r->id, r->reminder);
    db_send(r->d->db, c, on_leases, r);
    command_start(c, "HGET"); /* it has one since it was opened; a write might be put off */
    command_add_string(c, KEY_REFS);
    command_add_string(c, r->keys[r->at - 1]);
    db_send(r->d->db, c, on_ref, r);
    command_start(c, "HMGET");
    key_reminder(c, r->id, r->reminder);
    command_add_string(c, "state");
    command_add_string(c, "last");
    command_add_string(c, "planned");
    for (int s = 0; s < NOTICE_STATES; s++)
        command_add_format(c, "c%d", s);
    db_send(r->d->db, c, on_counters, r);
}

static void on_surveyed(void *arg, reminder_key *keys, size_t count)
{
    struct recovery *r = arg;

    free(r->keys);
    r->keys = keys;
    r->key_count = count;
    r->at = 0;
    next_reminder(r);
}

/* The end of it is enough: what is older was settled while we lived. Before anything is
 * begun, so this may take its time. */
static struct replay *read_own_log(const struct dispatch *d)
{
    char *rotated = xasprintf("%s.1", d->settings->log.delivery);
    struct replay *log = replay_create();
    struct error err;
    int64_t done, total;

    replay_add(log, rotated, LOG_BYTES, &err); /* there need not be one */
    if (replay_add(log, d->settings->log.delivery, LOG_BYTES, &err) != 0)
        log_warning("recovery.no_log reason=%s", log_quote(err.text));
    while (replay_read(log, &done, &total, &err) == 1)
        ;
    free(rotated);
    return log;
}

static void start(struct recovery *r)
{
    r->superseded = false;
    snprintf(r->name, sizeof r->name, "%s", r->order.name);
    r->epoch = r->order.epoch;
    r->done = r->order.done;
    r->arg = r->order.arg;
    r->uncertain = r->leases = r->known = 0;
    replay_free(r->log);
    r->log = strcmp(r->name, r->d->name) == 0 ? read_own_log(r->d) : NULL;
    survey(r->d, on_surveyed, r);
}

void recovery_begin(struct recovery *r, const char *name, uint32_t epoch, void (*done)(void *arg),
                    void *arg)
{
    snprintf(r->order.name, sizeof r->order.name, "%s", name);
    r->order.epoch = epoch;
    r->order.done = done;
    r->order.arg = arg;
    if (r->busy) { /* two at once would read past each other's pieces */
        r->superseded = true;
        return;
    }
    r->busy = true;
    start(r);
}
