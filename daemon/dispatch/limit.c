#include "limit.h"

#define SECOND_US 1000000
#define CALM_US 500000  /* after lowering: "too fast" is the echo of what was under way */
#define QUIET_US 500000 /* without "too fast" before a learnt rate grows, */
#define RAISE_US 250000 /* and then so often, */
#define RAISE 0.02      /* by so much at first, twice as much each time, */
#define RAISE_MOST 0.25 /* up to this: a rate learnt far too low is soon forgotten */
#define LOWER 0.98      /* of what was taken in the second when "too fast" came */
#define PAUSE_US 20000  /* after "too fast", doubled while nothing else is heard */
#define PAUSE_MOST_US 1000000

/* Slots a second as configured. */
static double configured(const struct limit *l)
{
    return l->slots * SECOND_US / (double)l->period_us;
}

static int64_t bin_us(const struct limit *l)
{
    return l->period_us / 100;
}

/* A small burst is allowed for, and its room is taken off the pace. */
static double pace(const struct limit *l)
{
    double rate = limit_rate(l);

    return (rate > 50 ? rate * 0.98 : rate * 0.99) * l->share;
}

static int64_t burst_us(const struct limit *l)
{
    int64_t least = limit_rate(l) > 50 ? SECOND_US / 100 : 0;

    least = l->gather_us > least ? l->gather_us : least;
    return l->burst_us > least ? l->burst_us : least;
}

void limit_init(struct limit *l, double slots, int64_t period_us, int64_t now_us)
{
    *l = (struct limit){.slots = slots,
                        .period_us = period_us < SECOND_US ? SECOND_US : period_us,
                        .share = 1,
                        .next_us = now_us,
                        .window_us = now_us};
    l->bin = now_us / bin_us(l);
}

void limit_set(struct limit *l, double slots)
{
    l->slots = slots > 0 ? slots : LIMIT_SHUT;
    if (l->learnt >= configured(l))
        l->learnt = 0;
}

void limit_burst(struct limit *l, double burst, double of_slots)
{
    l->burst_us = of_slots > 0 ? (int64_t)(burst * (double)l->period_us / of_slots) : 0;
    if (l->burst_us > l->period_us)
        l->burst_us = l->period_us;
}

void limit_gather(struct limit *l, int64_t us)
{
    l->gather_us = us;
}

double limit_rate(const struct limit *l)
{
    if (l->slots < 0)
        return 0;
    if (l->learnt > 0 && (l->slots <= 0 || l->learnt < configured(l)))
        return l->learnt;
    return configured(l);
}

bool limit_holds(const struct limit *l)
{
    return l->slots < 0 || limit_rate(l) > 0;
}

/* Forgets the bins that are more than a period old. */
static void turn_bins(struct limit *l, int64_t now_us)
{
    int64_t bin = now_us / bin_us(l);

    if (l->recent == 0)
        l->bin = bin;
    for (int i = 0; l->bin < bin && i < LIMIT_BINS; i++) {
        unsigned *oldest = &l->bins[++l->bin % LIMIT_BINS];

        l->recent -= *oldest;
        *oldest = 0;
    }
    l->bin = bin;
}

/* Would slots now be too many for the last period? The pace alone does not see
 * that: a message takes its slots at once. Then full_us is when a bin is free. */
static bool period_full(struct limit *l, unsigned slots, int64_t now_us)
{
    int64_t bin;

    if (l->slots <= 0)
        return false;
    turn_bins(l, now_us);
    if (l->recent == 0 || l->recent + slots <= l->slots)
        return false;
    for (bin = l->bin - LIMIT_BINS + 1; l->bins[bin % LIMIT_BINS] == 0; bin++)
        ;
    l->full_us = (bin + LIMIT_BINS) * bin_us(l);
    return true;
}

bool limit_free(struct limit *l, unsigned slots, int64_t now_us)
{
    if (l->slots < 0)
        return false;
    if (limit_rate(l) <= 0)
        return true;
    return l->next_us <= now_us && l->full_us <= now_us && !period_full(l, slots, now_us);
}

bool limit_take(struct limit *l, unsigned slots, int64_t now_us)
{
    if (!limit_free(l, slots, now_us))
        return false;
    if (limit_rate(l) <= 0)
        return true;
    if (l->next_us < now_us - burst_us(l))
        l->next_us = now_us - burst_us(l);
    l->next_us += (int64_t)((double)slots * SECOND_US / pace(l));
    if (l->slots > 0) {
        l->bins[l->bin % LIMIT_BINS] += slots;
        l->recent += slots;
    }
    return true;
}

/* Until both the pace, by which it is then, and the last period let one go. */
static int64_t left_us(const struct limit *l, int64_t then_us, int64_t now_us)
{
    then_us = then_us > l->full_us ? then_us : l->full_us;
    return then_us > now_us ? then_us - now_us : 0;
}

int64_t limit_wait_us(const struct limit *l, int64_t now_us)
{
    if (l->slots < 0)
        return SECOND_US / 10; /* whoever opens it comes before */
    return limit_rate(l) <= 0 ? 0 : left_us(l, l->next_us, now_us);
}

int64_t limit_gather_wait_us(const struct limit *l, unsigned slots, int64_t now_us)
{
    int64_t since_us = l->next_us, oldest_us = now_us - burst_us(l);

    if (l->slots < 0 || limit_rate(l) <= 0 || slots == 0)
        return limit_wait_us(l, now_us);
    since_us = since_us > oldest_us ? since_us : oldest_us;
    since_us += (int64_t)((slots - 1) * SECOND_US / pace(l));
    return left_us(l, since_us, now_us);
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
    l->pause_us = 0;
    if (l->learnt <= 0 || now_us - l->throttled_us < QUIET_US || now_us - l->raised_us < RAISE_US)
        return;
    l->learnt *= 1 + l->raise;
    l->raise = l->raise * 2 > RAISE_MOST ? RAISE_MOST : l->raise * 2;
    l->raised_us = now_us;
    if (l->slots > 0 && l->learnt >= configured(l))
        l->learnt = 0;
}

void limit_throttled(struct limit *l, int64_t now_us)
{
    double taken;

    turn_window(l, now_us);
    l->throttled_us = now_us;
    l->raise = RAISE;
    if (l->next_us <= now_us + PAUSE_US / 2) { /* else it pauses already */
        l->pause_us = l->pause_us == 0 ? PAUSE_US : l->pause_us * 2;
        l->pause_us = l->pause_us > PAUSE_MOST_US ? PAUSE_MOST_US : l->pause_us;
        l->next_us = now_us + l->pause_us;
    }
    if (l->learnt > 0 && now_us - l->lowered_us < CALM_US)
        return;
    taken = l->taken > l->taken_before ? l->taken : l->taken_before;
    if (l->learnt > 0) /* it was between the two: what was taken lags behind */
        taken = taken > l->learnt ? l->learnt : (taken + l->learnt) / 2;
    l->learnt = (taken > 1 ? taken : 1) * LOWER;
    l->lowered_us = now_us;
}
