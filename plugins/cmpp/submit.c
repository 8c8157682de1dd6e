/*
 * A message as SUBMIT, and what its result means.
 */
#include "instance.h"

#include <stdio.h>
#include <string.h>

#include "digest.h"

#define ASCII_MAX 159 /* Msg_Length is "below 160" for Msg_Fmt 0 */
#define FORMAT_ASCII 0

enum { RESULT_REPEATED = 3 };

static bool refuse(struct gateway_answer *refusal, enum gateway_outcome outcome,
                   enum gateway_reason reason, const char *words)
{
    *refusal = (struct gateway_answer){.outcome = outcome, .reason = reason, .words = words};
    return false;
}

/* "+8613800138000" as they want it. False: not a number that can be sent to. */
static bool write_number(struct cmpp *g, const struct gateway_message *m)
{
    const char *digits = m->to + (*m->to == '+'), *code = g->settings.country_code;
    size_t n = strlen(digits), code_n = strlen(code);

    if (strncmp(digits, code, code_n) != 0)
        return false;
    digits += code_n;
    n -= code_n;
    if (n == 0 || n > 21)
        return false;
    memcpy(g->to, digits, n + 1);
    return true;
}

static bool is_short_ascii(const struct gateway_message *m)
{
    size_t i;

    for (i = 0; i < m->length; i++)
        if ((unsigned char)m->text[i] > 0x7f)
            return false;
    return m->length <= ASCII_MAX;
}

static enum sms_result encode(const struct cmpp *g, const struct gateway_message *m,
                              struct sms_text *text)
{
    if (!g->settings.ascii || !is_short_ascii(m))
        return sms_encode(text, m->text, m->length, GATEWAY_UCS2, SMS_CHARSET_ASCII, SMS_LONG_UDH8);
    text->data_coding = FORMAT_ASCII;
    text->parts = 1;
    text->start[0] = 0;
    text->start[1] = (uint16_t)m->length;
    memcpy(text->octets, m->text, m->length);
    return SMS_OK;
}

bool cmpp_prepare(struct trunk *t, const struct gateway_message *m, int64_t wall_ms,
                  struct sms_text *text, struct gateway_answer *refusal)
{
    struct cmpp *g = cmpp_of(t);
    const struct cmpp_settings *settings = &g->settings;
    const char *from = m->from && *m->from ? m->from : settings->source;
    enum sms_result result = encode(g, m, text);

    from += *from == '+';
    if (!write_number(g, m))
        return refuse(refusal, GATEWAY_REJECTED, GATEWAY_REASON_NUMBER,
                      "not a number of country_code");
    if (strlen(from) > 21)
        return refuse(refusal, GATEWAY_BROKEN, GATEWAY_REASON_OTHER, "sender too long");
    if (result != SMS_OK)
        return refuse(refusal, GATEWAY_REJECTED, GATEWAY_REASON_TEXT,
                      result == SMS_INVALID ? "text is not UTF-8" : "too many parts");
    validity_write(g->validity, settings->validity, m->expires_ms, wall_ms,
                   settings->utc_offset_min);
    g->submit = (struct cmpp_submit){.level = settings->level,
                                     .service = settings->service_id,
                                     .fee_user = settings->fee_user_type,
                                     .fee_number = settings->fee_number,
                                     .source = settings->sp_id,
                                     .fee_type = settings->fee_type,
                                     .fee_code = settings->fee_code,
                                     .validity = g->validity,
                                     .from = from,
                                     .to = g->to,
                                     .format = text->data_coding};
    return true;
}

size_t cmpp_write(const struct trunk_message *m, const struct sms_text *text, unsigned part,
                  uint8_t *p, uint32_t sequence)
{
    struct cmpp_submit *submit = &cmpp_of(m->session->trunk)->submit;

    submit->total = m->parts;
    submit->number = (uint8_t)(part + 1);
    submit->header_length =
        sms_header(submit->header, SMS_LONG_UDH8, m->reference, m->parts, part + 1);
    submit->text = text->octets + text->start[part];
    submit->length = (size_t)(text->start[part + 1] - text->start[part]);
    return cmpp_submit_write(p, cmpp_link_of(m->session)->version, submit, sequence);
}

/* ------------------------------------------------------------------ the result */
void cmpp_verdict(struct trunk *t, uint32_t status, struct gateway_answer *a, char code[16])
{
    struct cmpp *g = cmpp_of(t);
    const struct code *known;
    size_t i;

    snprintf(code, 16, "%u", (unsigned)status);
    known = codes_find(g->codes, code, strlen(code));
    a->outcome = known ? known->outcome : GATEWAY_RETRY;
    a->reason = known ? known->reason : GATEWAY_REASON_OTHER;
    a->words = known ? known->en : NULL;
    for (i = 0; i < g->settings.result_count; i++)
        if (g->settings.results[i].code == status) {
            a->outcome = g->settings.results[i].outcome;
            return;
        }
    if (known == NULL)
        trunk_unknown_code(t, "result", code, "results");
}

void cmpp_refused(struct trunk_session *s, uint32_t status)
{
    if (status == RESULT_REPEATED && ++cmpp_link_of(s)->repeated >= 2)
        trunk_session_again(s, "sequence numbers are taken for repeated");
}

size_t cmpp_id_write(char out[17], const uint8_t id[8])
{
    static const uint8_t none[8];

    digest_hex(id, 8, out);
    return memcmp(id, none, 8) == 0 ? 0 : 16;
}

size_t cmpp_accepted_id(struct trunk *t, const uint8_t *body, size_t n, char out[TRUNK_ID_MAX])
{
    (void)t;
    return n < 8 ? 0 : cmpp_id_write(out, body);
}
