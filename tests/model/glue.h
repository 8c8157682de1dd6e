/*
 * glue.h - how the model asks the daemon's own code
 *
 * Included by pan, the checker that spin makes. All bytes are in and out.
 */
#ifndef OUTREACH_MODEL_GLUE_H
#define OUTREACH_MODEL_GLUE_H

#include "ledger.h"
#include "names.h"

/* From the environment: MODEL_MUTANT (a name of glue.c), MODEL_POLICY (hold or resend),
 * MODEL_BUDGET ("deaths=2 lost=1"; what is not named does not happen). */
int glue_mutant(void);
int glue_resend(void);
unsigned char glue_budget(const char *what);

/* dispatch/outcome.c: an outcome that found another record. 1: it moves, as w_... say. */
int glue_outcome(unsigned char state, unsigned char fence, unsigned char flags,
                 unsigned char *w_state, unsigned char *w_flags, unsigned char w_fence,
                 unsigned char *retry);
/* The same, of what a death leaves. */
void glue_doubt(unsigned char *state, unsigned char *attempts, unsigned char *flags,
                unsigned char *retry);
/* inbound/receipts.c. 1: the record changes. */
int glue_receipt(unsigned char *state, unsigned char *flags, int same_fence, int arrived);

#endif
