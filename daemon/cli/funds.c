#include "funds.h"

#include "gateway_orders.h"
#include "human.h"

/* What the campaign takes of gateway i. */
static double needed(const struct asking *a, size_t i)
{
    double sum = 0;

    for (size_t r = 0; r < a->campaign->reminder_count; r++)
        sum += forecast_reminder(a->forecast, r)->parts[i].cost;
    return sum;
}

static void each(const struct asking *a,
                 void (*fn)(const struct asking *a, const char *name, double left, double needs,
                            void *arg),
                 void *arg)
{
    struct error err;
    redisReply *orders;
    struct balance b;

    if (a->cli->db == NULL || gateway_orders_read(a->cli, &orders, &err) != 0)
        return;
    for (size_t i = 0; i < forecast_gateways(a->forecast); i++) {
        const char *name = forecast_gateway(a->forecast, i)->name;
        double needs = needed(a, i);

        if (needs > 0 && gateway_orders_balance(a->cli, orders, name, &b, &err) == 0 && b.stated)
            fn(a, name, (double)b.left / BALANCE_UNIT, needs, arg);
    }
    freeReplyObject(orders);
}

static void write_one(const struct asking *a, const char *name, double left, double needs,
                      void *arg)
{
    const char *currency = words_currency(a->cli->settings->defaults.currency);

    if (left < needs)
        buf_printf(arg,
                   T("  ! %s: %.2f %s is needed, and %.2f is left: top it up before it is due\n"),
                   name, human_money(needs), currency, human_money(left));
    else
        buf_printf(arg, T("  %s: %.2f %s of the %.2f that is left\n"), name, human_money(needs),
                   currency, human_money(left));
}

void funds_write(const struct asking *a, struct buf *out)
{
    each(a, write_one, out);
}

static void add_one(const struct asking *a, const char *name, double left, double needs, void *arg)
{
    (void)a;
    json_object_set_new(arg, name, json_pack("{s:f,s:f}", "left", left, "needs", needs));
}

json_t *funds_json(const struct asking *a)
{
    json_t *all = json_object();

    each(a, add_one, all);
    return all;
}
