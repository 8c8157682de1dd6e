/*
 * campaign.h - one event, its texts, its audience, its reminders
 *
 * A campaign comes as a libconfig file (an organizer's) or as the same tree in
 * JSON (any program's); one table of fields validates both. What is here is the
 * validated result with every text compiled: what cannot be understood was
 * refused with the place, and nothing after this needs to look again.
 *
 * A recipient of the campaign is a row: values in the order of `columns`, which
 * the campaign's channels, texts and rules decide (only what is used is kept).
 *
 * A campaign is immutable after it was read; free it with campaign_free().
 */
#ifndef OUTREACH_CAMPAIGN_H
#define OUTREACH_CAMPAIGN_H

#include "moment.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;
struct tree;
struct buf;
struct zone;
struct hours;
struct calendar;
struct template_value;
struct reply_rules;

enum campaign_class { CLASS_NOTICE, CLASS_PROMOTION, CLASS_PERSONAL };
enum campaign_same_phone { SAME_PHONE_FIRST, SAME_PHONE_EACH, SAME_PHONE_MERGE };
enum campaign_missed { MISSED_LATEST, MISSED_ALL, MISSED_NONE };
enum campaign_days { DAYS_UNSAID, DAYS_ANY, DAYS_WORKED }; /* on which notices leave */
enum campaign_filter {
    FILTER_NONE,
    FILTER_REGISTERED, /* by her place, store/places.h */
    FILTER_UNREGISTERED,
    FILTER_WAITING,
    FILTER_TOLD, /* by what the event's earlier reminders did, store/earlier.h */
    FILTER_UNTOLD,
    FILTER_UNDELIVERED,
};
enum campaign_doubt { DOUBT_RESEND, DOUBT_HOLD }; /* of an uncertain notice, see DESIGN 5.2 */

/* Who puts the signature where: a property of the gateway that carries it. */
enum signature_mode { SIGNATURE_NONE, SIGNATURE_PREFIX, SIGNATURE_SUFFIX, SIGNATURE_GATEWAY };

#define CAMPAIGN_MAX_REMINDERS 366 /* of all occurrences together */
#define CAMPAIGN_MAX_COLUMNS 32
#define CAMPAIGN_MAX_CHANNELS 8
#define CAMPAIGN_ID_BYTES 65 /* [a-z0-9-]{1,64} and the NUL */

/* What the configuration says where a campaign is silent (`defaults`). The time
 * zone, the country and the language must be there. */
struct campaign_defaults {
    const char *timezone, *country, *language, *currency;
    const char *hours;     /* "08:00-12:00,14:00-20:30" */
    const char *signature; /* with its brackets, or "" */
    const char *optout_line;
    const char *neutral_signature, *neutral_text; /* NULL or "": none, see neutral.h */
    const char *const *per_recipient;             /* "1/30s", "5/day"; ended by NULL */
    unsigned may_repeat; /* bits 1 << enum campaign_class: no guard against the same text from
                            another campaign within a day */
    int max_segments;
    uint32_t max_audience;
    struct {
        int64_t recipients; /* above it, and */
        double cost;        /* above it, a second person has to agree; 0: no bound */
        bool hours;         /* and outside `hours` */
    } approval;
};

struct campaign_reminder {
    const char *name; /* of a repeated event "eve-20270306", by the day it starts */
    struct moment at;
    int64_t starts_ms, ends_ms; /* of its occurrence; ends_ms: 0 when not given */
    int64_t expires_ms; /* wall clock: not sent after it. By default the event's start, its end
                           where it lasts for days, the end of its last day for slots (each of
                           which ends it for its recipient), a day after what is due later */
    enum campaign_doubt doubt;
    int priority;                /* 1 (first) .. 9; the campaign's unless the reminder says */
    const char *only;            /* as written; "" for everybody */
    enum campaign_filter filter; /* and what it means */
    const struct hours *hours;   /* the campaign's unless the reminder says; only on its days */
    bool workdays;               /* and these are the worked ones */
    uint32_t channel_mask;       /* bit k: may go by channels[k] */
};

