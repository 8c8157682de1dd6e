/*
 * A message's parts. One of them is in exactly one of the sets todo, flight,
 * accepted, throttled, failed, unsent, unknown; when none is in flight and none
 * is to be sent any more, settle() makes the one answer out of the sets.
 */
#include "instance.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"

struct smpp_ids {
    uint8_t length[SMPP_PARTS_MAX];
    char bytes[SMPP_PARTS_MAX][SMPP_ID_MAX];
};

#define ALL(parts) ((uint8_t)((1u << (parts)) - 1))

/* ------------------------------------------------------------------ the pool */
void smpp_messages_init(struct smpp *g)
{
    size_t i, n = (size_t)g->settings.connections * g->settings.window;

    TAILQ_INIT(&g->free_messages);
    g->messages = smpp_calloc(n, sizeof *g->messages);
    for (i = 0; i < n; i++)
        TAILQ_INSERT_TAIL(&g->free_messages, &g->messages[i], link);
}

void smpp_messages_free(struct smpp *g)
{
    size_t i, n = (size_t)g->settings.connections * g->settings.window;

    for (i = 0; g->messages != NULL && i < n; i++)
        free(g->messages[i].ids);
    free(g->messages);
    g->messages = NULL;
}

static void wait_in_line(struct smpp_message *m)
{
    TAILQ_INSERT_TAIL(&m->session->waiting, m, link);
    m->session->waiting_count++;
    m->waiting = true;
}

static void leave_line(struct smpp_message *m)
{
    if (!m->waiting)
        return;
    TAILQ_REMOVE(&m->session->waiting, m, link);
    m->session->waiting_count--;
    m->waiting = false;
}

/* ------------------------------------------------------------------ the answer */
/* Gives m back before the host hears of it: it may submit at once. */
static void answer(struct smpp_message *m, const struct gateway_answer *a)
{
    struct smpp *g = m->session->gateway;
    uint64_t token = m->m->token;
    struct smpp_ids *ids = m->ids;

    leave_line(m);
    m->ids = NULL;
    TAILQ_INSERT_HEAD(&g->free_messages, m, link);
    if (!g->dead)
        g->host->done(g->gw, token, a);
    free(ids);
}

static void answer_plain(struct smpp_message *m, enum gateway_outcome outcome,
                         enum gateway_reason reason, const char *words)
{
    answer(m, &(struct gateway_answer){.outcome = outcome, .reason = reason, .words = words});
}

static size_t accepted_ids(const struct smpp_message *m, struct gateway_id ids[SMPP_PARTS_MAX])
{
    size_t n = 0;
    unsigned i;

    for (i = 0; m->ids != NULL && i < m->parts; i++)
        if (m->accepted & 1u << i && m->ids->length[i] > 0)
            ids[n++] = (struct gateway_id){m->ids->bytes[i], m->ids->length[i]};
    return n;
}

static void answer_status(struct smpp_message *m, uint32_t status)
{
    struct smpp *g = m->session->gateway;
    struct smpp_status known =
        smpp_status_find(status, g->settings.overrides, g->settings.override_count);
    struct gateway_id ids[SMPP_PARTS_MAX];
    struct gateway_answer a = {.outcome = known.outcome, .reason = known.reason};
    char code[16];

    snprintf(code, sizeof code, "0x%08x", (unsigned)status);
    a.code = code;
    a.words = known.name;
    if (known.outcome == GATEWAY_THROTTLED)
        a.retry_after_ms = SMPP_PAUSE_MS;
    if (m->accepted != 0) {
        a.outcome = GATEWAY_REJECTED; /* a part is out: never the whole again */
        a.reason = GATEWAY_REASON_PARTIAL;
        a.retry_after_ms = 0;
        a.partial = true;
        a.ids = ids;
        a.id_count = accepted_ids(m, ids);
    }
    answer(m, &a);
}

/* Unsent or in doubt, by what became of the parts. */
static void answer_lost(struct smpp_message *m)
{
    struct gateway_id ids[SMPP_PARTS_MAX];
    struct gateway_answer a = {.words = m->trouble, .ids = ids};

    a.id_count = accepted_ids(m, ids);
    if (m->unknown != 0) {
        a.outcome = GATEWAY_UNKNOWN;
    } else if (m->accepted != 0) {
        a.outcome = GATEWAY_REJECTED;
        a.reason = GATEWAY_REASON_PARTIAL;
        a.partial = true;
    } else {
        a.outcome = GATEWAY_UNSENT;
    }
    answer(m, &a);
}

