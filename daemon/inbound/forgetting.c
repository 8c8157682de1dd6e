#include "forgetting.h"

#include "audit.h"
#include "clock.h"
#include "keys.h"
#include "log.h"
#include "mem.h"
#include "scripts.h"

#include <event2/event.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define PIECE 200 /* replies of one script */
#define FIRST_MS 2000
#define NEXT_MS 100 /* while there is more */
#define EVERY_MS 3600000
#define AGAIN_MS 60000 /* where Redis was away, or not to be trusted */

struct forgetting {
    struct inbound_options options;
    struct command command;
    struct event *timer;
};

static void look_after(struct forgetting *f, int64_t ms)
{
    struct timeval tv = {ms / 1000, (ms % 1000) * 1000};

    evtimer_add(f->timer, &tv);
}

static void tell(struct forgetting *f, int64_t forgotten, int64_t alarms)
{
    char count[24], cries[24];

    log_info("replies.forgotten count=%" PRId64 " alarms=%" PRId64 " keep_ms=%" PRId64, forgotten,
             alarms, f->options.settings->replies.keep_ms);
    snprintf(count, sizeof count, "%" PRId64, forgotten);
    snprintf(cries, sizeof cries, "%" PRId64, alarms);
    audit_command(&f->command, "replies-forgotten", "daemon", f->options.settings->name, "replies",
                  count, "alarms", alarms > 0 ? cries : NULL, "by", "outreachd", NULL);
    db_send(f->options.db, &f->command, NULL, NULL);
}

static void on_forgotten(void *arg, const redisReply *reply)
{
    struct forgetting *f = arg;

    if (db_is_error(reply, NULL))
        log_error("replies.error reply=%s", log_quote(reply->str));
    if (db_int(db_at(reply, 1), 0) > 0)
        tell(f, db_int(db_at(reply, 1), 0), db_int(db_at(reply, 2), 0));
    look_after(f, db_int(db_at(reply, 0), 0) == PIECE ? NEXT_MS : EVERY_MS);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct forgetting *f = arg;
    const struct settings *s = f->options.settings;
    int64_t now_ms = clock_wall_ms();
    struct command *c = &f->command;

    (void)fd, (void)what;
    if (!db_well(f->options.db) || dispatch_in_doubt(f->options.dispatch)) {
        look_after(f, AGAIN_MS);
        return;
    }
    command_script(c, SCRIPT_FORGET, 4);
    command_add_string(c, KEY_REPLIES);
    command_add_string(c, KEY_REPLIES_OPEN);
    command_add_string(c, KEY_REPLIES_ANSWERED);
    command_add_string(c, KEY_REPLIES_FORGOTTEN);
    command_add_int(c, now_ms - s->replies.keep_ms);
    command_add_int(c, now_ms - s->replies.keep_refusals_ms);
    command_add_int(c, PIECE);
    db_send(f->options.db, c, on_forgotten, f);
}

struct forgetting *forgetting_create(const struct inbound_options *options)
{
    struct forgetting *f = xcalloc(1, sizeof *f);

    f->options = *options;
    f->command = COMMAND_INIT;
    f->timer = evtimer_new(options->base, on_timer, f);
    return f;
}

void forgetting_start(struct forgetting *f)
{
    look_after(f, FIRST_MS);
}

void forgetting_free(struct forgetting *f)
{
    if (f == NULL)
        return;
    event_free(f->timer);
    command_free(&f->command);
    free(f);
}
