#include "form.h"

#include "column.h"
#include "error.h"
#include "language.h"
#include "mem.h"
#include "rate_rule.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define MAX_TEXT_BYTES 4000
#define ALERTS_MOST 8

/* Texts that belong to no reminder: corrections and answers. */
static const char *const special_texts[] = {
    "moved",   "cancelled", "neutral", "confirmation", "full",
    "waiting", "withdrawn", "closed",  "answered",     "optout",
};

static int expected(const struct tree *value, const char *what, struct error *err)
{
    return tree_error(err, value, "expected %s, found %s", language_text(what),
                      tree_kind_name(value->kind));
}

/* ------------------------------------------------------------------ languages */
bool form_is_language(const char *name)
{
    size_t letters = strspn(name, "abcdefghijklmnopqrstuvwxyz"), rest;

    if (letters < 2 || letters > 3 || strlen(name) > 16)
        return false;
    if (name[letters] == '\0')
        return true;
    rest =
        strspn(name + letters, "-abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789");
    return name[letters] == '-' && name[letters + 1] != '\0' && name[letters + rest] == '\0';
}

static const struct tree *in_language(const struct tree *value, const char *language)
{
    const struct tree *found = tree_member(value, language);
    char main_language[4];
    size_t n = strcspn(language, "-");

    if (found != NULL || language[n] == '\0' || n >= sizeof main_language)
        return found;
    memcpy(main_language, language, n);
    main_language[n] = '\0';
    return tree_member(value, main_language);
}

const char *form_localized(const struct tree *value, const char *language, const char *otherwise)
{
    const struct tree *found;

    if (value == NULL || value->kind == TREE_STRING)
        return value == NULL ? NULL : value->string;
    found = in_language(value, language);
    if (found == NULL)
        found = in_language(value, otherwise);
    if (found == NULL)
        found = value->first;
    return found == NULL ? NULL : found->string;
}

bool form_is_special_text(const char *name)
{
    size_t i;

    for (i = 0; i < sizeof special_texts / sizeof special_texts[0]; i++)
        if (strcmp(special_texts[i], name) == 0)
            return true;
    return false;
}

/* --------------------------------------------------------------------- values */
/* What goes into texts must not break them, nor forge a signature. */
static int check_words(const struct tree *value, bool brackets, struct error *err)
{
    const unsigned char *s;

    if (value->kind != TREE_STRING)
        return expected(value, "a string", err);
    if (strlen(value->string) > MAX_TEXT_BYTES)
        return tree_error(err, value, "is longer than %d bytes", MAX_TEXT_BYTES);
    for (s = (const unsigned char *)value->string; *s != '\0'; s++)
        if ((*s < 0x20 && *s != '\n') || *s == 0x7f)
            return tree_error(err, value, "holds a control character (0x%02x)", *s);
    if (!brackets && (strstr(value->string, "【") != NULL || strstr(value->string, "】") != NULL))
        return tree_error(err, value, "may not hold 【 or 】: they mark the signature");
    return 0;
}

static int read_localized(const struct tree *value, void *at, struct arena *arena,
                          struct error *err)
{
    const struct tree *one;

    (void)arena;
    if (value->kind == TREE_OBJECT) {
        for (one = value->first; one != NULL; one = one->next) {
            if (!form_is_language(one->name))
                return tree_error(err, one, "is no language: expected \"zh\", \"en\", ...");
            if (check_words(one, false, err) != 0)
                return -1;
        }
        if (value->count == 0)
            return tree_error(err, value, "is empty");
    } else if (value->kind == TREE_STRING) {
        if (check_words(value, false, err) != 0)
            return -1;
    } else {
        return expected(value, "a string, or one per language { zh = \"...\"; en = \"...\"; }",
                        err);
    }
    *(const struct tree **)at = value;
    return 0;
}

static int read_signature(const struct tree *value, void *at, struct arena *arena,
                          struct error *err)
{
    (void)arena;
    if (check_words(value, true, err) != 0)
        return -1;
    if (strlen(value->string) > 120 || strchr(value->string, '\n') != NULL)
        return tree_error(err, value, "a signature has at most 120 bytes in one line");
    *(const char **)at = value->string;
    return 0;
}

static const char *const known_channels[] = {"sms",      "wecom",    "dingtalk", "feishu", "wechat",
                                             "telegram", "whatsapp", "email",    NULL};

/* By what people call it ("微信") it is found among the columns. */
static int no_channel(const struct tree *one, struct error *err)
{
    const char *meant =
        strcmp(one->string, "短信") == 0 ? "sms" : column_known(one->string, strlen(one->string));

    for (size_t i = 0; meant != NULL && known_channels[i] != NULL; i++)
        if (strcmp(known_channels[i], meant) == 0)
            return tree_error(err, one, "\"%.40s\" is no channel; did you mean \"%s\"?",
                              one->string, meant);
    return tree_error(err, one, "\"%.40s\" is no channel: expected \"sms\", \"wecom\", ...",
                      one->string);
}

