/*
 * Login and the commands of a session.
 */
#include "instance.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { BAD_STRUCTURE = 1, BAD_SOURCE, BAD_AUTHENTICATOR, VERSION_TOO_HIGH };

/* MMDDHHMMSS of the gateway's clock, as a number. */
static uint32_t timestamp(const struct cmpp *g)
{
    time_t now = (time_t)(g->trunk.host->wall_ms() / 1000 + 60 * g->settings.utc_offset_min);
    struct tm tm;

    gmtime_r(&now, &tm);
    return (uint32_t)tm.tm_sec + 100u * (uint32_t)tm.tm_min + 10000u * (uint32_t)tm.tm_hour +
           1000000u * (uint32_t)tm.tm_mday + 100000000u * (uint32_t)(tm.tm_mon + 1);
}

size_t cmpp_login(struct trunk_session *s, uint8_t *p, uint32_t sequence)
{
    struct cmpp *g = cmpp_of(s->trunk);
    struct cmpp_link *link = cmpp_link_of(s);
    uint32_t time = timestamp(g);

    link->version = g->version;
    link->repeated = 0;
    cmpp_authenticator(link->authenticator, g->settings.sp_id, g->settings.secret, time);
    return cmpp_connect_write(p, link->version, g->settings.sp_id, link->authenticator, time,
                              sequence);
}

size_t cmpp_probe(uint8_t *p, uint32_t sequence)
{
    return cmpp_header_write(p, CMPP_ACTIVE_TEST, sequence);
}

size_t cmpp_logout(uint8_t *p, uint32_t sequence)
{
    return cmpp_header_write(p, CMPP_TERMINATE, sequence);
}

/* ------------------------------------------------------------------ the login */
static const char *version_name(enum cmpp_version version)
{
    return version == CMPP_V20 ? "2.0" : "3.0";
}

static void on_refused(struct trunk_session *s, uint32_t status)
{
    struct cmpp *g = cmpp_of(s->trunk);
    char key[24], why[120];
    const struct code *known;

    snprintf(key, sizeof key, "connect-%u", (unsigned)status);
    known = codes_find(g->codes, key, strlen(key));
    snprintf(why, sizeof why, "login refused: status %u%s%s", (unsigned)status, known ? ", " : "",
             known ? known->en : "");
    TRUNK_LOG(s->trunk, ERROR, "cmpp.connect_refused session=%u status=%u sp_id=%s words=\"%s\"",
              s->number, (unsigned)status,
              s->trunk->host->log_bytes(g->settings.sp_id, strlen(g->settings.sp_id)),
              known ? known->en : "not in the table");
    if (status == VERSION_TOO_HIGH && g->settings.any_version && g->version == CMPP_V30) {
        g->version = CMPP_V20;
        trunk_session_lose(s, why, 0);
        return;
    }
    if (status == VERSION_TOO_HIGH)
        g->version = g->settings.version; /* neither of them: from the beginning */
    trunk_session_lose(s, why,
                       status >= BAD_STRUCTURE && status <= VERSION_TOO_HIGH
                           ? TRUNK_REFUSED_MS
                           : s->trunk->settings.reconnect_max_ms);
}

/* The gateway's proof. Some hash one octet of four, or send junk: a warning, unless strict. */
static bool proves_itself(struct trunk_session *s, const struct cmpp_connected *c)
{
    struct cmpp *g = cmpp_of(s->trunk);
    uint8_t expected[16];

    cmpp_authenticator_ismg(expected, c, cmpp_link_of(s)->authenticator, g->settings.secret);
    if (memcmp(expected, c->authenticator, sizeof expected) == 0)
        return true;
    TRUNK_LOG(s->trunk, WARNING, "cmpp.server_not_proven session=%u strict=%s", s->number,
              g->settings.strict_server_auth ? "yes" : "no");
    return !g->settings.strict_server_auth;
}

static void on_connected(struct trunk_session *s, const struct cmpp_connected *c)
{
    struct cmpp *g = cmpp_of(s->trunk);
    char why[100];

    if (!proves_itself(s, c)) {
        trunk_session_lose(s, "the gateway does not know our secret", TRUNK_REFUSED_MS);
        return;
    }
    if (c->version != g->version && !g->settings.any_version) {
        snprintf(why, sizeof why, "the gateway speaks CMPP %s, version says %s",
                 version_name(c->version), version_name(g->version));
        TRUNK_LOG(s->trunk, ERROR, "cmpp.version session=%u reason=\"%s\"", s->number, why);
        trunk_session_lose(s, why, TRUNK_REFUSED_MS);
        return;
    }
    cmpp_link_of(s)->version = c->version;
    TRUNK_LOG(s->trunk, INFO, "cmpp.connected session=%u host=%s port=%u version=%s", s->number,
              s->trunk->settings.host, s->trunk->settings.port, version_name(c->version));
    trunk_session_up(s);
}

