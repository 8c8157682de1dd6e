/*
 * asked.h - an event on the public queue, and what became of it
 */
#ifndef OUTREACH_ASKED_H
#define OUTREACH_ASKED_H

#include "cli.h"

#define ASKED_ID_BYTES 32

/* Puts op for a campaign on the queue, with a body (NULL: none) and what it costs (less than 0:
 * that is not said); id is the event's. -1 with err. */
int asked_send(struct cli *cli, const char *op, const char *campaign, const struct buf *body,
               double cost, char id[ASKED_ID_BYTES], struct error *err);

/* The reason if that event was rejected as a whole, for the caller to free, or NULL. */
char *asked_rejection(struct cli *cli, const char *id);

/* Waits until the campaign says that the event was applied, or it is rejected (*reason, for
 * the caller to free). False after wait_ms: no daemon has taken it yet. */
bool asked_wait(struct cli *cli, const char *campaign, const char *id, int64_t wait_ms,
                char **reason);

#endif
