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

static size_t each_of(const struct campaign *c)
{
    return c->reminder_count / c->occurrence_count;
}

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

/* Of occurrence k in the one and m in the other. */
static bool differs(const struct campaign *was, size_t k, const struct campaign *now, size_t m)
{
    const struct campaign_reminder *a = &was->reminders[k * each_of(was)];
    const struct campaign_reminder *b = &now->reminders[m * each_of(now)];

    return a->starts_ms != b->starts_ms || a->ends_ms != b->ends_ms || was->zone != now->zone ||
           was->cancelled != now->cancelled || !same_tree(was, now, "event.venue") ||
           !same_tree(was, now, "event.address");
}

bool correction_repeats(const struct campaign *c)
{
    return tree_get(c->document, "event.repeat") != NULL;
}

int correction_occurrence(const struct campaign *c, const char *reminder)
{
    const char *day = strrchr(reminder, '-');

    if (!correction_repeats(c))
        return 0;
    for (size_t k = 0; day != NULL && k < c->occurrence_count; k++)
        if (strcmp(strrchr(c->reminders[k * each_of(c)].name, '-'), day) == 0)
            return (int)k;
    return -1;
}

bool correction_needed(const struct campaign *was, const struct campaign *now)
{
    for (size_t k = 0; k < was->occurrence_count; k++) {
        int m = correction_occurrence(now, was->reminders[k * each_of(was)].name);

        if (m < 0 || differs(was, k, now, (size_t)m))
            return true;
    }
    return false;
}

static int64_t over_ms(const struct campaign *c, int k)
{
    const struct campaign_reminder *r = &c->reminders[(size_t)k * each_of(c)];

    return k < 0 ? INT64_MIN : r->ends_ms != 0 ? r->ends_ms : r->starts_ms;
}

bool correction_needed_of(const struct campaign *was, const char *reminder,
                          const struct campaign *now, int64_t now_ms, int64_t *until_ms)
{
    int k = correction_occurrence(was, reminder), m = correction_occurrence(now, reminder);

    if (k < 0)
        return false;
    *until_ms = over_ms(m < 0 ? was : now, m < 0 ? k : m);
    if (*until_ms <= now_ms)
        return false;
    return m < 0 || differs(was, (size_t)k, now, (size_t)m);
}

const char *correction_text(const struct campaign *now)
{
    return now->cancelled ? "cancelled" : "moved";
}

static void put_time(struct buf *out, const char *name, const struct zone *zone, int64_t ms)
{
    struct local_time t;

    if (ms == 0)
        return;
    zone_local(zone, ms, &t);
    buf_printf(out, "\"%s\":\"%04d-%02d-%02dT%02d:%02d:%02d\",", name, t.year, t.month, t.day,
               t.hour, t.minute, t.second);
}

/* The event, as it is to be said, as one that does not repeat. */
static void put_event(struct buf *out, const struct campaign *now,
                      const struct campaign_reminder *occurrence)
{
    static const char *const left_out[] = {"starts", "ends", "repeat", "except", "moved"};
    const struct tree *event = tree_member(now->document, "event");

    buf_puts(out, ",\"event\":{");
    put_time(out, "starts", now->zone, occurrence->starts_ms);
    put_time(out, "ends", now->zone, occurrence->ends_ms);
    for (const struct tree *one = event->first; one != NULL; one = one->next) {
        bool left = false;

        for (size_t i = 0; i < sizeof left_out / sizeof *left_out; i++)
            left = left || strcmp(one->name, left_out[i]) == 0;
        if (left)
            continue;
        buf_put_json(out, one->name, strlen(one->name));
        buf_putc(out, ':');
        tree_write_json(one, out);
        buf_putc(out, ',');
    }
    out->data[out->length - 1] = '}'; /* starts is always there, and a comma behind it */
}

/* What a text may mean is what the campaign has; that it is of no promotion keeps the opt-out
 * line away, which is added at the sending. */
