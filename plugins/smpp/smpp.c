/*
 * smpp.c - SMPP 3.4 as a transceiver: the plugin
 *
 * See instance.h for who does what.
 */
#include "instance.h"

#include "memory.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

static void destroy(struct smpp *g)
{
    unsigned i;

    if (g->tick != NULL)
        event_free(g->tick);
    for (i = 0; g->sessions != NULL && i < g->settings.connections; i++)
        smpp_session_free(&g->sessions[i]);
    smpp_messages_free(g);
    smpp_reassembly_free(g->reassembly);
    codes_free(g->codes);
    smpp_settings_free(&g->settings);
    free(g->sessions);
    free(g->decoded);
    free(g->joined);
    free(g);
}

void smpp_enter(struct smpp *g)
{
    g->depth++;
}

bool smpp_leave(struct smpp *g)
{
    if (--g->depth > 0 || !g->dead)
        return !g->dead;
    destroy(g);
    return false;
}

bool smpp_complain(struct smpp *g)
{
    int64_t now_ms = g->host->mono_ms();

    g->odd++;
    if (g->complained_ms != 0 && now_ms - g->complained_ms < 10000)
        return false;
    g->complained_ms = now_ms;
    return true;
}

void smpp_announce(struct smpp *g, const char *why)
{
    unsigned i, n = 0;

    for (i = 0; i < g->settings.connections; i++)
        if (g->sessions[i].state == SMPP_BOUND)
            n += g->settings.window;
    if (g->draining)
        n = 0;
    if (!g->dead)
        g->host->capacity(g->gw, n, why);
}

static void on_tick(evutil_socket_t fd, short what, void *state)
{
    static const struct timeval interval = {0, SMPP_TICK_MS * 1000};
    struct smpp *g = state;
    int64_t now_ms = g->host->mono_ms();
    unsigned i;

    (void)fd, (void)what;
    smpp_enter(g);
    for (i = 0; i < g->settings.connections && !g->dead; i++)
        smpp_session_tick(&g->sessions[i], now_ms);
    if (!g->dead)
        event_add(g->tick, &interval);
    smpp_leave(g);
}

/* ------------------------------------------------------------------ the plugin */
CODES_TABLE(smpp, "smpp/codes.tsv");

static int plugin_open(const struct gateway_host *host, struct gateway *gw, void **state,
                       char *error, size_t size)
{
    static const struct timeval at_once = {0, 0};
    struct smpp *g = smpp_calloc(1, sizeof *g);
    const char *source;
    unsigned i;

    g->host = host;
    g->gw = gw;
    g->codes = codes_parse(codes_table_smpp, CODES_BYTES(smpp), error, size);
    if (g->codes == NULL || smpp_settings_read(&g->settings, host, gw, error, size) != 0) {
        codes_free(g->codes);
        free(g);
        return -1;
    }
    source = g->settings.source;
    smpp_sender_make(&g->sender, g->settings.service_type, source + (*source == '+'),
                     smpp_settings_source_type(&g->settings, source), g->settings.destination);
    host->random(&g->reference, sizeof g->reference);
    g->validity.expires_s = g->validity.wall_s = -1;
    g->reassembly = smpp_reassembly_new();
    g->decoded = smpp_calloc(3, SMPP_PDU_MAX);
    g->joined = smpp_calloc(1, SMPP_REPLY_BYTES_MAX);
    smpp_messages_init(g);
    g->sessions = smpp_calloc(g->settings.connections, sizeof *g->sessions);
    for (i = 0; i < g->settings.connections; i++)
        smpp_session_init(&g->sessions[i], g, i + 1);
    /* The first connection is started by the loop: no callback of ours comes
     * before the host has our state. */
    g->tick = event_new(host->loop(gw), -1, 0, on_tick, g);
    event_add(g->tick, &at_once);
    *state = g;
    return 0;
}

/* The bound session with the most room; one that is paused only when all are. */
static struct smpp_session *choose(struct smpp *g, int64_t now_ms)
{
    struct smpp_session *best = NULL;
    long best_room = 0;
    unsigned i;

    for (i = 0; i < g->settings.connections; i++) {
        struct smpp_session *s = &g->sessions[i];
        long room = (long)smpp_window_room(&s->window) - (long)s->waiting_count;

        if (s->state != SMPP_BOUND)
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

static void plugin_submit(void *state, const struct gateway_message *const *messages, size_t n)
{
    struct smpp *g = state;
    int64_t now_ms = g->host->mono_ms();
    size_t i;

    smpp_enter(g);
    for (i = 0; i < n; i++)
        smpp_message_take(g, choose(g, now_ms), messages[i]);
    for (i = 0; i < g->settings.connections && !g->dead; i++)
        smpp_messages_pump(&g->sessions[i]);
    smpp_leave(g);
}

static void plugin_drain(void *state)
{
    struct smpp *g = state;
    unsigned i;

    smpp_enter(g);
    g->draining = true;
    for (i = 0; i < g->settings.connections && !g->dead; i++)
        smpp_session_drain(&g->sessions[i]);
    if (!g->dead)
        smpp_announce(g, "draining");
    smpp_leave(g);
}

static void plugin_close(void *state)
{
    struct smpp *g = state;
    unsigned i;

    g->dead = true;
    for (i = 0; i < g->settings.connections; i++)
        smpp_wire_close(&g->sessions[i].wire);
    event_del(g->tick);
    if (g->depth == 0)
        destroy(g);
}

const struct gateway_plugin gateway_plugin = {
    .abi = GATEWAY_ABI,
    .size = sizeof(struct gateway_plugin),
    .name = "smpp",
    .channel = "sms",
    .capabilities = GATEWAY_SEGMENTS | GATEWAY_SENDS_RECEIPTS,
    .settings = smpp_settings_table,
    .open = plugin_open,
    .submit = plugin_submit,
    .drain = plugin_drain,
    .close = plugin_close,
};
