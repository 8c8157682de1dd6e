/*
 * audit.h - who asked for what: the stream outreach:audit
 *
 * Every order that changes something leaves one entry, sent right behind its effect on the same
 * connection. An entry's time is its id; its fields are `op`, `by`, and what the order is about:
 * `campaign`, `reminder`, `gateway`, `daemon`, `to` (a masked address; a refusal's has a `hash`
 * besides, as in the delivery log), `why`, ...; `event` is the entry of outreach:events that
 * asked. A daemon that dies between an event's effect and its entry leaves the entry to the next
 * reader of that event, so that there may be two of one event and never none. It is written even
 * where Redis is full: who stopped something then is known too.
 */
#ifndef OUTREACH_AUDIT_H
#define OUTREACH_AUDIT_H

#include "command.h"

/* The command that adds an entry: pairs of name and value (const char *), ended by NULL; a pair
 * whose value is NULL or "" is left out. One of them is "by". */
void audit_command(struct command *c, const char *op, ...) __attribute__((sentinel));

#endif
