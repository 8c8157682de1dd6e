#include "pdu.h"

#include <ctype.h>
#include <string.h>
#include <time.h>

/* First octet of a TPDU (23.040 9.2.3). */
enum { MTI_DELIVER = 0, MTI_SUBMIT = 1, MTI_REPORT = 2, MTI_MASK = 3 };
enum { VPF_RELATIVE = 0x10, SRR = 0x20, UDHI = 0x40 };
enum { TYPE_INTERNATIONAL = 0x91, TON_MASK = 0x70, TON_INTERNATIONAL = 0x10, TON_LETTERS = 0x50 };

#define NUMBER_DIGITS_MAX 20

/* ------------------------------------------------------------------ septets */
size_t pdu_pack(uint8_t *out, const uint8_t *septets, size_t n, unsigned fill)
{
    size_t octets = (7 * n + fill + 7) / 8;

    memset(out, 0, octets);
    for (size_t i = 0; i < n; i++) {
        size_t bit = 7 * i + fill;
        unsigned value = (unsigned)septets[i] << bit % 8;

        out[bit / 8] |= (uint8_t)value;
        if (value > 0xff)
            out[bit / 8 + 1] |= (uint8_t)(value >> 8);
    }
    return octets;
}

void pdu_unpack(uint8_t *septets, const uint8_t *octets, size_t n, unsigned fill)
{
    for (size_t i = 0; i < n; i++) {
        size_t bit = 7 * i + fill;
        unsigned value = (unsigned)octets[bit / 8] >> bit % 8;

        if (bit % 8 > 1)
            value |= (unsigned)octets[bit / 8 + 1] << (8 - bit % 8);
        septets[i] = value & 0x7f;
    }
}

/* ------------------------------------------------------------------ writing */
uint8_t pdu_validity(int64_t valid_ms)
{
    int64_t minutes = valid_ms / 60000;

    if (minutes < 5)
        return 0;
    if (minutes <= 12 * 60)
        return (uint8_t)(minutes / 5 - 1);
    if (minutes < 24 * 60 + 24 * 60)
        return (uint8_t)(minutes >= 24 * 60 ? 167 : 143 + (minutes - 12 * 60) / 30);
    if (minutes <= 30 * 24 * 60)
        return (uint8_t)(166 + minutes / (24 * 60));
    if (minutes < 5 * 7 * 24 * 60)
        return 196;
    minutes /= 7 * 24 * 60;
    return (uint8_t)(192 + (minutes > 63 ? 63 : minutes));
}

/* Length in digits, type, semi-octets; 0 for no number. */
static size_t put_number(uint8_t *out, const char *number)
{
    size_t n, at = 0;

    number += *number == '+';
    n = strlen(number);
    if (n < 1 || n > NUMBER_DIGITS_MAX || strspn(number, "0123456789") != n)
        return 0;
    out[at++] = (uint8_t)n;
    out[at++] = TYPE_INTERNATIONAL;
    for (size_t i = 0; i < n; i += 2)
        out[at++] = (uint8_t)((number[i] - '0') | (i + 1 < n ? number[i + 1] - '0' : 0xf) << 4);
    return at;
}

static size_t put_text(uint8_t *out, const struct sms_text *t, unsigned part, uint8_t reference)
{
    const uint8_t *text = t->octets + t->start[part];
    size_t n = (size_t)(t->start[part + 1] - t->start[part]);
    size_t header = sms_header(out + 1, SMS_LONG_UDH8, reference, t->parts, part + 1);

    if (t->data_coding == 8) {
        out[0] = (uint8_t)(header + n);
        memcpy(out + 1 + header, text, n);
        return 1 + header + n;
    }
    /* Septets begin at a septet's border behind the header: 6 octets are 48 bits, 1 of fill. */
    out[0] = (uint8_t)((8 * header + 6) / 7 + n);
    return 1 + header + pdu_pack(out + 1 + header, text, n, header > 0 ? 7 - 8 * header % 7 : 0);
}

