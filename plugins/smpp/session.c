/*
 * A connection's life. States and what may follow which are in one table, and
 * move() is the one door. What depends on time happens in the tick.
 */
#include "instance.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STABLE_MS 60000             /* a bind that stood so long was a good one */
#define CREDENTIALS_PAUSE_MS 300000 /* hammering with a wrong password locks accounts */
#define UNBIND_WAIT_MS 5000

#define TO(state) (1u << SMPP_##state)

static const struct {
    const char *name;
    unsigned next;
} states[] = {
    [SMPP_CLOSED] = {"closed", 0},
    [SMPP_WAITING] = {"waiting", TO(RESOLVING) | TO(CLOSED)},
    [SMPP_RESOLVING] = {"resolving", TO(CONNECTING) | TO(WAITING) | TO(CLOSED)},
    [SMPP_CONNECTING] = {"connecting", TO(BINDING) | TO(WAITING) | TO(CLOSED)},
    [SMPP_BINDING] = {"binding", TO(BOUND) | TO(WAITING) | TO(CLOSED)},
    [SMPP_BOUND] = {"bound", TO(LEAVING) | TO(WAITING) | TO(CLOSED)},
    [SMPP_LEAVING] = {"leaving", TO(UNBINDING) | TO(WAITING) | TO(CLOSED)},
    [SMPP_UNBINDING] = {"unbinding", TO(WAITING) | TO(CLOSED)},
};

static void move(struct smpp_session *s, enum smpp_state to)
{
    assert(states[s->state].next & 1u << to);
    SMPP_LOG(s->gateway, DEBUG, "smpp.session session=%u from=%s to=%s", s->number,
             states[s->state].name, states[to].name);
    s->state = to;
    s->state_ms = s->gateway->host->mono_ms();
}

/* ------------------------------------------------------------------ the end of a connection */
/* Requests whose octets may have left are in doubt; of the others none did. */
static void answer_outstanding(struct smpp_session *s, uint64_t written, const char *why)
{
    struct smpp_request *r;
    uint32_t at = 0;

    while ((r = smpp_window_next(&s->window, &at)) != NULL) {
        struct smpp_message *m = r->message;
        unsigned part = r->part;
        bool left = r->offset < written;

        smpp_window_remove(&s->window, r);
        if (left)
            smpp_message_in_doubt(m, part, why);
        else
            smpp_message_unsent(m, part, why);
    }
    smpp_messages_drop_waiting(s, why);
}

/* Between half and the whole of it, so that daemons do not come back in step. */
static int64_t jitter(struct smpp *g, int64_t ms)
{
    uint32_t n;

    g->host->random(&n, sizeof n);
    return ms / 2 + (int64_t)(n % (uint64_t)(ms / 2 + 1));
}

static void set_next_try(struct smpp_session *s, int64_t now_ms, int64_t pause_ms)
{
    const struct smpp_settings *settings = &s->gateway->settings;

    if (pause_ms != 0) {
        s->next_ms = now_ms + pause_ms + jitter(s->gateway, pause_ms / 10);
        return;
    }
    s->next_ms = now_ms + jitter(s->gateway, s->pause_ms);
    s->pause_ms *= 2;
    if (s->pause_ms > settings->reconnect_max_ms)
        s->pause_ms = settings->reconnect_max_ms;
}

/* Ends the connection, to try again after pause_ms (0: the usual, growing one). */
static void lose(struct smpp_session *s, const char *why, int64_t pause_ms)
{
    struct smpp *g = s->gateway;
    uint64_t written = smpp_wire_written(&s->wire);
    int64_t now_ms = g->host->mono_ms();
    char words[160];

    if (s->state == SMPP_CLOSED || s->state == SMPP_WAITING)
        return;
    if ((s->state == SMPP_BOUND || s->state == SMPP_LEAVING) && now_ms - s->state_ms >= STABLE_MS)
        s->pause_ms = g->settings.reconnect_min_ms;
    snprintf(words, sizeof words, "%s", why); /* why may lie in what is closed now */
    move(s, g->draining ? SMPP_CLOSED : SMPP_WAITING);
    set_next_try(s, now_ms, pause_ms);
    smpp_wire_close(&s->wire);
    s->generation++;
    g->host->log(g->gw, g->draining ? GATEWAY_LOG_INFO : GATEWAY_LOG_WARNING,
                 "smpp.down session=%u reason=\"%s\" outstanding=%u retry_ms=%lld", s->number,
                 words, s->window.used, g->draining ? -1LL : (long long)(s->next_ms - now_ms));
    smpp_announce(g, words);
    answer_outstanding(s, written, "connection lost");
}

