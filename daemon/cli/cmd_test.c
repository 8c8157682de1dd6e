/*
 * outreach test - a campaign's notices to oneself, before anybody else gets them
 *
 * A campaign of its own, queued as any program queues one: the texts, channels and class
 * of the file, one recipient, and now instead of later. What she would be shown is what
 * the first person of the list would be, or the first who reads the language asked for.
 */
#include "address.h"
#include "asked.h"
#include "campaigns.h"
#include "clock.h"
#include "cli.h"
#include "column.h"
#include "daemons.h"
#include "equation.h"
#include "gateway_names.h"
#include "mem.h"
#include "picture.h"
#include "reading.h"
#include "subcommands.h"
#include "template.h"
#include "trial.h"
#include "walk.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_MS 100

struct test_options {
    const char *to, *reminder, *channel, *language;
    int64_t wait_ms;
    bool as_is;
};

static const struct option_row test_options[] = {
    {"to", 't', OPTION_STRING, OPTION_AT(struct test_options, to), "ADDRESS",
     .help = N_("whom: your own number, or your address on --channel")},
    {"reminder", 'r', OPTION_STRING, OPTION_AT(struct test_options, reminder), "NAME",
     .help = N_("this reminder only; else each")},
    {"channel", 0, OPTION_STRING, OPTION_AT(struct test_options, channel), "NAME",
     .help = N_("by this channel of the campaign's; else the first")},
    {"language", 'l', OPTION_STRING, OPTION_AT(struct test_options, language), "CODE",
     .help = N_("as somebody of this language gets it")},
    {"as-is", 0, OPTION_FLAG, OPTION_AT(struct test_options, as_is), NULL,
     .help = N_("the address is not a telephone number: take it as it is written")},
    {"wait", 'w', OPTION_DURATION, OPTION_AT(struct test_options, wait_ms), "SECONDS",
     .initial = 30000, .help = N_("how long to wait for what becomes of it (30)")},
    {0},
};

struct testing {
    struct cli *cli;
    const struct test_options *options;
    struct reading reading;
    char address[ADDRESS_BYTES];
    size_t channel; /* index in the campaign's */
    char *row;      /* of the person whose notices these are; NULL: none found yet */
    size_t row_length;
    char id[CAMPAIGN_ID_BYTES];
    char event[ASKED_ID_BYTES];
};

/* -------------------------------------------------------------- whose notices */

static bool is_wanted(const struct testing *t, const struct template_value *values)
{
    const struct campaign *c = t->reading.campaign;
    const char *wanted = t->options->language;
    const struct template_value *v;

    if (wanted == NULL)
        return true;
    v = c->column_language >= 0 ? &values[c->column_language] : NULL;
    if (v == NULL || v->length == 0)
        return strcmp(c->language, wanted) == 0;
    return v->length == strlen(wanted) && memcmp(v->text, wanted, v->length) == 0;
}

static int on_row(void *arg, const char *row, size_t n, struct error *err)
{
    struct testing *t = arg;
    struct template_value values[CAMPAIGN_MAX_COLUMNS];

    (void)err;
    if (t->row != NULL || campaign_row_split(t->reading.campaign, row, n, values) != 0 ||
        !is_wanted(t, values))
        return 0;
    t->row = xstrndup(row, n);
    t->row_length = n;
    return 0;
}

/* ------------------------------------------------------------- a campaign of it */

/* Her values, and one's own address in place of hers. */
static json_t *recipient(const struct testing *t)
{
    const struct campaign *c = t->reading.campaign;
    struct template_value values[CAMPAIGN_MAX_COLUMNS];
    json_t *one = json_object();

    campaign_row_split(c, t->row, t->row_length, values);
    for (size_t i = c->channel_count; i < c->column_count; i++)
        json_object_set_new(one, c->columns[i], json_stringn(values[i].text, values[i].length));
    json_object_set_new(one, c->channels[t->channel], json_string(t->address));
    return one;
}

static json_t *reminders(const struct testing *t, json_t *of)
{
    json_t *all = json_array(), *one;
    const char *key;
    json_t *value;
    size_t i;

    json_array_foreach(of, i, one)
    {
        const char *name = json_string_value(json_object_get(one, "name"));
        json_t *copy = json_pack("{s:s,s:s,s:s}", "name", name, "at", "now", "doubt", "hold");

        if (t->options->reminder != NULL && strcmp(t->options->reminder, name) != 0) {
            json_decref(copy);
            continue;
        }
        json_object_foreach(one, key, value)
        {
            if (strcmp(key, "texts") == 0 || strcmp(key, "templates") == 0)
                json_object_set(copy, key, value);
        }
        json_array_append_new(all, copy);
    }
    return all;
}