/* Some parts were accepted, the others came too fast: those alone go again. */
static void send_again(struct smpp_message *m)
{
    struct smpp_session *s = m->session;

    if (s->gateway->host->mono_ms() - m->begun_ms > s->gateway->settings.response_timeout_ms ||
        !smpp_session_sends(s)) {
        answer_status(m, m->status);
        return;
    }
    /* How fast the rest goes is the host's business; this one it cannot hold back. */
    s->quiet_until_ms = s->gateway->host->mono_ms() + SMPP_PAUSE_MS;
    m->todo |= m->throttled;
    m->throttled = 0;
    if (!m->waiting)
        wait_in_line(m);
}

static void settle(struct smpp_message *m)
{
    struct gateway_id ids[SMPP_PARTS_MAX];

    if (m->flight != 0)
        return;
    if (m->unknown != 0)
        answer_lost(m);
    else if (m->failed != 0)
        answer_status(m, m->status);
    else if (m->unsent != 0)
        answer_lost(m);
    else if (m->throttled != 0 && m->accepted == 0)
        answer_status(m, m->status);
    else if (m->throttled != 0)
        send_again(m);
    else if (m->accepted == ALL(m->parts))
        answer(m, &(struct gateway_answer){
                      .outcome = GATEWAY_ACCEPTED, .ids = ids, .id_count = accepted_ids(m, ids)});
}

/* ------------------------------------------------------------------ responses */
static void move(struct smpp_message *m, unsigned part, uint8_t *to)
{
    uint8_t bit = (uint8_t)(1u << part);

    m->flight &= (uint8_t)~bit;
    m->todo &= (uint8_t)~bit;
    *to |= bit;
}

/* No more parts of it: what is not sent yet would be the rest of a ruin. */
static void give_up(struct smpp_message *m)
{
    m->todo = 0;
    leave_line(m);
}

static void accept_part(struct smpp_message *m, unsigned part, const uint8_t *body, size_t n)
{
    struct smpp *g = m->session->gateway;
    struct smpp_id id;
    size_t length;
    const char *raw = smpp_response_id(body, n, &length);

    smpp_id_of_response(&id, raw, length, g->settings.id_base);
    if (m->parts == 1) {
        struct gateway_id one = {id.bytes, id.length};

        answer(m, &(struct gateway_answer){
                      .outcome = GATEWAY_ACCEPTED, .ids = &one, .id_count = id.length > 0});
        return;
    }
    move(m, part, &m->accepted);
    m->ids->length[part] = (uint8_t)id.length;
    memcpy(m->ids->bytes[part], id.bytes, id.length);
    settle(m);
}

void smpp_message_responded(struct smpp_message *m, unsigned part, uint32_t status,
                            const uint8_t *body, size_t n)
{
    struct smpp_session *s = m->session;
    struct smpp_status known;

    if (status == SMPP_OK) {
        accept_part(m, part, body, n);
        return;
    }
    known = smpp_status_find(status, s->gateway->settings.overrides,
                             s->gateway->settings.override_count);
    if (known.outcome == GATEWAY_ACCEPTED) {
        accept_part(m, part, body, n);
        return;
    }
    if (m->failed == 0)
        m->status = status;
    if (known.outcome == GATEWAY_THROTTLED) {
        move(m, part, &m->throttled);
    } else {
        move(m, part, known.outcome == GATEWAY_UNKNOWN ? &m->unknown : &m->failed);
        give_up(m);
    }
    if (status == SMPP_RINVBNDSTS)
        smpp_session_rebind(s);
    settle(m);
}

void smpp_message_in_doubt(struct smpp_message *m, unsigned part, const char *why)
{
    m->trouble = why;
    move(m, part, &m->unknown);
    give_up(m);
    settle(m);
}

void smpp_message_unsent(struct smpp_message *m, unsigned part, const char *why)
{
    if (m->unknown == 0)
        m->trouble = why;
    move(m, part, &m->unsent);
    give_up(m);
    settle(m);
}

/* ------------------------------------------------------------------ sending */
struct now {
    int64_t mono_ms, boot_ms, wall_ms;
};

static const char *validity(struct smpp *g, const struct gateway_message *m, const struct now *now)
{
    int64_t expires_s = m->expires_ms / 1000, wall_s = now->wall_ms / 1000;

    if (expires_s != g->validity.expires_s || wall_s != g->validity.wall_s) {
        smpp_validity_write(g->validity.text, g->settings.validity, m->expires_ms, wall_s * 1000);
        g->validity.expires_s = expires_s;
        g->validity.wall_s = wall_s;
    }
    return g->validity.text;
}