static void on_connect_response(struct trunk_session *s, const struct trunk_pdu *h,
                                const uint8_t *body, size_t n)
{
    struct cmpp_connected c;

    if (s->state != TRUNK_BINDING || h->sequence != s->login_sequence)
        return;
    if (cmpp_connected_read(&c, body, n) != 0)
        trunk_session_lose(s, "a response to CONNECT that is of no version", 0);
    else if (c.status != 0)
        on_refused(s, c.status);
    else
        on_connected(s, &c);
}

/* ------------------------------------------------------------------ the others */
static void on_submit_response(struct trunk_session *s, const struct trunk_pdu *h,
                               const uint8_t *body, size_t n)
{
    int64_t result = cmpp_result_read(body, n);

    if (result >= 0)
        trunk_session_responded(s, h, (uint32_t)result, body, n);
    else if (trunk_complain(s->trunk)) /* what it answers is in doubt in its time */
        TRUNK_LOG(s->trunk, WARNING, "cmpp.malformed session=%u command=0x%08x length=%u odd=%lu",
                  s->number, (unsigned)h->command, (unsigned)h->length, s->trunk->odd);
}

static void on_terminate(struct trunk_session *s, const struct trunk_pdu *h, const uint8_t *body,
                         size_t n)
{
    uint8_t *p = trunk_session_room(s);

    (void)body, (void)n;
    if (p == NULL)
        return;
    trunk_session_put(s, p, cmpp_header_write(p, CMPP_TERMINATE | CMPP_RESPONSE, h->sequence));
    wire_flush(&s->wire);
    trunk_session_lose(s, "terminated by the peer", 0);
}

static void on_terminate_response(struct trunk_session *s, const struct trunk_pdu *h,
                                  const uint8_t *body, size_t n)
{
    (void)body, (void)n;
    if (s->state == TRUNK_UNBINDING && h->sequence == s->logout_sequence)
        trunk_session_lose(s, "terminated", 0);
}

static void on_active_test(struct trunk_session *s, const struct trunk_pdu *h, const uint8_t *body,
                           size_t n)
{
    uint8_t *p = trunk_session_room(s);

    (void)body, (void)n;
    if (p != NULL)
        trunk_session_put(s, p, cmpp_tested_write(p, h->sequence));
}

static void on_nothing(struct trunk_session *s, const struct trunk_pdu *h, const uint8_t *body,
                       size_t n)
{
    (void)s, (void)h, (void)body, (void)n; /* being heard was all */
}

#define EARLY true /* heeded before the response to CONNECT, too */
static const struct {
    uint32_t command;
    bool early;
    void (*handle)(struct trunk_session *s, const struct trunk_pdu *h, const uint8_t *body,
                   size_t n);
} commands[] = {
    {CMPP_SUBMIT | CMPP_RESPONSE, false, on_submit_response},
    {CMPP_DELIVER, false, cmpp_inbound},
    {CMPP_ACTIVE_TEST, EARLY, on_active_test},
    {CMPP_ACTIVE_TEST | CMPP_RESPONSE, EARLY, on_nothing},
    {CMPP_CONNECT | CMPP_RESPONSE, EARLY, on_connect_response},
    {CMPP_TERMINATE, EARLY, on_terminate},
    {CMPP_TERMINATE | CMPP_RESPONSE, false, on_terminate_response},
};

void cmpp_handle(struct trunk_session *s, const struct trunk_pdu *h, const uint8_t *body, size_t n)
{
    size_t i;

    for (i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (commands[i].command != h->command)
            continue;
        if (s->state >= TRUNK_BOUND || commands[i].early)
            commands[i].handle(s, h, body, n);
        return;
    }
    if (trunk_complain(s->trunk))
        TRUNK_LOG(s->trunk, WARNING, "cmpp.unknown_command session=%u command=0x%08x odd=%lu",
                  s->number, (unsigned)h->command, s->trunk->odd);
}
