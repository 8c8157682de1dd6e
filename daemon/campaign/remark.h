/*
 * remark.h - what is said about a row of a list, in English or Chinese
 *
 * One table of sentences. The language is the reader's (LC_ALL, LC_MESSAGES,
 * LANG), not the recipient's. A sentence says what is wrong and what to do.
 */
#ifndef OUTREACH_REMARK_H
#define OUTREACH_REMARK_H

#include <stddef.h>

enum remark {
    REMARK_COLUMN_FAULT,  /* column, what is wrong */
    REMARK_NO_ADDRESS,    /* channel */
    REMARK_OTHER_ADDRESS, /* channel, what is wrong */
    REMARK_LANGUAGE,      /* what stands there */
    REMARK_SLOT,          /* what stands there */
    REMARK_NO_SLOT,
    REMARK_TIMEZONE, /* what stands there */
    REMARK_NO_NAME,
    REMARK_HOLE,        /* column, reminder */
    REMARK_TOO_LONG,    /* reminder, segments, most */
    REMARK_NOT_GSM,     /* column */
    REMARK_FEWER,       /* fields, in the header */
    REMARK_MORE,        /* fields, in the header */
    REMARK_SAME_MERGED, /* row */
    REMARK_SAME_PERSON, /* row */
    REMARK_SAME_PHONE,  /* row */
    REMARK_SAME_MANY,   /* row */
    REMARK_NOT_A_ROW,
    REMARK_ROW_TOO_LONG,
    REMARK_ROW_FIELDS,
    REMARK_ROW_QUOTE,
};

#define REMARK_BYTES 512

/* "en" or "zh": what the reader's locale asks for. */
const char *remark_language(void);

/* The sentence, in the order of arguments that the enum tells; numbers are
 * unsigned long, the rest strings. Cut at REMARK_BYTES. Returns out. */
const char *remark_write(char out[REMARK_BYTES], enum remark remark, const char *language, ...);

#endif
