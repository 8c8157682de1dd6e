/* A text as SMPP carries it: as many parts as were counted when it was paid for,
 * and its parts, decoded and joined, are the text. */
#include "fuzz.h"

#include "encoding.h"
#include "sms.h"
#include "utf8.h"

static void check_joined(const struct sms_text *t, const char *s, size_t n,
                         enum sms_charset charset)
{
    char *joined = malloc(3 * SMS_OCTETS_MAX + 1);
    size_t length = 0;

    for (unsigned i = 0; i < t->parts; i++) {
        size_t octets = t->start[i + 1] - t->start[i];
        uint8_t *part = malloc(octets > 0 ? octets : 1);

        HOLDS(t->start[i] <= t->start[i + 1] && t->start[i + 1] <= SMS_OCTETS_MAX);
        memcpy(part, t->octets + t->start[i], octets);
        length += sms_decode(joined + length, part, octets, t->data_coding, charset, false);
        free(part);
    }
    HOLDS(length == n && (n == 0 || memcmp(joined, s, n) == 0));
    free(joined);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct sms_text text;
    struct take t = {data, size};
    unsigned choice = take_byte(&t);
    enum sms_charset charset = (enum sms_charset)(choice % 3);
    enum sms_long long_text = (enum sms_long)(choice / 3 % 4);
    size_t n = t.left;
    char *s = (char *)take_block(&t, &n);
    struct text_size measured;
    bool valid = text_measure(s, n, TEXT_BILL_GSM, &measured) == 0;
    enum sms_result result = sms_encode(
        &text, s, n, valid ? (enum gateway_encoding)measured.encoding : 0, charset, long_text);
    /* A 16-bit reference leaves room for one septet or unit less. */
    bool counts_alike = long_text == SMS_LONG_UDH8 || long_text == SMS_LONG_SAR;
    uint8_t header[7];

    HOLDS(valid == (result != SMS_INVALID) || result == SMS_TOO_LONG);
    if (valid && result == SMS_OK) {
        HOLDS(text.parts >= 1 && text.parts <= SMS_PARTS_MAX);
        if (counts_alike && charset == SMS_CHARSET_GSM && n > 0)
            HOLDS(text.parts == measured.parts);
        check_joined(&text, s, n, charset);
        for (unsigned i = 1; i <= text.parts; i++)
            HOLDS(sms_header(header, long_text, 1, text.parts, i) <= sizeof header);
    }
    if (valid && counts_alike && charset == SMS_CHARSET_GSM)
        HOLDS((result == SMS_TOO_LONG) == (measured.parts > SMS_PARTS_MAX));
    free(s);
    return 0;
}
