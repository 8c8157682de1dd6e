#include "campaign_text.h"

#include "campaign.h"
#include "campaign_names.h"
#include "campaign_template.h"
#include "column.h"
#include "encoding.h"
#include "error.h"
#include "form.h"
#include "mem.h"
#include "neutral.h"
#include "template.h"
#include "tree.h"
#include "when.h"
#include "zone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_LANGUAGES 8

struct campaign_text {
    struct campaign_text *next;
    const struct tree *node; /* where it stands in the document */
    int64_t starts_ms;       /* of the occurrence whose dates it says */
    const char *language;
    struct template *template;
    const char *tail; /* the opt-out line, with what joins it to the text */
    size_t tail_length;
    bool says_slot;
};

/* The most that the texts in a language can make of a row, so that a row is
 * judged by a few additions. In UTF-16 units, of which a byte of UTF-8 is never
 * less than one. */
struct bound {
    size_t units;                           /* without the row's values */
    size_t times[CAMPAIGN_MAX_COLUMNS];     /* that a column is used in one text */
    size_t otherwise[CAMPAIGN_MAX_COLUMNS]; /* units of its defaults */
    bool required[CAMPAIGN_MAX_COLUMNS];    /* some text has no default for it */
    bool gsm;                               /* all of them are in the GSM alphabet */
};

struct texts {
    struct bound bounds[MAX_LANGUAGES];
    const char *languages[MAX_LANGUAGES];
    size_t lengths[MAX_LANGUAGES];
    size_t language_count, main_language;
    bool need_slot;
    struct campaign_text *first;
    const struct campaign_text **table;    /* [reminder][channel][language] */
    const struct campaign_text **specials; /* [special][channel][language]; of them some NULL */
    struct templates *templates;           /* of providers; NULL: none */
    struct neutral *neutral;               /* what any resident may read */
};

/* ------------------------------------------------------------------- compiling */
static struct template *compile_leaf(struct scope *s, const struct tree *node, struct error *err)
{
    struct error why;
    struct template *t;
    const char *text = node->string + strspn(node->string, " \n");

    if (strncmp(text, "【", strlen("【")) == 0) {
        tree_error(err, node,
                   "begins with 【: the signature is added once, by itself; leave it out here");
        return NULL;
    }
    if (*text == '\0') {
        tree_error(err, node, "is empty");
        return NULL;
    }
    t = template_compile(node->string, strlen(node->string), names_resolve, s, &why);
    if (t == NULL)
        tree_error(err, node, "%s", why.text);
    return t;
}

static int add_language(struct texts *t, const char *language)
{
    size_t i;

    for (i = 0; i < t->language_count; i++)
        if (strcmp(t->languages[i], language) == 0)
            return 0;
    if (t->language_count == MAX_LANGUAGES)
        return -1;
    t->languages[t->language_count] = language;
    t->lengths[t->language_count++] = strlen(language);
    return 0;
}

static int collect_language(void *arg, const struct form_leaf *leaf, struct error *err)
{
    if (leaf->special != NULL || leaf->language == NULL || add_language(arg, leaf->language) == 0)
        return 0;
    return tree_error(err, leaf->node, "texts in more than %d languages", MAX_LANGUAGES);
}

/* Finds every mistake in every text, and which columns they use. */
static int check_leaf(void *arg, const struct form_leaf *leaf, struct error *err)
{
    struct scope *s = arg;
    struct template *t;
    bool named = s->uses_name;
    int rc = 0;

    s->language = leaf->language != NULL ? leaf->language : s->c->language;
    s->special = leaf->special;
    s->uses_name = false;
    t = compile_leaf(s, leaf->node, err);
    if (t == NULL)
        return -1;
    if (leaf->special != NULL && strcmp(leaf->special, NEUTRAL_TEXT) == 0)
        rc = neutral_add(&s->texts->neutral, s, leaf, t, err);
    else if (s->c->sensitive)
        rc = neutral_check(s, leaf->node, t, err);
    s->uses_name |= named;
    template_destroy(t);
    return rc;
}

