/*
 * at_number.h - whom of the register a person means by a number
 *
 * A household's phone is several people: then a name tells which, or all are meant.
 */
#ifndef OUTREACH_AT_NUMBER_H
#define OUTREACH_AT_NUMBER_H

#include "address.h"
#include "buf.h"
#include "residents.h"

#define AT_NUMBER_MOST 512 /* who has more is refused: all of them would not be all */

struct at_number {
    char address[ADDRESS_BYTES];
    const char *bare;                /* the address behind its channel: a number, as it is masked */
    int64_t numbers[AT_NUMBER_MOST]; /* theirs in the register */
    size_t count;                    /* 0: nobody has this number */
    struct buf names;                /* theirs, for buf_free() */
};

/* typed: a telephone number, or "wecom:zhangsan". name: which of several (NULL: whoever); all:
 * every one of several. 0, or an exit code that was told; out->names is good in both cases. */
int at_number_find(const struct cli *cli, struct residents *r, const char *typed, const char *name,
                   bool all, struct at_number *out);

#endif
