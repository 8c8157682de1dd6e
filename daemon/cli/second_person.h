/*
 * second_person.h - whether `queue` will ask for a second person's approval, said beforehand
 */
#ifndef OUTREACH_SECOND_PERSON_H
#define OUTREACH_SECOND_PERSON_H

#include "reading.h"

/* Which bounds the campaign is above, after its list was read, and what the second person types;
 * nothing where none is needed. cost: as reckoned, where approval_minds_cost(). */
void second_person_write(const struct cli *cli, const struct reading *r, double cost,
                         struct buf *out);

/* Names as approval_name() gives, a list: empty where none is needed. A new reference. */
json_t *second_person_json(const struct cli *cli, const struct reading *r, double cost);

#endif
