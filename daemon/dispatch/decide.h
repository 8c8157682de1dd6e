/*
 * decide.h - what is to become of one notice, by its row and the clock alone
 *
 * Pure: nothing is asked, sent or written. The pump decides by these, and so does the
 * forecast, which therefore says what will be done and no copy of it.
 */
#ifndef OUTREACH_DECIDE_H
#define OUTREACH_DECIDE_H

#include "campaign.h"
#include "encoding.h"
#include "gateway.h"
#include "ledger.h"
#include "template.h"

#define DECIDE_TEXT_BYTES 4096 /* of a composed text */

enum decided { DECIDE_GOES, DECIDE_WAITS, DECIDE_LATE, DECIDE_FAILS };

struct decided_time {
    int64_t expires_ms;     /* in: the reminder's; out: this person's, by her slot */
    int64_t until_ms;       /* of WAITS: look again then */
    int64_t hours_until_ms; /* of GOES: in her own zone she may be disturbed until then */
    enum notice_reason reason;
};

/* May it go at now_ms, as far as this person's slot and zone are concerned? The hours of
 * the campaign's own zone are for who asks: they are the same for all. */
enum decided decide_time(const struct campaign *c, size_t reminder,
                         const struct template_value *row, int64_t now_ms, struct decided_time *t);

/* Of `answers`: is it for somebody who did not ask for it just now? Then the campaign's hours
 * hold for her, and her refusal. */
bool decide_unasked(const struct campaign *c, const struct template_value *row);

/* Is she kept from it where she has refused, on whatever channel? Who asked is answered, also where
 * she has refused since, or has just done so. */
bool decide_refusal_holds(const char *reminder, bool unasked);

/* The version of the campaign that a correction was written for; 0 of anything else. In a newer
 * one it is not sent: what is right takes its place. */
unsigned decide_version(const struct campaign *c, const struct template_value *row);

/* Can she be reached by that step of the campaign's channels? */
bool decide_address(const struct campaign *c, size_t reminder, size_t step,
                    const struct template_value *row);

struct decided_text {
    char shown[DECIDE_TEXT_BYTES]; /* no NUL */
    size_t length;
    struct text_size size; /* one segment where they do not count */
    const char *language;
    const struct campaign_text *text;
};

/* What the phone will show when that gateway carries it, and what it takes; or why there is no
 * such text. */
enum notice_reason decide_text(const struct campaign *c, size_t reminder, size_t step,
                               const struct gateway_config *gateway,
                               const struct template_value *row, struct decided_text *out);

/* The same for a resident who is to have a neutral text only, in that language: REASON_SAFE
 * where there is none for her. */
enum notice_reason decide_neutral(const struct campaign *c, size_t step,
                                  const struct gateway_config *gateway, const char *to,
                                  const char *language, struct decided_text *out);

#endif