/* What the file says, but for when, to whom and how often. */
static json_t *document(const struct testing *t, struct error *err)
{
    static const char *const kept[] = {"class",     "title",       "event",     "vars",
                                       "texts",     "templates",   "language",  "country",
                                       "signature", "optout_line", "sensitive", "max_segments"};
    struct buf text = BUF_INIT(COMMAND_MAX_BYTES);
    json_t *of, *d = json_object();

    campaign_write_json(t->reading.campaign, &text);
    of = json_loadb(text.data != NULL ? text.data : "", text.length, 0, NULL);
    buf_free(&text);
    if (of == NULL) {
        json_decref(d);
        error_set(err, T("the campaign is too long"));
        return NULL;
    }
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        json_object_set(d, kept[i], json_object_get(of, kept[i]));
    json_object_set_new(d, "id", json_string(t->id));
    json_object_set_new(d, "hours", json_string("always"));
    json_object_set_new(d, "days", json_string("any"));
    json_object_set_new(d, "per_recipient", json_array());
    json_object_set_new(d, "priority", json_integer(1));
    json_object_set_new(d, "channels", json_pack("[s]", t->reading.campaign->channels[t->channel]));
    json_object_set_new(d, "audience", json_pack("{s:[o]}", "recipients", recipient(t)));
    json_object_set_new(d, "reminders", reminders(t, json_object_get(of, "reminders")));
    json_decref(of);
    return d;
}

static int ask(struct testing *t, struct error *err)
{
    json_t *d = document(t, err);
    char *text = d != NULL ? json_dumps(d, JSON_COMPACT) : NULL;
    struct buf body = BUF_INIT(COMMAND_MAX_BYTES);
    int rc = -1;

    if (text != NULL) {
        buf_puts(&body, text);
        rc = asked_send(t->cli, "queue", t->id, &body, -1, t->event, err);
    }
    buf_free(&body);
    free(text);
    json_decref(d);
    return rc;
}

/* --------------------------------------------------------------- what came of it */

/* The state of the one notice. */
static enum notice_state state_of(const struct reminder_status *r)
{
    for (int s = NOTICE_STATES - 1; s > NOTICE_UNTOUCHED; s--)
        if (r->counts[s] > 0)
            return (enum notice_state)s;
    return NOTICE_UNTOUCHED;
}

static int on_notice(void *arg, const struct walk_notice *notice, struct error *err)
{
    *(unsigned *)arg = notice->record.gateway;
    (void)err;
    return 0;
}

/* Will the gateway that accepted it tell more? One that nothing is known of may. */
static bool has_receipts(const struct testing *t, const struct picture *p,
                         const struct reminder_status *r)
{
    struct gateway_names names = {0};
    struct error err;
    unsigned gateway = 0;
    bool has = walk_reminder(t->cli, p, r, NULL, on_notice, &gateway, &err) != 0 ||
               gateway_names_read(&names, t->cli, &err) != 0 ||
               gateway_sends_receipts(t->cli, gateway_names_of(&names, gateway));

    gateway_names_free(&names);
    return has;
}

/* Nothing more will come of it soon: where receipts come, one is waited for. */
static bool is_over(const struct testing *t, const struct picture *p)
{
    for (size_t i = 0; i < p->status->reminder_count; i++) {
        const struct reminder_status *r = &p->status->reminders[i];
        enum notice_state s = state_of(r);

        if (s == NOTICE_UNTOUCHED || s == NOTICE_PARKED || s == NOTICE_SENDING ||
            (s == NOTICE_ACCEPTED && has_receipts(t, p, r)))
            return false;
    }
    return p->status->reminder_count > 0;
}

static int tell(const struct testing *t, const struct picture *p)
{
    json_t *all = json_array();
    bool good = true, waits = false;
    int widest = 0;

    for (size_t i = 0; i < p->status->reminder_count; i++)
        if ((int)strlen(p->status->reminders[i].name) > widest)
            widest = (int)strlen(p->status->reminders[i].name);
    for (size_t i = 0; i < p->status->reminder_count; i++) {
        const struct reminder_status *r = &p->status->reminders[i];
        enum notice_state s = state_of(r);

        good = good && (s == NOTICE_ACCEPTED || s == NOTICE_DELIVERED);
        waits = waits || s == NOTICE_UNTOUCHED || s == NOTICE_PARKED || s == NOTICE_SENDING;
        json_array_append_new(
            all, json_pack("{s:s,s:s}", "reminder", r->name, "state", notice_state_name(s)));
        if (!t->cli->json)
            printf("%-*s  %s\n", widest, r->name, words_state(notice_state_name(s)));
    }
    if (t->cli->json)
        cli_json(json_pack("{s:s,s:o}", "id", t->id, "reminders", all));
    else
        json_decref(all);
    if (!t->cli->json && !good)
        printf(T("`outreach why %s --campaign %s` tells more\n"), t->address, t->id);
    return good ? 0 : waits ? EX_TEMPFAIL : EX_DATAERR;
}

