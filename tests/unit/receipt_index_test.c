/*
 * From a gateway's message id back to the notice, in a real Redis: ids that count up and
 * others, the last one wins, receipts that were faster than their ids.
 */
#include "receipt_index.h"

#include "redis_group.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define DAY INT64_C(86400000)
#define NOW (20000 * DAY + 1234567)

static int64_t wait_ms = RECEIPT_WAIT_MS;

static const char *run(struct command *c)
{
    struct error err = {""};
    redisReply *reply;
    const char *text;

    if (db_ask(f.db, c, &reply, &err) != 0)
        fail_msg("%s", err.text);
    text = fixture_text(reply);
    freeReplyObject(reply);
    command_free(c);
    return text;
}

static struct receipt_index_id entry(const char *id, uint32_t n)
{
    return (struct receipt_index_id){
        .bytes = id,
        .length = strlen(id),
        .entry = {.ref = 3, .n = n, .fence = 0x5001, .part = 0, .parts = 1}};
}

static int empty(void **state)
{
    (void)state;
    ask("FLUSHALL");
    return 0;
}

/* Stores ids, by spaces, for notices first, first + 1, ... */
static const char *store(const char *ids, uint32_t first, int64_t now)
{
    struct receipt_index_id list[64];
    struct command c = COMMAND_INIT;
    char *copy = xstrdup(ids), *save = NULL;
    const char *answer;
    size_t n = 0;

    for (char *id = strtok_r(copy, " ", &save); id != NULL; id = strtok_r(NULL, " ", &save))
        list[n++] = entry(id, first++);
    receipt_index_command(&c, "acme", wait_ms, list, n, now);
    answer = run(&c);
    free(copy);
    return answer;
}

/* What comes of receipts for ids, by spaces: the notices' numbers, or PARKED. */
static const char *look(const char *ids, const char *park, int64_t now)
{
    static char out[1024];
    struct receipt_lookup list[128];
    struct command c = COMMAND_INIT;
    struct error err = {""};
    char *copy = xstrdup(ids), *save = NULL;
    redisReply *reply;
    size_t n = 0;

    for (char *id = strtok_r(copy, " ", &save); id != NULL; id = strtok_r(NULL, " ", &save))
        list[n++] = (struct receipt_lookup){id, strlen(id), park, strlen(park)};
    receipt_lookup_command(&c, "acme", wait_ms, list, n, now);
    if (db_ask(f.db, &c, &reply, &err) != 0)
        fail_msg("%s", err.text);
    assert_int_equal(reply->elements, n);
    out[0] = '\0';
    for (size_t i = 0; i < n; i++) {
        struct receipt_entry e;

        if (receipt_entry_unpack(reply->element[i]->str, (size_t)reply->element[i]->len, &e) == 0)
            sprintf(out + strlen(out), "%s%u", i ? " " : "", e.n);
        else
            sprintf(out + strlen(out), "%s%s", i ? " " : "", reply->element[i]->str);
    }
    freeReplyObject(reply);
    command_free(&c);
    free(copy);
    return out;
}

static void test_octets(void **state)
{
    static const unsigned char octets[RECEIPT_ENTRY_BYTES] = {
        0, 0, 0x12, 0x34, 0x01, 0xff, 0xff, 0xff, 0xab, 0xcd, 0xe1, 0x23, 0x83};
    struct receipt_entry e = {
        .ref = 0x1234, .n = 0x1ffffff, .fence = 0xabcde123, .part = 3, .parts = 8};
    struct receipt_entry back;
    char packed[RECEIPT_ENTRY_BYTES];

    (void)state;
    receipt_entry_pack(&e, packed);
    assert_memory_equal(packed, octets, sizeof packed);
    assert_int_equal(receipt_entry_unpack(packed, sizeof packed, &back), 0);
    assert_memory_equal(&back, &e, sizeof e);
    assert_int_equal(receipt_entry_unpack(packed, 12, &back), -1);
    assert_int_equal(receipt_entry_unpack("PARKED", 6, &back), -1);
    packed[12] = 0x33; /* part 3 of 3 */
    assert_int_equal(receipt_entry_unpack(packed, sizeof packed, &back), -1);
    packed[12] = 0x00;
    assert_int_equal(receipt_entry_unpack(packed, sizeof packed, &back), -1);
    packed[12] = (char)0x90; /* 9 parts: no notice has so many */
    assert_int_equal(receipt_entry_unpack(packed, sizeof packed, &back), -1);
    packed[12] = 0x10;
    memset(packed + 4, 0, 4); /* notice 0 is the header */
    assert_int_equal(receipt_entry_unpack(packed, sizeof packed, &back), -1);
}

