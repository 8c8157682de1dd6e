/*
 * Amendments: what may become of a campaign, what the script makes of it in a real Redis, who
 * counts as told, and what a correction says.
 */
#include "amend.h"
#include "correction.h"
#include "ledger.h"
#include "redis_group.h"
#include "series.h"
#include "template.h"
#include "tree.h"
#include "zone.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define C "outreach:{c}"
#define R "outreach:{c}:r"
#define S "outreach:{c}:s"

static struct campaign_defaults defaults = {
    .timezone = "Asia/Shanghai",
    .country = "CN",
    .language = "zh",
    .currency = "CNY",
    .hours = "always",
    .signature = "【鼓楼区妇联】",
    .optout_line = "拒收请回复R",
    .max_segments = 8,
    .max_audience = 1000,
};

/* The instant of a time in Shanghai. */
static int64_t at(const char *text)
{
    int64_t ms;

    assert_int_equal(zone_parse(zone_find("Asia/Shanghai", NULL), text, strlen(text), &ms), 0);
    return ms;
}

/* A document with that event, texts and reminders, and more fields. */
static const char *document_with(const char *event, const char *texts, const char *reminders,
                                 const char *more)
{
    static char out[4096];

    snprintf(out, sizeof out,
             "{\"id\":\"c\",\"class\":\"promotion\",\"title\":\"讲座\",\"event\":{%s},"
             "\"audience\":{\"rows\":3},\"channels\":[\"sms\"],"
             "\"columns\":[\"sms\",\"name\",\"language\"],\"texts\":%s,\"reminders\":[%s]%s}",
             event, texts, reminders, more);
    return out;
}

static const char *document(const char *event, const char *texts, const char *reminders)
{
    return document_with(event, texts, reminders, "");
}

#define EVENT(day) "\"starts\":\"2027-03-" day "T09:00\",\"ends\":\"2027-03-" day "T11:00\""
#define TEXTS                                                                                          \
    "{\"zh\":\"{{name}}，{{event.date}}\",\"en\":\"Come on {{event.date}}\",\"moved\":{\"zh\":"       \
    "\"{{name}}，{{was.date}}{{was.time}}在{{was.venue}}改为{{event.date}}\",\"en\":\"Moved from " \
    "{{was.date}} to {{event.date}}\"},\"cancelled\":\"{{was.date}}取消\"}"
#define REMINDER(name, at) "{\"name\":\"" name "\",\"at\":\"" at "\"}"
#define BOTH REMINDER("r", "-7d 09:00") "," REMINDER("s", "-1d 18:00")

static struct tree *parse(const char *json)
{
    struct error err = {""};
    struct tree *t = tree_parse_json(json, strlen(json), NULL, &err);

    if (t == NULL)
        fail_msg("%s", err.text);
    return t;
}

static struct campaign *compile(const char *json)
{
    struct error err = {""};
    struct campaign *c = campaign_create(parse(json), &defaults, NULL, 0, &err);

    if (c == NULL)
        fail_msg("%s", err.text);
    return c;
}

/* The campaign, of three people, queued on 2027-02-01; takes it over. */
static void queue_it(struct campaign *campaign)
{
    struct command c = COMMAND_INIT;
    struct buf json = BUF_INIT(1u << 20);
    struct campaign_queueing q = {.event_id = "100-0",
                                  .by = "ann",
                                  .token = "t",
                                  .rows = 3,
                                  .queued_ms = at("2027-02-01T00:00")};
    redisReply *reply = NULL;
    struct error err = {""};

    ask("FLUSHALL");
    script(SCRIPT_ADD, 2, C " " C ":audience t 0 a b c");
    campaign_write_json(campaign, &json);
    q.document = json.data;
    q.document_length = json.length;
    campaign_queue_command(&c, campaign, &q);
    assert_int_equal(db_ask(f.db, &c, &reply, &err), 0);
    is("OK", reply->element[0]->str);
    freeReplyObject(reply);
    command_free(&c);
    buf_free(&json);
    campaign_free(campaign);
}

/* r on 02-27, s on 03-05. */
static void queued_with(const char *more)
{
    queue_it(compile(document_with(EVENT("06"), TEXTS, BOTH, more)));
}

static void queued(void)
{
    queued_with("");
}

static void opened(const char *now)
{
    script(SCRIPT_OPEN, 2, R " " R ":ledger OLG1............ %lld 1", (long long)at(now));
}

static char trouble[1024];
static const char *approval; /* why amended() has to be agreed to, or NULL */
static const char *reckoned; /* what was held against the bound on the cost, or NULL */
static const char *by = "bob";

/* Applies the amendment as the daemon does; what the script says, or "refused". */
static const char *amended(const char *json, const char *event_id, const char *now)
{
    struct error err = {""};
    struct campaign_status *status = campaign_status_read(f.db, "c", &err);
    struct tree *body = parse(json);
    struct amendment *a = amendment_create(status, body, &defaults, at(now), &err);
    struct command c = COMMAND_INIT;
    redisReply *reply = NULL;
    const char *answer = "refused";

    snprintf(trouble, sizeof trouble, "%s", err.text);
    if (a != NULL) {
        a->approval = approval != NULL ? xstrdup(approval) : NULL;
        a->reckoned = reckoned != NULL ? xstrdup(reckoned) : NULL;
        amendment_command(a, event_id, by, at(now), &c);
        if (db_ask(f.db, &c, &reply, &err) != 0)
            fail_msg("%s", err.text);
        answer = fixture_text(reply);
        freeReplyObject(reply);
    }
    command_free(&c);
    amendment_free(a);
    tree_free(body);
    campaign_status_free(status);
    return answer;
}

