/* What the service manager hears, what the log says of a loop that stands still, and the stamp that
 * a signal's handler may write. */
#include "watchdog.h"

#include "clock.h"
#include "notify.h"

#include <event2/event.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static int manager = -1; /* systemd's end of the socket */

static void listen_as_manager(const char *name)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};

    snprintf(at.sun_path, sizeof at.sun_path, "%s", name);
    if (name[0] == '@')
        at.sun_path[0] = '\0';
    manager = socket(AF_UNIX, SOCK_DGRAM, 0);
    assert_int_equal(bind(manager, (struct sockaddr *)&at,
                          (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name))),
                     0);
    setenv("NOTIFY_SOCKET", name, 1);
}

/* The next word that comes within ms, or "". */
static const char *heard(int ms)
{
    static char word[256];
    struct pollfd p = {.fd = manager, .events = POLLIN};
    ssize_t n = poll(&p, 1, ms) > 0 ? recv(manager, word, sizeof word - 1, 0) : 0;

    word[n > 0 ? n : 0] = '\0';
    return word;
}

static void on_enough(evutil_socket_t fd, short what, void *base)
{
    (void)fd, (void)what;
    event_base_loopbreak(base);
}

static void turn_for(struct event_base *base, int ms)
{
    struct timeval tv = {ms / 1000, ms % 1000 * 1000};

    event_base_once(base, -1, EV_TIMEOUT, on_enough, base, &tv);
    event_base_dispatch(base);
}

static void test_nobody(void **state)
{
    (void)state;
    unsetenv("NOTIFY_SOCKET");
    notify_open();
    notify_tell("READY=1");
    assert_int_equal(notify_watchdog_us(), 0);
}

static void test_manager(void **state)
{
    struct event_base *base = event_base_new();
    char name[64], pid[16];
    int pings = 0;

    (void)state;
    snprintf(name, sizeof name, "@outreach-watchdog-test-%ld", (long)getpid());
    snprintf(pid, sizeof pid, "%ld", (long)getpid());
    listen_as_manager(name);
    setenv("WATCHDOG_USEC", "600000", 1);
    setenv("WATCHDOG_PID", pid, 1);
    notify_open();
    assert_null(getenv("NOTIFY_SOCKET")); /* what we start does not speak for us */
    assert_null(getenv("WATCHDOG_USEC"));
    notify_tell("READY=1");
    assert_string_equal(heard(1000), "READY=1");
    watchdog_start(base);
    turn_for(base, 1500);
    watchdog_end();
    while (strcmp(heard(0), "WATCHDOG=1") == 0)
        pings++;
    assert_in_range(pings, 3, 20); /* each 200 ms; a busy machine leaves some out */
    usleep(300000);                /* a loop that stands still tells nothing */
    assert_string_equal(heard(0), "");
    close(manager);
    event_base_free(base);
}

static void test_another_process(void **state)
{
    char name[64];

    (void)state;
    snprintf(name, sizeof name, "@outreach-watchdog-other-%ld", (long)getpid());
    listen_as_manager(name);
    setenv("WATCHDOG_USEC", "600000", 1);
    setenv("WATCHDOG_PID", "1", 1);
    notify_open();
    notify_tell("STOPPING=1");
    assert_string_equal(heard(1000), "STOPPING=1");
    close(manager);
}

/* The dates are those of the C library. */
static void test_stamp(void **state)
{
    (void)state;
    for (int64_t day = 0; day < 60000; day++) {
        time_t at = (time_t)(day * 86400 + day * 7919 % 86400);
        char ours[CLOCK_STAMP_BYTES], theirs[32];
        struct tm tm;

        gmtime_r(&at, &tm);
        strftime(theirs, sizeof theirs, "%Y-%m-%dT%H:%M:%S.042Z", &tm);
        clock_stamp((int64_t)at * 1000 + 42, ours);
        assert_string_equal(ours, theirs);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nobody),
        cmocka_unit_test(test_another_process),
        cmocka_unit_test(test_manager),
        cmocka_unit_test(test_stamp),
    };

    return cmocka_run_group_tests_name("watchdog", tests, NULL, NULL);
}
