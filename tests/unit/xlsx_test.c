/*
 * Workbooks, written by libxlsxwriter as Excel would, read back as people see them.
 */
#include "cell_format.h"
#include "error.h"
#include "xlsx.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <xlsxwriter.h>
#include <zip.h>

static char path[64];

static lxw_workbook *begin(uint8_t inline_strings)
{
    lxw_workbook_options options = {.constant_memory = inline_strings};

    snprintf(path, sizeof path, "/tmp/outreach-xlsx-%d.xlsx", (int)getpid());
    return workbook_new_opt(path, &options);
}

/* All rows as "number: a|b|c\n". */
static int read_all(const char *sheet, char *out, size_t size, struct error *err)
{
    struct xlsx *x = xlsx_open(path, sheet, err);
    struct csv_row row;
    size_t n = 0;
    int rc;

    out[0] = '\0';
    if (x == NULL)
        return -1;
    while ((rc = xlsx_next(x, &row, err)) == 1) {
        n += (size_t)snprintf(out + n, size - n, "%lu:", row.number);
        if (row.fault != CSV_FINE)
            n += (size_t)snprintf(out + n, size - n, " fault %d", (int)row.fault);
        for (size_t i = 0; i < row.count; i++)
            n += (size_t)snprintf(out + n, size - n, "%c%.*s", i > 0 ? '|' : ' ',
                                  (int)row.fields[i].length, row.fields[i].bytes);
        n += (size_t)snprintf(out + n, size - n, "\n");
        assert_true(n < size);
    }
    xlsx_close(x);
    return rc;
}

static void test_cells(void **state)
{
    char out[4096];
    struct error err;

    (void)state;
    for (uint8_t inline_strings = 0; inline_strings < 2; inline_strings++) {
        lxw_workbook *book = begin(inline_strings);
        lxw_worksheet *page = workbook_add_worksheet(book, "居民");
        lxw_format *zeros = workbook_add_format(book), *day = workbook_add_format(book),
                   *minute = workbook_add_format(book), *bold = workbook_add_format(book),
                   *chinese = workbook_add_format(book);
        lxw_datetime date = {2027, 3, 5, 0, 0, 0}, slot = {2027, 3, 5, 8, 40, 0};

        format_set_num_format(zeros, "00000000000");
        format_set_num_format(day, "yyyy/m/d");
        format_set_num_format(minute, "yyyy/m/d h:mm");
        format_set_num_format(chinese, "[$-804]yyyy\"年\"m\"月\"d\"日\";@");
        format_set_bold(bold);
        worksheet_write_string(page, 0, 0, "姓名", bold);
        worksheet_write_string(page, 0, 1, "手机号", NULL);
        worksheet_write_string(page, 1, 0, "王秀英 & <李>", NULL);
        worksheet_write_number(page, 1, 1, 13851400001.0, NULL);
        worksheet_write_number(page, 1, 3, 1.5, NULL);
        worksheet_write_number(page, 3, 0, 2558, zeros);
        worksheet_write_datetime(page, 3, 1, &date, day);
        worksheet_write_datetime(page, 3, 2, &slot, minute);
        worksheet_write_datetime(page, 3, 3, &date, chinese);
        worksheet_write_boolean(page, 3, 4, 1, NULL);
        worksheet_write_formula_str(page, 4, 0, "=B2&\"\"", NULL, "13851400001");
        worksheet_write_formula_num(page, 4, 1, "=B2+1", NULL, 13851400002.0);
        assert_int_equal(workbook_close(book), LXW_NO_ERROR);
        assert_int_equal(read_all(NULL, out, sizeof out, &err), 0);
        assert_string_equal(out, "1: 姓名|手机号\n"
                                 "2: 王秀英 & <李>|13851400001||1.5\n"
                                 "4: 00000002558|2027-03-05|2027-03-05 08:40|2027-03-05|TRUE\n"
                                 "5: 13851400001|13851400002\n");
    }
}

static void test_rich_text(void **state)
{
    lxw_workbook *book = begin(0);
    lxw_worksheet *page = workbook_add_worksheet(book, NULL);
    lxw_format *bold = workbook_add_format(book);
    lxw_rich_string_tuple one = {NULL, "王"}, two = {bold, "秀英"};
    lxw_rich_string_tuple *name[] = {&one, &two, NULL};
    char out[256];
    struct error err;

    (void)state;
    format_set_bold(bold);
    worksheet_write_rich_string(page, 0, 0, name, NULL);
    workbook_close(book);
    assert_int_equal(read_all(NULL, out, sizeof out, &err), 0);
    assert_string_equal(out, "1: 王秀英\n");
}

