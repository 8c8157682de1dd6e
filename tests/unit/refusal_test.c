/* Does a reply say no? The words and rules of the operators, in all the ways that people
 * type them. */
#include "refusal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct fact {
    const char *text;
    bool no;
} facts[] = {
    /* each word as the whole reply */
    {"T", true},
    {"TD", true},
    {"R", true},
    {"N", true},
    {"QX", true},
    {"0000", true},
    {"退订", true},
    {"取消", true},
    {"拒收", true},
    {"STOP", true},
    {"STOPALL", true},
    {"UNSUBSCRIBE", true},
    {"CANCEL", true},
    {"END", true},
    {"QUIT", true},
    {"REMOVE", true},
    {"OPTOUT", true},
    {"OPT-OUT", true},
    {"ARRET", true},
    /* case */
    {"t", true},
    {"td", true},
    {"Td", true},
    {"stop", true},
    {"Stop", true},
    {"opt-Out", true},
    {"qx", true},
    /* full-width letters and digits, as a Chinese keyboard makes them */
    {"Ｔ", true},
    {"ＴＤ", true},
    {"ｔｄ", true},
    {"Ｒ", true},
    {"ｒ", true},
    {"００００", true},
    {"ＳＴＯＰ", true},
    {"ＯＰＴ－ＯＵＴ", true},
    /* spaces and punctuation around it, ASCII and Chinese */
    {" T ", true},
    {"T\r\n", true},
    {"\tTD\t", true},
    {"　T　", true},
    {"T。", true},
    {"T！", true},
    {"“T”", true},
    {"【TD】", true},
    {"《退订》", true},
    {"(R)", true},
    {"[R]", true},
    {"R.", true},
    {"取消。", true},
    {"取消！！", true},
    {"，取消", true},
    {"'stop'", true},
    {"\xc2\xa0STOP\xc2\xa0", true},
    {"…T…", true},
    /* words that count inside any text */
    {"我要退订", true},
    {"请退订，谢谢", true},
    {"拒收你们的短信", true},
    {"不要再发了", true},
    {"请不要再发给我", true},
    {"please unsubscribe me", true},
    {"Please UnSubscribe", true},
    {"ｕｎｓｕｂｓｃｒｉｂｅ", true},
    {"回T退订", true},
    /* single letters and short words only as the whole reply */
    {"Thanks", false},
    {"T1", false},
    {"NO", false},
    {"Not me", false},
    {"R2", false},
    {"Ta", false},
    {"Stop it", false},
    {"The end", false},
    {"取消报名吗", false},
    {"怎么取消", false},
    {"000", false},
    {"00000", false},
    {"0000 1", false},
    {"1", false},
    {"1报名", false},
    {"好的", false},
    {"收到", false},
    {"谢谢", false},
    {"你好", false},
    {"START", false},
    {"恢复", false},
    {"请问几点开始？", false},
    {"", false},
    {" ", false},
    {"。", false},
    {"!?", false},
};

static void test_fact(void **state)
{
    const struct fact *f = *state;
    size_t n = strlen(f->text);
    char *exact = malloc(n + 1); /* so that a read beyond it is seen */

    memcpy(exact, f->text, n);
    exact[n] = 'T';
    assert_int_equal(refusal_says_no(exact, n), f->no);
    exact = realloc(exact, n ? n : 1);
    assert_int_equal(refusal_says_no(exact, n), f->no);
    free(exact);
}

/* A word far into a long text counts; bytes that are no UTF-8 do no harm. */
static void test_long_and_broken(void **state)
{
    static const char word[] = "退订";
    char text[1024];

    (void)state;
    memset(text, 'x', sizeof text);
    assert_false(refusal_says_no(text, sizeof text));
    memcpy(text + 900, word, sizeof word - 1);
    assert_true(refusal_says_no(text, sizeof text));
    memset(text, ' ', sizeof text);
    assert_false(refusal_says_no(text, sizeof text));
    text[700] = 'T';
    assert_true(refusal_says_no(text, sizeof text));
    assert_false(refusal_says_no("\xff\xfe\xe9\x80", 4));
    assert_false(refusal_says_no("\xe9\x80", 2));
    assert_true(refusal_says_no("\xff\xe9\x80\x80\xe8\xae\xa2", 7)); /* 退订 behind a broken byte */
    for (unsigned seed = 1; seed < 2000; seed++) {
        char *junk = malloc(seed % 700 + 1);

        for (size_t i = 0; i < seed % 700; i++)
            junk[i] = (char)(seed * 31 + i * i * 17 + (i >> 3));
        refusal_says_no(junk, seed % 700);
        free(junk);
    }
}

#define COUNT(a) (sizeof(a) / sizeof *(a))

int main(void)
{
    struct CMUnitTest tests[COUNT(facts) + 1];

    for (size_t i = 0; i < COUNT(facts); i++)
        tests[i] = (struct CMUnitTest){facts[i].text, test_fact, NULL, NULL, (void *)&facts[i]};
    tests[COUNT(facts)] = (struct CMUnitTest)cmocka_unit_test(test_long_and_broken);
    return cmocka_run_group_tests_name("refusal", tests, NULL, NULL);
}
