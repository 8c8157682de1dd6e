/*
 * Campaigns as they stand in Redis: which reminders still go, queued once, what is read back,
 * paused, resumed, cancelled.
 */
#include "campaigns.h"

#include "redis_group.h"
#include "tree.h"
#include "zone.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const char *const no_limits[] = {NULL};
static const struct campaign_defaults defaults = {.timezone = "Asia/Shanghai",
                                                  .country = "CN",
                                                  .language = "zh",
                                                  .currency = "CNY",
                                                  .hours = "08:00-20:00",
                                                  .signature = "",
                                                  .optout_line = "T",
                                                  .per_recipient = no_limits,
                                                  .max_segments = 8,
                                                  .max_audience = 1000};

/* The event begins at 2027-03-06 09:00 in Shanghai. */
static struct campaign *campaign_of(const char *missed, const char *reminders)
{
    char *json = xasprintf("{\"id\":\"fair\",\"class\":\"notice\",\"title\":\"T\",\"texts\":\"t\","
                           "\"event\":{\"starts\":\"2027-03-06T09:00\"},\"missed\":\"%s\","
                           "\"reminders\":[%s]}",
                           missed, reminders);
    struct error err = {""};
    struct tree *t = tree_parse_json(json, strlen(json), NULL, &err);
    struct campaign *c = t ? campaign_create(t, &defaults, NULL, 0, &err) : NULL;

    if (c == NULL)
        fail_msg("%s", err.text);
    free(json);
    return c;
}

static int64_t at(const char *text)
{
    int64_t wall_ms;

    assert_int_equal(zone_parse(zone_find("Asia/Shanghai", NULL), text, strlen(text), &wall_ms), 0);
    return wall_ms;
}

#define USUAL                                                                                      \
    "{\"name\":\"week\",\"at\":\"-7d 09:00\"},{\"name\":\"eve\",\"at\":\"-1d 18:00\"},"            \
    "{\"name\":\"today\",\"at\":\"-0d 08:00\"}"
#define SHORT                                                                                      \
    "{\"name\":\"week\",\"at\":\"-7d 09:00\",\"expires\":\"-6d 09:00\"},"                          \
    "{\"name\":\"eve\",\"at\":\"-1d 18:00\"}"

/* -------------------------------------------------------------- which still go */

static const struct plan {
    const char *name, *missed, *reminders, *queued;
    const char *goes; /* for each reminder: y or n */
} plans[] = {
    {"in time all go", "latest", USUAL, "2027-02-20T10:00", "yyy"},
    {"a missed one still goes, if it is the latest", "latest", USUAL, "2027-03-01T10:00", "yyy"},
    {"or if all are to go", "all", USUAL, "2027-03-01T10:00", "yyy"},
    {"but not if none is", "none", USUAL, "2027-03-01T10:00", "nyy"},
    {"of two missed the latest", "latest", USUAL, "2027-03-05T19:00", "nyy"},
    {"of two missed all", "all", USUAL, "2027-03-05T19:00", "yyy"},
    {"of two missed none", "none", USUAL, "2027-03-05T19:00", "nny"},
    {"half an hour before it", "latest", USUAL, "2027-03-06T08:30", "nny"},
    {"half an hour before it, none", "none", USUAL, "2027-03-06T08:30", "nnn"},
    {"just when one is due", "none", USUAL, "2027-03-06T08:00", "nny"},
    {"when it has begun nothing goes", "all", USUAL, "2027-03-06T09:00", "nnn"},
    {"nor afterwards", "latest", USUAL, "2027-03-07T09:00", "nnn"},
    {"one that is over does not go, whatever is asked for", "all", SHORT, "2027-03-01T10:00", "ny"},
    {"nor is it the latest", "latest", SHORT, "2027-03-05T19:00", "ny"},
    {"the latest is not the last in the list", "latest",
     "{\"name\":\"eve\",\"at\":\"-1d 18:00\"},{\"name\":\"week\",\"at\":\"-7d 09:00\"}",
     "2027-03-05T19:00", "yn"},
};

