/* The register of residents in a real Redis. */
#include "residents.h"

#include "redis_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct redis_fixture f;
static struct residents *r;
static struct residents_told told;

#define ask(...) fixture_ask(&f, __VA_ARGS__)
#define is(expected, answer) assert_string_equal(answer, expected)
#define PEOPLE "outreach:{outreach:residents}:people"
#define ADDRESSES "outreach:{outreach:residents}:addresses"
#define TAG(i) "outreach:{outreach:residents}:tag:" #i

static void good(int rc, const struct error *err)
{
    if (rc < 0)
        fail_msg("%s", err->text);
}

/* An empty register with the columns sms, name, 社区, note and the tags a, b, c. */
static int fresh(void **state)
{
    struct error err = {""};

    (void)state;
    residents_close(r);
    ask("FLUSHALL");
    r = residents_open(f.db, &err);
    assert_non_null(r);
    good(residents_add_column(r, "sms", &err), &err);
    good(residents_add_column(r, "name", &err), &err);
    good(residents_add_column(r, "社区", &err), &err);
    good(residents_add_column(r, "note", &err), &err);
    for (const char *tag = "abc"; *tag != '\0'; tag++)
        good(residents_add_tag(r, tag, 1, &err), &err);
    return 0;
}

struct one {
    const char *sms, *name, *community, *note, *tags; /* tags by letter */
};

static void put(struct residents_batch *b, const struct one *one)
{
    const char *const texts[] = {one->sms, one->name, one->community, one->note};
    struct template_value row[4];
    struct error err = {""};
    unsigned tags[8];
    size_t n = 0;

    for (size_t k = 0; k < 4; k++)
        row[k] = (struct template_value){texts[k], strlen(texts[k])};
    for (const char *p = one->tags; *p != '\0'; p++)
        tags[n++] = (unsigned)residents_tag(r, p, 1);
    good(residents_put(b, one->sms, row, 4, tags, n, &err), &err);
}

/* told as "added changed same unknown" */
static const char *apply(enum residents_op op, bool first, const struct one *people, size_t count)
{
    struct residents_batch *b = residents_begin(r, op, first, 1u << 2);
    static char text[64];
    struct error err = {""};

    for (size_t i = 0; i < count; i++)
        put(b, &people[i]);
    good(residents_end(b, &told, &err), &err);
    residents_free(b);
    snprintf(text, sizeof text, "%d %d %d %d", (int)told.added, (int)told.changed, (int)told.same,
             (int)told.unknown);
    return text;
}

#define import(...)                                                                                \
    apply(RESIDENTS_IMPORT, false, (const struct one[]){__VA_ARGS__},                              \
          sizeof((const struct one[]){__VA_ARGS__}) / sizeof(struct one))

#define P1 "+8613851400001"
#define P2 "+8613851400002"

static void test_again(void **state)
{
    const struct one wang = {P1, "Wang", "a", "x", "ab"};

    (void)state;
    is("1 0 0 0", import(wang));
    is("0 0 1 0", import(wang));
    is("0 0 1 0", import(wang, wang)); /* one person, however often she stands there */
    is("[1 +8613851400001\\x1fWang\\x1fa\\x1fx]", ask("HGETALL " PEOPLE));
    is("[+8613851400001 1]", ask("HGETALL " ADDRESSES));
    is("1", ask("HGET outreach:residents last"));
    is("1", ask("GETBIT " TAG(0) " 1"));
    is("1", ask("BITCOUNT " TAG(1)));
    is("0", ask("EXISTS " TAG(2)));
}

static void test_household(void **state)
{
    (void)state;
    is("2 0 0 0", import({P1, "Wang", "", "", "a"}, {P1, "Li", "", "", "b"}));
    is("[+8613851400001 1 2]", ask("HGETALL " ADDRESSES));
    is("0 0 2 0", import({P1, "Li", "", "", "b"}, {P1, "Wang", "", "", "a"}));
    is("0 0 1 0", import({P1, "", "", "", ""})); /* no name: somebody of them, no third one */
    is("[+8613851400001\\x1fWang +8613851400001\\x1fLi]", ask("HMGET " PEOPLE " 1 2"));
}

static void test_first(void **state)
{
    const struct one li = {P1, "Li", "b", "y", ""};

    (void)state;
    import({P1, "Wang", "a", "x", "a"});
    is("0 0 1 0", apply(RESIDENTS_IMPORT, true, &li, 1));
    is("[1 +8613851400001\\x1fWang\\x1fa\\x1fx]", ask("HGETALL " PEOPLE));
}

