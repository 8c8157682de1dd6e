/*
 * keys.h - the names of all keys, DESIGN section 4
 *
 * Keys of one campaign share the hash tag {id}; those of one gateway {gw:name};
 * a person's limits a tag of their own. Each function adds one argument.
 */
#ifndef OUTREACH_KEYS_H
#define OUTREACH_KEYS_H

#include "command.h"

#define KEY_EVENTS "outreach:events"
#define KEY_REJECTED "outreach:events:rejected"
#define KEY_READER "outreach:events:reader"
#define KEY_CAMPAIGNS "outreach:campaigns"
#define KEY_SCHEDULE "outreach:schedule"
#define KEY_OPTOUT "outreach:optout"
#define OPTOUT_MARKS "\001outreach:safe" /* another, while anybody is marked: see safe.h */
#define OPTOUT_SEAL "\001outreach:seal"  /* a member of it that no address is, see marker.h */
#define KEY_SAFE                                                                                   \
    "outreach:safe" /* hash: address -> how she may be told of anything, see safe.h                \
                     */
#define KEY_LOG "outreach:log"
#define KEY_AUDIT "outreach:audit"
#define KEY_REPLIES "outreach:replies"
#define KEY_REPLIES_OF_LATE "outreach:{outreach:replies}:late" /* in the slot of the stream */
/* The register, all in one slot: a hash (last, columns, tags), and with it the people (number ->
 * row), their addresses (address -> numbers), a bitmap of numbers for each tag. */
#define KEY_RESIDENTS "outreach:residents"
#define KEY_RESIDENTS_PEOPLE "outreach:{outreach:residents}:people"
#define KEY_RESIDENTS_ADDRESSES "outreach:{outreach:residents}:addresses"
#define KEY_REPLIES_OPEN "outreach:{outreach:replies}:open" /* hash: id -> who has it, or "" */
/* hash: id -> "ms NAME": when a person answered it last, and who */
#define KEY_REPLIES_ANSWERED "outreach:{outreach:replies}:answered"
/* string: id that the last piece ended at of those looked at for their age */
#define KEY_REPLIES_FORGOTTEN "outreach:{outreach:replies}:forgotten"
#define KEY_REPLIES_DUTY                                                                           \
    "outreach:{outreach:replies}:duty" /* sorted set: "id whom" by ms: alerts to be sent */
/* sorted set: "id whom" by ms: those that were in it, so that who is named since joins it once */
#define KEY_REPLIES_DUTY_KNOWN "outreach:{outreach:replies}:duty:known"
#define KEY_EXTENSIONS "outreach:extensions" /* hash: digits behind a number -> campaign */
#define KEY_MARKER "outreach:marker"         /* hash: install, tick; doubt, since: see marker.h */
#define KEY_NOTHING "outreach:nothing"       /* never there: for a write that changes nothing */
#define KEY_EPOCH "outreach:epoch"
#define KEY_DAEMONS "outreach:daemons"   /* set of names */
#define KEY_GATEWAYS "outreach:gateways" /* hash name -> number, append only; 1..255 */
#define KEY_ORDERS                                                                                 \
    "outreach:gateways:orders"   /* hash: name -> "paused", "drained"; "name:rate" -> "5/s";       \
                                  "name:balance", see balance.h;                                   \
                                  "name:by", ":why", ":at" (ms) of each */
#define KEY_REFS "outreach:refs" /* hash "campaign/reminder" -> number, and number -> that */

void key_campaign(struct command *c, const char *id);
void key_audience(struct command *c, const char *id);
/* The audience that a reminder counts over: the campaign's, or a built-in one's own. */
void key_rows(struct command *c, const char *id, const char *reminder);
void key_appends(struct command *c, const char *id); /* hash: token of an append -> its rows */
/* hash: number -> who has told her in person: "by NAME", "at MS", "version V", note, a line each */
void key_called(struct command *c, const char *id);
void key_versions(struct command *c, const char *id);  /* hash: version -> document that was */
void key_corrected(struct command *c, const char *id); /* string: who has which correction */
void key_reminder(struct command *c, const char *id, const char *reminder);
void key_ledger(struct command *c, const char *id, const char *reminder);
void key_leases(struct command *c, const char *id, const char *reminder);
void key_retry(struct command *c, const char *id, const char *reminder);
void key_daemon(struct command *c, const char *name);
/* part: "parked", "ages", "status", ... */
void key_gateway(struct command *c, const char *gateway, const char *part);
/* What one source number may send, from whatever gateway. */
void key_sender(struct command *c, const char *source, const char *part);
void key_campaign_shares(struct command *c, const char *id);
void key_alarm(struct command *c, const char *matter,
               const char *name); /* who tells it, for an hour */
void key_cap(struct command *c, const char *address);
void key_cap_gateway(struct command *c, const char *address, const char *gateway);
/* What residents sent back, see places.h. */
void key_places(struct command *c, const char *campaign);
void key_places_waiting(struct command *c, const char *campaign);
void key_place_counts(struct command *c, const char *campaign);
void key_answers_given(struct command *c, const char *campaign);
void key_answer_sums(struct command *c, const char *campaign);

void key_resident_tag(struct command *c, size_t tag); /* its place among the register's tags */

/* "campaign/reminder" taken apart: both NUL-terminated into buffers of
 * CAMPAIGN_ID_BYTES and 33. -1 if it is none. */
int key_split(const char *both, char *campaign, char *reminder);

#endif
