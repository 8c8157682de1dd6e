#include "balance.h"

#include "keys.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

int64_t balance_spent(const redisReply *spent)
{
    int64_t sum = 0;

    for (size_t i = 1; spent->type == REDIS_REPLY_ARRAY && i < spent->elements; i += 2)
        sum += db_int(spent->element[i], 0);
    return sum;
}

struct balance balance_read(const redisReply *orders, const char *gateway, const redisReply *spent)
{
    struct balance b = {false, 0, 0};
    char field[64];
    const redisReply *value;
    int64_t base;

    snprintf(field, sizeof field, "%.40s:balance", gateway);
    value = db_field(orders, field);
    if (value == NULL || value->str == NULL ||
        sscanf(value->str, "%" SCNd64 " %" SCNd64, &b.amount, &base) != 2)
        return b;
    b.stated = true;
    b.left = b.amount - (balance_spent(spent) - base);
    return b;
}

void balance_ask_command(struct command *c, const char *gateway)
{
    command_start(c, "HGETALL");
    key_gateway(c, gateway, "spent");
}

void balance_spend_command(struct command *c, const char *gateway, const char *daemon,
                           int64_t spent)
{
    command_start(c, "HSET");
    key_gateway(c, gateway, "spent");
    command_add_string(c, daemon);
    command_add_int(c, spent);
}
