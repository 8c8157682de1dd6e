#include "calendar.h"

#include "error.h"
#include "language.h"
#include "mem.h"
#include "tree.h"
#include "zone.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_BYTES sizeof "CN-2026.conf"
#define MOST_RANGES 400

/* What is not as on any Monday or Sunday. Days as 20260101. */
struct range {
    int from, to;
    bool worked;
};

struct year {
    struct year *next;
    int number;
    size_t count;
    struct range ranges[MOST_RANGES];
};

struct calendar {
    struct calendar *next;
    char country[3];
    struct year *years;
};

static struct calendar *calendars;

/* ---------------------------------------------------------------------- reading */
static const char *read_day(const char *s, int *day)
{
    static const int months[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int parts[3] = {0};

    for (int i = 0; i < 3; i++) {
        for (int digits = i == 0 ? 4 : 2; digits > 0; digits--, s++) {
            if (!isdigit((unsigned char)*s))
                return NULL;
            parts[i] = parts[i] * 10 + (*s - '0');
        }
        if (i < 2 && *s++ != '-')
            return NULL;
    }
    *day = parts[0] * 10000 + parts[1] * 100 + parts[2];
    return parts[1] >= 1 && parts[1] <= 12 && parts[2] >= 1 && parts[2] <= months[parts[1] - 1]
               ? s
               : NULL;
}

int calendar_days_parse(const char *text, int *from, int *to)
{
    const char *s = read_day(text, from);

    *to = *from;
    if (s != NULL && *s == '/')
        s = read_day(s + 1, to);
    return s != NULL && *s == '\0' ? 0 : -1;
}

static int read_days(const struct tree *list, bool worked, struct year *year, struct error *err)
{
    if (list == NULL)
        return 0;
    if (list->kind != TREE_LIST)
        return tree_error(err, list, "expected a list of days, found %s",
                          tree_kind_name(list->kind));
    for (const struct tree *one = list->first; one != NULL; one = one->next) {
        struct range *r = &year->ranges[year->count];

        if (one->kind != TREE_STRING || calendar_days_parse(one->string, &r->from, &r->to) != 0)
            return tree_error(err, one,
                              "expected a day \"2026-01-04\" or days \"2026-10-01/2026-10-07\"");
        if (r->from / 10000 != year->number || r->to / 10000 != year->number)
            return tree_error(err, one, "is not in the year of this file");
        if (r->to < r->from)
            return tree_error(err, one, "ends before it begins");
        r->worked = worked;
        for (size_t i = 0; i < year->count; i++)
            if (r->from <= year->ranges[i].to && r->to >= year->ranges[i].from)
                return tree_error(err, one, "stands there twice");
        if (++year->count == MOST_RANGES)
            return tree_error(err, one, "more than %d entries", MOST_RANGES - 1);
    }
    return 0;
}

static int read_file(const char *path, struct year *year, struct error *err)
{
    struct tree *root = tree_read_config(path, err);
    int rc = root == NULL ? -1 : 0;

    for (const struct tree *one = root ? root->first : NULL; one != NULL && rc == 0;
         one = one->next)
        if (strcmp(one->name, "off") == 0 || strcmp(one->name, "worked") == 0)
            rc = read_days(one, one->name[0] == 'w', year, err);
        else if (strcmp(one->name, "source") != 0 || one->kind != TREE_STRING)
            rc = tree_error(err, one, "expected source, off and worked");
    tree_free(root);
    return rc;
}

static void calendar_free(struct calendar *list)
{
    struct calendar *next;

    for (; list != NULL; list = next) {
        struct year *after;

        next = list->next;
        for (struct year *y = list->years; y != NULL; y = after) {
            after = y->next;
            free(y);
        }
        free(list);
    }
}

static struct calendar *find(struct calendar **list, const char *country)
{
    struct calendar *c;

    for (c = *list; c != NULL; c = c->next)
        if (memcmp(c->country, country, 2) == 0)
            return c;
    c = xcalloc(1, sizeof *c);
    memcpy(c->country, country, 2);
    c->next = *list;
    *list = c;
    return c;
}

static bool is_calendar(const char *name)
{
    static const char shape[NAME_BYTES] = "AA-0000.conf";

    for (size_t i = 0; i < sizeof shape; i++) {
        int is = shape[i] == 'A'   ? isupper((unsigned char)name[i])
                 : shape[i] == '0' ? isdigit((unsigned char)name[i])
                                   : name[i] == shape[i];

        if (!is)
            return false;
    }
    return true;
}

static int read_one(struct calendar **list, const char *dir, const char *name, struct error *err)
{
    char *path = xasprintf("%s/%s", dir, name);
    struct year *year = xcalloc(1, sizeof *year);
    struct calendar *c = find(list, name);
    int rc;

    year->number = atoi(name + 3);
    year->next = c->years;
    c->years = year;
    rc = read_file(path, year, err);
    free(path);
    return rc;
}

/* Campaigns hold on to the calendar of their country: it stays, and gets its years. */
static void replace(struct calendar *list)
{
    for (struct calendar *c = calendars; c != NULL; c = c->next) {
        struct calendar *read = find(&list, c->country);
        struct year *years = c->years;

        c->years = read->years;
        read->years = years;
    }
    for (struct calendar *c = list; c != NULL; c = c->next) {
        bool had = false;

        for (struct calendar *old = calendars; old != NULL && !had; old = old->next)
            had = memcmp(old->country, c->country, 2) == 0;
        if (!had) {
            struct calendar *new = find(&calendars, c->country);

            new->years = c->years;
            c->years = NULL;
        }
    }
    calendar_free(list);
}

int calendar_read_all(const char *dir, struct error *err)
{
    DIR *d = dir != NULL ? opendir(dir) : NULL;
    struct calendar *list = NULL;
    struct dirent *entry;
    int rc = 0;

    if (dir != NULL && d == NULL && errno != ENOENT)
        return error_set(err, "%s: %s", dir, language_errno(errno));
    while (d != NULL && rc == 0 && (entry = readdir(d)) != NULL)
        if (is_calendar(entry->d_name))
            rc = read_one(&list, dir, entry->d_name, err);
    if (d != NULL)
        closedir(d);
    if (rc == 0)
        replace(list);
    else
        calendar_free(list);
    return rc;
}

/* --------------------------------------------------------------------- look-ups */
const struct calendar *calendar_of(const char *country)
{
    return find(&calendars, country);
}

static const struct year *year_of(const struct calendar *c, int number)
{
    const struct year *y = c->years;

    while (y != NULL && y->number != number)
        y = y->next;
    return y;
}

bool calendar_announced(const struct calendar *c, int year)
{
    return year_of(c, year) != NULL;
}

bool calendar_works(const struct calendar *c, const struct local_time *day)
{
    const struct year *y = year_of(c, day->year);
    int n = day->year * 10000 + day->month * 100 + day->day;

    for (size_t i = 0; y != NULL && i < y->count; i++)
        if (n >= y->ranges[i].from && n <= y->ranges[i].to)
            return y->ranges[i].worked;
    return day->weekday >= 1 && day->weekday <= 5;
}