/* ------------------------------------------------------------------ writing */
void smpp_session_answer(struct smpp_session *s, uint32_t command, uint32_t status,
                         uint32_t sequence)
{
    uint8_t *p = s->wire.fd < 0 ? NULL : smpp_wire_room(&s->wire, SMPP_HEADER_BYTES + 1);

    if (s->wire.fd < 0)
        return;
    if (p == NULL) {
        lose(s, "peer does not read our answers", 0);
        return;
    }
    if (command == SMPP_DELIVER_SM || command == SMPP_DATA_SM)
        smpp_wire_put(&s->wire, smpp_incoming_answer(p, command, status, sequence));
    else
        smpp_wire_put(&s->wire, smpp_header_write(p, command, status, sequence));
}

static uint32_t request(struct smpp_session *s, uint32_t command)
{
    uint32_t sequence = smpp_window_number(&s->window);

    smpp_session_answer(s, command, 0, sequence);
    return sequence;
}

/* ------------------------------------------------------------------ getting there */
static void connect_to(struct smpp_session *s, const char *const *addresses, size_t count,
                       const char *trouble)
{
    const char *address = count > 0 ? addresses[s->tries++ % count] : NULL;

    if (address == NULL) {
        lose(s, trouble ? trouble : "no address", 0);
        return;
    }
    move(s, SMPP_CONNECTING);
    trouble = smpp_wire_connect(&s->wire, address, s->gateway->settings.port);
    if (trouble != NULL)
        lose(s, trouble, 0);
}

static void on_resolved(void *arg, const char *const *addresses, size_t count, const char *trouble)
{
    struct smpp_session *s = arg;
    struct smpp *g = s->gateway;

    if (s->state != SMPP_RESOLVING)
        return; /* an answer to an earlier try */
    smpp_enter(g);
    connect_to(s, addresses, count, trouble);
    smpp_leave(g);
}

static void start(struct smpp_session *s)
{
    struct smpp *g = s->gateway;

    move(s, SMPP_RESOLVING);
    g->host->resolve(g->gw, g->settings.host, on_resolved, s);
}

static void on_up(void *session)
{
    struct smpp_session *s = session;
    struct smpp *g = s->gateway;
    uint8_t *p = smpp_wire_room(&s->wire, SMPP_BIND_MAX);

    smpp_enter(g);
    smpp_window_restart(&s->window);
    s->bind_sequence = smpp_window_number(&s->window);
    s->enquire_sequence = s->unbind_sequence = 0;
    s->probes = 0;
    s->quiet_until_ms = s->partial_ms = 0;
    s->heard_ms = g->host->mono_ms();
    smpp_wire_put(&s->wire, smpp_bind_write(p, &g->settings.bind, s->bind_sequence));
    move(s, SMPP_BINDING);
    smpp_leave(g);
}

static void on_down(void *session, const char *why)
{
    struct smpp_session *s = session;
    struct smpp *g = s->gateway;

    smpp_enter(g);
    lose(s, why, 0);
    smpp_leave(g);
}

static void on_bound(struct smpp_session *s, uint32_t status, const uint8_t *body, size_t n)
{
    struct smpp *g = s->gateway;

    move(s, SMPP_BOUND);
    SMPP_LOG(g, INFO, "smpp.bound session=%u host=%s port=%u smsc=%s%s", s->number,
             g->settings.host, g->settings.port,
             g->host->log_bytes((const char *)body, n > 0 ? strnlen((const char *)body, n) : 0),
             status == SMPP_RALYBND ? " already=yes" : "");
    smpp_announce(g, "bound as transceiver");
}

static void on_bind_refused(struct smpp_session *s, uint32_t status)
{
    struct smpp *g = s->gateway;
    struct smpp_status known = smpp_status_find(status, NULL, 0);
    bool credentials =
        status == SMPP_RINVPASWD || status == SMPP_RINVSYSID || status == SMPP_RINVSYSTYP;
    char why[80];

    snprintf(why, sizeof why, "bind refused: %s (0x%08x)", known.name, (unsigned)status);
    SMPP_LOG(g, ERROR, "smpp.bind_refused session=%u status=0x%08x name=%s system_id=%s%s",
             s->number, (unsigned)status, known.name,
             g->host->log_bytes(g->settings.bind.system_id, strlen(g->settings.bind.system_id)),
             credentials ? " advice=\"check system_id, password and system_type\""
             : status == SMPP_RBINDFAIL
                 ? " advice=\"wrong credentials, too many binds or maintenance\""
                 : "");
    lose(s, why,
         credentials                ? CREDENTIALS_PAUSE_MS
         : status == SMPP_RBINDFAIL ? g->settings.reconnect_max_ms
                                    : 0);
}

