/*
 * codes.h - what a provider's codes mean, from one table file a plugin
 *
 * plugins/NAME/codes.tsv is text that ops can read and mend. A line is
 *
 *     CODE <tab> outcome <tab> reason <tab> zh <tab> en
 *
 * outcome is one of accepted throttled unsent retry rejected broken unknown for what a
 * submit may be answered, delivered undelivered enroute for what a receipt may say;
 * reason a word of enum gateway_reason in lower case, or "-". zh and en say what it means
 * and what to do. Lines that begin with # are comments, and so is whatever stands behind a
 * fifth tab. The table is built into the plugin (CODES_TABLE) and laid beside it for the
 * command line, which shows the words.
 */
#ifndef PLUGIN_CODES_H
#define PLUGIN_CODES_H

#include "gateway_plugin.h"

enum code_receipt { CODE_NO_RECEIPT, CODE_DELIVERED, CODE_UNDELIVERED, CODE_ENROUTE };

struct code {
    const char *code;             /* NUL-terminated, as it stands in the file */
    enum gateway_outcome outcome; /* 0: of receipts */
    enum gateway_reason reason;
    enum code_receipt receipt;
    const char *zh, *en;
};

struct codes; /* opaque */

/* Reads a table. NULL with a sentence that names the line, if it is malformed or a code
 * stands there twice. */
struct codes *codes_parse(const char *text, size_t n, char *error, size_t size);
void codes_free(struct codes *c); /* NULL is fine */

/* The line of a code (n bytes), or NULL. A code in the file that ends in `*` stands for all
 * that begin so; the longest wins. */
const struct code *codes_find(const struct codes *c, const char *code, size_t n);

size_t codes_count(const struct codes *c);
const struct code *codes_at(const struct codes *c, size_t i); /* in the order of the codes */

/* The plugin's own table as bytes of the program: CODES_TABLE(NAME, "NAME/codes.tsv"). */
#define CODES_TABLE(name, file)                                                                    \
    __asm__(".section .rodata\n"                                                                   \
            ".globl codes_table_" #name "\n.hidden codes_table_" #name "\n"                        \
            "codes_table_" #name ":\n"                                                             \
            ".incbin \"plugins/" file "\"\n"                                                       \
            ".globl codes_table_end_" #name "\n.hidden codes_table_end_" #name "\n"                \
            "codes_table_end_" #name ":\n"                                                         \
            ".previous\n");                                                                        \
    extern const char codes_table_##name[], codes_table_end_##name[]
#define CODES_BYTES(name) ((size_t)(codes_table_end_##name - codes_table_##name))

#endif
