#include "inbound.h"

#include "clock.h"
#include "duty.h"
#include "ops.h"
#include "error.h"
#include "fault.h"
#include "forgetting.h"
#include "keys.h"
#include "log.h"
#include "mem.h"
#include "moves.h"
#include "receipt_index.h"
#include "receipts.h"
#include "replies.h"
#include "scripts.h"
#include "spare.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATCH 128 /* receipts looked up together */
#define TRIES 3
#define PARK_BYTES 160
#define UNDER_WAY_MOST 16384 /* receipts; more are sent again by their peers */
#define GAP 8 /* records between two that are asked for: they are read too, and left alone */
#define SWEEP_FIRST_MS 2000 /* after the start: what a death has left */
#define SWEEP_STEP_MS 50
#define SWEEP_MS 300000

/* One receipt on its way to its notice. */
struct arrival {
    void *next_spare;
    struct inbound *in;
    size_t gateway;            /* its index: it may be closed before this is done */
    gateway_stored_fn *stored; /* NULL: one that was parked, to be taken out when done */
    void *stored_arg;
    char id[65], code[33], words[65];
    size_t id_length;
    bool delivered, enroute;
    bool referenced;   /* it says our reference: which notice, not which attempt */
    bool by_reference; /* nobody knows its id, if it has one */
    enum notice_reason reason;
    unsigned tries;
    struct receipt_entry entry;
    char campaign[CAMPAIGN_ID_BYTES], reminder[33];
    unsigned char found[LEDGER_RECORD_BYTES];
    bool known; /* found was read */
};

/* Arrivals of neighbouring notices, whose records are one read. */
struct run {
    struct group *group;
    size_t first, count; /* in its list */
};

/* Arrivals of one step, sent together. */
struct group {
    void *next_spare;
    struct inbound *in;
    size_t gateway;
    struct arrival *list[BATCH];
    size_t count;
    char campaign[CAMPAIGN_ID_BYTES], reminder[33]; /* once its records are read */
    unsigned steps;  /* channels that its reminder may still be tried on */
    bool done;       /* the reminder had come to its end */
    int64_t base_ms; /* of its ledger, where a refusal is among them; 0: not known */
    bool falls_back; /* something goes to the next channel */
    struct moves moves;
    char park[BATCH][PARK_BYTES];
    struct run runs[BATCH];
};

struct inbound {
    struct inbound_options options;
    struct event *turn;
    bool turn_asked, muted;
    struct group *lookups[GATEWAY_SET_MAX]; /* being filled, one a gateway */
    struct group *reading;                  /* being filled: of one reminder */
    struct spare spare_groups, spare_arrivals;
    size_t under_way;
    struct command command;
    struct forgetting *forgetting;
    struct replies *replies;
    struct duty *duty;
    struct ops *ops;
    struct gateway_set *gateways;
    char names[GATEWAY_SET_MAX][33];
    int64_t waits_ms[GATEWAY_SET_MAX]; /* for receipts */
    bool silent[GATEWAY_SET_MAX];      /* it sends none */
    struct event *sweep;
    size_t sweeping; /* the gateway whose parked receipts are gone through */
    char cursor[24]; /* of HSCAN */
};

/* ------------------------------------------------------------------- the pools */

static struct arrival *arrival_take(struct inbound *in)
{
    struct arrival *a = spare_take(&in->spare_arrivals);

    if (a == NULL)
        a = xmalloc(sizeof *a);
    memset(a, 0, sizeof *a);
    a->in = in;
    in->under_way++;
    return a;
}

/* The receipt is durable (or worthless), or it is not: then the peer sends it again. */
static void arrival_end(struct arrival *a, bool stored)
{
    struct inbound *in = a->in;

    in->under_way--;
    if (a->stored != NULL) {
        if (!in->muted)
            a->stored(a->stored_arg, stored);
    } else if (stored) {
        receipt_unpark_command(&in->command, a->in->names[a->gateway], a->id, a->id_length);
        db_send(in->options.db, &in->command, NULL, NULL);
    }
    spare_give(&in->spare_arrivals, a);
}

static struct group *group_take(struct inbound *in, size_t gateway)
{
    struct group *g = spare_take(&in->spare_groups);

