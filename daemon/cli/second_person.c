#include "second_person.h"

#include "approval.h"
#include "human.h"

static unsigned needs_of(const struct cli *cli, const struct reading *r, double cost)
{
    return approval_needs(r->campaign, &cli->settings->defaults, (int64_t)preview_rows(r->preview),
                          cost);
}

/* A line for each. */
static void write_reasons(const struct campaign *c, const struct campaign_defaults *defaults,
                          unsigned needs, int64_t rows, double cost, struct buf *out)
{
    const char *currency = words_currency(defaults->currency);
    double most = approval_cost_bound(c, defaults);
    char people[HUMAN_BYTES], bound[HUMAN_BYTES];

    if (needs & APPROVAL_RECIPIENTS && rows <= (int64_t)approval_people_bound(c, defaults))
        buf_printf(out, T("  its bound of %s recipients is lifted\n"),
                   human_count(bound, (int64_t)approval_people_bound(c, defaults)));
    else if (needs & APPROVAL_RECIPIENTS)
        buf_printf(out, T("  %s recipients, more than %s\n"), human_count(people, rows),
                   human_count(bound, (int64_t)approval_people_bound(c, defaults)));
    if (needs & APPROVAL_COST && cost >= 0 && cost <= most)
        buf_printf(out, T("  its bound of %.2f %s is lifted\n"), human_money(most), currency);
    else if (needs & APPROVAL_COST && cost >= 0)
        buf_printf(out, T("  it costs %.2f %s, more than %.2f\n"), human_money(cost), currency,
                   human_money(most));
    else if (needs & APPROVAL_COST)
        buf_printf(out, T("  it may cost more than %.2f %s\n"), human_money(most), currency);
    if (needs & APPROVAL_HOURS)
        buf_printf(out, T("  it may be sent outside the usual hours (%s)\n"), defaults->hours);
    if (needs & APPROVAL_REQUIRED)
        buf_puts(out, T("  approval.required: it asks for it itself\n"));
}

void second_person_write(const struct cli *cli, const struct reading *r, double cost,
                         struct buf *out)
{
    unsigned needs = needs_of(cli, r, cost);

    if (needs == 0)
        return;
    buf_puts(out, T("\nA second person has to approve it before anything is sent:\n"));
    write_reasons(r->campaign, &cli->settings->defaults, needs, (int64_t)preview_rows(r->preview),
                  cost, out);
    buf_printf(out, T("After it is queued somebody else runs: outreach approve %s\n"),
               r->campaign->id);
}

void second_person_write_whole(struct buf *out)
{
    buf_puts(out,
             T("  (all its reminders as they are worded now, sent or not, with the corrections\n"
               "  of this change and those sent before)\n"));
}

void second_person_write_change(const struct campaign *now,
                                const struct campaign_defaults *defaults, unsigned needs,
                                unsigned waits, int64_t rows, double cost, struct buf *out)
{
    if (needs == 0 && waits != 0)
        buf_printf(out, T("\nIt goes on waiting for a second person: outreach approve %s\n"),
                   now->id);
    if (needs == 0)
        return;
    buf_puts(out,
             now->cancelled
                 ? T("\nIt is stopped at once; a second person has to approve what people are "
                     "told:\n")
                 : T("\nA second person has to approve the change; until then nothing of it is "
                     "sent:\n"));
    write_reasons(now, defaults, needs, rows, cost, out);
    if (needs & APPROVAL_COST && cost >= 0)
        second_person_write_whole(out);
    buf_printf(out, T("After it is changed somebody else runs: outreach approve %s\n"), now->id);
}

json_t *second_person_names(unsigned needs)
{
    json_t *names = json_array();

    for (unsigned i = 0; approval_name(i) != NULL; i++)
        if ((needs & 1u << i) != 0)
            json_array_append_new(names, json_string(approval_name(i)));
    return names;
}

json_t *second_person_json(const struct cli *cli, const struct reading *r, double cost)
{
    return second_person_names(needs_of(cli, r, cost));
}
