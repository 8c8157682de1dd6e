/*
 * last_notice.h - which notice somebody was told last: what her reply means
 *
 * Only of campaigns that listen to replies, written when a gateway has accepted the
 * notice: 12 bytes and the address, in small hashes that are gone after two months. (A
 * campaign without `registration`, `answers` and `texts.optout` writes nothing: whatever
 * is sent back to it goes to a person.) A reply within LAST_NOTICE_MS means that notice.
 */
#ifndef OUTREACH_LAST_NOTICE_H
#define OUTREACH_LAST_NOTICE_H

#include "db.h"

#define LAST_NOTICE_MS (INT64_C(31) * 86400000)

struct last_notice {
    uint32_t ref, n; /* of the reminder (KEY_REFS), in its audience */
    uint32_t at_s;   /* wall clock */
};

struct last_notice_of {
    const char *address;
    size_t length;
    struct last_notice notice;
};

/* The call that writes them down; count in 1..512. */
void last_notice_put_command(struct command *c, const struct last_notice_of *list, size_t count,
                             int64_t now_ms);

/* Two calls look an address up: of this month's hash, and of the one before. */
#define LAST_NOTICE_LOOKS 2
void last_notice_get_command(struct command *c, const char *address, int64_t now_ms, int look);
/* Takes what one call has answered into found, if it is newer and young enough. found is
 * zeroed at first; ref 0: there is none. */
void last_notice_take(const redisReply *reply, int64_t now_ms, struct last_notice *found);

#endif
