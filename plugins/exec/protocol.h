/*
 * protocol.h - the lines that a program is given, and those that it answers with
 *
 * A line is one JSON object (RFC 8259), UTF-8, without a line end in it. plugins/README.md
 * tells each key. jansson reads and writes; this file knows the words.
 */
#ifndef EXEC_PROTOCOL_H
#define EXEC_PROTOCOL_H

#include "gateway_plugin.h"

#include <jansson.h>

enum protocol_kind {
    PROTOCOL_NONSENSE, /* no line of ours: wrong says why */
    PROTOCOL_READY,
    PROTOCOL_ANSWER,
    PROTOCOL_RECEIPT,
    PROTOCOL_REPLY,
};

/* A line that was read. What it points to is part of root. */
struct protocol_line {
    enum protocol_kind kind;
    json_t *root;
    const char *ack;   /* of a receipt or reply that wants to know when it is stored; or NULL */
    const char *wrong; /* what is wrong with it, with a good kind too; NULL: nothing */
    bool ready;        /* of PROTOCOL_READY */
    const char *why;
    uint64_t token; /* of PROTOCOL_ANSWER */
    struct gateway_answer answer;
    struct gateway_id ids[GATEWAY_MAX_IDS];
    struct gateway_receipt receipt;
    struct gateway_reply reply;
};

/* Reads n bytes. An answer that cannot be understood, but names its message, is an answer:
 * UNKNOWN. Free it with protocol_free(). */
void protocol_read(const char *bytes, size_t n, struct protocol_line *line);
void protocol_free(struct protocol_line *line);

/* The line for a message, with its '\n': malloc'd; NULL if it is no UTF-8. */
char *protocol_message(const struct gateway_message *m, bool with_columns, size_t *length);

/* The line that says what became of a receipt or reply: malloc'd. */
char *protocol_ack(const char *ack, bool stored, size_t *length);

#endif
