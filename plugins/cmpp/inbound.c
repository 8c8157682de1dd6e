/*
 * Reports and replies out of DELIVER.
 */
#include "instance.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { RESULT_STRUCTURE = 1, RESULT_LENGTH = 4, RESULT_FLOW = 8 };
enum { FORMAT_ASCII = 0, FORMAT_BINARY = 4, FORMAT_UCS2 = 8, FORMAT_GB18030 = 15 };

/* TP_udhi is 1; but some copy SMPP's esm_class into it. */
#define UDHI_BITS 0x41

size_t cmpp_acknowledge(struct trunk_session *s, uint8_t *p, const struct trunk_ack *ack)
{
    return cmpp_delivered_write(p, cmpp_link_of(s)->version, ack->mark,
                                ack->refused ? RESULT_FLOW : 0, ack->sequence);
}

static void answer(struct trunk_session *s, const struct trunk_pdu *h, const uint8_t *id,
                   uint8_t result)
{
    static const uint8_t none[8];
    uint8_t *p = trunk_session_room(s);

    if (p != NULL)
        trunk_session_put(
            s, p,
            cmpp_delivered_write(p, cmpp_link_of(s)->version, id ? id : none, result, h->sequence));
}

static void refuse(struct trunk_session *s, const struct trunk_pdu *h, const uint8_t *id,
                   uint8_t result)
{
    if (trunk_complain(s->trunk))
        TRUNK_LOG(s->trunk, WARNING,
                  "cmpp.malformed session=%u command=0x%08x length=%u sequence=%u odd=%lu",
                  s->number, (unsigned)h->command, (unsigned)h->length, (unsigned)h->sequence,
                  s->trunk->odd);
    answer(s, h, id, result);
}

/* ------------------------------------------------------------------ reports */
/* YYMMDDhhmm of the gateway's clock, 0 for what is no time. */
static int64_t time_of(const char *s, int utc_offset_min)
{
    struct tm tm = {0};

    if (strlen(s) != 10 || strspn(s, "0123456789") != 10 ||
        sscanf(s, "%2d%2d%2d%2d%2d", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour,
               &tm.tm_min) != 5 ||
        tm.tm_mon < 1 || tm.tm_mon > 12 || tm.tm_mday < 1 || tm.tm_mday > 31 || tm.tm_hour > 23 ||
        tm.tm_min > 59)
        return 0;
    tm.tm_year += 100;
    tm.tm_mon--;
    return ((int64_t)timegm(&tm) - 60 * utc_offset_min) * 1000;
}

static enum gateway_receipt_state state_of(const struct code *known)
{
    if (known == NULL || known->receipt == CODE_UNDELIVERED)
        return GATEWAY_UNDELIVERED;
    return known->receipt == CODE_DELIVERED ? GATEWAY_DELIVERED : GATEWAY_ENROUTE;
}

static void classify(struct cmpp *g, const char *stat, struct gateway_receipt *up)
{
    const struct code *known = codes_find(g->codes, stat, strlen(stat));
    size_t i;

    if (known != NULL && known->receipt == CODE_NO_RECEIPT)
        known = NULL; /* "8" is a result of submits */
    up->state = state_of(known);
    up->reason = known ? known->reason : GATEWAY_REASON_OTHER;
    up->words = known ? known->en : NULL;
    for (i = 0; i < g->settings.reason_count; i++)
        if (strcmp(g->settings.reasons[i].code, stat) == 0) {
            up->reason = g->settings.reasons[i].reason;
            return;
        }
    if (known == NULL)
        trunk_unknown_code(&g->trunk, "report", stat, "report_reasons");
}

static void report(struct trunk_session *s, const struct trunk_pdu *h, const struct cmpp_deliver *d)
{
    struct cmpp *g = cmpp_of(s->trunk);
    struct cmpp_report r;
    struct gateway_receipt up = {0};
    char id[17];

    if (cmpp_report_read(&r, d->content, d->length) != 0) {
        refuse(s, h, d->id, RESULT_LENGTH);
        return;
    }
    up.id = (struct gateway_id){id, cmpp_id_write(id, r.id)};
    if (up.id.length == 0) {
        if (trunk_complain(s->trunk))
            TRUNK_LOG(s->trunk, WARNING, "cmpp.report_without_id session=%u odd=%lu", s->number,
                      s->trunk->odd);
        answer(s, h, d->id, 0);
        return;
    }
    classify(g, r.stat, &up);
    up.code = r.stat[0] ? r.stat : NULL;
    up.done_ms = time_of(r.done, g->settings.utc_offset_min);
    trunk_receipt(s, h, d->id, &up);
}

/* ------------------------------------------------------------------ replies */
static bool is_ascii(const uint8_t *octets, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++)
        if (octets[i] > 0x7f)
            return false;
    return true;
}

static size_t decode(struct cmpp *g, char *out, const uint8_t *octets, size_t n, uint8_t format)
{
    /* GB18030 is sent as "ASCII" too. */
    if (format == FORMAT_GB18030 || (format == FORMAT_ASCII && !is_ascii(octets, n)))
        return gb18030_decode(g->gb18030, out, octets, n);
    if (format == FORMAT_UCS2)
        return sms_decode(out, octets, n, FORMAT_UCS2, SMS_CHARSET_ASCII, false);
    return sms_decode(out, octets, n, FORMAT_BINARY, SMS_CHARSET_ASCII, false);
}

/* A number with the country's code is international, which its digits alone do not say. */
static void write_from(const struct cmpp *g, char out[40], const char *from)
{
    const char *code = g->settings.country_code;
    size_t n = strlen(code);
    bool plus = *from != '+' && n > 0 && strncmp(from, code, n) == 0 && strlen(from) == n + 11;

    snprintf(out, 40, "%s%s", plus ? "+" : "", from);
}

static void reply(struct trunk_session *s, const struct trunk_pdu *h, const struct cmpp_deliver *d)
{
    struct cmpp *g = cmpp_of(s->trunk);
    const uint8_t *octets = d->content;
    size_t n = d->length;
    char from[40];
    struct trunk_reply r = {.from = from, .to = d->to, .mark = d->id, .text = g->trunk.decoded};

    if (d->udhi & UDHI_BITS)
        r.concat = sms_strip_header(&octets, &n);
    write_from(g, from, d->from);
    r.length = decode(g, g->trunk.decoded, octets, n, d->format);
    trunk_reply(s, h, &r);
}

/* ------------------------------------------------------------------ both */
void cmpp_inbound(struct trunk_session *s, const struct trunk_pdu *h, const uint8_t *body, size_t n)
{
    struct cmpp_deliver d;
    int trouble = cmpp_deliver_read(&d, cmpp_link_of(s)->version, body, n);

    if (trouble != 0)
        refuse(s, h, d.id, trouble == CMPP_DELIVER_SHORT ? RESULT_STRUCTURE : RESULT_LENGTH);
    else if (d.report)
        report(s, h, &d);
    else
        reply(s, h, &d);
}
