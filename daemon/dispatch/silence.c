#include "silence.h"

enum silence_change silence_look(struct silence *s, uint64_t accepted, uint64_t heard,
                                 int64_t now_ms, int64_t limit_ms)
{
    if (heard != s->heard || limit_ms == 0) {
        enum silence_change change = s->told_ms != 0 ? SILENCE_ENDED : SILENCE_SAME;

        *s = (struct silence){.accepted = accepted, .heard = heard};
        return change;
    }
    if (s->since_ms == 0 && accepted - s->accepted >= SILENCE_LEAST)
        s->since_ms = now_ms;
    if (s->since_ms == 0 || s->told_ms != 0 || now_ms - s->since_ms < limit_ms)
        return SILENCE_SAME;
    s->told_ms = s->since_ms;
    return SILENCE_BEGAN;
}
