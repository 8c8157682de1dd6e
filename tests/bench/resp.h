/*
 * resp.h - Redis commands written straight into a buffer
 *
 * hiredis formats a command through an array of strings; a batch has hundreds
 * of arguments, and the floor is to show what is possible. Replies are read by
 * hiredis as usual.
 */
#ifndef RESP_H
#define RESP_H

#include <hiredis/hiredis.h>
#include "bench.h"

BENCH_UNUSED static void resp_number(struct buffer *b, char mark, size_t n)
{
    char digits[24], *p = digits + sizeof digits;

    *--p = '\n';
    *--p = '\r';
    do
        *--p = (char)('0' + n % 10);
    while ((n /= 10) > 0);
    *--p = mark;
    buffer_add(b, p, (size_t)(digits + sizeof digits - p));
}

/* Begins a command of `arguments` words, its name included. */
BENCH_UNUSED static void resp_begin(struct buffer *b, size_t arguments)
{
    resp_number(b, '*', arguments);
}

BENCH_UNUSED static void resp_bytes(struct buffer *b, const void *p, size_t n)
{
    resp_number(b, '$', n);
    buffer_add(b, p, n);
    buffer_add(b, "\r\n", 2);
}

BENCH_UNUSED static void resp_text(struct buffer *b, const char *text)
{
    resp_bytes(b, text, strlen(text));
}

BENCH_UNUSED __attribute__((format(printf, 2, 3))) static void resp_format(struct buffer *b,
                                                                           const char *format, ...)
{
    char text[512];
    va_list ap;
    int n;

    va_start(ap, format);
    n = vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    if (n < 0 || (size_t)n >= sizeof text)
        fail("argument too long: %s", format);
    resp_bytes(b, text, (size_t)n);
}

/* EVALSHA sha with `keys` keys and `arguments` more words to follow. */
BENCH_UNUSED static void resp_evalsha(struct buffer *b, const char *sha, size_t keys,
                                      size_t arguments)
{
    resp_begin(b, 3 + keys + arguments);
    resp_bytes(b, "EVALSHA", 7);
    resp_bytes(b, sha, 40);
    resp_format(b, "%zu", keys);
}

/* Runs one command in a blocking way and ends the program where it fails. The
 * caller frees the reply. */
BENCH_UNUSED static redisReply *resp_command(redisContext *redis, const char *format, ...)
{
    va_list ap;
    redisReply *r;

    va_start(ap, format);
    r = redisvCommand(redis, format, ap);
    va_end(ap);
    if (r == NULL)
        fail("%s: %s", format, redis->errstr);
    if (r->type == REDIS_REPLY_ERROR)
        fail("%s: %s", format, r->str);
    return r;
}

BENCH_UNUSED static void resp_load(redisContext *redis, const char *script, char sha[41])
{
    redisReply *r = resp_command(redis, "SCRIPT LOAD %s", script);

    memcpy(sha, r->str, 41);
    freeReplyObject(r);
}

/* A figure out of INFO, e.g. resp_info(redis, "memory", "used_memory"). */
BENCH_UNUSED static long long resp_info(redisContext *redis, const char *section, const char *name)
{
    redisReply *r = resp_command(redis, "INFO %s", section);
    size_t n = strlen(name);
    const char *p = r->str;
    long long value = -1;

    while ((p = strstr(p, name)) != NULL && p[n] != ':')
        p += n;
    if (p != NULL)
        value = atoll(p + n + 1);
    freeReplyObject(r);
    return value;
}

#endif
