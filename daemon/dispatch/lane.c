#include "inside.h"

#include "clock.h"
#include "fault.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AGAIN_MS 1000 /* what waited for a gateway that went out of use */
#define TURN 64       /* notices of one job before the next has its turn */
/* How long notices wait to fill a batch. A little more than a fifth of a second: five batches
 * are then never more than a rate's second holds, and none has to be torn for it. */
#define GATHER_MS 210
/* An intent for fewer waits for company, while answers are under way. As many as a batch: what
 * was claimed together is intended and settled together, which is one range for Redis, and not
 * the end of one and the beginning of another. */
#define GROUP_LEAST GROUP_MAX
#define SUBMIT_MAX (4 * GROUP_MAX) /* leave behind one write of the delivery log */
#define GROUP_CUT 64               /* so many are not filled up from the next batch */
#define SLOW_WRITE_MS 20 /* of the delivery log: what it is for is then looked at once more */

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    lane_submit(arg);
    lane_intend(arg);
}

static struct quota_rate configured_rate(const struct gateway_config *config)
{
    return (struct quota_rate){
        .slots = config->rate,
        .period_ms = config->rate_ms,
        .burst = config->burst,
        .least = config->count == GATEWAY_COUNT_SEGMENTS ? GATEWAY_MAX_IDS : 1,
    };
}

/* Does one request of this gateway's carry several? What sends each by itself has nothing to
 * wait for. */
static bool gathers(const struct lane *lane)
{
    return lane->config->batch_max > 1 && lane->config->batch_max < UINT_MAX;
}

void lane_init(struct lane *lane, struct dispatch *d, struct gateway *gateway)
{
    const struct gateway_config *config = gateway_config(gateway);
    struct quota_rate rate = configured_rate(config);

    memset(lane, 0, sizeof *lane);
    lane->d = d;
    lane->gateway = gateway;
    lane->config = config;
    snprintf(lane->name, sizeof lane->name, "%s", config->name);
    lane->receipt_wait_ms = config->receipt_wait_ms;
    lane->rate = quota_get(d, QUOTA_GATEWAY, lane->name, &rate);
    if (config->sender_rate > 0) {
        rate.slots = config->sender_rate;
        rate.period_ms = config->sender_rate_ms;
        rate.burst = 0;
        lane->sender = quota_get(d, QUOTA_SENDER, config->source, &rate);
        quota_change(lane->sender, &rate); /* where a reload has changed it */
    }
    if (gathers(lane)) {
        quota_gather(lane->rate, GATHER_MS * 1000);
        quota_gather(lane->sender, GATHER_MS * 1000);
    }
    lane->timer = evtimer_new(d->base, on_timer, lane);
    gateway_set_user(gateway, lane);
}

void lane_clear(struct lane *lane)
{
    if (lane->timer != NULL)
        event_free(lane->timer);
    lane->timer = NULL;
}

void lane_limit(struct lane *lane, int64_t rate, int64_t rate_ms)
{
    struct quota_rate now = configured_rate(lane->config);

    if (rate > 0 && (now.slots == 0 ||
                     (double)rate / (double)rate_ms < (double)now.slots / (double)now.period_ms)) {
        now.slots = rate;
        now.period_ms = rate_ms;
        now.burst = 0;
    }
    quota_change(lane->rate, &now);
}

struct lane *lane_of(struct gateway *gateway)
{
    return gateway_user(gateway);
}

static struct line *line_of(const struct lane *lane, const struct job *job)
{
    struct line *ring = lane->turns[job->priority], *s = ring;

    if (ring == NULL)
        return NULL;
    do {
        if (s->job == job)
            return s;
        s = s->next;
    } while (s != ring);
    return NULL;
}

size_t lane_room(const struct lane *lane, const struct job *job, size_t *fair)
{
    size_t ahead = 0, shares = 0, most = 2 * (size_t)lane->config->window, share, own;
    const struct line *mine = line_of(lane, job);

    if (!gateway_usable(lane->gateway) || lane->number == 0 || lane->rate->share.limit.slots < 0)
        return 0;
    for (int p = 1; p <= job->priority; p++) {
        const struct line *ring = lane->turns[p], *s = ring;

        if (ring != NULL)
            do {
                ahead += s->count;
                shares += p == job->priority && s->job != job;
                s = s->next;
            } while (s != ring);
    }
    share = most / (shares + 1) > 0 ? most / (shares + 1) : 1;
    *fair += share;
    if (shares == 0)
        return ahead < most ? most - ahead : 0;
    /* Others wait here too: a newcomer is let in though they have filled the queue. */
    own = mine != NULL ? mine->count : 0;
    return own < share ? share - own : 0;
}

