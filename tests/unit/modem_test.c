/* The modem plugin on a pseudo terminal, against a modem that is strict (fake_modem.h): any
 * command that no standard has fails the test. */
#include "fake_host.h"

#include "fake_modem.h"

#include <setjmp.h>
#include <cmocka.h>
#include <dlfcn.h>
#include <sys/file.h>

static const struct gateway_plugin *plugin;
static char directory[] = "/tmp/outreach-modem-XXXXXX";

static struct fake_host host;
static struct fake_modem modems[2];

static struct fake_modem *make(unsigned i)
{
    struct fake_modem *f = &modems[i];

    memset(f, 0, sizeof *f);
    f->number = (int)i;
    snprintf(f->link, sizeof f->link, "%s/ttyUSB%u", directory, i);
    f->has_sim = true;
    f->network = 1;
    f->reference = 214;
    strcpy(f->pin, "4711");
    return f;
}

static struct fake_setting settings[20];

/* The plugin with the modems that were made, and these settings besides. */
static void begin(unsigned count, const char *name, const char *value)
{
    static const struct fake_setting quick[] = {
        {"command_timeout", "2s"}, {"send_timeout", "1s"},    {"poll", "100ms"},
        {"reset_wait", "50ms"},    {"reconnect_min", "50ms"}, {"reconnect_max", "100ms"}};
    size_t n = 0;

    settings[n++] = (struct fake_setting){"ports.0", modems[0].link};
    if (count == 2)
        settings[n++] = (struct fake_setting){"ports.1", modems[1].link};
    if (name != NULL)
        settings[n++] = (struct fake_setting){name, value};
    for (size_t i = 0; i < sizeof quick / sizeof *quick; i++)
        if (name == NULL || strcmp(name, quick[i].name) != 0)
            settings[n++] = quick[i];
    settings[n] = (struct fake_setting){0};
    if (fake_open(&host, plugin, settings) != 0)
        fail_msg("%s", host.error);
    for (unsigned i = 0; i < count; i++)
        plug_in(&modems[i], host.base);
}

static void end(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (*modems[i].wrong != '\0')
            fail_msg("modem %u was told: %s", i + 1, modems[i].wrong);
        if (modems[i].event != NULL)
            unplug(&modems[i]);
    }
    fake_close(&host);
}

static struct gateway_message message(uint64_t token, const char *text)
{
    return (struct gateway_message){.token = token,
                                    .to = "+31628870634",
                                    .to_length = 12,
                                    .text = text,
                                    .length = strlen(text),
                                    .encoding = GATEWAY_GSM7,
                                    .segments = 1,
                                    .reference = "a/b/1",
                                    .attempt = 1};
}

static void ready(void)
{
    FAKE_UNTIL(&host, host.capacity > 0);
}

/* ------------------------------------------------------------------ the facts */
static void network_and_signal_are_in_the_state(void **state)
{
    (void)state;
    make(0);
    begin(1, "service_center", "+8613800100500");
    ready();
    FAKE_UNTIL(&host, strstr(host.why, "CHINA MOBILE") != NULL);
    assert_int_equal(host.capacity, 1);
    assert_non_null(strstr(host.why, "1 of 1 modems ready"));
    assert_non_null(strstr(host.why, "-71 dBm")); /* 27.007 8.5: 21 */
    modems[0].network = 2;
    FAKE_UNTIL(&host, host.capacity == 0);
    assert_non_null(strstr(host.why, "no network"));
    modems[0].network = 1;
    FAKE_UNTIL(&host, host.capacity == 1);
    end(1);
}

