/*
 * encoding.h - what a text costs on the air, and where it is cut
 *
 * GSM 03.38: a text goes out as septets if every character is in the default
 * alphabet or its extension (which counts two), else the whole of it as
 * UTF-16BE. A part holds 160 septets or 70 units; of a text in several parts
 * each holds 153 or 67, the rest is the concatenation header (8-bit reference,
 * or SAR TLVs, which the operator turns into one). Parts are filled greedily,
 * and an escape is never cut from its character nor a surrogate pair in two:
 * so the number of parts is not a division.
 *
 * Operators in mainland China bill UTF-16 units by 70 and 67 whatever the
 * alphabet: 71 letters are two billed segments and yet one part of septets.
 *
 * Text is taken as given: nothing is normalised, replaced or dropped. All
 * texts are UTF-8; invalid UTF-8 is an error everywhere.
 */
#ifndef OUTREACH_ENCODING_H
#define OUTREACH_ENCODING_H

#include <stddef.h>
#include <stdint.h>

/* Numbers as in enum gateway_encoding. */
enum text_encoding { TEXT_GSM7, TEXT_UCS2 };

enum text_billing {
    TEXT_BILL_GSM,   /* 160/153 septets, 70/67 units */
    TEXT_BILL_UNITS, /* mainland China: 70/67 UTF-16 units whatever the alphabet */
};

#define TEXT_MAX_PARTS 255 /* one octet counts them in the header */

struct text_size {
    enum text_encoding encoding; /* on the wire */
    uint32_t units;              /* as billed: septets, or UTF-16 units */
    uint32_t segments;           /* as billed, by greedy cutting; 0 for an empty text */
    uint32_t parts;              /* on the wire; differs from segments only with TEXT_BILL_UNITS */
};

/* Measures n bytes in one pass, without allocating; only a text of several
 * segments is walked again. Returns 0, or -1 if it is not valid UTF-8. */
int text_measure(const char *utf8, size_t n, enum text_billing billing, struct text_size *out);

struct text_part {
    size_t offset, length; /* bytes of the UTF-8 text */
    uint32_t units;        /* septets or UTF-16 units, header not counted */
};

/* Cuts a text into the parts that go out in that encoding, at most max of them
 * (max > 0). Returns how many (0 for an empty text), or -1 if it is not valid
 * UTF-8, needs more than max, or is TEXT_GSM7 and cannot be. */
int text_cut(const char *utf8, size_t n, enum text_encoding encoding, struct text_part *parts,
             size_t max);

/* Writes the text as septets, one an octet, unpacked, as SMPP carries them; an
 * extended character as 0x1b and its code. Returns how many, or -1 if a
 * character is not in the alphabet or they are more than size. */
long text_encode_gsm7(const char *utf8, size_t n, uint8_t *out, size_t size);

/* Writes the text as UTF-16BE without a byte order mark. Returns the octets, or
 * -1 if it is not valid UTF-8 or they are more than size. */
long text_encode_ucs2(const char *utf8, size_t n, uint8_t *out, size_t size);

#define TEXT_GSM7_UTF8_MAX 3 /* bytes of UTF-8 that a septet can become */

/* Reads n unpacked septets as UTF-8 into out, which has room for
 * n * TEXT_GSM7_UTF8_MAX bytes. An unknown code after an escape is the plain
 * character of that code, as the standard says. Returns the length, or -1 with
 * an octet above 0x7f or an escape at the end: a fault of the sender. */
long text_decode_gsm7(const uint8_t *septets, size_t n, char *out);

/* The first character that keeps a text out of the GSM alphabet (why one
 * curly quote makes it three times as dear). Returns its offset and stores its
 * code; n if there is none. *code may be NULL. Invalid bytes count as one. */
size_t text_first_not_gsm(const char *utf8, size_t n, uint32_t *code);

#endif