int64_t lane_turn_ms(const struct lane *lane)
{
    double rate = limit_rate(&lane->rate->share.limit);

    if (rate <= 0)
        return 2000;
    return 1000 + (int64_t)((double)lane->queued * 1000.0 / rate);
}

void lane_add(struct lane *lane, struct notice *n)
{
    struct job *job = n->batch->job;
    struct line *s = line_of(lane, job), **turn = &lane->turns[job->priority];

    if (s == NULL) { /* the last in the ring */
        s = xcalloc(1, sizeof *s);
        s->job = job;
        s->next = s;
        if (*turn != NULL) {
            struct line *last = *turn;

            while (last->next != *turn)
                last = last->next;
            s->next = *turn;
            last->next = s;
        } else {
            *turn = s;
        }
    }
    if (gathers(lane))
        quota_gather(job->quota, GATHER_MS * 1000);
    n->lane = lane;
    n->next = NULL;
    if (s->last != NULL)
        s->last->next = n;
    else
        s->first = n;
    s->last = n;
    s->count++;
    lane->queued++;
}

static struct notice *line_pop(struct lane *lane, struct line *s)
{
    struct notice *n = s->first;

    s->first = n->next;
    if (s->first == NULL)
        s->last = NULL;
    s->count--;
    lane->queued--;
    return n;
}

/* The next one has its turn; a share that is empty leaves the ring. */
static void line_pass(struct line **turn)
{
    struct line *s = *turn, *before = s;

    if (s->count > 0) {
        *turn = s->next;
        return;
    }
    while (before->next != s)
        before = before->next;
    before->next = s->next;
    *turn = s->next == s ? NULL : s->next;
    free(s);
}

static unsigned slots_of(const struct lane *lane, const struct notice *n)
{
    return lane->config->count == GATEWAY_COUNT_SEGMENTS ? n->message.segments : 1;
}

/* What n is of the window: each part waits for an answer of its own. */
static size_t places_of(const struct lane *lane, const struct notice *n)
{
    return (lane->config->capabilities & GATEWAY_SEGMENTS) != 0 ? n->message.segments : 1;
}

/* ------------------------------------------------------------ from queue to intent */

static void count_ahead(const struct lane *lane, const struct notice *n, int sign)
{
    unsigned slots = slots_of(lane, n);

    lane->rate->ahead += (size_t)sign * slots;
    if (lane->sender != NULL)
        lane->sender->ahead += (size_t)sign * slots;
    if (n->batch->job->quota != NULL)
        n->batch->job->quota->ahead += (size_t)sign;
}

static void suspect_back(struct dispatch *d, const struct notice *n)
{
    if (d->suspect == n)
        d->suspect = NULL;
}

void lane_behind(const struct lane *lane, const struct notice *n)
{
    suspect_back(lane->d, n);
    count_ahead(lane, n, -1);
}

/* One that may be what kills daemons goes alone, so that the next death says whether it is. */
static bool is_suspect(const struct notice *n)
{
    struct record r;

    record_unpack(n->record, &r);
    return (r.flags & FLAG_SUSPECT) != 0;
}

