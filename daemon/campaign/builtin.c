#include "builtin.h"

#include "buf.h"
#include "campaign_text.h"
#include "error.h"
#include "neutral.h"
#include "row.h"
#include "tree.h"

#include <stdio.h>
#include <string.h>

#define DOCUMENT_BYTES (1u << 20)

/* The columns behind the channels; no channel is called so. */
#define COLUMN_UNTIL "notice_until"     /* wall clock in ms */
#define COLUMN_VERSION "notice_version" /* of the campaign's document */
#define COLUMN_OF "notice_of"           /* her number in the campaign's audience */
#define COLUMN_UNASKED                                                                             \
    "notice_unasked" /* 1: she did not ask for it just now; the last but the texts of channels,    \
                        for rows of those who asked may end before it */

/* The texts of the channels behind the first, where one says something else: last of all, and
 * what a row does not have is BUILTIN_COLUMN's. */
static const char *const more_texts[CAMPAIGN_MAX_CHANNELS] = {
    NULL,
    BUILTIN_COLUMN "_2",
    BUILTIN_COLUMN "_3",
    BUILTIN_COLUMN "_4",
    BUILTIN_COLUMN "_5",
    BUILTIN_COLUMN "_6",
    BUILTIN_COLUMN "_7",
    BUILTIN_COLUMN "_8",
};

static const struct builtin {
    const char *name, *class, *hours, *doubt; /* NULL: the campaign's */
    const char *templates;                    /* where its document has them */
} builtins[BUILTIN_COUNT] = {
    {BUILTIN_ANSWERS, "personal", "always", "hold", "answer_templates"},
    {BUILTIN_CORRECTIONS, NULL, NULL, "resend", "corrections.templates"},
};

static const struct builtin *find(const char *reminder)
{
    for (size_t i = 0; i < BUILTIN_COUNT; i++)
        if (strcmp(builtins[i].name, reminder) == 0)
            return &builtins[i];
    return NULL;
}

bool builtin_is(const char *reminder)
{
    return find(reminder) != NULL;
}

bool builtin_is_text(const char *text)
{
    size_t n = strlen(text);

    if (strcmp(text, BUILTIN_TEXT) == 0)
        return true;
    for (size_t k = 1; k < CAMPAIGN_MAX_CHANNELS; k++)
        if (n == strlen(more_texts[k]) + 4 && strncmp(text, "{{", 2) == 0 &&
            strncmp(text + 2, more_texts[k], n - 4) == 0 && strcmp(text + n - 2, "}}") == 0)
            return true;
    return false;
}

bool builtin_holds_doubt(const char *reminder)
{
    const struct builtin *b = find(reminder);

    return b != NULL && strcmp(b->doubt, "hold") == 0;
}

static void put_member(struct buf *out, const char *name)
{
    if (out->data[out->length - 1] != '{')
        buf_putc(out, ',');
    buf_put_json(out, name, strlen(name));
    buf_putc(out, ':');
}

static void put_string(struct buf *out, const char *name, const char *value)
{
    put_member(out, name);
    buf_put_json(out, value, strlen(value));
}

static void put_tree(struct buf *out, const char *name, const struct tree *value)
{
    put_member(out, name);
    tree_write_json(value, out);
}

/* The event as one occurrence: what repeats takes no reminder that goes at once. */
static void put_event(struct buf *out, const struct tree *event)
{
    put_member(out, "event");
    buf_putc(out, '{');
    for (const struct tree *one = event->first; one != NULL; one = one->next)
        if (strcmp(one->name, "repeat") != 0 && strcmp(one->name, "except") != 0 &&
            strcmp(one->name, "moved") != 0)
            put_tree(out, one->name, one);
    buf_putc(out, '}');
}

/* The name of column i of a built-in reminder's rows; NULL behind the last. */
static const char *column_at(const struct campaign *c, size_t i)
{
    static const char *const more[] = {"name",       "language",     BUILTIN_COLUMN,
                                       COLUMN_UNTIL, COLUMN_VERSION, COLUMN_OF};
    size_t count = sizeof more / sizeof *more;

    if (i < c->channel_count)
        return c->channels[i];
    i -= c->channel_count;
    if (i < count)
        return more[i];
    if (i == count && c->column_timezone >= 0)
        return "timezone";
    i -= count + (c->column_timezone >= 0);
    if (i == 0)
        return COLUMN_UNASKED;
    return i < c->channel_count ? more_texts[i] : NULL;
}

