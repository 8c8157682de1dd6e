#include "daemons.h"

#include "buf.h"
#include "clock.h"
#include "human.h"
#include "keys.h"
#include "words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool runs(struct db *db, const char *name)
{
    struct command c = COMMAND_INIT;
    redisReply *reply = NULL;
    const redisReply *status;
    bool yes = false;

    command_start(&c, "HMGET");
    key_daemon(&c, name);
    command_add_string(&c, "seen");
    command_add_string(&c, "status");
    if (db_ask(db, &c, &reply, NULL) == 0) {
        status = db_at(reply, 1);
        yes = clock_wall_ms() - db_int(db_at(reply, 0), 0) <= DAEMONS_STALE_MS &&
              (status == NULL || status->str == NULL || strcmp(status->str, "draining") != 0);
        freeReplyObject(reply);
    }
    command_free(&c);
    return yes;
}

bool daemons_run(struct db *db)
{
    struct command c = COMMAND_INIT;
    redisReply *names = NULL;
    bool yes = false;

    command_start(&c, "SMEMBERS");
    command_add_string(&c, KEY_DAEMONS);
    if (db_ask(db, &c, &names, NULL) == 0) {
        for (size_t i = 0; i < names->elements && !yes; i++)
            yes = runs(db, names->element[i]->str);
        freeReplyObject(names);
    }
    command_free(&c);
    return yes;
}

const char *daemons_silence(void)
{
    return T("no outreachd runs: nothing moves until one does");
}

/* ------------------------------------------------------------------- their clocks */
#define PEER_STOPS_MS 60000 /* see timekeeper.h of the daemon */

static const char *text_at(const redisReply *reply, size_t i)
{
    const redisReply *value = db_at(reply, i);

    return value != NULL && value->type == REDIS_REPLY_STRING ? value->str : "";
}

static int clock_of(struct db *db, const char *name, redisReply **reply, struct daemon_clock *clock,
                    struct error *err)
{
    static const char *const fields[] = {"seen", "doubt", "step", "peer", "alarms"};
    struct command c = COMMAND_INIT;
    int rc;

    command_start(&c, "HMGET");
    key_daemon(&c, name);
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        command_add_string(&c, fields[i]);
    rc = db_ask(db, &c, reply, err);
    command_free(&c);
    if (rc != 0)
        return -1;
    *clock = (struct daemon_clock){
        .name = name,
        .seen_ms = db_int(db_at(*reply, 0), 0),
        .doubt = text_at(*reply, 1),
        .step_ms = db_int(db_at(*reply, 2), 0),
        .peer_ms = db_int(db_at(*reply, 3), 0),
        .alarms = text_at(*reply, 4),
    };
    clock->doubted = clock->doubt[0] != '\0';
    return 0;
}

int daemons_clocks(struct db *db, void (*fn)(void *arg, const struct daemon_clock *clock),
                   void *arg, struct error *err)
{
    struct command c = COMMAND_INIT;
    redisReply *names, *reply;
    struct daemon_clock clock;
    int rc;

    command_start(&c, "SMEMBERS");
    command_add_string(&c, KEY_DAEMONS);
    rc = db_ask(db, &c, &names, err);
    command_free(&c);
    if (rc != 0)
        return -1;
    for (size_t i = 0; i < names->elements && rc == 0; i++) {
        rc = clock_of(db, names->element[i]->str, &reply, &clock, err);
        if (rc != 0)
            break;
        fn(arg, &clock);
        freeReplyObject(reply);
    }
    freeReplyObject(names);
    return rc;
}

/* What a daemon's alarm.c has said: name, subject, number, apart by tabs. */
static void write_alarms(struct buf *out, const struct daemon_clock *daemon)
{
    char name[16], subject[1024], age[HUMAN_BYTES];
    long long number;

    for (const char *line = daemon->alarms;
         sscanf(line, "%15[^\t]\t%1023[^\t]\t%lld", name, subject, &number) == 3;) {
        if (strcmp(name, "disk") == 0)
            buf_printf(
                out,
                T("%1$s: only %2$lld %% of the disk is free at %3$s: where it is full nothing "
                  "is sent\n"),
                daemon->name, number, subject);
        else if (strcmp(name, "doubt") == 0)
            buf_printf(out,
                       T("%1$s: nobody knows for %2$s whether a notice was sent: outreach show -s "
                         "uncertain %3$s\n"),
                       daemon->name, human_age(age, clock_wall_ms() - number), subject);
        else if (strcmp(name, "silent") == 0)
            buf_printf(
                out,
                T("%1$s: %2$s has sent no receipt for %3$s, though many wait for one: do they "
                  "reach us?\n"),
                daemon->name, subject, human_duration(age, number * 60000));
        line = strchr(line, '\n');
        if (line++ == NULL)
            break;
    }
}

static void write_trouble(void *arg, const struct daemon_clock *clock)
{
    struct buf *out = arg;
    char far[HUMAN_BYTES];

    if (clock->doubted)
        buf_printf(out,
                   T("%s: nothing new is begun: its clock was set %s %s; `outreach clock confirm` "
                     "if it is right now\n"),
                   clock->name, clock->step_ms < 0 ? T("back by") : T("forward by"),
                   human_duration(far, llabs(clock->step_ms)));
    else if (llabs(clock->peer_ms) > PEER_STOPS_MS)
        buf_printf(out, T("%s: promotions wait: Redis' clock and its own differ by %s\n"),
                   clock->name, human_duration(far, llabs(clock->peer_ms)));
    if (clock_wall_ms() - clock->seen_ms <= DAEMONS_STALE_MS)
        write_alarms(out, clock);
}

int daemons_write_troubles(struct db *db, struct buf *out, struct error *err)
{
    return daemons_clocks(db, write_trouble, out, err);
}
