/*
 * sandbox.c - a make-believe operator, for rehearsals, the demo and tests
 *
 * Whatever an operator may do to a message happens here as often as the
 * settings say, and as often again with the same seed: what becomes of a
 * message is drawn from its reference and attempt, a number that does not exist
 * is drawn from the number alone. Timing changes nothing about it.
 *
 * The fate of a message, in the order in which it is asked:
 *
 *     throttled    more than throttle_above messages within one second of the clock
 *     outage       percent of attempts answered RETRY
 *     reject       percent of numbers that do not exist: REJECTED
 *     loss         percent of attempts never answered: UNKNOWN after timeout. Half
 *                  of these have arrived, as in life: the answer was lost, not
 *                  the message, and their receipts come
 *     accepted     the rest, after latency plus up to jitter
 *
 * and of what has arrived:
 *
 *     phone_file   shows it, at once
 *     receipts     one an id, and an id a segment where the channel has segments:
 *                  receipt_delay plus up to receipt_jitter after the answer;
 *                  late_receipts percent only after late_delay; early_receipts
 *                  percent before the answer. undelivered percent are not
 *                  delivered: one of the parts is missing
 *     replies      percent are answered with reply_text, reply_delay after the
 *                  receipt's time
 *
 * drop_every = N: with every Nth message the connection is lost. What is
 * outstanding is answered UNKNOWN at once (but what has arrived has arrived),
 * and for a second nothing can be handed over.
 *
 * Memory is bounded: a message for each place in the window, and pending_max
 * receipts and replies; what comes beyond is dropped and counted in the log.
 * One wheel and one timer serve all of it. What is pending at close() is
 * forgotten.
 */
#include "gateway_plugin.h"
#include "memory.h"
#include "phone.h"
#include "wheel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ITEMS_PER_TURN 4096
#define HANDED_MAX 4096    /* receipts and replies that wait to be stored */
#define AGAIN_MS 20        /* when HANDED_MAX is reached */
#define NOT_STORED_MS 2000 /* until one that was not stored is sent again */
#define RECONNECT_MS 1000
#define REPORT_MS 10000 /* between two lines about what was dropped */
#define SLAB 1024

enum kind { ANSWER, RECEIPT, REPLY, DROP, RECONNECT };

/* One thing that will happen. 64 bytes, and there may be a million. */
struct item {
    struct wheel_item at; /* first: what the wheel gives back is the item */
    uint64_t serial;      /* of the id; of an answer its first one */
    union {
        struct {
            const struct gateway_message *message;
            struct item *next, *previous; /* among those outstanding; or idle (next) */
        };
        struct {        /* RECEIPT, REPLY */
            char *name; /* the reference or NULL; "from\0to"; the item's to free */
            struct sandbox *sandbox;
        };
    };
    uint8_t kind;
    uint8_t outcome; /* ANSWER: gateway_outcome; RECEIPT: gateway_receipt_state */
    uint8_t parts;   /* ANSWER: ids */
};

struct slab {
    struct slab *next;
    struct item items[SLAB];
};

struct sandbox {
    const struct gateway_host *host;
    struct gateway *gw;
    struct wheel *wheel;
    struct gateway_timer *timer;
    int64_t armed_ms; /* what timer is set to; meaningless without one */
    struct phone *phone;

    /* settings */
    int64_t latency_ms, jitter_ms, timeout_ms, receipt_delay_ms, receipt_jitter_ms, late_delay_ms,
        reply_delay_ms;
    int64_t loss, reject, outage, undelivered, late_receipts, early_receipts, replies;
    int64_t throttle_above, drop_every, pending_max;
    uint64_t seed;
    bool receipts, echo_reference, segments;
    const char *reply_text, *source;

    unsigned window, outstanding_count;
    struct item *outstanding;
    struct item *idle;
    struct slab *slabs;
    char stamp[32]; /* of this start: ids are unique over restarts */
    uint64_t serial;
    int64_t second, in_second; /* messages within that second */
    uint64_t since_drop;
    size_t pending, handed;
    uint64_t dropped, dropped_told;
    int64_t told_ms;
    bool connected, phone_broken;
    bool running, closed; /* close() from within done() ends after the turn */
};

