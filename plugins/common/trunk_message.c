/*
 * A message's parts. One of them is in exactly one of the sets todo, flight,
 * accepted, throttled, failed, unsent, unknown; when none is in flight and none
 * is to be sent any more, settle() makes the one answer out of the sets.
 */
#include "trunk.h"

#include <stdlib.h>
#include <string.h>

#include "memory.h"

struct trunk_ids {
    uint8_t length[SMS_PARTS_MAX];
    char bytes[SMS_PARTS_MAX][TRUNK_ID_MAX];
};

#define ALL(parts) ((uint8_t)((1u << (parts)) - 1))

/* ------------------------------------------------------------------ the pool */
void trunk_messages_init(struct trunk *t)
{
    size_t i, n = (size_t)t->settings.connections * t->settings.window;

    TAILQ_INIT(&t->free_messages);
    t->messages = memory_calloc(n, sizeof *t->messages);
    for (i = 0; i < n; i++)
        TAILQ_INSERT_TAIL(&t->free_messages, &t->messages[i], link);
}

void trunk_messages_free(struct trunk *t)
{
    size_t i, n = (size_t)t->settings.connections * t->settings.window;

    for (i = 0; t->messages != NULL && i < n; i++)
        free(t->messages[i].ids);
    free(t->messages);
    t->messages = NULL;
}

static void wait_in_line(struct trunk_message *m)
{
    TAILQ_INSERT_TAIL(&m->session->waiting, m, link);
    m->session->waiting_count++;
    m->waiting = true;
}

static void leave_line(struct trunk_message *m)
{
    if (!m->waiting)
        return;
    TAILQ_REMOVE(&m->session->waiting, m, link);
    m->session->waiting_count--;
    m->waiting = false;
}

/* ------------------------------------------------------------------ the answer */
/* Gives m back before the host hears of it: it may submit at once. */
static void answer(struct trunk_message *m, const struct gateway_answer *a)
{
    struct trunk *t = m->session->trunk;
    uint64_t token = m->m->token;
    struct trunk_ids *ids = m->ids;

    leave_line(m);
    m->ids = NULL;
    TAILQ_INSERT_HEAD(&t->free_messages, m, link);
    if (!t->dead)
        t->host->done(t->gw, token, a);
    free(ids);
}

static void answer_plain(struct trunk_message *m, enum gateway_outcome outcome,
                         enum gateway_reason reason, const char *words)
{
    answer(m, &(struct gateway_answer){.outcome = outcome, .reason = reason, .words = words});
}

static size_t accepted_ids(const struct trunk_message *m, struct gateway_id ids[SMS_PARTS_MAX])
{
    size_t n = 0;
    unsigned i;

    for (i = 0; m->ids != NULL && i < m->parts; i++)
        if (m->accepted & 1u << i && m->ids->length[i] > 0)
            ids[n++] = (struct gateway_id){m->ids->bytes[i], m->ids->length[i]};
    return n;
}

