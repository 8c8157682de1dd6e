#include "ledger.h"

#include <string.h>

#define TO(state) (1u << (state))
#define MAGIC "OLG1"

/* Which state may follow which: DESIGN section 6, LEDGER.md sections 2 and 5. A
 * positive receipt of any attempt wins over all but a submit under way, so
 * `delivered` follows nearly everything. */
static const struct {
    const char *name;
    unsigned next;
} states[] = {
    [NOTICE_UNTOUCHED] = {"waiting", TO(NOTICE_SENDING) | TO(NOTICE_PARKED) | TO(NOTICE_FAILED) |
                                         TO(NOTICE_EXPIRED) | TO(NOTICE_OPTED_OUT) |
                                         TO(NOTICE_CAPPED) | TO(NOTICE_EXCLUDED) |
                                         TO(NOTICE_CANCELLED) | TO(NOTICE_DELIVERED)},
    /* Undelivered: by one channel, and there is no address for another. */
    [NOTICE_PARKED] = {"waiting", TO(NOTICE_PARKED) | TO(NOTICE_SENDING) | TO(NOTICE_UNDELIVERED) |
                                      TO(NOTICE_FAILED) | TO(NOTICE_EXPIRED) |
                                      TO(NOTICE_OPTED_OUT) | TO(NOTICE_CAPPED) |
                                      TO(NOTICE_EXCLUDED) | TO(NOTICE_CANCELLED) |
                                      TO(NOTICE_DELIVERED)},
    /* Back to untouched only by its own fence: nothing of it has left us. */
    [NOTICE_SENDING] = {"sending",
                        TO(NOTICE_UNTOUCHED) | TO(NOTICE_PARKED) | TO(NOTICE_UNCERTAIN) |
                            TO(NOTICE_ACCEPTED) | TO(NOTICE_DELIVERED) | TO(NOTICE_UNDELIVERED) |
                            TO(NOTICE_FAILED) | TO(NOTICE_EXPIRED) | TO(NOTICE_OPTED_OUT) |
                            TO(NOTICE_CAPPED) | TO(NOTICE_EXCLUDED) | TO(NOTICE_CANCELLED)},
    /* Takes the late outcome of its own intent, as sending would have. */
    [NOTICE_UNCERTAIN] = {"uncertain", TO(NOTICE_PARKED) | TO(NOTICE_ACCEPTED) |
                                           TO(NOTICE_DELIVERED) | TO(NOTICE_UNDELIVERED) |
                                           TO(NOTICE_FAILED) | TO(NOTICE_EXPIRED) |
                                           TO(NOTICE_OPTED_OUT) | TO(NOTICE_CAPPED) |
                                           TO(NOTICE_EXCLUDED) | TO(NOTICE_CANCELLED)},
    /* Parked again: the next channel has its turn after a negative receipt. */
    [NOTICE_ACCEPTED] = {"accepted", TO(NOTICE_ACCEPTED) | TO(NOTICE_DELIVERED) |
                                         TO(NOTICE_UNDELIVERED) | TO(NOTICE_PARKED)},
    [NOTICE_DELIVERED] = {"delivered", 0},
    [NOTICE_UNDELIVERED] = {"undelivered", TO(NOTICE_DELIVERED)},
    [NOTICE_FAILED] = {"failed", TO(NOTICE_DELIVERED)},
    [NOTICE_EXPIRED] = {"expired", TO(NOTICE_DELIVERED)},
    [NOTICE_OPTED_OUT] = {"opted-out", TO(NOTICE_DELIVERED)},
    [NOTICE_CAPPED] = {"capped", TO(NOTICE_DELIVERED)},
    /* Parked: the filter lets her pass by now, and the cursor has passed her. */
    [NOTICE_EXCLUDED] = {"excluded", TO(NOTICE_PARKED) | TO(NOTICE_DELIVERED)},
    [NOTICE_CANCELLED] = {"cancelled", TO(NOTICE_DELIVERED)},
};

static const char *const reasons[] = {
    [REASON_NONE] = "",
    [REASON_NUMBER] = "number",
    [REASON_TEXT] = "text",
    [REASON_BLACKLISTED] = "blacklisted",
    [REASON_ABSENT] = "absent",
    [REASON_BARRED] = "barred",
    [REASON_EXPIRED_THERE] = "expired-there",
    [REASON_PARTIAL] = "partial",
    [REASON_OUTAGE] = "outage",
    [REASON_CREDENTIALS] = "credentials",
    [REASON_BALANCE] = "balance",
    [REASON_TEMPLATE] = "template",
    [REASON_LIMIT] = "limit",
    [REASON_PROTOCOL] = "protocol",
    [REASON_OTHER] = "other",
    [REASON_ATTEMPTS] = "attempts",
    [REASON_NO_GATEWAY] = "no-gateway",
    [REASON_EMPTY] = "empty",
    [REASON_TOO_LONG] = "too-long",
    [REASON_THROTTLED] = "throttled",
    [REASON_HOURS] = "hours",
    [REASON_TURN] = "turn",
    [REASON_ERASED] = "erased",
    [REASON_POISON] = "poison",
    [REASON_NO_ANSWER] = "no-answer",
    [REASON_SLOT] = "slot",
    [REASON_CRASH] = "crash",
    [REASON_NO_RECEIPT] = "no-receipt",
    [REASON_ROW] = "row",
    [REASON_REPEAT] = "repeat",
    [REASON_REPLACED] = "replaced",
    [REASON_SAFE] = "safe",
    [REASON_FILTER] = "filter",
    [REASON_CAP] = "cap",
};
_Static_assert(sizeof reasons / sizeof *reasons == REASON_COUNT, "a name for every reason");

