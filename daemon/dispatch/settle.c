#include "inside.h"

#include "clock.h"
#include "fault.h"
#include "keys.h"
#include "last_notice.h"
#include "log.h"
#include "outcome.h"

#include <assert.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRIES 3
#define GATHER_US 2000  /* fewer than GATHER_LEAST outcomes wait so long for others: */
#define GATHER_LEAST 96 /* a script, and its share of an fsync, cost more than they do */
#define UNSENT_MS 1000  /* what never left is looked at again */
#define BROKEN_MS 5000  /* elsewhere, or when the circuit closes */
#define THROTTLED_MS 1000
#define SECONDS_20 0xfffffu

static struct settling *settling_take(struct job *job)
{
    struct dispatch *d = job->d;
    struct settling *s = spare_take(&d->spare_settlings);

    if (s == NULL)
        s = xcalloc(1, sizeof *s);
    s->job = job;
    s->moves.count = 0;
    s->id_count = 0;
    s->id_lane = NULL;
    arena_reset(&s->bytes);
    return s;
}

static void settling_give_back(struct settling *s)
{
    struct dispatch *d = s->job->d;

    s->job->asks--;
    d->settlings--;
    spare_give(&d->spare_settlings, s);
}

static void settling_free(void *object)
{
    struct settling *s = object;

    arena_free(&s->bytes);
    free(s);
}

void settlings_trim(struct dispatch *d)
{
    spare_trim(&d->spare_settlings, settling_free);
}

void settlings_free(struct dispatch *d)
{
    spare_free(&d->spare_settlings, settling_free);
}

/* -------------------------------------------------------- writing down a move */

/* Enough of them, and n was claimed, and has its intent, with others: it would be a range of its
 * own in one script with theirs. */
static bool another_range(const struct settling *s, const struct notice *n)
{
    size_t count = s->moves.count;

    return count >= GATHER_LEAST &&
           ((const struct notice *)s->moves.list[count - 1].owner)->batch != n->batch;
}

static struct settling *room_for(const struct notice *n, size_t ids)
{
    struct job *job = n->batch->job;
    struct settling *s = job->settling;

    if (s != NULL &&
        (s->moves.count >= GROUP_MAX || s->id_count + ids > MOVES_MAX ||
         (ids > 0 && s->id_lane != NULL && s->id_lane != n->lane) || another_range(s, n)))
        settle_flush(job);
    if (job->settling == NULL)
        job->settling = settling_take(job);
    return job->settling;
}

/* n shall be r, with its place in the retry set. */
static struct settling *settle_move(struct notice *n, const struct record *r, int64_t retry,
                                    size_t ids)
{
    struct job *job = n->batch->job;
    struct settling *s = room_for(n, ids);
    struct move *m = moves_add(&s->moves);

    if (s->moves.count == 1)
        s->begun_us = clock_mono_us();
    m->n = n->n;
    m->owner = n;
    m->retry = retry;
    memcpy(m->believed, n->record, LEDGER_RECORD_BYTES);
    record_pack(r, m->wanted);
    dispatch_ask_turn(job->d);
    return s;
}

static void log_outcome(struct notice *n, const char *event, const struct record *r, const char *id,
                        size_t id_length, const char *code, const char *words, int64_t until_ms)
{
    struct delivery_event e = DELIVERY_EVENT_INIT;
    const struct job *job = n->batch->job;

    e.event = event;
    e.campaign = job->id;
    e.reminder = job->name;
    e.gateway = n->lane != NULL ? n->lane->name : NULL;
    e.reason = notice_reason_name(r->reason);
    e.code = code;
    e.words = words;
    e.to = n->message.to;
    e.to_length = n->message.to_length;
    e.hash = n->hash;
    e.id = id;
    e.id_length = id_length;
    e.n = n->n;
    e.fence = r->fence;
    e.attempt = r->attempts;
    e.segments = r->segments;
    if (strcmp(event, "next-channel") == 0)
        e.step = r->step;
    e.until_ms = until_ms > 0 ? until_ms : -1;
    if (n->submitted_us > 0) {
        e.queued_ms = (n->limited_us - n->ready_us) / 1000;
        e.limited_ms = (n->submitted_us - n->limited_us) / 1000;
        e.submit_ms = (dispatch_pass_us(job->d) - n->submitted_us) / 1000;
    }
    e.at_ms = dispatch_pass_ms(job->d);
    delivery_log_add(job->d->log, &e);
}

