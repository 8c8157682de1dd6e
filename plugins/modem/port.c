/*
 * A modem's life. Each step is a command and what its lines and its end mean; enter() is the
 * one door. A modem that does not answer is reset; a device that is gone is opened again.
 */
#include "instance.h"

#include <errno.h>
#include <stdarg.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#define CREDENTIALS_PAUSE_MS 300000
#define CONTROL_Z 0x1a /* ends a PDU: from here on it may be sent */

static void enter(struct modem_port *p, enum modem_step step);
static void lose(struct modem_port *p, const char *why, int64_t pause_ms);
static void shut(struct modem_port *p);

static const char *base_name(const struct modem_port *p)
{
    const char *slash = strrchr(p->path, '/');

    return slash != NULL ? slash + 1 : p->path;
}

static void on_timer(void *arg);

static void wait(struct modem_port *p, int64_t ms)
{
    p->modem->host->timer_cancel(p->timer);
    p->timer = p->modem->host->timer(p->modem->gw, ms, on_timer, p);
}

/* ------------------------------------------------------------------ the message under way */
/* Last in a callback, or before port_work(): the host may submit within done(). */
static void answer(struct modem_port *p, enum gateway_outcome outcome, const char *raw,
                   const char *words, enum gateway_reason reason)
{
    struct modem *m = p->modem;
    struct gateway_answer a = {.outcome = outcome, .reason = reason, .code = raw, .words = words};
    uint64_t token;

    if (p->message == NULL)
        return;
    token = p->message->token;
    p->message = NULL;
    if (outcome == GATEWAY_ACCEPTED) {
        a.ids = p->ids;
        a.id_count = p->id_count;
    } else if (p->part > 0 && outcome != GATEWAY_UNKNOWN) {
        /* Parts are with the network already: told, never repeated whole. */
        a.partial = true;
        a.reason = GATEWAY_REASON_PARTIAL;
        if (outcome != GATEWAY_REJECTED)
            a.outcome = GATEWAY_RETRY;
    }
    m->host->done(m->gw, token, &a);
}

static void answer_code(struct modem_port *p, const char *raw)
{
    const struct code *code = modem_code(p->modem, raw);
    bool left = p->step == STEP_PDU;
    enum gateway_outcome outcome = code->outcome;

    if (!left && outcome == GATEWAY_UNKNOWN)
        outcome = GATEWAY_RETRY; /* refused before it had the PDU */
    answer(p, outcome, raw, code->en, code->reason);
}

/* Has the PDU been written to its end? Then it may be sent. */
static bool may_be_sent(const struct modem_port *p, enum modem_step step)
{
    return step == STEP_PDU && p->out_from == p->out_n;
}

static void answer_lost(struct modem_port *p, bool left, const char *why)
{
    answer(p, left ? GATEWAY_UNKNOWN : GATEWAY_UNSENT, NULL, why, GATEWAY_REASON_NONE);
}

/* The part in hand as hex; returns its octets as AT+CMGS counts them, 0 where it is none. */
static size_t write_part(struct modem_port *p, char hex[PDU_HEX_BYTES])
{
    const struct gateway_message *m = p->message;
    int64_t valid_ms = 0;

    if (m->expires_ms > 0) {
        valid_ms = m->expires_ms - p->modem->host->wall_ms();
        valid_ms = valid_ms > 0 ? valid_ms : 1;
    }
    return pdu_submit(hex, m->to, &p->text, p->part, p->reference, valid_ms, p->modem->receipts);
}

/* For who looks: of a command nothing behind a quotation mark, where a PIN may be. */
static void trace(const struct modem_port *p, bool out, const char *text)
{
    const struct modem *m = p->modem;

    if (GATEWAY_HOST_HAS(m->host, trace))
        m->host->trace(m->gw, out, "port %u: %.*s%s", p->number, (int)strcspn(text, "\r\""), text,
                       strchr(text, '"') != NULL ? "..." : "");
}

static bool begin_part(struct modem_port *p)
{
    char hex[PDU_HEX_BYTES];
    size_t octets = write_part(p, hex);

    p->out_from = 0;
    p->out_n = (size_t)snprintf(p->out, sizeof p->out, "AT+CMGS=%zu\r", octets);
    trace(p, true, p->out);
    return octets > 0;
}

