/*
 * remark.h - what is said about a list and its rows, in the reader's language
 *
 * One table of sentences. The language is the reader's (base/language.h), not the
 * recipient's. A sentence says what is wrong and what to do.
 */
#ifndef OUTREACH_REMARK_H
#define OUTREACH_REMARK_H

#include <stddef.h>

struct error;

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
    REMARK_SECOND_PHONES, /* heading, the heading that is used */
    REMARK_KNOWN,
    REMARK_IN_LIST,  /* list, remark */
    REMARK_OF_LIST,  /* remark, list */
    REMARK_REGISTER, /* what the register is called as a list */
    /* of the whole file: what remark_error() says */
    LIST_XLS,          /* path */
    LIST_NO_FILE,      /* path */
    LIST_EMPTY,        /* path */
    LIST_HEADER,       /* path, row, what is wrong */
    LIST_NO_HEADER,    /* path, row */
    LIST_NO_PHONES,    /* path, headings, channel */
    LIST_NO_ADDRESS,   /* path, channel, headings, channel */
    LIST_LATE_ADDRESS, /* path, channel, headings */
    LIST_NO_COLUMN,    /* what was named, LIST_NEAREST or "", headings */
    LIST_NEAREST,      /* heading */
    LIST_TOO_MANY,     /* row, most */
    LIST_BOOK_DAMAGED, /* path, part, what is wrong */
    LIST_NO_BOOK,      /* path */
    LIST_NO_SHEET,     /* path, name, sheets */
    LIST_WHICH_SHEET,  /* path, sheets, one of them */
};

#define REMARK_BYTES 512

/* The sentence, in the order of arguments that the enum tells; numbers are
 * unsigned long, the rest strings. Cut at REMARK_BYTES. Returns out. */
const char *remark_write(char out[REMARK_BYTES], enum remark remark, ...);

/* The sentence about a file into err, in the reader's language. Always -1. */
int remark_error(struct error *err, enum remark remark, ...);

#endif
