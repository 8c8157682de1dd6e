/* cli_human_test.c - times, counts, tables, bars and the equation as people see them */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit_words.h"
#include "bar.h"
#include "equation.h"
#include "gateway_says.h"
#include "human.h"
#include "prose.h"
#include "table.h"
#include "utf8.h"
#include "words.h"
#include "zone.h"

/* ------------------------------------------------------------------- numbers */
static const struct {
    const char *name;
    int64_t ms;
    const char *text;
} durations[] = {
    {"below a second in ms", 340, "340 ms"},     {"tenths below ten seconds", 4250, "4.2 s"},
    {"then whole seconds", 45999, "45 s"},       {"minutes and seconds", 200000, "3 min 20 s"},
    {"hours and minutes", 7500000, "2 h 5 min"}, {"days and hours", 273600000, "3 d 4 h"},
};

static const struct {
    int64_t seconds;
    const char *text;
} clocks[] = {{0, "0:00"},     {45, "0:45"},      {723, "12:03"},
              {3599, "59:59"}, {3722, "1:02:02"}, {273600, "3d 04h"}};

static const struct {
    int64_t n;
    const char *text;
} counts[] = {{0, "0"},
              {999, "999"},
              {1000, "1,000"},
              {1234567, "1,234,567"},
              {-1234, "-1,234"},
              {-999, "-999"},
              {INT64_MAX, "9,223,372,036,854,775,807"}};

static const struct {
    double per_second;
    const char *text;
} rates[] = {{0, "0/s"}, {0.42, "0.4/s"}, {9.9, "9.9/s"}, {9.96, "10/s"}, {151200.4, "151,200/s"}};

static const struct {
    int64_t done, total;
    const char *text;
} percents[] = {
    {0, 0, "100%"},           {0, 10, "0%"},    {1, 1000000, "1%"}, /* a beginning is seen */
    {999999, 1000000, "99%"}, {10, 10, "100%"}, /* and nothing is done before it is */
};

static void test_numbers(void **state)
{
    char out[HUMAN_BYTES];

    (void)state;
    for (size_t i = 0; i < sizeof durations / sizeof *durations; i++)
        assert_string_equal(human_duration(out, durations[i].ms), durations[i].text);
    for (size_t i = 0; i < sizeof clocks / sizeof *clocks; i++)
        assert_string_equal(human_clock(out, clocks[i].seconds), clocks[i].text);
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        assert_string_equal(human_count(out, counts[i].n), counts[i].text);
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++)
        assert_string_equal(human_rate(out, rates[i].per_second), rates[i].text);
    for (size_t i = 0; i < sizeof percents / sizeof *percents; i++)
        assert_string_equal(human_percent(out, percents[i].done, percents[i].total),
                            percents[i].text);
}

/* 6 March 2027 is a Saturday; 01:00 UTC is nine o'clock in Shanghai. */
static void test_money_is_rounded_as_people_do(void **state)
{
    static const struct {
        double amount;
        const char *shown;
    } amounts[] = {{0.045, "0.05"},  {0.315, "0.32"}, {0.27, "0.27"},
                   {0.0449, "0.04"}, {1.005, "1.01"}, {0, "0.00"}};
    char text[32];

    (void)state;
    for (size_t i = 0; i < sizeof amounts / sizeof *amounts; i++) {
        snprintf(text, sizeof text, "%.2f", human_money(amounts[i].amount));
        assert_string_equal(text, amounts[i].shown);
    }
}

static void test_time_is_local_and_names_the_day(void **state)
{
    const struct zone *shanghai = zone_find("Asia/Shanghai", NULL);
    char out[HUMAN_BYTES];
    int64_t ms = INT64_C(1804294800000);

    (void)state;
    language_set_chinese(false);
    assert_string_equal(human_time(out, shanghai, ms, false), "2027-03-06 Sat 09:00");
    assert_string_equal(human_time(out, shanghai, ms + 7250, true), "2027-03-06 Sat 09:00:07");
    language_set_chinese(true);
    assert_string_equal(human_time(out, shanghai, ms, false), "2027-03-06 周六 09:00");
    language_set_chinese(false);
    assert_string_equal(human_time(out, shanghai, 0, false), "-");
}

