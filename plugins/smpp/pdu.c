#include "pdu.h"

#include <string.h>

enum {
    TLV_RECEIPTED_MESSAGE_ID = 0x001e,
    TLV_SAR_REFERENCE = 0x020c,
    TLV_SAR_TOTAL = 0x020e,
    TLV_SAR_NUMBER = 0x020f,
    TLV_NETWORK_ERROR = 0x0423,
    TLV_PAYLOAD = 0x0424,
    TLV_MESSAGE_STATE = 0x0427,
};

static uint32_t get32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint16_t get16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static uint8_t *put32(uint8_t *p, uint32_t n)
{
    p[0] = (uint8_t)(n >> 24);
    p[1] = (uint8_t)(n >> 16);
    p[2] = (uint8_t)(n >> 8);
    p[3] = (uint8_t)n;
    return p + 4;
}

static uint8_t *put16(uint8_t *p, unsigned n)
{
    p[0] = (uint8_t)(n >> 8);
    p[1] = (uint8_t)n;
    return p + 2;
}

static uint8_t *put(uint8_t *p, const void *bytes, size_t n)
{
    if (n > 0)
        memcpy(p, bytes, n);
    return p + n;
}

static uint8_t *put_cstring(uint8_t *p, const char *s)
{
    return put(p, s, strlen(s) + 1);
}

struct trunk_pdu smpp_header_read(const uint8_t *p)
{
    return (struct trunk_pdu){get32(p), get32(p + 4), get32(p + 8), get32(p + 12)};
}

size_t smpp_header_write(uint8_t *p, uint32_t command, uint32_t status, uint32_t sequence)
{
    p = put32(p, SMPP_HEADER_BYTES);
    p = put32(p, command);
    p = put32(p, status);
    put32(p, sequence);
    return SMPP_HEADER_BYTES;
}

/* ------------------------------------------------------------------ the cursor */
const uint8_t *smpp_read_octets(struct smpp_reader *r, size_t n)
{
    const uint8_t *at = r->at;

    if (r->bad || n > r->left) {
        r->bad = true;
        return NULL;
    }
    r->at += n;
    r->left -= n;
    return at;
}

uint8_t smpp_read_u8(struct smpp_reader *r)
{
    const uint8_t *p = smpp_read_octets(r, 1);

    return p ? *p : 0;
}

uint16_t smpp_read_u16(struct smpp_reader *r)
{
    const uint8_t *p = smpp_read_octets(r, 2);

    return p ? get16(p) : 0;
}

const char *smpp_read_cstring(struct smpp_reader *r, size_t max, size_t *length)
{
    size_t room = r->left < max ? r->left : max;
    const uint8_t *at = r->at, *nul = r->bad || room == 0 ? NULL : memchr(at, 0, room);

    *length = 0;
    if (nul == NULL) {
        r->bad = true;
        return "";
    }
    *length = (size_t)(nul - at);
    smpp_read_octets(r, *length + 1);
    return (const char *)at;
}

bool smpp_read_tlv(struct smpp_reader *r, uint16_t *tag, const uint8_t **value, size_t *length)
{
    if (r->bad || r->left < 4)
        return false;
    *tag = smpp_read_u16(r);
    *length = smpp_read_u16(r);
    *value = smpp_read_octets(r, *length);
    return !r->bad;
}

/* ------------------------------------------------------------------ what comes in */
static void read_tlvs(struct smpp_incoming *in, struct smpp_reader *r)
{
    const uint8_t *value;
    size_t length;
    uint16_t tag;
    unsigned sar = 0;

    while (smpp_read_tlv(r, &tag, &value, &length)) {
        if (tag == TLV_RECEIPTED_MESSAGE_ID) {
            /* The NUL is part of the value, but some leave it out. */
            size_t n = strnlen((const char *)value, length);

            in->receipted_id = (const char *)value;
            in->receipted_id_length = n <= SMPP_ID_MAX ? n : 0;
        } else if (tag == TLV_MESSAGE_STATE && length == 1) {
            in->message_state = value[0];
        } else if (tag == TLV_NETWORK_ERROR && length == 3) {
            in->network_error = value;
        } else if (tag == TLV_PAYLOAD && in->length == 0) {
            in->text = value;
            in->length = length;
        } else if (tag == TLV_SAR_REFERENCE && length == 2) {
            in->sar_reference = get16(value);
            sar |= 1;
        } else if (tag == TLV_SAR_TOTAL && length == 1) {
            in->sar_total = value[0];
            sar |= 2;
        } else if (tag == TLV_SAR_NUMBER && length == 1) {
            in->sar_number = value[0];
            sar |= 4;
        }
    }
    if (sar != 7)
        in->sar_total = 0;
}

