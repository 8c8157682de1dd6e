/* The rule of a repeated event: refused, or days in order that start where it does. */
#include "fuzz.h"

#include "error.h"
#include "repeat.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct {
        int year, month, day;
    } first[] = {{2027, 3, 6}, {2024, 2, 29}, {2027, 2, 6},
                 {2027, 2, 5}, {2030, 2, 3},  {1997, 9, 2}};
    struct take t = {data, size};
    unsigned which = take_byte(&t) % (sizeof first / sizeof *first);
    struct local_time starts = {
        .year = first[which].year, .month = first[which].month, .day = first[which].day, .hour = 9};
    const struct zone *zone = zone_find("America/New_York", NULL);
    struct local_time out[REPEAT_MOST];
    const struct local_time today = {.year = 2027, .month = 3, .day = 1};
    char bounded[REPEAT_BYTES];
    struct error err = {""};
    char *rule = as_string(t.at, t.left < 500 ? t.left : 500); /* what a campaign may say */
    int n = repeat_occurrences(rule, &starts, zone, out, &err);

    HOLDS(n >= 0 ? n > 0 && n <= REPEAT_MOST : err.text[0] != '\0');
    for (int i = 0; i < n; i++) {
        HOLDS(out[i].hour == 9 && out[i].month >= 1 && out[i].month <= 12 && out[i].day >= 1 &&
              out[i].day <= 31);
        HOLDS(i == 0 || zone_wall(zone, &out[i - 1]) < zone_wall(zone, &out[i]));
    }
    HOLDS(n <= 0 ||
          (out[0].year == starts.year && out[0].month == starts.month && out[0].day == starts.day));
    /* And as somebody's calendar has it: then it ends, and is a campaign's. */
    if (repeat_bound(rule, &starts, &today, zone, bounded, &err) == 0 &&
        strcmp(bounded, rule) != 0) {
        n = repeat_occurrences(bounded, &starts, zone, out, &err);
        HOLDS(n > 0 || err.text[0] != '\0');
    }
    free(rule);
    return 0;
}