/* Names of channels: they name columns too. */
static int read_channels(const struct tree *value, void *at, struct arena *arena, struct error *err)
{
    const struct tree *one = value->kind == TREE_LIST ? value->first : value;
    const char **items = arena_alloc(arena, (value->count + 2) * sizeof *items);
    size_t n = 0, i;

    if (value->kind == TREE_LIST && value->count == 0)
        return tree_error(err, value, "is empty: name a channel, as in ( \"sms\" )");
    for (; one != NULL; one = value->kind == TREE_LIST ? one->next : NULL) {
        if (one->kind != TREE_STRING)
            return expected(one, "a channel's name", err);
        if (!islower((unsigned char)one->string[0]) || strlen(one->string) > 32 ||
            one->string[strspn(one->string, "abcdefghijklmnopqrstuvwxyz0123456789-_")] != '\0' ||
            strcmp(one->string, "name") == 0 || strcmp(one->string, "language") == 0 ||
            strcmp(one->string, "slot") == 0 || strcmp(one->string, "timezone") == 0)
            return no_channel(one, err);
        for (i = 0; i < n; i++)
            if (strcmp(items[i], one->string) == 0)
                return tree_error(err, one, "\"%s\" stands there twice", one->string);
        if (n == CAMPAIGN_MAX_CHANNELS)
            return tree_error(err, one, "more than %d channels", CAMPAIGN_MAX_CHANNELS);
        items[n++] = one->string;
    }
    items[n] = NULL;
    *(struct field_strings *)at = (struct field_strings){items, n};
    return 0;
}

/* "20/s", "600/min", or a number of notices a second. */
static int read_rate(const struct tree *value, void *at, struct arena *arena, struct error *err)
{
    struct rate_rule rule;
    double rate;

    (void)arena;
    if (value->kind == TREE_STRING) {
        if (rate_rule_parse(value->string, &rule, NULL) != 0)
            return tree_error(err, value,
                              "\"%.40s\" is no limit: write so many in so long, as in \"20/s\" or "
                              "\"600/min\", or a number of notices a second",
                              value->string);
        rate = (double)rule.count * 1000 / (double)rule.window_ms;
    } else if (value->kind == TREE_INT) {
        rate = (double)value->integer;
    } else if (value->kind == TREE_FLOAT) {
        rate = value->number;
    } else {
        return expected(value, "\"20/s\", \"600/min\" or a number of notices a second", err);
    }
    if (rate < 0 || rate > 1000000)
        return tree_error(err, value, "expected 0..1000000 notices a second");
    *(double *)at = rate;
    return 0;
}

static int read_limits(const struct tree *value, void *at, struct arena *arena, struct error *err)
{
    const struct tree *one = value->kind == TREE_LIST ? value->first : value;
    const char **items = arena_alloc(arena, (value->count + 2) * sizeof *items);
    struct rate_rule rule;
    struct error why;
    size_t n = 0;

    for (; one != NULL; one = value->kind == TREE_LIST ? one->next : NULL) {
        if (one->kind != TREE_STRING)
            return expected(one, "a limit such as \"5/day\"", err);
        if (rate_rule_parse(one->string, &rule, &why) != 0)
            return tree_error(err, one, "%s", why.text);
        if (n == RATE_RULES_MAX)
            return tree_error(err, one, "at most %d limits", RATE_RULES_MAX);
        items[n++] = one->string;
    }
    items[n] = NULL;
    *(struct field_strings *)at = (struct field_strings){items, n};
    return 0;
}

static int read_name(const struct tree *value, void *at, size_t most, struct error *err)
{
    size_t n;

    if (value->kind != TREE_STRING)
        return expected(value, "a string", err);
    n = strspn(value->string, "abcdefghijklmnopqrstuvwxyz0123456789-");
    if (n == 0 || n > most || value->string[n] != '\0')
        return tree_error(err, value, "\"%.80s\": expected 1 to %zu of a-z, 0-9 and -",
                          value->string, most);
    *(const char **)at = value->string;
    return 0;
}

static int read_id(const struct tree *value, void *at, struct arena *arena, struct error *err)
{
    (void)arena;
    return read_name(value, at, CAMPAIGN_ID_BYTES - 1, err);
}

static int read_reminder_name(const struct tree *value, void *at, struct arena *arena,
                              struct error *err)
{
    /* Parts of the names of keys, and the reminders that every campaign has. */
    static const char *const reserved[] = {"called", "audience", "answers", "corrections", "ledger",
                                           "leases", "retry",    "shares",  "versions"};
    size_t i;

    (void)arena;
    if (read_name(value, at, 32, err) != 0)
        return -1;
    for (i = 0; i < sizeof reserved / sizeof reserved[0]; i++)
        if (strcmp(value->string, reserved[i]) == 0)
            return tree_error(err, value, "\"%s\" is reserved: choose another name", reserved[i]);
    return 0;
}

