/*
 * alarm.h - what somebody on duty should hear of
 *
 * A daemon looks every few seconds and reports each matter that holds, for as long as it holds:
 * whom that is told, how often and by which way is inbound/ops.h's. The log and `outreach list`
 * have some of them too (alarm.c).
 */
#ifndef OUTREACH_ALARM_H
#define OUTREACH_ALARM_H

#include <stdbool.h>
#include <stdint.h>

enum alarm_matter {
    ALARM_GATEWAY,  /* it has taken nothing for alarms.gateway, though nobody paused it */
    ALARM_BALANCE,  /* it answers that there is no money left */
    ALARM_LOW,      /* less is left than its balance_low; detail: how much */
    ALARM_SILENT,   /* no receipts, though many wait; number: minutes */
    ALARM_DISK,     /* name: a path; number: percent free */
    ALARM_REDIS,    /* nothing is sent for it; name: "away", "doubt" */
    ALARM_AILING,   /* Redis too, and that goes on; name: one of health.h's */
    ALARM_DOUBT,    /* a notice in doubt for more than an hour */
    ALARM_CLOCK,    /* it was set, and nothing is sent */
    ALARM_HALTED,   /* a reminder cannot be worked on */
    ALARM_LATE,     /* a reminder cannot be finished before it expires; number: people left over */
    ALARM_FAILURES, /* of a reminder more than alarms.failures percent; number: percent */
    ALARM_MISSED,   /* a reminder's time went by and nobody began it; number: people */
    ALARM_MATTERS
};

struct alarm {
    enum alarm_matter matter;
    const char *name;   /* a gateway, "campaign/reminder", ...: see above; never NULL */
    const char *detail; /* for people, as the log says it; never NULL */
    int64_t number;
};

/* Is its name "campaign/reminder"? */
bool alarm_is_of_campaign(enum alarm_matter matter);
/* Is its name a gateway, by which nobody is told of it? */
bool alarm_is_of_gateway(enum alarm_matter matter);
const char *alarm_name(enum alarm_matter matter); /* "gateway", "balance", ... */

#endif
