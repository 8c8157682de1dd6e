#include "rehearsal.h"

#include "clock.h"
#include "gateway.h"
#include "keys.h"
#include "language.h"
#include "mem.h"
#include "private_redis.h"
#include "tree.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define READY_MS 60000
#define END_MS 30000
#define CLOCK_PAIRS 256
#define CONF_BYTES (4u << 20)

struct rehearsal {
    struct cli *cli;  /* who asked */
    struct cli inner; /* see rehearsal_cli() */
    char *dir, *conf, *log, *clock, *preload, *programs;
    pid_t pid; /* of the daemon; 0: none */
    int64_t added_ms;
    unsigned char pair;
};

/* -------------------------------------------------------------- the configuration */

static void put_string(struct buf *out, const char *s)
{
    buf_putc(out, '"');
    for (; *s != '\0'; s++) {
        if (*s == '"' || *s == '\\')
            buf_putc(out, '\\');
        if (*s == '\n')
            buf_puts(out, "\\n");
        else
            buf_putc(out, *s);
    }
    buf_putc(out, '"');
}

static void put_value(struct buf *out, const struct tree *t);

static void put_member(struct buf *out, const struct tree *t)
{
    buf_printf(out, "%s = ", t->name);
    put_value(out, t);
    buf_puts(out, ";\n");
}

static void put_value(struct buf *out, const struct tree *t)
{
    switch (t->kind) {
    case TREE_OBJECT:
        buf_puts(out, "{\n");
        for (const struct tree *one = t->first; one != NULL; one = one->next)
            put_member(out, one);
        buf_putc(out, '}');
        break;
    case TREE_LIST:
        buf_puts(out, "( ");
        for (const struct tree *one = t->first; one != NULL; one = one->next) {
            put_value(out, one);
            buf_puts(out, one->next != NULL ? ", " : " ");
        }
        buf_putc(out, ')');
        break;
    case TREE_STRING:
        put_string(out, t->string);
        break;
    case TREE_INT:
        buf_printf(out, "%" PRId64 "%s", t->integer,
                   t->integer > INT32_MAX || t->integer < INT32_MIN ? "L" : "");
        break;
    case TREE_FLOAT:
        buf_printf(out, "%.9f", t->number);
        break;
    default:
        buf_puts(out, t->kind == TREE_BOOL && t->truth ? "true" : "false");
    }
}

/* A member of the configuration as it is, if it is there, but for one of its own. */
static void put_section(struct buf *out, const struct tree *document, const char *name,
                        const char *without)
{
    const struct tree *t = document != NULL ? tree_member(document, name) : NULL;

    if (t == NULL)
        return;
    buf_printf(out, "%s = {\n", name);
    for (const struct tree *one = t->first; one != NULL; one = one->next)
        if (without == NULL || strcmp(one->name, without) != 0)
            put_member(out, one);
    buf_puts(out, "};\n");
}

/* What a sandbox takes over from the gateway that it stands for. */
static bool is_kept(const char *setting, bool faster)
{
    static const char *const kept[] = {"classes",    "burst",     "count", "sender_rate", "source",
                                       "per_number", "signature", "match", "priority",    "weight",
                                       "cost",       "closed",    "days",  "disabled"};

    if (strcmp(setting, "rate") == 0)
        return !faster;
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        if (strcmp(setting, kept[i]) == 0)
            return true;
    return false;
}

static void put_gateway(struct buf *out, const struct tree *group, const struct gateway_config *g,
                        const struct rehearsal_options *o)
{
    bool receipts = (g->capabilities & GATEWAY_SENDS_RECEIPTS) != 0, faster = o->faster > 1;

    buf_printf(out, "{ name = \"%s\"; plugin = \"sandbox\"; channel = \"%s\";\n", g->name,
               g->channel);
    for (const struct tree *one = group->first; one != NULL; one = one->next)
        if (is_kept(one->name, faster))
            put_member(out, one);
    if (faster && g->rate > 0)
        buf_printf(out, "rate = \"%" PRId64 "/s\";\n",
                   g->rate * o->faster * 1000 / g->rate_ms > 0
                       ? g->rate * o->faster * 1000 / g->rate_ms
                       : 1);
    buf_printf(out,
               "window = %" PRId64 "; group = %s; receipts = %s; latency = \"%" PRId64
               "ms\"; loss = %" PRId64 "; timeout = \"1s\"; reject = %" PRId64
               "; undelivered = %" PRId64
               "; receipt_delay = \"50ms\"; receipt_jitter = \"50ms\"; }",
               g->window, g->group ? "true" : "false", receipts ? "true" : "false", o->latency_ms,
               o->loss, o->reject, o->undelivered);
}

static int put_gateways(struct buf *out, const struct settings *s,
                        const struct rehearsal_options *o, struct error *err)
{
    struct gateway_set *set = gateway_set_plan(s->gateways, s->plugin_dir, err);
    size_t i = 0;

    if (set == NULL)
        return -1;
    buf_puts(out, "gateways = (\n");
    for (const struct tree *group = s->gateways != NULL ? s->gateways->first : NULL;
         group != NULL && i < gateway_set_count(set); group = group->next, i++) {
        put_gateway(out, group, gateway_config(gateway_set_at(set, i)), o);
        buf_puts(out, group->next != NULL ? ",\n" : "\n");
    }
    buf_puts(out, ");\n");
    gateway_set_close(set);
    return 0;
}

