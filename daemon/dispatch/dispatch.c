#include "inside.h"

#include "campaign.h"
#include "clock.h"
#include "fault.h"
#include "keys.h"
#include "log.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define TICK_MS 100      /* schedule, events, sleeping jobs */
#define BEAT_TICKS 25    /* heartbeat and published states */
#define PUBLISH_TICKS 3  /* the live log */
#define REFRESH_TICKS 10 /* flags of jobs that cannot claim */
#define ORDER_TICKS 7    /* less than a second: what people order holds at once */
#define QUOTA_TICKS 12   /* more than a second: most rates are counted by the second */
#define REBUILD_TICKS 600
#define NOTICE_BYTES                                                                               \
    1400 /* of memory for one in flight, text included: what memory_mb is divided by */
#define OUTSTANDING_BYTES (16u << 20) /* to Redis: nothing new is begun beyond */

void dispatch_ask_turn(struct dispatch *d)
{
    if (d->turn_asked || d->turn == NULL)
        return;
    d->turn_asked = true;
    event_active(d->turn, EV_TIMEOUT, 0); /* comes after what is active already */
}

static void look_at_clocks(struct dispatch *d)
{
    if (d->pass_us != 0)
        return;
    d->pass_us = clock_mono_us();
    d->pass_ms = clock_wall_ms();
    dispatch_ask_turn(d); /* which forgets them */
}

int64_t dispatch_pass_us(struct dispatch *d)
{
    look_at_clocks(d);
    return d->pass_us;
}

int64_t dispatch_pass_ms(struct dispatch *d)
{
    look_at_clocks(d);
    return d->pass_ms;
}

struct db *dispatch_stripe(struct dispatch *d)
{
    static unsigned next;

    return db_stripe(d->db, next++);
}

uint32_t dispatch_fence(struct dispatch *d)
{
    static unsigned serial;

    serial = (serial + 1) & 0xfff;
    if (serial == 0)
        serial = 1;
    return d->epoch << 12 | serial;
}

bool dispatch_may_begin(const struct dispatch *d)
{
    return d->started && d->orders_known && !d->draining && dispatch_trusts(d) && db_well(d->db) &&
           watch_sends(d->watch) && db_outstanding_bytes(d->db) < OUTSTANDING_BYTES;
}

static bool all_quiet(const struct dispatch *d)
{
    for (const struct job *job = d->jobs; job != NULL; job = job->next)
        if (!job_idle(job))
            return false;
    return d->intents == 0 && d->settlings == 0 && gateway_set_outstanding(d->gateways) == 0 &&
           db_outstanding(d->db) == 0;
}

static void tell_idle(struct dispatch *d)
{
    void (*idle)(void *arg) = d->idle;

    if (idle == NULL || !all_quiet(d))
        return;
    d->idle = NULL;
    idle(d->idle_arg);
}

static void on_gather(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    dispatch_ask_turn(arg);
}

/* The clock is another: hours are asked for anew, and what was prepared by the old one
 * goes back. */
static void anew(struct dispatch *d)
{
    if (d->era == watch_era(d->watch) || !watch_sends(d->watch))
        return;
    d->era = watch_era(d->watch);
    for (struct job *job = d->jobs; job != NULL; job = job->next) {
        job->hours_until_ms = 0;
        if (job->state == JOB_OPEN)
            job->wake_ms = 0;
    }
    for (size_t i = 0; i < d->lane_count; i++)
        lane_give_back(&d->lanes[i]);
}

/* One turn of the pump: new work is begun, and what was answered is settled. Redis has its part
 * first, and is busy with it while the gateways get theirs. */
