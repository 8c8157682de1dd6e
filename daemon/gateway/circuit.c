#include "circuit.h"

#include "log.h"

#include <assert.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

#define TO(state) (1u << (state))

static const struct {
    const char *name;
    unsigned next; /* the states that may follow */
} states[] = {
    [CIRCUIT_CLOSED] = {"closed", TO(CIRCUIT_OPEN)},
    [CIRCUIT_OPEN] = {"open", TO(CIRCUIT_HALF_OPEN)},
    [CIRCUIT_HALF_OPEN] = {"half-open", TO(CIRCUIT_CLOSED) | TO(CIRCUIT_OPEN)},
};

/* What an outcome says about the gateway. */
static const enum {
    NOTHING,
    WORKS,
    TROUBLE,
    BROKEN
} signs[] = {
    [GATEWAY_ACCEPTED] = WORKS,  [GATEWAY_THROTTLED] = WORKS, [GATEWAY_UNSENT] = NOTHING,
    [GATEWAY_RETRY] = TROUBLE,   [GATEWAY_REJECTED] = WORKS,  [GATEWAY_BROKEN] = BROKEN,
    [GATEWAY_UNKNOWN] = TROUBLE,
};

const char *circuit_name(enum circuit_state state)
{
    return states[state].name;
}

void circuit_init(struct circuit *c, const char *gateway)
{
    *c = (struct circuit){.gateway = gateway, .state = CIRCUIT_CLOSED};
}

static void circuit_move(struct circuit *c, enum circuit_state to)
{
    assert(states[c->state].next & TO(to));
    c->state = to;
    c->troubles = 0;
    if (to == CIRCUIT_CLOSED)
        c->wait_ms = 0;
    if (to != CIRCUIT_OPEN) /* circuit_open() tells more */
        log_info("circuit.%s gateway=%s", states[to].name, c->gateway);
}

static int64_t spread(int64_t wait_ms, uint32_t random)
{
    return wait_ms * 4 / 5 + (int64_t)((uint64_t)wait_ms * 2 / 5 * random >> 32);
}

static void circuit_open(struct circuit *c, const struct gateway_answer *answer, int64_t now_ms,
                         uint32_t random)
{
    static const char *const outcomes[] = {
        [GATEWAY_RETRY] = "retry", [GATEWAY_BROKEN] = "broken", [GATEWAY_UNKNOWN] = "unknown"};
    int64_t asked = answer->retry_after_ms;
    char why[256];
    int64_t wait;

    c->wait_ms = c->wait_ms == 0 ? CIRCUIT_WAIT_MS : c->wait_ms * 2;
    if (c->wait_ms > CIRCUIT_WAIT_MAX_MS)
        c->wait_ms = CIRCUIT_WAIT_MAX_MS;
    wait = spread(c->wait_ms, random);
    asked = asked > CIRCUIT_ASKED_MAX_MS ? CIRCUIT_ASKED_MAX_MS : asked;
    wait = asked > wait ? asked : wait;
    c->lost = c->state == CIRCUIT_CLOSED && answer->outcome == GATEWAY_UNKNOWN &&
              answer->reason != GATEWAY_REASON_PROTOCOL && now_ms >= c->until_ms;
    c->until_ms = now_ms + wait;
    circuit_move(c, CIRCUIT_OPEN);
    snprintf(why, sizeof why, "%s%s%s", answer->code == NULL ? "" : answer->code,
             answer->code == NULL || answer->words == NULL ? "" : " ",
             answer->words == NULL ? "" : answer->words);
    log_warning("circuit.open gateway=%s outcome=%s reason=%s retry_ms=%" PRId64, c->gateway,
                outcomes[answer->outcome], log_quote(why), wait);
}

static bool is_enough(struct circuit *c, uint64_t request)
{
    unsigned i = 0;

    if (c->troubles++ == 0)
        c->requests = 0;
    while (i < c->requests && c->troubled[i] != request)
        i++;
    if (i == c->requests && i < CIRCUIT_REQUESTS)
        c->troubled[c->requests++] = request;
    return c->troubles >= CIRCUIT_TROUBLES && c->requests == CIRCUIT_REQUESTS;
}

bool circuit_answer(struct circuit *c, const struct gateway_answer *answer, uint64_t request,
                    bool trial, int64_t now_ms, uint32_t random)
{
    bool works = signs[answer->outcome] == WORKS;
    bool fails = signs[answer->outcome] == TROUBLE || signs[answer->outcome] == BROKEN;

    if (c->state == CIRCUIT_CLOSED && works) {
        c->troubles = 0;
        return false;
    }
    if (c->state == CIRCUIT_HALF_OPEN && works) {
        circuit_move(c, CIRCUIT_CLOSED);
        return true;
    }
    if (c->state == CIRCUIT_OPEN || !fails || (c->state == CIRCUIT_HALF_OPEN && !trial))
        return false;
    if (c->state == CIRCUIT_CLOSED && signs[answer->outcome] == TROUBLE && !is_enough(c, request))
        return false;
    circuit_open(c, answer, now_ms, random);
    return true;
}

bool circuit_try(struct circuit *c)
{
    if (c->state != CIRCUIT_OPEN)
        return false;
    circuit_move(c, CIRCUIT_HALF_OPEN);
    return true;
}

bool circuit_back(struct circuit *c)
{
    return c->lost && circuit_try(c);
}

bool circuit_tick(struct circuit *c, int64_t now_ms)
{
    return c->state == CIRCUIT_OPEN && now_ms >= c->until_ms && circuit_try(c);
}
