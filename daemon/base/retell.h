/*
 * retell.h - a finished English sentence in the person's language
 *
 * What a daemon leaves in Redis for people to read is English, whoever will read
 * it: why an event was rejected, what a row lacks. The command finds the sentence
 * of the catalogue that such a text was made from and says it in Chinese with
 * what stood in its places; those may be sentences themselves. What is not found
 * stays as it is.
 */
#ifndef OUTREACH_RETELL_H
#define OUTREACH_RETELL_H

#define RETELL_BYTES 1024

/* Writes to out, cut at its end, and returns it. In English, a copy. */
const char *retell(const char *english, char out[RETELL_BYTES]);

/* The same in Chinese, whatever the language; for where a loop waits: within milliseconds, so that
 * a long text may be given up that retell() finds. */
const char *retell_in_chinese(const char *english, char out[RETELL_BYTES]);

#endif
