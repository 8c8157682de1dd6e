#include "audit_words.h"

#include "human.h"
#include "mem.h"
#include "words.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    const char *op, *words;
} orders[] = {
    {"queue", N_("queued")},
    {"approve", N_("approved")},
    {"amend", N_("amended")},
    {"add", N_("people added")},
    {"pause", N_("paused")},
    {"resume", N_("resumed")},
    {"cancel", N_("cancelled")},
    {"retry", N_("tried again")},
    {"repair", N_("repaired")},
    {"optout-add", N_("refusal noted")},
    {"optout-remove", N_("refusal lifted")},
    {"safe-mark", N_("marked as in danger")},
    {"safe-remove", N_("mark taken away")},
    {"safe-none", N_("nobody in danger")},
    {"gateway-pause", N_("gateway paused")},
    {"gateway-resume", N_("gateway resumed")},
    {"gateway-drain", N_("gateway drained")},
    {"gateway-limit", N_("gateway limited")},
    {"gateway-try", N_("gateway tried")},
    {"residents-import", N_("register: import")},
    {"residents-tag", N_("register: tagged")},
    {"residents-untag", N_("register: untagged")},
    {"residents-list", N_("register: list in full")},
    {"residents-export", N_("register: export")},
    {"residents-erase", N_("register: erased")},
    {"reply-assign", N_("reply assigned")},
    {"reply-answer", N_("reply answered")},
    {"reply-close", N_("reply closed")},
    {"uncalled-ticks", N_("told by a person")},
    {"clock", N_("clock confirmed")},
    {"recover", N_("recovered")},
    {"adopt", N_("Redis adopted")},
};

static const struct {
    const char *name, *format; /* of its value */
} fields[] = {
    {"rows", N_("rows %s")},        {"reminder", N_("reminder %s")},
    {"notices", N_("notices: %s")}, {"version", N_("text %s")},
    {"tag", N_("tag %s")},          {"file", N_("file %s")},
    {"reply", N_("reply %s")},      {"who", N_("to %s")},
    {"rate", N_("rate %s")},        {"why", N_("because: %s")},
    {"through", N_("through %s")},  {"reason", N_("for: %s")},
    {"numbers", N_("in full")},     {"awaits", N_("awaits approval: %s")},
    {"step_ms", N_("set by %s")},
};

#define COUNT_OF(table) (sizeof(table) / sizeof *(table))

const char *audit_words_op(size_t i)
{
    return i < COUNT_OF(orders) ? orders[i].op : NULL;
}

const char *audit_words(const char *op)
{
    for (size_t i = 0; i < COUNT_OF(orders); i++)
        if (strcmp(orders[i].op, op) == 0)
            return words_of(orders[i].words);
    return op;
}

/* A value that is a name for programs, in words; to be freed. */
static char *value_words(const char *name, const char *value)
{
    char text[HUMAN_BYTES];

    if (strcmp(name, "awaits") == 0)
        return words_approval(value);
    if (strcmp(name, "reason") == 0)
        return xstrdup(words_reason(value));
    if (strcmp(name, "step_ms") == 0)
        return xstrdup(human_duration(text, llabs(strtoll(value, NULL, 10))));
    return xstrdup(value);
}

void audit_words_field(const char *name, const char *value, struct buf *out)
{
    char *words = value_words(name, value);
    size_t i = 0;

    while (i < COUNT_OF(fields) && strcmp(fields[i].name, name) != 0)
        i++;
    if (i == COUNT_OF(fields))
        buf_printf(out, "%s %s", name, words);
    else
        buf_printf(out, words_of(fields[i].format), words); /* constants of ours */
    free(words);
}
