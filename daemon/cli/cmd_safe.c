/*
 * outreach safe - residents whom a notice could put in danger
 *
 * A person marks them, never a message. The audit says that a mark was set or taken away and by
 * whom, with the number masked: not which, and not the note, since more people read it.
 */
#include "address.h"
#include "audit.h"
#include "cli.h"
#include "clock.h"
#include "hours.h"
#include "human.h"
#include "keys.h"
#include "log.h"
#include "mem.h"
#include "picture.h"
#include "safe_marks.h"
#include "scan.h"
#include "subcommands.h"
#include "table.h"
#include "tree.h"
#include "walk.h"
#include "zone.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NEUTRAL_BYTES 4096

struct safe_options {
    bool as_is, remove, list, none;
    const char *note;
};

static const struct option_row safe_options[] = {
    {"remove", 0, OPTION_FLAG, OPTION_AT(struct safe_options, remove), NULL,
     .help = N_("take the mark away: she is told as everybody")},
    {"note", 0, OPTION_STRING, OPTION_AT(struct safe_options, note), "WORDS",
     .help = N_("for colleagues: why, until when, whom to ask; it stays with another mode")},
    {"list", 0, OPTION_FLAG, OPTION_AT(struct safe_options, list), NULL,
     .help = N_("no NUMBER: all who are marked, masked")},
    {"none", 0, OPTION_FLAG, OPTION_AT(struct safe_options, none), NULL,
     .help = N_("no NUMBER: after the marks were lost, nobody is in danger")},
    {"as-is", 0, OPTION_FLAG, OPTION_AT(struct safe_options, as_is), NULL,
     .help = N_("the address is not a telephone number: take it as it is written")},
    {0},
};

static int usage(const struct cli *cli)
{
    return cli_fail(cli, EX_USAGE, "%s",
                    T("usage: outreach safe NUMBER\n"
                      "       outreach safe NUMBER skip|neutral|hours 09:00-11:00|--remove\n"
                      "       outreach safe --list"));
}

/* Whether anybody is marked is noted where the marks are not, so that their loss is known. The two
 * keys have slots of their own, so that no script reaches both: who marks notes it before, and
 * once more after, and who takes the note away looks once more. So whatever the two do at one
 * moment, a mark that is there at the end is noted. */
static int note_marks(struct cli *cli, struct command *c, const char *op, struct error *err)
{
    command_start(c, op);
    command_add_string(c, KEY_OPTOUT);
    command_add_string(c, OPTOUT_MARKS);
    return db_ask(cli->db, c, NULL, err);
}

static int count_marks(struct cli *cli, struct command *c, int64_t *count, struct error *err)
{
    redisReply *reply;

    command_start(c, "HLEN");
    command_add_string(c, KEY_SAFE);
    if (db_ask(cli->db, c, &reply, err) != 0)
        return -1;
    *count = db_int(reply, 0);
    freeReplyObject(reply);
    return 0;
}

/* The last mark is taken away, or all were lost and a person says that nobody needs one. */
static int note_none(struct cli *cli, struct command *c, bool *none, struct error *err)
{
    int64_t count;

    if (count_marks(cli, c, &count, err) != 0)
        return -1;
    if (count == 0 &&
        (note_marks(cli, c, "SREM", err) != 0 || count_marks(cli, c, &count, err) != 0 ||
         (count > 0 && note_marks(cli, c, "SADD", err) != 0)))
        return -1;
    *none = count == 0;
    return 0;
}

static int say_none(struct cli *cli)
{
    struct command c = COMMAND_INIT;
    struct error err;
    bool none;
    int rc = note_none(cli, &c, &none, &err);

    if (rc == 0 && none) {
        audit_command(&c, "safe-none", "by", cli->by, NULL);
        rc = db_ask(cli->db, &c, NULL, &err);
    }
    command_free(&c);
    if (rc != 0)
        return cli_error(cli, EX_UNAVAILABLE, &err);
    if (!none)
        return cli_fail(cli, EX_DATAERR, "%s",
                        T("some are marked: outreach safe --list shows them, --remove takes a mark "
                          "away"));
    if (cli->json)
        cli_json(json_pack("{s:i}", "count", 0));
    else
        puts(T("nobody is marked; what waited goes on"));
    return 0;
}

/* The change and its audit, one after the other: a mark without its line in the audit is better
 * than the line without the mark. */
