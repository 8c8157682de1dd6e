/* language_test.c - what organizers read of their mistakes, in Chinese and English */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "campaign.h"
#include "error.h"
#include "field.h"
#include "form.h"
#include "health.h"
#include "language.h"
#include "ops.h"
#include "retell.h"
#include "tree.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct campaign_defaults defaults = {
    .timezone = "Asia/Shanghai",
    .country = "CN",
    .language = "zh",
    .currency = "CNY",
    .hours = "08:00-12:00,14:00-20:30",
    .signature = "【鼓楼区妇联】",
    .optout_line = "拒收请回复R",
    .max_segments = 8,
    .max_audience = 2000000,
};

/* Line 4 is what a fact puts there. */
static const char head[] = "id = \"m8\"; class = \"notice\"; title = \"三八\";\n"
                           "channels = ( \"sms\" );\naudience = { recipients = ( { name = \"王"
                           "芳\"; sms = \"1\"; } ); };\n";
static const char event[] = "event = { starts = \"2027-03-06T09:00\"; };";
static const char rest[] = "texts = { zh = \"您好\"; };\n"
                           "reminders = ( { name = \"eve\"; at = \"-1d 18:00\"; } );\n";

/* ------------------------------------------------------------ a dozen mistakes */
static const struct {
    const char *name;
    const char *replaced; /* of the text above, by mistake */
    const char *mistake;
    const char *zh, *en;
} mistakes[] = {
    {"a setting that there is not",
     "channels =", "chanels =", "m8.conf 第 2 行 `chanels`：没有这个设置项：是否想写“channels”？",
     "m8.conf:2: chanels: there is no such setting; did you mean \"channels\"?"},
    {"a date as people write it", "\"2027-03-06T09:00\"", "\"2027年3月6日\"",
     "m8.conf 第 4 行 `event.starts`：“2027年3月6日”不是日期和时间：请写成 \"2027-03-06T09:00\"",
     "m8.conf:4: event.starts: \"2027年3月6日\" is no date and time: write \"2027-03-06T09:00\""},
    {"a time that is none", "\"-1d 18:00\"", "\"前一天18点\"",
     "m8.conf 第 6 行 `reminders[0].at`：“前一天18点”不是提醒时间：请写 \"-7d 09:30\"（活动前几"
     "天、几点）、\"-90m\"、\"-2h\"、\"+1d 10:00\"，按每人时段则在后面加 \" of slot\"；或写 "
     "\"2027-03-01T09:00\"、\"now\"",
     "m8.conf:6: reminders[0].at: \"前一天18点\" is no time for a reminder: write \"-7d "
     "09:30\" (days before the event, time), \"-90m\", \"-2h\", \"+1d 10:00\", with \" of "
     "slot\" after it for each recipient's own time; or \"2027-03-01T09:00\", or \"now\""},
    {"no text", "zh = \"您好\"; ", "",
     "m8.conf 第 6 行 `reminders`：“eve”没有 sms 渠道、活动语言“zh”的文本：请写 texts = { zh = "
     "\"...\"; }",
     "m8.conf:6: reminders: \"eve\" has no text for sms in \"zh\", the campaign's language: "
     "write texts = { zh = \"...\"; }"},
    {"a column that there is not", "您好", "{{姓名}}您好，{{地址}}",
     "m8.conf 第 5 行 `texts.zh`：第 10 个字：{{地址}}：名单中没有这一列，vars 中也没有；现有的"
     "列是 sms, name",
     "m8.conf:5: texts.zh: character 10: {{地址}}: the audience has no such column, nor is it "
     "in vars; the columns are sms, name"},
    {"a class that there is not", "\"notice\"", "\"通知\"",
     "m8.conf 第 1 行 `class`：应为以下之一：\"notice\"、\"promotion\"、\"personal\"，现为 \"通"
     "知\"",
     "m8.conf:1: class: expected one of \"notice\", \"promotion\", \"personal\", found \"通知\""},
    {"a number for a text", "\"三八\"", "38",
     "m8.conf 第 1 行 `title`：应为文字（加引号），或每种语言一条 { zh = \"...\"; en = "
     "\"...\"; }，现为整数",
     "m8.conf:1: title: expected a string, or one per language { zh = \"...\"; en = \"...\"; "
     "}, found an integer"},
    {"what must be there", "name = \"eve\"; ", "",
     "m8.conf 第 6 行 `reminders[0]`：缺少 name：应为一个值（a-z、0-9 和 -）",
     "m8.conf:6: reminders[0]: name is missing: expected a value (a-z, 0-9 and -)"},
    {"full-width quotes", "\"三八\"", "“三八”",
     "m8.conf 第 1 行有语法错误：id = ...（“ 是全角符号：请切换到英文输入法，改为 \"）",
     "m8.conf:1: syntax error: id = ... (“ is a full-width sign: switch the keyboard to "
     "English and write \")"},
    {"a mistake behind a byte order mark", "id = \"m8\"; class",
     "\xef\xbb\xbf"
     "id = “m8”; class",
     "m8.conf 第 1 行有语法错误：id = “m8”; class = ...（“ 是全角符号：请切换到英文输入法，改为 "
     "\"）",
     "m8.conf:1: syntax error: id = “m8”; class = ... (“ is a full-width sign: switch the keyboard "
     "to "
     "English and write \")"},
    {"a full-width equals sign", "channels =", "channels＝",
     "m8.conf 第 2 行有语法错误：channels＝ ( ...（＝ 是全角符号：请切换到英文输入法，改为 =）",
     "m8.conf:2: syntax error: channels＝ ( ... (＝ is a full-width sign: switch the keyboard "
     "to English and write =)"},
    {"a brace that is not closed", "09:00\"; };", "09:00\";",
     "m8.conf 第 7 行有语法错误：第 4 行的 { 没有成对：缺少 }",
     "m8.conf:7: syntax error: the { of line 4 is not closed: a } is missing"},
    {"a brace too many", "您好\"; };", "您好\"; }; };",
     "m8.conf 第 5 行有语法错误：texts = { zh = ...（这个 } 没有对应的开头：是否多写了？）",
     "m8.conf:5: syntax error: texts = { zh = ... (this } closes nothing: is it one too many?)"},
    {"a list closed by the wrong bracket", "( \"sms\" );", "( \"sms\" };",
     "m8.conf 第 2 行有语法错误：channels = ( ...（第 2 行的 ( 遇到了 }：前面缺少 )）",
     "m8.conf:2: syntax error: channels = ( ... (the ( of line 2 is closed by }: a ) is "
     "missing before it)"},
    {"a quote that is missing", "( \"sms\" );\n", "( \"sms );\n",
     "m8.conf 第 2 行：少了一个引号（\"），可能就在这一行：这里开始的文字一直延续到下一行",
     "m8.conf:2: a quote (\") is missing, perhaps in this line: the text that begins here goes "
     "on in the next"},
    {"two quotes that are missing", "\"sms\"", "sms",
     "m8.conf 第 2 行有语法错误：channels = ( sms );（文字和时间要加引号：\"sms\"）",
     "m8.conf:2: syntax error: channels = ( sms ); (a text or a time stands in quotes: \"sms\")"},
    {"a word without quotes", "\"notice\"", "notice",
     "m8.conf 第 1 行有语法错误：id = ...（文字和时间要加引号：\"notice\"）",
     "m8.conf:1: syntax error: id = ... (a text or a time stands in quotes: \"notice\")"},
    {"a date without quotes", "\"2027-03-06T09:00\"", "2027-03-06T09:00",
     "m8.conf 第 4 行：数字不能以 0 开头：编号、电话和时间要加引号",
     "m8.conf:4: an integer does not begin with 0 here: what is meant, octal or decimal? A "
     "text of digits goes in quotes"},
    {"a comma that is missing", "18:00\"; } );",
     "18:00\"; }\n { name = \"now\"; at = \"now\"; } );",
     "m8.conf 第 7 行有语法错误：{ name = ...（前面缺少逗号，或第 6 行开始的列表缺少 )）",
     "m8.conf:7: syntax error: { name = ... (a comma is missing in front of this, or the ) of "
     "the list of line 6)"},
    {"the same twice", "class = \"notice\";", "class = \"notice\"; class = \"notice\";",
     "m8.conf 第 1 行：这个设置项写了两次：请删去一个：id = ...",
     "m8.conf:1: duplicate setting name: id = ..."},
};

