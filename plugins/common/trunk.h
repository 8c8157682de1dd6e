/*
 * trunk.h - a gateway on connections of our own, with a login and a window
 *
 * What SMPP and CMPP have in common, and their like: one or more TCP connections
 * (sessions) that log in, probe a silent peer and log out; requests that wait for a
 * response by sequence number; receipts and replies that the peer sends and that are
 * answered when they are stored. A protocol says in a struct trunk_protocol how its
 * octets look and what its statuses mean. Who calls whom:
 *
 *     trunk.c          the plugin's submit, drain and close
 *     trunk_session.c  a connection's life; hands PDUs to the protocol
 *     trunk_message.c  a message's parts, from submit() to its one done()
 *     trunk_inbound.c  receipts and replies, until the peer is answered
 *     wire.c           octets
 *
 * A message belongs to one session from submit() to done(). Its text stays the
 * host's until then, so nothing is copied: a part is encoded when it leaves.
 *
 * The host may call submit(), even close(), from within what we call. So a state
 * is always made whole before the host is called, and close() within a callback
 * only marks the instance dead; the callback frees it on its way out.
 */
#ifndef PLUGIN_TRUNK_H
#define PLUGIN_TRUNK_H

#include "gateway_plugin.h"
#include "reassembly.h"
#include "sms.h"
#include "window.h"
#include "wire.h"

#include <sys/queue.h>

#define TRUNK_PAUSE_MS 1000      /* before a part that came "too fast" goes again */
#define TRUNK_ACKS_MAX 5000u     /* receipts and replies of a session not yet stored */
#define TRUNK_STALE_PDU_MS 10000 /* a PDU that takes longer to come is an attack */
#define TRUNK_REFUSED_MS 300000  /* hammering with a wrong password locks accounts */
#define TRUNK_CONTROL_MAX 128u   /* octets of a PDU that is no submit */
#define TRUNK_TOLD_MAX 64u       /* codes that are remembered */
#define TRUNK_ID_MAX 64u         /* octets of a message id */
#define TRUNK_DECODED_MAX (3u * (65536u + 1024u)) /* bytes of a reply in UTF-8 */

enum trunk_state {
    TRUNK_CLOSED,    /* for good */
    TRUNK_WAITING,   /* for the next try */
    TRUNK_RESOLVING, /* the host's name */
    TRUNK_CONNECTING,
    TRUNK_BINDING, /* login sent */
    TRUNK_BOUND,
    TRUNK_LEAVING,   /* takes no more messages; logs out when none is outstanding */
    TRUNK_UNBINDING, /* logout sent */
};

struct trunk;
struct trunk_session;
struct trunk_ids; /* of the parts of a long message */

struct trunk_pdu {
    uint32_t length, command, status, sequence; /* status 0 where the header has none */
};

struct trunk_message {
    TAILQ_ENTRY(trunk_message) link; /* in its session's waiting, or free */
    const struct gateway_message *m;
    struct trunk_session *session;
    struct trunk_ids *ids; /* NULL unless there are several parts */
    int64_t begun_ms;      /* monotonic, first part given to the wire; 0: none yet ... */
    uint64_t first;        /* ... at this offset */
    bool waiting;          /* is in the session's list */
    uint8_t parts;         /* 0: not yet encoded */
    uint16_t reference;    /* of the concatenation */
    /* Bits by part. A part is in one of them at a time. */
    uint8_t todo, flight, accepted, throttled, failed, unsent, unknown;
    uint32_t status;     /* of the first part that failed */
    const char *trouble; /* why unsent or unknown; static */
};
TAILQ_HEAD(trunk_message_list, trunk_message);

struct trunk_ack {
    struct trunk_ack *next_free;
    struct trunk_session *session;
    uint32_t generation, command, sequence;
    uint8_t mark[8];  /* what else the protocol's response repeats */
    unsigned waiting; /* calls of stored() to come */
    bool refused;
    uint64_t reply; /* number in the reassembly, or 0 */
};