    if (g == NULL)
        g = xmalloc(sizeof *g);
    g->in = in;
    g->gateway = gateway;
    g->count = 0;
    g->moves.count = 0;
    g->falls_back = false;
    return g;
}

static void group_give_back(struct group *g)
{
    spare_give(&g->in->spare_groups, g);
}

static void ask_turn(struct inbound *in)
{
    if (in->turn_asked)
        return;
    in->turn_asked = true;
    event_active(in->turn, EV_TIMEOUT, 0);
}

/* ----------------------------------------------------------------- the move */

static void reading_add(struct inbound *in, struct arrival *a);

static void log_receipt(const struct arrival *a, const struct record *r)
{
    struct delivery_event e = DELIVERY_EVENT_INIT;

    e.event = r->state == NOTICE_PARKED    ? "next-channel"
              : r->state == NOTICE_SENDING ? "delivered" /* an earlier attempt, by its fence */
                                           : notice_state_name(r->state);
    e.step = r->state == NOTICE_PARKED ? r->step : 0;
    e.campaign = a->campaign;
    e.reminder = a->reminder;
    e.gateway = a->in->names[a->gateway];
    e.reason = notice_reason_name(r->reason);
    e.n = a->entry.n;
    e.fence = a->entry.fence;
    e.attempt = r->attempts;
    e.segments = r->segments;
    e.id = a->id;
    e.id_length = a->id_length;
    e.code = a->code[0] ? a->code : NULL;
    e.words = a->words[0] ? a->words : NULL;
    delivery_log_add(a->in->options.log, &e);
}

/* The reminder was over, and the move has opened it again: the schedule is an index. */
static void schedule_again(struct group *g)
{
    struct command *c = &g->in->command;

    command_start(c, "ZADD");
    command_add_string(c, KEY_SCHEDULE);
    command_add_int(c, clock_wall_ms());
    command_add_format(c, "%s/%s", g->campaign, g->reminder);
    db_send(g->in->options.db, c, NULL, NULL);
}

static void on_moved(void *arg, const redisReply *reply)
{
    struct group *g = arg;
    struct inbound *in = g->in;
    int64_t seq = 0;
    enum moves_verdict verdict =
        reply->type == REDIS_REPLY_ARRAY ? moves_verdict(reply, &seq) : MOVES_GONE;

    for (size_t i = 0; i < g->moves.count; i++) {
        struct arrival *a = g->moves.list[i].owner;
        struct record r;

        if (verdict == MOVES_DONE && reply->elements > 2 &&
            moves_differing(reply, g->moves.list[i].n) != NULL) {
            if (++a->tries < TRIES)
                reading_add(in, a); /* read again, decide again */
            else
                arrival_end(a, false);
            continue;
        }
        FAULT_POINT("W9");
        record_unpack(g->moves.list[i].wanted, &r);
        if (verdict == MOVES_DONE && (notice_is_terminal(r.state) || r.state == NOTICE_PARKED ||
                                      r.state == NOTICE_SENDING || a->enroute))
            log_receipt(a, &r);
        /* What no error tells of stands; one of a Redis that went back is asked for again. */
        arrival_end(a, reply->type == REDIS_REPLY_ARRAY && verdict != MOVES_BACK);
    }
    if (verdict == MOVES_BACK)
        dispatch_went_back(in->options.dispatch, g->campaign, g->reminder);
    if (g->falls_back && g->done && verdict == MOVES_DONE)
        schedule_again(g);
    group_give_back(g);
    ask_turn(in);
}

/* Two receipts for one notice cannot be in one compare-and-set: the second waits. */
static bool already_moving(const struct group *g, uint32_t n)
{
    for (size_t i = g->moves.count; i > 0; i--)
        if (g->moves.list[i - 1].n == n)
            return true;
    return false;
}

/* Accepted: until its receipt is overdue, where a campaign falls back then. */
static bool may_be_in_retry(enum notice_state state)
{
    return state == NOTICE_PARKED || state == NOTICE_UNCERTAIN || state == NOTICE_ACCEPTED;
}

/* By our reference it may be of any attempt. That somebody has it is good news of each; bad
 * news counts where there was but one, and no id that others go by. On its way is news of
 * one in doubt alone: they have it. */
