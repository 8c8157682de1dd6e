/*
 * ledger.h - the record of what became of one notice
 *
 * 16 bytes a notice in one Redis string a reminder, at N*16; record 0 is a
 * header. LEDGER.md section 1 has the layout. All zero is a notice that nobody
 * has touched. Records change only by compare-and-set (store/moves.h), and only
 * along the table of moves here: the one place where it is written down.
 */
#ifndef OUTREACH_LEDGER_H
#define OUTREACH_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LEDGER_RECORD_BYTES 16
#define LEDGER_MAX_ATTEMPTS 15
#define LEDGER_MAX_IDS 8
#define LEDGER_MAX_NUMBER 33554431u /* of a notice: the format ends there */

enum notice_state {
    NOTICE_UNTOUCHED, /* shown as waiting, */
    NOTICE_PARKED,    /* and so is this: in the retry set */
    NOTICE_SENDING,   /* an intent stands */
    NOTICE_UNCERTAIN, /* an intent without an outcome */
    NOTICE_ACCEPTED,
    NOTICE_DELIVERED,
    NOTICE_UNDELIVERED,
    NOTICE_FAILED,
    NOTICE_EXPIRED,
    NOTICE_OPTED_OUT,
    NOTICE_CAPPED,
    NOTICE_EXCLUDED,
    NOTICE_CANCELLED,
    NOTICE_STATES
};

enum {
    FLAG_TOLD = 8,    /* a part was accepted once: never cleared */
    FLAG_EARLY = 4,   /* an earlier attempt has a positive receipt */
    FLAG_RESENT = 2,  /* two copies are possible: never cleared */
    FLAG_SUSPECT = 1, /* two daemons died while it was being sent: sent alone from now on */
};

/* Why a notice is where it is. Stored as a number: append only. The first ones
 * are those of gateway_plugin.h. */
enum notice_reason {
    REASON_NONE,
    REASON_NUMBER,
    REASON_TEXT,
    REASON_BLACKLISTED,
    REASON_ABSENT,
    REASON_BARRED,
    REASON_EXPIRED_THERE,
    REASON_PARTIAL,
    REASON_OUTAGE,
    REASON_CREDENTIALS,
    REASON_BALANCE,
    REASON_TEMPLATE,
    REASON_LIMIT,
    REASON_PROTOCOL,
    REASON_OTHER,
    REASON_ATTEMPTS,   /* spent */
    REASON_NO_GATEWAY, /* none serves this channel and class */
    REASON_EMPTY,      /* a placeholder without value or default */
    REASON_TOO_LONG,   /* more segments than the campaign allows */
    REASON_THROTTLED,
    REASON_HOURS, /* held until residents may be disturbed */
    REASON_TURN,  /* waits for its gateway's turn */
    REASON_ERASED,
    REASON_POISON,
    REASON_NO_ANSWER,
    REASON_SLOT,       /* the recipient's own time cannot be read, or is yet to come */
    REASON_CRASH,      /* a daemon died while it was being sent; at the next intent it is kept */
    REASON_NO_RECEIPT, /* none came within fallback_after */
    REASON_ROW,        /* what stands in the audience for it is no row of ours */
    REASON_REPEAT,     /* the same text went there from another campaign within a day */
    REASON_REPLACED,   /* the campaign was amended since this correction was written */
    REASON_SAFE,       /* it could put her in danger: for a person to tell, see store/safe.h */
    REASON_FILTER,     /* `only`: she has no place, or has one; see places.h */
    REASON_CAP,        /* she had as many as per_recipient allows: held, or capped */
    REASON_COUNT
};

struct record {
    enum notice_state state;
    unsigned flags;
    unsigned attempts, version; /* 0..15 */
    uint32_t fence;             /* epoch << 12 | serial; 0: never intended */
    unsigned gateway;           /* number in the registry, 0: none */
    enum notice_reason reason;
    unsigned segments, ids; /* 0..15, 0..8 */
    unsigned mask;          /* of ids delivered */
    uint32_t intended_s;    /* last intent, seconds after the ledger's base, 24 bits */
    unsigned step;          /* channel step, 0..15 */
    uint32_t
        settled_s; /* 20 bits: settled: seconds after the submit; parked: next look after base */
};

void record_pack(const struct record *r, unsigned char out[LEDGER_RECORD_BYTES]);
void record_unpack(const unsigned char in[LEDGER_RECORD_BYTES], struct record *r);

struct ledger_header {
    unsigned generation;
    int64_t base_s; /* wall clock: what the records' times count from */
};

void ledger_header_pack(const struct ledger_header *h, unsigned char out[LEDGER_RECORD_BYTES]);
int ledger_header_unpack(const unsigned char in[LEDGER_RECORD_BYTES], struct ledger_header *h);

/* May a notice go from one state to the other? */
bool notice_may_move(enum notice_state from, enum notice_state to);
bool notice_is_terminal(enum notice_state state);

/* When what was accepted is final, wall clock in ms: wait_ms (its gateway's receipt_wait) after its
 * last intent. base_ms: of its ledger, in ms. No refusal counts from then on; that somebody has it
 * after all does, as in every other state. */
int64_t record_final_ms(const struct record *r, int64_t base_ms, int64_t wait_ms);

/* A person has it tried once more: the one way out of `failed` and `undelivered` besides a receipt,
 * and no daemon's (the table above has none). How a reason is treated where nobody names it: */
enum retrying {
    RETRY_NEVER,    /* she has it, has refused, or there is nothing to send */
    RETRY_IF_NAMED, /* it will hardly go better: the number, the text */
    RETRY_USUALLY   /* the cause may be gone */
};
enum retrying record_retrying(const struct record *r);

/* r, which may be retried, as it then stands: parked, under a fence of its own so that what is
 * still said of the attempt before counts no more, its attempts kept. look_s: the next look,
 * seconds after the ledger's base. */
void record_retry(struct record *r, uint32_t fence, int64_t look_s);

/* Did it leave for a gateway? What was refused at the last moment has an intent too, and so
 * has what failed before anybody submitted it. */
bool record_was_submitted(const struct record *r);

/* Names as in DESIGN 5.1 ("waiting" for the first two), stable for logs and programs. */
const char *notice_state_name(enum notice_state state);
const char *notice_reason_name(enum notice_reason reason);
int notice_state_parse(const char *name); /* or -1; "waiting" gives NOTICE_UNTOUCHED */

#endif