static const char *said(size_t i, bool chinese)
{
    static const char *const columns[] = {"sms", "name"};
    static struct error err;
    char text[2048];
    struct campaign *c = NULL;
    struct tree *t;
    const char *at;
    int n = snprintf(text, sizeof text, "%s%s\n%s", head, event, rest);
    char made[4096];

    assert_true(n > 0 && n < (int)sizeof text);
    at = strstr(text, mistakes[i].replaced);
    assert_non_null(at);
    snprintf(made, sizeof made, "%.*s%s%s", (int)(at - text), text, mistakes[i].mistake,
             at + strlen(mistakes[i].replaced));
    err.text[0] = '\0';
    language_set_chinese(chinese);
    t = tree_parse_config(made, strlen(made), "m8.conf", &err);
    if (t != NULL)
        c = campaign_create(t, &defaults, columns, 2, &err);
    language_set_chinese(false);
    assert_null(c);
    return err.text;
}

static void test_mistake(void **state)
{
    size_t i = (size_t)(uintptr_t)*state;

    assert_string_equal(said(i, true), mistakes[i].zh);
    assert_string_equal(said(i, false), mistakes[i].en);
}

/* ---------------------------------------------------------------- the catalogue */
/* The code and po/zh_CN.po have the same sentences, none of them open. */
static void test_complete(void **state)
{
    (void)state;
    assert_int_equal(system(TEST_DIR "/../scripts/catalogue check"), 0);
}