static void put_part(struct modem_port *p)
{
    write_part(p, p->out);
    p->out_from = 0;
    p->out_n = strlen(p->out);
    p->out[p->out_n++] = CONTROL_Z;
    trace(p, true, "(the message)");
}

bool port_is_free(const struct modem_port *p)
{
    return p->ready && p->message == NULL;
}

void port_send(struct modem_port *p, const struct gateway_message *message)
{
    p->message = message;
    p->part = 0;
    p->id_count = 0;
    port_work(p);
}

/* Idle, with a message: its first part. */
static void send_message(struct modem_port *p)
{
    struct modem *m = p->modem;
    const struct gateway_message *message = p->message;

    p->reference = ++m->reference;
    if (message->submit_by_ms != 0 && m->host->boot_ms() > message->submit_by_ms) {
        answer(p, GATEWAY_UNSENT, NULL, "no modem had time for it", GATEWAY_REASON_NONE);
    } else if (sms_encode(&p->text, message->text, message->length, message->encoding,
                          SMS_CHARSET_GSM, SMS_LONG_UDH8) != SMS_OK) {
        answer(p, GATEWAY_REJECTED, NULL, "no text that fits into eight parts",
               GATEWAY_REASON_TEXT);
    } else if (!begin_part(p)) {
        answer(p, GATEWAY_REJECTED, NULL, "no number", GATEWAY_REASON_NUMBER);
    } else {
        enter(p, STEP_SUBMIT);
    }
}

static void on_part_accepted(struct modem_port *p)
{
    struct gateway_id *id = &p->ids[p->id_count];

    if (p->sent >= 0) {
        id->bytes = p->id_bytes[p->id_count];
        id->length = modem_id(p->id_bytes[p->id_count], p, (unsigned)p->sent, p->message->to);
        p->id_count++;
    }
    p->part++;
    if (p->part < p->text.parts && begin_part(p)) {
        enter(p, STEP_SUBMIT);
        return;
    }
    p->step = STEP_IDLE;
    answer(p, GATEWAY_ACCEPTED, NULL, NULL, GATEWAY_REASON_NONE);
}