static int every_leaf(const struct form *form, form_leaf_fn *fn, void *arg, struct error *err)
{
    const struct form_reminder *reminders = form->reminders.items;
    size_t i;

    if (form->texts != NULL && form_leaves(form->texts, &form->channels, fn, arg, err) != 0)
        return -1;
    for (i = 0; i < form->reminders.count; i++)
        if (reminders[i].texts != NULL &&
            form_leaves(reminders[i].texts, &form->channels, fn, arg, err) != 0)
            return -1;
    return 0;
}

/* Written, or the usual one if there are texts in it, or the only one there is. */
static int choose_language(struct scope *s, const char *usual, struct error *err)
{
    struct texts *t = s->texts;
    size_t i;

    if (every_leaf(s->form, collect_language, t, err) != 0)
        return -1;
    s->c->language = s->form->language;
    for (i = 0; i < t->language_count && s->c->language == NULL; i++)
        if (strcmp(t->languages[i], usual) == 0)
            s->c->language = usual;
    if (s->c->language == NULL)
        s->c->language = t->language_count == 1 ? t->languages[0] : usual;
    if (add_language(t, s->c->language) != 0)
        return error_set(err, "texts in more than %d languages", MAX_LANGUAGES);
    for (i = 0; i < t->language_count; i++)
        if (strcmp(t->languages[i], s->c->language) == 0)
            t->main_language = i;
    s->c->title = form_localized(s->form->title, s->c->language, s->c->language);
    return 0;
}

/* ------------------------------------------------------------------- the layout */
static int put_column(struct campaign *c, const char *name, struct error *err)
{
    if (campaign_column(c, name) >= 0)
        return 0;
    if (c->column_count == CAMPAIGN_MAX_COLUMNS)
        return error_set(err, "the channels and texts use more than %d columns",
                         CAMPAIGN_MAX_COLUMNS);
    c->columns[c->column_count++] = name;
    return 0;
}

const char *const campaign_communities[] = {"社区", "小区", "所属社区", "村", "community", NULL};

/* The columns that are needed: addresses, name, language, slot, time zone, the community (who
 * calls those that no message has reached goes by it), then what texts use. Of the ones that only
 * the audience can want, those it has. */
static int put_needed(struct scope *s, struct error *err)
{
    struct campaign *c = s->c;
    bool unknown = s->known->names == NULL;
    size_t i;
    int rc = 0;

    for (i = 0; i < c->channel_count; i++)
        rc |= put_column(c, c->channels[i], err);
    if (s->uses_name)
        rc |= put_column(c, "name", err);
    if (s->texts->language_count > 1 && (unknown || names_known(s->known, "language")))
        rc |= put_column(c, "language", err);
    if (s->texts->need_slot)
        rc |= put_column(c, "slot", err);
    if (!unknown && names_known(s->known, "timezone"))
        rc |= put_column(c, "timezone", err);
    for (i = 0; !unknown && campaign_communities[i] != NULL; i++)
        if (names_known(s->known, campaign_communities[i])) {
            rc |= put_column(c, campaign_communities[i], err);
            break;
        }
    for (i = 0; i < s->used_count; i++)
        rc |= put_column(c, s->used[i], err);
    return rc;
}

/* A stored document says its layout: rows that were written so are read so. */
static int put_stored(struct scope *s, struct error *err)
{
    const struct tree *node = tree_member(s->c->document, "columns");
    struct campaign *c = s->c;
    size_t i;

    for (i = 0; i < s->form->columns.count; i++) {
        const char *name = s->form->columns.items[i];

        if (campaign_column(c, name) >= 0 || !column_name_valid(name, strlen(name)))
            return tree_error(err, node, "\"%.80s\" cannot be a column, or is one twice", name);
        if (i < c->channel_count && strcmp(name, c->channels[i]) != 0)
            return tree_error(err, node, "expected the channel \"%s\" as column %zu",
                              c->channels[i], i + 1);
        c->columns[c->column_count++] = name;
    }
    if (c->column_count < c->channel_count)
        return tree_error(err, node, "expected a column for each channel first");
    for (i = 0; i < s->used_count; i++)
        if (campaign_column(c, s->used[i]) < 0)
            return tree_error(err, node, "the texts use \"%s\", which is not among them",
                              s->used[i]);
    if ((s->uses_name && campaign_column(c, "name") < 0) ||
        (s->texts->need_slot && campaign_column(c, "slot") < 0))
        return tree_error(err, node, "the campaign uses \"%s\", which is not among them",
                          campaign_column(c, "slot") < 0 && s->texts->need_slot ? "slot" : "name");
    return 0;
}

