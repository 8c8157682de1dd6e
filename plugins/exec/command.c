#include "command.h"

#include "memory.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Where the settings come from and where they go. */
struct reader {
    const struct gateway_host *host;
    struct gateway *gw;
    struct command *to;
};

/* The i-th string of a list, ours to free; NULL: there is none. */
static char *listed(const struct reader *r, const char *list, size_t i, const char *member)
{
    char path[80];
    const char *value;
    char *copy;

    snprintf(path, sizeof path, "%s.%zu%s", list, i, member);
    value = r->host->setting_string(r->gw, path);
    copy = memory_strdup(value != NULL ? value : "");
    return copy;
}

static bool is_variable(const char *s, char end)
{
    size_t n = strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789");

    return n > 0 && s[n] == end && !(s[0] >= '0' && s[0] <= '9');
}

static void put_variable(struct reader *r, size_t *at, const char *name, const char *value)
{
    size_t n = strlen(name) + strlen(value) + 2;
    char *variable = memory_alloc(n);

    snprintf(variable, n, "%s=%s", name, value);
    r->to->environment[(*at)++] = variable;
}

static int read_environment(struct reader *r, char *error, size_t size)
{
    static const char *const kept[] = {"HOME", "LANG", "LC_ALL", "TZ"};
    size_t given = r->host->setting_count(r->gw, "environment"), at = 0, i;
    size_t secrets = r->host->setting_count(r->gw, "secrets");

    if (given + secrets > COMMAND_WORDS_MAX) {
        snprintf(error, size, "environment, secrets: more than %d", COMMAND_WORDS_MAX);
        return -1;
    }
    /* The daemon's own is not handed on: there may be secrets of others in it. */
    put_variable(r, &at, "OUTREACH_GATEWAY", r->host->name(r->gw));
    for (i = 0; i < given; i++) {
        r->to->environment[at] = listed(r, "environment", i, "");
        if (!is_variable(r->to->environment[at++], '=')) {
            snprintf(error, size, "environment.%zu: must be \"NAME=value\"", i);
            return -1;
        }
    }
    for (i = 0; i < secrets; i++) {
        char *name = listed(r, "secrets", i, ".name"), *value = listed(r, "secrets", i, ".value");
        bool good = is_variable(name, '\0');

        put_variable(r, &at, name, value);
        free(name);
        free(value);
        if (!good) {
            snprintf(error, size, "secrets.%zu.name: must be the name of a variable", i);
            return -1;
        }
    }
    /* Of two with one name a program takes the first. */
    put_variable(r, &at, "PATH", "/usr/local/bin:/usr/bin:/bin");
    for (i = 0; i < sizeof kept / sizeof *kept; i++) {
        const char *value = getenv(kept[i]);

        if (value != NULL)
            put_variable(r, &at, kept[i], value);
    }
    return 0;
}

static int read_command(struct reader *r, char *error, size_t size)
{
    size_t n = r->host->setting_count(r->gw, "command"), i;

    if (n < 1 || n > COMMAND_WORDS_MAX) {
        snprintf(error, size, "command: must have 1 to %d words", COMMAND_WORDS_MAX);
        return -1;
    }
    for (i = 0; i < n; i++)
        r->to->argv[i] = listed(r, "command", i, "");
    if (r->to->argv[0][0] != '/') {
        snprintf(error, size, "command: the program must be an absolute path");
        return -1;
    }
    if (access(r->to->argv[0], X_OK) != 0) {
        snprintf(error, size, "command: %s: %s", r->to->argv[0], strerror(errno));
        return -1;
    }
    return 0;
}

int command_read(struct command *c, const struct gateway_host *host, struct gateway *gw,
                 char *error, size_t size)
{
    struct reader r = {host, gw, c};

    c->of =
        (struct program_command){c->argv, c->environment, host->setting_string(gw, "directory")};
    return read_command(&r, error, size) == 0 && read_environment(&r, error, size) == 0 ? 0 : -1;
}

void command_free(struct command *c)
{
    for (size_t i = 0; c->argv[i] != NULL; i++)
        free(c->argv[i]);
    for (size_t i = 0; c->environment[i] != NULL; i++) {
        explicit_bzero(c->environment[i], strlen(c->environment[i]));
        free(c->environment[i]);
    }
}