static const char *ms(const char *text)
{
    static char out[4][24];
    static unsigned next;

    snprintf(out[next %= 4], sizeof out[0], "%lld", (long long)at(text));
    return out[next++];
}

/* ------------------------------------------------------------------- the script */

/* What awaits a second person's approval still does, whatever it is amended to: none of it can
 * be opened, and the agreement is to the new text. */
static void test_awaiting(void **state)
{
    const char *hash;
    struct campaign_status *status;
    struct error err;

    (void)state;
    queued();
    ask("HSET " C " state awaiting approval recipients by ann");
    ask("HSET " R " state awaiting");
    ask("HSET " S " state awaiting");
    is("[OK]", amended(document(EVENT("13"), TEXTS, BOTH), "101-0", "2027-02-02T00:00"));
    is("[awaiting recipients 2]", ask("HMGET " C " state approval version"));
    is("[awaiting 3 3 2]", ask("HMGET " R " state planned c0 tv"));
    is("awaiting", ask("HGET " S " state"));
    is("[scheduled 1 1]", ask("HMGET " C ":corrections state paused held"));
    opened("2027-03-12T00:00");
    is("awaiting", ask("HGET " R " state"));
    hash = ask("HGET " C " hash");
#define AGREE(who, hash)                                                                           \
    script(SCRIPT_APPROVE, 4,                                                                      \
           C " " R " " S " " C ":corrections %s '' '' 5 " who " 9 scheduled 9 scheduled", hash)
    is("[OTHER]", AGREE("eve", "h1"));
    is("[OWN bob]", AGREE("bob", hash)); /* who amended it, */
    is("[OWN ann]", AGREE("ann", hash)); /* and who queued it */
    /* Others on top of it: what awaits has a part of each. */
    by = "carl\nx";
    is("[OK]", amended(document(EVENT("14"), TEXTS, BOTH), "102-0", "2027-02-02T00:00"));
    by = "dora";
    is("[OK]", amended(document(EVENT("15"), TEXTS, BOTH), "103-0", "2027-02-02T00:00"));
    by = "bob";
    hash = ask("HGET " C " hash");
    is("[OWN bob]", AGREE("Bob", hash));
    is("[OWN dora]", AGREE("dora", hash));
    is("[OWN ann]", AGREE("ann", hash));
    is("[OWN carl x]",
       script(SCRIPT_APPROVE, 2, C " " R " %s '' '' 5 %s 9 scheduled", hash, "Carl\nx"));
    status = campaign_status_read(f.db, "c", &err);
    is("ann\nbob\ncarl x\ndora\n", status->authors);
    assert_true(campaign_is_author(status, " BOB　"));
    assert_false(campaign_is_author(status, "bo"));
    campaign_status_free(status);
    is("[OK]", AGREE("eve", hash));
    is("[(nil)]", ask("HMGET " C " authors"));
    is("[active eve]", ask("HMGET " C " state approved_by"));
    is("[scheduled 9]", ask("HMGET " R " state due"));
    is("[scheduled 0 0]", ask("HMGET " C ":corrections state paused held"));
}

/* One that goes already, amended to what has to be agreed to: it stands still until it is, and
 * then is as it was, paused where somebody had paused it. */
static void test_awaits_again(void **state)
{
    const char *hash;

    (void)state;
    queued();
    ask("HSET " C " by ann approved_by eve");
    opened("2027-02-01T00:00");
    is("[open 0]", ask("HMGET " R " state paused"));
    ask("HSET " S " paused 1"); /* as `outreach pause` would all of them */
    ask("HSET " C " state paused");
    approval = "recipients";
    is("[OK]", amended(document(EVENT("13"), TEXTS, BOTH), "101-0", "2027-02-02T00:00"));
    approval = NULL;
    is("[awaiting recipients paused]", ask("HMGET " C " state approval was"));
    is("[open 1 1]", ask("HMGET " R " state paused held"));
    is("[awaiting 1]", ask("HMGET " S " state paused"));
    is("[PAUSED ]", script(SCRIPT_CLAIM, 3, R " " R ":leases " R ":retry d:1:1 10 %s 9 100",
                           ms("2027-03-01T00:00")));
    is("[AWAITING 0]", script(SCRIPT_FLAG, 3, C " " R " " S " resume 600 ann 900-1 event"));
    hash = ask("HGET " C " hash");
    approval = "recipients"; /* once more, while it waits: what somebody paused stays so */
    is("[OK]", amended(document(EVENT("14"), TEXTS, BOTH), "102-0", "2027-02-02T00:00"));
    approval = NULL;
    hash = ask("HGET " C " hash");
    is("[awaiting recipients paused]", ask("HMGET " C " state approval was"));
    is("[awaiting 1]", ask("HMGET " S " state paused"));
    is("[OWN bob]", AGREE("bob", hash));
    is("[OK]", AGREE("ann", hash)); /* she has not written this: two have seen it */
    is("[paused ann (nil)]", ask("HMGET " C " state approved_by was"));
    is("[open 0 0]", ask("HMGET " R " state paused held"));
    is("[scheduled 1]", ask("HMGET " S " state paused"));
}

/* The sum that somebody is to agree to is that of what stands now, and is gone with the question.
 */
