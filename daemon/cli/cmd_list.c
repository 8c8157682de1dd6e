/*
 * outreach list - the campaigns, a line each
 */
#include "cli.h"
#include "equation.h"
#include "human.h"
#include "mem.h"
#include "picture.h"
#include "subcommands.h"
#include "table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sums {
    int64_t planned, through, next_ms; /* next_ms: 0 none, -1 under way */
};

static struct sums sum_up(const struct campaign_status *s)
{
    struct sums sums = {0};

    for (size_t i = 0; i < s->reminder_count; i++) {
        const struct reminder_status *r = &s->reminders[i];

        sums.planned += r->planned;
        sums.through += equation_through(r);
        if (strcmp(r->state, "open") == 0 && !reminder_settled(r))
            sums.next_ms = -1;
        else if (strcmp(r->state, "scheduled") == 0 && sums.next_ms >= 0 &&
                 (sums.next_ms == 0 || r->due_ms < sums.next_ms))
            sums.next_ms = r->due_ms;
    }
    return sums;
}

static void list_one(const struct picture *p, struct table *t, json_t *all)
{
    const struct campaign_status *s = p->status;
    struct sums sums = sum_up(s);
    char a[HUMAN_BYTES], b[HUMAN_BYTES], c[HUMAN_BYTES];

    table_cell(t, s->id);
    table_cell(t, words_state(s->state));
    table_cell(t, p->title);
    table_cell(t, sums.next_ms < 0 ? T("now", "正在发送")
                                   : human_time(a, p->zone, sums.next_ms, false));
    table_printf(t, "%s/%s %4s", human_count(a, sums.through), human_count(b, sums.planned),
                 human_percent(c, sums.through, sums.planned));
    json_array_append_new(all,
                          json_pack("{s:s,s:s,s:o,s:o,s:I,s:I,s:I}", "id", s->id, "state", s->state,
                                    "title", json_text(p->title), "next_ms",
                                    sums.next_ms > 0 ? json_integer(sums.next_ms) : json_null(),
                                    "rows", (json_int_t)s->rows, "planned",
                                    (json_int_t)sums.planned, "through", (json_int_t)sums.through));
}

static int list(struct cli *cli, const void *options, char **operands, int count)
{
    const struct table_column columns[] = {
        {T("ID", "编号"), TABLE_LEFT, false},       {T("STATE", "状态"), TABLE_LEFT, false},
        {T("TITLE", "名称"), TABLE_LEFT, true},     {T("NEXT", "下次发送"), TABLE_LEFT, false},
        {T("THROUGH", "进度"), TABLE_RIGHT, false},
    };
    struct table *t = table_create(columns, sizeof columns / sizeof *columns);
    struct buf out = BUF_INIT(16u << 20);
    json_t *all = json_array();
    struct error err;
    char **ids = NULL;
    size_t shown = 0;
    int rc = cli_connect(cli);

    (void)options, (void)operands, (void)count;
    if (rc != 0)
        goto out;
    ids = campaign_ids(cli->db, &err);
    if (ids == NULL) {
        rc = cli_error(cli, EX_UNAVAILABLE, &err);
        goto out;
    }
    for (size_t i = 0; ids[i] != NULL; i++) {
        struct picture *p = picture_read(cli, ids[i], &err);

        free(ids[i]);
        if (p == NULL)
            continue; /* erased between the two questions */
        list_one(p, t, all);
        shown++;
        picture_free(p);
    }
    free(ids);
    if (cli->json)
        cli_json(json_incref(all));
    else if (shown == 0)
        puts(T("no campaigns yet (outreach queue CAMPAIGN.conf)",
               "还没有活动（outreach queue 活动文件.conf）"));
    else
        table_write(t, cli->width, 0, &out);
    cli_print(&out);
out:
    json_decref(all);
    table_free(t);
    buf_free(&out);
    return rc;
}

const struct subcommand cmd_list = {
    .name = "list",
    .operands = "",
    .summary = {"the campaigns, with what comes next and how far they are",
                "列出全部活动、下次发送时间和进度"},
    .most = 0,
    .run = list,
};