/* ------------------------------------------------------------------ leaving */
void smpp_session_rebind(struct smpp_session *s)
{
    if (s->state != SMPP_BOUND)
        return;
    move(s, SMPP_LEAVING);
    s->again = true;
    SMPP_LOG(s->gateway, WARNING, "smpp.rebind session=%u reason=\"the SMSC thinks us unbound\"",
             s->number);
    smpp_announce(s->gateway, "binding again");
    smpp_messages_drop_waiting(s, "binding again");
}

void smpp_session_drain(struct smpp_session *s)
{
    if (s->state == SMPP_BOUND) {
        move(s, SMPP_LEAVING);
        s->again = false;
    } else if (s->state == SMPP_WAITING) {
        move(s, SMPP_CLOSED);
    } else if (s->state < SMPP_BOUND && s->state != SMPP_CLOSED) {
        lose(s, "draining", 0);
    }
}

static void unbind_when_idle(struct smpp_session *s)
{
    bool receipts_wait = s->ack_count > 0 && !s->again;

    if (s->state != SMPP_LEAVING || s->window.used > 0 || !TAILQ_EMPTY(&s->waiting) ||
        receipts_wait)
        return;
    s->unbind_sequence = request(s, SMPP_UNBIND);
    if (s->state == SMPP_LEAVING)
        move(s, SMPP_UNBINDING);
}

/* ------------------------------------------------------------------ what comes in */
static void on_submit_response(struct smpp_session *s, const struct smpp_header *h,
                               const uint8_t *body, size_t n)
{
    struct smpp_request *r = smpp_window_find(&s->window, h->sequence);
    struct smpp_message *m;
    unsigned part;

    if (r == NULL || r->offset >= smpp_wire_written(&s->wire)) {
        if (smpp_complain(s->gateway))
            SMPP_LOG(s->gateway, WARNING,
                     "smpp.stray_response session=%u command=0x%08x status=0x%08x sequence=%u "
                     "odd=%lu",
                     s->number, (unsigned)h->command, (unsigned)h->status, (unsigned)h->sequence,
                     s->gateway->odd);
        return;
    }
    m = r->message;
    part = r->part;
    smpp_window_remove(&s->window, r);
    smpp_message_responded(m, part, h->status, body, n);
}

static void on_bind_response(struct smpp_session *s, const struct smpp_header *h,
                             const uint8_t *body, size_t n)
{
    if (s->state != SMPP_BINDING || h->sequence != s->bind_sequence)
        return;
    if (h->status == SMPP_OK || h->status == SMPP_RALYBND)
        on_bound(s, h->status, body, n);
    else
        on_bind_refused(s, h->status);
}

static void on_unbind(struct smpp_session *s, const struct smpp_header *h, const uint8_t *body,
                      size_t n)
{
    (void)body, (void)n;
    smpp_session_answer(s, SMPP_UNBIND | SMPP_RESPONSE, SMPP_OK, h->sequence);
    smpp_wire_flush(&s->wire);
    lose(s, "unbound by the peer", 0);
}

static void on_unbind_response(struct smpp_session *s, const struct smpp_header *h,
                               const uint8_t *body, size_t n)
{
    (void)body, (void)n;
    if (s->state == SMPP_UNBINDING && h->sequence == s->unbind_sequence)
        lose(s, "unbound", 0);
}

static void on_enquire_link(struct smpp_session *s, const struct smpp_header *h,
                            const uint8_t *body, size_t n)
{
    (void)body, (void)n;
    smpp_session_answer(s, SMPP_ENQUIRE_LINK | SMPP_RESPONSE, SMPP_OK, h->sequence);
}

static void on_generic_nack(struct smpp_session *s, const struct smpp_header *h,
                            const uint8_t *body, size_t n)
{
    if (s->state == SMPP_BINDING && h->sequence == s->bind_sequence)
        on_bind_refused(s, h->status);
    else if (h->sequence != 0 && h->sequence == s->unbind_sequence)
        lose(s, "unbound", 0);
    else if (h->sequence == 0 || h->sequence != s->enquire_sequence)
        on_submit_response(s, h, body, n);
}