static void test_reckoned(void **state)
{
    struct campaign_status *status;
    struct error err;

    (void)state;
    queued();
    ask("HSET " C " by ann approved_by eve");
    reckoned = "0.9000 1.0000 3";
    is("[OK]", amended(document(EVENT("13"), TEXTS, BOTH), "101-0", "2027-02-02T00:00"));
    is("(nil)", ask("HGET " C " reckoned")); /* nobody is asked */
    approval = "cost";
    reckoned = "1.8000 1.0000 3";
    is("[OK]", amended(document(EVENT("14"), TEXTS, BOTH), "102-0", "2027-02-02T00:00"));
    approval = NULL;
    is("[awaiting cost]", ask("HMGET " C " state approval"));
    status = campaign_status_read(f.db, "c", &err);
    assert_float_equal(status->reckoned.cost, 1.8, 1e-9);
    assert_float_equal(status->reckoned.bound, 1, 1e-9);
    assert_int_equal(status->reckoned.rows, 3);
    campaign_status_free(status);
    reckoned = "0.8100 1.0000 3"; /* it goes on waiting */
    is("[OK]", amended(document(EVENT("15"), TEXTS, BOTH), "103-0", "2027-02-02T00:00"));
    is("[awaiting cost 0.8100 1.0000 3]", ask("HMGET " C " state approval reckoned"));
    reckoned = NULL;
    is("[OK]", amended(document(EVENT("16"), TEXTS, BOTH), "104-0", "2027-02-02T00:00"));
    is("[awaiting cost (nil)]", ask("HMGET " C " state approval reckoned"));
    reckoned = "0.8100 1.0000 3";
    is("[OK]", amended(document(EVENT("17"), TEXTS, BOTH), "105-0", "2027-02-02T00:00"));
    reckoned = NULL;
    is("[OK]", AGREE("ann", ask("HGET " C " hash")));
    is("[active (nil)]", ask("HMGET " C " state reckoned"));
}

static void test_not_begun(void **state)
{
    char before[64];

    (void)state;
    queued();
    is("[OK]", amended(document(EVENT("13"), TEXTS, BOTH), "101-0", "2027-02-02T00:00"));
    is(ms("2027-03-06T09:00"), ask("HGET " R " due"));
    is(ms("2027-03-12T18:00"), ask("HGET " S " due"));
    is(ms("2027-03-13T09:00"), ask("HGET " S " expires"));
    is("[scheduled 3 3 2]", ask("HMGET " R " state planned c0 tv"));
    is("[active 2 101-0 bob]", ask("HMGET " C " state version event amended_by"));
    is("[2 1]", ask("HMGET " C " correct correct_at"));
    is("r s corrections", ask("HGET " C " reminders"));
    is("[scheduled 0 0 2]", ask("HMGET " C ":corrections state planned c0 tv"));
    is("1", ask("HEXISTS " C ":versions 1"));
    snprintf(before, sizeof before, "%s", ask("DEBUG DIGEST"));
    is("[AGAIN]", amended(document(EVENT("14"), TEXTS, BOTH), "101-0", "2027-02-02T00:00"));
    is("[AGAIN]",
       amended(document(EVENT("14"), TEXTS, BOTH), "100-5", "2027-02-02T00:00")); /* older */
    is(before, ask("DEBUG DIGEST"));
}

/* Only the words: nobody is looked for. */
static void test_words(void **state)
{
    (void)state;
    queued();
    opened("2027-02-27T09:00");
    is("[OK]",
       amended(document(EVENT("06"), "{\"zh\":\"{{name}}\"}", BOTH), "101-0", "2027-02-27T09:01"));
    is("[2 (nil)]", ask("HMGET " C " version correct"));
    is("[open 2]", ask("HMGET " R " state tv"));
    is("[scheduled 2]", ask("HMGET " S " state tv"));
    is("r s", ask("HGET " C " reminders"));
    /* an intent of the old text is refused from then on, one of the new is not */
    is("[VERSION 2]",
       script(SCRIPT_INTEND, 3, R " " R ":ledger " R ":retry intent %s 1 0 1 1 %s %s ''",
              ms("2027-02-27T09:02"), "aaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbb"));
}

/* One that has begun keeps its ledger; who was not told yet is told by the new time. */
static void test_begun(void **state)
{
    char expected[48];

    (void)state;
    queued();
    opened("2027-02-27T09:00");
    ask("HSET " R " c0 2 c4 1");
    is("[OK]", amended(document(EVENT("13"), TEXTS, BOTH), "101-0", "2027-02-27T09:01"));
    is("[open 2 1]", ask("HMGET " R " state c0 c4"));
    is(ms("2027-03-06T09:00"), ask("HGET " R " due"));
    is(ms("2027-03-13T09:00"), ask("HGET " R " expires"));
    snprintf(expected, sizeof expected, "[NONE  %s]", ms("2027-03-06T09:00"));
    is(expected, script(SCRIPT_CLAIM, 3, R " " R ":leases " R ":retry d:1:1 9 %s 0 9",
                        ms("2027-02-27T09:02")));
    is("[RANGE  1 3 0 1]", script(SCRIPT_CLAIM, 3, R " " R ":leases " R ":retry d:1:1 9 %s 0 9",
                                  ms("2027-03-06T09:00")));
}

static void test_moved_to_an_earlier_day(void **state)
{
    (void)state;
    queued();
    /* r's time went by with that, s is the latest: as if it were queued on that day */
    is("[OK]", amended(document(EVENT("04"), TEXTS, BOTH), "101-0", "2027-03-04T07:00"));
    is("[skipped 0]", ask("HMGET " R " state planned"));
    is("[scheduled 3]", ask("HMGET " S " state planned"));
    is(ms("2027-03-03T18:00"), ask("HGET " S " due"));
    /* and back: both have a time to come */
    is("[OK]", amended(document(EVENT("27"), TEXTS, BOTH), "102-0", "2027-03-04T07:01"));
    is("[scheduled 3 3]", ask("HMGET " R " state planned c0"));
}

