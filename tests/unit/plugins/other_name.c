/* A plugin that calls itself otherwise than its file. */
#include "gateway_plugin.h"

const struct gateway_plugin gateway_plugin = {
    .abi = GATEWAY_ABI, .size = sizeof gateway_plugin, .name = "somebody"};