static void test_language_follows_the_locale(void **state)
{
    (void)state;
    unsetenv("LC_ALL");
    unsetenv("LC_MESSAGES");
    setenv("LANG", "zh_CN.UTF-8", 1);
    language_init();
    assert_string_equal(words_state("delivered"), "已送达");
    setenv("LC_ALL", "C", 1); /* goes before LANG */
    language_init();
    assert_string_equal(words_state("delivered"), "delivered");
    assert_string_equal(words_state("something new"), "something new");
    unsetenv("LC_ALL");
}

/* Every state and reason of a ledger has words in both languages. */
static void test_no_state_or_reason_without_words(void **state)
{
    (void)state;
    language_set_chinese(true);
    for (int i = 0; i < NOTICE_STATES; i++) {
        const char *name = notice_state_name((enum notice_state)i);

        assert_string_not_equal(words_state(name), name);
        assert_string_equal(words_state_name(name), name); /* may be asked for */
    }
    assert_null(words_notice_state(NOTICE_STATES - 1)); /* two of them are `waiting` */
    for (int i = REASON_NONE + 1; i < REASON_COUNT; i++) {
        const char *name = notice_reason_name((enum notice_reason)i);

        assert_string_not_equal(words_reason(name), name);
    }
    language_set_chinese(false);
    assert_string_equal(words_reason(notice_reason_name(REASON_NONE)), "");
}

/* -------------------------------------------------------------------- tables */
static void test_columns_stand_under_each_other(void **state)
{
    const struct table_column columns[] = {
        {"ID", TABLE_LEFT, false}, {"TITLE", TABLE_LEFT, true}, {"N", TABLE_RIGHT, false}};
    struct table *t = table_create(columns, 3);
    struct buf out = BUF_INIT(4096);

    (void)state;
    table_cell(t, "a");
    table_cell(t, "招聘会");
    table_printf(t, "%d", 1234);
    table_cell(t, "long-id");
    table_cell(t, "job fair\x1b[31m"); /* a title must not colour the terminal */
    table_cell(t, "5");
    table_write(t, 0, 2, &out);
    assert_string_equal(buf_string(&out), "  ID       TITLE             N\n"
                                          "  a        招聘会         1234\n"
                                          "  long-id  job fair [31m     5\n");
    buf_clear(&out);
    table_write(t, 25, 0, &out); /* the flexible column gives way */
    assert_string_equal(buf_string(&out), "ID       TITLE          N\n"
                                          "a        招聘会      1234\n"
                                          "long-id  job fair …     5\n");
    buf_free(&out);
    table_free(t);
}

static const struct {
    const char *name, *text;
    size_t columns;
    int align;
    const char *fitted;
} fits[] = {
    {"is filled on the right", "ab", 4, TABLE_LEFT, "ab  "},
    {"is filled on the left", "ab", 4, TABLE_RIGHT, "  ab"},
    {"two columns a Chinese character", "招聘", 5, TABLE_LEFT, "招聘 "},
    {"cut with an ellipsis", "abcdef", 4, TABLE_LEFT, "abc…"},
    {"half a wide character is a blank", "招聘会", 5, TABLE_LEFT, "招聘…"},
    {"and here too", "招聘会", 4, TABLE_LEFT, "招… "},
    {"no room at all", "abc", 0, TABLE_LEFT, ""},
};

static void test_fit(void **state)
{
    struct buf out = BUF_INIT(4096);

    (void)state;
    for (size_t i = 0; i < sizeof fits / sizeof *fits; i++) {
        buf_clear(&out);
        table_fit(&out, fits[i].text, fits[i].columns, fits[i].align);
        assert_string_equal(buf_string(&out), fits[i].fitted);
    }
    buf_free(&out);
}

