#include "column.h"

#include "language.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

struct pair {
    const char *said, *meant;
};

static const struct pair headings[] = {
    {"姓名", "name"},         {"名字", "name"},        {"居民姓名", "name"},
    {"联系人", "name"},       {"name", "name"},        {"fullname", "name"},
    {"手机号", "sms"},        {"手机", "sms"},         {"手机号码", "sms"},
    {"电话", "sms"},          {"电话号码", "sms"},     {"联系电话", "sms"},
    {"联系方式", "sms"},      {"移动电话", "sms"},     {"phone", "sms"},
    {"phonenumber", "sms"},   {"mobile", "sms"},       {"mobilephone", "sms"},
    {"cell", "sms"},          {"tel", "sms"},          {"telephone", "sms"},
    {"sms", "sms"},           {"语言", "language"},    {"语种", "language"},
    {"language", "language"}, {"lang", "language"},    {"时段", "slot"},
    {"预约时间", "slot"},     {"预约时段", "slot"},    {"slot", "slot"},
    {"appointment", "slot"},  {"时区", "timezone"},    {"timezone", "timezone"},
    {"企业微信", "wecom"},    {"wecom", "wecom"},      {"钉钉", "dingtalk"},
    {"dingtalk", "dingtalk"}, {"飞书", "feishu"},      {"feishu", "feishu"},
    {"微信", "wechat"},       {"wechat", "wechat"},    {"telegram", "telegram"},
    {"whatsapp", "whatsapp"}, {"同意依据", "consent"}, {"同意来源", "consent"},
    {"同意接收", "consent"},  {"知情同意", "consent"}, {"consent", "consent"},
    {"optin", "consent"},
};

/* Bare (fold_bare()). Of some only a number is somebody's alone: 证件类型 and 社保 are not. */
static const struct private_heading {
    const char *stem;
    bool numbered;
} private_headings[] = {
    {"身份证", false},        {"居民身份证", false},   {"公民身份证", false},
    {"身份证件", false},      {"公民身份", true},      {"身份", true},
    {"证件", true},           {"护照", false},         {"社保卡", false},
    {"社会保障卡", false},    {"社保", true},          {"社会保障", true},
    {"居住证", true},         {"军官证", true},        {"士兵证", true},
    {"户口簿", true},         {"户口本", true},        {"通行证", true},
    {"医保卡", false},        {"医保", true},          {"银行卡", false},
    {"银行账户", false},      {"银行帐户", false},     {"银行账", true},
    {"银行帐", true},         {"sfz", false},          {"sfzh", false},
    {"sfzhm", false},         {"shenfenzheng", false}, {"idcard", false},
    {"identitycard", false},  {"nationalid", false},   {"id", true},
    {"identity", true},       {"passport", false},     {"ssn", false},
    {"socialsecurity", true}, {"bankcard", false},     {"bankaccount", false},
    {"iban", false},
};

static const char *const number_words[] = {"号码", "编号", "号", "number", "num", "no"};

static const struct pair languages[] = {
    {"zh", "zh"},       {"中文", "zh"},     {"汉语", "zh"},     {"普通话", "zh"},
    {"华语", "zh"},     {"chinese", "zh"},  {"mandarin", "zh"}, {"zh-cn", "zh"},
    {"zh_cn", "zh"},    {"cn", "zh"},       {"en", "en"},       {"英文", "en"},
    {"英语", "en"},     {"english", "en"},  {"en-us", "en"},    {"en-gb", "en"},
    {"en_us", "en"},    {"日语", "ja"},     {"日文", "ja"},     {"japanese", "ja"},
    {"ja", "ja"},       {"韩语", "ko"},     {"朝鲜语", "ko"},   {"korean", "ko"},
    {"ko", "ko"},       {"维吾尔语", "ug"}, {"ug", "ug"},       {"藏语", "bo"},
    {"bo", "bo"},       {"蒙古语", "mn"},   {"mn", "mn"},       {"俄语", "ru"},
    {"russian", "ru"},  {"ru", "ru"},       {"法语", "fr"},     {"french", "fr"},
    {"fr", "fr"},       {"西班牙语", "es"}, {"spanish", "es"},  {"es", "es"},
    {"阿拉伯语", "ar"}, {"arabic", "ar"},   {"ar", "ar"},       {"越南语", "vi"},
    {"vi", "vi"},
};

#define FOLDED_BYTES 32 /* longer than anything known */

/* Lower case without spaces (ASCII, no-break and ideographic), NUL-terminated;
 * false if it is too long to be known. */
static bool fold(const char *s, size_t n, char out[FOLDED_BYTES])
{
    size_t i, used = 0;

    for (i = 0; i < n; i++) {
        if (s[i] == ' ' || s[i] == '\t' || s[i] == '\r' || s[i] == '\n')
            continue;
        if (n - i >= 2 && memcmp(s + i, "\xc2\xa0", 2) == 0) {
            i++;
            continue;
        }
        if (n - i >= 3 && memcmp(s + i, "\xe3\x80\x80", 3) == 0) {
            i += 2;
            continue;
        }
        if (used == FOLDED_BYTES - 1)
            return false;
        out[used++] = (char)tolower((unsigned char)s[i]);
    }
    out[used] = '\0';
    return used > 0;
}

