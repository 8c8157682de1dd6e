/* A plugin whose struct is cut short. */
#include "gateway_plugin.h"

const struct gateway_plugin gateway_plugin = {.abi = GATEWAY_ABI, .size = 8, .name = "small"};
