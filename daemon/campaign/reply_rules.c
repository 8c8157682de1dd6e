#include "reply_rules.h"

#include "error.h"
#include "form.h"
#include "moment.h"
#include "tree.h"

#include <stdio.h>
#include <string.h>

#define WORDS_MOST 64

/* All words of a campaign, each with its place in the document. */
struct asked {
    const char *words[WORDS_MOST], *groups[WORDS_MOST];
    size_t count;
};

static int check_word(struct asked *asked, const char *word, const char *path, bool gives_back,
                      const struct campaign *c, struct error *err)
{
    const struct tree *node = tree_get(c->document, path);
    struct reply_words r;

    reply_read(&r, word, strlen(word));
    if (r.to == r.from)
        return tree_error(err, node, "\"%s\" has no letter that a reply could be known by", word);
    if (reply_alarms(&r) != NULL)
        return tree_error(err, node,
                          "\"%s\" is a cry for help (%s), which no machine answers: ask for "
                          "another word",
                          word, reply_alarms(&r));
    if (reply_refuses(&r) && !(gives_back && reply_gives_back(&r)))
        return tree_error(err, node,
                          "\"%s\" refuses: whoever sends it gets nothing any more; ask for "
                          "another word",
                          word);
    for (size_t i = 0; i < asked->count; i++)
        if (reply_is(&r, asked->words[i]))
            return tree_error(err, node, "\"%s\" cannot be told from \"%s\" of `%s`", word,
                              asked->words[i], asked->groups[i]);
    if (asked->count == WORDS_MOST)
        return tree_error(err, node, "more than %d words", WORDS_MOST);
    asked->groups[asked->count] = strncmp(path, "answers", 7) == 0 ? "answers" : "registration";
    asked->words[asked->count++] = word;
    return 0;
}

static int read_until(const struct campaign *c, const char *text, const char *path, int64_t usual,
                      int64_t *until_ms, struct error *err)
{
    const struct tree *node = tree_get(c->document, path);
    struct moment moment;

    *until_ms = usual;
    if (text == NULL)
        return 0;
    if (moment_parse(text, c->zone, &moment, NULL) != 0)
        return tree_error(err, node,
                          "\"%s\" is no time: write \"-2d 18:00\" (days before the event, time), "
                          "\"-2h\", or \"2027-03-01T18:00\"",
                          text);
    if (moment.kind == MOMENT_NOW || moment.of_slot)
        return tree_error(err, node, "expected a time before or after the event, or a date");
    *until_ms = moment_resolve(&moment, c->zone, c->starts_ms, 0);
    return 0;
}

static int read_filters(const struct campaign *c, bool registers, struct error *err)
{
    static const char *const names[] = {
        [FILTER_REGISTERED] = "registered", [FILTER_UNREGISTERED] = "unregistered",
        [FILTER_WAITING] = "waiting",       [FILTER_TOLD] = "told",
        [FILTER_UNTOLD] = "untold",         [FILTER_UNDELIVERED] = "undelivered",
    };
    size_t each = c->reminder_count / c->occurrence_count;
    char path[64];

    for (size_t r = 0; r < c->reminder_count; r++)
        for (size_t f = FILTER_REGISTERED; f <= FILTER_UNDELIVERED; f++) {
            if (strcmp(c->reminders[r].only, names[f]) != 0)
                continue;
            snprintf(path, sizeof path, "reminders.%zu.only", r % each);
            if (f <= FILTER_WAITING && !registers)
                return tree_error(err, tree_get(c->document, path),
                                  "there is nobody %s: the campaign has no `registration`",
                                  names[f]);
            if (f > FILTER_WAITING && each == 1)
                return tree_error(err, tree_get(c->document, path),
                                  "there is nobody %s: the event has no other reminder", names[f]);
            c->reminders[r].filter = (enum campaign_filter)f;
        }
    return 0;
}

int reply_rules_read(const struct campaign *c, const struct form *form, struct reply_rules *rules,
                     struct error *err)
{
    const struct tree *texts = form->texts;
    const struct campaign_reminder *last = &c->reminders[c->reminder_count - 1];
    int64_t ends_ms = last->ends_ms != 0 ? last->ends_ms : last->starts_ms;
    struct asked asked = {.count = 0};

    *rules = (struct reply_rules){
        .registers = tree_member(c->document, "registration") != NULL,
        .word = form->registration.word,
        .cancel_word = form->registration.cancel_word,
        .capacity = form->registration.capacity,
        .waiting = form->registration.waiting,
        .asks = tree_member(c->document, "answers") != NULL,
        .answers = form->answers.words,
        .first_counts = form->answers.counts == 1,
        .optout =
            texts != NULL && texts->kind == TREE_OBJECT && tree_member(texts, "optout") != NULL,
    };
    if (rules->word != NULL &&
        check_word(&asked, rules->word, "registration.word", false, c, err) != 0)
        return -1;
    if (rules->cancel_word != NULL &&
        check_word(&asked, rules->cancel_word, "registration.cancel_word", true, c, err) != 0)
        return -1;
    for (size_t i = 0; i < rules->answers.count; i++) {
        char path[48];

        snprintf(path, sizeof path,
                 rules->answers.count > 1 ? "answers.words.%zu" : "answers.words", i);
        if (check_word(&asked, rules->answers.items[i], path, false, c, err) != 0)
            return -1;
    }
    if (read_until(c, form->registration.until, "registration.until", last->starts_ms,
                   &rules->until_ms, err) != 0 ||
        read_until(c, form->answers.until, "answers.until", ends_ms, &rules->answers_until_ms,
                   err) != 0)
        return -1;
    return read_filters(c, rules->registers, err);
}

/* "插花", "报名插花", "插花报名": the word, with what it is for. JOIN for who cannot type them. */
static bool registers(const struct reply_rules *rules, const struct reply_words *r)
{
    static const char *const usual[] = {"报名", "報名", "我要报名", "我要報名", "我报名", "JOIN"};
    char both[2 * 40 + 8];

    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
        if (reply_is(r, usual[i]))
            return true;
    if (rules->word == NULL)
        return false;
    if (reply_is(r, rules->word))
        return true;
    snprintf(both, sizeof both, "报名%.40s", rules->word);
    if (reply_is(r, both))
        return true;
    snprintf(both, sizeof both, "%.40s报名", rules->word);
    return reply_is(r, both);
}

static bool withdraws(const struct reply_rules *rules, const struct reply_words *r)
{
    char both[40 + 8];

    if (reply_gives_back(r) || (rules->cancel_word != NULL && reply_is(r, rules->cancel_word)))
        return true;
    snprintf(both, sizeof both, "取消%.40s", rules->word != NULL ? rules->word : "");
    return rules->word != NULL && reply_is(r, both);
}

enum reply_meaning reply_rules_match(const struct reply_rules *rules, const struct reply_words *r,
                                     const char **answer)
{
    *answer = NULL;
    for (size_t i = 0; i < rules->answers.count; i++)
        if (reply_is(r, rules->answers.items[i])) {
            *answer = rules->answers.items[i];
            return REPLY_ANSWERS;
        }
    if (rules->registers && withdraws(rules, r))
        return REPLY_WITHDRAWS;
    if (rules->registers && registers(rules, r))
        return REPLY_REGISTERS;
    return REPLY_FOR_A_PERSON;
}