static void a_text_leaves_and_its_report_comes_back(void **state)
{
    /* The published report (modem_pdu_test.c) is of reference 214 and this number. */
    static const char report[] = "0006D60B911326880736F4111011719551401110117195714000";
    struct gateway_message m = message(7, "世界您好！");

    (void)state;
    make(0);
    begin(1, NULL, NULL);
    ready();
    fake_submit(&host, &m, 1);
    FAKE_UNTIL(&host, host.done_count == 1);
    assert_int_equal(host.done[0].outcome, GATEWAY_ACCEPTED);
    assert_int_equal(host.done[0].id_count, 1);
    assert_string_equal(modems[0].sent[0], "0021000B911326880736F400080A4E16754C60A8597DFF01");
    strcpy(modems[0].memory[3], report);
    say(&modems[0], "\r\n+CDSI: \"SM\",3\r\n");
    FAKE_UNTIL(&host, host.receipt_count > 0);
    assert_string_equal(host.receipts[0].id, host.done[0].ids[0]);
    assert_int_equal(host.receipts[0].state, GATEWAY_DELIVERED);
    fake_wait(&host, 400); /* listed many times since: handed up once, kept until stored */
    assert_int_equal(host.receipt_count, 1);
    assert_int_equal(modems[0].deleted, 0);
    host.receipts[0].stored(host.receipts[0].arg, true);
    FAKE_UNTIL(&host, modems[0].deleted == 1);
    end(1);
}

static void a_report_past_the_memory_is_taken_too(void **state)
{
    struct gateway_message m = message(7, "hello");

    (void)state;
    make(0)->plain_indications = true;
    begin(1, NULL, NULL);
    host.store_at_once = true;
    ready();
    fake_submit(&host, &m, 1);
    FAKE_UNTIL(&host, host.done_count == 1);
    /* The same with TP-ST 46, expired, and the number without its '+'. */
    say(&modems[0], "\r\n+CDS: 25\r\n0006D60B811326880736F4111011719551401110117195714046\r\n");
    FAKE_UNTIL(&host, host.receipt_count > 0 && host.receipts[0].state == GATEWAY_UNDELIVERED);
    assert_string_equal(host.receipts[host.receipt_count - 1].id, host.done[0].ids[0]);
    assert_int_equal(host.receipts[0].reason, GATEWAY_REASON_EXPIRED);
    end(1);
}

static void errors_mean_what_the_table_says(void **state)
{
    static const struct {
        int error;
        enum gateway_outcome outcome;
        enum gateway_reason reason;
    } known[] = {
        {1, GATEWAY_REJECTED, GATEWAY_REASON_NUMBER}, {38, GATEWAY_RETRY, GATEWAY_REASON_OUTAGE},
        {42, GATEWAY_THROTTLED, GATEWAY_REASON_NONE}, {50, GATEWAY_BROKEN, GATEWAY_REASON_BARRED},
        {332, GATEWAY_UNKNOWN, GATEWAY_REASON_OTHER}, {777, GATEWAY_RETRY, GATEWAY_REASON_OTHER},
        {777, GATEWAY_RETRY, GATEWAY_REASON_OTHER},
    };
    char *said;

    (void)state;
    make(0);
    begin(1, NULL, NULL);
    ready();
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        struct gateway_message m = message(i + 1, "hello");

        modems[0].error = known[i].error;
        fake_submit(&host, &m, 1);
        FAKE_UNTIL(&host, host.done_count == i + 1);
        assert_int_equal(host.done[i].outcome, known[i].outcome);
        assert_int_equal(host.done[i].reason, known[i].reason);
    }
    said = strstr(host.log, "modem.unknown_code code=cms-777");
    assert_non_null(said);
    assert_null(strstr(said + 1, "modem.unknown_code"));
    end(1);
}

static void parts_have_ids_and_a_part_refused_is_partial(void **state)
{
    char text[301];
    struct gateway_message m;

    (void)state;
    memset(text, 'a', 300);
    text[300] = '\0';
    make(0);
    begin(1, NULL, NULL);
    ready();
    m = message(1, text);
    fake_submit(&host, &m, 1);
    FAKE_UNTIL(&host, host.done_count == 1);
    assert_int_equal(host.done[0].id_count, 2);
    assert_string_not_equal(host.done[0].ids[0], host.done[0].ids[1]);
    /* 05 00 03 reference 02 01 and 02: the same reference, the next number. */
    assert_memory_equal(modems[0].sent[0] + 26, "A0050003", 8);
    assert_memory_equal(modems[0].sent[0] + 34, modems[0].sent[1] + 34, 4);
    assert_memory_equal(modems[0].sent[0] + 36, "0201", 4);
    assert_memory_equal(modems[0].sent[1] + 36, "0202", 4);
    modems[0].error = 38;
    modems[0].error_after = 1;
    m.token = 2;
    fake_submit(&host, &m, 1);
    FAKE_UNTIL(&host, host.done_count == 2);
    assert_int_equal(host.done[1].outcome, GATEWAY_RETRY);
    assert_true(host.done[1].partial);
    end(1);
}

