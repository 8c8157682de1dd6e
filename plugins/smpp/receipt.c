#include "receipt.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* ------------------------------------------------------------------ states */
/* message_state, and the word that stands for it in a text. */
static const struct {
    int state;
    const char *word;
    enum gateway_receipt_state means;
    enum gateway_reason reason;
} states[] = {
    {2, "DELIVRD", GATEWAY_DELIVERED, GATEWAY_REASON_NONE},
    {5, "UNDELIV", GATEWAY_UNDELIVERED, GATEWAY_REASON_OTHER},
    {3, "EXPIRED", GATEWAY_UNDELIVERED, GATEWAY_REASON_EXPIRED},
    {8, "REJECTD", GATEWAY_UNDELIVERED, GATEWAY_REASON_OTHER},
    {4, "DELETED", GATEWAY_UNDELIVERED, GATEWAY_REASON_OTHER},
    {7, "UNKNOWN", GATEWAY_UNDELIVERED, GATEWAY_REASON_OTHER},
    {1, "ENROUTE", GATEWAY_ENROUTE, GATEWAY_REASON_NONE},
    {6, "ACCEPTD", GATEWAY_ENROUTE, GATEWAY_REASON_NONE},
    {0, "SCHEDULED", GATEWAY_ENROUTE, GATEWAY_REASON_NONE}, /* SMPP 5 */
    {9, "SKIPPED", GATEWAY_UNDELIVERED, GATEWAY_REASON_OTHER},
    {-1, "ACKED", GATEWAY_ENROUTE, GATEWAY_REASON_NONE},
    {-1, "BUFFRED", GATEWAY_ENROUTE, GATEWAY_REASON_NONE},
    {-1, "BUFFERD", GATEWAY_ENROUTE, GATEWAY_REASON_NONE},
};
#define STATES (sizeof states / sizeof *states)

static size_t find_state(int state)
{
    size_t i;

    for (i = 0; i < STATES; i++)
        if (states[i].state == state)
            return i;
    return STATES;
}

struct span {
    const char *at;
    size_t length;
};

static bool equals(struct span s, const char *word)
{
    return s.length == strlen(word) && strncasecmp(s.at, word, s.length) == 0;
}

static size_t find_word(struct span word)
{
    size_t i;

    for (i = 0; i < STATES; i++)
        if (equals(word, states[i].word))
            return i;
    return STATES;
}

/* ------------------------------------------------------------------ the text */
enum label { ID, SUB, DLVRD, SUBMIT_DATE, DONE_DATE, STAT, ERR, TEXT, LABELS };
static const struct {
    const char *word;
    size_t length;
} labels[LABELS] = {
#define LABEL(word)                                                                                \
    {                                                                                              \
        word, sizeof word - 1                                                                      \
    }
    LABEL("id:"),        LABEL("sub:"),  LABEL("dlvrd:"), LABEL("submit date:"),
    LABEL("done date:"), LABEL("stat:"), LABEL("err:"),   LABEL("text:"),
};

/* The label that starts at s, or LABELS. A label stands at the start or behind
 * a space, or "id:" would be found in "paid:". */
static enum label label_at(const char *text, size_t n, size_t at)
{
    int i;

    if (at > 0 && text[at - 1] != ' ')
        return LABELS;
    for (i = 0; i < LABELS; i++) {
        if ((text[at] | 0x20) == labels[i].word[0] && labels[i].length <= n - at &&
            strncasecmp(text + at, labels[i].word, labels[i].length) == 0)
            return (enum label)i;
    }
    return LABELS;
}

/* Spaces and NULs around a value are no part of it. */
static struct span trimmed(const char *from, const char *to)
{
    while (from < to && (*from == ' ' || *from == '\0'))
        from++;
    while (to > from && (to[-1] == ' ' || to[-1] == '\0'))
        to--;
    return (struct span){from, (size_t)(to - from)};
}

static void split(struct span values[LABELS], const char *text, size_t n)
{
    enum label open = LABELS;
    size_t i, from = 0;

    for (i = 0; i < n && open != TEXT; i++) {
        enum label l = label_at(text, n, i);

        if (l == LABELS)
            continue;
        if (open != LABELS && values[open].at == NULL)
            values[open] = trimmed(text + from, text + i);
        open = l;
        from = i + labels[l].length;
    }
    if (open != LABELS && values[open].at == NULL)
        values[open] = trimmed(text + from, text + n);
}

/* Days since 1970 of a Gregorian date (timegm() would cost more than all else here). */
static int64_t days(int year, int month, int day)
{
    static const int before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    int leap = month > 2 ? year : year - 1; /* the last year whose leap day has passed */

    return (int64_t)(year - 1970) * 365 + leap / 4 - leap / 100 + leap / 400 - 477 +
           before[month - 1] + day - 1;
}

