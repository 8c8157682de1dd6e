/*
 * cli.h - what every subcommand stands on
 *
 * The `outreach` command talks to Redis directly and works while no daemon
 * runs. A subcommand reads its settings, connects, asks one thing after the
 * other, prints, and returns an exit code of sysexits.h:
 *
 *     0   done                            73  a file cannot be made
 *     64  the command line is wrong       74  a file cannot be written to its end
 *     65  a file, a row, an id is wrong   75  not now: try again
 *     66  a file cannot be read           77  she has refused, or is protected;
 *     69  Redis cannot be reached             who asks may not, another may
 *     70  numbers that must agree do not  78  the configuration is wrong
 *     71  out of memory                   128 + the signal that ended it
 *
 * What a person asked for goes to stdout, what went wrong to stderr. With --json
 * stdout is one JSON value (or one a line, where the output has no end), also
 * for a failure: {"error": "...", "exit": 65}. How wide it is: prose.h.
 */
#ifndef OUTREACH_CLI_H
#define OUTREACH_CLI_H

#include "buf.h"
#include "db.h"
#include "error.h"
#include "options.h"
#include "settings.h"

#include <jansson.h>
#include <sysexits.h>

struct private_redis;
struct event_base;

struct cli {
    /* asked for on the command line */
    const char *config; /* NULL: none is there, defaults apply */
    const char *by;     /* who asks; never empty */
    bool json, help, version;

    /* what the terminal is */
    bool terminal; /* stdout is one, and it can move its cursor */
    bool unicode, colours;
    unsigned width, height; /* of the terminal; 0 where there is none */

    struct settings *settings; /* after cli_settings() */
    struct db *db;             /* after cli_connect() */
    struct event_base *base;
    struct private_redis *redis;
};

struct subcommand {
    const char *name;
    const char *operands;             /* "CAMPAIGN.conf"; "" for none */
    const char *summary;              /* one line */
    const char *more;                 /* what --help tells besides */
    int least, most;                  /* operands; most -1: any number */
    const struct option_row *options; /* ended by a row without name; NULL: none of its own */
    size_t options_bytes;             /* of the struct they are read into */
    int (*run)(struct cli *cli, const void *options, char **operands, int count);
};

/* All of them, in the order of --help; ended by one without name. */
extern const struct subcommand *const subcommands[];

/* The options that every command has. */
const struct option_row *cli_options(void);

/* Parses, runs, cleans up. Returns the exit code. */
int cli_main(int argc, char **argv);

/* Reads the configuration; connects to its Redis. 0, or an exit code when that
 * failed and was told. cli_connect() implies cli_settings(). */
int cli_settings(struct cli *cli);
int cli_connect(struct cli *cli);

/* The same after cli_settings(), with err to tell: for who has more to say. */
int cli_try_connect(struct cli *cli, struct error *err);

/* Tells what went wrong (in JSON too if that was asked for) and returns code. */
int cli_fail(const struct cli *cli, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
int cli_error(const struct cli *cli, int code, const struct error *err);

/* The same with what a command expects: EX_USAGE. */
int cli_usage(const struct cli *cli, const struct subcommand *s);

/* The same where a verb of it was typed that there is not: the nearest one is named. */
int cli_no_verb(const struct cli *cli, const struct subcommand *s, const char *typed);

/* Is there one that it may be a slip of the pen for? */
bool cli_near_verb(const struct subcommand *s, const char *typed);

/* Prints a JSON value as a line and drops the reference. */
void cli_json(json_t *value);

/* Prints and clears the buffer. -1 when nobody reads any more. */
int cli_print(struct buf *b);

/* Asks on the terminal; false without one, and for anything but y(es) or 是. */
bool cli_confirm(const struct cli *cli, const char *question);

/* Ctrl-C or TERM came: long commands look, clean up and return 128 + signal.
 * cli_catch_signals() must have been called. */
void cli_catch_signals(void);
int cli_interrupted(void); /* 0, or that exit code */

/* Sleeps, with Redis' connection looked after; ends early when interrupted. */
void cli_sleep(struct cli *cli, int64_t ms);

/* A string that may hold any bytes, as JSON. */
json_t *json_text(const char *s);

#endif
