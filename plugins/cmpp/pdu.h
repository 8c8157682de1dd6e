/*
 * pdu.h - CMPP 2.0 and 3.0 protocol data units, read and written
 *
 * Integers are big-endian; an octet string has a fixed width, is filled with 0 and not
 * necessarily ended by one. Reading goes through one cursor that knows what is left and
 * turns bad at the first thing that does not fit. What is read points into the PDU, strings
 * are copied. Writing appends to memory that the caller made large enough (CMPP_*_MAX).
 *
 * Source: China Mobile, QB-GF-028-2003, CMPP V3.0.0, for 3.0 and the tables of results; for
 * the layouts of 2.0 that on which gocmpp, go_cmpp and SMSGate agree, and theirs are the
 * deviations that are taken.
 */
#ifndef CMPP_PDU_H
#define CMPP_PDU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trunk.h"

#define CMPP_HEADER_BYTES 12u
#define CMPP_PDU_MAX 4096u /* a longer one is taken for a lost frame */

#define CMPP_RESPONSE 0x80000000u /* this bit is set in the command of a response */
#define CMPP_CONNECT 0x00000001u
#define CMPP_TERMINATE 0x00000002u
#define CMPP_SUBMIT 0x00000004u
#define CMPP_DELIVER 0x00000005u
#define CMPP_ACTIVE_TEST 0x00000008u

enum cmpp_version { CMPP_V20 = 0x20, CMPP_V30 = 0x30 };

/* Reads the 12 octets at p. */
struct trunk_pdu cmpp_header_read(const uint8_t *p);

/* Writes a PDU of nothing but a header; returns 12. */
size_t cmpp_header_write(uint8_t *p, uint32_t command, uint32_t sequence);

/* ------------------------------------------------------------------ what comes in */
struct cmpp_connected {
    enum cmpp_version version; /* by the length of the body, which tells more than their word */
    uint32_t status;
    uint8_t status_octets[4]; /* as they are hashed ... */
    size_t status_length;     /* ... 1 or 4 */
    const uint8_t *authenticator;
};

/* Reads the body of a CONNECT_RESP. Returns 0, or -1 if it is neither version's. */
int cmpp_connected_read(struct cmpp_connected *c, const uint8_t *body, size_t n);

/* The result in the body of a SUBMIT_RESP of 9 or 12 octets; -1 for another length. */
int64_t cmpp_result_read(const uint8_t *body, size_t n);

/* A DELIVER: a reply, or a report (status report) on a submit. */
struct cmpp_deliver {
    const uint8_t *id; /* 8 octets: of this packet, to be repeated in the response */
    char to[22], from[33], service[11];
    uint8_t udhi, format;
    bool report;
    const uint8_t *content;
    size_t length;
};

#define CMPP_DELIVER_SHORT (-1)  /* a structure that is none */
#define CMPP_DELIVER_LENGTH (-2) /* Msg_Length reaches beyond the packet */

/* Reads a body. What stands behind the content (Reserve, LinkID) may be missing. id is NULL
 * where not even that is there. Returns 0, or one of CMPP_DELIVER_*. */
int cmpp_deliver_read(struct cmpp_deliver *d, enum cmpp_version version, const uint8_t *body,
                      size_t n);

struct cmpp_report {
    const uint8_t *id; /* 8 octets: of the submit's response */
    char stat[8];      /* "DELIVRD", without what fills it up */
    char done[11];     /* YYMMDDhhmm, or "" */
};

/* Reads the content of a report: of 60 octets, or 71, whichever the version, since gateways of
 * either send both. Returns 0, or -1 for one that is shorter. */
int cmpp_report_read(struct cmpp_report *r, const uint8_t *content, size_t n);

/* ------------------------------------------------------------------ what goes out */
/* AuthenticatorSource: MD5 of source (6 octets), nine 0, secret, and the ten digits of time. */
void cmpp_authenticator(uint8_t out[16], const char *source, const char *secret, uint32_t time);

/* AuthenticatorISMG: MD5 of the status as it came, AuthenticatorSource and the secret. */
void cmpp_authenticator_ismg(uint8_t out[16], const struct cmpp_connected *c,
                             const uint8_t source[16], const char *secret);

/* Writes a CONNECT (39 octets). time is MMDDHHMMSS as a number. */
size_t cmpp_connect_write(uint8_t *p, enum cmpp_version version, const char *source,
                          const uint8_t authenticator[16], uint32_t time, uint32_t sequence);

struct cmpp_submit {
    uint8_t level;          /* Msg_level */
    const char *service;    /* Service_Id, 10 */
    uint8_t fee_user;       /* Fee_UserType */
    const char *fee_number; /* Fee_terminal_Id, 21 or 32 */
    const char *source;     /* Msg_src: the SP_Id, 6 */
    const char *fee_type;   /* FeeType, 2 */
    const char *fee_code;   /* FeeCode, 6 */
    const char *validity;   /* ValId_Time, 16 octets or "" */
    const char *from;       /* Src_Id, 21 */
    const char *to;         /* Dest_terminal_Id, 21 or 32 */
    uint8_t total, number;  /* Pk_total, Pk_number */
    uint8_t format;         /* Msg_Fmt */
    uint8_t header[7];      /* user data header in front of the text ... */
    size_t header_length;   /* ... sets TP_udhi */
    const uint8_t *text;
    size_t length; /* with the header at most 255 */
};
#define CMPP_SUBMIT_MAX 512u /* 195 octets and a text of 255 at the most */

/* Writes a SUBMIT to one number; what is longer than its field is cut. Returns its length. */
size_t cmpp_submit_write(uint8_t *p, enum cmpp_version version, const struct cmpp_submit *s,
                         uint32_t sequence);

/* Writes a DELIVER_RESP; returns its length. */
size_t cmpp_delivered_write(uint8_t *p, enum cmpp_version version, const uint8_t id[8],
                            uint8_t result, uint32_t sequence);

/* Writes an ACTIVE_TEST_RESP; returns its length. */
size_t cmpp_tested_write(uint8_t *p, uint32_t sequence);

#endif