static void on_nothing(struct smpp_session *s, const struct smpp_header *h, const uint8_t *body,
                       size_t n)
{
    (void)s, (void)h, (void)body, (void)n; /* being heard was all */
}

#define EARLY true /* heeded before the bind response, too */
static const struct {
    uint32_t command;
    bool early;
    void (*handle)(struct smpp_session *s, const struct smpp_header *h, const uint8_t *body,
                   size_t n);
} commands[] = {
    {SMPP_SUBMIT_SM | SMPP_RESPONSE, false, on_submit_response},
    {SMPP_DELIVER_SM, false, smpp_inbound},
    {SMPP_DATA_SM, false, smpp_inbound},
    {SMPP_ENQUIRE_LINK, EARLY, on_enquire_link},
    {SMPP_ENQUIRE_LINK | SMPP_RESPONSE, EARLY, on_nothing},
    {SMPP_BIND_TRANSCEIVER | SMPP_RESPONSE, EARLY, on_bind_response},
    {SMPP_GENERIC_NACK, EARLY, on_generic_nack},
    {SMPP_UNBIND, EARLY, on_unbind},
    {SMPP_UNBIND | SMPP_RESPONSE, false, on_unbind_response},
    {SMPP_ALERT_NOTIFICATION, false, on_nothing},
};

static void handle(struct smpp_session *s, const struct smpp_header *h, const uint8_t *body)
{
    size_t i;

    for (i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (commands[i].command != h->command)
            continue;
        if (s->state >= SMPP_BOUND || commands[i].early)
            commands[i].handle(s, h, body, h->length - SMPP_HEADER_BYTES);
        return;
    }
    if (smpp_complain(s->gateway))
        SMPP_LOG(s->gateway, WARNING, "smpp.unknown_command session=%u command=0x%08x odd=%lu",
                 s->number, (unsigned)h->command, s->gateway->odd);
    if (!(h->command & SMPP_RESPONSE) && s->state >= SMPP_BOUND)
        smpp_session_answer(s, SMPP_GENERIC_NACK, SMPP_RINVCMDID, h->sequence);
}

/* Handles the whole PDUs in n octets; returns the octets they had. */
static size_t handle_all(struct smpp_session *s, const uint8_t *octets, size_t n)
{
    uint32_t generation = s->generation;
    size_t at = 0;

    while (n - at >= SMPP_HEADER_BYTES && !s->wire.stopped) {
        struct smpp_header h = smpp_header_read(octets + at);

        if (h.length < SMPP_HEADER_BYTES || h.length > SMPP_PDU_MAX) {
            char why[64];

            snprintf(why, sizeof why, "command_length %u", (unsigned)h.length);
            lose(s, why, 0);
            return SMPP_WIRE_GONE;
        }
        if (h.length > n - at)
            break;
        at += h.length;
        handle(s, &h, octets + at - h.length + SMPP_HEADER_BYTES);
        if (s->generation != generation || s->gateway->dead)
            return SMPP_WIRE_GONE;
    }
    return at;
}

static size_t on_input(void *session, const uint8_t *octets, size_t n)
{
    struct smpp_session *s = session;
    struct smpp *g = s->gateway;
    size_t handled;

    smpp_enter(g);
    handled = handle_all(s, octets, n);
    if (handled != SMPP_WIRE_GONE) {
        int64_t now_ms = g->host->mono_ms();

        if (handled > 0) {
            s->heard_ms = now_ms;
            s->probes = 0;
        }
        if (handled == n || s->wire.stopped)
            s->partial_ms = 0;
        else if (handled > 0 || s->partial_ms == 0)
            s->partial_ms = now_ms;
        if (smpp_wire_pending(&s->wire) > SMPP_WIRE_HIGH)
            smpp_wire_stop(&s->wire); /* it asks more than it takes; see on_drained() */
        smpp_messages_pump(s);
    }
    return smpp_leave(g) ? handled : SMPP_WIRE_GONE;
}

