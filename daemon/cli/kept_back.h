/*
 * kept_back.h - what waits for somebody who has refused, and so will not be sent to her
 *
 * As the pump will decide when its time comes (dispatch/decide.h), by what Redis says now: who
 * takes her refusal back before then is sent it after all.
 */
#ifndef OUTREACH_KEPT_BACK_H
#define OUTREACH_KEPT_BACK_H

#include "cli.h"

struct campaign;
struct picture;
struct reminder_status;
struct record;
struct zone;

/* Does a notice wait that will be kept back from her? c: the campaign, compiled; record: of notice
 * n of that reminder, NULL before it is due. A refusal of any address of hers counts. -1 with
 * err. */
int kept_back_ask(struct cli *cli, const struct campaign *c, const struct reminder_status *reminder,
                  int64_t n, const struct record *record, bool *kept, struct error *err);

/* "she opted out on 2027-03-05 Fri 09:00", or without a time where no reply of that address says
 * when; for free(). NULL with err. */
char *kept_back_words(struct cli *cli, const char *address, const struct zone *zone,
                      struct error *err);

#endif
