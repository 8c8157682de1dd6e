#include "inside.h"

#include "clock.h"
#include "builtin.h"
#include "decide.h"
#include "earlier.h"
#include "keys.h"
#include "language.h"
#include "log.h"
#include "outcome.h"
#include "places.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define GATE_AGAIN_MS 1000
#define EARLIER_AGAIN_MS 60000 /* what other ledgers say cannot be read */

static struct intent *intent_take(struct dispatch *d)
{
    struct intent *i = spare_take(&d->spare_intents);

    if (i == NULL)
        i = xcalloc(1, sizeof *i);
    i->moves.count = 0;
    memset(i->refused, NOT_REFUSED, sizeof i->refused);
    memset(i->differs, 0, sizeof i->differs);
    memset(i->reasons, REASON_NONE, sizeof i->reasons);
    i->unanswered = false;
    i->safe_asked = false;
    d->intents++;
    return i;
}

static void intent_give_back(struct intent *i)
{
    struct dispatch *d = i->lane->d;

    i->job->asks--;
    d->intents--;
    spare_give(&d->spare_intents, i);
}

void intents_trim(struct dispatch *d)
{
    spare_trim(&d->spare_intents, free);
}

void intents_free(struct dispatch *d)
{
    spare_free(&d->spare_intents, free);
}

struct notice *intent_notice(const struct intent *i, size_t k)
{
    return i->moves.list[k].owner;
}

/* ------------------------------------------------------------ after the gate */

/* Something else stands in the ledger than was believed: another daemon, a
 * receipt or a sweep was here. What waits as it did is tried again, the rest is not ours.
 * Our own intent, which stood and then had us taken for dead before its answer was
 * heard, has sent nothing: it goes back. */
static void intent_differs(struct intent *i, const struct move *m, const unsigned char *found)
{
    struct notice *n = m->owner;
    struct record r, ours, believed;
    bool again;

    lane_behind(i->lane, n);
    record_unpack(n->record, &believed);
    record_unpack(m->wanted, &ours);
    record_unpack(found, &r);
    if (r.fence == ours.fence && r.state == NOTICE_UNCERTAIN) {
        memcpy(n->record, m->wanted, LEDGER_RECORD_BYTES);
        settle_answer(n, &(struct gateway_answer){.outcome = GATEWAY_UNSENT});
        return;
    }
    memcpy(n->record, found, LEDGER_RECORD_BYTES);
    again = intent_may_try_again(&believed, &r) && ++n->tries < 3;
    if (again && !i->lane->d->draining) {
        lane_add(i->lane, n);
        return;
    }
    n->batch->give_back = n->batch->give_back || again;
    batch_settled(n);
}

/* The script refused the whole: nothing of it was written. */
static void intent_refused(struct intent *i, struct notice *n)
{
    intent_return_number(n);
    switch (i->verdict) {
    case MOVES_CANCELLED:
        intent_return_cap(n);
        settle_as(n, NOTICE_CANCELLED, REASON_NONE);
        break;
    case MOVES_EXPIRED:
        intent_return_cap(n);
        settle_as(n, NOTICE_EXPIRED, REASON_NONE);
        break;
    default: /* paused, or the campaign changed: whoever claims next looks anew */
        n->batch->give_back = true;
        batch_settled(n);
    }
}

/* Nobody knows whether it stands: if it does it goes back by its own fence, and if not
 * that is refused. The range is looked at again in either case. */
static void intent_unanswered(struct intent *i, size_t k)
{
    struct notice *n = intent_notice(i, k);
    struct gateway_answer unsent = {.outcome = GATEWAY_UNSENT};

    memcpy(n->record, i->moves.list[k].wanted, LEDGER_RECORD_BYTES);
    n->batch->give_back = true;
    settle_answer(n, &unsent);
}

/* What the gate refuses goes its way; the rest may leave, for a while. What was prepared by
 * a clock that has been set since goes back, and all when we stop: the gateways may be closed
 * by now, and what nobody takes back would be in doubt. */
