/*
 * culprit.h - which plugin is at work, when there is no asking any more
 *
 * A plugin runs in this process: what it does not bear, the process does not. Whoever starts it
 * again should know whose fault it was. Libraries that are made known here are looked for on the
 * stack, innermost first, by their addresses; what a plugin has called (libc, the daemon) counts
 * as its work.
 *
 * Guarded, the process says so in its last line: `daemon.crashed signal=SEGV plugin=acme`, and
 * `daemon.exited` where something called exit() that is not the end of main(): then it ends by
 * SIGABRT, for nobody shall take that for a clean end.
 */
#ifndef OUTREACH_CULPRIT_H
#define OUTREACH_CULPRIT_H

/* Makes the library known that holds this address; name is copied. Those of more than 128 are
 * not found. */
void culprit_know(const char *name, const void *inside);

/* The innermost on the stack, or NULL. Async-signal-safe. */
const char *culprit_find(void);

/* "TIME error EVENT WHAT plugin=NAME reason=..." to stderr, in one write; plugin "none" for NULL.
 * Async-signal-safe. */
void culprit_tell(const char *event, const char *what, const char *name, const char *reason);

void culprit_guard(void);
void culprit_release(void); /* exit() is meant from now on */

#endif
