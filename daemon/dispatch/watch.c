#include "inside.h"

#include "clock.h"
#include "keys.h"
#include "log.h"
#include "timekeeper.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Asks the clocks, does as the timekeeper says, and keeps in Redis what the next life
 * needs to see a step that happens between the two: which boot of the machine this is,
 * and how far the wall clock stood off the boot-time clock. So a restart is no way
 * around a doubt.
 */
#define BOOT_ID "/proc/sys/kernel/random/boot_id"
#define ASKED_LATE_MS 1000 /* an answer that took longer says little about now */

struct watch {
    struct dispatch *d;
    struct timekeeper keeper;
    char boot[40]; /* "" where the system does not say */
    unsigned era;
    bool joined;
    bool comparing;
    int64_t compared_ms; /* boot-time clock: when Redis was asked */
};

struct watch *watch_create(struct dispatch *d)
{
    struct watch *w = xcalloc(1, sizeof *w);
    FILE *f = fopen(BOOT_ID, "re");

    w->d = d;
    if (f != NULL) {
        if (fscanf(f, "%39s", w->boot) != 1)
            w->boot[0] = '\0';
        fclose(f);
    }
    clock_hold(clock_offset_ms());
    return w;
}

void watch_free(struct watch *w)
{
    free(w);
}

/* For the next life, and for people. */
static void publish(const struct watch *w)
{
    struct command *c = &w->d->command;
    const struct timekeeper *k = &w->keeper;

    command_start(c, "HSET");
    key_daemon(c, w->d->name);
    command_add_string(c, "boot");
    command_add_string(c, w->boot);
    command_add_string(c, "offset");
    command_add_int(c, clock_wall_ms() - clock_boot_ms());
    command_add_string(c, "doubt");
    if (k->doubted)
        command_add_int(c, clock_offset_ms());
    else
        command_add_string(c, "");
    command_add_string(c, "step");
    command_add_int(c, k->doubted ? k->step_ms : 0);
    command_add_string(c, "peer");
    command_add_int(c, k->peer_ms);
    db_send(w->d->db, c, NULL, NULL);
}

static void look(struct watch *w)
{
    int64_t step_ms = clock_step_ms();

    switch (timekeeper_look(&w->keeper, step_ms, clock_system_ms(), clock_boot_ms())) {
    case TIMEKEEPER_STEADY:
        return;
    case TIMEKEEPER_NUDGED:
        clock_accept();
        return;
    case TIMEKEEPER_STEPPED:
        clock_accept();
        log_warning("clock.stepped step_ms=%lld reason=\"promotions wait for a minute\"",
                    (long long)step_ms);
        break;
    case TIMEKEEPER_CAME_BACK:
        clock_accept();
        log_warning("clock.came_back step_ms=%lld", (long long)step_ms);
        break;
    case TIMEKEEPER_DOUBTED:
        log_error("clock.doubted step_ms=%lld reason=\"the system's clock was set: nothing new is "
                  "begun until it comes back, or until `outreach clock confirm`\"",
                  (long long)step_ms);
        break;
    }
    w->era++;
    publish(w);
}

void watch_look(struct watch *w)
{
    if (w->joined)
        look(w);
}

void watch_join(struct watch *w, const redisReply *boot, const redisReply *offset,
                const redisReply *wall)
{
    /* Before the same boot: this process' clock was set already when it started. */
    if (boot != NULL && boot->type == REDIS_REPLY_STRING && w->boot[0] != '\0' &&
        strcmp(boot->str, w->boot) == 0)
        clock_hold(db_int(offset, clock_offset_ms()));
    else
        w->keeper.least_ms = db_int(wall, 0);
    w->joined = true;
    look(w);
    publish(w);
}

void watch_confirmed(struct watch *w, const redisReply *offset)
{
    if (!w->keeper.doubted || offset == NULL || offset->type != REDIS_REPLY_STRING ||
        offset->len == 0 || llabs(db_int(offset, 0) - clock_offset_ms()) > TIMEKEEPER_STEP_MS)
        return;
    log_warning("clock.confirmed step_ms=%lld", (long long)w->keeper.step_ms);
    timekeeper_confirm(&w->keeper, clock_boot_ms());
    clock_accept();
    w->era++;
    publish(w);
}

static void on_time(void *arg, const redisReply *reply)
{
    struct watch *w = arg;
    int64_t took_ms = clock_boot_ms() - w->compared_ms;
    int64_t there_ms = db_int(db_at(reply, 0), 0) * 1000 + db_int(db_at(reply, 1), 0) / 1000;
    int64_t differs_ms = there_ms - (clock_wall_ms() - took_ms / 2);

    w->comparing = false;
    if (there_ms == 0 || took_ms > ASKED_LATE_MS || !timekeeper_peer(&w->keeper, differs_ms))
        return;
    if (w->keeper.peer_ms == 0)
        log_info("clock.agrees differs_ms=%lld", (long long)differs_ms);
    else
        log_warning("clock.differs differs_ms=%lld reason=\"Redis has another time than this "
                    "machine%s\"",
                    (long long)differs_ms,
                    llabs(differs_ms) > TIMEKEEPER_PEER_STOP_MS ? ": promotions wait" : "");
    publish(w);
}

void watch_compare(struct watch *w)
{
    struct command *c = &w->d->command;

    if (!w->joined || w->comparing || w->keeper.doubted)
        return;
    w->comparing = true;
    w->compared_ms = clock_boot_ms();
    command_start(c, "TIME");
    db_send(w->d->db, c, on_time, w);
}

bool watch_sends(const struct watch *w)
{
    return timekeeper_sends(&w->keeper);
}

bool watch_lets(const struct watch *w, enum campaign_class class)
{
    return class != CLASS_PROMOTION || timekeeper_promotes(&w->keeper, clock_boot_ms());
}

unsigned watch_era(const struct watch *w)
{
    return w->era;
}
