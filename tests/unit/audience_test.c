/* People's lists become rows; what cannot is told by its row. Rows are shown with
 * bars between their values, remarks as "5! words" (refused) or "5 words". */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "audience.h"
#include "buf.h"
#include "campaign.h"
#include "csv.h"
#include "error.h"
#include "language.h"
#include "mem.h"
#include "tree.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct campaign_defaults defaults = {
    .timezone = "Asia/Shanghai",
    .country = "CN",
    .language = "zh",
    .currency = "CNY",
    .hours = "08:00-20:30",
    .signature = "【鼓楼区妇联】",
    .optout_line = "拒收请回复R",
    .max_segments = 8,
    .max_audience = 1000,
};

struct result {
    struct buf rows, remarks;
    struct audience_report report;
    struct error err;
    int rc;
    unsigned long progress;
};

static int on_row(void *arg, const char *row, size_t n, struct error *err)
{
    struct result *r = arg;
    size_t i;

    (void)err;
    for (i = 0; i < n; i++)
        buf_putc(&r->rows, row[i] == '\x1f' ? '|' : row[i]);
    buf_putc(&r->rows, '\n');
    return 0;
}

static void on_remark(void *arg, unsigned long line, bool refused, const char *text)
{
    struct result *r = arg;

    buf_printf(&r->remarks, "%lu%s %s\n", line, refused ? "!" : "", text);
}

static void on_progress(void *arg, uint64_t bytes, uint64_t total_bytes)
{
    struct result *r = arg;

    assert_true(bytes <= total_bytes);
    r->progress++;
}

static void result_free(struct result *r)
{
    buf_free(&r->rows);
    buf_free(&r->remarks);
}

#define RESULT                                                                                     \
    {                                                                                              \
        .rows = BUF_INIT(1 << 20), .remarks = BUF_INIT(1 << 20)                                    \
    }

static void read_path(const struct campaign *c, const char *path, struct result *r)
{
    struct audience_sink sink = {on_row, on_remark, on_progress, r};

    r->rc = audience_read_file(c, path, &sink, &r->report, &r->err);
}

static struct campaign *campaign(const char *texts, const char *audience)
{
    char *json = xasprintf("{\"id\":\"a\",\"class\":\"notice\",\"title\":\"T\","
                           "\"event\":{\"starts\":\"2027-03-06T09:00\"},\"audience\":{%s},"
                           "\"texts\":%s,\"reminders\":[{\"name\":\"r\",\"at\":\"now\"}]}",
                           audience, texts);
    struct error err = {""};
    struct tree *t = tree_parse_json(json, strlen(json), NULL, &err);
    struct campaign *c = t == NULL ? NULL : campaign_create(t, &defaults, NULL, 0, &err);

    if (c == NULL)
        fail_msg("%s", err.text);
    free(json);
    return c;
}

static void read_text(const struct campaign *c, const char *text, size_t n, struct result *r)
{
    char path[] = "/tmp/audience-test-XXXXXX";
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, n), n);
    close(fd);
    read_path(c, path, r);
    unlink(path);
}

/* ------------------------------------------------------------------ the sample */
static const char sample_rows[] = "+8613851400001|王秀英、陈洁|zh\n"
                                  "+8613851400002|李桂芳|zh\n"
                                  "+8613851400003|张敏|\n"
                                  "+8613851400004|Maria Lopez|en\n"
                                  "+8613851400007||\n"
                                  "+8613851400010|周敏|zh\n"
                                  "+8613851400009|孙燕😊|zh\n";

static const struct {
    unsigned long row;
    const char *en, *zh;
} sample_remarks[] = {
    {6, "6 the same address as row 2: one notice for both", "6 与第 2 行号码相同：合为一条"},
    {7, "7! 手机号: a landline cannot receive texts: ask for a mobile number\n",
     "7! “手机号”：座机不能收短信：请改填手机号\n"},
    {8, "8 there is no name: the text's default stands for it", "8 没有姓名：短信里用默认称呼代替"},
    {9, "9! 手机号: the number is too short", "9! “手机号”：号码太短"},
    {10, "10! 手机号: Excel has destroyed the number: format the column as text",
     "10! “手机号”：号码已被 Excel 改坏"},
};

