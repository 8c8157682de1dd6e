/*
 * charset.h - a file in whatever encoding, as UTF-8, piece by piece
 *
 * Excel saves a CSV in GB18030 (GBK is part of it), in UTF-8 with a byte order
 * mark, or as "Unicode text", which is UTF-16. A file of a million rows is read
 * in chunks; a character that a chunk cuts in two waits for the next one. The
 * byte order mark is taken off. Bytes that are no character of the encoding are
 * an error with their place in the file, never a question mark: a wrong guess
 * must not end on a phone.
 */
#ifndef OUTREACH_CHARSET_H
#define OUTREACH_CHARSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

struct buf;

enum charset { CHARSET_UTF8, CHARSET_GB18030, CHARSET_UTF16LE, CHARSET_UTF16BE };

#define CHARSET_GUESS_BYTES 65536 /* as many as charset_guess() needs to see */

/* Guesses from the first n bytes: a byte order mark; NULs where UTF-16 has them;
 * valid UTF-8; else GB18030. more says that the file goes on, so that a
 * character may be cut at the end. A long file may still turn out otherwise
 * behind what was seen: then the reader fails, with the place. */
enum charset charset_guess(const char *bytes, size_t n, bool more);

/* "GB18030" and so on. */
const char *charset_name(enum charset charset);

/* A name as people give it, also GBK, GB2312, CP936 and UTF8, in any case.
 * Returns -1 for another. */
int charset_parse(const char *name);

struct charset_reader; /* opaque: its fields are in charset.c */

/* A reader for one file, for the caller to free with charset_close(). */
struct charset_reader *charset_open(enum charset charset);

/* NULL is fine. */
void charset_close(struct charset_reader *r);

/* Appends n more bytes of the file to out, as UTF-8 and in whole characters: at
 * most 2 n + 8 bytes, for which it must have room. Returns 0, or -1 with the
 * place in err if they are not of the encoding or out is full; what came before
 * is in out, and the reader is then good for nothing but charset_offset() and
 * charset_close(). */
int charset_feed(struct charset_reader *r, const char *bytes, size_t n, struct buf *out,
                 struct error *err);

/* The file has ended. Returns 0, or -1 if it did within a character. */
int charset_finish(struct charset_reader *r, struct error *err);

/* Bytes of the file, from its first, that are converted: after a failure, the
 * place of the first bad byte. */
uint64_t charset_offset(const struct charset_reader *r);

#endif
