/*
 * daemons.h - does an outreachd run, and does it believe its clock?
 *
 * A daemon says every few seconds that it lives (outreach:daemon:NAME). One that
 * has said nothing for 15 seconds is taken for dead, one that drains for gone.
 */
#ifndef OUTREACH_DAEMONS_H
#define OUTREACH_DAEMONS_H

#include "db.h"

#include <stdbool.h>
#include <stdint.h>

struct buf;
struct error;

#define DAEMONS_STALE_MS 15000

/* Whether any takes what is queued. False too where Redis does not answer: ask
 * db_well() for that. */
bool daemons_run(struct db *db);

/* What is said of that where something waits to be sent. */
const char *daemons_silence(void);

/* What one daemon thinks of its clock, see timekeeper.h. */
struct daemon_clock {
    const char *name;
    int64_t seen_ms; /* wall clock of its last word; 0: it has left */
    bool doubted;
    const char *doubt;  /* names the clock that is doubted: what a person confirms */
    int64_t step_ms;    /* how far that one stands off the daemon's own */
    int64_t peer_ms;    /* Redis' clock less the daemon's, where that is told; else 0 */
    const char *alarms; /* see alarm.c of the daemon; "" for none */
};

/* Runs fn for each daemon; what it is given is good for that call. -1 with err. */
int daemons_clocks(struct db *db, void (*fn)(void *arg, const struct daemon_clock *clock),
                   void *arg, struct error *err);

/* A line for each daemon that begins nothing, or no promotion, because of its clock; and for
 * what the living ones sound an alarm about. */
int daemons_write_troubles(struct db *db, struct buf *out, struct error *err);

#endif
