#include "forwarded.h"

#include "field.h"
#include "network.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define NAME "X-Forwarded-For"

static bool is_proxy(const struct field_strings *proxies, const char *peer)
{
    for (size_t i = 0; i < proxies->count; i++)
        if (network_contains(proxies->items[i], peer))
            return true;
    return false;
}

/* The last of value[0..*n), without its comma, which *n then ends before. False if that is no
 * address. */
static bool take_last(const char *value, size_t *n, char out[INET6_ADDRSTRLEN])
{
    size_t end = *n, begin;

    while (end > 0 && (value[end - 1] == ' ' || value[end - 1] == '\t'))
        end--;
    for (begin = end; begin > 0 && value[begin - 1] != ',';)
        begin--;
    *n = begin == 0 ? 0 : begin - 1;
    begin += strspn(value + begin, " \t");
    if (begin >= end || end - begin >= INET6_ADDRSTRLEN)
        return false;
    snprintf(out, INET6_ADDRSTRLEN, "%.*s", (int)(end - begin), value + begin);
    return network_contains("::/0", out);
}

void forwarded_find(char peer[INET6_ADDRSTRLEN], const struct gateway_field *headers, size_t count,
                    const struct field_strings *proxies)
{
    for (size_t i = count; i > 0; i--) {
        const struct gateway_field *h = &headers[i - 1];
        char before[INET6_ADDRSTRLEN];

        if (strcasecmp(h->name, NAME) != 0)
            continue;
        for (size_t n = strlen(h->value); n > 0;) {
            if (!is_proxy(proxies, peer) || !take_last(h->value, &n, before))
                return;
            memcpy(peer, before, sizeof before);
        }
    }
}
