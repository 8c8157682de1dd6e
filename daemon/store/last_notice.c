#include "last_notice.h"

#include "keys.h"

#include <string.h>

#define SPREAD                                                                                     \
    4096 /* hashes a month: with half a million people each is one of Redis' small ones */
#define ENTRY_BYTES 12

static int64_t month(int64_t now_ms)
{
    return now_ms / LAST_NOTICE_MS;
}

static void key_bucket(struct command *c, const char *address, size_t n, int64_t of)
{
    uint32_t h = 2166136261u;

    for (size_t i = 0; i < n; i++)
        h = (h ^ (unsigned char)address[i]) * 16777619u;
    command_add_format(c, "outreach:{last}:%lld:%u", (long long)of, (h ^ h >> 16) % SPREAD);
}

static void put32(unsigned char *out, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        out[i] = (unsigned char)(v >> (24 - 8 * i));
}

static uint32_t get32(const char *in)
{
    const unsigned char *p = (const unsigned char *)in;

    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

void last_notice_put_command(struct command *c, const struct last_notice_of *list, size_t count,
                             int64_t now_ms)
{
    command_script(c, SCRIPT_TOLD, (unsigned)count);
    for (size_t i = 0; i < count; i++)
        key_bucket(c, list[i].address, list[i].length, month(now_ms));
    command_add_int(c, 2 * LAST_NOTICE_MS / 1000);
    for (size_t i = 0; i < count; i++) {
        unsigned char entry[ENTRY_BYTES];

        put32(entry, list[i].notice.ref);
        put32(entry + 4, list[i].notice.n);
        put32(entry + 8, list[i].notice.at_s);
        command_add(c, list[i].address, list[i].length);
        command_add(c, entry, sizeof entry);
    }
}

void last_notice_get_command(struct command *c, const char *address, int64_t now_ms, int look)
{
    size_t n = strlen(address);

    command_start(c, "HGET");
    key_bucket(c, address, n, month(now_ms) - look);
    command_add(c, address, n);
}

void last_notice_take(const redisReply *reply, int64_t now_ms, struct last_notice *found)
{
    struct last_notice one;

    if (reply->type != REDIS_REPLY_STRING || reply->len != ENTRY_BYTES)
        return;
    one = (struct last_notice){get32(reply->str), get32(reply->str + 4), get32(reply->str + 8)};
    if (one.at_s >= found->at_s && now_ms - (int64_t)one.at_s * 1000 <= LAST_NOTICE_MS)
        *found = one;
}
