/* One person's row, and the set of addresses seen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "campaign.h"
#include "column.h"
#include "error.h"
#include "mem.h"
#include "row.h"
#include "seen.h"
#include "tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void test_numbers_are_exact(void **state)
{
    struct seen s = {0};
    char number[32];
    bool fresh;
    uint32_t i;

    (void)state;
    for (i = 0; i < 100000; i++) {
        snprintf(number, sizeof number, "+8613851%06u", i);
        *seen_add(&s, seen_key(number, strlen(number), "", 0), i, &fresh) = i;
        assert_true(fresh);
    }
    for (i = 0; i < 100000; i++) {
        snprintf(number, sizeof number, "+8613851%06u", i);
        assert_int_equal(*seen_add(&s, seen_key(number, strlen(number), "", 0), 7, &fresh), i);
        assert_false(fresh);
    }
    assert_int_equal(s.used, 100000);
    seen_free(&s);
}

static void test_keys(void **state)
{
    (void)state;
    assert_int_equal(seen_key("+8613851400001", 14, "", 0), UINT64_C(8613851400001));
    assert_int_not_equal(seen_key("+8613851400001", 14, "a", 1),
                         seen_key("+8613851400001", 14, "b", 1));
    assert_int_not_equal(seen_key("wang", 4, "", 0), seen_key("wan", 3, "g", 1));
    assert_int_not_equal(seen_key("+0", 2, "", 0), 0);
}

static const struct {
    const char *heading, *ours;
} headings[] = {
    {"姓名", "name"},
    {" 姓 名 ", "name"},
    {"Name", "name"},
    {"手机号码", "sms"},
    {"手机号码（请填写能收到短信的号码，必填）", NULL},
    {"联系电话 ( 11位数字 )", "sms"},
    {"手机号（家属）", NULL},
    {"联系电话(紧急联系人)", NULL},
    {"姓名（监护人）", NULL},
    {"name_(old)", NULL},
    {"手机号（必填）（家属）", NULL},
    {"*手机号（必填）", "sms"},
    {"手机号码(11位)", "sms"},
    {"* 姓名", "name"},
    {"Mobile Phone", "sms"},
    {"PHONE", "sms"},
    {"联系电话", "sms"},
    {"语言", "language"},
    {"预约时间", "slot"},
    {"手机　号", "sms"},
    {"备注", NULL},
    {"", NULL},
    {"手机号是否有效", NULL},
    {"a heading that is longer than anything known here", NULL},
};

static void test_headings(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < sizeof headings / sizeof headings[0]; i++) {
        const char *ours = column_known(headings[i].heading, strlen(headings[i].heading));

        if ((ours == NULL) != (headings[i].ours == NULL) ||
            (ours != NULL && strcmp(ours, headings[i].ours) != 0))
            fail_msg("%s is %s", headings[i].heading, ours ? ours : "not known");
    }
}

static void test_private_headings(void **state)
{
    static const char *const private_[] = {"身份证号",
                                           "身份证",
                                           " 证件 号码",
                                           "ID card",
                                           "Passport No",
                                           "银行卡号",
                                           "id_card",
                                           "ID-Card No.",
                                           "idcard",
                                           "id_number",
                                           "IDNumber",
                                           "ID_NO",
                                           "identity_card_number",
                                           "sfzh",
                                           "*身份证号",
                                           "身份证号（必填）",
                                           "居民身份证号码（必填）",
                                           "身份证号码（18位，末位X大写）",
                                           "身份证号码(18位)",
                                           "社保卡号",
                                           "社会保障号",
                                           "社会保障号码",
                                           "社会保障卡号",
                                           "医保卡号",
                                           "护照号",
                                           "passport_number",
                                           "Passport",
                                           "银行卡",
                                           "银行账号",
                                           "bank_account",
                                           "Bank Account No.",
                                           "social-security-number",
                                           "SSN"},
                             *const others[] = {
                                 "姓名",   "编号",           "证件类型", "id",   "",
                                 "身份",   "身份证办理地点", "（备注）", "_",    "社区",
                                 "卡号",   "有无社保",       "idea",     "bank", "card_no",
                                 "开户行", "社保",           "医保",     "no",   "号码"};

    (void)state;
    for (size_t i = 0; i < sizeof private_ / sizeof *private_; i++)
        if (!column_is_private(private_[i], strlen(private_[i])))
            fail_msg("%s is private", private_[i]);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (column_is_private(others[i], strlen(others[i])))
            fail_msg("%s is not private", others[i]);
}

/* ------------------------------------------------------------------------- rows */
static const struct campaign_defaults defaults = {
    .timezone = "Asia/Shanghai",
    .country = "CN",
    .language = "zh",
    .signature = "【妇联】",
    .max_segments = 2,
};

static struct campaign *campaign(void)
{
    static const char json[] =
        "{\"id\":\"a\",\"class\":\"notice\",\"title\":\"T\",\"channels\":[\"sms\",\"wecom\"],"
        "\"event\":{\"starts\":\"2027-03-06T09:00\"},\"texts\":\"{{name}}{{x|}}{{x|}}\","
        "\"reminders\":[{\"name\":\"r\",\"at\":\"now\"}]}";
    struct error err = {""};
    struct campaign *c =
        campaign_create(tree_parse_json(json, strlen(json), NULL, NULL), &defaults, NULL, 0, &err);