static int lay_out(struct scope *s, struct error *err)
{
    struct campaign *c = s->c;
    size_t i;

    s->texts->need_slot = s->uses_slot;
    for (i = 0; i < c->reminder_count; i++)
        s->texts->need_slot |= c->reminders[i].at.of_slot;
    if (s->texts->need_slot && s->known->names != NULL && s->known->complete &&
        !names_known(s->known, "slot"))
        return tree_error(err, tree_member(c->document, "audience"),
                          "the reminders or texts need each recipient's own time, and the audience "
                          "has no column \"slot\" (时段, 预约时间)");
    if ((s->form->columns.count > 0 ? put_stored : put_needed)(s, err) != 0)
        return -1;
    c->column_language = campaign_column(c, "language");
    c->column_slot = campaign_column(c, "slot");
    c->column_timezone = campaign_column(c, "timezone");
    s->laid_out = true;
    return 0;
}

/* ---------------------------------------------------------------- the opt-out line */
/* What joins the line to the text: nothing after punctuation, else a comma of the
 * text's own script. */
static const char *joint(const char *text, const char *language)
{
    static const char *const stops[] = {"。", "！", "？", "；", "，", "…", "）", "：",
                                        ".",  "!",  "?",  ";",  ",",  " ", "\n"};
    size_t n = strlen(text), i;

    if (strncmp(language, "zh", 2) != 0)
        return n > 0 && (text[n - 1] == ' ' || text[n - 1] == '\n') ? "" : " ";
    for (i = 0; i < sizeof stops / sizeof stops[0]; i++) {
        size_t m = strlen(stops[i]);

        if (n >= m && memcmp(text + n - m, stops[i], m) == 0)
            return "";
    }
    return "，";
}

static void put_tail(struct scope *s, struct campaign_text *text, const char *usual)
{
    const char *line = s->form->optout_line != NULL
                           ? form_localized(s->form->optout_line, text->language, s->c->language)
                           : usual;
    const char *join;
    char *tail;

    if (s->c->class != CLASS_PROMOTION || line == NULL || line[0] == '\0' ||
        strstr(text->node->string, line) != NULL) /* they wrote it themselves */
        return;
    join = joint(text->node->string, text->language);
    text->tail_length = strlen(join) + strlen(line);
    tail = arena_alloc(s->arena, text->tail_length + 1);
    stpcpy(stpcpy(tail, join), line);
    text->tail = tail;
}

/* ------------------------------------------------------------ which text for whom */
static const struct tree *own_leaf(const struct scope *s, const struct tree *value,
                                   const char *language)
{
    const struct tree *found;

    if (value == NULL)
        return NULL;
    if (value->kind == TREE_STRING)
        return strcmp(language, s->c->language) == 0 ? value : NULL;
    found = tree_member(value, language);
    return found != NULL && found->kind == TREE_STRING ? found : NULL;
}

static const struct tree *leaf_of(const struct scope *s, const struct tree *texts,
                                  const char *channel, const char *language)
{
    const struct tree *found = NULL;

    if (texts == NULL)
        return NULL;
    if (texts->kind == TREE_OBJECT)
        found = own_leaf(s, tree_member(texts, channel), language);
    return found != NULL ? found : own_leaf(s, texts, language);
}

/* The recipient's language before anything else: a text of the campaign that she
 * reads is better than a reminder's own that she does not. */
