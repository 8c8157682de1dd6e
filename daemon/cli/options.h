/*
 * options.h - the options of a command, by a table
 *
 * A table says for each option its names, argument, place in the command's
 * struct, range and default. One reader walks it through getopt_long, one writer
 * makes --help of it. Long names may be cut short as usual, options may stand
 * anywhere, `--` ends them.
 */
#ifndef OUTREACH_OPTIONS_H
#define OUTREACH_OPTIONS_H

#include "buf.h"
#include "words.h"

struct error;

enum option_kind {
    OPTION_FLAG,     /* bool */
    OPTION_STRING,   /* const char *: the argument itself */
    OPTION_STRINGS,  /* struct option_strings: the arguments, as often as it stands */
    OPTION_NUMBER,   /* int64_t; `word`, if there is one, may be written for 0 */
    OPTION_DURATION, /* int64_t, milliseconds: "3", "500ms", "2min"; a bare number is seconds */
    OPTION_CHOICE,   /* const char *: one of choices, "a|b" */
};

#define OPTION_STRINGS_MOST 32
struct option_strings {
    const char *items[OPTION_STRINGS_MOST];
    size_t count;
};

struct option_row {
    const char *name; /* "follow"; NULL ends the table */
    char letter;      /* 0: none */
    enum option_kind kind;
    size_t offset;
    const char *argument; /* its name in the help: "COUNT"; of a choice the choices */
    int64_t min, max;     /* of a number or duration; both 0: any that is not negative */
    int64_t initial;      /* of a number or duration, what it is without the option */
    const char *word;     /* "all" */
    const char *help;
};

#define OPTION_AT(structure, member) .offset = offsetof(structure, member)

/* Sets the defaults of a table in out, which the caller has zeroed. */
void options_initial(const struct option_row *table, void *out);

/* Reads argv (argv[0] is skipped) by two tables: the one that all commands
 * share, and the command's own (may be NULL). leading: stops at the first
 * operand. Operands are moved to the end; returns the index of the first; or -1
 * with an error that names the option. */
int options_read(const struct option_row *shared, void *shared_out, const struct option_row *own,
                 void *own_out, bool leading, int argc, char **argv, struct error *err);

/* A line an option, aligned: for --help. more (may be NULL): a table that goes on. */
void options_write(const struct option_row *table, const struct option_row *more, struct buf *out);

#endif