static int change(struct cli *cli, const char *address, const char *value, bool *changed,
                  struct error *err)
{
    struct command c = COMMAND_INIT;
    redisReply *reply = NULL;
    int rc;

    if (value != NULL && note_marks(cli, &c, "SADD", err) != 0) {
        command_free(&c);
        return -1;
    }
    command_start(&c, value != NULL ? "HSET" : "HDEL");
    command_add_string(&c, KEY_SAFE);
    command_add_string(&c, address);
    if (value != NULL)
        command_add_string(&c, value);
    rc = db_ask(cli->db, &c, &reply, err);
    if (rc == 0) {
        *changed = value != NULL || db_int(reply, 0) != 0;
        freeReplyObject(reply);
    }
    if (rc == 0 && value != NULL)
        rc = note_marks(cli, &c, "SADD", err);
    if (rc == 0 && value == NULL && *changed) {
        bool none;

        rc = note_none(cli, &c, &none, err);
    }
    if (rc == 0 && *changed) {
        audit_command(&c, value != NULL ? "safe-mark" : "safe-remove", "to",
                      log_mask(address, strlen(address)), "by", cli->by, NULL);
        rc = db_ask(cli->db, &c, NULL, err);
    }
    command_free(&c);
    return rc;
}

/* What stands in Redis; or NULL with err: it is not what is stored as a note. */
static char *written(const struct cli *cli, const char *mode, const char *hours, const char *note,
                     struct error *err)
{
    note = note != NULL ? note : "";
    if (strlen(note) >= SAFE_NOTE_BYTES || strchr(note, '\n') != NULL ||
        strncmp(note, "by ", 3) == 0 || strncmp(note, "at ", 3) == 0) {
        error_set(err,
                  T("the note is one line of at most %d bytes, and begins with neither \"by \" nor "
                    "\"at \""),
                  SAFE_NOTE_BYTES - 1);
        return NULL;
    }
    return xasprintf("%s%s%s\nby %s\nat %" PRId64 "%s%s", mode, hours != NULL ? " " : "",
                     hours != NULL ? hours : "", cli->by, clock_wall_ms(), note[0] ? "\n" : "",
                     note);
}

static void show(const struct cli *cli, const char *shown, const struct safe_note *n)
{
    const struct zone *zone = zone_find(cli->settings->defaults.timezone, NULL);
    char when[HUMAN_BYTES];

    if (!n->marked) {
        printf(T("%s  is not marked\n"), shown);
        return;
    }
    printf("%s  %s%s%s  %s\n", shown, safe_mode_name(n->mark.mode),
           n->mark.mode == SAFE_HOURS ? " " : "", n->mark.hours, safe_marks_words(n->mark.mode));
    if (n->by[0] != '\0')
        printf(T("    marked by %s, %s\n"), n->by, human_time(when, zone, n->at_ms, false));
    if (n->note[0] != '\0')
        printf("    %s\n", n->note);
}

/* Whether anything of it may still be sent: a correction too, until its event is over. */
static bool is_going_on(const struct campaign_status *s, const struct campaign *c)
{
    if (strcmp(s->state, "cancelled") == 0)
        return false;
    for (size_t i = 0; i < s->reminder_count; i++)
        if (!s->reminders[i].cancelled && strcmp(s->reminders[i].state, "done") != 0 &&
            strcmp(s->reminders[i].state, "skipped") != 0)
            return true;
    return (c->ends_ms > 0 ? c->ends_ms : c->starts_ms) > clock_wall_ms();
}

/* A campaign says something neutral by each of its channels, or not. A provider's template takes
 * no such text. */
static bool has_neutral_text(const struct campaign *c)
{
    char text[NEUTRAL_BYTES];

    if (tree_member(c->document, "templates") != NULL)
        return false;
    for (size_t k = 0; k < c->channel_count; k++)
        if (campaign_compose_neutral(c, c->channels[k], c->language, SIGNATURE_PREFIX, text,
                                     sizeof text) < 0)
            return false;
    return true;
}

/* Adds the ids of those campaigns that go on and have no neutral text. -1 with err. */
static int textless_campaigns(struct cli *cli, json_t *out, struct error *err)
{
    char **ids = campaign_ids(cli->db, err);

    for (size_t i = 0; ids != NULL && ids[i] != NULL; i++) {
        struct error unread;
        struct picture *p = picture_read(cli, ids[i], &unread);
        struct campaign *c = p != NULL ? walk_campaign(cli, p, &unread) : NULL;

        if (c != NULL && is_going_on(p->status, c) && !has_neutral_text(c))
            json_array_append_new(out, json_text(ids[i]));
        campaign_free(c);
        picture_free(p);
        free(ids[i]);
    }
    free(ids);
    return ids != NULL ? 0 : -1;
}