/* ------------------------------------------------------------------ the steps */
static void say(struct modem_port *p, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void say(struct modem_port *p, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    p->out_n = (size_t)vsnprintf(p->out, sizeof p->out, format, ap);
    va_end(ap);
    p->out_from = 0;
    trace(p, true, p->out);
}

static void line_pin(struct modem_port *p, const struct at_line *l)
{
    if (l->kind == AT_PIN)
        snprintf(p->pin_state, sizeof p->pin_state, "%s", l->word);
}

static void end_pin_ask(struct modem_port *p, bool ok, const struct at_line *l)
{
    char why[120];

    if (!ok) {
        snprintf(why, sizeof why, "%s",
                 l->kind == AT_CME && l->number == 10 ? "no SIM card" : "the SIM is not ready");
        lose(p, why, 0);
        return;
    }
    if (*p->pin_state == '\0') { /* an earlier life's: an answer late */
        lose(p, "it answers what was asked before", 0);
        return;
    }
    if (strcmp(p->pin_state, "READY") == 0) {
        enter(p, STEP_IMSI);
        return;
    }
    if (strcmp(p->pin_state, "SIM PIN") == 0 && p->modem->pin != NULL && *p->modem->pin != '\0' &&
        !p->pin_given && !p->pin_refused) {
        p->pin_given = true;
        enter(p, STEP_PIN_GIVE);
        return;
    }
    snprintf(why, sizeof why, "the SIM wants: %s%s", p->pin_state,
             p->pin_refused ? ", the configured one was refused" : "");
    lose(p, why, CREDENTIALS_PAUSE_MS);
}

static void end_pin_give(struct modem_port *p, bool ok, const struct at_line *l)
{
    (void)l;
    if (ok) {
        enter(p, STEP_PIN_ASK);
        return;
    }
    p->pin_refused = true;
    MODEM_LOG(p->modem, ERROR,
              "modem.pin_refused port=%u device=%s "
              "advice=\"mend pin: it is not tried again, the third wrong one locks the SIM\"",
              p->number, base_name(p));
    lose(p, "the SIM refuses the PIN", CREDENTIALS_PAUSE_MS);
}

static void line_imsi(struct modem_port *p, const struct at_line *l)
{
    if (l->kind == AT_OTHER && l->length >= 6 && l->length <= 15 &&
        strspn(l->text, "0123456789") == l->length)
        snprintf(p->sim, sizeof p->sim, "%08x", (unsigned)modem_hash(l->text, l->length));
}

static void end_pdu_mode(struct modem_port *p, bool ok, const struct at_line *l)
{
    (void)l;
    if (!ok)
        lose(p, "the modem has no PDU mode", CREDENTIALS_PAUSE_MS);
    else
        enter(p, *p->modem->service_center != '\0' ? STEP_CENTER : STEP_INDICATE);
}

static void end_center(struct modem_port *p, bool ok, const struct at_line *l)
{
    (void)l;
    if (!ok)
        lose(p, "service_center is refused", CREDENTIALS_PAUSE_MS);
    else
        enter(p, STEP_INDICATE);
}

static void end_indicate(struct modem_port *p, bool ok, const struct at_line *l)
{
    (void)l;
    enter(p, ok ? STEP_NETWORK : STEP_INDICATE_LESS);
}

static void end_indicate_less(struct modem_port *p, bool ok, const struct at_line *l)
{
    (void)l;
    if (!ok)
        MODEM_LOG(p->modem, WARNING, "modem.no_indications port=%u", p->number);
    enter(p, STEP_NETWORK);
}

static void line_network(struct modem_port *p, const struct at_line *l)
{
    if (l->kind == AT_REGISTERED)
        p->registration = l->number;
}

/* 27.007 7.2: home, roaming; 6 and 7 for SMS only. */
static bool registered(const struct modem_port *p)
{
    return p->registration == 1 || p->registration == 5 || p->registration == 6 ||
           p->registration == 7;
}

static void end_network(struct modem_port *p, bool ok, const struct at_line *l)
{
    bool was = p->ready;

    (void)ok, (void)l;
    if (!registered(p) && p->step == STEP_NETWORK) {
        enter(p, STEP_NETWORK_LTE);
        return;
    }
    p->ready = registered(p);
    if (p->ready)
        *p->trouble = '\0';
    if (p->ready != was)
        p->modem->host->log(p->modem->gw, p->ready ? GATEWAY_LOG_INFO : GATEWAY_LOG_WARNING,
                            "modem.%s port=%u device=%s state=%ld%s",
                            p->ready ? "registered" : "no_network", p->number, base_name(p),
                            p->registration,
                            p->registration == 3 ? " advice=\"the network denies this SIM\"" : "");
    if (p->ready)
        p->pause_ms = p->modem->pause_min_ms;
    enter(p, STEP_SIGNAL);
    if (!p->ready) {
        modem_announce(p->modem);
        answer(p, GATEWAY_UNSENT, NULL, "no network", GATEWAY_REASON_NONE);
    }
}

static void line_signal(struct modem_port *p, const struct at_line *l)
{
    if (l->kind == AT_SIGNAL)
        p->signal = l->number;
}

static void line_operator(struct modem_port *p, const struct at_line *l)
{
    if (l->kind == AT_OPERATOR && *l->word != '\0')
        snprintf(p->operator_name, sizeof p->operator_name, "%s", l->word);
}

static void end_operator(struct modem_port *p, bool ok, const struct at_line *l)
{
    (void)ok, (void)l;
    p->status_ms = p->modem->host->mono_ms() + p->modem->poll_ms;
    p->list_due = true;
    p->step = STEP_IDLE;
    modem_announce(p->modem);
}

static void end_memory(struct modem_port *p, bool ok, const struct at_line *l)
{
    (void)l;
    p->step = STEP_IDLE;
    if (ok) {
        snprintf(p->memory, sizeof p->memory, "%s", p->next_memory);
        return;
    }
    MODEM_LOG(p->modem, WARNING, "modem.no_memory port=%u memory=%s", p->number, p->next_memory);
    if (strcmp(p->next_memory, p->modem->memory) == 0)
        snprintf(p->memory, sizeof p->memory, "%s", p->next_memory); /* then what it has */
    if (p->read_count > 0 && strcmp(p->reads[0].memory, p->next_memory) == 0)
        memmove(p->reads, p->reads + 1, --p->read_count * sizeof *p->reads);
    if (p->deleting != NULL)
        inbox_deleted(p->deleting);
    p->deleting = NULL;
}

static void end_idle(struct modem_port *p, bool ok, const struct at_line *l)
{
    (void)ok, (void)l;
    p->step = STEP_IDLE;
}

static void end_delete(struct modem_port *p, bool ok, const struct at_line *l)
{
    (void)l;
    if (!ok)
        MODEM_LOG(p->modem, WARNING, "modem.not_deleted port=%u", p->number);
    if (p->deleting != NULL)
        inbox_deleted(p->deleting);
    p->deleting = NULL;
    p->step = STEP_IDLE;
}

static void end_submit(struct modem_port *p, bool ok, const struct at_line *l)
{
    char raw[24] = "error";

    if (ok && p->step == STEP_PDU) {
        on_part_accepted(p);
        return;
    }
    if (l->kind == AT_CMS && l->number >= 0)
        snprintf(raw, sizeof raw, "cms-%ld", l->number);
    answer_code(p, raw);
    if (p->step == STEP_SUBMIT || p->step == STEP_PDU)
        p->step = STEP_IDLE;
}

static void line_sent(struct modem_port *p, const struct at_line *l)
{
    if (l->kind == AT_SENT)
        p->sent = l->number;
}

/* Where next is not 0 the step's end leads there, whether the modem knew the command or not. */
static const struct {
    const char *name, *command;
    enum modem_step next;
    void (*line)(struct modem_port *p, const struct at_line *l);
    void (*end)(struct modem_port *p, bool ok, const struct at_line *l);
} steps[] = {
    [STEP_CLOSED] = {"closed", NULL, 0, NULL, NULL},
    [STEP_RESETTING] = {"resetting", "\x1b\rAT+CFUN=1,1\r", 0, NULL, NULL},
    [STEP_AT] = {"at", "AT\r", STEP_ECHO, NULL, NULL},
    [STEP_ECHO] = {"echo", "ATE0\r", STEP_NUMBERS, NULL, NULL},
    [STEP_NUMBERS] = {"numbers", "AT+CMEE=1\r", STEP_PIN_ASK, NULL, NULL},
    [STEP_PIN_ASK] = {"pin-ask", "AT+CPIN?\r", 0, line_pin, end_pin_ask},
    [STEP_PIN_GIVE] = {"pin-give", NULL, 0, NULL, end_pin_give},
    [STEP_IMSI] = {"imsi", "AT+CIMI\r", STEP_PDU_MODE, line_imsi, NULL},
    [STEP_PDU_MODE] = {"pdu-mode", "AT+CMGF=0\r", 0, NULL, end_pdu_mode},
    [STEP_CENTER] = {"center", NULL, 0, NULL, end_center},
    [STEP_INDICATE] = {"indicate", "AT+CNMI=2,1,0,2,0\r", 0, NULL, end_indicate},
    [STEP_INDICATE_LESS] = {"indicate-less", "AT+CNMI=2,1,0,1,0\r", 0, NULL, end_indicate_less},
    [STEP_NETWORK] = {"network", "AT+CREG?\r", 0, line_network, end_network},
    [STEP_NETWORK_LTE] = {"network-lte", "AT+CEREG?\r", 0, line_network, end_network},
    [STEP_SIGNAL] = {"signal", "AT+CSQ\r", STEP_OPERATOR, line_signal, NULL},
    [STEP_OPERATOR] = {"operator", "AT+COPS?\r", 0, line_operator, end_operator},
    [STEP_MEMORY] = {"memory", NULL, 0, NULL, end_memory},
    [STEP_LIST] = {"list", "AT+CMGL=4\r", 0, NULL, end_idle},
    [STEP_READ] = {"read", NULL, 0, NULL, end_idle},
    [STEP_DELETE] = {"delete", NULL, 0, NULL, end_delete},
    [STEP_IDLE] = {"idle", NULL, 0, NULL, NULL},
    [STEP_SUBMIT] = {"submit", NULL, 0, NULL, end_submit},
    [STEP_PDU] = {"pdu", NULL, 0, line_sent, end_submit},
};

/* ------------------------------------------------------------------ writing */
static void on_writable(evutil_socket_t fd, short what, void *arg);

static void flush(struct modem_port *p)
{
    while (p->out_from < p->out_n) {
        ssize_t n = write(p->fd, p->out + p->out_from, p->out_n - p->out_from);

        if (n > 0) {
            p->out_from += (size_t)n;
        } else if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
            event_add(p->writable, NULL);
            return;
        } else {
            lose(p, n < 0 ? strerror(errno) : "the device takes nothing", 0);
            return;
        }
    }
    p->out_from = p->out_n = 0;
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
    struct modem_port *p = arg;

    (void)fd, (void)what;
    modem_enter(p->modem);
    flush(p);
    modem_leave(p->modem);
}