/* Neighbours share a bucket: all but the last two digits name it. */
static void test_counting(void **state)
{
    (void)state;
    is("[]", store("120099 120000 120050 120100", 1, NOW));
    is("2", ask("DBSIZE"));
    is("48", ask("STRLEN outreach:{gw:acme}:r:1200")); /* 1 + 2 + 13 each */
    is("16", ask("STRLEN outreach:{gw:acme}:r:1201"));
    is("1 2 3 4", look("120099 120000 120050 120100", "", NOW));
    is("PARKED PARKED", look("120001 120101", "", NOW));
    /* it does not matter on which day it is asked, while the bucket lives */
    is("1", look("120099", "", NOW + 4 * DAY));
    /* nor do leading zeros or other lengths mix */
    is("[]", store("0120099 20099 099 99 9", 10, NOW));
    is("1 10 11 12 13 14", look("120099 0120099 20099 099 99 9", "", NOW));
}

static void test_others(void **state)
{
    (void)state;
    is("[]", store("8a5c-91 9F x 12 00 a00 0x1200 -100 1.00", 1, NOW));
    is("1 2 3 4 5 6 7 8 9", look("8a5c-91 9F x 12 00 a00 0x1200 -100 1.00", "", NOW));
    is("PARKED PARKED PARKED", look("8A5C-91 8a5c-9 8a5c-911", "", NOW)); /* as it is, whole */
    /* found for as long as a receipt may take, across the edge of days, and a day more */
    is("1", look("8a5c-91", "", NOW + DAY));
    is("1", look("8a5c-91", "", NOW + 4 * DAY));
    is("PARKED", look("8a5c-91", "", NOW + 5 * DAY));
    /* stored after midnight by a clock that was set back since, or that is another's */
    is("1", look("8a5c-91", "", NOW - 2000000));
}

/* A gateway that counts anew: the last one of an id counts. */
static void test_last_wins(void **state)
{
    (void)state;
    store("500 abc", 1, NOW);
    store("500 abc", 7, NOW);
    is("7 8", look("500 abc", "", NOW));
    store("abc", 9, NOW + DAY); /* on another day: the latest */
    is("9", look("abc", "", NOW + DAY));
    store("500 500", 11, NOW); /* within one call too */
    is("12", look("500", "", NOW));
    /* the answer was lost: the same once more */
    store("600 def", 20, NOW);
    store("600 def", 20, NOW);
    is("20 21", look("600 def", "", NOW));
}

/* A receipt that is faster than its id is parked, handed back by the id, and then
 * forgotten by whoever dealt with it. */
static void test_early(void **state)
{
    struct command c = COMMAND_INIT;

    (void)state;
    is("PARKED PARKED", look("700 abc", "D 0 DELIVRD", NOW));
    is("PARKED", look("700", "D 0 DELIVRD", NOW)); /* it comes again */
    is("2", ask("HLEN outreach:{gw:acme}:parked"));
    is("[700 D 0 DELIVRD]", store("699 700 701", 1, NOW));
    is("[700 D 0 DELIVRD]", store("700", 2, NOW)); /* the answer was lost */
    is("[abc D 0 DELIVRD]", store("abc xyz", 5, NOW));
    is("2 5", look("700 abc", "", NOW));
    receipt_unpark_command(&c, "acme", "700", 3);
    is("1", run(&c));
    receipt_unpark_command(&c, "acme", "700", 3);
    is("0", run(&c));
    is("[]", store("700", 3, NOW));
    /* one that was parked and looks again (park nothing) stays as it is */
    is("PARKED", look("800", "U 4 UNDELIV", NOW));
    is("PARKED", look("800", "", NOW));
    is("[800 U 4 UNDELIV]", store("800", 9, NOW));
}

