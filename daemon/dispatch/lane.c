#include "inside.h"

#include "clock.h"

#include <string.h>

#define AGAIN_MS 1000   /* what waited for a gateway that went out of use */
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
    lane->name = config->name;
    limit_init(&lane->limit, rate, clock_mono_us());
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

size_t lane_room(const struct lane *lane, int priority)
{
    size_t ahead = 0, most = 2 * (size_t)lane->config->window;

    if (!gateway_usable(lane->gateway) || lane->number == 0)
        return 0;
    for (int p = 1; p <= priority; p++)
        ahead += lane->queue[p].count;
    return ahead < most ? most - ahead : 0;
}

int64_t lane_turn_ms(const struct lane *lane)
{
    double rate = limit_rate(&lane->limit);

    if (rate <= 0)
        return 2000;
    return 1000 + (int64_t)((double)lane->queued * 1000.0 / rate);
}

void lane_add(struct lane *lane, struct notice *n, int priority)
{
    n->lane = lane;
    n->next = NULL;
    if (lane->queue[priority].last != NULL)
        lane->queue[priority].last->next = n;
    else
        lane->queue[priority].first = n;
    lane->queue[priority].last = n;
    lane->queue[priority].count++;
    lane->queued++;
}

static struct notice *lane_head(const struct lane *lane, int *priority)
{
    for (int p = 1; p < PRIORITIES; p++)
        if (lane->queue[p].first != NULL) {
            *priority = p;
            return lane->queue[p].first;
        }
    return NULL;
}

static void lane_pop(struct lane *lane, int priority)
{
    lane->queue[priority].first = lane->queue[priority].first->next;
    if (lane->queue[priority].first == NULL)
        lane->queue[priority].last = NULL;
    lane->queue[priority].count--;
    lane->queued--;
}

static unsigned slots_of(const struct lane *lane, const struct notice *n)
{
    return lane->config->count == GATEWAY_COUNT_SEGMENTS ? n->message.segments : 1;
}

/* Notices of one job from the head of the queue, as far as window and pace go. */
static size_t lane_group(struct lane *lane, size_t most, struct notice **group, struct job **job)
{
    int64_t now_us = clock_mono_us();
    struct notice *n;
    size_t count = 0;
    int priority;

    while (count < most && (n = lane_head(lane, &priority)) != NULL) {
        if (count > 0 && n->batch->job != *job)
            break;
        if (!limit_take(&lane->limit, slots_of(lane, n), now_us))
            break;
        *job = n->batch->job;
        n->limited_us = now_us;
        lane_pop(lane, priority);
        group[count++] = n;
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
    struct notice *n;
    int priority;

    while ((n = lane_head(lane, &priority)) != NULL) {
        lane_pop(lane, priority);
        if (n->batch->from == 0 &&
            !lane->d->draining) { /* without a lease: parked, or it would be long */
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
    struct job *job = NULL;
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
        count = lane_group(lane, most < GROUP_MAX ? most : GROUP_MAX, group, &job);
        if (count == 0) {
            lane_wait(lane);
            break;
        }
        intent_send(lane, job, group, count);
    }
}
