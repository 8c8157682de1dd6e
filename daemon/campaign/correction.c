#include "correction.h"

#include "buf.h"
#include "campaign_text.h"
#include "error.h"
#include "mem.h"
#include "template.h"
#include "tree.h"
#include "zone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DOCUMENT_BYTES (1u << 20)

/* The text as a campaign's whose only reminder says it. */
struct correction {
    struct campaign *says;
};

static bool same_tree(const struct campaign *a, const struct campaign *b, const char *path)
{
    const struct tree *x = tree_get(a->document, path), *y = tree_get(b->document, path);
    struct buf xs = BUF_INIT(DOCUMENT_BYTES), ys = BUF_INIT(DOCUMENT_BYTES);
    bool same = (x == NULL) == (y == NULL);

    if (x != NULL && y != NULL) {
        tree_write_json(x, &xs);
        tree_write_json(y, &ys);
        same = xs.length == ys.length && memcmp(xs.data, ys.data, xs.length) == 0;
    }
    buf_free(&xs);
    buf_free(&ys);
    return same;
}

bool correction_needed(const struct campaign *was, const struct campaign *now)
{
    return was->starts_ms != now->starts_ms || was->ends_ms != now->ends_ms ||
           was->zone != now->zone || was->cancelled != now->cancelled ||
           !same_tree(was, now, "event.venue") || !same_tree(was, now, "event.address");
}

const char *correction_text(const struct campaign *now)
{
    return now->cancelled ? "cancelled" : "moved";
}

/* What a text may mean is what the campaign has; that it is of no promotion keeps the opt-out
 * line away, which is added at the sending. */
static void put_document(struct buf *out, const struct campaign *now, const struct tree *text)
{
    static const char *const same[] = {"id",    "title", "channels",    "country",
                                       "event", "vars",  "max_segments"};
    const struct tree *one;

    buf_puts(out, "{\"class\":\"notice\"");
    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        if ((one = tree_member(now->document, same[i])) != NULL) {
            buf_printf(out, ",\"%s\":", same[i]);
            tree_write_json(one, out);
        }
    buf_puts(out, ",\"language\":");
    buf_put_json(out, now->language, strlen(now->language));
    buf_puts(out, ",\"columns\":[");
    for (size_t i = 0; i < now->column_count; i++) {
        if (i > 0)
            buf_putc(out, ',');
        buf_put_json(out, now->columns[i], strlen(now->columns[i]));
    }
    buf_puts(out, "],\"texts\":");
    tree_write_json(text, out);
    buf_printf(out, ",\"reminders\":[{\"name\":\"once\",\"at\":\"%s\"}]}",
               now->occurrence_count > 1 ? "-1m" : "now"); /* what repeats takes no `now` */
}

struct correction *correction_create(const struct campaign *was, const struct campaign *now,
                                     const struct campaign_defaults *defaults, struct error *err)
{
    struct buf out = BUF_INIT(DOCUMENT_BYTES);
    struct campaign *says = NULL;
    struct correction *c = NULL;
    struct tree *document = NULL;
    char path[32];
    const struct tree *text;

    snprintf(path, sizeof path, "texts.%s", correction_text(now));
    text = tree_get(now->document, path);
    if (text == NULL) {
        error_set(err, "%s is missing: what those who were told already are to read", path);
        return NULL;
    }
    put_document(&out, now, text);
    if (buf_overflowed(&out))
        error_set(err, "%s: the campaign is too long", path);
    else
        document = tree_parse_json(out.data, out.length, path, err);
    if (document != NULL)
        says = campaign_create_after(document, was, defaults, err);
    if (document != NULL && says == NULL)
        error_prefix(err, "%s", path);
    if (says != NULL) {
        c = xcalloc(1, sizeof *c);
        c->says = says;
    }
    buf_free(&out);
    return c;
}

void correction_free(struct correction *c)
{
    if (c == NULL)
        return;
    campaign_free(c->says);
    free(c);
}

int correction_write(const struct correction *c, const struct template_value *row, char *out,
                     size_t size)
{
    const struct campaign *says = c->says;
    const struct template_value *language =
        says->column_language >= 0 ? &row[says->column_language] : NULL;
    const char *empty;
    size_t k = 0;

    while (k + 1 < says->channel_count && row[k].length == 0)
        k++;
    return campaign_compose(says,
                            campaign_text(says, 0, says->channels[k],
                                          language != NULL ? language->text : "",
                                          language != NULL ? language->length : 0),
                            row, SIGNATURE_NONE, out, size, &empty);
}

int64_t correction_expires(const struct campaign *now)
{
    int64_t expires_ms = now->ends_ms != 0 ? now->ends_ms : now->starts_ms;

    for (size_t r = 0; r < now->reminder_count; r++)
        if (now->reminders[r].at.of_slot && now->reminders[r].expires_ms > expires_ms)
            expires_ms = now->reminders[r].expires_ms;
    return expires_ms;
}
