/*
 * secure.h - TLS over a socket that somebody else looks after
 *
 * OpenSSL between two buffers: what is to leave is sealed into one and sent from there, so
 * that a record which the socket takes in part is never sealed anew. What secure_send()
 * has taken may have left. TLS 1.2 or later; the peer's certificate must be of an
 * authority that is trusted, and for the host that was asked for. There is no way around it.
 */
#ifndef SECURE_H
#define SECURE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct secure_context; /* the authorities, for all connections */
struct secure;         /* one connection */

/* PEM files, each NULL or "" for none: certificates in place of the system's; ours, with the chain
 * to its authority; and its private key, if that is not in the same file. NULL with error. */
struct secure_context *secure_context_create(const char *ca_file, const char *cert_file,
                                             const char *key_file, char *error, size_t size);
void secure_context_free(struct secure_context *c); /* NULL is fine */

/* host: a name or a numeric address, what the certificate must be for. NULL: no memory. */
struct secure *secure_start(struct secure_context *c, const char *host);
void secure_free(struct secure *s); /* NULL is fine; says good-bye to nobody */

/* Call it until it is up, or has failed: at first, and whenever the socket is readable, or
 * writable while secure_unsent(). */
enum secure_state { SECURE_WAITS, SECURE_UP, SECURE_FAILED };
enum secure_state secure_handshake(struct secure *s, int fd);

/* As send() and recv() on a socket that does not block: -1 with errno, EAGAIN among them;
 * EPROTO: see secure_trouble(). */
ssize_t secure_send(struct secure *s, int fd, const void *bytes, size_t n);
ssize_t secure_recv(struct secure *s, int fd, void *bytes, size_t n);

/* Sealed, and the socket had no room for it: secure_flush() when it has. 0, or -1 with errno. */
bool secure_unsent(const struct secure *s);
int secure_flush(struct secure *s, int fd);

/* Read from the socket already, and not yet taken by secure_recv(). */
bool secure_unread(const struct secure *s);

/* What went wrong, for people: "certificate has expired". */
const char *secure_trouble(const struct secure *s);

#endif