/* Too old: nobody will ever ask. */
static void test_ages(void **state)
{
    (void)state;
    look("700", "D", NOW);
    look("701", "D", NOW + 2 * DAY);
    is("2", ask("HLEN outreach:{gw:acme}:parked"));
    look("702", "D", NOW + 3 * DAY + 1);
    is("[701 D 702 D]", ask("HGETALL outreach:{gw:acme}:parked"));
    is("[701 702]", ask("ZRANGE outreach:{gw:acme}:ages 0 -1"));
}

/* One that comes once more is as young as this, whatever its id was parked for before. */
static void test_ages_anew(void **state)
{
    (void)state;
    is("PARKED", look("710", "D", NOW));
    is("PARKED", look("710", "U", NOW + 3 * DAY));
    is("[710 U]", ask("HGETALL outreach:{gw:acme}:parked"));
    /* what has found its notice leaves the hash, and its age; then the gateway counts around */
    ask("HDEL outreach:{gw:acme}:parked 710");
    is("PARKED", look("710", "D", NOW + 30 * DAY));
    is("[710 D]", ask("HGETALL outreach:{gw:acme}:parked"));
    is("[710]", ask("ZRANGE outreach:{gw:acme}:ages 0 -1"));
}

/* The script itself, with room for two: what is there may come again, another may not. */
static void test_full(void **state)
{
#define PARK(id) fixture_script(&f, SCRIPT_RECEIPTS, 3, "p a b 1000 10 2 1 " id " " id " D")
    (void)state;
    is("[PARKED]", PARK("x1"));
    is("[PARKED]", PARK("x2"));
    is("[FULL]", PARK("x3"));
    is("[PARKED]", PARK("x2"));
    is("[x1 D x2 D]", ask("HGETALL p"));
    is("[PARKED FULL]",
       fixture_script(&f, SCRIPT_RECEIPTS, 4, "p a b b 1000 10 2 1 x2 x2 E 1 x4 x4 D"));
    ask("HDEL p x1");
    is("[PARKED FULL]",
       fixture_script(&f, SCRIPT_RECEIPTS, 4, "p a b b 1000 10 2 1 x4 x4 D 1 x5 x5 D"));
}

/* As long as the gateway's receipt_wait says, be it short or long, by either kind of bucket: the
 * latest entry that does not let it live on (a fifth of its life is over) has to last so long. */
static void test_wait(void **state)
{
    static const int64_t waits[] = {RECEIPT_WAIT_LEAST_MS, DAY, RECEIPT_WAIT_MS, 10 * DAY,
                                    RECEIPT_WAIT_MOST_MS};

    for (size_t i = 0; i < sizeof waits / sizeof *waits; i++) {
        long needed_s = (long)((waits[i] + DAY) / 1000);

        empty(state);
        wait_ms = waits[i];
        for (int late = 0; late < 2; late++) {
            int64_t now = late ? 20001 * DAY - 1 : 20000 * DAY; /* the ends of a day */

            store("500 abc", 1, now);
            is("1 2", look("500 abc", "", now + waits[i] + DAY));
        }
        for (const char *const *key = (const char *const[]){"5", "20000:10507", NULL}; *key;
             key++) {
            ask("EXPIRE outreach:{gw:acme}:r:%s %d", *key, (int)needed_s - 10);
            store("500 abc", 1, 20000 * DAY);
            assert_in_range(strtol(ask("TTL outreach:{gw:acme}:r:%s", *key), NULL, 10), needed_s,
                            needed_s * 4 / 3);
        }
    }
    wait_ms = RECEIPT_WAIT_MS;
}