static void on_turn(evutil_socket_t fd, short what, void *arg)
{
    struct dispatch *d = arg;

    (void)fd, (void)what;
    d->turn_asked = false;
    d->pass_us = 0;
    watch_look(d->watch);
    anew(d);
    for (size_t i = 0; i < d->lane_count; i++) {
        if (d->draining || dispatch_in_doubt(d))
            lane_give_back(&d->lanes[i]);
        else
            lane_intend(&d->lanes[i]);
    }
    if (dispatch_may_begin(d))
        job_claim_round(d);
    settle_gathered(d);
    db_leave(d->db);
    for (size_t i = 0; i < d->lane_count && !d->draining && !dispatch_in_doubt(d); i++)
        lane_submit(&d->lanes[i]);
    delivery_log_write(d->log);
    jobs_sweep(d);
    tell_idle(d);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    static unsigned ticks;
    struct dispatch *d = arg;
    static const struct timeval again = {0, TICK_MS * 1000};

    (void)fd, (void)what;
    evtimer_add(d->tick, &again);
    ticks++;
    delivery_log_sync(d->log);
    if (gateway_set_outstanding(d->gateways) > 0)
        FAULT_POINT("W5");
    if (ticks % BEAT_TICKS == 0) {
        alarms_look(d->alarms);
        matters_look(d->matters);
    }
    if (db_well(d->db)) {
        trust_tick(d, ticks);
        if (ticks % PUBLISH_TICKS == 0)
            delivery_log_publish(d->log);
        if (ticks % BEAT_TICKS == 0) {
            member_beat(d->member);
            member_publish(d->member);
            watch_compare(d->watch);
            if (dispatch_trusts(d))
                purses_look(d);
        }
        if (ticks % ORDER_TICKS == 0 || !d->orders_known)
            orders_ask(d);
        if (d->epoch != 0) /* else it sends nothing, and may yet be buried under its name */
            quotas_ask(d, ticks % QUOTA_TICKS == 0);
        if ((d->started || dispatch_in_doubt(d)) && !d->draining)
            events_poll(d->events);
        if (d->started && !d->draining && dispatch_trusts(d)) {
            schedule_poll(d->events);
            corrections_poll(d->corrector);
            owed_look(d->owed);
            if (ticks % REFRESH_TICKS == 0)
                jobs_refresh(d);
            if (ticks % REBUILD_TICKS == 0)
                schedule_rebuild(d->events);
        }
    }
    dispatch_ask_turn(d);
}

/* An outcome stands in the delivery log before it is settled: one write for all that leave. */
static void before_redis(void *arg)
{
    struct dispatch *d = arg;

    delivery_log_write(d->log); /* what it has lost is for who submits to hear */
    if (d->settles)
        FAULT_POINT("W6");
    d->settles = false;
}

struct dispatch *dispatch_create(const struct dispatch_options *options)
{
    struct dispatch *d = xcalloc(1, sizeof *d);

    d->options = *options;
    d->base = options->base;
    d->db = options->db;
    d->settings = options->settings;
    d->log = options->log;
    d->said = MARKER_GOOD;
    d->command = COMMAND_INIT;
    d->most_in_memory = (size_t)d->settings->dispatch.memory_mb * 1024 * 1024 / NOTICE_BYTES;
    strncpy(d->name, d->settings->name, sizeof d->name - 1);
    d->refs = refs_create(d);
    d->recovery = recovery_create(d);
    d->owed = owed_create(d);
    d->events = events_create(d);
    d->corrector = corrector_create(d);
    d->member = member_create(d);
    d->watch = watch_create(d);
    d->alarms = alarms_create(d);
    d->matters = matters_create(d);
    db_before(d->db, before_redis, d);
    return d;
}

static void on_joined(struct dispatch *d)
{
    d->joining = false;
    d->started = true;
    schedule_rebuild(d->events);
    dispatch_ask_turn(d);
}

void dispatch_join(struct dispatch *d)
{
    d->started = false;
    d->joining = true;
    member_join(d->member, on_joined);
}

