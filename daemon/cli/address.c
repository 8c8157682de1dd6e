#include "address.h"

#include "mem.h"
#include "phone.h"

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
        return error_set(err, T("an address has at most %d bytes", "地址最多 %d 字节"),
                         ADDRESS_BYTES - 1);
    if (as_is) {
        strcpy(out, typed);
        return 0;
    }
    if (phone_normalize(typed, strlen(typed), cli->settings->defaults.country, number, &fault) != 0)
        return error_set(err,
                         T("%s: %s (an address of another channel needs --as-is)",
                           "%s：%s（其他渠道的地址请加 --as-is）"),
                         typed, phone_fault_text(fault, words_language()));
    strcpy(out, number);
    return 0;
}

int address_hash(const struct cli *cli, const char *address, char out[ADDRESS_HASH_BYTES])
{
    unsigned char key[crypto_shorthash_KEYBYTES], hash[crypto_shorthash_BYTES];
    char *path = xasprintf("%s/log.key", cli->settings->state_dir);
    FILE *f = fopen(path, "re");
    size_t n = f != NULL ? fread(key, 1, sizeof key, f) : 0;

    free(path);
    if (f != NULL)
        fclose(f);
    if (n != sizeof key)
        return -1;
    crypto_shorthash(hash, (const unsigned char *)address, strlen(address), key);
    sodium_bin2hex(out, ADDRESS_HASH_BYTES, hash, sizeof hash);
    sodium_memzero(key, sizeof key);
    return 0;
}
