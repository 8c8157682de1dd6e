#include "remark.h"

#include "error.h"
#include "language.h"
#include "utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const sentences[] = {
    [REMARK_COLUMN_FAULT] = N_("%.80s: %s"),
    [REMARK_NO_ADDRESS] = N_("%s: there is no address; fill it in, or take the row out"),
    [REMARK_OTHER_ADDRESS] = N_("%s: %s (the person's other address is used)"),
    [REMARK_LANGUAGE] = N_("the language \"%.60s\" is not known: write zh or en; the campaign's "
                           "language is used"),
    [REMARK_SLOT] = N_("the time \"%.60s\" cannot be read: write 2027-03-05 08:40"),
    [REMARK_NO_SLOT] = N_("there is no time (slot): the reminders of this campaign need one"),
    [REMARK_TIMEZONE] = N_("the time zone \"%.60s\" is not known: the event's is used"),
    [REMARK_NO_NAME] = N_("there is no name: the text's default stands for it"),
    [REMARK_HOLE] =
        N_("%s is empty, and the text of reminder \"%s\" has no default for it: fill it "
           "in, or write {{...|default}}"),
    [REMARK_TOO_LONG] = N_("the text of reminder \"%s\" needs %lu SMS parts for this person, more "
                           "than %lu: shorten what stands in the row"),
    [REMARK_NOT_GSM] = N_("%s holds a character that makes the whole SMS cost up to three times as "
                          "much"),
    [REMARK_FEWER] = N_("has %lu fields, the header has %lu"),
    [REMARK_MORE] = N_("has %lu fields, the header has %lu: what is beyond is not used"),
    [REMARK_SAME_MERGED] = N_("the same address as row %lu: one notice for both"),
    [REMARK_SAME_PERSON] = N_("the same person as in row %lu: taken once"),
    [REMARK_SAME_PHONE] = N_("the same address as row %lu: only the first is taken"),
    [REMARK_SAME_MANY] =
        N_("the same address as row %lu: one notice, which has no room for one more "
           "name"),
    [REMARK_NOT_A_ROW] = N_("is no recipient: expected an object of strings"),
    [REMARK_ROW_TOO_LONG] = N_("the row is longer than 64 KiB: look for a quote (\") that is not "
                               "closed"),
    [REMARK_ROW_FIELDS] = N_("the row has more than 256 fields"),
    [REMARK_ROW_QUOTE] = N_("a quote (\") is opened and never closed: close it or take it out"),
    [REMARK_SECOND_PHONES] = N_("the column %.80s has telephone numbers too: only %.80s is used "
                                "(audience.columns names another)"),
    [REMARK_KNOWN] = N_("is in the campaign already: not added again"),
    [REMARK_IN_LIST] = N_("%.80s: %.400s"),
    [REMARK_OF_LIST] = N_("%.400s (%.80s)"),
    [REMARK_REGISTER] = N_("register"),
    [LIST_XLS] = N_("%s: is an old Excel workbook (.xls), or has a password: save it as .xlsx "
                    "without one (File, Save As)"),
    [LIST_NO_FILE] = N_("%s: is not a regular file"),
    [LIST_EMPTY] = N_("%s: is empty"),
    [LIST_HEADER] = N_("%s: row %lu: %s"),
    [LIST_NO_HEADER] =
        N_("%s: row %lu is no header: there is a telephone number in it; put a row of "
           "headings above it, such as 姓名,手机号"),
    [LIST_NO_PHONES] =
        N_("%s: no column with phone numbers (手机号, 电话, phone, ...); its columns "
           "are %s; name the right one with audience.columns = { %s = \"...\"; }"),
    [LIST_NO_ADDRESS] = N_("%s: no column \"%s\"; its columns are %s; name the right one with "
                           "audience.columns = { %s = \"...\"; }"),
    [LIST_LATE_ADDRESS] = N_("%s: no column for %s; its columns are %s; name the right one in its "
                             "first row, such as 手机号"),
    [LIST_NO_COLUMN] = N_("the file has no column \"%.80s\"%s; its columns are %s"),
    [LIST_NEAREST] = N_("; did you mean \"%.80s\"?"),
    [LIST_BOOK_DAMAGED] =
        N_("%s: the workbook is damaged (%s: %s): open it in Excel and save it anew"),
    [LIST_NO_BOOK] =
        N_("%s: is no Excel workbook, or a damaged one: save the list anew as .xlsx, or as CSV"),
    [LIST_NO_SHEET] = N_("%s: no sheet \"%s\"; its sheets are %s"),
    [LIST_WHICH_SHEET] = N_("%s: several sheets hold something (%s): say which, as in audience = "
                            "{ sheet = \"%s\"; ... }"),
    [LIST_TOO_MANY] = N_("row %lu: more than %lu recipients (defaults.max_audience)"),
};

const char *remark_write(char out[REMARK_BYTES], enum remark remark, ...)
{
    va_list ap;
    size_t n;

    va_start(ap, remark);
    vsnprintf(out, REMARK_BYTES, language_text(sentences[remark]), ap);
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
    vsnprintf(text, sizeof text, language_text(sentences[remark]), ap);
    va_end(ap);
    return error_set(err, "%s", text);
}
