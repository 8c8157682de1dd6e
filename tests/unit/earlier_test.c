/*
 * Whom earlier reminders have told: the table of store/earlier.h, and what the ledgers in a real
 * Redis answer.
 */
#include "earlier.h"

#include "redis_fixture.h"
#include "tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define C "outreach:{c}"

static struct redis_fixture f;

/* LEDGER.md section 6 and the header's table. */
static const struct {
    enum notice_state state;
    unsigned flags;
    bool told, undelivered;
} rows[] = {
    {NOTICE_UNTOUCHED, 0, false, false},
    {NOTICE_PARKED, 0, false, false},
    {NOTICE_PARKED, FLAG_TOLD, true, false}, /* the next channel has its turn */
    {NOTICE_SENDING, 0, true, false},
    {NOTICE_UNCERTAIN, 0, true, false},
    {NOTICE_ACCEPTED, FLAG_TOLD, true, false},
    {NOTICE_DELIVERED, FLAG_TOLD, true, false},
    {NOTICE_UNDELIVERED, FLAG_TOLD, true, true},
    {NOTICE_FAILED, 0, false, true},
    {NOTICE_EXPIRED, 0, false, false},
    {NOTICE_EXPIRED, FLAG_TOLD, true, false},
    {NOTICE_OPTED_OUT, 0, false, false},
    {NOTICE_CAPPED, 0, false, false},
    {NOTICE_EXCLUDED, 0, false, false},
    {NOTICE_CANCELLED, 0, false, false},
};

static void test_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct record r = {.state = rows[i].state, .flags = rows[i].flags};
        unsigned seen = earlier_seen(0, &r);

        if (earlier_passes(FILTER_TOLD, seen) != rows[i].told ||
            earlier_passes(FILTER_UNTOLD, seen) == rows[i].told ||
            earlier_passes(FILTER_UNDELIVERED, seen) != rows[i].undelivered)
            fail_msg("row %zu", i);
    }
}

static void test_several(void **state)
{
    struct record lost = {.state = NOTICE_UNDELIVERED, .flags = FLAG_TOLD};
    struct record failed = {.state = NOTICE_FAILED}, late = {.state = NOTICE_EXPIRED};
    struct record there = {.state = NOTICE_DELIVERED}, may = {.state = NOTICE_ACCEPTED};

    (void)state;
    assert_true(earlier_passes(FILTER_UNDELIVERED, earlier_seen(earlier_seen(0, &lost), &late)));
    assert_false(earlier_passes(FILTER_UNDELIVERED, earlier_seen(earlier_seen(0, &lost), &there)));
    assert_false(earlier_passes(FILTER_UNDELIVERED, earlier_seen(earlier_seen(0, &may), &failed)));
    assert_true(earlier_passes(FILTER_TOLD, earlier_seen(earlier_seen(0, &there), &late)));
    assert_true(earlier_passes(FILTER_UNTOLD, earlier_seen(earlier_seen(0, &failed), &late)));
}

static struct campaign *three(void)
{
    static const char text[] =
        "{\"id\":\"c\",\"class\":\"notice\",\"title\":\"x\",\"event\":{\"starts\":"
        "\"2027-05-15T09:00\"},\"audience\":{\"file\":\"l.csv\"},\"texts\":\"x\",\"reminders\":["
        "{\"name\":\"one\",\"at\":\"-3d\"},{\"name\":\"two\",\"at\":\"-2d\"},"
        "{\"name\":\"last\",\"at\":\"-1d\",\"only\":\"untold\"}]}";
    const struct campaign_defaults defaults = {.timezone = "Asia/Shanghai",
                                               .country = "CN",
                                               .language = "zh",
                                               .currency = "CNY",
                                               .hours = "always",
                                               .signature = "",
                                               .max_segments = 4,
                                               .max_audience = 10};
    struct error err = {""};
    struct tree *tree = tree_parse_json(text, strlen(text), NULL, &err);
    struct campaign *c = tree == NULL ? NULL : campaign_create(tree, &defaults, NULL, 0, &err);

    if (c == NULL)
        fail_msg("%s", err.text);
    return c;
}

/* A ledger of five people, person n (1..) in that state; it was begun. */
static void begun(const char *reminder, uint32_t n, enum notice_state what)
{
    struct record r = {.state = what};
    unsigned char bytes[LEDGER_RECORD_BYTES];
    struct command c = COMMAND_INIT;
    struct error err = {""};

    fixture_ask(&f, "HSET " C ":%s begun 1 last 5", reminder);
    fixture_ask(&f, "SETRANGE " C ":%s:ledger 95 x", reminder);
    fixture_ask(&f, "SETRANGE " C ":%s:ledger 0 OLG1", reminder);
    record_pack(&r, bytes);
    command_start(&c, "SETRANGE");
    command_add_format(&c, C ":%s:ledger", reminder);
    command_add_int(&c, n * LEDGER_RECORD_BYTES);
    command_add(&c, bytes, sizeof bytes);
    if (db_ask(f.db, &c, NULL, &err) != 0)
        fail_msg("%s", err.text);
    command_free(&c);
}

static redisReply *answer(const struct campaign *campaign, const uint32_t *list, size_t count)
{
    struct command c = COMMAND_INIT;
    struct error err = {""};
    redisReply *reply = NULL;

    assert_int_equal(earlier_command(&c, campaign, 2, list, count), 2);
    if (db_ask(f.db, &c, &reply, &err) != 0)
        fail_msg("%s", err.text);
    command_free(&c);
    return reply;
}

static bool is_lost(const struct campaign *campaign, const uint32_t list[4])
{
    redisReply *reply = answer(campaign, list, 4);
    unsigned seen;
    bool lost = earlier_answer(reply, 0, 4, &seen) != 0;

    freeReplyObject(reply);
    return lost;
}

static void test_ledgers(void **state)
{
    static const uint32_t list[] = {1, 2, 4, 7}; /* 7 came later than the ledgers' end */
    static const bool untold[] = {false, true, true, true};
    struct campaign *campaign = three();
    redisReply *reply;

    (void)state;
    fixture_ask(&f, "FLUSHALL");
    begun("one", 1, NOTICE_DELIVERED); /* the second has not begun */
    begun("one", 4, NOTICE_FAILED);
    reply = answer(campaign, list, 4);
    for (size_t i = 0; i < 4; i++) {
        unsigned seen;

        assert_int_equal(earlier_answer(reply, i, 4, &seen), 0);
        assert_int_equal(earlier_passes(FILTER_UNTOLD, seen), untold[i]);
        assert_int_equal(earlier_passes(FILTER_UNDELIVERED, seen), list[i] == 4);
    }
    freeReplyObject(reply);
    /* A ledger that is lost, or a part of it, never reads as "nobody was told". */
    fixture_ask(&f, "SET " C ":one:ledger OLG1");
    assert_true(is_lost(campaign, list));
    fixture_ask(&f, "DEL " C ":one:ledger");
    assert_true(is_lost(campaign, list));
    campaign_free(campaign);
}

static int start(void **state)
{
    (void)state;
    if (fixture_start(&f, NULL) != 0)
        return -1;
    f.db = fixture_db(&f, 1);
    return f.db != NULL ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    fixture_end(&f);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_several),
        cmocka_unit_test(test_ledgers),
    };

    return cmocka_run_group_tests_name("earlier", tests, start, end);
}
