/* CSV as programs write it. Rows are shown as {a|b}; a fault as {!}. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "csv.h"
#include "error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct source {
    const char *at, *end;
    size_t piece; /* bytes a read */
};

static long source_read(void *arg, char *out, size_t size, struct error *err)
{
    struct source *source = arg;
    size_t n = (size_t)(source->end - source->at);

    (void)err;
    if (n > source->piece)
        n = source->piece;
    if (n > size)
        n = size;
    memcpy(out, source->at, n);
    source->at += n;
    return (long)n;
}

static void render(const char *text, size_t n, size_t piece, char *out, size_t size)
{
    struct source source = {text, text + n, piece};
    struct csv *csv = csv_create(source_read, &source);
    struct csv_row row;
    size_t used = 0, i;

    out[0] = '\0';
    while (csv_next(csv, &row, NULL) == 1) {
        used += (size_t)snprintf(out + used, size - used, "{");
        if (row.fault != CSV_FINE)
            used += (size_t)snprintf(out + used, size - used, "!");
        for (i = 0; i < row.count; i++)
            used += (size_t)snprintf(out + used, size - used, "%s%.*s", i ? "|" : "",
                                     (int)row.fields[i].length, row.fields[i].bytes);
        used += (size_t)snprintf(out + used, size - used, "}");
        assert_true(used < size);
    }
    csv_free(csv);
}

static const struct {
    const char *what, *text, *rows;
} facts[] = {
    {"nothing", "", ""},
    {"plain rows", "a,b\nc,d\n", "{a|b}{c|d}"},
    {"CRLF", "a,b\r\nc,d\r\n", "{a|b}{c|d}"},
    {"CR, as old Macs wrote", "a,b\rc,d\r", "{a|b}{c|d}"},
    {"the last line without an end", "a,b\nc,d", "{a|b}{c|d}"},
    {"semicolons", "a;b\nc,x;d\n", "{a|b}{c,x|d}"},
    {"tabs", "a\tb\nc,x\td\n", "{a|b}{c,x|d}"},
    {"a comma in a quoted header does not make it commas", "\"a,b,c\";d\n1;2\n", "{a,b,c|d}{1|2}"},
    {"quoted comma", "a,b\n\"x, y\",d\n", "{a|b}{x, y|d}"},
    {"doubled quotes", "a,b\n\"say \"\"yes\"\"\",d\n", "{a|b}{say \"yes\"|d}"},
    {"a field of one quote", "a,b\n\"\"\"\",d\n", "{a|b}{\"|d}"},
    {"an empty quoted field", "a,b\n\"\",d\n", "{a|b}{|d}"},
    {"a line break in quotes", "a,b\n\"x\ny\",d\ne,f\n", "{a|b}{x\ny|d}{e|f}"},
    {"a CRLF in quotes", "a,b\r\n\"x\r\ny\",d\r\ne,f\r\n", "{a|b}{x\r\ny|d}{e|f}"},
    {"a quote inside a plain field", "a,b\n5\" pipe,d\n", "{a|b}{5\" pipe|d}"},
    {"text behind the closing quote", "a,b\n\"x\"yz,d\n", "{a|b}{xyz|d}"},
    {"empty fields", "a,b,c\n,,\nx,,\n", "{a|b|c}{||}{x||}"},
    {"blank lines", "a,b\n\n\r\nc,d\n", "{a|b}{}{}{c|d}"},
    {"more and fewer fields", "a,b\n1,2,3\n4\n", "{a|b}{1|2|3}{4}"},
    {"one column", "a\nb\n", "{a}{b}"},
    {"an open quote costs its line only", "a,b\n\"x,y\nc,d\ne,f\n", "{a|b}{!}{c|d}{e|f}"},
    {"a quote that opens in one row and closes in another takes both", "a,b\n\"x,1\ny\",2\ne,f\n",
     "{a|b}{x,1\ny|2}{e|f}"},
    {"Chinese", "姓名,手机号\n王秀英,13851400001\n", "{姓名|手机号}{王秀英|13851400001}"},
};

static void test_facts(void **state)
{
    static const size_t pieces[] = {1, 2, 3, 7, 100000};
    char out[1024];
    size_t i, k;

    (void)state;
    for (i = 0; i < sizeof facts / sizeof facts[0]; i++)
        for (k = 0; k < sizeof pieces / sizeof pieces[0]; k++) {
            render(facts[i].text, strlen(facts[i].text), pieces[k], out, sizeof out);
            if (strcmp(out, facts[i].rows) != 0)
                fail_msg("%s, in pieces of %zu: %s", facts[i].what, pieces[k], out);
        }
}

static char *repeat(const char *head, const char *unit, size_t times, const char *tail)
{
    char *text = malloc(strlen(head) + strlen(unit) * times + strlen(tail) + 1), *at = text;
    size_t i;

    at = stpcpy(at, head);
    for (i = 0; i < times; i++)
        at = stpcpy(at, unit);
    stpcpy(at, tail);
    return text;
}

static const struct {
    const char *what, *head, *unit;
    size_t times;
    const char *tail, *rows;
} bounds[] = {
    {"a row too long is one fault", "a,b\n", "x", 70000, ",1\nc,d\n", "{a|b}{!}{c|d}"},
    {"so is one of a megabyte", "a,b\n", "x", 1000000, ",1\nc,d\n", "{a|b}{!}{c|d}"},
    {"and one that never ends", "a,b\n", "x", 1000000, "", "{a|b}{!}"},
    {"too many fields", "a,b\n", "x,", 256, "1\nc,d\n", "{a|b}{!}{c|d}"},
    {"an open quote in a long file", "a,b\n\"", "", 0, "1\n", "{a|b}{!}"},
};

static void test_bounds(void **state)
{
    char out[1024];
    size_t i;

    (void)state;
    for (i = 0; i < sizeof bounds / sizeof bounds[0]; i++) {
        char *text = repeat(bounds[i].head, bounds[i].unit, bounds[i].times, bounds[i].tail);

        render(text, strlen(text), 5000, out, sizeof out);
        if (strcmp(out, bounds[i].rows) != 0)
            fail_msg("%s: %.200s", bounds[i].what, out);
        free(text);
    }
}

/* Rows across the buffer's end, many times. */
static void test_long_file(void **state)
{
    char *text = repeat("n,t\n", "12345678,\"a \"\"b\"\",\nc\"\n", 60000, "");
    struct source source = {text, text + strlen(text), 4099};
    struct csv *csv = csv_create(source_read, &source);
    struct csv_row row;
    unsigned long rows = 0;

    (void)state;
    while (csv_next(csv, &row, NULL) == 1) {
        assert_int_equal(row.number, ++rows);
        assert_int_equal(row.count, 2);
        if (rows > 1) {
            assert_int_equal(row.fields[0].length, 8);
            assert_memory_equal(row.fields[1].bytes, "a \"b\",\nc", 8);
        }
    }
    assert_int_equal(rows, 60001);
    csv_free(csv);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_facts),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_long_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
