#include "pdu.h"

#include <stdio.h>
#include <string.h>

#include "digest.h"

static uint32_t get32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint8_t *put32(uint8_t *p, uint32_t n)
{
    p[0] = (uint8_t)(n >> 24);
    p[1] = (uint8_t)(n >> 16);
    p[2] = (uint8_t)(n >> 8);
    p[3] = (uint8_t)n;
    return p + 4;
}

static uint8_t *put(uint8_t *p, const void *octets, size_t n)
{
    if (n > 0)
        memcpy(p, octets, n);
    return p + n;
}

static uint8_t *put_zeros(uint8_t *p, size_t n)
{
    memset(p, 0, n);
    return p + n;
}

/* An octet string of this width. */
static uint8_t *put_string(uint8_t *p, const char *s, size_t width)
{
    size_t n = strnlen(s, width);

    return put_zeros(put(p, s, n), width - n);
}

struct trunk_pdu cmpp_header_read(const uint8_t *p)
{
    return (struct trunk_pdu){
        .length = get32(p), .command = get32(p + 4), .sequence = get32(p + 8)};
}

size_t cmpp_header_write(uint8_t *p, uint32_t command, uint32_t sequence)
{
    put32(put32(put32(p, CMPP_HEADER_BYTES), command), sequence);
    return CMPP_HEADER_BYTES;
}

#define REPORT_BYTES 60u /* of 2.0, and the least that was ever seen */

/* ------------------------------------------------------------------ the cursor */
struct reader {
    const uint8_t *at;
    size_t left;
    bool bad; /* something did not fit; what was read since is 0, "" or NULL */
};

static const uint8_t *read_octets(struct reader *r, size_t n)
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

static uint8_t read_u8(struct reader *r)
{
    const uint8_t *p = read_octets(r, 1);

    return p ? *p : 0;
}

static void read_string(struct reader *r, char *out, size_t width)
{
    const uint8_t *p = read_octets(r, width);
    size_t n = p ? strnlen((const char *)p, width) : 0;

    if (n > 0)
        memcpy(out, p, n);
    out[n] = '\0';
}

/* ------------------------------------------------------------------ what comes in */
int cmpp_connected_read(struct cmpp_connected *c, const uint8_t *body, size_t n)
{
    struct reader r = {.at = body, .left = n};
    const uint8_t *status;

    memset(c, 0, sizeof *c);
    if (n != 18 && n != 21)
        return -1;
    c->version = n == 18 ? CMPP_V20 : CMPP_V30;
    c->status_length = n - 17;
    status = read_octets(&r, c->status_length);
    memcpy(c->status_octets, status, c->status_length);
    c->status = c->status_length == 1 ? status[0] : get32(status);
    c->authenticator = read_octets(&r, 16);
    return 0;
}

int64_t cmpp_result_read(const uint8_t *body, size_t n)
{
    if (n == 9)
        return body[8];
    return n == 12 ? (int64_t)get32(body + 8) : -1;
}

int cmpp_deliver_read(struct cmpp_deliver *d, enum cmpp_version version, const uint8_t *body,
                      size_t n)
{
    struct reader r = {.at = body, .left = n};

    memset(d, 0, sizeof *d);
    d->id = read_octets(&r, 8);
    read_string(&r, d->to, 21);
    read_string(&r, d->service, 10);
    read_u8(&r); /* TP_pid */
    d->udhi = read_u8(&r);
    d->format = read_u8(&r);
    read_string(&r, d->from, version == CMPP_V30 ? 32 : 21);
    if (version == CMPP_V30)
        read_u8(&r); /* Src_terminal_type */
    d->report = read_u8(&r) == 1;
    d->length = read_u8(&r);
    if (r.bad)
        return CMPP_DELIVER_SHORT;
    d->content = read_octets(&r, d->length);
    return r.bad ? CMPP_DELIVER_LENGTH : 0;
}

int cmpp_report_read(struct cmpp_report *report, const uint8_t *content, size_t n)
{
    struct reader r = {.at = content, .left = n};
    size_t i;

    memset(report, 0, sizeof *report);
    if (n < REPORT_BYTES)
        return -1;
    report->id = read_octets(&r, 8);
    read_string(&r, report->stat, 7);
    read_octets(&r, 10); /* Submit_time */
    read_string(&r, report->done, 10);
    for (i = strlen(report->stat); i > 0 && report->stat[i - 1] == ' '; i--)
        report->stat[i - 1] = '\0'; /* some fill with blanks */
    return 0;
}