static void gate_notice(struct intent *i, size_t k)
{
    const struct dispatch *d = i->lane->d;
    struct notice *n = intent_notice(i, k);

    memcpy(n->record, i->moves.list[k].wanted, LEDGER_RECORD_BYTES);
    if (i->refused[k] == NOT_REFUSED && i->era == watch_era(d->watch) && !d->draining) {
        n->message.submit_by_ms = i->asked_boot_ms + (i->gates_capped ? CAP_PERMIT_MS : PERMIT_MS);
        lane_ready(i->lane, n);
        return;
    }
    lane_behind(i->lane, n);
    intent_return_number(n);
    if (i->reasons[k] == REASON_SAFE || i->reasons[k] == REASON_HOURS ||
        i->reasons[k] == REASON_FILTER)
        intent_return_cap(n);
    if (i->refused[k] == NOTICE_PARKED)
        settle_park(n, (enum notice_reason)i->reasons[k], i->later_ms[k]);
    else if (i->refused[k] == NOT_REFUSED)
        settle_answer(n, &(struct gateway_answer){.outcome = GATEWAY_UNSENT});
    else
        settle_as(n, (enum notice_state)i->refused[k], (enum notice_reason)i->reasons[k]);
}

/* All answers of the pipeline are here. */
static void intent_decide(struct intent *i)
{
    struct dispatch *d = i->lane->d;
    int64_t more_us = clock_mono_us() - i->asked_us - d->intent_us;

    d->intent_us += more_us / (more_us > 0 ? 2 : 16);
    watch_look(d->watch);
    i->lane->intending -= i->moves.count;
    for (size_t k = 0; k < i->moves.count; k++) {
        if (i->differs[k])
            continue;
        if (!i->unanswered && i->verdict == MOVES_DONE) {
            gate_notice(i, k);
            continue;
        }
        lane_behind(i->lane, intent_notice(i, k));
        if (i->unanswered)
            intent_unanswered(i, k);
        else
            intent_refused(i, intent_notice(i, k));
    }
    dispatch_ask_turn(d);
}

/* ----------------------------------------------------------------- the script */

static void on_moved(void *arg, const redisReply *reply)
{
    struct intent *i = arg;

    if (reply->type != REDIS_REPLY_ARRAY) {
        if (!db_is_error(reply, "OOM")) /* db has said so */
            halt_damaged(i->job, "intent", reply);
        i->unanswered = true;
        return;
    }
    i->verdict = moves_verdict(reply, &i->job->seq);
    if (i->verdict == MOVES_GONE)
        job_halt(i->job, N_("Redis has lost its ledger: nothing of it is sent"));
    if (i->verdict == MOVES_BACK)
        job_halt_back(i->job);
    if (i->verdict == MOVES_VERSION)
        job_reload(i->job);
    if (i->verdict != MOVES_DONE || reply->elements == 2)
        return;
    for (size_t k = 0; k < i->moves.count; k++) {
        const unsigned char *found = moves_differing(reply, i->moves.list[k].n);

        if (found != NULL) {
            i->differs[k] = true;
            intent_differs(i, &i->moves.list[k], found);
        }
    }
}

static void send_moves(struct intent *i, struct dispatch *d)
{
    struct moves_target target = {
        .campaign = i->job->id,
        .reminder = i->job->name,
        .intent = true,
        .now_ms = clock_wall_ms(),
        .version = i->job->version,
        .seq = i->job->seq,
    };

    moves_command(&i->moves, &target, &d->command);
    i->asked_boot_ms = clock_boot_ms();
    i->era = watch_era(d->watch);
    i->asked_us = clock_mono_us();
    command_unordered(&d->command);
    db_try(i->db, &d->command, on_moved, i);
}

/* ------------------------------------------------------------------- the gate */

/* Nothing leaves without an answer; but an answer that is none is not for ever. */
void intent_refuse_for_now(struct intent *i, size_t k)
{
    i->refused[k] = NOTICE_PARKED;
    i->reasons[k] = REASON_LIMIT;
    i->later_ms[k] = clock_wall_ms() + GATE_AGAIN_MS;
}

