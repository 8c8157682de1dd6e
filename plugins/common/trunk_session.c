/*
 * A connection's life. States and what may follow which are in one table, and
 * move() is the one door. What depends on time happens in the tick.
 */
#include "trunk.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STABLE_MS 60000 /* a login that stood so long was a good one */
#define LOGOUT_WAIT_MS 5000

#define TO(state) (1u << TRUNK_##state)

static const struct {
    const char *name;
    unsigned next;
} states[] = {
    [TRUNK_CLOSED] = {"closed", 0},
    [TRUNK_WAITING] = {"waiting", TO(RESOLVING) | TO(CLOSED)},
    [TRUNK_RESOLVING] = {"resolving", TO(CONNECTING) | TO(WAITING) | TO(CLOSED)},
    [TRUNK_CONNECTING] = {"connecting", TO(BINDING) | TO(WAITING) | TO(CLOSED)},
    [TRUNK_BINDING] = {"binding", TO(BOUND) | TO(WAITING) | TO(CLOSED)},
    [TRUNK_BOUND] = {"bound", TO(LEAVING) | TO(WAITING) | TO(CLOSED)},
    [TRUNK_LEAVING] = {"leaving", TO(UNBINDING) | TO(WAITING) | TO(CLOSED)},
    [TRUNK_UNBINDING] = {"unbinding", TO(WAITING) | TO(CLOSED)},
};

static void move(struct trunk_session *s, enum trunk_state to)
{
    assert(states[s->state].next & 1u << to);
    TRUNK_LOG(s->trunk, DEBUG, "%s.session session=%u from=%s to=%s", s->trunk->protocol->name,
              s->number, states[s->state].name, states[to].name);
    s->state = to;
    s->state_ms = s->trunk->host->mono_ms();
}

/* ------------------------------------------------------------------ the end of a connection */
/* Requests whose octets may have left are in doubt; of the others none did. */
static void answer_outstanding(struct trunk_session *s, uint64_t written, const char *why)
{
    struct window_request *r;
    uint32_t at = 0;

    while ((r = window_next(&s->window, &at)) != NULL) {
        struct trunk_message *m = r->message;
        unsigned part = r->part;
        bool left = r->offset < written;

        window_remove(&s->window, r);
        if (left)
            trunk_message_in_doubt(m, part, why);
        else
            trunk_message_unsent(m, part, why);
    }
    trunk_messages_drop_waiting(s, why);
}

/* Between half and the whole of it, so that daemons do not come back in step. */
static int64_t jitter(struct trunk *t, int64_t ms)
{
    uint32_t n;

    t->host->random(&n, sizeof n);
    return ms / 2 + (int64_t)(n % (uint64_t)(ms / 2 + 1));
}

static void set_next_try(struct trunk_session *s, int64_t now_ms, int64_t pause_ms)
{
    const struct trunk_settings *settings = &s->trunk->settings;

    if (pause_ms != 0) {
        s->next_ms = now_ms + pause_ms + jitter(s->trunk, pause_ms / 10);
        return;
    }
    s->next_ms = now_ms + jitter(s->trunk, s->pause_ms);
    s->pause_ms *= 2;
    if (s->pause_ms > settings->reconnect_max_ms)
        s->pause_ms = settings->reconnect_max_ms;
}

void trunk_session_lose(struct trunk_session *s, const char *why, int64_t pause_ms)
{
    struct trunk *t = s->trunk;
    uint64_t written = wire_written(&s->wire);
    int64_t now_ms = t->host->mono_ms();
    char words[160];

    if (s->state == TRUNK_CLOSED || s->state == TRUNK_WAITING)
        return;
    if ((s->state == TRUNK_BOUND || s->state == TRUNK_LEAVING) && now_ms - s->state_ms >= STABLE_MS)
        s->pause_ms = t->settings.reconnect_min_ms;
    snprintf(words, sizeof words, "%s", why); /* why may lie in what is closed now */
    move(s, t->draining ? TRUNK_CLOSED : TRUNK_WAITING);
    set_next_try(s, now_ms, pause_ms);
    wire_close(&s->wire);
    s->generation++;
    t->host->log(t->gw, t->draining ? GATEWAY_LOG_INFO : GATEWAY_LOG_WARNING,
                 "%s.down session=%u reason=\"%s\" outstanding=%u retry_ms=%lld", t->protocol->name,
                 s->number, words, s->window.used,
                 t->draining ? -1LL : (long long)(s->next_ms - now_ms));
    trunk_announce(t, words);
    answer_outstanding(s, written, "connection lost");
}

