/*
 * silence.h - has a gateway that sends receipts stopped sending them?
 *
 * One phone that is switched off says nothing, nor does a night without submits. But
 * where SILENCE_LEAST messages were accepted since the last receipt, and for a while
 * since then none has come, they are lost on their way: a callback that nobody reaches,
 * a receiver that is bound elsewhere. What was sent may then look undelivered for ever.
 *
 * Only rules, no clock and no I/O: see alarm.c for who counts.
 */
#ifndef OUTREACH_SILENCE_H
#define OUTREACH_SILENCE_H

#include <stdint.h>

#define SILENCE_LEAST 20

struct silence {
    uint64_t accepted, heard; /* when the last receipt was counted */
    int64_t since_ms;         /* enough wait for one; 0: not so many do */
    int64_t told_ms;          /* since when, of the silence that was told; 0: of none */
};

enum silence_change { SILENCE_SAME, SILENCE_BEGAN, SILENCE_ENDED };

/* To be asked every few seconds. accepted and heard are counters that only grow, heard of
 * receipts, whoever got them; now_ms is monotonic, and not 0; limit_ms 0: never silent. */
enum silence_change silence_look(struct silence *s, uint64_t accepted, uint64_t heard,
                                 int64_t now_ms, int64_t limit_ms);

#endif