static void answer_status(struct trunk_message *m, uint32_t status)
{
    struct trunk *t = m->session->trunk;
    struct gateway_id ids[SMS_PARTS_MAX];
    struct gateway_answer a = {0};
    char code[16];

    t->protocol->verdict(t, status, &a, code);
    a.code = code;
    if (a.outcome == GATEWAY_THROTTLED)
        a.retry_after_ms = TRUNK_PAUSE_MS;
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
static void answer_lost(struct trunk_message *m)
{
    struct gateway_id ids[SMS_PARTS_MAX];
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
static void send_again(struct trunk_message *m)
{
    struct trunk_session *s = m->session;

    if (s->trunk->host->mono_ms() - m->begun_ms > s->trunk->settings.response_timeout_ms ||
        !trunk_session_sends(s)) {
        answer_status(m, m->status);
        return;
    }
    /* How fast the rest goes is the host's business; this one it cannot hold back. */
    s->quiet_until_ms = s->trunk->host->mono_ms() + TRUNK_PAUSE_MS;
    m->todo |= m->throttled;
    m->throttled = 0;
    if (!m->waiting)
        wait_in_line(m);
}

static void settle(struct trunk_message *m)
{
    struct gateway_id ids[SMS_PARTS_MAX];

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
static void move(struct trunk_message *m, unsigned part, uint8_t *to)
{
    uint8_t bit = (uint8_t)(1u << part);

    m->flight &= (uint8_t)~bit;
    m->todo &= (uint8_t)~bit;
    *to |= bit;
}

/* No more parts of it: what is not sent yet would be the rest of a ruin. */
static void give_up(struct trunk_message *m)
{
    m->todo = 0;
    leave_line(m);
}

static void accept_part(struct trunk_message *m, unsigned part, const uint8_t *body, size_t n)
{
    struct trunk *t = m->session->trunk;
    char id[TRUNK_ID_MAX];
    size_t length = t->protocol->id(t, body, n, id);

    if (m->parts == 1) {
        struct gateway_id one = {id, length};

        answer(m, &(struct gateway_answer){
                      .outcome = GATEWAY_ACCEPTED, .ids = &one, .id_count = length > 0});
        return;
    }
    move(m, part, &m->accepted);
    m->ids->length[part] = (uint8_t)length;
    memcpy(m->ids->bytes[part], id, length);
    settle(m);
}

void trunk_message_responded(struct trunk_message *m, unsigned part, uint32_t status,
                             const uint8_t *body, size_t n)
{
    struct trunk_session *s = m->session;
    const struct trunk_protocol *protocol = s->trunk->protocol;
    struct gateway_answer known = {.outcome = GATEWAY_ACCEPTED};
    char code[16];

    if (status != 0)
        protocol->verdict(s->trunk, status, &known, code);
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
    if (protocol->refused != NULL)
        protocol->refused(s, status);
    settle(m);
}

void trunk_message_in_doubt(struct trunk_message *m, unsigned part, const char *why)
{
    m->trouble = why;
    move(m, part, &m->unknown);
    give_up(m);
    settle(m);
}

void trunk_message_unsent(struct trunk_message *m, unsigned part, const char *why)
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

static bool write_part(struct trunk_message *m, const struct sms_text *text, unsigned part,
                       const struct now *now)
{
    struct trunk_session *s = m->session;
    const struct trunk_protocol *protocol = s->trunk->protocol;
    uint8_t *p = wire_room(&s->wire, protocol->submit_max);
    struct window_request *r;

    if (p == NULL)
        return false;
    r = window_put(&s->window);
    r->message = m;
    r->part = part;
    r->sent_ms = now->mono_ms;
    r->offset = trunk_session_put(s, p, protocol->write(m, text, part, p, r->sequence));
    move(m, part, &m->flight);
    if (m->begun_ms == 0) {
        m->begun_ms = now->mono_ms;
        m->first = r->offset;
    }
    return true;
}

static void begin(struct trunk_message *m, const struct sms_text *t)
{
    m->parts = (uint8_t)t->parts;
    m->todo = ALL(t->parts);
    if (t->parts == 1)
        return;
    m->ids = memory_calloc(1, sizeof *m->ids);
    m->reference = ++m->session->trunk->reference;
}

/* Writes the parts of m that fit. Returns false when m must wait for room; when
 * it cannot be sent at all it is answered. */
static bool send_message(struct trunk_message *m, const struct now *now)
{
    struct trunk_session *s = m->session;
    struct gateway_answer refusal = {0};
    struct sms_text text;
    unsigned part;

    if (!s->trunk->protocol->prepare(s->trunk, m->m, now->wall_ms, &text, &refusal)) {
        answer(m, &refusal);
        return true;
    }
    if (m->parts == 0)
        begin(m, &text);
    for (part = 0; part < m->parts && window_room(&s->window) > 0; part++)
        if (m->todo & 1u << part && !write_part(m, &text, part, now))
            return false;
    if (m->todo != 0)
        return false;
    leave_line(m);
    return true;
}

static bool is_stale(const struct trunk_message *m, int64_t boot_ms)
{
    /* Of what was begun the rest goes on: the first part may be on a screen. */
    return m->begun_ms == 0 && m->m->submit_by_ms != 0 && m->m->submit_by_ms < boot_ms;
}

static struct now look_at_clocks(const struct gateway_host *host)
{
    return (struct now){host->mono_ms(), host->boot_ms(), host->wall_ms()};
}

void trunk_messages_pump(struct trunk_session *s)
{
    struct trunk_message *m;
    struct now now;

    /* Answering may bring a submit() in here again: the outer loop sees to it. */
    if (s->pumping || TAILQ_EMPTY(&s->waiting))
        return;
    s->pumping = true;
    now = look_at_clocks(s->trunk->host);
    while (trunk_session_sends(s) && now.mono_ms >= s->quiet_until_ms &&
           (m = TAILQ_FIRST(&s->waiting)) != NULL) {
        if (is_stale(m, now.boot_ms)) {
            answer_plain(m, GATEWAY_UNSENT, GATEWAY_REASON_NONE, "waited too long");
            continue;
        }
        if (wire_pending(&s->wire) > WIRE_HIGH) {
            s->wire.crowded = true;
            break;
        }
        if (window_room(&s->window) == 0 || !send_message(m, &now))
            break;
    }
    s->pumping = false;
}

void trunk_message_take(struct trunk *t, struct trunk_session *s, const struct gateway_message *gm)
{
    struct trunk_message *m = TAILQ_FIRST(&t->free_messages);

    if (s == NULL || m == NULL) {
        t->host->done(t->gw, gm->token,
                      &(struct gateway_answer){.outcome = GATEWAY_UNSENT,
                                               .words = s ? "window is full" : "not connected"});
        return;
    }
    TAILQ_REMOVE(&t->free_messages, m, link);
    memset(m, 0, sizeof *m);
    m->m = gm;
    m->session = s;
    wait_in_line(m);
}

void trunk_messages_drop_waiting(struct trunk_session *s, const char *why)
{
    struct trunk_message *m;

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
static bool must_not_leave(const struct trunk_session *s, const struct trunk_message *m)
{
    return m->m->submit_by_ms != 0 && m->m->submit_by_ms < s->filter_boot_ms &&
           m->first >= wire_written(&s->wire);
}

static bool keep_request(void *session, const uint8_t *pdu, uint64_t offset)
{
    struct trunk_session *s = session;
    struct trunk_pdu h = s->trunk->protocol->read(pdu);
    bool submit = h.command == s->trunk->protocol->submit;
    struct window_request *r = submit ? window_find(&s->window, h.sequence) : NULL;
    struct trunk_message *m = r ? r->message : NULL;
    unsigned part = r ? r->part : 0;

    if (r == NULL)
        return !submit; /* one that nobody waits for any more need not go */
    if (!must_not_leave(s, m)) {
        if (m->first == r->offset)
            m->first = offset;
        r->offset = offset;
        return true;
    }
    window_remove(&s->window, r);
    move(m, part, &m->unsent);
    m->trouble = "waited too long";
    give_up(m);
    if (m->flight == 0) /* the host is called when the octets are in order again */
        TAILQ_INSERT_TAIL(&s->stale, m, link);
    return false;
}

void trunk_messages_drop_stale(struct trunk_session *s)
{
    struct trunk_message *m, *next;

    if (s->pumping)
        return;
    s->filter_boot_ms = s->trunk->host->boot_ms();
    wire_filter(&s->wire, keep_request);
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
