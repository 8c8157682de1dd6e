/* A text as SMPP carries it: as many parts as were counted when it was paid for,
 * and its parts, decoded and joined, are the text. */
#include "fuzz.h"

#include "encoding.h"
#include "text.h"
#include "utf8.h"

static void check_joined(const struct smpp_text *t, const char *s, size_t n,
                         enum smpp_charset charset)
{
    char *joined = malloc(3 * SMPP_TEXT_OCTETS + 1);
    size_t length = 0;

    for (unsigned i = 0; i < t->parts; i++) {
        size_t octets = t->start[i + 1] - t->start[i];
        uint8_t *part = malloc(octets > 0 ? octets : 1);

        HOLDS(t->start[i] <= t->start[i + 1] && t->start[i + 1] <= SMPP_TEXT_OCTETS);
        memcpy(part, t->octets + t->start[i], octets);
        length += smpp_text_decode(joined + length, part, octets, t->data_coding, charset, false);
        free(part);
    }
    HOLDS(length == n && (n == 0 || memcmp(joined, s, n) == 0));
    free(joined);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct smpp_text text;
    struct take t = {data, size};
    unsigned choice = take_byte(&t);
    enum smpp_charset charset = (enum smpp_charset)(choice % 3);
    enum smpp_long_text long_text = (enum smpp_long_text)(choice / 3 % 4);
    size_t n = t.left;
    char *s = (char *)take_block(&t, &n);
    struct text_size measured;
    bool valid = text_measure(s, n, TEXT_BILL_GSM, &measured) == 0;
    enum smpp_text_result result = smpp_text_encode(
        &text, s, n, valid ? (enum gateway_encoding)measured.encoding : 0, charset, long_text);
    /* A 16-bit reference leaves room for one septet or unit less. */
    bool counts_alike = long_text == SMPP_LONG_UDH8 || long_text == SMPP_LONG_SAR;
    uint8_t header[7];

    HOLDS(valid == (result != SMPP_TEXT_INVALID) || result == SMPP_TEXT_TOO_LONG);
    if (valid && result == SMPP_TEXT_OK) {
        HOLDS(text.parts >= 1 && text.parts <= SMPP_PARTS_MAX);
        if (counts_alike && charset == SMPP_CHARSET_GSM && n > 0)
            HOLDS(text.parts == measured.parts);
        check_joined(&text, s, n, charset);
        for (unsigned i = 1; i <= text.parts; i++)
            HOLDS(smpp_text_header(header, long_text, 1, text.parts, i) <= sizeof header);
    }
    if (valid && counts_alike && charset == SMPP_CHARSET_GSM)
        HOLDS((result == SMPP_TEXT_TOO_LONG) == (measured.parts > SMPP_PARTS_MAX));
    free(s);
    return 0;
}
