#include "culprit.h"

#include "clock.h"

#include <execinfo.h>
#include <link.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#define KNOWN_MOST 128
#define NAME_BYTES 65
#define DEPTH 64
#define LINE_BYTES 512
#define STACK_BYTES (64 * 1024) /* for a handler when the stack itself is used up */

static struct {
    char name[NAME_BYTES];
    uintptr_t from, to;
} known[KNOWN_MOST];
static volatile sig_atomic_t known_count;

static const struct fatal {
    int number;
    const char *what;
} fatals[] = {
    {SIGSEGV, "signal=SEGV"}, {SIGBUS, "signal=BUS"},   {SIGFPE, "signal=FPE"},
    {SIGILL, "signal=ILL"},   {SIGABRT, "signal=ABRT"},
};
#define FATALS (sizeof fatals / sizeof *fatals)

static struct sigaction before[FATALS];
static bool guarded;

/* ------------------------------------------------------------------ on the stack */

struct search {
    uintptr_t inside, from, to;
};

static int look_at_object(struct dl_phdr_info *info, size_t size, void *arg)
{
    struct search *s = arg;
    uintptr_t from = UINTPTR_MAX, to = 0;

    (void)size;
    for (size_t i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *p = &info->dlpi_phdr[i];
        uintptr_t at = info->dlpi_addr + p->p_vaddr;

        if (p->p_type != PT_LOAD)
            continue;
        from = at < from ? at : from;
        to = at + p->p_memsz > to ? at + p->p_memsz : to;
    }
    if (s->inside < from || s->inside >= to)
        return 0;
    s->from = from;
    s->to = to;
    return 1;
}

void culprit_know(const char *name, const void *inside)
{
    struct search s = {.inside = (uintptr_t)inside};
    int at = known_count;
    void *frame;

    if (at == KNOWN_MOST || dl_iterate_phdr(look_at_object, &s) == 0)
        return;
    for (int i = 0; i < at; i++)
        if (known[i].from == s.from)
            return;
    snprintf(known[at].name, sizeof known[at].name, "%s", name);
    known[at].from = s.from;
    known[at].to = s.to;
    known_count = at + 1;
    backtrace(&frame, 1); /* its first call loads a library, which no handler may */
}

const char *culprit_find(void)
{
    void *frames[DEPTH];
    int count = known_count > 0 ? backtrace(frames, DEPTH) : 0;

    for (int f = 0; f < count; f++)
        for (int i = 0; i < known_count; i++)
            if ((uintptr_t)frames[f] >= known[i].from && (uintptr_t)frames[f] < known[i].to)
                return known[i].name;
    return NULL;
}

/* ---------------------------------------------------------------------- the words */

static char *add(char *p, const char *end, const char *s)
{
    while (*s != '\0' && p < end)
        *p++ = *s++;
    return p;
}

void culprit_tell(const char *event, const char *what, const char *name, const char *reason)
{
    char line[LINE_BYTES], *p = line;
    const char *end = line + sizeof line - 1;

    clock_stamp(clock_wall_ms(), line);
    p += CLOCK_STAMP_BYTES - 1;
    p = add(p, end, " error ");
    p = add(p, end, event);
    p = add(p, end, what[0] != '\0' ? " " : "");
    p = add(p, end, what);
    p = add(p, end, " plugin=");
    p = add(p, end, name != NULL ? name : "none");
    p = add(p, end, " reason=\"");
    p = add(p, end, reason);
    p = add(p, end, "\"");
    *p++ = '\n';
    if (write(STDERR_FILENO, line, (size_t)(p - line)) < 0)
        return;
}

/* ------------------------------------------------------------------------ the end */

/* What was to happen at this signal happens when the instruction is done again. */
static void on_fatal(int number, siginfo_t *info, void *context)
{
    size_t k = 0;

    (void)context;
    while (k < FATALS - 1 && fatals[k].number != number)
        k++;
    sigaction(number, &before[k], NULL); /* first: what follows may fail as well */
    culprit_tell("daemon.crashed", fatals[k].what, culprit_find(),
                 "what was being sent is in doubt; the next start looks after it");
    if (info->si_code <= 0) /* somebody sent it: nothing will do so again */
        raise(number);
}

/* Out of memory is the daemon's own way out (base/mem.c), whoever asked for some. */
static void on_exit_called(int status, void *arg)
{
    (void)arg;
    if (!guarded || status == EX_OSERR)
        return;
    culprit_tell("daemon.exited", status == 0 ? "status=0" : "status=other", culprit_find(),
                 "exit() was called in the middle of the work");
    signal(SIGABRT, SIG_DFL);
    abort();
}

void culprit_guard(void)
{
    static char stack[STACK_BYTES];
    struct sigaction action = {.sa_sigaction = on_fatal, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    stack_t now;

    sigemptyset(&action.sa_mask);
    if (sigaltstack(NULL, &now) == 0 && (now.ss_flags & SS_DISABLE) != 0)
        sigaltstack(&(stack_t){.ss_sp = stack, .ss_size = sizeof stack}, NULL);
    for (size_t k = 0; k < FATALS; k++)
        sigaction(fatals[k].number, &action, &before[k]);
    guarded = true;
    on_exit(on_exit_called, NULL);
}

void culprit_release(void)
{
    guarded = false;
}
