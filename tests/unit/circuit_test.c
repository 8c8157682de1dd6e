/*
 * The circuit of circuit.h's picture. A row is a story: letters are answers
 * (a accepted, t throttled, u unsent, r retry, j rejected, b broken, x unknown),
 * capitals the same as the trial, digits 1..9 wait that many times 10 s, ^ that it
 * is there again. Every message went out in a request of its own, but those in
 * brackets, which went together; those in braces are of two requests, whose answers
 * take turns.
 */
#include "circuit.h"
#include "log.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define HALF 0x80000000u /* of all chance: no spread */

static const struct story {
    const char *name, *story;
    enum circuit_state state;
    int64_t wait_ms; /* left, if open */
} stories[] = {
    {"nothing happened", "", CIRCUIT_CLOSED, 0},
    {"broken opens at once", "b", CIRCUIT_OPEN, 30000},
    {"nine troubles do not", "rrrrrrrrr", CIRCUIT_CLOSED, 0},
    {"ten do", "rrrrrrrrrr", CIRCUIT_OPEN, 30000},
    {"a request of twelve that dies is one accident", "[rrrrrrrrrrrr]", CIRCUIT_CLOSED, 0},
    {"so are two", "[xxxxxxxxxxxx][xxxxxxxxxxxx]", CIRCUIT_CLOSED, 0},
    {"the third opens, and its others change nothing", "[xxxxxxxxxxxx][xxxxxxxxxxxx][xxx]",
     CIRCUIT_OPEN, 30000},
    {"so are two that die side by side", "{xxxxxxxxxxxxxxxxxxxxxxxx}", CIRCUIT_CLOSED, 0},
    {"the third opens, whenever it died", "{xxxxxxxxxxxx}x", CIRCUIT_OPEN, 30000},
    {"three of three are nine", "[rrr][rrr][rrr]", CIRCUIT_CLOSED, 0},
    {"the tenth opens", "[rrr][rrr][rrr]r", CIRCUIT_OPEN, 30000},
    {"one of it that was accepted proves that the gateway works", "[rrrrr][rrrarr][rrrrr]",
     CIRCUIT_CLOSED, 0},
    {"and counts no more for what comes later", "[rrrrr][rrrrra][rrrrrrrrr][r]", CIRCUIT_CLOSED, 0},
    {"broken opens at once, whoever it went with", "[rb]", CIRCUIT_OPEN, 30000},
    {"unknown is trouble too", "rxrxrxrxrx", CIRCUIT_OPEN, 30000},
    {"one accepted in between begins anew", "rrrrrrrrrarrrrrrrrr", CIRCUIT_CLOSED, 0},
    {"so does a rejection: the gateway works", "rrrrrrrrrjrrrrrrrrr", CIRCUIT_CLOSED, 0},
    {"and too fast", "rrrrrrrrrtrrrrrrrrr", CIRCUIT_CLOSED, 0},
    {"what never left says nothing", "rrrrrrrrrur", CIRCUIT_OPEN, 30000},
    {"rejections never open", "jjjjjjjjjjjjjjj", CIRCUIT_CLOSED, 0},
    {"nor throttling", "ttttttttttttttt", CIRCUIT_CLOSED, 0},
    {"late answers do not lengthen it", "b1bbrrxa", CIRCUIT_OPEN, 20000},
    {"half open when the time has come", "b3", CIRCUIT_HALF_OPEN, 0},
    {"not before", "b2", CIRCUIT_OPEN, 10000},
    {"an accepted trial closes", "b3A", CIRCUIT_CLOSED, 0},
    {"a rejected one too", "b3J", CIRCUIT_CLOSED, 0},
    {"a throttled one too", "b3T", CIRCUIT_CLOSED, 0},
    {"an unsent one says nothing", "b3U", CIRCUIT_HALF_OPEN, 0},
    {"a failed one opens for twice as long", "b3R", CIRCUIT_OPEN, 60000},
    {"an unknown one too", "b3X", CIRCUIT_OPEN, 60000},
    {"an older message's failure is no trial", "b3rbx", CIRCUIT_HALF_OPEN, 0},
    {"an older message's success closes", "b3a", CIRCUIT_CLOSED, 0},
    {"doubled again", "b3R6R", CIRCUIT_OPEN, 120000},
    {"and again", "b3B6B93B", CIRCUIT_OPEN, 240000},
    {"up to ten minutes", "b3B6B93B996B99999B99999B", CIRCUIT_OPEN, 600000},
    {"closed, the next begins at thirty seconds", "b3R6Ab", CIRCUIT_OPEN, 30000},
    {"a connection that was lost and is back is tried at once", "xxxxxxxxxx^", CIRCUIT_HALF_OPEN,
     0},
    {"and closes", "xxxxxxxxxx^A", CIRCUIT_CLOSED, 0},
    {"lost with the trial, it waits, back or not", "xxxxxxxxxx^X^", CIRCUIT_OPEN, 60000},
    {"lost once more before its time would have come, it waits", "xxxxxxxxxx^A1xxxxxxxxxx^",
     CIRCUIT_OPEN, 30000},
    {"lost once more later it does not", "xxxxxxxxxx^A4xxxxxxxxxx^", CIRCUIT_HALF_OPEN, 0},
    {"what was refused waits", "rrrrrrrrrr^", CIRCUIT_OPEN, 30000},
    {"what is broken too", "xxxxxxxxxb^", CIRCUIT_OPEN, 30000},
    {"one that comes up is no change", "xxxxxxxxx^", CIRCUIT_CLOSED, 0},
};