static void test_sheets(void **state)
{
    lxw_workbook *book = begin(0);
    lxw_worksheet *first = workbook_add_worksheet(book, "说明"),
                  *second = workbook_add_worksheet(book, "居民"),
                  *hidden = workbook_add_worksheet(book, "旧名单");
    char out[256];
    struct error err;

    (void)state;
    worksheet_write_string(second, 0, 0, "姓名", NULL);
    worksheet_write_string(hidden, 0, 0, "别人", NULL);
    worksheet_hide(hidden);
    assert_int_equal(workbook_close(book), LXW_NO_ERROR);
    (void)first; /* nothing stands in it */
    assert_int_equal(read_all(NULL, out, sizeof out, &err), 0);
    assert_string_equal(out, "1: 姓名\n");
    assert_int_equal(read_all("旧名单", out, sizeof out, &err), 0);
    assert_string_equal(out, "1: 别人\n");
    assert_int_equal(read_all("居氏", out, sizeof out, &err), -1);
    assert_non_null(strstr(err.text, "no sheet \"居氏\"; its sheets are 说明, 居民, 旧名单"));
}

static void test_which_sheet(void **state)
{
    lxw_workbook *book = begin(0);
    char out[256];
    struct error err;

    (void)state;
    worksheet_write_string(workbook_add_worksheet(book, "城南"), 0, 0, "姓名", NULL);
    worksheet_write_string(workbook_add_worksheet(book, "城北"), 0, 0, "姓名", NULL);
    workbook_close(book);
    assert_int_equal(read_all(NULL, out, sizeof out, &err), -1);
    assert_non_null(strstr(err.text, "several sheets hold something (城南, 城北): say which"));
    assert_int_equal(read_all("城北", out, sizeof out, &err), 0);
    /* The one that is proposed is the list, not the notes before it. */
    book = begin(0);
    lxw_worksheet *notes = workbook_add_worksheet(book, "填表说明"), *list;
    worksheet_write_string(notes, 0, 0, "每月更新", NULL);
    worksheet_write_string(notes, 2, 0, "不要改列名", NULL);
    workbook_add_worksheet(book, "空表");
    list = workbook_add_worksheet(book, "居民");
    for (lxw_row_t row = 0; row < 3; row++)
        for (lxw_col_t column = 0; column < 2; column++)
            worksheet_write_string(list, row, column, "x", NULL);
    worksheet_write_string(workbook_add_worksheet(book, "旧"), 0, 0, "y", NULL);
    workbook_close(book);
    assert_int_equal(read_all(NULL, out, sizeof out, &err), -1);
    assert_non_null(strstr(err.text, "(填表说明, 居民, 旧): say which"));
    assert_non_null(strstr(err.text, "sheet = \"居民\""));
}

static void test_faults_of_rows(void **state)
{
    lxw_workbook *book = begin(0);
    lxw_worksheet *page = workbook_add_worksheet(book, NULL);
    char out[256], *large = malloc(32001);
    struct error err;

    (void)state;
    memset(large, 'a', 32000);
    large[32000] = '\0';
    worksheet_write_string(page, 0, 300, "far", NULL);
    for (lxw_col_t i = 0; i < 3; i++)
        worksheet_write_string(page, 1, i, large, NULL);
    worksheet_write_string(page, 2, 0, "good", NULL);
    workbook_close(book);
    free(large);
    assert_int_equal(read_all(NULL, out, sizeof out, &err), 0);
    assert_string_equal(out, "1: fault 2\n2: fault 1\n3: good\n");
}

/* ------------------------------------------------------------ what is no good */

static void put(zip_t *zip, const char *name, const char *text)
{
    assert_true(zip_file_add(zip, name, zip_source_buffer(zip, text, strlen(text), 0), 0) >= 0);
}

static void handmade(const char *book, const char *sheet)
{
    zip_t *zip;

    snprintf(path, sizeof path, "/tmp/outreach-xlsx-%d.xlsx", (int)getpid());
    zip = zip_open(path, ZIP_CREATE | ZIP_TRUNCATE, NULL);
    assert_non_null(zip);
    put(zip, "xl/workbook.xml", book);
    put(zip, "xl/_rels/workbook.xml.rels",
        "<Relationships><Relationship Id=\"r1\" Type=\"x/worksheet\" Target=\"/s.xml\"/>"
        "</Relationships>");
    put(zip, "s.xml", sheet);
    assert_int_equal(zip_close(zip), 0);
}

