#include "trunk_settings.h"

#include "memory.h"
#include "validity.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH_BYTES 64

const struct trunk_word trunk_validities[] = {{"relative", VALIDITY_RELATIVE},
                                              {"absolute", VALIDITY_ABSOLUTE},
                                              {"none", VALIDITY_NONE},
                                              {NULL, 0}};

static const struct trunk_word outcomes[] = {{"accepted", GATEWAY_ACCEPTED},
                                             {"throttled", GATEWAY_THROTTLED},
                                             {"retry", GATEWAY_RETRY},
                                             {"rejected", GATEWAY_REJECTED},
                                             {"broken", GATEWAY_BROKEN},
                                             {"unknown", GATEWAY_UNKNOWN},
                                             {NULL, 0}};

static const struct trunk_word reasons[] = {{"number", GATEWAY_REASON_NUMBER},
                                            {"text", GATEWAY_REASON_TEXT},
                                            {"blacklisted", GATEWAY_REASON_BLACKLISTED},
                                            {"absent", GATEWAY_REASON_ABSENT},
                                            {"barred", GATEWAY_REASON_BARRED},
                                            {"expired", GATEWAY_REASON_EXPIRED},
                                            {"outage", GATEWAY_REASON_OUTAGE},
                                            {"balance", GATEWAY_REASON_BALANCE},
                                            {"limit", GATEWAY_REASON_LIMIT},
                                            {"other", GATEWAY_REASON_OTHER},
                                            {NULL, 0}};

const char *trunk_string(const struct trunk_source *from, const char *name)
{
    const char *s = from->host->setting_string(from->gw, name);

    return s ? s : "";
}

int trunk_integer(const struct trunk_source *from, const char *name)
{
    return (int)from->host->setting_int(from->gw, name);
}

/* Of one that must be given. */
static int word_of(const struct trunk_source *from, const char *name,
                   const struct trunk_word *words, int *out)
{
    const char *s = trunk_string(from, name);
    size_t i;

    for (i = 0; words[i].word != NULL; i++)
        if (strcmp(words[i].word, s) == 0) {
            *out = words[i].value;
            return 0;
        }
    snprintf(from->error, from->size, "%s = \"%s\" is not one of", name, s);
    for (i = 0; words[i].word != NULL; i++) {
        size_t n = strlen(from->error);

        snprintf(from->error + n, from->size - n, "%s %s", i > 0 ? "," : "", words[i].word);
    }
    return -1;
}

int trunk_choice(const struct trunk_source *from, const char *name, const struct trunk_word *words,
                 int *out)
{
    if (*trunk_string(from, name) != '\0')
        return word_of(from, name, words, out);
    *out = words[0].value;
    return 0;
}

struct trunk_outcome *trunk_outcomes(const struct trunk_source *from, const char *list,
                                     size_t *count)
{
    size_t n = from->host->setting_count(from->gw, list);
    struct trunk_outcome *all = memory_calloc(n + 1, sizeof *all);
    char name[PATH_BYTES];
    int value;

    for (size_t i = 0; i < n; i++) {
        snprintf(name, sizeof name, "%s.%zu.code", list, i);
        all[i].code = (uint32_t)trunk_integer(from, name);
        snprintf(name, sizeof name, "%s.%zu.outcome", list, i);
        if (word_of(from, name, outcomes, &value) != 0) {
            free(all);
            return NULL;
        }
        all[i].outcome = (enum gateway_outcome)value;
    }
    *count = n;
    return all;
}

struct trunk_reason *trunk_reasons(const struct trunk_source *from, const char *list, size_t *count)
{
    size_t n = from->host->setting_count(from->gw, list);
    struct trunk_reason *all = memory_calloc(n + 1, sizeof *all);
    char name[PATH_BYTES];
    int value;

    for (size_t i = 0; i < n; i++) {
        snprintf(name, sizeof name, "%s.%zu.code", list, i);
        all[i].code = trunk_string(from, name);
        snprintf(name, sizeof name, "%s.%zu.reason", list, i);
        if (word_of(from, name, reasons, &value) != 0) {
            free(all);
            return NULL;
        }
        all[i].reason = (enum gateway_reason)value;
    }
    *count = n;
    return all;
}
