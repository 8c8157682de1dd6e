#include "places.h"

#include "campaign.h"
#include "keys.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void place_command(struct command *c, const char *op, const struct campaign *campaign,
                          const char *address, uint32_t n, int64_t now_ms)
{
    const struct reply_rules *rules = campaign->replies;

    command_script(c, SCRIPT_PLACE, 3);
    key_places(c, campaign->id);
    key_places_waiting(c, campaign->id);
    key_place_counts(c, campaign->id);
    command_add_string(c, op);
    command_add_string(c, address);
    command_add_int(c, n);
    command_add_int(c, now_ms);
    command_add_int(c, rules->capacity);
    command_add_int(c, rules->waiting);
    command_add_int(c, rules->until_ms);
}

void place_take_command(struct command *c, const struct campaign *campaign, const char *address,
                        uint32_t n, int64_t now_ms)
{
    place_command(c, "take", campaign, address, n, now_ms);
}

void place_give_command(struct command *c, const struct campaign *campaign, const char *address,
                        uint32_t n, int64_t now_ms)
{
    place_command(c, "give", campaign, address, n, now_ms);
}

static const struct {
    const char *word;
    enum place_state state;
} words[] = {
    {"P", PLACE_TAKEN},   {"W", PLACE_WAITING},     {"X", PLACE_GIVEN_UP},
    {"FULL", PLACE_FULL}, {"CLOSED", PLACE_CLOSED}, {"NONE", PLACE_NONE},
};

int place_answer(const redisReply *reply, struct place_answer *out)
{
    const redisReply *word = db_at(reply, 0), *promoted = db_at(reply, 2);

    memset(out, 0, sizeof *out);
    for (size_t i = 0; word != NULL && word->str != NULL && i < sizeof words / sizeof *words; i++) {
        if (strcmp(words[i].word, word->str) != 0)
            continue;
        out->state = words[i].state;
        out->change = db_int(db_at(reply, 1), 0);
        if (promoted != NULL && promoted->type == REDIS_REPLY_STRING) {
            out->promoted = promoted->str;
            out->promoted_change = db_int(db_at(reply, 3), 0);
            out->promoted_n = (uint32_t)db_int(db_at(reply, 4), 0);
        }
        return 0;
    }
    return -1;
}

void place_ask_command(struct command *c, const char *campaign)
{
    command_start(c, "HMGET");
    key_places(c, campaign);
}

enum place_state place_parse(const redisReply *entry, int64_t *at_ms, uint32_t *n)
{
    char state = 0;
    int64_t change = 0, at = 0;
    uint32_t number = 0;

    if (entry == NULL || entry->type != REDIS_REPLY_STRING ||
        sscanf(entry->str, "%c %" SCNd64 " %" SCNd64 " %" SCNu32, &state, &change, &at, &number) !=
            4)
        return PLACE_NONE;
    if (at_ms != NULL)
        *at_ms = at;
    if (n != NULL)
        *n = number;
    return state == 'P' ? PLACE_TAKEN : state == 'W' ? PLACE_WAITING : PLACE_GIVEN_UP;
}

bool place_passes(enum campaign_filter filter, enum place_state state)
{
    switch (filter) {
    case FILTER_NONE:
        return true;
    case FILTER_REGISTERED:
        return state == PLACE_TAKEN;
    case FILTER_WAITING:
        return state == PLACE_WAITING;
    case FILTER_UNREGISTERED:
        return state != PLACE_TAKEN && state != PLACE_WAITING;
    case FILTER_TOLD:
    case FILTER_UNTOLD:
    case FILTER_UNDELIVERED:
        break; /* no place decides it */
    }
    return false;
}

void answer_command(struct command *c, const struct campaign *campaign, const char *address,
                    uint32_t n, const char *word, int64_t now_ms)
{
    const struct reply_rules *rules = campaign->replies;

    command_script(c, SCRIPT_ANSWER, 2);
    key_answers_given(c, campaign->id);
    key_answer_sums(c, campaign->id);
    command_add_string(c, address);
    command_add_int(c, n);
    command_add_string(c, word);
    command_add_int(c, now_ms);
    command_add_int(c, rules->answers_until_ms);
    command_add_string(c, rules->first_counts ? "1" : "0");
}

int answer_verdict(const redisReply *reply, enum answer_verdict *verdict, int64_t *change)
{
    static const char *const verdicts[] = {
        [ANSWER_COUNTED] = "COUNTED",
        [ANSWER_AGAIN] = "AGAIN",
        [ANSWER_KEPT] = "KEPT",
        [ANSWER_CLOSED] = "CLOSED",
    };
    const redisReply *word = db_at(reply, 0);

    *change = db_int(db_at(reply, 1), 0);
    for (size_t i = 0; word != NULL && word->str != NULL && i < sizeof verdicts / sizeof *verdicts;
         i++)
        if (strcmp(verdicts[i], word->str) == 0) {
            *verdict = (enum answer_verdict)i;
            return 0;
        }
    return -1;
}