#define BOOK "<workbook><sheets><sheet name=\"a\" id=\"r1\"/></sheets></workbook>"

static void test_damaged(void **state)
{
    static const struct {
        const char *book, *sheet, *words;
    } facts[] = {
        {"<workbook>", "", "no element found"},
        {BOOK, "<worksheet><sheetData><row r=\"1\"><c><v>1</v></row>", "mismatched tag"},
        {BOOK, "<!DOCTYPE a [<!ENTITY b \"c\">]><worksheet/>", "DOCTYPE"},
        {"<workbook><sheets><sheet name=\"a\" id=\"r2\"/></sheets></workbook>", "", "is empty"},
    };
    char out[256];
    struct error err;

    (void)state;
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) {
        handmade(facts[i].book, facts[i].sheet);
        assert_int_equal(read_all(NULL, out, sizeof out, &err), -1);
        if (strstr(err.text, facts[i].words) == NULL)
            fail_msg("%zu: %s", i, err.text);
    }
    /* Columns that are none, indexes of strings that are not there, and a row of no number. */
    handmade(BOOK, "<worksheet><sheetData><row r=\"9\"><c r=\"ZZZZZZZZ1\"><v>1</v></c></row>"
                   "<row><c t=\"s\"><v>99999999999</v></c><c><v>x</v></c><c s=\"-1\"><v>1e3</v></c>"
                   "</row></sheetData></worksheet>");
    assert_int_equal(read_all(NULL, out, sizeof out, &err), 0);
    assert_string_equal(out, "9: fault 2\n10: |x|1000\n");
}

/* ------------------------------------------------------------------ numbers */

/* Days as Microsoft documents them: 1 is 1900-01-01, 60 the day that never was, 39448
 * 2008-01-01; with the 1904 system 0 is 1904-01-01 and 37986 the same 2008-01-01. */
static void test_numbers(void **state)
{
    static const struct {
        double number;
        const char *code;
        bool date1904;
        const char *shown;
    } facts[] = {
        {39448, "yyyy-mm-dd", false, "2008-01-01"},
        {37986, "yyyy-mm-dd", true, "2008-01-01"},
        {1, "d/m/yy", false, "1900-01-01"},
        {59, "d/m/yy", false, "1900-02-28"},
        {61, "d/m/yy", false, "1900-03-01"},
        {2958465, "yyyy", false, "9999-12-31"},
        {2958466, "yyyy", false, "2958466"},
        {39448.5, "m/d/yy h:mm", false, "2008-01-01 12:00"},
        {39448.999999, "m/d/yy h:mm", false, "2008-01-02 00:00"},
        {0.375, "h:mm AM/PM", false, "09:00"},
        {1.5, "[h]:mm", false, "12:00"},
        {-1, "yyyy", false, "-1"},
        {7, "000", false, "007"},
        {1234, "000", false, "1234"},
        {13851400001, "0", false, "13851400001"},
        {13851400001, "#,##0", false, "13851400001"},
        {0.1, "0.00%", false, "0.1"},
        {5, "\"day\" 0", false, "5"},
        {5, "0\\d", false, "5"},
        {1e300, "0", false, "1e+300"},
    };
    char out[CELL_BYTES];

    (void)state;
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) {
        size_t n = cell_format_number(out, facts[i].number, cell_format_code(facts[i].code),
                                      facts[i].date1904);

        assert_int_equal(n, strlen(out));
        if (strcmp(out, facts[i].shown) != 0)
            fail_msg("%g as %s: %s", facts[i].number, facts[i].code, out);
    }
    cell_format_number(out, 39448.25, cell_format_builtin(22), false);
    assert_string_equal(out, "2008-01-01 06:00");
    cell_format_number(out, 39448, cell_format_builtin(31), false); /* East Asia */
    assert_string_equal(out, "2008-01-01");
    cell_format_number(out, 39448, cell_format_builtin(0), false);
    assert_string_equal(out, "39448");
}

static int remove_book(void **state)
{
    (void)state;
    unlink(path);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cells),          cmocka_unit_test(test_rich_text),
        cmocka_unit_test(test_sheets),         cmocka_unit_test(test_which_sheet),
        cmocka_unit_test(test_faults_of_rows), cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_numbers),
    };

    return cmocka_run_group_tests(tests, NULL, remove_book);
}
