#include "address.h"

#include "mem.h"
#include "phone.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int address_read(const struct cli *cli, const char *typed, bool as_is, char out[ADDRESS_BYTES],
                 struct error *err)
{
    enum phone_fault fault;
    char number[PHONE_BYTES];

    if (strlen(typed) >= ADDRESS_BYTES)
        return error_set(err, T("an address has at most %d bytes"), ADDRESS_BYTES - 1);
    if (as_is) {
        strcpy(out, typed);
        return 0;
    }
    if (phone_normalize(typed, strlen(typed), cli->settings->defaults.country, number, &fault) != 0)
        return error_set(err, T("%s: %s (an address of another channel needs --as-is)"), typed,
                         phone_fault_text(fault));
    strcpy(out, number);
    return 0;
}

int address_key(const struct cli *cli, struct address_key *key)
{
    char *path = xasprintf("%s/log.key", cli->settings->state_dir);
    FILE *f = fopen(path, "re");
    size_t n = f != NULL ? fread(key->bytes, 1, sizeof key->bytes, f) : 0;

    free(path);
    if (f != NULL)
        fclose(f);
    return n == sizeof key->bytes ? 0 : -1;
}

uint64_t address_keyed(const struct address_key *key, const char *address, size_t n)
{
    unsigned char hash[crypto_shorthash_BYTES];
    uint64_t number = 0;

    crypto_shorthash(hash, (const unsigned char *)address, n, key->bytes);
    for (size_t i = 0; i < sizeof hash; i++)
        number = number << 8 | hash[i];
    return number;
}

int address_hash(const struct cli *cli, const char *address, char out[ADDRESS_HASH_BYTES])
{
    struct address_key key;

    if (address_key(cli, &key) != 0)
        return -1;
    snprintf(out, ADDRESS_HASH_BYTES, "%016" PRIx64, address_keyed(&key, address, strlen(address)));
    sodium_memzero(&key, sizeof key);
    return 0;
}

_Static_assert(sizeof((struct address_key *)0)->bytes == crypto_shorthash_KEYBYTES, "of SipHash");
