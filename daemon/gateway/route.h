/*
 * route.h - which gateway a notice goes to
 *
 * Of the gateways that serve the notice's channel (for a person those that reach
 * persons, for a group those that reach one), carry its class, are usable,
 * are not closed today and are not to be avoided, those come first whose `match`
 * takes the address; where there are none, all of them. Among these the lowest
 * priority number wins, and among equals a draw by weight.
 *
 * A gateway's `match` is preferred for these addresses, not only: others get
 * there too when nobody prefers them.
 *
 * Patterns are those of a shell: `*` any run of characters, `?` one, `[4-9]` and
 * `[!4-9]` one of (not of) a set, `\` takes the next one literally. All patterns
 * of a channel are compiled into one automaton: a choice costs a table look-up
 * per character until the rest of the address makes no difference.
 */
#ifndef OUTREACH_ROUTE_H
#define OUTREACH_ROUTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;
struct gateway_config;
struct route;

struct route_query {
    const char *channel; /* compared by its text */
    unsigned class;      /* enum gateway_class */
    const char *address; /* NUL-terminated, "" for none: for the patterns */
    int today;           /* in the campaign's zone, as 20270303; 0: no day is closed */
    uint64_t avoid;      /* a bit (1 << index) for each gateway not to be taken */
    bool group;          /* to the group of a gateway, not to an address */
    bool rest;           /* today is no worked day in the campaign's country */
};

/* configs (n <= 64) is copied, what it points to is borrowed. NULL with an
 * error that names the gateway if a pattern is malformed or they are together
 * too intricate. */
struct route *route_create(const struct gateway_config *const *configs, size_t n,
                           struct error *err);
void route_free(struct route *r);

/* The index of the gateway, or -1 with *why (may be NULL) a constant sentence.
 * usable has a bit for each gateway that may be used now; random decides the
 * draw, any 32 bits of chance. */
int route_choose(struct route *r, const struct route_query *query, uint64_t usable, uint32_t random,
                 const char **why);

/* The gateways that serve a channel for a class, for people or for their group, whatever
 * their state. */
uint64_t route_serving(const struct route *r, const char *channel, unsigned class, bool group);

/* Those of the channel that prefer the address. */
uint64_t route_preferring(const struct route *r, const char *channel, const char *address);

/* Does nothing leave there on that day? today and rest as in the query. */
bool route_closed_on(const struct gateway_config *g, int today, bool rest);

/* Is the pattern well-formed? Returns 0, or -1 with err. */
int route_check_pattern(const char *pattern, struct error *err);

#endif