/* What the last column has no room for stands below its row, and is read whole. */
static void test_a_column_that_goes_below(void **state)
{
    const struct table_column columns[] = {{"WHO", TABLE_LEFT, false},
                                           {"OF", TABLE_LEFT, TABLE_WRAPS},
                                           {"MORE", TABLE_LEFT, TABLE_BELOW}};
    struct table *t = table_create(columns, 3);
    struct buf out = BUF_INIT(4096);

    (void)state;
    for (const char *const *cell =
             (const char *const[]){"王", "fair", "短", "李桂芳", "spring-fair",
                                   "来源 2026年11月社区登记表", NULL};
         *cell != NULL; cell++)
        table_cell(t, *cell);
    table_write(t, 40, 0, &out);
    assert_string_equal(buf_string(&out), "WHO     OF           MORE\n"
                                          "王      fair         短\n"
                                          "李桂芳  spring-fair\n"
                                          "    来源 2026年11月社区登记表\n");
    buf_clear(&out);
    table_write(t, 0, 0, &out);
    assert_string_equal(buf_string(&out), "WHO     OF           MORE\n"
                                          "王      fair         短\n"
                                          "李桂芳  spring-fair  来源 2026年11月社区登记表\n");
    table_free(t);
    buf_free(&out);
}

static void expect_field(const char *name, const char *value, const char *words)
{
    struct buf out = BUF_INIT(4096);

    audit_words_field(name, value, &out);
    assert_string_equal(buf_string(&out), words);
    buf_free(&out);
}

static void test_the_audit_is_in_one_language(void **state)
{
    (void)state;
    language_set_chinese(true);
    expect_field("balance", "480.50", "余额 480.50");
    expect_field("balance", "none", "余额 不再计算");
    expect_field("rate", "any", "速率 恢复为配置的速率");
    expect_field("rate", "5/s", "速率 5/s");
    expect_field("to", "+86138…00", "号码 +86138…00");
    for (size_t i = 0; audit_words_op(i) != NULL; i++)
        if (strcmp(audit_words(audit_words_op(i)), audit_words_op(i)) == 0)
            fail_msg("%s has no Chinese", audit_words_op(i));
    language_set_chinese(false);
    expect_field("rate", "any", "rate as configured");
}

static void test_ages_and_money_are_as_people_say_them(void **state)
{
    char text[HUMAN_BYTES];

    (void)state;
    assert_string_equal(human_age(text, -5), "1 s"); /* another machine's clock */
    assert_string_equal(human_age(text, 595), "1 s");
    assert_string_equal(human_age(text, 4250), "4 s");
    assert_string_equal(human_age(text, 200000), "3 min 20 s");
    assert_string_equal(words_currency("CNY"), "CNY");
    language_set_chinese(true);
    assert_string_equal(human_age(text, 595), "1 秒");
    assert_string_equal(words_currency("CNY"), "元");
    assert_string_equal(words_currency("EUR"), "EUR");
    language_set_chinese(false);
}

static void expect_says(const char *english, const char *words)
{
    char out[RETELL_BYTES];

    assert_string_equal(gateway_says(english, out), words);
}

static void test_why_a_gateway_takes_nothing(void **state)
{
    (void)state;
    language_set_chinese(true);
    expect_says("no connection in time", "连接超时");
    expect_says("bind refused: ESME_RINVPASWD (0x0000000e)",
                "登录被拒绝：ESME_RINVPASWD（0x0000000e）");
    expect_says("what a provider says", "what a provider says");
    expect_says("0 of 1 modems ready; 1: no SIM card", "0 个短信猫可用（共 1 个）；1：未插 SIM 卡");
    expect_says("1 of 3 modems ready; 1: CHINA MOBILE -71 dBm; 2: away; 3: no network",
                "1 个短信猫可用（共 3 个）；1：CHINA MOBILE -71 dBm；2：不在；3：无网络");
    expect_says("draining, 1 of 1 modems ready; 1: CHINA UNICOM no signal",
                "正在排空，1 个短信猫可用（共 1 个）；1：CHINA UNICOM 无信号");
    language_set_chinese(false);
    expect_says("no connection in time", "no connection in time");
}

static void test_the_reminders_of_every_campaign_have_words(void **state)
{
    (void)state;
    language_set_chinese(true);
    assert_string_equal(words_reminder("corrections"), "更正");
    assert_string_equal(words_reminder("answers"), "答复");
    assert_string_equal(words_reminder("eve"), "eve");
    assert_string_equal(words_reminder_name("更正"), "corrections"); /* as it was shown */
    assert_string_equal(words_reminder_name("corrections"), "corrections");
    assert_string_equal(words_reminder_name("eve"), "eve");
    assert_null(words_reminder_name(NULL));
    language_set_chinese(false);
    assert_string_equal(words_reminder("corrections"), "corrections");
}

