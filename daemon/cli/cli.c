#include "cli.h"

#include "clock.h"
#include "field.h"
#include "log.h"
#include "mem.h"
#include "private_redis.h"
#include "prose.h"
#include "table.h"
#include "utf8.h"

#include <ctype.h>
#include <errno.h>
#include <event2/event.h>
#include <langinfo.h>
#include <locale.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define DEFAULT_CONFIG "/etc/outreach/outreachd.conf"
#define CONNECT_MS 5000
#define VERSION "0.1"

static const struct option_row shared_options[] = {
    {"config", 'c', OPTION_STRING, OPTION_AT(struct cli, config), "FILE",
     .help = N_("the configuration; default $OUTREACH_CONFIG, then "
                "/etc/outreach/outreachd.conf")},
    {"by", 0, OPTION_STRING, OPTION_AT(struct cli, by), "NAME",
     .help = N_("who asks, as it is recorded: no proof of who it is; default the login name")},
    {"json", 0, OPTION_FLAG, OPTION_AT(struct cli, json), NULL,
     .help = N_("answer in JSON, for programs")},
    {"help", 'h', OPTION_FLAG, OPTION_AT(struct cli, help), NULL, .help = N_("show this")},
    {0},
};

const struct option_row *cli_options(void)
{
    return shared_options;
}

/* Before the command only. */
static const struct option_row leading_options[] = {
    {"version", 'V', OPTION_FLAG, OPTION_AT(struct cli, version), NULL,
     .help = N_("show the version")},
    {0},
};

/* ------------------------------------------------------------------- telling */
int cli_error(const struct cli *cli, int code, const struct error *err)
{
    fflush(stdout);
    if (cli->json)
        cli_json(json_pack("{s:o,s:i}", "error", json_text(err->text), "exit", code));
    prose_tell("outreach: %s\n", err->text);
    return code;
}

int cli_fail(const struct cli *cli, int code, const char *format, ...)
{
    struct error err;
    va_list ap;

    va_start(ap, format);
    vsnprintf(err.text, sizeof err.text, format, ap);
    va_end(ap);
    return cli_error(cli, code, &err);
}

json_t *json_text(const char *s)
{
    json_t *value = json_string(s);
    struct buf quoted = BUF_INIT(1u << 20);

    if (value != NULL)
        return value;
    buf_put_json(&quoted, s, strlen(s)); /* mends what is no UTF-8 */
    value = json_loadb(quoted.data, quoted.length, JSON_DECODE_ANY, NULL);
    buf_free(&quoted);
    return value != NULL ? value : json_null();
}

void cli_json(json_t *value)
{
    /* 15 digits: 3 * 0.05 is 0.15 for a person. */
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));

    if (text != NULL)
        puts(text);
    free(text);
    json_decref(value);
}

int cli_print(struct buf *b)
{
    if (b->length > 0)
        fwrite(b->data, 1, b->length, stdout);
    buf_clear(b);
    return fflush(stdout) != 0 || ferror(stdout) ? -1 : 0;
}

bool cli_confirm(const struct cli *cli, const char *question)
{
    char answer[32];

    if (!cli->terminal || !isatty(STDIN_FILENO))
        return false;
    prose_tell("%s [y/N] ", question);
    if (fgets(answer, sizeof answer, stdin) == NULL)
        return false;
    return answer[0] == 'y' || answer[0] == 'Y' || strncmp(answer, "是", 3) == 0;
}

/* ------------------------------------------------------------------- signals */
static volatile sig_atomic_t caught;

static void on_signal(int signal)
{
    caught = signal;
}

void cli_catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal}; /* no SA_RESTART: sleeps end */

    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

int cli_interrupted(void)
{
    return caught != 0 ? 128 + caught : 0;
}

static void on_sleep(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    event_base_loopbreak(arg);
}

void cli_sleep(struct cli *cli, int64_t ms)
{
    int64_t until = clock_mono_ms() + ms, left;

    /* Short turns, since a signal between two of them would not end a long one. */
    while (cli_interrupted() == 0 && (left = until - clock_mono_ms()) > 0) {
        int64_t turn = left < 100 ? left : 100;
        struct timeval tv = {0, turn * 1000};

        if (cli->base == NULL) {
            usleep((useconds_t)turn * 1000);
            continue;
        }
        event_base_once(cli->base, -1, EV_TIMEOUT, on_sleep, cli->base, &tv);
        event_base_dispatch(cli->base);
    }
}

