#include "series.h"

#include "correction.h"
#include "mem.h"

#include <stdlib.h>

struct series {
    const struct campaign *now;
    const char *const *names;
    size_t count;
    int64_t now_ms;
    struct campaign *was[AMEND_VERSIONS + 1];
    int64_t *until_ms; /* by version and reminder; 0: not to be corrected */
};

struct series *series_create(const struct campaign *now, const char *const *names, size_t count,
                             int64_t now_ms)
{
    struct series *s = xcalloc(1, sizeof *s);

    s->now = now;
    s->names = names;
    s->count = count;
    s->now_ms = now_ms;
    s->until_ms = xcalloc((AMEND_VERSIONS + 1) * count + 1, sizeof *s->until_ms);
    return s;
}

void series_free(struct series *s)
{
    if (s == NULL)
        return;
    for (unsigned v = 0; v <= AMEND_VERSIONS; v++)
        campaign_free(s->was[v]);
    free(s->until_ms);
    free(s);
}

void series_put(struct series *s, unsigned v, struct campaign *was)
{
    int64_t until_ms;

    s->was[v] = was;
    for (size_t i = 0; i < s->count; i++)
        if (correction_needed_of(was, s->names[i], s->now, s->now_ms, &until_ms))
            s->until_ms[v * s->count + i] = until_ms;
}

const struct campaign *series_version(const struct series *s, unsigned v)
{
    return v <= AMEND_VERSIONS ? s->was[v] : NULL;
}

int series_choose(const struct series *s, const unsigned char *versions, unsigned known,
                  unsigned *version, int64_t *until_ms)
{
    int chosen = -1;

    for (size_t i = 0; i < s->count; i++) {
        unsigned v = versions[i] > known ? versions[i] : known;
        int64_t until = versions[i] == 0 || v > AMEND_VERSIONS ? 0 : s->until_ms[v * s->count + i];

        if (until == 0 || (chosen >= 0 && until >= *until_ms))
            continue;
        chosen = (int)i;
        *version = v;
        *until_ms = until;
    }
    return chosen;
}
