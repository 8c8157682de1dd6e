/*
 * Receipts and replies. The peer's request is answered only when what it brought
 * is stored; until then an ack stands for it. Acks are limited: at the limit the
 * session reads no more, and the flood waits in the peer.
 */
#include "instance.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"

#define PART_TEXT_MAX 480

void smpp_inbound_init(struct smpp_session *s)
{
    unsigned i;

    s->acks = smpp_calloc(SMPP_ACKS_MAX, sizeof *s->acks);
    for (i = 0; i < SMPP_ACKS_MAX; i++) {
        s->acks[i].session = s;
        s->acks[i].next_free = s->free_ack;
        s->free_ack = &s->acks[i];
    }
}

void smpp_inbound_free(struct smpp_session *s)
{
    free(s->acks);
    s->acks = s->free_ack = NULL;
}

/* ------------------------------------------------------------------ acks */
static void finish(struct smpp_ack *ack)
{
    struct smpp_session *s = ack->session;
    bool refused = ack->refused;

    if (!refused)
        smpp_reassembly_done(s->gateway->reassembly, ack->reply);
    ack->next_free = s->free_ack;
    s->free_ack = ack;
    s->ack_count--;
    /* The connection that brought it may be gone; then it comes again on another. */
    if (ack->generation == s->generation)
        smpp_session_answer(s, ack->command, refused ? SMPP_RX_T_APPN : SMPP_OK, ack->sequence);
    if (s->ack_count <= SMPP_ACKS_MAX / 2)
        smpp_wire_resume(&s->wire);
}

static void on_stored(void *arg, bool stored)
{
    struct smpp_ack *ack = arg;

    struct smpp *g = ack->session->gateway;

    ack->refused |= !stored;
    if (--ack->waiting > 0)
        return;
    smpp_enter(g);
    finish(ack);
    smpp_leave(g);
}

static struct smpp_ack *ack_new(struct smpp_session *s, const struct smpp_header *h,
                                unsigned waiting)
{
    struct smpp_ack *ack = s->free_ack;

    s->free_ack = ack->next_free;
    ack->generation = s->generation;
    ack->command = h->command;
    ack->sequence = h->sequence;
    ack->waiting = waiting;
    ack->refused = false;
    ack->reply = 0;
    if (++s->ack_count >= SMPP_ACKS_MAX)
        smpp_wire_stop(&s->wire);
    return ack;
}

/* ------------------------------------------------------------------ receipts */
/* "MK:0001", or "UNDELIV:MK:0001": what is known of the operators' own codes. */
static enum gateway_reason known_reason(const struct codes *codes, const char *code)
{
    const struct code *known = codes_find(codes, code, strlen(code));

    if (known == NULL || known->reason == GATEWAY_REASON_OTHER) {
        const char *rest = strchr(code, ':');
        const struct code *own =
            rest != NULL ? codes_find(codes, rest + 1, strlen(rest + 1)) : NULL;

        known = own != NULL ? own : known;
    }
    return known != NULL && known->receipt == CODE_UNDELIVERED ? known->reason
                                                               : GATEWAY_REASON_OTHER;
}

static void receipt(struct smpp_session *s, const struct smpp_header *h,
                    const struct smpp_incoming *in, const uint8_t *text, size_t length)
{
    struct smpp *g = s->gateway;
    const struct smpp_settings *settings = &g->settings;
    struct smpp_receipt r;
    struct smpp_id id, other;
    struct gateway_receipt up;

    smpp_receipt_read(&r, in, text, length, settings->reasons, settings->reason_count,
                      settings->receipt_utc_offset_min);
    if (r.state == GATEWAY_UNDELIVERED && r.reason == GATEWAY_REASON_OTHER)
        r.reason = known_reason(g->codes, r.code);
    if (r.id_length == 0) {
        if (smpp_complain(g))
            SMPP_LOG(g, WARNING, "smpp.receipt_without_id session=%u text_bytes=%zu", s->number,
                     length);
        smpp_session_answer(s, h->command, SMPP_OK, h->sequence);
        return;
    }
    smpp_id_of_receipt(&id, r.id, r.id_length, settings->id_base);
    smpp_id_other_reading(&other, r.id, r.id_length, settings->id_base);
    up = (struct gateway_receipt){.id = {id.bytes, id.length},
                                  .other_id = {other.bytes, other.length},
                                  .state = r.state,
                                  .reason = r.reason,
                                  .code = r.code[0] ? r.code : NULL,
                                  .done_ms = r.done_ms};
    g->host->receipt(g->gw, &up, on_stored, ack_new(s, h, 1));
}

