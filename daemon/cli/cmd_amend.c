/*
 * outreach amend - another text, time or place for a campaign that is queued
 *
 * The file is the campaign as it is to be; its id says which one stands. Its list is not read:
 * who is in it stays. What will change is shown first, with how many people were told before and
 * will be sent a correction.
 */
#include "amending.h"
#include "campaign.h"
#include "cli.h"
#include "reading.h"
#include "subcommands.h"
#include "tree.h"

#include <string.h>

static const struct option_row amend_options[] = {
    {"yes", 'y', OPTION_FLAG, OPTION_AT(struct amending_options, yes), NULL,
     .help = N_("do not ask; needed where nobody can be asked")},
    {"wait", 'w', OPTION_DURATION, OPTION_AT(struct amending_options, wait_ms), "SECONDS",
     .initial = 3000, .help = N_("how long to wait for a daemon to take it (3)")},
    {0},
};

static int amend(struct cli *cli, const void *arg, char **operands, int count)
{
    struct buf json = BUF_INIT(COMMAND_MAX_BYTES / 2);
    struct campaign *c = NULL;
    struct tree *body = NULL;
    struct error err;
    int rc = cli_settings(cli);

    (void)count;
    if (rc != 0)
        return rc;
    if (reading_there(operands[0], &err) != 0)
        return cli_error(cli, EX_NOINPUT, &err);
    c = reading_bare(cli, operands[0], &err);
    if (c != NULL) {
        campaign_write_json(c, &json);
        body = tree_parse_json(json.data, json.length, operands[0], &err);
    }
    if (body == NULL || (!c->cancelled && reading_speaks(cli, c, &err) != 0))
        rc = cli_error(cli, EX_DATAERR, &err);
    else
        rc = cli_connect(cli);
    if (rc == 0)
        rc = amending_run(cli, c->id, body, arg);
    tree_free(body);
    campaign_free(c);
    buf_free(&json);
    return rc;
}

const struct subcommand cmd_amend = {
    .name = "amend",
    .operands = "CAMPAIGN.conf",
    .summary = N_("change the texts, times or place of a campaign that is queued"),
    .more =
        N_("The file is the campaign as it is to be; its list is not looked at. Texts hold for\n"
           "what is not sent yet; reminders that have not begun get their new times. Where start,\n"
           "end, venue or address change, who was told before is sent texts.moved, in which\n"
           "{{was.date}}, {{was.time}} and {{was.venue}} say what she was told; with\n"
           "event.cancelled = true texts.cancelled, and the rest is not sent. What will change is\n"
           "shown first, and whether a second person will have to approve it."),
    .least = 1,
    .most = 1,
    .options = amend_options,
    .options_bytes = sizeof(struct amending_options),
    .run = amend,
};