static enum receipt_effect apply_referenced(struct arrival *a, struct record *r, unsigned steps)
{
    bool doubt = r->state == NOTICE_UNCERTAIN, stands = doubt || r->state == NOTICE_ACCEPTED;
    bool only = (r->flags & FLAG_RESENT) == 0 && (doubt || r->ids == 0);

    if (!a->delivered && (!stands || (!a->enroute && !only)))
        return RECEIPT_IGNORED;
    a->entry.fence = stands ? r->fence : ~r->fence;
    a->entry.part = 0;
    a->entry.parts = 1;
    if (!a->enroute)
        return receipt_apply(r, &a->entry, a->delivered, a->reason, steps);
    if (!doubt)
        return RECEIPT_IGNORED;
    r->state = NOTICE_ACCEPTED;
    r->reason = REASON_NONE;
    r->settled_s = 0;
    return RECEIPT_MOVED;
}

static void lookup_add(struct inbound *in, struct arrival *a);

/* Its submit has not been answered yet: the id will be known then, and is waited for. */
static void too_early(struct arrival *a)
{
    a->referenced = a->by_reference = false;
    if (a->id_length > 0)
        lookup_add(a->in, a);
    else
        arrival_end(a, false);
}

/* A refusal of what is accepted for good: no receipt is waited for any more, or none ever was. */
static bool too_late(const struct group *g, const struct arrival *a, const struct record *r)
{
    const struct inbound *in = g->in;

    if (a->delivered || a->enroute || r->state != NOTICE_ACCEPTED)
        return false;
    return in->silent[a->gateway] ||
           (g->base_ms != 0 &&
            clock_wall_ms() >= record_final_ms(r, g->base_ms, in->waits_ms[a->gateway]));
}

static void decide(struct group *g, struct arrival *a)
{
    enum receipt_effect effect;
    struct record r, old;
    struct move *m;

    if (!a->known) { /* its ledger is gone: erased long ago */
        arrival_end(a, true);
        return;
    }
    if (already_moving(g, a->entry.n)) {
        reading_add(g->in, a);
        return;
    }
    record_unpack(a->found, &old);
    if (a->by_reference && old.state == NOTICE_SENDING) {
        too_early(a);
        return;
    }
    if (too_late(g, a, &old)) {
        log_info("receipt.late campaign=%s reminder=%s n=%u gateway=%s reason=%s", g->campaign,
                 g->reminder, a->entry.n, g->in->names[a->gateway], notice_reason_name(a->reason));
        arrival_end(a, true);
        return;
    }
    r = old;
    effect = a->by_reference ? apply_referenced(a, &r, g->steps)
                             : receipt_apply(&r, &a->entry, a->delivered, a->reason, g->steps);
    if (effect == RECEIPT_IGNORED) {
        arrival_end(a, true);
        return;
    }
    g->falls_back = g->falls_back || effect == RECEIPT_NEXT;
    m = moves_add(&g->moves);
    m->n = a->entry.n;
    m->owner = a;
    memcpy(m->believed, a->found, LEDGER_RECORD_BYTES);
    record_pack(&r, m->wanted);
    m->retry = effect == RECEIPT_NEXT                               ? clock_wall_ms()
               : r.state != old.state && may_be_in_retry(old.state) ? RETRY_REMOVE
                                                                    : RETRY_KEEP;
}

static void on_records(void *arg, const redisReply *reply)
{
    const struct run *run = arg;
    struct arrival *const *list = run->group->list + run->first;

    for (size_t i = 0; i < run->count; i++) {
        size_t at = (size_t)(list[i]->entry.n - list[0]->entry.n) * LEDGER_RECORD_BYTES;

        list[i]->known =
            reply->type == REDIS_REPLY_STRING && reply->len >= at + LEDGER_RECORD_BYTES;
        if (list[i]->known)
            memcpy(list[i]->found, reply->str + at, LEDGER_RECORD_BYTES);
    }
}

/* What a negative receipt may still lead to; the intent asks all of it again. */
static void read_reminder(struct group *g, const redisReply *reply)
{
    const redisReply *state = db_at(reply, 0);
    bool over = db_int(db_at(reply, 1), 0) != 0 || db_int(db_at(reply, 2), 0) <= clock_wall_ms();

    g->steps = over ? 0 : (unsigned)db_int(db_at(reply, 3), 0);
    g->done = state != NULL && state->type == REDIS_REPLY_STRING && strcmp(state->str, "done") == 0;
    snprintf(g->campaign, sizeof g->campaign, "%s", g->list[0]->campaign);
    snprintf(g->reminder, sizeof g->reminder, "%s", g->list[0]->reminder);
}