/* ------------------------------------------------------------------ writing */
uint8_t *trunk_session_room(struct trunk_session *s)
{
    uint8_t *p = s->wire.fd < 0 ? NULL : wire_room(&s->wire, TRUNK_CONTROL_MAX);

    if (p == NULL && s->wire.fd >= 0)
        trunk_session_lose(s, "peer does not read our answers", 0);
    return p;
}

/* A PDU by its header, for who looks: no field of its body, where passwords and numbers are. */
static void trace(struct trunk_session *s, bool out, const struct trunk_pdu *h)
{
    const struct trunk_protocol *protocol = s->trunk->protocol;
    const struct trunk_command *c = protocol->commands;
    bool response = (h->command & protocol->response) != 0;
    char status[32] = "";

    if (!GATEWAY_HOST_HAS(s->trunk->host, trace))
        return;
    while (c->name != NULL && c->command != h->command &&
           c->command != (h->command & ~protocol->response))
        c++;
    if (h->status != 0)
        snprintf(status, sizeof status, ", status 0x%08x", (unsigned)h->status);
    s->trunk->host->trace(s->trunk->gw, out, "%s%s (0x%08x), sequence %u%s, %u octets",
                          c->name != NULL ? c->name : "an unknown command",
                          response && c->command != h->command ? "_resp" : "", (unsigned)h->command,
                          (unsigned)h->sequence, status, (unsigned)h->length);
}

uint64_t trunk_session_put(struct trunk_session *s, const uint8_t *p, size_t n)
{
    struct trunk_pdu h = s->trunk->protocol->read(p);

    trace(s, true, &h);
    return wire_put(&s->wire, n);
}

/* Returns the sequence, or 0 when the connection is gone. */
static uint32_t request(struct trunk_session *s, size_t (*write)(uint8_t *p, uint32_t sequence))
{
    uint8_t *p = trunk_session_room(s);
    uint32_t sequence = p ? window_number(&s->window) : 0;

    if (p != NULL)
        trunk_session_put(s, p, write(p, sequence));
    return sequence;
}

/* ------------------------------------------------------------------ getting there */
static void connect_to(struct trunk_session *s, const char *const *addresses, size_t count,
                       const char *trouble)
{
    const char *address = count > 0 ? addresses[s->tries++ % count] : NULL;

    if (address == NULL) {
        trunk_session_lose(s, trouble ? trouble : "no address", 0);
        return;
    }
    move(s, TRUNK_CONNECTING);
    trouble = wire_connect(&s->wire, address, s->trunk->settings.port);
    if (trouble != NULL)
        trunk_session_lose(s, trouble, 0);
}

static void on_resolved(void *arg, const char *const *addresses, size_t count, const char *trouble)
{
    struct trunk_session *s = arg;
    struct trunk *t = s->trunk;

    if (s->state != TRUNK_RESOLVING)
        return; /* an answer to an earlier try */
    trunk_enter(t);
    connect_to(s, addresses, count, trouble);
    trunk_leave(t);
}

static void start(struct trunk_session *s)
{
    struct trunk *t = s->trunk;

    move(s, TRUNK_RESOLVING);
    t->host->resolve(t->gw, t->settings.host, on_resolved, s);
}

static void on_up(void *session)
{
    struct trunk_session *s = session;
    struct trunk *t = s->trunk;
    uint8_t *p = wire_room(&s->wire, TRUNK_CONTROL_MAX);

    trunk_enter(t);
    window_restart(&s->window);
    s->login_sequence = window_number(&s->window);
    s->probe_sequence = s->logout_sequence = 0;
    s->probes = 0;
    s->quiet_until_ms = s->partial_ms = 0;
    s->heard_ms = t->host->mono_ms();
    trunk_session_put(s, p, t->protocol->login(s, p, s->login_sequence));
    move(s, TRUNK_BINDING);
    trunk_leave(t);
}

static void on_down(void *session, const char *why)
{
    struct trunk_session *s = session;
    struct trunk *t = s->trunk;

    trunk_enter(t);
    trunk_session_lose(s, why, 0);
    trunk_leave(t);
}

void trunk_session_up(struct trunk_session *s)
{
    move(s, TRUNK_BOUND);
    trunk_announce(s->trunk, s->trunk->protocol->bound);
}

