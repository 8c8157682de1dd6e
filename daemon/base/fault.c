#include "fault.h"

#ifdef OUTREACH_FAULTS

#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* Only the point that the environment names is counted. */
bool fault_due(const char *point)
{
    static unsigned long passed;
    const char *asked = getenv("OUTREACH_FAULT");
    size_t n = strlen(point);
    unsigned long first, count = 1, every = 0;
    char *after;

    if (asked == NULL || strncmp(asked, point, n) != 0 || asked[n] != ':')
        return false;
    first = strtoul(asked + n + 1, &after, 10);
    if (*after == '*')
        count = strtoul(after + 1, NULL, 10);
    if (*after == '%')
        every = strtoul(after + 1, NULL, 10);
    passed++;
    if (every > 0)
        return passed >= first && (passed - first) % every == 0;
    return passed >= first && passed - first < count;
}

void fault_pass(const char *point)
{
    if (fault_due(point))
        raise(SIGKILL);
}

void fault_pass_one(const char *point, unsigned long n)
{
    const char *asked = getenv("OUTREACH_FAULT");
    size_t length = strlen(point);

    if (asked != NULL && strncmp(asked, point, length) == 0 && asked[length] == '@' &&
        strtoul(asked + length + 1, NULL, 10) == n)
        raise(SIGKILL);
}

#else
typedef int fault_is_empty; /* ISO C wants something in a file */
#endif
