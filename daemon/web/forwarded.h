/*
 * forwarded.h - whom a request comes from that a reverse proxy has handed on
 *
 * A proxy adds the address that it was asked from to the end of X-Forwarded-For; what stands
 * before that whoever asked it may have written himself. So the list is read from its end, and
 * only as far as it was written by proxies that are known (web.proxies).
 */
#ifndef OUTREACH_FORWARDED_H
#define OUTREACH_FORWARDED_H

#include "gateway_plugin.h"

#include <arpa/inet.h>
#include <stddef.h>

struct field_strings;

/* peer holds the numeric address that the request came from: becomes that of the first, from
 * there on, that is no proxy. A proxy that does not say whom it speaks for is left there itself. */
void forwarded_find(char peer[INET6_ADDRSTRLEN], const struct gateway_field *headers, size_t count,
                    const struct field_strings *proxies);

#endif