static enum gateway_outcome outcome_of(char letter)
{
    static const char letters[] = "aturjbx";
    static const enum gateway_outcome outcomes[] = {
        GATEWAY_ACCEPTED, GATEWAY_THROTTLED, GATEWAY_UNSENT, GATEWAY_RETRY,
        GATEWAY_REJECTED, GATEWAY_BROKEN,    GATEWAY_UNKNOWN};
    const char *found = strchr(letters, tolower((unsigned char)letter));

    assert_non_null(found);
    return outcomes[found - letters];
}

static void test_story(void **state)
{
    const struct story *s = *state;
    struct circuit c;
    int64_t now = 1000000;
    uint64_t request = 1;
    bool together = false, turns = false;

    circuit_init(&c, "acme");
    for (const char *p = s->story; *p != '\0'; p++) {
        struct gateway_answer a = {0};

        if (*p == '[' || *p == ']') {
            together = *p == '[';
            request++;
            continue;
        }
        if (*p == '{' || *p == '}') {
            turns = *p == '{';
            request += 3;
            continue;
        }
        if (turns)
            request ^= 1;
        else
            request += !together;
        if (*p >= '1' && *p <= '9') {
            now += (*p - '0') * 10000;
            circuit_tick(&c, now);
            continue;
        }
        if (*p == '^') {
            circuit_back(&c);
            continue;
        }
        a.outcome = outcome_of(*p);
        circuit_answer(&c, &a, request, isupper((unsigned char)*p), now, HALF);
    }
    assert_string_equal(circuit_name(c.state), circuit_name(s->state));
    if (s->state == CIRCUIT_OPEN)
        assert_int_equal(c.until_ms - now, s->wait_ms);
}

static void test_spread_and_wishes(void **state)
{
    static const struct {
        uint32_t random;
        int64_t asked_ms, wait_ms;
    } rows[] = {
        {0, 0, 24000},          {UINT32_MAX, 0, 35999},     {HALF, 5000, 30000},
        {HALF, 120000, 120000}, {HALF, INT64_MAX, 3600000}, {HALF, -5, 30000},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct gateway_answer a = {.outcome = GATEWAY_BROKEN, .retry_after_ms = rows[i].asked_ms};
        struct circuit c;

        circuit_init(&c, "acme");
        assert_true(circuit_answer(&c, &a, 1, false, 0, rows[i].random));
        assert_int_equal(c.until_ms, rows[i].wait_ms);
        assert_true(circuit_try(&c));
        assert_false(circuit_try(&c));
    }
}

#define STORIES (sizeof stories / sizeof stories[0])

int main(void)
{
    struct CMUnitTest tests[STORIES + 1];

    log_set_level(LOG_LEVEL_ERROR);
    for (size_t i = 0; i < STORIES; i++)
        tests[i] =
            (struct CMUnitTest){stories[i].name, test_story, NULL, NULL, (void *)&stories[i]};
    tests[STORIES] = (struct CMUnitTest)cmocka_unit_test(test_spread_and_wishes);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
