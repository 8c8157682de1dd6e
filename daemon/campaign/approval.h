/*
 * approval.h - does a second person have to agree before a campaign is sent?
 *
 * The configuration says above what (defaults.approval: recipients, cost, hours). A campaign's own
 * `approval` makes that stricter and never looser, since who queues it wrote the file: of two
 * bounds the lower counts, and `required` asks for a second person whatever the sums are.
 */
#ifndef OUTREACH_APPROVAL_H
#define OUTREACH_APPROVAL_H

#include "campaign.h"

/* Why one is needed. */
enum {
    APPROVAL_RECIPIENTS = 1, /* more than the bound */
    APPROVAL_COST = 2,       /* more than the bound */
    APPROVAL_HOURS = 4,   /* a reminder or correction may leave outside defaults.hours, to more than
                             one: a test   to oneself waits for nobody */
    APPROVAL_REQUIRED = 8 /* the campaign says so */
};

/* 0: none is needed. cost: of all reminders, in the configured currency. */
unsigned approval_needs(const struct campaign *c, const struct campaign_defaults *defaults,
                        int64_t rows, double cost);

/* Whether corrections of c may leave outside defaults.hours, and at times when those of agreed
 * (NULL: nothing was agreed to) may not. */
bool approval_corrections_leave(const struct campaign *c, const struct campaign *agreed,
                                const struct campaign_defaults *defaults);

/* Whether the cost matters at all: where no bound is set it need not be reckoned. */
bool approval_minds_cost(const struct campaign *c, const struct campaign_defaults *defaults);

/* The most that it can cost: each reminder, and so many corrections, in max_segments through the
 * dearest of the configured gateways (a list of groups, or NULL). */
double approval_most_cost(const struct campaign *c, const struct tree *gateways, int64_t rows,
                          int64_t corrections);

/* Above what, by the configuration and the campaign; 0: no bound. */
double approval_people_bound(const struct campaign *c, const struct campaign_defaults *defaults);
double approval_cost_bound(const struct campaign *c, const struct campaign_defaults *defaults);

/* "recipients cost", as it is stored, for free(), and back; and name i of them, NULL behind the
 * last. */
char *approval_text(unsigned needs);
unsigned approval_parse(const char *text);
const char *approval_name(unsigned i);

/* What the bound on the cost was held against, so that the second person reads the sums that she
 * is asked for: kept in Redis beside why she is. */
struct approval_sum {
    double cost, bound; /* in the configured currency */
    int64_t rows;       /* recipients that it was reckoned for; 0: none is kept */
};

/* As it is stored, for free(); and back: rows is 0 where text is none. */
char *approval_sum_text(const struct approval_sum *sum);
struct approval_sum approval_sum_parse(const char *text);

#endif
