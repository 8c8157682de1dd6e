/*
 * receipts.h - what a receipt makes of a record
 *
 * The rules of LEDGER.md section 5, apart from Redis and gateways, so that they
 * can be tested as a table.
 */
#ifndef OUTREACH_RECEIPTS_H
#define OUTREACH_RECEIPTS_H

#include "ledger.h"
#include "receipt_index.h"

enum receipt_effect {
    RECEIPT_IGNORED, /* changes nothing: a repeat, a late one, a negative one of an earlier attempt
                      */
    RECEIPT_NOTED,   /* the record changes, the state does not: a part, or an early positive one */
    RECEIPT_MOVED,   /* to delivered or undelivered */
    RECEIPT_NEXT,    /* undelivered by this channel: parked for the next one, due at once */
};

/* Applies a receipt with its index entry to r. reason is of a negative one; steps are the
 * channels of the campaign, or 0 where nothing more may be sent. */
enum receipt_effect receipt_apply(struct record *r, const struct receipt_entry *entry,
                                  bool delivered, enum notice_reason reason, unsigned steps);

#endif