static void test_cancelled(void **state)
{
    (void)state;
    queued();
    opened("2027-02-27T09:00");
    is("[OK]", amended(document(EVENT("06") ",\"cancelled\":true", TEXTS, BOTH), "101-0",
                       "2027-02-28T00:00"));
    is("[cancelled bob]", ask("HMGET " C " state canceld_by"));
    is("[open 1]", ask("HMGET " R " state cancelled"));
    is("[done 1 0 3]", ask("HMGET " S " state cancelled c0 c12"));
    is("[scheduled 0]", ask("HMGET " C ":corrections state cancelled"));
    is("refused", amended(document(EVENT("13"), TEXTS, BOTH), "102-0", "2027-02-28T00:00"));
    is("it was cancelled; that is final", trouble);
    /* another cancel stops what is still said of it */
    is("[CANCELLED 0]", script(SCRIPT_FLAG, 4, C " " R " " S " " C ":corrections cancel 5 ann"));
    is("1", ask("HGET " C ":corrections cancelled"));
}

/* Who was told hears of it, though the campaign was paused: nobody can resume it any more. */
static void test_cancelled_while_paused(void **state)
{
    (void)state;
    queued();
    opened("2027-02-27T00:00");
    is("[active 0]", script(SCRIPT_FLAG, 3, C " " R " " S " pause 500 ann 100-9"));
    is("[OK]", amended(document(EVENT("06") ",\"cancelled\":true", TEXTS, BOTH), "101-0",
                       "2027-02-28T00:00"));
    is("[cancelled]", ask("HMGET " C " state"));
    is("[scheduled 0 0]", ask("HMGET " C ":corrections state paused cancelled"));
}

/* It is off at once; what somebody else has not agreed to is told nobody before she has. */
static void test_cancelled_in_other_words(void **state)
{
    static const char other[] = "{\"zh\":\"{{name}}\",\"cancelled\":\"另议\"}";
    const char *hash;

    (void)state;
    for (int agree = 0; agree < 2; agree++) {
        queued();
        ask("HSET " C " by ann approved_by eve");
        opened("2027-02-27T09:00");
        approval = "recipients";
        is("[OK]", amended(document(EVENT("06") ",\"cancelled\":true", other, BOTH), "101-0",
                           "2027-02-28T00:00"));
        approval = NULL;
        is("[cancelled recipients]", ask("HMGET " C " state telling"));
        is("[open 1]", ask("HMGET " R " state cancelled"));
        is("[scheduled 1 1]", ask("HMGET " C ":corrections state paused held"));
        hash = ask("HGET " C " hash");
        is("[OWN bob]", AGREE("bob", hash));
        if (agree) {
            is("[OK]", AGREE("eve", hash));
            is("[cancelled eve (nil)]", ask("HMGET " C " state approved_by telling"));
            is("[scheduled 0 0]", ask("HMGET " C ":corrections state paused held"));
        } else { /* nobody is told at all */
            is("[CANCELLED 0]",
               script(SCRIPT_FLAG, 4, C " " R " " S " " C ":corrections cancel 5 ann"));
            is("[CANCELLED eve]", AGREE("eve", hash));
            is("1", ask("HGET " C ":corrections cancelled"));
        }
    }
}

static bool is_reworded(const char *json, unsigned agreed)
{
    struct error err = {""};
    struct campaign_status *status = campaign_status_read(f.db, "c", &err);
    struct tree *body = parse(json);
    struct amendment *a;
    bool reworded;

    status->agreed = agreed;
    a = amendment_create(status, body, &defaults, at("2027-02-28T00:00"), &err);
    if (a == NULL)
        fail_msg("%s", err.text);
    reworded = a->reworded;
    amendment_free(a);
    tree_free(body);
    campaign_status_free(status);
    return reworded;
}

static void test_reworded(void **state)
{
    const char *off = EVENT("06") ",\"cancelled\":true";

    (void)state;
    queued();
    assert_false(is_reworded(document(off, "{\"zh\":\"a\"}", BOTH), 0)); /* nobody was told */
    opened("2027-02-27T09:00");
    assert_false(is_reworded(document(off, TEXTS, BOTH), 0));
    assert_true(is_reworded(document(off, TEXTS, BOTH), 1)); /* another version was agreed to */
    assert_true(is_reworded(document(off, "{\"zh\":\"{{name}}\",\"cancelled\":\"b\"}", BOTH), 0));
    assert_true(is_reworded(document(EVENT("13") ",\"cancelled\":true", TEXTS, BOTH), 0));
    assert_false(
        is_reworded(document(EVENT("06"), "{\"zh\":\"a\"}", BOTH), 0)); /* it is no cancel */
}

/* A cancel by names that were read before a reminder came to be would miss it. */
static void test_flag_of_what_came_meanwhile(void **state)
{
    (void)state;
    queued();
    is("[STALE 0]", script(SCRIPT_FLAG, 2, C " " R " cancel 500 ann 100-9 check"));
    is("[active]", ask("HMGET " C " state"));
    is("[active 0]", script(SCRIPT_FLAG, 3, C " " R " " S " cancel 500 ann 100-9 check"));
}

static void test_taken_out(void **state)
{
    (void)state;
    queued();
    is("[OK]", amended(document(EVENT("06"), TEXTS,
                                REMINDER("r", "-7d 09:00") "," REMINDER("x", "-2d 10:00")),
                       "101-0", "2027-02-02T00:00"));
    is("r x s", ask("HGET " C " reminders"));
    is("[done 0 3 1]", ask("HMGET " S " state c0 c12 cancelled"));
    is("[scheduled 3 3 2]", ask("HMGET " C ":x state planned c0 tv"));
    /* and put in again: it is planned anew */
    is("[OK]", amended(document(EVENT("06"), TEXTS, BOTH), "102-0", "2027-02-02T00:00"));
    is("[scheduled 3 0 0]", ask("HMGET " S " state c0 c12 cancelled"));
}