static int write_conf(struct rehearsal *r, const struct rehearsal_options *o, struct error *err)
{
    const struct settings *s = r->cli->settings;
    struct buf out = BUF_INIT(CONF_BYTES);
    FILE *f;
    int rc;

    buf_printf(&out, "name = \"rehearsal\";\nstate_dir = ");
    put_string(&out, r->dir);
    buf_puts(&out, ";\nplugin_dir = ");
    put_string(&out, s->plugin_dir);
    if (s->calendar_dir != NULL) {
        buf_puts(&out, ";\ncalendar_dir = ");
        put_string(&out, s->calendar_dir);
    }
    buf_puts(&out, ";\nweb = { listen = \"127.0.0.1:0\"; };\n");
    put_section(&out, s->document, "defaults", "approval");
    put_section(&out, s->document, "dispatch", NULL);
    rc = put_gateways(&out, s, o, err);
    if (rc == 0) {
        f = fopen(r->conf, "we");
        if (f == NULL || fwrite(buf_string(&out), 1, out.length, f) != out.length)
            rc = error_set(err, "%s: %s", r->conf, language_errno(errno));
        if (f != NULL && fclose(f) != 0 && rc == 0)
            rc = error_set(err, "%s: %s", r->conf, language_errno(errno));
    }
    buf_free(&out);
    return rc;
}

/* ------------------------------------------------------------------ its clocks */

static int write_clock(struct rehearsal *r, struct error *err)
{
    static const unsigned char zeros[16 + 16 * CLOCK_PAIRS];
    FILE *f = fopen(r->clock, "we");
    bool whole = f != NULL && fwrite(zeros, 1, sizeof zeros, f) == sizeof zeros;

    if (f != NULL)
        whole = fclose(f) == 0 && whole;
    return whole ? 0 : error_set(err, "%s: %s", r->clock, language_errno(errno));
}

int64_t rehearsal_now_ms(const struct rehearsal *r)
{
    return clock_wall_ms() + r->added_ms;
}

/* A pair that is not in force, and then its number: see driven_clock.c. */
void rehearsal_sleep(struct rehearsal *r, int64_t ms)
{
    int64_t pair[2];
    int fd = open(r->clock, O_WRONLY | O_CLOEXEC);

    if (ms <= 0 || fd < 0) {
        if (fd >= 0)
            close(fd);
        return;
    }
    pair[0] = pair[1] = r->added_ms + ms;
    r->pair++;
    if (pwrite(fd, pair, sizeof pair, 16 + 16 * (off_t)r->pair) == sizeof pair &&
        pwrite(fd, &r->pair, 1, 0) == 1)
        r->added_ms += ms;
    close(fd);
}

/* --------------------------------------------------------------- its processes */

static char *program(const struct rehearsal *r, const char *name)
{
    char *path = xasprintf("%s/%s", r->programs, name);

    if (access(path, X_OK) == 0)
        return path;
    free(path);
    path = xasprintf("%s/../sbin/%s", r->programs, name);
    if (access(path, X_OK) == 0)
        return path;
    free(path);
    return xstrdup(name); /* by $PATH */
}

static int find_programs(struct rehearsal *r, struct error *err)
{
    char path[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);

    path[n > 0 ? n : 0] = '\0';
    if (strrchr(path, '/') != NULL)
        *strrchr(path, '/') = '\0';
    r->programs = xstrdup(path);
    r->preload = xasprintf("%s/driven_clock.so", r->programs);
    if (access(r->preload, R_OK) == 0)
        return 0;
    free(r->preload);
    r->preload = xasprintf("%s/../driven_clock.so", r->cli->settings->plugin_dir);
    return access(r->preload, R_OK) == 0
               ? 0
               : error_set(err, T("%s is missing: a rehearsal cannot drive the clock"), r->preload);
}

/* out, errors: descriptors of the child's; the child is gone when we are. */
static pid_t spawn(const struct rehearsal *r, const char *const *words, int out, int errors)
{
    pid_t parent = getpid(), pid = fork();
    char *path;

    if (pid != 0)
        return pid;
    setenv("LD_PRELOAD", r->preload, 1);
    setenv("OUTREACH_CLOCK", r->clock, 1);
    setpgid(0, 0); /* Ctrl-C is for who rehearses: it ends all in its order */
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        _exit(127);
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    path = program(r, words[0]);
    if (dup2(out, STDOUT_FILENO) < 0 || dup2(errors, STDERR_FILENO) < 0)
        _exit(127);
    execvp(path, (char *const *)words);
    _exit(127);
}

