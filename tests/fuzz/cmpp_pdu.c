/* The bodies of all that a gateway of China Mobile's may send, and replies in its alphabets. */
#include "fuzz.h"

#include "gb18030.h"
#include "pdu.h"

static bool inside(const uint8_t *p, size_t n, const uint8_t *data, size_t size)
{
    return p >= data && n <= size && p + n <= data + size;
}

static void check_utf8(const char *s, size_t n)
{
    char *end = as_string((const uint8_t *)s, n);

    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)end[i];
        size_t more = c < 0x80 ? 0 : c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;

        HOLDS(c < 0x80 || (c >= 0xc2 && c < 0xf5));
        for (; more > 0; more--)
            HOLDS(((unsigned char)end[++i] & 0xc0) == 0x80);
    }
    free(end);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static iconv_t converter = GB18030_NONE;
    struct take t = {data, size};
    enum cmpp_version version = take_byte(&t) & 1 ? CMPP_V30 : CMPP_V20;
    size_t n = t.left, written;
    uint8_t *body = take_block(&t, &n);
    struct cmpp_deliver d;
    struct cmpp_report r;
    struct cmpp_connected c;
    char *text = malloc(3 * n + 1);

    if (converter == GB18030_NONE)
        converter = gb18030_open();
    if (cmpp_deliver_read(&d, version, body, n) == 0) {
        HOLDS(inside(d.content, d.length, body, n));
        HOLDS(strlen(d.to) <= 21 && strlen(d.from) <= 32);
        if (cmpp_report_read(&r, d.content, d.length) == 0)
            HOLDS(inside(r.id, 8, d.content, d.length) && strlen(r.stat) <= 7);
    }
    HOLDS(d.id == NULL || inside(d.id, 8, body, n));
    if (cmpp_connected_read(&c, body, n) == 0) {
        uint8_t proof[16];

        cmpp_authenticator_ismg(proof, &c, body, "secret");
        HOLDS(inside(c.authenticator, 16, body, n));
    }
    HOLDS(cmpp_result_read(body, n) >= -1);
    written = gb18030_decode(converter, text, body, n);
    HOLDS(written <= 3 * n);
    check_utf8(text, written);
    free(text);
    free(body);
    return 0;
}
