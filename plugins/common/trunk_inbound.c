/*
 * Receipts and replies. The peer's request is answered only when what it brought
 * is stored; until then an ack stands for it. Acks are limited: at the limit the
 * session reads no more, and the flood waits in the peer.
 */
#include "trunk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"

void trunk_inbound_init(struct trunk_session *s)
{
    unsigned i;

    s->acks = memory_calloc(TRUNK_ACKS_MAX, sizeof *s->acks);
    for (i = 0; i < TRUNK_ACKS_MAX; i++) {
        s->acks[i].session = s;
        s->acks[i].next_free = s->free_ack;
        s->free_ack = &s->acks[i];
    }
}

void trunk_inbound_free(struct trunk_session *s)
{
    free(s->acks);
    s->acks = s->free_ack = NULL;
}

/* ------------------------------------------------------------------ acks */
static void finish(struct trunk_ack *ack)
{
    struct trunk_session *s = ack->session;
    struct trunk_ack done = *ack;
    uint8_t *p;

    if (!done.refused)
        reassembly_done(s->trunk->reassembly, done.reply);
    ack->next_free = s->free_ack;
    s->free_ack = ack;
    s->ack_count--;
    /* The connection that brought it may be gone; then it comes again on another. */
    if (done.generation == s->generation && (p = trunk_session_room(s)) != NULL)
        trunk_session_put(s, p, s->trunk->protocol->acknowledge(s, p, &done));
    if (s->ack_count <= TRUNK_ACKS_MAX / 2)
        wire_resume(&s->wire);
}

static void on_stored(void *arg, bool stored)
{
    struct trunk_ack *ack = arg;

    struct trunk *t = ack->session->trunk;

    ack->refused |= !stored;
    if (--ack->waiting > 0)
        return;
    trunk_enter(t);
    finish(ack);
    trunk_leave(t);
}

static struct trunk_ack *ack_new(struct trunk_session *s, const struct trunk_pdu *h,
                                 const uint8_t *mark, unsigned waiting)
{
    struct trunk_ack *ack = s->free_ack;

    s->free_ack = ack->next_free;
    ack->generation = s->generation;
    ack->command = h->command;
    ack->sequence = h->sequence;
    if (mark != NULL)
        memcpy(ack->mark, mark, sizeof ack->mark);
    ack->waiting = waiting;
    ack->refused = false;
    ack->reply = 0;
    if (++s->ack_count >= TRUNK_ACKS_MAX)
        wire_stop(&s->wire);
    return ack;
}

/* ------------------------------------------------------------------ receipts */
void trunk_receipt(struct trunk_session *s, const struct trunk_pdu *h, const uint8_t mark[8],
                   const struct gateway_receipt *up)
{
    struct trunk *t = s->trunk;

    t->host->receipt(t->gw, up, on_stored, ack_new(s, h, mark, 1));
}

/* ------------------------------------------------------------------ replies */
static uint64_t hash(uint64_t sum, const void *bytes, size_t n)
{
    const uint8_t *p = bytes;

    while (n-- > 0)
        sum = (sum ^ *p++) * 0x100000001b3ULL; /* FNV-1a */
    return sum;
}

/* What stays the same when the peer sends a reply again: without a mark of its own (SMPP has none)
 * that is no more than what somebody says twice. */
static void identify(char id[20], const struct trunk_reply *r)
{
    uint64_t sum = hash(0xcbf29ce484222325ULL, r->from, strlen(r->from) + 1);

    sum = hash(sum, r->to, strlen(r->to) + 1);
    sum = hash(sum, &r->concat.reference, sizeof r->concat.reference);
    sum = hash(sum, &r->concat.total, 1);
    sum = hash(sum, &r->concat.number, 1);
    sum = hash(sum, r->text, r->length);
    if (r->mark != NULL)
        sum = hash(sum, r->mark, 8);
    snprintf(id, 20, "%016llx", (unsigned long long)sum);
}

static void hand_up(struct trunk *t, const struct trunk_reply *r, struct trunk_ack *ack)
{
    char id[20];
    struct gateway_reply up = {.from = r->from,
                               .to = r->to,
                               .text = r->text,
                               .length = r->length,
                               .id = r->mark != NULL ? id : NULL,
                               .part = r->concat.number > 0,
                               .sent_ms = t->host->wall_ms()};

    identify(id, r);
    t->host->reply(t->gw, &up, on_stored, ack);
}

void trunk_reply(struct trunk_session *s, const struct trunk_pdu *h, const struct trunk_reply *r)
{
    struct trunk *t = s->trunk;
    struct trunk_reply part = *r, whole = *r;
    uint64_t number = 0;
    struct trunk_ack *ack;

    if (r->concat.total > 1)
        number = reassembly_add(t->reassembly,
                                &(struct reassembly_part){.source = r->from,
                                                          .destination = r->to,
                                                          .reference = r->concat.reference,
                                                          .total = r->concat.total,
                                                          .number = r->concat.number,
                                                          .text = r->text,
                                                          .length = r->length},
                                t->host->mono_ms(), t->joined, &whole.length);
    else
        part.concat = (struct sms_concat){0};
    ack = ack_new(s, h, r->mark, number != 0 ? 2 : 1);
    ack->reply = number;
    hand_up(t, &part, ack);
    if (number == 0)
        return;
    whole.text = t->joined;
    whole.concat.number = 0;
    whole.mark = NULL; /* whichever part came last */
    hand_up(t, &whole, ack);
}