static void enter(struct modem_port *p, enum modem_step step)
{
    struct modem *m = p->modem;

    p->step = step;
    if (steps[step].command != NULL)
        say(p, "%s", steps[step].command);
    else if (step == STEP_PIN_GIVE)
        say(p, "AT+CPIN=\"%s\"\r", m->pin);
    else if (step == STEP_CENTER)
        say(p, "AT+CSCA=\"%s\"\r", m->service_center);
    else if (step == STEP_MEMORY)
        say(p, "AT+CPMS=\"%s\"\r", p->next_memory);
    else if (step == STEP_READ)
        say(p, "AT+CMGR=%ld\r", p->reading.index);
    else if (step == STEP_DELETE)
        say(p, "AT+CMGD=%ld\r", p->deleting->index);
    p->sent = -1;
    p->pdu_follows = AT_OTHER;
    if (step == STEP_NETWORK || step == STEP_NETWORK_LTE)
        p->registration = -1;
    wait(p, step == STEP_RESETTING ? m->reset_ms : step == STEP_PDU ? m->send_ms : m->command_ms);
    flush(p);
}

/* ------------------------------------------------------------------ what is to be done */
static bool in_memory(struct modem_port *p, const char *memory)
{
    if (strcmp(p->memory, memory) == 0)
        return true;
    snprintf(p->next_memory, sizeof p->next_memory, "%s", memory);
    enter(p, STEP_MEMORY);
    return false;
}

