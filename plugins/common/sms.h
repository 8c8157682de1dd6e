/*
 * sms.h - texts to octets and back: GSM 03.38, Latin-1, ASCII, UCS-2; cutting
 *
 * A text is encoded whole, in one alphabet, and cut greedily by character where
 * it does not fit into one part, never between an escape and its character or
 * inside a surrogate pair. GSM 03.38 goes one octet a septet, unpacked, as SMPP
 * wants it; "UCS-2" is in truth UTF-16BE.
 *
 * Sources: GSM 03.38 v5.3.0, 3GPP TS 23.038 (extension table, data coding),
 * 3GPP TS 23.040 section 9.2.3.24 (user data header).
 */
#ifndef PLUGIN_SMS_H
#define PLUGIN_SMS_H

#include "gateway_plugin.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What data_coding 0 means at this SMSC. */
enum sms_charset { SMS_CHARSET_GSM, SMS_CHARSET_LATIN1, SMS_CHARSET_ASCII };

/* How a text of several parts is sent. */
enum sms_long { SMS_LONG_UDH8, SMS_LONG_UDH16, SMS_LONG_SAR, SMS_LONG_PAYLOAD };

#define SMS_PARTS_MAX GATEWAY_MAX_IDS
#define SMS_OCTETS_MAX (SMS_PARTS_MAX * 160u)

struct sms_text {
    uint8_t data_coding;
    unsigned parts;                    /* 1..SMS_PARTS_MAX */
    uint16_t start[SMS_PARTS_MAX + 1]; /* part i is octets[start[i]] up to octets[start[i + 1]] */
    uint8_t octets[SMS_OCTETS_MAX];
};

enum sms_result { SMS_OK = 0, SMS_INVALID = -1, SMS_TOO_LONG = -2 };

/* Encodes n bytes of UTF-8. GATEWAY_GSM7 is taken at its word only if every
 * character is in the alphabets of GSM and of charset; else UCS-2 it is. In
 * charsets other than GSM the lengths are those of GSM all the same, since that
 * is what goes on air. With SMS_LONG_PAYLOAD there is one part always. Returns
 * SMS_INVALID for malformed UTF-8 and lone surrogates. */
enum sms_result sms_encode(struct sms_text *t, const char *utf8, size_t n,
                           enum gateway_encoding encoding, enum sms_charset charset,
                           enum sms_long long_text);

/* Writes the header of part number (from 1) of total; returns its octets: 6, 7
 * with SMS_LONG_UDH16, and 0 where the part has none. */
size_t sms_header(uint8_t header[7], enum sms_long long_text, uint16_t reference, unsigned total,
                  unsigned number);

/* What a concatenation header says; total is 0 for none, or for a void header. */
struct sms_concat {
    uint16_t reference;
    uint8_t total, number; /* 1 <= number <= total */
};

/* Takes a user data header off the front of *text; an element that reaches beyond
 * the header makes it void. A header longer than the text takes all of it. */
struct sms_concat sms_strip_header(const uint8_t **text, size_t *n);

/* Decodes n octets into UTF-8, out must hold 3 * n bytes; returns how many were
 * written. What cannot be read becomes U+FFFD. */
size_t sms_decode(char *out, const uint8_t *octets, size_t n, uint8_t data_coding,
                  enum sms_charset charset, bool has_header);

#endif
