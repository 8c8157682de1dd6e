#include "marker.h"

#include "clock.h"
#include "error.h"
#include "keys.h"
#include "language.h"
#include "log.h"
#include "mem.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define INSTALL_DIGITS 32
#define FILE_BYTES (INSTALL_DIGITS + 1 + 20 + 1) /* "install tick\n", of one length for ever */
#define NAMES_MOST 4096
#define NAME_MOST 64

struct marker {
    char *path, *names_path;
    char install[INSTALL_DIGITS + 1]; /* "": none */
    int64_t tick;
    char **names;
    size_t name_count;
    bool failing, sealed;
};

static const char *const verdicts[] = {
    [MARKER_UNKNOWN] = "unknown", [MARKER_GOOD] = "good",         [MARKER_EMPTY] = "empty",
    [MARKER_OLDER] = "older",     [MARKER_REFUSALS] = "refusals", [MARKER_FOREIGN] = "foreign",
};

const char *marker_verdict_name(enum marker_verdict verdict)
{
    return verdicts[verdict];
}

const char *marker_install(const struct marker *m)
{
    return m->install;
}

bool marker_sealed(const struct marker *m)
{
    return m->sealed;
}

/* -------------------------------------------------------------------- the files */

static int read_marker(struct marker *m, struct error *err)
{
    char bytes[FILE_BYTES + 1], *end;
    int fd = open(m->path, O_RDONLY | O_CLOEXEC);
    ssize_t n;

    if (fd < 0 && errno == ENOENT)
        return 0;
    n = fd >= 0 ? read(fd, bytes, FILE_BYTES) : -1;
    if (n < 0)
        error_set(err, "%s: %s", m->path, language_errno(errno));
    if (fd >= 0)
        close(fd);
    if (n < 0)
        return -1;
    bytes[n] = '\0';
    if (n == FILE_BYTES && strspn(bytes, "0123456789abcdef") == INSTALL_DIGITS &&
        bytes[INSTALL_DIGITS] == ' ' && bytes[FILE_BYTES - 1] == '\n') {
        m->tick = strtoll(bytes + INSTALL_DIGITS + 1, &end, 10);
        if (end == bytes + FILE_BYTES - 1 && m->tick >= 0) {
            memcpy(m->install, bytes, INSTALL_DIGITS);
            return 0;
        }
    }
    return error_set(err,
                     "%s: damaged: whether Redis is what it was cannot be told (when you know that "
                     "it is, remove this file)",
                     m->path);
}

/* Over the old bytes, so that a full disk does not matter and no moment is without it. */
static void write_marker(struct marker *m)
{
    char bytes[FILE_BYTES + 1];
    int fd = open(m->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    bool well;

    snprintf(bytes, sizeof bytes, "%s %020lld\n", m->install, (long long)m->tick);
    well = fd >= 0 && pwrite(fd, bytes, FILE_BYTES, 0) == FILE_BYTES;
    if (!well && !m->failing)
        log_error("marker.unwritable path=%s reason=%s", log_quote(m->path),
                  log_quote(strerror(errno)));
    m->failing = !well;
    if (fd >= 0)
        close(fd);
}

static bool known(const struct marker *m, const char *name)
{
    for (size_t i = 0; i < m->name_count; i++)
        if (strcmp(m->names[i], name) == 0)
            return true;
    return false;
}

static bool learn(struct marker *m, const char *name)
{
    if (name[0] == '\0' || known(m, name) || m->name_count == NAMES_MOST)
        return false;
    m->names = xreallocarray(m->names, m->name_count + 1, sizeof *m->names);
    m->names[m->name_count++] = xstrdup(name);
    return true;
}

static void read_names(struct marker *m)
{
    FILE *file = fopen(m->names_path, "re");
    char line[NAME_MOST + 2];

    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        learn(m, line);
    }
    if (file != NULL)
        fclose(file);
}

void marker_know(struct marker *m, const char *daemon)
{
    int fd;

    if (strlen(daemon) > NAME_MOST || !learn(m, daemon))
        return;
    fd = open(m->names_path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || dprintf(fd, "%s\n", daemon) < 0)
        log_error("marker.unwritable path=%s reason=%s", log_quote(m->names_path),
                  log_quote(strerror(errno)));
    if (fd >= 0)
        close(fd);
}

const char *marker_daemon(const struct marker *m, size_t i)
{
    return i < m->name_count ? m->names[i] : NULL;
}

struct marker *marker_open(const char *state_dir, struct error *err)
{
    struct marker *m = xcalloc(1, sizeof *m);

    m->path = xasprintf("%s/marker", state_dir);
    m->names_path = xasprintf("%s/daemons", state_dir);
    if (read_marker(m, err) != 0) {
        marker_close(m);
        return NULL;
    }
    read_names(m);
    return m;
}

void marker_close(struct marker *m)
{
    if (m == NULL)
        return;
    for (size_t i = 0; i < m->name_count; i++)
        free(m->names[i]);
    free(m->names);
    free(m->path);
    free(m->names_path);
    free(m);
}

/* -------------------------------------------------------------------- the question */

void marker_command(const struct marker *m, enum marker_op op, struct command *c)
{
    static const char *const ops[] = {"look", "beat", "doubt", "seal", "unsealed", "trust"};
    unsigned char random[INSTALL_DIGITS / 2];
    char fresh[INSTALL_DIGITS + 1];

    randombytes_buf(random, sizeof random);
    sodium_bin2hex(fresh, sizeof fresh, random, sizeof random);
    command_script(c, SCRIPT_MARKER, 1);
    command_add_string(c, KEY_MARKER);
    command_add_string(c, ops[op]);
    command_add_string(c, m->install);
    command_add_int(c, m->tick);
    command_add_string(c, fresh);
    command_add_int(c, clock_wall_ms());
}

enum marker_verdict marker_answer(struct marker *m, enum marker_op op, const redisReply *reply)
{
    const redisReply *word = db_at(reply, 0), *install = db_at(reply, 1);
    const redisReply *sealed = db_at(reply, 3);
    int64_t tick = db_int(db_at(reply, 2), 0);
    enum marker_verdict verdict = MARKER_UNKNOWN;

    for (size_t i = 0; word != NULL && word->str != NULL && i < sizeof verdicts / sizeof *verdicts;
         i++)
        if (strcmp(word->str, verdicts[i]) == 0)
            verdict = (enum marker_verdict)i;
    m->sealed = sealed != NULL && sealed->len > 0;
    if (verdict != MARKER_GOOD || op == MARKER_LOOK || install == NULL ||
        install->len != INSTALL_DIGITS)
        return verdict;
    memcpy(m->install, install->str, INSTALL_DIGITS);
    if (tick > m->tick) /* two questions may be under way */
        m->tick = tick;
    write_marker(m);
    return verdict;
}

void marker_adopt(struct marker *m)
{
    m->install[0] = '\0';
    m->tick = 0;
}