#define PERCENT(name, help)                                                                        \
    {                                                                                              \
        name, GATEWAY_INT, false, 0, 100, "0", NULL, help                                          \
    }
#define MS(name, initial, help)                                                                    \
    {                                                                                              \
        name, GATEWAY_DURATION, false, 0, 604800000, initial, NULL, help                           \
    }

static const struct gateway_setting sandbox_settings[] = {
    {"window", GATEWAY_INT, false, 1, 65535, "100", NULL, "Messages without an answer at once."},
    MS("latency", "200ms", "How long an answer takes."),
    MS("jitter", "0ms", "Up to how much longer it takes."),
    PERCENT("loss", "Percent of messages that are never answered; half of them arrive."),
    MS("timeout", "10s", "After how long such a message is unknown."),
    PERCENT("reject", "Percent of numbers that do not exist; always the same ones."),
    {"throttle_above", GATEWAY_INT, false, 0, 10000000, "0", NULL,
     "Messages a second above which it is too fast; 0 for never."},
    PERCENT("outage", "Percent of messages answered with an outage of theirs."),
    {"receipts", GATEWAY_BOOL, false, 0, 0, "true", NULL, "Whether receipts come."},
    MS("receipt_delay", "2s", "How long after the answer the receipt comes."),
    MS("receipt_jitter", "1s", "Up to how much later it comes."),
    PERCENT("undelivered", "Percent of accepted messages that do not reach the phone."),
    PERCENT("late_receipts", "Percent of receipts that come only after late_delay."),
    MS("late_delay", "5min", "How late a late receipt comes."),
    PERCENT("early_receipts", "Percent of receipts that come before the answer."),
    {"echo_reference", GATEWAY_BOOL, false, 0, 0, "false", NULL,
     "Whether receipts carry our reference, so that a message in doubt is found."},
    PERCENT("replies", "Percent of accepted messages that are replied to."),
    {"reply_text", GATEWAY_STRING, false, 0, 1000, "R", NULL, "What is replied."},
    MS("reply_delay", "3s", "How long after the receipt the reply comes."),
    {"source", GATEWAY_STRING, false, 0, 64, "10690000", NULL,
     "The sender where a message has none."},
    {"drop_every", GATEWAY_INT, false, 0, 1000000000, "0", NULL,
     "The connection is lost with every so manyth message; 0 for never."},
    {"phone_file", GATEWAY_STRING, false, 0, 4095, NULL, NULL,
     "File to which every message that arrives is appended as a line of JSON."},
    {"pending_max", GATEWAY_INT, false, 1000, 10000000, "1000000", NULL,
     "Receipts and replies that may wait; 64 bytes or so each."},
    {"seed", GATEWAY_INT, false, 0, 0, "1", NULL, "Another seed, other fates."},
    {0},
};

/* -------------------------------------------------------------------- drawing */

/* What a draw is about; each has dice of its own. */
enum dice {
    OUTAGE = 1,
    REJECT,
    LOSS,
    ARRIVED,
    LATENCY,
    UNDELIVERED,
    MISSING_PART,
    LATE,
    EARLY,
    RECEIPT_JITTER,
    REPLIES
};