/* Between reading and writing it began, or somebody else amended it. */
static void test_stale(void **state)
{
    char before[64];

    (void)state;
    queued();
    ask("HSET " C " version 2");
    snprintf(before, sizeof before, "%s", ask("DEBUG DIGEST"));
    is("[VERSION 2]",
       script(SCRIPT_AMEND, 3, C " " C ":versions " R " 101-0 h {} 2 r 5 ann '' '' plan 1 2"));
    opened("2027-02-27T09:00");
    snprintf(before, sizeof before, "%s", ask("DEBUG DIGEST"));
    is("[BEGUN 1]",
       script(SCRIPT_AMEND, 3, C " " C ":versions " R " 101-0 h {} 3 r 5 ann '' '' drop 1 2"));
    is("[BEGUN 1]", /* whoever was told by now has to be told of the change */
       script(SCRIPT_AMEND, 3, C " " C ":versions " R " 101-0 h {} 3 r 5 ann event '' plan 1 2"));
    is(before, ask("DEBUG DIGEST"));
    is("[OK]",
       script(SCRIPT_AMEND, 3, C " " C ":versions " R " 101-0 h {} 3 r 5 ann event '' begun 1 2"));
}

/* A cancel waits for no second person, and so brings no hours that one would have to see. */
static void test_cancelled_at_night(void **state)
{
    static const struct {
        const char *before, *now, *state; /* hours of it and of its corrections */
        bool refused;
    } rows[] = {
        {"", "", "active", false},
        {"", ",\"corrections\":{\"hours\":\"always\"}", "active", true},
        {"", ",\"corrections\":{\"hours\":\"09:00-21:00\"}", "active", true},
        {"", ",\"corrections\":{\"hours\":\"09:00-11:00\"}", "active", false},
        {"", ",\"hours\":\"always\"", "active", true},
        {"", ",\"hours\":\"always\",\"corrections\":{\"hours\":\"09:00-11:00\"}", "active", false},
        {",\"corrections\":{\"hours\":\"always\"}", ",\"corrections\":{\"hours\":\"always\"}",
         "active", false}, /* somebody has agreed to that */
        {",\"corrections\":{\"hours\":\"always\"}", ",\"corrections\":{\"hours\":\"always\"}",
         "awaiting", true}, /* nobody has */
        {",\"corrections\":{\"hours\":\"always\"}", "", "awaiting", false},
    };

    (void)state;
    defaults.hours = "08:00-20:00";
    defaults.approval.hours = true;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *answer;

        queued_with(rows[i].before);
        ask("HSET " C " state %s", rows[i].state);
        answer = amended(document_with(EVENT("06") ",\"cancelled\":true", TEXTS, BOTH, rows[i].now),
                         "101-0", "2027-02-02T00:00");
        if (strcmp(answer, rows[i].refused ? "refused" : "[OK]") != 0)
            fail_msg("row %zu: %s %s", i, answer, trouble);
        if (rows[i].refused)
            assert_non_null(strstr(trouble, "corrections.hours"));
    }
    defaults.hours = "always";
    defaults.approval.hours = false;
}

static void test_versions_end(void **state)
{
    (void)state;
    queued();
    ask("HSET " C " version 15");
    is("refused", amended(document(EVENT("13"), TEXTS, BOTH), "101-0", "2027-02-02T00:00"));
    assert_non_null(strstr(trouble, "15 versions"));
}

/* ------------------------------------------------------------------ what is refused */

static const struct refusal {
    const char *name, *document, *now, *words;
} refusals[] = {
    {"another class",
     "{\"id\":\"c\",\"class\":\"notice\",\"title\":\"t\",\"event\":{" EVENT(
         "06") "},\"texts\":{"
               "\"zh\":\"a\"},\"reminders\":[" BOTH "]}",
     "2027-02-02T00:00", "class: it is promotion"},
    {"another id",
     "{\"id\":\"d\",\"class\":\"promotion\",\"title\":\"t\",\"event\":{" EVENT(
         "06") "},\"texts\":{"
               "\"zh\":\"a\"},\"reminders\":[" BOTH "]}",
     "2027-02-02T00:00", "the body's id differ"},
    {"other channels",
     "{\"id\":\"c\",\"class\":\"promotion\",\"channels\":[\"wecom\"],\"title\":\"t\",\"event\":"
     "{" EVENT("06") "},\"texts\":{\"zh\":\"a\"},\"reminders\":[" BOTH "]}",
     "2027-02-02T00:00", "channels: they cannot be changed"},
    {"a column that the rows have not",
     "{\"id\":\"c\",\"class\":\"promotion\",\"title\":\"t\",\"event\":{" EVENT(
         "06") "},\"texts\":{"
               "\"zh\":\"{{age}}\"},\"reminders\":[" BOTH "]}",
     "2027-02-02T00:00", "the texts use \"age\""},
    {"an event that begins to repeat",
     "{\"id\":\"c\",\"class\":\"promotion\",\"title\":\"t\",\"event\":{\"starts\":\"2027-03-13T09:"
     "00\","
     "\"repeat\":\"FREQ=WEEKLY;COUNT=3\"},\"texts\":" TEXTS
     ",\"reminders\":[" REMINDER("r", "-1d 09:00") "]}",
     "2027-02-02T00:00", "an event cannot begin to repeat, nor cease to"},
};

