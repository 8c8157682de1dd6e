#include "log_entry.h"

#include "builtin.h"
#include "clock.h"
#include "code_words.h"
#include "human.h"
#include "log.h"
#include "table.h"
#include "words.h"
#include "zone.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

static const char *string(const json_t *entry, const char *name)
{
    const char *s = json_string_value(json_object_get(entry, name));

    return s != NULL ? s : "";
}

static bool holds(const char *line, size_t n, const char *value)
{
    return memmem(line, n, value, strlen(value)) != NULL;
}

static bool is_notice(const json_t *entry, const struct log_notice *notice)
{
    const json_t *n = json_object_get(entry, "n");

    return json_is_integer(n) && json_integer_value(n) == notice->n &&
           strcmp(string(entry, "campaign"), notice->campaign) == 0 &&
           (notice->reminder[0] == '\0'
                ? !builtin_is(string(entry, "reminder")) /* whose numbers are other people's */
                : strcmp(string(entry, "reminder"), notice->reminder) == 0);
}

static bool is_hers(const struct log_filter *f, const json_t *entry)
{
    if (f->hash == NULL && f->notice_count == 0)
        return true; /* nobody in particular */
    if (f->hash != NULL && strcmp(string(entry, "hash"), f->hash) == 0)
        return true;
    for (size_t i = 0; i < f->notice_count; i++)
        if (is_notice(entry, &f->notices[i]))
            return true;
    return false;
}

const char *log_event(size_t i)
{
    static const char *const events[] = {
        "intent", "accepted", "delivered", "undelivered",  "failed",    "expired", "opted-out",
        "capped", "excluded", "cancelled", "retry",        "throttled", "unsent",  "uncertain",
        "resend", "held",     "broken",    "next-channel", "refused",   "joined",  "opened",
    };

    return i < sizeof events / sizeof *events ? events[i] : NULL;
}

bool log_filter_wants(const struct log_filter *f, const char *line, size_t n)
{
    const struct {
        const char *name, *value;
    } wanted[] = {
        {"campaign", f->campaign},
        {"reminder", f->reminder},
        {"event", f->event},
        {"gateway", f->gateway},
    };
    bool wants;
    json_t *entry;

    /* Most lines of a great log fall here, before anything is parsed. */
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        if (wanted[i].value != NULL && !holds(line, n, wanted[i].value))
            return false;
    if (f->hash != NULL && f->notice_count == 0 && !holds(line, n, f->hash))
        return false;
    entry = json_loadb(line, n, 0, NULL);
    wants = json_is_object(entry) && is_hers(f, entry);
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        if (wanted[i].value != NULL)
            wants = wants && strcmp(string(entry, wanted[i].name), wanted[i].value) == 0;
    if (f->n >= 0)
        wants = wants && json_is_integer(json_object_get(entry, "n")) &&
                json_integer_value(json_object_get(entry, "n")) == f->n;
    json_decref(entry);
    return wants;
}

bool log_entry_notice(const char *line, size_t n, const char *hash, struct log_notice *out)
{
    json_t *entry = holds(line, n, hash) ? json_loadb(line, n, 0, NULL) : NULL;
    bool found = entry != NULL && strcmp(string(entry, "hash"), hash) == 0;

    memset(out, 0, sizeof *out); /* two of the same are the same bytes */
    if (found) {
        snprintf(out->campaign, sizeof out->campaign, "%s", string(entry, "campaign"));
        snprintf(out->reminder, sizeof out->reminder, "%s", string(entry, "reminder"));
        out->n = json_integer_value(json_object_get(entry, "n"));
    }
    json_decref(entry);
    return found;
}

static const char *colour_of(const char *event)
{
    static const struct {
        const char *event, *colour;
    } colours[] = {
        {"delivered", "32"}, {"accepted", "36"},  {"undelivered", "31"}, {"failed", "31"},
        {"expired", "31"},   {"uncertain", "33"}, {"retry", "33"},       {"throttled", "33"},
    };

    for (size_t i = 0; i < sizeof colours / sizeof *colours; i++)
        if (strcmp(colours[i].event, event) == 0)
            return colours[i].colour;
    return NULL;
}

