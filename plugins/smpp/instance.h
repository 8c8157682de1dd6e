/*
 * instance.h - one configured SMPP gateway, as its parts see it
 *
 *     smpp.c      the plugin: open, and what SMPP adds to a trunk (see trunk.h)
 *     session.c   login, and the commands that come in
 *     submit.c    a message as submit_sm
 *     inbound.c   receipts and replies out of deliver_sm
 */
#ifndef SMPP_INSTANCE_H
#define SMPP_INSTANCE_H

#include "codes.h"
#include "gateway_plugin.h"
#include "pdu.h"
#include "settings.h"
#include "trunk.h"

struct smpp {
    struct trunk trunk; /* first: each is the other */
    struct smpp_settings settings;
    struct smpp_sender sender, other_sender; /* the configured one; of other_from */
    char other_from[24];
    struct smpp_submit submit; /* of the message prepared last */
    struct codes *codes;       /* what codes of receipts mean, where the settings say nothing */
    struct {
        int64_t expires_s, wall_s;
        char text[VALIDITY_BYTES];
    } validity; /* the last one made */
};

static inline struct smpp *smpp_of(struct trunk *t)
{
    return (struct smpp *)t;
}

/* ------------------------------------------------------------------ session.c */
size_t smpp_login(struct trunk_session *s, uint8_t *p, uint32_t sequence);
size_t smpp_probe(uint8_t *p, uint32_t sequence);
size_t smpp_logout(uint8_t *p, uint32_t sequence);
void smpp_handle(struct trunk_session *s, const struct trunk_pdu *h, const uint8_t *body, size_t n);

/* Answers the peer's request h, or a request of that command. */
void smpp_answer(struct trunk_session *s, const struct trunk_pdu *h, uint32_t status);

/* ------------------------------------------------------------------ submit.c */
bool smpp_prepare(struct trunk *t, const struct gateway_message *m, int64_t wall_ms,
                  struct sms_text *text, struct gateway_answer *refusal);
size_t smpp_write(const struct trunk_message *m, const struct sms_text *text, unsigned part,
                  uint8_t *p, uint32_t sequence);
void smpp_verdict(struct trunk *t, uint32_t status, struct gateway_answer *a, char code[16]);
void smpp_refused(struct trunk_session *s, uint32_t status);
size_t smpp_accepted_id(struct trunk *t, const uint8_t *body, size_t n, char out[TRUNK_ID_MAX]);

/* ------------------------------------------------------------------ inbound.c */
/* A deliver_sm or data_sm. */
void smpp_inbound(struct trunk_session *s, const struct trunk_pdu *h, const uint8_t *body,
                  size_t n);
size_t smpp_acknowledge(struct trunk_session *s, uint8_t *p, const struct trunk_ack *ack);

#endif
