/*
 * outreach import - an organizer's calendar becomes campaign files
 *
 * Each event is a file of its own, named by its UID: imported again it is found there,
 * and left alone, since a person has been at work on it. Nothing is queued.
 */
#include "campaign.h"
#include "charset.h"
#include "clock.h"
#include "cli.h"
#include "human.h"
#include "ics.h"
#include "mem.h"
#include "repeat.h"
#include "subcommands.h"
#include "tree.h"
#include "zone.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct import_options {
    const char *into;
    bool all;
};

static const struct option_row import_options[] = {
    {"into", 'i', OPTION_STRING, OPTION_AT(struct import_options, into), "DIRECTORY",
     .help = N_("where the campaign files go (.)")},
    {"all", 'a', OPTION_FLAG, OPTION_AT(struct import_options, all), NULL,
     .help = N_("also events that are over")},
    {0},
};

/* ------------------------------------------------------------------- the file */
/* Its text, in UTF-8 whatever it was; empty out with err. */
static int read_text(const char *path, struct buf *out, struct error *err)
{
    struct buf raw = BUF_INIT(ICS_MAX_BYTES + 1);
    FILE *f = fopen(path, "re");
    struct charset_reader *reader;
    enum charset charset;
    char *room;
    int rc = -1;

    if (f == NULL)
        return error_set(err, "%s: %s", path, language_errno(errno));
    while ((room = buf_room(&raw, 65536)) != NULL) {
        size_t n = fread(room, 1, 65536, f);

        raw.length += n;
        if (n == 0)
            break;
    }
    charset = charset_guess(raw.data, raw.length, false);
    reader = charset_open(charset);
    if (ferror(f))
        error_set(err, "%s: %s", path, language_errno(errno));
    else if (room == NULL)
        error_set(err, T("%s has more than %u MB"), path, ICS_MAX_BYTES >> 20);
    else if (buf_room(out, 2 * raw.length + 8) == NULL ||
             charset_feed(reader, raw.data, raw.length, out, err) != 0 ||
             charset_finish(reader, err) != 0)
        error_prefix(err, "%s", path);
    else
        rc = 0;
    charset_close(reader);
    fclose(f);
    buf_free(&raw);
    return rc;
}

/* --------------------------------------------------------------- the campaign */
/* What a campaign may be named, the same each time: the words of its title that are ASCII, and
 * eight digits of its UID's hash. */
