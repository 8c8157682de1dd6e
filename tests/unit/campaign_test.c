/* Campaigns: what the samples say to residents, when, and what is refused with which words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "buf.h"
#include "campaign.h"
#include "error.h"
#include "mem.h"
#include "settings.h"
#include "template.h"
#include "tree.h"
#include "when.h"
#include "zone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const usual_limits[] = {"1/30s", "5/day", NULL};
static const struct campaign_defaults defaults = {
    .timezone = "Asia/Shanghai",
    .country = "CN",
    .language = "zh",
    .currency = "CNY",
    .hours = "08:00-12:00,14:00-20:30",
    .signature = "【鼓楼区妇联】",
    .optout_line = "拒收请回复R",
    .per_recipient = usual_limits,
    .max_segments = 8,
    .max_audience = 2000000,
};

static struct campaign *from_json(const char *json, struct error *err)
{
    struct tree *t = tree_parse_json(json, strlen(json), NULL, err);

    return t == NULL ? NULL : campaign_create(t, &defaults, NULL, 0, err);
}

static int64_t at(const char *zone, const char *text)
{
    int64_t wall_ms;

    assert_int_equal(zone_parse(zone_find(zone, NULL), text, strlen(text), &wall_ms), 0);
    return wall_ms;
}

/* The text of a reminder for a row whose values are separated by bars. */
static const char *composed(const struct campaign *c, const char *reminder, const char *language,
                            const char *row, enum signature_mode mode)
{
    static char out[4096];
    struct template_value values[CAMPAIGN_MAX_COLUMNS];
    char bytes[512];
    const char *empty;
    size_t i;
    int n;

    for (i = 0; row[i] != '\0'; i++)
        bytes[i] = row[i] == '|' ? '\x1f' : row[i];
    assert_int_equal(campaign_row_split(c, bytes, i, values), 0);
    n = campaign_compose(c,
                         campaign_text(c, (size_t)campaign_find_reminder(c, reminder), "sms",
                                       language, strlen(language)),
                         values, mode, out, sizeof out - 1, &empty);
    if (n < 0)
        return empty == NULL ? "(too long)" : empty;
    out[n] = '\0';
    return out;
}

/* ---------------------------------------------------------------- the job fair */
static const struct {
    const char *reminder, *language, *row;
    enum signature_mode mode;
    const char *text;
} fair_texts[] = {
    {"announce", "zh", "+8613851400001|王秀英|zh", SIGNATURE_PREFIX,
     "【鼓楼区妇联】王秀英您好，3月6日（周六）上午9:"
     "00，区人力资源市场一楼大厅办女性专场招聘会，86家"
     "企业进场，请带身份证。"},
    {"announce", "", "+8613851400007||", SIGNATURE_PREFIX,
     "【鼓楼区妇联】居民您好，3月6日（周六）上午9:"
     "00，区人力资源市场一楼大厅办女性专场招聘会，86家企业"
     "进场，请带身份证。"},
    {"eve", "en", "+8613851400004|Maria Lopez|en", SIGNATURE_NONE,
     "Maria Lopez: women's job fair Sat 6 Mar 9:00, District HR Market, ground floor. Bring ID."},
    {"today", "zh", "+8613851400001|王秀英|zh", SIGNATURE_SUFFIX,
     "王秀英您好，招聘会今天上午9:00开始，地点：区人力资源市场一楼大厅。【鼓楼区妇联】"},
    {"today", "en", "+8613851400004|Maria Lopez|en", SIGNATURE_GATEWAY,
     "Maria Lopez: women's job fair Sat 6 Mar 9:00, District HR Market, ground floor. Bring ID."},
    {"today", "ja", "+8613851400001|王秀英|ja", SIGNATURE_NONE,
     "王秀英您好，招聘会今天上午9:00开始，地点：区人力资源市场一楼大厅。"},
};

static const struct {
    const char *name, *due;
} fair_reminders[] = {
    {"announce", "2027-02-27T09:30"},
    {"eve", "2027-03-05T18:00"},
    {"today", "2027-03-06T08:00"},
};

static void test_job_fair(void **state)
{
    struct error err = {""};
    struct campaign *c = campaign_read(TEST_DIR "/data/job-fair.conf", &defaults, &err);
    size_t i;

    (void)state;
    if (c == NULL)
        fail_msg("%s", err.text);
    assert_string_equal(c->id, "job-fair-2027-spring");
    assert_string_equal(c->title, "春风送岗位女性专场招聘会");
    assert_int_equal(c->class, CLASS_NOTICE);
    assert_string_equal(c->class_name, "notice");
    assert_int_equal(c->starts_ms, at("Asia/Shanghai", "2027-03-06T09:00"));
    assert_int_equal(c->ends_ms, at("Asia/Shanghai", "2027-03-06T15:30"));
    assert_string_equal(c->language, "zh");
    assert_int_equal(c->same_phone, SAME_PHONE_MERGE);
    assert_int_equal(c->missed, MISSED_LATEST);
    assert_string_equal(c->audience_file, "jobseekers.csv");
    assert_string_equal(c->audience_path, TEST_DIR "/data/jobseekers.csv");
    assert_null(c->optout_line);
    assert_int_equal(c->column_count, 3);
    assert_string_equal(c->columns[0], "sms");
    assert_string_equal(c->columns[1], "name");
    assert_string_equal(c->columns[2], "language");
    assert_int_equal(c->column_language, 2);
    assert_int_equal(c->column_slot, -1);
    assert_int_equal(c->reminder_count, 3);
    for (i = 0; i < 3; i++) {
        assert_string_equal(c->reminders[i].name, fair_reminders[i].name);
        assert_int_equal(campaign_due(c, i, 0), at("Asia/Shanghai", fair_reminders[i].due));
        assert_int_equal(c->reminders[i].expires_ms, c->starts_ms);
        assert_int_equal(c->reminders[i].priority, 5);
        assert_int_equal(c->reminders[i].doubt, DOUBT_RESEND);
        assert_int_equal(c->reminders[i].channel_mask, 1);
    }
    for (i = 0; i < sizeof fair_texts / sizeof fair_texts[0]; i++)
        assert_string_equal(composed(c, fair_texts[i].reminder, fair_texts[i].language,
                                     fair_texts[i].row, fair_texts[i].mode),
                            fair_texts[i].text);
    assert_string_equal(campaign_text_language(campaign_text(c, 0, "sms", "en", 2)), "en");
    assert_string_equal(campaign_text_language(campaign_text(c, 0, "sms", "fr", 2)), "zh");
    campaign_free(c);
}

