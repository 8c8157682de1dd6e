/*
 * A second person agrees: when one is needed, and that nothing of a campaign which waits for it can
 * be opened, claimed or woken by anything else.
 */
#include "approval.h"

#include "campaigns.h"
#include "redis_group.h"
#include "tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define C "outreach:{c}"
#define AUDIENCE "outreach:{c}:audience"
#define REMINDER "outreach:{c}:r"
#define LATE "outreach:{c}:late"
#define LEDGER "outreach:{c}:r:ledger"
#define CLAIM REMINDER " outreach:{c}:r:leases outreach:{c}:r:retry"

/* --------------------------------------------------------------- is one needed? */

static struct campaign *campaign_of(const char *fields, const struct campaign_defaults *defaults)
{
    char *json = xasprintf("{\"id\":\"fair\",\"class\":\"notice\",\"title\":\"T\",\"texts\":\"t\","
                           "\"event\":{\"starts\":\"2027-03-06T09:00\"},%s"
                           "\"reminders\":[{\"name\":\"eve\",\"at\":\"-1d 18:00\"},"
                           "{\"name\":\"day\",\"at\":\"-2h\"}]}",
                           fields);
    struct error err = {""};
    struct tree *t = tree_parse_json(json, strlen(json), NULL, &err);
    struct campaign *c = t ? campaign_create(t, defaults, NULL, 0, &err) : NULL;

    if (c == NULL)
        fail_msg("%s", err.text);
    free(json);
    return c;
}