static int read_country(const struct tree *value, void *at, struct arena *arena, struct error *err)
{
    (void)arena;
    if (value->kind != TREE_STRING || strlen(value->string) != 2 ||
        !isupper((unsigned char)value->string[0]) || !isupper((unsigned char)value->string[1]))
        return tree_error(err, value, "expected a country in two capitals, as in \"CN\"");
    *(const char **)at = value->string;
    return 0;
}

static int read_extension(const struct tree *value, void *at, struct arena *arena,
                          struct error *err)
{
    (void)arena;
    if (value->kind != TREE_STRING || strlen(value->string) > FORM_EXTENSION_DIGITS ||
        value->string[0] == '\0' || value->string[strspn(value->string, "0123456789")] != '\0')
        return tree_error(err, value, "expected 1 to %d digits, as in \"07\"",
                          FORM_EXTENSION_DIGITS);
    *(const char **)at = value->string;
    return 0;
}

static int read_language(const struct tree *value, void *at, struct arena *arena, struct error *err)
{
    (void)arena;
    if (value->kind != TREE_STRING || !form_is_language(value->string))
        return tree_error(err, value, "expected a language, as in \"zh\" or \"en\"");
    *(const char **)at = value->string;
    return 0;
}

/* ------------------------------------------------------------------ free names */
static int check_var(void *arg, const char *name, const struct tree *value, struct error *err)
{
    const struct tree *unused;

    (void)arg;
    if (!column_name_valid(name, strlen(name)))
        return tree_error(err, value, "\"%.80s\" cannot be a name in {{ }}", name);
    if (strcmp(name, "name") == 0 || strcmp(name, "slot") == 0 || strcmp(name, "language") == 0)
        return tree_error(err, value, "\"%s\" is a recipient's own: it cannot be the same for all",
                          name);
    if (value->kind == TREE_INT || value->kind == TREE_FLOAT)
        return 0;
    return read_localized(value, &unused, NULL, err);
}

static int read_vars(const struct tree *value, void *at, struct arena *arena, struct error *err)
{
    (void)arena;
    *(const struct tree **)at = value;
    return tree_pairs(value, check_var, NULL, err);
}

static int check_mapped(void *arg, const char *name, const struct tree *value, struct error *err)
{
    (void)arg;
    if (!column_name_valid(name, strlen(name)))
        return tree_error(err, value, "\"%.80s\" cannot be the name of a column", name);
    return value->kind == TREE_STRING ? 0 : expected(value, "a heading of the file", err);
}

static int read_mapping(const struct tree *value, void *at, struct arena *arena, struct error *err)
{
    (void)arena;
    *(const struct tree **)at = value;
    return tree_pairs(value, check_mapped, NULL, err);
}

static int read_recipients(const struct tree *value, void *at, struct arena *arena,
                           struct error *err)
{
    (void)arena;
    if (value->kind != TREE_LIST) /* what is in it is told row by row */
        return expected(value, "a list of recipients", err);
    *(const struct tree **)at = value;
    return 0;
}

/* gateway -> { code, params }, or gateway -> language -> that. */
static const char *const template_members[] = {"code", "params", "signature", NULL};

static int check_template(const struct tree *value, struct error *err)
{
    const struct tree *one, *param;
    size_t i;

    for (one = value->first; one != NULL; one = one->next) {
        for (i = 0; template_members[i] != NULL; i++)
            if (strcmp(template_members[i], one->name) == 0)
                break;
        if (template_members[i] == NULL)
            return tree_error(err, one, "is no part of a template: expected code and params");
        if (strcmp(one->name, "params") != 0) {
            if (one->kind != TREE_STRING)
                return expected(one, "a string", err);
            continue;
        }
        if (one->kind != TREE_LIST)
            return expected(one, "a list of names", err);
        for (param = one->first; param != NULL; param = param->next)
            if (param->kind != TREE_STRING)
                return expected(param, "a name as in {{ }}", err);
    }
    return 0;
}

static int read_templates(const struct tree *value, void *at, struct arena *arena,
                          struct error *err)
{
    const struct tree *gateway, *language;

    (void)arena;
    if (value->kind != TREE_OBJECT)
        return expected(value, "{ GATEWAY = { code = \"...\"; params = ( ... ); }; }", err);
    for (gateway = value->first; gateway != NULL; gateway = gateway->next) {
        if (gateway->kind == TREE_STRING)
            continue; /* the code alone */
        if (gateway->kind != TREE_OBJECT)
            return expected(gateway, "a code, or { code = \"...\"; params = ( ... ); }", err);
        if (tree_member(gateway, "code") != NULL) {
            if (check_template(gateway, err) != 0)
                return -1;
            continue;
        }
        for (language = gateway->first; language != NULL; language = language->next)
            if (!form_is_language(language->name) || language->kind != TREE_OBJECT)
                return tree_error(err, language, "expected code and params, or languages");
            else if (check_template(language, err) != 0)
                return -1;
    }
    *(const struct tree **)at = value;
    return 0;
}