/* --------------------------------------------------- the health check, from a script */
static char *slurp(const char *path)
{
    FILE *f = fopen(path, "re");
    char *text = xcalloc(1, 65536);

    assert_non_null(f);
    assert_true(fread(text, 1, 65535, f) > 0);
    fclose(f);
    return text;
}

static struct campaign *health_check(void)
{
    struct error err = {""};
    char *script = slurp(TEST_DIR "/data/queue-from-any-client.sh");
    char *json = strchr(script, '{'), *end = strrchr(script, '\'');
    struct campaign *c;

    *end = '\0';
    c = from_json(json, &err);
    if (c == NULL)
        fail_msg("%s", err.text);
    free(script);
    return c;
}

static void test_health_check(void **state)
{
    struct campaign *c = health_check();
    int64_t due_ms, slot_ms, now_ms = at("UTC", "2027-03-01T00:00");

    (void)state;
    assert_int_equal(c->class, CLASS_PERSONAL);
    assert_int_equal(c->column_count, 3);
    assert_string_equal(c->columns[0], "sms");
    assert_string_equal(c->columns[1], "name");
    assert_string_equal(c->columns[2], "slot");
    assert_int_equal(c->column_slot, 2);
    assert_null(c->audience_file);
    assert_string_equal(
        composed(c, "now", "zh", "+8613851400011|周桂兰|2027-03-05T08:40", SIGNATURE_PREFIX),
        "【鼓楼区妇联】周桂兰您好，您的免费体检安排在3月5日（周五）上午8:"
        "40，区妇幼保健所，请空腹前来。");
    assert_string_equal(
        composed(c, "before", "zh", "+8613851400011||2027-03-05T08:40", SIGNATURE_PREFIX), "name");
    assert_string_equal(composed(c, "before", "zh", "+8613851400011|周桂兰|soon", SIGNATURE_PREFIX),
                        "slot");
    assert_int_equal(campaign_due(c, 0, now_ms), now_ms);
    assert_int_equal(campaign_due(c, 1, now_ms), now_ms);
    assert_int_equal(campaign_slot_due(c, 1, "2027-03-05T09:20", 16, &due_ms, &slot_ms), 0);
    assert_int_equal(due_ms, at("Asia/Shanghai", "2027-03-05T07:20"));
    assert_int_equal(slot_ms, at("Asia/Shanghai", "2027-03-05T09:20"));
    assert_int_equal(campaign_slot_due(c, 1, "soon", 4, &due_ms, &slot_ms), -1);
    /* A slot may be after the event's start: the day's end is the reminder's. */
    assert_int_equal(c->reminders[1].expires_ms, at("Asia/Shanghai", "2027-03-06T00:00"));
    campaign_free(c);
}

/* ------------------------------------------------------------ stored and read again */
static void test_stored_again(void **state)
{
    struct campaign *first[] = {
        campaign_read(TEST_DIR "/data/job-fair.conf", &defaults, NULL),
        health_check(),
    };
    size_t i, k;

    (void)state;
    for (i = 0; i < 2; i++) {
        struct buf one = BUF_INIT(1 << 20), two = BUF_INIT(1 << 20);
        struct error err = {""};
        struct campaign *again;

        assert_non_null(first[i]);
        campaign_write_json(first[i], &one);
        assert_null(strstr(buf_string(&one), "周桂兰"));
        again = from_json(buf_string(&one), &err);
        if (again == NULL)
            fail_msg("%s", err.text);
        campaign_write_json(again, &two);
        assert_string_equal(buf_string(&one), buf_string(&two));
        assert_int_equal(again->column_count, first[i]->column_count);
        for (k = 0; k < again->column_count; k++)
            assert_string_equal(again->columns[k], first[i]->columns[k]);
        assert_int_equal(again->starts_ms, first[i]->starts_ms);
        assert_string_equal(again->title, first[i]->title);
        campaign_free(again);
        campaign_free(first[i]);
        buf_free(&one);
        buf_free(&two);
    }
}

/* ----------------------------------------------------------------- small documents */
/* Whether members (of an object) has that one, not counting what is deeper. */
static bool has_member(const char *members, const char *name)
{
    int depth = 0;
    bool quoted = false;
    char key[32];
    const char *p;

    snprintf(key, sizeof key, "\"%s\":", name);
    for (p = members; *p != '\0'; p++) {
        if (!quoted && depth == 0 && strncmp(p, key, strlen(key)) == 0)
            return true;
        quoted ^= *p == '"';
        depth += quoted ? 0 : (*p == '{' || *p == '[') - (*p == '}' || *p == ']');
    }
    return false;
}

/* A campaign that is fine but for the members given, which take the place of its
 * own. */
static char *document(const char *members)
{
    static const struct {
        const char *name, *json;
    } base[] = {
        {"id", "\"id\":\"a\""},
        {"class", "\"class\":\"notice\""},
        {"title", "\"title\":\"T\""},
        {"event", "\"event\":{\"starts\":\"2027-03-06T09:00\"}"},
        {"texts", "\"texts\":\"t\""},
        {"reminders", "\"reminders\":[{\"name\":\"r\",\"at\":\"-1d 18:00\"}]"},
    };
    char *json = xasprintf("{%s", members), *more;
    size_t i;

    for (i = 0; i < sizeof base / sizeof base[0]; i++) {
        if (has_member(members, base[i].name))
            continue;
        more = xasprintf("%s%s%s", json, json[1] == '\0' ? "" : ",", base[i].json);
        free(json);
        json = more;
    }
    more = xasprintf("%s}", json);
    free(json);
    return more;
}

#define REPEAT(rule, more)                                                                         \
    "\"event\":{\"starts\":\"2027-03-06T09:00\",\"repeat\":\"" rule "\"" more "}"

