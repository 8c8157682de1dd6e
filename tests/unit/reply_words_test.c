/* Does a reply say no? The words and rules of the operators, in all the ways that people
 * type them. */
#include "reply_words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
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
    /* what an operator's text asks for, with more words around it */
    {"TD退订", true},
    {"回复R", true},
    {"回复：r", false}, /* what stands between is looked at by a person */
    {"回T", true},
    {"回复TD", true},
    {"回N。", true},
    {"回复1", false},
    {"回来", false},
    {"回", false},
    {"回复", false},
    {"T退订", true},
    {"R退订", true},
    {"回复TD退订", true},
    {"退订回T", true},
    {"退订回N", true},
    {"拒收请回复R", true},
    {"退订！不要再发了", true},
    {"取消订阅", true},
    {"我要取消订阅", true},
    {"拒绝接收", true},
    {"以后不再接收", true},
    {"别再发了", true},
    {"别发了", true},
    {"不要发了，烦", true},
    {"退訂", true},
    {"不要再發", true},
    {"請別再發", true},
    {"拒收拒收拒收", true},
    {"td退订谢谢", true},
    /* spaces within */
    {"退 订", true},
    {"退　订", true},
    {"请 退 订", true},
    {"不要 再发", true},
    {"T D", true},
    {"S T O P", true},
    {"0 0 0 0", true},
    {"opt out", true},
    {"Opt Out", true},
    {"STOP ALL", true},
    {"un subscribe", true},
    {"ＯＰＴ　ＯＵＴ", true},
    {"取\xe2\x80\x8b消", true}, /* a zero-width space */
    {"revoke", true},
    {"Revoke.", true},
    {"(opt out)", true},
    /* no refusal */
    {"报名", false},
    {"1 报名", false},
    {"我报名，谢谢", false},
    {"Y", false},
    {"YES", false},
    {"OK", false},
    {"ok", false},
    {"嗯", false},
    {"好", false},
    {"TT", false},
    {"RR", false},
    {"NN", false},
    {"TDD", false},
    {"AT", false},
    {"T恤有吗", false},
    {"R U OK", false},
    {"N号楼在哪", false},
    {"取消了吗", false},
    {"活动取消吗？", false},
    {"是不是取消了", false},
    {"订票", false},
    {"退休人员能来吗", false},
    {"可以退吗", false},
    {"收到，不见不散", false},
    {"发我地址", false},
    {"再发一次", false},
    {"没收到，请再发", false},
    {"endless", false},
    {"Weekend?", false},
    {"Is it stopped", false},
    {"unstop", false},
    {"UNSTOP", false},
    {"removed", false},
    {"Quit smoking class?", false},
    {"cancel my seat", false},
    {"10000", false},
    {"0000元", false},
    {"13851400001", false},
    {"救命", false},
    {"[微笑]", false},
    {"\xf0\x9f\x91\x8d", false}, /* a thumb */
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

/* ------------------------------------------- each word in each dress, as people type */

static const char *const words[] = {
    "T",    "TD",     "R",      "N",       "QX",          "0000",   "退订",
    "取消", "拒收",   "STOP",   "STOPALL", "UNSUBSCRIBE", "CANCEL", "END",
    "QUIT", "REMOVE", "OPTOUT", "OPT-OUT", "ARRET",       "REVOKE",
};

static void plain(const char *word, char *out)
{
    strcpy(out, word);
}

static void small(const char *word, char *out)
{
    for (; (*out = *word) != '\0'; out++, word++)
        *out |= *word >= 'A' && *word <= 'Z' ? 0x20 : 0;
}

/* ASCII 0x21..0x7e is U+FF01..U+FF5E in full width. */
static void wide(const char *word, char *out)
{
    for (; *word != '\0'; word++) {
        unsigned c = (unsigned char)*word;

        if (c < 0x21 || c > 0x7e) {
            *out++ = *word;
            continue;
        }
        c += 0xff01 - 0x21;
        *out++ = (char)(0xe0 | c >> 12);
        *out++ = (char)(0x80 | (c >> 6 & 0x3f));
        *out++ = (char)(0x80 | (c & 0x3f));
    }
    *out = '\0';
}

static const struct dress {
    const char *name, *before, *after;
    void (*cut)(const char *word, char *out);
    bool no;
} dresses[] = {
    {"alone", "", "", plain, true},
    {"in small letters", "", "", small, true},
    {"full width", "", "", wide, true},
    {"full width, quoted", "“", "”。", wide, true},
    {"with spaces", "  ", " \r\n", small, true},
    {"with Chinese spaces", "　", "　", plain, true},
    {"with a full stop", "", "。", small, true},
    {"with exclamation marks", "", "！！", plain, true},
    {"in brackets", "【", "】", plain, true},
    {"with digits behind it", "", "5", plain, false}, /* but for words that count anywhere */
};

static void test_dress(void **state)
{
    const struct dress *d = *state;
    char cut[64], text[96];

    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        bool anywhere = strcmp(words[i], "退订") == 0 || strcmp(words[i], "拒收") == 0 ||
                        strcmp(words[i], "UNSUBSCRIBE") == 0;
        int n;

        d->cut(words[i], cut);
        n = snprintf(text, sizeof text, "%s%s%s", d->before, cut, d->after);
        if (refusal_says_no(text, (size_t)n) != (d->no || anywhere))
            fail_msg("%s", text);
    }
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