/* --------------------------------------------------------------- connections */
int cli_settings(struct cli *cli)
{
    struct error err;

    if (cli->settings != NULL)
        return 0;
    if (cli->config != NULL && access(cli->config, R_OK) != 0)
        return cli_fail(cli, EX_CONFIG,
                        T("the configuration %s: %s (-c FILE, or $OUTREACH_CONFIG)"), cli->config,
                        language_errno(errno));
    cli->settings = settings_read(cli->config, &err);
    return cli->settings != NULL ? 0 : cli_error(cli, EX_CONFIG, &err);
}

static int connect_to(struct cli *cli, const char *url, struct error *err)
{
    struct db_options options = db_options_of(cli->settings);

    options.url = url;
    cli->base = event_base_new();
    cli->db = db_open(cli->base, &options, err);
    return cli->db == NULL ? -1 : db_connect(cli->db, CONNECT_MS, err);
}

int cli_try_connect(struct cli *cli, struct error *err)
{
    const struct settings *s = cli->settings;
    struct error why;
    char *url;
    int rc;

    if (cli->db != NULL && !db_well(cli->db)) { /* it was tried before */
        error_set(err, T("Redis does not answer"));
        return EX_UNAVAILABLE;
    }
    if (cli->db != NULL)
        return 0;
    if (cli->config == NULL) { /* else it would be an empty Redis of its own that is asked */
        error_set(err,
                  T("no configuration: name it with -c FILE or in $OUTREACH_CONFIG; there is "
                    "no %s"),
                  DEFAULT_CONFIG);
        return EX_CONFIG;
    }
    if (s->redis.url == NULL && s->redis.sentinels == NULL && s->redis.cluster == NULL) {
        cli->redis = private_redis_start(s->state_dir, s->redis.appendfsync, err);
        if (cli->redis == NULL)
            return EX_UNAVAILABLE;
        url = xasprintf("unix:%s", private_redis_socket(cli->redis));
    } else {
        url = s->redis.url != NULL ? xstrdup(s->redis.url) : NULL;
    }
    rc = connect_to(cli, url, &why) != 0 ? EX_UNAVAILABLE : 0;
    if (rc != 0)
        error_set(err, T("%s (at %s)"), why.text,
                  url != NULL                  ? url
                  : s->redis.sentinels != NULL ? "redis.sentinels"
                                               : "redis.cluster");
    free(url);
    return rc;
}

int cli_connect(struct cli *cli)
{
    int rc = cli_settings(cli);
    struct error err;

    if (rc != 0)
        return rc;
    rc = cli_try_connect(cli, &err);
    return rc != 0 ? cli_error(cli, rc, &err) : 0;
}

static void clean_up(struct cli *cli)
{
    db_close(cli->db);
    if (cli->base != NULL)
        event_base_free(cli->base);
    private_redis_stop(cli->redis);
    settings_free(cli->settings);
}

/* --------------------------------------------------------------- the terminal */
static void look_at_terminal(struct cli *cli)
{
    const char *term = getenv("TERM"), *columns = getenv("COLUMNS");
    struct winsize size;

    setlocale(LC_CTYPE, "");
    /* A locale that is not installed (zh_CN.UTF-8 on a bare machine) leaves "C":
     * then what the environment asks for is the better witness. */
    cli->unicode = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    for (size_t i = 0; i < 3 && !cli->unicode; i++) {
        static const char *const variables[] = {"LC_ALL", "LC_CTYPE", "LANG"};
        const char *value = getenv(variables[i]);

        if (value == NULL || value[0] == '\0')
            continue;
        cli->unicode = strcasestr(value, "UTF-8") != NULL || strcasestr(value, "UTF8") != NULL;
        break;
    }
    cli->terminal = isatty(STDOUT_FILENO) && (term == NULL || strcmp(term, "dumb") != 0);
    if (!cli->terminal)
        return;
    cli->colours = getenv("NO_COLOR") == NULL;
    cli->width = 80;
    cli->height = 24;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0) {
        cli->width = size.ws_col;
        cli->height = size.ws_row;
    } else if (columns != NULL && atoi(columns) > 0) {
        cli->width = (unsigned)atoi(columns);
    }
}