static void test_needs(void **state)
{
    static const struct {
        const char *fields;
        int64_t people;
        double cost;
        bool hours; /* does the configuration mind them */
        int64_t rows;
        double costs;
        const char *needs;
    } rows[] = {
        {"", 0, 0, false, 1000000, 1e6, ""}, /* nothing is asked for */
        {"", 2000, 0, false, 2000, 1e6, ""}, /* above it, not at it */
        {"", 2000, 0, false, 2001, 0, "recipients"},
        {"", 0, 200, false, 1000000, 200, ""},
        {"", 0, 200, false, 1, 200.01, "cost"},
        {"", 10, 10, false, 11, 11, "recipients cost"},
        /* The campaign's own is stricter, or counts for nothing. */
        {"\"approval\":{\"recipients\":5},", 10, 0, false, 6, 0, "recipients"},
        {"\"approval\":{\"recipients\":50},", 10, 0, false, 11, 0, "recipients"},
        {"\"approval\":{\"cost\":0.5},", 0, 0, false, 1, 0.6, "cost"},
        {"\"approval\":{\"cost\":500},", 0, 10, false, 1, 11, "cost"},
        {"\"approval\":{\"cost\":2,\"recipients\":0},", 0, 10, false, 1, 3, "cost"},
        {"\"approval\":{\"required\":true},", 0, 0, false, 1, 0, "required"},
        {"\"approval\":{\"required\":false},", 10, 0, false, 11, 0, "recipients"},
        /* defaults.hours are 08:00-12:00,14:00-20:00 */
        {"", 0, 0, true, 1, 0, ""},
        {"\"hours\":\"always\",", 0, 0, true, 2, 0, "hours"},
        {"\"hours\":\"always\",", 0, 0, true, 1, 0, ""},
        {"\"hours\":\"always\",", 0, 0, false, 1, 0, ""},
        {"\"hours\":\"09:00-11:00\",", 0, 0, true, 1, 0, ""},
        {"\"hours\":\"09:00-12:01\",", 0, 0, true, 2, 0, "hours"},
        {"\"hours\":\"19:00-08:00\",", 0, 0, true, 2, 0, "hours"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct campaign_defaults defaults = {
            .timezone = "Asia/Shanghai",
            .country = "CN",
            .language = "zh",
            .currency = "CNY",
            .hours = "08:00-12:00,14:00-20:00",
            .signature = "",
            .optout_line = "T",
            .max_segments = 8,
            .max_audience = 1000,
            .approval = {rows[i].people, rows[i].cost, rows[i].hours}};
        struct campaign *c = campaign_of(rows[i].fields, &defaults);
        char *needs = approval_text(approval_needs(c, &defaults, rows[i].rows, rows[i].costs));

        if (strcmp(needs, rows[i].needs) != 0)
            fail_msg("row %zu: \"%s\" in place of \"%s\"", i, needs, rows[i].needs);
        assert_true(approval_minds_cost(c, &defaults) ==
                    (rows[i].cost > 0 || strstr(rows[i].fields, "cost") != NULL));
        free(needs);
        campaign_free(c);
    }
}

/* Of who does not say what it costs: two reminders, 8 segments, 0.05 each, 100 people. */
static void test_most_cost(void **state)
{
    static const struct campaign_defaults defaults = {.timezone = "Asia/Shanghai",
                                                      .country = "CN",
                                                      .language = "zh",
                                                      .currency = "CNY",
                                                      .hours = "always",
                                                      .signature = "",
                                                      .optout_line = "T",
                                                      .max_segments = 8,
                                                      .max_audience = 1000};
    static const char list[] = "{\"g\":[{\"cost\":0.03},{\"cost\":0.05},{\"name\":\"free\"}]}";
    struct campaign *c = campaign_of("", &defaults);
    struct tree *t = tree_parse_json(list, strlen(list), NULL, NULL);

    (void)state;
    assert_non_null(t);
    assert_true(approval_most_cost(c, tree_get(t, "g"), 100, 0) > 79.999);
    assert_true(approval_most_cost(c, tree_get(t, "g"), 100, 0) < 80.001);
    /* Two reminders of 100 are 80; 25 corrections 10 more. */
    assert_true(approval_most_cost(c, tree_get(t, "g"), 100, 25) > 89.999);
    assert_true(approval_most_cost(c, tree_get(t, "g"), 100, 25) < 90.001);
    assert_true(approval_most_cost(c, NULL, 100, 0) == 0);
    tree_free(t);
    campaign_free(c);
}

/* ---------------------------------------------------------------- while it waits */

/* Of three people, with two reminders, queued by Ann. */
static int awaiting(void **state)
{
    (void)state;
    ask("FLUSHALL");
    script(SCRIPT_ADD, 2, C " " AUDIENCE " token 0 a b c");
    is("[OK]", script(SCRIPT_QUEUE, 3,
                      C " " REMINDER " " LATE " 1-1 hash {} token 3 r 500 Ann 1000 2000 awaiting "
                        "1500 2000 awaiting recipients"));
    is("[awaiting recipients]", ask("HMGET " C " state approval"));
    is("[awaiting 3 3]", ask("HMGET " REMINDER " state planned c0"));
    return 0;
}

#define APPROVE(more) SCRIPT_APPROVE, 3, C " " REMINDER " " LATE " " more

static const char *digest(void)
{
    return ask("HGET " C " digest");
}

/* It answers so, and changes nothing. */
#define refused(expected, ...)                                                                     \
    do {                                                                                           \
        char before_[64];                                                                          \
        snprintf(before_, sizeof before_, "%s", ask("DEBUG DIGEST"));                              \
        is(expected, script(__VA_ARGS__));                                                         \
        is(before_, ask("DEBUG DIGEST"));                                                          \
    } while (0)

static void test_not_opened(void **state)
{
    (void)state;
    refused("[awaiting 3 2000  0]", SCRIPT_OPEN, 2,
            REMINDER " " LEDGER " OLG1............ 1000 1 ''");
    refused("[awaiting 3 2000  0]", SCRIPT_OPEN, 2,
            REMINDER " " LEDGER " OLG1............ 1000 1 1");
    refused("[CLOSED awaiting]", SCRIPT_CLAIM, 3, CLAIM " d:1:1 10 1000 61000 100");
    /* Neither order may make it active by the way. */
    refused("[AWAITING 0]", SCRIPT_FLAG, 3, C " " REMINDER " " LATE " pause 600 bob 2-1 event");
    refused("[AWAITING 0]", SCRIPT_FLAG, 3, C " " REMINDER " " LATE " resume 600 bob 2-1 event");
    refused("[AWAITING 0]", SCRIPT_FLAG, 3, C " " REMINDER " " LATE " resume 600 bob 2-1");
    /* Nobody slips a row under it, or another body. */
    refused("[QUEUED]", SCRIPT_ADD, 2, C " " AUDIENCE " token 3 d");
    refused("[OTHER]", SCRIPT_QUEUE, 3,
            C " " REMINDER " " LATE " 9-1 else {} token 3 r 500 Ann 1000 2000 scheduled 1500 2000 "
              "scheduled");
}

static void test_refused(void **state)
{
    (void)state;
    refused("[OWN Ann]", APPROVE("hash '' '' 600 Ann 1000 scheduled 1500 scheduled"));
    refused("[OWN Ann]", APPROVE("hash '' '' 600 aNN 1000 scheduled 1500 scheduled"));
    refused("[NOBODY]", APPROVE("hash '' '' 600 '' 1000 scheduled 1500 scheduled"));
    refused("[OTHER]", APPROVE("hush '' '' 600 bob 1000 scheduled 1500 scheduled"));
    refused("[OTHER]", APPROVE("'' '' '' 600 bob 1000 scheduled 1500 scheduled"));
    refused("[OTHER]", APPROVE("hash 0123 3 600 bob 1000 scheduled 1500 scheduled"));
    refused("[OTHER]", APPROVE("hash %s 4 600 bob 1000 scheduled 1500 scheduled"), digest());
    refused("[UNKNOWN]", SCRIPT_APPROVE, 2,
            "outreach:{d} outreach:{d}:r hash '' '' 600 bob 1000 scheduled");
}

static void test_approved(void **state)
{
    (void)state;
    /* The late one was missed meanwhile: what the campaign's `missed` makes of it is said here. */
    is("[OK]", script(APPROVE("hash %s 3 1600 bob 1600 scheduled 1500 skipped"), digest()));
    is("[active Ann bob 1600]", ask("HMGET " C " state by approved_by approved_ms"));
    is("[scheduled 1600 3 3]", ask("HMGET " REMINDER " state due planned c0"));
    is("[skipped 0 0 0]", ask("HMGET " LATE " state planned c0 last"));
    refused("[AGAIN bob]", APPROVE("hash '' '' 1700 bob 1700 scheduled 1500 skipped"));
    refused("[AGAIN bob]", APPROVE("hash '' '' 1700 Ann 1700 scheduled 1500 skipped"));
    script(SCRIPT_OPEN, 2, REMINDER " " LEDGER " OLG1............ 1600 1 ''");
    is("open", ask("HGET " REMINDER " state"));
    refused("[AGAIN bob]", APPROVE("hash '' '' 1700 bob 1700 scheduled 1500 skipped"));
    is("[RANGE  1 3 0 1]", script(SCRIPT_CLAIM, 3, CLAIM " d:1:1 10 1600 61000 100"));
}

/* Turned down: nobody has been touched, and no one can take that back. */
static void test_cancelled(void **state)
{
    (void)state;
    is("[awaiting 0]", script(SCRIPT_FLAG, 3, C " " REMINDER " " LATE " cancel 600 bob 2-1 event"));
    is("[done 0 3]", ask("HMGET " REMINDER " state c0 c12"));
    is("[done 0 3]", ask("HMGET " LATE " state c0 c12"));
    refused("[CANCELLED ]", APPROVE("hash '' '' 600 bob 1000 scheduled 1500 scheduled"));
}

static struct campaign_status *status_of_fair(void)
{
    struct error err = {""};
    struct campaign_status *status = campaign_status_read(f.db, "fair", &err);

    if (status == NULL)
        fail_msg("%s", err.text);
    return status;
}

/* What the bound on the cost was held against is kept for whoever is asked, and no longer. */
static void test_reckoned(void **state)
{
    static const char *const damaged[] = {"", "1.8", "1.8 1", "x y z"};
    static const struct campaign_defaults defaults = {.timezone = "Asia/Shanghai",
                                                      .country = "CN",
                                                      .language = "zh",
                                                      .currency = "CNY",
                                                      .hours = "always",
                                                      .signature = "",
                                                      .optout_line = "T",
                                                      .max_segments = 8,
                                                      .max_audience = 1000};
    struct campaign *campaign = campaign_of("", &defaults);
    struct campaign_queueing queueing = {.event_id = "1-1",
                                         .by = "ann",
                                         .token = "",
                                         .document = "{}",
                                         .document_length = 2,
                                         .approval = "cost",
                                         .reckoned = "1.0800 1.0000 3"};
    struct command c = COMMAND_INIT;
    struct campaign_status *status;
    redisReply *reply = NULL;
    struct error err = {""};
    char word[16];

    (void)state;
    is("(nil)", ask("HGET " C " reckoned")); /* the cost is not why */
    campaign_queue_command(&c, campaign, &queueing);
    assert_int_equal(db_ask(f.db, &c, &reply, &err), 0);
    freeReplyObject(reply);
    command_free(&c);
    status = status_of_fair();
    assert_float_equal(status->reckoned.cost, 1.08, 1e-6);
    assert_float_equal(status->reckoned.bound, 1, 1e-6);
    assert_int_equal(status->reckoned.rows, 3);
    assert_int_equal(
        campaign_approve(f.db, campaign,
                         &(struct campaign_approval){.hash = status->hash, .by = "bob"}, word,
                         &err),
        0);
    is("OK", word);
    campaign_status_free(status);
    status = status_of_fair();
    assert_int_equal(status->reckoned.rows, 0);
    campaign_status_free(status);
    campaign_free(campaign);
    for (size_t i = 0; i < sizeof damaged / sizeof *damaged; i++)
        assert_int_equal(approval_sum_parse(damaged[i]).rows, 0);
}

/* Queued by the same event twice: the second time says that it is the same. */
static void test_same_event(void **state)
{
    (void)state;
    refused("[AGAIN SAME]", SCRIPT_QUEUE, 3,
            C " " REMINDER " " LATE " 1-1 hash {} token 3 r 500 Ann 1000 2000 awaiting 1500 2000 "
              "awaiting recipients");
    refused("[AGAIN]", SCRIPT_QUEUE, 3,
            C " " REMINDER " " LATE " 1-2 hash {} token 3 r 500 Ann 1000 2000 scheduled 1500 2000 "
              "scheduled");
    is("awaiting", ask("HGET " C " state"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_needs),
        cmocka_unit_test(test_most_cost),
        cmocka_unit_test_setup(test_not_opened, awaiting),
        cmocka_unit_test_setup(test_refused, awaiting),
        cmocka_unit_test_setup(test_approved, awaiting),
        cmocka_unit_test_setup(test_cancelled, awaiting),
        cmocka_unit_test_setup(test_same_event, awaiting),
        cmocka_unit_test_setup(test_reckoned, awaiting),
    };

    return cmocka_run_group_tests_name("approval", tests, redis_start, redis_end);
}