    if (c == NULL)
        fail_msg("%s", err.text);
    return c;
}

struct heard {
    char text[1024];
    bool refused;
};

static void hear(void *arg, bool refused, const char *text)
{
    struct heard *heard = arg;

    snprintf(heard->text, sizeof heard->text, "%s", text);
    heard->refused |= refused;
}

#define X40 "一二三四五六七八九十一二三四五六七八九十一二三四五六七八九十一二三四五六七八九十"

static const struct {
    const char *what, *sms, *wecom, *name, *x, *row, *words;
} rows[] = {
    {"both addresses", "13851400001", "wang", "王", "", "+8613851400001|wang|王|", ""},
    {"one is enough", "", "wang", "王", "", "|wang|王|", ""},
    {"a bad one beside a good one", "025-83200000", "wang", "王", "", "|wang|王|",
     "sms: a landline cannot receive texts: ask for a mobile number (the person's other address is "
     "used)"},
    {"none", "", "", "王", "", NULL, "sms: no number: fill it in or delete the row"},
    {"a bad one and none", "12", "", "王", "", NULL, "sms: the number is too short"},
    {"no name where the text needs it", "13851400001", "", "", "", NULL, "name is empty"},
    {"two segments are allowed", "13851400001", "", "王", X40, "+8613851400001||王|" X40, ""},
    {"three are not", "13851400001", "", "王", X40 X40, NULL,
     "the text of reminder \"r\" needs 3 SMS parts for this person, more than 2"},
    {"a link", "13851400001", "", "http://x.example", "", NULL, "name: "},
    {"a separator of ours", "13851400001", "",
     "a\x1f"
     "b",
     "", NULL, "name: "},
};

static struct csv_field field(const char *s)
{
    return (struct csv_field){s, strlen(s)};
}

static void test_rows(void **state)
{
    struct campaign *c = campaign();
    struct row *row = xcalloc(1, sizeof *row);
    size_t i, k;

    (void)state;
    for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct csv_field raw[] = {field(rows[i].sms), field(rows[i].wecom), field(rows[i].name),
                                  field(rows[i].x)};
        struct heard heard = {"", false};
        int rc = row_make(c, raw, row, hear, &heard);

        if (rc != (rows[i].row == NULL ? -1 : 0) || heard.refused != (rows[i].row == NULL))
            fail_msg("%s: %d %s", rows[i].what, rc, heard.text);
        if (strncmp(heard.text, rows[i].words, strlen(rows[i].words)) != 0 ||
            (rows[i].words[0] == '\0' && heard.text[0] != '\0'))
            fail_msg("%s: %s", rows[i].what, heard.text);
        if (rc != 0)
            continue;
        for (k = 0; k < row->length; k++)
            row->bytes[k] = row->bytes[k] == ROW_SEPARATOR ? '|' : row->bytes[k];
        row->bytes[row->length] = '\0';
        assert_string_equal(row->bytes, rows[i].row);
    }
    free(row);
    campaign_free(c);
}

/* A list as JSON has no limit for the whole of a row. */
static void test_long_address(void **state)
{
    struct campaign *c = campaign();
    struct csv_field raw[] = {field("13851400001"), field(""), field("王"), field("")};
    struct row *row = xcalloc(1, sizeof *row);
    struct heard heard = {"", false};
    char *address = xmalloc(2 * CSV_ROW_BYTES);

    (void)state;
    memset(address, 'a', 2 * CSV_ROW_BYTES);
    raw[1] = (struct csv_field){address, 2 * CSV_ROW_BYTES};
    assert_int_equal(row_make(c, raw, row, hear, &heard), -1);
    assert_true(heard.refused);
    free(address);
    free(row);
    campaign_free(c);
}

static void test_replace(void **state)
{
    struct campaign *c = campaign();
    struct csv_field raw[] = {field("13851400001"), field(""), field("王"), field("3栋")};
    struct row *row = xcalloc(1, sizeof *row);
    struct heard heard = {"", false};

    (void)state;
    assert_int_equal(row_make(c, raw, row, hear, &heard), 0);
    assert_int_equal(row_replace(c, row, 2, "王、李", strlen("王、李")), 0);
    assert_int_equal(row->length, strlen("+8613851400001||王、李|3栋"));
    assert_memory_equal(row->bytes,
                        "+8613851400001\x1f\x1f王、李\x1f"
                        "3栋",
                        row->length);
    assert_memory_equal(row->values[3].text, "3栋", row->values[3].length);
    assert_int_equal(row_replace(c, row, 2, X40 X40 X40 X40, strlen(X40 X40 X40 X40)), -1);
    assert_memory_equal(row->bytes,
                        "+8613851400001\x1f\x1f王、李\x1f"
                        "3栋",
                        row->length);
    free(row);
    campaign_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_are_exact),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_headings),
        cmocka_unit_test(test_private_headings),
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_long_address),
        cmocka_unit_test(test_replace),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
