/*
 * trunk_settings.h - reading the settings of a trunk: what SMPP's and CMPP's have in common
 */
#ifndef TRUNK_SETTINGS_H
#define TRUNK_SETTINGS_H

#include "gateway_plugin.h"

/* Where they are read from, and where the sentence goes that says what is wrong. */
struct trunk_source {
    const struct gateway_host *host;
    struct gateway *gw;
    char *error;
    size_t size;
};

const char *trunk_string(const struct trunk_source *from, const char *name); /* "": not given */
int trunk_integer(const struct trunk_source *from, const char *name);

struct trunk_word {
    const char *word;
    int value;
};

extern const struct trunk_word trunk_validities[]; /* of enum validity */

/* The value of a setting that is one of the words, whose list is ended by {NULL}; the first where
 * it is not given. Returns 0, or -1 with error. */
int trunk_choice(const struct trunk_source *from, const char *name, const struct trunk_word *words,
                 int *out);

/* What a code means at this gateway, where the table is wrong. */
struct trunk_outcome {
    uint32_t code;
    enum gateway_outcome outcome;
};
struct trunk_reason {
    const char *code; /* of a receipt, borrowed: "0210", "MK:0012" */
    enum gateway_reason reason;
};

/* A list of groups { code; outcome; }, or { code; reason; }, for the caller to free. NULL with
 * error. */
struct trunk_outcome *trunk_outcomes(const struct trunk_source *from, const char *list,
                                     size_t *count);
struct trunk_reason *trunk_reasons(const struct trunk_source *from, const char *list,
                                   size_t *count);

#endif
