/*
 * reply_rules.h - what residents may send back to a campaign
 *
 * `registration`: a word that takes a place and one that gives it back; `answers`:
 * words that are counted. Replies are compared by text/reply_words.h, so width, case
 * and spaces do not matter. A word that refuses or that calls for help cannot be asked
 * for, nor can one word mean two things: that is refused with its place in the file.
 *
 * Who has a place, who waits and what was answered stands in Redis, see store/places.h.
 */
#ifndef OUTREACH_REPLY_RULES_H
#define OUTREACH_REPLY_RULES_H

#include "campaign.h"
#include "field.h"
#include "reply_words.h"

struct form;

struct reply_rules {
    bool registers;
    const char *word, *cancel_word; /* NULL: 报名, JOIN and 取消, CANCEL alone */
    int64_t capacity;               /* 0: no end to it */
    int64_t waiting;
    int64_t until_ms; /* wall clock: no more names from then on */

    bool asks;
    struct field_strings answers;
    bool first_counts;
    int64_t answers_until_ms;

    bool optout; /* texts.optout is written: a refusal is confirmed */
};

/* Reads what the form says; wants c's zone and times. Returns 0, or -1 with err. */
int reply_rules_read(const struct campaign *c, const struct form *form, struct reply_rules *rules,
                     struct error *err);

enum reply_meaning {
    REPLY_FOR_A_PERSON, /* no word of the campaign's */
    REPLY_REGISTERS,
    REPLY_WITHDRAWS,
    REPLY_ANSWERS, /* with *answer, as the campaign writes it */
};
enum reply_meaning reply_rules_match(const struct reply_rules *rules, const struct reply_words *r,
                                     const char **answer);

#endif
