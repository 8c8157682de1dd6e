/*
 * campaign_text.h - compiling a campaign's texts (inside the room)
 *
 * What is outside of it calls campaign_text() and campaign_compose(), which are
 * in campaign.h.
 */
#ifndef OUTREACH_CAMPAIGN_TEXT_H
#define OUTREACH_CAMPAIGN_TEXT_H

#include "campaign_names.h"

#include <stdbool.h>
#include <stddef.h>

struct arena;
struct campaign;
struct campaign_defaults;
struct error;
struct form;
struct texts;
struct tree;

/* What is known of the columns of the audience. */
struct text_columns {
    const char *const *names;   /* NULL: nothing, the texts' word is taken */
    const char *const *written; /* as the people's file has them; NULL: as names */
    size_t count;
    bool complete; /* a name with a default must be there too: a file's header; not so a
                      program's few recipients, who may all lack a name */
};

/* Compiles every text of the form. Sets the campaign's language, title, opt-out
 * line and columns; wants its id, class, times, zone, channels, signature and
 * reminders. Returns what texts_free() takes, or NULL. */
struct texts *texts_compile(struct campaign *c, const struct form *form,
                            const struct text_columns *known, const char *default_language,
                            const char *default_optout, struct arena *arena, struct error *err);
void texts_free(struct texts *t); /* NULL is fine */

/* Of a campaign. */
struct texts *campaign_texts(const struct campaign *c);
const struct form *campaign_form(const struct campaign *c);

/* campaign_create() of a correction: {{was.…}} is was's event. */
struct campaign *campaign_create_after(struct tree *document, const struct campaign *was,
                                       const struct campaign_defaults *defaults, struct error *err);
const struct campaign *campaign_was(const struct campaign *c); /* while it is created, or NULL */

/* Whether a row needs a slot: a text says its time, or a reminder is due by it. */
bool texts_need_slot(const struct texts *t);

/* What the texts say about a row, for all its reminders and channels. Cheap: only
 * rows that are long or have holes are looked at more closely. */
enum texts_verdict {
    TEXTS_FINE,
    TEXTS_DEARER,   /* a value of column takes the text out of the GSM alphabet */
    TEXTS_HOLE,     /* column is empty, and reminder's text has no default for it */
    TEXTS_TOO_LONG, /* reminder's text would have so many segments */
};

struct texts_trouble {
    const char *column, *reminder;
    unsigned segments;
};

struct template_value;
enum texts_verdict texts_check_row(const struct campaign *c, const struct template_value *row,
                                   struct texts_trouble *trouble);

/* The row's values, and behind them the parts of its slot in the words of a language. An
 * unreadable slot leaves them empty. */
void texts_add_slot(const struct campaign *c, const char *language,
                    const struct template_value *row, struct template_value values[VALUES],
                    char words[SLOT_PARTS][WHEN_BYTES]);

/* How many languages there are texts in. */
size_t texts_language_count(const struct texts *t);
const char *texts_language(const struct texts *t, size_t i);

#endif
