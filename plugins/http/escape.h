/*
 * escape.h - a value as it must be written in the place where it stands
 *
 * Every function appends n bytes of UTF-8 from s to out. Where the form is made
 * of characters (JSON, XML, UTF-16), invalid UTF-8 becomes U+FFFD.
 */
#ifndef HTTP_ESCAPE_H
#define HTTP_ESCAPE_H

#include "bytes.h"

#include <stdint.h>

typedef void escape_fn(struct bytes *out, const char *s, size_t n);

/* Percent-encoding: all but the unreserved characters of RFC 3986 section 2.3.
 * '+' becomes %2B and a space %20. */
escape_fn escape_url;

/* application/x-www-form-urlencoded as the WHATWG URL Standard serialises it:
 * a space becomes '+', all but letters, digits and *-._ is percent-encoded. */
escape_fn escape_form;

/* What stands between the quotes of a JSON string (RFC 8259 section 7). */
escape_fn escape_json;

/* Character data and attribute values of XML 1.0. Characters that XML cannot
 * hold at all (most controls) become U+FFFD. */
escape_fn escape_xml;

/* UTF-16BE in upper-case hexadecimal, surrogate pairs above U+FFFF: what
 * gateways ask for that take "unicode" texts. */
escape_fn escape_hex;

/* RFC 4648 section 4, padded; for "Authorization: Basic {{secret:base64}}". */
escape_fn escape_base64;

/* As it is. */
escape_fn escape_none;

/* As it is but for control bytes, which are dropped: nothing can begin a header
 * line of its own. */
escape_fn escape_line;

/* As it is but for bytes that no URL may hold, which are percent-encoded;
 * '%' and the reserved characters stay. For what is a piece of URL already. */
escape_fn escape_legal_url;

/* As it is, with invalid UTF-8 replaced by U+FFFD. */
escape_fn escape_clean;

/* The character at s (n > 0 bytes there) into *code, U+FFFD where the bytes are
 * no UTF-8. Returns how many bytes it took, at least 1. */
size_t escape_next(const char *s, size_t n, uint32_t *code);

/* Appends one character as UTF-8. */
void escape_put_utf8(struct bytes *out, uint32_t code);

/* Appends what the URL-encoded form stands for ('+' is a space); a '%' without
 * two digits behind it stays as it is. */
void escape_decode_form(struct bytes *out, const char *s, size_t n);

#endif
