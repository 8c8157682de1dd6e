/*
 * words.h - what people read, in their language
 *
 * The command speaks Chinese where the locale says zh, else English. Both
 * sentences stand side by side where they are said, so that nobody changes one
 * and forgets the other, and the compiler checks the formats of both:
 *
 *     printf(T("%s is queued already\n", "%s 已经在队列中\n"), id);
 *
 * Names for programs (states, events, JSON members, exit codes) are never
 * translated; where people see a state, words_state() puts it into words.
 */
#ifndef OUTREACH_WORDS_H
#define OUTREACH_WORDS_H

#include "language.h"

#include <stdbool.h>

struct words {
    const char *en, *zh;
};

#define T(english, chinese) (words_chinese() ? (chinese) : (english))

/* Looks at LC_ALL, LC_MESSAGES and LANG, the first that is set. */
void words_init(void);
void words_set_chinese(bool chinese);
bool words_chinese(void);

const char *words_of(struct words w); /* "" where there are none */

/* "zh" or "en": what lower rooms take as a language for people. */
const char *words_language(void);

/* A state of a notice, a reminder, a campaign or a circuit, or an event of the
 * delivery log, in the person's language; a name that is not known is itself. */
const char *words_state(const char *name);

/* Why a notice is where it is, in a sentence with what to do about it. name as
 * notice_reason_name() gives it; "" for "none", an unknown one is itself. */
const char *words_reason(const char *name);

/* Why a second person has to approve a campaign, for free(). names: as approval_text() gives. */
char *words_approval(const char *names);

/* "Sat", "周六"; weekday 0 is Sunday. */
const char *words_weekday(int weekday);

#endif