/* Buckets go by themselves, but not under an entry that still waits for its receipt. */
static void test_expiry(void **state)
{
    (void)state;
    store("500 abc", 1, NOW);
    assert_in_range(strtol(ask("TTL outreach:{gw:acme}:r:5"), NULL, 10), 4 * 86400, 5 * 86400);
    ask("EXPIRE outreach:{gw:acme}:r:5 90000"); /* a slow gateway: the next one days later */
    store("501", 2, NOW);
    assert_true(strtol(ask("TTL outreach:{gw:acme}:r:5"), NULL, 10) > 4 * 86400 - 10);
    ask("PERSIST outreach:{gw:acme}:r:5");
    store("502", 3, NOW);
    assert_true(strtol(ask("TTL outreach:{gw:acme}:r:5"), NULL, 10) > 4 * 86400 - 10);
    /* one that counts around and around must not grow for ever */
    ask("SETRANGE outreach:{gw:acme}:r:6 9000 x");
    ask("EXPIRE outreach:{gw:acme}:r:6 1000");
    store("600", 4, NOW);
    assert_true(strtol(ask("TTL outreach:{gw:acme}:r:6"), NULL, 10) <= 1000);
    assert_int_equal(strtol(ask("TTL outreach:{gw:acme}:parked"), NULL, 10), -2);
}

/* Ids of any bytes and of the longest length. */
static void test_any_bytes(void **state)
{
    struct receipt_index_id ids[3];
    struct receipt_lookup lookups[3];
    struct command c = COMMAND_INIT;
    char longest[64];
    static const char nul[] = "a\0b\r\n\xff'";

    (void)state;
    memset(longest, '7', sizeof longest);
    ids[0] =
        (struct receipt_index_id){.bytes = longest, .length = 64, .entry = {.n = 1, .parts = 1}};
    ids[1] = (struct receipt_index_id){.bytes = nul, .length = 7, .entry = {.n = 2, .parts = 1}};
    ids[2] = (struct receipt_index_id){.bytes = "\0", .length = 1, .entry = {.n = 3, .parts = 1}};
    for (int i = 0; i < 3; i++)
        lookups[i] = (struct receipt_lookup){ids[i].bytes, ids[i].length, "", 0};
    receipt_index_command(&c, "acme", RECEIPT_WAIT_MS, ids, 3, NOW);
    is("[]", run(&c));
    for (int i = 0; i < 3; i++)
        lookups[i] = (struct receipt_lookup){ids[i].bytes, ids[i].length, "", 0};
    receipt_lookup_command(&c, "acme", RECEIPT_WAIT_MS, lookups, 3, NOW);
    for (int i = 0; i < 3; i++) {
        struct error err;
        struct receipt_entry e;
        redisReply *reply;

        receipt_lookup_command(&c, "acme", RECEIPT_WAIT_MS, &lookups[i], 1, NOW);
        assert_int_equal(db_ask(f.db, &c, &reply, &err), 0);
        assert_int_equal(
            receipt_entry_unpack(reply->element[0]->str, (size_t)reply->element[0]->len, &e), 0);
        assert_int_equal(e.n, ids[i].entry.n);
        freeReplyObject(reply);
    }
    command_free(&c);
}

