/*
 * language.h - what people read, in their language
 *
 * Sentences stand in the code in English, which is also their name; po/zh_CN.po
 * has each of them in Chinese. Whoever prints a sentence for a person asks
 * language_text() for it; error_set(), error_prefix() and tree_error() do so by
 * themselves for their formats. A program that does not call language_init()
 * speaks English, and so does the daemon once it runs: its log is read by machines too.
 *
 *     printf(language_text("%s is queued already\n"), id);
 *
 * xgettext collects the sentences, msgfmt checks that the placeholders of both
 * languages agree and makes the catalogue (the .mo of GNU gettext), which is
 * part of the program, as the Lua scripts are. It is looked up here, not by
 * libintl: that translates nothing where the system has not generated the locale
 * that LANG names, and a bare Debian has C.UTF-8 alone; nor could it go through
 * the sentences, which base/retell.h does. And a format string that lies in a
 * file of its own may be another version's.
 *
 * scripts/catalogue brings po/zh_CN.po up to date and finds what is missing in it.
 */
#ifndef OUTREACH_LANGUAGE_H
#define OUTREACH_LANGUAGE_H

#include <stdbool.h>
#include <stddef.h>

/* Marks a sentence that a table holds and language_text() is asked for later. */
#define N_(english) (english)

/* The same, as the key that language_in() takes. */
#define NC_(context, english) context "\004" english

/* Chinese where the first of LC_ALL, LC_MESSAGES and LANG that is set begins
 * with "zh", else English. */
void language_init(void);
void language_set_chinese(bool chinese);
bool language_chinese(void);

/* "zh" or "en" */
const char *language_name(void);

/* The sentence in the person's language, or itself where it has no translation.
 * Lives for ever. */
const char *language_text(const char *english) __attribute__((format_arg(1)));

/* The Chinese of it, whatever the language. */
const char *language_in_chinese(const char *english) __attribute__((format_arg(1)));

/* The same for a sentence that has another translation elsewhere: "CONTEXT\004ENGLISH" and
 * ENGLISH. */
const char *language_in(const char *key, const char *english) __attribute__((format_arg(2)));

/* What errno means, as strerror() says it, in the person's language for what people meet. */
const char *language_errno(int error);

/* The catalogue, whatever the language: the i-th sentence and its Chinese. False behind the last.
 */
bool language_message(size_t i, const char **english, const char **chinese);

#endif
