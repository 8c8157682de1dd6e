/*
 * answers.h - what a provider's answer over HTTP means to the host
 *
 * A code of theirs is looked up in the plugin's table (codes.h). One that is not there is
 * RETRY, and told once in the log with their own words. Where there is no code the exchange
 * decides: nothing left us RETRY (UNSENT would never open the circuit), TLS trouble BROKEN, a
 * lost answer UNKNOWN; then the status, of which 400 is REJECTED, 401 to 404 and so on BROKEN, 429
 * THROTTLED and 503 RETRY, while any other 5xx is UNKNOWN, for it may be a proxy's, behind which
 * the message went on.
 *
 * Their words go to a log: runs of seven and more digits, which may be somebody's number, and
 * the plugin's secret are blotted out. The strings of an answer are good until the next call.
 */
#ifndef PLUGIN_ANSWERS_H
#define PLUGIN_ANSWERS_H

#include "codes.h"
#include "gateway_plugin.h"

#define ANSWERS_CODE_BYTES 64
#define ANSWERS_TOLD 32 /* strange codes that are remembered; further ones are not told */

struct answers {
    const struct gateway_host *host;
    struct gateway *gw;
    struct codes *codes;
    const char *secret; /* the plugin's to set, at least 4 bytes; NULL: none */
    char told[ANSWERS_TOLD][ANSWERS_CODE_BYTES];
    size_t told_count;
    char code[ANSWERS_CODE_BYTES], words[200];
};

/* Reads the table (n bytes). -1 with a sentence if it is malformed. */
int answers_open(struct answers *a, const struct gateway_host *host, struct gateway *gw,
                 const char *table, size_t n, char *error, size_t size);
void answers_close(struct answers *a);

/* By their code. words may be NULL. */
void answers_by_code(struct answers *a, const char *code, const char *words,
                     struct gateway_answer *out);

/* By a line of the table that the plugin has found itself; NULL: code is strange. */
void answers_by_line(struct answers *a, const struct code *line, const char *code,
                     const char *words, struct gateway_answer *out);

/* Where they gave no code. words NULL: what failed, or nothing. */
void answers_by_http(struct answers *a, const struct gateway_http_response *response,
                     const char *words, struct gateway_answer *out);

/* The line of a receipt's code, or NULL, which is told once. a->code and a->words hold what
 * may be handed on. */
const struct code *answers_of_receipt(struct answers *a, const char *code, const char *words);

/* Accepted, with the message's id or NULL for none. *kept is what out points to. */
void answers_accepted(const char *id, struct gateway_id *kept, struct gateway_answer *out);

#endif