static const struct tree *find_leaf(const struct scope *s, size_t r, const char *channel,
                                    size_t language, size_t *found_language)
{
    const struct form_reminder *reminder = (struct form_reminder *)s->form->reminders.items + r;
    size_t tries[] = {language, s->texts->main_language}, i;

    for (i = 0; i < 2; i++) {
        const char *code = s->texts->languages[tries[i]];
        const struct tree *leaf = leaf_of(s, reminder->texts, channel, code);

        *found_language = tries[i];
        if (leaf == NULL)
            leaf = leaf_of(s, s->form->texts, channel, code);
        if (leaf != NULL)
            return leaf;
    }
    return NULL;
}

static const struct campaign_text *text_for(struct scope *s, size_t r, const struct tree *leaf,
                                            size_t language, const char *usual_optout,
                                            struct error *err)
{
    struct texts *t = s->texts;
    int64_t starts_ms = s->c->reminders[r].starts_ms;
    struct campaign_text *text;
    const unsigned *columns;
    size_t n;

    /* Those of one occurrence are one behind the other. */
    for (text = t->first; text != NULL && text->starts_ms == starts_ms; text = text->next)
        if (text->node == leaf && text->language == t->languages[language])
            return text;
    text = xcalloc(1, sizeof *text);
    text->next = t->first;
    t->first = text;
    text->node = leaf;
    text->starts_ms = starts_ms;
    s->reminder = r;
    text->language = s->language = t->languages[language];
    s->special = NULL;
    text->template = compile_leaf(s, leaf, err);
    if (text->template == NULL)
        return NULL;
    for (n = template_slots(text->template, &columns); n > 0; n--)
        text->says_slot |= columns[n - 1] >= CAMPAIGN_MAX_COLUMNS;
    put_tail(s, text, usual_optout);
    return text;
}

static int fill_table(struct scope *s, const char *usual_optout, struct error *err)
{
    struct texts *t = s->texts;
    struct campaign *c = s->c;
    size_t r, k, l, at = 0, language;

    t->table =
        xcalloc(c->reminder_count * c->channel_count * t->language_count, sizeof(t->table[0]));
    for (r = 0; r < c->reminder_count; r++)
        for (k = 0; k < c->channel_count; k++)
            for (l = 0; l < t->language_count; l++) {
                const struct tree *leaf = find_leaf(s, r, c->channels[k], l, &language);

                if (leaf == NULL)
                    return tree_error(err, tree_member(c->document, "reminders"),
                                      "\"%s\" has no text for %s in \"%s\", the campaign's "
                                      "language: write texts = { %s = \"...\"; }",
                                      c->reminders[r].name, c->channels[k], c->language,
                                      c->language);
                t->table[at] = text_for(s, r, leaf, language, usual_optout, err);
                if (t->table[at++] == NULL)
                    return -1;
            }
    return 0;
}

/* --------------------------------------------------------- what is said to a reply */
/* Where the campaign listens to replies and does not write its own. What is sensitive does not say
 * what it is about. */
static const struct special {
    const char *name;
    const char *zh, *en, *quiet_zh, *quiet_en;
} specials[SPECIAL_COUNT] = {
    [SPECIAL_CONFIRMATION] = {"confirmation",
                              "已为您登记：{{event.title}}，{{event.date}}{{event.time}}。"
                              "不能来请回复取消。",
                              "You have a place: {{event.title}}, {{event.date}} {{event.time}}. "
                              "Reply CANCEL to give it back.",
                              "已为您登记：{{event.date}}{{event.time}}。不能来请回复取消。",
                              "You have a place: {{event.date}} {{event.time}}. Reply CANCEL to "
                              "give it back."},
    [SPECIAL_WAITING] = {"waiting", "{{event.title}}名额已满，您已列入候补，有名额时会通知您。",
                         "{{event.title}} is full. You are on the waiting list and will hear when "
                         "there is a place.",
                         "名额已满，您已列入候补，有名额时会通知您。",
                         "All places are taken. You are on the waiting list and will hear when "
                         "there is one."},
    [SPECIAL_FULL] = {"full", "{{event.title}}名额已满，未能为您登记。",
                      "{{event.title}} is full: there is no place left.",
                      "名额已满，未能为您登记。", "There is no place left."},
    [SPECIAL_WITHDRAWN] = {"withdrawn", "已取消您的登记：{{event.title}}。",
                           "Your place was given back: {{event.title}}.", "已取消您的登记。",
                           "Your place was given back."},
    [SPECIAL_CLOSED] = {"closed", "{{event.title}}的回复时间已过。",
                        "It is too late to reply to: {{event.title}}.", "回复时间已过。",
                        "It is too late to reply."},
    [SPECIAL_ANSWERED] = {"answered", NULL, NULL, NULL, NULL},
    [SPECIAL_OPTOUT] = {"optout", "您已退订，今后不再向您发送。",
                        "You have opted out and will get no more messages from us.",
                        "您已退订，今后不再向您发送。",
                        "You have opted out and will get no more messages from us."},
};

