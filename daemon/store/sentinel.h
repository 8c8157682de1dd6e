/*
 * sentinel.h - which server is the master now, by the word of the Sentinels
 *
 * A connection to each of them, asked twice a second. They may differ while a failover is under
 * way, or where one of them is cut off: the one with the highest configuration epoch is believed
 * (each failover has a higher one), among those that have answered lately. If none has,
 * what was known stays. Nobody is subscribed to +switch-master: whoever was not connected
 * when it was said would have to ask anyway.
 *
 * What is said here may be old. Whoever connects asks the server itself (ROLE).
 *
 * All calls belong on the loop thread. None blocks but sentinel_open(), which may look names up.
 */
#ifndef OUTREACH_SENTINEL_H
#define OUTREACH_SENTINEL_H

struct error;
struct event_base;
struct sentinel; /* opaque: all of them */

struct sentinel_options {
    const char *const *addresses; /* "host:port", "[::1]:26379"; port 26379 where it is silent;
                                     NULL-ended */
    const char *master;           /* its name among them */
    const char *secret;           /* their password, or NULL */
    void (*changed)(void *arg);   /* it is another one, or known for the first time; not NULL */
    void *arg;
};

/* Begins to ask, for ever. NULL where an address cannot be understood, or a name is not found. */
struct sentinel *sentinel_open(struct event_base *base, const struct sentinel_options *options,
                               struct error *err);
void sentinel_close(struct sentinel *s); /* NULL is fine */

/* The master's numeric address, or NULL while nobody knows: then sentinel_why() is the reason.
 * Good until the loop runs. */
const char *sentinel_host(const struct sentinel *s);
int sentinel_port(const struct sentinel *s);
const char *sentinel_why(const struct sentinel *s);

#endif
