#include "phone.h"

#include <phonenumbers/logger.h>
#include <phonenumbers/phonenumber.pb.h>
#include <phonenumbers/phonenumberutil.h>
#include <unicode/uclean.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

extern "C" {
#include "language.h"
#include "mem.h"
#include "utf8.h"
}

using i18n::phonenumbers::NullLogger;
using i18n::phonenumbers::PhoneNumber;
using i18n::phonenumbers::PhoneNumberUtil;

namespace
{

constexpr size_t MAX_RAW = 256; /* bytes of a cell that may be a number */
constexpr size_t MAX_KEPT = 64; /* of them, digits and what decides */
constexpr int SEVERAL_FROM = 7; /* so many digits on both sides of a bar are two numbers */

struct fault_text {
    const char *name, *text;
};
const fault_text faults[] = {
    /* PHONE_OK */
    {"ok", N_("fine")},
    /* PHONE_EMPTY */
    {"empty", N_("no number: fill it in or delete the row")},
    /* PHONE_NOT_A_NUMBER */
    {"not-a-number", N_("not a telephone number: write digits only")},
    /* PHONE_DESTROYED */
    {"destroyed",
     N_("Excel has destroyed the number: format the column as text and paste the numbers again")},
    /* PHONE_SEVERAL */
    {"several", N_("more than one number: give each a row of its own")},
    /* PHONE_TOO_SHORT */
    {"too-short", N_("the number is too short: digits are missing")},
    /* PHONE_TOO_LONG */
    {"too-long", N_("the number is too long: one number per row, without anything behind it")},
    /* PHONE_LANDLINE */
    {"landline", N_("a landline cannot receive texts: ask for a mobile number")},
    /* PHONE_SERVICE */
    {"service", N_("a service number cannot receive texts: ask for a mobile number")},
    /* PHONE_INVALID */
    {"invalid", N_("no such number exists: check the digits")},
};

/* Its regular expressions are ICU's. Where one cannot be made for want of memory, no number is
 * one: a list would be refused. */
void rule_memory()
{
    UErrorCode status = U_ZERO_ERROR;

    u_setMemoryFunctions(
        nullptr, [](const void *, size_t n) { return xmalloc(n); },
        [](const void *, void *p, size_t n) { return xrealloc(p, n); },
        [](const void *, void *p) { free(p); }, &status);
}

/* The library is loaded at the first number, not at every start. */
const PhoneNumberUtil &library()
{
    static PhoneNumberUtil *util = [] {
        PhoneNumberUtil *loaded;

        rule_memory();
        loaded = PhoneNumberUtil::GetInstance();
        loaded->SetLogger(new NullLogger); /* it would write foreign numbers to stdout */
        return loaded;
    }();

    return *util;
}

/* What the library says of a number of digits and perhaps a plus before them. */
phone_fault ask(const std::string &digits, const char *country, std::string *e164)
{
    const PhoneNumberUtil &util = library();
    PhoneNumber number;

    switch (util.Parse(digits, country, &number)) {
    case PhoneNumberUtil::NO_PARSING_ERROR:
        break;
    case PhoneNumberUtil::TOO_SHORT_NSN:
    case PhoneNumberUtil::TOO_SHORT_AFTER_IDD:
        return PHONE_TOO_SHORT;
    case PhoneNumberUtil::TOO_LONG_NSN:
        return PHONE_TOO_LONG;
    case PhoneNumberUtil::INVALID_COUNTRY_CODE_ERROR:
        return PHONE_INVALID;
    default: /* libphonenumber calls "12" no number; we know that it has digits only */
        return PHONE_TOO_SHORT;
    }
    switch (util.GetNumberType(number)) {
    case PhoneNumberUtil::MOBILE:
    case PhoneNumberUtil::FIXED_LINE_OR_MOBILE:
        util.Format(number, PhoneNumberUtil::E164, e164);
        return e164->size() < PHONE_BYTES ? PHONE_OK : PHONE_TOO_LONG;
    case PhoneNumberUtil::FIXED_LINE:
        return PHONE_LANDLINE;
    case PhoneNumberUtil::UNKNOWN:
        break;
    default:
        return PHONE_SERVICE;
    }
    switch (util.IsPossibleNumberForTypeWithReason(number, PhoneNumberUtil::MOBILE)) {
    case PhoneNumberUtil::TOO_SHORT:
    case PhoneNumberUtil::IS_POSSIBLE_LOCAL_ONLY:
        return PHONE_TOO_SHORT;
    case PhoneNumberUtil::TOO_LONG:
        return PHONE_TOO_LONG;
    default:
        return PHONE_INVALID;
    }
}

/*
 * Mainland mobile numbers without asking for each: a million rows would take the
 * library ten seconds. In its table the first five of the eleven digits decide
 * (…|1740[0-5]\d{6}|…), no pattern of another type fits a number of that length
 * and beginning, and no carrier code begins so and is mobile. So it is asked
 * once per five digits, with ten numbers in which every further place takes
 * every value; only if all ten are mobile, and their own E.164 form, does the
 * answer stand for the prefix. Else, and should a later table look further, the
 * library is asked for every number. phone_test.c compares the two.
 */
constexpr size_t CN_DIGITS = 11;
enum prefix_answer : uint8_t { UNASKED, MOBILE, ASK };
prefix_answer cn_prefixes[10000]; /* by the digits 2..5 */

bool prefix_is_mobile(const char *digits)
{
    for (int i = 0; i < 10; i++) {
        std::string number(digits, 5), e164;

        for (int place = 0; place < 6; place++) /* a shift of its own: no two run alike */
            number += static_cast<char>('0' + (i * (place % 2 ? 3 : 1) + place) % 10);
        if (ask(number, "CN", &e164) != PHONE_OK || e164 != "+86" + number)
            return false;
    }
    return true;
}

/* The eleven digits of a mainland mobile number that the prefix decides, or NULL. */
const char *known_mobile(const std::string &digits)
{
    const char *d = digits.c_str();
    size_t skip = 0;

    if (digits.compare(0, 3, "+86") == 0)
        skip = 3;
    else if (digits.compare(0, 4, "0086") == 0)
        skip = 4;
    if (digits.size() != skip + CN_DIGITS || d[skip] != '1' || d[skip + 1] < '3')
        return nullptr;
    d += skip;

    prefix_answer &answer =
        cn_prefixes[(d[1] - '0') * 1000 + (d[2] - '0') * 100 + (d[3] - '0') * 10 + d[4] - '0'];
    if (answer == UNASKED)
        answer = prefix_is_mobile(d) ? MOBILE : ASK;
    return answer == MOBILE ? d : nullptr;
}

bool is_skipped(uint32_t c)
{
    return c == ' ' || c == '\t' || c == '-' || c == '(' || c == ')' || c == 0xa0 || c == 0xad ||
           (c >= 0x2000 && c <= 0x2015) || (c >= 0x202a && c <= 0x202f) ||
           (c >= 0x2060 && c <= 0x2069) || c == 0x2212 || c == 0x3000 || c == 0x30fc || c == 0xfeff;
}

bool is_apostrophe(uint32_t c)
{
    return c == '\'' || c == '`' || c == 0x2018 || c == 0x2019 || c == '"' || c == 0x201c;
}

/* Between numbers, for people who put two into a cell. */
bool is_bar(uint32_t c)
{
    return c == '/' || c == ',' || c == ';' || c == '|' || c == '\n' || c == '\r' || c == 0x3001;
}

/* Keeps digits, plus, dot, E and bars (as '/'); the rest is dropped if it
 * belongs to how people write numbers, or else is no number at all. */
phone_fault keep_what_counts(const char *raw, size_t n, std::string *kept)
{
    const char *p = raw, *end = raw + n;

    if (n > MAX_RAW)
        return PHONE_NOT_A_NUMBER;
    while (p < end) {
        uint32_t c;

        if (utf8_next(&p, end, &c) != 0)
            return PHONE_NOT_A_NUMBER;
        if (c >= 0xff01 && c <= 0xff5e)
            c = c - 0xff01 + '!';
        if (is_skipped(c) || (kept->empty() && is_apostrophe(c)) || (c == '\r' && p == end))
            continue;
        if ((c >= '0' && c <= '9') || c == '.' || c == 'E' || c == 'e')
            *kept += c == 'e' ? 'E' : static_cast<char>(c);
        else if (is_bar(c))
            *kept += '/';
        else if (c == '+' && (kept->empty() || kept->back() == 'E' || kept->back() == '/'))
            *kept += '+';
        else
            return PHONE_NOT_A_NUMBER;
    }
    while (!kept->empty() && kept->back() == '/')
        kept->pop_back();
    if (kept->size() > MAX_KEPT)
        return PHONE_NOT_A_NUMBER;
    return kept->empty() ? PHONE_EMPTY : PHONE_OK;
}

size_t count_digits(const std::string &s, size_t from, size_t to)
{
    size_t count = 0;

    for (size_t i = from; i < to; i++)
        count += s[i] >= '0' && s[i] <= '9';
    return count;
}

/* "0171/1234567" is one number, "13851400001/13851400002" are two. */
phone_fault resolve_bars(std::string *s)
{
    size_t bar = s->find('/');

    if (bar == std::string::npos)
        return PHONE_OK;
    if (s->find('/', bar + 1) != std::string::npos ||
        (count_digits(*s, 0, bar) >= SEVERAL_FROM &&
         count_digits(*s, bar, s->size()) >= SEVERAL_FROM))
        return PHONE_SEVERAL;
    s->erase(bar, 1);
    return PHONE_OK;
}

/* 1.38514E+10 has lost digits; 1.3851400001E10, as some programs write a cell,
 * has them all: as many behind the dot as the exponent says. */
phone_fault resolve_exponent(std::string *s)
{
    size_t e = s->find('E'), dot = s->find('.');

    if (e == std::string::npos)
        return PHONE_OK;
    std::string mantissa = s->substr(0, e), exponent = s->substr(e + 1);
    if (!exponent.empty() && exponent[0] == '+')
        exponent.erase(0, 1);
    if (exponent.empty() || exponent.size() > 2 || mantissa.empty() ||
        exponent.find_first_not_of("0123456789") != std::string::npos ||
        mantissa.find_first_not_of("0123456789.") != std::string::npos)
        return PHONE_NOT_A_NUMBER;
    if (dot != 1 || mantissa.size() - 2 != static_cast<size_t>(std::stoi(exponent)))
        return PHONE_DESTROYED;
    *s = mantissa.erase(1, 1);
    return PHONE_OK;
}

/* 13851400001.0 is a float out of a spreadsheet; other dots only separate. */
void resolve_dots(std::string *s)
{
    size_t dot = s->find('.');

    if (dot != std::string::npos && s->find('.', dot + 1) == std::string::npos &&
        s->find_first_not_of('0', dot + 1) == std::string::npos &&
        (dot >= 10 || s->size() - dot <= 3))
        s->erase(dot);
    for (dot = s->find('.'); dot != std::string::npos; dot = s->find('.'))
        s->erase(dot, 1);
}

phone_fault normalize(const char *raw, size_t n, const char *country, char *out)
{
    std::string digits, e164;
    phone_fault fault = keep_what_counts(raw, n, &digits);

    if (fault == PHONE_OK)
        fault = resolve_bars(&digits);
    if (fault == PHONE_OK)
        fault = resolve_exponent(&digits);
    if (fault != PHONE_OK)
        return fault;
    resolve_dots(&digits);
    if (digits.find('+', 1) != std::string::npos || count_digits(digits, 0, digits.size()) == 0)
        return PHONE_NOT_A_NUMBER;

    const char *mobile = strcmp(country, "CN") == 0 ? known_mobile(digits) : nullptr;
    if (mobile != nullptr) {
        memcpy(out, "+86", 3);
        memcpy(out + 3, mobile, CN_DIGITS + 1);
        return PHONE_OK;
    }
    fault = ask(digits, country, &e164);
    if (fault == PHONE_OK)
        memcpy(out, e164.c_str(), e164.size() + 1);
    return fault;
}

} // namespace

int phone_normalize(const char *raw, size_t n, const char *country, char out[PHONE_BYTES],
                    phone_fault *fault)
{
    phone_fault found;

    out[0] = '\0';
    try {
        found = normalize(raw, n, country, out);
    } catch (...) { /* nothing that we call is known to throw; C could not catch it */
        out[0] = '\0';
        found = PHONE_NOT_A_NUMBER;
    }
    if (fault != nullptr)
        *fault = found;
    return found == PHONE_OK ? 0 : -1;
}

bool phone_country_known(const char *country)
{
    try {
        return library().GetCountryCodeForRegion(country) != 0;
    } catch (...) {
        return false;
    }
}

const char *phone_fault_name(phone_fault fault)
{
    return faults[fault].name;
}

const char *phone_fault_text(phone_fault fault)
{
    return language_text(faults[fault].text);
}