static void test_refused(void **state)
{
    char before[64];

    (void)state;
    queued();
    snprintf(before, sizeof before, "%s", ask("DEBUG DIGEST"));
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        is("refused", amended(refusals[i].document, "101-0", refusals[i].now));
        if (strstr(trouble, refusals[i].words) == NULL)
            fail_msg("%s: %s", refusals[i].name, trouble);
    }
    is("refused", amended(document(EVENT("05"), TEXTS, BOTH), "101-0", "2027-03-05T12:00"));
    assert_non_null(strstr(trouble, "it is over, or would be"));
    is(before, ask("DEBUG DIGEST"));
    opened("2027-02-27T09:00");
    is("refused",
       amended(document(EVENT("13"), "{\"zh\":\"a\"}", BOTH), "101-0", "2027-02-28T00:00"));
    assert_non_null(strstr(trouble, "texts.moved is missing"));
    is("refused", amended(document(EVENT("06"), TEXTS, REMINDER("s", "-1d 18:00")), "101-0",
                          "2027-02-28T00:00"));
    assert_non_null(strstr(trouble, "\"r\" has begun"));
}

#define BARE document(EVENT("13"), "{\"zh\":\"{{name}}\"}", BOTH)

/* While corrections are still to be written, or to reach somebody, a text that only they read is
 * not taken away, though this amendment moves nothing. */
static void test_owed_corrections(void **state)
{
    static const char missing[] =
        "texts.moved is missing: what those who were told already are to read";

    (void)state;
    queued();
    opened("2027-02-27T09:00");
    is("[OK]", amended(document(EVENT("13"), TEXTS, BOTH), "101-0", "2027-02-27T09:01"));
    is("refused", amended(BARE, "102-0", "2027-02-27T09:02")); /* they are being looked for */
    is(missing, trouble);
    is("2", ask("HGET " C " version"));
    is("refused", amended(document(EVENT("13"), "{\"zh\":\"a\",\"moved\":{\"en\":\"b\"}}", BOTH),
                          "102-0", "2027-02-27T09:02"));
    assert_non_null(strstr(trouble, "texts.moved"));
    ask("HDEL " C " correct correct_at");
    ask("HSET " C ":corrections planned 2 c0 1 c5 1"); /* one waits */
    is("refused", amended(BARE, "102-0", "2027-02-27T09:03"));
    is(missing, trouble);
    ask("HSET " C ":corrections planned 2 c0 0 c5 2"); /* all know it */
    is("[OK]", amended(BARE, "102-0", "2027-02-27T09:04"));
    /* Nobody knew of a day yet: no words for it were there, and none need be. */
    queue_it(compile(document(EVENT("06"), "{\"zh\":\"a\"}", BOTH)));
    is("[OK]", amended(document(EVENT("13"), "{\"zh\":\"a\"}", BOTH), "101-0", "2027-02-02T00:00"));
    opened("2027-03-06T09:00");
    is("[OK]", amended(document(EVENT("13"), "{\"zh\":\"b\"}", BOTH), "102-0", "2027-03-06T09:01"));
}

/* ------------------------------------------------------------------------- the told */

static const struct knowledge {
    const char *name;
    enum notice_state state;
    unsigned flags, version, told;
} knowledges[] = {
    {"who waits was told nothing", NOTICE_UNTOUCHED, 0, 0, 0},
    {"one being sent may have gone", NOTICE_SENDING, 0, 2, 2},
    {"and one in doubt", NOTICE_UNCERTAIN, 0, 2, 2},
    {"accepted", NOTICE_ACCEPTED, FLAG_TOLD, 1, 1},
    {"delivered", NOTICE_DELIVERED, FLAG_TOLD, 3, 3},
    {"refused by the gateway", NOTICE_FAILED, 0, 2, 0},
    {"a part went out, and the rest failed", NOTICE_UNDELIVERED, FLAG_TOLD, 2, 2},
    {"waits again, after it went out", NOTICE_PARKED, FLAG_TOLD, 2, 2},
    {"waits again, and never did", NOTICE_PARKED, 0, 2, 0},
    {"cancelled", NOTICE_CANCELLED, 0, 0, 0},
    {"opted out at the last moment", NOTICE_OPTED_OUT, 0, 2, 0},
};

static void test_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof knowledges / sizeof *knowledges; i++) {
        const struct knowledge *k = &knowledges[i];
        struct record r = {.state = k->state, .flags = k->flags, .version = k->version};
        unsigned char bytes[LEDGER_RECORD_BYTES];
        struct told t = {0};

        record_pack(&r, bytes);
        told_record(&t, bytes);
        told_record(&t, NULL);
        if (t.version != k->told)
            fail_msg("%s: %u", k->name, t.version);
    }
}

/* Her last correction counts by what became of it; else what she knew when it was written. */
static void test_told_corrected(void **state)
{
    static const unsigned char entry[TOLD_BYTES] = {0, 0, 1, 4, 3, 2, 0, 0};
    struct record sent = {.state = NOTICE_DELIVERED, .flags = FLAG_TOLD, .version = 3};
    struct record waits = {.state = NOTICE_UNTOUCHED};
    unsigned char bytes[LEDGER_RECORD_BYTES];
    struct told t = {.version = 1};

    (void)state;
    told_entry(&t, entry);
    assert_int_equal(t.correction, 260);
    assert_int_equal(t.corrected_to, 3);
    assert_int_equal(t.version, 2);
    record_pack(&waits, bytes);
    told_correction(&t, bytes);
    assert_int_equal(t.version, 2);
    record_pack(&sent, bytes);
    told_correction(&t, bytes);
    assert_int_equal(t.version, 3);
}

