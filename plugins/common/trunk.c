/*
 * What the plugin of a trunk is asked by the host.
 */
#include "trunk.h"

#include "memory.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#define TICK_MS 200

static void destroy(struct trunk *t)
{
    unsigned i;

    event_free(t->tick);
    for (i = 0; i < t->settings.connections; i++)
        trunk_session_free(&t->sessions[i]);
    trunk_messages_free(t);
    reassembly_free(t->reassembly);
    free(t->sessions);
    free(t->decoded);
    free(t->joined);
    t->protocol->destroy(t);
}

void trunk_enter(struct trunk *t)
{
    t->depth++;
}

bool trunk_leave(struct trunk *t)
{
    if (--t->depth > 0 || !t->dead)
        return !t->dead;
    destroy(t);
    return false;
}

bool trunk_complain(struct trunk *t)
{
    int64_t now_ms = t->host->mono_ms();

    t->odd++;
    if (t->complained_ms != 0 && now_ms - t->complained_ms < 10000)
        return false;
    t->complained_ms = now_ms;
    return true;
}

void trunk_unknown_code(struct trunk *t, const char *of, const char *code, const char *settings)
{
    for (size_t i = 0; i < t->told_count; i++)
        if (strcmp(t->told[i], code) == 0)
            return;
    if (t->told_count == TRUNK_TOLD_MAX)
        return;
    snprintf(t->told[t->told_count++], sizeof *t->told, "%s", code);
    TRUNK_LOG(t, WARNING,
              "%s.unknown_code of=%s code=%s advice=\"ask the operator what it means, then %s\"",
              t->protocol->name, of, t->host->log_bytes(code, strlen(code)), settings);
}

void trunk_announce(struct trunk *t, const char *why)
{
    unsigned i, n = 0;

    for (i = 0; i < t->settings.connections; i++)
        if (t->sessions[i].state == TRUNK_BOUND)
            n += t->settings.window;
    if (t->draining)
        n = 0;
    if (!t->dead)
        t->host->capacity(t->gw, n, why);
}

static void on_tick(evutil_socket_t fd, short what, void *state)
{
    static const struct timeval interval = {0, TICK_MS * 1000};
    struct trunk *t = state;
    int64_t now_ms = t->host->mono_ms();
    unsigned i;

    (void)fd, (void)what;
    trunk_enter(t);
    for (i = 0; i < t->settings.connections && !t->dead; i++)
        trunk_session_tick(&t->sessions[i], now_ms);
    if (!t->dead)
        event_add(t->tick, &interval);
    trunk_leave(t);
}

/* ------------------------------------------------------------------ the plugin */
void trunk_open(struct trunk *t)
{
    static const struct timeval at_once = {0, 0};
    unsigned i;

    t->host->random(&t->reference, sizeof t->reference);
    t->reassembly = reassembly_new();
    t->decoded = memory_calloc(1, TRUNK_DECODED_MAX);
    t->joined = memory_calloc(1, REASSEMBLY_BYTES_MAX);
    trunk_messages_init(t);
    t->sessions = memory_calloc(t->settings.connections, sizeof *t->sessions);
    for (i = 0; i < t->settings.connections; i++)
        trunk_session_init(&t->sessions[i], t, i + 1);
    /* The first connection is started by the loop: no callback of ours comes
     * before the host has our state. */
    t->tick = event_new(t->host->loop(t->gw), -1, 0, on_tick, t);
    event_add(t->tick, &at_once);
}

/* The bound session with the most room; one that is paused only when all are. */
static struct trunk_session *choose(struct trunk *t, int64_t now_ms)
{
    struct trunk_session *best = NULL;
    long best_room = 0;
    unsigned i;

    for (i = 0; i < t->settings.connections; i++) {
        struct trunk_session *s = &t->sessions[i];
        long room = (long)window_room(&s->window) - (long)s->waiting_count;

        if (s->state != TRUNK_BOUND)
            continue;
        if (now_ms < s->quiet_until_ms)
            room -= 1L << 24;
        if (best == NULL || room > best_room) {
            best = s;
            best_room = room;
        }
    }
    return best;
}

void trunk_submit(void *state, const struct gateway_message *const *messages, size_t n)
{
    struct trunk *t = state;
    int64_t now_ms = t->host->mono_ms();
    size_t i;

    trunk_enter(t);
    for (i = 0; i < n; i++)
        trunk_message_take(t, choose(t, now_ms), messages[i]);
    for (i = 0; i < t->settings.connections && !t->dead; i++)
        trunk_messages_pump(&t->sessions[i]);
    trunk_leave(t);
}

void trunk_drain(void *state)
{
    struct trunk *t = state;
    unsigned i;

    trunk_enter(t);
    t->draining = true;
    for (i = 0; i < t->settings.connections && !t->dead; i++)
        trunk_session_drain(&t->sessions[i]);
    if (!t->dead)
        trunk_announce(t, "draining");
    trunk_leave(t);
}

void trunk_close(void *state)
{
    struct trunk *t = state;
    unsigned i;

    t->dead = true;
    for (i = 0; i < t->settings.connections; i++)
        wire_close(&t->sessions[i].wire);
    event_del(t->tick);
    if (t->depth == 0)
        destroy(t);
}
