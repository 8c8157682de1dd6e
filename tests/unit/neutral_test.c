/*
 * Texts that give nobody away: what a sensitive campaign may say, what a neutral text may, and
 * which one is taken.
 */
#include "campaign.h"
#include "error.h"
#include "safe.h"
#include "tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct campaign_defaults defaults = {
    .timezone = "Asia/Shanghai",
    .country = "CN",
    .language = "zh",
    .signature = "【鼓楼区妇联】",
    .neutral_signature = "【便民服务】",
    .optout_line = "拒收请回复R",
    .max_segments = 8,
    .max_audience = 1000,
};

static struct campaign *read(const struct campaign_defaults *with, const char *members,
                             struct error *err)
{
    static const char frame[] =
        "campaign = { id = \"c\"; title = { zh = \"法律援助\"; en = \"Legal aid\"; };\n"
        "event = { starts = \"2027-03-06T09:00\"; contact = \"025-1\"; venue = \"三楼\"; };\n"
        "reminders = ( { name = \"first\"; at = \"-1d\"; } );\n%s };";
    char source[4000];
    struct tree *document;

    snprintf(source, sizeof source, frame, members);
    document = tree_parse_config(source, strlen(source), "c.conf", err);
    assert_non_null(document);
    return campaign_create(document, with, NULL, 0, err);
}

/* ---------------------------------------------------------------- sensitive campaigns */
static const struct may {
    const char *name, *members, *refused; /* refused: what the error says; NULL: it may */
} mays[] = {
    {"a text that is the same for all may stand",
     "sensitive = true; texts = { zh = \"请按约好的时间前来。\"; };", NULL},
    {"a name may not, at its end neither",
     "sensitive = true; texts = { zh = \"请按您和我们约好的时间前来，有事请电联系人，{{name}}。\"; "
     "};",
     "c.conf:4: campaign.texts.zh: names the recipient"},
    {"nor by its Chinese heading, nor with a default",
     "sensitive = true; texts = { zh = \"{{姓名|居民}}您好。\"; };", "names the recipient"},
    {"the text that offends is named, not the first",
     "sensitive = true;\ntexts = { zh = \"请按约好的时间前来。\";\nen = \"Dear {{name}}.\"; };",
     "c.conf:6: campaign.texts.en"},
    {"a slot in the first twenty characters is seen on a lock screen",
     "sensitive = true; texts = { zh = \"一二三四五六七八九十一二三四五六七八九{{slot.time}}\"; };",
     "in its first 20 characters"},
    {"and behind them is not",
     "sensitive = true; texts = { zh = \"一二三四五六七八九十一二三四五六七八九十{{slot.time}}\"; "
     "};",
     NULL},
    {"another column of the list is as bad",
     "sensitive = true; texts = { zh = \"您的{{案由}}。\"; };", "a value of the list"},
    {"so is the title, by its placeholder",
     "sensitive = true; texts = { zh = \"您好，{{event.title}}的事，请来一趟。\"; };",
     "shows the campaign's title"},
    {"and as it is written", "sensitive = true; texts = { zh = \"您好，法律援助有消息。\"; };",
     "shows the campaign's title"},
    {"a title that begins behind them may stand",
     "sensitive = true; texts = { zh = \"一二三四五六七八九十一二三四五六七八九十法律援助\"; };",
     NULL},
    {"corrections are held to it too",
     "sensitive = true; texts = { zh = \"请来。\"; moved = { zh = \"{{name}}，改期了。\"; }; };",
     "campaign.texts.moved.zh: names the recipient"},
    {"no other channel when there is no receipt",
     "sensitive = true; channels = ( \"sms\", \"wecom\" ); fallback_after = \"2h\"; texts = { zh = "
     "\"请来。\"; };",
     "campaign.fallback_after: a sensitive campaign keeps to one channel"},
    {"a provider's template takes no name",
     "sensitive = true; texts = { zh = \"请来。\"; }; templates = { a = { code = \"1\"; params = ( "
     "\"who=name\" ); }; };",
     "neither name nor slot"},
    {"nor a slot",
     "sensitive = true; texts = { zh = \"请来。\"; }; templates = { a = { code = \"1\"; params = ( "
     "\"slot.time\" ); }; };",
     "neither name nor slot"},
    {"all of it may in a campaign that is not",
     "texts = { zh = \"{{name}}您好，{{event.title}}，{{slot.time}}。\"; };", NULL},

    {"a neutral text says whom to call",
     "texts = { zh = \"{{name}}您好。\"; neutral = { zh = \"有事请电{{event.contact}}。\"; }; };",
     NULL},
    {"and nothing of the matter",
     "texts = { zh = \"您好。\"; neutral = { zh = \"{{event.title}}。\"; }; };",
     "campaign.texts.neutral.zh"},
    {"nor where it is",
     "texts = { zh = \"您好。\"; neutral = { zh = \"请到{{event.venue}}。\"; }; };",
     "a neutral text says nothing"},
    {"nor whom it is for", "texts = { zh = \"您好。\"; neutral = { zh = \"{{name}}您好。\"; }; };",
     "a neutral text says nothing"},
};