/* As many as there may be, of both kinds and in no order; then all are found. */
static void test_most(void **state)
{
    static char names[512][24];
    static struct receipt_index_id ids[512];
    struct receipt_lookup lookups[128];
    struct command c = COMMAND_INIT;
    uint32_t dice = 7;

    (void)state;
    for (uint32_t i = 0; i < 512; i++) {
        dice = dice * 1664525 + 1013904223;
        snprintf(names[i], sizeof names[i], i % 3 ? "%u" : "%x-%u", (dice >> 12) * 10 + i % 10, i);
        ids[i] = entry(names[i], 1000 + i);
    }
    for (uint32_t i = 0; i < 512; i++) { /* no two the same */
        for (uint32_t k = 0; k < i; k++)
            assert_string_not_equal(names[i], names[k]);
    }
    receipt_index_command(&c, "acme", RECEIPT_WAIT_MS, ids, 512, NOW);
    is("[]", run(&c));
    for (uint32_t from = 0; from < 512; from += 128) {
        struct error err;
        redisReply *reply;

        for (uint32_t i = 0; i < 128; i++)
            lookups[i] = (struct receipt_lookup){names[from + i], strlen(names[from + i]), "", 0};
        receipt_lookup_command(&c, "acme", RECEIPT_WAIT_MS, lookups, 128, NOW + DAY);
        assert_int_equal(db_ask(f.db, &c, &reply, &err), 0);
        assert_int_equal(reply->elements, 128);
        for (uint32_t i = 0; i < 128; i++) {
            struct receipt_entry e;

            assert_int_equal(
                receipt_entry_unpack(reply->element[i]->str, (size_t)reply->element[i]->len, &e),
                0);
            assert_int_equal(e.n, 1000 + from + i);
        }
        freeReplyObject(reply);
    }
    command_free(&c);
}

/* Gateways do not see each other's ids. */
static void test_gateways(void **state)
{
    struct receipt_lookup lookup = {"500", 3, "", 0};
    struct command c = COMMAND_INIT;

    (void)state;
    store("500", 1, NOW);
    receipt_lookup_command(&c, "other", RECEIPT_WAIT_MS, &lookup, 1, NOW);
    is("[PARKED]", run(&c));
}

#define TEST(fn) cmocka_unit_test_setup(fn, empty)

/* Every id of one gateway, whole, with its notice; of no other's. */
static void test_walk(void **state)
{
    unsigned char seen[8] = {0};
    char cursor[24] = "0";

    (void)state;
    store("4711 4712 99 1234567890123456789 1a2b-0 900619746936^0/0f1e", 1, NOW);
    do {
        struct command c = COMMAND_INIT;
        struct error err = {""};
        redisReply *reply;

        receipt_index_scan_command(&c, "acme", cursor);
        if (db_ask(f.db, &c, &reply, &err) != 0)
            fail_msg("%s", err.text);
        snprintf(cursor, sizeof cursor, "%s", db_at(reply, 0)->str);
        for (size_t i = 0; i < db_at(reply, 1)->elements; i++) {
            static const char *const ids[] = {
                "", "4711", "4712", "99", "1234567890123456789", "1a2b-0", "900619746936^0/0f1e"};
            const char *key = db_at(reply, 1)->element[i]->str;
            struct receipt_index_found found;
            redisReply *bucket;
            size_t at = 0;

            command_start(&c, "GET");
            command_add_string(&c, key);
            if (db_ask(f.db, &c, &bucket, &err) != 0)
                fail_msg("%s", err.text);
            while (receipt_index_next(key, bucket->str, bucket->len, &at, &found)) {
                assert_in_range(found.entry.n, 1, 6);
                assert_string_equal(found.id, ids[found.entry.n]);
                assert_int_equal(found.length, strlen(found.id));
                seen[found.entry.n] = 1;
            }
            assert_int_equal(at, bucket->len);
            freeReplyObject(bucket);
        }
        freeReplyObject(reply);
        command_free(&c);
    } while (strcmp(cursor, "0") != 0);
    for (int n = 1; n <= 6; n++)
        assert_int_equal(seen[n], 1);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(test_octets),    TEST(test_counting), TEST(test_others),    TEST(test_last_wins),
        TEST(test_early),     TEST(test_ages),     TEST(test_ages_anew), TEST(test_full),
        TEST(test_wait),      TEST(test_expiry),   TEST(test_most),      TEST(test_gateways),
        TEST(test_any_bytes), TEST(test_walk),
    };

    return cmocka_run_group_tests_name("receipt index", tests, redis_start, redis_end);
}
