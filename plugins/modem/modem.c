/*
 * modem.c - GSM modems on serial ports, in PDU mode: the plugin
 *
 * See instance.h for who does what.
 */
#include "instance.h"

#include "memory.h"

#include <stdio.h>
#include <string.h>

CODES_TABLE(modem, "modem/codes.tsv");

static const struct gateway_setting settings[] = {
    {"ports", GATEWAY_STRINGS, true, 0, 0, NULL, NULL,
     "Devices of the modems, a SIM each: /dev/serial/by-id/... stays the same when replugged."},
    {"baud", GATEWAY_INT, false, 9600, 921600, "115200", NULL, "Of the serial line."},
    {"pin", GATEWAY_SECRET, false, 4, 8, NULL, NULL,
     "Of the SIMs, where they want one. Tried once: the third wrong one locks a SIM."},
    {"service_center", GATEWAY_STRING, false, 0, 20, NULL, NULL,
     "Number of the operator's SMS centre, with +; else as the SIM has it."},
    {"memory", GATEWAY_STRING, false, 2, 2, "SM", NULL,
     "Where the modem puts what comes in: SM (the SIM) or ME (the modem)."},
    {"receipts", GATEWAY_BOOL, false, 0, 0, "true", NULL, "Ask for status reports."},
    {"command_timeout", GATEWAY_DURATION, false, 200, 120000, "20s", NULL,
     "How long the modem may take for a command; then it is reset."},
    {"send_timeout", GATEWAY_DURATION, false, 200, 300000, "90s", NULL,
     "How long the network may take for a part; then the outcome is unknown."},
    {"poll", GATEWAY_DURATION, false, 100, 3600000, "30s", NULL,
     "How often network, signal and memory are looked at."},
    {"reset_wait", GATEWAY_DURATION, false, 50, 120000, "15s", NULL,
     "How long a modem takes to come back from a reset."},
    {"reconnect_min", GATEWAY_DURATION, false, 50, 3600000, "1s", NULL,
     "First pause before a device is opened again."},
    {"reconnect_max", GATEWAY_DURATION, false, 50, 3600000, "60s", NULL,
     "Longest pause; each is twice the one before."},
    {0},
};

/* ------------------------------------------------------------------ small */
uint64_t modem_hash(const void *bytes, size_t n)
{
    const unsigned char *p = bytes;
    uint64_t hash = UINT64_C(14695981039346656037);

    while (n-- > 0)
        hash = (hash ^ *p++) * UINT64_C(1099511628211);
    return hash;
}

size_t modem_id(char out[MODEM_ID_BYTES], const struct modem_port *p, unsigned reference,
                const char *number)
{
    size_t n = strlen(number), tail = n < 8 ? n : 8;
    uint64_t hash = modem_hash(number + n - tail, tail);

    return (size_t)snprintf(out, MODEM_ID_BYTES, "%s-%02x-%08x", p->sim, reference & 0xff,
                            (unsigned)(hash ^ hash >> 32));
}

const struct code *modem_code(struct modem *m, const char *code)
{
    static const struct code unknown = {.code = "",
                                        .outcome = GATEWAY_RETRY,
                                        .reason = GATEWAY_REASON_OTHER,
                                        .receipt = CODE_ENROUTE,
                                        .zh = "",
                                        .en = "a code that no table has"};
    const struct code *found = codes_find(m->codes, code, strlen(code));

    if (found != NULL)
        return found;
    for (size_t i = 0; i < m->unknown_count; i++)
        if (strcmp(m->unknown_codes[i], code) == 0)
            return &unknown;
    if (m->unknown_count < sizeof m->unknown_codes / sizeof *m->unknown_codes) {
        snprintf(m->unknown_codes[m->unknown_count++], sizeof *m->unknown_codes, "%s", code);
        MODEM_LOG(m, WARNING, "modem.unknown_code code=%s", code);
    }
    return &unknown;
}

static void destroy(struct modem *m)
{
    for (size_t i = 0; i < m->port_count; i++)
        port_free(&m->ports[i]);
    free(m->ports);
    reassembly_free(m->reassembly);
    codes_free(m->codes);
    free(m);
}

void modem_enter(struct modem *m)
{
    m->depth++;
}

bool modem_leave(struct modem *m)
{
    if (--m->depth > 0 || !m->dead)
        return !m->dead;
    destroy(m);
    return false;
}

/* "2 of 3 ready: CHINA MOBILE -71 dBm, ..." */
void modem_announce(struct modem *m)
{
    char why[sizeof m->why];
    unsigned ready = 0;
    size_t n;

    for (size_t i = 0; i < m->port_count; i++)
        ready += m->ports[i].ready;
    n = (size_t)snprintf(why, sizeof why, "%s%u of %zu modems ready",
                         m->draining ? "draining, " : "", ready, m->port_count);
    for (size_t i = 0; i < m->port_count && n < sizeof why; i++) {
        const struct modem_port *p = &m->ports[i];
        char signal[24] = "no signal";

        if (p->signal >= 0 && p->signal <= 31) /* 27.007 8.5 */
            snprintf(signal, sizeof signal, "%ld dBm", 2 * p->signal - 113);
        n += (size_t)snprintf(why + n, sizeof why - n, "; %u: %s%s%s", p->number,
                              p->ready                  ? p->operator_name
                              : p->step >= STEP_NETWORK ? "no network"
                              : *p->trouble != '\0'     ? p->trouble
                              : p->step < STEP_AT       ? "away"
                                                        : "starting",
                              p->ready ? " " : "", p->ready ? signal : "");
    }
    ready = m->draining ? 0 : ready;
    if (m->dead || (ready == m->announced && strcmp(why, m->why) == 0))
        return;
    m->announced = ready;
    snprintf(m->why, sizeof m->why, "%s", why);
    m->host->capacity(m->gw, ready, m->why);
}

