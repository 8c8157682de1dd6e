/*
 * The record of LEDGER.md section 1, octet by octet, and the table of moves of
 * DESIGN section 6 with LEDGER.md sections 2 and 5: the octets here were put
 * together by hand from the table there.
 */
#include "ledger.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const struct octets {
    const char *name;
    struct record record;
    unsigned char octets[LEDGER_RECORD_BYTES];
} octets[] = {
    {"all zero is a notice that nobody has touched", {0}, {0}},
    {"the state is the high half of byte 0", {.state = NOTICE_CANCELLED}, {[0] = 0xc0}},
    {"told is the highest of the flags", {.flags = FLAG_TOLD}, {[0] = 0x08}},
    {"then early", {.flags = FLAG_EARLY}, {[0] = 0x04}},
    {"then resent", {.flags = FLAG_RESENT}, {[0] = 0x02}},
    {"attempts and text version share byte 1", {.attempts = 15, .version = 3}, {[1] = 0xf3}},
    {"the fence is bytes 2 to 5: epoch 0xabcde, serial 0x123",
     {.fence = 0xabcdeu << 12 | 0x123},
     {[2] = 0xab, [3] = 0xcd, [4] = 0xe1, [5] = 0x23}},
    {"the gateway is byte 6", {.gateway = 255}, {[6] = 0xff}},
    {"the reason is byte 7: the gateway's numbers first", {.reason = REASON_PARTIAL}, {[7] = 7}},
    {"segments and expected ids share byte 8", {.segments = 9, .ids = 8}, {[8] = 0x98}},
    {"the mask is byte 9", {.mask = 0xa5}, {[9] = 0xa5}},
    {"the last intent is bytes 10 to 12: 194 days",
     {.intended_s = 0xffeedd},
     {[10] = 0xff, [11] = 0xee, [12] = 0xdd}},
    {"the channel step is the high half of byte 13", {.step = 15}, {[13] = 0xf0}},
    {"its low half begins the 20 bits of seconds",
     {.settled_s = 0xfedcb},
     {[13] = 0x0f, [14] = 0xed, [15] = 0xcb}},
    {"all together",
     {.state = NOTICE_DELIVERED,
      .flags = FLAG_TOLD | FLAG_RESENT,
      .attempts = 2,
      .version = 1,
      .fence = 0x00003007,
      .gateway = 4,
      .reason = REASON_NONE,
      .segments = 3,
      .ids = 3,
      .mask = 7,
      .intended_s = 3600,
      .step = 1,
      .settled_s = 259200},
     {0x5a, 0x21, 0x00, 0x00, 0x30, 0x07, 0x04, 0x00, 0x33, 0x07, 0x00, 0x0e, 0x10, 0x13, 0xf4,
      0x80}},
};

static void test_octets(void **state)
{
    const struct octets *f = *state;
    unsigned char packed[LEDGER_RECORD_BYTES], again[LEDGER_RECORD_BYTES];
    struct record back;

    record_pack(&f->record, packed);
    assert_memory_equal(packed, f->octets, sizeof packed);
    memset(&back, 0xff, sizeof back);
    record_unpack(f->octets, &back);
    assert_memory_equal(&back, &f->record, sizeof back);
    record_pack(&back, again);
    assert_memory_equal(again, f->octets, sizeof again);
}

/* Every bit of the 16 bytes belongs to some field. */
static void test_every_bit(void **state)
{
    (void)state;
    for (int bit = 0; bit < LEDGER_RECORD_BYTES * 8; bit++) {
        unsigned char in[LEDGER_RECORD_BYTES] = {0}, out[LEDGER_RECORD_BYTES];
        struct record r;

        in[bit / 8] = (unsigned char)(1 << bit % 8);
        record_unpack(in, &r);
        record_pack(&r, out);
        assert_memory_equal(in, out, sizeof in);
    }
}

static void test_header(void **state)
{
    static const unsigned char expected[LEDGER_RECORD_BYTES] = {
        'O', 'L', 'G', '1', 0x12, 0x34, 0, 0, 0, 0, 0x6d, 0x4f, 0x8a, 0x40};
    struct ledger_header h = {.generation = 0x1234, .base_s = 0x6d4f8a40}, back;
    unsigned char packed[LEDGER_RECORD_BYTES], zero[LEDGER_RECORD_BYTES] = {0};

    (void)state;
    ledger_header_pack(&h, packed);
    assert_memory_equal(packed, expected, sizeof packed);
    assert_int_equal(ledger_header_unpack(packed, &back), 0);
    assert_int_equal(back.generation, 0x1234);
    assert_int_equal(back.base_s, 0x6d4f8a40);
    /* A lost key reads as zeros: never as a ledger in which nobody was sent anything. */
    assert_int_equal(ledger_header_unpack(zero, &back), -1);
    packed[3] = '2';
    assert_int_equal(ledger_header_unpack(packed, &back), -1);
}

/* A row for each state in the order of the numbers, a column for each that may
 * follow: u untouched, p parked, s sending, ? uncertain, a accepted, d delivered,
 * n undelivered, f failed, e expired, o opted-out, c capped, x excluded, k cancelled.
 * Sources: DESIGN section 6; LEDGER 2 (an intent is the only way to sending; unsent
 * goes back by its fence), 4 (the sweep), 5 (a positive receipt moves every state but
 * sending to delivered; with the record's fence sending, uncertain, accepted move by
 * any receipt), 6 (excluded may wait again, in the retry set, since the cursor has passed it; the
 * filter is asked with the intent; rejected goes to the next channel). DESIGN's
 * "undelivered -> next channel, or final" is by way of parked: that there is no other
 * address is seen when the notice is prepared anew. A resident in danger (section 8) is found
 * where refusals are, after the intent: excluded then. */