static void silence_behind_the_pdu_is_unknown_and_the_modem_is_reset(void **state)
{
    struct gateway_message m = message(1, "hello");

    (void)state;
    make(0);
    begin(1, NULL, NULL);
    ready();
    modems[0].silent = true;
    fake_submit(&host, &m, 1);
    FAKE_UNTIL(&host, host.done_count == 1);
    assert_int_equal(host.done[0].outcome, GATEWAY_UNKNOWN);
    FAKE_UNTIL(&host, modems[0].resets == 1);
    assert_int_equal(host.capacity, 0);
    ready();
    fake_wait(&host, 300);
    assert_int_equal(modems[0].sent_count, 1); /* never again by itself */
    end(1);
}

static void without_a_prompt_nothing_has_left(void **state)
{
    struct gateway_message m = message(1, "hello");

    (void)state;
    make(0);
    begin(1, "command_timeout", "500ms");
    ready();
    modems[0].no_prompt = true;
    fake_submit(&host, &m, 1);
    FAKE_UNTIL(&host, host.done_count == 1);
    assert_int_equal(host.done[0].outcome, GATEWAY_UNSENT);
    assert_int_equal(modems[0].sent_count, 0);
    FAKE_UNTIL(&host, modems[0].resets == 1);
    ready();
    m.token = 2;
    fake_submit(&host, &m, 1);
    FAKE_UNTIL(&host, host.done_count == 2);
    assert_int_equal(host.done[1].outcome, GATEWAY_ACCEPTED);
    end(1);
}

static void a_modem_that_is_unplugged_comes_back(void **state)
{
    struct gateway_message m = message(1, "hello");

    (void)state;
    make(0);
    begin(1, NULL, NULL);
    ready();
    modems[0].silent = true;
    fake_submit(&host, &m, 1);
    FAKE_UNTIL(&host, modems[0].sent_count == 1);
    unplug(&modems[0]);
    FAKE_UNTIL(&host, host.done_count == 1);
    assert_int_equal(host.done[0].outcome, GATEWAY_UNKNOWN);
    assert_int_equal(host.capacity, 0);
    fake_wait(&host, 300);
    modems[0].silent = false;
    plug_in(&modems[0], host.base);
    ready();
    end(1);
}

static void a_pin_is_given_once(void **state)
{
    (void)state;
    make(0)->needs_pin = true;
    begin(1, "pin", "4711");
    ready();
    assert_int_equal(modems[0].pin_tries, 1);
    end(1);

    make(0)->needs_pin = true;
    begin(1, "pin", "0815");
    FAKE_UNTIL(&host, strstr(host.log, "modem.pin_refused") != NULL);
    unplug(&modems[0]);
    fake_wait(&host, 200);
    plug_in(&modems[0], host.base);
    fake_wait(&host, 500);
    assert_int_equal(modems[0].pin_tries, 1);
    assert_null(strstr(host.log, "0815"));
    end(1);
}

/* The gateway was opened anew in the middle of a command: its answer is that of the next one, and
 * so on. It is not the SIM that wants something. */
static void a_late_answer_of_an_earlier_life_is_got_over(void **state)
{
    (void)state;
    make(0)->late_ok = true;
    begin(1, NULL, NULL);
    ready();
    assert_null(strstr(host.log, "the SIM wants"));
    end(1);
}

static void without_sim_or_network_nothing_is_taken(void **state)
{
    (void)state;
    make(0)->has_sim = false;
    begin(1, NULL, NULL);
    FAKE_UNTIL(&host, strstr(host.log, "no SIM card") != NULL);
    assert_int_equal(host.capacity, 0);
    modems[0].has_sim = true;
    ready();
    end(1);
}

