/* What a campaign may ask residents to reply, and what a reply then means. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "campaign.h"
#include "error.h"
#include "mem.h"
#include "reply_rules.h"
#include "template.h"
#include "tree.h"
#include "zone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct campaign_defaults defaults = {
    .timezone = "Asia/Shanghai",
    .country = "CN",
    .language = "zh",
    .currency = "CNY",
    .hours = "always",
    .signature = "【鼓楼区妇联】",
    .optout_line = "拒收请回复R",
    .max_segments = 8,
    .max_audience = 1000,
};

/* members of the document, each followed by a comma; more of the last reminder. */
static struct campaign *with(const char *members, const char *reminder, struct error *err)
{
    char *json = xasprintf(
        "{\"id\":\"course\",\"class\":\"notice\",\"title\":{\"zh\":\"插花培训\",\"en\":\"Flowers\"}"
        ","
        "\"event\":{\"starts\":\"2027-05-18T14:00\",\"ends\":\"2027-05-20T16:30\"},"
        "\"channels\":\"sms\",%s%s\"reminders\":[{\"name\":\"open\",\"at\":\"-7d\"},"
        "{\"name\":\"eve\",\"at\":\"-1d\"%s}]}",
        strstr(members, "\"texts\"") != NULL ? "" : "\"texts\":{\"zh\":\"t\",\"en\":\"t\"},",
        members, reminder);
    struct tree *t = tree_parse_json(json, strlen(json), NULL, err);
    struct campaign *c = t == NULL ? NULL : campaign_create(t, &defaults, NULL, 0, err);

    free(json);
    return c;
}

/* ------------------------------------------------------------------- refused */
static const struct {
    const char *name, *members, *reminder, *error;
} refused[] = {
    {"a refusal as a word", "\"registration\":{\"word\":\"td\"},", "",
     "registration.word: \"td\" refuses"},
    {"a refusal in full width", "\"registration\":{\"word\":\"Ｒ\"},", "",
     "registration.word: \"Ｒ\" refuses"},
    {"取消 would give back what it takes", "\"registration\":{\"word\":\"取消\"},", "",
     "registration.word: \"取消\" refuses"},
    {"a refusal that gives back", "\"registration\":{\"cancel_word\":\"退订\"},", "",
     "registration.cancel_word: \"退订\" refuses"},
    {"N of Y and N", "\"answers\":{\"words\":[\"Y\",\"N\"]},", "",
     "answers.words[1]: \"N\" refuses"},
    {"a cry for help", "\"answers\":{\"words\":[\"A\",\"被打\"]},", "",
     "answers.words[1]: \"被打\" is a cry for help (被打)"},
    {"help", "\"registration\":{\"word\":\"help\"},", "",
     "registration.word: \"help\" is a cry for help (HELP)"},
    {"one word for two things",
     "\"registration\":{\"word\":\"A\"},\"answers\":{\"words\":[\"ａ\",\"B\"]},", "",
     "answers.words[0]: \"ａ\" cannot be told from \"A\""},
    {"no word", "\"answers\":{\"words\":[\"。\"]},", "", "answers.words: \"。\" has no letter"},
    {"answers without words", "\"answers\":{\"counts\":\"last\"},", "",
     "answers: words is missing"},
    {"a time that is none", "\"registration\":{\"until\":\"now\"},", "",
     "registration.until: expected a time before or after the event"},
    {"a filter without registration", "", ",\"only\":\"registered\"",
     "reminders[1].only: there is nobody registered: the campaign has no `registration`"},
};

static void test_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct error err = {""};
        struct campaign *c = with(refused[i].members, refused[i].reminder, &err);

        if (c != NULL)
            fail_msg("%s: taken", refused[i].name);
        if (strstr(err.text, refused[i].error) == NULL)
            fail_msg("%s: %s", refused[i].name, err.text);
    }
}

