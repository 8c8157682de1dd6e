/*
 * outreach uncalled - whom no message has reached, to be told by a person
 *
 * The list (unreached.h) goes out by community with a column to tick, and comes back: who was told
 * is kept in outreach:{id}:called, and not listed again before the event changes.
 */
#include "campaign.h"
#include "cli.h"
#include "human.h"
#include "mem.h"
#include "numbers_shown.h"
#include "picture.h"
#include "sheet.h"
#include "subcommands.h"
#include "table.h"
#include "trial.h"
#include "uncalled_file.h"
#include "unreached.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct uncalled_options {
    const char *group, *output, *ticks;
};

static const struct option_row uncalled_options[] = {
    {"group", 'g', OPTION_STRING, OPTION_AT(struct uncalled_options, group), "COLUMN",
     .help = N_("by this column of the list; default 社区, 小区, 村 or community")},
    {"output", 'o', OPTION_STRING, OPTION_AT(struct uncalled_options, output), "FILE",
     .help = N_("with a column to tick: FILE.xlsx or FILE.csv")},
    {"ticks", 0, OPTION_STRING, OPTION_AT(struct uncalled_options, ticks), "FILE",
     .help = N_("takes such a file back: who is ticked was told")},
    {0},
};

const struct uncalled_column uncalled_columns[COLUMNS] = {
    [COLUMN_CAMPAIGN] = {N_("campaign"), 24},   [COLUMN_TITLE] = {N_("its title"), 24},
    [COLUMN_COMMUNITY] = {N_("community"), 16}, [COLUMN_N] = {N_("number in the list"), 10},
    [COLUMN_NAME] = {N_("name"), 12},           [COLUMN_TO] = {N_("address"), 18},
    [COLUMN_WHY] = {N_("why not reached"), 44}, [COLUMN_TELL] = {N_("what to tell"), 60},
    [COLUMN_TICK] = {N_("told (tick)"), 14},
};

struct uncalled {
    struct cli *cli;
    const struct uncalled_options *options;
    struct unreached list;
    int64_t people; /* of whom several may be rows of one */
    char **ids;
};

/* ------------------------------------------------------------------------- the list */

static void put_why(const struct unreached_person *p, struct buf *out)
{
    /* A caller has no use for a gateway's code: outreach report has it. */
    const char *reason =
        p->reason == REASON_OTHER ? "" : words_reason(notice_reason_name(p->reason));

    if (p->outdated)
        buf_puts(out, p->in_person ? T("was told in person before it changed")
                                   : T("was told before it changed"));
    if (p->outdated && p->state == NOTICE_UNTOUCHED) {
        buf_puts(out, p->in_person ? "" : T("; no correction was sent"));
        return;
    }
    buf_printf(out, p->outdated ? T("; the correction did not arrive: %s") : "%s",
               reason[0] != '\0' ? reason : words_state(notice_state_name(p->state)));
}

/* 0, or an exit code with err. */
static int write_file(const struct uncalled *u, struct error *err)
{
    const char *headings[COLUMNS];
    unsigned widths[COLUMNS];
    struct sheet *s = sheet_open(u->options->output, err);

    if (s == NULL)
        return sheet_exit_code(u->options->output);
    for (size_t i = 0; i < COLUMNS; i++) {
        headings[i] = words_of(uncalled_columns[i].heading);
        widths[i] = uncalled_columns[i].width;
    }
    sheet_head(s, T("to be told"), headings, widths, COLUMNS);
    for (size_t i = 0; i < u->list.count; i++) {
        const struct unreached_person *p = &u->list.people[i];
        struct buf why = BUF_INIT(4096);

        put_why(p, &why);
        sheet_text(s, p->campaign, strlen(p->campaign));
        sheet_text(s, p->title, strlen(p->title));
        sheet_text(s, p->community, strlen(p->community));
        sheet_number(s, (double)p->n, 0);
        sheet_text(s, p->name, strlen(p->name));
        sheet_text(s, p->to, strlen(p->to));
        sheet_text(s, why.data, why.length);
        sheet_text(s, p->tell, strlen(p->tell));
        sheet_text(s, "", 0);
        sheet_next(s);
        buf_free(&why);
    }
    return sheet_close(s, err) != 0 ? EX_IOERR : 0;
}

