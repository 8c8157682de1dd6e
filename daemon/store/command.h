/*
 * command.h - a Redis command under construction
 *
 * Put together argument by argument, straight into the bytes that go over the
 * wire (RESP). Never from concatenated strings: an argument is what it is, with
 * any bytes in it. One command object is used over and over: db_send() takes
 * the bytes and leaves it empty.
 */
#ifndef OUTREACH_COMMAND_H
#define OUTREACH_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "scripts.h"

#define COMMAND_MAX_BYTES (4u << 20)

struct command {
    struct buf bytes; /* a gap for the head, then the arguments */
    unsigned argc;
    bool can_wait, unordered;
    int16_t slot; /* of one without a key, or -1 */
};

#define COMMAND_INIT ((struct command){.bytes = BUF_INIT(COMMAND_MAX_BYTES)})

void command_free(struct command *c);

void command_start(struct command *c, const char *name);

/* A call of one of our scripts with nkeys keys, which must follow first. */
void command_script(struct command *c, enum script script, unsigned nkeys);

void command_add(struct command *c, const void *bytes, size_t n);
void command_add_string(struct command *c, const char *s);
/* A person's, without blanks around it; of a longer one its first 64 bytes. */
void command_add_name(struct command *c, const char *name);
void command_add_int(struct command *c, int64_t n);
void command_add_format(struct command *c, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Room for an argument of exactly n bytes, for the caller to fill at once. */
char *command_add_room(struct command *c, size_t n);

/* Nobody waits for its answer: it leaves with the next one that is waited for, over whichever
 * connection of the db, or some milliseconds later. By itself it would cost Redis an fsync. */
void command_can_wait(struct command *c);

/* In a cluster it does not wait for what is under way, nor does anything sent later wait for it,
 * but in the order of its own slot: nobody presumes that one has been done before the other. Behind
 * one of its stripe that has yet to leave it waits too. Its answer still comes in its turn. */
void command_unordered(struct command *c);

/* One without a key: in a cluster it goes to whoever has that slot. */
void command_at_slot(struct command *c, int16_t slot);

/* Writes the head in front and gives the finished bytes, valid until the next
 * call on c. */
const char *command_finish(struct command *c, size_t *n);

#endif
