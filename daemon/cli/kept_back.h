/*
 * kept_back.h - what waits for somebody and will not be sent to her: she has refused, or is
 * marked to be told by a person (safe.h), or by a neutral text only, and there is none for her
 *
 * As the pump will decide when its time comes (dispatch/decide.h, dispatch/safe.c), by what Redis
 * says now: who takes her refusal back before then, or is marked no longer, is sent it after all.
 */
#ifndef OUTREACH_KEPT_BACK_H
#define OUTREACH_KEPT_BACK_H

#include "cli.h"

struct campaign;
struct picture;
struct reminder_status;
struct record;
struct zone;

enum kept_back { KEPT_BACK_NOT, KEPT_BACK_REFUSED, KEPT_BACK_PROTECTED };

/* Does a notice wait that may be kept back? record: NULL before it is due. */
bool kept_back_waits(const struct reminder_status *reminder, const struct record *record);

/* Will notice n of that reminder be kept back from her? A refusal or a mark of any address of
 * hers counts, a refusal first. c: the campaign, compiled; record: as above. -1 with err. */
int kept_back_ask(struct cli *cli, const struct campaign *c, const char *reminder, int64_t n,
                  const struct record *record, enum kept_back *kept, struct error *err);

/* "she opted out on 2027-03-05 Fri 09:00", or without a time where no reply of that address says
 * when; or that she is protected; for free(). NULL with err. */
char *kept_back_words(struct cli *cli, enum kept_back kept, const char *address,
                      const struct zone *zone, struct error *err);

#endif
