/*
 * child.h - child processes that are to end
 *
 * Somebody has started a child as the leader of a process group of its own, and is done with
 * it. It ends in steps: SIGTERM for its whole group, later SIGKILL; what is left of the group
 * when the child itself has ended is killed. It is always reaped, and nobody waits for it on
 * the loop. When this process exits, what is still ending is given the rest of its time.
 */
#ifndef OUTREACH_CHILD_H
#define OUTREACH_CHILD_H

#include <stdint.h>
#include <sys/types.h>

struct event_base;

/* Looks after pid from now on: SIGTERM after term_ms, SIGKILL after kill_ms (both from now, not
 * below 0, term_ms not above kill_ms). Nobody else may signal or reap it any more. base must
 * outlive the child, or run no more. */
void child_end(struct event_base *base, pid_t pid, int64_t term_ms, int64_t kill_ms);

#endif
