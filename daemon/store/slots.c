#include "slots.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define RANGES_MOST SLOTS_COUNT /* entries of CLUSTER SLOTS: one a slot at worst */

/* ------------------------------------------------------------------ keys */

/* CRC-16/XMODEM: polynomial 0x1021, from 0, nothing reflected. */
static unsigned crc16(const unsigned char *bytes, size_t n)
{
    unsigned crc = 0;

    for (size_t i = 0; i < n; i++) {
        crc ^= (unsigned)bytes[i] << 8;
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 0x8000 ? crc << 1 ^ 0x1021 : crc << 1;
        crc &= 0xffff;
    }
    return crc;
}

unsigned slots_of_key(const void *key, size_t n)
{
    const char *bytes = key, *open = memchr(bytes, '{', n), *close = NULL;

    if (open != NULL)
        close = memchr(open, '}', n - (size_t)(open - bytes));
    if (close != NULL && close > open + 1)
        return crc16((const unsigned char *)open + 1, (size_t)(close - open - 1)) % SLOTS_COUNT;
    return crc16(key, n) % SLOTS_COUNT;
}

/* Commands whose first key is not their first argument. 0: they have none. */
static const struct {
    const char *name;
    unsigned key;
} commands[] = {
    {"EVALSHA", 3}, {"EVAL", 3}, {"SCAN", 3},   {"PING", 0},   {"ECHO", 0},   {"INFO", 0},
    {"TIME", 0},    {"WAIT", 0}, {"DBSIZE", 0}, {"CONFIG", 0}, {"SCRIPT", 0}, {"CLUSTER", 0},
};

/* The next "$n\r\n...\r\n" of a command that we have put together ourselves. */
static const char *argument(const char **at, const char *end, size_t *n)
{
    const char *start;
    char *digits_end;
    unsigned long length;

    if (*at >= end || **at != '$')
        return NULL;
    length = strtoul(*at + 1, &digits_end, 10);
    start = digits_end + 2;
    if (start > end || length > (size_t)(end - start))
        return NULL;
    *n = length;
    *at = start + length + 2;
    return start;
}

int slots_of_command(const char *bytes, size_t n)
{
    const char *at = memchr(bytes, '\n', n), *end = bytes + n, *name, *found;
    size_t length, name_length;
    unsigned key = 1;

    if (at++ == NULL)
        return -1;
    name = argument(&at, end, &name_length);
    if (name == NULL)
        return -1;
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strlen(commands[i].name) == name_length &&
            strncasecmp(commands[i].name, name, name_length) == 0)
            key = commands[i].key;
    if (key == 0)
        return -1;
    do
        found = argument(&at, end, &length);
    while (found != NULL && --key > 0);
    return found != NULL ? (int)slots_of_key(found, length) : -1;
}

/* ------------------------------------------------------------------- the map */

void slots_clear(struct slots_map *map)
{
    memset(map, 0, sizeof *map);
    memset(map->of, SLOTS_NOBODY, sizeof map->of);
}

bool slots_same(const struct slots_address *a, const struct slots_address *b)
{
    return a->port == b->port && strcmp(a->host, b->host) == 0;
}

uint8_t slots_place(struct slots_map *map, const struct slots_address *address)
{
    uint8_t free_place = SLOTS_NOBODY;

    for (unsigned i = SLOTS_MASTERS; i-- > 0;)
        if (map->masters[i].host[0] == '\0')
            free_place = (uint8_t)i;
        else if (slots_same(&map->masters[i], address))
            return (uint8_t)i;
    if (free_place != SLOTS_NOBODY)
        map->masters[free_place] = *address;
    return free_place;
}

static bool is_numeric(const char *host)
{
    unsigned char address[sizeof(struct in6_addr)];

    return inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
}

static const redisReply *at(const redisReply *reply, size_t i)
{
    return reply->type == REDIS_REPLY_ARRAY && i < reply->elements ? reply->element[i] : NULL;
}

static bool is(const redisReply *reply, int type)
{
    return reply != NULL && reply->type == type;
}

/* The node of an entry: [host or name or nothing, port, id, [name, value, ...]]. Where it is known
 * by a name, its address stands behind: hiredis would look the name up with the loop waiting. */