static void test_may(void **state)
{
    const struct may *m = *state;
    struct error err;
    char with_class[3000];
    struct campaign *c;

    snprintf(with_class, sizeof with_class, "class = \"personal\"; %s", m->members);
    c = read(&defaults, with_class, &err);
    if (m->refused == NULL && c == NULL)
        fail_msg("%s", err.text);
    if (m->refused != NULL) {
        assert_null(c);
        if (strstr(err.text, m->refused) == NULL)
            fail_msg("said \"%s\"", err.text);
    }
    campaign_free(c);
}

/* ---------------------------------------------------------------------- neutral texts */
static const struct said {
    const char *name, *members, *channel, *language, *text; /* NULL: none */
} saids[] = {
    {"the campaign's, with the neutral signature",
     "texts = { zh = \"{{name}}\"; neutral = { zh = \"请电{{event.contact}}。\"; }; };", "sms",
     "zh", "【便民服务】请电025-1。"},
    {"in her language where there is one",
     "texts = { zh = \"您好\"; en = \"Hello\"; neutral = { zh = \"请来电。\"; en = \"Please "
     "call.\"; "
     "}; };",
     "sms", "en", "【便民服务】Please call."},
    {"else in the campaign's",
     "texts = { zh = \"您好\"; en = \"Hello\"; neutral = { en = \"Please call.\"; zh = "
     "\"请来电。\"; "
     "}; };",
     "sms", "ja", "【便民服务】请来电。"},
    {"a channel's own goes first",
     "channels = ( \"sms\", \"wecom\" ); texts = { zh = \"您好\"; neutral = { sms = \"短信。\"; "
     "wecom = "
     "\"微信。\"; }; };",
     "wecom", "zh", "【便民服务】微信。"},
    {"without any the configured line", "texts = { zh = \"您好\"; };", "sms", "zh",
     "【便民服务】配置的。"},
    {"the campaign's own signature is not neutral",
     "signature = \"【反家暴】\"; texts = { zh = \"您好\"; };", "sms", "zh",
     "【便民服务】配置的。"},
    {"but a sensitive campaign's is",
     "sensitive = true; signature = \"【区中心】\"; texts = { zh = \"您好\"; };", "sms", "zh",
     "【区中心】配置的。"},
    {"a promotion, which must say how to refuse, is not said so",
     "class = \"promotion\"; texts = { zh = \"您好\"; };", "sms", "zh", NULL},
};

static void test_said(void **state)
{
    const struct said *s = *state;
    struct campaign_defaults with = defaults;
    struct error err;
    char members[3000], out[500];
    struct campaign *c;
    int n;

    with.neutral_text = "配置的。";
    snprintf(members, sizeof members, "%s %s",
             strstr(s->members, "class =") != NULL ? "" : "class = \"notice\";", s->members);
    c = read(&with, members, &err);
    if (c == NULL)
        fail_msg("%s", err.text);
    n = campaign_compose_neutral(c, s->channel, s->language, SIGNATURE_PREFIX, out, sizeof out);
    if (s->text == NULL) {
        assert_int_equal(n, -1);
    } else {
        assert_int_equal(n, strlen(s->text));
        assert_memory_equal(out, s->text, (size_t)n);
        assert_int_equal(
            campaign_compose_neutral(c, s->channel, s->language, SIGNATURE_PREFIX, out, 8), -1);
    }
    campaign_free(c);
}

/* ------------------------------------------------------------------------------ marks */
static const struct marked {
    const char *name, *value;
    enum safe_mode mode;
    const char *hours;
} marks[] = {
    {"skip", "skip", SAFE_SKIP, ""},
    {"neutral, with what is for people", "neutral\nby li\nat 1\nsee file 7", SAFE_NEUTRAL, ""},
    {"hours", "hours 09:00-11:00\nby li", SAFE_HOURS, "09:00-11:00"},
    {"hours that are none: nothing is sent", "hours noon", SAFE_SKIP, ""},
    {"an unknown word: nothing is sent", "later", SAFE_SKIP, ""},
    {"half a word", "neutra", SAFE_SKIP, ""},
    {"an empty value", "", SAFE_SKIP, ""},
    {"hours without any", "hours ", SAFE_SKIP, ""},
};

static void test_mark(void **state)
{
    const struct marked *m = *state;
    struct safe_mark mark;

    safe_parse(m->value, strlen(m->value), &mark);
    assert_int_equal(mark.mode, m->mode);
    if (m->mode == SAFE_HOURS)
        assert_string_equal(mark.hours, m->hours);
}

#define COUNT(table) (sizeof table / sizeof *(table))

int main(void)
{
    struct CMUnitTest tests[COUNT(mays) + COUNT(saids) + COUNT(marks)];
    size_t n = 0;

    for (size_t i = 0; i < COUNT(mays); i++)
        tests[n++] = (struct CMUnitTest){mays[i].name, test_may, NULL, NULL, (void *)&mays[i]};
    for (size_t i = 0; i < COUNT(saids); i++)
        tests[n++] = (struct CMUnitTest){saids[i].name, test_said, NULL, NULL, (void *)&saids[i]};
    for (size_t i = 0; i < COUNT(marks); i++)
        tests[n++] = (struct CMUnitTest){marks[i].name, test_mark, NULL, NULL, (void *)&marks[i]};
    return _cmocka_run_group_tests("neutral", tests, n, NULL, NULL);
}
