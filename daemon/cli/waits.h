/*
 * waits.h - why a notice that is still to be sent does not leave yet, and until when
 *
 * Of what holds all of its reminder: that a second person has not agreed, and the reminder's
 * hours. What is a notice's own (parked, and why) its record says.
 */
#ifndef OUTREACH_WAITS_H
#define OUTREACH_WAITS_H

#include "picture.h"

enum waits_for {
    WAITS_FOR_NOTHING,
    WAITS_FOR_APPROVAL,
    WAITS_FOR_HOURS, /* they open at until_ms */
    WAITS_FOR_NONE,  /* it ends, at until_ms, before they open */
};

struct waits {
    enum waits_for what;
    int64_t until_ms; /* wall clock; 0: nobody knows */
};

/* at_ms: when it would leave otherwise, which may be past; 0: that is not known. c: p's campaign,
 * compiled. */
struct waits waits_for(const struct picture *p, const struct campaign *c,
                       const struct reminder_status *r, int64_t at_ms, int64_t now_ms);

/* "held until its allowed hours begin: 2027-03-06 Sat 08:00"; "" for nothing. For free(). */
char *waits_words(const struct picture *p, const struct waits *w);

/* For programs: "approval", "hours", or "". */
const char *waits_name(enum waits_for what);

#endif
