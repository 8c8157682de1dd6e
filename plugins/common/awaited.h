/*
 * awaited.h - accepted messages whose receipts have not come yet
 *
 * A provider that pushes receipts stops trying after some minutes of an outage, and then
 * they are only to be had by asking. So what was accepted is remembered until its receipt is
 * stored, and is asked about after a while, then after twice that, and so on for three days:
 * those are the phones that are switched off, and the receipts that were lost. At most five
 * questions are open at a time, and five begin in a second.
 *
 * It is memory: what a daemon forgets that ends its next life is told of by the host (the
 * plugin's owed()). A full list forgets the oldest first.
 */
#ifndef PLUGIN_AWAITED_H
#define PLUGIN_AWAITED_H

#include "gateway_plugin.h"

#define AWAITED_MOST 50000
#define AWAITED_ID_BYTES 64
#define AWAITED_NUMBER_BYTES 24

struct awaited; /* opaque */

struct awaited_one {
    char id[AWAITED_ID_BYTES + 1];     /* NUL-terminated */
    char number[AWAITED_NUMBER_BYTES]; /* as it was given to awaited_add() */
    int64_t since_ms;                  /* wall clock of its acceptance */
};

/* Asks the provider about one; awaited_answered() says that the question is over. */
typedef void awaited_ask_fn(void *owner, const struct awaited_one *one);

/* first_ms is until the first question; 0: nothing is remembered or asked, and NULL comes
 * back, which all calls take. */
struct awaited *awaited_create(const struct gateway_host *host, struct gateway *gw,
                               int64_t first_ms, awaited_ask_fn *ask, void *owner);
void awaited_free(struct awaited *a);

/* id has 1 to 64 bytes; one that is there already begins anew. */
void awaited_add(struct awaited *a, const char *id, size_t n, const char *number);
/* One that was accepted at since_ms, in an earlier life: asked about at once where it is older
 * than first_ms. One that is there already stays as it is. */
void awaited_resume(struct awaited *a, const char *id, size_t n, const char *number,
                    int64_t since_ms);
void awaited_remove(struct awaited *a, const char *id, size_t n);
void awaited_answered(struct awaited *a);

#endif