/* Where a notice stands in the retry set before a move. */
static int64_t leave_retry(const struct record *old)
{
    return old->state == NOTICE_PARKED || old->state == NOTICE_UNCERTAIN ? RETRY_REMOVE
                                                                         : RETRY_KEEP;
}

static uint32_t seconds_since(const struct job *job, int64_t ms)
{
    int64_t s = ms / 1000 - job->base_s;

    return s < 0 ? 0 : s > SECONDS_20 ? SECONDS_20 : (uint32_t)s;
}

static void park_record(struct notice *n, struct record *r, enum notice_reason reason,
                        int64_t until_ms)
{
    struct job *job = n->batch->job;

    if (until_ms > job->expires_ms)
        until_ms = job->expires_ms;
    r->state = NOTICE_PARKED;
    r->reason = reason;
    r->settled_s = seconds_since(job, until_ms);
    settle_move(n, r, until_ms > 0 ? until_ms : 1, 0);
}

void settle_park(struct notice *n, enum notice_reason reason, int64_t until_ms)
{
    struct record r;

    record_unpack(n->record, &r);
    park_record(n, &r, reason, until_ms);
    log_outcome(n, "held", &r, NULL, 0, NULL, NULL, until_ms);
}

void settle_forget(struct notice *n)
{
    struct record r;

    record_unpack(n->record, &r);
    settle_move(n, &r, RETRY_REMOVE, 0);
}

/* settled_s of one in doubt says that it was asked about: see ask_provider(). */
void settle_asked(struct notice *n, int64_t until_ms)
{
    struct record r;
    uint32_t asked_s;

    record_unpack(n->record, &r);
    asked_s = seconds_since(n->batch->job, clock_wall_ms());
    r.settled_s = asked_s > r.intended_s ? asked_s - r.intended_s : 1;
    settle_move(n, &r, until_ms, 0);
}

void settle_resend(struct notice *n)
{
    struct record r;

    record_unpack(n->record, &r);
    r.flags |= FLAG_RESENT;
    park_record(n, &r, r.reason, clock_wall_ms());
    log_outcome(n, "resend", &r, NULL, 0, NULL, NULL, 0);
}

void settle_as(struct notice *n, enum notice_state state, enum notice_reason reason)
{
    struct record r, old;

    record_unpack(n->record, &old);
    r = old;
    r.state = state;
    r.reason = reason;
    r.settled_s = 0;
    settle_move(n, &r, leave_retry(&old), 0);
    log_outcome(n, notice_state_name(state), &r, NULL, 0, NULL, NULL, 0);
}

/* ------------------------------------------------------------------ outcomes */

/* Exponential, with full jitter above the half, capped: retries of one outage
 * must not come back as one wave. */
static int64_t back_off(const struct dispatch *d, unsigned attempts, int64_t asked_ms)
{
    int64_t ms = d->settings->dispatch.backoff_ms;

    for (unsigned i = 1; i < attempts && ms < d->settings->dispatch.backoff_max_ms; i++)
        ms *= 2;
    if (ms > d->settings->dispatch.backoff_max_ms)
        ms = d->settings->dispatch.backoff_max_ms;
    ms = ms / 2 + (int64_t)randombytes_uniform((uint32_t)(ms / 2 + 1));
    return ms > asked_ms ? ms : asked_ms;
}

static void spend_attempt(struct record *r)
{
    if (r->attempts < LEDGER_MAX_ATTEMPTS)
        r->attempts++;
}