static void on_all_records(void *arg, const redisReply *reply)
{
    struct group *g = arg;
    struct inbound *in = g->in;
    struct moves_target target = {.now_ms = clock_wall_ms(), .version = 0};

    read_reminder(g, reply);
    target.campaign = g->campaign;
    target.reminder = g->reminder;
    target.seq = dispatch_seq(in->options.dispatch, g->campaign, g->reminder);
    for (size_t i = 0; i < g->count; i++)
        decide(g, g->list[i]);
    if (g->moves.count == 0) {
        group_give_back(g);
        ask_turn(in);
        return;
    }
    moves_command(&g->moves, &target, &in->command);
    db_send(in->options.db, &in->command, on_moved, g);
}

/* ------------------------------------------------------------------ the record */

static int by_number(const void *x, const void *y)
{
    uint32_t a = (*(struct arrival *const *)x)->entry.n, b = (*(struct arrival *const *)y)->entry.n;

    return a < b ? -1 : a > b;
}

static void read_run(struct run *run, struct command *c)
{
    struct arrival *const *list = run->group->list + run->first;
    int64_t from = list[0]->entry.n, to = list[run->count - 1]->entry.n;

    command_start(c, "GETRANGE");
    key_ledger(c, list[0]->campaign, list[0]->reminder);
    command_add_int(c, from * LEDGER_RECORD_BYTES);
    command_add_int(c, (to + 1) * LEDGER_RECORD_BYTES - 1);
    db_send(run->group->in->options.db, c, on_records, run);
}

static void on_header(void *arg, const redisReply *reply)
{
    struct group *g = arg;
    struct ledger_header h;

    if (reply->type == REDIS_REPLY_STRING && reply->len == LEDGER_RECORD_BYTES &&
        ledger_header_unpack((const unsigned char *)reply->str, &h) == 0)
        g->base_ms = h.base_s * 1000;
}

static void read_header(struct group *g, struct command *c)
{
    command_start(c, "GETRANGE");
    key_ledger(c, g->list[0]->campaign, g->list[0]->reminder);
    command_add_int(c, 0);
    command_add_int(c, LEDGER_RECORD_BYTES - 1);
    db_send(g->in->options.db, c, on_header, g);
}

static void reading_send(struct inbound *in)
{
    struct group *g = in->reading;
    struct command *c = &in->command;
    struct run *run = NULL;
    bool refusals = false;

    if (g == NULL)
        return;
    in->reading = NULL;
    qsort(g->list, g->count, sizeof g->list[0], by_number);
    g->base_ms = 0;
    for (size_t i = 0; i < g->count; i++) {
        refusals = refusals || !g->list[i]->delivered;
        if (run != NULL && g->list[i]->entry.n - g->list[i - 1]->entry.n <= GAP) {
            run->count++;
            continue;
        }
        if (run != NULL)
            read_run(run, c);
        run = run == NULL ? g->runs : run + 1;
        *run = (struct run){g, i, 1};
    }
    read_run(run, c);
    if (refusals)
        read_header(g, c);
    command_start(c, "HMGET"); /* its answer comes after all of them */
    key_reminder(c, g->list[0]->campaign, g->list[0]->reminder);
    command_add_string(c, "state");
    command_add_string(c, "cancelled");
    command_add_string(c, "expires");
    command_add_string(c, "steps");
    db_send(in->options.db, c, on_all_records, g);
}

static void reading_add(struct inbound *in, struct arrival *a)
{
    struct group *g = in->reading;

    if (g != NULL && (g->count == BATCH || strcmp(g->list[0]->reminder, a->reminder) != 0 ||
                      strcmp(g->list[0]->campaign, a->campaign) != 0))
        reading_send(in);
    if (in->reading == NULL)
        in->reading = group_take(in, a->gateway);
    in->reading->list[in->reading->count++] = a;
    ask_turn(in);
}

