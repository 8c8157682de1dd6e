#include "safe.h"

#include "hours.h"

#include <string.h>

static const char *const modes[] = {
    [SAFE_SKIP] = "skip",
    [SAFE_NEUTRAL] = "neutral",
    [SAFE_HOURS] = "hours",
};

#define MODES (sizeof modes / sizeof *modes)

const char *safe_mode_name(enum safe_mode mode)
{
    return modes[mode];
}

int safe_mode_parse(const char *name)
{
    for (size_t i = 0; i < MODES; i++)
        if (strcmp(modes[i], name) == 0)
            return (int)i;
    return -1;
}

void safe_parse(const char *value, size_t n, struct safe_mark *out)
{
    const char *end = memchr(value, '\n', n);
    size_t length = end != NULL ? (size_t)(end - value) : n, word = strlen("hours ");
    struct hours *hours;

    *out = (struct safe_mark){.mode = SAFE_SKIP};
    if (length == strlen("neutral") && memcmp(value, "neutral", length) == 0)
        out->mode = SAFE_NEUTRAL;
    if (length <= word || length - word >= sizeof out->hours || memcmp(value, "hours ", word) != 0)
        return;
    memcpy(out->hours, value + word, length - word);
    hours = hours_parse(out->hours, NULL);
    if (hours != NULL)
        out->mode = SAFE_HOURS;
    hours_free(hours);
}
