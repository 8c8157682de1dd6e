/*
 * Which slot a key is in, by the Redis Cluster specification, and what a node says of who has it.
 */
#include "slots.h"

#include "command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

/* ------------------------------------------------------------------ keys */

static unsigned slot(const char *key)
{
    return slots_of_key(key, strlen(key));
}

/* "Appendix A: CRC16 reference implementation": the output for 123456789 is 0x31C3. */
static void test_crc(void **state)
{
    (void)state;
    assert_int_equal(slot("123456789"), 0x31C3 % 16384);
    assert_int_equal(slot(""), 0);
    assert_int_equal(slot("somekey"), 11058); /* the example of CLUSTER KEYSLOT */
}

/* "Hash tags": what a key is hashed by. */
static const struct tag_fact {
    const char *key, *hashed;
} tags[] = {
    {"{user1000}.following", "user1000"},
    {"{user1000}.followers", "user1000"},
    {"foo{}{bar}", NULL}, /* the whole key */
    {"foo{{bar}}zap", "{bar"},
    {"foo{bar}{zap}", "bar"},
    {"foo{bar", NULL},
    {"foo}bar{", NULL},
    {"foo}{bar}", "bar"},
};

/* CRC-16/XMODEM once more, as a table of 16 would do it: of what must have no braces. */
static unsigned plain(const char *s)
{
    unsigned crc = 0;

    for (; *s != '\0'; s++)
        for (int shift = 4; shift >= 0; shift -= 4) {
            unsigned nibble = (crc >> 12 ^ (unsigned char)*s >> shift) & 15;

            crc = (crc << 4 ^ nibble ^ nibble << 5 ^ nibble << 12) & 0xffff;
        }
    return crc % 16384;
}

static void test_tags(void **state)
{
    (void)state;
    assert_int_equal(plain("123456789"), 0x31C3 % 16384);
    for (size_t i = 0; i < COUNT(tags); i++)
        assert_int_equal(slot(tags[i].key),
                         plain(tags[i].hashed != NULL ? tags[i].hashed : tags[i].key));
}

/* --------------------------------------------------------------- commands */

static int slot_of(const char *words)
{
    struct command c = COMMAND_INIT;
    char copy[256], *save = NULL, *word;
    size_t n;
    const char *bytes;
    int found;

    snprintf(copy, sizeof copy, "%s", words);
    word = strtok_r(copy, " ", &save);
    command_start(&c, word);
    while ((word = strtok_r(NULL, " ", &save)) != NULL)
        command_add_string(&c, word);
    bytes = command_finish(&c, &n);
    found = slots_of_command(bytes, n);
    command_free(&c);
    return found;
}

static void test_commands(void **state)
{
    (void)state;
    assert_int_equal(slot_of("HGETALL outreach:{march8}"), plain("march8"));
    assert_int_equal(slot_of("EVALSHA 0123456789abcdef 2 outreach:{march8}:first x"),
                     plain("march8"));
    assert_int_equal(slot_of("SCAN 0 MATCH outreach:{gw:acme}:r:* COUNT 100"), plain("gw:acme"));
    assert_int_equal(slot_of("PING"), -1);
    assert_int_equal(slot_of("TIME"), -1);
    assert_int_equal(slot_of("INFO memory"), -1);
    assert_int_equal(slot_of("SMEMBERS"), -1); /* malformed: anybody may say so */
    assert_int_equal(slots_of_command("", 0), -1);
    assert_int_equal(slots_of_command("*2\r\n$3\r\nGET\r\n$9\r\nk\r\n", 22), -1);
}

/* ------------------------------------------------------------ CLUSTER SLOTS */

static char why[128];

/* RESP, as it comes: the expected values are the documentation's example. */
static int read_map(struct slots_map *map, const char *resp)
{
    redisReader *reader = redisReaderCreate();
    void *reply = NULL;
    int rc;

    assert_int_equal(redisReaderFeed(reader, resp, strlen(resp)), REDIS_OK);
    assert_int_equal(redisReaderGetReply(reader, &reply), REDIS_OK);
    assert_non_null(reply);
    rc = slots_read(map, reply, "192.0.2.9", why, sizeof why);
    freeReplyObject(reply);
    redisReaderFree(reader);
    return rc;
}

