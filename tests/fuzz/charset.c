/* Bytes of some encoding as UTF-8: the same in whatever pieces they come. */
#include "fuzz.h"

#include "charset.h"

#include "buf.h"
#include "utf8.h"

static int convert(enum charset charset, const char *bytes, size_t n, size_t piece, struct buf *out,
                   uint64_t *offset)
{
    struct charset_reader *r = charset_open(charset);
    struct error err;
    size_t at = 0;
    int rc = 0;

    while (at < n && rc == 0) {
        size_t some = n - at < piece ? n - at : piece;
        size_t before = out->length;
        char *copy = malloc(some);

        memcpy(copy, bytes + at, some);
        rc = charset_feed(r, copy, some, out, &err);
        free(copy);
        HOLDS(out->length - before <= 2 * some + 8);
        at += some;
        piece = piece > n ? piece : piece % 7 + 1;
    }
    if (rc == 0)
        rc = charset_finish(r, &err);
    *offset = charset_offset(r);
    charset_close(r);
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct take t = {data, size};
    unsigned which = take_byte(&t);
    const char *bytes = (const char *)t.at;
    enum charset charset =
        which < 128 ? (enum charset)(which % 4) : charset_guess(bytes, t.left, which & 1);
    struct buf whole = BUF_INIT(64u << 20), parts = BUF_INIT(64u << 20);
    uint64_t place, same;
    int rc = convert(charset, bytes, t.left, SIZE_MAX, &whole, &place);

    HOLDS(convert(charset, bytes, t.left, 1 + which % 5, &parts, &same) == rc);
    HOLDS(whole.length == parts.length && place == same);
    HOLDS(whole.length == 0 || memcmp(whole.data, parts.data, whole.length) == 0);
    HOLDS(utf8_valid(whole.data, whole.length) == whole.length);
    HOLDS(place <= t.left);
    HOLDS(rc != 0 || place == t.left);
    buf_free(&whole);
    buf_free(&parts);
    return 0;
}
