#include "watchdog.h"

#include "clock.h"
#include "culprit.h"
#include "log.h"
#include "notify.h"

#include <event2/event.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LIMIT_MS 10000
#define TICK_MS 1000
#define SIGNAL (SIGRTMIN + 7) /* ours alone */
#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

static struct {
    struct event *tick;
    timer_t timer;
    bool armed;
    int64_t limit_ms, turned_ms;
} dog;
static volatile sig_atomic_t stood; /* the timer has run since the last tick */

/* Only a plugin is named at once: a process that was stopped stands as still. */
static void on_stand_still(int number)
{
    int kept = errno; /* of whatever was interrupted */
    const char *name = culprit_find();

    (void)number;
    stood = 1;
    if (name != NULL)
        culprit_tell("loop.blocked", "", name,
                     "the loop stands still in it: nothing is sent, answered or settled");
    errno = kept;
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    struct itimerspec limit = {.it_value = {dog.limit_ms / 1000, dog.limit_ms % 1000 * 1000000}};
    int64_t now = clock_mono_ms();

    (void)fd, (void)what, (void)arg;
    if (stood)
        log_warning("loop.stood blocked_ms=%lld", (long long)(now - dog.turned_ms));
    stood = 0;
    dog.turned_ms = now;
    if (dog.armed)
        timer_settime(dog.timer, 0, &limit, NULL);
    if (notify_watchdog_us() > 0)
        notify_tell("WATCHDOG=1");
}

static int64_t limit_ms(void)
{
#ifdef OUTREACH_FAULTS
    const char *asked = getenv("OUTREACH_STALL_MS");

    if (asked != NULL)
        return strtoll(asked, NULL, 10);
#endif
    return LIMIT_MS;
}

void watchdog_start(struct event_base *base)
{
    struct sigaction action = {.sa_handler = on_stand_still, .sa_flags = SA_RESTART | SA_ONSTACK};
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGNAL};
    int64_t every_ms = TICK_MS, asked_ms = notify_watchdog_us() / 3000;
    struct timeval every;

    dog.limit_ms = limit_ms();
    every_ms = dog.limit_ms / 4 < every_ms ? dog.limit_ms / 4 : every_ms;
    every_ms = asked_ms > 0 && asked_ms < every_ms ? asked_ms : every_ms;
    every = (struct timeval){every_ms / 1000, every_ms % 1000 * 1000};
    sigemptyset(&action.sa_mask);
    sigaction(SIGNAL, &action, NULL);
    event.sigev_notify_thread_id = gettid();
    dog.armed = timer_create(CLOCK_MONOTONIC, &event, &dog.timer) == 0;
    dog.turned_ms = clock_mono_ms();
    dog.tick = event_new(base, -1, EV_PERSIST, on_tick, NULL);
    event_add(dog.tick, &every);
    on_tick(-1, 0, NULL);
}

void watchdog_end(void)
{
    if (dog.tick == NULL)
        return;
    event_free(dog.tick);
    if (dog.armed)
        timer_delete(dog.timer);
    memset(&dog, 0, sizeof dog);
}