static void put_time(const char *stamp, const struct log_style *style, struct buf *out)
{
    struct local_time t;
    int64_t ms;

    if (clock_parse(stamp, &ms) != 0) {
        buf_printf(out, "%-18.18s", stamp);
        return;
    }
    zone_local(style->zone, ms, &t);
    if (!style->seconds_only)
        buf_printf(out, "%02d-%02d ", t.month, t.day);
    buf_printf(out, "%02d:%02d:%02d.%03d", t.hour, t.minute, t.second, (int)(ms % 1000));
}

static void put_number(const json_t *entry, const char *name, const char *format, struct buf *out)
{
    const json_t *value = json_object_get(entry, name);
    char text[48];

    if (!json_is_integer(value) || json_integer_value(value) == 0)
        return;
    snprintf(text, sizeof text, "%" PRId64, (int64_t)json_integer_value(value));
    buf_printf(out, "  %s%s%s", format[0] == '#' ? "#" : "", text, format[0] == '#' ? "" : format);
}

static void put_wait(const json_t *entry, const char *name, const char *format, struct buf *out)
{
    int64_t ms = json_integer_value(json_object_get(entry, name));
    char text[HUMAN_BYTES];

    if (ms > 0)
        buf_printf(out, format, human_duration(text, ms)); /* a constant of ours */
}

static void put_entry(const json_t *entry, const struct log_style *style, struct buf *out)
{
    const char *event = string(entry, "event"), *colour = style->colours ? colour_of(event) : NULL;
    const char *reason = string(entry, "reason"), *meaning = NULL;

    put_time(string(entry, "t"), style, out);
    buf_puts(out, "  ");
    if (colour != NULL)
        buf_printf(out, "\033[%sm", colour);
    table_fit(out, words_state(event), 11, TABLE_LEFT);
    if (colour != NULL)
        buf_puts(out, "\033[0m");
    if (string(entry, "daemon")[0] != '\0')
        buf_printf(out, "  %s", string(entry, "daemon"));
    else if (strcmp(event, "refused") != 0) /* of a person */
        buf_printf(out, "  %s/%s", string(entry, "campaign"),
                   words_reminder(string(entry, "reminder")));
    put_number(entry, "n", "", out);
    if (string(entry, "to")[0] != '\0')
        buf_printf(out, "  %s", string(entry, "to"));
    if (string(entry, "gateway")[0] != '\0')
        buf_printf(out, "  %s", string(entry, "gateway"));
    put_number(entry, "attempt", "#", out);
    put_number(entry, "segments", T(" seg"), out);
    put_wait(entry, "queued_ms", T("  queued %s"), out);
    put_wait(entry, "limited_ms", T("  limited %s"), out);
    put_wait(entry, "submit_ms", T("  answered in %s"), out);
    if (clock_parse(string(entry, "until"), &(int64_t){0}) == 0) {
        buf_puts(out, T("  until "));
        put_time(string(entry, "until"), style, out);
    }
    if (string(entry, "code")[0] != '\0')
        buf_printf(out, "  [%s]", string(entry, "code"));
    if (string(entry, "words")[0] != '\0')
        buf_printf(out, "  \"%s\"", string(entry, "words"));
    if (strcmp(reason, "none") == 0)
        reason = "";
    if (style->codes != NULL && reason[0] != '\0') /* closer than the reason */
        meaning = code_words_find(style->codes, string(entry, "gateway"), string(entry, "code"));
    if (meaning != NULL)
        buf_printf(out, "  %s", meaning);
    else if (reason[0] != '\0')
        buf_printf(out, "  %s", words_reason(reason));
}

/* Nothing from a file may move a person's cursor. */
static void put_harmless(const char *s, size_t n, struct buf *out)
{
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f)
            buf_printf(out, "\\x%02x", (unsigned char)s[i]);
        else
            buf_putc(out, s[i]);
}

void log_entry_write(const char *line, size_t n, const struct log_style *style, struct buf *out)
{
    json_t *entry = json_loadb(line, n, 0, NULL);
    struct buf text = BUF_INIT(1u << 20);

    if (!json_is_object(entry)) {
        put_harmless(line, n, out);
    } else {
        put_entry(entry, style, &text);
        /* The only control bytes that are ours are the colours: none without them. */
        if (style->colours)
            buf_put(out, text.data, text.length);
        else
            put_harmless(text.data, text.length, out);
    }
    buf_putc(out, '\n');
    buf_free(&text);
    json_decref(entry);
}
