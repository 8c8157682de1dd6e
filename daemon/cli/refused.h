/*
 * refused.h - when somebody refused, and upon what
 *
 * The set outreach:optout alone says who has refused. When that was is told by what else is on
 * record: her reply in outreach:replies, which is kept as the proof of it (replies.keep_refusals);
 * or the audit of `optout add`, which knows her by the keyed hash of the delivery log, and so
 * only for who can read log.key. Nothing is known of what is older than both.
 */
#ifndef OUTREACH_REFUSED_H
#define OUTREACH_REFUSED_H

#include "cli.h"

struct refused; /* opaque */

struct refusal {
    int64_t at_ms;
    const char *campaign; /* that she replied to; "" where it was none, or not by reply */
    const char *by;       /* who entered it; "" where she replied */
};

/* NULL with err: Redis did not answer. */
struct refused *refused_read(struct cli *cli, struct error *err);
void refused_free(struct refused *r); /* NULL is fine */

/* The last one of that address, or NULL where none is known. */
const struct refusal *refused_find(const struct refused *r, const char *address);

/* "reply to fair", "entered by ...", in the person's language. */
void refused_words(const struct refusal *one, struct buf *out);

#endif