static void put_document(struct buf *out, const struct campaign *now,
                         const struct campaign_reminder *occurrence, const struct tree *text)
{
    static const char *const same[] = {"id",      "title", "channels",
                                       "country", "vars",  "max_segments"};
    const struct tree *one;

    buf_puts(out, "{\"class\":\"notice\"");
    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        if ((one = tree_member(now->document, same[i])) != NULL) {
            buf_printf(out, ",\"%s\":", same[i]);
            tree_write_json(one, out);
        }
    put_event(out, now, occurrence);
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
    buf_puts(out, ",\"reminders\":[{\"name\":\"once\",\"at\":\"now\"}]}");
}

struct correction *correction_create(const struct campaign *was, const char *reminder,
                                     const struct campaign *now,
                                     const struct campaign_defaults *defaults, struct error *err)
{
    int k = reminder != NULL ? correction_occurrence(was, reminder) : 0;
    int m = reminder != NULL ? correction_occurrence(now, reminder) : 0;
    const struct campaign_reminder *before = &was->reminders[k < 0 ? 0 : (size_t)k * each_of(was)];
    const struct campaign_reminder *is = m < 0 ? before : &now->reminders[(size_t)m * each_of(now)];
    struct campaign one = *was; /* of that occurrence alone, for as long as the texts are read */
    struct buf out = BUF_INIT(DOCUMENT_BYTES);
    struct campaign *says = NULL;
    struct correction *c = NULL;
    struct tree *document = NULL;
    char path[32];
    const struct tree *text;

    one.reminders = (struct campaign_reminder *)before;
    snprintf(path, sizeof path, "texts.%s", m < 0 ? "cancelled" : correction_text(now));
    text = tree_get(now->document, path);
    if (text == NULL) {
        error_set(err, "%s is missing: what those who were told already are to read", path);
        return NULL;
    }
    put_document(&out, now, is, text);
    if (buf_overflowed(&out))
        error_set(err, "%s: the campaign is too long", path);
    else
        document = tree_parse_json(out.data, out.length, path, err);
    if (document != NULL)
        says = campaign_create_after(document, &one, defaults, err);
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

int correction_write(const struct correction *c, const struct template_value *row, int channel,
                     char *out, size_t size)
{
    const struct campaign *says = c->says;
    const struct template_value *language =
        says->column_language >= 0 ? &row[says->column_language] : NULL;
    const char *empty;
    size_t k = channel < 0 ? 0 : (size_t)channel;

    while (channel < 0 && k + 1 < says->channel_count && row[k].length == 0)
        k++;
    return campaign_compose(says,
                            campaign_text(says, 0, says->channels[k],
                                          language != NULL ? language->text : "",
                                          language != NULL ? language->length : 0),
                            row, SIGNATURE_NONE, out, size, &empty);
}

void correction_write_all(const struct correction *c, const struct campaign *now,
                          const struct template_value *row, struct correction_texts *out)
{
    int length = correction_write(c, row, -1, out->text, sizeof out->text);

    out->length = length < 0 ? 0 : (size_t)length;
    out->others[0] = (struct template_value){"", 0};
    for (size_t k = 1; k < now->channel_count; k++) {
        int n = row[k].length == 0
                    ? 0
                    : correction_write(c, row, (int)k, out->more[k], sizeof out->more[k]);
        bool same =
            n > 0 && (size_t)n == out->length && memcmp(out->more[k], out->text, out->length) == 0;

        out->others[k] = (struct template_value){out->more[k], n < 0 || same ? 0 : (size_t)n};
    }
}

int64_t correction_expires(const struct campaign *now)
{
    int64_t expires_ms = now->ends_ms != 0 ? now->ends_ms : now->starts_ms;

    for (size_t r = 0; r < now->reminder_count; r++) {
        const struct campaign_reminder *one = &now->reminders[r];
        int64_t over_ms = one->at.of_slot     ? one->expires_ms
                          : one->ends_ms != 0 ? one->ends_ms
                                              : one->starts_ms;

        if (over_ms > expires_ms)
            expires_ms = over_ms;
    }
    return expires_ms;
}
