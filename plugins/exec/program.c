#include "program.h"

#include "memory.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct program {
    pid_t pid;  /* 0: reaped */
    int pidfd;  /* readable when it has ended */
    int fds[3]; /* our ends; -1: closed */
    struct event *exit_event;
    program_ended_fn *fn;
    void *arg;
};

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* ------------------------------------------------------------------ its end */

/* True when it has ended: then it is reaped. Its group goes first, for as long as the program
 * is a zombie nobody else can have its number. */
static bool reap(struct program *p, char *how, size_t size)
{
    siginfo_t info = {0};

    if (p->pid == 0)
        return true;
    if (waitid(P_PID, (id_t)p->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == 0)
        return false;
    kill(-p->pid, SIGKILL);
    waitpid(p->pid, NULL, WNOHANG);
    p->pid = 0;
    snprintf(how, size, "%s=%d", info.si_code == CLD_EXITED ? "exit" : "signal", info.si_status);
    return true;
}

static void program_free(struct program *p)
{
    if (p->exit_event != NULL)
        event_free(p->exit_event);
    for (size_t i = 0; i < 3; i++)
        close_fd(&p->fds[i]);
    close_fd(&p->pidfd);
    free(p);
}

static void on_exit_seen(evutil_socket_t fd, short what, void *arg)
{
    struct program *p = arg;
    char how[32];

    (void)fd, (void)what;
    if (!reap(p, how, sizeof how))
        return;
    event_del(p->exit_event);
    p->fn(p->arg, how);
}

pid_t program_forget(struct program *p)
{
    pid_t pid = p != NULL ? p->pid : 0;

    if (p != NULL)
        program_free(p);
    return pid;
}

/* ------------------------------------------------------------------ its start */

/* ours[] and theirs[]: the ends of stdin, stdout, stderr. */
static int make_pipes(int ours[3], int theirs[3])
{
    for (size_t i = 0; i < 3; i++) {
        int ends[2];

        if (pipe2(ends, O_CLOEXEC) != 0)
            return -1;
        ours[i] = ends[i == 0 ? 1 : 0];
        theirs[i] = ends[i == 0 ? 0 : 1];
        fcntl(ours[i], F_SETFL, O_NONBLOCK); /* of our end alone: a pipe's ends are two files */
    }
    return 0;
}

static int spawn(const struct program_command *c, const int theirs[3], pid_t *pid)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t all, none;
    int rc;

    sigfillset(&all);
    sigemptyset(&none);
    posix_spawn_file_actions_init(&files);
    for (int i = 0; i < 3; i++)
        posix_spawn_file_actions_adddup2(&files, theirs[i], i);
    posix_spawn_file_actions_addclosefrom_np(&files, 3);
    posix_spawn_file_actions_addchdir_np(&files, c->directory);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                              POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    rc = posix_spawn(pid, c->argv[0], &files, &attributes, c->argv, c->environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
    return rc;
}

struct program *program_start(struct event_base *base, const struct program_command *command,
                              program_ended_fn *fn, void *arg, char *error, size_t size)
{
    struct program *p = memory_calloc(1, sizeof *p);
    int theirs[3] = {-1, -1, -1}, rc;

    *p = (struct program){.pidfd = -1, .fds = {-1, -1, -1}, .fn = fn, .arg = arg};
    rc = make_pipes(p->fds, theirs) == 0 ? spawn(command, theirs, &p->pid) : errno;
    for (size_t i = 0; i < 3; i++)
        close_fd(&theirs[i]);
    if (rc != 0) {
        p->pid = 0;
        snprintf(error, size, "%s: %s", command->argv[0], strerror(rc));
        program_free(p);
        return NULL;
    }
    p->pidfd = (int)syscall(SYS_pidfd_open, p->pid, 0); /* close-on-exec of itself */
    if (p->pidfd < 0) {
        snprintf(error, size, "pidfd_open: %s", strerror(errno));
        kill(-p->pid, SIGKILL);
        waitpid(p->pid, NULL, 0); /* it is being killed: no wait to speak of */
        program_free(p);
        return NULL;
    }
    p->exit_event = event_new(base, p->pidfd, EV_READ | EV_PERSIST, on_exit_seen, p);
    event_add(p->exit_event, NULL);
    return p;
}

int program_stdin(const struct program *p)
{
    return p->fds[0];
}

int program_stdout(const struct program *p)
{
    return p->fds[1];
}

int program_stderr(const struct program *p)
{
    return p->fds[2];
}

pid_t program_pid(const struct program *p)
{
    return p->pid;
}

void program_close_stdin(struct program *p)
{
    close_fd(&p->fds[0]);
}
