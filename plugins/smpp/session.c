/*
 * Login and the commands of a session.
 */
#include "instance.h"

#include <stdio.h>
#include <string.h>

#include "status.h"

size_t smpp_login(struct trunk_session *s, uint8_t *p, uint32_t sequence)
{
    return smpp_bind_write(p, &smpp_of(s->trunk)->settings.bind, sequence);
}

size_t smpp_probe(uint8_t *p, uint32_t sequence)
{
    return smpp_header_write(p, SMPP_ENQUIRE_LINK, SMPP_OK, sequence);
}

size_t smpp_logout(uint8_t *p, uint32_t sequence)
{
    return smpp_header_write(p, SMPP_UNBIND, SMPP_OK, sequence);
}

void smpp_answer(struct trunk_session *s, const struct trunk_pdu *h, uint32_t status)
{
    uint8_t *p = trunk_session_room(s);

    if (p == NULL)
        return;
    if (h->command == SMPP_DELIVER_SM || h->command == SMPP_DATA_SM)
        trunk_session_put(s, p, smpp_incoming_answer(p, h->command, status, h->sequence));
    else
        trunk_session_put(s, p,
                          smpp_header_write(p, h->command | SMPP_RESPONSE, status, h->sequence));
}

/* ------------------------------------------------------------------ the bind */
static void on_bound(struct trunk_session *s, uint32_t status, const uint8_t *body, size_t n)
{
    struct trunk *t = s->trunk;

    TRUNK_LOG(t, INFO, "smpp.bound session=%u host=%s port=%u smsc=%s%s", s->number,
              t->settings.host, t->settings.port,
              t->host->log_bytes((const char *)body, n > 0 ? strnlen((const char *)body, n) : 0),
              status == SMPP_RALYBND ? " already=yes" : "");
    trunk_session_up(s);
}

static void on_bind_refused(struct trunk_session *s, uint32_t status)
{
    struct trunk *t = s->trunk;
    const char *system_id = smpp_of(t)->settings.bind.system_id;
    struct smpp_status known = smpp_status_find(status, NULL, 0);
    bool credentials =
        status == SMPP_RINVPASWD || status == SMPP_RINVSYSID || status == SMPP_RINVSYSTYP;
    char why[80];

    snprintf(why, sizeof why, "bind refused: %s (0x%08x)", known.name, (unsigned)status);
    TRUNK_LOG(
        t, ERROR, "smpp.bind_refused session=%u status=0x%08x name=%s system_id=%s%s", s->number,
        (unsigned)status, known.name, t->host->log_bytes(system_id, strlen(system_id)),
        credentials                ? " advice=\"check system_id, password and system_type\""
        : status == SMPP_RBINDFAIL ? " advice=\"wrong credentials, too many binds or maintenance\""
                                   : "");
    trunk_session_lose(s, why,
                       credentials                ? TRUNK_REFUSED_MS
                       : status == SMPP_RBINDFAIL ? t->settings.reconnect_max_ms
                                                  : 0);
}

static void on_bind_response(struct trunk_session *s, const struct trunk_pdu *h,
                             const uint8_t *body, size_t n)
{
    if (s->state != TRUNK_BINDING || h->sequence != s->login_sequence)
        return;
    if (h->status == SMPP_OK || h->status == SMPP_RALYBND)
        on_bound(s, h->status, body, n);
    else
        on_bind_refused(s, h->status);
}

/* ------------------------------------------------------------------ the others */
static void on_submit_response(struct trunk_session *s, const struct trunk_pdu *h,
                               const uint8_t *body, size_t n)
{
    trunk_session_responded(s, h, h->status, body, n);
}

static void on_unbind(struct trunk_session *s, const struct trunk_pdu *h, const uint8_t *body,
                      size_t n)
{
    (void)body, (void)n;
    smpp_answer(s, h, SMPP_OK);
    wire_flush(&s->wire);
    trunk_session_lose(s, "unbound by the peer", 0);
}

static void on_unbind_response(struct trunk_session *s, const struct trunk_pdu *h,
                               const uint8_t *body, size_t n)
{
    (void)body, (void)n;
    if (s->state == TRUNK_UNBINDING && h->sequence == s->logout_sequence)
        trunk_session_lose(s, "unbound", 0);
}

static void on_enquire_link(struct trunk_session *s, const struct trunk_pdu *h, const uint8_t *body,
                            size_t n)
{
    (void)body, (void)n;
    smpp_answer(s, h, SMPP_OK);
}

static void on_generic_nack(struct trunk_session *s, const struct trunk_pdu *h, const uint8_t *body,
                            size_t n)
{
    if (s->state == TRUNK_BINDING && h->sequence == s->login_sequence)
        on_bind_refused(s, h->status);
    else if (h->sequence != 0 && h->sequence == s->logout_sequence)
        trunk_session_lose(s, "unbound", 0);
    else if (h->sequence == 0 || h->sequence != s->probe_sequence)
        trunk_session_responded(s, h, h->status, body, n);
}

static void on_nothing(struct trunk_session *s, const struct trunk_pdu *h, const uint8_t *body,
                       size_t n)
{
    (void)s, (void)h, (void)body, (void)n; /* being heard was all */
}

#define EARLY true /* heeded before the bind response, too */
static const struct {
    uint32_t command;
    bool early;
    void (*handle)(struct trunk_session *s, const struct trunk_pdu *h, const uint8_t *body,
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

void smpp_handle(struct trunk_session *s, const struct trunk_pdu *h, const uint8_t *body, size_t n)
{
    size_t i;

    for (i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (commands[i].command != h->command)
            continue;
        if (s->state >= TRUNK_BOUND || commands[i].early)
            commands[i].handle(s, h, body, n);
        return;
    }
    if (trunk_complain(s->trunk))
        TRUNK_LOG(s->trunk, WARNING, "smpp.unknown_command session=%u command=0x%08x odd=%lu",
                  s->number, (unsigned)h->command, s->trunk->odd);
    if (!(h->command & SMPP_RESPONSE) && s->state >= TRUNK_BOUND)
        smpp_answer(s, &(struct trunk_pdu){.command = SMPP_GENERIC_NACK, .sequence = h->sequence},
                    SMPP_RINVCMDID);
}