struct trunk_session {
    struct trunk *trunk;
    unsigned number; /* from 1, for the log */
    enum trunk_state state;
    bool again;          /* LEAVING: log in again afterwards */
    uint32_t generation; /* counts connections */
    struct wire wire;
    struct window window;
    struct trunk_message_list waiting;
    unsigned waiting_count;
    struct trunk_message_list stale; /* within trunk_messages_drop_stale() */
    int64_t filter_boot_ms;
    bool pumping;
    uint32_t login_sequence, logout_sequence, probe_sequence;
    unsigned probes; /* without an answer */
    unsigned tries;  /* connects, to take one address after the other */
    /* Monotonic milliseconds. */
    int64_t state_ms;       /* entered this state */
    int64_t next_ms;        /* WAITING: of the next try */
    int64_t pause_ms;       /* length of the next pause */
    int64_t heard_ms;       /* last PDU from the peer */
    int64_t probed_ms;      /* last probe */
    int64_t quiet_until_ms; /* throttled */
    int64_t partial_ms;     /* since when a PDU is incomplete; 0: none is */
    int64_t scanned_ms;     /* the window was looked through for time-outs */
    struct trunk_ack *acks, *free_ack;
    unsigned ack_count;
};

struct trunk_command {
    uint32_t command;
    const char *name;
};

struct trunk_protocol {
    const char *name;  /* of the plugin: its log events begin so */
    const char *bound; /* for ops, when logged in: "bound as transceiver" */
    uint32_t header_bytes, pdu_max;
    uint32_t submit;                      /* the command of a submit */
    uint32_t submit_max;                  /* octets that write() needs */
    uint32_t response;                    /* this bit of a command says that it answers one */
    const struct trunk_command *commands; /* by name, for who looks; ended by {0} */

    struct trunk_pdu (*read)(const uint8_t *header);

    /* Each writes one PDU into TRUNK_CONTROL_MAX octets and returns its length. */
    size_t (*login)(struct trunk_session *s, uint8_t *p, uint32_t sequence);
    size_t (*probe)(uint8_t *p, uint32_t sequence);
    size_t (*logout)(uint8_t *p, uint32_t sequence);
    size_t (*acknowledge)(struct trunk_session *s, uint8_t *p, const struct trunk_ack *ack);

    /* A PDU came, its body of n octets whole; s is BINDING or further. */
    void (*handle)(struct trunk_session *s, const struct trunk_pdu *h, const uint8_t *body,
                   size_t n);

    /* Encodes m's text and makes ready what all its parts share. wall_ms: now. False: it
     * cannot be sent, and refusal says why. */
    bool (*prepare)(struct trunk *t, const struct gateway_message *m, int64_t wall_ms,
                    struct sms_text *text, struct gateway_answer *refusal);
    /* Writes the submit of a part (from 0) of the message prepared last. */
    size_t (*write)(const struct trunk_message *m, const struct sms_text *text, unsigned part,
                    uint8_t *p, uint32_t sequence);

    /* What a status other than success means: outcome, reason, words; code is written. */
    void (*verdict)(struct trunk *t, uint32_t status, struct gateway_answer *a, char code[16]);
    /* A submit came back with a status other than success. Optional. */
    void (*refused)(struct trunk_session *s, uint32_t status);
    /* The id in the body of a response that accepts; returns its length, 0 for none. */
    size_t (*id)(struct trunk *t, const uint8_t *body, size_t n, char out[TRUNK_ID_MAX]);

    /* Frees what is the protocol's own, and t. */
    void (*destroy)(struct trunk *t);
};

struct trunk_settings {
    const char *host;
    uint16_t port;
    unsigned connections, window; /* window: outstanding submits of one connection */
    int64_t connect_timeout_ms, login_timeout_ms, response_timeout_ms;
    int64_t probe_ms, probe_wait_ms; /* silence before the first probe; before the next */
    unsigned probes_max;             /* unanswered, then the connection is given up */
    int64_t reconnect_min_ms, reconnect_max_ms;
    struct secure_context *tls; /* NULL: in the clear */
};

/* The first member of a protocol's instance. */
struct trunk {
    const struct gateway_host *host;
    struct gateway *gw;
    const struct trunk_protocol *protocol;
    struct trunk_settings settings;
    struct trunk_session *sessions;
    struct trunk_message *messages;
    struct trunk_message_list free_messages;
    uint16_t reference;
    struct reassembly *reassembly;
    char *decoded; /* TRUNK_DECODED_MAX: room for the protocol, a text in UTF-8 */
    char *joined;  /* REASSEMBLY_BYTES_MAX */
    struct event *tick;
    bool draining, dead;
    unsigned depth;                /* callbacks of ours on the stack */
    char told[TRUNK_TOLD_MAX][16]; /* codes that no table has and that were told */
    size_t told_count;
    int64_t complained_ms; /* last log line about something odd; the rest are counted */
    unsigned long odd;
};

#define TRUNK_LOG(t, level, ...) (t)->host->log((t)->gw, GATEWAY_LOG_##level, __VA_ARGS__)

