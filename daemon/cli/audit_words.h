/*
 * audit_words.h - orders and what is on record of them, in the person's language
 *
 * Names of orders (`op` of outreach:audit) are for programs and in English for people
 * too; `audit --op` takes both.
 */
#ifndef OUTREACH_AUDIT_WORDS_H
#define OUTREACH_AUDIT_WORDS_H

#include "buf.h"

#include <stdbool.h>
#include <stddef.h>

/* The i-th order there is; NULL behind the last. */
const char *audit_words_op(size_t i);

/* What was asked for; an unknown order is itself. */
const char *audit_words(const char *op);

/* Whether an order is the one that is asked for, by its name or in words. */
bool audit_words_match(const char *op, const char *asked);

/* "9 rows", "reminder eve": a field of an entry, as people say it. */
void audit_words_field(const char *name, const char *value, struct buf *out);

#endif
