/*
 * fault.h - places where a test build can be made to die, or to fail
 *
 * Between two steps that Redis or a peer sees lies a window: whoever dies in it leaves
 * something half done, and the next life must put it right. Each has a point here with
 * a name, W1 to W9, and tests/e2e/faults.test.js goes through all of them. Only test
 * builds have them (FLAVOR=test defines OUTREACH_FAULTS); elsewhere they are no code.
 *
 * OUTREACH_FAULT="W5:3" ends the process with SIGKILL at the third passing of W5;
 * "log-write:2*30" makes the second and the 29 following of that call fail,
 * "redis-reply:40%30" the 40th and then every 30th. "prepare@7" ends it whenever the
 * seventh notice comes there.
 */
#ifndef OUTREACH_FAULT_H
#define OUTREACH_FAULT_H

#include <stdbool.h>

#ifdef OUTREACH_FAULTS
/* Counts a passing of point; true if it is one of those that are to fail. */
bool fault_due(const char *point);
/* The same, and if so this is the end of the process. */
void fault_pass(const char *point);
/* The end of the process at each passing of that one. */
void fault_pass_one(const char *point, unsigned long n);
#define FAULT_POINT(point) fault_pass(point)
#define FAULT_ONE(point, n) fault_pass_one(point, n)
#define FAULT_FAILS(point) fault_due(point)
#else
#define FAULT_POINT(point) ((void)0)
#define FAULT_ONE(point, n) ((void)0)
#define FAULT_FAILS(point) false
#endif

#endif
