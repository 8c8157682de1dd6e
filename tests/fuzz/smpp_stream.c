/* What an SMSC may send. */
#define STREAM_SETTINGS                                                                            \
    {"host", "127.0.0.1"}, {"port", "1"}, {"system_id", "outreach"}, {"password", "secret"},       \
        {"source", "1069"}, {"reconnect_min", "1h"}, {"window", "3"},                              \
    {                                                                                              \
        "message_id_base", ""                                                                      \
    }
#include "trunk_stream.h"