/* Whom earlier reminders told can be asked only where there is another. */
static void test_alone(void **state)
{
    static const char text[] =
        "{\"id\":\"x\",\"class\":\"notice\",\"title\":\"t\",\"texts\":\"t\",\"event\":{"
        "\"starts\":\"2027-05-18T14:00\"},\"reminders\":[{\"name\":\"eve\",\"at\":\"-1d\","
        "\"only\":\"untold\"}]}";
    struct error err = {""};
    struct campaign *c;

    (void)state;
    assert_null(
        campaign_create(tree_parse_json(text, strlen(text), NULL, &err), &defaults, NULL, 0, &err));
    assert_non_null(strstr(err.text, "there is nobody untold: the event has no other reminder"));
    c = with("", ",\"only\":\"untold\"", &err);
    assert_non_null(c);
    assert_int_equal(c->reminders[1].filter, FILTER_UNTOLD);
    campaign_free(c);
}

/* In a file the line is named. */
static void test_line(void **state)
{
    char path[] = "/tmp/reply-rules-XXXXXX";
    int fd = mkstemp(path);
    struct error err = {""};
    static const char text[] =
        "campaign = { id = \"x\"; class = \"notice\"; title = \"t\";\n"
        "  event = { starts = \"2027-05-18T14:00\"; };\n"
        "  registration = {\n    capacity = 3;\n    word = \"T\";\n  };\n"
        "  texts = \"t\"; reminders = ( { name = \"a\"; at = \"-1d\"; } ); };\n";

    (void)state;
    assert_int_equal(write(fd, text, sizeof text - 1), sizeof text - 1);
    close(fd);
    assert_null(campaign_read(path, &defaults, &err));
    unlink(path);
    assert_non_null(strstr(err.text, ":5: "));
    assert_non_null(strstr(err.text, "registration.word: \"T\" refuses"));
}

/* -------------------------------------------------------------------- meaning */
#define COURSE                                                                                          \
    "\"registration\":{\"word\":\"插花\",\"cancel_word\":\"不去了\",\"capacity\":2,\"waiting\":1," \
    "\"until\":\"-4d 17:00\"},\"answers\":{\"words\":[\"A\",\"B\",\"1\"],\"counts\":\"first\"},"

static const struct {
    const char *text;
    enum reply_meaning meaning;
    const char *answer;
} meanings[] = {
    {"插花", REPLY_REGISTERS, NULL},
    {"“回复插花”", REPLY_REGISTERS, NULL},
    {"报名", REPLY_REGISTERS, NULL},
    {"我要报名！", REPLY_REGISTERS, NULL},
    {"报名插花", REPLY_REGISTERS, NULL},
    {"插花 报名", REPLY_REGISTERS, NULL},
    {"join", REPLY_REGISTERS, NULL},
    {"取消", REPLY_WITHDRAWS, NULL},
    {"cancel", REPLY_WITHDRAWS, NULL},
    {"不去了", REPLY_WITHDRAWS, NULL},
    {"取消插花", REPLY_WITHDRAWS, NULL},
    {"ａ", REPLY_ANSWERS, "A"},
    {"b。", REPLY_ANSWERS, "B"},
    {"回1", REPLY_ANSWERS, "1"},
    {"插花几点", REPLY_FOR_A_PERSON, NULL},
    {"取消订阅", REPLY_FOR_A_PERSON, NULL},
    {"AB", REPLY_FOR_A_PERSON, NULL},
    {"", REPLY_FOR_A_PERSON, NULL},
};

