/*
 * neutral.h - texts that give nobody away (inside the room)
 *
 * Two kinds of people are in danger of who else reads their phone (DESIGN section 8). A
 * resident marked `neutral` (store/safe.h) reads `texts.neutral` of whatever campaign, or the
 * configured defaults.neutral_text, with the neutral signature: a line that is the same for
 * everybody and says nothing of the matter. Where there is none, and in promotions, she is not
 * sent to: a person calls.
 *
 * And the texts of a `sensitive` campaign name nobody; what a lock screen shows of them, their
 * first NEUTRAL_SHOWN characters (the signature not counted: it may stand behind), hold neither
 * the title nor anything of the list.
 */
#ifndef OUTREACH_NEUTRAL_H
#define OUTREACH_NEUTRAL_H

#include "campaign_names.h"

struct form_leaf;
struct neutral; /* those of one campaign */
struct tree;

#define NEUTRAL_TEXT "neutral" /* the member of texts */
#define NEUTRAL_SHOWN 20

/* Keeps a text.neutral of s's campaign, compiled as t. -1 with err where it is too long. */
int neutral_add(struct neutral **all, const struct scope *s, const struct form_leaf *leaf,
                const struct template *t, struct error *err);
void neutral_free(struct neutral *all); /* NULL is fine */

/* The text for a channel and a language; NULL: there is none. */
const char *neutral_find(const struct neutral *all, const struct campaign *c, const char *channel,
                         const char *language);

/* Whether a text of a sensitive campaign, just compiled as t, may stand: s->uses_name is its
 * own. -1 with err. */
int neutral_check(const struct scope *s, const struct tree *node, const struct template *t,
                  struct error *err);

/* Whether a provider may be given the value of that name for a sensitive campaign: where its
 * template shows it is not known. -1 with err. */
int neutral_check_param(const struct tree *node, const char *name, size_t n, struct error *err);

#endif