static const char *login_name(void)
{
    static char name[65];
    const struct passwd *user;
    const char *login = getlogin();

    if (login == NULL && (user = getpwuid(geteuid())) != NULL)
        login = user->pw_name;
    snprintf(name, sizeof name, "%s", login != NULL ? login : "unknown");
    return name;
}

/* ---------------------------------------------------------------------- help */
static void write_overview(struct buf *out)
{
    static const struct table_column columns[] = {{"", TABLE_LEFT, false}, {"", TABLE_LEFT, false}};
    struct table *t = table_create(columns, 2);
    char words[WORDS_ARGUMENT_BYTES];

    buf_printf(out, T("usage: outreach [OPTION]... COMMAND [ARGUMENT]...\n\n"
                      "Queues campaigns of notices, and shows what became of every one.\n\n"
                      "Commands:\n"));
    for (size_t i = 0; subcommands[i] != NULL; i++) {
        table_printf(t, "%s%s%s", subcommands[i]->name, subcommands[i]->operands[0] ? " " : "",
                     words_argument(words, subcommands[i]->operands));
        table_cell(t, words_of(subcommands[i]->summary));
    }
    table_write_glossary(t, out);
    table_free(t);
    buf_puts(out, T("\nOptions of every command:\n"));
    options_write(shared_options, leading_options, out);
    buf_puts(out,
             T("\n`outreach COMMAND --help` tells more.\n"
               "Exit codes: 0 done, 64 usage, 65 wrong data, 66 no such file, 69 no Redis,\n"
               "70 numbers disagree, 71 out of memory, 73 cannot be made, 74 cannot be\n"
               "written, 75 try again, 77 not allowed, 78 wrong configuration, 128 + a signal.\n"));
}

static void write_command_help(const struct subcommand *s, struct buf *out)
{
    struct buf usage = BUF_INIT(4096);
    char words[WORDS_ARGUMENT_BYTES];

    buf_printf(&usage, T("usage: outreach %s%s%s%s\n"), s->name,
               s->options != NULL ? T(" [OPTION]...") : "", s->operands[0] ? " " : "",
               words_argument(words, s->operands));
    prose_put(out, buf_string(&usage), PROSE_COLUMNS, 4);
    buf_free(&usage);
    buf_printf(out, "\n%s\n", words_of(s->summary));
    if (words_of(s->more)[0] != '\0') {
        buf_putc(out, '\n');
        prose_put(out, words_of(s->more), PROSE_COLUMNS, 0);
    }
    if (s->options != NULL) {
        buf_puts(out, T("\nOptions:\n"));
        options_write(s->options, NULL, out);
    }
    buf_puts(out, T("\nOptions of every command:\n"));
    options_write(shared_options, NULL, out);
}

static int help(const struct subcommand *s)
{
    struct buf out = BUF_INIT(1u << 20);

    if (s != NULL)
        write_command_help(s, &out);
    else
        write_overview(&out);
    cli_print(&out);
    buf_free(&out);
    return 0;
}

/* ------------------------------------------------------------------- running */
static const struct subcommand *find_subcommand(const char *name)
{
    for (size_t i = 0; subcommands[i] != NULL; i++)
        if (strcmp(subcommands[i]->name, name) == 0)
            return subcommands[i];
    return NULL;
}

static const char *next_subcommand(const void *arg, size_t i)
{
    (void)arg;
    return subcommands[i] != NULL ? subcommands[i]->name : NULL;
}

static int unknown_subcommand(const struct cli *cli, const char *name)
{
    const char *nearest = field_nearest(name, next_subcommand, NULL);

    if (nearest != NULL)
        return cli_fail(cli, EX_USAGE, T("there is no command %s (did you mean %s?)"), name,
                        nearest);
    return cli_fail(cli, EX_USAGE, T("there is no command %s (outreach --help lists them)"), name);
}

int cli_usage(const struct cli *cli, const struct subcommand *s)
{
    char words[WORDS_ARGUMENT_BYTES];

    return cli_fail(cli, EX_USAGE, T("usage: outreach %s %s"), s->name,
                    words_argument(words, s->operands));
}

#define MOST_VERBS 16
#define VERB_BYTES 32