static size_t least_of(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Notices of one job, as far as window, rates and its turn go. */
static size_t lane_group(struct lane *lane, struct line *s, size_t most, struct notice **group)
{
    size_t room = least_of(quota_room(lane->rate), quota_room(lane->sender)), slots = 0, count = 0;
    int64_t now_us = clock_mono_us();

    most = least_of(most, quota_room(s->job->quota));
    if (s->next != s && most > TURN)
        most = TURN;
    while (count < most && slots < room && s->first != NULL) {
        struct notice *n = s->first;

        if (count >= GROUP_CUT && n->batch != group[count - 1]->batch)
            break;
        if (is_suspect(n)) {
            if (lane->d->suspect != NULL)
                break;
            lane->d->suspect = n;
        }
        line_pop(lane, s);
        slots += slots_of(lane, n);
        count_ahead(lane, n, 1);
        n->limited_us = now_us;
        group[count++] = n;
    }
    return count;
}

/* Looks again then, or before. */
static void wait_us(struct lane *lane, int64_t us)
{
    struct timeval tv;
    int64_t wake_us;

    us = us < 1000 ? 1000 : us; /* a wake-up for several slots: cheaper than one each */
    tv = (struct timeval){us / 1000000, us % 1000000};
    wake_us = clock_mono_us() + us;
    if (evtimer_pending(lane->timer, NULL) && lane->wake_us <= wake_us)
        return;
    lane->wake_us = wake_us;
    evtimer_add(lane->timer, &tv);
}

/* The next group of the first priority that has one: a campaign that is at its own
 * rate holds nobody up. */
static size_t lane_next(struct lane *lane, size_t most, struct notice **group)
{
    int64_t all_us = quota_wait_us(lane->rate), sender_us = quota_wait_us(lane->sender);

    all_us = all_us > sender_us ? all_us : sender_us;
    if (all_us > 0) {
        wait_us(lane, all_us);
        return 0;
    }
    for (int p = 1; p < PRIORITIES; p++) {
        struct line **turn = &lane->turns[p], *first = *turn;
        size_t count;

        if (first == NULL)
            continue;
        do {
            count = lane_group(lane, *turn, most, group);
            if (count > 0) {
                line_pass(turn);
                return count;
            }
            wait_us(lane, quota_wait_us((*turn)->job->quota));
            *turn = (*turn)->next;
        } while (*turn != first);
    }
    return 0;
}

/* ------------------------------------------------------------ from intent to submit */

void lane_answered(struct lane *lane, const struct notice *n)
{
    suspect_back(lane->d, n);
    lane->unanswered -= places_of(lane, n);
}

/* Whether the ready stay for another moment, until a batch is full and the rates let it go. */
static bool gathering(struct lane *lane)
{
    size_t full = least_of(lane->config->batch_max, GROUP_MAX);
    int64_t now_us = clock_mono_us(), left_us = lane->gathered_us - now_us;

    full = least_of(full, (size_t)lane->config->window);
    if (!gathers(lane) || lane->ready_count == 0 || left_us <= 0)
        return false;
    if (lane->ready_count >= full) {
        const struct quota *rates[] = {lane->rate, lane->sender, lane->ready->batch->job->quota};
        unsigned slots = (unsigned)full * slots_of(lane, lane->ready);
        int64_t full_us = 0;

        for (size_t i = 0; i < 3; i++) {
            int64_t us = rates[i] == NULL
                             ? 0
                             : limit_gather_wait_us(&rates[i]->share.limit,
                                                    i < 2 ? slots : (unsigned)full, now_us);

            full_us = us > full_us ? us : full_us;
        }
        left_us = left_us < full_us ? left_us : full_us;
    }
    if (left_us > 0)
        wait_us(lane, left_us);
    return left_us > 0;
}

/* So long may n wait for company: not as long as it would be too late then. */
static int64_t gather_until_us(const struct notice *n)
{
    int64_t until_ms = n->message.expires_ms, wall_ms = clock_wall_ms();

    until_ms = until_ms < n->hours_until_ms ? until_ms : n->hours_until_ms;
    until_ms = until_ms < n->batch->job->hours_until_ms ? until_ms : n->batch->job->hours_until_ms;
    return clock_mono_us() + (until_ms - wall_ms < 2 * GATHER_MS ? 0 : GATHER_MS * 1000);
}

void lane_ready(struct lane *lane, struct notice *n)
{
    if (gathers(lane)) {
        int64_t until_us = gather_until_us(n);

        if (lane->ready_count == 0 || lane->gathered_us > until_us)
            lane->gathered_us = until_us;
    }
    n->next = NULL;
    if (lane->ready_last != NULL)
        lane->ready_last->next = n;
    else
        lane->ready = n;
    lane->ready_last = n;
    lane->ready_count++;
}

/* Nothing of it may leave any more, though its intent stands: it is late, it is another
 * day, or it is not known what time it is. */
static bool too_late(const struct lane *lane, const struct notice *n, int64_t boot_ms,
                     int64_t wall_ms)
{
    const struct job *job = n->batch->job;
    bool rest;
    int day = prepare_today(job, wall_ms, &rest);

    return boot_ms > n->message.submit_by_ms || wall_ms >= n->message.expires_ms ||
           wall_ms >= n->hours_until_ms || wall_ms >= job->hours_until_ms ||
           gateway_closed_on(lane->gateway, day, rest) ||
           !watch_lets(lane->d->watch, job->campaign->class) || !dispatch_trusts(lane->d);
}

static void unsent(struct lane *lane, struct notice *n)
{
    lane_behind(lane, n);
    settle_answer(n, &(struct gateway_answer){.outcome = GATEWAY_UNSENT});
}

/* What has its intent does not leave by it. */
static void give_back_ready(struct lane *lane)
{
    struct notice *n;

    while ((n = lane->ready) != NULL) {
        lane->ready = n->next;
        lane->ready_count--;
        unsent(lane, n);
    }
    lane->ready_last = NULL;
}

enum pass { PASS_GOES, PASS_WAITS, PASS_ALL_WAIT };

/* Takes the slots of every rate that n is under, or of none. */
static enum pass pass(struct lane *lane, const struct notice *n, int64_t now_us)
{
    struct limit *limits[] = {
        &lane->rate->share.limit, lane->sender != NULL ? &lane->sender->share.limit : NULL,
        n->batch->job->quota != NULL ? &n->batch->job->quota->share.limit : NULL};
    unsigned slots = slots_of(lane, n), units[] = {slots, slots, 1};

    /* Parts that a plugin has no window for would wait in it, and leave when they like. */
    if (lane->unanswered > 0 &&
        lane->unanswered + places_of(lane, n) > (size_t)lane->config->window)
        return PASS_ALL_WAIT;
    for (size_t i = 0; i < 3; i++)
        if (limits[i] != NULL && !limit_free(limits[i], units[i], now_us)) {
            wait_us(lane, limit_wait_us(limits[i], now_us));
            return i < 2 ? PASS_ALL_WAIT : PASS_WAITS;
        }
    for (size_t i = 0; i < 3; i++)
        if (limits[i] != NULL)
            limit_take(limits[i], units[i], now_us);
    return PASS_GOES;
}

/* Those of the ready that may leave now, in their order; those that came to be too late go
 * back. They stand in the order of their permits, so that behind one that has to wait for
 * all nobody is looked at: that would be every one of them in every turn. */
static size_t take_ready(struct lane *lane, size_t most, struct notice **go)
{
    int64_t boot_ms = clock_boot_ms(), wall_ms = clock_wall_ms(), now_us = clock_mono_us();
    struct notice *n = lane->ready, *next, **kept = &lane->ready, *kept_last = NULL;
    size_t count = 0, out = lane->unanswered;

    share_check(&lane->rate->share, boot_ms);
    if (lane->sender != NULL)
        share_check(&lane->sender->share, boot_ms);
    for (; n != NULL; n = next) {
        enum pass how = PASS_ALL_WAIT;

        next = n->next;
        if (n->batch->job->quota != NULL)
            share_check(&n->batch->job->quota->share, boot_ms);
        if (too_late(lane, n, boot_ms, wall_ms)) {
            n->next = NULL;
            lane->ready_count--;
            unsent(lane, n);
            continue;
        }
        if (count < most)
            how = pass(lane, n, now_us);
        if (how == PASS_ALL_WAIT)
            break;
        if (how == PASS_GOES) {
            n->next = NULL;
            lane->ready_count--;
            lane->unanswered += places_of(lane, n);
            n->submitted_us = now_us;
            go[count++] = n;
            continue;
        }
        *kept = n; /* its campaign is at its own rate */
        kept = &n->next;
        kept_last = n;
    }
    lane->unanswered = out; /* counted when they are submitted */
    *kept = n;
    if (n == NULL)
        lane->ready_last = kept_last;
    return count;
}

static void log_intent(const struct lane *lane, struct notice *n)
{
    struct delivery_event e = DELIVERY_EVENT_INIT;
    struct record r;

    record_unpack(n->record, &r);
    e.event = "intent";
    e.step = n->step;
    e.at_ms = dispatch_pass_ms(lane->d);
    e.campaign = n->batch->job->id;
    e.reminder = n->batch->job->name;
    e.gateway = lane->name;
    e.n = n->n;
    e.fence = r.fence;
    e.attempt = n->message.attempt;
    e.segments = n->message.segments;
    e.to = n->message.to;
    e.to_length = n->message.to_length;
    e.hash = n->hash;
    e.reason = n->neutral ? "neutral" : NULL;
    e.queued_ms = (n->limited_us - n->ready_us) / 1000;
    delivery_log_add(lane->d->log, &e);
}

/* The disk took its time: those that came to be too late meanwhile go back; how many are left. A
 * clock that was set meanwhile leaves none. */
static size_t look_again(struct lane *lane, struct notice **go, size_t count)
{
    int64_t boot_ms = clock_boot_ms(), wall_ms = clock_wall_ms();
    size_t kept = 0;
    bool anew;

    watch_look(lane->d->watch);
    anew = lane->d->era != watch_era(lane->d->watch);
    for (size_t k = 0; k < count; k++)
        if (anew || too_late(lane, go[k], boot_ms, wall_ms))
            unsent(lane, go[k]);
        else
            go[kept++] = go[k];
    return kept;
}

void lane_submit(struct lane *lane)
{
    struct notice *go[SUBMIT_MAX];
    struct gateway_message *messages[SUBMIT_MAX];
    void *contexts[SUBMIT_MAX];
    size_t count, most = gathers(lane) ? least_of(lane->config->batch_max, GROUP_MAX) : SUBMIT_MAX;

    if (!gateway_usable(lane->gateway))
        return;
    watch_look(lane->d->watch);
    if (lane->d->era != watch_era(lane->d->watch)) { /* the next turn prepares all anew, */
        give_back_ready(lane);           /* it may be long until then: none of it is being sent */
        if (watch_sends(lane->d->watch)) /* once the clock is no longer in doubt */
            dispatch_ask_turn(lane->d);
        return;
    }
    while (lane->ready_count > 0) {
        int64_t began_ms = clock_boot_ms();

        if (gathering(lane))
            return;
        count = take_ready(lane, least_of(gateway_free(lane->gateway), most), go);
        for (size_t k = 0; k < count; k++)
            log_intent(lane, go[k]);
        if (count == 0)
            return;
        if (delivery_log_flush(lane->d->log) != 0) { /* it could not be written down: */
            for (size_t k = 0; k < count; k++)       /* nothing leaves */
                unsent(lane, go[k]);
            return;
        }
        if (clock_boot_ms() - began_ms > SLOW_WRITE_MS &&
            (count = look_again(lane, go, count)) == 0) {
            dispatch_ask_turn(lane->d);
            return;
        }
        for (size_t k = 0; k < count; k++) {
            count_ahead(lane, go[k], -1);
            lane->unanswered += places_of(lane, go[k]);
            messages[k] = &go[k]->message;
            contexts[k] = go[k];
        }
        if (lane->ready_count > 0)
            lane->gathered_us = gather_until_us(lane->ready);
        FAULT_POINT("W4");
        gateway_submit(lane->gateway, messages, contexts, count);
    }
}

/* ----------------------------------------------------------------------- the lane */

void lane_give_back(struct lane *lane)
{
    struct notice *n;

    give_back_ready(lane);
    for (int p = 1; p < PRIORITIES; p++)
        while (lane->turns[p] != NULL) {
            n = line_pop(lane, lane->turns[p]);
            line_pass(&lane->turns[p]);
            if (n->batch->from == 0 && !lane->d->draining &&
                !dispatch_in_doubt(lane->d)) { /* without a lease: parked, or it would be long */
                settle_park(n, REASON_OUTAGE, clock_wall_ms() + AGAIN_MS);
                continue;
            }
            n->batch->give_back = true;
            batch_settled(n);
        }
}

void lane_intend(struct lane *lane)
{
    struct notice *group[GROUP_MAX];
    size_t most, count, window = (size_t)lane->config->window;

    if (!gateway_usable(lane->gateway)) {
        lane_give_back(lane);
        return;
    }
    while (lane->queued > 0 && dispatch_may_begin(lane->d) && lane->number != 0) {
        size_t open = gateway_free(lane->gateway), taken = lane->intending + lane->ready_count,
               least = window / 2 < GROUP_LEAST ? window / 2 : GROUP_LEAST;

        if (open <= taken)
            break;
        most = open - taken;
        least = lane->queued < least ? lane->queued : least;
        if (most < least && lane->intending > 0) /* their answers will bring us back */
            break;
        count = lane_next(lane, most < GROUP_MAX ? most : GROUP_MAX, group);
        if (count == 0) /* as many as the rates let through have their intents */
            break;
        intent_send(lane, group[0]->batch->job, group, count);
    }
}
