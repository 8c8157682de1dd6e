#include "options.h"

#include "error.h"
#include "field.h"
#include "mem.h"
#include "table.h"

#include <assert.h>
#include <ctype.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_OPTIONS 48
#define FIRST_CODE 1000 /* what getopt_long returns for row i is FIRST_CODE + i */

struct reading {
    const struct option_row *rows[MOST_OPTIONS];
    void *outs[MOST_OPTIONS];
    size_t count;
    struct option longs[MOST_OPTIONS + 1];
    char shorts[MOST_OPTIONS * 2 + 4];
};

static bool takes_argument(const struct option_row *row)
{
    return row->kind != OPTION_FLAG;
}

void options_initial(const struct option_row *table, void *out)
{
    for (; table != NULL && table->name != NULL; table++)
        if (table->kind == OPTION_NUMBER || table->kind == OPTION_DURATION)
            *(int64_t *)((char *)out + table->offset) = table->initial;
}

static void take_table(struct reading *r, const struct option_row *table, void *out)
{
    for (; table != NULL && table->name != NULL; table++) {
        assert(r->count < MOST_OPTIONS);
        r->longs[r->count] =
            (struct option){table->name, takes_argument(table), NULL, FIRST_CODE + (int)r->count};
        if (table->letter != 0) {
            size_t n = strlen(r->shorts);

            r->shorts[n++] = table->letter;
            if (takes_argument(table))
                r->shorts[n++] = ':';
            r->shorts[n] = '\0';
        }
        r->rows[r->count] = table;
        r->outs[r->count++] = out;
    }
}

static int read_number(const struct option_row *row, const char *text, int64_t *out,
                       struct error *err)
{
    char *end;
    int64_t min = row->min, max = row->max ? row->max : INT64_MAX;

    if (row->word != NULL && strcmp(text, row->word) == 0) {
        *out = 0;
        return 0;
    }
    *out = strtoll(text, &end, 10);
    if (end == text || *end != '\0' || *out < min || *out > max) {
        if (row->max != 0)
            return error_set(err, T("--%s %s: expected a number from %" PRId64 " to %" PRId64),
                             row->name, text, min, max);
        return error_set(err, T("--%s %s: expected a number"), row->name, text);
    }
    return 0;
}

static int read_duration(const struct option_row *row, const char *text, int64_t *out,
                         struct error *err)
{
    char *end;
    double seconds = strtod(text, &end);

    if (isdigit((unsigned char)text[0]) && *end == '\0' && seconds < 1e9) {
        *out = (int64_t)(seconds * 1000);
        return 0;
    }
    if (field_duration(text, out) == 0)
        return 0;
    return error_set(err, T("--%s %s: expected a time such as 3 (seconds), 2min, 2h or 7d"),
                     row->name, text);
}

static int read_choice(const struct option_row *row, const char *text, const char **out,
                       struct error *err)
{
    size_t n = strlen(text);

    for (const char *p = row->argument; n > 0 && p != NULL; p = strchr(p, '|')) {
        p += *p == '|';
        if (strncmp(p, text, n) == 0 && (p[n] == '|' || p[n] == '\0')) {
            *out = text;
            return 0;
        }
    }
    return error_set(err, T("--%s %s: expected %s"), row->name, text, row->argument);
}

static int add_string(const struct option_row *row, const char *text, struct option_strings *out,
                      struct error *err)
{
    if (out->count == OPTION_STRINGS_MOST)
        return error_set(err, T("--%s: at most %d times"), row->name, OPTION_STRINGS_MOST);
    out->items[out->count++] = text;
    return 0;
}

static int take_option(const struct option_row *row, void *out, const char *argument,
                       struct error *err)
{
    void *at = (char *)out + row->offset;

    switch (row->kind) {
    case OPTION_FLAG:
        *(bool *)at = true;
        return 0;
    case OPTION_STRING:
        *(const char **)at = argument;
        return 0;
    case OPTION_STRINGS:
        return add_string(row, argument, at, err);
    case OPTION_NUMBER:
        return read_number(row, argument, at, err);
    case OPTION_DURATION:
        return read_duration(row, argument, at, err);
    case OPTION_CHOICE:
        return read_choice(row, argument, at, err);
    }
    return -1;
}

static const char *next_name(const void *arg, size_t i)
{
    const struct reading *r = arg;

    return i < r->count ? r->rows[i]->name : NULL;
}

static int unknown(const struct reading *r, const char *given, struct error *err)
{
    char name[64];
    const char *nearest;

    snprintf(name, sizeof name, "%.*s", (int)strcspn(given, "="), given);
    nearest = strncmp(name, "--", 2) == 0 ? field_nearest(name + 2, next_name, r) : NULL;
    if (nearest != NULL)
        return error_set(err, T("there is no option %s (did you mean --%s?)"), name, nearest);
    return error_set(err, T("there is no option %s"), name);
}

static const struct option_row *row_of(const struct reading *r, int code, void **out)
{
    for (size_t i = 0; i < r->count; i++) {
        if (code != FIRST_CODE + (int)i && (r->rows[i]->letter == 0 || code != r->rows[i]->letter))
            continue;
        *out = r->outs[i];
        return r->rows[i];
    }
    return NULL;
}

int options_read(const struct option_row *shared, void *shared_out, const struct option_row *own,
                 void *own_out, bool leading, int argc, char **argv, struct error *err)
{
    struct reading r = {.count = 0};
    int code;

    /* ':' first: a missing argument is told apart from an unknown option. */
    strcpy(r.shorts, leading ? "+:" : ":");
    take_table(&r, shared, shared_out);
    take_table(&r, own, own_out);
    opterr = 0;
    optind = 0; /* glibc: starts anew */
    for (;;) {
        const struct option_row *row;
        void *out;

        code = getopt_long(argc, argv, r.shorts, r.longs, NULL);
        if (code == -1)
            return optind;
        if (code == ':')
            return error_set(err, T("%s needs an argument"), argv[optind - 1]);
        if (code == '?') {
            char letter[3] = {'-', (char)optopt, '\0'};

            if (optopt >= FIRST_CODE)
                return error_set(err, T("--%s takes no argument"),
                                 r.rows[optopt - FIRST_CODE]->name);
            return unknown(&r, optopt == 0 ? argv[optind - 1] : letter, err);
        }
        row = row_of(&r, code, &out);
        if (take_option(row, out, optarg, err) != 0)
            return -1;
    }
}

static void write_row(const struct option_row *row, struct table *t)
{
    char left[WORDS_ARGUMENT_BYTES + 80], letter[8] = "    ", words[WORDS_ARGUMENT_BYTES];

    if (row->letter != 0)
        snprintf(letter, sizeof letter, "-%c, ", row->letter);
    snprintf(left, sizeof left, "%s--%s%s%s", letter, row->name, row->argument ? " " : "",
             row->argument ? words_argument(words, row->argument) : "");
    table_cell(t, left);
    table_cell(t, words_of(row->help));
}

void options_write(const struct option_row *table, const struct option_row *more, struct buf *out)
{
    static const struct table_column columns[] = {{"", TABLE_LEFT, false}, {"", TABLE_LEFT, false}};
    struct table *t = table_create(columns, 2);

    for (; table->name != NULL; table++)
        write_row(table, t);
    for (; more != NULL && more->name != NULL; more++)
        write_row(more, t);
    table_write_glossary(t, out);
    table_free(t);
}
