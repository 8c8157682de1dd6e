#include "next_move.h"

#include "campaign.h"
#include "hours.h"
#include "keys.h"
#include "walk.h"

#define SOON_MS 60000

int64_t next_move_retry_ms(struct cli *cli, const char *id, const char *reminder)
{
    struct command c = COMMAND_INIT;
    redisReply *reply;
    int64_t at_ms = INT64_MAX;

    command_start(&c, "ZRANGE");
    key_retry(&c, id, reminder);
    command_add_int(&c, 0);
    command_add_int(&c, 0);
    command_add_string(&c, "WITHSCORES");
    if (db_ask(cli->db, &c, &reply, NULL) == 0) {
        at_ms = db_int(db_at(reply, 1), INT64_MAX);
        freeReplyObject(reply);
    }
    command_free(&c);
    return at_ms;
}

int64_t next_move_open_ms(const struct campaign *c, int k, int64_t ms)
{
    return k < 0 || c->column_timezone >= 0 ? ms
                                            : hours_next_open(c->reminders[k].hours, c->zone, ms);
}

int64_t next_move_ms(struct cli *cli, const struct picture *p, const struct reminder_status *r,
                     int64_t now_ms)
{
    int64_t at_ms = r->due_ms > now_ms ? r->due_ms : now_ms; /* amended since it began */
    struct campaign *c;
    struct error err;

    if (r->cancelled || r->counts[NOTICE_SENDING] > 0)
        return now_ms;
    if (r->counts[NOTICE_UNTOUCHED] == 0) {
        int64_t retry_ms = next_move_retry_ms(cli, p->status->id, r->name);

        if (retry_ms > at_ms && retry_ms != INT64_MAX)
            at_ms = retry_ms;
    }
    c = walk_campaign(cli, p, &err);
    if (c != NULL)
        at_ms = next_move_open_ms(c, campaign_find_reminder(c, r->name), at_ms);
    campaign_free(c);
    if (at_ms > r->expires_ms)
        at_ms = r->expires_ms;
    return at_ms < now_ms + SOON_MS ? now_ms : at_ms;
}