/* When all have answered it is decided. */
void intent_gate_answered(struct intent *i)
{
    if (--i->gates > 0)
        return;
    intent_decide(i);
    intent_give_back(i);
}

/* Who has no address on a channel cannot have refused from it, whatever stands in the set. */
bool intent_no_address(const struct notice *n, size_t channel)
{
    return n->others != NULL && n->others[channel][0] == '\0';
}

static void on_opted_out(void *arg, const redisReply *reply)
{
    struct intent *i = arg;
    size_t per = i->job->campaign->channel_count;

    if (reply->type != REDIS_REPLY_ARRAY)
        log_error("optout.error campaign=%s reply=%s", i->job->id,
                  log_quote(reply->str ? reply->str : ""));
    else if (db_int(db_at(reply, i->moves.count * per), 0) == 0)
        trust_unsealed(i->lane->d);
    i->marks_noted = db_int(db_at(reply, i->moves.count * per + 1), 0) != 0;
    for (size_t k = 0; k < i->moves.count; k++) {
        bool holds = decide_refusal_holds(i->job->name, intent_notice(i, k)->unasked);

        if (db_int(db_at(reply, i->moves.count * per), 0) == 0)
            intent_refuse_for_now(i, k);
        for (size_t c = 0; c < per && holds; c++)
            if (db_int(db_at(reply, k * per + c), 0) != 0 &&
                !intent_no_address(intent_notice(i, k), c))
                i->refused[k] = NOTICE_OPTED_OUT, i->reasons[k] = REASON_NONE;
    }
    intent_gate_answered(i);
}

static void add_addresses(const struct intent *i, struct command *c)
{
    size_t per = i->job->campaign->channel_count;

    for (size_t k = 0; k < i->moves.count; k++) {
        const struct notice *n = intent_notice(i, k);

        for (size_t channel = 0; channel < per; channel++) {
            if (n->others != NULL)
                command_add_string(c, n->others[channel]);
            else
                command_add(c, n->message.to, n->message.to_length);
        }
    }
}

static void ask_opted_out(struct intent *i, struct dispatch *d)
{
    command_start(&d->command, "SMISMEMBER");
    command_add_string(&d->command, KEY_OPTOUT);
    add_addresses(i, &d->command);
    command_add_string(&d->command, OPTOUT_SEAL); /* without it the set knows of nobody */
    command_add_string(&d->command, OPTOUT_MARKS);
    command_unordered(&d->command);
    db_send(i->db, &d->command, on_opted_out, i);
}

/* `only`: has she a place, or what did earlier reminders do? Asked with the intent, as who refused
 * is, so that it is true when the notice leaves; who registers later has another turn, see
 * inbound/latecomer.h. */
static enum campaign_filter filter_of(const struct job *job)
{
    return job->campaign->reminders[job->reminder].filter;
}

static void on_places(void *arg, const redisReply *reply)
{
    struct intent *i = arg;
    size_t per = i->job->campaign->channel_count;

    for (size_t k = 0; k < i->moves.count; k++) {
        enum place_state state = PLACE_NONE; /* of all her addresses the best */

        if (reply->type != REDIS_REPLY_ARRAY) {
            if (i->refused[k] == NOT_REFUSED)
                intent_refuse_for_now(i, k);
            continue;
        }
        for (size_t c = 0; c < per; c++) {
            enum place_state one = place_parse(db_at(reply, k * per + c), NULL, NULL);

            if (!intent_no_address(intent_notice(i, k), c) && state != PLACE_TAKEN &&
                one != PLACE_NONE)
                state = one == PLACE_GIVEN_UP && state == PLACE_WAITING ? state : one;
        }
        if (!place_passes(filter_of(i->job), state) && i->refused[k] != NOTICE_OPTED_OUT)
            i->refused[k] = NOTICE_EXCLUDED, i->reasons[k] = REASON_FILTER;
    }
    intent_gate_answered(i);
}