static const struct {
    const char *what, *members, *words;
} refused[] = {
    {"a misspelt member", "\"chanels\":[\"sms\"]",
     "chanels: there is no such setting; did you mean \"channels\"?"},
    {"a misspelt member of a reminder",
     "\"reminders\":[{\"name\":\"r\",\"at\":\"now\",\"expire\":\"+1d\"}]",
     "reminders[0].expire: there is no such setting; did you mean \"expires\"?"},
    {"no class", "\"class\":\"news\"",
     "class: expected one of \"notice\", \"promotion\", \"personal\""},
    {"an id of capitals", "\"id\":\"Fair\"", "id: \"Fair\": expected 1 to 64 of a-z, 0-9 and -"},
    {"a moment nobody understands",
     "\"reminders\":[{\"name\":\"a\",\"at\":\"now\"},{\"name\":\"b\",\"at\":\"soon\"}]",
     "reminders[1].at: \"soon\" is no time for a reminder: write \"-7d 09:30\""},
    {"a reserved name", "\"reminders\":[{\"name\":\"retry\",\"at\":\"now\"}]",
     "reminders[0].name: \"retry\" is reserved"},
    {"a long name",
     "\"reminders\":[{\"name\":\"a23456789012345678901234567890123\",\"at\":\"now\"}]",
     "expected 1 to 32 of a-z"},
    {"a language that nobody has", "\"texts\":{\"zh\":\"x\",\"zhh\":\"y\"}",
     "texts.zhh: is no language, no channel and no special text; did you mean \"zh\"?"},
    {"one word for two things",
     "\"registration\":{\"word\":\"报名\"},\"answers\":{\"words\":[\"报名\"]}",
     "answers.words: \"报名\" cannot be told from \"报名\" of `registration`"},
    {"the end of a registration", "\"registration\":{\"word\":\"1\",\"until\":\"soon\"}",
     "registration.until: \"soon\" is no time: write \"-2d 18:00\""},
    {"a pace", "\"rate\":\"20\"",
     "rate: \"20\" is no limit: write so many in so long, as in \"20/s\""},
    {"a name twice",
     "\"reminders\":[{\"name\":\"a\",\"at\":\"now\"},{\"name\":\"a\",\"at\":\"-1d\"}]",
     "reminders[1].name: \"a\" stands there twice"},
    {"no reminders", "\"reminders\":[]", "reminders: expected 1..32 groups"},
    {"an unknown zone", "\"event\":{\"starts\":\"2027-03-06T09:00\",\"timezone\":\"Asia/Nowhere\"}",
     "event.timezone: \"Asia/Nowhere\" is not a time zone"},
    {"no such day", "\"event\":{\"starts\":\"2027-02-29T09:00\"}",
     "event.starts: \"2027-02-29T09:00\" is no date and time"},
    {"an end before the start",
     "\"event\":{\"starts\":\"2027-03-06T09:00\",\"ends\":\"2027-03-06T08:00\"}",
     "event.ends: the event ends (2027-03-06T08:00) before it starts (2027-03-06T09:00)"},
    {"an event without a start", "\"event\":{}", "event: starts is missing"},
    {"due when expired",
     "\"reminders\":[{\"name\":\"r\",\"at\":\"-1d 18:00\",\"expires\":\"-2d 09:00\"}]",
     "reminders[0].at: is due at 2027-03-05 18:00, when it has expired (2027-03-04 09:00)"},
    {"a date after the event", "\"reminders\":[{\"name\":\"r\",\"at\":\"2027-03-16T09:00\"}]",
     "reminders[0].at: is due at 2027-03-16 09:00, when it has expired (2027-03-06 09:00): nothing "
     "is sent once the event has begun"},
    {"a value of the event that there is not", "\"texts\":\"{{event.data}}\"",
     "texts: character 1: {{event.data}}: of the event there are date, time"},
    {"a venue that was not given", "\"texts\":{\"zh\":\"在{{event.venue}}\"}",
     "texts.zh: character 2: {{event.venue}} is empty and has no default"},
    {"was, where nothing was", "\"texts\":\"{{was.date}}\"", "only corrections"},
    {"a brace left open", "\"texts\":\"{{name\"", "texts: character 1: {{ without }} behind it"},
    {"a signature by hand", "\"texts\":{\"zh\":\"【鼓楼区妇联】您好\"}",
     "texts.zh: begins with 【: the signature is added once"},
    {"a mistake in a text for later",
     "\"texts\":{\"zh\":\"t\",\"moved\":{\"zh\":\"{{was.data}}\"}}",
     "texts.moved.zh: character 1: {{was.data}}"},
    {"no such special text", "\"texts\":{\"zh\":\"t\",\"canceled\":\"x\"}",
     "texts.canceled: is no language, no channel and no special text; did you mean \"cancelled\"?"},
    {"no text at all", "\"texts\":{}", "\"r\" has no text for sms in \"zh\""},
    {"no text in the campaign's language", "\"texts\":{\"en\":\"t\"},\"language\":\"zh\"",
     "\"r\" has no text for sms in \"zh\""},
    {"a text of another kind", "\"texts\":[\"t\"]",
     "texts: expected a string, or texts by language"},
    {"an empty text", "\"texts\":\"  \"", "texts: is empty"},
    {"a channel twice", "\"channels\":[\"sms\",\"sms\"]",
     "channels[1]: \"sms\" stands there twice"},
    {"a channel that is a column", "\"channels\":[\"name\"]",
     "channels[0]: \"name\" is no channel"},
    {"a channel by what people call it", "\"channels\":[\"微信\"]",
     "channels[0]: \"微信\" is no channel; did you mean \"wechat\"?"},
    {"a reminder by a channel that is not the campaign's",
     "\"reminders\":[{\"name\":\"r\",\"at\":\"now\",\"channels\":[\"wecom\"]}]",
     "reminders[0].channels: \"wecom\" is not among the campaign's channels"},
    {"hours of no clock", "\"hours\":\"8-12\"", "hours: \"8-12\" are not hours of the day"},
    {"hours of no clock in a reminder",
     "\"reminders\":[{\"name\":\"r\",\"at\":\"now\",\"hours\":\"25:00-26:00\"}]",
     "reminders[0].hours: \"25:00-26:00\" are not hours"},
    {"a limit of no kind", "\"per_recipient\":[\"5/day\",\"many\"]",
     "per_recipient[1]: \"many\" is no limit"},
    {"a limit too many",
     "\"per_recipient\":[\"1/s\",\"2/s\",\"3/s\",\"4/s\",\"5/s\",\"6/s\",\"7/s\",\"8/s\",\"1/"
     "day\"]",
     "per_recipient[8]: at most 8 limits"},
    {"a rate of no kind", "\"rate\":\"fast\"", "rate: \"fast\" is no limit"},
    {"a variable that is a person's", "\"vars\":{\"name\":\"x\"}",
     "vars.name: \"name\" is a recipient's own"},
    {"brackets in a variable", "\"vars\":{\"x\":\"【y】\"}", "may not hold 【 or 】"},
    {"a control character", "\"texts\":\"a\\u0007b\"", "texts: holds a control character (0x07)"},
    {"recipients and a file", "\"audience\":{\"file\":\"x.csv\",\"recipients\":[]}",
     "audience.recipients: expected either a file or recipients, not both"},
    {"recipients and tags", "\"audience\":{\"tags\":[\"a\"],\"recipients\":[]}",
     "audience.recipients: expected either a file or recipients, not both"},
    {"a group of everyone", "\"audience\":{\"everyone\":true,\"group\":true}",
     "audience.group: a group is its gateway's"},
    {"tags that are none", "\"audience\":{\"tags\":[]}", "audience.tags: expected 1..32 strings"},
    {"a tag that is a number", "\"audience\":{\"any\":[1]}", "audience.any[0]: expected a string"},
    {"a file that is none", "\"audience\":{\"file\":[\"a.csv\",7]}",
     "audience.file[1]: expected a string"},
    {"a column of no recipient", "\"columns\":[\"sms\"],\"texts\":\"{{name}}\"",
     "columns: the campaign uses \"name\""},
    {"columns without the channel", "\"columns\":[\"name\"]",
     "columns: expected the channel \"sms\" as column 1"},
    {"a template of no kind", "\"templates\":{\"cloud\":{\"code\":7}}",
     "templates.cloud.code: expected a string, found an integer"},
    {"a registration of no kind", "\"registration\":{\"capacity\":0}",
     "registration.capacity: expected an integer in 1.."},
    {"a program in a campaign", "\"alerts\":[{\"exec\":\"/bin/sh\"}]",
     "alerts[0].exec: there is no such setting"},
    {"a program under another name", "\"alerts\":[{\"to\":\"exec:/bin/sh\"}]",
     "alerts[0].to: a program is told by outreachd.conf alone"},
    {"an approval of no kind", "\"approval\":{\"recipient\":5}",
     "approval.recipient: there is no such setting; did you mean \"recipients\"?"},
    {"a priority beyond", "\"priority\":10", "priority: expected an integer in 1..9"},
    {"a rule that is none", REPEAT("every Saturday", ""),
     "event.repeat: \"every Saturday\" is no rule"},
    {"a rule without end", REPEAT("FREQ=WEEKLY", ""), "event.repeat: never ends: add COUNT=10"},
    {"more than anybody reads", REPEAT("FREQ=DAILY;COUNT=400", ""),
     "event.repeat: has more than 366 occurrences"},
    {"a start on another day", REPEAT("FREQ=WEEKLY;BYDAY=SU;COUNT=2", ""),
     "event.repeat: the event starts on 2027-03-06, and the first day of the rule is 2027-03-07"},
    {"an exception on no day", REPEAT("FREQ=WEEKLY;COUNT=2", ",\"except\":\"2027-03-14\""),
     "event.except: \"2027-03-14\" is no day of event.repeat, whose days are 2027-03-06, "
     "2027-03-13"},
    {"an exception among many", REPEAT("FREQ=WEEKLY;COUNT=10", ",\"except\":\"2027-04-05\""),
     "event.except: \"2027-04-05\" is no day of event.repeat, whose days are ..., 2027-03-20, "
     "2027-03-27, 2027-04-03, 2027-04-10, 2027-04-17, 2027-04-24, ..."},
    {"an exception behind them", REPEAT("FREQ=WEEKLY;COUNT=10", ",\"except\":\"2028-01-01\""),
     "whose days are ..., 2027-04-03, 2027-04-10, 2027-04-17, 2027-04-24, 2027-05-01, 2027-05-08"},
    {"an exception before them", REPEAT("FREQ=WEEKLY;COUNT=7", ",\"except\":\"2026-01-01\""),
     "whose days are 2027-03-06, 2027-03-13, 2027-03-20, 2027-03-27, 2027-04-03, 2027-04-10, ..."},
    {"an exception that is no day", REPEAT("FREQ=WEEKLY;COUNT=2", ",\"except\":\"May\""),
     "event.except: \"May\" is no day"},
    {"a move without a time", REPEAT("FREQ=WEEKLY;COUNT=2", ",\"moved\":\"2027-03-13\""),
     "event.moved: \"2027-03-13\": expected a day and when it starts instead"},
    {"a move of no day",
     REPEAT("FREQ=WEEKLY;COUNT=2", ",\"moved\":\"2027-03-14 2027-03-15T09:00\""),
     "event.moved: \"2027-03-14\" is no day of event.repeat, whose days are 2027-03-06, "
     "2027-03-13"},
    {"a move of nothing",
     "\"event\":{\"starts\":\"2027-03-06T09:00\",\"moved\":\"2027-03-06 2027-03-07T09:00\"}",
     "event.moved: goes with event.repeat"},
    {"nothing but exceptions", REPEAT("FREQ=WEEKLY;COUNT=1", ",\"except\":\"2027-03-06\""),
     "event.except: leaves no day"},
    {"an exception to nothing",
     "\"event\":{\"starts\":\"2027-03-06T09:00\",\"except\":\"2027-03-06\"}",
     "event.except: goes with event.repeat"},
    {"one time for all occurrences",
     REPEAT("FREQ=WEEKLY;COUNT=2", "") ",\"reminders\":[{\"name\":\"r\",\"at\":\"now\"}]",
     "reminders[0].at: is the same for every occurrence"},
    {"slots on every occurrence",
     REPEAT("FREQ=WEEKLY;COUNT=2", "") ",\"reminders\":[{\"name\":\"r\",\"at\":\"-2h of slot\"}]",
     "reminders[0].at: is the same for every occurrence"},
    {"a name without room for the day",
     REPEAT("FREQ=WEEKLY;COUNT=2",
            "") ",\"reminders\":[{\"name\":\"a23456789012345678901234\",\"at\":\"-1d\"}]",
     "reminders[0].name: has more than 23 characters"},
    {"too many reminders in all",
     REPEAT("FREQ=DAILY;COUNT=184", "") ",\"reminders\":[{\"name\":\"a\",\"at\":\"-1d\"},"
                                        "{\"name\":\"b\",\"at\":\"-2h\"}]",
     "event.repeat: has 184 occurrences with 2 reminders each, in all more than 366"},
    {"only for whom", "\"reminders\":[{\"name\":\"r\",\"at\":\"now\",\"only\":\"tolds\"}]",
     "reminders[0].only: expected \"told\""},
};