static void check_sample(const char *path, bool chinese)
{
    struct error err = {""};
    struct campaign *c = campaign_read(TEST_DIR "/data/job-fair.conf", &defaults, &err);
    struct result r = RESULT;
    const char *at;
    size_t i;

    if (c == NULL)
        fail_msg("%s", err.text);
    read_path(c, path, &r);
    if (r.rc != 0)
        fail_msg("%s", r.err.text);
    assert_string_equal(buf_string(&r.rows), sample_rows);
    at = buf_string(&r.remarks);
    for (i = 0; i < sizeof sample_remarks / sizeof sample_remarks[0]; i++) {
        const char *words = chinese ? sample_remarks[i].zh : sample_remarks[i].en;

        if (strncmp(at, words, strlen(words)) != 0)
            fail_msg("expected %s, found %s", words, at);
        at = strchr(at, '\n') + 1;
    }
    assert_string_equal(at, "");
    assert_int_equal(r.report.rows, 11);
    assert_int_equal(r.report.taken, 7);
    assert_int_equal(r.report.refused, 3);
    assert_int_equal(r.report.merged, 1);
    assert_true(r.progress > 0);
    result_free(&r);
    campaign_free(c);
}

static void test_sample(void **state)
{
    (void)state;
    check_sample(TEST_DIR "/data/jobseekers.csv", false);
    check_sample(TEST_DIR "/data/jobseekers.utf8.csv", false);
    language_set_chinese(true);
    check_sample(TEST_DIR "/data/jobseekers.csv", true);
    language_set_chinese(false);
}

/* Files that somebody broke: every row is accounted for, whatever is in it. */
static void test_broken_files(void **state)
{
    struct campaign *c = campaign_read(TEST_DIR "/data/job-fair.conf", &defaults, NULL);
    char file[4096], copy[4096];
    size_t n, i, k;
    FILE *f = fopen(TEST_DIR "/data/jobseekers.csv", "re");

    (void)state;
    assert_non_null(c);
    assert_non_null(f);
    n = fread(file, 1, sizeof file, f);
    fclose(f);
    srandom(20270626);
    for (i = 0; i < 1500; i++) {
        struct result r = RESULT;

        memcpy(copy, file, n);
        for (k = (size_t)random() % 6; k < 6; k++)
            copy[(size_t)random() % n] =
                (char)(random() % 4 ? "\",\r\n;\t\xff\x80\x1f"[random() % 9] : random());
        read_text(c, copy, n - (size_t)random() % n, &r);
        assert_int_equal(r.report.rows, r.report.taken + r.report.refused + r.report.merged);
        result_free(&r);
    }
    campaign_free(c);
}

static void test_header(void **state)
{
    static const char *const expected[] = {"name", "sms", "language", "求职意向", "备注"};
    struct error err = {""};
    char **names;
    size_t count, i;

    (void)state;
    assert_int_equal(audience_header(TEST_DIR "/data/jobseekers.csv", &names, &count, &err), 0);
    assert_int_equal(count, 5);
    for (i = 0; i < count; i++) {
        assert_string_equal(names[i], expected[i]);
        free(names[i]);
    }
    free(names);
    assert_int_equal(audience_header("/nowhere/at-all.csv", &names, &count, &err), -1);
    assert_non_null(strstr(err.text, "/nowhere/at-all.csv: No such file"));
    assert_int_equal(audience_header("/dev/null", &names, &count, &err), -1);
}

/* --------------------------------------------------------------- small lists */
#define N "\"{{name|居民}}您好\""
#define W "\"{{name|居民}}您好，{{楼栋}}\""