/* "s d ld": what a format takes, in the order of its arguments. */
static const char *taken(const char *format, char *out, size_t size)
{
    char each[16][8] = {{0}};
    size_t count = 0, n = 0;

    for (const char *p = format; (p = strchr(p, '%')) != NULL;) {
        size_t at = count, length;
        char *end;
        long position = strtol(p + 1, &end, 10);

        if (p[1] == '%') {
            p += 2;
            continue;
        }
        p = end > p + 1 && *end == '$' ? (at = (size_t)position - 1, end + 1) : p + 1;
        p += strspn(p, "-+#0123456789.");
        if (*p == '*') {
            strcpy(each[at++], "*");
            p++;
            count++;
        }
        length = strspn(p, "hlzjt") + 1;
        if (p[length - 1] == '\0' || strchr("diouxXeEfgGcs", p[length - 1]) == NULL)
            continue; /* "80 %" in a sentence that is no format */
        assert_true(at < 16 && length < 8);
        memcpy(each[at], p, length);
        count++;
        p += length;
    }
    *out = '\0';
    for (size_t i = 0; i < count && n < size; i++)
        n += (size_t)snprintf(out + n, size - n, "%s ", each[i]);
    return out;
}

static void test_placeholders(void **state)
{
    const char *english, *chinese;
    size_t i;

    (void)state;
    for (i = 0; language_message(i, &english, &chinese); i++) {
        char a[160], b[160];

        if (strcmp(taken(english, a, sizeof a), taken(chinese, b, sizeof b)) != 0)
            fail_msg("%s | %s", english, chinese);
    }
    assert_true(i > 250);
}

/* The help of a field that must be there is told where it is not. */
static void look_at_help(const struct field *table)
{
    for (const struct field *f = table; f->name != NULL; f++) {
        if (f->required && f->help != NULL && strcmp(language_text(f->help), f->help) == 0)
            fail_msg("%s: .help = N_(\"%s\") is not in po/zh_CN.po", f->name, f->help);
        if (f->fields != NULL)
            look_at_help(f->fields);
    }
}

static void test_required_help(void **state)
{
    (void)state;
    language_set_chinese(true);
    look_at_help(form_table());
    language_set_chinese(false);
}

/* ----------------------------------------------------------------- which language */
static const struct {
    const char *name, *all, *messages, *lang, *language;
} environments[] = {
    {"none is English", NULL, NULL, NULL, "en"},
    {"LANG", NULL, NULL, "zh_CN.UTF-8", "zh"},
    {"LC_MESSAGES goes before LANG", NULL, "en_US.UTF-8", "zh_CN.UTF-8", "en"},
    {"LC_ALL goes before all", "zh_CN.UTF-8", "en_US.UTF-8", "C", "zh"},
    {"an empty one is none", "", "", "zh_TW.UTF-8", "zh"},
    {"C is English", "C.UTF-8", NULL, "zh_CN.UTF-8", "en"},
};

static void put(const char *name, const char *value)
{
    if (value == NULL)
        unsetenv(name);
    else
        setenv(name, value, 1);
}

static void test_environment(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof environments / sizeof *environments; i++) {
        put("LC_ALL", environments[i].all);
        put("LC_MESSAGES", environments[i].messages);
        put("LANG", environments[i].lang);
        language_init();
        assert_string_equal(language_name(), environments[i].language);
    }
    put("LC_ALL", NULL);
    put("LC_MESSAGES", NULL);
    put("LANG", NULL);
    language_init();
}

static void test_lookup(void **state)
{
    (void)state;
    assert_string_equal(language_text("is empty"), "is empty");
    language_set_chinese(true);
    assert_string_equal(language_text("is empty"), "为空：请填写");
    assert_string_equal(language_text("nobody says this"), "nobody says this");
    assert_string_equal(language_text(""), ""); /* not the catalogue's header */
    assert_string_equal(language_errno(ENOENT), "没有这个文件或目录");
    language_set_chinese(false);
    assert_string_equal(language_errno(ENOENT), "No such file or directory");
}