static bool read_node(const redisReply *node, const char *asked, struct slots_address *address)
{
    const redisReply *host = at(node, 0), *port = at(node, 1), *more = at(node, 3);
    const char *text = is(host, REDIS_REPLY_STRING) && host->len > 0 ? host->str : asked;

    for (size_t i = 0; !is_numeric(text) && text != asked && is(more, REDIS_REPLY_ARRAY) &&
                       i + 1 < more->elements;
         i += 2)
        if (is(more->element[i], REDIS_REPLY_STRING) &&
            is(more->element[i + 1], REDIS_REPLY_STRING) &&
            strcmp(more->element[i]->str, "ip") == 0)
            text = more->element[i + 1]->str;
    if (!is(port, REDIS_REPLY_INTEGER) || port->integer < 0 || port->integer > 65535 ||
        strlen(text) >= sizeof address->host)
        return false;
    memset(address, 0, sizeof *address);
    strcpy(address->host, text);
    address->port = (int)port->integer;
    return is_numeric(text) ? address->port > 0 : text[0] == '/';
}

int slots_read(struct slots_map *map, const redisReply *reply, const char *host, char *why,
               size_t why_bytes)
{
    struct slots_map said = *map;
    bool used[SLOTS_MASTERS] = {false};
    unsigned covered = 0;

    if (reply->type != REDIS_REPLY_ARRAY || reply->elements > RANGES_MOST) {
        snprintf(why, why_bytes, "CLUSTER SLOTS: %.80s",
                 reply->type == REDIS_REPLY_ERROR ? reply->str : "no list");
        return -1;
    }
    memset(said.of, SLOTS_NOBODY, sizeof said.of);
    for (size_t i = 0; i < reply->elements; i++) {
        const redisReply *range = reply->element[i], *from = at(range, 0), *to = at(range, 1);
        const redisReply *node = at(range, 2);
        struct slots_address address;
        uint8_t place;

        if (!is(from, REDIS_REPLY_INTEGER) || !is(to, REDIS_REPLY_INTEGER) || from->integer < 0 ||
            to->integer >= SLOTS_COUNT || !is(node, REDIS_REPLY_ARRAY) ||
            !read_node(node, host, &address)) {
            snprintf(why, why_bytes, "CLUSTER SLOTS names a master by no address");
            return -1;
        }
        place = slots_place(&said, &address);
        if (place == SLOTS_NOBODY) {
            snprintf(why, why_bytes, "a cluster of more than %d masters", SLOTS_MASTERS);
            return -1;
        }
        used[place] = true;
        for (long long slot = from->integer; slot <= to->integer; slot++, covered++) {
            if (said.of[slot] != SLOTS_NOBODY) { /* else 16384 entries could each name them all */
                snprintf(why, why_bytes, "CLUSTER SLOTS names slot %lld twice", slot);
                return -1;
            }
            said.of[slot] = place;
        }
    }
    if (covered < SLOTS_COUNT) {
        snprintf(why, why_bytes, "only %u of the cluster's %d slots are on any server", covered,
                 SLOTS_COUNT);
        return -1;
    }
    for (unsigned i = 0; i < SLOTS_MASTERS; i++)
        if (!used[i])
            memset(&said.masters[i], 0, sizeof said.masters[i]);
    *map = said;
    return 0;
}

bool slots_redirected(const char *text, struct slots_redirect *r)
{
    const char *colon = strrchr(text, ':');
    char *end;
    size_t n;

    memset(r, 0, sizeof *r);
    r->once = strncmp(text, "ASK ", 4) == 0;
    if (!r->once && strncmp(text, "MOVED ", 6) != 0)
        return false;
    text += r->once ? 4 : 6;
    r->slot = (unsigned)strtoul(text, &end, 10);
    if (end == text || *end != ' ' || r->slot >= SLOTS_COUNT || colon == NULL || colon <= end)
        return false;
    text = end + 1;
    n = (size_t)(colon - text);
    r->to.port = (int)strtol(colon + 1, &end, 10);
    if (end == colon + 1 || *end != '\0' || r->to.port < 0 || r->to.port > 65535 ||
        n >= sizeof r->to.host)
        return false;
    memcpy(r->to.host, text, n);
    r->numeric = n == 0 || is_numeric(r->to.host);
    return true;
}

bool slots_key_at(const struct slots_map *map, unsigned place, const char *stem, char *key,
                  size_t bytes)
{
    for (unsigned i = 0; i < 64 * SLOTS_COUNT; i++) {
        int n = snprintf(key, bytes, "%s:%u", stem, i);

        if (map->of[slots_of_key(key, (size_t)n)] == place)
            return true;
        if (i == 0 && memchr(map->of, (int)place, sizeof map->of) == NULL)
            return false;
    }
    return false;
}