/* What neutral does not do for her. */
static void tell_textless(const struct cli *cli, const json_t *ids)
{
    struct buf out = BUF_INIT(1u << 20), line = BUF_INIT(1u << 20);

    if (json_array_size(ids) == 0)
        return;
    buf_puts(&line, T("these have no neutral text (texts.neutral, defaults.neutral_text), are "
                      "promotions, or go by a provider's template: if she is in their list nothing "
                      "is sent to her, and "
                      "outreach uncalled lists her, to be told in person:"));
    for (size_t i = 0; i < json_array_size(ids); i++)
        buf_printf(&line, " %s", json_string_value(json_array_get(ids, i)));
    table_wrap(&out, buf_string(&line), (cli->width > 0 ? cli->width : 80) - 4, "    ");
    cli_print(&out);
    buf_free(&line);
    buf_free(&out);
}

static json_t *as_json(const char *shown, const struct safe_note *n)
{
    json_t *one = json_pack("{s:o,s:b}", "address", json_text(shown), "marked", n->marked);

    if (!n->marked)
        return one;
    json_object_set_new(one, "mode", json_string(safe_mode_name(n->mark.mode)));
    if (n->mark.mode == SAFE_HOURS)
        json_object_set_new(one, "hours", json_text(n->mark.hours));
    json_object_set_new(one, "by", json_text(n->by));
    json_object_set_new(one, "at_ms", json_integer(n->at_ms));
    json_object_set_new(one, "note", json_text(n->note));
    return one;
}

struct listing {
    const struct cli *cli;
    json_t *all;
};

static void list_one(void *arg, const redisReply *address, const redisReply *mark)
{
    struct listing *l = arg;
    const char *masked = log_mask(address->str, address->len);
    struct safe_note n;

    safe_marks_parse(mark->str, mark->len, &n);
    if (!l->cli->json)
        show(l->cli, masked, &n);
    json_array_append_new(l->all, as_json(masked, &n));
}

/* The mark, and where it is neutral the campaigns that have no such text. */
static int tell(struct cli *cli, const char *address, const struct safe_note *note, bool removed)
{
    bool neutral = note->marked && note->mark.mode == SAFE_NEUTRAL;
    json_t *textless = json_array(), *one;
    struct error err;

    if (!cli->json)
        show(cli, address, note); /* it is so, whatever comes of the rest */
    if (neutral && textless_campaigns(cli, textless, &err) != 0) {
        json_decref(textless);
        return cli_error(cli, EX_UNAVAILABLE, &err);
    }
    if (cli->json) {
        one = as_json(address, note);
        json_object_set_new(one, "removed", json_boolean(removed));
        if (neutral)
            json_object_set(one, "without_text", textless);
        cli_json(one);
    } else {
        tell_textless(cli, textless);
    }
    json_decref(textless);
    return 0;
}

static int list_all(struct cli *cli)
{
    struct listing l = {cli, json_array()};
    size_t count;
    struct error err;
    int rc = 0;

    if (scan_all(cli, "HSCAN", KEY_SAFE, list_one, &l, &err) != 0)
        rc = cli_error(cli, EX_UNAVAILABLE, &err);
    count = json_array_size(l.all);
    if (rc == 0 && cli->json)
        cli_json(json_pack("{s:I,s:O}", "count", (json_int_t)count, "masked", l.all));
    else if (rc == 0)
        printf(T("%zu are marked\n"), count);
    json_decref(l.all);
    return rc;
}

/* Another mode keeps the note, unless another one is given ("" takes it away). -1 with err. */
static int keep_note(struct cli *cli, const char *address, char **operands, int count, char **value,
                     struct error *err)
{
    struct safe_note was;

    if (safe_marks_read(cli, address, &was, err) != 0)
        return -1;
    if (was.note[0] == '\0')
        return 0;
    free(*value);
    *value = written(cli, operands[1], count == 3 ? operands[2] : NULL, was.note, err);
    return *value != NULL ? 0 : -1;
}

static bool are_all(const struct hours *hours)
{
    struct hours *always = hours_parse("always", NULL);
    bool all = hours_within(always, hours);

    hours_free(always);
    return all;
}