static const struct {
    const char *what, *texts, *audience, *list, *rows, *remarks;
} lists[] = {
    {"with a byte order mark", N, "", "\xef\xbb\xbf姓名,手机号\n王,13851400001\n",
     "+8613851400001|王\n", ""},
    {"semicolons, CRLF, no last end", N, "", "phone;name\r\n13851400001;Ann",
     "+8613851400001|Ann\n", ""},
    {"tabs", N, "", "Mobile Phone\tName\n13851400001\tAnn\n", "+8613851400001|Ann\n", ""},
    {"blanks around, quotes, blank lines and empty rows", N, "",
     "姓名 , 手机号\n\n\"　王 秀英 \", 138-5140-0001 \n,\n李,13851400002\n",
     "+8613851400001|王 秀英\n+8613851400002|李\n", ""},
    {"only what is used is kept", W, "", "姓名,手机号,楼栋,备注\n王,13851400001,3栋,别打电话\n",
     "+8613851400001|王|3栋\n", ""},
    {"fewer fields and more", N, "", "姓名,手机号,备注\n王,13851400001\n李,13851400002,x,y\n",
     "+8613851400001|王\n+8613851400002|李\n",
     "2 has 2 fields, the header has 3\n"
     "3 has 4 fields, the header has 3: what is beyond is not used\n"},
    {"a hole in a text", W, "", "姓名,手机号,楼栋\n王,13851400001,\n李,13851400002,3栋\n",
     "+8613851400002|李|3栋\n",
     "2! 楼栋 is empty, and the text of reminder \"r\" has no default for it: fill it in, or write "
     "{{...|default}}\n"},
    {"the same person twice is once", N, "", "姓名,手机号\n王,13851400001\n王,+8613851400001\n",
     "+8613851400001|王\n", "3 the same person as in row 2: taken once\n"},
    {"three on one phone", N, "",
     "姓名,手机号\n王,13851400001\n李,13851400001\n张,13851400001\n"
     "李,13851400001\n",
     "+8613851400001|王、李、张\n",
     "3 the same address as row 2: one notice for both\n"
     "4 the same address as row 2: one notice for both\n"
     "5 the same person as in row 2: taken once\n"},
    {"a name joins one that was missing", N, "", "姓名,手机号\n,13851400001\n李,13851400001\n",
     "+8613851400001|李\n",
     "2 there is no name: the text's default stands for it\n"
     "3 the same address as row 2: one notice for both\n"},
    {"first", N, "\"same_phone\":\"first\"", "姓名,手机号\n王,13851400001\n李,13851400001\n",
     "+8613851400001|王\n", "3 the same address as row 2: only the first is taken\n"},
    {"each", N, "\"same_phone\":\"each\"",
     "姓名,手机号\n王,13851400001\n李,13851400001\n王,13851400001\n",
     "+8613851400001|王\n+8613851400001|李\n", "4 the same person as in row 2: taken once\n"},
    {"without names in the texts the phone decides", "\"您好\"", "",
     "姓名,手机号\n王,13851400001\n李,13851400001\n", "+8613851400001\n",
     "3 the same person as in row 2: taken once\n"},
    {"two times of one phone are two", "\"{{name}}{{slot.time}}\"", "",
     "姓名,手机号,预约时间\n王,13851400001,2027-03-05 08:40\n王,13851400001,2027/3/5 9:20\n",
     "+8613851400001|王|2027-03-05T08:40\n+8613851400001|王|2027-03-05T09:20\n", ""},
    {"a time nobody can read, and none", "\"{{name}}{{slot.time}}\"", "",
     "姓名,手机号,时段\n王,13851400001,上午\n李,13851400002,\n", "",
     "2! the time \"上午\" cannot be read: write 2027-03-05 08:40\n"
     "3! there is no time (slot): the reminders of this campaign need one\n"},
    {"languages as people write them", "{\"zh\":\"{{name}}\",\"en\":\"{{name}}\"}", "",
     "姓名,手机号,语言\nA,13851400001,English\nB,13851400002,汉语\nC,13851400003,火星文\n"
     "D,13851400004,fr\n",
     "+8613851400001|A|en\n+8613851400002|B|zh\n+8613851400003|C|\n+8613851400004|D|fr\n",
     "4 the language \"火星文\" is not known: write zh or en; the campaign's language is used\n"},
    {"two columns of numbers", N, "", "姓名,手机号,备注,联系电话\n王,13851400001,,13851400002\n",
     "+8613851400001|王\n",
     "1 the column 联系电话 has telephone numbers too: only 手机号 is used (audience.columns names "
     "another)\n"},
    {"brackets in a name", N, "", "姓名,手机号\n【银行】,13851400001\n李,13851400002\n",
     "+8613851400002|李\n", NULL},
    {"a line break in a name", N, "", "姓名,手机号\n\"王\n英\",13851400001\n李,13851400002\n",
     "+8613851400002|李\n", NULL},
    {"a column of one's own naming", N, "\"columns\":{\"sms\":\"联系方式2\",\"name\":\"称呼\"}",
     "姓名,手机号,联系方式2,称呼\n王,025-83200000,13851400001,王阿姨\n", "+8613851400001|王阿姨\n",
     ""},
    {"an emoji in an English text costs", "{\"en\":\"Hello {{name}}\"}", "",
     "name,phone\nAnn😊,13851400001\nBob,13851400002\n", "+8613851400001|Ann😊\n+8613851400002|Bob\n",
     NULL},
    {"an open quote costs its line", N, "", "姓名,手机号\n\"王,13851400001\n李,13851400002\n",
     "+8613851400002|李\n",
     "2! a quote (\") is opened and never closed: close it or take it out\n"},
    {"what spreadsheets cannot calculate", N, "", "姓名,手机号\n=1+1,13851400001\n",
     "+8613851400001|=1+1\n", ""},
};

