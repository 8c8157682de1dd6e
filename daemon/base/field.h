/*
 * field.h - a group of settings read into a struct, by a table
 *
 * A table says for each setting its name, kind, place in the struct, range and
 * default. One reader walks it: what is missing, unknown, of the wrong kind or
 * out of range is told with file, line, path and what was expected; for an
 * unknown name the nearest known one is suggested. The same tables serve the
 * configuration and the campaigns, from libconfig and from JSON.
 *
 *     static const struct field web_fields[] = {
 *         {"listen", FIELD_STRING, FIELD_AT(struct web_settings, listen),
 *          .initial = "127.0.0.1:8090", .help = "address and port of the console"},
 *         {"idle", FIELD_DURATION, FIELD_AT(struct web_settings, idle_ms),
 *          .min = 1000, .max = 3600000, .initial = "30s"},
 *         {0},
 *     };
 *
 * What a kind leaves at its offset:
 *
 *     FIELD_STRING    const char *          NULL where absent and without default
 *     FIELD_SECRET    const char *          resolved from "@file:..." or "@env:..."
 *     FIELD_INT       int64_t
 *     FIELD_FLOAT     double                integers are taken too
 *     FIELD_BOOL      bool
 *     FIELD_ENUM      int                   index into names
 *     FIELD_DURATION  int64_t               milliseconds
 *     FIELD_STRINGS   struct field_strings  a single string is a list of one
 *     FIELD_GROUP     a struct, by fields   defaults apply where it is absent
 *     FIELD_GROUPS    struct field_groups   a list of structs of size bytes
 *     FIELD_ANY       const struct tree *   NULL where absent
 *     FIELD_CUSTOM    what read() does      left as it is where absent and without default;
 *                                           a default's node is gone when read() returns
 */
#ifndef OUTREACH_FIELD_H
#define OUTREACH_FIELD_H

#include "tree.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct error;

enum field_kind {
    FIELD_STRING,
    FIELD_SECRET,
    FIELD_INT,
    FIELD_FLOAT,
    FIELD_BOOL,
    FIELD_ENUM,
    FIELD_DURATION,
    FIELD_STRINGS,
    FIELD_GROUP,
    FIELD_GROUPS,
    FIELD_ANY,
    FIELD_CUSTOM,
};

struct field_strings {
    const char *const *items;
    size_t count;
};

struct field_groups {
    void *items; /* count structs, one after the other */
    size_t count;
};

/* Reads value into at; fills err with tree_error(err, value, ...) on -1. */
typedef int field_read_fn(const struct tree *value, void *at, struct arena *arena,
                          struct error *err);

/* The place of a member: {"port", FIELD_INT, FIELD_AT(struct settings, port), .min = 1, ...} */
#define FIELD_AT(structure, member) .offset = offsetof(structure, member)

struct field {
    const char *name; /* NULL ends the table */
    enum field_kind kind;
    size_t offset;
    int64_t min, max;    /* of a number, a duration in ms, a string's length in bytes, a list's
                            length; both 0: unchecked. A float's are whole numbers */
    const char *initial; /* as it would be written: "30s", "true"; NULL for 0, false, none.
                            Strings, numbers, bools, enums and durations only */
    bool required;
    const char *const *names;   /* of FIELD_ENUM, ended by NULL */
    const struct field *fields; /* of FIELD_GROUP, FIELD_GROUPS */
    size_t size;                /* of a struct of FIELD_GROUPS */
    field_read_fn *read;        /* of FIELD_CUSTOM */
    const char *help;           /* one line */
};

/* Reads group into out, which the caller has zeroed. Strings live in the tree
 * and the arena, both of which must outlive out. Returns 0, or -1 with err. */
int fields_read(const struct field *table, const struct tree *group, void *out, struct arena *arena,
                struct error *err);

/* Reads one value by the first row of table into at: for a FIELD_CUSTOM that
 * looks further at what another kind reads. */
int field_read_one(const struct field *table, const struct tree *value, void *at,
                   struct arena *arena, struct error *err);

/* Do all defaults of a table stand in their own kinds and ranges, is every name
 * there once? For tables that come from elsewhere (plugins) and for tests.
 * Returns 0, or -1 with "NAME: what is wrong". */
int fields_check(const struct field *table, struct error *err);

/* Sets every field of out to its default, as if the group were empty; what is
 * required is not asked for. */
void fields_initial(const struct field *table, void *out, struct arena *arena);

/* For a FIELD_CUSTOM: a list of at most 100 networks (network.h), into a struct field_strings. */
field_read_fn field_read_networks;

/* Resolves "@file:/path" (not readable by everybody; line ends at its end are
 * cut) or "@env:NAME". Anything else is refused without being repeated.
 * Returns a string in the arena, or NULL with err. */
const char *field_secret(const char *spec, struct arena *arena, struct error *err);

/* "500ms", "30s", "5min", "2h", "3d" or "1day" to milliseconds. Returns 0 or -1. */
int field_duration(const char *text, int64_t *ms);

/* "200/s", "20/min", "5/day", "1/30s": a count (1 or more) in a period (1 ms or
 * more). Returns 0 or -1. */
int field_rate(const char *text, int64_t *count, int64_t *period_ms);

/* Of the names in a table the one that a person may have meant (at most two slips of
 * the pen, in less than half of its letters), or NULL. next
 * gives the i-th name and NULL behind the last. */
const char *field_nearest(const char *name, const char *(*next)(const void *arg, size_t i),
                          const void *arg);

#endif
