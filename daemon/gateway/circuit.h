/*
 * circuit.h - whether a gateway that answers badly is left alone for a while
 *
 *     closed ──BROKEN, or 10 times RETRY or UNKNOWN in a row──> open
 *       ^                                                        │ 30 s, doubled up to 10 min
 *       └─ACCEPTED, REJECTED, THROTTLED── half open <────────────┘
 *                                             └──RETRY, UNKNOWN, BROKEN──> open
 *
 * In a row means without an ACCEPTED, REJECTED or THROTTLED in between: those
 * prove that the gateway works. UNSENT proves nothing. A request that carries many
 * messages and dies is one accident: the ten must be of three requests or more. (To
 * ask for ten requests would put ten batches in doubt, or spend all attempts of those
 * who always go in one.) While half open one message, the trial, decides; what was
 * submitted before the circuit opened and is answered now can only close it. A
 * connection that was lost with many messages, and is there again, need not wait for its
 * trial; if that fails it does, and if it is lost again before the wait would have been
 * over. Every wait is spread by 20 % either way, so that many daemons do not come back
 * together. BROKEN and RETRY may ask for a longer wait, which is kept up to an hour.
 *
 * It has no timer and no clock: the gateway drives it, tests too. Times are
 * milliseconds of the monotonic clock. Every move is logged once.
 */
#ifndef OUTREACH_CIRCUIT_H
#define OUTREACH_CIRCUIT_H

#include "gateway_plugin.h"

#include <stdbool.h>
#include <stdint.h>

#define CIRCUIT_TROUBLES 10
#define CIRCUIT_REQUESTS 3
#define CIRCUIT_WAIT_MS 30000
#define CIRCUIT_WAIT_MAX_MS 600000
#define CIRCUIT_ASKED_MAX_MS 3600000

enum circuit_state { CIRCUIT_CLOSED, CIRCUIT_OPEN, CIRCUIT_HALF_OPEN };

struct circuit {
    const char *gateway; /* its name, for the log; borrowed */
    enum circuit_state state;
    unsigned troubles; /* in a row, while closed */
    unsigned requests; /* of which they are, up to what is enough; where troubles is not 0 */
    uint64_t troubled[CIRCUIT_REQUESTS]; /* these */
    int64_t wait_ms;                     /* of the last opening, before the spread */
    int64_t until_ms;                    /* while open */
    bool lost;                           /* while open: it need not wait, see circuit_back() */
};

/* Closed. */
void circuit_init(struct circuit *c, const char *gateway);

/* An answer came; request is a number that messages have in common which went out
 * together, and no others; trial says that it is the one that a half-open circuit let
 * through; random is 32 bits of chance for the spread. Returns true if the state
 * changed. */
bool circuit_answer(struct circuit *c, const struct gateway_answer *answer, uint64_t request,
                    bool trial, int64_t now_ms, uint32_t random);

/* Half-opens an open circuit whose time has come. Returns true if it did. */
bool circuit_tick(struct circuit *c, int64_t now_ms);

/* Half-opens an open circuit at once, as ops ask. Returns true if it did. */
bool circuit_try(struct circuit *c);

/* The gateway can take more than it could: half-opens a circuit that was closed until answers were
 * lost, where it had been for as long as it would wait. Returns true if it did. */
bool circuit_back(struct circuit *c);

/* "closed", "open", "half-open" */
const char *circuit_name(enum circuit_state state);

#endif
