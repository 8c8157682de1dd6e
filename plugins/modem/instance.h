/*
 * instance.h - one configured gateway of modems, as its parts see it
 *
 *     modem.c   the plugin: settings, open, submit, drain, close; who gets a message
 *     port.c    a modem's life: from the device to a SIM in a network, and what it is asked
 *     inbox.c   replies and receipts, from the SIM's memory until they are stored
 *     at.c      lines; pdu.c: what is in them
 *
 * A modem has one message at a time, as the network does. close() within one of our callbacks
 * only marks the instance dead; the callback frees it on its way out.
 */
#ifndef MODEM_INSTANCE_H
#define MODEM_INSTANCE_H

#include "at.h"
#include "codes.h"
#include "gateway_plugin.h"
#include "pdu.h"
#include "reassembly.h"

#include <event2/event.h>

#define MODEM_PORTS_MAX 32
#define MODEM_KEPT_MAX 255 /* messages of a SIM that are being stored */
#define MODEM_READS_MAX 64 /* announced and not yet read */
#define MODEM_MEMORY_BYTES 4
#define MODEM_ID_BYTES 32

enum modem_step {
    STEP_CLOSED, /* waits to open the device */
    STEP_RESETTING,
    STEP_AT,
    STEP_ECHO,
    STEP_NUMBERS, /* errors as numbers */
    STEP_PIN_ASK,
    STEP_PIN_GIVE,
    STEP_IMSI,
    STEP_PDU_MODE,
    STEP_CENTER,
    STEP_INDICATE,      /* replies and receipts into the memory, and tell */
    STEP_INDICATE_LESS, /* receipts past the memory */
    STEP_NETWORK,
    STEP_NETWORK_LTE,
    STEP_SIGNAL,
    STEP_OPERATOR,
    STEP_MEMORY,
    STEP_LIST,
    STEP_READ,
    STEP_DELETE,
    STEP_IDLE,
    STEP_SUBMIT, /* until the prompt: nothing has left */
    STEP_PDU,    /* from there on it may have */
};

struct modem_kept {
    struct modem_port *port;
    enum { KEPT_FREE, KEPT_WAITS, KEPT_PART, KEPT_DELETE } state;
    unsigned pending; /* calls of stored() to come: not to be used again before */
    bool orphan;      /* the device was closed since: its index means nothing now */
    char memory[MODEM_MEMORY_BYTES];
    long index;         /* -1: never was in a memory */
    uint64_t hash, key; /* of the PDU; of the reply that it is a part of */
    uint64_t reply;     /* number in the reassembly */
    int64_t since_ms;
};

struct modem_read {
    char memory[MODEM_MEMORY_BYTES];
    long index;
};

struct modem_port {
    struct modem *modem;
    const char *path;
    unsigned number; /* from 1, for the log */
    int fd;
    struct event *readable, *writable;
    struct gateway_timer *timer;
    struct at_reader reader;
    char out[PDU_HEX_BYTES + 64];
    size_t out_from, out_n;
    enum modem_step step;
    uint32_t generation; /* counts openings */
    int64_t pause_ms;
    bool pin_given, pin_refused; /* a PIN is tried once: the third wrong one locks the SIM */
    char pin_state[40];
    char sim[9];      /* names the SIM in ids, without telling who it is */
    bool ready;       /* registered in a network */
    char trouble[60]; /* why it was given up last; "" once it is ready */
    long registration, signal;
    char operator_name[40];
    int64_t status_ms;        /* monotonic: of the next look at network, signal and memory */
    enum at_kind pdu_follows; /* AT_OTHER: none */
    long follow_index, follow_status;

    const struct gateway_message *message; /* under way, or NULL */
    struct sms_text text;
    unsigned part;
    uint8_t reference;
    long sent; /* the reference of the part that +CMGS gave, -1 */
    struct gateway_id ids[GATEWAY_MAX_IDS];
    char id_bytes[GATEWAY_MAX_IDS][MODEM_ID_BYTES];
    size_t id_count;

    char memory[MODEM_MEMORY_BYTES], next_memory[MODEM_MEMORY_BYTES];
    bool list_due;
    struct modem_read reads[MODEM_READS_MAX];
    size_t read_count;
    struct modem_read reading;
    struct modem_kept kept[MODEM_KEPT_MAX];
    struct modem_kept *deleting;
};

struct modem {
    const struct gateway_host *host;
    struct gateway *gw;
    struct codes *codes;
    struct modem_port *ports;
    size_t port_count;
    const char *pin, *service_center, *memory;
    int64_t baud, command_ms, send_ms, poll_ms, reset_ms, pause_min_ms, pause_max_ms;
    bool receipts, draining, dead;
    unsigned depth;
    uint8_t reference;
    struct reassembly *reassembly;
    char joined[REASSEMBLY_BYTES_MAX];
    char why[160];
    unsigned announced;
    char unknown_codes[16][16]; /* said once */
    size_t unknown_count;
};

#define MODEM_LOG(m, level, ...) (m)->host->log((m)->gw, GATEWAY_LOG_##level, __VA_ARGS__)

/* Around every callback; leave() returns false if the instance is gone now. */
void modem_enter(struct modem *m);
bool modem_leave(struct modem *m);
void modem_announce(struct modem *m);

/* What a code means; never NULL: one that is not in the table is RETRY, and logged once. */
const struct code *modem_code(struct modem *m, const char *code);

/* FNV-1a, for what names a thing and must not tell it. */
uint64_t modem_hash(const void *bytes, size_t n);

/* The id of a message by what its receipt has too: SIM, reference, and the last digits of the
 * number, which networks write with and without the country's code. */
size_t modem_id(char out[MODEM_ID_BYTES], const struct modem_port *p, unsigned reference,
                const char *number);

/* ------------------------------------------------------------------ port.c */
void port_init(struct modem_port *p, struct modem *m, const char *path, unsigned number);
void port_free(struct modem_port *p); /* answers nothing */
bool port_is_free(const struct modem_port *p);
void port_send(struct modem_port *p, const struct gateway_message *message);
void port_work(struct modem_port *p); /* when idle, takes up what is to be done */

/* ------------------------------------------------------------------ inbox.c */
/* A PDU from a memory's index, or directly (-1). */
void inbox_take(struct modem_port *p, const char *memory, long index, const char *hex, size_t n);
void inbox_announced(struct modem_port *p, const char *memory, long index);
void inbox_forget(struct modem_port *p); /* the device is closed */
struct modem_kept *inbox_to_delete(struct modem_port *p);
void inbox_deleted(struct modem_kept *k);

#endif