static void test_plan(void **state)
{
    const struct plan *p = *state;
    struct campaign *c = campaign_of(p->missed, p->reminders);
    int64_t due_ms[CAMPAIGN_MAX_REMINDERS];
    bool skipped[CAMPAIGN_MAX_REMINDERS];

    campaign_plan(c, at(p->queued), due_ms, skipped);
    assert_int_equal(c->reminder_count, strlen(p->goes));
    for (size_t r = 0; r < c->reminder_count; r++) {
        assert_int_equal(skipped[r], p->goes[r] == 'n');
        assert_int_equal(due_ms[r], campaign_due(c, r, at(p->queued)));
    }
    campaign_free(c);
}

/* Queued in the course of a series: what is over stays away, and an occurrence's missed
 * reminder goes although a later occurrence's was missed too. */
static void test_plan_of_a_series(void **state)
{
    static const char json[] =
        "{\"id\":\"a\",\"class\":\"notice\",\"title\":\"T\",\"event\":{\"starts\":"
        "\"2027-03-06T09:00\",\"repeat\":\"FREQ=DAILY;COUNT=4\"},\"texts\":\"t\",\"reminders\":["
        "{\"name\":\"week\",\"at\":\"-7d 09:00\"},{\"name\":\"eve\",\"at\":\"-1d 18:00\"}]}";
    struct tree *t = tree_parse_json(json, strlen(json), NULL, NULL);
    struct campaign *c = campaign_create(t, &defaults, NULL, 0, NULL);
    int64_t due_ms[CAMPAIGN_MAX_REMINDERS];
    bool skipped[CAMPAIGN_MAX_REMINDERS];

    (void)state;
    assert_int_equal(c->reminder_count, 8);
    campaign_plan(c, at("2027-03-06T19:00"), due_ms, skipped);
    for (size_t r = 0; r < 8; r++)
        assert_int_equal(skipped[r], "nnnyyyyy"[r] == 'n');
    assert_int_equal(due_ms[7], at("2027-03-08T18:00"));
    campaign_free(c);
}

/* ------------------------------------------------------------------- in Redis */

#define DOCUMENT "{\"id\":\"fair\"}"

static const char *queue(const struct campaign *c, const char *event, const char *hash,
                         const char *token, int64_t rows)
{
    struct campaign_queueing q = {.event_id = event,
                                  .by = "ann",
                                  .token = token,
                                  .hash = hash,
                                  .rows = rows,
                                  .queued_ms = at("2027-03-05T19:00"),
                                  .document = DOCUMENT,
                                  .document_length = strlen(DOCUMENT)};
    struct command command = COMMAND_INIT;
    struct error err = {""};
    redisReply *reply;
    const char *text;

    campaign_queue_command(&command, c, &q);
    if (db_ask(f.db, &command, &reply, &err) != 0)
        fail_msg("%s", err.text);
    text = fixture_text(reply);
    freeReplyObject(reply);
    command_free(&command);
    return text;
}