size_t pdu_submit(char out[PDU_HEX_BYTES], const char *number, const struct sms_text *t,
                  unsigned part, uint8_t reference, int64_t valid_ms, bool report)
{
    static const char digits[] = "0123456789ABCDEF";
    uint8_t pdu[PDU_OCTETS_MAX];
    size_t n = 0, address;

    pdu[n++] = 0; /* the centre that the SIM knows */
    pdu[n++] = (uint8_t)(MTI_SUBMIT | (valid_ms > 0 ? VPF_RELATIVE : 0) | (report ? SRR : 0) |
                         (t->parts > 1 ? UDHI : 0));
    pdu[n++] = 0; /* TP-MR: the modem numbers */
    address = put_number(pdu + n, number);
    if (address == 0)
        return 0;
    n += address;
    pdu[n++] = 0; /* TP-PID */
    pdu[n++] = t->data_coding;
    if (valid_ms > 0)
        pdu[n++] = pdu_validity(valid_ms);
    n += put_text(pdu + n, t, part, reference);
    for (size_t i = 0; i < n; i++) {
        *out++ = digits[pdu[i] >> 4];
        *out++ = digits[pdu[i] & 0xf];
    }
    *out = '\0';
    return n - 1;
}

/* ------------------------------------------------------------------ reading */
struct reader {
    const uint8_t *at;
    size_t left;
    bool bad; /* it asked for more than there is */
};

static const uint8_t *take(struct reader *r, size_t n)
{
    static const uint8_t nothing[PDU_OCTETS_MAX];
    const uint8_t *at = r->at;

    if (n > r->left) {
        r->bad = true;
        r->left = 0;
        return nothing;
    }
    r->at += n;
    r->left -= n;
    return at;
}

static void take_number(struct reader *r, char *out, size_t size)
{
    size_t digits = *take(r, 1);
    uint8_t type = *take(r, 1);
    const uint8_t *p;

    if (digits > 20) { /* 9.1.2.5: 12 octets of address at most */
        r->bad = true;
        return;
    }
    p = take(r, (digits + 1) / 2);
    if ((type & TON_MASK) == TON_LETTERS) {
        uint8_t septets[12];
        size_t n = digits * 4 / 7;
        char letters[3 * sizeof septets + 1];

        pdu_unpack(septets, p, n, 0);
        n = sms_decode(letters, septets, n, 0, SMS_CHARSET_GSM, false);
        if (n >= size)
            for (n = size - 1; n > 0 && ((unsigned char)letters[n] & 0xc0) == 0x80;)
                n--;
        memcpy(out, letters, n);
        out[n] = '\0';
        return;
    }
    if ((type & TON_MASK) == TON_INTERNATIONAL)
        *out++ = '+';
    for (size_t i = 0; i < digits; i++) {
        unsigned digit = i % 2 ? p[i / 2] >> 4 : p[i / 2] & 0xf;

        *out++ = "0123456789*#abc"[digit < 15 ? digit : 0];
    }
    *out = '\0';
}

/* Swapped decimal digits; the quarter hours' sign is bit 3 of the first. */
static int64_t take_time(struct reader *r)
{
    const uint8_t *p = take(r, 7);
    int part[7];
    struct tm tm = {0};
    time_t seconds;

    for (int i = 0; i < 7; i++) {
        int tens = p[i] & (i == 6 ? 0x7 : 0xf), units = p[i] >> 4;

        if (tens > 9 || units > 9)
            return 0;
        part[i] = 10 * tens + units;
    }
    if (part[1] < 1 || part[1] > 12 || part[2] < 1 || part[2] > 31 || part[3] > 23 ||
        part[4] > 59 || part[5] > 60)
        return 0;
    tm = (struct tm){.tm_year = part[0] + (part[0] < 90 ? 100 : 0),
                     .tm_mon = part[1] - 1,
                     .tm_mday = part[2],
                     .tm_hour = part[3],
                     .tm_min = part[4],
                     .tm_sec = part[5]};
    seconds = timegm(&tm);
    seconds -= (p[6] & 0x08 ? -1 : 1) * part[6] * 15 * 60;
    return (int64_t)seconds * 1000;
}

