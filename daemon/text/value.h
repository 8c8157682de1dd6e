/*
 * value.h - what a column may put into a text
 *
 * A value comes from a spreadsheet or a stranger and ends on a phone under
 * somebody's signature. So it may not hold what pretends to be a signature, what
 * turns the direction of the text around, what breaks lines, or a link. It is
 * cleaned and checked once, at import, where the row can still be named.
 */
#ifndef OUTREACH_VALUE_H
#define OUTREACH_VALUE_H

#include <stddef.h>

enum text_value_fault {
    TEXT_VALUE_OK,
    TEXT_VALUE_NOT_UTF8,
    TEXT_VALUE_BRACKET, /* 【 or 】: the mark of a signature */
    TEXT_VALUE_LINE_BREAK,
    TEXT_VALUE_CONTROL, /* any other control character, the tab too */
    TEXT_VALUE_BIDI,    /* marks that turn the direction of the text */
    TEXT_VALUE_LINK,    /* ://, www., or a host and a path */
};

enum { TEXT_VALUE_MAY_LINK = 1 };

/* Takes off, in place, what nobody sees and nobody typed: blanks of any width at
 * both ends, byte order marks, zero-width spaces, soft hyphens. Joiners stay:
 * emoji and Uyghur need them. Returns the new length. */
size_t text_value_clean(char *s, size_t n);

/* Looks for the first character that may not be there and stores its offset in
 * bytes. may is 0 or TEXT_VALUE_MAY_LINK. An empty value is fine. */
enum text_value_fault text_value_check(const char *s, size_t n, unsigned may, size_t *offset);

/* What is wrong and what to do, in the reader's language. */
const char *text_value_fault_text(enum text_value_fault fault);

#endif