static void on_earlier(void *arg, const redisReply *reply)
{
    struct intent *i = arg;
    unsigned seen;

    for (size_t k = 0; k < i->moves.count; k++) {
        if (earlier_answer(reply, k, i->moves.count, &seen) != 0) {
            if (i->refused[k] != NOT_REFUSED)
                continue;
            intent_refuse_for_now(i, k);
            i->later_ms[k] = clock_wall_ms() + EARLIER_AGAIN_MS;
        } else if (!earlier_passes(filter_of(i->job), seen) && i->refused[k] != NOTICE_OPTED_OUT) {
            i->refused[k] = NOTICE_EXCLUDED, i->reasons[k] = REASON_FILTER;
        }
    }
    if (earlier_answer(reply, 0, i->moves.count, &seen) != 0)
        log_error(
            "filter.error campaign=%s reminder=%s notices=%zu reason=\"what earlier reminders "
            "did cannot be read\" retry_ms=%d",
            i->job->id, i->job->name, i->moves.count, EARLIER_AGAIN_MS);
    intent_gate_answered(i);
}

static void ask_filter(struct intent *i, struct dispatch *d)
{
    uint32_t numbers[MOVES_MAX];

    if (earlier_asks(filter_of(i->job))) {
        for (size_t k = 0; k < i->moves.count; k++)
            numbers[k] = i->moves.list[k].n;
        earlier_command(&d->command, i->job->campaign, i->job->reminder, numbers, i->moves.count);
        command_unordered(&d->command);
        db_send(i->db, &d->command, on_earlier, i);
        return;
    }
    place_ask_command(&d->command, i->job->id);
    add_addresses(i, &d->command);
    command_unordered(&d->command);
    db_send(i->db, &d->command, on_places, i);
}

/* A reservation that another one stands in the way of: when that one is forgotten
 * this one may go, if it is still worth it; else it is capped. One that says the same in
 * another campaign's name ends it at once: tomorrow it would be no less a repetition. */
static void capped(struct intent *i, size_t k, const struct rate_rule *rules, size_t count,
                   enum notice_reason reason, int64_t verdict)
{
    int64_t oldest = -verdict / 10, rule = -verdict % 10;
    int64_t later;

    if (verdict < 0 && rule == 0) {
        i->refused[k] = NOTICE_CAPPED;
        i->reasons[k] = REASON_REPEAT;
    }
    if (verdict >= 0 || rule < 1 || (size_t)rule > count)
        return;
    later = rate_rule_next(&rules[rule - 1], i->job->campaign->zone, oldest) + 1;
    i->later_ms[k] = later;
    i->reasons[k] = (unsigned char)reason;
    i->refused[k] = later < intent_notice(i, k)->message.expires_ms ? NOTICE_PARKED : NOTICE_CAPPED;
}

/* How many people one script is asked about: in a cluster each has a slot of her own. */
static size_t caps_at_once(const struct intent *i)
{
    return db_clustered(i->db) ? 1 : i->moves.count;
}

/* at: how far the answers have come, which are in the order of the questions. */
static void caps_answered(struct intent *i, size_t *at, const struct rate_rule *rules, size_t count,
                          enum notice_reason reason, const redisReply *reply)
{
    size_t end = *at + i->caps_at_once;

    for (size_t k = *at; k < end; k++) {
        if (i->refused[k] != NOT_REFUSED)
            continue;
        if (reply->type == REDIS_REPLY_ARRAY)
            capped(i, k, rules, count, reason, db_int(db_at(reply, k - *at), 0));
        else
            intent_refuse_for_now(i, k);
    }
    *at = end;
    intent_gate_answered(i);
}

static void on_capped(void *arg, const redisReply *reply)
{
    struct intent *i = arg;

    caps_answered(i, &i->capped, i->job->rules, i->job->rule_count, REASON_CAP, reply);
}

