/*
 * fuzz.h - what the fuzzers share
 *
 * One file here is one fuzzer: it includes this once, feeds what libFuzzer makes
 * up to one reader of foreign bytes, and states with HOLDS() what must be true
 * whatever came. ASan and UBSan see to the rest. corpus/NAME/ has the seeds, and
 * every input that ever broke something.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include "campaign.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HOLDS(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);         \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

#define MAYBE_UNUSED __attribute__((unused))

/* Bytes of the input, taken from its front; zeros when it is spent. */
struct take {
    const uint8_t *at;
    size_t left;
};

MAYBE_UNUSED static unsigned take_byte(struct take *t)
{
    if (t->left == 0)
        return 0;
    t->left--;
    return *t->at++;
}

MAYBE_UNUSED static uint32_t take_u32(struct take *t)
{
    uint32_t n = 0;

    for (int i = 0; i < 4; i++)
        n = n << 8 | take_byte(t);
    return n;
}

/* At most n bytes, on the heap and without a byte to spare, for free(). */
MAYBE_UNUSED static uint8_t *take_block(struct take *t, size_t *n)
{
    uint8_t *block;

    *n = *n < t->left ? *n : t->left;
    block = malloc(*n > 0 ? *n : 1);
    if (*n > 0)
        memcpy(block, t->at, *n);
    t->at += *n;
    t->left -= *n;
    return block;
}

MAYBE_UNUSED static char *as_string(const uint8_t *data, size_t size)
{
    char *s = malloc(size + 1);

    if (size > 0)
        memcpy(s, data, size);
    s[size] = '\0';
    return s;
}

MAYBE_UNUSED static const struct campaign_defaults fuzz_defaults = {
    .timezone = "Asia/Shanghai",
    .country = "CN",
    .language = "zh",
    .currency = "CNY",
    .hours = "08:00-12:00,14:00-20:30",
    .signature = "【鼓楼区妇联】",
    .optout_line = "拒收请回复R",
    .max_segments = 8,
    .max_audience = 2000000,
};

/* The input as a file: its path, good until the next call. */
MAYBE_UNUSED static const char *as_file(const uint8_t *data, size_t size)
{
    static char path[32];
    static int fd = -1;

    if (fd < 0)
        fd = memfd_create("fuzz", MFD_CLOEXEC);
    HOLDS(ftruncate(fd, 0) == 0);
    HOLDS(pwrite(fd, data, size, 0) == (ssize_t)size);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return path;
}

#endif
