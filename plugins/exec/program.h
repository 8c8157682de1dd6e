/*
 * program.h - a program of the user's as a child process
 *
 * It has pipes for stdin, stdout and stderr, whose other ends are non-blocking and ours, a
 * process group of its own, no other descriptor, no signal blocked or ignored, and only the
 * environment it is given.
 *
 * It ends in steps: its stdin is closed; after half of stop_wait_ms comes SIGTERM, and after all
 * of it SIGKILL, each for its whole group. What is left of the group when the program itself
 * has ended is killed. It is always reaped, and nobody waits for it on the loop: a program that
 * is ending is looked after by events of this file alone, which touch no gateway, and (the
 * plugin stays loaded) may outlive the gateway it belonged to. When the process exits, what is
 * still ending then is given the rest of its time.
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
    int64_t stop_wait_ms;
};

struct program; /* opaque */

/* It has ended by itself and is reaped: how is "exit=3" or "signal=9". What it wrote last may
 * still be read. Runs once, and not after program_end(). */
typedef void program_ended_fn(void *arg, const char *how);

/* Starts it. NULL with a sentence in error. */
struct program *program_start(struct event_base *base, const struct program_command *command,
                              program_ended_fn *fn, void *arg, char *error, size_t size);

int program_stdin(const struct program *p); /* -1 once closed */
int program_stdout(const struct program *p);
int program_stderr(const struct program *p);
pid_t program_pid(const struct program *p);

void program_close_stdin(struct program *p);

/* Closes our ends of its pipes and forgets it: p is gone for the caller. at_once: SIGTERM
 * now. NULL is fine, and so is one that has ended. */
void program_end(struct program *p, bool at_once);

#endif
