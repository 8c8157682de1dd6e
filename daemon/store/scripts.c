#include "scripts.h"

#include "mem.h"

#include <assert.h>
#include <openssl/sha.h>
#include <string.h>

/* The bytes of scripts/NAME.lua between two symbols: no generated file. */
#define EMBED(name)                                                                                \
    __asm__(".section .rodata\n"                                                                   \
            "lua_" #name "_begin:\n"                                                               \
            ".incbin \"daemon/store/scripts/" #name ".lua\"\n"                                     \
            "lua_" #name "_end:\n"                                                                 \
            ".byte 0\n"                                                                            \
            ".previous\n");                                                                        \
    extern const char lua_##name##_begin[], lua_##name##_end[]

EMBED(add);
EMBED(queue);
EMBED(flag);
EMBED(approve);
EMBED(open);
EMBED(claim);
EMBED(release);
EMBED(move);
EMBED(finish);
EMBED(index);
EMBED(receipts);
EMBED(reply);
EMBED(forget);
EMBED(refuse);
EMBED(note);
EMBED(place);
EMBED(answer);
EMBED(duty);
EMBED(told);
EMBED(tick);
EMBED(earlier);
EMBED(cap);
EMBED(heartbeat);
EMBED(reader);
EMBED(number);
EMBED(share);
EMBED(sealed);
EMBED(marker);
EMBED(restore);
EMBED(append);
EMBED(amend);
EMBED(corrected);
EMBED(repair);
EMBED(labels);
EMBED(resident);
EMBED(tag);
EMBED(erase);
EMBED(copy);
EMBED(discard);

/* Refused whole when Redis is out of memory, or not. */
#define CAREFUL "#!lua\n"
#define ALWAYS "#!lua flags=allow-oom\n"
#define READS "#!lua flags=no-writes\n"

#define SCRIPT(name, head)                                                                         \
    {                                                                                              \
#name, head, lua_##name##_begin, lua_##name##_end                                          \
    }

static const struct {
    const char *name, *head, *begin, *end;
} scripts[] = {
    [SCRIPT_ADD] = SCRIPT(add, CAREFUL),
    [SCRIPT_QUEUE] = SCRIPT(queue, CAREFUL),
    [SCRIPT_FLAG] = SCRIPT(flag, ALWAYS),
    [SCRIPT_OPEN] = SCRIPT(open, CAREFUL),
    [SCRIPT_CLAIM] = SCRIPT(claim, CAREFUL),
    [SCRIPT_RELEASE] = SCRIPT(release, ALWAYS),
    [SCRIPT_INTEND] = SCRIPT(move, CAREFUL),
    [SCRIPT_SETTLE] = SCRIPT(move, ALWAYS),
    [SCRIPT_FINISH] = SCRIPT(finish, ALWAYS),
    [SCRIPT_INDEX] = SCRIPT(index, ALWAYS),
    [SCRIPT_RECEIPTS] = SCRIPT(receipts, ALWAYS),
    [SCRIPT_PLACE] = SCRIPT(place, CAREFUL),
    [SCRIPT_ANSWER] = SCRIPT(answer, CAREFUL),
    [SCRIPT_DUTY] = SCRIPT(duty, ALWAYS),
    [SCRIPT_TOLD] = SCRIPT(told, CAREFUL),
    [SCRIPT_TICK] = SCRIPT(tick, CAREFUL),
    [SCRIPT_EARLIER] = SCRIPT(earlier, CAREFUL),
    [SCRIPT_CAP] = SCRIPT(cap, CAREFUL),
    [SCRIPT_HEARTBEAT] = SCRIPT(heartbeat, ALWAYS),
    [SCRIPT_READER] = SCRIPT(reader, ALWAYS),
    [SCRIPT_NUMBER] = SCRIPT(number, CAREFUL),
    [SCRIPT_SHARE] = SCRIPT(share, ALWAYS),
    [SCRIPT_SEALED] = SCRIPT(sealed, ALWAYS),
    [SCRIPT_MARKER] = SCRIPT(marker, ALWAYS),
    [SCRIPT_RESTORE] = SCRIPT(restore, CAREFUL),
    [SCRIPT_APPEND] = SCRIPT(append, CAREFUL),
    [SCRIPT_AMEND] = SCRIPT(amend, CAREFUL),
    [SCRIPT_CALL_OFF] = SCRIPT(amend, ALWAYS),
    [SCRIPT_CORRECTED] = SCRIPT(corrected, CAREFUL),
    [SCRIPT_REPAIR] = SCRIPT(repair, CAREFUL),
    [SCRIPT_LABELS] = SCRIPT(labels, CAREFUL),
    [SCRIPT_RESIDENT] = SCRIPT(resident, CAREFUL),
    [SCRIPT_TAG] = SCRIPT(tag, CAREFUL),
    [SCRIPT_ERASE] = SCRIPT(erase, ALWAYS),
    [SCRIPT_COPY] = SCRIPT(copy, READS), /* also while its disk is full */
    [SCRIPT_DISCARD] = SCRIPT(discard, ALWAYS),
    [SCRIPT_APPROVE] = SCRIPT(approve, CAREFUL),
    [SCRIPT_REPLY] = SCRIPT(reply, ALWAYS),
    [SCRIPT_FORGET] = SCRIPT(forget, ALWAYS),
    [SCRIPT_REFUSE] = SCRIPT(refuse, ALWAYS),
    [SCRIPT_NOTE] = SCRIPT(note, ALWAYS),
};

static struct {
    char *source;
    size_t length;
    char sha[41];
} ready[SCRIPT_COUNT];

/* Redis names a script by the SHA-1 of its source. */
static void sha1_hex(const char *bytes, size_t n, char out[41])
{
    unsigned char digest[SHA_DIGEST_LENGTH];

    SHA1((const unsigned char *)bytes, n, digest);
    for (size_t i = 0; i < sizeof digest; i++) {
        out[2 * i] = "0123456789abcdef"[digest[i] >> 4];
        out[2 * i + 1] = "0123456789abcdef"[digest[i] & 15];
    }
    out[40] = '\0';
}

static void make_ready(enum script script)
{
    size_t head = strlen(scripts[script].head),
           body = (size_t)(scripts[script].end - scripts[script].begin);

    assert(script < SCRIPT_COUNT);
    if (ready[script].source != NULL)
        return;
    ready[script].length = head + body;
    ready[script].source = xmalloc(head + body + 1);
    memcpy(ready[script].source, scripts[script].head, head);
    memcpy(ready[script].source + head, scripts[script].begin, body);
    ready[script].source[head + body] = '\0';
    sha1_hex(ready[script].source, ready[script].length, ready[script].sha);
}

const char *script_sha(enum script script)
{
    make_ready(script);
    return ready[script].sha;
}

const char *script_source(enum script script, size_t *n)
{
    make_ready(script);
    *n = ready[script].length;
    return ready[script].source;
}

const char *script_name(enum script script)
{
    return scripts[script].name;
}