/* --------------------------------------------------- words that people were asked for */

static const struct asked {
    const char *text, *word;
    bool is;
} asked[] = {
    {"1", "1", true},         {"１", "1", true},           {"回1", "1", true},
    {"回复１。", "1", true},  {" 1 ", "1", true},          {"11", "1", false},
    {"1号", "1", false},      {"syb", "SYB", true},        {"ｓｙｂ！", "SYB", true},
    {"S Y B", "syb", true},   {"回复SYB", "syb", true},    {"插花", "插花", true},
    {"“插花”", "插花", true}, {"插花培训", "插花", false}, {"回", "回", true},
    {"", "1", false},         {"。", "1", false},
};

static void test_asked(void **state)
{
    const struct asked *a = *state;
    struct reply_words r;

    reply_read(&r, a->text, strlen(a->text));
    assert_int_equal(reply_is(&r, a->word), a->is);
}

/* -------------------------------------------------------------------------- alarms */

static const struct call {
    const char *text;
    bool alarms;
} calls[] = {
    {"救命", true},
    {"救 命！！", true},
    {"他又打我了", true},
    {"家暴", true},
    {"我要报警", true},
    {"我要報警", true},
    {"我不想活了", true},
    {"help", true},
    {"Help me please", true},
    {"he beats me", true},
    {"ＨＥＬＰ", true},
    {"110", true},
    {"打我电话", false}, /* asks for a call, */
    {"请打我手机13851400001", false},
    {"他打我，请打我电话", true}, /* and this one for more */
    {"1", false},
    {"报名", false},
    {"退订", false},
    {"1103室", false},
    {"helpful", false},
    {"谢谢", false},
    {"", false},
};

static void test_call(void **state)
{
    const struct call *f = *state;
    struct reply_words r;

    reply_read(&r, f->text, strlen(f->text));
    assert_int_equal(reply_alarms(&r) != NULL, f->alarms);
}

/* Every word of the table is found by itself, in small letters too, and is no refusal: one
 * reply has one meaning. */
static void test_table(void **state)
{
    char line[256], small[256];
    FILE *table = fopen(TEST_DIR "/../daemon/text/alarm_words.tsv", "r");
    size_t count = 0;

    (void)state;
    assert_non_null(table);
    while (fgets(line, sizeof line, table) != NULL) {
        struct reply_words r;
        bool none;

        if (line[0] == '#')
            continue;
        none = strstr(line, "\tnot\t") != NULL;
        assert_int_equal(strspn(line, "\n"), 0);
        line[strcspn(line, "\t")] = '\0';
        snprintf(small, sizeof small, "%s", line);
        for (char *p = small; *p != '\0'; p++)
            *p = (char)(*p >= 'A' && *p <= 'Z' ? *p + 32 : *p);
        reply_read(&r, small, strlen(small));
        if ((reply_alarms(&r) != NULL) == none || reply_refuses(&r))
            fail_msg("%s", line);
        count++;
    }
    fclose(table);
    assert_true(count > 40);
}

static void test_gives_back(void **state)
{
    static const char *const back[] = {"取消",     "取消。", "回复取消",
                                       "取消报名", "cancel", "Ｃancel"};
    static const char *const not_back[] = {"退订", "TD", "T", "R", "取消订阅", "STOP", "取消插花"};
    struct reply_words r;

    (void)state;
    for (size_t i = 0; i < sizeof back / sizeof *back; i++) {
        reply_read(&r, back[i], strlen(back[i]));
        assert_true(reply_gives_back(&r));
    }
    for (size_t i = 0; i < sizeof not_back / sizeof *not_back; i++) {
        reply_read(&r, not_back[i], strlen(not_back[i]));
        assert_false(reply_gives_back(&r));
    }
}

#define COUNT(a) (sizeof(a) / sizeof *(a))

int main(void)
{
    struct CMUnitTest tests[COUNT(facts) + COUNT(dresses) + COUNT(asked) + COUNT(calls) + 3];
    size_t n = 0;

    for (size_t i = 0; i < COUNT(facts); i++)
        tests[n++] = (struct CMUnitTest){facts[i].text, test_fact, NULL, NULL, (void *)&facts[i]};
    for (size_t i = 0; i < COUNT(dresses); i++)
        tests[n++] =
            (struct CMUnitTest){dresses[i].name, test_dress, NULL, NULL, (void *)&dresses[i]};
    for (size_t i = 0; i < COUNT(asked); i++)
        tests[n++] = (struct CMUnitTest){asked[i].text, test_asked, NULL, NULL, (void *)&asked[i]};
    for (size_t i = 0; i < COUNT(calls); i++)
        tests[n++] = (struct CMUnitTest){calls[i].text, test_call, NULL, NULL, (void *)&calls[i]};
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_long_and_broken);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_table);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_gives_back);
    return cmocka_run_group_tests_name("reply words", tests, NULL, NULL);
}