/* When what was accepted goes to the next channel if no receipt has come: its place in the
 * retry set. Only where a receipt is to come, and this person has another address; and not later
 * than it would be final. */
static int64_t fall_back_at(const struct notice *n, const struct record *r)
{
    const struct job *job = n->batch->job;
    const struct campaign *c = job->campaign;

    if (c->fallback_after_ms == 0 || r->state != NOTICE_ACCEPTED || r->ids == 0 ||
        n->others == NULL)
        return RETRY_KEEP;
    for (size_t k = r->step + 1; k < c->channel_count; k++)
        if ((c->reminders[job->reminder].channel_mask & 1u << k) != 0 && n->others[k][0] != '\0' &&
            gateway_serves(job->d->gateways, c->channels[k], (enum gateway_class)c->class,
                           c->to_group))
            return clock_wall_ms() + (c->fallback_after_ms < n->lane->receipt_wait_ms
                                          ? c->fallback_after_ms
                                          : n->lane->receipt_wait_ms);
    return RETRY_KEEP;
}

static void settle_accepted(struct notice *n, struct record *r, const struct gateway_answer *a,
                            int64_t now_us)
{
    struct job *job = n->batch->job;
    struct lane *lane = n->lane;
    bool receipts = (lane->config->capabilities & GATEWAY_SENDS_RECEIPTS) != 0;
    size_t ids = receipts ? a->id_count : 0;
    struct settling *s;
    int64_t until;

    spend_attempt(r);
    r->state = (r->flags & FLAG_EARLY) != 0 ? NOTICE_DELIVERED : NOTICE_ACCEPTED;
    r->flags |= FLAG_TOLD;
    r->reason = REASON_NONE;
    r->segments =
        n->message.segments < 15 ? n->message.segments : 15; /* a neutral text has others */
    r->ids = (unsigned)ids;
    r->settled_s = (uint32_t)((now_us - n->submitted_us) / 1000000) & SECONDS_20;
    until = fall_back_at(n, r);
    s = settle_move(n, r, until, ids);
    for (size_t i = 0; i < ids; i++) {
        if (a->ids[i].length == 0 || a->ids[i].length > 64)
            continue;
        s->id_lane = lane;
        s->ids[s->id_count++] = (struct receipt_index_id){
            .bytes = arena_strndup(&s->bytes, a->ids[i].bytes, a->ids[i].length),
            .length = a->ids[i].length,
            .entry = {.ref = job->ref,
                      .n = n->n,
                      .fence = r->fence,
                      .part = (unsigned)i,
                      .parts = (unsigned)ids},
        };
    }
    log_outcome(n, "accepted", r, a->id_count > 0 ? a->ids[0].bytes : NULL,
                a->id_count > 0 ? a->ids[0].length : 0, a->code, NULL, until);
}

void settle_next_channel(struct notice *n, struct record *r, enum notice_reason reason,
                         const char *code, const char *words)
{
    struct job *job = n->batch->job;

    if ((r->flags & FLAG_EARLY) != 0) { /* an earlier attempt did arrive after all */
        r->state = NOTICE_DELIVERED;
        r->reason = REASON_NONE;
        settle_move(n, r, RETRY_KEEP, 0);
        log_outcome(n, "delivered", r, NULL, 0, code, words, 0);
        return;
    }
    if ((r->flags & FLAG_TOLD) == 0)
        intent_return_cap(n);
    if (r->step + 1 < job->campaign->channel_count && !job->campaign->sensitive) {
        r->step++;
        r->attempts = 0;
        park_record(n, r, reason, clock_wall_ms());
        log_outcome(n, "next-channel", r, NULL, 0, code, words, 0);
        return;
    }
    /* What a gateway once took, and was not delivered, is not the same as never taken. */
    r->state = (r->flags & FLAG_TOLD) != 0 ? NOTICE_UNDELIVERED : NOTICE_FAILED;
    r->reason = reason;
    settle_move(n, r, RETRY_KEEP, 0);
    log_outcome(n, notice_state_name(r->state), r, NULL, 0, code, words, 0);
}