static void test_refused(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        struct error err = {""};
        char *json = document(refused[i].members);

        if (from_json(json, &err) != NULL)
            fail_msg("%s was taken: %s", refused[i].what, json);
        if (strstr(err.text, refused[i].words) == NULL)
            fail_msg("%s: %s", refused[i].what, err.text);
        free(json);
    }
}

static const struct {
    const char *what, *members, *row, *text;
} taken[] = {
    {"a bare text", "\"texts\":\"Hello\"", "+1", "Hello"},
    {"numbers among vars", "\"vars\":{\"n\":86,\"m\":1.5},\"texts\":\"{{n}}, {{m}}\"", "+1",
     "86, 1.5"},
    {"vars by language",
     "\"vars\":{\"v\":{\"zh\":\"甲\",\"en\":\"A\"}},\"texts\":{\"zh\":\"{{v}}\"}", "+1", "甲"},
    {"vars as pairs", "\"vars\":[[\"企业数\",\"86\"]],\"texts\":\"{{企业数}}家\"", "+1", "86家"},
    {"a heading of the list for its meaning", "\"texts\":\"{{姓名}}\"", "+1|王", "王"},
    {"a free column", "\"texts\":\"{{求职意向}}\"", "+1|家政", "家政"},
    {"noon", "\"event\":{\"starts\":\"2027-03-06T12:00\"},\"texts\":\"{{event.time}}\"", "+1",
     "中午12:00"},
    {"afternoon", "\"event\":{\"starts\":\"2027-03-06T14:00\"},\"texts\":\"{{event.time}}\"", "+1",
     "下午2:00"},
    {"evening and weekday",
     "\"event\":{\"starts\":\"2027-03-07T19:30\"},\"texts\":\"{{event.weekday}}{{event.time}}\"",
     "+1", "周日晚上7:30"},
    {"English",
     "\"event\":{\"starts\":\"2027-03-06T14:00\"},"
     "\"texts\":{\"en\":\"{{event.date}} {{event.time}}\"}",
     "+1", "Sat 6 Mar 14:00"},
    {"an end",
     "\"event\":{\"starts\":\"2027-03-06T09:00\",\"ends\":\"2027-03-07T16:00\"},"
     "\"texts\":\"至{{event.end_date}}{{event.end_time}}\"",
     "+1", "至3月7日（周日）下午4:00"},
    {"another zone",
     "\"event\":{\"starts\":\"2027-03-06T09:00\",\"timezone\":\"Asia/Urumqi\"},"
     "\"texts\":\"{{event.time}}\"",
     "+1", "上午9:00"},
    {"a text of the channel before the general one",
     "\"texts\":{\"zh\":\"general\",\"sms\":{\"zh\":\"of the channel\"}}", "+1", "of the channel"},
    {"the reminder's own before the campaign's",
     "\"texts\":{\"zh\":\"t\",\"sms\":\"s\"}, "
     "\"reminders\":[{\"name\":\"r\",\"at\":\"now\",\"texts\":\"own\"}]",
     "+1", "own"},
    {"a title", "\"title\":{\"zh\":\"题\",\"en\":\"T\"},\"texts\":\"{{event.title}}\"", "+1", "题"},
    {"a promotion ends with the line", "\"class\":\"promotion\",\"texts\":\"欢迎参加\"", "+1",
     "欢迎参加，拒收请回复R"},
    {"after a full stop without a comma", "\"class\":\"promotion\",\"texts\":\"欢迎参加。\"", "+1",
     "欢迎参加。拒收请回复R"},
    {"not twice", "\"class\":\"promotion\",\"texts\":\"欢迎参加。拒收请回复R\"", "+1",
     "欢迎参加。拒收请回复R"},
    {"a line of one's own by language",
     "\"class\":\"promotion\",\"texts\":{\"en\":\"Welcome.\"},\"optout_line\":{\"en\":\"STOP to "
     "end\"}",
     "+1", "Welcome. STOP to end"},
    {"a notice without it", "\"class\":\"notice\",\"texts\":\"欢迎参加。\"", "+1", "欢迎参加。"},
    {"a word of thanks after the event", "\"reminders\":[{\"name\":\"r\",\"at\":\"+1d 10:00\"}]",
     "+1", "t"},
    {"an expiry of its own after the event",
     "\"reminders\":[{\"name\":\"r\",\"at\":\"+1d 10:00\",\"expires\":\"+3d 12:00\"}]", "+1", "t"},
    {"all that is for later",
     "\"registration\":{\"word\":\"1\",\"capacity\":40,\"waiting\":10},"
     "\"templates\":{\"cloud\":{\"code\":\"SMS_1\",\"params\":[\"name\"]}},"
     "\"approval\":{\"recipients\":100,\"cost\":20.5},\"alerts\":[{\"to\":\"office\"}],"
     "\"expires\":\"-0d "
     "08:30\",\"fallback_after\":\"30min\",\"rate\":\"600/min\",\"hours\":\"always\","
     "\"per_recipient\":[\"1/h\"],\"priority\":1,\"max_segments\":2,\"country\":\"CN\","
     "\"texts\":{\"zh\":\"t\",\"moved\":{\"zh\":\"原定{{was.date}}{{was.time}}在{{was.venue}}\"},"
     "\"cancelled\":\"{{was.date}}\",\"confirmation\":{\"sms\":{\"zh\":\"好\"}}}",
     "+1", "t"},
};