#define NODE(host, port) "*3\r\n$9\r\n" host "\r\n:" port "\r\n$2\r\nid\r\n"
#define RANGE(from, to, node) "*4\r\n:" from "\r\n:" to "\r\n" node NODE("127.0.0.1", "30004")

static const char three[] = "*3\r\n" RANGE("0", "5460", NODE("127.0.0.1", "30001"))
    RANGE("5461", "10922", NODE("127.0.0.1", "30002"))
        RANGE("10923", "16383", NODE("127.0.0.1", "30003"));

static int port_of(const struct slots_map *map, unsigned at)
{
    return map->masters[map->of[at]].port;
}

static void test_slots(void **state)
{
    struct slots_map map;
    struct slots_address third = {"127.0.0.1", 30003};
    uint8_t place;

    (void)state;
    slots_clear(&map);
    assert_int_equal(read_map(&map, three), 0);
    assert_int_equal(port_of(&map, 0), 30001);
    assert_int_equal(port_of(&map, 5460), 30001);
    assert_int_equal(port_of(&map, 5461), 30002);
    assert_int_equal(port_of(&map, 10922), 30002);
    assert_int_equal(port_of(&map, 10923), 30003);
    assert_int_equal(port_of(&map, 16383), 30003);
    /* A failover: one has another's slots; who stays keeps its place. */
    place = slots_place(&map, &third);
    assert_int_equal(read_map(&map, "*2\r\n" RANGE("0", "10922", NODE("127.0.0.1", "30004"))
                                        RANGE("10923", "16383", NODE("127.0.0.1", "30003"))),
                     0);
    assert_int_equal(port_of(&map, 7), 30004);
    assert_int_equal(map.of[16383], place);
}

static void test_names(void **state)
{
    struct slots_map map;

    (void)state;
    slots_clear(&map);
    /* Nothing: whoever was asked. A name (cluster-preferred-endpoint-type): its address is behind.
     */
    assert_int_equal(
        read_map(&map, "*1\r\n*3\r\n:0\r\n:16383\r\n*3\r\n$-1\r\n:7000\r\n$2\r\nid\r\n"), 0);
    assert_string_equal(map.masters[map.of[0]].host, "192.0.2.9");
    assert_int_equal(
        read_map(&map, "*1\r\n*3\r\n:0\r\n:16383\r\n*4\r\n$4\r\nhost\r\n:7000\r\n$2\r\nid\r\n"
                       "*2\r\n$2\r\nip\r\n$9\r\n192.0.2.5\r\n"),
        0);
    assert_string_equal(map.masters[map.of[0]].host, "192.0.2.5");
}

static void test_bad_slots(void **state)
{
    static const struct {
        const char *resp, *why;
    } bad[] = {
        {"-ERR This instance has cluster support disabled\r\n", "cluster support disabled"},
        {"*0\r\n", "only 0 of the cluster's 16384 slots"},
        {"*1\r\n" RANGE("0", "16382", NODE("127.0.0.1", "30001")), "only 16383 of"},
        {"*1\r\n" RANGE("0", "16384", NODE("127.0.0.1", "30001")), "by no address"},
        {"*1\r\n" RANGE("-1", "16383", NODE("127.0.0.1", "30001")), "by no address"},
        {"*1\r\n" RANGE("0", "16383", NODE("localhost", "30001")), "by no address"},
        {"*1\r\n" RANGE("0", "16383", NODE("127.0.0.1", "65536")), "by no address"},
        {"*1\r\n" RANGE("0", "16383", NODE("127.0.0.1", "0")), "by no address"},
        {"*1\r\n*2\r\n:0\r\n:16383\r\n", "by no address"},
        {"*2\r\n" RANGE("0", "16383", NODE("127.0.0.1", "30001"))
             RANGE("0", "16383", NODE("127.0.0.1", "30001")),
         "names slot 0 twice"},
        {"*2\r\n" RANGE("5461", "16383", NODE("127.0.0.1", "30001"))
             RANGE("0", "5461", NODE("127.0.0.1", "30002")),
         "names slot 5461 twice"},
        {"*2\r\n" RANGE("0", "16382", NODE("127.0.0.1", "30001"))
             RANGE("16383", "16382", NODE("127.0.0.1", "30002")),
         "only 16383 of"},
        {"*1\r\n:7\r\n", "by no address"},
        {"+OK\r\n", "no list"},
    };
    struct slots_map map, before;

    (void)state;
    slots_clear(&map);
    assert_int_equal(read_map(&map, three), 0);
    before = map;
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_int_equal(read_map(&map, bad[i].resp), -1);
        if (strstr(why, bad[i].why) == NULL)
            fail_msg("%zu: %s", i, why);
        assert_memory_equal(&map, &before, sizeof map);
    }
}

