#include "inside.h"

#include "approval.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A segment through the cheapest gateway for each recipient and reminder that goes to all. */
static double least_cost(const struct dispatch *d, const struct campaign *c, const bool *skipped,
                         int64_t rows)
{
    double cheapest = -1;
    int64_t reminders = 0;

    for (size_t i = 0; i < d->lane_count; i++)
        for (size_t k = 0; k < c->channel_count; k++) {
            const struct gateway_config *g = d->lanes[i].config;

            if (!g->disabled && !gateway_retired(d->lanes[i].gateway) &&
                strcmp(g->channel, c->channels[k]) == 0 && (cheapest < 0 || g->cost < cheapest))
                cheapest = g->cost;
        }
    for (size_t r = 0; r < c->reminder_count; r++)
        reminders += !skipped[r] && c->reminders[r].only[0] == '\0';
    return cheapest < 0 ? 0 : cheapest * (double)reminders * (double)rows;
}

double said_cost(const struct dispatch *d, const struct campaign *c, const bool *skipped,
                 int64_t rows, int64_t corrections, const char *said)
{
    char *end = NULL;
    double cost = said != NULL ? strtod(said, &end) : -1;

    /* The sender's is rounded to a ten-thousandth. */
    if (said == NULL || end == said || *end != '\0' || !isfinite(cost) ||
        cost + 0.0001 < least_cost(d, c, skipped, rows))
        return approval_most_cost(c, d->settings->gateways, rows, corrections);
    return cost;
}
