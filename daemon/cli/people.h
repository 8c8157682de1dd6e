/*
 * people.h - a file of people for the register
 *
 * Read as a campaign's list is, row by row, with the same remarks: the columns are all that the
 * file has, but for what has no place in a register (a slot belongs to an event, an identity card
 * to nobody's text). What stands under 标签 is tags; 社区 and 类别 are a column and tags.
 */
#ifndef OUTREACH_PEOPLE_H
#define OUTREACH_PEOPLE_H

#include "audience.h"
#include "cli.h"
#include "residents.h"

struct people; /* opaque */

/* mapping: "NAME=HEADING" each. first: as same_phone. NULL with err: the file cannot be read, or
 * nobody in it can be reached. */
struct people *people_open(const struct cli *cli, const char *path, const char *sheet,
                           const struct option_strings *mapping, bool first, struct error *err);
void people_free(struct people *p); /* NULL is fine */

/* What it is read as: its columns are the file's, channels first. */
const struct campaign *people_campaign(const struct people *p);
bool people_is_tags(const struct people *p, size_t column); /* its values are tags, */
bool people_keeps(const struct people *p, size_t column);   /* it is a column of the register */
const char *people_left_out(const struct people *p);        /* "身份证号, 时段", or "" */

/* Reads it all, through the sink. -1 with err. */
int people_read(const struct people *p, const struct audience_sink *sink,
                struct audience_report *report, struct error *err);

/* The address by which the one of a row is known. */
#define PEOPLE_ADDRESS_BYTES 300
void people_address(const struct people *p, const struct template_value *values,
                    char out[PEOPLE_ADDRESS_BYTES]);

#endif