static void test_too_many(void **state)
{
    struct slots_map map;
    char resp[16384], *at = resp;

    (void)state;
    slots_clear(&map);
    at += sprintf(at, "*%d\r\n", SLOTS_MASTERS + 1);
    for (int i = 0; i <= SLOTS_MASTERS; i++)
        at += sprintf(at, "*3\r\n:%d\r\n:%d\r\n*2\r\n$9\r\n127.0.0.1\r\n:%d\r\n", i,
                      i == SLOTS_MASTERS ? 16383 : i, 7000 + i);
    assert_int_equal(read_map(&map, resp), -1);
    assert_non_null(strstr(why, "more than 64 masters"));
}

/* --------------------------------------------------------------- redirections */

static void test_redirects(void **state)
{
    static const char *const none[] = {
        "ERR MOVED",
        "MOVED",
        "MOVED 1",
        "MOVED x 127.0.0.1:1",
        "MOVED 16384 127.0.0.1:1",
        "MOVED 1 127.0.0.1",
        "MOVED 1 127.0.0.1:",
        "MOVED 1 127.0.0.1:65536",
        "MOVED 1 127.0.0.1:1x",
        "ASKING 1 127.0.0.1:1",
        "TRYAGAIN",
    };
    struct slots_redirect r;

    (void)state;
    assert_true(slots_redirected("MOVED 3999 127.0.0.1:6381", &r));
    assert_int_equal(r.slot, 3999);
    assert_false(r.once);
    assert_true(r.numeric);
    assert_string_equal(r.to.host, "127.0.0.1");
    assert_int_equal(r.to.port, 6381);
    assert_true(slots_redirected("ASK 16383 ::1:6381", &r));
    assert_true(r.once);
    assert_string_equal(r.to.host, "::1");
    assert_true(slots_redirected("MOVED 1 :6381", &r));
    assert_string_equal(r.to.host, "");
    assert_true(r.numeric);
    assert_true(slots_redirected("MOVED 1 redis-1.example:6381", &r));
    assert_false(r.numeric); /* looking it up would block */
    for (size_t i = 0; i < COUNT(none); i++)
        assert_false(slots_redirected(none[i], &r));
}

static void test_key_at(void **state)
{
    struct slots_map map;
    char key[64];

    (void)state;
    slots_clear(&map);
    assert_false(slots_key_at(&map, 3, "outreach:nothing", key, sizeof key));
    map.of[4711] = 3; /* one slot of all */
    assert_true(slots_key_at(&map, 3, "outreach:nothing", key, sizeof key));
    assert_int_equal(slot(key), 4711);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_crc),      cmocka_unit_test(test_tags),
        cmocka_unit_test(test_commands), cmocka_unit_test(test_slots),
        cmocka_unit_test(test_names),    cmocka_unit_test(test_bad_slots),
        cmocka_unit_test(test_too_many), cmocka_unit_test(test_redirects),
        cmocka_unit_test(test_key_at),
    };

    return cmocka_run_group_tests_name("slots", tests, NULL, NULL);
}
