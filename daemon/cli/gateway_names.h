/*
 * gateway_names.h - the gateways by the numbers that ledgers know them by
 *
 * The registry in Redis has every gateway that there ever was; what a segment costs at one, and
 * how long a receipt is waited for, stands in the configuration, as long as the gateway does.
 */
#ifndef OUTREACH_GATEWAY_NAMES_H
#define OUTREACH_GATEWAY_NAMES_H

#include "cli.h"

#define GATEWAY_NAMES_MAX 256

struct gateway_names {
    char *names[GATEWAY_NAMES_MAX];  /* NULL: none of that number */
    double costs[GATEWAY_NAMES_MAX]; /* of a segment, or of a message; 0 where none is set */
};

int gateway_names_read(struct gateway_names *g, struct cli *cli, struct error *err);
void gateway_names_free(struct gateway_names *g);

/* How long a receipt of it is waited for, as the configuration says. */
int64_t gateway_receipt_wait_ms(const struct cli *cli, const char *name);

/* Whether a daemon that has it open says that it sends receipts; also where none says anything. */
bool gateway_sends_receipts(const struct cli *cli, const char *name);

const char *gateway_names_of(const struct gateway_names *g, unsigned number); /* or "" */

#endif
