/*
 * Residents in danger, at the gate (store/safe.h).
 *
 * Where nobody is marked, which is nearly everywhere, this costs one HLEN an intent of up to
 * GROUP_MAX notices, in the pipeline that goes anyway. When it says that there are some, the
 * marks of these people are asked for before anything of the intent leaves; and, as long as
 * that was the last that was heard, beside the HLEN, so that no intent waits twice.
 */
#include "inside.h"

#include "clock.h"
#include "decide.h"
#include "hours.h"
#include "keys.h"
#include "log.h"
#include "safe.h"

#include <string.h>

#define TELL_AGAIN_MS 60000
#define LOST_AGAIN_MS                                                                              \
    60000 /* a person has to speak: nobody is claimed and intended in vain each                    \
             second until then */

static void leave_to_a_person(struct intent *i, size_t k)
{
    if (i->refused[k] == NOTICE_OPTED_OUT)
        return;
    i->refused[k] = NOTICE_EXCLUDED;
    i->reasons[k] = REASON_SAFE;
}

/* In place of what was prepared: a text without a subject, and nothing beside it. A provider's
 * template would say the provider's words. */
static void say_nothing(struct intent *i, size_t k)
{
    struct notice *n = intent_notice(i, k);
    struct gateway_message *m = &n->message;
    struct decided_text t;

    if (m->template_code != NULL || decide_neutral(i->job->campaign, n->step, i->lane->config,
                                                   m->to, m->language, &t) != REASON_NONE) {
        leave_to_a_person(i, k);
        return;
    }
    m->text = arena_strndup(&n->batch->texts, t.shown, t.length);
    m->length = t.length;
    m->encoding = t.size.encoding == TEXT_GSM7 ? GATEWAY_GSM7 : GATEWAY_UCS2;
    m->segments = t.size.segments;
    m->title = NULL;
    m->columns = NULL;
    m->column_count = 0;
    n->neutral = true;
}

static void hold_to_hours(struct intent *i, size_t k, const char *text)
{
    struct notice *n = intent_notice(i, k);
    const struct zone *zone = i->job->campaign->zone;
    struct hours *hours = hours_parse(text, NULL);
    int64_t now_ms = clock_wall_ms(), opens_ms, close_ms;

    if (hours == NULL) {
        leave_to_a_person(i, k);
        return;
    }
    opens_ms = hours_next_open(hours, zone, now_ms);
    close_ms = hours_close(hours, zone, now_ms);
    hours_free(hours);
    if (opens_ms <= now_ms) {
        if (close_ms < n->hours_until_ms)
            n->hours_until_ms = close_ms;
        return;
    }
    if (i->refused[k] != NOT_REFUSED && i->refused[k] != NOTICE_PARKED)
        return;
    if (i->refused[k] == NOTICE_PARKED && i->later_ms[k] > opens_ms)
        return;
    i->refused[k] = NOTICE_PARKED;
    i->reasons[k] = REASON_HOURS;
    i->later_ms[k] = opens_ms;
}

/* Of several addresses each may be marked: all of it holds. */
static void obey(struct intent *i, size_t k, const char *value, size_t n)
{
    struct safe_mark mark;

    safe_parse(value, n, &mark);
    switch (mark.mode) {
    case SAFE_SKIP:
        leave_to_a_person(i, k);
        break;
    case SAFE_NEUTRAL:
        say_nothing(i, k);
        break;
    case SAFE_HOURS:
        hold_to_hours(i, k, mark.hours);
        break;
    }
}

static void refuse_all(struct intent *i, int64_t later_ms)
{
    for (size_t k = 0; k < i->moves.count; k++)
        if (i->refused[k] != NOTICE_OPTED_OUT) {
            intent_refuse_for_now(i, k);
            i->later_ms[k] += later_ms;
        }
}

static void tell_error(const struct intent *i, const redisReply *reply)
{
    log_error("safe.error campaign=%s reply=%s", i->job->id,
              log_quote(reply->str ? reply->str : ""));
}

/* The hash is gone, and the set of refusals says that somebody was in it. */
static void tell_lost(struct dispatch *d)
{
    int64_t now_ms = clock_mono_ms();

    if (d->marks_told_ms != 0 && now_ms - d->marks_told_ms < TELL_AGAIN_MS)
        return;
    d->marks_told_ms = now_ms;
    log_error("safe.lost key=%s reason=\"who is in danger was marked, and the marks are gone: "
              "nothing is sent; mark them again (outreach safe), or outreach safe --none\"",
              KEY_SAFE);
}

static void on_marks(void *arg, const redisReply *reply)
{
    struct intent *i = arg;
    size_t per = i->job->campaign->channel_count;

    if (reply->type != REDIS_REPLY_ARRAY) {
        tell_error(i, reply);
        refuse_all(i, 0);
    }
    for (size_t k = 0; k < i->moves.count; k++)
        for (size_t c = 0; c < per; c++) {
            const redisReply *mark = db_at(reply, k * per + c);

            if (mark != NULL && mark->type == REDIS_REPLY_STRING &&
                !intent_no_address(intent_notice(i, k), c))
                obey(i, k, mark->str, mark->len);
        }
    intent_gate_answered(i);
}

static void ask_marks(struct intent *i)
{
    struct command *command = &i->job->d->command;
    size_t per = i->job->campaign->channel_count;

    i->safe_asked = true;
    i->gates++;
    command_start(command, "HMGET");
    command_add_string(command, KEY_SAFE);
    for (size_t k = 0; k < i->moves.count; k++) {
        const struct notice *n = intent_notice(i, k);

        for (size_t c = 0; c < per; c++) {
            if (n->others != NULL)
                command_add_string(command, n->others[c]);
            else
                command_add(command, n->message.to, n->message.to_length);
        }
    }
    db_send(i->db, command, on_marks, i);
}

static void on_count(void *arg, const redisReply *reply)
{
    struct intent *i = arg;

    struct dispatch *d = i->job->d;

    if (reply->type != REDIS_REPLY_INTEGER) {
        tell_error(i, reply);
        refuse_all(i, 0);
    } else if (reply->integer == 0 && i->marks_noted) { /* the refusals were answered before */
        tell_lost(d);
        refuse_all(i, LOST_AGAIN_MS);
    } else {
        d->safe_known = reply->integer > 0;
        if (d->safe_known && !i->safe_asked)
            ask_marks(i);
    }
    intent_gate_answered(i);
}

void safe_ask(struct intent *i)
{
    struct command *command = &i->job->d->command;

    i->gates++;
    command_start(command, "HLEN");
    command_add_string(command, KEY_SAFE);
    db_send(i->db, command, on_count, i);
    if (i->job->d->safe_known)
        ask_marks(i);
}