struct campaign {
    char id[CAMPAIGN_ID_BYTES];
    const char *title;
    enum campaign_class class;
    const char *class_name;
    int64_t starts_ms, ends_ms; /* of the first occurrence; ends_ms: 0 when not given */
    bool cancelled;             /* the event does not take place */
    const struct zone *zone;
    const struct hours *hours;       /* when residents may be disturbed */
    const struct calendar *calendar; /* of its country */
    const char *language;            /* of recipients who have none of their own */
    const char *country;
    const char *signature, *optout_line; /* optout_line: NULL where the class needs none */
    const char *neutral_signature;       /* never NULL; a sensitive campaign's signature is it */
    const char *neutral_text;            /* where the texts have none; NULL or "": none */
    const char *channels[CAMPAIGN_MAX_CHANNELS];
    size_t channel_count;
    const char *columns[CAMPAIGN_MAX_COLUMNS]; /* the row's layout: an address column for each
                                                  channel first */
    size_t column_count;
    int column_language, column_slot, column_timezone; /* index, or -1 */
    int column_until, column_version, column_unasked;  /* of a built-in reminder's rows, see
                                                          builtin.h; else -1 */
    int column_text, column_texts; /* likewise: the text, and the first of those that channels
                                      behind the first have; a row that lacks one has the text */
    struct campaign_reminder *reminders;               /* reminder_count of them */
    size_t reminder_count;
    size_t occurrence_count; /* 1, unless the event repeats; each has as many reminders, and
                                those of one stand together */
    enum campaign_missed missed;
    enum campaign_same_phone same_phone;
    bool to_group; /* its audience is one row without addresses: a notice a reminder for the
                      group that a gateway reaches */
    const char *audience_file;         /* as written, the first; NULL where there is none */
    const char *audience_path;         /* where that is, of a campaign_read(); else NULL */
    const char *const *audience_files; /* all of them, as written */
    size_t audience_file_count;
    bool from_register; /* people of the register besides or instead: */
    const char *const *tags, *const *any, *const *without; /* see form.c; ended by NULL */
    double rate;               /* notices a second over all gateways; 0: no limit */
    int64_t fallback_after_ms; /* without a receipt for so long: the next channel; 0: never */
    const char *const *per_recipient; /* ended by NULL; NULL: the default */
    int max_segments;
    uint32_t max_audience; /* recipients at most */
    bool sensitive;
    const char *extension;             /* digits behind a gateway's number; NULL: none */
    const struct reply_rules *replies; /* NULL: nothing is listened for, see reply_rules.h */
    const struct tree *document;       /* what it was read from, owned by the campaign */
    struct campaign_private *own;
};

/* Validates the document and compiles its texts. Takes the document over, also
 * on failure. known_columns: names of the columns that the audience has, when
 * they are known (a CSV's header, mapped), so that an unknown {{column}} is
 * found now; NULL to take the texts' word. Errors name file, line and field. */
struct campaign *campaign_create(struct tree *document, const struct campaign_defaults *defaults,
                                 const char *const *known_columns, size_t known_count,
                                 struct error *err);

/* A campaign file; the audience file is looked for next to it. */
struct campaign *campaign_read(const char *path, const struct campaign_defaults *defaults,
                               struct error *err);

/* The same of a document that stood in the file at path, which it takes over. more: columns that
 * the audience has besides those of its files, where they are known: the register's. */
struct campaign *campaign_read_document(struct tree *document, const char *path,
                                        const struct campaign_defaults *defaults,
                                        const char *const *more, size_t more_count,
                                        struct error *err);

/* Whether a document takes people from the register. */
bool campaign_wants_register(const struct tree *document);

void campaign_free(struct campaign *c); /* NULL is fine */

/* The canonical JSON of the document, without inline recipients and with the
 * columns: what is stored, and what "the same body" means. campaign_create() on
 * it gives the same campaign. */
void campaign_write_json(const struct campaign *c, struct buf *out);

/* What a list's column of communities may be called, the first that is there; ended by NULL. */
extern const char *const campaign_communities[];

int campaign_column(const struct campaign *c, const char *name);        /* index or -1 */
int campaign_find_reminder(const struct campaign *c, const char *name); /* index or -1 */

/* ------------------------------------------------------------------- times */
/* When reminder r is due, wall clock in ms; queued_ms stands for `now`.
 * Reminders `of slot` are due when queued: each recipient has a time of her own. */
int64_t campaign_due(const struct campaign *c, size_t r, int64_t queued_ms);

