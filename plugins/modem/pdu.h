/*
 * pdu.h - TPDUs of 3GPP TS 23.040 as a modem takes and gives them in PDU mode
 *
 * Written: SMS-SUBMIT with a relative validity period. Read: SMS-DELIVER (a reply) and
 * SMS-STATUS-REPORT (a receipt). In PDU mode (3GPP TS 27.005) each is hexadecimal digits,
 * with the service centre's address before it.
 */
#ifndef MODEM_PDU_H
#define MODEM_PDU_H

#include "sms.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PDU_OCTETS_MAX (12 + 164 + 12) /* centre's address, TPDU, and a little that modems add */
#define PDU_HEX_BYTES (2 * PDU_OCTETS_MAX + 1)

/* Writes part (from 0) of t for number (E.164, '+' or not) as hex into out, with the default
 * service centre (00). valid_ms: how long it may wait at the centre; 0: as the centre likes.
 * Returns the octets of the TPDU, as AT+CMGS wants them, or 0 where the number is none. */
size_t pdu_submit(char out[PDU_HEX_BYTES], const char *number, const struct sms_text *t,
                  unsigned part, uint8_t reference, int64_t valid_ms, bool report);

/* The octet of TP-VP that lasts longest and not longer than valid_ms (5 minutes at least). */
uint8_t pdu_validity(int64_t valid_ms);

enum pdu_kind { PDU_NONE, PDU_DELIVER, PDU_REPORT };

struct pdu {
    enum pdu_kind kind;
    char number[32]; /* of the sender, or of the recipient in a report; NUL-terminated */
    int64_t sent_ms; /* centre's stamp, wall clock; 0 if it makes no sense */
    /* PDU_DELIVER */
    struct sms_concat concat;
    char text[3 * 160 + 1]; /* UTF-8, NUL-terminated */
    size_t length;
    /* PDU_REPORT */
    uint8_t reference, status; /* TP-MR, TP-ST */
    int64_t done_ms;
};

/* Reads n hex digits. Returns false, kind PDU_NONE, for what is neither of the two. */
bool pdu_read(struct pdu *p, const char *hex, size_t n);

/* GSM septets, one an octet, packed behind fill bits (0..6); returns the octets. */
size_t pdu_pack(uint8_t *out, const uint8_t *septets, size_t n, unsigned fill);
/* And back: n septets from octets that hold them. */
void pdu_unpack(uint8_t *septets, const uint8_t *octets, size_t n, unsigned fill);

#endif