/* ---------------------------------------------------------------------- retold */
static const struct {
    const char *english, *chinese;
} told[] = {
    {"there is no such campaign", "没有这个活动"},
    {"body: class: expected one of \"notice\", \"promotion\", \"personal\", found \"通知\"",
     "body：class：应为以下之一：\"notice\"、\"promotion\"、\"personal\"，现为 \"通知\""},
    {"event.ends: the event ends (2027-03-06T08:00) before it starts (2027-03-06T09:00)",
     "event.ends：活动的结束（2027-03-06T08:00）早于开始（2027-03-06T09:00）"},
    {"texts.zh: character 10: {{地址}}: the audience has no such column, nor is it in vars; the "
     "columns are name, 电话",
     "texts.zh：第 10 个字：{{地址}}：名单中没有这一列，vars 中也没有；现有的列是 name, 电话"},
    {"m8.conf:12: vars: a: \"x: y\" is given twice", "m8.conf 第 12 行 `vars`：a：“x: y”写了两次"},
    {"Redis' memory is at 80 % of maxmemory", "Redis' memory is at 80 % of maxmemory"},
    {"what an older daemon said", "what an older daemon said"},
    {"", ""},
};

static void test_retold(void **state)
{
    char out[RETELL_BYTES];

    (void)state;
    for (size_t i = 0; i < sizeof told / sizeof *told; i++) {
        assert_string_equal(retell(told[i].english, out), told[i].english);
        language_set_chinese(true);
        retell(told[i].english, out);
        language_set_chinese(false);
        assert_string_equal(out, told[i].chinese);
    }
}

/* What was said in English is retold as it would have been said. */
static void test_mistakes_retold(void **state)
{
    char english[RETELL_BYTES], out[RETELL_BYTES];

    (void)state;
    for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
        if (strstr(mistakes[i].en, "syntax error") != NULL ||
            strstr(mistakes[i].en, "duplicate setting") != NULL)
            continue; /* of a file: no daemon says that of an event */
        snprintf(english, sizeof english, "%s", said(i, false));
        language_set_chinese(true);
        retell(english, out);
        language_set_chinese(false);
        assert_string_equal(out, mistakes[i].zh);
    }
}

/* A text that fits everywhere a little must not be looked at for ever. */
static void test_retold_in_time(void **state)
{
    char text[900], out[RETELL_BYTES];

    (void)state;
    for (size_t i = 0; i + 1 < sizeof text; i++)
        text[i] = ": x\""[i % 4];
    text[sizeof text - 1] = '\0';
    language_set_chinese(true);
    assert_non_null(retell(text, out));
    language_set_chinese(false);
}

/* Who is on duty reads Chinese to the end of the sentence, whatever the daemon's own language. */
static void test_alarms(void **state)
{
    static const struct {
        enum alarm_matter matter;
        const char *name, *detail, *words;
    } facts[] = {
        {ALARM_REDIS, "away", "it cannot be reached", "已停止发送：Redis（away）：连接不上"},
        {ALARM_HALTED, "fair/eve", "no number is left for it",
         "提醒 fair/eve 已停止：没有编号可用了"},
        {ALARM_GATEWAY, "sims", "0 of 1 modems ready; 1: no SIM card",
         "网关 sims 已停止发送：0 个短信猫可用（共 1 个）；1：未插 SIM 卡。"
         "其通知将等待或改走其他网关。"},
        {ALARM_GATEWAY, "cloud", "broken: HTTP 500 Boom",
         "网关 cloud 已停止发送：出了故障：HTTP 500 Boom。其通知将等待或改走其他网关。"},
        {ALARM_FAILURES, "fair/eve", "", /* it takes a campaign */
         "提醒 fair/eve 有百分之30没有送达，请查看 outreach report fair"},
    };
    char out[OPS_WORDS_BYTES];

    (void)state;
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) {
        const struct alarm alarm = {facts[i].matter, facts[i].name, facts[i].detail, 30};

        ops_words(&alarm, true, out);
        assert_string_equal(out, facts[i].words);
    }
    for (size_t k = 0; k < HEALTH_TROUBLES; k++) {
        const struct alarm alarm = {ALARM_AILING, health_name(k), health_why(k), 0};

        ops_words(&alarm, true, out);
        assert_null(strstr(out, health_why(k)));
        ops_words(&alarm, false, out);
        assert_non_null(strstr(out, health_why(k)));
    }
}

int main(void)
{
    enum { MISTAKES = sizeof mistakes / sizeof *mistakes };
    struct CMUnitTest tests[MISTAKES + 9] = {
        [MISTAKES] = cmocka_unit_test(test_complete),
        cmocka_unit_test(test_placeholders),
        cmocka_unit_test(test_required_help),
        cmocka_unit_test(test_environment),
        cmocka_unit_test(test_lookup),
        cmocka_unit_test(test_retold),
        cmocka_unit_test(test_mistakes_retold),
        cmocka_unit_test(test_retold_in_time),
        cmocka_unit_test(test_alarms),
    };

    for (size_t i = 0; i < MISTAKES; i++)
        tests[i] =
            (struct CMUnitTest){mistakes[i].name, test_mistake, NULL, NULL, (void *)(uintptr_t)i};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
