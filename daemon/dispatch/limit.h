/*
 * limit.h - how fast
 *
 * A pace on the monotonic clock: so many slots in a period, a second mostly (a
 * slot is a message or a segment), evenly, from an empty start, never more than
 * that in any sliding period, also where messages take several slots. What passes
 * must leave at once: the promise is about the instants of limit_take().
 * Without a rate everything passes, until the gateway says "too fast": then a
 * rate is learnt from what it took, and grows again while it is quiet, the faster
 * the longer.
 */
#ifndef OUTREACH_LIMIT_H
#define OUTREACH_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#define LIMIT_BINS                                                                                 \
    104 /* a hundredth of the period each, the bin that is begun, and three for what comes closer  \
           together than it left */

struct limit {
    double slots;      /* in a period, as configured; 0: none; LIMIT_SHUT */
    int64_t period_us; /* 1 s or longer */
    int64_t burst_us;  /* how long slots that nobody took are kept, */
    int64_t gather_us; /* and how long they are while company is waited for */
    double share;      /* of the pace, made use of: the rest is for what jitters on the way */
    double learnt;     /* what the gateway seems to bear; 0: not known */
    double raise;      /* by which share learnt grows next */
    int64_t next_us;   /* when the next slot is free, by the pace, */
    int64_t full_us;   /* and by what went in the last period */
    int64_t lowered_us, raised_us; /* when learnt was last changed */
    int64_t throttled_us;          /* when "too fast" was last said */
    int64_t pause_us;              /* how long nothing is sent after it */
    int64_t window_us;             /* start of the second in which taken are counted */
    unsigned taken, taken_before;  /* accepted in this second and the one before */
    int64_t bin;                   /* the latest that was used, on the clock */
    unsigned bins[LIMIT_BINS];     /* slots that went: of a configured rate */
    unsigned recent;               /* their sum */
};

#define LIMIT_SHUT (-1.0) /* slots: nothing passes */

/* slots: in a period, 0 for none, or LIMIT_SHUT. */
void limit_init(struct limit *l, double slots, int64_t period_us, int64_t now_us);

/* Another number of slots from now on; what went in the last period still counts. 0 or
 * less shuts it. */
void limit_set(struct limit *l, double slots);

/* So many may go at once after a pause, out of what is configured for a period: still
 * never more than that in any. 0: evenly, but for what 10 ms hold. */
void limit_burst(struct limit *l, double burst, double of_slots);

/* For who waits so long, to take several at once, and loses nothing of the pace by it. */
void limit_gather(struct limit *l, int64_t us);

/* Are slots free now? More than the slots of a period at once (a long message on a
 * slow line) pass alone in theirs. If not, limit_wait_us() says when to look again. */
bool limit_free(struct limit *l, unsigned slots, int64_t now_us);

/* Takes slots if they are free now. */
bool limit_take(struct limit *l, unsigned slots, int64_t now_us);

/* When the next slot is free: 0 for now. In microseconds from now. */
int64_t limit_wait_us(const struct limit *l, int64_t now_us);

/* When the pace has so many slots for one who gathers them. In microseconds from now. */
int64_t limit_gather_wait_us(const struct limit *l, unsigned slots, int64_t now_us);

/* The gateway took one; the gateway said "too fast". */
void limit_accepted(struct limit *l, unsigned slots, int64_t now_us);
void limit_throttled(struct limit *l, int64_t now_us);

/* What holds now, slots a second; 0: no limit, or shut. */
double limit_rate(const struct limit *l);
/* Is there one at all: set, learnt, or shut? */
bool limit_holds(const struct limit *l);

#endif