/* ------------------------------------------------------------------ leaving */
void trunk_session_again(struct trunk_session *s, const char *why)
{
    if (s->state != TRUNK_BOUND)
        return;
    move(s, TRUNK_LEAVING);
    s->again = true;
    TRUNK_LOG(s->trunk, WARNING, "%s.again session=%u reason=\"%s\"", s->trunk->protocol->name,
              s->number, why);
    trunk_announce(s->trunk, why);
    trunk_messages_drop_waiting(s, why);
}

void trunk_session_drain(struct trunk_session *s)
{
    if (s->state == TRUNK_BOUND) {
        move(s, TRUNK_LEAVING);
        s->again = false;
    } else if (s->state == TRUNK_WAITING) {
        move(s, TRUNK_CLOSED);
    } else if (s->state < TRUNK_BOUND && s->state != TRUNK_CLOSED) {
        trunk_session_lose(s, "draining", 0);
    }
}

static void log_out_when_idle(struct trunk_session *s)
{
    bool receipts_wait = s->ack_count > 0 && !s->again;

    if (s->state != TRUNK_LEAVING || s->window.used > 0 || !TAILQ_EMPTY(&s->waiting) ||
        receipts_wait)
        return;
    s->logout_sequence = request(s, s->trunk->protocol->logout);
    if (s->state == TRUNK_LEAVING)
        move(s, TRUNK_UNBINDING);
}

/* ------------------------------------------------------------------ what comes in */
void trunk_session_responded(struct trunk_session *s, const struct trunk_pdu *h, uint32_t status,
                             const uint8_t *body, size_t n)
{
    struct window_request *r = window_find(&s->window, h->sequence);
    struct trunk_message *m;
    unsigned part;

    if (r == NULL || r->offset >= wire_written(&s->wire)) {
        if (trunk_complain(s->trunk))
            TRUNK_LOG(s->trunk, WARNING,
                      "%s.stray_response session=%u command=0x%08x status=0x%08x sequence=%u "
                      "odd=%lu",
                      s->trunk->protocol->name, s->number, (unsigned)h->command, (unsigned)status,
                      (unsigned)h->sequence, s->trunk->odd);
        return;
    }
    m = r->message;
    part = r->part;
    window_remove(&s->window, r);
    trunk_message_responded(m, part, status, body, n);
}

/* Handles the whole PDUs in n octets; returns the octets they had. */
static size_t handle_all(struct trunk_session *s, const uint8_t *octets, size_t n)
{
    const struct trunk_protocol *protocol = s->trunk->protocol;
    uint32_t generation = s->generation;
    size_t at = 0;

    while (n - at >= protocol->header_bytes && !s->wire.stopped) {
        struct trunk_pdu h = protocol->read(octets + at);

        if (h.length < protocol->header_bytes || h.length > protocol->pdu_max) {
            char why[64];

            snprintf(why, sizeof why, "a PDU of %u octets", (unsigned)h.length);
            trunk_session_lose(s, why, 0);
            return WIRE_GONE;
        }
        if (h.length > n - at)
            break;
        at += h.length;
        trace(s, false, &h);
        protocol->handle(s, &h, octets + at - h.length + protocol->header_bytes,
                         h.length - protocol->header_bytes);
        if (s->generation != generation || s->trunk->dead)
            return WIRE_GONE;
    }
    return at;
}

static size_t on_input(void *session, const uint8_t *octets, size_t n)
{
    struct trunk_session *s = session;
    struct trunk *t = s->trunk;
    size_t handled;

    trunk_enter(t);
    handled = handle_all(s, octets, n);
    if (handled != WIRE_GONE) {
        int64_t now_ms = t->host->mono_ms();

        if (handled > 0) {
            s->heard_ms = now_ms;
            s->probes = 0;
        }
        if (handled == n || s->wire.stopped)
            s->partial_ms = 0;
        else if (handled > 0 || s->partial_ms == 0)
            s->partial_ms = now_ms;
        if (wire_pending(&s->wire) > WIRE_HIGH)
            wire_stop(&s->wire); /* it asks more than it takes; see on_drained() */
        trunk_messages_pump(s);
    }
    return trunk_leave(t) ? handled : WIRE_GONE;
}

static void on_drained(void *session)
{
    struct trunk_session *s = session;
    struct trunk *t = s->trunk;
    uint32_t generation = s->generation;

    trunk_enter(t);
    trunk_messages_drop_stale(s);
    if (s->generation == generation && !t->dead) {
        wire_flush(&s->wire);
        if (wire_pending(&s->wire) < WIRE_HIGH / 2 && s->ack_count < TRUNK_ACKS_MAX)
            wire_resume(&s->wire);
        trunk_messages_pump(s);
    }
    trunk_leave(t);
}

