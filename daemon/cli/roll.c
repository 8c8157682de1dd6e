#include "roll.h"

#include "builtin.h"
#include "campaign.h"
#include "discreet.h"
#include "human.h"
#include "keys.h"
#include "log.h"
#include "template.h"
#include "tree.h"

#include <inttypes.h>
#include <string.h>

#define PIECE 4096 /* records read at once */

struct roll {
    struct cli *cli;
    const struct picture *picture;
    const struct reminder_status *reminder;
    struct campaign *campaign; /* NULL: its document cannot be read, and rows not be split */
    int64_t base_s;
    json_t *json;
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

static int tell_one(struct roll *roll, int64_t n, const struct record *record, struct error *err)
{
    int64_t submitted_ms =
        record->fence != 0 ? (roll->base_s + (int64_t)record->intended_s) * 1000 : 0;
    struct command c = COMMAND_INIT;
    char when[HUMAN_BYTES];
    redisReply *rows;
    int rc;

    command_start(&c, "XRANGE");
    key_rows(&c, roll->picture->status->id, roll->reminder->name);
    command_add_format(&c, "%" PRId64 "-0", n);
    command_add_format(&c, "%" PRId64 "-0", n);
    rc = db_ask(roll->cli->db, &c, &rows, err);
    command_free(&c);
    if (rc != 0)
        return -1;
    if (roll->json != NULL) {
        json_array_append_new(roll->json, json_pack("{s:I,s:o,s:i,s:I,s:s}", "n", (json_int_t)n,
                                                    "to", json_text(address_of(roll, rows)),
                                                    "attempts", (int)record->attempts,
                                                    "submitted_ms", (json_int_t)submitted_ms,
                                                    "reason", notice_reason_name(record->reason)));
    } else {
        buf_printf(&roll->out, "  %8" PRId64 "  %s", n, address_of(roll, rows));
        if (submitted_ms != 0)
            buf_printf(&roll->out, T("  attempt %u, %s"), record->attempts,
                       human_time(when, roll->picture->zone, submitted_ms, true));
        if (words_reason(notice_reason_name(record->reason))[0] != '\0')
            buf_printf(&roll->out, "  %s", words_reason(notice_reason_name(record->reason)));
        buf_putc(&roll->out, '\n');
    }
    freeReplyObject(rows);
    return 0;
}

static int tell_piece(struct roll *roll, const redisReply *piece, int64_t from,
                      enum notice_state wanted, struct error *err)
{
    const unsigned char *bytes = (const unsigned char *)piece->str;
    struct ledger_header header;

    if (from == 0 && piece->len >= LEDGER_RECORD_BYTES && ledger_header_unpack(bytes, &header) == 0)
        roll->base_s = header.base_s;
    for (size_t i = from == 0; (i + 1) * LEDGER_RECORD_BYTES <= piece->len; i++) {
        struct record record;

        record_unpack(bytes + i * LEDGER_RECORD_BYTES, &record);
        if (record.state == NOTICE_PARKED) /* one word for both */
            record.state = NOTICE_UNTOUCHED;
        if (record.state == wanted && tell_one(roll, from + (int64_t)i, &record, err) != 0)
            return -1;
    }
    cli_print(&roll->out);
    return 0;
}

int roll_tell(struct cli *cli, const struct picture *p, const struct reminder_status *r,
              enum notice_state state, json_t *json, struct error *err)
{
    struct roll roll = {
        .cli = cli, .picture = p, .reminder = r, .json = json, .out = BUF_INIT(16u << 20)};
    struct tree *document =
        tree_parse_json(p->status->document, strlen(p->status->document), NULL, NULL);
    struct command c = COMMAND_INIT;
    int rc = 0;

    if (document != NULL) /* is the campaign's from here */
        roll.campaign = campaign_create(document, &cli->settings->defaults, NULL, 0, err);
    if (roll.campaign != NULL && roll.campaign->sensitive && !discreet_may(cli))
        rc = discreet_refuse(cli, p->status->id, err);
    for (int64_t from = 0; from <= r->last && rc == 0; from += PIECE) {
        redisReply *piece;

        command_start(&c, "GETRANGE");
        key_ledger(&c, p->status->id, r->name);
        command_add_int(&c, from * LEDGER_RECORD_BYTES);
        command_add_int(&c, (from + PIECE) * LEDGER_RECORD_BYTES - 1);
        rc = db_ask(cli->db, &c, &piece, err);
        if (rc != 0)
            break;
        rc = tell_piece(&roll, piece, from, state, err);
        freeReplyObject(piece);
    }
    command_free(&c);
    campaign_free(roll.campaign);
    buf_free(&roll.out);
    return rc;
}