/* Not whom nothing has reached, and not who knows what there is to know. */
static void test_told_is_behind(void **state)
{
    (void)state;
    assert_true(told_is_behind(&(struct told){.version = 1}, 2));
    assert_true(told_is_behind(&(struct told){.version = 1, .corrected_to = 2}, 2));
    assert_false(told_is_behind(&(struct told){.version = 0}, 2));
    assert_false(told_is_behind(&(struct told){.version = 2}, 2));
    assert_false(told_is_behind(&(struct told){.version = AMEND_VERSIONS}, AMEND_VERSIONS));
}

/* ------------------------------------------------------------------- what they read */

static void test_correction(void **state)
{
    struct campaign *was =
        compile(document(EVENT("06") ",\"venue\":{\"zh\":\"区妇联\"}", TEXTS, BOTH));
    struct campaign *now = compile(document(EVENT("13"), TEXTS, BOTH));
    struct campaign *off = compile(document(EVENT("13") ",\"cancelled\":true", TEXTS, BOTH));
    struct campaign *words = compile(document(EVENT("13"), "{\"zh\":\"b\"}", BOTH));
    struct template_value zh[] = {{"+8613851400001", 14}, {"王芳", 6}, {"zh", 2}};
    struct template_value en[] = {{"+8613851400001", 14}, {"Ann", 3}, {"en", 2}};
    struct correction *c;
    struct error err = {""};
    char out[512];
    int n;

    (void)state;
    assert_true(correction_needed(was, now));
    assert_true(correction_needed(now, off));
    assert_false(correction_needed(now, words));
    assert_int_equal(correction_expires(now), at("2027-03-13T11:00"));
    c = correction_create(was, NULL, now, &defaults, &err);
    if (c == NULL)
        fail_msg("%s", err.text);
    n = correction_write(c, zh, -1, out, sizeof out - 1);
    out[n < 0 ? 0 : n] = '\0';
    is("王芳，3月6日（周六）上午9:00在区妇联改为3月13日（周六）",
       out); /* no opt-out line: added later */
    n = correction_write(c, en, -1, out, sizeof out - 1);
    out[n < 0 ? 0 : n] = '\0';
    is("Moved from Sat 6 Mar to Sat 13 Mar", out);
    zh[1].length = 0;
    assert_int_equal(correction_write(c, zh, -1, out, sizeof out), -1);
    correction_free(c);
    c = correction_create(was, NULL, off, &defaults, &err);
    assert_non_null(c);
    n = correction_write(c, en, -1, out, sizeof out - 1);
    out[n < 0 ? 0 : n] = '\0';
    is("3月6日（周六）取消", out); /* there is none in English */
    correction_free(c);
    assert_null(correction_create(was, NULL, words, &defaults, &err));
    is("texts.moved is missing: what those who were told already are to read", err.text);
    campaign_free(was);
    campaign_free(now);
    campaign_free(off);
    campaign_free(words);
}

/* ------------------------------------------------------------------- what repeats */

/* Three Saturdays, with the eve of each; more: of the event. */
#define SERIES(more) EVENT("06") ",\"repeat\":\"FREQ=WEEKLY;COUNT=3\"" more
#define EVE REMINDER("r", "-1d 18:00")
#define OF(day) "outreach:{c}:r-202703" day

static void queued_series(void)
{
    queue_it(compile(document(SERIES(""), TEXTS, EVE)));
}

/* An occurrence that nobody was told of moves, keeps its name, and the others stay. */
static void test_series_moved(void **state)
{
    (void)state;
    queued_series();
    is("[OK]", amended(document(SERIES(",\"moved\":[\"2027-03-13 2027-03-14T10:30\"]"), TEXTS, EVE),
                       "101-0", "2027-02-02T00:00"));
    is(ms("2027-03-05T18:00"), ask("HGET " OF("06") " due"));
    is(ms("2027-03-13T18:00"), ask("HGET " OF("13") " due"));
    is(ms("2027-03-14T10:30"), ask("HGET " OF("13") " expires"));
    is(ms("2027-03-19T18:00"), ask("HGET " OF("20") " due"));
    is("[2 1]", ask("HMGET " C " correct correct_at"));
    is(ms("2027-03-20T11:00"), ask("HGET " C ":corrections expires")); /* the last one's end */
    /* and the whole series, by half an hour */
    is("[OK]", amended(document("\"starts\":\"2027-03-06T09:30\",\"ends\":\"2027-03-06T11:30\","
                                "\"repeat\":\"FREQ=WEEKLY;COUNT=3\"",
                                TEXTS, EVE),
                       "102-0", "2027-02-02T00:00"));
    is(ms("2027-03-12T18:00"), ask("HGET " OF("13") " due"));
    is(ms("2027-03-20T09:30"), ask("HGET " OF("20") " expires"));
}