static void test_name_comes_later(void **state)
{
    (void)state;
    is("1 0 0 0", import({P1, "", "", "", ""}));
    is("0 1 0 0", import({P1, "Wang", "", "", ""}));
    is("[1 +8613851400001\\x1fWang]", ask("HGETALL " PEOPLE));
}

static void test_new_counts_empty_says_nothing(void **state)
{
    (void)state;
    import({P1, "Wang", "", "x", ""});
    is("0 1 0 0", import({P1, "Wang", "c", "", ""}));
    is("0 1 0 0", import({P1, "Wang", "", "y", ""}));
    is("[1 +8613851400001\\x1fWang\\x1fc\\x1fy]", ask("HGETALL " PEOPLE));
}

/* The community is a column and a tag: who moves has the new one alone. */
static void test_moved(void **state)
{
    (void)state;
    import({P1, "Wang", "a", "", "ac"}, {P2, "Li", "a", "", "a"});
    is("0 1 1 0", import({P1, "Wang", "b", "", "b"}, {P2, "Li", "", "", ""}));
    is("0", ask("GETBIT " TAG(0) " 1"));
    is("1", ask("GETBIT " TAG(1) " 1"));
    is("1", ask("GETBIT " TAG(2) " 1")); /* a tag of another column stays */
    is("1", ask("GETBIT " TAG(0) " 2"));
}

static void test_tags_of_known(void **state)
{
    const struct one both[] = {{P1, "Wang", "", "", "b"}, {P2, "Li", "", "", "b"}};

    (void)state;
    import({P1, "Wang", "", "", "a"});
    is("0 1 0 1", apply(RESIDENTS_ADD_TAGS, false, both, 2));
    is("0 0 1 1", apply(RESIDENTS_ADD_TAGS, false, both, 2));
    is("0 1 0 1", apply(RESIDENTS_REMOVE_TAGS, false, both, 2));
    is("1", ask("HLEN " PEOPLE));
    is("0", ask("BITCOUNT " TAG(1)));
    is("1", ask("BITCOUNT " TAG(0)));
}

/* ---------------------------------------------------------------------- filters */
static int note_name(void *arg, const struct resident *one, struct error *err)
{
    struct buf *out = arg;

    (void)err;
    buf_put(out, one->values[1].text, one->values[1].length);
    for (unsigned t = 0; t < 3; t++)
        if (resident_has(one, t))
            buf_putc(out, (char)('A' + t));
    return 0;
}

static const char *who(const struct residents_filter *filter)
{
    static struct buf out = BUF_INIT(4096);
    struct error err = {""};

    buf_clear(&out);
    good(residents_each(r, filter, true, note_name, NULL, &out, &err), &err);
    return buf_string(&out);
}

static void test_filters(void **state)
{
    static const unsigned a[] = {0}, ab[] = {0, 1}, c[] = {2};
    struct error err = {""};
    int64_t changed;

    (void)state;
    import({"+861", "p", "", "", "a"}, {"+862", "q", "", "", "ab"}, {"+863", "r", "", "", "abc"},
           {"+864", "s", "", "", ""}, {"+865", "t", "", "", "b"});
    is("pAqABrABCstB", who(&(struct residents_filter){0}));
    is("qABrABC", who(&(struct residents_filter){.all = ab, .all_count = 2}));
    is("pAqABrABCtB", who(&(struct residents_filter){.any = ab, .any_count = 2}));
    is("qAB", who(&(struct residents_filter){ab, NULL, c, 2, 0, 1}));
    is("stB", who(&(struct residents_filter){.without = a, .without_count = 1}));
    is("rABC", who(&(struct residents_filter){c, ab, NULL, 1, 2, 0}));

    good(residents_tag_all(r, &(struct residents_filter){.all = a, .all_count = 1}, 2, true,
                           &changed, &err),
         &err);
    assert_int_equal(changed, 2);
    is("pACqABCrABCstB", who(&(struct residents_filter){0}));
    good(residents_tag_all(r, &(struct residents_filter){.any = ab, .any_count = 2}, 2, false,
                           &changed, &err),
         &err);
    assert_int_equal(changed, 3);
    is("pAqABrABstB", who(&(struct residents_filter){0}));
}

