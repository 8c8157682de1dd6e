/*
 * second_person.h - whether `queue` or `amend` will ask for a second person's approval, said
 * beforehand
 */
#ifndef OUTREACH_SECOND_PERSON_H
#define OUTREACH_SECOND_PERSON_H

#include "reading.h"

/* Which bounds the campaign is above, after its list was read, and what the second person types;
 * nothing where none is needed. cost: as reckoned, where approval_minds_cost(). */
void second_person_write(const struct cli *cli, const struct reading *r, double cost,
                         struct buf *out);

/* The same of a change that makes now of a campaign of so many recipients; needs and cost (less
 * than 0: it is not known) as for amendment_needs(), defaults as of amendment_defaults(); waits:
 * why it waits already, or 0. */
void second_person_write_change(const struct campaign *now,
                                const struct campaign_defaults *defaults, unsigned needs,
                                unsigned waits, int64_t rows, double cost, struct buf *out);

/* Of what the sum is that an amendment comes to. */
void second_person_write_whole(struct buf *out);

/* Names as approval_name() gives, a list: empty where none is needed. New references. */
json_t *second_person_json(const struct cli *cli, const struct reading *r, double cost);
json_t *second_person_names(unsigned needs);

#endif
