/*
 * A message as submit_sm, and what its response means.
 */
#include "instance.h"

#include <stdio.h>
#include <string.h>

#include "ids.h"
#include "status.h"

static const char *validity_of(struct smpp *g, const struct gateway_message *m, int64_t wall_ms)
{
    int64_t expires_s = m->expires_ms / 1000, wall_s = wall_ms / 1000;

    if (expires_s != g->validity.expires_s || wall_s != g->validity.wall_s) {
        validity_write(g->validity.text, g->settings.validity, m->expires_ms, wall_s * 1000, 0);
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

static bool refuse(struct gateway_answer *refusal, enum gateway_outcome outcome,
                   enum gateway_reason reason, const char *words)
{
    *refusal = (struct gateway_answer){.outcome = outcome, .reason = reason, .words = words};
    return false;
}

bool smpp_prepare(struct trunk *t, const struct gateway_message *m, int64_t wall_ms,
                  struct sms_text *text, struct gateway_answer *refusal)
{
    struct smpp *g = smpp_of(t);
    struct smpp_submit submit = {.to = m->to, .to_length = m->to_length, .schedule = ""};
    enum sms_result result = sms_encode(text, m->text, m->length, m->encoding, g->settings.charset,
                                        g->settings.long_text);

    if (submit.to_length > 0 && *submit.to == '+') {
        submit.to++;
        submit.to_length--;
    }
    submit.sender = sender_of(g, m);
    if (submit.to_length == 0 || submit.to_length > 20)
        return refuse(refusal, GATEWAY_REJECTED, GATEWAY_REASON_NUMBER,
                      "no number that SMPP can carry");
    if (submit.sender == NULL)
        return refuse(refusal, GATEWAY_BROKEN, GATEWAY_REASON_OTHER, "sender too long");
    if (result != SMS_OK)
        return refuse(refusal, GATEWAY_REJECTED, GATEWAY_REASON_TEXT,
                      result == SMS_INVALID ? "text is not UTF-8" : "too many parts");
    submit.validity = validity_of(g, m, wall_ms);
    submit.registered_delivery = g->settings.registered_delivery;
    submit.data_coding = text->data_coding;
    g->submit = submit;
    return true;
}

size_t smpp_write(const struct trunk_message *m, const struct sms_text *text, unsigned part,
                  uint8_t *p, uint32_t sequence)
{
    struct smpp *g = smpp_of(m->session->trunk);
    struct smpp_submit *submit = &g->submit;

    submit->text = text->octets + text->start[part];
    submit->length = (size_t)(text->start[part + 1] - text->start[part]);
    submit->payload = g->settings.long_text == SMS_LONG_PAYLOAD &&
                      submit->length > (text->data_coding == 8 ? 140u : 160u);
    if (m->parts > 1 && g->settings.long_text == SMS_LONG_SAR) {
        submit->sar_reference = m->reference;
        submit->sar_total = m->parts;
        submit->sar_number = (uint8_t)(part + 1);
    } else if (m->parts > 1) {
        submit->header_length =
            sms_header(submit->header, g->settings.long_text, m->reference, m->parts, part + 1);
        submit->esm_class = SMPP_ESM_UDH;
    }
    return smpp_submit_write(p, submit, sequence);
}

/* ------------------------------------------------------------------ the response */
void smpp_verdict(struct trunk *t, uint32_t status, struct gateway_answer *a, char code[16])
{
    const struct smpp_settings *settings = &smpp_of(t)->settings;
    struct smpp_status known =
        smpp_status_find(status, settings->overrides, settings->override_count);

    a->outcome = known.outcome;
    a->reason = known.reason;
    a->words = known.name;
    snprintf(code, 16, "0x%08x", (unsigned)status);
    if (known.strange)
        trunk_unknown_code(t, "status", code, "statuses");
}

void smpp_refused(struct trunk_session *s, uint32_t status)
{
    if (status == SMPP_RINVBNDSTS)
        trunk_session_again(s, "the SMSC thinks us unbound");
}

size_t smpp_accepted_id(struct trunk *t, const uint8_t *body, size_t n, char out[TRUNK_ID_MAX])
{
    struct smpp_id id;
    size_t length;
    const char *raw = smpp_response_id(body, n, &length);

    smpp_id_of_response(&id, raw, length, smpp_of(t)->settings.id_base);
    memcpy(out, id.bytes, id.length);
    return id.length;
}
