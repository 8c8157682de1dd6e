/*
 * Receipts and replies out of deliver_sm and data_sm.
 */
#include "instance.h"

#include <stdio.h>
#include <string.h>

#include "ids.h"
#include "receipt.h"
#include "status.h"

size_t smpp_acknowledge(struct trunk_session *s, uint8_t *p, const struct trunk_ack *ack)
{
    (void)s;
    return smpp_incoming_answer(p, ack->command, ack->refused ? SMPP_RX_T_APPN : SMPP_OK,
                                ack->sequence);
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

static void receipt(struct trunk_session *s, const struct trunk_pdu *h,
                    const struct smpp_incoming *in, const uint8_t *text, size_t length)
{
    const struct smpp_settings *settings = &smpp_of(s->trunk)->settings;
    struct smpp_receipt r;
    struct smpp_id id, other;
    struct gateway_receipt up;

    smpp_receipt_read(&r, in, text, length, settings->reasons, settings->reason_count,
                      settings->receipt_utc_offset_min);
    if (r.state == GATEWAY_UNDELIVERED && r.reason == GATEWAY_REASON_OTHER)
        r.reason = known_reason(smpp_of(s->trunk)->codes, r.code);
    if (r.id_length == 0) {
        if (trunk_complain(s->trunk))
            TRUNK_LOG(s->trunk, WARNING, "smpp.receipt_without_id session=%u text_bytes=%zu",
                      s->number, length);
        smpp_answer(s, h, SMPP_OK);
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
    trunk_receipt(s, h, NULL, &up);
}

/* ------------------------------------------------------------------ replies */
static void reply(struct trunk_session *s, const struct trunk_pdu *h,
                  const struct smpp_incoming *in, const uint8_t *octets, size_t n,
                  struct sms_concat c)
{
    struct trunk *t = s->trunk;
    char from[80];
    /* TON 1 says that the number is international, which its digits alone do not. */
    bool plus = in->source_ton == 1 && in->source[0] >= '0' && in->source[0] <= '9';
    struct trunk_reply r = {.from = from, .to = in->destination, .text = t->decoded, .concat = c};

    snprintf(from, sizeof from, "%s%s", plus ? "+" : "", in->source);
    r.length = sms_decode(t->decoded, octets, n, in->data_coding, smpp_of(t)->settings.charset,
                          (in->esm_class & SMPP_ESM_UDH) != 0);
    trunk_reply(s, h, &r);
}

/* ------------------------------------------------------------------ both */
void smpp_inbound(struct trunk_session *s, const struct trunk_pdu *h, const uint8_t *body, size_t n)
{
    struct smpp_incoming in;
    struct sms_concat c = {0};
    const uint8_t *text;
    size_t length;
    unsigned type;

    if (smpp_incoming_read(&in, h->command, body, n) != 0) {
        if (trunk_complain(s->trunk))
            TRUNK_LOG(s->trunk, WARNING,
                      "smpp.malformed session=%u command=0x%08x length=%u sequence=%u", s->number,
                      (unsigned)h->command, (unsigned)h->length, (unsigned)h->sequence);
        smpp_answer(s, h, SMPP_RINVMSGLEN);
        return;
    }
    text = in.text;
    length = in.length;
    if (in.esm_class & SMPP_ESM_UDH)
        c = sms_strip_header(&text, &length);
    else if (in.sar_total > 0 && in.sar_number >= 1 && in.sar_number <= in.sar_total)
        c = (struct sms_concat){in.sar_reference, in.sar_total, in.sar_number};
    /* The bits alone decide: anyone can type "id:… stat:UNDELIV" into a handset. */
    type = in.esm_class & SMPP_ESM_TYPE;
    if (type == 0x04 || type == 0x08 || type == 0x10 || type == 0x20)
        receipt(s, h, &in, text, length);
    else
        reply(s, h, &in, text, length, c);
}
