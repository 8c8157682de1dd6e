/*
 * verdict.h - what an HTTP answer says about the message
 *
 * The configuration's rules first, in this order: throttled, retry, broken,
 * rejected, accepted; within a list in the order written; the first that holds
 * wins. Accepted comes last because many gateways answer 200 to everything and
 * put the error into the body: a broad accepted rule must not hide a narrow one.
 *
 * A rule holds when all that it names holds:
 *
 *     { status = 202; }                     exactly this status; 2..5 is a class, 5 for 500..599
 *     { contains = "ERR 3"; }               these bytes stand in the body
 *     { json = "code"; }                    the path is there and not null (jsonpath.h)
 *     { json = "code"; equals = "0"; }      ... and is this, as written: "0" for 0 and for "0"
 *     { ...; reason = "number"; }           names the reason (see reasons[]); no condition
 *
 * Where no rule holds:
 *
 *     2xx             accepted if there is no accepted rule; else unknown: they
 *                     took the request, and what they said is in no rule
 *     429             throttled, with their Retry-After
 *     503, 408, 425   retry: these mean that the request was not worked on
 *     other 5xx       unknown: a 500, 502 or 504 is also what one gets when the
 *                     message went on and the answer got lost behind the proxy.
 *                     Whoever knows better writes retry = ( { status = 5; } )
 *     401 403 407 402 broken: credentials, balance
 *     400, 422, 451   rejected; 413, 414 rejected, the text
 *     409, 303        unknown: "I have that already", "see there what came of it"
 *     other 3xx, 4xx  broken: our address or method is wrong (404, 405, 301 ...)
 *
 * No answer at all:
 *
 *     nothing left us   retry, not unsent: unsent costs nothing, so a gateway
 *                       that refuses connections would be asked without end and
 *                       without the circuit ever seeing it
 *     ... for TLS       broken: a certificate does not get better by waiting
 *     may have arrived  unknown
 */
#ifndef HTTP_VERDICT_H
#define HTTP_VERDICT_H

#include "bytes.h"
#include "gateway_plugin.h"

struct verdict_rules;

/* The fields of a rule and of an id, for the settings table. */
extern const struct gateway_setting verdict_rule_fields[];
extern const struct gateway_setting verdict_id_fields[];

/* Reads the rules, and `id`, `code` and `words`. Returns NULL with a sentence in
 * error that names the setting. */
struct verdict_rules *verdict_open(const struct gateway_host *host, struct gateway *gw, char *error,
                                   size_t size);
void verdict_close(struct verdict_rules *rules); /* NULL is fine */

/* Judges. What answer points to is rules' and good until the next call. What
 * the gateway said goes into words and code with the strings of hide (ended by
 * one of NULL; those under 4 bytes are passed over) blotted out: a gateway may
 * well repeat the whole request in its error. */
void verdict_judge(struct verdict_rules *rules, const struct gateway_http_response *response,
                   const struct gateway_id *hide, struct gateway_answer *answer);

#endif
