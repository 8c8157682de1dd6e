/* A plugin that wants a function that nobody has. */
#include "gateway_plugin.h"

extern int nobody_has_this(void *state);

static int unresolved_open(const struct gateway_host *host, struct gateway *gw, void **state,
                           char *error, size_t size)
{
    (void)host;
    (void)gw;
    (void)error;
    (void)size;
    return nobody_has_this(state);
}

const struct gateway_plugin gateway_plugin = {.abi = GATEWAY_ABI,
                                              .size = sizeof gateway_plugin,
                                              .name = "unresolved",
                                              .open = unresolved_open};
