/*
 * rate_rule.h - so many in so long: "5/day", "1/30s", "200/s"
 *
 * The caps on what one person gets (per_recipient) and the rate of a campaign.
 * "N/day" counts by the calendar day of the recipient's zone, "N/24h" over any
 * 24 hours.
 */
#ifndef OUTREACH_RATE_RULE_H
#define OUTREACH_RATE_RULE_H

#include <stdbool.h>
#include <stdint.h>

struct error;
struct zone;

#define RATE_RULES_MAX 8 /* on what one person gets; cap.lua can tell 9 apart */

struct rate_rule {
    unsigned count;    /* 1..1,000,000 */
    int64_t window_ms; /* 1 s .. 31 days */
    bool calendar_day; /* window_ms is then 24 h */
};

/* Reads "N/s", "N/30s", "N/min", "N/5min", "N/h", "N/2h", "N/day". */
int rate_rule_parse(const char *text, struct rate_rule *out, struct error *err);

/* What counts against a rule at now_ms: what came after the instant returned (the
 * zone's midnight, or a window ago). Wall clock. */
int64_t rate_rule_since(const struct rate_rule *rule, const struct zone *zone, int64_t now_ms);

/* When something of at_ms no longer counts. */
int64_t rate_rule_next(const struct rate_rule *rule, const struct zone *zone, int64_t at_ms);

#endif
