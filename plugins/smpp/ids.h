/*
 * ids.h - message ids, and SMSCs that write them in two bases
 *
 * An id is a string, compared octet by octet. But some SMSCs answer a submit in
 * hexadecimal and report in decimal, or the other way round: `0A1B2C3D` and
 * `0169552957` are one id. With either of those settings both become decimal
 * without leading zeros. The digits are converted as strings: ids pass 64 bits.
 */
#ifndef SMPP_IDS_H
#define SMPP_IDS_H

#include <stddef.h>

enum smpp_id_base { SMPP_ID_AS_IS, SMPP_ID_RESP_HEX_DLR_DEC, SMPP_ID_RESP_DEC_DLR_HEX };

struct smpp_id {
    char bytes[80];
    size_t length; /* 0..64 */
};

/* Of a submit_sm_resp, and of a receipt (n <= 64): normalised as base says.
 * What is no number in the base it should have stays as it is. */
void smpp_id_of_response(struct smpp_id *id, const char *s, size_t n, enum smpp_id_base base);
void smpp_id_of_receipt(struct smpp_id *id, const char *s, size_t n, enum smpp_id_base base);

/* What the receipt's id would be were the setting another: decimal digits read
 * as such or as hexadecimal. Length 0 where there is no other reading. */
void smpp_id_other_reading(struct smpp_id *id, const char *s, size_t n, enum smpp_id_base base);

#endif