/* Starts the sessions of t, whose host, gw, protocol and settings are set. */
void trunk_open(struct trunk *t);

/* For struct gateway_plugin: state is the trunk. */
void trunk_submit(void *state, const struct gateway_message *const *messages, size_t n);
void trunk_drain(void *state);
void trunk_close(void *state);

/* Around every callback from the loop or the host that calls the host. leave()
 * returns false if the instance is gone now: touch nothing. */
void trunk_enter(struct trunk *t);
bool trunk_leave(struct trunk *t);

/* True once in ten seconds: may this oddity of the peer be logged? */
bool trunk_complain(struct trunk *t);

/* A code of the peer's is in no table: told once. of: "result"; settings: the lists in which its
 * meaning may be given. */
void trunk_unknown_code(struct trunk *t, const char *of, const char *code, const char *settings);

/* Tells the host how many messages may be outstanding now. */
void trunk_announce(struct trunk *t, const char *why);

/* ------------------------------------------------------------------ trunk_session.c */
void trunk_session_init(struct trunk_session *s, struct trunk *t, unsigned number);
void trunk_session_free(struct trunk_session *s); /* answers nothing */
void trunk_session_tick(struct trunk_session *s, int64_t now_ms);
void trunk_session_drain(struct trunk_session *s);

/* The login was accepted. */
void trunk_session_up(struct trunk_session *s);

/* Ends the connection, to try again after pause_ms (0: the usual, growing one). */
void trunk_session_lose(struct trunk_session *s, const char *why, int64_t pause_ms);

/* Stops using a login that the peer no longer knows, and logs in again. */
void trunk_session_again(struct trunk_session *s, const char *why);

/* Room for a PDU of TRUNK_CONTROL_MAX octets, to be put with trunk_session_put(); NULL when
 * there is no connection, or it was closed since the peer reads nothing. */
uint8_t *trunk_session_room(struct trunk_session *s);

/* Puts the PDU of n octets that was written at p, which wire_room() or trunk_session_room() gave;
 * returns its offset, as wire_put() does. */
uint64_t trunk_session_put(struct trunk_session *s, const uint8_t *p, size_t n);

/* A response to a submit came: finds it by its sequence and settles its part. */
void trunk_session_responded(struct trunk_session *s, const struct trunk_pdu *h, uint32_t status,
                             const uint8_t *body, size_t n);

static inline bool trunk_session_sends(const struct trunk_session *s)
{
    return s->state == TRUNK_BOUND || (s->state == TRUNK_LEAVING && !s->again);
}

/* ------------------------------------------------------------------ trunk_message.c */
void trunk_messages_init(struct trunk *t);
void trunk_messages_free(struct trunk *t);

/* Takes a message into s's waiting list, or answers UNSENT (s NULL, or no room). */
void trunk_message_take(struct trunk *t, struct trunk_session *s, const struct gateway_message *m);

/* Writes what waits and fits: window, pause, socket, and the permission to send. */
void trunk_messages_pump(struct trunk_session *s);

/* A response, or the lack of one, to one part. Status 0 is success. */
void trunk_message_responded(struct trunk_message *m, unsigned part, uint32_t status,
                             const uint8_t *body, size_t n);
void trunk_message_in_doubt(struct trunk_message *m, unsigned part, const char *why);
void trunk_message_unsent(struct trunk_message *m, unsigned part, const char *why);

/* Answers what waits: all of it, or only what may no longer be sent. */
void trunk_messages_drop_waiting(struct trunk_session *s, const char *why);
void trunk_messages_drop_stale(struct trunk_session *s);

/* ------------------------------------------------------------------ trunk_inbound.c */
void trunk_inbound_init(struct trunk_session *s);
void trunk_inbound_free(struct trunk_session *s);

/* Hands a receipt up; the peer's request h (its mark may be NULL) is acknowledged
 * when it is stored. */
void trunk_receipt(struct trunk_session *s, const struct trunk_pdu *h, const uint8_t mark[8],
                   const struct gateway_receipt *up);

struct trunk_reply {
    const char *from, *to; /* NUL-terminated, at most 66 bytes; from as the host shall see it */
    const uint8_t *mark;   /* 8 octets; or NULL */
    const char *text;      /* UTF-8 */
    size_t length;
    struct sms_concat concat; /* total below 2: it is whole */
};

/* Hands a reply up, and when it was the last part also the whole. */
void trunk_reply(struct trunk_session *s, const struct trunk_pdu *h, const struct trunk_reply *r);

#endif
