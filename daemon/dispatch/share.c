#include "share.h"

#include <string.h>

#define SECOND_US INT64_C(1000000)
#define MINUTE_US (60 * SECOND_US)
/* What leaves evenly may come in closer together: so much of the pace is not used,
 * 40 ms of a second. */
#define SHARE_OF_PACE 0.96

/* Until this is over what went before may be counted with what comes now. */
static int64_t memory_us(const struct share *s)
{
    int64_t slot = s->slots > 0 ? s->limit.period_us / s->slots : 0;

    return SECOND_US + SECOND_US / 10 + (slot < MINUTE_US ? slot : MINUTE_US);
}

void share_init(struct share *s, int64_t slots, int64_t period_ms, int64_t burst, unsigned least,
                int64_t now_us)
{
    memset(s, 0, sizeof *s);
    s->slots = slots;
    s->least = least < slots ? least : (unsigned)slots;
    limit_init(&s->limit, slots > 0 ? LIMIT_SHUT : 0, period_ms * 1000, now_us);
    if (slots <= 0)
        return;
    s->limit.share = SHARE_OF_PACE;
    limit_burst(&s->limit, (double)burst, (double)slots);
    s->limit.next_us = now_us + memory_us(s);
}

void share_change(struct share *s, int64_t slots, int64_t period_ms, int64_t burst, unsigned least,
                  int64_t now_us)
{
    bool asking = s->asking;

    share_init(s, slots, period_ms, burst, least, now_us);
    s->asking = s->outdated = asking;
}

bool share_ask(struct share *s, unsigned *using, int64_t now_us, int64_t boot_ms)
{
    if (s->slots <= 0 || s->asking)
        return false;
    if (s->had > s->has && now_us - s->lowered_us > memory_us(s))
        s->had = s->has;
    *using = s->had > s->has ? s->had : s->has;
    s->asking = true;
    s->asked_boot_ms = boot_ms;
    return true;
}

void share_answer(struct share *s, int64_t slots, int64_t now_us)
{
    unsigned now = slots > 0 ? (unsigned)slots : 0;

    s->asking = false;
    if (s->outdated) {
        s->outdated = false;
        return;
    }
    s->good_boot_ms = s->asked_boot_ms + SHARE_GOOD_MS;
    if (now < s->has) {
        s->had = s->had > s->has ? s->had : s->has;
        s->lowered_us = now_us;
    }
    s->has = now;
    limit_set(&s->limit, now);
}

void share_check(struct share *s, int64_t boot_ms)
{
    if (s->slots > 0 && s->limit.slots > 0 && boot_ms > s->good_boot_ms)
        limit_set(&s->limit, LIMIT_SHUT);
}
