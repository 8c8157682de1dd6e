/*
 * residents.h - the register: who lives here, whatever campaign
 *
 * A resident has a number that is hers for ever. She is known by her primary address (her
 * mobile number, where she has one) and her name: two names on a household's phone are two
 * people. Her row holds the values of the register's columns, joined by 0x1f; her tags are
 * bits, at her number, of a bitmap a tag. Columns and tags have places that never change, so
 * that a row and a bitmap mean the same to whoever has read the names earlier.
 *
 * In Redis, all in one slot: a hash of number -> row, one of address -> numbers, a bitmap of
 * 1 bit a person for each tag. About 175 bytes a person with a name and two columns.
 *
 * For programs: the calls run the loop.
 */
#ifndef OUTREACH_RESIDENTS_H
#define OUTREACH_RESIDENTS_H

#include "db.h"
#include "template.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RESIDENTS_COLUMNS 64 /* of the register */
#define RESIDENTS_TAGS 1000
#define RESIDENTS_NAME_BYTES 64 /* of a column or tag at most */

struct residents; /* opaque: the names, as they were read */

/* Reads the names of columns and tags. NULL with err. */
struct residents *residents_open(struct db *db, struct error *err);
void residents_close(struct residents *r); /* NULL is fine */

/* The names in the order of their places; good until one is added. */
size_t residents_columns(const struct residents *r, const char *const **names);
size_t residents_tags(const struct residents *r, const char *const **names);
int residents_column(const struct residents *r, const char *name); /* its place, or -1 */
int residents_tag(const struct residents *r, const char *name, size_t n);

/* The place of a column or tag, which is made where it is not there. -1 with err: too many, or
 * a name that is empty, too long, or holds a control character; of a tag also a comma. */
int residents_add_column(struct residents *r, const char *name, struct error *err);
int residents_add_tag(struct residents *r, const char *name, size_t n, struct error *err);

/* Tags as people write them into one cell: "妇女、党员, 鼓楼社区". The next of them between *at
 * and end, without blanks around it; false at the end. */
bool residents_next_tag(const char **at, const char *end, const char **tag, size_t *n);

int64_t residents_count(struct residents *r, struct error *err); /* -1 with err */
/* How many have each tag: counts[] of residents_tags(). */
int residents_tag_counts(struct residents *r, int64_t *counts, struct error *err);

/* The address that she is known by, of the channel's: a mobile number is itself, any other
 * has its channel in front. */
void residents_address(char *out, size_t size, const char *channel, const char *address, size_t n);

/* Which channels have addresses, the primary one first; ended by NULL. */
extern const char *const residents_channels[];

/* ------------------------------------------------------------------- writing */
enum residents_op {
    RESIDENTS_IMPORT,
    RESIDENTS_ADD_TAGS, /* of people who are known; others are counted */
    RESIDENTS_REMOVE_TAGS,
};

struct residents_told {
    int64_t added, changed, same, unknown;
};

struct residents_batch; /* opaque */

/* first: one address is one person. tag_columns: bit k: the values of column k are tags, so that
 * one in place of another takes the other away. */
struct residents_batch *residents_begin(struct residents *r, enum residents_op op, bool first,
                                        uint64_t tag_columns);

/* One person: values of residents_columns() (missing ones empty), places of her tags. Sent with
 * others, some hundreds at a time; waits while several are under way. -1 with err. */
int residents_put(struct residents_batch *b, const char *address, const struct template_value *row,
                  size_t columns, const unsigned *tags, size_t tag_count, struct error *err);

/* Sends what is left and waits until all is stored. -1 with err; told is what was stored until
 * then. */
int residents_end(struct residents_batch *b, struct residents_told *told, struct error *err);
void residents_free(struct residents_batch *b); /* NULL is fine */

/* Everybody of a filter gets a tag, or loses it; changed: how many. -1 with err. */
struct residents_filter;
int residents_tag_all(struct residents *r, const struct residents_filter *f, unsigned tag, bool add,
                      int64_t *changed, struct error *err);

/* Her row, her address and her tags; how many of the numbers were there, or -1. */
int64_t residents_erase(struct residents *r, const char *address, const int64_t *numbers,
                        size_t count, struct error *err);

/* ------------------------------------------------------------------- reading */
/* Who: those with all of these tags, any of those, none of the last. Lists of places. */
struct residents_filter {
    const unsigned *all, *any, *without;
    size_t all_count, any_count, without_count;
};

struct resident {
    int64_t number;
    const struct template_value *values; /* RESIDENTS_COLUMNS of them; not set: of length 0 */
    const unsigned char *const *pages;   /* for resident_has() */
};

/* -1 with err stops. */
typedef int residents_fn(void *arg, const struct resident *one, struct error *err);

/* In the order of their numbers, a page at a time: memory does not grow with the register. tags:
 * resident_has() is asked for. progress (may be NULL): of how many numbers. */
typedef void residents_progress_fn(void *arg, int64_t number, int64_t last);
int residents_each(struct residents *r, const struct residents_filter *f, bool tags,
                   residents_fn *fn, residents_progress_fn *progress, void *arg, struct error *err);
bool resident_has(const struct resident *one, unsigned tag);

/* Those of one address, at most size: how many, or -1 with err. */
int residents_at(struct residents *r, const char *address, int64_t *numbers, size_t size,
                 struct error *err);
/* One by number: 1, 0 when there is none, -1 with err. */
int residents_read(struct residents *r, int64_t number, residents_fn *fn, void *arg,
                   struct error *err);

#endif
