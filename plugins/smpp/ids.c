#include "ids.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define DIGITS_MAX 64

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : 99;
}

static bool is_number(const char *s, size_t n, int base)
{
    size_t i;

    for (i = 0; i < n; i++)
        if (digit(s[i]) >= base)
            return false;
    return n > 0;
}

/* The usual ids fit into 64 bits, and there is one in every receipt. */
static size_t convert_short(char *out, const char *s, size_t n, int from, int to)
{
    char digits[DIGITS_MAX];
    uint64_t value = 0;
    size_t i, used = 0;

    for (i = 0; i < n; i++)
        value = value * (unsigned)from + (unsigned)digit(s[i]);
    do
        digits[used++] = "0123456789ABCDEF"[to == 10 ? value % 10 : value % 16];
    while ((value = to == 10 ? value / 10 : value / 16) > 0);
    for (i = 0; i < used; i++)
        out[i] = digits[used - 1 - i];
    return used;
}

/* Writes s (n digits of base from) in base to, without leading zeros, into id.
 * Multiplies digit by digit on a string, as on paper. Returns -1 if it is no
 * number or becomes too long. */
static int convert(struct smpp_id *id, const char *s, size_t n, int from, int to)
{
    unsigned char digits[DIGITS_MAX]; /* the lowest first */
    size_t used = 0, i, k;

    if (!is_number(s, n, from))
        return -1;
    if (n <= 16) {
        id->length = convert_short(id->bytes, s, n, from, to);
        return 0;
    }
    for (i = 0; i < n; i++) {
        int carry = digit(s[i]);

        for (k = 0; k < used; k++) {
            carry += digits[k] * from;
            digits[k] = (unsigned char)(carry % to);
            carry /= to;
        }
        for (; carry > 0; carry /= to) {
            if (used == DIGITS_MAX)
                return -1;
            digits[used++] = (unsigned char)(carry % to);
        }
    }
    if (used == 0)
        digits[used++] = 0;
    for (i = 0; i < used; i++)
        id->bytes[i] = "0123456789ABCDEF"[digits[used - 1 - i]];
    id->length = used;
    return 0;
}

static void copy(struct smpp_id *id, const char *s, size_t n)
{
    id->length = n <= DIGITS_MAX ? n : 0;
    if (id->length > 0)
        memcpy(id->bytes, s, id->length);
}

static void normalise(struct smpp_id *id, const char *s, size_t n, int base)
{
    if (base == 0 || convert(id, s, n, base, 10) != 0)
        copy(id, s, n);
}

static const struct {
    int response, receipt; /* 0: left alone */
} bases[] = {
    [SMPP_ID_AS_IS] = {0, 0},
    [SMPP_ID_RESP_HEX_DLR_DEC] = {16, 10},
    [SMPP_ID_RESP_DEC_DLR_HEX] = {10, 16},
};

void smpp_id_of_response(struct smpp_id *id, const char *s, size_t n, enum smpp_id_base base)
{
    normalise(id, s, n, bases[base].response);
}

void smpp_id_of_receipt(struct smpp_id *id, const char *s, size_t n, enum smpp_id_base base)
{
    normalise(id, s, n, bases[base].receipt);
}

/* Zeros in front, up to width: how SMSCs usually print either base. */
static void pad(struct smpp_id *id, size_t width)
{
    if (id->length == 0 || id->length >= width)
        return;
    memmove(id->bytes + width - id->length, id->bytes, id->length);
    memset(id->bytes, '0', width - id->length);
    id->length = width;
}

void smpp_id_other_reading(struct smpp_id *id, const char *s, size_t n, enum smpp_id_base base)
{
    int result;

    if (base == SMPP_ID_AS_IS && is_number(s, n, 10)) {
        result = convert(id, s, n, 10, 16);
        if (result == 0)
            pad(id, 8); /* %08X */
    } else if (base == SMPP_ID_AS_IS) {
        result = convert(id, s, n, 16, 10);
        if (result == 0)
            pad(id, 10); /* %010u */
    } else {
        result = convert(id, s, n, bases[base].receipt == 10 ? 16 : 10, 10);
    }
    if (result != 0)
        id->length = 0;
}
