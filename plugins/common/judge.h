/*
 * judge.h - what the answer of a provider that speaks JSON over HTTP means
 *
 * A code is looked up in the plugin's table (codes.h). One that is not there is RETRY, and told
 * once in the log with the provider's own words. Without a code the HTTP status decides; what may
 * have gone on all the same is UNKNOWN. The strings of an answer are good until the next call.
 */
#ifndef PLUGIN_JUDGE_H
#define PLUGIN_JUDGE_H

#include "codes.h"
#include "gateway_plugin.h"

#include <jansson.h>

#define JUDGE_CODE_BYTES 64
#define JUDGE_SECRETS 4
#define JUDGE_TOLD 32 /* unknown codes that are remembered; further ones are told each time */

struct judge {
    const struct gateway_host *host;
    struct gateway *gw;
    struct codes *codes;
    const char *secrets[JUDGE_SECRETS]; /* the plugin's: words that hold one are not passed on */
    char told[JUDGE_TOLD][JUDGE_CODE_BYTES];
    size_t told_count;
    char code[JUDGE_CODE_BYTES], words[300];
};

/* Reads the table. -1 with a sentence if it is malformed. */
int judge_open(struct judge *j, const struct gateway_host *host, struct gateway *gw,
               const char *table, size_t n, char *error, size_t size);
void judge_close(struct judge *j);

/* Of a request without an answer. Returns false, and does nothing, of one that has one. */
bool judge_silence(struct judge *j, const struct gateway_http_response *response,
                   struct gateway_answer *answer);

/* By the provider's code, or by the HTTP status where code is NULL or empty. words may be NULL. */
void judge_answer(struct judge *j, int status, const char *code, const char *words,
                  struct gateway_answer *answer);

/* The same of a receipt's code: its line, or NULL, told once. */
const struct code *judge_receipt(struct judge *j, const char *code, const char *words);

/* A member that is a string, or an integer as text into number; NULL for neither. */
#define JUDGE_NUMBER_BYTES 24
const char *judge_text(const json_t *object, const char *name, char number[JUDGE_NUMBER_BYTES]);

#endif
