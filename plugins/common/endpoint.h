/*
 * endpoint.h - the address of a provider's API, as it is configured
 *
 * https, or http to this very machine (a test's peer, or a proxy that adds TLS): keys and
 * texts go nowhere else in the clear.
 */
#ifndef PLUGIN_ENDPOINT_H
#define PLUGIN_ENDPOINT_H

#include <stddef.h>

#define ENDPOINT_HOST_BYTES 270

/* Takes "https://host[:port][/]". Returns 0 with host[:port]; or -1 with a sentence that
 * begins with the setting's name. */
int endpoint_read(const char *url, const char *setting, char host[ENDPOINT_HOST_BYTES], char *error,
                  size_t size);

#endif
