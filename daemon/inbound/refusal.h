/*
 * refusal.h - does a reply say no?
 *
 * sms-encoding.md section 7: without spaces, and without punctuation around it,
 * full-width letters made half-width, case folded. Single letters count only as
 * the whole reply. When in doubt it is a refusal: a person can put that right.
 */
#ifndef OUTREACH_REFUSAL_H
#define OUTREACH_REFUSAL_H

#include <stdbool.h>
#include <stddef.h>

bool refusal_says_no(const char *text, size_t n);

#endif