void settle_no_receipt(struct notice *n)
{
    struct record r;

    record_unpack(n->record, &r);
    settle_next_channel(n, &r, REASON_NO_RECEIPT, NULL, NULL);
}

static void settle_retry(struct notice *n, struct record *r, const struct gateway_answer *a)
{
    struct dispatch *d = n->batch->job->d;
    int64_t until;

    spend_attempt(r);
    if (r->attempts >= (unsigned)d->settings->dispatch.attempts) {
        settle_next_channel(n, r, REASON_ATTEMPTS, a->code, a->words);
        return;
    }
    until = clock_wall_ms() + back_off(d, r->attempts, a->retry_after_ms);
    park_record(n, r,
                a->reason != GATEWAY_REASON_NONE ? (enum notice_reason)a->reason : REASON_OUTAGE,
                until);
    log_outcome(n, "retry", r, NULL, 0, a->code, a->words, until);
}

static void settle_throttled(struct notice *n, struct record *r, const struct gateway_answer *a)
{
    int64_t wait = a->retry_after_ms > THROTTLED_MS ? a->retry_after_ms : THROTTLED_MS;
    int64_t least = a->retry_after_ms > 0 ? a->retry_after_ms : wait / 2; /* not before it says */
    int64_t until = clock_wall_ms() + least + (int64_t)randombytes_uniform((uint32_t)wait);

    limit_throttled(&n->lane->rate->share.limit, clock_mono_us());
    park_record(n, r, REASON_THROTTLED, until);
    log_outcome(n, "throttled", r, NULL, 0, a->code, a->words, until);
}

static void settle_rejected(struct notice *n, struct record *r, const struct gateway_answer *a)
{
    spend_attempt(r);
    if (a->partial) { /* the phone has seen a piece of it: never repeated whole on this channel */
        r->flags |= FLAG_TOLD;
        settle_next_channel(n, r, REASON_PARTIAL, a->code, a->words);
        return;
    }
    settle_next_channel(
        n, r, a->reason != GATEWAY_REASON_NONE ? (enum notice_reason)a->reason : REASON_OTHER,
        a->code, a->words);
}

/* A gateway's matter, which costs the notice nothing; unless the gateway did well until it
 * had this notice, again and again. */
static void settle_broken(struct notice *n, struct record *r, const struct gateway_answer *a)
{
    enum notice_reason reason =
        a->reason != GATEWAY_REASON_NONE ? (enum notice_reason)a->reason : REASON_OTHER;
    int64_t until =
        clock_wall_ms() + (a->retry_after_ms > BROKEN_MS ? a->retry_after_ms : BROKEN_MS);

    if (gateway_blames(n->lane->gateway)) {
        spend_attempt(r);
        if (r->attempts >= (unsigned)n->batch->job->d->settings->dispatch.attempts) {
            settle_next_channel(n, r, reason, a->code, a->words);
            return;
        }
    }
    park_record(n, r, reason, until);
    log_outcome(n, "broken", r, NULL, 0, a->code, a->words, until);
}

/* Those that were under way together are not sent together once more: if one of them has cost
 * the others their answers, it shall not do so at every attempt. */
int64_t settle_doubt_until(const struct dispatch *d, int64_t now_ms)
{
    int64_t wait_ms = d->settings->dispatch.doubt_wait_ms;

    return now_ms + wait_ms + (int64_t)randombytes_uniform((uint32_t)(wait_ms / 2) + 1);
}

static void settle_unknown(struct notice *n, struct record *r, const struct gateway_answer *a)
{
    struct job *job = n->batch->job;
    bool resend = job->campaign->reminders[job->reminder].doubt == DOUBT_RESEND;
    int64_t until = settle_doubt_until(job->d, clock_wall_ms());

    spend_attempt(r);
    r->state = NOTICE_UNCERTAIN;
    r->reason = REASON_NO_ANSWER;
    settle_move(n, r, resend ? until : RETRY_KEEP, 0);
    log_outcome(n, "uncertain", r, NULL, 0, a->code, a->words, resend ? until : 0);
}