static const char *usual_text(const struct special *special, const char *language, bool quiet)
{
    bool zh = strncmp(language, "zh", 2) == 0;

    return quiet ? (zh ? special->quiet_zh : special->quiet_en) : zh ? special->zh : special->en;
}

static const struct campaign_text *special_text(struct scope *s, const struct special *special,
                                                const char *channel, size_t language,
                                                struct error *err)
{
    const struct texts *t = s->texts;
    const struct tree *written = s->form->texts != NULL && s->form->texts->kind == TREE_OBJECT
                                     ? tree_member(s->form->texts, special->name)
                                     : NULL;
    const struct tree *leaf = leaf_of(s, written, channel, t->languages[language]);
    const char *usual;
    struct campaign_text *text;

    if (leaf == NULL) {
        leaf = leaf_of(s, written, channel, t->languages[t->main_language]);
        language = leaf != NULL ? t->main_language : language;
    }
    usual = usual_text(special, t->languages[language], s->c->sensitive);
    text = xcalloc(1, sizeof *text);
    text->next = s->texts->first;
    s->texts->first = text;
    text->starts_ms = s->c->reminders[0].starts_ms;
    text->language = s->language = t->languages[language];
    s->special = special->name;
    s->reminder = 0;
    text->template = leaf != NULL ? compile_leaf(s, leaf, err)
                                  : template_compile(usual, strlen(usual), names_resolve, s, err);
    return text->template == NULL ? NULL : text;
}

static int fill_specials(struct scope *s, struct error *err)
{
    struct texts *t = s->texts;
    const struct campaign *c = s->c;
    const struct tree *texts = s->form->texts;
    size_t at = 0;

    t->specials =
        xcalloc(SPECIAL_COUNT * c->channel_count * t->language_count, sizeof(t->specials[0]));
    for (size_t what = 0; what < SPECIAL_COUNT; what++) {
        bool written = texts != NULL && texts->kind == TREE_OBJECT &&
                       tree_member(texts, specials[what].name) != NULL;

        if (!written && (c->replies == NULL || specials[what].zh == NULL)) {
            at += c->channel_count * t->language_count;
            continue;
        }
        for (size_t k = 0; k < c->channel_count; k++)
            for (size_t l = 0; l < t->language_count; l++) {
                t->specials[at] = special_text(s, &specials[what], c->channels[k], l, err);
                if (t->specials[at++] == NULL)
                    return -1;
            }
    }
    return 0;
}

/* ----------------------------------------------------------------------- bounds */
static size_t utf16_units(const char *text, size_t n)
{
    size_t units = 0, i;

    for (i = 0; i < n; i++) /* a byte that starts a character; two for four bytes */
        units += ((text[i] & 0xc0) != 0x80) + ((unsigned char)text[i] >= 0xf0);
    return units;
}

#define SAMPLE_BYTES 16384

/* Renders a text for values that are as long as lengths say: the bytes, or -1 if
 * it would have a hole. */