/* ------------------------------------------------------------------ what goes out */
void cmpp_authenticator(uint8_t out[16], const char *source, const char *secret, uint32_t time)
{
    char octets[6 + 9 + 256 + 16] = {0};
    size_t n = strnlen(secret, 256), at = 6 + 9;

    memcpy(octets, source, strnlen(source, 6));
    memcpy(octets + at, secret, n);
    at += n;
    at += (size_t)snprintf(octets + at, 16, "%010u", (unsigned)time);
    digest_md5(octets, at, out);
}

void cmpp_authenticator_ismg(uint8_t out[16], const struct cmpp_connected *c,
                             const uint8_t source[16], const char *secret)
{
    uint8_t octets[4 + 16 + 256], *at = octets;

    at = put(at, c->status_octets, c->status_length);
    at = put(at, source, 16);
    at = put(at, secret, strnlen(secret, 256));
    digest_md5(octets, (size_t)(at - octets), out);
}

/* Sets the length of what was written from p to end, and returns it. */
static size_t finish(uint8_t *p, const uint8_t *end)
{
    put32(p, (uint32_t)(end - p));
    return (size_t)(end - p);
}

size_t cmpp_connect_write(uint8_t *p, enum cmpp_version version, const char *source,
                          const uint8_t authenticator[16], uint32_t time, uint32_t sequence)
{
    uint8_t *at = p + cmpp_header_write(p, CMPP_CONNECT, sequence);

    at = put_string(at, source, 6);
    at = put(at, authenticator, 16);
    *at++ = (uint8_t)version;
    return finish(p, put32(at, time));
}

size_t cmpp_submit_write(uint8_t *p, enum cmpp_version version, const struct cmpp_submit *s,
                         uint32_t sequence)
{
    bool v30 = version == CMPP_V30;
    size_t number_width = v30 ? 32 : 21;
    uint8_t *at = p + cmpp_header_write(p, CMPP_SUBMIT, sequence);

    at = put_zeros(at, 8); /* Msg_Id: the gateway gives it */
    *at++ = s->total;
    *at++ = s->number;
    *at++ = 1; /* Registered_Delivery */
    *at++ = s->level;
    at = put_string(at, s->service, 10);
    *at++ = s->fee_user;
    at = put_string(at, s->fee_number, number_width);
    if (v30)
        *at++ = 0; /* Fee_terminal_type: a real number */
    *at++ = 0;     /* TP_pId */
    *at++ = s->header_length > 0;
    *at++ = s->format;
    at = put_string(at, s->source, 6);
    at = put_string(at, s->fee_type, 2);
    at = put_string(at, s->fee_code, 6);
    at = put_string(at, s->validity, 17);
    at = put_zeros(at, 17); /* At_Time: now */
    at = put_string(at, s->from, 21);
    *at++ = 1; /* DestUsr_tl: one wrong number would refuse all of them */
    at = put_string(at, s->to, number_width);
    if (v30)
        *at++ = 0; /* Dest_terminal_type: a real number */
    *at++ = (uint8_t)(s->header_length + s->length);
    at = put(at, s->header, s->header_length);
    at = put(at, s->text, s->length);
    return finish(p, put_zeros(at, v30 ? 20 : 8)); /* LinkID, or Reserve */
}

size_t cmpp_delivered_write(uint8_t *p, enum cmpp_version version, const uint8_t id[8],
                            uint8_t result, uint32_t sequence)
{
    uint8_t *at = p + cmpp_header_write(p, CMPP_DELIVER | CMPP_RESPONSE, sequence);

    at = put(at, id, 8);
    if (version == CMPP_V30)
        at = put_zeros(at, 3);
    *at++ = result;
    return finish(p, at);
}

size_t cmpp_tested_write(uint8_t *p, uint32_t sequence)
{
    uint8_t *at = p + cmpp_header_write(p, CMPP_ACTIVE_TEST | CMPP_RESPONSE, sequence);

    *at++ = 0; /* reserved */
    return finish(p, at);
}
