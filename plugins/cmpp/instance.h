/*
 * instance.h - one configured CMPP gateway, as its parts see it
 *
 *     cmpp.c      the plugin: open, and what CMPP adds to a trunk (see trunk.h)
 *     session.c   login, and the commands that come in
 *     submit.c    a message as SUBMIT, and what the result means
 *     inbound.c   reports and replies out of DELIVER
 */
#ifndef CMPP_INSTANCE_H
#define CMPP_INSTANCE_H

#include "codes.h"
#include "gateway_plugin.h"
#include "gb18030.h"
#include "pdu.h"
#include "settings.h"
#include "trunk.h"

/* What CMPP has to know of a session. */
struct cmpp_link {
    enum cmpp_version version; /* that it speaks */
    uint8_t authenticator[16]; /* that we sent */
    unsigned repeated;         /* results 3, "sequence repeated" */
};

struct cmpp {
    struct trunk trunk; /* first: each is the other */
    struct cmpp_settings settings;
    enum cmpp_version version; /* to ask for */
    struct codes *codes;
    struct cmpp_link *links; /* by number of the session */
    iconv_t gb18030;
    struct cmpp_submit submit; /* of the message prepared last, with ... */
    char to[33], validity[VALIDITY_BYTES];
};

static inline struct cmpp *cmpp_of(struct trunk *t)
{
    return (struct cmpp *)t;
}

static inline struct cmpp_link *cmpp_link_of(struct trunk_session *s)
{
    return &cmpp_of(s->trunk)->links[s->number - 1];
}

/* ------------------------------------------------------------------ session.c */
size_t cmpp_login(struct trunk_session *s, uint8_t *p, uint32_t sequence);
size_t cmpp_probe(uint8_t *p, uint32_t sequence);
size_t cmpp_logout(uint8_t *p, uint32_t sequence);
void cmpp_handle(struct trunk_session *s, const struct trunk_pdu *h, const uint8_t *body, size_t n);

/* ------------------------------------------------------------------ submit.c */
bool cmpp_prepare(struct trunk *t, const struct gateway_message *m, int64_t wall_ms,
                  struct sms_text *text, struct gateway_answer *refusal);
size_t cmpp_write(const struct trunk_message *m, const struct sms_text *text, unsigned part,
                  uint8_t *p, uint32_t sequence);
void cmpp_verdict(struct trunk *t, uint32_t status, struct gateway_answer *a, char code[16]);
void cmpp_refused(struct trunk_session *s, uint32_t status);
size_t cmpp_accepted_id(struct trunk *t, const uint8_t *body, size_t n, char out[TRUNK_ID_MAX]);

/* Msg_Id as 16 hexadecimal digits and a NUL; returns 16, or 0 for one of nothing but zeros. */
size_t cmpp_id_write(char out[17], const uint8_t id[8]);

/* ------------------------------------------------------------------ inbound.c */
void cmpp_inbound(struct trunk_session *s, const struct trunk_pdu *h, const uint8_t *body,
                  size_t n);
size_t cmpp_acknowledge(struct trunk_session *s, uint8_t *p, const struct trunk_ack *ack);

#endif
