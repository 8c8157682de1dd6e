/* Somebody's calendar: refused, or events with times that there are. */
#include "fuzz.h"

#include "error.h"
#include "ics.h"
#include "utf8.h"

static void check_text(const char *s)
{
    if (s == NULL)
        return;
    HOLDS(utf8_valid(s, strlen(s)) == strlen(s));
    for (; *s != '\0'; s++)
        HOLDS((uint8_t)*s >= 0x20 && *s != 0x7f);
}

static void check_time(const struct local_time *t)
{
    HOLDS(t->year >= 1900 && t->year <= 10100 && t->month >= 1 && t->month <= 12 && t->day >= 1 &&
          t->day <= 31 && t->hour >= 0 && t->hour <= 23 && t->minute >= 0 && t->minute <= 59);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct zone *usual = zone_find("Asia/Shanghai", NULL);
    struct error err = {""};
    char *exact = malloc(size > 0 ? size : 1); /* without a byte to spare */
    size_t count;
    struct ics_event *events;

    if (size > 0)
        memcpy(exact, data, size);
    events = ics_read(exact, size, usual, &count, &err);
    HOLDS(events != NULL || (count == 0 && err.text[0] != '\0'));
    for (size_t i = 0; i < count; i++) {
        const struct ics_event *e = &events[i];

        HOLDS(e->uid != NULL && e->summary != NULL && e->zone != NULL);
        check_text(e->uid);
        check_text(e->summary);
        check_text(e->location);
        check_text(e->url);
        check_text(e->repeat);
        check_time(&e->starts);
        if (e->ends.year != 0)
            check_time(&e->ends);
        HOLDS(e->except_count <= ICS_MAX_EXCEPT);
        for (size_t k = 0; k < e->except_count; k++)
            check_time(&e->except[k]);
    }
    ics_free(events, count);
    free(exact);
    return 0;
}
