#include "command.h"

#include "mem.h"
#include "utf8.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define NAME_MOST 64u
#define HEAD_BYTES 16 /* room for "*4294967295\r\n" */

void command_free(struct command *c)
{
    buf_free(&c->bytes);
    c->argc = 0;
}

void command_start(struct command *c, const char *name)
{
    buf_clear(&c->bytes);
    c->argc = 0;
    c->can_wait = c->unordered = false;
    c->slot = -1;
    if (buf_room(&c->bytes, HEAD_BYTES) != NULL)
        c->bytes.length = HEAD_BYTES;
    command_add_string(c, name);
}

void command_script(struct command *c, enum script script, unsigned nkeys)
{
    command_start(c, "EVALSHA");
    command_add_string(c, script_sha(script));
    command_add_int(c, nkeys);
}

void command_can_wait(struct command *c)
{
    c->can_wait = true;
}

void command_unordered(struct command *c)
{
    c->unordered = true;
}

void command_at_slot(struct command *c, int16_t slot)
{
    c->slot = slot;
}

char *command_add_room(struct command *c, size_t n)
{
    char *at = buf_room(&c->bytes, n + 32);

    assert(at != NULL); /* callers bound their batches far below the limit */
    *at++ = '$';
    c->bytes.length++;
    buf_put_u64(&c->bytes, n);
    buf_put(&c->bytes, "\r\n", 2);
    at = c->bytes.data + c->bytes.length;
    at[n] = '\r';
    at[n + 1] = '\n';
    c->bytes.length += n + 2;
    c->argc++;
    return at;
}

void command_add(struct command *c, const void *bytes, size_t n)
{
    char *at = command_add_room(c, n);

    if (n > 0)
        memcpy(at, bytes, n);
}

void command_add_string(struct command *c, const char *s)
{
    command_add(c, s, strlen(s));
}

void command_add_name(struct command *c, const char *name)
{
    size_t n = utf8_trim(&name, strlen(name));

    command_add(c, name, n < NAME_MOST ? n : NAME_MOST);
}

void command_add_int(struct command *c, int64_t n)
{
    char digits[24];

    command_add(c, digits, (size_t)snprintf(digits, sizeof digits, "%lld", (long long)n));
}

void command_add_format(struct command *c, const char *format, ...)
{
    char text[512];
    va_list ap;
    int n;

    va_start(ap, format);
    n = vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    assert(n >= 0 && (size_t)n < sizeof text);
    command_add(c, text, (size_t)n);
}

const char *command_finish(struct command *c, size_t *n)
{
    char head[HEAD_BYTES];
    int length = snprintf(head, sizeof head, "*%u\r\n", c->argc);
    char *start = c->bytes.data + HEAD_BYTES - length;

    memcpy(start, head, (size_t)length);
    *n = c->bytes.length - (size_t)(HEAD_BYTES - length);
    return start;
}
