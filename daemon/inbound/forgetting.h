/*
 * forgetting.h - replies are forgotten when they are old enough
 *
 * outreach:replies would grow for ever, and it holds people's numbers and words. What is older than
 * replies.keep is taken out, a refusal when it is older than replies.keep_refusals: it is the
 * proof of one. What a person has yet to see (a question, a cry for help that nobody has closed)
 * stays whatever its age. Every daemon looks once a minute, a piece at a time; how many were
 * forgotten stands in the log and in the audit (replies-forgotten), the cries for help among them
 * by number.
 */
#ifndef OUTREACH_FORGETTING_H
#define OUTREACH_FORGETTING_H

#include "inbound.h"

struct forgetting; /* opaque */

struct forgetting *forgetting_create(const struct inbound_options *options); /* borrows all */
void forgetting_free(struct forgetting *f);                                  /* NULL is fine */
void forgetting_start(struct forgetting *f);

#endif