/* ------------------------------------------------------------------ replies */
static uint64_t hash(uint64_t sum, const void *bytes, size_t n)
{
    const uint8_t *p = bytes;

    while (n-- > 0)
        sum = (sum ^ *p++) * 0x100000001b3ULL; /* FNV-1a */
    return sum;
}

/* What stays the same when the SMSC sends a reply again. */
static void identify(char id[20], const struct smpp_incoming *in, const char *text, size_t length,
                     struct smpp_concat c)
{
    uint64_t sum = hash(0xcbf29ce484222325ULL, in->source, in->source_length + 1);

    sum = hash(sum, in->destination, in->destination_length + 1);
    sum = hash(sum, &c.reference, sizeof c.reference);
    sum = hash(sum, &c.total, 1);
    sum = hash(sum, &c.number, 1);
    sum = hash(sum, text, length);
    snprintf(id, 20, "%016llx", (unsigned long long)sum);
}

static void hand_up(struct smpp *g, const struct smpp_incoming *in, const char *text, size_t length,
                    struct smpp_concat c, struct smpp_ack *ack)
{
    char id[20], from[80];
    /* TON 1 says that the number is international, which its digits alone do not. */
    bool plus = in->source_ton == 1 && in->source[0] >= '0' && in->source[0] <= '9';
    struct gateway_reply up = {.from = from,
                               .to = in->destination,
                               .text = text,
                               .length = length,
                               .id = id,
                               .part = c.number > 0,
                               .sent_ms = g->host->wall_ms()};

    snprintf(from, sizeof from, "%s%s", plus ? "+" : "", in->source);
    identify(id, in, text, length, c);
    g->host->reply(g->gw, &up, on_stored, ack);
}

static void reply(struct smpp_session *s, const struct smpp_header *h,
                  const struct smpp_incoming *in, const uint8_t *octets, size_t n,
                  struct smpp_concat c)
{
    struct smpp *g = s->gateway;
    size_t length = smpp_text_decode(g->decoded, octets, n, in->data_coding, g->settings.charset,
                                     (in->esm_class & SMPP_ESM_UDH) != 0);
    size_t joined_length = 0;
    uint64_t whole = 0;
    struct smpp_ack *ack;

    if (c.total > 1)
        whole = smpp_reassembly_add(g->reassembly,
                                    &(struct smpp_part){.source = in->source,
                                                        .destination = in->destination,
                                                        .reference = c.reference,
                                                        .total = c.total,
                                                        .number = c.number,
                                                        .text = g->decoded,
                                                        .length = length},
                                    g->host->mono_ms(), g->joined, &joined_length);
    else
        c = (struct smpp_concat){0};
    ack = ack_new(s, h, whole != 0 ? 2 : 1);
    ack->reply = whole;
    hand_up(g, in, g->decoded, length, c, ack);
    if (whole != 0)
        hand_up(g, in, g->joined, joined_length,
                (struct smpp_concat){.reference = c.reference, .total = c.total}, ack);
}

/* ------------------------------------------------------------------ both */
void smpp_inbound(struct smpp_session *s, const struct smpp_header *h, const uint8_t *body,
                  size_t n)
{
    struct smpp_incoming in;
    struct smpp_concat c = {0};
    const uint8_t *text;
    size_t length;
    unsigned type;

    if (smpp_incoming_read(&in, h->command, body, n) != 0) {
        if (smpp_complain(s->gateway))
            SMPP_LOG(s->gateway, WARNING,
                     "smpp.malformed session=%u command=0x%08x length=%u sequence=%u", s->number,
                     (unsigned)h->command, (unsigned)h->length, (unsigned)h->sequence);
        smpp_session_answer(s, h->command, SMPP_RINVMSGLEN, h->sequence);
        return;
    }
    text = in.text;
    length = in.length;
    if (in.esm_class & SMPP_ESM_UDH)
        c = smpp_text_strip_header(&text, &length);
    else if (in.sar_total > 0 && in.sar_number >= 1 && in.sar_number <= in.sar_total)
        c = (struct smpp_concat){in.sar_reference, in.sar_total, in.sar_number};
    /* The bits alone decide: anyone can type "id:… stat:UNDELIV" into a handset. */
    type = in.esm_class & SMPP_ESM_TYPE;
    if (type == 0x04 || type == 0x08 || type == 0x10 || type == 0x20)
        receipt(s, h, &in, text, length);
    else
        reply(s, h, &in, text, length, c);
}
