/*
 * gb18030.h - replies in GB18030, by the C library
 */
#ifndef CMPP_GB18030_H
#define CMPP_GB18030_H

#include <iconv.h>
#include <stdint.h>
#include <stddef.h>

#define GB18030_NONE ((iconv_t)-1)

/* Opens the converter, which reads a file when it is the first; GB18030_NONE if there is none. */
iconv_t gb18030_open(void);

/* Decodes n octets into UTF-8, out must hold 3 * n bytes; returns how many were written. What
 * cannot be read becomes U+FFFD. */
size_t gb18030_decode(iconv_t converter, char *out, const uint8_t *octets, size_t n);

#endif
