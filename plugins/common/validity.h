/*
 * validity.h - until when the operator shall try
 *
 * Times of SMPP 3.4, section 7.1.1, which CMPP has too: sixteen characters YYMMDDhhmmsstnnp.
 */
#ifndef VALIDITY_H
#define VALIDITY_H

#include <stdint.h>

#define VALIDITY_BYTES 17

enum validity { VALIDITY_RELATIVE, VALIDITY_ABSOLUTE, VALIDITY_NONE };

/* Writes the validity period for a notice that is worthless after expires_ms, or
 * "" with expires_ms 0 or VALIDITY_NONE. A relative one ends at 30 days:
 * months are of no certain length, and no operator keeps messages longer. An absolute one
 * is written in the time that is utc_offset_min (-720..840) ahead of UTC. */
void validity_write(char out[VALIDITY_BYTES], enum validity kind, int64_t expires_ms,
                    int64_t wall_ms, int utc_offset_min);

#endif
