/*
 * outreach logs - the delivery log, filtered, followed
 */
#include "address.h"
#include "cli.h"
#include "code_words.h"
#include "field.h"
#include "gateway_orders.h"
#include "log_entry.h"
#include "mem.h"
#include "picture.h"
#include "prose.h"
#include "subcommands.h"
#include "tail.h"
#include "zone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FOLLOW_MS 200
#define MOST_NOTICES 1024

struct logs_options {
    bool follow, as_is;
    const char *campaign, *reminder, *event, *gateway, *number;
    int64_t n, count;
};

static const struct option_row logs_options[] = {
    {"follow", 'f', OPTION_FLAG, OPTION_AT(struct logs_options, follow), NULL,
     .help = N_("go on with what comes, across rotation")},
    {"count", 'n', OPTION_NUMBER, OPTION_AT(struct logs_options, count), "COUNT", .initial = 50,
     .word = "all", .help = N_("how many of the last lines (50), or all")},
    {"campaign", 0, OPTION_STRING, OPTION_AT(struct logs_options, campaign), "ID",
     .help = N_("of this campaign")},
    {"reminder", 'r', OPTION_STRING, OPTION_AT(struct logs_options, reminder), "NAME",
     .help = N_("of this reminder")},
    {"event", 'e', OPTION_STRING, OPTION_AT(struct logs_options, event), "STATE",
     .help = N_("accepted, delivered, failed, retry, ...")},
    {"gateway", 'g', OPTION_STRING, OPTION_AT(struct logs_options, gateway), "NAME",
     .help = N_("through this gateway")},
    {"number", 0, OPTION_STRING, OPTION_AT(struct logs_options, number), "NUMBER",
     .help = N_("to this telephone number")},
    {"as-is", 0, OPTION_FLAG, OPTION_AT(struct logs_options, as_is), NULL,
     .help = N_("the NUMBER is an address of another kind")},
    {"notice", 0, OPTION_NUMBER, OPTION_AT(struct logs_options, n), "N", .initial = -1,
     .help = N_("of the recipient of this number in the audience")},
    {0},
};

struct reading_log {
    struct cli *cli;
    struct log_filter filter;
    struct log_style style;
    struct buf out;
    struct log_notice notices[MOST_NOTICES]; /* of the number that is asked for */
    unsigned long shown;
};

static void learn(struct reading_log *r, const char *line, size_t n)
{
    struct log_notice notice;

    if (r->filter.hash == NULL || r->filter.notice_count == MOST_NOTICES ||
        !log_entry_notice(line, n, r->filter.hash, &notice))
        return;
    for (size_t i = 0; i < r->filter.notice_count; i++)
        if (memcmp(&r->notices[i], &notice, sizeof notice) == 0)
            return;
    r->notices[r->filter.notice_count++] = notice;
}

static bool wants(void *arg, const char *line, size_t n)
{
    struct reading_log *r = arg;

    learn(r, line, n);
    return log_filter_wants(&r->filter, line, n);
}

/* Lines of receipts tell no number, only whose notice they are of; the lines of
 * intents tell both. So the log is read through for these before. */
static void learn_from(struct reading_log *r, const char *path)
{
    struct tail *t = tail_open(path, false, NULL);
    const char *line;
    size_t n;

    while (t != NULL && tail_next(t, &line, &n) == 1)
        learn(r, line, n);
    tail_close(t);
}

static void learn_notices(struct reading_log *r)
{
    char *rotated = xasprintf("%s.1", r->cli->settings->log.delivery);

    learn_from(r, rotated);
    learn_from(r, r->cli->settings->log.delivery);
    free(rotated);
}

/* Prints what there is now. -1 when nobody reads any more. */
static int print_lines(struct reading_log *r, struct tail *t)
{
    const char *line;
    size_t n;

    while (cli_interrupted() == 0 && tail_next(t, &line, &n) == 1) {
        if (!wants(r, line, n))
            continue;
        r->shown++;
        if (r->cli->json) {
            buf_put(&r->out, line, n);
            buf_putc(&r->out, '\n');
        } else {
            log_entry_write(line, n, &r->style, &r->out);
        }
        if (r->out.length > 65536 && cli_print(&r->out) != 0)
            return -1;
    }
    return cli_print(&r->out);
}

/* The last `count` may begin in the file that was rotated last. */
static int print_rotated(struct reading_log *r, size_t count)
{
    char *path = xasprintf("%s.1", r->cli->settings->log.delivery);
    struct tail *t = tail_open(path, false, NULL);
    int rc = 0;

    free(path);
    if (t == NULL)
        return 0;
    if (count == 0 || tail_back(t, count, wants, r) > 0)
        rc = print_lines(r, t);
    tail_close(t);
    return rc;
}