/* The sender of this message: the gateway's, or one of its own. NULL: unusable. */
static const struct smpp_sender *sender_of(struct smpp *g, const struct gateway_message *m)
{
    const char *from = m->from;

    if (from == NULL || *from == '\0' || strcmp(from, g->settings.source) == 0)
        return &g->sender;
    if (strcmp(from, g->other_from) == 0)
        return &g->other_sender;
    g->other_from[0] = '\0';
    if (strlen(from) >= sizeof g->other_from ||
        smpp_sender_make(&g->other_sender, g->settings.service_type, from + (*from == '+'),
                         smpp_settings_source_type(&g->settings, from),
                         g->settings.destination) != 0)
        return NULL;
    strcpy(g->other_from, from);
    return &g->other_sender;
}

static void fill_part(const struct smpp_message *m, const struct smpp_text *t, unsigned part,
                      struct smpp_submit *submit)
{
    const struct smpp_settings *settings = &m->session->gateway->settings;

    submit->text = t->octets + t->start[part];
    submit->length = (size_t)(t->start[part + 1] - t->start[part]);
    submit->payload = settings->long_text == SMPP_LONG_PAYLOAD &&
                      submit->length > (t->data_coding == 8 ? 140u : 160u);
    if (m->parts == 1)
        return;
    if (settings->long_text == SMPP_LONG_SAR) {
        submit->sar_reference = m->reference;
        submit->sar_total = m->parts;
        submit->sar_number = (uint8_t)(part + 1);
        return;
    }
    submit->header_length =
        smpp_text_header(submit->header, settings->long_text, m->reference, m->parts, part + 1);
    submit->esm_class = SMPP_ESM_UDH;
}

static bool write_part(struct smpp_message *m, struct smpp_submit *submit, unsigned part,
                       const struct now *now)
{
    struct smpp_session *s = m->session;
    uint8_t *p = smpp_wire_room(&s->wire, SMPP_SUBMIT_MAX);
    struct smpp_request *r;

    if (p == NULL)
        return false;
    r = smpp_window_put(&s->window);
    r->message = m;
    r->part = part;
    r->sent_ms = now->mono_ms;
    r->offset = smpp_wire_put(&s->wire, smpp_submit_write(p, submit, r->sequence));
    move(m, part, &m->flight);
    if (m->begun_ms == 0) {
        m->begun_ms = now->mono_ms;
        m->first = r->offset;
    }
    return true;
}

static void begin(struct smpp_message *m, const struct smpp_text *t)
{
    m->parts = (uint8_t)t->parts;
    m->todo = ALL(t->parts);
    if (t->parts == 1)
        return;
    m->ids = smpp_calloc(1, sizeof *m->ids);
    m->reference = ++m->session->gateway->reference;
}

/* Writes the parts of m that fit. Returns false when m must wait for room; when
 * it cannot be sent at all it is answered. */
static bool send_message(struct smpp_message *m, const struct now *now)
{
    struct smpp_session *s = m->session;
    struct smpp *g = s->gateway;
    const struct gateway_message *gm = m->m;
    struct smpp_text text;
    struct smpp_submit submit = {.to = gm->to, .to_length = gm->to_length, .schedule = ""};
    enum smpp_text_result result;
    unsigned part;

    if (submit.to_length > 0 && *submit.to == '+') {
        submit.to++;
        submit.to_length--;
    }
    submit.sender = sender_of(g, gm);
    result = smpp_text_encode(&text, gm->text, gm->length, gm->encoding, g->settings.charset,
                              g->settings.long_text);
    if (submit.to_length == 0 || submit.to_length > 20) {
        answer_plain(m, GATEWAY_REJECTED, GATEWAY_REASON_NUMBER, "no number that SMPP can carry");
        return true;
    }
    if (submit.sender == NULL) {
        answer_plain(m, GATEWAY_BROKEN, GATEWAY_REASON_OTHER, "sender too long");
        return true;
    }
    if (result != SMPP_TEXT_OK) {
        answer_plain(m, GATEWAY_REJECTED, GATEWAY_REASON_TEXT,
                     result == SMPP_TEXT_INVALID ? "text is not UTF-8" : "too many parts");
        return true;
    }
    if (m->parts == 0)
        begin(m, &text);
    submit.validity = validity(g, gm, now);
    submit.registered_delivery = g->settings.registered_delivery;
    submit.data_coding = text.data_coding;
    for (part = 0; part < m->parts && smpp_window_room(&s->window) > 0; part++) {
        if (!(m->todo & 1u << part))
            continue;
        fill_part(m, &text, part, &submit);
        if (!write_part(m, &submit, part, now))
            return false;
    }
    if (m->todo != 0)
        return false;
    leave_line(m);
    return true;
}

