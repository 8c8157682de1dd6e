/*
 * funds.h - is there money for it? What a forecast needs, against what is left of prepaid balances
 *
 * Of the gateways of which somebody has said what there is (store/balance.h), as far as Redis
 * answers; nothing else is known.
 */
#ifndef OUTREACH_FUNDS_H
#define OUTREACH_FUNDS_H

#include "asking.h"

#include <jansson.h>

struct buf;

/* A line for each such gateway that this campaign goes by. */
void funds_write(const struct asking *a, struct buf *out);
/* {"mobile": {"left": 12.3, "needs": 45.6}}: a new reference. */
json_t *funds_json(const struct asking *a);

#endif
