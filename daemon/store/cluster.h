/*
 * cluster.h - which master has which slot, by the word of a Redis Cluster
 *
 * Asked of one node at a time, over a connection for that question alone, until one answers that
 * is not cut off itself (cluster_state:ok): the masters that are known, then the seeds. Asked at
 * the beginning and whenever cluster_look() is called, not else: a slot that has moved says so
 * itself (MOVED), and who has gone is noticed by those who talk to it. What is known stays until
 * something else is.
 *
 * All calls belong on the loop thread; none blocks.
 */
#ifndef OUTREACH_CLUSTER_H
#define OUTREACH_CLUSTER_H

#include "slots.h"

struct cluster; /* opaque */
struct event_base;

#define CLUSTER_SEEDS 32

struct cluster_options {
    const struct slots_address *seeds; /* 1..CLUSTER_SEEDS, copied */
    size_t seed_count;
    const char *user, *secret;  /* or NULL; copied */
    void (*changed)(void *arg); /* the map is another, or known for the first time */
    void (*silent)(void *arg);  /* somebody was asked in vain: cluster_why() */
    /* That one wants another password: nobody is asked before cluster_look(). */
    void (*denied)(void *arg, const struct slots_address *by);
    void *arg;
};

/* Begins to ask. Never NULL. */
struct cluster *cluster_open(struct event_base *base, const struct cluster_options *options);
void cluster_close(struct cluster *c); /* NULL is fine */

/* NULL while nobody has said it: then cluster_why() is the reason. */
const struct slots_map *cluster_map(const struct cluster *c);
const char *cluster_why(const struct cluster *c);

/* Another number whenever the map is another. */
unsigned cluster_version(const struct cluster *c);

/* Something is not as the map says: asks anew, soon. */
void cluster_look(struct cluster *c);

/* Believes a MOVED, of that slot, and asks whom it names; of ASK, the place of whom it names.
 * SLOTS_NOBODY: there is no room, or no address. */
uint8_t cluster_redirected(struct cluster *c, const struct slots_redirect *r);

#endif
