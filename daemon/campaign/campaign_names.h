/*
 * campaign_names.h - what the names in {{ }} mean (inside the room)
 *
 * event.date and its like, slot.time, was.date in corrections, the campaign's vars,
 * else a column of the audience. While a campaign is read its texts are compiled twice:
 * first to find every mistake and which columns they use, then, with the columns laid
 * out, into numbers.
 */
#ifndef OUTREACH_CAMPAIGN_NAMES_H
#define OUTREACH_CAMPAIGN_NAMES_H

#include "campaign.h"
#include "template.h"
#include "when.h"

struct arena;
struct form;
struct text_columns;
struct texts;

/* The parts of a recipient's slot are columns behind the row's own. */
#define SLOT_PARTS 3
#define VALUES (CAMPAIGN_MAX_COLUMNS + SLOT_PARTS)

/* While texts are compiled: what their names may mean. */
struct scope {
    struct campaign *c;
    const struct form *form;
    struct texts *texts;
    const struct text_columns *known;
    struct arena *arena;
    const char *language; /* of the text in hand */
    const char *special;
    size_t reminder;                        /* whose text: its occurrence is the event */
    const char *used[CAMPAIGN_MAX_COLUMNS]; /* free columns, in the order of their use */
    size_t used_count;
    bool uses_name, uses_slot;
    bool laid_out; /* the columns are known: names become their numbers */
    char when[WHEN_SPAN_BYTES];
};

/* A template_resolve_fn; arg is a scope. */
int names_resolve(const char *bytes, size_t n, struct template_slot *out, void *arg,
                  struct error *err);

bool names_known(const struct text_columns *known, const char *name);

#endif