static void test_columns_that_wrap(void **state)
{
    const struct table_column columns[] = {{"ID", TABLE_LEFT, TABLE_WRAPS},
                                           {"TITLE", TABLE_LEFT, true},
                                           {"N", TABLE_RIGHT, false},
                                           {"WHY", TABLE_LEFT, TABLE_WRAPS}};
    struct table *t = table_create(columns, 4);
    struct buf out = BUF_INIT(4096);

    (void)state;
    table_cell(t, "spring-job-fair");
    table_cell(t, "春风送岗位女性专场招聘会");
    table_cell(t, "12");
    table_cell(t, "nobody has this number");
    /* What is read whole goes on below itself; what is for a glance is cut to 14 before that. */
    table_write(t, 46, 0, &out);
    assert_string_equal(buf_string(&out), "ID            TITLE            N  WHY\n"
                                          "spring-job-   春风送岗位女…   12  nobody has\n"
                                          "fair                              this number\n");
    buf_clear(&out);
    table_write(t, 0, 0, &out); /* not for a terminal: on one line, whole */
    assert_string_equal(buf_string(&out),
                        "ID               TITLE                      N  WHY\n"
                        "spring-job-fair  春风送岗位女性专场招聘会  12  nobody has this number\n");
    table_free(t);
    buf_free(&out);
}

static const struct {
    const char *name, *text;
    size_t columns;
    const char *wrapped;
} wraps[] = {
    {"a short line is one line", "abc", 10, "|abc\n"},
    {"a long word goes whole to the next line", "of extraordinary length", 14,
     "|of\n|extraordinary\n|length\n"},
    {"breaks at blanks", "job fair on Saturday", 12, "|job fair on\n|Saturday\n"},
    {"a word that is too long is cut", "abcdefghij", 4, "|abcd\n|efgh\n|ij\n"},
    {"between Chinese characters", "春风送岗位", 6, "|春风送\n|岗位\n"},
    {"a closing mark opens no line", "春风送。岗位", 6, "|春风\n|送。岗\n|位\n"},
    {"an opening one ends none", "春风（岗位）", 6, "|春风\n|（岗\n|位）\n"},
    {"newlines are kept", "a\nb", 10, "|a\n|b\n"},
    {"narrower than a character goes on", "春风", 1, "|春\n|风\n"},
};

static void test_wrap(void **state)
{
    struct buf out = BUF_INIT(4096);

    (void)state;
    for (size_t i = 0; i < sizeof wraps / sizeof *wraps; i++) {
        buf_clear(&out);
        table_wrap(&out, wraps[i].text, wraps[i].columns, "|");
        assert_string_equal(buf_string(&out), wraps[i].wrapped);
    }
    buf_free(&out);
}

static const struct {
    const char *name, *text;
    size_t columns, hang;
    const char *put;
} proses[] = {
    {"lines that fit stay", "job fair\non Saturday\n", 12, 0, "job fair\non Saturday\n"},
    {"what does not fit goes on in the next line", "job fair on\nSaturday, in town\n", 10, 0,
     "job fair\non\nSaturday,\nin town\n"},
    {"but not in an empty one", "job fair on\n\nSaturday\n", 8, 0, "job fair\non\n\nSaturday\n"},
    {"nor where a term begins", "job fair on\npause: no\n", 9, 0, "job fair\non\npause: no\n"},
    {"nor where the next is indented", "job fair on\n  it\n", 8, 0, "job fair\non\n  it\n"},
    {"an indented line stays indented", "  job fair on\nit\n", 10, 0, "  job fair\n  on\nit\n"},
    {"with a hang", "job fair on\n", 10, 4, "job fair\n    on\n"},
    {"Chinese joins without a blank", "春风送岗位\n就业\n", 8, 0, "春风送岗\n位就业\n"},
    {"and beside a word with one", "春风送岗位a\n就业\n", 10, 0, "春风送岗位\na 就业\n"},
    {"no newline at the end is one", "job", 8, 0, "job\n"},
};

