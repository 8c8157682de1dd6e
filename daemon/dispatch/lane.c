#include "inside.h"

#include "clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AGAIN_MS 1000   /* what waited for a gateway that went out of use */
#define TURN 64         /* notices of one job before the next has its turn */
#define GROUP_LEAST 128 /* an intent for fewer waits for company, while answers are under way */

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    lane_run(arg);
}

void lane_init(struct lane *lane, struct dispatch *d, struct gateway *gateway)
{
    const struct gateway_config *config = gateway_config(gateway);
    double rate = config->rate > 0 ? (double)config->rate * 1000.0 / (double)config->rate_ms : 0;

    memset(lane, 0, sizeof *lane);
    lane->d = d;
    lane->gateway = gateway;
    lane->config = config;
    snprintf(lane->name, sizeof lane->name, "%s", config->name);
    lane->rate = rate;
    limit_init(&lane->limit, rate > 0 ? LIMIT_SHUT : 0, clock_mono_us());
    lane->timer = evtimer_new(d->base, on_timer, lane);
    gateway_set_user(gateway, lane);
}

void lane_clear(struct lane *lane)
{
    if (lane->timer != NULL)
        event_free(lane->timer);
    lane->timer = NULL;
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

    if (!gateway_usable(lane->gateway) || lane->number == 0)
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
    double rate = limit_rate(&lane->limit);

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

/* The share whose turn it is, or NULL. */
static struct line **lane_turn(struct lane *lane)
{
    for (int p = 1; p < PRIORITIES; p++)
        if (lane->turns[p] != NULL)
            return &lane->turns[p];
    return NULL;
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

/* Notices of the job whose turn it is, as far as window, pace and its turn go. */
static size_t lane_group(struct lane *lane, struct line *s, size_t most, struct notice **group)
{
    int64_t now_us = clock_mono_us();
    size_t count = 0;

    if (s->next != s && most > TURN)
        most = TURN;
    while (count < most && s->first != NULL &&
           limit_take(&lane->limit, slots_of(lane, s->first), now_us)) {
        group[count] = line_pop(lane, s);
        group[count++]->limited_us = now_us;
    }
    return count;
}

static void lane_wait(struct lane *lane)
{
    int64_t us = limit_wait_us(&lane->limit, clock_mono_us());
    struct timeval tv;

    if (us <= 0)
        return;
    us = us < 1000 ? 1000 : us; /* a wake-up for several slots: cheaper than one each */
    tv = (struct timeval){us / 1000000, us % 1000000};
    evtimer_add(lane->timer, &tv);
}

void lane_give_back(struct lane *lane)
{
    struct line **turn;

    while ((turn = lane_turn(lane)) != NULL) {
        struct notice *n = line_pop(lane, *turn);

        line_pass(turn);
        if (n->batch->from == 0 && !lane->d->draining &&
            !dispatch_in_doubt(lane->d)) { /* without a lease: parked, or it would be long */
            settle_park(n, REASON_OUTAGE, clock_wall_ms() + AGAIN_MS);
            continue;
        }
        n->batch->give_back = true;
        batch_settled(n);
    }
}

void lane_run(struct lane *lane)
{
    struct notice *group[GROUP_MAX];
    struct line **turn;
    struct job *job;
    size_t most, count, window = (size_t)lane->config->window;

    if (lane->queued > 0 && !gateway_usable(lane->gateway)) {
        lane_give_back(lane);
        return;
    }
    while (lane->queued > 0 && dispatch_may_begin(lane->d) && lane->number != 0) {
        size_t open = gateway_free(lane->gateway),
               least = window / 2 < GROUP_LEAST ? window / 2 : GROUP_LEAST;

        if (open <= lane->intending)
            break;
        most = open - lane->intending;
        least = lane->queued < least ? lane->queued : least;
        if (most < least && most < open) /* not all is free: answers will come and bring us back */
            break;
        turn = lane_turn(lane);
        job = (*turn)->job;
        count = lane_group(lane, *turn, most < GROUP_MAX ? most : GROUP_MAX, group);
        if (count == 0) {
            lane_wait(lane);
            break;
        }
        line_pass(turn);
        intent_send(lane, job, group, count);
    }
}