/* ------------------------------------------------------------------ time */
static void time_out_requests(struct trunk_session *s, int64_t now_ms)
{
    int64_t limit_ms = s->trunk->settings.response_timeout_ms;
    uint32_t generation = s->generation, at = 0;
    struct window_request *r;

    if (s->window.used == 0 || now_ms - s->scanned_ms < 500)
        return;
    s->scanned_ms = now_ms;
    while (s->generation == generation && (r = window_next(&s->window, &at)) != NULL) {
        struct trunk_message *m = r->message;
        unsigned part = r->part;

        /* What has not even left is timed by its permission to be sent. */
        if (now_ms - r->sent_ms < limit_ms || r->offset >= wire_written(&s->wire))
            continue;
        window_remove(&s->window, r);
        trunk_message_in_doubt(m, part, "no response in time");
    }
}

/* Probes a silent peer; false if it is given up. */
static bool probe(struct trunk_session *s, int64_t now_ms)
{
    const struct trunk_settings *settings = &s->trunk->settings;
    uint32_t generation = s->generation;

    if (s->wire.stopped || now_ms - s->heard_ms < settings->probe_ms ||
        (s->probes > 0 && now_ms - s->probed_ms < settings->probe_wait_ms))
        return true;
    if (s->probes >= settings->probes_max) {
        trunk_session_lose(s, "it does not answer any more", 0);
        return false;
    }
    s->probes++;
    s->probed_ms = now_ms;
    s->probe_sequence = request(s, s->trunk->protocol->probe);
    return s->generation == generation;
}

static void tick_bound(struct trunk_session *s, int64_t now_ms)
{
    uint32_t generation = s->generation;

    if (s->partial_ms != 0 && now_ms - s->partial_ms >= TRUNK_STALE_PDU_MS) {
        trunk_session_lose(s, "a PDU was left unfinished", 0);
        return;
    }
    if (!probe(s, now_ms))
        return;
    time_out_requests(s, now_ms);
    if (s->generation != generation || s->trunk->dead)
        return;
    trunk_messages_drop_stale(s);
    if (s->generation != generation || s->trunk->dead)
        return;
    trunk_messages_pump(s);
    if (s->generation == generation)
        log_out_when_idle(s);
}

void trunk_session_tick(struct trunk_session *s, int64_t now_ms)
{
    const struct trunk_settings *settings = &s->trunk->settings;
    int64_t since_ms = now_ms - s->state_ms;

    switch (s->state) {
    case TRUNK_CLOSED:
        break;
    case TRUNK_WAITING:
        if (now_ms >= s->next_ms)
            start(s);
        break;
    case TRUNK_RESOLVING:
    case TRUNK_CONNECTING:
        if (since_ms >= settings->connect_timeout_ms)
            trunk_session_lose(s, "no connection in time", 0);
        break;
    case TRUNK_BINDING:
        if (since_ms >= settings->login_timeout_ms)
            trunk_session_lose(s, "no answer to the login in time", 0);
        break;
    case TRUNK_BOUND:
    case TRUNK_LEAVING:
        tick_bound(s, now_ms);
        break;
    case TRUNK_UNBINDING:
        if (since_ms >= LOGOUT_WAIT_MS)
            trunk_session_lose(s, "no answer to the logout in time", 0);
        break;
    }
}

/* ------------------------------------------------------------------ life */
static const struct wire_owner callbacks = {on_up, on_input, on_down, on_drained};

void trunk_session_init(struct trunk_session *s, struct trunk *t, unsigned number)
{
    memset(s, 0, sizeof *s);
    s->trunk = t;
    s->number = number;
    s->state = TRUNK_WAITING; /* for the first tick */
    s->pause_ms = t->settings.reconnect_min_ms;
    TAILQ_INIT(&s->waiting);
    TAILQ_INIT(&s->stale);
    window_init(&s->window, t->settings.window);
    wire_init(&s->wire, t->host->loop(t->gw), t->host->boot_ms, &callbacks, s);
    wire_secure(&s->wire, t->settings.tls, t->settings.host);
    trunk_inbound_init(s);
}

void trunk_session_free(struct trunk_session *s)
{
    wire_free(&s->wire);
    window_free(&s->window);
    trunk_inbound_free(s);
}
