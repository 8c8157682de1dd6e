#include "append.h"

#include "keys.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

/* Those that count over the campaign's own audience. */
static unsigned put_reminders(const struct append *a, struct command *c, bool put)
{
    unsigned n = 0;

    for (size_t i = 0; i < a->status->reminder_count; i++) {
        const char *name = a->status->reminders[i].name;

        if (builtin_is(name))
            continue;
        n++;
        if (!put)
            continue;
        key_reminder(c, a->campaign, name);
        key_ledger(c, a->campaign, name);
    }
    return n;
}

void append_begin(const struct append *a, struct command *c)
{
    const char *reminder = a->reminder != NULL ? a->reminder : "";
    unsigned reminders = a->reminder != NULL ? 1 : put_reminders(a, c, false);

    assert(strlen(a->token) > 0 && strlen(a->token) < APPEND_TOKEN_BYTES);
    command_script(c, SCRIPT_APPEND, 4 + 2 * reminders);
    key_campaign(c, a->campaign);
    key_rows(c, a->campaign, reminder);
    key_appends(c, a->campaign);
    key_corrected(c, a->campaign);
    if (a->reminder != NULL) {
        key_reminder(c, a->campaign, a->reminder);
        key_ledger(c, a->campaign, a->reminder);
    } else {
        put_reminders(a, c, true);
    }
    command_add_string(c, a->token);
    command_add_string(c, reminder);
    if (a->version > 0)
        command_add_int(c, a->version);
    else
        command_add_string(c, "");
    command_add_int(c, a->max_rows < LEDGER_MAX_NUMBER ? a->max_rows : LEDGER_MAX_NUMBER);
    command_add_int(c, a->now_ms);
    if (a->reminder != NULL)
        command_add_int(c, a->expires_ms);
    else
        command_add_name(c, a->by != NULL ? a->by : "");
}

void append_row(struct command *c, const char *row, size_t n, const struct append_of *of)
{
    command_add(c, row, n);
    if (of == NULL)
        command_add_string(c, "");
    else
        command_add_format(c, "%" PRIu32 " %u %u", of->n, of->version, of->told);
}

void append_answer(const redisReply *reply, struct append_answer *out)
{
    static const struct {
        const char *word;
        enum append_verdict verdict;
    } words[] = {
        {"OK", APPEND_DONE},   {"AGAIN", APPEND_DONE}, {"CANCELLED", APPEND_CANCELLED},
        {"OLD", APPEND_OLD},   {"FULL", APPEND_FULL},  {"UNKNOWN", APPEND_UNKNOWN},
        {"GONE", APPEND_LOST},
    };
    const redisReply *word = db_at(reply, 0);
    bool full;

    *out = (struct append_answer){.verdict = APPEND_LOST};
    for (size_t i = 0; word != NULL && word->str != NULL && i < sizeof words / sizeof *words; i++)
        if (strcmp(words[i].word, word->str) == 0)
            out->verdict = words[i].verdict;
    full = out->verdict == APPEND_FULL;
    if (out->verdict != APPEND_DONE && !full)
        return;
    out->again = strcmp(word->str, "AGAIN") == 0;
    out->first = full ? 0 : (uint32_t)db_int(db_at(reply, 1), 0);
    out->last = (uint32_t)db_int(db_at(reply, full ? 1 : 2), 0);
}

void append_schedule(const char *campaign, const char *reminder, int64_t now_ms, struct command *c)
{
    command_start(c, "ZADD");
    command_add_string(c, KEY_SCHEDULE);
    command_add_int(c, now_ms);
    command_add_format(c, "%s/%s", campaign, reminder);
}
