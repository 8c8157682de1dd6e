#include "inside.h"

#include "keys.h"
#include "language.h"
#include "log.h"

/*
 * Is Redis what it was? Asked after every connection before anything is begun, before every
 * reminder that is opened (nobody here knows how far that one had been), and all the time
 * after that, the more often while anything is sent (store/marker.h); and so is whether the
 * refusals bear our seal, by each gate too. What is in doubt is not sent
 * from: jobs stand still, what has not left goes back, events are still taken, since campaigns that
 * are gone come back by them. Outcomes stand in the delivery log, whatever Redis says to them. When
 * a person has said that it is right, this daemon joins anew: numbers, epochs and flags may
 * all be others.
 */
#define ASK_TICKS 2 /* of TICK_MS, while there is work: what is lost of less is not noticed */
#define ASK_TICKS_IDLE 25

static const char *reason_of(enum marker_verdict verdict)
{
    switch (verdict) {
    case MARKER_EMPTY:
        return N_("Redis is empty: it has forgotten campaigns and who was told. Nothing is sent. "
                  "Queue the campaigns again from the same files, then run outreach recover --from "
                  "with the delivery logs");
    case MARKER_OLDER:
        return N_("Redis went back: what it forgot may have been sent. Nothing is sent until "
                  "outreach recover --from with the delivery logs");
    case MARKER_REFUSALS:
        return N_("Redis has lost outreach:optout, those who refused. Nothing is sent: put it back "
                  "from a backup, then outreach recover --adopt; or outreach recover --from with "
                  "the delivery logs");
    case MARKER_FOREIGN:
        return N_("this Redis belongs to another installation than the state directory. Nothing is "
                  "sent: correct redis.url or state_dir, or say outreach recover --adopt");
    default:
        return "";
    }
}

const char *trust_reason(const struct dispatch *d)
{
    return reason_of(d->said);
}

static void tell_change(struct dispatch *d, enum marker_verdict now)
{
    enum marker_verdict was = d->said;

    d->said = now;
    if (now != MARKER_GOOD) {
        log_error("redis.in_doubt verdict=%s reason=%s", marker_verdict_name(now),
                  log_quote(reason_of(now)));
        jobs_halt(d);
    } else if (was != MARKER_GOOD && (d->epoch != 0 || d->joining)) {
        log_info("redis.trusted_again");
        jobs_forget(d);
        refs_forget(d->refs);
        dispatch_join(d);
    }
}

static void ask(struct dispatch *d, enum marker_op op, db_fn *fn)
{
    d->trust_asked = true;
    marker_command(d->options.marker, op, &d->command);
    db_send(d->db, &d->command, fn, d);
}

static void judge(struct dispatch *d, enum marker_op op, const redisReply *reply);

static void on_beat(void *arg, const redisReply *reply)
{
    judge(arg, MARKER_BEAT, reply);
}

static void on_seal_noted(void *arg, const redisReply *reply)
{
    judge(arg, MARKER_SEAL, reply);
}

static void on_unsealed(void *arg, const redisReply *reply)
{
    judge(arg, MARKER_UNSEALED, reply);
}

/* Noted after it was put there, so that a note without a seal means a loss. */
static void on_sealed(void *arg, const redisReply *reply)
{
    struct dispatch *d = arg;

    d->trust_asked = false;
    if (reply->type != REDIS_REPLY_INTEGER)
        return; /* was said already, and the next tick asks again */
    d->seal = SEAL_THERE;
    ask(d, MARKER_SEAL, on_seal_noted);
}

/* False: it has been asked what is the matter, and nothing leaves before that is known. A set
 * that cannot be read is the gates' business: it may be mended. */
static bool refusals_are_there(struct dispatch *d)
{
    bool sealed = marker_sealed(d->options.marker);

    if (sealed && d->seal != SEAL_MISSING)
        return true;
    d->trust = MARKER_UNKNOWN;
    if (sealed) {
        ask(d, MARKER_UNSEALED, on_unsealed);
        return false;
    }
    d->trust_asked = true; /* a new installation, or one of before there were seals */
    command_start(&d->command, "SADD");
    command_add_string(&d->command, KEY_OPTOUT);
    command_add_string(&d->command, OPTOUT_SEAL);
    db_send(d->db, &d->command, on_sealed, d);
    return false;
}

static void judge(struct dispatch *d, enum marker_op op, const redisReply *reply)
{
    enum marker_verdict now = marker_answer(d->options.marker, op, reply);

    d->trust_asked = false;
    if (now == MARKER_GOOD && !refusals_are_there(d))
        return;
    if (now == MARKER_UNKNOWN) {
        if (!db_is_error(reply, "OOM"))
            log_error("marker.error reply=%s", log_quote(reply->str ? reply->str : ""));
        return;
    }
    d->trust = now;
    if (now != d->said)
        tell_change(d, now);
    if (now == MARKER_GOOD && !d->joining && !d->started)
        dispatch_join(d);
    dispatch_ask_turn(d);
}

static void on_doubt(void *arg, const redisReply *reply)
{
    judge(arg, MARKER_DOUBT, reply);
}

void trust_tick(struct dispatch *d, unsigned ticks)
{
    unsigned every = d->in_memory > 0 ? ASK_TICKS : ASK_TICKS_IDLE;

    if (d->trust_asked || (d->trust != MARKER_UNKNOWN && ticks % every != 0))
        return;
    trust_ask(d);
}

static void on_seal(void *arg, const redisReply *reply)
{
    struct dispatch *d = arg;

    if (db_is_error(reply, "WRONGTYPE") && d->seal != SEAL_UNREADABLE)
        log_error("optout.error reply=%s", log_quote(reply->str));
    d->seal = reply->type != REDIS_REPLY_INTEGER ? SEAL_UNREADABLE
              : reply->integer != 0              ? SEAL_THERE
                                                 : SEAL_MISSING;
}

void trust_ask(struct dispatch *d)
{
    command_start(&d->command, "SISMEMBER");
    command_add_string(&d->command, KEY_OPTOUT);
    command_add_string(&d->command, OPTOUT_SEAL);
    db_send(d->db, &d->command, on_seal, d);
    ask(d, MARKER_BEAT, on_beat);
}

void trust_unsealed(struct dispatch *d)
{
    d->trust = MARKER_UNKNOWN; /* nothing leaves; the next tick asks for both */
}

void trust_doubt(struct dispatch *d)
{
    if (d->said != MARKER_GOOD)
        return;
    d->trust = MARKER_UNKNOWN; /* nothing leaves from now on, whatever is still to be answered */
    marker_command(d->options.marker, MARKER_DOUBT, &d->command);
    db_send(d->db, &d->command, on_doubt, d);
}

bool dispatch_in_doubt(const struct dispatch *d)
{
    return d->said != MARKER_GOOD;
}

bool dispatch_trusts(const struct dispatch *d)
{
    return d->trust == MARKER_GOOD;
}

void dispatch_redis_away(struct dispatch *d)
{
    d->trust = MARKER_UNKNOWN;
    member_count_anew(d->member);
}