static void test_taken(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < sizeof taken / sizeof taken[0]; i++) {
        struct error err = {""};
        char *json = document(taken[i].members);
        struct campaign *c = from_json(json, &err);
        const char *text;

        if (c == NULL)
            fail_msg("%s: %s", taken[i].what, err.text);
        text = composed(c, "r", "", taken[i].row, SIGNATURE_NONE);
        if (strcmp(text, taken[i].text) != 0)
            fail_msg("%s: %s", taken[i].what, text);
        campaign_free(c);
        free(json);
    }
}

/* ------------------------------------------------------------------ many channels */
static void test_layout(void **state)
{
    static const char *const known[] = {"name", "sms",      "wecom", "language",
                                        "slot", "timezone", "楼栋",  "备注"};
    static const char *const expected[] = {"wecom", "sms",      "name", "language",
                                           "slot",  "timezone", "楼栋"};
    static const char json[] =
        "{\"id\":\"a\",\"class\":\"notice\",\"title\":\"T\",\"channels\":[\"wecom\",\"sms\"],"
        "\"event\":{\"starts\":\"2027-03-06T09:00\"},"
        "\"texts\":{\"zh\":\"{{楼栋}}{{name}}{{slot.time}}\",\"en\":\"E\","
        "\"wecom\":{\"zh\":\"W\"}},"
        "\"reminders\":[{\"name\":\"r\",\"at\":\"now\"},{\"name\":\"s\",\"at\":\"-1d\","
        "\"channels\":[\"sms\"],\"priority\":1,\"doubt\":\"hold\",\"only\":\"told\"}]}";
    struct error err = {""};
    struct campaign *c = campaign_create(tree_parse_json(json, strlen(json), NULL, NULL), &defaults,
                                         known, sizeof known / sizeof known[0], &err);
    struct template_value values[CAMPAIGN_MAX_COLUMNS];
    size_t i;

    (void)state;
    if (c == NULL)
        fail_msg("%s", err.text);
    assert_int_equal(c->column_count, sizeof expected / sizeof expected[0]);
    for (i = 0; i < c->column_count; i++)
        assert_string_equal(c->columns[i], expected[i]);
    assert_int_equal(c->column_timezone, 5);
    assert_int_equal(c->reminders[0].channel_mask, 3);
    assert_int_equal(c->reminders[1].channel_mask, 2);
    assert_int_equal(c->reminders[1].priority, 1);
    assert_int_equal(c->reminders[1].doubt, DOUBT_HOLD);
    assert_string_equal(c->reminders[1].only, "told");
    assert_ptr_equal(campaign_text(c, 0, "wecom", "zh", 2), campaign_text(c, 1, "wecom", "zh", 2));
    assert_ptr_not_equal(campaign_text(c, 0, "wecom", "zh", 2),
                         campaign_text(c, 0, "sms", "zh", 2));
    assert_ptr_equal(campaign_text(c, 0, "wecom", "en", 2), campaign_text(c, 0, "sms", "en", 2));
    assert_int_equal(campaign_row_split(c, "w\x1fs", 3, values), 0);
    assert_int_equal(values[1].length, 1);
    assert_int_equal(values[6].length, 0);
    assert_int_equal(campaign_row_split(c,
                                        "1\x1f"
                                        "2\x1f"
                                        "3\x1f"
                                        "4\x1f"
                                        "5\x1f"
                                        "6\x1f"
                                        "7\x1f",
                                        14, values),
                     -1);
    campaign_free(c);
}

