/*
 * at.h - lines that a modem says, told apart (3GPP TS 27.007, 27.005)
 *
 * Bytes go in, lines come out. A line that is longer than any PDU is dropped whole. The
 * prompt "> " that asks for a PDU is no line: it has no end.
 */
#ifndef MODEM_AT_H
#define MODEM_AT_H

#include "pdu.h"

#include <stdbool.h>
#include <stddef.h>

enum at_kind {
    AT_OTHER,      /* an echo, what the network's operator greets with, what we do not know */
    AT_OK,         /* final */
    AT_ERROR,      /* final, without a number */
    AT_CMS,        /* final: +CMS ERROR: number */
    AT_CME,        /* final: +CME ERROR: number */
    AT_PROMPT,     /* "> " */
    AT_SENT,       /* +CMGS: number is the reference */
    AT_STORED,     /* +CMTI, +CDSI: "memory", index */
    AT_LISTED,     /* +CMGL: index,status,...: a PDU follows; number is the status */
    AT_READ,       /* +CMGR: status,...: a PDU follows */
    AT_DIRECT,     /* +CMT, +CDS: a PDU follows */
    AT_PIN,        /* +CPIN: word */
    AT_REGISTERED, /* +CREG, +CEREG: number is the state */
    AT_SIGNAL,     /* +CSQ: number, 0..31 or 99 */
    AT_OPERATOR,   /* +COPS: word */
};

struct at_line {
    enum at_kind kind;
    long number;      /* -1 for none */
    long index;       /* 0..65535, -1 for none */
    char word[40];    /* printable, cut; "" for none */
    const char *text; /* the line, NUL-terminated, good until the next call */
    size_t length;
};

#define AT_BUFFER_BYTES 1024

struct at_reader {
    char bytes[AT_BUFFER_BYTES];
    size_t from, n;
    bool skipping; /* the rest of a line that is too long */
};

/* Takes bytes in: as many as there is room for; returns how many. Call at_next() until it
 * is false in between. */
size_t at_feed(struct at_reader *r, const char *bytes, size_t n);

/* The next line, or the prompt if it is wanted. */
bool at_next(struct at_reader *r, bool want_prompt, struct at_line *line);

#endif