/* YYMMDDhhmm, with seconds (12 digits), or with a century as well (14). */
static int64_t parse_date(struct span s, int utc_offset_min)
{
    int field[7] = {0}, *f = field;
    size_t i, digits = 0;

    while (digits < s.length && s.at[digits] >= '0' && s.at[digits] <= '9')
        digits++;
    if (digits != 10 && digits != 12 && digits != 14)
        return 0;
    for (i = 0; i < digits; i += 2)
        field[i / 2] = (s.at[i] - '0') * 10 + (s.at[i + 1] - '0');
    if (digits == 14)
        f++;
    if (f[1] < 1 || f[1] > 12 || f[2] < 1 || f[2] > 31 || f[3] > 23 || f[4] > 59 || f[5] > 60)
        return 0;
    return (((days(2000 + f[0], f[1], f[2]) * 24 + f[3]) * 60 + f[4] - utc_offset_min) * 60 +
            f[5]) *
           1000;
}

/* ------------------------------------------------------------------ all of it */
static bool is_zero(struct span s)
{
    size_t i;

    for (i = 0; i < s.length; i++)
        if (s.at[i] != '0')
            return false;
    return true;
}

/* For logs and tables: only what prints. */
static size_t put_plain(char *out, size_t size, size_t at, struct span s)
{
    size_t i;

    for (i = 0; i < s.length && at + 1 < size; i++)
        out[at++] = s.at[i] > ' ' && s.at[i] < 0x7f ? s.at[i] : '?';
    out[at] = '\0';
    return at;
}

static void put_code(struct smpp_receipt *r, struct span word, struct span err)
{
    size_t at = put_plain(r->code, sizeof r->code / 2, 0, word);

    if (is_zero(err))
        return;
    if (at > 0)
        r->code[at++] = ':';
    put_plain(r->code, sizeof r->code, at, err);
}

static void set_state(struct smpp_receipt *r, int tlv, struct span *word, bool intermediate)
{
    size_t found = tlv >= 0 ? find_state(tlv) : STATES;

    if (found == STATES && word->length > 0)
        found = find_word(*word);
    /* A word that nobody knows is bad news; nothing at all is no news. */
    r->state = found < STATES     ? states[found].means
               : word->length > 0 ? GATEWAY_UNDELIVERED
                                  : GATEWAY_ENROUTE;
    r->reason = found < STATES                    ? states[found].reason
                : r->state == GATEWAY_UNDELIVERED ? GATEWAY_REASON_OTHER
                                                  : GATEWAY_REASON_NONE;
    if (intermediate && r->state != GATEWAY_ENROUTE) {
        r->state = GATEWAY_ENROUTE;
        r->reason = GATEWAY_REASON_NONE;
    }
    if (word->length == 0 && found < STATES)
        *word = (struct span){states[found].word, strlen(states[found].word)};
}

static void set_reason(struct smpp_receipt *r, struct span word, struct span err,
                       const struct trunk_reason *reasons, size_t n)
{
    size_t i;

    if (r->state != GATEWAY_UNDELIVERED)
        return;
    for (i = 0; i < n; i++)
        if (equals(err, reasons[i].code) || equals(word, reasons[i].code)) {
            r->reason = reasons[i].reason;
            return;
        }
}

void smpp_receipt_read(struct smpp_receipt *r, const struct smpp_incoming *in, const uint8_t *text,
                       size_t length, const struct trunk_reason *reasons, size_t reason_count,
                       int utc_offset_min)
{
    struct span values[LABELS] = {{0}};
    char network[16];

    memset(r, 0, sizeof *r);
    if (length > 0)
        split(values, (const char *)text, length);
    r->id = in->receipted_id_length > 0 ? in->receipted_id : values[ID].at;
    r->id_length = in->receipted_id_length > 0 ? in->receipted_id_length : values[ID].length;
    if (r->id_length > SMPP_ID_MAX)
        r->id_length = 0;
    if (values[ERR].length == 0 && in->network_error != NULL) {
        const uint8_t *e = in->network_error;
        bool ascii = e[0] >= '0' && e[0] <= '9' && e[1] >= '0' && e[2] >= '0'; /* seen */

        if (ascii)
            snprintf(network, sizeof network, "%.3s", (const char *)e);
        else
            snprintf(network, sizeof network, "%u", (unsigned)(e[1] << 8 | e[2]));
        values[ERR] = (struct span){network, strlen(network)};
    }
    set_state(r, in->message_state, &values[STAT], (in->esm_class & SMPP_ESM_TYPE) == 0x20);
    set_reason(r, values[STAT], values[ERR], reasons, reason_count);
    put_code(r, values[STAT], values[ERR]);
    if (values[DONE_DATE].length > 0)
        r->done_ms = parse_date(values[DONE_DATE], utc_offset_min);
}
