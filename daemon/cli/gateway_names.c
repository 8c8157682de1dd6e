#include "gateway_names.h"

#include "clock.h"
#include "daemons.h"
#include "field.h"
#include "keys.h"
#include "mem.h"
#include "receipt_index.h"
#include "tree.h"

#include <stdlib.h>
#include <string.h>

static const struct tree *setting_of(const struct cli *cli, const char *name, const char *setting)
{
    const struct tree *list = cli->settings->gateways;

    for (const struct tree *g = list != NULL ? list->first : NULL; g != NULL; g = g->next)
        if (strcmp(tree_string(g, "name", ""), name) == 0)
            return tree_member(g, setting);
    return NULL;
}

static double cost_of(const struct cli *cli, const char *name)
{
    const struct tree *cost = setting_of(cli, name, "cost");

    return cost == NULL ? 0 : cost->kind == TREE_INT ? (double)cost->integer : cost->number;
}

int64_t gateway_receipt_wait_ms(const struct cli *cli, const char *name)
{
    const struct tree *wait = setting_of(cli, name, "receipt_wait");
    int64_t ms = 0;

    if (wait != NULL && wait->kind == TREE_INT && wait->integer < RECEIPT_WAIT_MOST_MS / 1000)
        ms = wait->integer * 1000;
    else if (wait != NULL && wait->kind == TREE_STRING && field_duration(wait->string, &ms) != 0)
        ms = 0;
    return ms >= RECEIPT_WAIT_LEAST_MS && ms <= RECEIPT_WAIT_MOST_MS ? ms : RECEIPT_WAIT_MS;
}

int gateway_names_read(struct gateway_names *g, struct cli *cli, struct error *err)
{
    struct command c = COMMAND_INIT;
    redisReply *reply;
    int rc;

    command_start(&c, "HGETALL");
    command_add_string(&c, KEY_GATEWAYS);
    rc = db_ask(cli->db, &c, &reply, err);
    command_free(&c);
    if (rc != 0)
        return -1;
    for (size_t i = 0; i + 1 < reply->elements; i += 2) {
        const char *name = reply->element[i]->str;
        int64_t number = db_int(reply->element[i + 1], 0);

        if (name[0] != ':' && name[0] != '#' && number > 0 && number < GATEWAY_NAMES_MAX &&
            g->names[number] == NULL) {
            g->names[number] = xstrdup(name);
            g->costs[number] = cost_of(cli, name);
        }
    }
    freeReplyObject(reply);
    return 0;
}

bool gateway_sends_receipts(const struct cli *cli, const char *name)
{
    struct command c = COMMAND_INIT;
    redisReply *reply;
    struct error err;
    bool any = false, none = false;

    command_start(&c, "HVALS");
    key_gateway(&c, name, "status");
    if (db_ask(cli->db, &c, &reply, &err) == 0) {
        for (size_t i = 0; i < reply->elements; i++) {
            json_t *status = json_loadb(reply->element[i]->str, reply->element[i]->len, 0, NULL);

            if (clock_wall_ms() - json_integer_value(json_object_get(status, "t")) >
                DAEMONS_STALE_MS) {
                json_decref(status);
                continue;
            }
            any = any || json_is_true(json_object_get(status, "receipts"));
            none = none || json_is_false(json_object_get(status, "receipts"));
            json_decref(status);
        }
        freeReplyObject(reply);
    }
    command_free(&c);
    return any || !none;
}

void gateway_names_free(struct gateway_names *g)
{
    for (size_t i = 0; i < GATEWAY_NAMES_MAX; i++)
        free(g->names[i]);
    memset(g, 0, sizeof *g);
}

const char *gateway_names_of(const struct gateway_names *g, unsigned number)
{
    return number > 0 && number < GATEWAY_NAMES_MAX && g->names[number] != NULL ? g->names[number]
                                                                                : "";
}