static void make_id(const struct ics_event *e, char id[CAMPAIGN_ID_BYTES])
{
    const char *key = e->uid[0] != '\0' ? e->uid : e->summary; /* a UID must be there */
    unsigned char digest[SHA256_DIGEST_LENGTH];
    size_t n = 0;

    for (const char *p = e->summary; *p != '\0' && n < 40; p++) {
        if ((*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9'))
            id[n++] = *p;
        else if (*p >= 'A' && *p <= 'Z')
            id[n++] = (char)(*p - 'A' + 'a');
        else if (n > 0 && id[n - 1] != '-')
            id[n++] = '-';
    }
    if (n > 0 && id[n - 1] == '-')
        n--;
    if (n == 0)
        n = (size_t)snprintf(id, CAMPAIGN_ID_BYTES, "event");
    SHA256((const unsigned char *)key, strlen(key), digest);
    n += (size_t)snprintf(id + n, CAMPAIGN_ID_BYTES - n, "-%02x%02x%02x%02x", digest[0], digest[1],
                          digest[2], digest[3]);
    if (e->replaces.year != 0)
        snprintf(id + n, CAMPAIGN_ID_BYTES - n, "-%04d%02d%02d", e->replaces.year,
                 e->replaces.month, e->replaces.day);
}

/* A libconfig string. The brackets of the signature have no place in a campaign's words. */
static void put_string(struct buf *out, const char *s)
{
    buf_putc(out, '"');
    for (; *s != '\0'; s++) {
        if (strncmp(s, "【", 3) == 0 || strncmp(s, "】", 3) == 0) {
            buf_puts(out, s[2] == "【"[2] ? "「" : "」");
            s += 2;
            continue;
        }
        if (*s == '"' || *s == '\\')
            buf_putc(out, '\\');
        buf_putc(out, *s);
    }
    buf_putc(out, '"');
}

static void put_member(struct buf *out, const char *name, const char *value)
{
    buf_printf(out, "    %s = ", name);
    put_string(out, value);
    buf_puts(out, ";\n");
}

static const char *time_text(const struct local_time *t, char out[40])
{
    snprintf(out, 40, "%04d-%02d-%02dT%02d:%02d", t->year, t->month, t->day, t->hour, t->minute);
    return out;
}

/* An event with its rule bounded, and the exceptions that are left of it. */
struct skeleton {
    const struct ics_event *event;
    char id[CAMPAIGN_ID_BYTES];
    char repeat[REPEAT_BYTES];
    struct local_time starts, ends;
    struct local_time days[REPEAT_MOST];
    int day_count; /* -1: the rule is none for a campaign, see why */
    bool bounded;
    struct error why;
};

static int day_number(const struct local_time *t)
{
    return t->year * 10000 + t->month * 100 + t->day;
}

static bool is_day(const struct skeleton *s, const struct local_time *day)
{
    for (int i = 0; i < s->day_count; i++)
        if (day_number(&s->days[i]) == day_number(day))
            return true;
    return false;
}

static void prepare(struct skeleton *s, const struct ics_event *e, int64_t now_ms)
{
    struct local_time today;
    int64_t length_ms;

    memset(s, 0, sizeof *s);
    s->event = e;
    s->starts = e->starts;
    s->ends = e->ends;
    make_id(e, s->id);
    if (e->repeat == NULL)
        return;
    zone_local(e->zone, now_ms, &today);
    s->day_count = repeat_bound(e->repeat, &s->starts, &today, e->zone, s->repeat, &s->why);
    if (s->day_count == 0)
        s->day_count = repeat_occurrences(s->repeat, &s->starts, e->zone, s->days, &s->why);
    s->bounded = strcmp(s->repeat, e->repeat) != 0;
    if (s->bounded && s->ends.year != 0) { /* it moved with its start */
        length_ms = zone_wall(e->zone, &e->ends) - zone_wall(e->zone, &e->starts);
        zone_local(e->zone, zone_wall(e->zone, &s->starts) + length_ms, &s->ends);
    }
}

static bool is_over(const struct skeleton *s, int64_t now_ms)
{
    const struct local_time *last = s->ends.year != 0 ? &s->ends : &s->starts;

    if (s->day_count < 0)
        return false;
    if (s->day_count > 0)
        last = &s->days[s->day_count - 1];
    return zone_wall(s->event->zone, last) < now_ms;
}

static void write_event(const struct skeleton *s, struct buf *out)
{
    const struct ics_event *e = s->event;
    const char *comma = "";
    char text[40];

    buf_puts(out, "  event = {\n");
    put_member(out, "starts", time_text(&s->starts, text));
    if (s->ends.year != 0 && zone_wall(e->zone, &s->ends) > zone_wall(e->zone, &s->starts))
        put_member(out, "ends", time_text(&s->ends, text));
    put_member(out, "timezone", zone_name(e->zone));
    if (e->repeat != NULL)
        put_member(out, "repeat", s->repeat[0] != '\0' ? s->repeat : e->repeat);
    for (size_t i = 0; i < e->except_count; i++) {
        if (!is_day(s, &e->except[i]))
            continue;
        buf_printf(out, "%s\"%.10s\"", comma[0] == '\0' ? "    except = ( " : comma,
                   time_text(&e->except[i], text));
        comma = ", ";
    }
    if (comma[0] != '\0')
        buf_puts(out, " );\n");
    if (e->location != NULL)
        put_member(out, "venue", e->location);
    if (e->url != NULL)
        put_member(out, "url", e->url);
    buf_puts(out, "  };\n");
}

/* What a person would otherwise overlook. */
static void write_notes(const struct skeleton *s, struct buf *out)
{
    const struct ics_event *e = s->event;

    if (e->all_day)
        buf_puts(out, T("# It is for the whole day: put its hours into starts and ends.\n"));
    if (e->unknown_zone != NULL)
        buf_printf(out, T("# Its time zone is not known here (\"%s\"): check the times.\n"),
                   e->unknown_zone);
    if (s->bounded)
        buf_puts(out, T("# In the calendar it goes on for ever; here for a year.\n"));
    if (e->more_dates)
        buf_puts(out, T("# It has other dates besides (RDATE), which are not here.\n"));
    if (s->day_count < 0)
        buf_printf(out, T("# repeat: %s\n"), s->why.text);
}

static void write_campaign(const struct skeleton *s, struct buf *out)
{
    const struct ics_event *e = s->event;
    const char *venue = e->location != NULL ? "{{event.venue}}" : "";

    buf_puts(out, T("# From a calendar. Complete it: the list (audience.file), the texts, the "
                    "reminders; then `outreach check` it.\n"));
    write_notes(s, out);
    buf_printf(out, "campaign = {\n  id = \"%s\";\n  class = \"notice\";\n  title = ", s->id);
    put_string(out, e->summary[0] != '\0' ? e->summary : s->id);
    buf_puts(out, ";\n");
    write_event(s, out);
    buf_puts(out, "  audience = { file = \"residents.csv\"; };\n  texts = {\n");
    buf_printf(out, "    zh = \"{{name|居民}}您好，{{event.when}}%s%s：{{event.title}}。\";\n",
               venue[0] != '\0' ? "在" : "", venue);
    buf_printf(out, "    en = \"{{name|Resident}}: {{event.title}}, {{event.when}}%s%s.\";\n",
               venue[0] != '\0' ? ", " : "", venue);
    buf_puts(out, "  };\n  reminders = ( { name = \"eve\"; at = \"-1d 18:00\"; } );\n};\n");
}

/* ----------------------------------------------------------------------- import */
struct import {
    struct cli *cli;
    const struct import_options *options;
    json_t *all;
    struct buf out;
    unsigned written, there, over, cancelled;
};

/* Never over what is there. 1: it is. */
static int create(const char *path, const struct buf *text, struct error *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    bool written;

    if (fd < 0)
        return errno == EEXIST ? 1 : error_set(err, "%s: %s", path, language_errno(errno));
    written = write(fd, text->data, text->length) == (ssize_t)text->length;
    written &= close(fd) == 0;
    if (written)
        return 0;
    error_set(err, "%s: %s", path, language_errno(errno));
    unlink(path);
    return -1;
}

/* What `check` will say of it before a list is there. */
static void judge(const struct import *im, struct buf *text, const char *path, struct error *err)
{
    struct tree *t = tree_parse_config(text->data, text->length, path, err);
    struct campaign *c =
        t == NULL ? NULL : campaign_create(t, &im->cli->settings->defaults, NULL, 0, err);

    if (c != NULL)
        err->text[0] = '\0';
    campaign_free(c);
}

static void tell(struct import *im, const struct skeleton *s, const char *path, const char *what,
                 const struct error *trouble)
{
    char when[HUMAN_BYTES];
    int64_t starts_ms = zone_wall(s->event->zone, &s->starts);

    json_array_append_new(
        im->all,
        json_pack("{s:s,s:s,s:s,s:o,s:I,s:o,s:o}", "result", what, "id", s->id, "file", path,
                  "title", json_text(s->event->summary), "starts_ms", (json_int_t)starts_ms,
                  "repeat", s->event->repeat ? json_text(s->event->repeat) : json_null(), "trouble",
                  trouble->text[0] ? json_text(trouble->text) : json_null()));
    if (strcmp(what, "over") == 0 || im->cli->json)
        return;
    buf_printf(&im->out, "%s  %s  %s",
               strcmp(what, "written") == 0 ? T("written  ")
               : strcmp(what, "there") == 0 ? T("is there ")
                                            : T("cancelled"),
               human_time(when, s->event->zone, starts_ms, false), path);
    buf_printf(&im->out, "  %s\n", s->event->summary);
    if (trouble->text[0] != '\0')
        buf_printf(&im->out, "  ! %s\n", trouble->text);
}

static int import_one(struct import *im, const struct ics_event *e, int64_t now_ms,
                      struct error *err)
{
    struct skeleton *s = xmalloc(sizeof *s);
    struct buf text = BUF_INIT(1u << 20);
    struct error trouble = {""};
    char *path;
    int rc = 0;

    prepare(s, e, now_ms);
    path = xasprintf("%s/%s.conf", im->options->into != NULL ? im->options->into : ".", s->id);
    if (e->cancelled) {
        if (access(path, F_OK) == 0)
            error_set(&trouble, T("was imported before: if it is queued, outreach cancel %s"),
                      s->id);
        im->cancelled++;
        tell(im, s, path, "cancelled", &trouble);
    } else if (is_over(s, now_ms) && !im->options->all) {
        im->over++;
        tell(im, s, path, "over", &trouble);
    } else {
        write_campaign(s, &text);
        judge(im, &text, path, &trouble);
        rc = create(path, &text, err);
        im->written += rc == 0;
        im->there += rc == 1;
        if (rc >= 0)
            tell(im, s, path, rc == 0 ? "written" : "there", &trouble);
    }
    free(path);
    free(s);
    buf_free(&text);
    return rc < 0 ? -1 : 0;
}

static int import_all(struct import *im, const char *path, struct error *err)
{
    const struct zone *usual = zone_find(im->cli->settings->defaults.timezone, err);
    struct buf text = BUF_INIT(2 * ICS_MAX_BYTES + 64);
    struct ics_event *events = NULL;
    int64_t now_ms = clock_wall_ms();
    size_t count = 0;
    int rc = -1;

    if (usual != NULL && read_text(path, &text, err) == 0) {
        events = ics_read(text.data, text.length, usual, &count, err);
        if (events == NULL)
            error_prefix(err, "%s", path);
        else
            rc = 0;
    }
    buf_free(&text);
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = import_one(im, &events[i], now_ms, err);
    ics_free(events, count);
    return rc;
}

static int import(struct cli *cli, const void *arg, char **operands, int count)
{
    struct import im = {
        .cli = cli, .options = arg, .all = json_array(), .out = BUF_INIT(16u << 20)};
    struct error err;
    int rc = cli_settings(cli);

    (void)count;
    if (rc == 0 && access(operands[0], R_OK) != 0)
        rc = cli_fail(cli, EX_NOINPUT, T("%s cannot be read: %s"), operands[0],
                      language_errno(errno));
    else if (rc == 0 && import_all(&im, operands[0], &err) != 0)
        rc = cli_error(cli, EX_DATAERR, &err);
    if (rc == 0 && cli->json)
        cli_json(json_incref(im.all));
    else if (rc == 0)
        buf_printf(
            &im.out,
            T("written %u, already there %u, cancelled %u, over %u. Complete each file, then "
              "outreach check it.\n"),
            im.written, im.there, im.cancelled, im.over);
    cli_print(&im.out);
    json_decref(im.all);
    buf_free(&im.out);
    return rc;
}

const struct subcommand cmd_import = {
    .name = "import",
    .operands = "CALENDAR.ics",
    .summary = N_("a calendar's events as campaign files to complete"),
    .more =
        N_("Reads a calendar that Outlook, WPS, Google or a phone has exported, and writes a\n"
           "campaign file for each event that is not over: its title, times, time zone,\n"
           "repetition, place. The list, the texts and the reminders are yours to complete. The\n"
           "name comes from the event's UID, so that a calendar may be imported again: a file\n"
           "that is there is never changed. Nothing is queued; no Redis is needed."),
    .least = 1,
    .most = 1,
    .options = import_options,
    .options_bytes = sizeof(struct import_options),
    .run = import,
};