static const char reply[] = "06917228195339040B917228214365F700003130805120618005D4F29C2E03";

static void a_reply_stays_in_the_sim_until_it_is_stored(void **state)
{
    (void)state;
    strcpy(make(0)->memory[1], reply); /* came while we were away */
    begin(1, NULL, NULL);
    FAKE_UNTIL(&host, host.reply_count == 1);
    assert_string_equal(host.replies[0].from, "+27821234567");
    assert_string_equal(host.replies[0].text, "Test2");
    host.replies[0].stored(host.replies[0].arg, false); /* Redis is away */
    FAKE_UNTIL(&host, host.reply_count == 2);
    assert_int_equal(modems[0].deleted, 0);
    assert_string_equal(host.replies[0].id, host.replies[1].id);
    host.replies[1].stored(host.replies[1].arg, true);
    FAKE_UNTIL(&host, modems[0].deleted == 1);
    fake_wait(&host, 300);
    assert_int_equal(host.reply_count, 2);
    strcpy(modems[0].memory[2], reply); /* and one that comes now */
    say(&modems[0], "\r\n+CMTI: \"SM\",2\r\n");
    FAKE_UNTIL(&host, host.reply_count == 3);
    host.replies[2].stored(host.replies[2].arg, true);
    FAKE_UNTIL(&host, modems[0].deleted == 2);
    end(1);
}

static void a_reply_in_parts_is_joined_and_then_deleted(void **state)
{
    (void)state;
    make(0);
    begin(1, NULL, NULL);
    ready();
    /* UCS-2 with 05 00 03 2a 02 n before; the second part first. */
    strcpy(modems[0].memory[4], "00440B917228214365F70008313080512061800A0500032A0202597DFF01");
    say(&modems[0], "\r\n+CMTI: \"SM\",4\r\n");
    FAKE_UNTIL(&host, host.reply_count == 1);
    assert_true(host.replies[0].part);
    host.replies[0].stored(host.replies[0].arg, true);
    fake_wait(&host, 300);
    assert_int_equal(modems[0].deleted, 0);
    strcpy(modems[0].memory[5], "00440B917228214365F70008313080512061800C0500032A020160A8597D4E16");
    say(&modems[0], "\r\n+CMTI: \"SM\",5\r\n");
    FAKE_UNTIL(&host, host.reply_count == 2);
    assert_false(host.replies[1].part);
    assert_string_equal(host.replies[1].text, "您好世好！");
    host.replies[1].stored(host.replies[1].arg, true);
    FAKE_UNTIL(&host, modems[0].deleted == 2);
    end(1);
}

static void what_cannot_be_read_does_not_fill_the_sim(void **state)
{
    (void)state;
    strcpy(make(0)->memory[0], "0043010C910661345542F60008A0050003000301306F3044");
    begin(1, NULL, NULL);
    FAKE_UNTIL(&host, modems[0].deleted == 1);
    assert_int_equal(host.reply_count, 0);
    assert_non_null(strstr(host.log, "modem.unreadable"));
    end(1);
}

static void two_modems_share_the_messages(void **state)
{
    struct gateway_message m[3] = {message(1, "a"), message(2, "b"), message(3, "c")};

    (void)state;
    make(0);
    make(1);
    begin(2, NULL, NULL);
    FAKE_UNTIL(&host, host.capacity == 2);
    fake_submit(&host, m, 3); /* one more than announced */
    FAKE_UNTIL(&host, host.done_count == 3);
    assert_int_equal(host.done[0].token, 3);
    assert_int_equal(host.done[0].outcome, GATEWAY_UNSENT);
    assert_int_equal(modems[0].sent_count, 1);
    assert_int_equal(modems[1].sent_count, 1);
    assert_string_not_equal(host.done[1].ids[0], host.done[2].ids[0]); /* one reference, two SIMs */
    unplug(&modems[0]);
    FAKE_UNTIL(&host, host.capacity == 1);
    end(2);
}