void port_work(struct modem_port *p)
{
    struct modem *m = p->modem;
    int64_t now_ms = m->host->mono_ms();

    while (p->step == STEP_IDLE && p->fd >= 0 && !m->dead) {
        p->deleting = inbox_to_delete(p);
        if (p->deleting != NULL) {
            if (in_memory(p, p->deleting->memory))
                enter(p, STEP_DELETE);
        } else if (p->read_count > 0) {
            if (!in_memory(p, p->reads[0].memory))
                continue;
            p->reading = p->reads[0];
            memmove(p->reads, p->reads + 1, --p->read_count * sizeof *p->reads);
            enter(p, STEP_READ);
        } else if (p->message != NULL && p->ready) {
            send_message(p);
        } else if (m->draining && p->message == NULL) {
            shut(p); /* another program may have it now */
            p->step = STEP_CLOSED;
            p->ready = false;
            snprintf(p->trouble, sizeof p->trouble, "left");
            MODEM_LOG(m, INFO, "modem.left port=%u device=%s", p->number, base_name(p));
            modem_announce(m);
            return;
        } else if (p->list_due) {
            if (!in_memory(p, m->memory))
                continue;
            p->list_due = false;
            enter(p, STEP_LIST);
        } else if (now_ms >= p->status_ms) {
            enter(p, STEP_NETWORK);
        } else {
            wait(p, p->status_ms - now_ms);
            return;
        }
    }
}

