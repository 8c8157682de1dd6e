/*
 * What an answer of INFO says about trouble to come. The answer is a real one, of Redis 7.0
 * under the settings that outreachd asks for, with one line of it changed.
 */
#include "health.h"

#include "redis_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct redis_fixture f;
static char healthy[16384];

static const struct fact {
    const char *name;
    const char *field, *value; /* what is changed in the answer */
    const char *field2, *value2;
    const char *trouble; /* what is found then; NULL: nothing */
} facts[] = {
    {"a healthy server", "used_memory", "1000000", "maxmemory", "0", NULL},
    {"memory at 79 % of its limit", "used_memory", "790000", "maxmemory", "1000000", NULL},
    {"memory at 80 %", "used_memory", "800000", "maxmemory", "1000000", "memory"},
    {"memory above its limit", "used_memory", "9000000000", "maxmemory", "8000000000", "memory"},
    {"a snapshot failed", "rdb_last_bgsave_status", "err", NULL, NULL, "snapshot"},
    {"the AOF cannot be written", "aof_last_write_status", "err", NULL, NULL, "aof"},
    {"the AOF cannot be rewritten", "aof_last_bgrewrite_status", "err", NULL, NULL, "rewrite"},
    {"an fsync was waited for", "aof_delayed_fsync", "8", NULL, NULL, "fsync"},
    {"as many fsyncs as before", "aof_delayed_fsync", "7", NULL, NULL, NULL},
    {"a server that was restarted counts anew", "aof_delayed_fsync", "0", NULL, NULL, NULL},
    {"keys were thrown away", "evicted_keys", "10", NULL, NULL, "evicted"},
};

/* The answer with the line of a field replaced; the field must be there. */
static void change(char **info, const char *field, const char *value)
{
    char *line = xasprintf("\n%s:", field), *at = strstr(*info, line), *changed;

    if (at == NULL)
        fail_msg("Redis says nothing of %s", field);
    changed = xasprintf("%.*s%s%s%s", (int)(at - *info), *info, line, value, strstr(at, "\r\n"));
    free(line);
    free(*info);
    *info = changed;
}

static void test_fact(void **state)
{
    const struct fact *fact = *state;
    int64_t before[HEALTH_TROUBLES];
    char *info = xstrdup(healthy);
    unsigned found, wanted = 0;
    int percent;
    bool full;

    for (size_t k = 0; k < HEALTH_TROUBLES; k++) {
        before[k] = 7;
        if (fact->trouble != NULL && strcmp(health_name(k), fact->trouble) == 0)
            wanted = 1u << k;
    }
    change(&info, fact->field, fact->value);
    if (fact->field2 != NULL)
        change(&info, fact->field2, fact->value2);
    found = health_judge(info, before);
    full = health_memory_full(info, &percent); /* for who asks once */
    free(info);
    assert_int_equal(found, wanted);
    assert_int_equal(full, fact->trouble != NULL && strcmp(fact->trouble, "memory") == 0);
    assert_int_equal(fact->trouble != NULL, wanted != 0);
}

/* The first answer has nothing to be compared with. */
static void test_first(void **state)
{
    int64_t before[HEALTH_TROUBLES];
    char *info = xstrdup(healthy);

    (void)state;
    memset(before, 0xff, sizeof before);
    change(&info, "evicted_keys", "10");
    assert_int_equal(health_judge(info, before), 0);
    assert_int_equal(health_judge(info, before), 0);
    change(&info, "evicted_keys", "11");
    assert_int_not_equal(health_judge(info, before), 0);
    free(info);
}

static int start(void **state)
{
    redisReply *reply;

    (void)state;
    if (fixture_start(&f, NULL) != 0)
        return -1;
    reply = redisCommand(f.raw, "INFO");
    snprintf(healthy, sizeof healthy, "%s", reply->str);
    freeReplyObject(reply);
    return 0;
}

static int end(void **state)
{
    (void)state;
    fixture_end(&f);
    return 0;
}

#define COUNT(a) (sizeof(a) / sizeof *(a))

int main(void)
{
    struct CMUnitTest tests[COUNT(facts) + 1] = {cmocka_unit_test(test_first)};

    for (size_t i = 0; i < COUNT(facts); i++)
        tests[i + 1] = (struct CMUnitTest){facts[i].name, test_fact, NULL, NULL, (void *)&facts[i]};
    return cmocka_run_group_tests_name("health", tests, start, end);
}