/* What is not in capitals in a command's operands is to be typed as it is: its verbs. */
static const char *next_verb(const void *operands, size_t i)
{
    static char verbs[MOST_VERBS][VERB_BYTES]; /* the nearest is kept while others are asked for */
    const char *p = operands;

    for (size_t k = 0; k <= i && k < MOST_VERBS; k++) {
        size_t n;

        while (*p != '\0' && !islower((unsigned char)*p))
            p++;
        n = strspn(p, "abcdefghijklmnopqrstuvwxyz");
        snprintf(verbs[k], VERB_BYTES, "%.*s", (int)n, p);
        p += n;
    }
    return i < MOST_VERBS && verbs[i][0] != '\0' ? verbs[i] : NULL;
}

bool cli_near_verb(const struct subcommand *s, const char *typed)
{
    return field_nearest(typed, next_verb, s->operands) != NULL;
}

int cli_no_verb(const struct cli *cli, const struct subcommand *s, const char *typed)
{
    const char *nearest = field_nearest(typed, next_verb, s->operands);

    if (nearest == NULL || strcmp(nearest, typed) == 0) /* what stands behind it is wrong */
        return cli_usage(cli, s);
    return cli_fail(cli, EX_USAGE, T("%s: there is no %s (did you mean %s?)"), s->name, typed,
                    nearest);
}

/* "show: expected ID", "list: takes no argument". */
static int wrong_operands(const struct cli *cli, const struct subcommand *s)
{
    char words[WORDS_ARGUMENT_BYTES];

    if (s->operands[0] == '\0')
        return cli_fail(cli, EX_USAGE, T("%s takes no argument (outreach %s --help)"), s->name,
                        s->name);
    return cli_fail(cli, EX_USAGE, T("%s: expected %s (outreach %s --help)"), s->name,
                    words_argument(words, s->operands), s->name);
}

static int run_subcommand(struct cli *cli, const struct subcommand *s, int argc, char **argv)
{
    void *options = xcalloc(1, s->options_bytes > 0 ? s->options_bytes : 1);
    struct error err;
    int first, count, rc;

    options_initial(s->options, options);
    first = options_read(shared_options, cli, s->options, options, false, argc, argv, &err);
    count = argc - first;
    prose_begin(cli->json ? 0 : cli->width);
    if (first < 0) {
        error_prefix(&err, "%s", s->name);
        rc = cli_error(cli, EX_USAGE, &err);
    } else if (cli->help) {
        rc = help(s);
    } else if (count < s->least || (s->most >= 0 && count > s->most)) {
        rc = wrong_operands(cli, s);
    } else {
        rc = s->run(cli, options, argv + first, count);
    }
    free(options);
    return rc;
}

static void find_config(struct cli *cli)
{
    const char *from_environment = getenv("OUTREACH_CONFIG");

    if (from_environment != NULL && from_environment[0] != '\0')
        cli->config = from_environment;
    else if (access(DEFAULT_CONFIG, F_OK) == 0)
        cli->config = DEFAULT_CONFIG;
}

static int parse_and_run(struct cli *cli, int argc, char **argv)
{
    const struct subcommand *s;
    struct error err;
    int first = options_read(shared_options, cli, leading_options, cli, true, argc, argv, &err);

    if (first < 0)
        return cli_error(cli, EX_USAGE, &err);
    if (cli->version) {
        puts("outreach " VERSION);
        return 0;
    }
    /* `outreach help queue` is what some will try. */
    if (first < argc && strcmp(argv[first], "help") == 0) {
        cli->help = true;
        first++;
    }
    if (first == argc) {
        if (cli->help)
            return help(NULL);
        return cli_fail(cli, EX_USAGE, T("no command (outreach --help lists them)"));
    }
    s = find_subcommand(argv[first]);
    if (s == NULL)
        return unknown_subcommand(cli, argv[first]);
    return run_subcommand(cli, s, argc - first, argv + first);
}

int cli_main(int argc, char **argv)
{
    struct cli cli = {.by = login_name()};
    int rc;

    mem_rule();
    language_init();
    look_at_terminal(&cli);
    signal(SIGPIPE, SIG_IGN); /* a Redis that goes away is an error, not our end */
    /* What the rooms below log is for a daemon's ops; a person gets the error. */
    log_set_level(LOG_LEVEL_SILENT);
    find_config(&cli);
    rc = parse_and_run(&cli, argc, argv);
    clean_up(&cli);
    if (rc == 0 && (fflush(stdout) != 0 || ferror(stdout)) && errno != EPIPE)
        rc = EX_IOERR;
    prose_end();
    return rc;
}