void settle_answer(struct notice *n, const struct gateway_answer *a)
{
    struct record r;
    int64_t until, now_us;

    record_unpack(n->record, &r);
    if (a->outcome != GATEWAY_ACCEPTED && a->outcome != GATEWAY_UNKNOWN && !a->partial)
        intent_return_number(n);
    switch (a->outcome) {
    case GATEWAY_ACCEPTED:
        now_us = dispatch_pass_us(n->lane->d);
        limit_accepted(&n->lane->rate->share.limit,
                       n->lane->config->count == GATEWAY_COUNT_SEGMENTS ? n->message.segments : 1,
                       now_us);
        purse_spend(n->lane, n->message.segments);
        settle_accepted(n, &r, a, now_us);
        break;
    case GATEWAY_THROTTLED:
        settle_throttled(n, &r, a);
        break;
    case GATEWAY_UNSENT:
        until = clock_wall_ms() + UNSENT_MS;
        park_record(n, &r, REASON_TURN, until);
        log_outcome(n, "unsent", &r, NULL, 0, a->code, a->words, until);
        break;
    case GATEWAY_RETRY:
        if (a->partial)
            settle_rejected(n, &r, a);
        else
            settle_retry(n, &r, a);
        break;
    case GATEWAY_REJECTED:
        settle_rejected(n, &r, a);
        break;
    case GATEWAY_BROKEN:
        settle_broken(n, &r, a);
        break;
    case GATEWAY_UNKNOWN:
        settle_unknown(n, &r, a);
        break;
    }
}

/* ---------------------------------------------------------- to Redis and back */

/* What stands there differs from what was believed. An outcome is judged by its
 * fence: the record takes it if it still is that attempt's, and the move is allowed. */
static void settle_again(struct settling *s, struct move *m, const unsigned char *found)
{
    struct notice *n = m->owner;
    struct record now, wanted;
    int64_t retry = m->retry;
    enum outcome_effect effect;

    record_unpack(found, &now);
    record_unpack(m->wanted, &wanted);
    if (memcmp(m->believed, m->wanted, LEDGER_RECORD_BYTES) == 0) { /* see settle_forget() */
        batch_settled(n);
        return;
    }
    effect = outcome_apply(&now, &wanted, &retry);
    if (effect == OUTCOME_MOVES && ++n->tries <= TRIES) {
        memcpy(n->record, found, LEDGER_RECORD_BYTES);
        settle_move(n, &wanted, retry, 0);
        return;
    }
    if (effect != OUTCOME_DONE) {
        log_info("outcome.refused campaign=%s reminder=%s n=%u stands=%s wanted=%s", s->job->id,
                 s->job->name, n->n, notice_state_name(now.state), notice_state_name(wanted.state));
    }
    if (effect == OUTCOME_REFUSED && now.fence == 0 && n->submitted_us > 0)
        job_halt_back(s->job); /* our intent stood there */
    batch_settled(n);
}

static void on_settled(void *arg, const redisReply *reply)
{
    struct settling *s = arg;
    struct job *job = s->job;
    enum moves_verdict verdict;

    FAULT_POINT("W7");
    if (reply->type != REDIS_REPLY_ARRAY) {
        log_error("settle.error campaign=%s reminder=%s reply=%s", job->id, job->name,
                  log_quote(reply->str ? reply->str : ""));
        verdict = MOVES_GONE;
    } else {
        verdict = moves_verdict(reply, &job->seq);
    }
    if (verdict != MOVES_DONE)
        log_error("settle.lost campaign=%s reminder=%s notices=%zu reason=\"Redis has lost its "
                  "ledger or went back: "
                  "the delivery log has these outcomes\"",
                  job->id, job->name, s->moves.count);
    if (verdict == MOVES_BACK)
        job_halt_back(job);
    for (size_t i = 0; i < s->moves.count; i++) {
        struct move *m = &s->moves.list[i];
        const unsigned char *found =
            verdict == MOVES_DONE && reply->elements > 2 ? moves_differing(reply, m->n) : NULL;

        if (found != NULL)
            settle_again(s, m, found);
        else
            batch_settled(m->owner);
    }
    settling_give_back(s);
    dispatch_ask_turn(job->d);
}