static void on_ref(void *arg, const char *campaign, const char *reminder)
{
    struct arrival *a = arg;

    if (campaign == NULL) {
        arrival_end(a, true);
        return;
    }
    snprintf(a->campaign, sizeof a->campaign, "%s", campaign);
    snprintf(a->reminder, sizeof a->reminder, "%s", reminder);
    reading_add(a->in, a);
}

/* ------------------------------------------------------------------ the lookup */

static void looked_up(struct arrival *a, const redisReply *found)
{
    struct inbound *in = a->in;

    if (found == NULL || found->type != REDIS_REPLY_STRING || strcmp(found->str, "FULL") == 0) {
        log_warning("receipts.full gateway=%s", a->in->names[a->gateway]);
        arrival_end(a, false);
        return;
    }
    if (found->len == 6 && memcmp(found->str, "PARKED", 6) == 0) {
        if (a->stored != NULL)
            FAULT_POINT("W8");
        if (a->referenced) {
            a->by_reference = true;
            reading_add(in, a);
        } else if (a->stored != NULL)
            arrival_end(a, true); /* parked: durable */
        else
            arrival_end(a, false); /* was parked, and stays so */
        return;
    }
    if (receipt_entry_unpack(found->str, found->len, &a->entry) != 0) {
        arrival_end(a, true);
        return;
    }
    dispatch_find_ref(in->options.dispatch, a->entry.ref, on_ref, a);
}

static void on_looked_up(void *arg, const redisReply *reply)
{
    struct group *g = arg;

    if (reply->type != REDIS_REPLY_ARRAY)
        log_error("receipts.error gateway=%s reply=%s", g->in->names[g->gateway],
                  log_quote(reply->str ? reply->str : ""));
    for (size_t i = 0; i < g->count; i++)
        looked_up(g->list[i], db_at(reply, i));
    group_give_back(g);
}

static void lookups_send(struct inbound *in, size_t at)
{
    struct group *g = in->lookups[at];
    struct receipt_lookup lookups[BATCH];

    if (g == NULL)
        return;
    in->lookups[at] = NULL;
    for (size_t i = 0; i < g->count; i++) {
        struct arrival *a = g->list[i];

        lookups[i] = (struct receipt_lookup){a->id, a->id_length, "", 0};
        if (a->stored != NULL && !a->referenced) {
            snprintf(g->park[i], PARK_BYTES, "%c %u %s %s", a->delivered ? 'D' : 'U',
                     (unsigned)a->reason, a->code[0] ? a->code : "-", a->words);
            lookups[i].park = g->park[i];
            lookups[i].park_length = strlen(g->park[i]);
        }
    }
    receipt_lookup_command(&in->command, in->names[g->gateway], in->waits_ms[g->gateway], lookups,
                           g->count, clock_wall_ms());
    db_send(in->options.db, &in->command, on_looked_up, g);
}

static void on_turn(evutil_socket_t fd, short what, void *arg)
{
    struct inbound *in = arg;

    (void)fd, (void)what;
    in->turn_asked = false;
    for (size_t i = 0; i < GATEWAY_SET_MAX; i++)
        lookups_send(in, i);
    reading_send(in);
    delivery_log_write(in->options.log);
}

static void lookup_add(struct inbound *in, struct arrival *a)
{
    size_t at = a->gateway;

    if (in->lookups[at] != NULL && in->lookups[at]->count == BATCH)
        lookups_send(in, at);
    if (in->lookups[at] == NULL)
        in->lookups[at] = group_take(in, a->gateway);
    in->lookups[at]->list[in->lookups[at]->count++] = a;
    ask_turn(in);
}

/* -------------------------------------------------------------------- the doors */

static void copy_words(char *out, size_t size, const char *words)
{
    snprintf(out, size, "%s", words ? words : "");
    for (char *p = out; *p != '\0'; p++)
        if ((unsigned char)*p < 0x20)
            *p = '?';
}