/* Where its first bracket is, or n. */
static size_t bracket_at(const char *s, size_t n)
{
    size_t i = 0;

    while (i < n && s[i] != '(' && (n - i < 3 || memcmp(s + i, "（", 3) != 0))
        i++;
    return i;
}

/* Without what joins words or marks a column, and up to what a bracket explains: "id_card",
 * "ID-Card No.", "*身份证号", "身份证号（必填）". */
static bool fold_bare(const char *s, size_t n, char out[FOLDED_BYTES])
{
    static const char *const marks[] = {"_", "-", ".", "*", "#", ":", "："};
    size_t used = 0;

    if (!fold(s, bracket_at(s, n), out))
        return false;
    for (size_t i = 0; out[i] != '\0';) {
        size_t length = 0;

        for (size_t k = 0; length == 0 && k < sizeof marks / sizeof *marks; k++)
            if (strncmp(out + i, marks[k], strlen(marks[k])) == 0)
                length = strlen(marks[k]);
        if (length > 0)
            i += length;
        else
            out[used++] = out[i++];
    }
    out[used] = '\0';
    return used > 0;
}

static const char *find(const struct pair *table, size_t count, const char *folded)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(table[i].said, folded) == 0)
            return table[i].meant;
    return NULL;
}

static const char *look_up(const struct pair *table, size_t count, const char *s, size_t n)
{
    char folded[FOLDED_BYTES];

    return fold(s, n, folded) ? find(table, count, folded) : NULL;
}

/* The first Chinese word that means it. */
static const char *said(const struct pair *table, size_t count, const char *meant)
{
    for (size_t i = 0; language_chinese() && i < count; i++)
        if (strcmp(table[i].meant, meant) == 0 && (table[i].said[0] & 0x80))
            return table[i].said;
    return meant;
}

const char *column_words(const char *name)
{
    return said(headings, sizeof headings / sizeof *headings, name);
}

const char *column_language_words(const char *code)
{
    return said(languages, sizeof languages / sizeof *languages, code);
}

/* What a template's bracket says of how a column is to be filled in; any other tells whose it is:
 * 手机号（家属） is not hers. */
static bool is_instruction(const char *heading, size_t n)
{
    static const char *const known[] = {"必填", "必填项", "选填",     "必须",
                                        "11位", "11位数", "11位数字", "required"};
    char folded[FOLDED_BYTES];
    size_t at = bracket_at(heading, n), length;

    if (at == n)
        return true; /* there is none */
    at += heading[at] == '(' ? 1 : strlen("（");
    if (!fold(heading + at, n - at, folded))
        return false;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        length = strlen(known[i]);
        if (strncmp(folded, known[i], length) == 0 &&
            (strcmp(folded + length, ")") == 0 || strcmp(folded + length, "）") == 0))
            return true;
    }
    return false;
}

const char *column_known(const char *heading, size_t n)
{
    const size_t count = sizeof headings / sizeof *headings;
    const char *known = look_up(headings, count, heading, n);
    char bare[FOLDED_BYTES];

    if (known == NULL && is_instruction(heading, n) && fold_bare(heading, n, bare))
        known = find(headings, count, bare);
    return known;
}

/* How much of it is left without the word for a number at its end. */
static size_t stem_length(const char *bare)
{
    size_t n = strlen(bare);

    for (size_t i = 0; i < sizeof number_words / sizeof *number_words; i++) {
        size_t word = strlen(number_words[i]);

        if (n > word && strcmp(bare + n - word, number_words[i]) == 0)
            return n - word;
    }
    return n;
}

bool column_is_private(const char *heading, size_t n)
{
    char bare[FOLDED_BYTES];
    size_t length;

    if (!fold_bare(heading, n, bare))
        return false;
    length = stem_length(bare);
    for (size_t i = 0; i < sizeof private_headings / sizeof *private_headings; i++) {
        const struct private_heading *p = &private_headings[i];

        if (strlen(p->stem) == length && memcmp(p->stem, bare, length) == 0)
            return !p->numbered || bare[length] != '\0';
    }
    return false;
}

bool column_is_phone(const char *channel)
{
    return strcmp(channel, "sms") == 0 || strcmp(channel, "whatsapp") == 0;
}

const char *column_language_code(const char *value, size_t n)
{
    const char *code = look_up(languages, sizeof languages / sizeof languages[0], value, n);

    return code == NULL ? "" : code;
}

bool column_name_valid(const char *name, size_t n)
{
    size_t i;

    if (n == 0 || n > 64)
        return false;
    for (i = 0; i < n; i++)
        if ((unsigned char)name[i] < 0x20 || name[i] == 0x7f || strchr(".{}|", name[i]) != NULL)
            return false;
    return true;
}