static int wait_for_it(const struct testing *t)
{
    int64_t until = clock_mono_ms() + t->options->wait_ms;
    struct picture *p = NULL;
    int rc;

    do {
        char *reason = asked_rejection(t->cli, t->event);

        if (reason != NULL) {
            rc = cli_fail(t->cli, EX_DATAERR, T("the test was rejected: %s"), reason);
            free(reason);
            picture_free(p);
            return rc;
        }
        cli_sleep(t->cli, LOOK_MS);
        picture_free(p);
        p = picture_read(t->cli, t->id, NULL);
    } while ((p == NULL || !is_over(t, p)) && clock_mono_ms() < until && cli_interrupted() == 0);
    if (p == NULL)
        rc = cli_fail(
            t->cli, EX_TEMPFAIL,
            daemons_run(t->cli->db)
                ? T("outreachd runs, but has not taken the test yet: outreach show %s")
                : T("no outreachd runs: the test is sent when one does (outreach show %s)"),
            t->id);
    else
        rc = tell(t, p);
    picture_free(p);
    return rc;
}

/* ---------------------------------------------------------------------- running */

/* 0, or an exit code. */
static int choose_channel(struct testing *t)
{
    const struct campaign *c = t->reading.campaign;
    const char *wanted = t->options->channel;

    if (t->options->reminder != NULL && campaign_find_reminder(c, t->options->reminder) < 0)
        return cli_fail(t->cli, EX_DATAERR, T("%s has no reminder %s"), c->id,
                        t->options->reminder);
    if (c->to_group)
        return cli_fail(t->cli, EX_DATAERR,
                        T("%s goes to a group: try its gateway with outreach gateways try"), c->id);
    for (t->channel = 0; t->channel < c->channel_count; t->channel++)
        if (wanted == NULL || strcmp(wanted, c->channels[t->channel]) == 0)
            return 0;
    return cli_fail(t->cli, EX_DATAERR, T("%s has no channel %s"), c->id, wanted);
}

static int prepare(struct testing *t, const char *path)
{
    struct error err;
    int rc;

    if (reading_open(&t->reading, t->cli, path, 0, &err) != 0)
        return cli_error(t->cli, reading_fault(&t->reading), &err);
    rc = choose_channel(t);
    if (rc != 0)
        return rc;
    if (address_read(t->cli, t->options->to,
                     t->options->as_is ||
                         !column_is_phone(t->reading.campaign->channels[t->channel]),
                     t->address, &err) != 0)
        return cli_error(t->cli, EX_DATAERR, &err);
    t->reading.row = on_row;
    t->reading.arg = t;
    if (reading_audience(&t->reading, &err) != 0)
        return cli_error(t->cli, EX_DATAERR, &err);
    if (t->row == NULL)
        return cli_fail(t->cli, EX_DATAERR, T("nobody in the list reads %s"), t->options->language);
    trial_id(t->reading.campaign->id, clock_wall_ms(), t->id);
    return 0;
}

static int test(struct cli *cli, const void *arg, char **operands, int count)
{
    struct testing t = {.cli = cli, .options = arg};
    struct error err;
    int rc = cli_settings(cli);

    (void)count;
    if (rc != 0)
        return rc;
    if (t.options->to == NULL)
        return cli_fail(cli, EX_USAGE, T("test: to whom? --to 13851400000"));
    if (reading_there(operands[0], &err) != 0)
        return cli_error(cli, EX_NOINPUT, &err);
    cli_catch_signals();
    rc = prepare(&t, operands[0]);
    if (rc == 0)
        rc = cli_connect(cli);
    if (rc == 0 && ask(&t, &err) != 0)
        rc = cli_error(cli, EX_UNAVAILABLE, &err);
    if (rc == 0)
        rc = wait_for_it(&t);
    free(t.row);
    reading_close(&t.reading);
    return rc;
}

const struct subcommand cmd_test = {
    .name = "test",
    .operands = "CAMPAIGN.conf",
    .summary = N_("send a campaign's notices to oneself, now"),
    .more =
        N_("By the gateways, with signature and segments, as the first person of the list would\n"
           "get them; at any hour, and whatever was sent to this number today. Nobody of the\n"
           "list gets anything. Waits for the receipt, where the gateway sends any. Stands in\n"
           "the books as a campaign of its own, ID-test-..., that `outreach list` shows with\n"
           "--all once it is through."),
    .least = 1,
    .most = 1,
    .options = test_options,
    .options_bytes = sizeof(struct test_options),
    .run = test,
};