/* ---------------------------------------------------------------------- texts */
/* The nearest word that could stand as a member of texts. */
static const char *text_member_at(const void *arg, size_t i)
{
    const struct field_strings *channels = arg;
    size_t specials = sizeof special_texts / sizeof special_texts[0];

    if (i < specials)
        return special_texts[i];
    return i - specials < channels->count ? channels->items[i - specials] : NULL;
}

static const char *known_channel_at(const void *arg, size_t i)
{
    (void)arg;
    return known_channels[i];
}

const char *form_meant_channel(const char *name)
{
    const char *nearest = field_nearest(name, known_channel_at, NULL);

    return nearest != NULL && strcmp(nearest, name) != 0 ? nearest : NULL;
}

static bool is_channel(const struct field_strings *channels, const char *name)
{
    size_t i;

    for (i = 0; i < channels->count; i++)
        if (strcmp(channels->items[i], name) == 0)
            return true;
    for (i = 0; known_channels[i] != NULL; i++)
        if (strcmp(known_channels[i], name) == 0)
            return true;
    return false;
}

/* One text: bare, or by language. */
static int text_leaves(const struct tree *value, const struct form_leaf *of, form_leaf_fn *fn,
                       void *arg, struct error *err)
{
    struct form_leaf leaf = *of;
    const struct tree *one;

    if (value->kind == TREE_STRING) {
        leaf.node = value;
        return check_words(value, true, err) == 0 ? fn(arg, &leaf, err) : -1;
    }
    if (value->kind != TREE_OBJECT)
        return expected(value, "a string, or texts by language { zh = \"...\"; }", err);
    for (one = value->first; one != NULL; one = one->next) {
        if (!form_is_language(one->name))
            return tree_error(err, one, "is no language: expected \"zh\", \"en\", ...");
        leaf.node = one;
        leaf.language = one->name;
        if (check_words(one, true, err) != 0 || fn(arg, &leaf, err) != 0)
            return -1;
    }
    return 0;
}

static const char *usual_language_at(const void *arg, size_t i)
{
    static const char *const usual[] = {"zh", "en", NULL};

    (void)arg;
    return usual[i];
}

/* "zhh" and "eng" could be languages, and nobody's is called so. */
static const char *meant_language(const char *name)
{
    const char *nearest = field_nearest(name, usual_language_at, NULL);

    return nearest != NULL && strcmp(nearest, name) != 0 ? nearest : NULL;
}

static int not_a_text(const struct tree *value, const struct field_strings *channels,
                      struct error *err)
{
    const char *nearest = field_nearest(value->name, text_member_at, channels);

    if (nearest == NULL)
        nearest = meant_language(value->name);

    if (nearest == NULL)
        return tree_error(err, value,
                          "is no language, no channel and no special text (moved, cancelled, ...)");
    return tree_error(err, value,
                      "is no language, no channel and no special text; did you mean \"%s\"?",
                      nearest);
}

/* By languages, channels, or both. */
static int special_leaves(const struct tree *texts, const struct field_strings *channels,
                          const struct form_leaf *of, form_leaf_fn *fn, void *arg,
                          struct error *err)
{
    for (const struct tree *one = texts->first; one != NULL; one = one->next) {
        struct form_leaf leaf = *of;
        int rc;

        leaf.node = one;
        if (is_channel(channels, one->name)) {
            leaf.channel = one->name;
            rc = text_leaves(one, &leaf, fn, arg, err);
        } else if (form_is_language(one->name)) {
            leaf.language = one->name;
            rc = check_words(one, true, err) != 0 ? -1 : fn(arg, &leaf, err);
        } else {
            rc = not_a_text(one, channels, err);
        }
        if (rc != 0)
            return -1;
    }
    return 0;
}

int form_leaves(const struct tree *texts, const struct field_strings *channels, form_leaf_fn *fn,
                void *arg, struct error *err)
{
    struct form_leaf plain = {NULL, NULL, NULL, NULL};
    const struct tree *one;

    if (texts->kind != TREE_OBJECT)
        return text_leaves(texts, &plain, fn, arg, err);
    for (one = texts->first; one != NULL; one = one->next) {
        struct form_leaf leaf = {one, NULL, NULL, NULL};

        if (is_channel(channels, one->name)) {
            leaf.channel = one->name;
            if (text_leaves(one, &leaf, fn, arg, err) != 0)
                return -1;
        } else if (form_is_special_text(one->name)) {
            leaf.special = one->name;
            if ((one->kind == TREE_OBJECT ? special_leaves(one, channels, &leaf, fn, arg, err)
                                          : text_leaves(one, &leaf, fn, arg, err)) != 0)
                return -1;
        } else if (form_is_language(one->name) && meant_language(one->name) == NULL) {
            leaf.language = one->name;
            if (check_words(one, true, err) != 0 || fn(arg, &leaf, err) != 0)
                return -1;
        } else {
            return not_a_text(one, channels, err);
        }
    }
    return 0;
}

