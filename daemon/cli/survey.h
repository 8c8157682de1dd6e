/*
 * survey.h - what an organizer wants to know of a list before it is queued
 *
 * Every row passes through here once, on its way to nowhere (`check`) or to
 * Redis (`queue`): which text it would get, how it looks for the first of its
 * kind, what the longest costs, and a digest of all rows, so that a changed list
 * is another campaign.
 */
#ifndef OUTREACH_SURVEY_H
#define OUTREACH_SURVEY_H

#include "audience.h"
#include "encoding.h"
#include "settings.h"

#include <jansson.h>

struct survey; /* opaque */

#define SURVEY_DIGEST_BYTES 65 /* SHA-256 in hex, and the NUL */
#define SURVEY_TEXTS 256       /* distinct texts that are looked at */

/* One text: of some reminders, a channel, a language. */
struct survey_text {
    const struct campaign_text *text;
    const char *channel, *language;
    uint32_t reminders;       /* bit r: reminder r uses it */
    unsigned long recipients; /* who would get it, in each of them */
    unsigned long holes;      /* of them: those whose text has an empty place */
    const char *hole;         /* the column */
    char *sample, *sample_to; /* as the first one's phone shows it; masked. May be NULL */
    struct text_size sample_size;
    uint32_t longest;       /* segments; 0 where they do not count */
    unsigned long too_long; /* recipients beyond the campaign's max_segments */
    unsigned long last_row; /* of ours */
};

struct survey_remark {
    unsigned long line;
    bool refused;
    char *text;
};

/* Campaign and settings are borrowed. keep: how many remarks are kept word for
 * word; all are counted. */
struct survey *survey_create(const struct campaign *c, const struct settings *settings,
                             size_t keep);
void survey_free(struct survey *s); /* NULL is fine */

void survey_row(struct survey *s, const char *row, size_t n);
void survey_remark(struct survey *s, unsigned long line, bool refused, const char *text);

/* After the last row. */
const char *survey_digest(struct survey *s); /* of SURVEY_DIGEST_BYTES */
unsigned long survey_rows(const struct survey *s);
size_t survey_texts(const struct survey *s, const struct survey_text **texts);
size_t survey_remarks(const struct survey *s, const struct survey_remark **remarks,
                      unsigned long *all);
/* Recipients whose text is longer than the campaign allows, in any reminder. */
unsigned long survey_too_long(const struct survey *s);

#endif
