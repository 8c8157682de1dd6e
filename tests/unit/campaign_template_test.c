/* Providers' templates: which one for whom, what fills it, what is refused with which words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "campaign.h"
#include "error.h"
#include "template.h"
#include "tree.h"

#include <stdio.h>
#include <string.h>

static const struct campaign_defaults defaults = {
    .timezone = "Asia/Shanghai",
    .country = "CN",
    .language = "zh",
    .currency = "CNY",
    .hours = "always",
    .signature = "【鼓楼区妇联】",
    .max_segments = 8,
    .max_audience = 1000,
};

#define HEAD                                                                                       \
    "{\"id\":\"fair\",\"class\":\"notice\",\"title\":\"t\","                                       \
    "\"event\":{\"starts\":\"2027-03-06T09:00\",\"venue\":{\"zh\":\"大厅\",\"en\":\"hall\"}},"   \
    "\"vars\":{\"n\":86},\"texts\":{\"zh\":\"x\",\"en\":\"x\"},"

static struct campaign *from(const char *members, struct error *err)
{
    char json[2000];
    struct tree *t;

    snprintf(json, sizeof json, HEAD "%s}", members);
    t = tree_parse_json(json, strlen(json), NULL, err);
    return t == NULL ? NULL : campaign_create(t, &defaults, NULL, 0, err);
}

static const char members[] =
    "\"reminders\":[{\"name\":\"first\",\"at\":\"-7d 09:30\"},"
    "{\"name\":\"eve\",\"at\":\"-1d 18:00\",\"templates\":{\"cloud\":\"SMS_9\"}}],"
    "\"templates\":{\"cloud\":{\"code\":\"SMS_1\",\"signature\":\"妇联\","
    "\"params\":[\"name|居民\",\"when=event.date\",\"job=求职意向\",\"n\"]},"
    "\"other\":{\"zh\":{\"code\":\"Z\",\"params\":[\"at=event.venue\"]},"
    "\"en\":{\"code\":\"E\",\"params\":[\"at=event.venue\",\"when=event.date\"]}}}";

/* Columns: sms, name, language, then what is used. */
static const struct {
    const char *reminder, *gateway, *language, *row, *text;
} facts[] = {
    {"first", "cloud", "zh", "+1|王秀英|zh|家政",
     "SMS_1 妇联 name=王秀英 when=3月6日（周六） job=家政 n=86"},
    {"first", "cloud", "zh", "+1||zh|家政",
     "SMS_1 妇联 name=居民 when=3月6日（周六） job=家政 n=86"},
    {"first", "cloud", "zh", "+1|王秀英|zh|", "(求职意向 is empty)"},
    {"first", "other", "zh", "+1", "Z at=大厅"},
    {"first", "other", "en", "+1", "E at=hall when=Sat 6 Mar"},
    {"first", "other", "fr", "+1", "Z at=大厅"},
    {"first", "none", "zh", "+1", "(none)"},
    {"eve", "cloud", "zh", "+1", "SMS_9"},
    {"eve", "other", "zh", "+1", "Z at=大厅"},
};

static void test_filled(void **state)
{
    struct error err = {""};
    struct campaign *c = from(members, &err);

    (void)state;
    if (c == NULL)
        fail_msg("%s", err.text);
    for (size_t f = 0; f < sizeof facts / sizeof *facts; f++) {
        const struct campaign_template *t =
            campaign_template(c, (size_t)campaign_find_reminder(c, facts[f].reminder),
                              facts[f].gateway, facts[f].language, strlen(facts[f].language));
        struct template_value values[CAMPAIGN_MAX_COLUMNS];
        char bytes[200], text[400] = "(none)", value[100];
        size_t i;

        for (i = 0; facts[f].row[i] != '\0'; i++)
            bytes[i] = facts[f].row[i] == '|' ? '\x1f' : facts[f].row[i];
        assert_int_equal(campaign_row_split(c, bytes, i, values), 0);
        if (t != NULL)
            snprintf(text, sizeof text, "%s%s%s", campaign_template_code(t),
                     campaign_template_signature(t) == NULL ? "" : " ",
                     campaign_template_signature(t) == NULL ? "" : campaign_template_signature(t));
        for (i = 0; t != NULL && i < campaign_template_params(t); i++) {
            const char *name, *empty;
            int n = campaign_template_param(c, t, i, values, value, sizeof value, &name, &empty);

            if (n < 0) {
                snprintf(text, sizeof text, "(%s is empty)", empty);
                break;
            }
            snprintf(text + strlen(text), sizeof text - strlen(text), " %s=%.*s", name, n, value);
        }
        assert_string_equal(text, facts[f].text);
    }
    campaign_free(c);
}

static const struct {
    const char *templates, *words;
} refused[] = {
    {"{\"cloud\":{\"code\":\"\"}}", "templates.cloud: needs a code of 1 to 128 characters"},
    {"{\"cloud\":{\"params\":[\"name\"]}}", "templates.cloud.params: expected code and params"},
    {"{\"cloud\":{\"code\":\"S\",\"params\":[\"event.dat\"]}}",
     "templates.cloud.params[0]: character 1: {{event.dat}}: of the event there are"},
    {"{\"cloud\":{\"code\":\"S\",\"params\":[\"=name\"]}}",
     "templates.cloud.params[0]: expected a name as in {{ }}, or THEIRS=NAME"},
    {"{\"cloud\":{\"code\":\"S\",\"params\":[\"was.date\"]}}", "only corrections"},
};

static void test_refused(void **state)
{
    char json[500];

    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct error err = {""};

        snprintf(json, sizeof json,
                 "\"reminders\":[{\"name\":\"a\",\"at\":\"now\"}],\"templates\":%s",
                 refused[i].templates);
        assert_null(from(json, &err));
        if (strstr(err.text, refused[i].words) == NULL)
            fail_msg("%s", err.text);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_filled),
        cmocka_unit_test(test_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