static int open_log(const struct rehearsal *r)
{
    return open(r->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

int rehearsal_run(struct rehearsal *r, const char *const *words)
{
    const char *argv[24] = {"outreach", "-c", r->conf};
    int log = open_log(r), status = 0;
    size_t n = 3;
    pid_t pid;

    while (*words != NULL && n < 23)
        argv[n++] = *words++;
    pid = spawn(r, argv, log, STDERR_FILENO);
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (log >= 0)
        close(log);
    return pid > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : EX_OSERR;
}

bool rehearsal_lives(struct rehearsal *r)
{
    if (r->pid > 0 && waitpid(r->pid, NULL, WNOHANG) == r->pid)
        r->pid = 0;
    return r->pid > 0;
}

static int tell_end(const struct rehearsal *r, struct error *err)
{
    char last[400] = "", line[400];
    FILE *f = fopen(r->log, "re");

    while (f != NULL && fgets(line, sizeof line, f) != NULL)
        snprintf(last, sizeof last, "%.*s", (int)strcspn(line, "\n"), line);
    if (f != NULL)
        fclose(f);
    return error_set(err, T("outreachd did not start for the rehearsal: %s"), last);
}

/* It has joined: it has an epoch. */
static bool is_ready(struct rehearsal *r)
{
    struct command c = COMMAND_INIT;
    redisReply *reply;
    bool ready = false;

    command_start(&c, "HEXISTS");
    key_daemon(&c, "rehearsal");
    command_add_string(&c, "epoch");
    if (db_ask(r->inner.db, &c, &reply, NULL) == 0) {
        ready = db_int(reply, 0) != 0;
        freeReplyObject(reply);
    }
    command_free(&c);
    return ready;
}

int rehearsal_start(struct rehearsal *r, struct error *err)
{
    const char *const words[] = {"outreachd", "-c", r->conf, NULL};
    int64_t until = clock_mono_ms() + READY_MS;
    char *socket = xasprintf("%s/redis.sock", r->dir);
    int log = open_log(r);
    bool ready = false;

    if (log >= 0) {
        r->pid = spawn(r, words, log, log);
        close(log);
    }
    /* The server must be the daemon's, by its clock: not before there is one. */
    while (rehearsal_lives(r) && !ready && clock_mono_ms() < until && cli_interrupted() == 0) {
        struct timespec pause = {0, 20000000};

        if (r->inner.db == NULL && access(socket, F_OK) == 0 && cli_connect(&r->inner) != 0)
            break;
        if (r->inner.db != NULL && is_ready(r))
            ready = true;
        else
            nanosleep(&pause, NULL);
    }
    free(socket);
    return ready ? 0 : tell_end(r, err);
}

/* --------------------------------------------------------------- begin and end */

struct rehearsal *rehearsal_create(struct cli *cli, const struct rehearsal_options *options,
                                   struct error *err)
{
    const char *tmp = getenv("TMPDIR");
    struct rehearsal *r = xcalloc(1, sizeof *r);

    r->cli = cli;
    r->dir = xasprintf("%s/outreach-rehearsal-XXXXXX", tmp != NULL && *tmp != '\0' ? tmp : "/tmp");
    if (mkdtemp(r->dir) == NULL) {
        error_set(err, "%s: %s", r->dir, language_errno(errno));
        free(r->dir);
        r->dir = NULL;
        rehearsal_close(r);
        return NULL;
    }
    r->conf = xasprintf("%s/outreachd.conf", r->dir);
    r->log = xasprintf("%s/outreachd.log", r->dir);
    r->clock = xasprintf("%s/clock", r->dir);
    r->inner = *cli;
    r->inner.config = r->conf;
    r->inner.settings = NULL;
    r->inner.db = NULL;
    r->inner.base = NULL;
    r->inner.redis = NULL;
    if (find_programs(r, err) != 0 || write_clock(r, err) != 0 ||
        write_conf(r, options, err) != 0) {
        rehearsal_close(r);
        return NULL;
    }
    r->inner.settings = settings_read(r->conf, err);
    if (r->inner.settings == NULL) {
        rehearsal_close(r);
        return NULL;
    }
    return r;
}

struct cli *rehearsal_cli(struct rehearsal *r)
{
    return &r->inner;
}

static void end_daemon(struct rehearsal *r)
{
    int64_t until = clock_mono_ms() + END_MS;
    struct timespec pause = {0, 10000000};

    if (!rehearsal_lives(r))
        return;
    kill(r->pid, SIGTERM);
    while (rehearsal_lives(r) && clock_mono_ms() < until)
        nanosleep(&pause, NULL);
    if (rehearsal_lives(r)) {
        kill(r->pid, SIGKILL);
        waitpid(r->pid, NULL, 0);
    }
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st, (void)kind, (void)ftw;
    return remove(path) == 0 || errno == ENOENT ? 0 : -1;
}

void rehearsal_close(struct rehearsal *r)
{
    if (r == NULL)
        return;
    end_daemon(r);
    db_close(r->inner.db);
    if (r->inner.base != NULL)
        event_base_free(r->inner.base);
    private_redis_stop(r->inner.redis); /* the last to leave it: it ends */
    settings_free(r->inner.settings);
    if (r->dir != NULL)
        nftw(r->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(r->dir);
    free(r->conf);
    free(r->log);
    free(r->clock);
    free(r->preload);
    free(r->programs);
    free(r);
}
