#include "inside.h"

#include "clock.h"
#include "fault.h"
#include "keys.h"
#include "log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

/*
 * What people should see to before it does harm: said once in the log, and once when it
 * is over; meanwhile it stands in outreach:daemon:NAME for `outreach list` and `gateways`,
 * a line each, its words apart by tabs. Redis' own ailments are store/health.c's, the clock's
 * are watch.c's.
 */
#define DISK_PERCENT 10      /* of it free: less is told, */
#define DISK_WELL_PERCENT 12 /* until there is so much */
#define DOUBT_OLD_MS 3600000 /* a notice in doubt: by then a person has to look */
#define DOUBT_EVERY_MS 60000 /* the ledgers with such notices are looked through */
#define PIECE_BYTES 65536    /* of a ledger at a time */
#define AGAIN_LOOKS 20       /* what stands in Redis is written anew: its key may be lost */
#define TEXT_BYTES 4096

struct disk {
    char path[4096]; /* "" where it is the other one's disk */
    unsigned percent;
    bool told;
};

/* One that nobody knows anything of, the oldest. */
struct doubt {
    char id[CAMPAIGN_ID_BYTES], reminder[NAME_BYTES];
    uint32_t n;
    int64_t since_ms; /* wall clock; 0: there is none */
};

/* A reminder that has some: its ledger is looked through until they are found. */
struct doubtful {
    reminder_key key;
    int64_t count;
};

struct alarms {
    struct dispatch *d;
    struct disk disks[2];
    struct doubt oldest, found;       /* of the last round; so far, of this one */
    bool doubt_told, looking, failed; /* failed: something of this round could not be read */
    int64_t looked_ms;
    struct doubtful *doubtful; /* to be read, the last one first */
    size_t doubtful_count, doubtful_room;
    uint32_t next; /* record of the ledger that is being read */
    int64_t base_s, seen;
    char said[TEXT_BYTES]; /* what stands in Redis */
    unsigned looks;
};

/* --------------------------------------------------------------------- disks */
static void watch_disks(struct alarms *a)
{
    const struct settings *s = a->d->settings;
    char *slash;
    struct stat first, second;

    snprintf(a->disks[0].path, sizeof a->disks[0].path, "%s", s->state_dir);
    snprintf(a->disks[1].path, sizeof a->disks[1].path, "%s", s->log.delivery);
    slash = strrchr(a->disks[1].path, '/');
    snprintf(slash != NULL ? slash : a->disks[1].path, 2, "%s", slash != NULL ? "" : ".");
    if (stat(a->disks[0].path, &first) == 0 && stat(a->disks[1].path, &second) == 0 &&
        first.st_dev == second.st_dev)
        a->disks[1].path[0] = '\0';
}

/* As df counts: of what people other than root may have. */
static unsigned free_percent(const char *path)
{
    struct statvfs s;

    if (FAULT_FAILS("disk-low"))
        return 7;
    if (statvfs(path, &s) != 0 || s.f_blocks - s.f_bfree + s.f_bavail == 0)
        return 100;
    return (unsigned)(100 * (uint64_t)s.f_bavail / (s.f_blocks - s.f_bfree + s.f_bavail));
}

static void look_at_disk(struct disk *disk)
{
    if (disk->path[0] == '\0')
        return;
    disk->percent = free_percent(disk->path);
    if (!disk->told && disk->percent < DISK_PERCENT)
        log_warning("disk.low path=%s free_percent=%u reason=\"where it is full nothing can be "
                    "recorded, and nothing is sent\"",
                    log_quote(disk->path), disk->percent);
    else if (disk->told && disk->percent >= DISK_WELL_PERCENT)
        log_info("disk.recovered path=%s free_percent=%u", log_quote(disk->path), disk->percent);
    disk->told = disk->percent < (disk->told ? DISK_WELL_PERCENT : DISK_PERCENT);
}

/* ------------------------------------------------------------------ receipts */

/* A receipt may have come to another daemon: each counts in Redis that it has heard some. */
static void on_heard(void *arg, const redisReply *reply)
{
    struct lane *lane = arg;

    if (reply->type == REDIS_REPLY_INTEGER || reply->type == REDIS_REPLY_STRING)
        lane->heard_elsewhere = db_int(reply, 0);
}

