#include "inside.h"

#include "log.h"

/*
 * Is Redis what it was? Asked after every connection before anything is begun, before every
 * reminder that is opened (nobody here knows how far that one had been), and all the time
 * after that, the more often while anything is sent (store/marker.h). What is in doubt is not sent
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
        return "Redis is empty: it has forgotten campaigns and who was told. Nothing is sent. "
               "Queue "
               "the campaigns again from the same files, then run outreach recover --from with "
               "the delivery logs";
    case MARKER_OLDER:
        return "Redis went back: what it forgot may have been sent. Nothing is sent until outreach "
               "recover --from with the delivery logs";
    case MARKER_FOREIGN:
        return "this Redis belongs to another installation than the state directory. Nothing is "
               "sent: correct redis.url or state_dir, or say outreach recover --adopt";
    default:
        return "";
    }
}

static void tell_change(struct dispatch *d, enum marker_verdict now)
{
    enum marker_verdict was = d->said;

    d->said = now;
    if (now != MARKER_GOOD) {
        log_error("redis.in_doubt verdict=%s reason=%s", marker_verdict_name(now),
                  log_quote(reason_of(now)));
        jobs_halt(d);
    } else if (was != MARKER_GOOD && d->epoch != 0) {
        log_info("redis.trusted_again");
        jobs_forget(d);
        refs_forget(d->refs);
        dispatch_join(d);
    }
}

static void judge(struct dispatch *d, enum marker_op op, const redisReply *reply)
{
    enum marker_verdict now = marker_answer(d->options.marker, op, reply);

    d->trust_asked = false;
    if (now == MARKER_UNKNOWN) {
        if (!db_is_error(reply, "OOM"))
            log_error("marker.error reply=%s", log_quote(reply->str ? reply->str : ""));
        return;
    }
    d->trust = now;
    if (now != d->said)
        tell_change(d, now);
    if (now == MARKER_GOOD && !d->joining && d->epoch == 0)
        dispatch_join(d);
    dispatch_ask_turn(d);
}

static void on_beat(void *arg, const redisReply *reply)
{
    judge(arg, MARKER_BEAT, reply);
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

void trust_ask(struct dispatch *d)
{
    d->trust_asked = true;
    marker_command(d->options.marker, MARKER_BEAT, &d->command);
    db_send(d->db, &d->command, on_beat, d);
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