static void on_drained(void *session)
{
    struct smpp_session *s = session;
    struct smpp *g = s->gateway;
    uint32_t generation = s->generation;

    smpp_enter(g);
    smpp_messages_drop_stale(s);
    if (s->generation == generation && !g->dead) {
        smpp_wire_flush(&s->wire);
        if (smpp_wire_pending(&s->wire) < SMPP_WIRE_HIGH / 2 && s->ack_count < SMPP_ACKS_MAX)
            smpp_wire_resume(&s->wire);
        smpp_messages_pump(s);
    }
    smpp_leave(g);
}

/* ------------------------------------------------------------------ time */
static void time_out_requests(struct smpp_session *s, int64_t now_ms)
{
    int64_t limit_ms = s->gateway->settings.response_timeout_ms;
    uint32_t generation = s->generation, at = 0;
    struct smpp_request *r;

    if (s->window.used == 0 || now_ms - s->scanned_ms < 500)
        return;
    s->scanned_ms = now_ms;
    while (s->generation == generation && (r = smpp_window_next(&s->window, &at)) != NULL) {
        struct smpp_message *m = r->message;
        unsigned part = r->part;

        /* What has not even left is timed by its permission to be sent. */
        if (now_ms - r->sent_ms < limit_ms || r->offset >= smpp_wire_written(&s->wire))
            continue;
        smpp_window_remove(&s->window, r);
        smpp_message_in_doubt(m, part, "no response in time");
    }
}

/* Probes a silent peer; false if it is given up. */
static bool probe(struct smpp_session *s, int64_t now_ms)
{
    int64_t interval_ms = s->gateway->settings.enquire_link_ms;

    if (s->wire.stopped || now_ms - s->heard_ms < interval_ms ||
        (s->probes > 0 && now_ms - s->probed_ms < interval_ms))
        return true;
    if (s->probes >= 2) {
        lose(s, "two enquire_links without an answer", 0);
        return false;
    }
    s->probes++;
    s->probed_ms = now_ms;
    s->enquire_sequence = request(s, SMPP_ENQUIRE_LINK);
    return s->state >= SMPP_BOUND;
}

static void tick_bound(struct smpp_session *s, int64_t now_ms)
{
    uint32_t generation = s->generation;

    if (s->partial_ms != 0 && now_ms - s->partial_ms >= SMPP_STALE_PDU_MS) {
        lose(s, "a PDU was left unfinished", 0);
        return;
    }
    if (!probe(s, now_ms))
        return;
    time_out_requests(s, now_ms);
    if (s->generation != generation || s->gateway->dead)
        return;
    smpp_messages_drop_stale(s);
    if (s->generation != generation || s->gateway->dead)
        return;
    smpp_messages_pump(s);
    if (s->generation == generation)
        unbind_when_idle(s);
}

void smpp_session_tick(struct smpp_session *s, int64_t now_ms)
{
    const struct smpp_settings *settings = &s->gateway->settings;
    int64_t since_ms = now_ms - s->state_ms;

    switch (s->state) {
    case SMPP_CLOSED:
        break;
    case SMPP_WAITING:
        if (now_ms >= s->next_ms)
            start(s);
        break;
    case SMPP_RESOLVING:
    case SMPP_CONNECTING:
        if (since_ms >= settings->connect_timeout_ms)
            lose(s, "no connection in time", 0);
        break;
    case SMPP_BINDING:
        if (since_ms >= settings->bind_timeout_ms)
            lose(s, "no bind response in time", 0);
        break;
    case SMPP_BOUND:
    case SMPP_LEAVING:
        tick_bound(s, now_ms);
        break;
    case SMPP_UNBINDING:
        if (since_ms >= UNBIND_WAIT_MS)
            lose(s, "no unbind response in time", 0);
        break;
    }
}

/* ------------------------------------------------------------------ life */
static const struct smpp_wire_owner callbacks = {on_up, on_input, on_down, on_drained};

void smpp_session_init(struct smpp_session *s, struct smpp *g, unsigned number)
{
    memset(s, 0, sizeof *s);
    s->gateway = g;
    s->number = number;
    s->state = SMPP_WAITING; /* for the first tick */
    s->pause_ms = g->settings.reconnect_min_ms;
    TAILQ_INIT(&s->waiting);
    TAILQ_INIT(&s->stale);
    smpp_window_init(&s->window, g->settings.window);
    smpp_wire_init(&s->wire, g->host->loop(g->gw), &callbacks, s);
    smpp_inbound_init(s);
}

void smpp_session_free(struct smpp_session *s)
{
    smpp_wire_free(&s->wire);
    smpp_window_free(&s->window);
    smpp_inbound_free(s);
}