/* --------------------------------------------------------------------- tables */
const char *const form_class_names[] = {"notice", "promotion", "personal", NULL};
static const char *const same_phone_names[] = {"first", "each", "merge", NULL};
static const char *const missed_names[] = {"latest", "all", "none", NULL};
static const char *const doubt_names[] = {"resend", "hold", NULL};
static const char *const only_names[] = {"told",    "untold",      "registered", "unregistered",
                                         "waiting", "undelivered", NULL};

static int read_campaign_days(const struct tree *value, void *at, struct arena *arena,
                              struct error *err)
{
    (void)arena;
    if (value->kind != TREE_STRING ||
        (strcmp(value->string, "any") != 0 && strcmp(value->string, "workdays") != 0))
        return tree_error(err, value, "expected \"any\" or \"workdays\"");
    *(int *)at = value->string[0] == 'a' ? DAYS_ANY : DAYS_WORKED;
    return 0;
}

static int read_only(const struct tree *value, void *at, struct arena *arena, struct error *err)
{
    size_t i;

    (void)arena;
    if (value->kind != TREE_STRING)
        return expected(value, "a string", err);
    for (i = 0; only_names[i] != NULL; i++)
        if (strcmp(only_names[i], value->string) == 0)
            break;
    if (only_names[i] == NULL && value->string[0] != '\0')
        return tree_error(err, value,
                          "expected \"told\", \"untold\", \"registered\", \"unregistered\", "
                          "\"waiting\" or \"undelivered\", found \"%.40s\"",
                          value->string);
    *(const char **)at = value->string;
    return 0;
}

#define EVENT(member) (offsetof(struct form, event.member) - offsetof(struct form, event))
#define AUDIENCE(member) (offsetof(struct form, audience.member) - offsetof(struct form, audience))
#define REMINDER(member) offsetof(struct form_reminder, member)
#define FORM(member) offsetof(struct form, member)

static const struct field event_fields[] = {
    {"starts", FIELD_STRING, EVENT(starts), .min = 1, .max = 40, .required = true,
     .help = N_("as in \"2027-03-06T09:00\"")},
    {"ends", FIELD_STRING, EVENT(ends), .min = 1, .max = 40,
     .help = "an event that lasts for days may be told of until it ends"},
    {"timezone", FIELD_STRING, EVENT(timezone), .min = 1, .max = 64,
     .help = "a name of the tz database; default defaults.timezone"},
    {"repeat", FIELD_STRING, EVENT(repeat), .min = 1, .max = 500,
     .help = "as in \"FREQ=WEEKLY;BYDAY=SA;COUNT=10\""},
    {"except", FIELD_STRINGS, EVENT(except), .min = 0, .max = 366,
     .help = "days on which a repeated event does not take place"},
    {"moved", FIELD_STRINGS, EVENT(moved), .min = 0, .max = 366,
     .help = "days of a repeated event with another start: \"2027-05-01 2027-05-02T10:00\""},
    {"venue", FIELD_CUSTOM, EVENT(venue), .read = read_localized,
     .help = "one string, or one a language, for {{event.venue}}"},
    {"address", FIELD_CUSTOM, EVENT(address), .read = read_localized,
     .help = "likewise, for {{event.address}}"},
    {"url", FIELD_CUSTOM, EVENT(url), .read = read_localized,
     .help = "likewise, for {{event.url}}"},
    {"contact", FIELD_CUSTOM, EVENT(contact), .read = read_localized,
     .help = "likewise, for {{event.contact}}"},
    {"cancelled", FIELD_BOOL, EVENT(cancelled), .initial = "false",
     .help = "it does not take place: for outreach amend, which then sends texts.cancelled"},
    {0},
};

static const struct field corrections_fields[] = {
    {"hours", FIELD_STRING,
     offsetof(struct form, corrections.hours) - offsetof(struct form, corrections), .min = 1,
     .max = 200, .help = "when they may disturb people; default the campaign's hours"},
    {"templates", FIELD_CUSTOM,
     offsetof(struct form, corrections.templates) - offsetof(struct form, corrections),
     .read = read_templates,
     .help = "of providers, where a gateway sends no free text: {{notice_text}} is the correction"},
    {0},
};