static void test_prose(void **state)
{
    struct buf out = BUF_INIT(4096);

    (void)state;
    for (size_t i = 0; i < sizeof proses / sizeof *proses; i++) {
        buf_clear(&out);
        prose_put(&out, proses[i].text, proses[i].columns, proses[i].hang);
        assert_string_equal(buf_string(&out), proses[i].put);
    }
    buf_free(&out);
}

/* ---------------------------------------------------------------------- bars */
static const struct {
    const char *name;
    int64_t delivered, accepted, sending, uncertain, lost, other, total;
    unsigned width;
    const char *bar;
} bars[] = {
    {"nothing yet", 0, 0, 0, 0, 0, 0, 100, 10, ".........."},
    {"half", 50, 0, 0, 0, 0, 0, 100, 10, "#####....."},
    {"parts side by side", 30, 20, 10, 0, 10, 10, 100, 10, "###==xo-.."},
    {"one among a million is seen", 0, 0, 0, 0, 1, 0, 1000000, 10, "x........."},
    {"and at the end too", 999999, 0, 0, 0, 1, 0, 1000000, 10, "#########x"},
    {"one is missing: not full", 999999, 0, 0, 0, 0, 0, 1000000, 10, "#########."},
    {"full", 7, 0, 0, 0, 0, 0, 7, 10, "##########"},
    {"thirds fill it all the same", 1, 1, 0, 0, 1, 0, 3, 10, "####===xxx"},
    {"of nobody", 0, 0, 0, 0, 0, 0, 0, 10, ".........."},
    {"narrower than its parts", 1, 1, 1, 0, 1, 1, 5, 3, "xo-"},
    {"a doubt is no sending", 50, 0, 10, 20, 0, 0, 100, 10, "#####-??.."},
};

static void test_bars(void **state)
{
    struct buf out = BUF_INIT(4096);
    const struct bar_style plain = {false, false};

    (void)state;
    for (size_t i = 0; i < sizeof bars / sizeof *bars; i++) {
        int64_t parts[BAR_PARTS] = {
            [BAR_DELIVERED] = bars[i].delivered, [BAR_ACCEPTED] = bars[i].accepted,
            [BAR_SENDING] = bars[i].sending,     [BAR_UNCERTAIN] = bars[i].uncertain,
            [BAR_LOST] = bars[i].lost,           [BAR_OTHER] = bars[i].other};

        buf_clear(&out);
        bar_write(&out, &plain, parts, bars[i].total, bars[i].width);
        assert_string_equal(buf_string(&out), bars[i].bar);
    }
    buf_free(&out);
}

/* However the counts lie, a bar is exactly as wide as it is asked to be. */
static void test_bars_keep_their_width(void **state)
{
    unsigned seed = 1;

    (void)state;
    for (int i = 0; i < 20000; i++) {
        int64_t parts[BAR_PARTS], total = 0;
        unsigned cells[BAR_PARTS], used = 0, width = 1 + (unsigned)rand_r(&seed) % 40;

        for (int k = 0; k < BAR_PARTS; k++) {
            parts[k] = rand_r(&seed) % 3 == 0 ? 0 : rand_r(&seed) % 1000;
            total += parts[k];
        }
        total += rand_r(&seed) % 2 ? rand_r(&seed) % 1000 : 0;
        bar_divide(parts, total, width, cells);
        for (int k = 0; k < BAR_PARTS; k++)
            used += cells[k];
        assert_in_range(used, 0, width);
    }
}

/* ------------------------------------------------------------------ promise 1 */
/* The words and their order are those of DESIGN, section 5. */
static const char promise[] =
    "planned 78 = waiting 3 + sending 3 + accepted 5 + delivered 6 + undelivered 7 + failed 8 + "
    "expired 9 + opted-out 10 + capped 11 + excluded 12 + cancelled 0 + uncertain 4\n";

static const char promise_zh[] =
    "应发 78 = 待发 3 + 发送中 3 + 已接收 5 + 已送达 6 + 未送达 7 + 失败 8 + 过期 9 + 已退订 10 + "
    "超限 11 + 不发 12 + 已取消 0 + 存疑 4\n";

static struct reminder_status numbered_reminder(void)
{
    struct reminder_status r = {.planned = 78};

    for (int i = 0; i < NOTICE_STATES - 1; i++)
        r.counts[i] = i + 1;
    return r; /* untouched 1 + parked 2 are waiting; cancelled, the last, is 0 */
}

