#include "charset.h"

#include "buf.h"
#include "mem.h"
#include "utf8.h"

#include <assert.h>
#include <errno.h>
#include <iconv.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MAX_CHARACTER 4 /* bytes, in each of the encodings */

struct charset_reader {
    enum charset charset;
    iconv_t iconv; /* not for UTF-8 */
    uint64_t offset;
    bool started; /* something was put out: no byte order mark any more */
    bool failed;
    char torn[2 * MAX_CHARACTER]; /* the beginning of a character */
    size_t torn_length;
};

static const struct {
    const char *name;
    enum charset charset;
} names[] = {
    /* the first of each is its own */
    {"UTF-8", CHARSET_UTF8},       {"UTF8", CHARSET_UTF8},       {"GB18030", CHARSET_GB18030},
    {"GBK", CHARSET_GB18030},      {"GB2312", CHARSET_GB18030},  {"CP936", CHARSET_GB18030},
    {"UTF-16LE", CHARSET_UTF16LE}, {"UTF16LE", CHARSET_UTF16LE}, {"UTF-16BE", CHARSET_UTF16BE},
    {"UTF16BE", CHARSET_UTF16BE},
};

const char *charset_name(enum charset charset)
{
    size_t i = 0;

    while (names[i].charset != charset)
        i++;
    return names[i].name;
}

int charset_parse(const char *name)
{
    size_t i;

    for (i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcasecmp(names[i].name, name) == 0)
            return (int)names[i].charset;
    return -1;
}

/* A table is full of commas and line ends, and in UTF-16 each has a NUL beside
 * it; no other text has any. More than a stray one decides. */
static int guess_by_nuls(const char *bytes, size_t n)
{
    size_t nuls[2] = {0, 0}, i;

    for (i = 0; i < n; i++)
        nuls[i & 1] += bytes[i] == '\0';
    if (nuls[1] > n / 64 && nuls[1] > 4 * nuls[0])
        return CHARSET_UTF16LE;
    if (nuls[0] > n / 64 && nuls[0] > 4 * nuls[1])
        return CHARSET_UTF16BE;
    return -1;
}

enum charset charset_guess(const char *bytes, size_t n, bool more)
{
    size_t valid;
    int guess;

    if (n >= 2 && memcmp(bytes, "\xff\xfe", 2) == 0)
        return CHARSET_UTF16LE;
    if (n >= 2 && memcmp(bytes, "\xfe\xff", 2) == 0)
        return CHARSET_UTF16BE;
    if (n >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0)
        return CHARSET_UTF8;
    guess = guess_by_nuls(bytes, n);
    if (guess >= 0)
        return (enum charset)guess;
    valid = utf8_valid(bytes, n);
    if (valid == n || (more && utf8_is_torn(bytes + valid, n - valid)))
        return CHARSET_UTF8;
    return CHARSET_GB18030;
}

struct charset_reader *charset_open(enum charset charset)
{
    struct charset_reader *r = xcalloc(1, sizeof *r);

    r->charset = charset;
    if (charset != CHARSET_UTF8) {
        r->iconv = iconv_open("UTF-8", charset_name(charset));
        assert(r->iconv != (iconv_t)-1); /* all of them are in the C library */
    }
    return r;
}

void charset_close(struct charset_reader *r)
{
    if (r == NULL)
        return;
    if (r->charset != CHARSET_UTF8)
        iconv_close(r->iconv);
    free(r);
}

uint64_t charset_offset(const struct charset_reader *r)
{
    return r->offset;
}

enum step { DONE, TORN, BAD };

/* Converts as much as can be, moves *p behind it, puts it out. The room is
 * enough for any of the encodings: two bytes never become more than three. */
static enum step convert(struct charset_reader *r, const char **p, const char *end, struct buf *out)
{
    size_t left = (size_t)(end - *p), room = 2 * left + 2 * MAX_CHARACTER, n;
    char *to = buf_room(out, room), *at = to;
    const char *from = *p;
    enum step step = DONE;

    if (to == NULL)
        return BAD;
    if (r->charset == CHARSET_UTF8) {
        n = utf8_valid(from, left);
        memcpy(to, from, n);
        at += n;
        *p += n;
        if (n < left)
            step = utf8_is_torn(*p, left - n) ? TORN : BAD;
    } else {
        char *in = (char *)from;

        if (iconv(r->iconv, &in, &left, &at, &room) == (size_t)-1)
            step = errno == EINVAL ? TORN : BAD;
        *p = in;
    }
    r->offset += (uint64_t)(*p - from);
    n = (size_t)(at - to);
    if (n > 0 && !r->started) {
        r->started = true;
        if (n >= 3 && memcmp(to, "\xef\xbb\xbf", 3) == 0) {
            n -= 3;
            memmove(to, to + 3, n);
        }
    }
    out->length += n;
    return step;
}

static int fail(struct charset_reader *r, const struct buf *out, struct error *err)
{
    r->failed = true;
    if (buf_overflowed(out))
        return error_set(err, "more than %zu bytes", out->limit);
    return error_set(err, "byte %llu is not %s", (unsigned long long)r->offset + 1,
                     charset_name(r->charset));
}

/* Completes the character that the last chunk ended in, a byte at a time. */
static enum step complete(struct charset_reader *r, const char **p, const char *end,
                          struct buf *out)
{
    enum step step = DONE;

    while (r->torn_length > 0 && *p < end) {
        const char *at = r->torn;

        r->torn[r->torn_length++] = *(*p)++;
        step = convert(r, &at, r->torn + r->torn_length, out);
        r->torn_length -= (size_t)(at - r->torn);
        memmove(r->torn, at, r->torn_length);
        if (step == BAD || r->torn_length >= MAX_CHARACTER)
            return BAD;
    }
    return step;
}

int charset_feed(struct charset_reader *r, const char *bytes, size_t n, struct buf *out,
                 struct error *err)
{
    const char *p = bytes, *end = bytes + n;
    enum step step;

    assert(!r->failed);
    step = complete(r, &p, end, out);
    if (step != BAD && p < end)
        step = convert(r, &p, end, out);
    if (step == BAD || end - p >= MAX_CHARACTER)
        return fail(r, out, err);
    if (p < end) {
        r->torn_length = (size_t)(end - p);
        memcpy(r->torn, p, r->torn_length);
    }
    return 0;
}

int charset_finish(struct charset_reader *r, struct error *err)
{
    if (r->torn_length == 0)
        return 0;
    r->failed = true;
    return error_set(err, "the file ends within a character of %s, at byte %llu",
                     charset_name(r->charset), (unsigned long long)r->offset + 1);
}