static void look_at_lane(struct lane *lane)
{
    struct dispatch *d = lane->d;
    struct gateway_statistics s;
    int64_t now_ms = clock_mono_ms();

    if ((lane->config->capabilities & GATEWAY_SENDS_RECEIPTS) == 0 ||
        gateway_retired(lane->gateway))
        return;
    gateway_statistics(lane->gateway, &s);
    if (s.receipts != lane->heard_here) {
        lane->heard_here = s.receipts;
        command_start(&d->command, "INCR");
    } else {
        command_start(&d->command, "GET");
    }
    key_gateway(&d->command, lane->name, "heard");
    db_try(d->db, &d->command, on_heard, lane);
    switch (silence_look(&lane->silence, s.answers[GATEWAY_ACCEPTED],
                         s.receipts + (uint64_t)lane->heard_elsewhere, now_ms,
                         gateway_silence_ms(lane->gateway))) {
    case SILENCE_BEGAN:
        log_warning("receipts.silent gateway=%s accepted=%llu silent_s=%lld reason=\"none of these "
                    "has had a receipt: do they reach us?\"",
                    lane->name,
                    (unsigned long long)(s.answers[GATEWAY_ACCEPTED] - lane->silence.accepted),
                    (long long)(now_ms - lane->silence.since_ms) / 1000);
        break;
    case SILENCE_ENDED:
        log_info("receipts.back gateway=%s", lane->name);
        break;
    case SILENCE_SAME:
        break;
    }
}

/* --------------------------------------------------------------------- doubt */
static void read_next(struct alarms *a);

/* All have been looked through. */
static void doubt_judge(struct alarms *a)
{
    int64_t age_ms = clock_wall_ms() - a->found.since_ms;
    bool old = a->found.since_ms != 0 && age_ms >= DOUBT_OLD_MS;

    a->looking = false;
    if (a->failed)
        return;
    a->oldest = a->found;
    if (old && !a->doubt_told)
        log_warning("doubt.old campaign=%s reminder=%s n=%u age_s=%lld reason=\"nobody knows "
                    "whether it was sent: outreach show -s uncertain %s\"",
                    a->oldest.id, a->oldest.reminder, a->oldest.n, (long long)age_ms / 1000,
                    a->oldest.id);
    else if (!old && a->doubt_told)
        log_info("doubt.over");
    a->doubt_told = old;
}

static void on_piece(void *arg, const redisReply *reply)
{
    struct alarms *a = arg;
    struct doubtful *one = &a->doubtful[a->doubtful_count - 1];
    size_t count = reply->type == REDIS_REPLY_STRING ? reply->len / LEDGER_RECORD_BYTES : 0;
    struct ledger_header header;
    struct record r;

    a->failed = a->failed || reply->type != REDIS_REPLY_STRING;
    for (size_t i = 0; i < count; i++) {
        const unsigned char *bytes = (const unsigned char *)reply->str + i * LEDGER_RECORD_BYTES;
        int64_t since_ms;

        if (a->next + i == 0) {
            a->base_s = ledger_header_unpack(bytes, &header) == 0 ? header.base_s : 0;
            continue;
        }
        if (bytes[0] >> 4 != NOTICE_UNCERTAIN)
            continue;
        record_unpack(bytes, &r);
        a->seen++;
        since_ms = (a->base_s + (int64_t)r.intended_s) * 1000;
        if (a->found.since_ms == 0 || since_ms < a->found.since_ms) {
            a->found = (struct doubt){.n = a->next + (uint32_t)i, .since_ms = since_ms};
            key_split(one->key, a->found.id, a->found.reminder);
        }
    }
    a->next += (uint32_t)count;
    if (count < PIECE_BYTES / LEDGER_RECORD_BYTES || a->seen >= one->count) {
        a->doubtful_count--;
        a->next = 0;
        a->seen = 0;
    }
    read_next(a);
}

static void read_next(struct alarms *a)
{
    char id[CAMPAIGN_ID_BYTES], name[NAME_BYTES];
    struct command *c = &a->d->command;
    int64_t from = (int64_t)a->next * LEDGER_RECORD_BYTES;

    if (a->doubtful_count == 0) {
        doubt_judge(a);
        return;
    }
    key_split(a->doubtful[a->doubtful_count - 1].key, id, name);
    command_start(c, "GETRANGE");
    key_ledger(c, id, name);
    command_add_int(c, from);
    command_add_int(c, from + PIECE_BYTES - 1);
    db_send(a->d->db, c, on_piece, a);
}

static void ask_doubtful(void *arg, const char *id, const char *name, struct command *c)
{
    (void)arg;
    command_start(c, "HMGET");
    key_reminder(c, id, name);
    command_add_format(c, "c%d", NOTICE_UNCERTAIN);
    command_add_string(c, "expires");
}

