#include "timekeeper.h"

#include <stdlib.h>

/* Less is the noise of two readings. */
#define NUDGE_MS 20

static void settle(struct timekeeper *t, int64_t boot_ms)
{
    t->settle_until_ms = boot_ms + TIMEKEEPER_SETTLE_MS;
}

/* Off by so much that nobody sets a clock by it on purpose; or before its own past. */
static bool doubtful(const struct timekeeper *t, int64_t step_ms, int64_t wall_ms)
{
    return llabs(step_ms) > TIMEKEEPER_DOUBT_MS || wall_ms < t->least_ms - TIMEKEEPER_DOUBT_MS;
}

enum timekeeper_verdict timekeeper_look(struct timekeeper *t, int64_t step_ms, int64_t wall_ms,
                                        int64_t boot_ms)
{
    if (doubtful(t, step_ms, wall_ms)) {
        if (t->doubted && llabs(step_ms - t->step_ms) <= TIMEKEEPER_STEP_MS)
            return TIMEKEEPER_STEADY; /* the same as before */
        t->doubted = true;
        t->step_ms = step_ms;
        return TIMEKEEPER_DOUBTED;
    }
    if (t->doubted) {
        t->doubted = false;
        settle(t, boot_ms);
        return TIMEKEEPER_CAME_BACK;
    }
    if (llabs(step_ms) <= NUDGE_MS)
        return TIMEKEEPER_STEADY;
    if (llabs(step_ms) <= TIMEKEEPER_STEP_MS)
        return TIMEKEEPER_NUDGED;
    settle(t, boot_ms);
    return TIMEKEEPER_STEPPED;
}

void timekeeper_confirm(struct timekeeper *t, int64_t boot_ms)
{
    t->doubted = false;
    t->least_ms = 0;
    settle(t, boot_ms);
}

bool timekeeper_peer(struct timekeeper *t, int64_t differs_ms)
{
    int64_t before_ms = t->peer_ms;

    /* It is over at half of what began it: not told every few seconds at the border. */
    if (llabs(differs_ms) > TIMEKEEPER_PEER_TOLD_MS ||
        (before_ms != 0 && llabs(differs_ms) > TIMEKEEPER_PEER_TOLD_MS / 2))
        t->peer_ms = differs_ms;
    else
        t->peer_ms = 0;
    return (before_ms == 0) != (t->peer_ms == 0) ||
           (llabs(before_ms) > TIMEKEEPER_PEER_STOP_MS) !=
               (llabs(t->peer_ms) > TIMEKEEPER_PEER_STOP_MS);
}

bool timekeeper_sends(const struct timekeeper *t)
{
    return !t->doubted;
}

bool timekeeper_promotes(const struct timekeeper *t, int64_t boot_ms)
{
    return !t->doubted && boot_ms >= t->settle_until_ms &&
           llabs(t->peer_ms) <= TIMEKEEPER_PEER_STOP_MS;
}