static long render_sample(const struct campaign_text *text, const size_t lengths[VALUES], char *out)
{
    static const char filler[] = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";
    struct template_value values[VALUES];
    size_t i, n;

    for (i = 0; i < VALUES; i++)
        values[i] = (struct template_value){filler, lengths[i]};
    return template_render(text->template, values, VALUES, out, SAMPLE_BYTES, &n) ==
                   TEMPLATE_RENDERED
               ? (long)n
               : -1;
}

/* What a column does to a text is asked of the template itself: one byte more of
 * it, and none. */
static void measure_column(const struct campaign_text *text, size_t column, size_t base,
                           size_t lengths[VALUES], struct bound *bound, char *out)
{
    size_t times, otherwise;
    long n;

    lengths[column] = 2;
    n = render_sample(text, lengths, out);
    times = n < 0 ? 0 : (size_t)n - base;
    lengths[column] = 0;
    n = render_sample(text, lengths, out);
    lengths[column] = 1;
    if (n < 0)
        bound->required[column] = true;
    otherwise = n < 0 ? 0 : (size_t)n + times - base; /* in bytes: more than units */
    if (times > bound->times[column])
        bound->times[column] = times;
    if (otherwise > bound->otherwise[column])
        bound->otherwise[column] = otherwise;
}

static int measure_text(const struct campaign *c, const struct campaign_text *text, bool is_sms,
                        struct bound *bound, char *out, struct error *err)
{
    size_t lengths[VALUES], i, units;
    struct text_size size;
    long n;

    for (i = 0; i < VALUES; i++)
        lengths[i] = i < CAMPAIGN_MAX_COLUMNS ? 1 : 24; /* no part of a slot is longer */
    n = render_sample(text, lengths, out);
    if (n < 0 || (size_t)n + text->tail_length + strlen(c->signature) > SAMPLE_BYTES)
        return tree_error(err, text->node, "is too long");
    for (i = 0; i < c->column_count; i++)
        measure_column(text, i, (size_t)n, lengths, bound, out);
    memcpy(out + n, c->signature, strlen(c->signature));
    n += (long)strlen(c->signature);
    if (text->tail_length > 0)
        memcpy(out + n, text->tail, text->tail_length);
    n += (long)text->tail_length;
    units = utf16_units(out, (size_t)n);
    if (units > bound->units)
        bound->units = units;
    bound->gsm &= text_first_not_gsm(out, (size_t)n, NULL) == (size_t)n;
    if (is_sms && text_measure(out, (size_t)n, TEXT_BILL_GSM, &size) == 0 &&
        size.parts > (unsigned)c->max_segments)
        return tree_error(err, text->node, "needs %u SMS parts, more than %d: shorten it",
                          size.parts, c->max_segments);
    return 0;
}

static int measure(struct scope *s, struct error *err)
{
    struct campaign *c = s->c;
    struct texts *t = s->texts;
    char *out = xmalloc(SAMPLE_BYTES);
    size_t at, n = c->reminder_count * c->channel_count * t->language_count, l;
    int rc = 0;

    for (l = 0; l < t->language_count; l++)
        t->bounds[l].gsm = true;
    for (at = 0; at < n && rc == 0; at++)
        rc = measure_text(c, t->table[at],
                          column_is_phone(c->channels[at / t->language_count % c->channel_count]),
                          &t->bounds[at % t->language_count], out, err);
    free(out);
    return rc;
}

struct texts *texts_compile(struct campaign *c, const struct form *form,
                            const struct text_columns *known, const char *default_language,
                            const char *default_optout, struct arena *arena, struct error *err)
{
    struct texts *t = xcalloc(1, sizeof *t);
    struct scope s = {.c = c, .form = form, .texts = t, .known = known, .arena = arena};

    if (choose_language(&s, default_language, err) != 0 ||
        every_leaf(form, check_leaf, &s, err) != 0 || templates_check(&s, err) != 0 ||
        lay_out(&s, err) != 0 || fill_table(&s, default_optout, err) != 0 ||
        fill_specials(&s, err) != 0 || templates_compile(&s, &t->templates, err) != 0 ||
        measure(&s, err) != 0) {
        texts_free(t);
        return NULL;
    }
    c->optout_line = NULL;
    if (c->class == CLASS_PROMOTION)
        c->optout_line = form->optout_line != NULL
                             ? form_localized(form->optout_line, c->language, c->language)
                             : default_optout;
    return t;
}