static void write_json(const struct uncalled *u)
{
    json_t *people = json_array();

    for (size_t i = 0; i < u->list.count; i++) {
        const struct unreached_person *p = &u->list.people[i];

        json_array_append_new(people,
                              json_pack("{s:s,s:o,s:o,s:I,s:o,s:o,s:s,s:s,s:b,s:b,s:o}", "campaign",
                                        p->campaign, "title", json_text(p->title), "community",
                                        json_text(p->community), "n", (json_int_t)p->n, "name",
                                        json_text(p->name), "address", json_text(p->to), "state",
                                        notice_state_name(p->state), "reason",
                                        notice_reason_name(p->reason), "outdated", p->outdated,
                                        "in_person", p->in_person, "tell", json_text(p->tell)));
    }
    cli_json(json_pack("{s:o,s:I,s:I,s:I,s:I,s:s?}", "people", people, "to_be_told",
                       (json_int_t)u->people, "told_already", (json_int_t)u->list.told, "sensitive",
                       (json_int_t)u->list.sensitive, "correcting", (json_int_t)u->list.correcting,
                       "file", u->options->output));
}

/* One line of words that came from people's files, and on below itself. */
static void put_lines(const struct uncalled *u, struct buf *words, const char *indent,
                      struct buf *out)
{
    size_t width = u->cli->width > 0 ? u->cli->width : 1000000;

    for (size_t i = 0; i < words->length; i++)
        if ((unsigned char)words->data[i] < 0x20 || words->data[i] == 0x7f)
            words->data[i] = ' ';
    table_wrap(out, buf_string(words), width - strlen(indent), indent);
    buf_clear(words);
}

/* One person, with what she is to be told of each campaign. Returns how many rows are hers. */
static size_t put_person(const struct uncalled *u, size_t first, struct buf *words, struct buf *out)
{
    const struct unreached_person *p = &u->list.people[first], *end = p, *all = u->list.people;

    buf_printf(words, "%s%s%s", p->name, p->name[0] != '\0' ? "  " : "", p->to);
    put_lines(u, words, "  ", out);
    do {
        buf_printf(words, "%s%s%s", end->campaign, end->title[0] != '\0' ? "  " : "", end->title);
        put_lines(u, words, "    ", out);
        put_why(end, words);
        put_lines(u, words, "      ", out);
        buf_printf(words, T("tell her: %s"), end->tell);
        put_lines(u, words, "      ", out);
    } while (++end < all + u->list.count && unreached_is_same(end - 1, end) &&
             strcmp(end->community, p->community) == 0);
    return (size_t)(end - p);
}

static void write_terminal(const struct uncalled *u)
{
    struct buf out = BUF_INIT(64u << 20), words = BUF_INIT(65536);
    const char *community = NULL;
    char count[HUMAN_BYTES];
    bool file = u->options->output != NULL; /* has the list */

    for (size_t i = 0; i < u->list.count && !file; i += put_person(u, i, &words, &out)) {
        const struct unreached_person *p = &u->list.people[i];

        if (community == NULL || strcmp(community, p->community) != 0) {
            community = p->community;
            buf_puts(&words, community[0] != '\0' ? community : T("(no community)"));
            put_lines(u, &words, "", &out);
        }
    }
    if (u->list.count > 0 && !file)
        buf_putc(&out, '\n');
    buf_printf(&out, T("%s to be told by a person\n"), human_count(count, u->people));
    if (u->list.told > 0)
        buf_printf(&out, T("%s were told already\n"), human_count(count, u->list.told));
    if (u->list.sensitive > 0)
        buf_printf(&out, T("%s more in sensitive campaigns, of which nobody is listed\n"),
                   human_count(count, u->list.sensitive));
    if (u->list.correcting > 0)
        buf_puts(&out, T("Corrections are still being written: who gets none, or does not receive "
                         "hers, is\nlisted later. Ask again.\n"));
    buf_puts(&out,
             T("Rows of a list that could not be used (landlines, broken numbers) were never\n"
               "stored: outreach check CAMPAIGN.conf lists them.\n"));
    if (u->options->output != NULL)
        buf_printf(&out, T("written to %s: tick who was told, then outreach uncalled --ticks %s\n"),
                   u->options->output, u->options->output);
    cli_print(&out);
    buf_free(&out);
    buf_free(&words);
}

