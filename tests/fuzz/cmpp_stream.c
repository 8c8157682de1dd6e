/* What a gateway of China Mobile's may send. */
#define STREAM_SETTINGS                                                                            \
    {"host", "127.0.0.1"}, {"port", "1"}, {"sp_id", "901234"}, {"secret", "shared123"},            \
        {"source", "10690001"}, {"reconnect_min", "1h"}, {"window", "3"},                          \
    {                                                                                              \
        "ascii", "true"                                                                            \
    }
#include "trunk_stream.h"
