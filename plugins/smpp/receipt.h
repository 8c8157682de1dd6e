/*
 * receipt.h - what a delivery receipt says
 *
 * Two places carry the result: TLVs, which win, and a text whose form is "an
 * example" in the specification. The text is parsed by label, in any case and
 * order, each value ending where the next label starts; nothing but id and stat
 * is required.
 *
 * Source: SMPP 3.4 sections 5.2.28 and appendix B; the deviations are those of
 * gateways in the field.
 */
#ifndef SMPP_RECEIPT_H
#define SMPP_RECEIPT_H

#include "gateway_plugin.h"
#include "pdu.h"
#include "trunk_settings.h"

#include <stddef.h>

struct smpp_receipt {
    const char *id; /* as it came, not NUL-terminated; length 0: none was found */
    size_t id_length;
    enum gateway_receipt_state state;
    enum gateway_reason reason;
    char code[48];   /* "UNDELIV:001": the stat word and, unless it is all zeros, err; or "" */
    int64_t done_ms; /* done date, 0 for none */
};

/* Reads the receipt in `in`, whose text is text (without a user data header).
 * utc_offset_min is that of the dates in it, which do not say. */
void smpp_receipt_read(struct smpp_receipt *r, const struct smpp_incoming *in, const uint8_t *text,
                       size_t length, const struct trunk_reason *reasons, size_t reason_count,
                       int utc_offset_min);

#endif