static const struct field audience_fields[] = {
    {"file", FIELD_STRINGS, AUDIENCE(files), .min = 1, .max = 32,
     .help = "the list, beside the campaign file: an Excel workbook, or CSV in UTF-8 or "
             "GB18030; with a heading row. Or several; who is in two of them counts once"},
    {"sheet", FIELD_STRING, AUDIENCE(sheet), .min = 1, .max = 100,
     .help = "of a workbook; default the only one with anything in it"},
    {"tags", FIELD_STRINGS, AUDIENCE(tags), .min = 1, .max = 32,
     .help = "people of the register (outreach residents) who have all of these tags"},
    {"any", FIELD_STRINGS, AUDIENCE(any), .min = 1, .max = 32,
     .help = "of the register: who has at least one of these"},
    {"without", FIELD_STRINGS, AUDIENCE(without), .min = 1, .max = 32,
     .help = "of the register: but for who has one of these"},
    {"everyone", FIELD_BOOL, AUDIENCE(everyone), .initial = "false",
     .help = "all people of the register"},
    {"group", FIELD_BOOL, AUDIENCE(group), .initial = "false",
     .help = "one notice a reminder, to the group that a gateway reaches"},
    {"same_phone", FIELD_ENUM, AUDIENCE(same_phone), .initial = "merge", .names = same_phone_names,
     .help = "two rows with one address: the first, one notice for both, or one each"},
    {"columns", FIELD_CUSTOM, AUDIENCE(columns), .read = read_mapping,
     .help = "where a heading is not known: our name, then the file's"},
    {"recipients", FIELD_CUSTOM, AUDIENCE(recipients), .read = read_recipients,
     .help = "the people themselves, in place of a file"},
    /* Put there by `outreach queue`: so that another list is another campaign. */
    {"digest", FIELD_STRING, AUDIENCE(digest), .min = 64, .max = 64,
     .help = "written by outreach queue"},
    {"rows", FIELD_INT, AUDIENCE(rows), .min = 0, .max = INT64_C(1) << 25,
     .help = "written by outreach queue"},
    {0},
};

static const struct field reminder_fields[] = {
    {"name", FIELD_CUSTOM, REMINDER(name), .required = true, .read = read_reminder_name,
     .help = N_("a-z, 0-9 and -")},
    {"at", FIELD_STRING, REMINDER(at), .required = true, .min = 1, .max = 60,
     .help = N_("as in \"-1d 18:00\"")},
    {"expires", FIELD_STRING, REMINDER(expires), .min = 1, .max = 60,
     .help = "not sent after it; default the campaign's, else the event's start (its end, where it "
             "lasts for days)"},
    {"texts", FIELD_ANY, REMINDER(texts), .min = 0,
     .help = "its own words; default the campaign's"},
    {"templates", FIELD_CUSTOM, REMINDER(templates), .read = read_templates,
     .help = "of providers, its own; default the campaign's"},
    {"only", FIELD_CUSTOM, REMINDER(only), .initial = "", .read = read_only,
     .help = "registered, unregistered, waiting; told, untold, undelivered by an earlier reminder"},
    {"doubt", FIELD_ENUM, REMINDER(doubt), .initial = "resend", .names = doubt_names,
     .help = "where nobody can know whether a notice left: once more, or held for a person"},
    {"priority", FIELD_INT, REMINDER(priority), .min = 1, .max = 9,
     .help = "default the campaign's"},
    {"channels", FIELD_CUSTOM, REMINDER(channels), .read = read_channels,
     .help = "fewer than the campaign's"},
    {"hours", FIELD_STRING, REMINDER(hours), .min = 1, .max = 200,
     .help = "default the campaign's"},
    {"days", FIELD_CUSTOM, REMINDER(days), .read = read_campaign_days,
     .help = "default the campaign's"},
    {0},
};

/* What residents may send back: reply_rules.c looks at it as a whole. */
#define REGISTRATION(member)                                                                       \
    (offsetof(struct form, registration.member) - offsetof(struct form, registration))
#define ANSWERS(member) (offsetof(struct form, answers.member) - offsetof(struct form, answers))

static const char *const counts_names[] = {"last", "first", NULL};

static const struct field registration_fields[] = {
    {"word", FIELD_STRING, REGISTRATION(word), .min = 1, .max = 40,
     .help = "whoever replies it has a place; besides 报名 and JOIN, which always do"},
    {"cancel_word", FIELD_STRING, REGISTRATION(cancel_word), .min = 1, .max = 40,
     .help = "gives it back; besides 取消 and CANCEL"},
    {"capacity", FIELD_INT, REGISTRATION(capacity), .min = 1, .max = 33554431,
     .help = "places; default: no end to them"},
    {"waiting", FIELD_INT, REGISTRATION(waiting), .min = 0, .max = 33554431,
     .help = "so many more wait for a place"},
    {"until", FIELD_STRING, REGISTRATION(until), .min = 1, .max = 60,
     .help = "no more names after it, as in \"-2d 18:00\"; default the event's start"},
    {0},
};

