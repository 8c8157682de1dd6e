/*
 * dispatch.h - the pump: from a reminder that falls due to settled notices
 *
 * schedule -> claim -> route -> render -> limit -> intend -> gate -> submit -> settle
 *
 * The files of this room, in the order a notice meets them:
 *   events.c    what people asked for becomes campaigns and due reminders
 *   job.c       a reminder that is open here: its campaign, flags, claims
 *   batch.c     a claimed range: its rows and records, its lease
 *   prepare.c   which gateway, which text
 *   lane.c      the queue of one gateway: priority, window, rates; submit
 *   quota.c     rates that hold for all daemons together: gateway, sender, campaign
 *   orders.c    what people have ordered of the gateways: pause, drain, limit
 *   intent.c    the right to send, and the gate
 *   settle.c    outcomes become ledger records
 *   recover.c   what a dead daemon left behind
 *   owed.c      receipts that have to be asked for, and that nobody remembers
 *   member.c    this daemon among others: epoch, heartbeat
 *   trust.c     is Redis what it was? Else nothing is sent
 *   watch.c     is the clock what it was? Else nothing is begun
 * and beside them: dispatch.c turns the pump; delivery_log.c writes down each step, and
 * replay.c reads it again; outcome.c (what an answer may do to a record), share.c, limit.c,
 * timekeeper.c are rules without Redis; refs.c and survey.c look names up.
 *
 * Nothing here is truth: a daemon may be killed at any instruction and another
 * goes on from what Redis holds. Memory is bounded by dispatch.memory_mb.
 */
#ifndef OUTREACH_DISPATCH_H
#define OUTREACH_DISPATCH_H

#include "db.h"
#include "delivery_log.h"
#include "gateway.h"
#include "ledger.h"
#include "marker.h"
#include "settings.h"

struct dispatch; /* opaque */

struct health;
struct alarm;

struct dispatch_options {
    struct event_base *base;
    struct db *db;
    const struct settings *settings;
    struct delivery_log *log;
    struct marker *marker;
    const struct health *health; /* NULL: there is always room */
    /* Another daemon of this name has taken over, or Redis refused us: stop. */
    void (*stop)(void *arg, const char *why);
    /* A receipt had been parked under this message id before the id was known: for inbound/. */
    void (*early)(void *arg, struct gateway *gw, const char *id, size_t id_length,
                  const char *receipt, size_t n);
    /* Somebody on duty should hear of it, alarm.h: again and again while it holds. May be NULL. */
    void (*alarm)(void *arg, const struct alarm *alarm);
    void *arg;
};

/* All are borrowed. The gateways come later, since they need this to report to. */
struct dispatch *dispatch_create(const struct dispatch_options *options);

/* The answers of the gateways come in here: for struct gateway_events.answered, .changed. */
void dispatch_answered(struct dispatch *d, struct gateway *gw, void *context,
                       const struct gateway_answer *answer);
void dispatch_changed(struct dispatch *d, struct gateway *gw);

/* Redis is away: when it is back it has to be asked whether it is what it was. */
void dispatch_redis_away(struct dispatch *d);
/* It is not, and nobody has said yet that this is right: its indexes cannot be believed. */
bool dispatch_in_doubt(const struct dispatch *d);

/* Begins: epoch, recovery of what this daemon's last life left, then the pump. */
void dispatch_start(struct dispatch *d, struct gateway_set *gateways);

/* After gateway_set_reload(): begins with the new ones, ends with the retired ones. */
void dispatch_gateways_changed(struct dispatch *d);

/* Stops claiming; what is in flight is settled. Calls idle once when nothing is
 * left, or stop_ms later. */
void dispatch_drain(struct dispatch *d, void (*idle)(void *arg), void *arg);

/* For a second nothing has been sent, and nothing will be: others may have our shares. */
void dispatch_leave(struct dispatch *d);

/* After the gateways are shut: sends the last outcomes. True if something is under way. */
bool dispatch_settle_all(struct dispatch *d);

/* Lets go of what a burst needed, and nobody since the last call. */
void dispatch_trim(struct dispatch *d);

void dispatch_free(struct dispatch *d); /* after the gateways are shut */

/* For inbound/: which reminder a ref of the receipts' index means. fn runs once, with
 * NULL names when there is no such ref; at once when it is known here. */
typedef void dispatch_ref_fn(void *arg, const char *campaign, const char *reminder);
void dispatch_find_ref(struct dispatch *d, uint32_t ref, dispatch_ref_fn *fn, void *arg);

/* For inbound/, whose moves count in a reminder's seq too: the highest that this daemon has
 * seen of it, 0 if it is not open here. */
int64_t dispatch_seq(struct dispatch *d, const char *campaign, const char *reminder);
/* A move was answered by MOVES_BACK: Redis is older than that. All stands still. */
void dispatch_went_back(struct dispatch *d, const char *campaign, const char *reminder);

#endif