static void test_unknown_column(void **state)
{
    static const char *const known[] = {"name", "sms", "求职意向"};
    static const char json[] = "{\"id\":\"a\",\"class\":\"notice\",\"title\":\"T\","
                               "\"event\":{\"starts\":\"2027-03-06T09:00\"},"
                               "\"texts\":{\"zh\":\"{{求职意象|x}}\"},"
                               "\"reminders\":[{\"name\":\"r\",\"at\":\"now\"}]}";
    struct error err = {""};

    (void)state;
    assert_null(campaign_create(tree_parse_json(json, strlen(json), NULL, NULL), &defaults, known,
                                3, &err));
    assert_non_null(strstr(err.text, "texts.zh: character 1: {{求职意象}}"));
    assert_non_null(strstr(err.text, "did you mean \"求职意向\"?"));
    assert_non_null(strstr(err.text, "name, sms, 求职意向"));
}

/* Errors of a file name it and the line. */
static void test_file_errors(void **state)
{
    static const struct {
        const char *from, *to, *words;
    } edits[] = {
        {"\"-1d 18:00\"", "\"-1d 25:00\"",
         ":24: campaign.reminders[1].at: \"-1d 25:00\" is no time"},
        {"jobseekers.csv", "nobody.csv", ":12: campaign.audience.file: "},
        {"{{企业数}}", "{{企业}}", ":15: campaign.texts.zh: "},
        {"missed = \"latest\"", "mised = \"latest\"",
         ":27: campaign.mised: there is no such setting; did you mean \"missed\"?"},
    };
    char *text = slurp(TEST_DIR "/data/job-fair.conf"), dir[] = "/tmp/campaign-test-XXXXXX";
    char *path, *list;
    size_t i;

    (void)state;
    assert_non_null(mkdtemp(dir));
    path = xasprintf("%s/edited.conf", dir);
    list = xasprintf("%s/jobseekers.csv", dir);
    assert_int_equal(symlink(TEST_DIR "/data/jobseekers.csv", list), 0);
    for (i = 0; i < sizeof edits / sizeof edits[0]; i++) {
        char *at_edit = strstr(text, edits[i].from);
        FILE *f = fopen(path, "we");
        struct error err = {""};

        assert_non_null(at_edit);
        fprintf(f, "%.*s%s%s", (int)(at_edit - text), text, edits[i].to,
                at_edit + strlen(edits[i].from));
        fclose(f);
        assert_null(campaign_read(path, &defaults, &err));
        remove(path);
        if (strstr(err.text, "edited.conf") == NULL || strstr(err.text, edits[i].words) == NULL)
            fail_msg("%s", err.text);
    }
    remove(list);
    rmdir(dir);
    free(list);
    free(path);
    free(text);
    assert_null(campaign_read("/nowhere/at-all.conf", &defaults, &(struct error){""}));
}