static const struct field answers_fields[] = {
    {"words", FIELD_STRINGS, ANSWERS(words), .min = 1, .max = 40, .required = true,
     .help = N_("each one is counted; one answer a person")},
    {"counts", FIELD_ENUM, ANSWERS(counts), .initial = "last", .names = counts_names,
     .help = "of somebody who answers again: the last answer, or the first"},
    {"until", FIELD_STRING, ANSWERS(until), .min = 1, .max = 60,
     .help = "not counted after it; default the event's end, else its start"},
    {0},
};

/* Of later features: their kinds are checked, and that is all for now. */
struct later {
    const char *string[8];
    int64_t number[4];
    double decimal;
    bool truth[2];
    const struct tree *any[4];
};

static const struct field approval_fields[] = {
    {"recipients", FIELD_INT, offsetof(struct later, number[0]), .min = 0, .max = 1000000000},
    {"cost", FIELD_FLOAT, offsetof(struct later, decimal), .min = 0, .max = 1000000000},
    {"required", FIELD_BOOL, offsetof(struct later, truth[0]), .min = 0},
    {0},
};

static const char *const level_names[] = {"debug", "info", "warning", "error", NULL};

/* A campaign comes from whoever may queue one: no program of the daemon's machine is for it. */
static const struct field alert_fields[] = {
    {"to", FIELD_STRING, offsetof(struct later, string[0]), .min = 1, .max = 200, .required = true},
    {"level", FIELD_ENUM, offsetof(struct later, number[0]), .initial = "error",
     .names = level_names},
    {0},
};

static int read_later(const struct field *fields, const struct tree *value, void *at,
                      struct arena *arena, struct error *err)
{
    struct later later = {{NULL}, {0}, 0, {false}, {NULL}};

    *(const struct tree **)at = value;
    return fields_read(fields, value, &later, arena, err);
}

static int read_approval(const struct tree *value, void *at, struct arena *arena, struct error *err)
{
    return read_later(approval_fields, value, at, arena, err);
}

static int read_alerts(const struct tree *value, void *at, struct arena *arena, struct error *err)
{
    const struct tree *one;

    if (value->kind != TREE_LIST)
        return expected(value, "a list of groups ( { ... }, { ... } )", err);
    if (value->count > ALERTS_MOST)
        return tree_error(err, value, "at most %d entries", ALERTS_MOST);
    for (one = value->first; one != NULL; one = one->next)
        if (read_later(alert_fields, one, at, arena, err) != 0)
            return -1;
        else if (strncmp(tree_member(one, "to")->string, "exec:", 5) == 0)
            return tree_error(err, tree_member(one, "to"),
                              "a program is told by outreachd.conf alone; here expected "
                              "\"gateway:address\" or a gateway that tells a group");
    *(const struct tree **)at = value;
    return 0;
}