static uint64_t mix(uint64_t x) /* the finalizer of splitmix64 */
{
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

static uint64_t hash(uint64_t seed, const char *s, size_t n)
{
    uint64_t h = 0xcbf29ce484222325u ^ mix(seed + 1); /* FNV-1a */
    size_t i;

    for (i = 0; i < n; i++)
        h = (h ^ (unsigned char)s[i]) * 0x100000001b3u;
    return mix(h);
}

/* 0..below-1 for this message and these dice. */
static uint64_t roll(uint64_t fate, enum dice dice, uint64_t below)
{
    return mix(fate + (uint64_t)dice * 0x9e3779b97f4a7c15u) % below;
}

static bool happens(uint64_t fate, enum dice dice, int64_t percent)
{
    return percent > 0 && roll(fate, dice, 100) < (uint64_t)percent;
}

static uint64_t fate_of(const struct sandbox *s, const struct gateway_message *m)
{
    const char *reference = m->reference != NULL ? m->reference : "";

    return mix(hash(s->seed, reference, strlen(reference)) + m->attempt);
}

/* ---------------------------------------------------------------------- items */

static struct item *item_new(struct sandbox *s, enum kind kind)
{
    struct item *item = s->idle;

    if (item == NULL) {
        struct slab *slab = memory_calloc(1, sizeof *slab);
        size_t i;

        slab->next = s->slabs;
        s->slabs = slab;
        for (i = 0; i < SLAB; i++) {
            slab->items[i].next = s->idle;
            s->idle = &slab->items[i];
        }
        item = s->idle;
    }
    s->idle = item->next;
    memset(item, 0, sizeof *item);
    item->kind = (uint8_t)kind;
    return item;
}

static void item_free(struct sandbox *s, struct item *item)
{
    if (item->kind == RECEIPT || item->kind == REPLY) {
        free(item->name);
        s->pending--;
    }
    item->kind = ANSWER; /* owns nothing */
    item->next = s->idle;
    s->idle = item;
}

static void report_dropped(struct sandbox *s)
{
    int64_t now_ms = s->host->mono_ms();

    if (s->dropped == s->dropped_told || (s->dropped_told > 0 && now_ms - s->told_ms < REPORT_MS))
        return;
    s->host->log(s->gw, GATEWAY_LOG_WARNING, "sandbox.dropped receipts=%llu pending=%zu",
                 (unsigned long long)s->dropped, s->pending);
    s->dropped_told = s->dropped;
    s->told_ms = now_ms;
}

/* A receipt or reply to come, or NULL when there are too many. */
static struct item *pending_new(struct sandbox *s, enum kind kind)
{
    struct item *item;

    if ((int64_t)s->pending >= s->pending_max) {
        s->dropped++;
        report_dropped(s);
        return NULL;
    }
    item = item_new(s, kind);
    item->sandbox = s;
    s->pending++;
    return item;
}

static void outstanding_add(struct sandbox *s, struct item *item)
{
    item->previous = NULL;
    item->next = s->outstanding;
    if (item->next != NULL)
        item->next->previous = item;
    s->outstanding = item;
    s->outstanding_count++;
}

static void outstanding_remove(struct sandbox *s, struct item *item)
{
    if (item->previous != NULL)
        item->previous->next = item->next;
    else
        s->outstanding = item->next;
    if (item->next != NULL)
        item->next->previous = item->previous;
    s->outstanding_count--;
}

/* ----------------------------------------------------------------- what happens */

#define ID_BYTES 64

static struct gateway_id make_id(const struct sandbox *s, uint64_t serial, char out[ID_BYTES])
{
    size_t n = strlen(s->stamp), at = 16;
    char digits[16];

    memcpy(out, s->stamp, n);
    do
        digits[--at] = "0123456789abcdef"[serial & 15];
    while ((serial >>= 4) > 0);
    memcpy(out + n, digits + at, sizeof digits - at);
    return (struct gateway_id){out, n + sizeof digits - at};
}

static void answer(struct sandbox *s, const struct item *item)
{
    char bytes[GATEWAY_MAX_IDS][ID_BYTES];
    struct gateway_id ids[GATEWAY_MAX_IDS];
    struct gateway_answer a = {.outcome = (enum gateway_outcome)item->outcome};
    size_t i;

    switch (a.outcome) {
    case GATEWAY_ACCEPTED:
        for (i = 0; i < item->parts; i++)
            ids[i] = make_id(s, item->serial + i, bytes[i]);
        a.ids = ids;
        a.id_count = item->parts;
        break;
    case GATEWAY_THROTTLED:
        a.code = "0x00000058";
        a.words = "too fast";
        a.retry_after_ms = 1000 - s->host->mono_ms() % 1000;
        break;
    case GATEWAY_RETRY:
        a.reason = GATEWAY_REASON_OUTAGE;
        a.code = "0x00000008";
        a.words = "system error";
        break;
    case GATEWAY_REJECTED:
        a.reason = GATEWAY_REASON_NUMBER;
        a.code = "0x0000000b";
        a.words = "no such number";
        break;
    default:
        a.words = "no answer";
        break;
    }
    s->host->done(s->gw, item->message->token, &a);
}

static void happen_answer(struct sandbox *s, struct item *item)
{
    struct item copy = *item;

    outstanding_remove(s, item);
    item_free(s, item);
    answer(s, &copy); /* last: it may submit the next one, or close */
}

static void plan(struct sandbox *s, struct item *item, int64_t due_ms)
{
    wheel_add(s->wheel, &item->at, due_ms);
}

static void arm(struct sandbox *s);

/* Whether the daemon has it now; until then it is the operator's to keep. */
static void on_stored(void *arg, bool stored)
{
    struct item *item = arg;
    struct sandbox *s = item->sandbox;

    s->handed--;
    if (stored) {
        item_free(s, item);
        return;
    }
    plan(s, item, s->host->mono_ms() + NOT_STORED_MS);
    arm(s);
}

/* Is there room to hand one more up? Else it is looked at again in a moment. */
static bool may_hand_up(struct sandbox *s, struct item *item)
{
    if (s->handed < HANDED_MAX) {
        s->handed++;
        return true;
    }
    plan(s, item, s->host->mono_ms() + AGAIN_MS);
    return false;
}

static void happen_receipt(struct sandbox *s, struct item *item)
{
    char bytes[ID_BYTES];
    struct gateway_receipt receipt = {.id = make_id(s, item->serial, bytes),
                                      .reference = item->name,
                                      .state = (enum gateway_receipt_state)item->outcome,
                                      .code = "DELIVRD",
                                      .done_ms = s->host->wall_ms()};

    if (!may_hand_up(s, item))
        return;
    if (receipt.state == GATEWAY_UNDELIVERED) {
        receipt.reason = GATEWAY_REASON_ABSENT;
        receipt.code = "UNDELIV";
    }
    s->host->receipt(s->gw, &receipt, on_stored, item);
}

static void happen_reply(struct sandbox *s, struct item *item)
{
    char id[ID_BYTES + 2];
    struct gateway_reply reply = {.from = item->name,
                                  .to = item->name + strlen(item->name) + 1,
                                  .text = s->reply_text,
                                  .length = strlen(s->reply_text),
                                  .id = id,
                                  .sent_ms = s->host->wall_ms()};
    size_t n = make_id(s, item->serial, id).length;

    if (!may_hand_up(s, item))
        return;
    id[n] = 'r';
    id[n + 1] = '\0';
    s->host->reply(s->gw, &reply, on_stored, item);
}

/* The connection is lost, and with it every answer that was under way. */
static void happen_drop(struct sandbox *s, struct item *item)
{
    item->kind = RECONNECT;
    plan(s, item, s->host->mono_ms() + RECONNECT_MS);
    s->connected = false;
    s->host->capacity(s->gw, 0, "connection lost");
    while (s->outstanding != NULL && !s->closed) {
        struct item *lost = s->outstanding;

        wheel_remove(s->wheel, &lost->at);
        lost->outcome = GATEWAY_UNKNOWN;
        happen_answer(s, lost);
    }
}

static void happen_reconnect(struct sandbox *s, struct item *item)
{
    item_free(s, item);
    s->connected = true;
    s->host->capacity(s->gw, s->window, "connected again");
}

static void (*const happen[])(struct sandbox *, struct item *) = {
    [ANSWER] = happen_answer, [RECEIPT] = happen_receipt,     [REPLY] = happen_reply,
    [DROP] = happen_drop,     [RECONNECT] = happen_reconnect,
};

/* ------------------------------------------------------------------- the clock */

static void destroy(struct sandbox *s);

static void show_gathered(struct sandbox *s)
{
    if (s->phone == NULL || phone_flush(s->phone) == 0 || s->phone_broken)
        return;
    s->phone_broken = true; /* told once; a full disk would fill the log too */
    s->host->log(s->gw, GATEWAY_LOG_ERROR, "sandbox.phone_file_not_written");
}

static void turn(void *arg)
{
    struct sandbox *s = arg;
    int64_t now_ms = s->host->mono_ms();
    struct wheel_item *due;
    unsigned n;

    s->timer = NULL;
    s->running = true;
    for (n = 0; n < ITEMS_PER_TURN && !s->closed; n++) {
        due = wheel_take(s->wheel, now_ms);
        if (due == NULL)
            break;
        happen[((struct item *)due)->kind](s, (struct item *)due);
    }
    s->running = false;
    if (s->closed) {
        destroy(s);
        return;
    }
    show_gathered(s);
    arm(s);
}

/* Sets the timer to the next thing, unless a turn is on, which does it at its end. */
static void arm(struct sandbox *s)
{
    int64_t next_ms = wheel_next_ms(s->wheel), now_ms;

    if (s->running || next_ms < 0 || (s->timer != NULL && s->armed_ms <= next_ms))
        return;
    s->host->timer_cancel(s->timer);
    now_ms = s->host->mono_ms();
    s->armed_ms = next_ms;
    s->timer = s->host->timer(s->gw, next_ms > now_ms ? next_ms - now_ms : 0, turn, s);
}

/* --------------------------------------------------------------- taking messages */

static bool too_fast(struct sandbox *s, int64_t now_ms)
{
    if (s->second != now_ms / 1000) {
        s->second = now_ms / 1000;
        s->in_second = 0;
    }
    return s->throttle_above > 0 && ++s->in_second > s->throttle_above;
}

static enum gateway_outcome decide(struct sandbox *s, const struct gateway_message *m,
                                   uint64_t fate, int64_t now_ms)
{
    if (too_fast(s, now_ms))
        return GATEWAY_THROTTLED;
    if (happens(fate, OUTAGE, s->outage))
        return GATEWAY_RETRY;
    if (happens(hash(s->seed, m->to, m->to_length), REJECT, s->reject))
        return GATEWAY_REJECTED;
    if (happens(fate, LOSS, s->loss))
        return GATEWAY_UNKNOWN;
    return GATEWAY_ACCEPTED;
}

static char *copy(const char *a, const char *b)
{
    size_t n = strlen(a) + 1, more = b != NULL ? strlen(b) + 1 : 0;
    char *both = memory_alloc(n + more);

    memcpy(both, a, n);
    if (b != NULL)
        memcpy(both + n, b, more);
    return both;
}

/* When its receipts come; the answer comes at answer_ms. */
static int64_t receipt_due(const struct sandbox *s, uint64_t fate, int64_t now_ms,
                           int64_t answer_ms)
{
    if (happens(fate, LATE, s->late_receipts))
        return answer_ms + s->late_delay_ms;
    if (happens(fate, EARLY, s->early_receipts))
        return now_ms + (answer_ms - now_ms) / 2;
    return answer_ms + s->receipt_delay_ms +
           (int64_t)roll(fate, RECEIPT_JITTER, (uint64_t)s->receipt_jitter_ms + 1);
}

/* The message is at the operator's: all that follows from that. */
static void arrive(struct sandbox *s, const struct gateway_message *m, const struct item *item,
                   uint64_t fate, int64_t now_ms, int64_t answer_ms)
{
    int64_t due_ms = receipt_due(s, fate, now_ms, answer_ms);
    bool delivered = !happens(fate, UNDELIVERED, s->undelivered);
    unsigned missing = delivered ? item->parts : (unsigned)roll(fate, MISSING_PART, item->parts);
    struct item *later;
    unsigned i;

    if (s->phone != NULL)
        phone_show(s->phone, m, s->host->wall_ms());
    for (i = 0; s->receipts && i < item->parts; i++) {
        later = pending_new(s, RECEIPT);
        if (later == NULL)
            return;
        later->serial = item->serial + i;
        later->outcome = i == missing ? GATEWAY_UNDELIVERED : GATEWAY_DELIVERED;
        later->name = s->echo_reference && m->reference != NULL ? copy(m->reference, NULL) : NULL;
        plan(s, later, due_ms);
    }
    if (!delivered || m->to_length == 0 || !happens(fate, REPLIES, s->replies))
        return;
    later = pending_new(s, REPLY);
    if (later == NULL)
        return;
    later->serial = item->serial;
    later->name = copy(m->to, m->from != NULL ? m->from : s->source);
    plan(s, later, due_ms + s->reply_delay_ms);
}

static void take_message(struct sandbox *s, const struct gateway_message *m, int64_t now_ms)
{
    uint64_t fate = fate_of(s, m);
    enum gateway_outcome outcome = decide(s, m, fate, now_ms);
    struct item *item = item_new(s, ANSWER);
    /* Never within this turn of the loop: the phone's lines are written at its end. */
    int64_t answer_ms =
        now_ms + 1 + s->latency_ms + (int64_t)roll(fate, LATENCY, (uint64_t)s->jitter_ms + 1);

    item->message = m;
    item->outcome = (uint8_t)outcome;
    item->parts = (uint8_t)(!s->segments || m->segments < 1 ? 1
                            : m->segments > GATEWAY_MAX_IDS ? GATEWAY_MAX_IDS
                                                            : m->segments);
    item->serial = s->serial;
    if (outcome == GATEWAY_ACCEPTED ||
        (outcome == GATEWAY_UNKNOWN && roll(fate, ARRIVED, 2) == 0)) {
        s->serial += item->parts;
        arrive(s, m, item, fate, now_ms, answer_ms);
    }
    outstanding_add(s, item);
    plan(s, item, outcome == GATEWAY_UNKNOWN ? now_ms + 1 + s->timeout_ms : answer_ms);
    if (s->drop_every > 0 && ++s->since_drop >= (uint64_t)s->drop_every) {
        s->since_drop = 0;
        plan(s, item_new(s, DROP), now_ms + 1);
    }
}

static void sandbox_submit(void *state, const struct gateway_message *const *messages, size_t n)
{
    static const struct gateway_answer unsent = {.outcome = GATEWAY_UNSENT};
    struct sandbox *s = state;
    int64_t now_ms = s->host->mono_ms(), boot_ms = s->host->boot_ms();
    size_t i;

    for (i = 0; i < n; i++) {
        const struct gateway_message *m = messages[i];

        if (s->outstanding_count >= s->window)
            s->host->log(s->gw, GATEWAY_LOG_ERROR, "sandbox.window_passed window=%u", s->window);
        if (!s->connected || s->outstanding_count >= s->window ||
            (m->submit_by_ms != 0 && boot_ms > m->submit_by_ms))
            s->host->done(s->gw, m->token, &unsent);
        else
            take_message(s, m, now_ms);
    }
    if (s->running)
        return; /* the turn ends with both */
    show_gathered(s);
    arm(s);
}

/* ------------------------------------------------------------ opening and closing */

static void read_settings(struct sandbox *s)
{
    const struct {
        const char *name;
        int64_t *to;
    } ints[] = {
        {"latency", &s->latency_ms},
        {"jitter", &s->jitter_ms},
        {"timeout", &s->timeout_ms},
        {"receipt_delay", &s->receipt_delay_ms},
        {"receipt_jitter", &s->receipt_jitter_ms},
        {"late_delay", &s->late_delay_ms},
        {"reply_delay", &s->reply_delay_ms},
        {"loss", &s->loss},
        {"reject", &s->reject},
        {"outage", &s->outage},
        {"undelivered", &s->undelivered},
        {"late_receipts", &s->late_receipts},
        {"early_receipts", &s->early_receipts},
        {"replies", &s->replies},
        {"throttle_above", &s->throttle_above},
        {"drop_every", &s->drop_every},
        {"pending_max", &s->pending_max},
    };
    const char *channel;
    size_t i;

    for (i = 0; i < sizeof ints / sizeof *ints; i++)
        *ints[i].to = s->host->setting_int(s->gw, ints[i].name);
    s->seed = (uint64_t)s->host->setting_int(s->gw, "seed");
    s->receipts = s->host->setting_int(s->gw, "receipts") != 0;
    s->echo_reference = s->host->setting_int(s->gw, "echo_reference") != 0;
    s->reply_text = s->host->setting_string(s->gw, "reply_text");
    s->source = s->host->setting_string(s->gw, "source");
    channel = s->host->setting_string(s->gw, "channel"); /* the host's own */
    s->segments = channel == NULL || *channel == '\0' || strcmp(channel, "sms") == 0;
    s->window = (unsigned)s->host->setting_int(s->gw, "window");
}

static int sandbox_open(const struct gateway_host *host, struct gateway *gw, void **state,
                        char *error, size_t size)
{
    struct sandbox *s = memory_calloc(1, sizeof *s);
    const char *path;
    uint16_t salt;

    s->host = host;
    s->gw = gw;
    read_settings(s);
    path = host->setting_string(gw, "phone_file");
    if (path != NULL && *path != '\0') {
        s->phone = phone_open(path, error, size);
        if (s->phone == NULL) {
            free(s);
            return -1;
        }
    }
    host->random(&salt, sizeof salt); /* two daemons may start within a millisecond */
    snprintf(s->stamp, sizeof s->stamp, "%llx%04x-", (unsigned long long)host->wall_ms(), salt);
    s->wheel = wheel_create(host->mono_ms());
    s->connected = true;
    *state = s;
    host->capacity(gw, s->window, "sandbox: nothing leaves this machine");
    return 0;
}

static void destroy(struct sandbox *s)
{
    struct slab *slab;
    size_t i;

    s->host->timer_cancel(s->timer);
    if (s->pending > 0 || s->dropped > s->dropped_told)
        s->host->log(s->gw, GATEWAY_LOG_INFO, "sandbox.forgotten pending=%zu dropped=%llu",
                     s->pending, (unsigned long long)s->dropped);
    wheel_destroy(s->wheel);
    while ((slab = s->slabs) != NULL) {
        s->slabs = slab->next;
        for (i = 0; i < SLAB; i++) /* in the wheel or handed up */
            if (slab->items[i].kind == RECEIPT || slab->items[i].kind == REPLY)
                free(slab->items[i].name);
        free(slab);
    }
    phone_close(s->phone);
    free(s);
}

static void sandbox_close(void *state)
{
    struct sandbox *s = state;

    s->closed = true;
    if (!s->running)
        destroy(s);
}

static unsigned sandbox_instance_capabilities(void *state)
{
    const struct sandbox *s = state;

    return (s->segments ? GATEWAY_SEGMENTS : 0) | (s->receipts ? GATEWAY_SENDS_RECEIPTS : 0) |
           (s->receipts && s->echo_reference ? GATEWAY_ECHOES_REFERENCE : 0);
}

const struct gateway_plugin gateway_plugin = {
    .abi = GATEWAY_ABI,
    .size = sizeof gateway_plugin,
    .name = "sandbox",
    .channel = NULL,
    .capabilities = GATEWAY_SEGMENTS | GATEWAY_SENDS_RECEIPTS,
    .settings = sandbox_settings,
    .open = sandbox_open,
    .submit = sandbox_submit,
    .close = sandbox_close,
    .instance_capabilities = sandbox_instance_capabilities,
};
