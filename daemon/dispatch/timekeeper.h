/*
 * timekeeper.h - may the clock be believed?
 *
 * Due times, hours and expiry go by the wall clock, and that may be set: by an
 * operator, by NTP, by a machine that came up in the wrong year. A step of more than
 * 5 s is told once. Up to 10 min it is followed, and promotions wait for a minute: what
 * is due in bulk can wait until it is clear that the clock stays. Beyond that the
 * daemon goes on by its own clock and begins nothing new, so that nothing is sent early
 * or given up as late, until the clock comes back or a person says that it is right.
 * A clock that stands before a time that this daemon has lived through is doubted in
 * the same way: that is a reboot with an empty battery.
 *
 * A second opinion is Redis: if its clock and ours differ by more than 2 s that is
 * told, and by more than 60 s promotions wait until it is put right.
 *
 * Only rules, no clock and no I/O: see watch.c for who is asked, and how a doubt
 * outlives the daemon.
 */
#ifndef OUTREACH_TIMEKEEPER_H
#define OUTREACH_TIMEKEEPER_H

#include <stdbool.h>
#include <stdint.h>

#define TIMEKEEPER_STEP_MS 5000
#define TIMEKEEPER_DOUBT_MS 600000
#define TIMEKEEPER_SETTLE_MS 60000
#define TIMEKEEPER_PEER_TOLD_MS 2000
#define TIMEKEEPER_PEER_STOP_MS 60000

struct timekeeper {
    int64_t least_ms; /* wall clock: it was at least that already; 0: nobody knows */
    bool doubted;
    int64_t step_ms;         /* of the doubt: how far the system's clock stands off ours */
    int64_t settle_until_ms; /* boot-time clock: promotions wait until then */
    int64_t peer_ms;         /* Redis' clock less ours; within PEER_TOLD: 0 */
};

enum timekeeper_verdict {
    TIMEKEEPER_STEADY,
    TIMEKEEPER_NUDGED,   /* too little to tell: follow it */
    TIMEKEEPER_STEPPED,  /* follow it, tell it, begin anew with what was prepared */
    TIMEKEEPER_DOUBTED,  /* a new doubt: tell it, do not follow */
    TIMEKEEPER_CAME_BACK /* the doubt is over: follow it, tell it */
};

/* To be asked every second, and before anything is begun: step_ms is how far the system's
 * wall clock (now wall_ms) stands off ours. The caller does as the verdict says. */
enum timekeeper_verdict timekeeper_look(struct timekeeper *t, int64_t step_ms, int64_t wall_ms,
                                        int64_t boot_ms);

/* A person says that the system's clock is right; then it is followed. */
void timekeeper_confirm(struct timekeeper *t, int64_t boot_ms);

/* Redis' clock stands differs_ms before ours. True when there is something new to tell:
 * it differs, or agrees again. */
bool timekeeper_peer(struct timekeeper *t, int64_t differs_ms);

/* May anything be begun? And a promotion? */
bool timekeeper_sends(const struct timekeeper *t);
bool timekeeper_promotes(const struct timekeeper *t, int64_t boot_ms);

#endif