/* "campaign/reminder/n" as prepare.c writes it; from a stranger, so every byte is looked at. */
static int read_reference(const char *reference, char campaign[CAMPAIGN_ID_BYTES],
                          char reminder[33], uint32_t *number)
{
    static const char digits[] = "0123456789";
    const char *last = strrchr(reference, '/');
    char both[CAMPAIGN_ID_BYTES + 33];

    if (last == NULL || (size_t)(last - reference) >= sizeof both ||
        strspn(reference, "abcdefghijklmnopqrstuvwxyz0123456789-./") != strlen(reference) ||
        strlen(last + 1) < 1 || strlen(last + 1) > 8 ||
        strspn(last + 1, digits) != strlen(last + 1))
        return -1;
    snprintf(both, sizeof both, "%.*s", (int)(last - reference), reference);
    *number = (uint32_t)strtoul(last + 1, NULL, 10);
    return *number < 1 || *number > LEDGER_MAX_NUMBER || key_split(both, campaign, reminder) != 0 ||
                   strchr(reminder, '/') != NULL
               ? -1
               : 0;
}

void inbound_receipt(struct inbound *in, struct gateway *gw, const struct gateway_receipt *receipt,
                     gateway_stored_fn *stored, void *stored_arg)
{
    char campaign[CAMPAIGN_ID_BYTES], reminder[33];
    uint32_t number = 0;
    struct arrival *a;
    bool referenced = receipt->reference != NULL &&
                      read_reference(receipt->reference, campaign, reminder, &number) == 0;
    bool has_id = receipt->id.length >= 1 && receipt->id.length <= 64;

    /* On its way is no news, but of one in doubt; without a name there is nothing to look for. */
    if (receipt->state == GATEWAY_ENROUTE ? !referenced || has_id : !referenced && !has_id) {
        stored(stored_arg, true);
        return;
    }
    if (!db_well(in->options.db) || dispatch_in_doubt(in->options.dispatch) ||
        in->under_way >= UNDER_WAY_MOST) {
        stored(stored_arg, false);
        return;
    }
    a = arrival_take(in);
    a->gateway = gateway_index(gw);
    a->stored = stored;
    a->stored_arg = stored_arg;
    if (has_id)
        memcpy(a->id, receipt->id.bytes, receipt->id.length);
    a->id_length = has_id ? receipt->id.length : 0;
    a->delivered = receipt->state == GATEWAY_DELIVERED;
    a->enroute = receipt->state == GATEWAY_ENROUTE;
    a->reason = (enum notice_reason)receipt->reason;
    copy_words(a->code, sizeof a->code, receipt->code);
    copy_words(a->words, sizeof a->words, receipt->words);
    for (char *p = a->code; *p != '\0'; p++)
        if (*p == ' ')
            *p = '_';
    if (referenced) {
        a->referenced = true;
        a->entry.n = number;
        strcpy(a->campaign, campaign);
        strcpy(a->reminder, reminder);
    }
    a->by_reference = referenced && !has_id;
    if (a->by_reference)
        reading_add(in, a);
    else
        lookup_add(in, a);
}

void inbound_early(struct inbound *in, struct gateway *gw, const char *id, size_t id_length,
                   const char *receipt, size_t n)
{
    struct arrival *a;
    char text[PARK_BYTES], kind = 0;
    unsigned reason = 0;

    if (in->muted || id_length == 0 || id_length > 64 || n == 0 || n >= sizeof text)
        return;
    memcpy(text, receipt, n);
    text[n] = '\0';
    a = arrival_take(in);
    a->gateway = gateway_index(gw);
    memcpy(a->id, id, id_length);
    a->id_length = id_length;
    sscanf(text, "%c %u %32s %64[^\n]", &kind, &reason, a->code, a->words);
    a->delivered = kind == 'D';
    a->reason = reason < REASON_COUNT ? (enum notice_reason)reason : REASON_OTHER;
    lookup_add(in, a);
}

/* ---------------------------------------------------------------------- replies */

void inbound_reply(struct inbound *in, struct gateway *gw, const struct gateway_reply *reply,
                   gateway_stored_fn *stored, void *stored_arg)
{
    if (in->under_way >= UNDER_WAY_MOST)
        stored(stored_arg, false);
    else
        replies_take(in->replies, gw, reply, stored, stored_arg);
}

/* ---------------------------------------------------------------- parked receipts */

static void sweep_after(struct inbound *in, int64_t ms)
{
    struct timeval tv = {ms / 1000, (ms % 1000) * 1000};

    evtimer_add(in->sweep, &tv);
}

