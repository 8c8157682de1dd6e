/*
 * A message stays in the SIM until it is stored with us; then it is deleted there. One that
 * could not be stored is found again when the memory is listed next.
 */
#include "instance.h"

#include <stdio.h>
#include <string.h>

#define PART_KEEP_MS (24 * 3600 * 1000LL)

void inbox_announced(struct modem_port *p, const char *memory, long index)
{
    struct modem_read *r = &p->reads[p->read_count];

    if (index < 0 || strlen(memory) >= sizeof r->memory || *memory == '\0' ||
        p->read_count == MODEM_READS_MAX) {
        p->list_due = true;
        return;
    }
    snprintf(r->memory, sizeof r->memory, "%s", memory);
    r->index = index;
    p->read_count++;
}

static struct modem_kept *find(struct modem_port *p, const char *memory, long index, uint64_t hash)
{
    for (size_t i = 0; i < MODEM_KEPT_MAX; i++) {
        struct modem_kept *k = &p->kept[i];

        if (k->state != KEPT_FREE && !k->orphan && k->index == index && k->hash == hash &&
            strcmp(k->memory, memory) == 0)
            return k;
    }
    return NULL;
}

static struct modem_kept *room(struct modem_port *p)
{
    for (size_t i = 0; i < MODEM_KEPT_MAX; i++)
        if (p->kept[i].state == KEPT_FREE && p->kept[i].pending == 0)
            return &p->kept[i];
    return NULL;
}

static void discard(struct modem_kept *k)
{
    k->state = k->index >= 0 && !k->orphan ? KEPT_DELETE : KEPT_FREE;
}

static void on_stored(void *arg, bool stored)
{
    struct modem_kept *k = arg;
    struct modem_port *p = k->port;

    modem_enter(p->modem);
    k->pending--;
    if (stored && k->reply != 0) {
        reassembly_done(p->modem->reassembly, k->reply);
        for (size_t i = 0; i < MODEM_KEPT_MAX; i++)
            if (p->kept[i].state == KEPT_PART && p->kept[i].key == k->key)
                discard(&p->kept[i]);
    }
    if (stored)
        discard(k);
    else
        k->state = KEPT_FREE; /* listed again */
    port_work(p);
    modem_leave(p->modem);
}

static void on_part_stored(void *arg, bool stored)
{
    struct modem_kept *k = arg;

    (void)stored; /* it counts when it is joined */
    k->pending--;
}

static void take_report(struct modem_kept *k, const struct pdu *pdu)
{
    struct modem *m = k->port->modem;
    char id[MODEM_ID_BYTES], status[8];
    const struct code *code;
    struct gateway_receipt r = {.done_ms = pdu->done_ms};

    snprintf(status, sizeof status, "tp-%02x", pdu->status);
    code = modem_code(m, status);
    r.id = (struct gateway_id){id, modem_id(id, k->port, pdu->reference, pdu->number)};
    r.state = code->receipt == CODE_DELIVERED     ? GATEWAY_DELIVERED
              : code->receipt == CODE_UNDELIVERED ? GATEWAY_UNDELIVERED
                                                  : GATEWAY_ENROUTE;
    r.reason = code->reason;
    r.code = status;
    r.words = code->en;
    k->pending++;
    m->host->receipt(m->gw, &r, on_stored, k);
}

static void take_reply(struct modem_kept *k, const struct pdu *pdu)
{
    struct modem *m = k->port->modem;
    char id[17], own[48];
    struct gateway_reply r = {.from = pdu->number,
                              .to = "",
                              .text = pdu->text,
                              .length = pdu->length,
                              .id = id,
                              .sent_ms = pdu->sent_ms};
    struct reassembly_part part = {.source = pdu->number,
                                   .destination = k->port->sim,
                                   .reference = pdu->concat.reference,
                                   .total = pdu->concat.total,
                                   .number = pdu->concat.number,
                                   .text = pdu->text,
                                   .length = pdu->length};
    size_t length;

    snprintf(id, sizeof id, "%016llx", (unsigned long long)k->hash);
    if (pdu->concat.total < 2) {
        k->pending++;
        m->host->reply(m->gw, &r, on_stored, k);
        return;
    }
    snprintf(own, sizeof own, "%s/%u/%u", pdu->number, pdu->concat.reference, pdu->concat.total);
    k->key = modem_hash(own, strlen(own));
    k->state = KEPT_PART;
    k->reply = reassembly_add(m->reassembly, &part, m->host->mono_ms(), m->joined, &length);
    k->pending++;
    if (k->reply == 0) {
        r.part = true;
        m->host->reply(m->gw, &r, on_part_stored, k);
        return;
    }
    k->state = KEPT_WAITS;
    r.text = m->joined;
    r.length = length;
    m->host->reply(m->gw, &r, on_stored, k);
}

void inbox_take(struct modem_port *p, const char *memory, long index, const char *hex, size_t n)
{
    struct modem *m = p->modem;
    uint64_t hash = modem_hash(hex, n);
    struct modem_kept *k;
    struct pdu pdu;
    bool good = pdu_read(&pdu, hex, n);

    if (index >= 0 && find(p, memory, index, hash) != NULL)
        return; /* under way */
    k = room(p);
    if (k == NULL) {
        MODEM_LOG(m, WARNING, "modem.inbox_full port=%u%s", p->number,
                  index < 0 ? " lost=yes" : "");
        return;
    }
    *k = (struct modem_kept){.port = p,
                             .state = KEPT_WAITS,
                             .index = index,
                             .hash = hash,
                             .since_ms = m->host->mono_ms()};
    snprintf(k->memory, sizeof k->memory, "%s", memory);
    if (!good) {
        MODEM_LOG(m, WARNING, "modem.unreadable port=%u octets=%zu", p->number, n / 2);
        discard(k);
    } else if (pdu.kind == PDU_REPORT) {
        take_report(k, &pdu);
    } else {
        take_reply(k, &pdu);
    }
}

void inbox_forget(struct modem_port *p)
{
    for (size_t i = 0; i < MODEM_KEPT_MAX; i++) {
        struct modem_kept *k = &p->kept[i];

        k->orphan = true;
        if (k->state == KEPT_DELETE || k->state == KEPT_PART)
            k->state = KEPT_FREE; /* listed again */
    }
    p->read_count = 0;
    p->deleting = NULL;
}

struct modem_kept *inbox_to_delete(struct modem_port *p)
{
    int64_t now_ms = p->modem->host->mono_ms();

    for (size_t i = 0; i < MODEM_KEPT_MAX; i++) {
        struct modem_kept *k = &p->kept[i];

        if (k->state == KEPT_PART && now_ms - k->since_ms > PART_KEEP_MS)
            discard(k); /* the rest does not come any more; as parts they were handed up */
        if (k->state == KEPT_DELETE)
            return k;
    }
    return NULL;
}

void inbox_deleted(struct modem_kept *k)
{
    k->state = KEPT_FREE;
}