static void test_lists(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        struct campaign *c = campaign(lists[i].texts, lists[i].audience);
        struct result r = RESULT;

        read_text(c, lists[i].list, strlen(lists[i].list), &r);
        if (r.rc != 0)
            fail_msg("%s: %s", lists[i].what, r.err.text);
        if (strcmp(buf_string(&r.rows), lists[i].rows) != 0)
            fail_msg("%s: %s%s", lists[i].what, buf_string(&r.rows), buf_string(&r.remarks));
        if (lists[i].remarks != NULL && strcmp(buf_string(&r.remarks), lists[i].remarks) != 0)
            fail_msg("%s: %s", lists[i].what, buf_string(&r.remarks));
        assert_int_equal(r.report.rows, r.report.taken + r.report.refused + r.report.merged);
        result_free(&r);
        campaign_free(c);
    }
}

/* ---------------------------------------------------------------- what is fatal */
/* A person's zone that nobody knows is told, and costs her nothing else. */
static void test_unknown_zone(void **state)
{
    static const char *const known[] = {"name", "sms", "timezone"};
    static const char json[] = "{\"id\":\"a\",\"class\":\"notice\",\"title\":\"T\","
                               "\"event\":{\"starts\":\"2027-03-06T09:00\"},\"texts\":" N ","
                               "\"reminders\":[{\"name\":\"r\",\"at\":\"now\"}]}";
    static const char list[] =
        "姓名,手机号,时区\nA,13851400001,Europe/Berlin\nB,13851400002,Mars/Olympus\n";
    struct error err = {""};
    struct campaign *c =
        campaign_create(tree_parse_json(json, strlen(json), NULL, &err), &defaults, known, 3, &err);
    struct result r = RESULT;

    (void)state;
    if (c == NULL)
        fail_msg("%s", err.text);
    read_text(c, list, strlen(list), &r);
    assert_int_equal(r.rc, 0);
    assert_string_equal(buf_string(&r.rows), "+8613851400001|A|Europe/Berlin\n+8613851400002|B|\n");
    assert_string_equal(buf_string(&r.remarks),
                        "3 the time zone \"Mars/Olympus\" is not known: the event's is used\n");
    result_free(&r);
    campaign_free(c);
}

static const struct {
    const char *what, *audience, *list, *words;
} refused[] = {
    {"an empty file", "", "", ": is empty"},
    {"no column with numbers", "", "姓名,号\n王,13851400001\n",
     ": no column with phone numbers (手机号, 电话, phone, ...); its columns are 姓名, 号; name "
     "the "
     "right one with audience.columns"},
    {"no header at all", "", "王,138 5140 0001\n", ": row 1 is no header: there is a telephone"},
    {"half a workbook", "", "PK\x03\x04",
     ": is no Excel workbook, or a damaged one: save the list anew"},
    {"a mapped column that is not there", "\"columns\":{\"sms\":\"手机好\"}",
     "姓名,手机号\n王,13851400001\n",
     "audience.columns.sms: the file has no column \"手机好\"; did you mean \"手机号\"?; its "
     "columns are 姓名, 手机号"},
    {"bytes of no encoding", "", "\xef\xbb\xbf姓名,手机号\n\xff\xff,13851400001\n", "UTF-8"},
};