static void test_queue(void **state)
{
    struct campaign *c = campaign_of("latest", USUAL);
    struct error err = {""};
    struct campaign_status *s;

    (void)state;
    assert_null(campaign_status_read(f.db, "fair", &err));
    is("there is no campaign fair (outreach list shows those there are)", err.text);
    fixture_script(&f, SCRIPT_ADD, 2, "outreach:{fair} outreach:{fair}:audience tok 0 a b c");
    is("[ROWS 3]", queue(c, "1-1", NULL, "tok", 4));
    is("[ROWS 3]", queue(c, "1-1", NULL, "other", 3));
    is("[OK]", queue(c, "1-1", NULL, "tok", 3));
    is("[AGAIN SAME]", queue(c, "1-1", NULL, "tok", 3));
    is("[AGAIN]", queue(c, "1-2", NULL, "tok", 3)); /* the same body once more */
    is("[OTHER]", queue(c, "1-2", "another", "tok", 3));
    s = campaign_status_read(f.db, "fair", &err);
    assert_non_null(s);
    is("fair", s->id);
    is("active", s->state);
    is("ann", s->by);
    is(DOCUMENT, s->document);
    /* printf '{"id":"fair"}' | sha256sum */
    is("1056dc11c486a6eb612888ef9b1a6bcacef3ea927a3fbe257ad0938b4ec23bb3", s->hash);
    assert_int_equal(s->queued_ms, at("2027-03-05T19:00"));
    assert_int_equal(s->rows, 3);
    assert_int_equal(s->reminder_count, 3);
    is("week", s->reminders[0].name);
    is("skipped", s->reminders[0].state);
    assert_int_equal(s->reminders[0].planned, 0);
    is("eve", s->reminders[1].name);
    is("scheduled", s->reminders[1].state);
    assert_int_equal(s->reminders[1].due_ms, at("2027-03-05T18:00"));
    assert_int_equal(s->reminders[1].expires_ms, at("2027-03-06T09:00"));
    assert_int_equal(s->reminders[1].planned, 3);
    assert_int_equal(s->reminders[1].last, 3);
    assert_int_equal(reminder_waiting(&s->reminders[1]), 3);
    assert_int_equal(reminder_sum(&s->reminders[1]), 3);
    assert_int_equal(s->reminders[1].version, 1);
    assert_false(s->reminders[1].paused);
    campaign_status_free(s);
    campaign_free(c);
}