/* One that people were told of falls out: what waits of it ends, and for good. */
static void test_series_falls_out(void **state)
{
    static const char open_it[] = OF("06") " " OF("06") ":ledger OLG1............ %lld 1";

    (void)state;
    queued_series();
    script(SCRIPT_OPEN, 2, open_it, (long long)at("2027-03-05T18:00"));
    is("refused", amended(document(SERIES(",\"except\":[\"2027-03-06\"]"), "{\"zh\":\"a\"}", EVE),
                          "101-0", "2027-03-05T18:01"));
    assert_non_null(strstr(trouble, "texts.cancelled is missing"));
    is("[OK]", amended(document(SERIES(",\"except\":[\"2027-03-06\",\"2027-03-20\"]"), TEXTS, EVE),
                       "101-0", "2027-03-05T18:01"));
    is("[open 1]", ask("HMGET " OF("06") " state cancelled"));
    is("[scheduled 0]", ask("HMGET " OF("13") " state cancelled"));
    is("[done 1 3]", ask("HMGET " OF("20") " state cancelled c12"));
    is("2", ask("HGET " C " correct"));
    is("refused", amended(document(SERIES(""), TEXTS, EVE), "102-0", "2027-03-05T18:02"));
    assert_non_null(strstr(trouble, "was called off when people knew of it"));
    is("refused", amended(document(SERIES(",\"except\":[\"2027-03-06\",\"2027-03-20\"]"),
                                   "{\"zh\":\"a\"}", EVE),
                          "102-0", "2027-03-05T18:02"));
    is("texts.cancelled is missing: what those who were told already are to read", trouble);
    /* the other had not begun: it may come back */
    is("[OK]", amended(document(SERIES(",\"except\":[\"2027-03-06\"]"), TEXTS, EVE), "102-0",
                       "2027-03-05T18:02"));
    is("[scheduled 0 3]", ask("HMGET " OF("20") " state cancelled c0"));
}

/* Who is corrected about which occurrence, and what she reads. */
static void test_series_told(void **state)
{
    static const char *const names[] = {"r-20270306", "r-20270313", "r-20270320"};
    static const struct {
        const char *name;
        unsigned char versions[3];
        unsigned known;
        const char *now;
        int chosen;
        unsigned version;
    } rows[] = {
        {"nobody told her", {0, 0, 0}, 0, "2027-03-01T00:00", -1, 0},
        {"of one that stays", {1, 0, 0}, 0, "2027-03-01T00:00", -1, 0},
        {"of the one that moves", {1, 1, 0}, 0, "2027-03-01T00:00", 1, 1},
        {"of the one that falls out", {1, 0, 1}, 0, "2027-03-01T00:00", 2, 1},
        {"of both: the next", {1, 1, 1}, 0, "2027-03-01T00:00", 1, 1},
        {"by the version that has it so", {1, 2, 0}, 0, "2027-03-01T00:00", -1, 0},
        {"a correction has said it", {1, 1, 0}, 2, "2027-03-01T00:00", -1, 0},
        {"it is over: the other", {1, 1, 1}, 0, "2027-03-14T12:30", 2, 1},
        {"both are over", {1, 1, 1}, 0, "2027-03-20T11:00", -1, 0},
    };
    struct campaign *first = compile(document(SERIES(""), TEXTS, EVE));
    struct campaign *now = compile(
        document(SERIES(",\"moved\":[\"2027-03-13 2027-03-14T10:30\"],\"except\":[\"2027-03-20\"]"),
                 TEXTS, EVE));
    struct template_value en[] = {{"+8613851400001", 14}, {"Ann", 3}, {"en", 2}};
    struct correction *c;
    struct error err = {""};
    char out[512];
    int n;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct series *s = series_create(now, names, 3, at(rows[i].now));
        unsigned version = 0;
        int64_t until_ms = 0;
        int chosen;

        series_put(s, 1, compile(document(SERIES(""), TEXTS, EVE)));
        series_put(
            s, 2,
            compile(document(SERIES(",\"moved\":[\"2027-03-13 2027-03-14T10:30\"],\"except\":["
                                    "\"2027-03-20\"]"),
                             TEXTS, EVE)));
        chosen = series_choose(s, rows[i].versions, rows[i].known, &version, &until_ms);
        if (chosen != rows[i].chosen || version != rows[i].version)
            fail_msg("%s: %d, version %u", rows[i].name, chosen, version);
        if (chosen == 1)
            assert_int_equal(until_ms, at("2027-03-14T12:30"));
        series_free(s);
    }
    c = correction_create(first, names[1], now, &defaults, &err);
    if (c == NULL)
        fail_msg("%s", err.text);
    n = correction_write(c, en, -1, out, sizeof out - 1);
    out[n < 0 ? 0 : n] = '\0';
    is("Moved from Sat 13 Mar to Sun 14 Mar", out);
    correction_free(c);
    c = correction_create(first, names[2], now, &defaults, &err);
    assert_non_null(c);
    n = correction_write(c, en, -1, out, sizeof out - 1);
    out[n < 0 ? 0 : n] = '\0';
    is("3月20日（周六）取消", out);
    correction_free(c);
    campaign_free(first);
    campaign_free(now);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_awaiting),
        cmocka_unit_test(test_awaits_again),
        cmocka_unit_test(test_reckoned),
        cmocka_unit_test(test_not_begun),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_begun),
        cmocka_unit_test(test_moved_to_an_earlier_day),
        cmocka_unit_test(test_cancelled),
        cmocka_unit_test(test_cancelled_while_paused),
        cmocka_unit_test(test_cancelled_in_other_words),
        cmocka_unit_test(test_reworded),
        cmocka_unit_test(test_flag_of_what_came_meanwhile),
        cmocka_unit_test(test_taken_out),
        cmocka_unit_test(test_stale),
        cmocka_unit_test(test_cancelled_at_night),
        cmocka_unit_test(test_versions_end),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_owed_corrections),
        cmocka_unit_test(test_told),
        cmocka_unit_test(test_told_corrected),
        cmocka_unit_test(test_told_is_behind),
        cmocka_unit_test(test_correction),
        cmocka_unit_test(test_series_moved),
        cmocka_unit_test(test_series_falls_out),
        cmocka_unit_test(test_series_told),
    };

    return cmocka_run_group_tests(tests, redis_start, redis_end);
}