/* A row may end before it. */
static bool is_optional(const char *name)
{
    return strcmp(name, COLUMN_UNASKED) == 0 ||
           (strncmp(name, BUILTIN_COLUMN "_", sizeof BUILTIN_COLUMN) == 0);
}

static void put_columns(struct buf *out, const struct campaign *c)
{
    const char *name;

    put_member(out, "columns");
    for (size_t i = 0; (name = column_at(c, i)) != NULL; i++) {
        buf_putc(out, i == 0 ? '[' : ',');
        buf_put_json(out, name, strlen(name));
    }
    buf_putc(out, ']');
}

static void put_texts(struct buf *out, const struct campaign *c)
{
    const struct texts *t = campaign_texts(c);
    const struct tree *neutral = tree_get(c->document, "texts." NEUTRAL_TEXT);

    put_member(out, "texts");
    buf_putc(out, '{');
    for (size_t i = 0; i < texts_language_count(t); i++)
        put_string(out, texts_language(t, i), BUILTIN_TEXT);
    for (size_t k = 1; k < c->channel_count; k++) {
        char text[sizeof BUILTIN_TEXT + 2];

        snprintf(text, sizeof text, "{{%s}}", more_texts[k]);
        put_member(out, c->channels[k]);
        buf_putc(out, '{');
        for (size_t i = 0; i < texts_language_count(t); i++)
            put_string(out, texts_language(t, i), text);
        buf_putc(out, '}');
    }
    if (neutral != NULL)
        put_tree(out, NEUTRAL_TEXT, neutral);
    buf_putc(out, '}');
}

static void put_document(struct buf *out, const struct campaign *c, const struct builtin *b)
{
    static const char *const same[] = {"id",          "title", "channels",     "signature",
                                       "optout_line", "rate",  "max_segments", "sensitive",
                                       "country",     "vars",  "extension"};
    const struct tree *hours = b->hours == NULL ? tree_get(c->document, "corrections.hours") : NULL;
    const struct tree *one;

    buf_putc(out, '{');
    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        if ((one = tree_member(c->document, same[i])) != NULL)
            put_tree(out, same[i], one);
    if (c->fallback_after_ms > 0)
        put_tree(out, "fallback_after", tree_member(c->document, "fallback_after"));
    if (hours == NULL)
        hours = tree_member(c->document, "hours");
    if (hours != NULL)
        put_tree(out, "hours", hours);
    put_string(out, "class", b->class != NULL ? b->class : c->class_name);
    put_string(out, "language", c->language);
    put_event(out, tree_member(c->document, "event"));
    put_columns(out, c);
    put_texts(out, c);
    if ((one = tree_get(c->document, b->templates)) != NULL)
        put_tree(out, "templates", one);
    put_member(out, "per_recipient");
    buf_puts(out, "[]");
    put_member(out, "reminders");
    buf_printf(out, "[{\"name\":\"once\",\"at\":\"now\",\"priority\":1,\"doubt\":\"%s\"", b->doubt);
    if (b->hours != NULL)
        buf_printf(out, ",\"hours\":\"%s\"", b->hours);
    buf_puts(out, "}]}");
}

struct campaign *builtin_campaign(const struct campaign *c, const char *reminder,
                                  const struct campaign_defaults *defaults, struct error *err)
{
    const struct builtin *b = find(reminder);
    struct buf out = BUF_INIT(DOCUMENT_BYTES);
    struct campaign *made = NULL;
    struct tree *document = NULL;

    if (b == NULL) {
        error_set(err, "its campaign has no such reminder");
        return NULL;
    }
    put_document(&out, c, b);
    if (buf_overflowed(&out))
        error_set(err, "%s: the document is too long", c->id);
    else
        document = tree_parse_json(out.data, out.length, b->name, err);
    if (document != NULL)
        made = campaign_create(document, defaults, NULL, 0, err);
    buf_free(&out);
    if (made == NULL)
        return NULL;
    made->reminders[0].name = b->name; /* reserved: a document cannot say it */
    made->reminders[0].expires_ms = INT64_MAX;
    made->to_group = c->to_group;
    made->column_until = campaign_column(made, COLUMN_UNTIL);
    made->column_version = campaign_column(made, COLUMN_VERSION);
    made->column_unasked = campaign_column(made, COLUMN_UNASKED);
    made->column_text = campaign_column(made, BUILTIN_COLUMN);
    made->column_texts = campaign_column(made, more_texts[1]);
    return made;
}

