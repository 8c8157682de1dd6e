#include "remark.h"

#include "error.h"
#include "language.h"
#include "utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *en, *zh;
} sentences[] = {
    [REMARK_COLUMN_FAULT] = {"%s: %s", "“%s”：%s"},
    [REMARK_NO_ADDRESS] = {"%s: there is no address; fill it in, or take the row out",
                           "“%s”为空：请补填，或删去此行"},
    [REMARK_OTHER_ADDRESS] = {"%s: %s (the person's other address is used)",
                              "“%s”：%s（改用此人的其他地址）"},
    [REMARK_LANGUAGE] = {"the language \"%.60s\" is not known: write zh or en; the campaign's "
                         "language is used",
                         "不认识语言“%.60s”：请写中文或英文；现按活动的语言发送"},
    [REMARK_SLOT] = {"the time \"%.60s\" cannot be read: write 2027-03-05 08:40",
                     "时段“%.60s”无法识别：请写成 2027-03-05 08:40"},
    [REMARK_NO_SLOT] = {"there is no time (slot): the reminders of this campaign need one",
                        "没有时段：本活动的提醒需要每人的时段"},
    [REMARK_TIMEZONE] = {"the time zone \"%.60s\" is not known: the event's is used",
                         "不认识时区“%.60s”：现按活动的时区"},
    [REMARK_NO_NAME] = {"there is no name: the text's default stands for it",
                        "没有姓名：短信里用默认称呼代替"},
    [REMARK_HOLE] = {"%s is empty, and the text of reminder \"%s\" has no default for it: fill it "
                     "in, or write {{...|default}}",
                     "“%s”为空，而提醒“%s”的短信没有默认值：请补填，或写成 {{...|默认值}}"},
    [REMARK_TOO_LONG] = {"the text of reminder \"%s\" needs %lu SMS parts for this person, more "
                         "than %lu: shorten what stands in the row",
                         "提醒“%s”发给此人要拆成%lu条短信，超过%lu条：请缩短此行内容"},
    [REMARK_NOT_GSM] = {"%s holds a character that makes the whole SMS cost up to three times as "
                        "much",
                        "“%s”里有特殊字符，整条短信的费用最多会变成三倍"},
    [REMARK_FEWER] = {"has %lu fields, the header has %lu", "有 %lu 列，而表头有 %lu 列"},
    [REMARK_MORE] = {"has %lu fields, the header has %lu: what is beyond is not used",
                     "有 %lu 列，而表头只有 %lu 列：多出的内容不使用"},
    [REMARK_SAME_MERGED] = {"the same address as row %lu: one notice for both",
                            "与第 %lu 行号码相同：合为一条，称呼两人"},
    [REMARK_SAME_PERSON] = {"the same person as in row %lu: taken once",
                            "与第 %lu 行是同一人：只算一次"},
    [REMARK_SAME_PHONE] = {"the same address as row %lu: only the first is taken",
                           "与第 %lu 行号码相同：只取第一个"},
    [REMARK_SAME_MANY] = {"the same address as row %lu: one notice, which has no room for one more "
                          "name",
                          "与第 %lu 行号码相同：合为一条，称呼已放不下"},
    [REMARK_NOT_A_ROW] = {"is no recipient: expected an object of strings",
                          "不是收件人：应为由字符串组成的对象"},
    [REMARK_ROW_TOO_LONG] = {"the row is longer than 64 KiB: look for a quote (\") that is not "
                             "closed",
                             "此行超过64KB：请检查引号（\"）是否成对"},
    [REMARK_ROW_FIELDS] = {"the row has more than 256 fields", "此行超过256列"},
    [REMARK_ROW_QUOTE] = {"a quote (\") is opened and never closed: close it or take it out",
                          "引号（\"）没有成对：请补上或删去"},
    [REMARK_SECOND_PHONES] =
        {"the column %.80s has telephone numbers too: only %.80s is used "
         "(audience.columns names another)",
         "“%.80s”列也是电话号码：只使用“%.80s”列（可用 audience.columns 另行指定）"},
    [REMARK_KNOWN] = {"is in the campaign already: not added again", "活动中已有此人：不重复添加"},
    [REMARK_IN_LIST] = {"%.80s: %.400s", "%.80s：%.400s"},
    [REMARK_OF_LIST] = {"%.400s (%.80s)", "%.400s（%.80s）"},
    [REMARK_REGISTER] = {"register", "居民库"},
    [LIST_XLS] = {"%s: is an old Excel workbook (.xls): save it as CSV (File, Save As, \"CSV "
                  "UTF-8\")",
                  "%s：这是旧版 Excel 工作簿（.xls）：请另存为 CSV（文件－另存为－“CSV UTF-8”）"},
    [LIST_NO_FILE] = {"%s: is not a regular file", "%s：不是普通文件"},
    [LIST_EMPTY] = {"%s: is empty", "%s：文件是空的"},
    [LIST_HEADER] = {"%s: row %lu: %s", "%s：第 %lu 行：%s"},
    [LIST_NO_HEADER] =
        {"%s: row %lu is no header: there is a telephone number in it; put a row of "
         "headings above it, such as 姓名,手机号",
         "%s：第 %lu 行不是表头：里面有电话号码；请在上面加一行列名，如 姓名,手机号"},
    [LIST_NO_PHONES] = {"%s: no column with phone numbers (手机号, 电话, phone, ...); its columns "
                        "are %s; name the right one with audience.columns = { %s = \"...\"; }",
                        "%s：没有电话号码列（手机号、电话、phone 等）；现有的列是 %s；"
                        "请用 audience.columns = { %s = \"列名\"; } 指明"},
    [LIST_NO_ADDRESS] = {"%s: no column \"%s\"; its columns are %s; name the right one with "
                         "audience.columns = { %s = \"...\"; }",
                         "%s：没有“%s”列；现有的列是 %s；"
                         "请用 audience.columns = { %s = \"列名\"; } 指明"},
    [LIST_NO_COLUMN] = {"the file has no column \"%.80s\"%s; its columns are %s",
                        "名单中没有“%.80s”列%s；现有的列是 %s"},
    [LIST_NEAREST] = {"; did you mean \"%.80s\"?", "（是否指“%.80s”？）"},
    [LIST_BOOK_DAMAGED] =
        {"%s: the workbook is damaged (%s: %s): open it in Excel and save it anew",
         "%s：工作簿已损坏（%s：%s）：请用 Excel 打开后重新保存"},
    [LIST_NO_BOOK] =
        {"%s: is no Excel workbook, or a damaged one: save the list anew as .xlsx, or as CSV",
         "%s：不是 Excel 工作簿，或已损坏：请将名单重新存为 .xlsx 或 CSV"},
    [LIST_NO_SHEET] = {"%s: no sheet \"%s\"; its sheets are %s",
                       "%s：没有工作表“%s”；现有的工作表是 %s"},
    [LIST_WHICH_SHEET] = {"%s: several sheets hold something (%s): say which, as in audience = "
                          "{ sheet = \"%s\"; ... }",
                          "%s：不止一个工作表有内容（%s）：请指明，如 audience = { sheet = \"%s\"; "
                          "... }"},
    [LIST_TOO_MANY] = {"row %lu: more than %lu recipients (defaults.max_audience)",
                       "第 %lu 行：收件人超过 %lu 位（defaults.max_audience）"},
};

const char *remark_language(void)
{
    return language_name();
}

static const char *remark_format(enum remark remark, const char *language)
{
    return strncmp(language, "zh", 2) == 0 ? sentences[remark].zh : sentences[remark].en;
}

const char *remark_write(char out[REMARK_BYTES], enum remark remark, const char *language, ...)
{
    va_list ap;
    size_t n;

    va_start(ap, language);
    vsnprintf(out, REMARK_BYTES, remark_format(remark, language), ap);
    va_end(ap);
    n = utf8_valid(out, strlen(out)); /* what was cut may end within a character */
    out[n] = '\0';
    return out;
}

int remark_error(struct error *err, enum remark remark, ...)
{
    char text[sizeof err->text];
    va_list ap;

    va_start(ap, remark);
    vsnprintf(text, sizeof text, remark_format(remark, remark_language()), ap);
    va_end(ap);
    return error_set(err, "%s", text);
}
