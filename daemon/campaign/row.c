#include "row.h"

#include "campaign.h"
#include "campaign_text.h"
#include "column.h"
#include "encoding.h"
#include "form.h"
#include "phone.h"
#include "remark.h"
#include "value.h"
#include "zone.h"

#include <stdio.h>
#include <string.h>

struct maker {
    const struct campaign *c;
    struct row *row;
    row_remark_fn *remark;
    void *arg;
};

/* Both are -1, so that `return REFUSE(...)` reads well. */
#define REFUSE(m, ...) say(m, true, remark_write((char[REMARK_BYTES]){""}, __VA_ARGS__))
#define NOTE(m, ...) say(m, false, remark_write((char[REMARK_BYTES]){""}, __VA_ARGS__))

static int say(const struct maker *m, bool refused, const char *text)
{
    m->remark(m->arg, refused, text);
    return -1;
}

static bool has_room(const struct row *row, size_t n)
{
    return row->length + n + 64 < sizeof row->bytes;
}

static void put_value(struct row *row, size_t column, size_t n)
{
    row->values[column] = (struct template_value){row->bytes + row->length, n};
    row->length += n;
    row->bytes[row->length++] = ROW_SEPARATOR;
}

/* Copies a value to where it will stand, and cleans it there. */
static size_t copy_clean(struct row *row, const struct csv_field *raw)
{
    if (raw->length == 0)
        return 0;
    memcpy(row->bytes + row->length, raw->bytes, raw->length);
    return text_value_clean(row->bytes + row->length, raw->length);
}

static const char *check_value(const char *s, size_t n)
{
    size_t offset;
    enum text_value_fault fault = text_value_check(s, n, 0, &offset);

    return fault == TEXT_VALUE_OK ? NULL : text_value_fault_text(fault);
}

/* What a person knows a column by: her file's heading, else our word for it. */
static const char *heading(const struct maker *m, size_t k)
{
    if (m->row->headings != NULL && m->row->headings[k] != NULL)
        return m->row->headings[k];
    return column_words(m->c->columns[k]);
}

static const char *heading_of(const struct maker *m, const char *column)
{
    int k = campaign_column(m->c, column);

    return k >= 0 ? heading(m, (size_t)k) : column_words(column);
}

/* ------------------------------------------------------------------- addresses */
/* NULL with the address in place, or what is wrong with it. */
static const char *make_address(struct maker *m, size_t k, const struct csv_field *raw)
{
    struct row *row = m->row;
    const char *trouble = NULL;
    char number[PHONE_BYTES];
    enum phone_fault fault;
    size_t n = 0;

    if (column_is_phone(m->c->channels[k])) {
        if (phone_normalize(raw->bytes == NULL ? "" : raw->bytes, raw->length, m->c->country,
                            number, &fault) == 0) {
            n = strlen(number);
            memcpy(row->bytes + row->length, number, n);
        } else {
            trouble = phone_fault_text(fault);
        }
    } else {
        n = copy_clean(row, raw);
        trouble = check_value(row->bytes + row->length, n);
        if (trouble != NULL)
            n = 0;
    }
    put_value(row, k, n);
    return trouble;
}

/* One address is enough; what is wrong with the others is a remark then. */
static int make_addresses(struct maker *m, const struct csv_field *raw)
{
    const char *troubles[CAMPAIGN_MAX_CHANNELS];
    size_t k, good = 0;

    for (k = 0; k < m->c->channel_count; k++) {
        if (!has_room(m->row, raw[k].length))
            return REFUSE(m, REMARK_ROW_TOO_LONG);
        troubles[k] = make_address(m, k, &raw[k]);
        good += m->row->values[k].length > 0;
    }
    for (k = 0; k < m->c->channel_count; k++) {
        if (troubles[k] == NULL || (good > 0 && raw[k].length == 0))
            continue;
        if (good == 0)
            return REFUSE(m, REMARK_COLUMN_FAULT, heading(m, k), troubles[k]);
        NOTE(m, REMARK_OTHER_ADDRESS, heading(m, k), troubles[k]);
    }
    return good > 0 ? 0 : REFUSE(m, REMARK_NO_ADDRESS, heading(m, 0));
}

/* ---------------------------------------------------------------- other columns */
static int make_plain(struct maker *m, size_t k, const struct csv_field *raw)
{
    size_t n = copy_clean(m->row, raw);
    const char *trouble = check_value(m->row->bytes + m->row->length, n);

    if (trouble != NULL)
        return REFUSE(m, REMARK_COLUMN_FAULT, heading(m, k), trouble);
    put_value(m->row, k, n);
    return 0;
}

/* A value that was not understood, NUL-terminated for a remark. */
static const char *shown(const char *at, size_t n, char out[64])
{
    if (n > 60) {
        for (n = 60; n > 0 && ((unsigned char)at[n] & 0xc0) == 0x80;)
            n--; /* not within a character */
    }
    memcpy(out, at, n);
    out[n] = '\0';
    return out;
}

