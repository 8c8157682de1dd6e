#include "limit.h"

#define SECOND_US 1000000
#define CALM_US 500000  /* after a change of the learnt rate, until the next one */
#define RAISE_US 250000 /* how often a learnt rate grows */
#define RAISE 1.02
#define LOWER 0.97 /* of what was taken in the second when "too fast" came */

/* A sliding second must never hold more than rate slots: a small burst is
 * allowed for, and its room is taken off the pace. */
static double pace(const struct limit *l)
{
    double rate = limit_rate(l);

    return rate > 50 ? rate * 0.98 : rate * 0.99;
}

static int64_t burst_us(const struct limit *l)
{
    return limit_rate(l) > 50 ? SECOND_US / 100 : 0;
}

void limit_init(struct limit *l, double rate, int64_t now_us)
{
    *l = (struct limit){.rate = rate, .next_us = now_us, .window_us = now_us};
}

double limit_rate(const struct limit *l)
{
    if (l->learnt > 0 && (l->rate <= 0 || l->learnt < l->rate))
        return l->learnt;
    return l->rate;
}

bool limit_take(struct limit *l, unsigned slots, int64_t now_us)
{
    if (limit_rate(l) <= 0)
        return true;
    if (l->next_us > now_us)
        return false;
    if (l->next_us < now_us - burst_us(l))
        l->next_us = now_us - burst_us(l);
    l->next_us += (int64_t)((double)slots * SECOND_US / pace(l));
    return true;
}

int64_t limit_wait_us(const struct limit *l, int64_t now_us)
{
    return limit_rate(l) <= 0 || l->next_us <= now_us ? 0 : l->next_us - now_us;
}

static void turn_window(struct limit *l, int64_t now_us)
{
    if (now_us - l->window_us < SECOND_US)
        return;
    l->taken_before = now_us - l->window_us < 2 * SECOND_US ? l->taken : 0;
    l->taken = 0;
    l->window_us = now_us;
}

void limit_accepted(struct limit *l, unsigned slots, int64_t now_us)
{
    turn_window(l, now_us);
    l->taken += slots;
    if (l->learnt <= 0 || now_us - l->raised_us < RAISE_US)
        return;
    l->learnt *= RAISE;
    l->raised_us = now_us;
    if (l->rate > 0 && l->learnt >= l->rate)
        l->learnt = 0;
}

void limit_throttled(struct limit *l, int64_t now_us)
{
    unsigned taken;

    turn_window(l, now_us);
    if (l->learnt > 0 && now_us - l->raised_us < CALM_US)
        return;
    taken = l->taken > l->taken_before ? l->taken : l->taken_before;
    if (l->learnt > 0 && taken > l->learnt)
        taken = (unsigned)l->learnt;
    l->learnt = (taken > 1 ? taken : 1) * LOWER;
    l->raised_us = now_us;
    l->next_us = now_us + SECOND_US / 10;
}
