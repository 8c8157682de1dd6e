/*
 * instance.h - one configured SMPP gateway, as its parts see it
 *
 * An instance holds one or more sessions (connections), a pool of messages that
 * are under way, and what replies in parts need. Who calls whom:
 *
 *     smpp.c      the plugin: open, submit, drain, close
 *     session.c   a connection's life; hands responses to message.c and what
 *                 the peer asks to inbound.c
 *     message.c   a message's parts, from submit() to its one done()
 *     inbound.c   receipts and replies, from deliver_sm to its response
 *     wire.c      octets
 *
 * A message belongs to one session from submit() to done(). Its text stays the
 * host's until then, so nothing is copied: a part is encoded when it leaves.
 *
 * The host may call submit(), even close(), from within what we call. So a state
 * is always made whole before the host is called, and close() within a callback
 * only marks the instance dead; the callback frees it on its way out.
 */
#ifndef SMPP_INSTANCE_H
#define SMPP_INSTANCE_H

#include "codes.h"
#include "gateway_plugin.h"
#include "pdu.h"
#include "reassembly.h"
#include "settings.h"
#include "validity.h"
#include "window.h"
#include "wire.h"

#include <sys/queue.h>

#define SMPP_PAUSE_MS 1000      /* before a part that came "too fast" goes again */
#define SMPP_ACKS_MAX 5000u     /* receipts and replies of a session not yet stored */
#define SMPP_STALE_PDU_MS 10000 /* a PDU that takes longer to come is an attack */
#define SMPP_TICK_MS 200

enum smpp_state {
    SMPP_CLOSED,    /* for good */
    SMPP_WAITING,   /* for the next try */
    SMPP_RESOLVING, /* the host's name */
    SMPP_CONNECTING,
    SMPP_BINDING,
    SMPP_BOUND,
    SMPP_LEAVING,   /* takes no more messages; unbinds when none is outstanding */
    SMPP_UNBINDING, /* unbind sent */
};

struct smpp_ids; /* of the parts of a long message */

struct smpp_message {
    TAILQ_ENTRY(smpp_message) link; /* in its session's waiting, or free */
    const struct gateway_message *m;
    struct smpp_session *session;
    struct smpp_ids *ids; /* NULL unless there are several parts */
    int64_t begun_ms;     /* monotonic, first part given to the wire; 0: none yet ... */
    uint64_t first;       /* ... at this offset */
    bool waiting;         /* is in the session's list */
    uint8_t parts;        /* 0: not yet encoded */
    uint16_t reference;   /* of the concatenation */
    /* Bits by part. A part is in one of them at a time. */
    uint8_t todo, flight, accepted, throttled, failed, unsent, unknown;
    uint32_t status;     /* of the first part that failed */
    const char *trouble; /* why unsent or unknown; static */
};
TAILQ_HEAD(smpp_message_list, smpp_message);

struct smpp_ack {
    struct smpp_ack *next_free;
    struct smpp_session *session;
    uint32_t generation, command, sequence;
    unsigned waiting; /* calls of stored() to come */
    bool refused;
    uint64_t reply; /* number in the reassembly, or 0 */
};

struct smpp_session {
    struct smpp *gateway;
    unsigned number; /* from 1, for the log */
    enum smpp_state state;
    bool again;          /* LEAVING: bind again afterwards */
    uint32_t generation; /* counts connections */
    struct smpp_wire wire;
    struct smpp_window window;
    struct smpp_message_list waiting;
    unsigned waiting_count;
    struct smpp_message_list stale; /* within smpp_messages_drop_stale() */
    int64_t filter_boot_ms;
    bool pumping;
    uint32_t bind_sequence, unbind_sequence, enquire_sequence;
    unsigned probes; /* enquire_links without an answer */
    unsigned tries;  /* connects, to take one address after the other */
    /* Monotonic milliseconds. */
    int64_t state_ms;       /* entered this state */
    int64_t next_ms;        /* WAITING: of the next try */
    int64_t pause_ms;       /* length of the next pause */
    int64_t heard_ms;       /* last PDU from the peer */
    int64_t probed_ms;      /* last enquire_link */
    int64_t quiet_until_ms; /* throttled */
    int64_t partial_ms;     /* since when a PDU is incomplete; 0: none is */
    int64_t scanned_ms;     /* the window was looked through for time-outs */
    struct smpp_ack *acks, *free_ack;
    unsigned ack_count;
};