static bool is_stale(const struct smpp_message *m, int64_t boot_ms)
{
    /* Of what was begun the rest goes on: the first part may be on a screen. */
    return m->begun_ms == 0 && m->m->submit_by_ms != 0 && m->m->submit_by_ms < boot_ms;
}

static struct now look_at_clocks(const struct gateway_host *host)
{
    return (struct now){host->mono_ms(), host->boot_ms(), host->wall_ms()};
}

void smpp_messages_pump(struct smpp_session *s)
{
    struct smpp_message *m;
    struct now now;

    /* Answering may bring a submit() in here again: the outer loop sees to it. */
    if (s->pumping || TAILQ_EMPTY(&s->waiting))
        return;
    s->pumping = true;
    now = look_at_clocks(s->gateway->host);
    while (smpp_session_sends(s) && now.mono_ms >= s->quiet_until_ms &&
           (m = TAILQ_FIRST(&s->waiting)) != NULL) {
        if (is_stale(m, now.boot_ms)) {
            answer_plain(m, GATEWAY_UNSENT, GATEWAY_REASON_NONE, "waited too long");
            continue;
        }
        if (smpp_wire_pending(&s->wire) > SMPP_WIRE_HIGH) {
            s->wire.crowded = true;
            break;
        }
        if (smpp_window_room(&s->window) == 0 || !send_message(m, &now))
            break;
    }
    s->pumping = false;
}

void smpp_message_take(struct smpp *g, struct smpp_session *s, const struct gateway_message *gm)
{
    struct smpp_message *m = TAILQ_FIRST(&g->free_messages);

    if (s == NULL || m == NULL) {
        g->host->done(g->gw, gm->token,
                      &(struct gateway_answer){.outcome = GATEWAY_UNSENT,
                                               .words = s ? "window is full" : "not bound"});
        return;
    }
    TAILQ_REMOVE(&g->free_messages, m, link);
    memset(m, 0, sizeof *m);
    m->m = gm;
    m->session = s;
    wait_in_line(m);
}

void smpp_messages_drop_waiting(struct smpp_session *s, const char *why)
{
    struct smpp_message *m;

    while ((m = TAILQ_FIRST(&s->waiting)) != NULL) {
        leave_line(m);
        m->trouble = why;
        m->unsent |= m->parts == 0 ? 1 : m->todo | m->throttled;
        m->todo = m->throttled = 0;
        settle(m);
    }
}

/* ------------------------------------------------------------------ too late */
/* A request whose octets have not left yet, and must not any more? Once the first
 * part of a message has left the others follow. */
static bool must_not_leave(const struct smpp_session *s, const struct smpp_message *m)
{
    return m->m->submit_by_ms != 0 && m->m->submit_by_ms < s->filter_boot_ms &&
           m->first >= smpp_wire_written(&s->wire);
}

static bool keep_request(void *session, const uint8_t *pdu, uint64_t offset)
{
    struct smpp_session *s = session;
    struct smpp_header h = smpp_header_read(pdu);
    struct smpp_request *r =
        h.command == SMPP_SUBMIT_SM ? smpp_window_find(&s->window, h.sequence) : NULL;
    struct smpp_message *m = r ? r->message : NULL;
    unsigned part = r ? r->part : 0;

    if (r == NULL)
        return h.command != SMPP_SUBMIT_SM; /* one that nobody waits for any more need not go */
    if (!must_not_leave(s, m)) {
        if (m->first == r->offset)
            m->first = offset;
        r->offset = offset;
        return true;
    }
    smpp_window_remove(&s->window, r);
    move(m, part, &m->unsent);
    m->trouble = "waited too long";
    give_up(m);
    if (m->flight == 0) /* the host is called when the octets are in order again */
        TAILQ_INSERT_TAIL(&s->stale, m, link);
    return false;
}

void smpp_messages_drop_stale(struct smpp_session *s)
{
    struct smpp_message *m, *next;

    if (s->pumping)
        return;
    s->filter_boot_ms = s->gateway->host->boot_ms();
    smpp_wire_filter(&s->wire, keep_request);
    for (m = TAILQ_FIRST(&s->waiting); m != NULL; m = next) {
        next = TAILQ_NEXT(m, link);
        if (!is_stale(m, s->filter_boot_ms))
            continue;
        leave_line(m);
        m->unsent = 1;
        m->trouble = "waited too long";
        TAILQ_INSERT_TAIL(&s->stale, m, link);
    }
    while ((m = TAILQ_FIRST(&s->stale)) != NULL) {
        TAILQ_REMOVE(&s->stale, m, link);
        settle(m);
    }
}