static int read_log(struct reading_log *r, const struct logs_options *options)
{
    size_t count = (size_t)options->count, found = 0;
    struct error err;
    struct tail *t = tail_open(r->cli->settings->log.delivery, options->follow, &err);
    int rc = 0;

    if (t == NULL)
        return cli_error(r->cli, EX_NOINPUT, &err);
    if (count > 0)
        found = tail_back(t, count, wants, r);
    if (count == 0 || found < count)
        rc = print_rotated(r, count == 0 ? 0 : count - found);
    if (rc == 0)
        rc = print_lines(r, t);
    while (rc == 0 && options->follow && cli_interrupted() == 0) {
        cli_sleep(r->cli, FOLLOW_MS);
        rc = print_lines(r, t);
    }
    tail_close(t);
    return rc == 0 ? cli_interrupted() : 0; /* a reader that left is no failure */
}

/* The number that is asked for, as the log knows it. hash lives as long as r. */
static int look_for_number(struct reading_log *r, const struct logs_options *options,
                           char hash[ADDRESS_HASH_BYTES])
{
    char address[ADDRESS_BYTES];
    struct error err;

    if (address_read(r->cli, options->number, options->as_is, address, &err) != 0)
        return cli_error(r->cli, EX_DATAERR, &err);
    if (address_hash(r->cli, address, hash) != 0)
        return cli_fail(r->cli, EX_NOINPUT,
                        T("%s/log.key cannot be read: without it no number is found in the log"),
                        r->cli->settings->state_dir);
    r->filter.hash = hash;
    r->filter.notices = r->notices;
    learn_notices(r);
    return 0;
}

static const char *next_event(const void *arg, size_t i)
{
    (void)arg;
    return log_event(i);
}

/* An event by its name, or by the word that people see. */
static const char *find_event(const char *asked)
{
    for (size_t i = 0; log_event(i) != NULL; i++)
        if (strcmp(log_event(i), asked) == 0 || strcmp(words_state(log_event(i)), asked) == 0)
            return log_event(i);
    return NULL;
}

/* EX_USAGE with all events there are. */
static int no_event(const struct cli *cli, const char *event)
{
    struct buf all = BUF_INIT(4096);
    const char *nearest = field_nearest(event, next_event, NULL);
    int rc;

    for (size_t i = 0; log_event(i) != NULL; i++)
        buf_printf(&all, "%s%s", i > 0 ? T(", ") : "", words_state(log_event(i)));
    if (nearest != NULL)
        rc = cli_fail(cli, EX_USAGE, T("there is no event %s (did you mean %s?)"), event, nearest);
    else
        rc = cli_fail(cli, EX_USAGE, T("there is no event %s: there are %s"), event,
                      buf_string(&all));
    buf_free(&all);
    return rc;
}

/* The log has no such line: is there such a campaign, such a gateway? */
static int nothing(struct cli *cli, const struct logs_options *options)
{
    struct error err;
    struct picture *p = NULL;
    int rc = 0;

    if (options->gateway != NULL && gateway_configured(cli, options->gateway) == NULL)
        return gateway_unknown(cli, options->gateway);
    if (options->campaign != NULL && (rc = cli_connect(cli)) == 0 &&
        (p = picture_read(cli, options->campaign, &err)) == NULL)
        rc = picture_fail(cli, options->campaign, &err);
    picture_free(p);
    if (rc == 0 && !cli->json)
        prose_tell("%s", T("outreach: the log has no such line; what was rotated away twice is "
                           "not looked through\n"));
    return rc;
}

static int logs(struct cli *cli, const void *arg, char **operands, int count)
{
    struct logs_options named = *(const struct logs_options *)arg;
    const struct logs_options *options = &named;
    struct reading_log *r;
    char hash[ADDRESS_HASH_BYTES];
    const char *event = options->event != NULL ? find_event(options->event) : NULL;
    int rc = cli_settings(cli);

    if (count > 0)
        named.campaign = operands[0];
    if (options->event != NULL && event == NULL)
        return no_event(cli, options->event);
    if (rc != 0)
        return rc;
    r = xcalloc(1, sizeof *r);
    r->cli = cli;
    r->out = BUF_INIT(4u << 20);
    r->filter = (struct log_filter){.campaign = options->campaign,
                                    .reminder = words_reminder_name(options->reminder),
                                    .event = event,
                                    .gateway = options->gateway,
                                    .n = options->n};
    r->style.zone = zone_find(cli->settings->defaults.timezone, NULL);
    r->style.colours = cli->colours;
    r->style.codes = code_words_create(cli->settings);
    if (options->number != NULL)
        rc = look_for_number(r, options, hash);
    if (rc == 0) {
        cli_catch_signals();
        rc = read_log(r, options);
        if (rc == 0 && r->shown == 0 && !options->follow)
            rc = nothing(cli, options);
    }
    code_words_free(r->style.codes);
    buf_free(&r->out);
    free(r);
    return rc;
}

const struct subcommand cmd_logs = {
    .name = "logs",
    .operands = "[ID]",
    .summary = N_("the delivery log: a line for every event of a notice"),
    .more =
        N_("Shows the last lines, from the current log file and the one rotated last. Numbers are\n"
           "masked. With --json the lines are shown as they stand in the file."),
    .most = 1,
    .options = logs_options,
    .options_bytes = sizeof(struct logs_options),
    .run = logs,
};
