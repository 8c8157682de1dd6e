#include "discreet.h"

#include "address.h"

#include <string.h>

bool discreet_may(const struct cli *cli)
{
    struct address_key key;
    bool may = address_key(cli, &key) == 0;

    explicit_bzero(&key, sizeof key);
    return may;
}

int discreet_refuse(const struct cli *cli, const char *campaign, struct error *err)
{
    return error_set(err,
                     T("%s is sensitive: single people of it are told only to who may read "
                       "%s/log.key; ask whoever looks after the daemon"),
                     campaign, cli->settings->state_dir);
}