void record_pack(const struct record *r, unsigned char out[LEDGER_RECORD_BYTES])
{
    out[0] = (unsigned char)(r->state << 4 | r->flags);
    out[1] = (unsigned char)(r->attempts << 4 | r->version);
    out[2] = (unsigned char)(r->fence >> 24);
    out[3] = (unsigned char)(r->fence >> 16);
    out[4] = (unsigned char)(r->fence >> 8);
    out[5] = (unsigned char)r->fence;
    out[6] = (unsigned char)r->gateway;
    out[7] = (unsigned char)r->reason;
    out[8] = (unsigned char)(r->segments << 4 | r->ids);
    out[9] = (unsigned char)r->mask;
    out[10] = (unsigned char)(r->intended_s >> 16);
    out[11] = (unsigned char)(r->intended_s >> 8);
    out[12] = (unsigned char)r->intended_s;
    out[13] = (unsigned char)(r->step << 4 | (r->settled_s >> 16 & 15));
    out[14] = (unsigned char)(r->settled_s >> 8);
    out[15] = (unsigned char)r->settled_s;
}

void record_unpack(const unsigned char in[LEDGER_RECORD_BYTES], struct record *r)
{
    r->state = in[0] >> 4;
    r->flags = in[0] & 15;
    r->attempts = in[1] >> 4;
    r->version = in[1] & 15;
    r->fence = (uint32_t)in[2] << 24 | (uint32_t)in[3] << 16 | (uint32_t)in[4] << 8 | in[5];
    r->gateway = in[6];
    r->reason = in[7];
    r->segments = in[8] >> 4;
    r->ids = in[8] & 15;
    r->mask = in[9];
    r->intended_s = (uint32_t)in[10] << 16 | (uint32_t)in[11] << 8 | in[12];
    r->step = in[13] >> 4;
    r->settled_s = (uint32_t)(in[13] & 15) << 16 | (uint32_t)in[14] << 8 | in[15];
}

void ledger_header_pack(const struct ledger_header *h, unsigned char out[LEDGER_RECORD_BYTES])
{
    memset(out, 0, LEDGER_RECORD_BYTES);
    memcpy(out, MAGIC, 4);
    out[4] = (unsigned char)(h->generation >> 8);
    out[5] = (unsigned char)h->generation;
    for (int i = 0; i < 8; i++)
        out[6 + i] = (unsigned char)((uint64_t)h->base_s >> (56 - 8 * i));
}

int ledger_header_unpack(const unsigned char in[LEDGER_RECORD_BYTES], struct ledger_header *h)
{
    uint64_t base = 0;

    if (memcmp(in, MAGIC, 4) != 0)
        return -1;
    h->generation = (unsigned)in[4] << 8 | in[5];
    for (int i = 0; i < 8; i++)
        base = base << 8 | in[6 + i];
    h->base_s = (int64_t)base;
    return 0;
}

bool notice_may_move(enum notice_state from, enum notice_state to)
{
    return from < NOTICE_STATES && to < NOTICE_STATES && (states[from].next & TO(to)) != 0;
}

bool notice_is_terminal(enum notice_state state)
{
    return state >= NOTICE_DELIVERED && state < NOTICE_STATES;
}

int64_t record_final_ms(const struct record *r, int64_t base_ms, int64_t wait_ms)
{
    return base_ms + (int64_t)r->intended_s * 1000 + wait_ms;
}

enum retrying record_retrying(const struct record *r)
{
    if ((r->state != NOTICE_FAILED && r->state != NOTICE_UNDELIVERED) ||
        (r->flags & FLAG_EARLY) != 0 || r->mask != 0) /* she has it, or a part of it */
        return RETRY_NEVER;
    switch (r->reason) {
    case REASON_PARTIAL:
    case REASON_BLACKLISTED:
    case REASON_ERASED:
    case REASON_ROW:
    case REASON_SAFE:
    case REASON_REPLACED:
        return RETRY_NEVER;
    case REASON_NUMBER:
    case REASON_TEXT:
    case REASON_EMPTY:
    case REASON_TOO_LONG:
    case REASON_POISON:
    case REASON_SLOT:
        return RETRY_IF_NAMED;
    default:
        return RETRY_USUALLY;
    }
}

void record_retry(struct record *r, uint32_t fence, int64_t look_s)
{
    r->state = NOTICE_PARKED;
    r->fence = fence;
    r->reason = REASON_NONE;
    r->ids = r->mask = 0;
    r->settled_s = look_s < 0 ? 0 : look_s > 0xfffff ? 0xfffff : (uint32_t)look_s;
}

bool record_was_submitted(const struct record *r)
{
    switch (r->state) {
    case NOTICE_SENDING:
    case NOTICE_ACCEPTED:
    case NOTICE_DELIVERED:
    case NOTICE_UNDELIVERED:
    case NOTICE_UNCERTAIN:
        return r->fence != 0;
    case NOTICE_FAILED:
        return r->fence != 0 && r->attempts > 0;
    default:
        return false;
    }
}

const char *notice_state_name(enum notice_state state)
{
    return state < NOTICE_STATES ? states[state].name : "damaged";
}

const char *notice_reason_name(enum notice_reason reason)
{
    return reason < REASON_COUNT ? reasons[reason] : "unknown";
}

int notice_state_parse(const char *name)
{
    for (int i = 0; i < NOTICE_STATES; i++)
        if (strcmp(name, states[i].name) == 0)
            return i;
    return -1;
}
