#include "audit_words.h"

#include "human.h"
#include "mem.h"
#include "words.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    const char *op, *key;
} orders[] = {
    {"queue", NC_("audit", "queue")},
    {"approve", NC_("audit", "approve")},
    {"amend", NC_("audit", "amend")},
    {"add", NC_("audit", "add")},
    {"pause", NC_("audit", "pause")},
    {"resume", NC_("audit", "resume")},
    {"cancel", NC_("audit", "cancel")},
    {"retry", NC_("audit", "retry")},
    {"repair", NC_("audit", "repair")},
    {"optout-add", NC_("audit", "optout-add")},
    {"optout-remove", NC_("audit", "optout-remove")},
    {"safe-mark", NC_("audit", "safe-mark")},
    {"safe-remove", NC_("audit", "safe-remove")},
    {"safe-none", NC_("audit", "safe-none")},
    {"gateway-pause", NC_("audit", "gateway-pause")},
    {"gateway-resume", NC_("audit", "gateway-resume")},
    {"gateway-drain", NC_("audit", "gateway-drain")},
    {"gateway-limit", NC_("audit", "gateway-limit")},
    {"gateway-try", NC_("audit", "gateway-try")},
    {"gateway-balance", NC_("audit", "gateway-balance")},
    {"residents-import", NC_("audit", "residents-import")},
    {"residents-tag", NC_("audit", "residents-tag")},
    {"residents-untag", NC_("audit", "residents-untag")},
    {"residents-list", NC_("audit", "residents-list")},
    {"residents-export", NC_("audit", "residents-export")},
    {"residents-erase", NC_("audit", "residents-erase")},
    {"residents-consent", NC_("audit", "residents-consent")},
    {"numbers-shown", NC_("audit", "numbers-shown")},
    {"alarm", NC_("audit", "alarm")},
    {"alarm-untold", NC_("audit", "alarm-untold")},
    {"reply-assign", NC_("audit", "reply-assign")},
    {"reply-answer", NC_("audit", "reply-answer")},
    {"reply-close", NC_("audit", "reply-close")},
    {"replies-forgotten", NC_("audit", "replies-forgotten")},
    {"uncalled-ticks", NC_("audit", "uncalled-ticks")},
    {"clock", NC_("audit", "clock")},
    {"recover", NC_("audit", "recover")},
    {"adopt", NC_("audit", "adopt")},
};

static const struct {
    const char *name, *format; /* of its value */
} fields[] = {
    {"rows", N_("rows %s")},
    {"reminder", N_("reminder %s")},
    {"notices", N_("notices: %s")},
    {"version", N_("text %s")},
    {"tag", N_("tag %s")},
    {"file", N_("file %s")},
    {"reply", N_("reply %s")},
    {"who", N_("to %s")},
    {"to", N_("number %s")},
    {"rate", N_("rate %s")},
    {"balance", N_("balance %s")},
    {"why", N_("because: %s")},
    {"through", N_("through %s")},
    {"reason", N_("for: %s")},
    {"numbers", N_("in full")},
    {"awaits", N_("awaits approval: %s")},
    {"step_ms", N_("set by %s")},
    {"command", N_("by outreach %s")},
    {"source", N_("source %s")},
    {"matter", N_("alarm %s")},
    {"count", N_("how many: %s")},
    {"replies", N_("replies: %s")},
    {"alarms", N_("cries for help: %s")},
};

#define COUNT_OF(table) (sizeof(table) / sizeof *(table))

const char *audit_words_op(size_t i)
{
    return i < COUNT_OF(orders) ? orders[i].op : NULL;
}

bool audit_words_match(const char *op, const char *asked)
{
    return strcmp(op, asked) == 0 || strcmp(audit_words(op), asked) == 0;
}

const char *audit_words(const char *op)
{
    for (size_t i = 0; i < COUNT_OF(orders); i++)
        if (strcmp(orders[i].op, op) == 0)
            return language_in(orders[i].key, op);
    return op;
}

/* A value that is a name for programs, in words; to be freed. */
static char *value_words(const char *name, const char *value)
{
    char text[HUMAN_BYTES];

    if (strcmp(name, "awaits") == 0)
        return words_approval(value);
    if (strcmp(name, "rate") == 0 && strcmp(value, "any") == 0)
        return xstrdup(T("as configured"));
    if (strcmp(name, "balance") == 0 && strcmp(value, "none") == 0)
        return xstrdup(T("not reckoned"));
    if (strcmp(name, "reminder") == 0)
        return xstrdup(words_reminder(value));
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