/* A list without numbers is told when the campaign is read, not when it is queued. */
static void test_list_without_numbers(void **state)
{
    char dir[] = "/tmp/campaign-test-XXXXXX", *path, *list;
    char *text = slurp(TEST_DIR "/data/job-fair.conf");
    struct error err = {""};
    FILE *f;

    (void)state;
    assert_non_null(mkdtemp(dir));
    path = xasprintf("%s/fair.conf", dir);
    list = xasprintf("%s/jobseekers.csv", dir);
    f = fopen(path, "we");
    fputs(text, f);
    fclose(f);
    f = fopen(list, "we");
    fputs("姓名,号\n王,13851400001\n", f);
    fclose(f);
    assert_null(campaign_read(path, &defaults, &err));
    assert_non_null(strstr(err.text, "fair.conf:12: campaign.audience.file: "));
    assert_non_null(strstr(err.text, "no column with phone numbers"));
    assert_non_null(strstr(err.text, "its columns are 姓名, 号"));
    f = fopen(list, "we");
    fputs("PK\x03\x04", f);
    fclose(f);
    assert_null(campaign_read(path, &defaults, &err));
    assert_non_null(strstr(err.text, "is no Excel workbook, or a damaged one: save the list anew"));
    remove(path);
    remove(list);
    rmdir(dir);
    free(path);
    free(list);
    free(text);
}

/* ------------------------------------------------------------------- occurrences */
/* Lectures on Sundays in Berlin, over the day in which summer time begins (2027-03-28), but for
 * Easter Sunday; what the phone shows, and by the clock of the wall. */
static const char lectures[] =
    "{\"id\":\"lectures\",\"class\":\"notice\",\"title\":\"T\",\"event\":{\"starts\":"
    "\"2027-03-14T19:00\",\"ends\":\"2027-03-15T00:30\",\"timezone\":\"Europe/Berlin\","
    "\"repeat\":\"FREQ=WEEKLY;UNTIL=20270411T170000Z\",\"except\":[\"2027-03-28\"]},"
    "\"texts\":\"to {{event.end_date}} "
    "{{event.end_time}}\",\"language\":\"en\",\"hours\":\"always\","
    "\"templates\":{\"cloud\":{\"code\":\"7\",\"params\":[\"event.date\"]}},\"reminders\":["
    "{\"name\":\"eve\",\"at\":\"-1d 18:00\",\"texts\":\"from {{event.date}} {{event.time}}\"},"
    "{\"name\":\"soon\",\"at\":\"-90m\"}]}";

static const struct {
    const char *name, *due, *expires, *text, *date;
} occurrences[] = {
    {"eve-20270314", "2027-03-13T18:00", "2027-03-15T00:30", "from Sun 14 Mar 19:00", "Sun 14 Mar"},
    {"soon-20270314", "2027-03-14T17:30", "2027-03-15T00:30", "to Mon 15 Mar 0:30", "Sun 14 Mar"},
    {"eve-20270321", "2027-03-20T18:00", "2027-03-22T00:30", "from Sun 21 Mar 19:00", "Sun 21 Mar"},
    {"soon-20270321", "2027-03-21T17:30", "2027-03-22T00:30", "to Mon 22 Mar 0:30", "Sun 21 Mar"},
    {"eve-20270404", "2027-04-03T18:00", "2027-04-05T00:30", "from Sun 4 Apr 19:00", "Sun 4 Apr"},
    {"soon-20270404", "2027-04-04T17:30", "2027-04-05T00:30", "to Mon 5 Apr 0:30", "Sun 4 Apr"},
    {"eve-20270411", "2027-04-10T18:00", "2027-04-12T00:30", "from Sun 11 Apr 19:00", "Sun 11 Apr"},
    {"soon-20270411", "2027-04-11T17:30", "2027-04-12T00:30", "to Mon 12 Apr 0:30", "Sun 11 Apr"},
};

static void check_occurrences(const struct campaign *c)
{
    const struct template_value row[] = {{"1", 1}};

    assert_int_equal(c->reminder_count, sizeof occurrences / sizeof *occurrences);
    assert_int_equal(c->occurrence_count, 4);
    for (size_t r = 0; r < c->reminder_count; r++) {
        const struct campaign_template *t = campaign_template(c, r, "cloud", "en", 2);
        const char *name, *empty;
        char value[64];
        int n;

        assert_string_equal(c->reminders[r].name, occurrences[r].name);
        assert_int_equal(campaign_due(c, r, 0), at("Europe/Berlin", occurrences[r].due));
        assert_int_equal(c->reminders[r].expires_ms, at("Europe/Berlin", occurrences[r].expires));
        assert_string_equal(composed(c, occurrences[r].name, "en", "1", SIGNATURE_NONE),
                            occurrences[r].text);
        n = campaign_template_param(c, t, 0, row, value, sizeof value - 1, &name, &empty);
        assert_int_equal(n, strlen(occurrences[r].date));
        assert_memory_equal(value, occurrences[r].date, (size_t)n);
    }
}

static void test_occurrences(void **state)
{
    struct buf json = BUF_INIT(65536);
    struct error err = {""};
    struct campaign *c = from_json(lectures, &err), *again;

    (void)state;
    if (c == NULL)
        fail_msg("%s", err.text);
    check_occurrences(c);
    campaign_write_json(c, &json); /* as it is stored, and read again by every daemon */
    again = from_json(buf_string(&json), &err);
    assert_non_null(again);
    check_occurrences(again);
    /* What one occurrence missed no other makes up for. */
    assert_true(campaign_missed(c, 0, at("Europe/Berlin", "2027-03-14T18:00")));
    assert_false(campaign_missed(c, 1, at("Europe/Berlin", "2027-03-20T19:00")));
    campaign_free(again);
    campaign_free(c);
    buf_free(&json);
}

/* Documents that a stranger broke: refused or taken, and nothing else. */
static void test_broken_documents(void **state)
{
    char *script = slurp(TEST_DIR "/data/queue-from-any-client.sh");
    char *json = strchr(script, '{'), *end = strrchr(script, '\''), *copy;
    size_t n = (size_t)(end - json), i, k;

    (void)state;
    srandom(20270308);
    for (i = 0; i < 3000; i++) {
        copy = xstrndup(json, n);
        for (k = (size_t)random() % 3; k < 3; k++)
            copy[(size_t)random() % n] = "{}[]\",:|.a0-"[random() % 13];
        campaign_free(from_json(copy, &(struct error){""}));
        free(copy);
    }
    free(script);
}

static void test_too_long_for_sms(void **state)
{
    char *word = xcalloc(1, 70 * 3 * 9 + 1), *members;
    struct error err = {""};
    char *json;
    size_t i;

    (void)state;
    for (i = 0; i < 70 * 9; i++)
        strcat(word + 3 * i, "妇");
    members = xasprintf("\"texts\":\"%s\"", word);
    json = document(members);
    assert_null(from_json(json, &err));
    assert_non_null(strstr(err.text, "texts: needs 10 SMS parts, more than 8"));
    free(json);
    free(members);
    free(word);
}