static void on_parked(void *arg, const redisReply *reply)
{
    struct inbound *in = arg;
    const redisReply *cursor = db_at(reply, 0), *pairs = db_at(reply, 1);

    if (in->muted)
        return;
    for (size_t i = 0; pairs != NULL && i + 1 < pairs->elements; i += 2)
        inbound_early(in, gateway_set_at(in->gateways, in->sweeping), pairs->element[i]->str,
                      pairs->element[i]->len, pairs->element[i + 1]->str,
                      pairs->element[i + 1]->len);
    if (cursor != NULL && strcmp(cursor->str, "0") != 0) {
        snprintf(in->cursor, sizeof in->cursor, "%s", cursor->str);
    } else {
        strcpy(in->cursor, "0");
        in->sweeping++;
    }
    sweep_after(in, in->sweeping < gateway_set_count(in->gateways) ? SWEEP_STEP_MS : SWEEP_MS);
}

static void on_sweep(evutil_socket_t fd, short what, void *arg)
{
    struct inbound *in = arg;

    (void)fd, (void)what;
    if (in->muted || gateway_set_count(in->gateways) == 0)
        return;
    if (in->sweeping >= gateway_set_count(in->gateways))
        in->sweeping = 0;
    if (!db_well(in->options.db)) {
        sweep_after(in, 1000);
        return;
    }
    command_start(&in->command, "HSCAN");
    key_gateway(&in->command, in->names[in->sweeping], "parked");
    command_add_string(&in->command, in->cursor);
    command_add_string(&in->command, "COUNT");
    command_add_int(&in->command, BATCH);
    db_send(in->options.db, &in->command, on_parked, in);
}

void inbound_gateways_changed(struct inbound *in)
{
    const struct gateway_set *gateways = in->gateways;

    for (size_t i = 0; i < gateway_set_count(gateways); i++) {
        const struct gateway_config *config = gateway_config(gateway_set_at(gateways, i));

        snprintf(in->names[i], sizeof in->names[i], "%s", config->name);
        in->waits_ms[i] = config->receipt_wait_ms;
        in->silent[i] = (config->capabilities & GATEWAY_SENDS_RECEIPTS) == 0;
    }
}

void inbound_start(struct inbound *in, struct gateway_set *gateways)
{
    in->gateways = gateways;
    inbound_gateways_changed(in);
    strcpy(in->cursor, "0");
    sweep_after(in, SWEEP_FIRST_MS);
    duty_start(in->duty, gateways);
    forgetting_start(in->forgetting);
}

bool inbound_answered(struct inbound *in, void *context, const struct gateway_answer *answer)
{
    return duty_answered(in->duty, context, answer);
}

void inbound_alarm(struct inbound *in, const struct alarm *alarm)
{
    if (!in->muted)
        ops_alarm(in->ops, alarm);
}

/* ---------------------------------------------------------------------- its life */

struct inbound *inbound_create(const struct inbound_options *options)
{
    struct inbound *in = xcalloc(1, sizeof *in);

    in->options = *options;
    in->command = COMMAND_INIT;
    in->forgetting = forgetting_create(options);
    in->turn = event_new(options->base, -1, 0, on_turn, in);
    in->sweep = evtimer_new(options->base, on_sweep, in);
    in->duty = duty_create(options);
    in->ops = ops_create(options, in->duty);
    in->replies = replies_create(options, in->duty);
    return in;
}

void inbound_mute(struct inbound *in)
{
    in->muted = true;
    replies_mute(in->replies);
    duty_mute(in->duty);
}

bool inbound_idle(const struct inbound *in)
{
    return in->under_way == 0 && replies_idle(in->replies);
}

void inbound_trim(struct inbound *in)
{
    spare_trim(&in->spare_groups, free);
    spare_trim(&in->spare_arrivals, free);
}

static void group_free(struct group *g)
{
    if (g == NULL)
        return;
    for (size_t i = 0; i < g->count; i++)
        free(g->list[i]);
    free(g);
}

void inbound_free(struct inbound *in)
{
    if (in == NULL)
        return;
    for (size_t i = 0; i < GATEWAY_SET_MAX; i++)
        group_free(in->lookups[i]);
    group_free(in->reading);
    spare_free(&in->spare_groups, free);
    spare_free(&in->spare_arrivals, free);
    forgetting_free(in->forgetting);
    replies_free(in->replies);
    ops_free(in->ops);
    duty_free(in->duty);
    event_free(in->sweep);
    event_free(in->turn);
    command_free(&in->command);
    free(in);
}