static void test_refused(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        struct campaign *c = campaign(N, refused[i].audience);
        struct result r = RESULT;

        read_text(c, refused[i].list, strlen(refused[i].list), &r);
        if (r.rc == 0)
            fail_msg("%s was taken", refused[i].what);
        if (strstr(r.err.text, refused[i].words) == NULL)
            fail_msg("%s: %s", refused[i].what, r.err.text);
        result_free(&r);
        campaign_free(c);
    }
}

/* The reader's language holds for what is wrong with the file as for its rows. */
static void test_refused_in_chinese(void **state)
{
    static const struct {
        const char *list, *words;
    } facts[] = {
        {"", "：文件是空的"},
        {"PK\x03\x04", "：不是 Excel 工作簿，或已损坏"},
        {"姓名,号\n王,13851400001\n",
         "：没有电话号码列（手机号、电话、phone 等）；现有的列是 姓名, 号；"},
        {"王,13851400001\n", "：第 1 行不是表头：里面有电话号码；"},
        {"姓名,\"手机号\n", "：第 1 行：引号（\"）没有成对"},
    };
    struct campaign *c = campaign(N, "");
    size_t i;

    (void)state;
    language_set_chinese(true);
    for (i = 0; i < sizeof facts / sizeof facts[0]; i++) {
        struct result r = RESULT;

        read_text(c, facts[i].list, strlen(facts[i].list), &r);
        assert_int_equal(r.rc, -1);
        if (strstr(r.err.text, facts[i].words) == NULL)
            fail_msg("%s", r.err.text);
        result_free(&r);
    }
    language_set_chinese(false);
    campaign_free(c);
}

static void test_most_recipients(void **state)
{
    struct campaign *c = campaign("\"t\"", "");
    struct result r = RESULT;
    char *list = xcalloc(1, 20000), *at = list + sprintf(list, "phone\n");
    size_t i;

    (void)state;
    for (i = 0; i < 1001; i++)
        at += sprintf(at, "1385140%04zu\n", i);
    read_text(c, list, strlen(list), &r);
    assert_int_equal(r.rc, -1);
    assert_non_null(strstr(r.err.text, "row 1002: more than 1000 recipients"));
    result_free(&r);
    campaign_free(c);
    free(list);
}

static int stop_at_first(void *arg, const char *row, size_t n, struct error *err)
{
    (void)row;
    (void)n;
    ++*(int *)arg;
    return error_set(err, "Redis is away");
}

static void test_sink_stops(void **state)
{
    struct campaign *c = campaign("\"t\"", "");
    int calls = 0;
    struct audience_sink sink = {stop_at_first, NULL, NULL, &calls};
    struct audience_report report;
    struct error err = {""};

    (void)state;
    assert_int_equal(audience_read_file(c, TEST_DIR "/data/jobseekers.csv", &sink, &report, &err),
                     -1);
    assert_int_equal(calls, 1);
    assert_string_equal(err.text, "Redis is away");
    campaign_free(c);
}

/* ---------------------------------------------------------------------- inline */
static const struct {
    const char *what, *recipients, *rows, *remarks;
} inlines[] = {
    {"our names", "[{\"sms\":\"+8613851400011\",\"name\":\"周桂兰\",\"slot\":\"x\"}]",
     "+8613851400011|周桂兰\n", ""},
    {"anyone's names", "[{\"手机号\":\"13851400011\",\"Name\":\"周桂兰\"}]",
     "+8613851400011|周桂兰\n", ""},
    {"a number as a number", "[{\"sms\":13851400011}]", "+8613851400011|\n",
     "1 there is no name: the text's default stands for it\n"},
    {"one that is none, one without a number",
     "[7,{\"name\":\"x\"},{\"sms\":\"13851400012\",\"name\":[1]},"
     "{\"sms\":\"13851400013\",\"name\":null}]",
     "+8613851400013|\n", NULL},
    {"nobody", "[]", "", ""},
};

