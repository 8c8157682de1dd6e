/*
 * words.h - the command's names for things, in the person's language
 *
 * Sentences stand in English where they are said, and in Chinese in po/zh_CN.po
 * (base/language.h):
 *
 *     printf(T("%s is queued already\n"), id);
 *
 * Names for programs (states, events, JSON members, exit codes) are never
 * translated; where people see a state, words_state() puts it into words.
 */
#ifndef OUTREACH_WORDS_H
#define OUTREACH_WORDS_H

#include "language.h"

#include <stddef.h>

#define T(english) language_text(english)
#define TC(context, english) language_in(context "\004" english, english)

/* language_text() of a table's N_(); "" for NULL. */
const char *words_of(const char *english);

/* A state of a notice, a reminder, a campaign or a circuit, or an event of the
 * delivery log, in the person's language; a name that is not known is itself. */
const char *words_state(const char *name);

/* A state of a notice by its name or by its word ("失败"): its name, or NULL. */
const char *words_state_name(const char *asked);
/* The i-th state of a notice as people see it; NULL behind the last. */
const char *words_notice_state(size_t i);

/* Why a notice is where it is, in a sentence with what to do about it. name as
 * notice_reason_name() gives it; "" for "none", an unknown one is itself. */
const char *words_reason(const char *name);

/* Why a second person has to approve a campaign, for free(). names: as approval_text() gives. */
char *words_approval(const char *names);

/* A reminder's name: of those that every campaign has (campaign/builtin.h) in the person's
 * language, of the others as the campaign calls them. And back: the name of what a person typed,
 * asked itself for anything else (NULL too). */
const char *words_reminder(const char *name);
const char *words_reminder_name(const char *asked);

/* A class ("notice", "通知") and a channel ("sms", "短信"); an unknown one is itself. */
const char *words_class(const char *name);
const char *words_channel(const char *name);

/* "CNY" as it stands behind a sum, "元" in Chinese; a currency of others is its code. */
const char *words_currency(const char *code);

/* What is to be written in the place of "NUMBER", "[FILE|DIRECTORY]..." or "CAMPAIGN.conf":
 * those words in the person's language, in out, which is returned. */
#define WORDS_ARGUMENT_BYTES 160
const char *words_argument(char *out, const char *argument);

/* "Sat", "周六"; weekday 0 is Sunday. */
const char *words_weekday(int weekday);

#endif
