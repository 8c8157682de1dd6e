/*
 * phone.h - a number as people write it, into the one form we keep: E.164
 *
 * libphonenumber decides. This is the C side of a thin C++ shim; nothing is
 * thrown through it. Numbers come from spreadsheets: blanks, dashes, brackets,
 * full-width digits, the apostrophe that keeps Excel's hands off, 0086 and +86,
 * and 13851400001.0 are read; what Excel has destroyed is told apart from what
 * was mistyped, since the organizer must do something else about it.
 *
 * Only what can receive a text is taken: mobile numbers, and in countries where
 * the number does not show what it is, those too.
 *
 * One thread at a time. The first call loads the tables (some milliseconds).
 */
#ifndef OUTREACH_PHONE_H
#define OUTREACH_PHONE_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PHONE_BYTES 20 /* '+', 15 digits (some countries have 17), NUL */

enum phone_fault {
    PHONE_OK,
    PHONE_EMPTY,
    PHONE_NOT_A_NUMBER, /* letters, or nothing like a number */
    PHONE_DESTROYED,    /* 1.38514E+10 */
    PHONE_SEVERAL,      /* two numbers in one cell */
    PHONE_TOO_SHORT,
    PHONE_TOO_LONG,
    PHONE_LANDLINE,
    PHONE_SERVICE, /* free, premium, shared-cost, VoIP, pager … */
    PHONE_INVALID, /* of the right length, but nobody has such a number */
};

/* Reads n bytes as a number that, without a country code, is one of country
 * (ISO 3166, "CN"). Returns 0 with "+8613851400001" in out, or -1 with an empty
 * string there and the reason in *fault (may be NULL). */
int phone_normalize(const char *raw, size_t n, const char *country, char out[PHONE_BYTES],
                    enum phone_fault *fault);

/* Whether there are rules for such a country. */
bool phone_country_known(const char *country);

/* A fault's name for programs: "too-short". */
const char *phone_fault_name(enum phone_fault fault);

/* What is wrong and what to do, in the reader's language. */
const char *phone_fault_text(enum phone_fault fault);

#ifdef __cplusplus
}
#endif
#endif
