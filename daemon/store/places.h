/*
 * places.h - who has a place, who waits for one, what was answered
 *
 * Of a campaign with `registration` or `answers` (campaign/reply_rules.h). All of it is
 * known by the address that a reply came from, and each change is one script: capacity
 * and waiting list hold however many daemons hear replies. A repeat changes nothing and
 * gives the number of the change that it repeats, by which its answer is known too.
 *
 * A campaign may be amended to more places: nobody overtakes who waits, one of whom moves up with
 * each change from then on. Or to fewer: a place that is given back is nobody's until there are
 * fewer taken than that.
 *
 *     outreach:{id}:registration:places   hash: address -> "state change ms n ..."
 *     outreach:{id}:registration:waiting  sorted set: addresses, by change
 *     outreach:{id}:registration:counts   hash: taken, seq (the last change)
 *     outreach:{id}:answers:given         hash: address -> "change ms n word"
 *     outreach:{id}:answers:sums          hash: word -> how many; '' -> the last change
 */
#ifndef OUTREACH_PLACES_H
#define OUTREACH_PLACES_H

#include "db.h"
#include "reply_rules.h"

enum place_state {
    PLACE_NONE,     /* of 取消: there was none to be given back, so it means something else */
    PLACE_TAKEN,    /* she has one */
    PLACE_WAITING,  /* she waits for one */
    PLACE_GIVEN_UP, /* she has given it back */
    PLACE_FULL,
    PLACE_CLOSED, /* too late */
};

/* The call that takes a place for address, or gives it back. n: her number in the
 * campaign's audience, 0 where it is not known. */
void place_take_command(struct command *c, const struct campaign *campaign, const char *address,
                        uint32_t n, int64_t now_ms);
void place_give_command(struct command *c, const struct campaign *campaign, const char *address,
                        uint32_t n, int64_t now_ms);

struct place_answer {
    enum place_state state;
    int64_t change;       /* 0: nothing was written */
    const char *promoted; /* whoever has her place now (in the reply), or NULL, */
    uint32_t promoted_n;  /* her number, 0: not known, */
    int64_t promoted_change;
};
/* Returns 0, or -1 where the script has failed. */
int place_answer(const redisReply *reply, struct place_answer *out);

/* The call that asks for the entries of addresses (HMGET), which must follow as
 * arguments; and what one entry says. n may be NULL. */
void place_ask_command(struct command *c, const char *campaign);
enum place_state place_parse(const redisReply *entry, int64_t *at_ms, uint32_t *n);
/* Is somebody in that state one of a reminder with this filter? By her place alone: false of one
 * that asks for something else (earlier.h). */
bool place_passes(enum campaign_filter filter, enum place_state state);

enum answer_verdict { ANSWER_COUNTED, ANSWER_AGAIN, ANSWER_KEPT, ANSWER_CLOSED };
/* The call that counts an answer of address; word as the campaign writes it. */
void answer_command(struct command *c, const struct campaign *campaign, const char *address,
                    uint32_t n, const char *word, int64_t now_ms);
int answer_verdict(const redisReply *reply, enum answer_verdict *verdict, int64_t *change);

#endif
