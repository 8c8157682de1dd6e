/*
 * network.h - where a "host:port" is; and "192.0.2.0/24": is an address in it?
 *
 * CIDR notation of RFC 4632 and RFC 4291; without a length it is one address. An
 * IPv4 address that comes as ::ffff:192.0.2.1 is the IPv4 address.
 */
#ifndef OUTREACH_NETWORK_H
#define OUTREACH_NETWORK_H

#include <stdbool.h>
#include <stddef.h>

struct error;

/* Both numeric; what is malformed contains nothing. */
bool network_contains(const char *network, const char *address);

/* Returns 0, or -1 with a reason if it is no network: bits set behind its length are
 * one, since they mean that something else was meant. */
int network_check(const char *network, struct error *err);

/* A host's name to its numeric address. Looks the name up, and blocks for that: before the loop
 * runs. -1 with a reason that names the setting. */
int network_resolve(const char *setting, const char *name, char *host, size_t host_bytes,
                    struct error *err);

/* The same of "host:port" or "[::1]:6379"; a host alone has the port that port says. */
int network_find(const char *setting, const char *text, int port, char *host, size_t host_bytes,
                 int *found_port, struct error *err);

#endif