/* Receipts that were faster than their ids: inbound/ looks for them anew. */
static void on_indexed(void *arg, const redisReply *reply)
{
    struct lane *lane = arg;

    if (reply->type == REDIS_REPLY_ARRAY && reply->elements >= 2)
        FAULT_POINT("W8-join");
    if (reply->type == REDIS_REPLY_ARRAY && reply->elements >= 2 && lane->d->options.early != NULL)
        for (size_t i = 0; i + 1 < reply->elements; i += 2)
            lane->d->options.early(lane->d->options.arg, lane->gateway, reply->element[i]->str,
                                   reply->element[i]->len, reply->element[i + 1]->str,
                                   reply->element[i + 1]->len);
}

/* What a reply of theirs will mean, where the campaign listens. */
static void tell_last(const struct settling *s, struct db *db, int64_t now_ms)
{
    struct last_notice_of told[GROUP_MAX];
    struct command *c = &s->job->d->command;
    size_t count = 0;

    for (size_t i = 0; i < s->moves.count && count < GROUP_MAX; i++) {
        const struct notice *n = s->moves.list[i].owner;
        struct record r;

        record_unpack(s->moves.list[i].wanted, &r);
        if (r.state == NOTICE_ACCEPTED && n->message.to_length > 0)
            told[count++] = (struct last_notice_of){n->message.to,
                                                    n->message.to_length,
                                                    {s->job->ref, n->n, (uint32_t)(now_ms / 1000)}};
    }
    if (count == 0)
        return;
    last_notice_put_command(c, told, count, now_ms);
    command_unordered(c);
    db_try(db, c, NULL, NULL);
}

void settle_flush(struct job *job)
{
    struct settling *s = job->settling;
    struct dispatch *d = job->d;
    struct moves_target target;
    struct db *db;

    if (s == NULL || s->moves.count == 0)
        return;
    job->settling = NULL;
    job->asks++;
    d->settlings++;
    target = (struct moves_target){.campaign = job->id,
                                   .reminder = job->name,
                                   .now_ms = clock_wall_ms(),
                                   .version = job->version,
                                   .seq = job->seq};
    db = dispatch_stripe(d); /* the index before the outcome: on one connection */
    if (s->id_count > 0) {
        receipt_index_command(&d->command, s->id_lane->name, s->id_lane->receipt_wait_ms, s->ids,
                              s->id_count, target.now_ms);
        db_send(db, &d->command, on_indexed, s->id_lane);
    }
    if (job->campaign->replies != NULL)
        tell_last(s, db, target.now_ms);
    moves_command(&s->moves, &target, &d->command);
    db_send(db, &d->command, on_settled, s);
    d->settles = true;
}

void settle_all(struct dispatch *d)
{
    for (struct job *job = d->jobs; job != NULL; job = job->next)
        settle_flush(job);
}

void settle_gathered(struct dispatch *d)
{
    static const struct timeval later = {0, GATHER_US};
    int64_t now_us = clock_mono_us();
    bool kept = false;

    for (struct job *job = d->jobs; job != NULL; job = job->next) {
        const struct settling *s = job->settling;

        if (s == NULL || s->moves.count == 0)
            continue;
        if (s->moves.count >= GATHER_LEAST || now_us - s->begun_us >= GATHER_US || d->draining)
            settle_flush(job);
        else
            kept = true;
    }
    if (kept && !evtimer_pending(d->gather, NULL))
        evtimer_add(d->gather, &later);
}
