/*
 * masked.h - a provider's words for people, as they may stand in a log
 *
 * Providers quote the number that they refuse, and the whole request that was signed wrongly. So
 * one line is kept, and every run of seven and more digits is masked.
 */
#ifndef PLUGIN_MASKED_H
#define PLUGIN_MASKED_H

#define MASKED_BYTES 160

/* words (UTF-8, NUL-terminated) may be NULL: then NULL comes back, and so it does where
 * nothing is left. Else out. */
const char *masked_words(const char *words, char out[MASKED_BYTES]);

#endif
