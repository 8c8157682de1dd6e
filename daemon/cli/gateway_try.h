/*
 * gateway_try.h - one message through one gateway, looked at on the wire
 *
 * Opens the gateway of the configuration in this process, sends one message that belongs to
 * no campaign, and shows what went over the wire (HTTP word for word, of other protocols
 * what their plugin logs), the answer, and receipts for some seconds. Redacted, see
 * redact.h. No daemon is needed, and none is asked: rates and orders do not hold for it.
 */
#ifndef OUTREACH_GATEWAY_TRY_H
#define OUTREACH_GATEWAY_TRY_H

#include "cli.h"

struct gateway_try_options {
    const char *to, *text, *template_code;
    bool as_is, yes;
    int64_t receipt_ms;
};

/* "gateways try NAME [COLUMN=VALUE]...": operands[0] is the verb; the pairs fill the
 * provider's template. Returns an exit code: 0 accepted, 65 refused, 78 the gateway is
 * broken, 75 anything else. */
int gateway_try_run(struct cli *cli, const struct gateway_try_options *options, char **operands,
                    int count);

#endif
