/*
 * validity.h - until when the operator shall try
 *
 * Times of SMPP 3.4, section 7.1.1: sixteen characters YYMMDDhhmmsstnnp.
 */
#ifndef SMPP_VALIDITY_H
#define SMPP_VALIDITY_H

#include "settings.h"

#include <stdint.h>

#define SMPP_TIME_BYTES 17

/* Writes the validity period for a notice that is worthless after expires_ms, or
 * "" with expires_ms 0 or SMPP_VALIDITY_NONE. A relative one ends at 30 days:
 * months are of no certain length, and no operator keeps messages longer. */
void smpp_validity_write(char out[SMPP_TIME_BYTES], enum smpp_validity kind, int64_t expires_ms,
                         int64_t wall_ms);

#endif
