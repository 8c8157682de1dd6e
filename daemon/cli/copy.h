/*
 * copy.h - one reminder as it stood at one instant, and what the ledger makes of it
 *
 * Ledger, counters, leases and retry set are copied in one transaction, so that they can
 * be compared also while daemons send. The ledger is the truth: the others are rebuilt
 * from it (copy_repair()), by how much they were wrong in the copy, which is right for
 * what they have become meanwhile too.
 */
#ifndef OUTREACH_COPY_H
#define OUTREACH_COPY_H

#include "campaigns.h"
#include "cli.h"

struct copy {
    char id[CAMPAIGN_ID_BYTES];
    struct reminder_status counters;
    int64_t repairs;                           /* so far */
    redisReply *reply;                         /* of EXEC */
    const redisReply *ledger, *leases, *retry; /* in reply; ledger may be NULL */
};

/* 0, or -1 with an error. The copy is the caller's to free. */
int copy_reminder(struct cli *cli, const char *id, const char *reminder, struct copy *copy,
                  struct error *err);
void copy_free(struct copy *copy);

/* What was put right. */
struct copy_repairs {
    unsigned counters, ranges, retries;
    bool cursor;
};

/* Rebuilds what the copy shows to be wrong. 0; 1 when somebody else repairs it: copy again;
 * -1 with an error. The ledger must be whole. */
int copy_repair(struct cli *cli, const struct copy *copy, struct copy_repairs *done,
                struct error *err);

#endif
