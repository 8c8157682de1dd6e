/*
 * builtin.h - the reminders that every campaign has: `answers` and `corrections`
 *
 * Messages that belong to no planned reminder are notices too. Each of these two has an
 * audience of its own (outreach:{id}:answers:audience), to which rows are appended when there
 * is something to say (store/append.h): a row carries the addresses, the language and the
 * finished text of one notice (of a channel another, where it is written), and where needed until
 * when it is worth sending.
 *
 * To the pump such a reminder is one of a campaign with that single reminder and the text
 * {{notice_text}}: it has the event's zone, channels, signature, rate and gateways, no cap per
 * recipient, and the first priority. The signature, and the opt-out line of a promotion, are
 * added at the sending as ever: a finished text has neither.
 *
 *                answers                         corrections
 *   class        personal (what a person asked   the campaign's
 *                for herself)
 *   hours        any; the campaign's for who     corrections.hours, else the campaign's
 *                did not ask for it just now
 *   in doubt     held for a person               sent once more
 */
#ifndef OUTREACH_BUILTIN_H
#define OUTREACH_BUILTIN_H

#include "campaign.h"
struct buf;

#define BUILTIN_ANSWERS "answers"
#define BUILTIN_CORRECTIONS "corrections"
#define BUILTIN_COLUMN "notice_text" /* what holds a finished text; no channel is called so */
#define BUILTIN_TEXT "{{" BUILTIN_COLUMN "}}"
#define BUILTIN_COUNT 2 /* how many more than CAMPAIGN_MAX_REMINDERS a campaign may have */

/* Is it the name of one? */
bool builtin_is(const char *reminder);

/* Is it all that a text of theirs says: what was finished before? */
bool builtin_is_text(const char *text);

/* One of it in doubt waits for a person. */
bool builtin_holds_doubt(const char *reminder);

/* The campaign whose single reminder is c's built-in one of that name, for
 * campaign_free(). Its reminders[0].expires_ms is the far end of time: what stands in Redis
 * counts. NULL with err where c's document makes none. */
struct campaign *builtin_campaign(const struct campaign *c, const char *reminder,
                                  const struct campaign_defaults *defaults, struct error *err);

/* The templates that c's document names for them. -1 with err: one is wrong. */
int builtin_check(const struct campaign *c, const struct campaign_defaults *defaults,
                  struct error *err);

/* One notice as a row of builtin_campaign()'s. */
struct builtin_notice {
    const struct template_value *person; /* her row in c: addresses, name, language, time zone */
    const char *text;                    /* without signature and opt-out line; no NUL */
    size_t length;
    const struct template_value *texts; /* by channel, where one says something else; the others,
                                           and the first, of length 0; NULL: all say text */
    uint32_t n;                         /* her number in c's audience; 0: she is not in it */
    int64_t expires_ms;                 /* 0: with the reminder */
    bool unasked;     /* of `answers`: somebody else's reply is the cause: not at night, and not
                         where she has refused */
    unsigned version; /* not sent any more once the campaign is amended beyond it; 0: whatever */
};

/* Appends the row of one of c's built-in reminders to out. Control characters but line feeds
 * become spaces. */
void builtin_row(const struct campaign *c, const struct builtin_notice *notice, struct buf *out);

/* A row of whichever reminder of c, taken apart in the order of c's columns: of a built-in
 * one's those that c has too, the others empty. Returns 0, or -1 if it is no such row. */
int builtin_split(const struct campaign *c, const char *reminder, const char *bytes, size_t n,
                  struct template_value *values);

/* Whose a row of a built-in one is: her number in c's audience; 0: she is not in it. */
uint32_t builtin_row_of(const struct campaign *c, const char *bytes, size_t n);

#endif