struct smpp {
    const struct gateway_host *host;
    struct gateway *gw;
    struct smpp_settings settings;
    struct smpp_sender sender, other_sender; /* the configured one; of other_from */
    char other_from[24];
    struct smpp_session *sessions;
    struct smpp_message *messages;
    struct smpp_message_list free_messages;
    uint16_t reference;
    struct smpp_reassembly *reassembly;
    struct codes *codes; /* what codes of receipts mean, where the settings say nothing */
    char *decoded;       /* 3 * 65536 + room: a text in UTF-8 */
    char *joined;        /* SMPP_REPLY_BYTES_MAX */
    struct event *tick;
    bool draining, dead;
    unsigned depth;        /* callbacks of ours on the stack */
    int64_t complained_ms; /* last log line about something odd; the rest are counted */
    unsigned long odd;
    struct {
        int64_t expires_s, wall_s;
        char text[SMPP_TIME_BYTES];
    } validity; /* the last one made */
};

#define SMPP_LOG(g, level, ...) (g)->host->log((g)->gw, GATEWAY_LOG_##level, __VA_ARGS__)

/* Around every callback from the loop or the host that calls the host. leave()
 * returns false if the instance is gone now: touch nothing. */
void smpp_enter(struct smpp *g);
bool smpp_leave(struct smpp *g);

/* True once in ten seconds: may this oddity of the peer be logged? */
bool smpp_complain(struct smpp *g);

/* Tells the host how many messages may be outstanding now. */
void smpp_announce(struct smpp *g, const char *why);

/* ------------------------------------------------------------------ session.c */
void smpp_session_init(struct smpp_session *s, struct smpp *g, unsigned number);
void smpp_session_free(struct smpp_session *s); /* answers nothing */
void smpp_session_tick(struct smpp_session *s, int64_t now_ms);
void smpp_session_drain(struct smpp_session *s);

/* Stops using a bind that the SMSC no longer knows, and binds again. */
void smpp_session_rebind(struct smpp_session *s);

/* Writes a request or an answer of n octets that are in wire_room(); closes the
 * session when there was no room. */
void smpp_session_answer(struct smpp_session *s, uint32_t command, uint32_t status,
                         uint32_t sequence);

static inline bool smpp_session_sends(const struct smpp_session *s)
{
    return s->state == SMPP_BOUND || (s->state == SMPP_LEAVING && !s->again);
}

/* ------------------------------------------------------------------ message.c */
void smpp_messages_init(struct smpp *g);
void smpp_messages_free(struct smpp *g);

/* Takes a message into s's waiting list, or answers UNSENT (s NULL, or no room). */
void smpp_message_take(struct smpp *g, struct smpp_session *s, const struct gateway_message *m);

/* Writes what waits and fits: window, pause, socket, and the permission to send. */
void smpp_messages_pump(struct smpp_session *s);

/* A response, or the lack of one, to one part. */
void smpp_message_responded(struct smpp_message *m, unsigned part, uint32_t status,
                            const uint8_t *body, size_t n);
void smpp_message_in_doubt(struct smpp_message *m, unsigned part, const char *why);
void smpp_message_unsent(struct smpp_message *m, unsigned part, const char *why);

/* Answers what waits: all of it, or only what may no longer be sent. */
void smpp_messages_drop_waiting(struct smpp_session *s, const char *why);
void smpp_messages_drop_stale(struct smpp_session *s);

/* ------------------------------------------------------------------ inbound.c */
void smpp_inbound_init(struct smpp_session *s);
void smpp_inbound_free(struct smpp_session *s);

/* A deliver_sm or data_sm. */
void smpp_inbound(struct smpp_session *s, const struct smpp_header *h, const uint8_t *body,
                  size_t n);

#endif
