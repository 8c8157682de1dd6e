/*
 * error.h - what a person must read when something failed
 *
 * A function that can fail returns 0 or -1, a pointer or NULL. Where the reason
 * is for a person, it takes a struct error and fills it where the facts are
 * known: file, line, row, field and what to do about it. Callers higher up may
 * put a word in front with error_prefix(), and never swallow it.
 *
 * Formats stand in English; what they say is in the person's language
 * (base/language.h). A %s that is a sentence too goes through language_text().
 */
#ifndef OUTREACH_ERROR_H
#define OUTREACH_ERROR_H

struct error {
    char text[1024];
};

/* Sets the text (cut at the buffer's end, on a character boundary); err may be
 * NULL. Always returns -1, so that `return error_set(...)` reads well. */
int error_set(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Puts "PREFIX: " in front of what is there. Always returns -1. */
int error_prefix(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
