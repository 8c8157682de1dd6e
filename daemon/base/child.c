#include "child.h"

#include "mem.h"

#include <event2/event.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NAP_MS 5        /* between looks while the process exits */
#define AGAIN_MS 1000   /* between one SIGKILL and the next */
#define NO_PIDFD_MS 100 /* between looks at a child that no event tells of */

struct child {
    LIST_ENTRY(child) links;
    pid_t pid; /* 0: reaped while the process exits */
    int pidfd; /* readable when it has ended; -1: out of descriptors */
    struct event *exit_event, *step_event;
    int64_t wait_ms; /* until the next step */
    int64_t kill_ms; /* from SIGTERM to SIGKILL */
    enum { RUNS, TERMINATED } stage;
};

static LIST_HEAD(, child) children = LIST_HEAD_INITIALIZER(children);

/* True when it has ended: then it is reaped. Its group goes first, for as long as the child is a
 * zombie nobody else can have its number. */
static bool reap(const struct child *c)
{
    siginfo_t info = {0};

    if (waitid(P_PID, (id_t)c->pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0)
        return true; /* somebody has reaped it: the number may be another's */
    if (info.si_pid == 0)
        return false;
    kill(-c->pid, SIGKILL);
    waitpid(c->pid, NULL, WNOHANG);
    return true;
}

/* The next step of its end; sets how long until the one after it. */
static void step(struct child *c)
{
    bool kills = c->stage == TERMINATED;

    kill(-c->pid, kills ? SIGKILL : SIGTERM);
    c->stage = TERMINATED;
    c->wait_ms = kills ? AGAIN_MS : c->kill_ms;
}

static void schedule(struct child *c)
{
    struct timeval wait = {c->wait_ms / 1000, c->wait_ms % 1000 * 1000};

    event_add(c->step_event, &wait);
}

static void on_step(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    step(arg);
    schedule(arg);
}

static void on_exit_seen(evutil_socket_t fd, short what, void *arg)
{
    struct child *c = arg;

    (void)fd, (void)what;
    if (!reap(c))
        return;
    LIST_REMOVE(c, links);
    event_free(c->exit_event);
    event_free(c->step_event);
    if (c->pidfd >= 0)
        close(c->pidfd);
    free(c);
}

void child_end(struct event_base *base, pid_t pid, int64_t term_ms, int64_t kill_ms)
{
    static const struct timeval look = {0, NO_PIDFD_MS * 1000};
    struct child *c = xcalloc(1, sizeof *c);

    c->pid = pid;
    c->pidfd = (int)syscall(SYS_pidfd_open, pid, 0); /* close-on-exec of itself */
    c->wait_ms = term_ms;
    c->kill_ms = kill_ms - term_ms;
    c->exit_event = event_new(base, c->pidfd, EV_READ | EV_PERSIST, on_exit_seen, c);
    c->step_event = evtimer_new(base, on_step, c);
    event_add(c->exit_event, c->pidfd < 0 ? &look : NULL);
    LIST_INSERT_HEAD(&children, c, links);
    if (term_ms == 0)
        step(c);
    schedule(c);
}

/* The process exits, the loop is no more: nobody is kept waiting by a wait. The loop that the
 * events belong to may be freed, so they are left alone, and with them what they point to. */
__attribute__((destructor)) static void end_all(void)
{
    const struct timespec nap = {0, NAP_MS * 1000000};
    bool more = !LIST_EMPTY(&children);
    struct child *c;

    while (more) {
        more = false;
        LIST_FOREACH(c, &children, links)
        {
            if (c->pid == 0)
                continue;
            if (reap(c)) {
                c->pid = 0;
                continue;
            }
            c->wait_ms -= NAP_MS;
            if (c->wait_ms < 0)
                step(c);
            more = true;
        }
        if (more)
            nanosleep(&nap, NULL);
    }
}
