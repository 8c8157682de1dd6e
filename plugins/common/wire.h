/*
 * wire.h - one TCP connection: large reads, one write a turn, and how far it got
 *
 * What is to be sent is put into one buffer, a PDU after the other; at the end
 * of the loop's turn it leaves in one write. Every octet has an offset, counted
 * over the whole connection, so that it can be told afterwards which PDUs the
 * kernel was given in part or whole, and which never left. By TLS what was sealed counts as given.
 *
 * A PDU begins with its length in four octets, the highest first, as in SMPP and CMPP.
 *
 * What comes in is read 256 KiB at a time and handed over in place.
 *
 * The owner may close the wire, or even vanish, in its callbacks; it says so by
 * the result of on_input(), and the other two are the last thing a wire does.
 */
#ifndef WIRE_H
#define WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct event;
struct event_base;
struct secure;
struct secure_context;

#define WIRE_GONE SIZE_MAX
#define WIRE_HIGH (1u << 20) /* above it, wait with submits and with reading */

struct wire_owner {
    void (*on_up)(void *owner);
    /* n octets are there, of which some may have been seen before: returns how many
     * are dealt with, or WIRE_GONE if the wire was closed. */
    size_t (*on_input)(void *owner, const uint8_t *octets, size_t n);
    void (*on_down)(void *owner, const char *why); /* the wire is still to be closed */
    void (*on_drained)(void *owner);               /* room again after a full socket */
};

struct wire {
    const struct wire_owner *callbacks;
    void *owner;
    struct event_base *base;
    int64_t (*boot_ms)(void);
    struct secure_context *tls; /* NULL: in the clear */
    const char *host;           /* what the certificate must be for */
    struct secure *secure;      /* of this connection */
    int fd;                     /* -1: closed */
    struct event *readable, *writable, *turn;
    bool connected;
    bool blocked; /* the socket is full, or broken */
    bool stopped; /* does not read */
    bool crowded; /* set by the owner that found too much pending: on_drained() will tell */
    uint8_t *in;
    size_t in_used;
    uint8_t *out;
    /* out[start] is the start of a PDU, out[sent] the first octet not handed to the
     * kernel (start <= sent <= end), out[0] has the offset `offset`. */
    size_t start, sent, end, capacity;
    uint64_t offset;
    int64_t put_ms; /* of the boot-time clock: when the oldest of what is to leave was put */
};

/* boot_ms is the host's clock that counts the time that the process, or the machine, was
 * asleep. */
void wire_init(struct wire *w, struct event_base *base, int64_t (*boot_ms)(void),
               const struct wire_owner *callbacks, void *owner);

/* Every connection from now on is by TLS, to that host; both are borrowed. */
void wire_secure(struct wire *w, struct secure_context *tls, const char *host);

/* Starts to connect to a numeric address; on_up() or on_down() follows in a later
 * turn. Returns NULL, or what failed. */
const char *wire_connect(struct wire *w, const char *address, uint16_t port);

void wire_close(struct wire *w); /* closes the socket, forgets all octets; again is fine */
void wire_free(struct wire *w);

/* Room for n octets, or NULL if the peer has not read for far too long. */
uint8_t *wire_room(struct wire *w, size_t n);

/* n octets of room are a PDU now: it leaves at the end of this turn. Returns the
 * offset of its first octet. */
uint64_t wire_put(struct wire *w, size_t n);

/* Tries to write at once, for the last words before a close. */
void wire_flush(struct wire *w);

/* Octets with an offset below it were handed to the kernel. */
static inline uint64_t wire_written(const struct wire *w)
{
    return w->offset + w->sent;
}

static inline size_t wire_pending(const struct wire *w)
{
    return w->end - w->sent;
}

/* Asks keep() for every PDU of which no octet has left, and takes out those it
 * does not want. keep() is told the PDU's new offset. */
void wire_filter(struct wire *w, bool (*keep)(void *owner, const uint8_t *pdu, uint64_t offset));

void wire_stop(struct wire *w);   /* reads no more ... */
void wire_resume(struct wire *w); /* ... and again, first what was left over */

#endif
