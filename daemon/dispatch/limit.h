/*
 * limit.h - how fast
 *
 * A pace on the monotonic clock: so many slots a second (a slot is a message or
 * a segment), evenly, from an empty start, never more than the rate in any
 * second. Without a rate everything passes, until the gateway says "too fast":
 * then a rate is learnt from what it took, and grows again while it is quiet.
 */
#ifndef OUTREACH_LIMIT_H
#define OUTREACH_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

struct limit {
    double rate;                  /* slots a second as configured; 0: none */
    double learnt;                /* what the gateway seems to bear; 0: not known */
    int64_t next_us;              /* when the next slot is free */
    int64_t raised_us;            /* when learnt was last changed */
    int64_t window_us;            /* start of the second in which taken are counted */
    unsigned taken, taken_before; /* accepted in this second and the one before */
};

void limit_init(struct limit *l, double rate, int64_t now_us);

/* Takes slots if they are free now. */
bool limit_take(struct limit *l, unsigned slots, int64_t now_us);

/* When the next slot is free: 0 for now. In microseconds from now. */
int64_t limit_wait_us(const struct limit *l, int64_t now_us);

/* The gateway took one; the gateway said "too fast". */
void limit_accepted(struct limit *l, unsigned slots, int64_t now_us);
void limit_throttled(struct limit *l, int64_t now_us);

/* What holds now, slots a second; 0: no limit. */
double limit_rate(const struct limit *l);

#endif
