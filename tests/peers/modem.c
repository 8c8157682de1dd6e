/*
 * modem - a modem on a pseudo terminal for the end-to-end tests: modem LINK
 *
 * LINK becomes a symbolic link to the terminal. The modem is that of the unit tests; it
 * reports past its memory (+CDS). What it is told on stdin, a line each:
 *
 *   say LINE\nLINE       says that by itself; \n is a line's end of the modem's
 *   keep INDEX PDU       puts a message into its memory and says so (+CMTI)
 *   sim 0|1              takes the SIM out, or puts it in
 *   silent N             the Nth message from now on, and those behind it, are taken, and nothing
 *                        is answered; 0: no more
 *   plug, unplug         the device is there, or not
 *
 * On stdout: "plugged"; "sent REFERENCE PDU" for what the network has taken; "deleted" for each
 * that is taken out of the memory. It ends with stdin, with 1 if it was told what no
 * standard has.
 */
#include "fake_modem.h"

static struct fake_modem modem;
static unsigned deleted, silent_in; /* 0: not */

static void on_sent(struct fake_modem *f, const char *hex)
{
    if (silent_in > 0 && --silent_in == 0)
        f->silent = true;
    printf("sent %u %s\n", f->reference % 256, hex);
}

static void say_lines(char *text)
{
    for (char *at = text, *end; at != NULL; at = end) {
        end = strstr(at, "\\n");
        if (end != NULL) {
            *end = '\0';
            end += 2;
        }
        say(&modem, "%s%s\r\n", at == text ? "\r\n" : "", at);
    }
}

static void keep(const char *arguments)
{
    unsigned index;
    char pdu[400];

    assert(sscanf(arguments, "%u %399s", &index, pdu) == 2 && index < MESSAGES);
    strcpy(modem.memory[index], pdu);
    say(&modem, "\r\n+CMTI: \"SM\",%u\r\n", index);
}

static void obey(struct event_base *base, char *line)
{
    char *arguments = strchr(line, ' ');

    arguments = arguments == NULL ? line + strlen(line) : arguments + 1;
    if (strncmp(line, "say ", 4) == 0) {
        say_lines(arguments);
    } else if (strncmp(line, "keep ", 5) == 0) {
        keep(arguments);
    } else if (strncmp(line, "sim ", 4) == 0) {
        modem.has_sim = *arguments == '1';
    } else if (strncmp(line, "silent ", 7) == 0) {
        modem.silent = false;
        silent_in = (unsigned)atoi(arguments);
    } else if (strcmp(line, "unplug") == 0) {
        unplug(&modem);
    } else if (strcmp(line, "plug") == 0) {
        plug_in(&modem, base);
        puts("plugged");
    } else {
        assert(!"a known command");
    }
}

static void on_stdin(evutil_socket_t fd, short what, void *arg)
{
    static char line[2000];
    static size_t n;
    struct event_base *base = arg;
    char c;

    (void)what;
    while (read(fd, &c, 1) == 1) {
        assert(n < sizeof line - 1);
        if (c != '\n') {
            line[n++] = c;
            continue;
        }
        line[n] = '\0';
        n = 0;
        obey(base, line);
        return;
    }
    event_base_loopbreak(base);
}

static void on_look(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what, (void)arg;
    for (; deleted < modem.deleted; deleted++)
        puts("deleted");
}

int main(int argc, char **argv)
{
    static const struct timeval often = {0, 20000};
    struct event_base *base = event_base_new();
    struct event *in, *look;

    assert(argc == 2 && strlen(argv[1]) < sizeof modem.link);
    setvbuf(stdout, NULL, _IOLBF, 0);
    strcpy(modem.link, argv[1]);
    modem.has_sim = modem.plain_indications = true;
    modem.network = 1;
    modem.on_sent = on_sent;
    in = event_new(base, STDIN_FILENO, EV_READ | EV_PERSIST, on_stdin, base);
    look = event_new(base, -1, EV_PERSIST, on_look, NULL);
    event_add(in, NULL);
    event_add(look, &often);
    event_base_dispatch(base);
    event_free(in);
    event_free(look);
    if (modem.event != NULL)
        unplug(&modem);
    event_base_free(base);
    if (*modem.wrong != '\0')
        fprintf(stderr, "was told: %s\n", modem.wrong);
    return *modem.wrong != '\0';
}