void texts_free(struct texts *t)
{
    struct campaign_text *text;

    if (t == NULL)
        return;
    while ((text = t->first) != NULL) {
        t->first = text->next;
        template_destroy(text->template);
        free(text);
    }
    templates_free(t->templates);
    neutral_free(t->neutral);
    free(t->table);
    free(t->specials);
    free(t);
}

bool texts_need_slot(const struct texts *t)
{
    return t->need_slot;
}

size_t texts_language_count(const struct texts *t)
{
    return t->language_count;
}

const char *texts_language(const struct texts *t, size_t i)
{
    return t->languages[i];
}

/* --------------------------------------------------------------- for every notice */
static size_t find_language(const struct texts *t, const char *language, size_t n)
{
    size_t l;

    for (l = 0; n > 0 && l < t->language_count; l++)
        if (t->lengths[l] == n && memcmp(t->languages[l], language, n) == 0)
            return l;
    return t->main_language;
}

const struct campaign_text *campaign_text(const struct campaign *c, size_t r, const char *channel,
                                          const char *language, size_t n)
{
    const struct texts *t = campaign_texts(c);
    size_t k = 0;

    while (k + 1 < c->channel_count && strcmp(c->channels[k], channel) != 0)
        k++;
    return t->table[(r * c->channel_count + k) * t->language_count + find_language(t, language, n)];
}

const struct campaign_text *campaign_special_text(const struct campaign *c,
                                                  enum campaign_special what, const char *channel,
                                                  const char *language, size_t n)
{
    const struct texts *t = campaign_texts(c);
    size_t k = 0;

    while (k + 1 < c->channel_count && strcmp(c->channels[k], channel) != 0)
        k++;
    return t->specials[((size_t)what * c->channel_count + k) * t->language_count +
                       find_language(t, language, n)];
}

const char *campaign_text_language(const struct campaign_text *text)
{
    return text->language;
}

void texts_add_slot(const struct campaign *c, const char *language,
                    const struct template_value *row, struct template_value values[VALUES],
                    char words[SLOT_PARTS][WHEN_BYTES])
{
    const struct template_value *slot = &row[c->column_slot];
    struct local_time local;
    int64_t slot_ms;
    int part;

    memcpy(values, row, c->column_count * sizeof *row);
    memset(values + c->column_count, 0, (VALUES - c->column_count) * sizeof *values);
    if (zone_parse(c->zone, slot->text, slot->length, &slot_ms) != 0)
        return;
    zone_local(c->zone, slot_ms, &local);
    for (part = 0; part < SLOT_PARTS; part++)
        values[CAMPAIGN_MAX_COLUMNS + part] = (struct template_value){
            words[part], when_write((enum when_part)part, language, &local, words[part])};
}

/* Returns where to go on, or size + 1 if it does not fit. */
static size_t put(char *out, size_t size, size_t at, const char *bytes, size_t n)
{
    if (at > size || n > size - at)
        return size + 1;
    memcpy(out + at, bytes, n);
    return at + n;
}

int campaign_compose(const struct campaign *c, const struct campaign_text *text,
                     const struct template_value *row, enum signature_mode mode, char *out,
                     size_t size, const char **empty)
{
    struct template_value values[VALUES];
    char words[SLOT_PARTS][WHEN_BYTES];
    size_t at = 0, n, signature_length = strlen(c->signature), count = c->column_count;

    *empty = NULL;
    if (text->says_slot) {
        texts_add_slot(c, text->language, row, values, words);
        row = values;
        count = VALUES;
    }
    if (mode == SIGNATURE_PREFIX)
        at = put(out, size, at, c->signature, signature_length);
    if (at > size)
        return -1;
    switch (template_render(text->template, row, count, out + at, size - at, &n)) {
    case TEMPLATE_EMPTY:
        *empty = n >= CAMPAIGN_MAX_COLUMNS ? "slot" : c->columns[n];
        return -1;
    case TEMPLATE_TOO_LONG:
        return -1;
    case TEMPLATE_RENDERED:
        break;
    }
    at += n;
    if (text->tail_length > 0)
        at = put(out, size, at, text->tail, text->tail_length);
    if (mode == SIGNATURE_SUFFIX)
        at = put(out, size, at, c->signature, signature_length);
    return at > size ? -1 : (int)at;
}

