/*
 * preview.h - what an organizer wants to know of a list before it is queued
 *
 * Every row passes through here once, on its way to nowhere (`check`) or to
 * Redis (`queue`): which text it would get, how it looks for the first of its
 * kind, what the longest costs, and a digest of all rows, so that a changed list
 * is another campaign.
 */
#ifndef OUTREACH_PREVIEW_H
#define OUTREACH_PREVIEW_H

#include "audience.h"
#include "encoding.h"
#include "settings.h"

#include <jansson.h>

struct preview; /* opaque */

#define PREVIEW_DIGEST_BYTES 65 /* SHA-256 in hex, and the NUL */
#define PREVIEW_TEXTS 256       /* distinct texts that are looked at */

/* One text: of some reminders, a channel, a language. */
struct preview_text {
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

struct preview_remark {
    unsigned long line;
    bool refused;
    char *text;
};

/* Campaign and settings are borrowed. keep: how many remarks are kept word for
 * word; all are counted. */
struct preview *preview_create(const struct campaign *c, const struct settings *settings,
                               size_t keep);
void preview_free(struct preview *s); /* NULL is fine */

void preview_row(struct preview *s, const char *row, size_t n);
void preview_remark(struct preview *s, unsigned long line, bool refused, const char *text);

/* After the last row. */
const char *preview_digest(struct preview *s); /* of PREVIEW_DIGEST_BYTES */
unsigned long preview_rows(const struct preview *s);
size_t preview_texts(const struct preview *s, const struct preview_text **texts);
size_t preview_remarks(const struct preview *s, const struct preview_remark **remarks,
                       unsigned long *all);
/* Recipients whose text is longer than the campaign allows, in any reminder. */
unsigned long preview_too_long(const struct preview *s);

#endif
