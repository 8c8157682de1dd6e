#include "network.h"

#include "error.h"

#include <arpa/inet.h>
#include <event2/util.h>
#include <netdb.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define V4_BITS 96 /* before an IPv4 address in ::ffff:0:0/96 */

/* As IPv6, IPv4 addresses mapped. Returns where the address's own bits begin, -1 for none. */
static int parse_address(const char *text, uint8_t out[16])
{
    if (inet_pton(AF_INET6, text, out) == 1)
        return 0;
    memset(out, 0, 10);
    memset(out + 10, 0xff, 2);
    return inet_pton(AF_INET, text, out + 12) == 1 ? V4_BITS : -1;
}

static int parse_network(const char *text, uint8_t out[16], unsigned *bits)
{
    char address[INET6_ADDRSTRLEN];
    size_t n = strcspn(text, "/");
    const char *length = text + n + (text[n] == '/');
    int before;

    if (n >= sizeof address)
        return -1;
    snprintf(address, sizeof address, "%.*s", (int)n, text);
    before = parse_address(address, out);
    if (before < 0)
        return -1;
    *bits = 128;
    if (text[n] == '\0')
        return 0;
    if (*length == '\0' || strspn(length, "0123456789") != strlen(length) || strlen(length) > 3)
        return -1;
    *bits = (unsigned)before + (unsigned)strtoul(length, NULL, 10);
    return *bits <= 128 ? 0 : -1;
}

static bool same_bits(const uint8_t *a, const uint8_t *b, unsigned bits)
{
    unsigned whole = bits / 8, rest = bits % 8;

    return memcmp(a, b, whole) == 0 &&
           (rest == 0 || (a[whole] >> (8 - rest)) == (b[whole] >> (8 - rest)));
}

bool network_contains(const char *network, const char *address)
{
    uint8_t net[16], peer[16];
    unsigned bits;

    return parse_network(network, net, &bits) == 0 && parse_address(address, peer) >= 0 &&
           same_bits(net, peer, bits);
}

int network_check(const char *network, struct error *err)
{
    uint8_t net[16], masked[16] = {0};
    unsigned bits;

    if (parse_network(network, net, &bits) != 0)
        return error_set(err,
                         "\"%.60s\" is no address: write \"192.0.2.1\", \"192.0.2.0/24\" "
                         "or \"2001:db8::/32\"",
                         network);
    for (unsigned i = 0; i < bits; i++)
        masked[i / 8] |= net[i / 8] & (uint8_t)(0x80u >> (i % 8));
    if (memcmp(net, masked, sizeof net) != 0)
        return error_set(err, "\"%.60s\": the address has bits set behind its length", network);
    return 0;
}

int network_resolve(const char *setting, const char *name, char *host, size_t host_bytes,
                    struct error *err)
{
    struct evutil_addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
    int rc = evutil_getaddrinfo(name, NULL, &hints, &found);

    if (rc != 0)
        return error_set(err, "%s: %s: %s", setting, name, evutil_gai_strerror(rc));
    rc = getnameinfo(found->ai_addr, found->ai_addrlen, host, (socklen_t)host_bytes, NULL, 0,
                     NI_NUMERICHOST);
    evutil_freeaddrinfo(found);
    return rc == 0 ? 0 : error_set(err, "%s: %s has no address", setting, name);
}

/* 0: it is none. */
static int parse_port(const char *text)
{
    char *end;
    long port = strtol(text, &end, 10);

    return *end == '\0' && port > 0 && port <= 65535 ? (int)port : 0;
}

int network_find(const char *setting, const char *text, int port, char *host, size_t host_bytes,
                 int *found_port, struct error *err)
{
    const char *colon = strrchr(text, ':');
    char name[256];
    size_t n = strlen(text);
    bool bracketed = text[0] == '[';

    *found_port = port;
    if (colon != NULL && (strchr(text, ':') == colon || (bracketed && colon[-1] == ']'))) {
        n = (size_t)(colon - text);
        *found_port = parse_port(colon + 1);
    }
    if (bracketed && n > 2) {
        text++;
        n -= 2;
    }
    if (n == 0 || n >= sizeof name || *found_port == 0)
        return error_set(err, "%s: \"%.80s\": write \"host:port\"", setting, text);
    memcpy(name, text, n);
    name[n] = '\0';
    return network_resolve(setting, name, host, host_bytes, err);
}
