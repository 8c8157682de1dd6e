#include "decide.h"

#include "builtin.h"
#include "column.h"
#include "hours.h"
#include "zone.h"

#include <string.h>

/* The zone of one recipient, or the campaign's. */
static const struct zone *zone_of(const struct campaign *c, const struct template_value *row)
{
    const struct zone *zone = NULL;
    char name[64];

    if (c->column_timezone < 0 || row[c->column_timezone].length == 0 ||
        row[c->column_timezone].length >= sizeof name)
        return c->zone;
    memcpy(name, row[c->column_timezone].text, row[c->column_timezone].length);
    name[row[c->column_timezone].length] = '\0';
    zone = zone_find(name, NULL);
    return zone != NULL ? zone : c->zone;
}

/* A reminder that counts from each person's own time. */
static enum decided decide_slot(const struct campaign *c, size_t reminder,
                                const struct template_value *row, int64_t now_ms,
                                struct decided_time *t)
{
    const struct template_value *v = c->column_slot >= 0 ? &row[c->column_slot] : NULL;
    int64_t due, slot;

    t->reason = REASON_SLOT;
    if (v == NULL || campaign_slot_due(c, reminder, v->text, v->length, &due, &slot) != 0)
        return DECIDE_FAILS;
    if (now_ms >= slot)
        return DECIDE_LATE;
    if (slot < t->expires_ms)
        t->expires_ms = slot;
    t->until_ms = due;
    return due > now_ms ? DECIDE_WAITS : DECIDE_GOES;
}

/* What is no number is over. */
static int64_t digits_of(const struct template_value *v)
{
    int64_t n = 0;

    for (size_t i = 0; i < v->length; i++) {
        if (v->text[i] < '0' || v->text[i] > '9' || n > INT64_MAX / 10 - 1)
            return 0;
        n = n * 10 + (v->text[i] - '0');
    }
    return n;
}

unsigned decide_version(const struct campaign *c, const struct template_value *row)
{
    return c->column_version >= 0 ? (unsigned)digits_of(&row[c->column_version]) : 0;
}

bool decide_unasked(const struct campaign *c, const struct template_value *row)
{
    return c->column_unasked >= 0 && row[c->column_unasked].length > 0;
}

bool decide_refusal_holds(const char *reminder, bool unasked)
{
    return unasked || strcmp(reminder, BUILTIN_ANSWERS) != 0;
}

enum decided decide_time(const struct campaign *c, size_t reminder,
                         const struct template_value *row, int64_t now_ms, struct decided_time *t)
{
    bool unasked = decide_unasked(c, row);
    const struct hours *hours = unasked ? c->hours : c->reminders[reminder].hours;
    const struct zone *zone;

    t->hours_until_ms = INT64_MAX;
    if (c->column_until >= 0 && row[c->column_until].length > 0) {
        int64_t until_ms = digits_of(&row[c->column_until]);

        t->reason = REASON_NONE;
        if (now_ms >= until_ms)
            return DECIDE_LATE;
        if (until_ms < t->expires_ms)
            t->expires_ms = until_ms;
    }
    if (c->reminders[reminder].at.of_slot) {
        enum decided slot = decide_slot(c, reminder, row, now_ms, t);

        if (slot != DECIDE_GOES)
            return slot;
    }
    t->reason = REASON_NONE;
    if (c->column_timezone < 0 && !unasked)
        return DECIDE_GOES;
    zone = zone_of(c, row);
    t->until_ms = hours_next_open(hours, zone, now_ms);
    if (t->until_ms > now_ms) {
        t->reason = REASON_HOURS;
        return DECIDE_WAITS;
    }
    t->hours_until_ms = hours_close(hours, zone, now_ms);
    return DECIDE_GOES;
}

/* Telephone numbers are in E.164 from the start. */
static bool is_address(const char *channel, const struct template_value *to)
{
    if (to->length == 0 || to->length > 128)
        return false;
    if (!column_is_phone(channel))
        return true;
    if (to->text[0] != '+' || to->length < 4 || to->length > 16)
        return false;
    for (size_t i = 1; i < to->length; i++)
        if (to->text[i] < '0' || to->text[i] > '9')
            return false;
    return true;
}

bool decide_address(const struct campaign *c, size_t reminder, size_t step,
                    const struct template_value *row)
{
    if ((c->reminders[reminder].channel_mask & 1u << step) == 0)
        return false;
    return c->to_group ? row[step].length == 0 : is_address(c->channels[step], &row[step]);
}

static enum signature_mode signature_of(const struct gateway_config *config)
{
    static const enum signature_mode modes[] = {
        [GATEWAY_SIGNATURE_PREFIX] = SIGNATURE_PREFIX,
        [GATEWAY_SIGNATURE_SUFFIX] = SIGNATURE_SUFFIX,
        [GATEWAY_SIGNATURE_GATEWAY] = SIGNATURE_GATEWAY,
        [GATEWAY_SIGNATURE_NONE] = SIGNATURE_NONE,
    };

    return modes[config->signature];
}

/* What out->shown takes. */
static enum notice_reason measure(const struct campaign *c, const struct gateway_config *gateway,
                                  const char *to, size_t to_length, struct decided_text *out)
{
    enum text_billing billing =
        to_length > 3 && memcmp(to, "+86", 3) == 0 ? TEXT_BILL_UNITS : TEXT_BILL_GSM;

    if ((gateway->capabilities & GATEWAY_SEGMENTS) == 0 && strcmp(gateway->channel, "sms") != 0)
        return REASON_NONE;
    if (text_measure(out->shown, out->length, billing, &out->size) != 0)
        return REASON_TEXT;
    if (out->size.parts > GATEWAY_MAX_IDS || out->size.segments > (uint32_t)c->max_segments)
        return REASON_TOO_LONG;
    return REASON_NONE;
}

enum notice_reason decide_text(const struct campaign *c, size_t reminder, size_t step,
                               const struct gateway_config *gateway,
                               const struct template_value *row, struct decided_text *out)
{
    const struct template_value *language =
        c->column_language >= 0 ? &row[c->column_language] : NULL;
    const struct template_value *to = &row[step];
    const char *empty = NULL;
    int length;

    out->size = (struct text_size){.encoding = TEXT_GSM7, .segments = 1};
    out->text = campaign_text(c, reminder, c->channels[step], language ? language->text : "",
                              language ? language->length : 0);
    out->language = campaign_text_language(out->text);
    length = campaign_compose(c, out->text, row, signature_of(gateway), out->shown,
                              sizeof out->shown, &empty);
    if (length < 0)
        return empty != NULL ? REASON_EMPTY : REASON_TOO_LONG;
    out->length = (size_t)length;
    return measure(c, gateway, to->text, to->length, out);
}

enum notice_reason decide_neutral(const struct campaign *c, size_t step,
                                  const struct gateway_config *gateway, const char *to,
                                  const char *language, struct decided_text *out)
{
    int length = campaign_compose_neutral(c, c->channels[step], language, signature_of(gateway),
                                          out->shown, sizeof out->shown);

    out->size = (struct text_size){.encoding = TEXT_GSM7, .segments = 1};
    out->text = NULL;
    out->language = language;
    if (length < 0)
        return REASON_SAFE;
    out->length = (size_t)length;
    return measure(c, gateway, to, strlen(to), out);
}