int campaign_compose_neutral(const struct campaign *c, const char *channel, const char *language,
                             enum signature_mode mode, char *out, size_t size)
{
    const char *text = neutral_find(campaign_texts(c)->neutral, c, channel, language);
    size_t at = 0;

    if (text == NULL || c->class == CLASS_PROMOTION) /* which must say how to refuse more */
        return -1;
    if (mode == SIGNATURE_PREFIX)
        at = put(out, size, at, c->neutral_signature, strlen(c->neutral_signature));
    at = put(out, size, at, text, strlen(text));
    if (mode == SIGNATURE_SUFFIX)
        at = put(out, size, at, c->neutral_signature, strlen(c->neutral_signature));
    return at > size ? -1 : (int)at;
}

const struct campaign_template *campaign_template(const struct campaign *c, size_t r,
                                                  const char *gateway, const char *language,
                                                  size_t n)
{
    const struct texts *t = campaign_texts(c);

    return t->templates == NULL ? NULL
                                : templates_find(t->templates, r, gateway,
                                                 t->languages[find_language(t, language, n)]);
}

/* --------------------------------------------------------------- for every row */
static enum texts_verdict check_closely(const struct campaign *c, const struct template_value *row,
                                        size_t language, struct texts_trouble *trouble)
{
    const struct texts *t = campaign_texts(c);
    char out[SAMPLE_BYTES];
    struct text_size size;
    size_t r, k;

    for (r = 0; r < c->reminder_count; r++)
        for (k = 0; k < c->channel_count; k++) {
            const struct campaign_text *text =
                t->table[(r * c->channel_count + k) * t->language_count + language];
            int n =
                campaign_compose(c, text, row, SIGNATURE_PREFIX, out, sizeof out, &trouble->column);

            trouble->reminder = c->reminders[r].name;
            if (n < 0 && trouble->column != NULL)
                return TEXTS_HOLE;
            size.parts = TEXT_MAX_PARTS;
            if (n < 0 || (column_is_phone(c->channels[k]) &&
                          text_measure(out, (size_t)n, TEXT_BILL_GSM, &size) == 0 &&
                          size.parts > (unsigned)c->max_segments)) {
                trouble->segments = size.parts;
                return TEXTS_TOO_LONG;
            }
        }
    return TEXTS_FINE;
}

enum texts_verdict texts_check_row(const struct campaign *c, const struct template_value *row,
                                   struct texts_trouble *trouble)
{
    const struct texts *t = campaign_texts(c);
    size_t l = c->column_language < 0
                   ? t->main_language
                   : find_language(t, row[c->column_language].text, row[c->column_language].length);
    const struct bound *bound = &t->bounds[l];
    size_t units = bound->units, k;
    bool hole = false;

    for (k = 0; k < c->column_count; k++) { /* each was counted with a byte already: a margin */
        hole |= row[k].length == 0 && bound->required[k];
        units += row[k].length == 0 ? bound->otherwise[k] : bound->times[k] * row[k].length;
    }
    /* 67 units a segment, and at each cut a surrogate pair may leave one free. */
    if (hole || units > 66 * (size_t)c->max_segments) {
        enum texts_verdict verdict = check_closely(c, row, l, trouble);

        if (verdict != TEXTS_FINE)
            return verdict;
    }
    for (k = c->channel_count; bound->gsm && k < c->column_count; k++)
        if (bound->times[k] > 0 && row[k].length > 0 &&
            text_first_not_gsm(row[k].text, row[k].length, NULL) < row[k].length) {
            trouble->column = c->columns[k];
            return TEXTS_DEARER;
        }
    return TEXTS_FINE;
}