int builtin_check(const struct campaign *c, const struct campaign_defaults *defaults,
                  struct error *err)
{
    for (size_t i = 0; i < BUILTIN_COUNT; i++) {
        const struct tree *templates = tree_get(c->document, builtins[i].templates);
        struct campaign *made;
        struct error trouble;

        if (templates == NULL)
            continue;
        tree_hush(true);
        made = builtin_campaign(c, builtins[i].name, defaults, &trouble);
        tree_hush(false);
        if (made == NULL)
            return tree_error(err, templates, "%s", trouble.text);
        campaign_free(made);
    }
    return 0;
}

static void put_value(struct buf *out, const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        buf_putc(out, (unsigned char)text[i] < 0x20 && text[i] != '\n' ? ' ' : text[i]);
}

/* What is said of channel k alone; length 0: as to all. */
static struct template_value text_of(const struct campaign *c, const struct builtin_notice *notice,
                                     const char *name)
{
    for (size_t k = 1; notice->texts != NULL && k < c->channel_count; k++)
        if (strcmp(more_texts[k], name) == 0)
            return notice->texts[k];
    return (struct template_value){"", 0};
}

static bool says_more(const struct campaign *c, const struct builtin_notice *notice)
{
    for (size_t k = 1; notice->texts != NULL && k < c->channel_count; k++)
        if (notice->texts[k].length > 0)
            return true;
    return false;
}

void builtin_row(const struct campaign *c, const struct builtin_notice *notice, struct buf *out)
{
    const struct {
        const char *name;
        int64_t value;
    } numbers[] = {{COLUMN_UNTIL, notice->expires_ms},
                   {COLUMN_VERSION, notice->version},
                   {COLUMN_OF, notice->n},
                   {COLUMN_UNASKED, notice->unasked}};
    bool more = says_more(c, notice);
    const char *name;

    for (size_t i = 0; (name = column_at(c, i)) != NULL; i++) {
        struct template_value text = text_of(c, notice, name);
        int at = campaign_column(c, name);

        if (is_optional(name) && !more && !(notice->unasked && strcmp(name, COLUMN_UNASKED) == 0))
            break;
        if (i > 0)
            buf_putc(out, ROW_SEPARATOR);
        put_value(out, text.text, text.length);
        if (strcmp(name, BUILTIN_COLUMN) == 0)
            put_value(out, notice->text, notice->length);
        else if (at >= 0)
            put_value(out, notice->person[at].text, notice->person[at].length);
        for (size_t k = 0; k < sizeof numbers / sizeof *numbers; k++)
            if (strcmp(name, numbers[k].name) == 0 && numbers[k].value != 0)
                buf_put_i64(out, numbers[k].value);
    }
}

int builtin_split(const struct campaign *c, const char *reminder, const char *bytes, size_t n,
                  struct template_value *values)
{
    const char *end = bytes + n, *name;
    size_t i = 0;

    if (!builtin_is(reminder))
        return campaign_row_split(c, bytes, n, values);
    for (size_t k = 0; k < c->column_count; k++)
        values[k] = (struct template_value){"", 0};
    for (; (name = column_at(c, i)) != NULL && bytes != NULL; i++) {
        const char *stop = memchr(bytes, ROW_SEPARATOR, (size_t)(end - bytes));
        int at = campaign_column(c, name);

        if (at >= 0)
            values[at] =
                (struct template_value){bytes, (size_t)((stop != NULL ? stop : end) - bytes)};
        bytes = stop != NULL ? stop + 1 : NULL;
    }
    return bytes == NULL && (name == NULL || is_optional(name)) ? 0 : -1;
}

uint32_t builtin_row_of(const struct campaign *c, const char *bytes, size_t n)
{
    const char *end = bytes + n, *name;

    for (size_t i = 0; (name = column_at(c, i)) != NULL && bytes != NULL; i++) {
        const char *stop = memchr(bytes, ROW_SEPARATOR, (size_t)(end - bytes));
        uint32_t number = 0;

        if (strcmp(name, COLUMN_OF) != 0) {
            bytes = stop != NULL ? stop + 1 : NULL;
            continue;
        }
        for (; bytes < (stop != NULL ? stop : end) && *bytes >= '0' && *bytes <= '9'; bytes++)
            number = number * 10 + (uint32_t)(*bytes - '0');
        return number;
    }
    return 0;
}
