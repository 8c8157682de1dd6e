/*
 * fake_modem.h - a modem on a pseudo terminal that is strict: it refuses what a real one
 * refuses, and remembers in `wrong` any command that no standard has
 */
#ifndef FAKE_MODEM_H
#define FAKE_MODEM_H

#include <assert.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define MESSAGES 8

struct fake_modem {
    char link[128]; /* what the plugin opens */
    int number;     /* of its SIM */
    int master;
    struct event *event;
    char in[600];
    size_t n;
    /* how it is */
    bool late_ok, echo, pdu_mode, needs_pin, has_sim, no_prompt, silent, deaf, plain_indications;
    char pin[9];
    unsigned pin_tries, resets;
    int network; /* of +CREG */
    int error;   /* to the next PDU: +CMS ERROR */
    int error_after;
    /* what it has */
    char sent[32][600];
    size_t sent_count, announced;
    unsigned reference;
    char memory[MESSAGES][400]; /* PDUs */
    unsigned deleted;
    char wrong[200];
    void (*on_sent)(struct fake_modem *f, const char *hex); /* or NULL */
    char current_memory[4];
};

static void say(struct fake_modem *f, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void say(struct fake_modem *f, const char *format, ...)
{
    char line[600];
    va_list ap;
    int n;

    va_start(ap, format);
    n = vsnprintf(line, sizeof line, format, ap);
    va_end(ap);
    assert(write(f->master, line, (size_t)n) == n);
}

static void ok(struct fake_modem *f)
{
    say(f, "\r\nOK\r\n");
}

static void wrong(struct fake_modem *f, const char *what)
{
    if (*f->wrong == '\0')
        snprintf(f->wrong, sizeof f->wrong, "%.190s", what);
    say(f, "\r\nERROR\r\n");
}

static bool usable(struct fake_modem *f)
{
    if (!f->has_sim || f->needs_pin || !f->pdu_mode || f->network != 1) {
        say(f, "\r\n+CMS ERROR: %d\r\n", !f->has_sim ? 310 : f->needs_pin ? 311 : 331);
        return false;
    }
    return true;
}

static void on_pdu(struct fake_modem *f, char *hex)
{
    size_t length = strlen(hex);

    if (length % 2 != 0 || strspn(hex, "0123456789ABCDEF") != length ||
        length / 2 - 1 != f->announced || memcmp(hex, "00", 2) != 0) {
        wrong(f, hex);
        return;
    }
    snprintf(f->sent[f->sent_count++ % 32], 600, "%s", hex);
    if (f->on_sent != NULL)
        f->on_sent(f, hex);
    if (f->silent)
        return;
    if (f->error != 0 && f->error_after-- <= 0) {
        say(f, "\r\n+CMS ERROR: %d\r\n", f->error);
        return;
    }
    say(f, "\r\n+CMGS: %u\r\n\r\nOK\r\n", f->reference++ % 256);
}

static void on_command(struct fake_modem *f, const char *c)
{
    unsigned index;
    char word[40];

    if (f->deaf && strcmp(c, "AT+CFUN=1,1") != 0)
        return;
    if (f->echo)
        say(f, "%s\r", c);
    if (f->late_ok) { /* of what somebody else asked who is gone */
        f->late_ok = false;
        ok(f);
    }
    if (strcmp(c, "AT") == 0 || strcmp(c, "AT+CMEE=1") == 0) {
        ok(f);
    } else if (strcmp(c, "ATE0") == 0) {
        f->echo = false;
        ok(f);
    } else if (strcmp(c, "AT+CFUN=1,1") == 0) {
        f->resets++;
        f->silent = f->deaf = f->no_prompt = f->pdu_mode = false;
    } else if (strcmp(c, "AT+CPIN?") == 0) {
        if (!f->has_sim)
            say(f, "\r\n+CME ERROR: 10\r\n");
        else
            say(f, "\r\n+CPIN: %s\r\n\r\nOK\r\n", f->needs_pin ? "SIM PIN" : "READY");
    } else if (sscanf(c, "AT+CPIN=\"%8[0-9]\"", word) == 1) {
        f->pin_tries++;
        if (strcmp(word, f->pin) == 0) {
            f->needs_pin = false;
            ok(f);
        } else {
            say(f, "\r\n+CME ERROR: 16\r\n");
        }
    } else if (strcmp(c, "AT+CIMI") == 0) {
        say(f, "\r\n46000123456789%d\r\n\r\nOK\r\n", f->number);
    } else if (strcmp(c, "AT+CMGF=0") == 0) {
        f->pdu_mode = true;
        ok(f);
    } else if (strcmp(c, "AT+CSCA=\"+8613800100500\"") == 0) {
        ok(f);
    } else if (strcmp(c, "AT+CNMI=2,1,0,2,0") == 0) {
        if (f->plain_indications)
            say(f, "\r\n+CMS ERROR: 303\r\n");
        else
            ok(f);
    } else if (strcmp(c, "AT+CNMI=2,1,0,1,0") == 0) {
        ok(f);
    } else if (strcmp(c, "AT+CREG?") == 0) {
        say(f, "\r\n+CREG: 0,%d\r\n\r\nOK\r\n", f->network);
    } else if (strcmp(c, "AT+CEREG?") == 0) {
        say(f, "\r\nERROR\r\n");
    } else if (strcmp(c, "AT+CSQ") == 0) {
        say(f, "\r\n+CSQ: 21,99\r\n\r\nOK\r\n");
    } else if (strcmp(c, "AT+COPS?") == 0) {
        say(f, "\r\n+COPS: 0,0,\"CHINA MOBILE\"\r\n\r\nOK\r\n");
    } else if (strcmp(c, "AT+CPMS=\"SM\"") == 0) {
        ok(f);
    } else if (strcmp(c, "AT+CMGL=4") == 0) {
        if (!usable(f))
            return;
        for (unsigned i = 0; i < MESSAGES; i++)
            if (*f->memory[i] != '\0')
                say(f, "\r\n+CMGL: %u,1,,%zu\r\n%s", i, strlen(f->memory[i]) / 2 - 1, f->memory[i]);
        say(f, "\r\n\r\nOK\r\n");
    } else if (sscanf(c, "AT+CMGR=%u", &index) == 1 && index < MESSAGES) {
        if (*f->memory[index] != '\0')
            say(f, "\r\n+CMGR: 0,,%zu\r\n%s\r\n", strlen(f->memory[index]) / 2 - 1,
                f->memory[index]);
        ok(f);
    } else if (sscanf(c, "AT+CMGD=%u", &index) == 1 && index < MESSAGES) {
        if (*f->memory[index] == '\0') {
            wrong(f, "deletes what is not there");
            return;
        }
        *f->memory[index] = '\0';
        f->deleted++;
        ok(f);
    } else if (sscanf(c, "AT+CMGS=%zu", &f->announced) == 1) {
        if (usable(f) && !f->no_prompt)
            say(f, "\r\n> ");
        else
            f->announced = 0;
    } else {
        wrong(f, c);
    }
}

static void on_bytes(evutil_socket_t fd, short what, void *arg)
{
    struct fake_modem *f = arg;
    char c;

    (void)what;
    while (read(fd, &c, 1) == 1) {
        bool prompted = f->announced > 0;

        if (c == 0x1b) {
            f->n = f->announced = 0;
            continue;
        }
        if (c != (prompted ? 0x1a : '\r')) {
            if (f->n < sizeof f->in - 1)
                f->in[f->n++] = c;
            continue;
        }
        f->in[f->n] = '\0';
        f->n = 0;
        if (*f->in == '\0')
            continue;
        if (prompted) {
            on_pdu(f, f->in);
            f->announced = 0;
        } else {
            on_command(f, f->in);
        }
    }
}

static void plug_in(struct fake_modem *f, struct event_base *base)
{
    char path[100];
    struct termios line;

    f->master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    assert(f->master >= 0);
    assert(grantpt(f->master) == 0 && unlockpt(f->master) == 0);
    assert(ptsname_r(f->master, path, sizeof path) == 0);
    assert(tcgetattr(f->master, &line) == 0);
    cfmakeraw(&line);
    tcsetattr(f->master, TCSANOW, &line);
    unlink(f->link);
    assert(symlink(path, f->link) == 0);
    f->event = event_new(base, f->master, EV_READ | EV_PERSIST, on_bytes, f);
    event_add(f->event, NULL);
    f->n = f->announced = 0;
    f->pdu_mode = false;
    f->echo = true;
}

static void unplug(struct fake_modem *f)
{
    event_free(f->event);
    f->event = NULL;
    close(f->master);
    unlink(f->link);
}

#endif