static void test_meanings(void **state)
{
    struct error err = {""};
    struct campaign *c = with(COURSE, ",\"only\":\"registered\"", &err);
    const struct reply_rules *rules;
    int64_t until_ms;

    (void)state;
    if (c == NULL)
        fail_msg("%s", err.text);
    rules = c->replies;
    assert_non_null(rules);
    assert_true(rules->registers && rules->asks && rules->first_counts);
    assert_int_equal(rules->capacity, 2);
    assert_int_equal(rules->waiting, 1);
    assert_int_equal(zone_parse(c->zone, "2027-05-14T17:00", 16, &until_ms), 0);
    assert_int_equal(rules->until_ms, until_ms);
    assert_int_equal(zone_parse(c->zone, "2027-05-20T16:30", 16, &until_ms), 0);
    assert_int_equal(rules->answers_until_ms, until_ms);
    assert_int_equal(c->reminders[0].filter, FILTER_NONE);
    assert_int_equal(c->reminders[1].filter, FILTER_REGISTERED);
    for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++) {
        struct reply_words r;
        const char *answer;

        reply_read(&r, meanings[i].text, strlen(meanings[i].text));
        if (reply_rules_match(rules, &r, &answer) != meanings[i].meaning)
            fail_msg("%s", meanings[i].text);
        if (meanings[i].answer == NULL)
            assert_null(answer);
        else
            assert_string_equal(answer, meanings[i].answer);
    }
    campaign_free(c);
}

/* ----------------------------------------------------------------------- texts */
static const char *said(const struct campaign *c, enum campaign_special what, const char *language)
{
    static char out[1000];
    const struct campaign_text *text =
        campaign_special_text(c, what, "sms", language, strlen(language));
    struct template_value row[CAMPAIGN_MAX_COLUMNS] = {{NULL, 0}};
    const char *empty;
    int n;

    if (text == NULL)
        return "(nothing)";
    for (size_t i = 0; i < c->column_count; i++)
        row[i] = strcmp(c->columns[i], "name") == 0 ? (struct template_value){"王秀英", 9}
                                                    : (struct template_value){"", 0};
    n = campaign_compose(c, text, row, SIGNATURE_NONE, out, sizeof out - 1, &empty);
    assert_true(n >= 0);
    out[n] = '\0';
    return out;
}

static void test_texts(void **state)
{
    struct error err = {""};
    struct campaign *c = with(COURSE, ",\"only\":\"registered\"", &err);

    (void)state;
    assert_non_null(c);
    assert_string_equal(said(c, SPECIAL_CONFIRMATION, "zh"),
                        "已为您登记：插花培训，5月18日（周二）下午2:00。不能来请回复取消。");
    assert_string_equal(said(c, SPECIAL_FULL, "en"), "Flowers is full: there is no place left.");
    assert_string_equal(said(c, SPECIAL_ANSWERED, "zh"), "(nothing)");
    assert_string_equal(said(c, SPECIAL_OPTOUT, "zh"), "您已退订，今后不再向您发送。");
    campaign_free(c);
    c = with("\"texts\":{\"zh\":\"t\",\"en\":\"t\",\"confirmation\":\"{{name|居民}}，留了座。\","
             "\"optout\":{\"en\":\"Bye.\",\"zh\":\"再见\"}},\"registration\":{},",
             "", &err);
    if (c == NULL)
        fail_msg("%s", err.text);
    assert_string_equal(said(c, SPECIAL_CONFIRMATION, "zh"), "王秀英，留了座。");
    assert_string_equal(said(c, SPECIAL_CONFIRMATION, "en"), "王秀英，留了座。");
    assert_string_equal(said(c, SPECIAL_OPTOUT, "en"), "Bye.");
    campaign_free(c);
    c = with("\"registration\":{},\"answers\":{\"words\":\"A\"},\"sensitive\":true,", "", &err);
    assert_non_null(c); /* nothing that a lock screen would tell of */
    for (enum campaign_special what = 0; what < SPECIAL_COUNT; what++) {
        assert_null(strstr(said(c, what, "zh"), "插花"));
        assert_null(strstr(said(c, what, "en"), "Flowers"));
    }
    campaign_free(c);
    c = with("", "", &err); /* who does not listen says nothing */
    assert_non_null(c);
    assert_null(c->replies);
    assert_string_equal(said(c, SPECIAL_OPTOUT, "zh"), "(nothing)");
    campaign_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused),  cmocka_unit_test(test_alone), cmocka_unit_test(test_line),
        cmocka_unit_test(test_meanings), cmocka_unit_test(test_texts),
    };

    return cmocka_run_group_tests_name("reply rules", tests, NULL, NULL);
}