static const char letters[] = "ups?adnfeocxk";
static const struct row {
    const char *name, *next;
} rows[] = {
    {"untouched", "psdfeocxk"},  {"parked", "psdnfeocxk"}, {"sending", "up?adnfeocxk"},
    {"uncertain", "padnfeocxk"}, {"accepted", "padn"},     {"delivered", ""},
    {"undelivered", "d"},        {"failed", "d"},          {"expired", "d"},
    {"opted-out", "d"},          {"capped", "d"},          {"excluded", "pd"},
    {"cancelled", "d"},
};

static void test_moves(void **state)
{
    (void)state;
    for (int from = 0; from < NOTICE_STATES; from++)
        for (int to = 0; to < NOTICE_STATES; to++)
            if (notice_may_move(from, to) != (strchr(rows[from].next, letters[to]) != NULL))
                fail_msg("%s -> %s: %d", rows[from].name, rows[to].name, notice_may_move(from, to));
    assert_false(notice_may_move(NOTICE_STATES, NOTICE_DELIVERED)); /* a damaged byte */
    assert_false(notice_may_move(NOTICE_SENDING, NOTICE_STATES));
}

/* What the table must never be changed into. */
static void test_laws(void **state)
{
    (void)state;
    for (int s = 0; s < NOTICE_STATES; s++) {
        /* nothing but a receipt leaves a terminal state, but for the filter's */
        if (notice_is_terminal(s))
            for (int to = 0; to < NOTICE_STATES; to++)
                if (to != NOTICE_DELIVERED && !(s == NOTICE_EXCLUDED && to == NOTICE_PARKED))
                    assert_false(notice_may_move(s, to));
        /* nobody is sent anything from in doubt without having been parked, marked */
        assert_int_equal(notice_may_move(s, NOTICE_SENDING),
                         s == NOTICE_UNTOUCHED || s == NOTICE_PARKED);
        assert_int_equal(notice_may_move(s, NOTICE_UNTOUCHED), s == NOTICE_SENDING);
        assert_int_equal(notice_may_move(s, NOTICE_UNCERTAIN), s == NOTICE_SENDING);
        /* who accepted it had an intent */
        assert_int_equal(notice_may_move(s, NOTICE_ACCEPTED),
                         s == NOTICE_SENDING || s == NOTICE_UNCERTAIN || s == NOTICE_ACCEPTED);
    }
}

static void test_terminal(void **state)
{
    static const bool terminal[NOTICE_STATES] = {0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1};

    (void)state;
    for (int s = 0; s < NOTICE_STATES; s++)
        assert_int_equal(notice_is_terminal(s), terminal[s]);
}

/* The numbers stand in ledgers: they never change. The names stand in logs. */
static void test_names(void **state)
{
    static const char *const names[] = {
        "waiting", "waiting", "sending",   "uncertain", "accepted", "delivered", "undelivered",
        "failed",  "expired", "opted-out", "capped",    "excluded", "cancelled"};
    static const struct {
        enum notice_reason reason;
        int number;
        const char *name;
    } reasons[] = {
        {REASON_NONE, 0, ""},
        {REASON_NUMBER, 1, "number"},
        {REASON_BLACKLISTED, 3, "blacklisted"},
        {REASON_OTHER, 14, "other"},
        {REASON_ATTEMPTS, 15, "attempts"},
        {REASON_POISON, 23, "poison"},
        {REASON_SLOT, 25, "slot"},
        {REASON_CRASH, 26, "crash"},
        {REASON_NO_RECEIPT, 27, "no-receipt"},
        {REASON_ROW, 28, "row"},
        {REASON_REPEAT, 29, "repeat"},
        {REASON_REPLACED, 30, "replaced"},
        {REASON_SAFE, 31, "safe"},
        {REASON_FILTER, 32, "filter"},
        {REASON_CAP, 33, "cap"},
    };

    (void)state;
    for (int s = 0; s < NOTICE_STATES; s++) {
        assert_string_equal(notice_state_name(s), names[s]);
        assert_int_equal(notice_state_parse(names[s]), s == NOTICE_PARKED ? NOTICE_UNTOUCHED : s);
    }
    assert_string_equal(notice_state_name(15), "damaged");
    assert_int_equal(notice_state_parse("parked"), -1);
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++) {
        assert_int_equal(reasons[i].reason, reasons[i].number);
        assert_string_equal(notice_reason_name(reasons[i].reason), reasons[i].name);
    }
    assert_string_equal(notice_reason_name(255), "unknown");
}

int main(void)
{
    static const struct CMUnitTest others[] = {
        cmocka_unit_test(test_every_bit), cmocka_unit_test(test_header),
        cmocka_unit_test(test_moves),     cmocka_unit_test(test_laws),
        cmocka_unit_test(test_terminal),  cmocka_unit_test(test_names),
    };
    struct CMUnitTest facts[sizeof octets / sizeof *octets];
    int failed;

    for (size_t i = 0; i < sizeof octets / sizeof *octets; i++)
        facts[i] = (struct CMUnitTest){octets[i].name, test_octets, NULL, NULL, (void *)&octets[i]};
    failed = cmocka_run_group_tests_name("octets", facts, NULL, NULL);
    return failed + cmocka_run_group_tests_name("ledger", others, NULL, NULL);
}
