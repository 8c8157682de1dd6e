/*
 * address.h - who is meant by what a person typed
 */
#ifndef OUTREACH_ADDRESS_H
#define OUTREACH_ADDRESS_H

#include "cli.h"

#include <stdint.h>

#define ADDRESS_BYTES 260

/* The address as it is stored: a telephone number in E.164, read as one of the
 * configured country; anything else only if as_is. -1 with what is wrong. */
int address_read(const struct cli *cli, const char *typed, bool as_is, char out[ADDRESS_BYTES],
                 struct error *err);

/* The keyed hash of an address that stands in the delivery log: SipHash-2-4 under
 * state_dir/log.key, which the daemon makes at its first start. -1 where there
 * is no key (or none for us): then nothing in the log can be found by number. */
struct address_key {
    unsigned char bytes[16];
};
int address_key(const struct cli *cli, struct address_key *key);
uint64_t address_keyed(const struct address_key *key, const char *address, size_t n);
#define ADDRESS_HASH_BYTES 17 /* 16 hex digits and the NUL */
int address_hash(const struct cli *cli, const char *address, char out[ADDRESS_HASH_BYTES]);

#endif