static int list(struct uncalled *u, const char *only)
{
    struct numbers_shown shown = {
        .command = "uncalled", .campaign = only, .file = u->options->output};
    struct error err;
    int rc = 0;

    if (only != NULL) {
        u->ids = xcalloc(2, sizeof *u->ids);
        u->ids[0] = xstrdup(only);
    } else {
        u->ids = campaign_ids(u->cli->db, &err);
        if (u->ids == NULL)
            return cli_error(u->cli, EX_UNAVAILABLE, &err);
    }
    for (size_t i = 0; u->ids[i] != NULL && rc == 0; i++)
        if ((only != NULL || !trial_is(u->ids[i])) &&
            unreached_add(u->cli, &u->list, u->ids[i], &err) != 0)
            rc = only != NULL && db_well(u->cli->db) ? picture_fail(u->cli, only, &err)
                                                     : cli_error(u->cli, EX_UNAVAILABLE, &err);
    if (rc == 0 && u->options->group != NULL && !u->list.grouped)
        rc = cli_fail(u->cli, EX_DATAERR,
                      T("no list has a column %s, or it was not stored: a text must use it"),
                      u->options->group);
    u->people = unreached_sort(&u->list);
    if (rc == 0 && u->options->output != NULL && u->list.count == 0 && u->list.sensitive > 0)
        rc = cli_fail(u->cli, EX_DATAERR, "%s",
                      T("nobody of a sensitive campaign is listed in a file"));
    shown.count = u->list.count;
    if (rc == 0 && numbers_shown(u->cli, &shown, &err) != 0)
        rc = cli_error(u->cli, EX_UNAVAILABLE, &err);
    if (rc == 0 && u->options->output != NULL && (rc = write_file(u, &err)) != 0)
        cli_error(u->cli, rc, &err);
    if (rc == 0 && u->cli->json)
        write_json(u);
    else if (rc == 0)
        write_terminal(u);
    unreached_free(&u->list);
    for (size_t i = 0; u->ids[i] != NULL; i++)
        free(u->ids[i]);
    free(u->ids);
    return rc;
}

static int uncalled(struct cli *cli, const void *arg, char **operands, int count)
{
    const struct uncalled_options *options = arg;
    struct uncalled u = {.cli = cli, .options = options, .list = {.group = options->group}};
    int rc;

    if (options->ticks != NULL && (count > 0 || options->group != NULL || options->output != NULL))
        return cli_fail(cli, EX_USAGE, "%s",
                        T("uncalled: --ticks FILE stands alone: the file names the campaigns"));
    rc = cli_connect(cli);
    if (rc != 0)
        return rc;
    return options->ticks != NULL ? uncalled_take_ticks(cli, options->ticks)
                                  : list(&u, count > 0 ? operands[0] : NULL);
}

const struct subcommand cmd_uncalled = {
    .name = "uncalled",
    .operands = "[CAMPAIGN]",
    .summary = N_("whom no message has reached, by community, to be told by a person"),
    .more = N_(
        "Numbers that nobody has, no receipt for an hour, refused, capped, expired, in\n"
        "doubt, protected residents: with the text that did not come. And who was told of\n"
        "an event that has changed, and did not get the correction: with what to tell her.\n"
        "Who was reached is not listed, nor who was ticked before. The file holds people's\n"
        "numbers: keep it as you keep the list. Of a sensitive campaign the sum alone is\n"
        "told.\n"
        "\n"
        "Ticks: √ ✓ ✔ v 是 已通知 已告知 1 yes told, and a note behind them. Empty, × ✗ 否\n"
        "未接 无人接听 不在 0 no: not told. Anything else (x too), and a row whose name or number\n"
        "is not that of the list, is left out and told by row."),
    .least = 0,
    .most = 1,
    .options = uncalled_options,
    .options_bytes = sizeof(struct uncalled_options),
    .run = uncalled,
};