static void on_number_capped(void *arg, const redisReply *reply)
{
    struct intent *i = arg;
    const struct per_number *p = &i->lane->config->per_number;

    caps_answered(i, &i->numbers_capped, p->rules, p->count, REASON_LIMIT, reply);
}

static void add_rules(struct command *c, const struct intent *i, const struct rate_rule *rules,
                      size_t count)
{
    int64_t now = clock_wall_ms();

    command_add_string(c, "reserve");
    command_add_int(c, now + CAP_PERMIT_MS); /* when it leaves at the latest */
    command_add_int(c, (int64_t)count);
    for (size_t r = 0; r < count; r++) {
        command_add_int(c, rules[r].count);
        command_add_int(c, rate_rule_since(&rules[r], i->job->campaign->zone, now));
    }
}

/* Of what a phone shows, and of who says so: see cap.lua. No secret, all daemons agree on it;
 * who would make two texts of one mark keeps only the second from being sent. */
#define MARK_TEXT_BYTES 6
#define MARK_CAMPAIGN_BYTES 3
#define MARK_CHARACTERS 14 /* "=", both in base64, and the NUL */

static void digest(unsigned char sum[crypto_shorthash_BYTES], const char *bytes, size_t length)
{
    unsigned char key[crypto_shorthash_KEYBYTES] = "outreach";

    memcpy(key + crypto_shorthash_BYTES, sum, crypto_shorthash_BYTES); /* of what came before */
    crypto_shorthash(sum, (const unsigned char *)bytes, length, key);
}

