/*
 * per_number.h - how often an operator takes messages for one and the same number
 *
 * Operators refuse, and some punish, what comes more often. Each has rules of its own,
 * counted by the submits that it takes, not by what is delivered. `per_number` of a
 * gateway names a row of this table, or lists rules ("1/30s", "10/24h"). Where an
 * operator counts by text, template or signature we count every message: stricter.
 */
#ifndef OUTREACH_PER_NUMBER_H
#define OUTREACH_PER_NUMBER_H

#include "rate_rule.h"

#include <stddef.h>

struct arena;
struct error;
struct tree;

#define PER_NUMBER_RULES 4 /* at most */

struct per_number {
    struct rate_rule rules[PER_NUMBER_RULES];
    size_t count; /* 0: no limit */
};

/* A preset's name, a rule, or a list of rules: into a struct per_number. As the readers
 * of field.h want it. */
int per_number_read(const struct tree *value, void *at, struct arena *arena, struct error *err);

#endif
