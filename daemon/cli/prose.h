/*
 * prose.h - sentences, in lines that fit
 *
 * The rule for every width: on a terminal nothing is wider than it is (80 columns
 * where it does not say). What is not for a terminal has no width: a line ends where
 * its sentence does, and nothing is cut. Help has 80 columns everywhere.
 *
 * Texts that stand in the code in several lines were broken there for those who read
 * the code: what of a line does not fit goes on in the next one, up to an empty or
 * indented line or one that begins with a term ("pause: ...").
 */
#ifndef OUTREACH_PROSE_H
#define OUTREACH_PROSE_H

#include "buf.h"

#include <stdio.h>

#define PROSE_COLUMNS 80

/* Puts text; what goes on in another line is indented as the first was, and by hang
 * blanks more. columns 0: as it stands. */
void prose_put(struct buf *out, const char *text, size_t columns, size_t hang);

/* Up to 4 KiB to stdout, which is a terminal of so many columns. */
void prose_print(unsigned columns, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Up to 4 KiB to stderr, folded where that is a terminal; a question needs no newline. */
void prose_tell(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* From now on what is printed to stdout is folded so, line by line, to a terminal of so
 * many columns, of which colours take none; lines that move the cursor stay as they are.
 * prose_end() prints what is left of a line without an end, and stdout is as it was.
 * width 0: nothing is folded. */
void prose_begin(unsigned width);
void prose_end(void);

#endif