/* Whether reminder r, which nobody has begun by now_ms, is to be left out by the campaign's
 * `missed`: more than CAMPAIGN_MISSED_MS have gone by since it was due and, with `latest`, a
 * later one is due as well. Reminders `now` and `of slot` are never missed. */
#define CAMPAIGN_MISSED_MS 600000
bool campaign_missed(const struct campaign *c, size_t r, int64_t now_ms);

/* The first year in which a reminder may go on work days that are not announced yet (plain weeks
 * are taken then); 0 if there is none. */
int campaign_unannounced(const struct campaign *c, int64_t queued_ms);

/* The due time of one recipient of a reminder `of slot`: slot as in the row
 * ("2027-03-05T08:40"). Returns -1 if the slot cannot be read. */
int campaign_slot_due(const struct campaign *c, size_t r, const char *slot, size_t n,
                      int64_t *due_ms, int64_t *slot_ms);

/* ------------------------------------------------------------------- texts */
struct campaign_text; /* one compiled text: of a reminder, a channel, a language */

/* The text of reminder r for a channel and a language (n bytes, "" for the
 * campaign's). A text in the recipient's language goes before one in the
 * campaign's, then the reminder's own before the campaign's, then the channel's
 * before the general. Never NULL for a channel of the campaign. Cheap enough to
 * call for every notice. */
const struct campaign_text *campaign_text(const struct campaign *c, size_t r, const char *channel,
                                          const char *language, size_t n);

/* Writes what the phone shows to out: signature, text, opt-out line. row are the
 * values of one recipient (column_count of them). Returns the length; or -1 when
 * a placeholder is empty and has no default, or size is too small: *empty then
 * names the column (or NULL). No allocation: called for every notice. */
int campaign_compose(const struct campaign *c, const struct campaign_text *text,
                     const struct template_value *row, enum signature_mode mode, char *out,
                     size_t size, const char **empty);

/* What the phone of a resident shows who is to have a neutral text only (neutral.h): as
 * campaign_compose(), and -1 where there is no such text, or none for the campaign's class. */
int campaign_compose_neutral(const struct campaign *c, const char *channel, const char *language,
                             enum signature_mode mode, char *out, size_t size);

/* What a machine says to who wrote back, for the built-in reminder `answers`. */
enum campaign_special {
    SPECIAL_CONFIRMATION, /* she has a place */
    SPECIAL_WAITING,      /* she waits for one */
    SPECIAL_FULL,
    SPECIAL_WITHDRAWN, /* she has given it back */
    SPECIAL_CLOSED,    /* too late */
    SPECIAL_ANSWERED,  /* her answer was counted; said only where it is written */
    SPECIAL_OPTOUT,    /* she gets no more; where it is written, or replies are listened for */
    SPECIAL_COUNT
};

/* As campaign_text(), for one of these: NULL where the campaign does not say it. Of a
 * repeated event the first occurrence is meant. */
const struct campaign_text *campaign_special_text(const struct campaign *c,
                                                  enum campaign_special what, const char *channel,
                                                  const char *language, size_t n);

/* What a provider's approved template is filled with, where the campaign names one. */
struct campaign_template; /* of a reminder, a gateway, a language */

/* The template of reminder r for a gateway and a language, or NULL if the campaign names
 * none: chosen as campaign_text() chooses, a reminder's own before the campaign's. */
const struct campaign_template *campaign_template(const struct campaign *c, size_t r,
                                                  const char *gateway, const char *language,
                                                  size_t n);

const char *campaign_template_code(const struct campaign_template *t);
const char *campaign_template_signature(const struct campaign_template *t); /* or NULL */
size_t campaign_template_params(const struct campaign_template *t);

/* Writes the value of parameter i for one row to out (no NUL), its name to *name. Returns
 * the length; or -1 as campaign_compose() does. */
int campaign_template_param(const struct campaign *c, const struct campaign_template *t, size_t i,
                            const struct template_value *row, char *out, size_t size,
                            const char **name, const char **empty);

/* The language of that text ("zh"). */
const char *campaign_text_language(const struct campaign_text *text);

/* -------------------------------------------------------------------- rows */
/* The values of a stored row into values[column_count]; missing ones are empty.
 * They point into bytes. Returns -1 if there are more values than columns. */
int campaign_row_split(const struct campaign *c, const char *bytes, size_t n,
                       struct template_value *values);

#endif