int smpp_incoming_read(struct smpp_incoming *in, uint32_t command, const uint8_t *body, size_t n)
{
    struct smpp_reader r = {.at = body, .left = n};
    size_t address_max = command == SMPP_DATA_SM ? 65 : 21, ignored;

    memset(in, 0, sizeof *in);
    in->message_state = -1;
    smpp_read_cstring(&r, 6, &ignored); /* service_type */
    in->source_ton = smpp_read_u8(&r);
    smpp_read_u8(&r);
    in->source = smpp_read_cstring(&r, address_max, &in->source_length);
    smpp_read_octets(&r, 2); /* destination TON and NPI */
    in->destination = smpp_read_cstring(&r, address_max, &in->destination_length);
    in->esm_class = smpp_read_u8(&r);
    if (command == SMPP_DATA_SM) {
        smpp_read_u8(&r); /* registered_delivery */
        in->data_coding = smpp_read_u8(&r);
    } else {
        smpp_read_octets(&r, 2);             /* protocol_id, priority_flag */
        smpp_read_cstring(&r, 17, &ignored); /* schedule_delivery_time */
        smpp_read_cstring(&r, 17, &ignored); /* validity_period */
        smpp_read_octets(&r, 2);             /* registered_delivery, replace_if_present */
        in->data_coding = smpp_read_u8(&r);
        smpp_read_u8(&r); /* sm_default_msg_id */
        in->length = smpp_read_u8(&r);
        in->text = smpp_read_octets(&r, in->length);
    }
    if (r.bad)
        return -1;
    read_tlvs(in, &r);
    return 0;
}

const char *smpp_response_id(const uint8_t *body, size_t n, size_t *length)
{
    *length = n == 0 ? 0 : strnlen((const char *)body, n);
    if (*length > SMPP_ID_MAX)
        *length = 0;
    return (const char *)body;
}

/* ------------------------------------------------------------------ what goes out */
size_t smpp_bind_write(uint8_t *p, const struct smpp_bind *bind, uint32_t sequence)
{
    uint8_t *at = p + smpp_header_write(p, SMPP_BIND_TRANSCEIVER, 0, sequence);

    at = put_cstring(at, bind->system_id);
    at = put_cstring(at, bind->password);
    at = put_cstring(at, bind->system_type);
    *at++ = 0x34; /* interface_version */
    *at++ = bind->address_ton;
    *at++ = bind->address_npi;
    at = put_cstring(at, bind->address_range);
    put32(p, (uint32_t)(at - p));
    return (size_t)(at - p);
}

int smpp_sender_make(struct smpp_sender *s, const char *service_type, const char *source,
                     struct smpp_ton_npi source_type, struct smpp_ton_npi destination_type)
{
    uint8_t *at = s->octets;

    if (strlen(service_type) > 5 || strlen(source) > 20)
        return -1;
    at = put_cstring(at, service_type);
    *at++ = source_type.ton;
    *at++ = source_type.npi;
    at = put_cstring(at, source);
    *at++ = destination_type.ton;
    *at++ = destination_type.npi;
    s->length = (size_t)(at - s->octets);
    return 0;
}

static uint8_t *put_sar(uint8_t *at, const struct smpp_submit *s)
{
    at = put16(put16(put16(at, TLV_SAR_REFERENCE), 2), s->sar_reference);
    at = put16(put16(at, TLV_SAR_TOTAL), 1);
    *at++ = s->sar_total;
    at = put16(put16(at, TLV_SAR_NUMBER), 1);
    *at++ = s->sar_number;
    return at;
}

size_t smpp_submit_write(uint8_t *p, const struct smpp_submit *s, uint32_t sequence)
{
    uint8_t *at = p + smpp_header_write(p, SMPP_SUBMIT_SM, 0, sequence);

    at = put(at, s->sender->octets, s->sender->length);
    at = put(at, s->to, s->to_length);
    *at++ = 0;
    *at++ = s->esm_class;
    *at++ = 0; /* protocol_id */
    *at++ = 0; /* priority_flag */
    at = put_cstring(at, s->schedule);
    at = put_cstring(at, s->validity);
    *at++ = s->registered_delivery;
    *at++ = 0; /* replace_if_present_flag */
    *at++ = s->data_coding;
    *at++ = 0; /* sm_default_msg_id */
    if (s->payload) {
        *at++ = 0;
        at = put16(put16(at, TLV_PAYLOAD), (unsigned)s->length);
        at = put(at, s->text, s->length);
    } else {
        *at++ = (uint8_t)(s->header_length + s->length);
        at = put(at, s->header, s->header_length);
        at = put(at, s->text, s->length);
    }
    if (s->sar_total > 0)
        at = put_sar(at, s);
    put32(p, (uint32_t)(at - p));
    return (size_t)(at - p);
}

size_t smpp_incoming_answer(uint8_t *p, uint32_t command, uint32_t status, uint32_t sequence)
{
    smpp_header_write(p, command | SMPP_RESPONSE, status, sequence);
    if (status != 0)
        return SMPP_HEADER_BYTES;
    put32(p, SMPP_HEADER_BYTES + 1);
    p[SMPP_HEADER_BYTES] = 0;
    return SMPP_HEADER_BYTES + 1;
}