/* ------------------------------------------------------------------ the plugin */
static int read_ports(struct modem *m, char *error, size_t size)
{
    m->port_count = m->host->setting_count(m->gw, "ports");
    if (m->port_count < 1 || m->port_count > MODEM_PORTS_MAX) {
        snprintf(error, size, "ports: 1 to %d devices are expected", MODEM_PORTS_MAX);
        m->port_count = 0;
        return -1;
    }
    m->ports = memory_calloc(m->port_count, sizeof *m->ports);
    for (size_t i = 0; i < m->port_count; i++) {
        char name[32];
        const char *path;

        snprintf(name, sizeof name, "ports.%zu", i);
        path = m->host->setting_string(m->gw, name);
        if (path == NULL || *path != '/') {
            snprintf(error, size, "%s: the path of a device is expected, /dev/...", name);
            m->port_count = i;
            return -1;
        }
        port_init(&m->ports[i], m, path, (unsigned)i + 1);
    }
    return 0;
}

static int check_texts(struct modem *m, char *error, size_t size)
{
    const char *center = m->service_center + (*m->service_center == '+');

    if (strspn(center, "0123456789") != strlen(center)) {
        snprintf(error, size, "service_center: a number is expected, +8613800100500");
        return -1;
    }
    if (m->pin != NULL && strspn(m->pin, "0123456789") != strlen(m->pin)) {
        snprintf(error, size, "pin: 4 to 8 digits are expected");
        return -1;
    }
    if (strcmp(m->memory, "SM") != 0 && strcmp(m->memory, "ME") != 0 &&
        strcmp(m->memory, "MT") != 0) {
        snprintf(error, size, "memory: SM, ME or MT is expected");
        return -1;
    }
    return 0;
}

static int modem_open(const struct gateway_host *host, struct gateway *gw, void **state,
                      char *error, size_t size)
{
    struct modem *m = memory_calloc(1, sizeof *m);

    m->host = host;
    m->gw = gw;
    m->pin = host->setting_string(gw, "pin");
    m->service_center = host->setting_string(gw, "service_center");
    m->memory = host->setting_string(gw, "memory");
    m->baud = host->setting_int(gw, "baud");
    m->receipts = host->setting_int(gw, "receipts") != 0;
    m->command_ms = host->setting_int(gw, "command_timeout");
    m->send_ms = host->setting_int(gw, "send_timeout");
    m->poll_ms = host->setting_int(gw, "poll");
    m->reset_ms = host->setting_int(gw, "reset_wait");
    m->pause_min_ms = host->setting_int(gw, "reconnect_min");
    m->pause_max_ms = host->setting_int(gw, "reconnect_max");
    host->random(&m->reference, sizeof m->reference);
    m->reassembly = reassembly_new();
    m->codes = codes_parse(codes_table_modem, CODES_BYTES(modem), error, size);
    if (m->codes == NULL || check_texts(m, error, size) != 0 || read_ports(m, error, size) != 0) {
        destroy(m);
        return -1;
    }
    *state = m;
    return 0;
}

static void modem_submit(void *state, const struct gateway_message *const *messages, size_t n)
{
    static const struct gateway_answer unsent = {.outcome = GATEWAY_UNSENT,
                                                 .words = "no modem is free"};
    struct modem *m = state;

    modem_enter(m);
    for (size_t i = 0; i < n && !m->dead; i++) {
        struct modem_port *found = NULL;

        for (size_t k = 0; k < m->port_count && found == NULL; k++)
            if (port_is_free(&m->ports[k]))
                found = &m->ports[k];
        if (found != NULL)
            port_send(found, messages[i]);
        else
            m->host->done(m->gw, messages[i]->token, &unsent);
    }
    modem_leave(m);
}

static void modem_drain(void *state)
{
    struct modem *m = state;

    modem_enter(m);
    m->draining = true;
    modem_announce(m);
    for (size_t i = 0; i < m->port_count && !m->dead; i++)
        port_work(&m->ports[i]); /* who has nothing to do leaves its device */
    modem_leave(m);
}

static void modem_close(void *state)
{
    struct modem *m = state;

    m->dead = true;
    for (size_t i = 0; i < m->port_count; i++)
        port_free(&m->ports[i]);
    if (m->depth == 0)
        destroy(m);
}

static unsigned modem_capabilities(void *state)
{
    const struct modem *m = state;

    return GATEWAY_SEGMENTS | (m->receipts ? GATEWAY_SENDS_RECEIPTS : 0);
}

const struct gateway_plugin gateway_plugin = {
    .abi = GATEWAY_ABI,
    .size = sizeof(struct gateway_plugin),
    .name = "modem",
    .channel = "sms",
    .capabilities = GATEWAY_SEGMENTS | GATEWAY_SENDS_RECEIPTS | GATEWAY_OPENS_QUIETLY,
    .settings = settings,
    .open = modem_open,
    .submit = modem_submit,
    .drain = modem_drain,
    .close = modem_close,
    .instance_capabilities = modem_capabilities,
};