static const struct field form_fields[] = {
    {"id", FIELD_CUSTOM, FORM(id), .required = true, .read = read_id, .help = N_("a-z, 0-9 and -")},
    {"class", FIELD_ENUM, FORM(class), .required = true, .names = form_class_names,
     .help = N_("decides opt-out line, caps and gateways")},
    {"title", FIELD_CUSTOM, FORM(title), .required = true, .read = read_localized,
     .help = N_("for people, and {{event.title}}; one string, or one a language")},
    {"event", FIELD_GROUP, FORM(event), .required = true, .fields = event_fields,
     .help = N_("what, when, where")},
    {"vars", FIELD_CUSTOM, FORM(vars), .read = read_vars,
     .help = "values that are the same for all"},
    {"audience", FIELD_GROUP, FORM(audience), .fields = audience_fields, .help = "who"},
    {"channels", FIELD_CUSTOM, FORM(channels), .initial = "sms", .read = read_channels,
     .help = "in the order of trying"},
    {"columns", FIELD_STRINGS, FORM(columns), .min = 1, .max = CAMPAIGN_MAX_COLUMNS,
     .help = "written by outreach queue"},
    {"texts", FIELD_ANY, FORM(texts), .min = 0,
     .help = "what is said: a string, or one a language, or a channel's own"},
    {"templates", FIELD_CUSTOM, FORM(templates), .read = read_templates,
     .help = "of providers, by gateway: code, params, signature"},
    {"answer_templates", FIELD_CUSTOM, FORM(answer_templates), .read = read_templates,
     .help = "the same for what is answered to who writes back: {{notice_text}} is the answer"},
    {"reminders", FIELD_GROUPS, FORM(reminders), .required = true, .min = 1,
     .max = FORM_MAX_REMINDERS, .fields = reminder_fields, .size = sizeof(struct form_reminder),
     .help = N_("when it is said")},
    {"missed", FIELD_ENUM, FORM(missed), .initial = "latest", .names = missed_names,
     .help = "queued late: which of the reminders already due still go"},
    {"hours", FIELD_STRING, FORM(hours), .min = 1, .max = 200,
     .help = "when people may be disturbed: \"08:00-12:00,14:00-20:30\", or \"always\"; default "
             "defaults.hours"},
    {"days", FIELD_CUSTOM, FORM(days), .read = read_campaign_days,
     .help = "\"any\", or \"workdays\" of the country"},
    {"signature", FIELD_CUSTOM, FORM(signature), .read = read_signature,
     .help = "with its brackets; default defaults.signature"},
    {"optout_line", FIELD_CUSTOM, FORM(optout_line), .read = read_localized,
     .help = "closes the texts of a promotion; default defaults.optout_line"},
    {"language", FIELD_CUSTOM, FORM(language), .read = read_language,
     .help = "of people with none of their own; default defaults.language"},
    {"country", FIELD_CUSTOM, FORM(country), .read = read_country,
     .help = "how numbers without + are read; default defaults.country"},
    {"per_recipient", FIELD_CUSTOM, FORM(per_recipient), .read = read_limits,
     .help = "the most one address gets, all campaigns counted: ( \"1/30s\", \"5/day\" ); default "
             "defaults.per_recipient"},
    {"rate", FIELD_CUSTOM, FORM(rate), .read = read_rate,
     .help = "the campaign's pace, all daemons together: \"20/s\""},
    {"priority", FIELD_INT, FORM(priority), .min = 1, .max = 9, .initial = "5",
     .help = "1 goes first where a gateway is scarce"},
    {"max_segments", FIELD_INT, FORM(max_segments), .min = 1, .max = 8,
     .help = "SMS parts of one notice at most; default defaults.max_segments"},
    {"expires", FIELD_STRING, FORM(expires), .min = 1, .max = 60,
     .help = "for reminders that say none"},
    {"sensitive", FIELD_BOOL, FORM(sensitive), .initial = "false",
     .help = "no name in its texts, nothing that tells in their first twenty characters; a neutral "
             "signature, one channel, no recipient in exports"},
    {"extension", FIELD_CUSTOM, FORM(extension), .read = read_extension,
     .help = "digits behind the gateway's number: what is sent there means this campaign"},
    {"registration", FIELD_GROUP, FORM(registration), .fields = registration_fields,
     .help = "places that are given to who replies"},
    {"answers", FIELD_GROUP, FORM(answers), .fields = answers_fields,
     .help = "words that are counted when they come back: a survey, a contest"},
    {"corrections", FIELD_GROUP, FORM(corrections), .fields = corrections_fields,
     .help = "of texts.moved and texts.cancelled, which outreach amend sends"},
    {"approval", FIELD_CUSTOM, FORM(approval), .read = read_approval,
     .help = "when a second person must agree, where that is stricter than defaults.approval: "
             "recipients, cost, required"},
    {"alerts", FIELD_CUSTOM, FORM(alerts), .read = read_alerts,
     .help = "who is told when it stands still, is late or fails, besides those of outreachd.conf: "
             "to, level"},
    {"fallback_after", FIELD_DURATION, FORM(fallback_after_ms), .min = 1000, .max = 604800000,
     .help = "the next channel also when no receipt has come so long after a gateway took it"},
    {0},
};

const struct field *form_table(void)
{
    return form_fields;
}

/* --------------------------------------------------------------------- reading */
bool form_from_register(const struct form *form)
{
    return form->audience.everyone || form->audience.tags.count > 0 ||
           form->audience.any.count > 0 || form->audience.without.count > 0;
}

int form_read(const struct tree *document, struct form *form, struct arena *arena,
              struct error *err)
{
    const struct form_reminder *reminders;
    size_t i, k;

    if (fields_read(form_fields, document, form, arena, err) != 0)
        return -1;
    if (form->audience.recipients != NULL &&
        (form->audience.files.count > 0 || form_from_register(form)))
        return tree_error(err, form->audience.recipients,
                          "expected either a file or recipients, not both");
    if (form->audience.group && (form->audience.files.count > 0 || form_from_register(form) ||
                                 form->audience.recipients != NULL))
        return tree_error(err, tree_get(document, "audience.group"),
                          "a group is its gateway's: expected neither a file nor recipients");
    if (form->sensitive && form->fallback_after_ms > 0)
        return tree_error(err, tree_member(document, "fallback_after"),
                          "a sensitive campaign keeps to one channel of each recipient: who else "
                          "reads the next one is not known");
    reminders = form->reminders.items;
    for (i = 0; i < form->reminders.count; i++) {
        if (reminders[i].texts != NULL && tree_member(reminders[i].texts, "neutral") != NULL)
            return tree_error(err, tree_member(reminders[i].texts, "neutral"),
                              "is the same for all reminders: write it in the campaign's texts");
        for (k = 0; k < i; k++)
            if (strcmp(reminders[k].name, reminders[i].name) == 0) {
                char path[48];

                snprintf(path, sizeof path, "reminders.%zu.name", i);
                return tree_error(err, tree_get(document, path), "\"%s\" stands there twice",
                                  reminders[i].name);
            }
    }
    return 0;
}