static void mark_of(const struct notice *n, const char *campaign, char mark[MARK_CHARACTERS])
{
    const struct gateway_message *m = &n->message;
    unsigned char text[crypto_shorthash_BYTES] = {0}, who[crypto_shorthash_BYTES] = {0};
    unsigned char both[MARK_TEXT_BYTES + MARK_CAMPAIGN_BYTES];

    digest(text, m->text, m->length);
    for (size_t p = 0; p < m->param_count; p++) /* the provider puts them into a text of its own */
        digest(text, m->params[p].value, m->params[p].length);
    digest(who, campaign, strlen(campaign));
    memcpy(both, text, MARK_TEXT_BYTES);
    memcpy(both + MARK_TEXT_BYTES, who, MARK_CAMPAIGN_BYTES);
    mark[0] = '=';
    sodium_bin2base64(mark + 1, MARK_CHARACTERS - 1, both, sizeof both,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

/* What one person gets from everybody. */
static void ask_caps(struct intent *i, struct dispatch *d, size_t from)
{
    size_t end = from + i->caps_at_once;
    char mark[MARK_CHARACTERS] = "";

    command_script(&d->command, SCRIPT_CAP, (unsigned)i->caps_at_once);
    for (size_t k = from; k < end; k++)
        key_cap(&d->command, intent_notice(i, k)->message.to);
    add_rules(&d->command, i, i->job->rules, i->job->rule_count);
    for (size_t k = from; k < end; k++) {
        const struct notice *n = intent_notice(i, k);

        if (i->job->guarded)
            mark_of(n, i->job->id, mark);
        command_add_format(&d->command, "%u/%u%s", i->job->ref, n->n, mark);
    }
    command_unordered(&d->command);
    db_try(i->db, &d->command, on_capped, i);
}

/* What the gateway takes for one number: each attempt counts, until it is not taken. */
static void ask_number_caps(struct intent *i, struct dispatch *d, size_t from)
{
    const struct per_number *p = &i->lane->config->per_number;
    size_t end = from + i->caps_at_once;

    command_script(&d->command, SCRIPT_CAP, (unsigned)i->caps_at_once);
    for (size_t k = from; k < end; k++)
        key_cap_gateway(&d->command, intent_notice(i, k)->message.to, i->lane->name);
    add_rules(&d->command, i, p->rules, p->count);
    for (size_t k = from; k < end; k++)
        command_add_format(&d->command, "%u/%u/%u", i->job->ref, intent_notice(i, k)->n,
                           intent_notice(i, k)->message.attempt);
    command_unordered(&d->command);
    db_try(i->db, &d->command, on_number_capped, i);
}

void intent_return_number(struct notice *n)
{
    struct job *job = n->batch->job;
    struct command *c = &job->d->command;

    if (n->lane == NULL || n->lane->config->per_number.count == 0)
        return;
    command_script(c, SCRIPT_CAP, 1);
    key_cap_gateway(c, n->message.to, n->lane->name);
    command_add_string(c, "return");
    command_add_int(c, clock_wall_ms());
    command_add_int(c, 0);
    command_add_format(c, "%u/%u/%u", job->ref, n->n, n->message.attempt);
    db_send(job->d->db, c, NULL, NULL);
}

void intent_return_cap(struct notice *n)
{
    struct job *job = n->batch->job;
    struct command *c = &job->d->command;
    struct record r;

    record_unpack(n->record, &r);
    if (job->rule_count == 0 || n->message.to == NULL ||
        (r.flags & (FLAG_TOLD | FLAG_EARLY | FLAG_RESENT)) != 0) /* a copy has or may have gone */
        return;
    command_script(c, SCRIPT_CAP, 1);
    key_cap(c, n->message.to);
    command_add_string(c, "return");
    command_add_int(c, clock_wall_ms());
    command_add_int(c, 0);
    command_add_format(c, "%u/%u", job->ref, n->n);
    db_send(job->d->db, c, NULL, NULL);
}

void intent_send(struct lane *lane, struct job *job, struct notice **notices, size_t count)
{
    struct dispatch *d = lane->d;
    struct intent *i = intent_take(d);
    uint32_t fence = dispatch_fence(d);
    int64_t now_s = clock_wall_ms() / 1000;
    unsigned kinds; /* of caps */

    assert(count > 0 && count <= GROUP_MAX);
    settle_all(d);
    i->lane = lane;
    i->db = dispatch_stripe(d);
    i->job = job;
    job->asks++;
    for (size_t k = 0; k < count; k++) {
        struct notice *n = notices[k];
        struct move *m = moves_add(&i->moves);
        struct record r;

        record_unpack(n->record, &r);
        if (r.fence == fence) /* the serial has come round to this very record */
            fence = dispatch_fence(d);
        m->n = n->n;
        m->owner = n;
        m->retry = r.state == NOTICE_PARKED ? RETRY_REMOVE : RETRY_KEEP;
        memcpy(m->believed, n->record, LEDGER_RECORD_BYTES);
        r.state = NOTICE_SENDING;
        r.fence = fence;
        r.gateway = lane->number;
        r.reason = r.reason == REASON_CRASH ? REASON_CRASH : REASON_NONE; /* they count */
        r.version = job->version < 15 ? job->version : 15;
        r.segments = n->message.segments < 15 ? n->message.segments : 15;
        r.ids = 0;
        r.mask = 0;
        r.step = n->step;
        r.intended_s = now_s > job->base_s ? (uint32_t)(now_s - job->base_s) & 0xffffff : 0;
        r.settled_s = 0;
        record_pack(&r, m->wanted);
    }
    lane->intending += count;
    i->caps_at_once = caps_at_once(i);
    i->capped = i->numbers_capped = 0;
    kinds = (job->rule_count > 0) + (lane->config->per_number.count > 0);
    i->gates = 1 + (filter_of(job) != FILTER_NONE) + kinds * (unsigned)(count / i->caps_at_once);
    i->gates_capped = kinds > 0;
    send_moves(i, d);
    ask_opted_out(i, d);
    safe_ask(i);
    if (filter_of(job) != FILTER_NONE)
        ask_filter(i, d);
    if (job->rule_count > 0)
        for (size_t k = 0; k < count; k += i->caps_at_once)
            ask_caps(i, d, k);
    if (lane->config->per_number.count > 0)
        for (size_t k = 0; k < count; k += i->caps_at_once)
            ask_number_caps(i, d, k);
}
