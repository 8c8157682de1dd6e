/*
 * pdu.h - SMPP 3.4 protocol data units, read and written
 *
 * Reading goes through a cursor that knows what is left and turns bad at the
 * first thing that does not fit: nothing is read beyond it, and one question at
 * the end tells whether all of it was there. What is read points into the PDU.
 * Writing appends to memory that the caller made large enough (SMPP_*_MAX).
 *
 * Source: SMPP Protocol Specification v3.4, issue 1.2, sections 4 and 5.
 */
#ifndef SMPP_PDU_H
#define SMPP_PDU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trunk.h"

#define SMPP_HEADER_BYTES 16u
#define SMPP_PDU_MAX (65536u + 1024u) /* a longer one is taken for a lost frame */
#define SMPP_ID_MAX 64u               /* octets of a message id, without its NUL */

#define SMPP_RESPONSE 0x80000000u /* this bit is set in the command of a response */
#define SMPP_GENERIC_NACK 0x80000000u
#define SMPP_SUBMIT_SM 0x00000004u
#define SMPP_DELIVER_SM 0x00000005u
#define SMPP_UNBIND 0x00000006u
#define SMPP_BIND_TRANSCEIVER 0x00000009u
#define SMPP_OUTBIND 0x0000000bu
#define SMPP_ENQUIRE_LINK 0x00000015u
#define SMPP_ALERT_NOTIFICATION 0x00000102u
#define SMPP_DATA_SM 0x00000103u

#define SMPP_ESM_TYPE 0x3cu /* receipt or message? */
#define SMPP_ESM_UDH 0x40u  /* the text starts with a user data header */

/* Reads the 16 octets at p. */
struct trunk_pdu smpp_header_read(const uint8_t *p);

/* Writes a PDU of nothing but a header; returns 16. */
size_t smpp_header_write(uint8_t *p, uint32_t command, uint32_t status, uint32_t sequence);

/* ------------------------------------------------------------------ the cursor */
struct smpp_reader {
    const uint8_t *at;
    size_t left;
    bool bad; /* something did not fit; what was read since is 0 or "" */
};

uint8_t smpp_read_u8(struct smpp_reader *r);
uint16_t smpp_read_u16(struct smpp_reader *r);
const uint8_t *smpp_read_octets(struct smpp_reader *r, size_t n);

/* A C-octet string of at most max octets with its NUL. */
const char *smpp_read_cstring(struct smpp_reader *r, size_t max, size_t *length);

/* The next TLV; false at the end, and for one that is cut off (which is no fault:
 * seen in the field, the message before it counts). */
bool smpp_read_tlv(struct smpp_reader *r, uint16_t *tag, const uint8_t **value, size_t *length);

/* ------------------------------------------------------------------ what comes in */
/* A deliver_sm or data_sm. Strings are NUL-terminated and lie in the PDU. */
struct smpp_incoming {
    const char *source, *destination;
    size_t source_length, destination_length;
    uint8_t source_ton, esm_class, data_coding;
    const uint8_t *text; /* short_message, or message_payload when that is empty */
    size_t length;
    const char *receipted_id; /* TLV 001e, not NUL-terminated; length 0 for none */
    size_t receipted_id_length;
    int message_state;            /* TLV 0427; -1 for none */
    const uint8_t *network_error; /* TLV 0423, 3 octets; NULL for none */
    uint16_t sar_reference;       /* TLVs 020c 020e 020f; total is 0 when one is missing */
    uint8_t sar_total, sar_number;
};

/* Reads a body. Returns 0, or -1 if a field before the TLVs does not fit. */
int smpp_incoming_read(struct smpp_incoming *in, uint32_t command, const uint8_t *body, size_t n);

/* The message id of a submit_sm_resp, without its NUL, which may be missing;
 * length 0 for none, and for one that is longer than an id may be. */
const char *smpp_response_id(const uint8_t *body, size_t n, size_t *length);

/* ------------------------------------------------------------------ what goes out */
struct smpp_bind {
    const char *system_id, *password, *system_type, *address_range;
    uint8_t address_ton, address_npi;
};
#define SMPP_BIND_MAX 128u

/* Writes a bind_transceiver (fields within their limits: 15, 8, 12 and 40
 * octets) and returns its length. */
size_t smpp_bind_write(uint8_t *p, const struct smpp_bind *bind, uint32_t sequence);

/* The head of a submit_sm body, up to and with destination TON and NPI, is the
 * same in every message of a sender: made once, copied often. */
struct smpp_sender {
    uint8_t octets[6 + 2 + 21 + 2];
    size_t length;
};
struct smpp_ton_npi {
    uint8_t ton, npi;
};

/* Fills s. Returns -1 if service_type (5) or source (20 octets) is too long. */
int smpp_sender_make(struct smpp_sender *s, const char *service_type, const char *source,
                     struct smpp_ton_npi source_type, struct smpp_ton_npi destination_type);

struct smpp_submit {
    const struct smpp_sender *sender;
    const char *to; /* at most 20 octets */
    size_t to_length;
    const char *schedule, *validity; /* 16 octets or "" */
    uint8_t esm_class, registered_delivery, data_coding;
    uint8_t header[7]; /* user data header in front of the text */
    size_t header_length;
    const uint8_t *text;
    size_t length;                 /* with the header at most 254, or any in message_payload */
    bool payload;                  /* the text goes into TLV 0424 */
    uint8_t sar_total, sar_number; /* total 0: no SAR TLVs */
    uint16_t sar_reference;
};
#define SMPP_SUBMIT_MAX 2048u      /* what smpp_submit_write() needs, for a text of at most ... */
#define SMPP_SUBMIT_TEXT_MAX 1600u /* ... so many octets */

/* Writes a submit_sm and returns its length. */
size_t smpp_submit_write(uint8_t *p, const struct smpp_submit *s, uint32_t sequence);

/* Writes deliver_sm_resp or data_sm_resp (its message_id is always one NUL) and
 * returns its length, at most 17; a status other than 0 has no body. */
size_t smpp_incoming_answer(uint8_t *p, uint32_t command, uint32_t status, uint32_t sequence);

#endif
