/*
 * outreach check - what would be sent, before anything is
 */
#include "approval.h"
#include "asking.h"
#include "clock.h"
#include "cli.h"
#include "hints.h"
#include "mistakes.h"
#include "reading.h"
#include "second_person.h"
#include "subcommands.h"

#include <stdint.h>

#define REMARKS 20

struct check_options {
    bool all;
};

static const struct option_row check_options[] = {
    {"all", 'a', OPTION_FLAG, OPTION_AT(struct check_options, all), NULL,
     .help = N_("every row with something to say, not only the first 20")},
    {0},
};

static int report(const struct cli *cli, const struct reading *r, double cost)
{
    int64_t now = clock_wall_ms();
    bool over = reading_is_over(r->campaign, now);
    struct buf out = BUF_INIT(64u << 20);

    if (cli->json) {
        json_t *value = reading_json(r, now);

        json_object_set_new(value, "approval", second_person_json(cli, r, cost));
        json_object_set_new(value, "hints", hints_json(cli, r));
        json_object_set_new(value, "ok", json_boolean(preview_too_long(r->preview) == 0 && !over));
        cli_json(value);
    } else {
        reading_write(r, now, &out);
        second_person_write(cli, r, cost, &out);
        hints_write(cli, r, &out);
        cli_print(&out);
    }
    buf_free(&out);
    if (preview_too_long(r->preview) == 0 && !over)
        return 0;
    if (over && !cli->json)
        cli_fail(cli, EX_DATAERR, T("every reminder is over or missed: nothing would be sent"));
    else if (!cli->json)
        cli_fail(
            cli, EX_DATAERR,
            T("for %lu recipients a text has more than max_segments = %d segments: shorten it"),
            preview_too_long(r->preview), r->campaign->max_segments);
    return EX_DATAERR;
}

/* Where the cost decides about an approval, it is reckoned as `queue` will. 0, or an exit code. */
static int read_list(struct reading *r, double *cost, struct error *err)
{
    struct asking *asking = NULL;
    int rc = 0;

    if (approval_minds_cost(r->campaign, &r->cli->settings->defaults)) {
        asking = asking_create(r->cli, r->campaign, clock_wall_ms(), err);
        if (asking == NULL)
            return EX_CONFIG;
        asking->everybody = true;
        r->row = asking_row;
        r->arg = asking;
    }
    if (reading_audience(r, err) != 0)
        rc = reading_fault(r);
    else if (asking != NULL && asking_end(asking, err) != 0)
        rc = EX_UNAVAILABLE;
    if (asking != NULL && rc == 0)
        *cost = asking_sums(asking).cost;
    asking_free(asking);
    return rc;
}

static int check(struct cli *cli, const void *arg, char **operands, int count)
{
    const struct check_options *options = arg;
    struct reading r = {0};
    double cost = 0;
    struct error err;
    int rc = cli_settings(cli);

    (void)count;
    if (rc != 0)
        return rc;
    if (reading_there(operands[0], &err) != 0)
        return cli_error(cli, EX_NOINPUT, &err);
    if (reading_open(&r, cli, operands[0], options->all ? SIZE_MAX : REMARKS, &err) != 0)
        rc = reading_fault(&r);
    if (rc != 0) {
        reading_close(&r);
        return mistakes_tell(cli, operands[0], rc, &err);
    }
    rc = read_list(&r, &cost, &err);
    rc = rc != 0 ? cli_error(cli, rc, &err) : report(cli, &r, cost);
    reading_close(&r);
    return rc;
}

const struct subcommand cmd_check = {
    .name = "check",
    .operands = "CAMPAIGN.conf",
    .summary = N_("what a campaign would send, before anything is sent"),
    .more = N_("Reads the campaign and its list, and shows when each reminder is due, which rows\n"
               "cannot be used and what to do about them, and what a phone will show. Nothing is\n"
               "sent or stored; no Redis is needed, but for people of the register. A mistake is\n"
               "told with file, line and field (exit code 65). Says whether a\n"
               "second person will have to approve it, and why, and what may be missing one day."),
    .least = 1,
    .most = 1,
    .options = check_options,
    .options_bytes = sizeof(struct check_options),
    .run = check,
};