static void test_inline(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < sizeof inlines / sizeof inlines[0]; i++) {
        struct campaign *c = campaign(N, "");
        struct tree *list =
            tree_parse_json(inlines[i].recipients, strlen(inlines[i].recipients), NULL, NULL);
        struct result r = RESULT;
        struct audience_sink sink = {on_row, on_remark, on_progress, &r};

        assert_int_equal(audience_read_inline(c, list, &sink, &r.report, &r.err), 0);
        if (strcmp(buf_string(&r.rows), inlines[i].rows) != 0)
            fail_msg("%s: %s%s", inlines[i].what, buf_string(&r.rows), buf_string(&r.remarks));
        if (inlines[i].remarks != NULL && strcmp(buf_string(&r.remarks), inlines[i].remarks) != 0)
            fail_msg("%s: %s", inlines[i].what, buf_string(&r.remarks));
        result_free(&r);
        tree_free(list);
        campaign_free(c);
    }
}

/* --------------------------------------------------------------- several lists */
static void add_text(struct audience *a, const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    struct error err = {""};

    fputs(text, f);
    fclose(f);
    if (audience_add_file(a, path, &err) != 0)
        fail_msg("%s", err.text);
    unlink(path);
}

/* Who is in two lists counts once, as the first has her; who is in the campaign already, not at
 * all. Each by same_phone. */
static const struct {
    const char *same_phone, *rows;
    unsigned long merged, elsewhere;
} several[] = {
    {"each", "+8613851400003|李桂芳\n+8613851400004|周敏\n+8613851400003|王秀英\n", 2, 2},
    {"first", "+8613851400003|李桂芳\n+8613851400004|周敏\n", 3, 3},
    {"merge", "+8613851400003|李桂芳、王秀英\n+8613851400004|周敏\n", 3, 3},
};

static void test_several_lists(void **state)
{
    static const char known[] = "+8613851400001\x1f陈洁";

    (void)state;
    for (size_t i = 0; i < sizeof several / sizeof several[0]; i++) {
        char *audience = xasprintf("\"file\":[\"a.csv\",\"b.csv\"],\"same_phone\":\"%s\","
                                   "\"columns\":{\"name\":\"叫什么\"},\"everyone\":true",
                                   several[i].same_phone);
        struct campaign *c = campaign(N, audience);
        struct result r = RESULT;
        struct audience_sink sink = {on_row, on_remark, on_progress, &r};
        struct audience *a = audience_begin(c, &sink, &r.report);
        struct csv_field person[] = {{"13851400003", 11}, {"李桂芳", 9}};

        audience_known(a, known, sizeof known - 1);
        add_text(a, "/tmp/audience-test-a.csv",
                 "姓名,手机号\n陈洁,13851400001\n李桂芳,13851400003\n周敏,13851400004\n");
        add_text(a, "/tmp/audience-test-b.csv",
                 "手机号,叫什么\n13851400003,王秀英\n13851400004,周敏\n");
        audience_begin_register(a);
        assert_int_equal(audience_add_person(a, 17, person, &r.err), 0);
        assert_int_equal(audience_end(a, &r.err), 0);
        assert_string_equal(buf_string(&r.rows), several[i].rows);
        assert_int_equal(r.report.known, 1);
        assert_int_equal(r.report.rows, 6);
        assert_int_equal(r.report.merged, several[i].merged);
        assert_int_equal(r.report.elsewhere, several[i].elsewhere);
        assert_non_null(
            strstr(buf_string(&r.remarks), "2 audience-test-a.csv: is in the campaign already"));
        assert_non_null(strstr(buf_string(&r.remarks), "3 audience-test-b.csv: the same "));
        assert_non_null(
            strstr(buf_string(&r.remarks), " (audience-test-a.csv)\n17 register: the "));
        audience_free(a);
        result_free(&r);
        campaign_free(c);
        free(audience);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sample),
        cmocka_unit_test(test_header),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_unknown_zone),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_most_recipients),
        cmocka_unit_test(test_sink_stops),
        cmocka_unit_test(test_inline),
        cmocka_unit_test(test_refused_in_chinese),
        cmocka_unit_test(test_broken_files),
        cmocka_unit_test(test_several_lists),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