static void what_came_too_late_is_not_sent(void **state)
{
    struct gateway_message m = message(1, "hello");

    (void)state;
    make(0);
    begin(1, "receipts", "false");
    ready();
    m.submit_by_ms = fake_boot_ms() - 1;
    fake_submit(&host, &m, 1);
    FAKE_UNTIL(&host, host.done_count == 1);
    assert_int_equal(host.done[0].outcome, GATEWAY_UNSENT);
    m.token = 2;
    m.submit_by_ms = fake_boot_ms() + 60000;
    m.expires_ms = fake_wall_ms() + 3 * 3600000 + 200000; /* three hours: 35 of five minutes */
    fake_submit(&host, &m, 1);
    FAKE_UNTIL(&host, host.done_count == 2);
    assert_string_equal(modems[0].sent[0], "0011000B911326880736F400002305E8329BFD06");
    end(1);
}

/* Two daemons, or one opening its gateway anew: what waits in the line is the answer to a text of
 * him who has the lock, and without it that text goes out again. */
static void who_does_not_get_the_line_leaves_what_waits_in_it(void **state)
{
    static const char answer[] = "\r\n+CMGS: 7\r\n\r\nOK\r\n";
    char got[sizeof answer] = "";
    struct termios line;
    int holder;

    (void)state;
    make(0);
    begin(1, NULL, NULL);
    holder = open(modems[0].link, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    assert_true(holder >= 0 && tcgetattr(holder, &line) == 0);
    cfmakeraw(&line);
    assert_int_equal(tcsetattr(holder, TCSANOW, &line), 0);
    assert_int_equal(flock(holder, LOCK_EX | LOCK_NB), 0);
    say(&modems[0], "%s", answer);
    FAKE_UNTIL(&host, strstr(host.log, "another program has it") != NULL);
    assert_int_equal(read(holder, got, sizeof got), strlen(answer));
    assert_string_equal(got, answer);
    close(holder);
    ready();
    end(1);
}

static void noise_on_the_line_does_no_harm(void **state)
{
    struct gateway_message m = message(1, "hello");

    (void)state;
    make(0);
    begin(1, NULL, NULL);
    ready();
    say(&modems[0],
        "\r\nRING\r\n\r\n+CMT: ,4\r\nzz\r\n^RSSI:20\r\n+CDS: 9\r\n\r\n+CMTI: \"SM\"\r\n");
    say(&modems[0], "+CMTI: \"\",99999999999\r\n> \r\nOK\r\n+CMGL: 1,1,,9\r\nOK\r\n");
    fake_submit(&host, &m, 1);
    FAKE_UNTIL(&host, host.done_count == 1);
    end(1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(network_and_signal_are_in_the_state),
        cmocka_unit_test(a_text_leaves_and_its_report_comes_back),
        cmocka_unit_test(a_report_past_the_memory_is_taken_too),
        cmocka_unit_test(errors_mean_what_the_table_says),
        cmocka_unit_test(parts_have_ids_and_a_part_refused_is_partial),
        cmocka_unit_test(silence_behind_the_pdu_is_unknown_and_the_modem_is_reset),
        cmocka_unit_test(without_a_prompt_nothing_has_left),
        cmocka_unit_test(a_modem_that_is_unplugged_comes_back),
        cmocka_unit_test(a_pin_is_given_once),
        cmocka_unit_test(a_late_answer_of_an_earlier_life_is_got_over),
        cmocka_unit_test(without_sim_or_network_nothing_is_taken),
        cmocka_unit_test(a_reply_stays_in_the_sim_until_it_is_stored),
        cmocka_unit_test(a_reply_in_parts_is_joined_and_then_deleted),
        cmocka_unit_test(what_cannot_be_read_does_not_fill_the_sim),
        cmocka_unit_test(two_modems_share_the_messages),
        cmocka_unit_test(what_came_too_late_is_not_sent),
        cmocka_unit_test(who_does_not_get_the_line_leaves_what_waits_in_it),
        cmocka_unit_test(noise_on_the_line_does_no_harm),
    };
    void *library = dlopen(BUILD_DIR "/plugins/modem.so", RTLD_NOW);
    int failed;

    if (library == NULL || mkdtemp(directory) == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        return 1;
    }
    plugin = dlsym(library, "gateway_plugin");
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    rmdir(directory);
    return failed;
}