static void test_equation_in_the_order_of_the_promise(void **state)
{
    struct reminder_status r = numbered_reminder();
    struct buf out = BUF_INIT(4096);

    (void)state;
    equation_write(&r, 0, 0, &out);
    assert_string_equal(buf_string(&out), promise);
    buf_clear(&out);
    language_set_chinese(true);
    equation_write(&r, 0, 0, &out);
    assert_string_equal(buf_string(&out), promise_zh);
    language_set_chinese(false);
    assert_true(equation_holds(&r));
    assert_int_equal(equation_through(&r), 78 - 3 - 3 - 4);
    r.planned++;
    buf_clear(&out);
    equation_write(&r, 0, 0, &out);
    assert_non_null(strstr(buf_string(&out), "planned 79 ≠ waiting 3 + "));
    assert_false(equation_holds(&r));
    buf_free(&out);
}

static void test_equation_fits_a_terminal(void **state)
{
    struct reminder_status r = numbered_reminder();
    struct buf out = BUF_INIT(4096);

    (void)state;
    equation_write(&r, 80, 2, &out);
    for (const char *line = buf_string(&out); *line != '\0';) {
        size_t n = strcspn(line, "\n");

        assert_in_range(utf8_columns(line, n), 1, 80);
        line += n + 1;
    }
    buf_free(&out);
}

/* The bar shows every notice that is not waiting, once. */
static void test_equation_as_a_bar(void **state)
{
    struct reminder_status r = numbered_reminder();
    int64_t parts[BAR_PARTS], sum = 0;

    (void)state;
    equation_bar(&r, parts);
    for (int i = 0; i < BAR_PARTS; i++)
        sum += parts[i];
    assert_int_equal(sum, 78 - 3);
    assert_int_equal(parts[BAR_DELIVERED], 6);
    assert_int_equal(parts[BAR_LOST], 7 + 8 + 9);
    assert_int_equal(parts[BAR_SENDING], 3);
    assert_int_equal(parts[BAR_UNCERTAIN], 4);
}

/* What the bar is filled with does not fall while a doubt is taken up again. */
static void test_through_never_falls(void **state)
{
    static const enum notice_state path[] = {NOTICE_UNTOUCHED, NOTICE_SENDING,   NOTICE_PARKED,
                                             NOTICE_SENDING,   NOTICE_UNCERTAIN, NOTICE_PARKED,
                                             NOTICE_SENDING,   NOTICE_ACCEPTED,  NOTICE_DELIVERED};
    struct reminder_status r = numbered_reminder();
    int64_t before = equation_through(&r);

    (void)state;
    for (size_t i = 0; i < sizeof path / sizeof *path; i++) {
        int64_t through;

        r.counts[path[i]]++;
        through = equation_through(&r);
        assert_true(through >= before);
        before = through;
        r.counts[path[i]]--;
    }
    r.counts[NOTICE_DELIVERED]++;
    assert_int_equal(equation_through(&r), 78 - 3 - 3 - 4 + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_through_never_falls),
        cmocka_unit_test(test_money_is_rounded_as_people_do),
        cmocka_unit_test(test_time_is_local_and_names_the_day),
        cmocka_unit_test(test_language_follows_the_locale),
        cmocka_unit_test(test_no_state_or_reason_without_words),
        cmocka_unit_test(test_columns_stand_under_each_other),
        cmocka_unit_test(test_columns_that_wrap),
        cmocka_unit_test(test_a_column_that_goes_below),
        cmocka_unit_test(test_the_audit_is_in_one_language),
        cmocka_unit_test(test_ages_and_money_are_as_people_say_them),
        cmocka_unit_test(test_why_a_gateway_takes_nothing),
        cmocka_unit_test(test_the_reminders_of_every_campaign_have_words),
        cmocka_unit_test(test_fit),
        cmocka_unit_test(test_wrap),
        cmocka_unit_test(test_prose),
        cmocka_unit_test(test_bars),
        cmocka_unit_test(test_bars_keep_their_width),
        cmocka_unit_test(test_equation_in_the_order_of_the_promise),
        cmocka_unit_test(test_equation_fits_a_terminal),
        cmocka_unit_test(test_equation_as_a_bar),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