/* ------------------------------------------------------------------ reading */
static void on_pdu_line(struct modem_port *p, const struct at_line *l)
{
    enum at_kind kind = p->pdu_follows;

    p->pdu_follows = AT_OTHER;
    if (kind == AT_LISTED && p->follow_status >= 0 && p->follow_status <= 1)
        inbox_take(p, p->memory, p->follow_index, l->text, l->length);
    else if (kind == AT_READ && p->follow_status >= -1 && p->follow_status <= 1)
        inbox_take(p, p->reading.memory, p->reading.index, l->text, l->length);
    else if (kind == AT_DIRECT)
        inbox_take(p, "", -1, l->text, l->length);
}

static void on_final(struct modem_port *p, bool ok, const struct at_line *l)
{
    enum modem_step step = p->step;

    if (steps[step].next != 0)
        enter(p, steps[step].next);
    else if (steps[step].end != NULL)
        steps[step].end(p, ok, l);
}

static void on_line(struct modem_port *p, const struct at_line *l)
{
    if (p->step == STEP_RESETTING)
        return;
    if (l->kind != AT_OTHER) /* an IMSI, a message */
        trace(p, false, l->text);
    if (p->pdu_follows != AT_OTHER && (l->kind == AT_OTHER)) {
        on_pdu_line(p, l);
        return;
    }
    switch (l->kind) {
    case AT_OK:
    case AT_ERROR:
    case AT_CMS:
    case AT_CME:
        on_final(p, l->kind == AT_OK, l);
        return;
    case AT_PROMPT:
        p->step = STEP_PDU;
        wait(p, p->modem->send_ms);
        put_part(p);
        flush(p);
        return;
    case AT_STORED:
        inbox_announced(p, l->word, l->index);
        return;
    case AT_LISTED:
    case AT_READ:
    case AT_DIRECT:
        p->pdu_follows = l->kind;
        p->follow_index = l->index;
        p->follow_status = l->number;
        return;
    default:
        if (steps[p->step].line != NULL)
            steps[p->step].line(p, l);
    }
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    struct modem_port *p = arg;
    struct modem *m = p->modem;
    uint32_t generation = p->generation;
    char bytes[512];
    ssize_t n = read(fd, bytes, sizeof bytes);

    (void)what;
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    modem_enter(m);
    if (n <= 0)
        lose(p, n < 0 ? strerror(errno) : "the device is gone", 0);
    for (ssize_t at = 0; at < n && p->generation == generation && !m->dead;) {
        struct at_line line;

        at += (ssize_t)at_feed(&p->reader, bytes + at, (size_t)(n - at));
        while (p->generation == generation && !m->dead &&
               at_next(&p->reader, p->step == STEP_SUBMIT, &line))
            on_line(p, &line);
    }
    if (p->generation == generation && !m->dead)
        port_work(p);
    modem_leave(m);
}

/* ------------------------------------------------------------------ opening and losing */
static void shut(struct modem_port *p)
{
    if (p->readable != NULL)
        event_free(p->readable);
    if (p->writable != NULL)
        event_free(p->writable);
    p->readable = p->writable = NULL;
    if (p->fd >= 0) {
        tcflush(p->fd, TCIOFLUSH); /* or close() would wait for what nobody takes */
        close(p->fd);
    }
    p->fd = -1;
    p->generation++;
    p->modem->host->timer_cancel(p->timer);
    p->timer = NULL;
}

static void lose(struct modem_port *p, const char *why, int64_t pause_ms)
{
    struct modem *m = p->modem;
    enum modem_step step = p->step;
    bool left = may_be_sent(p, step);
    char words[120];
    uint32_t dice;

    snprintf(words, sizeof words, "%s", why);
    m->host->random(&dice, sizeof dice);
    if (pause_ms == 0) {
        pause_ms = p->pause_ms / 2 + dice % (p->pause_ms / 2 + 1);
        p->pause_ms = 2 * p->pause_ms < m->pause_max_ms ? 2 * p->pause_ms : m->pause_max_ms;
    }
    shut(p);
    p->step = STEP_CLOSED;
    p->ready = false;
    snprintf(p->trouble, sizeof p->trouble, "%.59s", words);
    inbox_forget(p);
    MODEM_LOG(m, WARNING, "modem.down port=%u device=%s step=%s reason=\"%s\" retry_ms=%lld",
              p->number, base_name(p), steps[step].name, words, (long long)pause_ms);
    wait(p, pause_ms);
    modem_announce(m);
    answer_lost(p, left, words);
}