/* The equation of what is planned, and when no more comes by our doing. */
static void test_reminder_status(void **state)
{
    static const struct {
        const char *counters;
        int64_t waiting, sum;
        bool settled;
    } rows[] = {
        {"state scheduled planned 10 c0 10", 10, 10, false},
        {"state open planned 10 c0 4 c1 2 c2 1 c4 3", 6, 10, false},
        {"state open planned 10 c2 1 c5 9", 0, 10, false},
        {"state open planned 10 c3 1 c4 2 c5 7", 0, 10, false}, /* one in doubt may be resent */
        {"state open planned 10 c4 3 c5 7", 0, 10, true},
        {"state open planned 13 c0 1 c1 1 c2 1 c3 1 c4 1 c5 1 c6 1 c7 1 c8 1 c9 1 c10 1 c11 1 c12 "
         "1",
         2, 13, false},
        {"state done planned 3 c8 3", 0, 3, true},
        {"state skipped planned 0", 0, 0, true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct reminder_status r;
        char line[256];
        redisReply *reply;

        ask("DEL h");
        snprintf(line, sizeof line, "HSET h %s", rows[i].counters);
        ask(line);
        reply = redisCommand(f.raw, "HGETALL h");
        reminder_status_parse(reply, "eve", &r);
        is("eve", r.name);
        assert_int_equal(reminder_waiting(&r), rows[i].waiting);
        assert_int_equal(reminder_sum(&r), rows[i].sum);
        assert_int_equal(r.planned, rows[i].sum);
        assert_int_equal(reminder_settled(&r), rows[i].settled);
        freeReplyObject(reply);
        reply = redisCommand(f.raw, "HGETALL nothing");
        reminder_status_parse(reply, "eve", &r);
        is("", r.state);
        assert_int_equal(reminder_sum(&r), 0);
        freeReplyObject(reply);
    }
}

static void flagged(const char *op, int rc, int64_t sending, const char *words)
{
    struct error err = {""};
    int64_t got = -1;

    assert_int_equal(campaign_flag(f.db, "fair", op, "bob", &got, &err), rc);
    if (rc == 0)
        assert_int_equal(got, sending);
    else
        is(words, err.text);
}

static void test_flag(void **state)
{
    struct campaign *c = campaign_of("latest", USUAL);

    (void)state;
    flagged("pause", -1, 0, "there is no campaign fair (outreach list shows those there are)");
    fixture_script(&f, SCRIPT_ADD, 2, "outreach:{fair} outreach:{fair}:audience tok 0 a b c");
    flagged("pause", -1, 0, "fair is not queued yet");
    is("[OK]", queue(c, "1-1", NULL, "tok", 3));
    fixture_script(&f, SCRIPT_OPEN, 2,
                   "outreach:{fair}:eve outreach:{fair}:eve:ledger OLG1............ 1");
    ask("HSET outreach:{fair}:eve c0 1 c2 2");
    flagged("pause", 0, 2, NULL);
    is("[1 1 paused]", fixture_ask(&f, "EVAL %s 0",
                                   "return {redis.call('HGET', 'outreach:{fair}:eve', 'paused'), "
                                   "redis.call('HGET', 'outreach:{fair}:today', 'paused'), "
                                   "redis.call('HGET', 'outreach:{fair}', 'state')}"));
    flagged("pause", 0, 2, NULL);
    flagged("resume", 0, 2, NULL);
    is("[0 active]", fixture_ask(&f, "EVAL %s 0",
                                 "return {redis.call('HGET', 'outreach:{fair}:eve', 'paused'), "
                                 "redis.call('HGET', 'outreach:{fair}', 'state')}"));
    flagged("cancel", 0, 2, NULL);
    is("[done 3]", ask("HMGET outreach:{fair}:today state c12"));
    is("[open 1]", ask("HMGET outreach:{fair}:eve state cancelled"));
    flagged("cancel", 0, 0, NULL); /* again: it is cancelled */
    flagged("resume", -1, 0, "fair was cancelled; that is final");
    flagged("pause", -1, 0, "fair was cancelled; that is final");
    is("5", ask("XLEN outreach:audit")); /* what was done, and by whom */
    campaign_free(c);
}

static void test_ids(void **state)
{
    static const char *const expected[] = {"a", "a-2", "fair", "zoo"};
    struct error err;
    char **ids = campaign_ids(f.db, &err);

    (void)state;
    assert_non_null(ids);
    assert_null(ids[0]);
    free(ids);
    ask("SADD outreach:campaigns zoo a-2 fair a");
    ids = campaign_ids(f.db, &err);
    for (size_t i = 0; i < 4; i++) {
        is(expected[i], ids[i]);
        free(ids[i]);
    }
    assert_null(ids[4]);
    free(ids);
}

/* FIPS 180-2, appendix B.1, and the empty message. */
static void test_hash(void **state)
{
    char hash[65];

    (void)state;
    campaign_hash("abc", 3, hash);
    is("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", hash);
    campaign_hash("", 0, hash);
    is("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", hash);
}

static void test_long_id(void **state)
{
    struct error err = {""};
    char id[80];

    (void)state;
    memset(id, 'a', sizeof id);
    id[65] = '\0';
    assert_null(campaign_status_read(f.db, id, &err));
    assert_non_null(strstr(err.text, "at most 64 characters"));
}

static int empty(void **state)
{
    (void)state;
    ask("FLUSHALL");
    return 0;
}

#define TEST(fn) cmocka_unit_test_setup(fn, empty)
#define COUNT(a) (sizeof(a) / sizeof *(a))

int main(void)
{
    static const struct CMUnitTest all[] = {
        TEST(test_queue),
        TEST(test_reminder_status),
        TEST(test_flag),
        TEST(test_ids),
        TEST(test_hash),
        TEST(test_long_id),
        TEST(test_plan_of_a_series),
    };
    struct CMUnitTest tests[COUNT(all) + COUNT(plans)];
    size_t n = 0;

    for (size_t i = 0; i < COUNT(plans); i++)
        tests[n++] = (struct CMUnitTest){plans[i].name, test_plan, NULL, NULL, (void *)&plans[i]};
    for (size_t i = 0; i < COUNT(all); i++)
        tests[n++] = all[i];
    return cmocka_run_group_tests_name("campaigns", tests, redis_start, redis_end);
}