void dispatch_start(struct dispatch *d, struct gateway_set *gateways)
{
    static const struct timeval soon = {0, 1000};

    d->gateways = gateways;
    d->lane_count = gateway_set_count(gateways);
    for (size_t i = 0; i < d->lane_count; i++)
        lane_init(&d->lanes[i], d, gateway_set_at(gateways, i));
    d->turn = event_new(d->base, -1, 0, on_turn, d);
    d->tick = evtimer_new(d->base, on_tick, d);
    d->gather = evtimer_new(d->base, on_gather, d);
    evtimer_add(d->tick, &soon); /* joins when Redis has said that it is what it was */
}

/* Has the name of a retired gateway one that works? */
static bool has_heir(const struct dispatch *d, const struct lane *lane)
{
    return gateway_set_find(d->gateways, lane->name) != NULL;
}

void dispatch_gateways_changed(struct dispatch *d)
{
    size_t before = d->lane_count;

    d->lane_count = gateway_set_count(d->gateways);
    for (size_t i = before; i < d->lane_count; i++) {
        lane_init(&d->lanes[i], d, gateway_set_at(d->gateways, i));
        if (d->epoch != 0)
            member_number(&d->lanes[i]);
    }
    for (size_t i = 0; i < before; i++)
        if (gateway_retired(d->lanes[i].gateway) && !has_heir(d, &d->lanes[i]))
            member_forget(&d->lanes[i]);
    d->orders_known = false; /* those of the new ones */
    dispatch_ask_turn(d);
}

void dispatch_answered(struct dispatch *d, struct gateway *gw, void *context,
                       const struct gateway_answer *answer)
{
    struct notice *n = context;

    (void)d;
    assert(n->lane == lane_of(gw));
    lane_answered(n->lane, n);
    settle_answer(n, answer);
}

void dispatch_changed(struct dispatch *d, struct gateway *gw)
{
    (void)gw;
    dispatch_ask_turn(d);
}

void dispatch_drain(struct dispatch *d, void (*idle)(void *arg), void *arg)
{
    d->draining = true;
    d->idle = idle;
    d->idle_arg = arg;
    dispatch_ask_turn(d);
}

void dispatch_leave(struct dispatch *d)
{
    if (!db_well(d->db) || d->replaced)
        return;
    quotas_return(d, d->name);
    events_leave(d->events);
    command_start(&d->command, "HSET"); /* gone, not dead: nobody needs to wonder */
    key_daemon(&d->command, d->name);
    command_add_string(&d->command, "seen");
    command_add_int(&d->command, 0);
    db_send(d->db, &d->command, NULL, NULL);
}

bool dispatch_settle_all(struct dispatch *d)
{
    d->draining = true;
    d->idle = NULL; /* too late: the stop has gone past it */
    purses_close(d);
    for (size_t i = 0; i < d->lane_count; i++) {
        lane_give_back(&d->lanes[i]);
        lane_clear(&d->lanes[i]);
    }
    d->pass_us = 0;
    d->lane_count = 0; /* nothing is asked for the gateways any more */
    settle_all(d);
    return db_outstanding(d->db) > 0;
}

void dispatch_trim(struct dispatch *d)
{
    batches_trim(d);
    intents_trim(d);
    settlings_trim(d);
}

void dispatch_free(struct dispatch *d)
{
    struct job *next;

    if (d == NULL)
        return;
    db_before(d->db, NULL, NULL);
    for (size_t i = 0; i < GATEWAY_SET_MAX; i++)
        lane_clear(&d->lanes[i]);
    for (struct job *job = d->jobs; job != NULL; job = next) {
        next = job->next;
        job_free(job);
    }
    batches_free(d);
    intents_free(d);
    settlings_free(d);
    events_free(d->events);
    corrector_free(d->corrector);
    recovery_free(d->recovery);
    owed_free(d->owed);
    member_free(d->member);
    quotas_free(d);
    alarms_free(d->alarms);
    matters_free(d->matters);
    watch_free(d->watch);
    refs_free(d->refs);
    if (d->turn != NULL)
        event_free(d->turn);
    if (d->tick != NULL)
        event_free(d->tick);
    if (d->gather != NULL)
        event_free(d->gather);
    command_free(&d->command);
    free(d);
}
