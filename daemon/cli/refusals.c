#include "refusals.h"

#include "address.h"
#include "campaign.h"
#include "campaigns.h"
#include "keys.h"
#include "template.h"
#include "tree.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PIECE 4000
#define UNDER_WAY 64

struct search {
    struct cli *cli;
    const struct replay *replay;
    const struct campaign *campaign;
    struct address_key key; /* of the addresses in the log of this host */
    struct command command;
    int64_t *count;
};

static void on_added(void *arg, const redisReply *reply)
{
    struct search *s = arg;

    *s->count += db_int(reply, 0);
}

static void put_back(struct search *s, const char *address, size_t length)
{
    command_script(&s->command, SCRIPT_REFUSE, 1);
    command_add_string(&s->command, KEY_OPTOUT);
    command_add(&s->command, address, length);
    db_send(s->cli->db, &s->command, on_added, s);
}

/* ------------------------------------------------------------------- a stream through */

typedef void entry_fn(struct search *s, const redisReply *fields);

static int walk(struct search *s, void (*key)(struct search *s), entry_fn *fn)
{
    char from[48] = "-";
    size_t count = PIECE;
    struct error err;

    while (count == PIECE) {
        redisReply *entries;

        if (cli_interrupted() != 0)
            return cli_interrupted();
        command_start(&s->command, "XRANGE");
        key(s);
        command_add_string(&s->command, from);
        command_add_string(&s->command, "+");
        command_add_string(&s->command, "COUNT");
        command_add_int(&s->command, PIECE);
        if (db_ask(s->cli->db, &s->command, &entries, &err) != 0)
            return cli_error(s->cli, EX_UNAVAILABLE, &err);
        count = entries->elements;
        for (size_t i = 0; i < count; i++)
            if (db_at(entries->element[i], 1) != NULL)
                fn(s, db_at(entries->element[i], 1));
        if (count > 0 && db_at(entries->element[count - 1], 0) != NULL)
            snprintf(from, sizeof from, "(%s", db_at(entries->element[count - 1], 0)->str);
        freeReplyObject(entries);
        if (db_drain(s->cli->db, UNDER_WAY, &err) != 0)
            return cli_error(s->cli, EX_UNAVAILABLE, &err);
    }
    return db_drain(s->cli->db, 0, &err) == 0 ? 0 : cli_error(s->cli, EX_UNAVAILABLE, &err);
}

/* ------------------------------------------------------------------------- a list's rows */

static void audience(struct search *s)
{
    key_audience(&s->command, s->campaign->id);
}

static void look_at_row(struct search *s, const redisReply *fields)
{
    struct template_value values[CAMPAIGN_MAX_COLUMNS];
    const redisReply *row = db_at(fields, 1);

    if (row == NULL || campaign_row_split(s->campaign, row->str, row->len, values) != 0)
        return;
    for (size_t i = 0; i < s->campaign->channel_count; i++)
        if (values[i].length > 0 &&
            replay_refused(s->replay, address_keyed(&s->key, values[i].text, values[i].length)))
            put_back(s, values[i].text, values[i].length);
}

int refusals_from_log(struct cli *cli, const struct replay *replay, const char *id, int64_t *count)
{
    struct search s = {.cli = cli, .replay = replay, .command = COMMAND_INIT, .count = count};
    struct campaign_status *status;
    struct campaign *c = NULL;
    struct tree *document;
    struct error err;
    int rc = 0;

    if (replay_refusals(replay) == 0 || address_key(cli, &s.key) != 0)
        return 0;
    status = campaign_status_read(cli->db, id, &err);
    if (status == NULL)
        return cli_error(cli, EX_UNAVAILABLE, &err);
    document = tree_parse_json(status->document, strlen(status->document), NULL, NULL);
    if (document != NULL)
        c = campaign_create(document, &cli->settings->defaults, NULL, 0, &err);
    s.campaign = c;
    if (c != NULL)
        rc = walk(&s, audience, look_at_row);
    campaign_free(c);
    campaign_status_free(status);
    command_free(&s.command);
    return rc;
}

/* ------------------------------------------------------------------------- the replies */

static void replies(struct search *s)
{
    command_add_string(&s->command, KEY_REPLIES);
}

static void look_at_reply(struct search *s, const redisReply *fields)
{
    const redisReply *from = NULL;
    bool refused = false;

    for (size_t i = 0; i + 1 < fields->elements; i += 2) {
        const redisReply *name = fields->element[i], *value = fields->element[i + 1];

        if (strcmp(name->str, "from") == 0)
            from = value;
        if (strcmp(name->str, "kind") == 0)
            refused = strcmp(value->str, "optout") == 0;
    }
    if (refused && from != NULL && from->len > 0)
        put_back(s, from->str, from->len);
}

int refusals_from_replies(struct cli *cli, int64_t *count)
{
    struct search s = {.cli = cli, .command = COMMAND_INIT, .count = count};
    int rc = walk(&s, replies, look_at_reply);

    command_free(&s.command);
    return rc;
}
