#include "roll.h"

#include "builtin.h"
#include "campaign.h"
#include "codes_seen.h"
#include "discreet.h"
#include "human.h"
#include "keys.h"
#include "log.h"
#include "table.h"
#include "template.h"
#include "walk.h"

#include <inttypes.h>
#include <string.h>

#define PRINT_BYTES 65536
#define INDENT "            "
#define NO_WIDTH 1000000 /* not for a terminal */

struct roll {
    struct cli *cli;
    const struct picture *picture;
    const struct reminder_status *reminder;
    struct codes_seen *codes;
    struct campaign *campaign; /* NULL: its document cannot be read, and rows not be split */
    enum notice_state wanted;
    json_t *json;
    bool headed;
    struct buf out;
};

/* The first address that the row has, masked; "" where there is no such row. */
static const char *address_of(const struct roll *roll, const redisReply *rows)
{
    struct template_value values[CAMPAIGN_MAX_COLUMNS];
    const redisReply *row = db_field(db_at(db_at(rows, 0), 1), "r");

    if (row == NULL || roll->campaign == NULL ||
        builtin_split(roll->campaign, roll->reminder->name, row->str, row->len, values) != 0)
        return "";
    for (size_t k = 0; k < roll->campaign->channel_count; k++)
        if (values[k].length > 0)
            return log_mask(values[k].text, values[k].length);
    return "";
}

/* Whoever made the list thinks in the rows of her file, which Redis does not know: only what was
 * taken of them has a number. */
static void put_heading(struct roll *roll)
{
    if (!roll->headed && !builtin_is(roll->reminder->name))
        buf_puts(&roll->out,
                 T("    number: the place in the list as it was queued, no row of a file (rows "
                   "not\n    taken, merged or empty have none)\n"));
    roll->headed = true;
}

static int tell_one(struct roll *roll, const struct walk_notice *w, struct error *err)
{
    const struct record *record = &w->record;
    struct command c = COMMAND_INIT;
    char when[HUMAN_BYTES];
    redisReply *rows;
    int rc;

    command_start(&c, "XRANGE");
    key_rows(&c, roll->picture->status->id, roll->reminder->name);
    command_add_format(&c, "%" PRId64 "-0", w->n);
    command_add_format(&c, "%" PRId64 "-0", w->n);
    rc = db_ask(roll->cli->db, &c, &rows, err);
    command_free(&c);
    if (rc != 0)
        return -1;
    if (roll->json != NULL) {
        json_array_append_new(roll->json, json_pack("{s:I,s:o,s:i,s:I,s:s}", "n", (json_int_t)w->n,
                                                    "to", json_text(address_of(roll, rows)),
                                                    "attempts", (int)record->attempts,
                                                    "submitted_ms", (json_int_t)w->submitted_ms,
                                                    "reason", notice_reason_name(record->reason)));
    } else {
        put_heading(roll);
        buf_printf(&roll->out, "  %8" PRId64 "  %s", w->n, address_of(roll, rows));
        if (w->submitted_ms != 0)
            buf_printf(&roll->out, T("  attempt %u, %s"), record->attempts,
                       human_time(when, roll->picture->zone, w->submitted_ms, true));
        buf_putc(&roll->out, '\n');
        table_wrap(&roll->out,
                   codes_seen_reason(roll->codes, roll->picture->status->id, roll->reminder->name,
                                     w->n, record->reason),
                   (roll->cli->width > 0 ? roll->cli->width : NO_WIDTH) - (sizeof INDENT - 1),
                   INDENT);
    }
    freeReplyObject(rows);
    return 0;
}

static int on_notice(void *arg, const struct walk_notice *w, struct error *err)
{
    struct roll *roll = arg;
    enum notice_state state = w->record.state;

    if (state == NOTICE_PARKED) /* one word for both */
        state = NOTICE_UNTOUCHED;
    if (state == roll->wanted && tell_one(roll, w, err) != 0)
        return -1;
    if (roll->out.length >= PRINT_BYTES)
        cli_print(&roll->out);
    return 0;
}

int roll_tell(struct cli *cli, const struct picture *p, const struct reminder_status *r,
              enum notice_state state, json_t *json, struct error *err)
{
    struct roll roll = {.cli = cli,
                        .picture = p,
                        .reminder = r,
                        .wanted = state,
                        .json = json,
                        .out = BUF_INIT(16u << 20)};
    int rc = 0;

    if (strcmp(r->state, "open") != 0 && strcmp(r->state, "done") != 0) { /* it has no ledger */
        if (json == NULL && state == NOTICE_UNTOUCHED && reminder_waiting(r) > 0)
            buf_printf(&roll.out, "%s\n", T("    nobody is listed yet: it has not begun"));
        cli_print(&roll.out);
        buf_free(&roll.out);
        return 0;
    }
    roll.codes = codes_seen_create(cli, p->status->id);
    roll.campaign = walk_campaign(cli, p, err);
    if (roll.campaign != NULL && roll.campaign->sensitive && !discreet_may(cli))
        rc = discreet_refuse(cli, p->status->id, err);
    if (rc == 0) /* without rows: of a million, those that are listed are asked for */
        rc = walk_reminder(cli, p, r, NULL, on_notice, &roll, err);
    cli_print(&roll.out);
    campaign_free(roll.campaign);
    codes_seen_free(roll.codes);
    buf_free(&roll.out);
    return rc;
}
