/*
 * resolver.h - host names to addresses without holding up the loop
 *
 * libcurl's own resolver thread stops the loop when a transfer ends before it
 * does, and getaddrinfo() stops it at once: so names go through libevent's DNS
 * here, by /etc/resolv.conf (read anew when it changes) and /etc/hosts.
 */
#ifndef OUTREACH_RESOLVER_H
#define OUTREACH_RESOLVER_H

#include <stdbool.h>
#include <stddef.h>

#define RESOLVER_ADDRESSES 16

struct event_base;
struct lookup;
struct resolver;

/* addresses: numeric, NUL-terminated, at most RESOLVER_ADDRESSES; count 0 and trouble
 * when there is none. */
typedef void resolver_fn(void *arg, const char *const *addresses, size_t count,
                         const char *trouble);

/* resolv_conf names the file to follow, borrowed; NULL: /etc/resolv.conf. base is borrowed. */
struct resolver *resolver_create(struct event_base *base, const char *resolv_conf);
void resolver_free(struct resolver *r); /* after every lookup has ended or is cancelled */

/* Is it an IPv4 or IPv6 address already (IPv6 without brackets)? */
bool resolver_is_numeric(const char *name);

/* fn runs once, in a later turn, unless cancelled. */
struct lookup *resolver_lookup(struct resolver *r, const char *name, resolver_fn *fn, void *arg);
void resolver_cancel(struct lookup *l); /* of one that has not run */

#endif