/* 23.038 section 4, as what sms_decode() knows: 0 GSM, 4 octets, 8 UCS-2. */
static uint8_t alphabet(uint8_t dcs)
{
    if ((dcs & 0xf0) == 0xf0)
        return dcs & 0x04 ? 4 : 0;
    if ((dcs & 0xf0) == 0xe0)
        return 8;
    if ((dcs & 0xf0) >= 0x80)
        return 0;
    return (dcs & 0x0c) == 0x0c ? 0 : dcs & 0x0c;
}

static void take_text(struct reader *r, struct pdu *p, uint8_t dcs, bool has_header)
{
    uint8_t coding = alphabet(dcs), septets[160];
    size_t length = *take(r, 1), n = coding == 0 ? (7 * length + 7) / 8 : length;
    const uint8_t *data, *text;
    size_t header = 0;

    if (length > (coding == 0 ? 160u : 140u)) {
        r->bad = true;
        return;
    }
    data = text = take(r, n);
    if (r->bad)
        return;
    if (has_header) {
        p->concat = sms_strip_header(&text, &n);
        header = (size_t)(text - data);
    }
    if (coding == 0) {
        size_t skip = (8 * header + 6) / 7;

        n = skip < length ? length - skip : 0;
        if (n > 0)
            pdu_unpack(septets, text, n, header > 0 ? (7 - 8 * header % 7) % 7 : 0);
        text = septets;
    }
    if ((dcs & 0xe0) == 0x20)
        n = 0; /* compressed: nobody sends it, nobody reads it */
    p->length = sms_decode(p->text, text, n, coding,
                           coding == 4 ? SMS_CHARSET_LATIN1 : SMS_CHARSET_GSM, false);
    p->text[p->length] = '\0';
}

static void read_deliver(struct reader *r, struct pdu *p, uint8_t first)
{
    uint8_t dcs;

    p->kind = PDU_DELIVER;
    take_number(r, p->number, sizeof p->number);
    take(r, 1); /* TP-PID */
    dcs = *take(r, 1);
    p->sent_ms = take_time(r);
    take_text(r, p, dcs, (first & UDHI) != 0);
}

static void read_report(struct reader *r, struct pdu *p)
{
    p->kind = PDU_REPORT;
    p->reference = *take(r, 1);
    take_number(r, p->number, sizeof p->number);
    p->sent_ms = take_time(r);
    p->done_ms = take_time(r);
    p->status = *take(r, 1); /* what may follow is of no use */
}

static int hex_digit(char c)
{
    return isdigit((unsigned char)c) ? c - '0'
           : c >= 'a' && c <= 'f'    ? c - 'a' + 10
           : c >= 'A' && c <= 'F'    ? c - 'A' + 10
                                     : -1;
}

bool pdu_read(struct pdu *p, const char *hex, size_t n)
{
    uint8_t octets[PDU_OCTETS_MAX];
    struct reader r = {octets, n / 2, false};
    uint8_t first;

    memset(p, 0, sizeof *p);
    if (n % 2 != 0 || n / 2 > sizeof octets)
        return false;
    for (size_t i = 0; i < n / 2; i++) {
        int high = hex_digit(hex[2 * i]), low = hex_digit(hex[2 * i + 1]);

        if (high < 0 || low < 0)
            return false;
        octets[i] = (uint8_t)(high << 4 | low);
    }
    take(&r, *take(&r, 1)); /* the service centre's address */
    first = *take(&r, 1);
    if (!r.bad && (first & MTI_MASK) == MTI_DELIVER)
        read_deliver(&r, p, first);
    else if (!r.bad && (first & MTI_MASK) == MTI_REPORT)
        read_report(&r, p);
    if (r.bad)
        memset(p, 0, sizeof *p);
    return p->kind != PDU_NONE;
}