/* Whole, and a string: a cell with a NUL in it reads as what stands before it. */
static bool is_word(const char *at, size_t n, char out[64])
{
    return strlen(shown(at, n, out)) == n;
}

static int make_language(struct maker *m, size_t k, const struct csv_field *raw)
{
    char *at = m->row->bytes + m->row->length, word[64];
    size_t n = copy_clean(m->row, raw);
    const char *code = column_language_code(at, n);

    if (n > 0 && code[0] == '\0') {
        if (!is_word(at, n, word) || !form_is_language(word)) {
            NOTE(m, REMARK_LANGUAGE, word);
            n = 0;
        }
    } else {
        n = strlen(code);
        memcpy(at, code, n);
    }
    put_value(m->row, k, n);
    return 0;
}

static int make_slot(struct maker *m, size_t k, const struct csv_field *raw)
{
    char *at = m->row->bytes + m->row->length, word[64];
    size_t n = copy_clean(m->row, raw);
    struct local_time t;
    int64_t slot_ms;

    if (n == 0 && texts_need_slot(campaign_texts(m->c)))
        return REFUSE(m, REMARK_NO_SLOT);
    if (n > 0) {
        if (zone_parse(m->c->zone, at, n, &slot_ms) != 0)
            return REFUSE(m, REMARK_SLOT, shown(at, n, word));
        zone_local(m->c->zone, slot_ms, &t);
        n = (size_t)snprintf(at, 32, "%04d-%02d-%02dT%02d:%02d", t.year, t.month, t.day, t.hour,
                             t.minute);
    }
    put_value(m->row, k, n);
    return 0;
}

static int make_timezone(struct maker *m, size_t k, const struct csv_field *raw)
{
    char *at = m->row->bytes + m->row->length, word[64];
    size_t n = copy_clean(m->row, raw);

    if (n > 0 && (!is_word(at, n, word) || zone_find(word, NULL) == NULL)) {
        NOTE(m, REMARK_TIMEZONE, word);
        n = 0;
    }
    put_value(m->row, k, n);
    return 0;
}

static int make_column(struct maker *m, size_t k, const struct csv_field *raw)
{
    if ((int)k == m->c->column_language)
        return make_language(m, k, raw);
    if ((int)k == m->c->column_slot)
        return make_slot(m, k, raw);
    if ((int)k == m->c->column_timezone)
        return make_timezone(m, k, raw);
    return make_plain(m, k, raw);
}

/* ----------------------------------------------------------------------- texts */
static int check_texts(struct maker *m)
{
    struct texts_trouble trouble;

    switch (texts_check_row(m->c, m->row->values, &trouble)) {
    case TEXTS_FINE:
        return 0;
    case TEXTS_DEARER:
        NOTE(m, REMARK_NOT_GSM, heading_of(m, trouble.column));
        return 0;
    case TEXTS_HOLE:
        return REFUSE(m, REMARK_HOLE, heading_of(m, trouble.column), trouble.reminder);
    case TEXTS_TOO_LONG:
        break;
    }
    return REFUSE(m, REMARK_TOO_LONG, trouble.reminder, (unsigned long)trouble.segments,
                  (unsigned long)m->c->max_segments);
}

int row_make(const struct campaign *c, const struct csv_field *raw, struct row *row,
             row_remark_fn *remark, void *arg)
{
    struct maker m = {c, row, remark, arg};
    size_t k;

    row->length = 0;
    if (make_addresses(&m, raw) != 0)
        return -1;
    for (k = c->channel_count; k < c->column_count; k++) {
        if (!has_room(row, raw[k].length))
            return REFUSE(&m, REMARK_ROW_TOO_LONG);
        if (make_column(&m, k, &raw[k]) != 0)
            return -1;
    }
    row->length--; /* the last separator */
    if (check_texts(&m) != 0)
        return -1;
    k = (size_t)campaign_column(c, "name");
    if (k < c->column_count && row->values[k].length == 0)
        NOTE(&m, REMARK_NO_NAME);
    return 0;
}

int row_replace(const struct campaign *c, struct row *row, size_t column, const char *value,
                size_t n)
{
    struct row changed;
    struct texts_trouble trouble;
    size_t k;

    changed.length = 0;
    for (k = 0; k < c->column_count; k++) {
        struct template_value v = row->values[k];

        if (k == column)
            v = (struct template_value){value, n};
        if (!has_room(&changed, v.length))
            return -1;
        memcpy(changed.bytes + changed.length, v.text, v.length);
        put_value(&changed, k, v.length);
    }
    changed.length--;
    if (texts_check_row(c, changed.values, &trouble) == TEXTS_TOO_LONG)
        return -1;
    memcpy(row->bytes, changed.bytes, changed.length);
    row->length = changed.length;
    for (k = 0; k < c->column_count; k++)
        row->values[k] = (struct template_value){
            row->bytes + (changed.values[k].text - changed.bytes), changed.values[k].length};
    return 0;
}