static speed_t speed_of(int64_t baud)
{
    static const struct {
        int64_t baud;
        speed_t speed;
    } speeds[] = {{9600, B9600},     {19200, B19200},   {38400, B38400},   {57600, B57600},
                  {115200, B115200}, {230400, B230400}, {460800, B460800}, {921600, B921600}};

    for (size_t i = 0; i < sizeof speeds / sizeof *speeds; i++)
        if (speeds[i].baud == baud)
            return speeds[i].speed;
    return B115200;
}

static void open_device(struct modem_port *p)
{
    struct modem *m = p->modem;
    struct termios line;

    p->fd = open(p->path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (p->fd < 0) {
        lose(p, strerror(errno), 0);
        return;
    }
    /* Two who talk to one modem take each other's answers. It ends with the descriptor. */
    if (flock(p->fd, LOCK_EX | LOCK_NB) != 0) {
        close(p->fd); /* not by shut(): what waits in the line is the other's */
        p->fd = -1;
        lose(p, "another program has it (a daemon: drain its gateway)", 0);
        return;
    }
    if (tcgetattr(p->fd, &line) != 0) {
        lose(p, "is no serial line", 0);
        return;
    }
    cfmakeraw(&line);
    line.c_cflag |= CLOCAL | CREAD;
    cfsetspeed(&line, speed_of(m->baud));
    tcsetattr(p->fd, TCSANOW, &line);
    memset(&p->reader, 0, sizeof p->reader);
    snprintf(p->sim, sizeof p->sim, "port%u", p->number);
    snprintf(p->operator_name, sizeof p->operator_name, "network");
    *p->memory = *p->pin_state = '\0';
    p->signal = -1;
    p->pin_given = false;
    p->readable = event_new(m->host->loop(m->gw), p->fd, EV_READ | EV_PERSIST, on_readable, p);
    p->writable = event_new(m->host->loop(m->gw), p->fd, EV_WRITE, on_writable, p);
    event_add(p->readable, NULL);
    enter(p, STEP_AT);
    modem_announce(m);
}

/* It does not answer: out of a prompt, and a reset, by command and by the line. */
static void reset(struct modem_port *p)
{
    static const int dtr = TIOCM_DTR;
    bool left = may_be_sent(p, p->step);
    uint32_t generation = p->generation;

    MODEM_LOG(p->modem, WARNING, "modem.hung port=%u device=%s step=%s", p->number, base_name(p),
              steps[p->step].name);
    p->ready = false;
    event_del(p->writable);
    ioctl(p->fd, TIOCMBIC, &dtr);
    enter(p, STEP_RESETTING);
    if (p->generation != generation)
        return; /* lost, and answered */
    modem_announce(p->modem);
    answer_lost(p, left, "the modem does not answer");
}

static void on_timer(void *arg)
{
    struct modem_port *p = arg;
    struct modem *m = p->modem;

    p->timer = NULL;
    modem_enter(m);
    if (p->step == STEP_CLOSED && m->draining)
        ; /* stays so */
    else if (p->step == STEP_CLOSED)
        open_device(p);
    else if (p->step == STEP_RESETTING)
        lose(p, "reset", m->pause_min_ms);
    else if (p->step == STEP_IDLE)
        port_work(p);
    else
        reset(p);
    modem_leave(m);
}

void port_init(struct modem_port *p, struct modem *m, const char *path, unsigned number)
{
    p->modem = m;
    p->path = path;
    p->number = number;
    p->fd = -1;
    p->signal = -1;
    p->pause_ms = m->pause_min_ms;
    /* By the loop: no callback of ours comes before the host has our state. */
    wait(p, 0);
}

void port_free(struct modem_port *p)
{
    p->message = NULL;
    shut(p);
}
