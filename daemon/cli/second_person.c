#include "second_person.h"

#include "approval.h"
#include "human.h"

static unsigned needs_of(const struct cli *cli, const struct reading *r, double cost)
{
    return approval_needs(r->campaign, &cli->settings->defaults, (int64_t)preview_rows(r->preview),
                          cost);
}

void second_person_write(const struct cli *cli, const struct reading *r, double cost,
                         struct buf *out)
{
    const struct campaign_defaults *defaults = &cli->settings->defaults;
    unsigned needs = needs_of(cli, r, cost);
    char people[HUMAN_BYTES], bound[HUMAN_BYTES];

    if (needs == 0)
        return;
    buf_puts(out, T("\nA second person has to approve it before anything is sent:\n"));
    if (needs & APPROVAL_RECIPIENTS)
        buf_printf(out, T("  %s recipients, more than %s\n"),
                   human_count(people, (int64_t)preview_rows(r->preview)),
                   human_count(bound, (int64_t)approval_people_bound(r->campaign, defaults)));
    if (needs & APPROVAL_COST)
        buf_printf(out, T("  it costs %.2f %s, more than %.2f\n"), human_money(cost),
                   words_currency(defaults->currency),
                   human_money(approval_cost_bound(r->campaign, defaults)));
    if (needs & APPROVAL_HOURS)
        buf_printf(out, T("  it may be sent outside the usual hours (%s)\n"), defaults->hours);
    if (needs & APPROVAL_REQUIRED)
        buf_puts(out, T("  approval.required: it asks for it itself\n"));
    buf_printf(out, T("After it is queued somebody else runs: outreach approve %s\n"),
               r->campaign->id);
}

json_t *second_person_json(const struct cli *cli, const struct reading *r, double cost)
{
    unsigned needs = needs_of(cli, r, cost);
    json_t *names = json_array();

    for (unsigned i = 0; approval_name(i) != NULL; i++)
        if ((needs & 1u << i) != 0)
            json_array_append_new(names, json_string(approval_name(i)));
    return names;
}
