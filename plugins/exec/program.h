/*
 * program.h - a program of the user's as a child process
 *
 * It has pipes for stdin, stdout and stderr, whose other ends are non-blocking and ours, a
 * process group of its own, no other descriptor, no signal blocked or ignored, and only the
 * environment it is given.
 *
 * Its end by itself is seen, and what is left of its group then is killed. One that is to end is
 * forgotten here and handed to the host (child_end() of gateway_plugin.h).
 */
#ifndef EXEC_PROGRAM_H
#define EXEC_PROGRAM_H

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct program_command {
    char *const *argv; /* the first is an absolute path; ended by NULL */
    char *const *environment;
    const char *directory;
};

struct program; /* opaque */

/* It has ended by itself and is reaped: how is "exit=3" or "signal=9". What it wrote last may
 * still be read. Runs once. */
typedef void program_ended_fn(void *arg, const char *how);

/* Starts it. NULL with a sentence in error. */
struct program *program_start(struct event_base *base, const struct program_command *command,
                              program_ended_fn *fn, void *arg, char *error, size_t size);

int program_stdin(const struct program *p); /* -1 once closed */
int program_stdout(const struct program *p);
int program_stderr(const struct program *p);
pid_t program_pid(const struct program *p);

void program_close_stdin(struct program *p);

/* Closes our ends of its pipes and forgets it: p is gone. Returns its process for somebody to end
 * and reap, or 0 for one that has ended. NULL is fine. */
pid_t program_forget(struct program *p);

#endif
