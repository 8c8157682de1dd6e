/* A plugin of another version of the interface. */
#include "gateway_plugin.h"

const struct gateway_plugin gateway_plugin = {.abi = GATEWAY_ABI + 1, .name = "old_abi"};