/* ------------------------------------------------------------------ dates in words */
/* From when to when, for people. */
static void test_span(void **state)
{
    static const struct {
        enum when_span span;
        const char *language, *from, *to, *words;
    } facts[] = {
        {WHEN_SPAN, "zh", "2027-03-06T09:00", "2027-03-06T15:30",
         "3月6日（周六）上午9:00至下午3:30"},
        {WHEN_SPAN, "zh", "2027-03-06T09:00", "2027-03-06T11:00", "3月6日（周六）上午9:00至11:00"},
        {WHEN_SPAN, "zh", "2027-03-06T11:00", "2027-03-06T12:30",
         "3月6日（周六）上午11:00至中午12:30"},
        {WHEN_SPAN, "zh", "2027-03-06T00:30", "2027-03-06T04:00", "3月6日（周六）凌晨0:30至4:00"},
        {WHEN_SPAN, "zh", "2027-03-06T09:00", NULL, "3月6日（周六）上午9:00"},
        {WHEN_SPAN, "zh", "2027-12-31T23:59", "2027-12-31T23:59",
         "12月31日（周五）晚上11:59至11:59"},
        {WHEN_SPAN, "zh-TW", "2027-03-08T19:00", "2027-03-09T01:00",
         "3月8日（周一）晚上7:00至3月9日（周二）凌晨1:00"},
        {WHEN_SPAN, "zh", "2027-03-08T00:00", "2027-03-10T23:59",
         "3月8日（周一）至3月10日（周三）"},
        {WHEN_SPAN, "zh", "2027-03-08T00:00", "2027-03-08T23:59", "3月8日（周一）"},
        {WHEN_DATES, "zh", "2027-03-08T09:00", "2027-03-10T17:00",
         "3月8日（周一）至3月10日（周三）"},
        {WHEN_DATES, "en", "2027-03-08T09:00", "2027-03-08T17:00", "Mon 8 Mar"},
        {WHEN_TIMES, "zh", "2027-03-08T09:00", "2027-03-10T17:00", "上午9:00至下午5:00"},
        {WHEN_TIMES, "zh", "2027-03-08T00:00", "2027-03-08T23:59", ""},
        {WHEN_TIMES, "en", "2027-03-06T09:00", NULL, "9:00"},
        {WHEN_SPAN, "en", "2027-03-06T09:00", "2027-03-06T15:30", "Sat 6 Mar 9:00-15:30"},
        {WHEN_SPAN, "en", "2027-03-08T19:00", "2027-03-09T01:00",
         "Mon 8 Mar 19:00 - Tue 9 Mar 1:00"},
        {WHEN_SPAN, "ug", "2027-03-06T09:00", "2027-03-06T15:30", "2027-03-06 09:00-15:30"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof facts / sizeof facts[0]; i++) {
        const struct zone *zone = zone_find("Asia/Shanghai", NULL);
        struct local_time from, to;
        char out[WHEN_SPAN_BYTES];

        zone_local(zone, at("Asia/Shanghai", facts[i].from), &from);
        if (facts[i].to != NULL)
            zone_local(zone, at("Asia/Shanghai", facts[i].to), &to);
        assert_int_equal(when_write_span(facts[i].span, facts[i].language, &from,
                                         facts[i].to != NULL ? &to : NULL, out),
                         strlen(facts[i].words));
        assert_string_equal(out, facts[i].words);
    }
}

static void test_when(void **state)
{
    static const struct {
        enum when_part part;
        const char *language;
        struct local_time t;
        const char *words;
    } facts[] = {
        {WHEN_TIME, "zh", {2027, 3, 6, 0, 30, 0, 6}, "凌晨0:30"},
        {WHEN_TIME, "zh", {2027, 3, 6, 4, 59, 0, 6}, "凌晨4:59"},
        {WHEN_TIME, "zh", {2027, 3, 6, 7, 5, 0, 6}, "早上7:05"},
        {WHEN_TIME, "zh", {2027, 3, 6, 9, 30, 0, 6}, "上午9:30"},
        {WHEN_TIME, "zh", {2027, 3, 6, 12, 0, 0, 6}, "中午12:00"},
        {WHEN_TIME, "zh", {2027, 3, 6, 13, 0, 0, 6}, "下午1:00"},
        {WHEN_TIME, "zh", {2027, 3, 6, 17, 59, 0, 6}, "下午5:59"},
        {WHEN_TIME, "zh-TW", {2027, 3, 6, 23, 0, 0, 6}, "晚上11:00"},
        {WHEN_DATE, "zh", {2027, 12, 31, 0, 0, 0, 5}, "12月31日（周五）"},
        {WHEN_DATE, "en", {2028, 2, 29, 0, 0, 0, 2}, "Tue 29 Feb"},
        {WHEN_TIME, "en", {2028, 2, 29, 9, 5, 0, 2}, "9:05"},
        {WHEN_DATE, "ug", {2028, 2, 9, 9, 5, 0, 3}, "2028-02-09"},
        {WHEN_TIME, "ug", {2028, 2, 9, 9, 5, 0, 3}, "09:05"},
        {WHEN_WEEKDAY, "zh", {2028, 2, 9, 9, 5, 0, 3}, "周三"},
        {WHEN_WEEKDAY, "en", {2028, 2, 9, 9, 5, 0, 0}, "Sun"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof facts / sizeof facts[0]; i++) {
        char out[WHEN_BYTES];

        assert_int_equal(when_write(facts[i].part, facts[i].language, &facts[i].t, out),
                         strlen(facts[i].words));
        assert_string_equal(out, facts[i].words);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_job_fair),
        cmocka_unit_test(test_health_check),
        cmocka_unit_test(test_stored_again),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_occurrences),
        cmocka_unit_test(test_taken),
        cmocka_unit_test(test_layout),
        cmocka_unit_test(test_unknown_column),
        cmocka_unit_test(test_file_errors),
        cmocka_unit_test(test_too_long_for_sms),
        cmocka_unit_test(test_list_without_numbers),
        cmocka_unit_test(test_broken_documents),
        cmocka_unit_test(test_when),
        cmocka_unit_test(test_span),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