/* After its expiry it is history: `outreach show` has it. */
static void on_counted(void *arg, const char *key, const redisReply *reply)
{
    struct alarms *a = arg;
    int64_t count = db_int(db_at(reply, 0), 0);

    a->failed = a->failed || reply->type != REDIS_REPLY_ARRAY;
    if (count == 0 || db_int(db_at(reply, 1), 0) <= clock_wall_ms())
        return;
    if (a->doubtful_count == a->doubtful_room) {
        a->doubtful_room = a->doubtful_room ? a->doubtful_room * 2 : 16;
        a->doubtful = xreallocarray(a->doubtful, a->doubtful_room, sizeof *a->doubtful);
    }
    a->doubtful[a->doubtful_count].count = count;
    snprintf(a->doubtful[a->doubtful_count++].key, sizeof a->doubtful->key, "%s", key);
}

static void on_all_counted(void *arg)
{
    read_next(arg);
}

static void look_at_doubt(struct alarms *a)
{
    static const struct poll_questions questions = {ask_doubtful, on_counted, on_all_counted};
    int64_t now_ms = clock_boot_ms();

    if (a->looking || (a->looked_ms != 0 && now_ms - a->looked_ms < DOUBT_EVERY_MS))
        return;
    a->looking = true;
    a->failed = false;
    a->looked_ms = now_ms;
    a->found.since_ms = 0;
    poll_reminders(a->d, &questions, a);
}

/* ------------------------------------------------------------------ together */

/* For people: what holds now, if it is not what stands there. */
static void publish(struct alarms *a)
{
    struct dispatch *d = a->d;
    char text[TEXT_BYTES] = "";
    size_t n = 0;

    for (size_t i = 0; i < sizeof a->disks / sizeof *a->disks; i++)
        if (a->disks[i].told && n < sizeof text)
            n += (size_t)snprintf(text + n, sizeof text - n, "disk\t%.1000s\t%u\n",
                                  a->disks[i].path, a->disks[i].percent);
    if (a->doubt_told && n < sizeof text)
        n += (size_t)snprintf(text + n, sizeof text - n, "doubt\t%s\t%lld\n", a->oldest.id,
                              (long long)a->oldest.since_ms);
    for (size_t i = 0; i < d->lane_count; i++)
        if (d->lanes[i].silence.told_ms != 0 && !gateway_retired(d->lanes[i].gateway) &&
            n < sizeof text - NAME_BYTES - 40)
            n += (size_t)snprintf(text + n, sizeof text - n, "silent\t%s\t%lld\n", d->lanes[i].name,
                                  (long long)(clock_mono_ms() - d->lanes[i].silence.told_ms) /
                                      60000);
    if (strcmp(text, a->said) == 0 && (n == 0 || a->looks % AGAIN_LOOKS != 0))
        return;
    memcpy(a->said, text, sizeof text);
    command_start(&d->command, "HSET");
    key_daemon(&d->command, d->name);
    command_add_string(&d->command, "alarms");
    command_add_string(&d->command, text);
    db_send(d->db, &d->command, NULL, NULL);
}

/* Upwards, for who is on duty. */
static void report(const struct alarms *a)
{
    const struct dispatch *d = a->d;

    for (size_t i = 0; i < sizeof a->disks / sizeof *a->disks; i++)
        if (a->disks[i].told)
            matter_report(a->d, ALARM_DISK, a->disks[i].path, a->disks[i].percent, "");
    if (a->doubt_told)
        matter_report(a->d, ALARM_DOUBT, a->oldest.id, 0, "");
    for (size_t i = 0; i < d->lane_count; i++)
        if (d->lanes[i].silence.told_ms != 0 && !gateway_retired(d->lanes[i].gateway))
            matter_report(a->d, ALARM_SILENT, d->lanes[i].name,
                          (clock_mono_ms() - d->lanes[i].silence.told_ms) / 60000, "");
}

struct alarms *alarms_create(struct dispatch *d)
{
    struct alarms *a = xcalloc(1, sizeof *a);

    a->d = d;
    strcpy(a->said, "?"); /* of a former life something may stand there */
    watch_disks(a);
    return a;
}

void alarms_free(struct alarms *a)
{
    if (a != NULL)
        free(a->doubtful);
    free(a);
}

void alarms_look(struct alarms *a)
{
    for (size_t i = 0; i < sizeof a->disks / sizeof *a->disks; i++)
        look_at_disk(&a->disks[i]);
    report(a);
    if (!a->d->started || !db_well(a->d->db))
        return;
    a->looks++;
    for (size_t i = 0; i < a->d->lane_count; i++)
        look_at_lane(&a->d->lanes[i]);
    look_at_doubt(a);
    publish(a);
}