/* All is read before anything is changed: 0, or an exit code. */
static int read_order(struct cli *cli, const struct safe_options *options, char **operands,
                      int count, char address[ADDRESS_BYTES], char **value)
{
    int mode = count > 1 ? safe_mode_parse(operands[1]) : -1;
    const char *hours = mode == SAFE_HOURS && count == 3 ? operands[2] : NULL;
    struct hours *parsed;
    struct error err;
    bool whole_day;

    if (count == 1 && strcmp(operands[0], "list") == 0) /* as of other commands */
        return usage(cli);
    if (count > 1 && mode < 0)
        return cli_fail(cli, EX_USAGE, T("%s: expected skip, neutral or hours"), operands[1]);
    if (mode == SAFE_HOURS && count != 3)
        return cli_fail(cli, EX_USAGE,
                        T("hours: say which, as in `outreach safe %s hours "
                          "09:00-11:00`"),
                        operands[0]);
    if (count < 1 || (options->remove && count > 1) || (mode == SAFE_HOURS) != (count == 3) ||
        (options->note != NULL && mode < 0))
        return usage(cli);
    if (address_read(cli, operands[0], options->as_is, address, &err) != 0)
        return cli_error(cli, EX_DATAERR, &err);
    if (hours != NULL && (hours[0] == '\0' || strlen(hours) >= SAFE_HOURS_BYTES))
        return usage(cli);
    if (hours != NULL) {
        parsed = hours_parse(hours, &err);
        if (parsed == NULL)
            return cli_error(cli, EX_DATAERR, &err);
        whole_day = are_all(parsed);
        hours_free(parsed);
        if (whole_day)
            return cli_fail(cli, EX_DATAERR,
                            T("%s are all hours of the day, and protect nobody: write those at "
                              "which it is safe, or --remove"),
                            hours);
    }
    if (mode >= 0 && (*value = written(cli, operands[1], hours, options->note, &err)) == NULL)
        return cli_error(cli, EX_DATAERR, &err);
    return 0;
}

static int safe(struct cli *cli, const void *arg, char **operands, int count)
{
    const struct safe_options *options = arg;
    char address[ADDRESS_BYTES], *value = NULL;
    struct safe_note note;
    struct error err;
    bool changed = false;
    int rc = cli_settings(cli);

    if (rc != 0)
        return rc;
    if ((options->list || options->none) &&
        (count > 0 || options->remove || (options->list && options->none)))
        return usage(cli);
    if (!options->list && !options->none)
        rc = read_order(cli, options, operands, count, address, &value);
    if (rc == 0)
        rc = cli_connect(cli);
    if (rc == 0 && options->list)
        return list_all(cli);
    if (rc == 0 && options->none)
        return say_none(cli);
    if (rc == 0 && value != NULL && options->note == NULL &&
        keep_note(cli, address, operands, count, &value, &err) != 0)
        rc = cli_error(cli, EX_UNAVAILABLE, &err);
    if (rc == 0 &&
        ((value != NULL || options->remove) && change(cli, address, value, &changed, &err) != 0))
        rc = cli_error(cli, EX_UNAVAILABLE, &err);
    if (rc == 0 && safe_marks_read(cli, address, &note, &err) != 0)
        rc = cli_error(cli, EX_UNAVAILABLE, &err);
    if (rc == 0 && options->remove && changed && !cli->json)
        printf(T("%s  the mark is taken away: she is told as everybody again\n"), address);
    else if (rc == 0)
        rc = tell(cli, address, &note, options->remove && changed);
    free(value);
    return rc;
}

const struct subcommand cmd_safe = {
    .name = "safe",
    .operands = "[NUMBER] [skip|neutral|hours] [HOURS]",
    .summary = N_("residents in danger: not told by machine, or not so"),
    .more = N_("skip: nothing is sent; `outreach uncalled` lists her, so that somebody tells her.\n"
               "neutral: a text that says nothing, of the campaign (texts.neutral) or configured\n"
               "(defaults.neutral_text). hours: only then, as in \"09:00-11:00\", and within the\n"
               "campaign's. It holds at once, on every channel, for all that has not left yet.\n"
               "NUMBER alone shows its mark. Only a person sets one, never a reply by SMS."),
    .least = 0,
    .most = 3,
    .options = safe_options,
    .options_bytes = sizeof(struct safe_options),
    .run = safe,
};