static void test_erase(void **state)
{
    static const unsigned a[] = {0};
    struct error err = {""};
    int64_t numbers[8], changed, counts[8];

    (void)state;
    import({P1, "Wang", "", "", "a"}, {P1, "Li", "", "", "ab"}, {P2, "Chen", "", "", "c"});
    assert_int_equal(residents_at(r, P1, numbers, 8, &err), 2);
    assert_int_equal(residents_erase(r, P1, &numbers[1], 1, &err), 1);
    assert_int_equal(residents_erase(r, P1, &numbers[1], 1, &err), 0);
    is("WangAChenC", who(&(struct residents_filter){0}));
    is("0", ask("BITCOUNT " TAG(1)));
    assert_int_equal(residents_at(r, P1, numbers, 8, &err), 1);
    assert_int_equal(residents_erase(r, P1, numbers, 1, &err), 1);
    is("0", ask("HEXISTS " ADDRESSES " " P1));
    /* Nobody's number gets a tag, and none is given out twice. */
    good(residents_tag_all(r, &(struct residents_filter){.without = a, .without_count = 1}, 1, true,
                           &changed, &err),
         &err);
    assert_int_equal(changed, 1);
    good(residents_tag_counts(r, counts, &err), &err);
    assert_int_equal(counts[1], 1);
    is("1 0 0 0", import({P1, "Wang", "", "", ""}));
    is("4", ask("HGET " ADDRESSES " " P1));
}

/* ------------------------------------------------------------------------- many */
static int count_up(void *arg, const struct resident *one, struct error *err)
{
    int64_t *n = arg;

    (void)err;
    assert_int_equal(one->number, n[0] + n[1]);
    n[0] += n[1];
    return 0;
}

/* Over the edges of batches and pages. */
static void test_many(void **state)
{
    static const unsigned a[] = {0};
    struct residents_batch *b = residents_begin(r, RESIDENTS_IMPORT, false, 0);
    int64_t every[] = {0, 1}, second[] = {0, 2}, counts[8];
    struct error err = {""};

    (void)state;
    for (int i = 1; i <= 9001; i++) {
        char number[24];

        snprintf(number, sizeof number, "+86138%08d", i);
        put(b, &(struct one){number, "Wang", "", "", i % 2 == 0 ? "a" : ""});
    }
    good(residents_end(b, &told, &err), &err);
    residents_free(b);
    assert_int_equal(told.added, 9001);
    assert_int_equal(residents_count(r, &err), 9001);
    good(residents_each(r, &(struct residents_filter){0}, false, count_up, NULL, every, &err),
         &err);
    assert_int_equal(every[0], 9001);
    good(residents_each(r, &(struct residents_filter){.all = a, .all_count = 1}, false, count_up,
                        NULL, second, &err),
         &err);
    assert_int_equal(second[0], 9000);
    good(residents_tag_counts(r, counts, &err), &err);
    assert_int_equal(counts[0], 4500);
}

/* ------------------------------------------------------------------------ names */
static void test_names(void **state)
{
    struct residents *other;
    struct error err = {""};

    (void)state;
    other = residents_open(f.db, &err);
    good(residents_add_tag(r, "妇女", 6, &err), &err);
    /* Somebody who read the names earlier finds it where it is. */
    assert_int_equal(residents_add_tag(other, "儿童", 6, &err), 4);
    assert_int_equal(residents_tag(other, "妇女", 6), 3);
    assert_int_equal(residents_tag(other, "妇", 3), -1);
    assert_int_equal(residents_add_tag(other, "a,b", 3, &err), -1);
    assert_int_equal(residents_add_tag(other, "a、b", 5, &err), -1);
    assert_int_equal(residents_add_tag(other, "", 0, &err), -1);
    residents_close(other);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        {"the same person again changes nothing", test_again, fresh, NULL, NULL},
        {"two names on one phone are two people", test_household, fresh, NULL, NULL},
        {"or one, where one address is one person", test_first, fresh, NULL, NULL},
        {"a name that comes later is hers", test_name_comes_later, fresh, NULL, NULL},
        {"what is new counts, what is empty says nothing", test_new_counts_empty_says_nothing,
         fresh, NULL, NULL},
        {"who moves leaves the old community's tag", test_moved, fresh, NULL, NULL},
        {"tags of people who are known, and nobody new", test_tags_of_known, fresh, NULL, NULL},
        {"all of, any of, none of", test_filters, fresh, NULL, NULL},
        {"an erased person leaves nothing, nor her number", test_erase, fresh, NULL, NULL},
        {"thousands, in order", test_many, fresh, NULL, NULL},
        {"a name keeps its place", test_names, fresh, NULL, NULL},
    };
    int failed;

    if (fixture_start(&f, NULL) != 0)
        return 1;
    f.db = fixture_db(&f, 1);
    failed = f.db == NULL ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
    residents_close(r);
    fixture_end(&f);
    return failed;
}
