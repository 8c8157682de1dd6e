#include "who.h"

#include "error.h"
#include "field.h"
#include "words.h"

#include <stdio.h>
#include <string.h>

static const char *next_name(const void *arg, size_t i)
{
    const char *const *names;
    size_t count = residents_tags(arg, &names);

    return i < count ? names[i] : NULL;
}

static int unknown(const struct residents *r, const char *tag, size_t n, struct error *err)
{
    char name[RESIDENTS_NAME_BYTES + 1];
    const char *nearest;

    snprintf(name, sizeof name, "%.*s", (int)n, tag);
    nearest = field_nearest(name, next_name, r);
    if (nearest != NULL)
        return error_set(err, T("there is no tag \"%s\" (did you mean \"%s\"?)"), name, nearest);
    return error_set(err, T("there is no tag \"%s\" (outreach residents tags lists them)"), name);
}

static void point(struct who *w)
{
    w->filter.all = w->places[WHO_ALL];
    w->filter.any = w->places[WHO_ANY];
    w->filter.without = w->places[WHO_WITHOUT];
}

int who_name(struct who *w, const struct residents *r, enum who_kind kind, const char *names,
             struct error *err)
{
    size_t *counts[] = {&w->filter.all_count, &w->filter.any_count, &w->filter.without_count};
    const char *at = names, *end = names + strlen(names), *tag;
    size_t n, given = 0;

    point(w);
    while (residents_next_tag(&at, end, &tag, &n)) {
        int place = residents_tag(r, tag, n);

        if (place < 0)
            return unknown(r, tag, n, err);
        if (*counts[kind] == WHO_TAGS)
            return error_set(err, T("more than %d tags"), WHO_TAGS);
        w->places[kind][(*counts[kind])++] = (unsigned)place;
        given++;
    }
    return given > 0 ? 0 : error_set(err, T("a tag is empty"));
}
