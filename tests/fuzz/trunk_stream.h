/*
 * trunk_stream.h - what a peer may send over a whole connection
 *
 * The plugin of a trunk (see trunk.h), logged in over a socket pair, with messages
 * under way. Every message is answered at most once, and when the connection is
 * gone exactly once; what we write stays PDUs. Before it is included there must be
 * STREAM_SETTINGS, rows of struct fake_setting.
 */
#ifndef TRUNK_STREAM_H
#define TRUNK_STREAM_H

#include "fuzz.h"

#include "trunk.h"

#define fail_msg(...) abort()
#include "fake_host.h"

#include <sys/socket.h>

#define MESSAGES 4

extern const struct gateway_plugin gateway_plugin;

static struct fake_host host;
static size_t stored_receipts, stored_replies;

/* As fake_open(), but what is large is made once; and the plugin stays open
 * unless an input closes it, since its buffers cost more than all else here. */
static void open_plugin(bool store_at_once)
{
    static const struct fake_setting settings[] = {STREAM_SETTINGS, {0}};
    host.store_at_once = store_at_once;
    host.clock_ms += 25 * 3600 * 1000; /* no part of an earlier reply counts any more */
    host.done_count = host.receipt_count = host.reply_count = 0;
    host.log[0] = '\0';
    stored_receipts = stored_replies = 0;
    if (host.state != NULL)
        return;
    if (host.base == NULL) {
        host.base = event_base_new();
        host.done = calloc(FAKE_MAX, sizeof *host.done);
        host.receipts = calloc(FAKE_MAX, sizeof *host.receipts);
        host.replies = calloc(FAKE_MAX, sizeof *host.replies);
        host.plugin = &gateway_plugin;
        host.settings = settings;
        fake_current = &host;
    }
    HOLDS(gateway_plugin.open(&fake_table, (struct gateway *)(void *)&host, &host.state, host.error,
                              sizeof host.error) == 0);
}

/* The session as if it had just connected to the other end of a pair. */
static int connect_pair(struct trunk_session *s)
{
    int pair[2];

    HOLDS(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0);
    s->state = TRUNK_WAITING;
    s->next_ms = INT64_MAX; /* the tick must not be first */
    event_base_loop(host.base, EVLOOP_NONBLOCK);
    s->state = TRUNK_RESOLVING;
    HOLDS(wire_connect(&s->wire, "127.0.0.1", 1) == NULL);
    event_del(s->wire.writable);
    HOLDS(dup2(pair[0], s->wire.fd) == s->wire.fd);
    close(pair[0]);
    s->wire.connected = true;
    event_add(s->wire.readable, NULL);
    s->state = TRUNK_CONNECTING;
    s->wire.callbacks->on_up(s);
    return pair[1];
}

/* Reads what we wrote: whole PDUs of a sensible length. */
static void drain_peer(const struct trunk_protocol *protocol, int peer)
{
    static uint8_t octets[1 << 20];
    static size_t have;
    ssize_t n;

    if (peer < 0) {
        have = 0;
        return;
    }
    while ((n = recv(peer, octets + have, sizeof octets - have, 0)) > 0) {
        size_t at = 0;

        have += (size_t)n;
        while (have - at >= protocol->header_bytes) {
            struct trunk_pdu h = protocol->read(octets + at);

            HOLDS(h.length >= protocol->header_bytes && h.length <= protocol->submit_max);
            if (h.length > have - at)
                break;
            at += h.length;
        }
        have -= at;
        memmove(octets, octets + at, have);
    }
}

static void store(bool well)
{
    for (; stored_receipts < host.receipt_count && stored_receipts < FAKE_MAX; stored_receipts++)
        host.receipts[stored_receipts].stored(host.receipts[stored_receipts].arg, well);
    for (; stored_replies < host.reply_count && stored_replies < FAKE_MAX; stored_replies++)
        host.replies[stored_replies].stored(host.replies[stored_replies].arg, well);
}

static void check_answers(size_t submitted, bool gone)
{
    HOLDS(host.done_count <= submitted);
    HOLDS(!gone || host.done_count == submitted);
    for (size_t i = 0; i < host.done_count; i++)
        for (size_t k = 0; k < i; k++)
            HOLDS(host.done[i].token != host.done[k].token);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct gateway_message messages[MESSAGES];
    struct take t = {data, size};
    unsigned choice = take_byte(&t);
    size_t submitted = 0;
    struct trunk_session *s;
    int peer;

    open_plugin(choice & 4);
    s = ((struct trunk *)host.state)->sessions;
    peer = connect_pair(s);
    while (t.left > 0 && s->state >= TRUNK_BINDING) {
        size_t n = take_byte(&t);
        uint8_t *chunk;

        if (n == 0) { /* five seconds pass */
            host.clock_ms += 5000;
            trunk_session_tick(s, fake_mono_ms());
            store(!(choice & 16));
            continue;
        }
        chunk = take_block(&t, &n);
        if (n > 0 && send(peer, chunk, n, MSG_NOSIGNAL) != (ssize_t)n)
            t.left = 0;
        free(chunk);
        event_base_loop(host.base, EVLOOP_NONBLOCK);
        drain_peer(s->trunk->protocol, peer);
        for (; s->state == TRUNK_BOUND && submitted < (choice & 3); submitted++) {
            static const char *const texts[] = {"hello", "妇联", "€[]", ""};
            static char longer[700];

            memset(longer, 'x', sizeof longer - 1);
            messages[submitted] = (struct gateway_message){
                .token = submitted + 1,
                .to = "+8613851400001",
                .to_length = 14,
                .text = choice & 8 ? longer : texts[submitted],
                .length = strlen(choice & 8 ? longer : texts[submitted]),
                .encoding = submitted == 1 ? GATEWAY_UCS2 : GATEWAY_GSM7,
                .segments = 1,
                .submit_by_ms = fake_boot_ms() + 60000,
            };
            fake_submit(&host, &messages[submitted], 1);
            event_base_loop(host.base, EVLOOP_NONBLOCK);
        }
        check_answers(submitted, false);
    }
    if (choice & 32 && s->state >= TRUNK_BINDING)
        gateway_plugin.drain(host.state);
    close(peer);
    event_base_loop(host.base, EVLOOP_NONBLOCK);
    event_base_loop(host.base, EVLOOP_NONBLOCK);
    check_answers(submitted, s->state == TRUNK_WAITING || s->state == TRUNK_CLOSED);
    store(true);
    if (choice & (32 | 64)) { /* a drained one is of no more use */
        gateway_plugin.close(host.state);
        host.state = NULL;
    } else {
        HOLDS(s->state == TRUNK_WAITING && s->window.used == 0 && s->waiting_count == 0);
        HOLDS(s->ack_count == 0);
    }
    event_base_loop(host.base, EVLOOP_NONBLOCK);
    check_answers(submitted, false);
    drain_peer(NULL, -1);
    return 0;
}

#endif
