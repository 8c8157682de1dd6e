/*
 * outreach pause, resume, cancel - flags that the intent to send reads
 */
#include "amending.h"
#include "campaigns.h"
#include "cli.h"
#include "mem.h"
#include "picture.h"
#include "subcommands.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct option_row cancel_options[] = {
    {"yes", 'y', OPTION_FLAG, OPTION_AT(struct amending_options, yes), NULL,
     .help = N_("do not ask; needed where nobody can be asked")},
    {"tell", 't', OPTION_FLAG, OPTION_AT(struct amending_options, tell), NULL,
     .help = N_("the event does not take place: send texts.cancelled to who was told of it")},
    {"wait", 'w', OPTION_DURATION, OPTION_AT(struct amending_options, wait_ms), "SECONDS",
     .initial = 3000, .help = N_("with --tell: how long to wait for a daemon to take it (3)")},
    {0},
};

static int set_flag(struct cli *cli, const char *id, const char *op, int64_t *sending)
{
    struct error err;
    int rc = cli_connect(cli);

    if (rc == 0 && campaign_flag(cli->db, id, op, cli->by, sending, &err) != 0)
        rc = picture_fail(cli, id, &err);
    return rc;
}

static int answer(const struct cli *cli, const char *id, const char *state, int64_t sending,
                  const char *sentence)
{
    if (cli->json) {
        cli_json(
            json_pack("{s:s,s:s,s:I}", "id", id, "state", state, "sending", (json_int_t)sending));
        return 0;
    }
    printf("%s %s\n", id, sentence);
    if (sending > 0)
        printf(T("%" PRId64 " had been handed to gateways before and may still arrive\n"), sending);
    return 0;
}

static int run_pause(struct cli *cli, const void *options, char **operands, int count)
{
    int64_t sending;
    int rc = set_flag(cli, operands[0], "pause", &sending);

    (void)options, (void)count;
    return rc ? rc
              : answer(cli, operands[0], "paused", sending,
                       T("is paused; nothing more is sent until `outreach resume`"));
}

static int run_resume(struct cli *cli, const void *options, char **operands, int count)
{
    int64_t sending;
    int rc = set_flag(cli, operands[0], "resume", &sending);

    (void)options, (void)count;
    return rc ? rc : answer(cli, operands[0], "active", 0, T("goes on where it stood"));
}

/* 0, or the exit code of one who did not say yes. */
static int ask_person(const struct cli *cli, const char *id)
{
    char *question;
    bool sure;

    if (!cli->terminal || !isatty(STDIN_FILENO) || cli->json)
        return cli_fail(cli, EX_USAGE,
                        T("%s: a cancel is final, and there is nobody to ask: say -y"), id);
    question = xasprintf(T("Cancel %s for good? What waits will not be sent."), id);
    sure = cli_confirm(cli, question);
    free(question);
    if (!sure)
        fputs(T("outreach: not cancelled\n"), stderr);
    return sure ? 0 : EX_TEMPFAIL;
}

/* A cancelled event of which people are still being told. */
static bool still_tells(const struct picture *p)
{
    const struct reminder_status *r = picture_reminder(p, BUILTIN_CORRECTIONS);

    return r != NULL && !r->cancelled && (!reminder_settled(r) || p->status->correcting != 0);
}

static int run_cancel(struct cli *cli, const void *arg, char **operands, int count)
{
    const struct amending_options *options = arg;
    int64_t sending = 0;
    struct picture *p;
    bool before;
    int rc = cli_connect(cli);

    (void)count;
    p = rc == 0 ? picture_ask(cli, operands[0], &rc) : NULL;
    if (rc != 0)
        return rc;
    before = strcmp(p->status->state, "cancelled") == 0 &&
             (options->tell || !still_tells(p)); /* else also that is to stop */
    picture_free(p);
    if (before)
        return answer(cli, operands[0], "cancelled", 0,
                      T("was cancelled before; nothing was changed"));
    if (options->tell)
        return amending_cancel(cli, operands[0], options);
    rc = options->yes ? 0 : ask_person(cli, operands[0]);
    if (rc == 0)
        rc = set_flag(cli, operands[0], "cancel", &sending);
    return rc ? rc
              : answer(cli, operands[0], "cancelled", sending,
                       T("is cancelled; what waited is not sent"));
}

const struct subcommand cmd_pause = {
    .name = "pause",
    .operands = "ID",
    .summary = N_("send nothing more of a campaign for now"),
    .least = 1,
    .most = 1,
    .run = run_pause,
};

const struct subcommand cmd_resume = {
    .name = "resume",
    .operands = "ID",
    .summary = N_("go on with a paused campaign"),
    .least = 1,
    .most = 1,
    .run = run_resume,
};

const struct subcommand cmd_cancel = {
    .name = "cancel",
    .operands = "ID",
    .summary = N_("send nothing more of a campaign, for good"),
    .more =
        N_("Holds from the moment it returns, whether a daemon runs or not: what had been handed\n"
           "to gateways by then is counted and may still arrive. Nobody is told; with --tell a\n"
           "daemon takes it, and who was told of the event is sent texts.cancelled: at once, for\n"
           "what stops a campaign waits for nobody's approval."),
    .least = 1,
    .most = 1,
    .options = cancel_options,
    .options_bytes = sizeof(struct amending_options),
    .run = run_cancel,
};
