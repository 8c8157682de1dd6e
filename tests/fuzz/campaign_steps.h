/*
 * campaign_steps.h - what is done with a campaign, whatever it came from
 */
#ifndef CAMPAIGN_STEPS_H
#define CAMPAIGN_STEPS_H

#include "fuzz.h"

#include "audience.h"
#include "buf.h"
#include "error.h"
#include "template.h"
#include "tree.h"
#include "utf8.h"

static const struct campaign *stepped;

/* A row that was taken has a text for every reminder. */
static int step_row(void *arg, const char *bytes, size_t n, struct error *err)
{
    struct template_value values[CAMPAIGN_MAX_COLUMNS];
    char text[65536];
    const char *empty;

    (void)arg, (void)err;
    HOLDS(utf8_valid(bytes, n) == n);
    HOLDS(campaign_row_split(stepped, bytes, n, values) == 0);
    for (size_t r = 0; r < stepped->reminder_count; r++)
        for (size_t k = 0; k < stepped->channel_count; k++) {
            const struct campaign_text *t =
                campaign_text(stepped, r, stepped->channels[k], "en", 2);
            int length =
                campaign_compose(stepped, t, values, SIGNATURE_PREFIX, text, sizeof text, &empty);

            HOLDS(t != NULL);
            HOLDS(length < 0 || utf8_valid(text, (size_t)length) == (size_t)length);
        }
    return 0;
}

static void step_times(const struct campaign *c)
{
    int64_t due_ms, slot_ms;

    for (size_t r = 0; r < c->reminder_count; r++) {
        campaign_due(c, r, INT64_C(1804381200000));
        campaign_slot_due(c, r, "2027-03-05T08:40", 16, &due_ms, &slot_ms);
    }
}

/* Takes the tree over. A campaign that was accepted is stored as JSON, and what
 * was stored must be the same campaign. */
MAYBE_UNUSED static void campaign_steps(struct tree *document)
{
    static const struct audience_sink sink = {.row = step_row};
    struct buf first = BUF_INIT(64u << 20), second = BUF_INIT(64u << 20);
    struct audience_report report;
    struct error err;
    const struct tree *recipients;
    struct campaign *c = campaign_create(document, &fuzz_defaults, NULL, 0, &err), *again;
    struct tree *t;

    if (c == NULL)
        return;
    stepped = c;
    step_times(c);
    recipients = tree_get(c->document, "audience.recipients");
    if (recipients != NULL)
        audience_read_inline(c, recipients, &sink, &report, &err);
    campaign_write_json(c, &first);
    t = tree_parse_json(first.data, first.length, NULL, &err);
    HOLDS(t != NULL);
    again = campaign_create(t, &fuzz_defaults, NULL, 0, &err);
    if (again == NULL)
        fprintf(stderr, "%s\n%.*s\n", err.text, (int)first.length, first.data);
    HOLDS(again != NULL);
    campaign_write_json(again, &second);
    HOLDS(first.length == second.length && memcmp(first.data, second.data, first.length) == 0);
    campaign_free(again);
    campaign_free(c);
    buf_free(&first);
    buf_free(&second);
}

#endif
