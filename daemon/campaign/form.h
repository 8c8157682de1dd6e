/*
 * form.h - a campaign's document, read by its table of fields
 *
 * The first half of reading a campaign: every member has its place and kind, what
 * is unknown or malformed was refused with file, line and path. What the members
 * mean together (times, texts, columns) is campaign.c's half. What only a later
 * feature uses is checked for its kind, and stays in the document.
 */
#ifndef OUTREACH_FORM_H
#define OUTREACH_FORM_H

#include "campaign.h"
#include "field.h"

extern const char *const form_class_names[]; /* of enum campaign_class; ended by NULL */
#define FORM_EXTENSION_DIGITS 6
#define FORM_MAX_REMINDERS 32 /* as written; each occurrence of a repeated event has all */

struct form_reminder {
    const char *name, *at, *expires, *only, *hours;
    const struct tree *texts, *templates;
    struct field_strings channels;
    int days;         /* enum campaign_days; DAYS_UNSAID: the campaign's */
    int doubt;        /* enum campaign_doubt */
    int64_t priority; /* 0: the campaign's */
};

struct form {
    const char *id;
    int class, missed, days; /* their enums */
    const struct tree *title;
    struct {
        const char *starts, *ends, *timezone, *repeat;
        struct field_strings except; /* days that the rule would have, */
        struct field_strings moved;  /* and those that have another start */
        bool cancelled;
        const struct tree *venue, *address, *url, *contact; /* a string, or one per language */
    } event;
    const struct tree *vars;
    struct {
        struct field_strings files; /* `file`, one or several */
        const char *sheet;
        struct field_strings tags, any, without; /* of the register of residents */
        bool everyone;                           /* in it */
        bool group;                              /* no people: the groups behind the channels */
        int same_phone;                          /* its enum */
        const struct tree *columns, *recipients;
        const char *digest; /* SHA-256 of the rows that were loaded, in hex, */
        int64_t rows;       /* and how many they are */
    } audience;
    struct field_strings channels, columns;
    const struct tree *texts, *templates, *answer_templates;
    struct field_groups reminders;
    const char *hours, *signature, *language, *country, *expires;
    const struct tree *optout_line;
    struct field_strings per_recipient;
    double rate; /* a second; 0: no limit */
    int64_t priority, max_segments;
    bool sensitive;
    struct {
        const char *hours;
        const struct tree *templates;
    } corrections;
    const char *extension;
    struct {
        const char *word, *cancel_word, *until;
        int64_t capacity, waiting; /* capacity 0: no end to it */
    } registration;
    struct {
        struct field_strings words;
        const char *until;
        int counts; /* 0: the last answer, 1: the first */
    } answers;
    const struct tree *approval, *alerts;
    int64_t fallback_after_ms;
};

/* Reads document into form (zeroed), whose strings live in both. */
int form_read(const struct tree *document, struct form *form, struct arena *arena,
              struct error *err);

/* Whether its audience, or a part of it, comes from the register of residents. */
bool form_from_register(const struct form *form);

/* The table of all fields, for the manual page. */
const struct field *form_table(void);

/* "zh", "zh-TW": what may name a language in a document. */
bool form_is_language(const char *name);

/* The usual channel that is nearly called so, and not quite; or NULL. */
const char *form_meant_channel(const char *name);

/* The string of value for a language: of an object of languages its own, its
 * main language's ("zh" for "zh-TW"), otherwise's or the first; a string is the
 * same for all. NULL where value is NULL. */
const char *form_localized(const struct tree *value, const char *language, const char *otherwise);

/* The special members of texts: "moved", "cancelled", ... */
bool form_is_special_text(const char *name);

/* One text as it stands in a document. */
struct form_leaf {
    const struct tree *node; /* a string */
    const char *language;    /* NULL: written without one, for the campaign's */
    const char *channel;     /* NULL: for all channels */
    const char *special;     /* "moved", ...; NULL: what reminders say */
};
typedef int form_leaf_fn(void *arg, const struct form_leaf *leaf, struct error *err);

/* Runs fn for every text below texts: a string; or an object of languages,
 * channels (again a string or languages) and special texts (which may have
 * channels below them). Stops at the first -1; refuses what is none of these. */
int form_leaves(const struct tree *texts, const struct field_strings *channels, form_leaf_fn *fn,
                void *arg, struct error *err);

#endif
