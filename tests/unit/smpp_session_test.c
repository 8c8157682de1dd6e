/*
 * A whole SMPP gateway against a scripted SMSC on a loopback socket in this same
 * process: every step of the peer is in the test that needs it.
 */
#include "smpp/pdu.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fake_host.h"
#define VECTORS "smpp.tsv"
#include "pdu_vectors.h"

#include <dlfcn.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define NUMBER "+8613800138000"
#define POEM                                                                                                       \
    "【示例】春江潮水连海平，海上明月共潮生。春江潮水连海平，海上明月共潮生。" \
    "春江潮水连海平，海上明月共潮生。春江潮水连海平，海上明月共潮生。"             \
    "春江潮水连海平，海上明月共潮生。"

/* ------------------------------------------------------------------ the peer */
struct peer {
    int listener, fd;
    char port[8];
    uint8_t in[1 << 20];
    size_t used, at;     /* read, and taken by the test */
    struct trunk_pdu h;  /* of the PDU taken last ... */
    const uint8_t *body; /* ... and what it holds */
};

static struct fake_host host;
static struct peer peer;
static const struct gateway_plugin *plugin;

static void peer_listen(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof a;

    memset(&peer, 0, sizeof peer);
    peer.fd = -1;
    peer.listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(peer.listener, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(peer.listener, 8), 0);
    getsockname(peer.listener, (struct sockaddr *)&a, &size);
    snprintf(peer.port, sizeof peer.port, "%u", ntohs(a.sin_port));
}

static bool peer_accept(void)
{
    int fd = accept4(peer.listener, NULL, NULL, SOCK_NONBLOCK);

    if (fd < 0)
        return false;
    if (peer.fd >= 0)
        close(peer.fd);
    peer.fd = fd;
    peer.used = peer.at = 0;
    return true;
}

/* Takes the next PDU that the plugin sent, if one is there. */
static bool peer_take(void)
{
    ssize_t n = recv(peer.fd, peer.in + peer.used, sizeof peer.in - peer.used, 0);

    if (n > 0)
        peer.used += (size_t)n;
    if (peer.used - peer.at < 16)
        return false;
    peer.h = smpp_header_read(peer.in + peer.at);
    if (peer.used - peer.at < peer.h.length)
        return false;
    peer.body = peer.in + peer.at + 16;
    peer.at += peer.h.length;
    return true;
}

/* Waits for the next PDU, which must be this one. */
static void expect(uint32_t command, uint32_t status)
{
    FAKE_UNTIL(&host, peer_take());
    assert_int_equal(peer.h.command, command);
    assert_int_equal(peer.h.status, status);
}

static bool peer_closed(void)
{
    char c;

    return recv(peer.fd, &c, 1, MSG_PEEK) == 0;
}

static void say(const void *octets, size_t n)
{
    assert_int_equal(send(peer.fd, octets, n, MSG_NOSIGNAL), (ssize_t)n);
}

static void say_vector(const char *name)
{
    say(vector_find(name)->octets, vector_find(name)->length);
}

static void say_header(uint32_t command, uint32_t status, uint32_t sequence)
{
    uint8_t p[16];

    say(p, smpp_header_write(p, command, status, sequence));
}

static void accept_submit(uint32_t sequence, const char *id)
{
    uint8_t p[16 + 65] = {0};
    size_t n = 16 + strlen(id) + 1;

    smpp_header_write(p, SMPP_SUBMIT_SM | SMPP_RESPONSE, 0, sequence);
    p[3] = (uint8_t)n;
    strcpy((char *)p + 16, id);
    say(p, n);
}

/* ------------------------------------------------------------------ beginnings and ends */
static struct fake_setting settings[24];

static void open_gateway(const struct fake_setting *more)
{
    static const struct fake_setting base[] = {{"host", "127.0.0.1"},    {"system_id", "outreach"},
                                               {"password", "s3cretpw"}, {"system_type", "VMA"},
                                               {"source", "ACME"},       {"reconnect_min", "10ms"},
                                               {"reconnect_max", "20ms"}};
    size_t n = sizeof base / sizeof *base;

    memset(settings, 0, sizeof settings);
    memcpy(settings, base, sizeof base);
    peer_listen();
    settings[n++] = (struct fake_setting){"port", peer.port};
    for (; more != NULL && more->name != NULL; more++)
        settings[n++] = *more;
    if (fake_open(&host, plugin, settings) != 0)
        fail_msg("%s", host.error);
    host.store_at_once = true;
}

static void let_in(void)
{
    FAKE_UNTIL(&host, peer_accept());
    expect(SMPP_BIND_TRANSCEIVER, 0);
    say_vector("bind_transceiver_resp_ok");
    FAKE_UNTIL(&host, host.capacity > 0);
}

static void open_bound(const struct fake_setting *more)
{
    open_gateway(more);
    let_in();
}

static int end(void **state)
{
    (void)state;
    if (host.base != NULL)
        fake_close(&host);
    memset(&host, 0, sizeof host);
    close(peer.listener);
    if (peer.fd >= 0)
        close(peer.fd);
    return 0;
}

static struct gateway_message messages[100];

/* n messages of this text; tokens count from 1. */
static struct gateway_message *compose(const char *text, enum gateway_encoding encoding, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++)
        messages[i] = (struct gateway_message){.token = i + 1,
                                               .to = NUMBER,
                                               .to_length = strlen(NUMBER),
                                               .text = text,
                                               .length = strlen(text),
                                               .encoding = encoding,
                                               .segments = 1};
    return messages;
}

static void submit(const char *text, enum gateway_encoding encoding, size_t n)
{
    fake_submit(&host, compose(text, encoding, n), n);
}

static const struct fake_answer *answer_of(uint64_t token)
{
    size_t i;

    for (i = 0; i < host.done_count; i++)
        if (host.done[i].token == token)
            return &host.done[i];
    return NULL;
}

/* ------------------------------------------------------------------ bind */
static void test_bind(void **state)
{
    const struct vector *v = vector_find("bind_transceiver");

    (void)state;
    open_gateway(NULL);
    FAKE_UNTIL(&host, peer_accept());
    expect(SMPP_BIND_TRANSCEIVER, 0);
    assert_int_equal(peer.h.length, v->length);
    assert_memory_equal(peer.body - 16, v->octets, v->length);
    assert_int_equal(host.capacity, 0);
    /* An enquire_link before the bind response is answered. */
    say_vector("enquire_link");
    expect(SMPP_ENQUIRE_LINK | SMPP_RESPONSE, 0);
    say_vector("bind_transceiver_resp_ok");
    FAKE_UNTIL(&host, host.capacity == 10);
    assert_string_equal(host.why, "bound as transceiver");
    assert_null(strstr(host.log, "s3cretpw"));
}

static void test_already_bound(void **state)
{
    (void)state;
    open_gateway(NULL);
    FAKE_UNTIL(&host, peer_accept());
    expect(SMPP_BIND_TRANSCEIVER, 0);
    say_vector("bind_transceiver_resp_already_bound");
    FAKE_UNTIL(&host, host.capacity == 10);
}

static void test_bad_password(void **state)
{
    (void)state;
    open_gateway(NULL);
    FAKE_UNTIL(&host, peer_accept());
    expect(SMPP_BIND_TRANSCEIVER, 0);
    say_vector("bind_transceiver_resp_bad_password");
    FAKE_UNTIL(&host, peer_closed());
    assert_non_null(strstr(host.why, "ESME_RINVPASWD"));
    assert_non_null(strstr(host.log, "3 smpp.bind_refused")); /* an error */
    host.clock_ms += 299000;
    fake_wait(&host, 500);
    assert_false(peer_accept()); /* not within five minutes */
    host.clock_ms += 40000;
    FAKE_UNTIL(&host, peer_accept());
}

static void test_no_bind_response(void **state)
{
    (void)state;
    open_gateway(NULL);
    FAKE_UNTIL(&host, peer_accept());
    expect(SMPP_BIND_TRANSCEIVER, 0);
    say_vector("deliver_mo_gsm7"); /* not heeded before the bind */
    fake_wait(&host, 100);
    assert_int_equal(host.reply_count, 0);
    host.clock_ms += 10001;
    FAKE_UNTIL(&host, peer_closed());
}

static const struct {
    struct fake_setting wrong;
    const char *says;
} refusals[] = {
    {{"password", "123456789"}, "at most 8"},
    {{"default_charset", "utf8"}, "gsm, latin1, ascii"},
    {{"source", "TwelveLetter"}, "at most 11"},
    {{"statuses.0.outcome", "fine"}, "statuses.0.outcome"},
};

static void test_settings(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        const struct fake_setting wrong[] = {refusals[i].wrong, {"host", "x"}, {0}};

        assert_int_equal(fake_open(&host, plugin, wrong), -1);
        assert_non_null(strstr(host.error, refusals[i].says));
        assert_null(strstr(host.error, "123456789"));
        fake_close(&host);
    }
    memset(&host, 0, sizeof host);
    peer_listen();
}

/* ------------------------------------------------------------------ submit */
static void test_submit(void **state)
{
    const struct vector *v = vector_find("submit_gsm7");
    static const struct fake_setting window[] = {{"window", "3"}, {0}};
    int i;

    (void)state;
    open_bound(window);
    assert_int_equal(host.capacity, 3);
    submit("Hello @ [world] €5", GATEWAY_GSM7, 3);
    for (i = 0; i < 3; i++) {
        expect(SMPP_SUBMIT_SM, 0);
        assert_int_equal(peer.h.sequence, 2 + i);
        assert_int_equal(peer.h.length, v->length);
        assert_memory_equal(peer.body, v->octets + 16, v->length - 16);
    }
    /* answers in another order */
    accept_submit(4, "C");
    say_vector("submit_resp_ok");
    say_header(SMPP_SUBMIT_SM | SMPP_RESPONSE, 0x0b, 3);
    FAKE_UNTIL(&host, host.done_count == 3);
    assert_int_equal(host.done[0].token, 3);
    assert_string_equal(host.done[0].ids[0], "C");
    assert_int_equal(host.done[1].token, 1);
    assert_int_equal(host.done[1].outcome, GATEWAY_ACCEPTED);
    assert_string_equal(host.done[1].ids[0], "0A1B2C3D");
    assert_int_equal(host.done[2].outcome, GATEWAY_REJECTED);
    assert_int_equal(host.done[2].reason, GATEWAY_REASON_NUMBER);
    assert_string_equal(host.done[2].code, "0x0000000b");
}

static void test_window(void **state)
{
    static const struct fake_setting two[] = {{"window", "2"}, {0}};

    (void)state;
    open_bound(two);
    submit(POEM, GATEWAY_UCS2, 2); /* of two parts each */
    expect(SMPP_SUBMIT_SM, 0);
    expect(SMPP_SUBMIT_SM, 0);
    fake_wait(&host, 100);
    assert_false(peer_take());
    accept_submit(2, "a");
    expect(SMPP_SUBMIT_SM, 0);
    fake_wait(&host, 100);
    assert_false(peer_take());
    /* more than was announced is not taken */
    messages[2] = messages[1];
    messages[2].token = 3;
    fake_submit(&host, &messages[2], 1);
    assert_int_equal(answer_of(3)->outcome, GATEWAY_UNSENT);
    accept_submit(3, "b");
    accept_submit(4, "c");
    expect(SMPP_SUBMIT_SM, 0);
    accept_submit(5, "d");
    FAKE_UNTIL(&host, host.done_count == 3);
    assert_int_equal(answer_of(1)->id_count, 2);
    assert_string_equal(answer_of(1)->ids[0], "a");
    assert_string_equal(answer_of(1)->ids[1], "b");
    assert_string_equal(answer_of(2)->ids[1], "d");
}

static void test_parts(void **state)
{
    const struct vector *first = vector_find("submit_ucs2_udh8_part1");
    const struct vector *second = vector_find("submit_ucs2_udh8_part2");
    uint8_t reference;

    (void)state;
    open_bound(NULL);
    submit(POEM, GATEWAY_UCS2, 1);
    expect(SMPP_SUBMIT_SM, 0);
    assert_int_equal(peer.h.length, first->length);
    reference = peer.body[45 - 16 + 6 + 4 - 3];
    expect(SMPP_SUBMIT_SM, 0);
    assert_int_equal(peer.h.length, second->length);
    assert_int_equal(peer.body[45 - 16 + 6 + 4 - 3], reference);
    accept_submit(3, "second"); /* ids come in the order of the parts all the same */
    accept_submit(2, "first");
    FAKE_UNTIL(&host, host.done_count == 1);
    assert_int_equal(host.done[0].outcome, GATEWAY_ACCEPTED);
    assert_string_equal(host.done[0].ids[0], "first");
    assert_string_equal(host.done[0].ids[1], "second");
}

static void test_throttled_whole(void **state)
{
    (void)state;
    open_bound(NULL);
    submit("x", GATEWAY_GSM7, 1);
    expect(SMPP_SUBMIT_SM, 0);
    say_header(SMPP_SUBMIT_SM | SMPP_RESPONSE, 0x58, 2);
    FAKE_UNTIL(&host, host.done_count == 1);
    assert_int_equal(host.done[0].outcome, GATEWAY_THROTTLED);
    assert_int_equal(host.done[0].retry_after_ms, 1000);
    /* how fast others go is the host's business: a pause here would cost whole seconds */
    messages[0].token = 9;
    fake_submit(&host, messages, 1);
    expect(SMPP_SUBMIT_SM, 0);
}

/* Of a strange one every message is tried again, and ops hear of it once; what the settings know is
 * not strange. */
static void test_a_strange_status_is_tried_again_and_told_once(void **state)
{
    static const uint32_t statuses[] = {0x421, 0x500, 0x500};
    static const struct fake_setting own[] = {
        {"statuses.0.code", "1057"}, {"statuses.0.outcome", "rejected"}, {NULL, NULL}};
    const char *told;

    (void)state;
    open_bound(own);
    submit("x", GATEWAY_GSM7, 3);
    for (size_t i = 0; i < 3; i++) {
        expect(SMPP_SUBMIT_SM, 0);
        say_header(SMPP_SUBMIT_SM | SMPP_RESPONSE, statuses[i], peer.h.sequence);
    }
    FAKE_UNTIL(&host, host.done_count == 3);
    assert_int_equal(host.done[0].outcome, GATEWAY_REJECTED);
    assert_int_equal(host.done[1].outcome, GATEWAY_RETRY);
    assert_int_equal(host.done[2].outcome, GATEWAY_RETRY);
    told = strstr(host.log, "smpp.unknown_code of=status code=\"0x00000500\"");
    assert_non_null(told);
    assert_null(strstr(strchr(told, '\n'), "unknown_code"));
    assert_null(strstr(host.log, "0x00000421"));
}

static void test_throttled_part(void **state)
{
    uint8_t part[400];
    uint32_t length;

    (void)state;
    open_bound(NULL);
    submit(POEM, GATEWAY_UCS2, 1);
    expect(SMPP_SUBMIT_SM, 0);
    expect(SMPP_SUBMIT_SM, 0);
    length = peer.h.length;
    memcpy(part, peer.body, length - 16);
    accept_submit(2, "first");
    say_header(SMPP_SUBMIT_SM | SMPP_RESPONSE, 0x14, 3);
    fake_wait(&host, 100);
    assert_int_equal(host.done_count, 0);
    assert_false(peer_take()); /* not at once, it was too fast just now */
    host.clock_ms += 1000;
    expect(SMPP_SUBMIT_SM, 0); /* the same part with the same reference */
    assert_int_equal(peer.h.length, length);
    assert_memory_equal(peer.body, part, length - 16);
    accept_submit(peer.h.sequence, "second");
    FAKE_UNTIL(&host, host.done_count == 1);
    assert_int_equal(host.done[0].outcome, GATEWAY_ACCEPTED);
    assert_string_equal(host.done[0].ids[1], "second");
}

static void test_refused_part(void **state)
{
    (void)state;
    open_bound(NULL);
    submit(POEM, GATEWAY_UCS2, 1);
    expect(SMPP_SUBMIT_SM, 0);
    expect(SMPP_SUBMIT_SM, 0);
    say_header(SMPP_SUBMIT_SM | SMPP_RESPONSE, 0x45, 2);
    fake_wait(&host, 50);
    assert_int_equal(host.done_count, 0); /* the other part may have been taken */
    accept_submit(3, "second");
    FAKE_UNTIL(&host, host.done_count == 1);
    assert_int_equal(host.done[0].outcome, GATEWAY_REJECTED);
    assert_int_equal(host.done[0].reason, GATEWAY_REASON_PARTIAL);
    assert_true(host.done[0].partial);
    assert_int_equal(host.done[0].id_count, 1);
    assert_string_equal(host.done[0].ids[0], "second");
}

static void test_nack(void **state)
{
    (void)state;
    open_bound(NULL);
    submit("x", GATEWAY_GSM7, 1);
    expect(SMPP_SUBMIT_SM, 0);
    say_header(SMPP_GENERIC_NACK, 3, 0); /* answers nothing in particular */
    say_header(SMPP_GENERIC_NACK, 3, 2);
    FAKE_UNTIL(&host, host.done_count == 1);
    assert_int_equal(host.done[0].outcome, GATEWAY_BROKEN);
}

static void test_stray_responses(void **state)
{
    int i;

    (void)state;
    open_bound(NULL);
    submit("x", GATEWAY_GSM7, 1);
    expect(SMPP_SUBMIT_SM, 0);
    for (i = 0; i < 20; i++)
        accept_submit(1000 + (uint32_t)i, "forged");
    accept_submit(2, "");
    FAKE_UNTIL(&host, host.done_count == 1);
    assert_int_equal(host.done[0].outcome, GATEWAY_ACCEPTED);
    assert_int_equal(host.done[0].id_count, 0); /* accepted, no receipt can be matched */
    assert_non_null(strstr(host.log, "smpp.stray_response"));
    assert_null(strstr(strstr(host.log, "smpp.stray_response") + 1, "smpp.stray_response"));
}

static void test_no_response(void **state)
{
    (void)state;
    open_bound(NULL);
    submit("x", GATEWAY_GSM7, 1);
    expect(SMPP_SUBMIT_SM, 0);
    host.clock_ms += 29000;
    say_vector("enquire_link");
    expect(SMPP_ENQUIRE_LINK | SMPP_RESPONSE, 0);
    host.clock_ms += 29000;
    say_vector("enquire_link");
    expect(SMPP_ENQUIRE_LINK | SMPP_RESPONSE, 0);
    assert_int_equal(host.done_count, 0);
    host.clock_ms += 3000;
    FAKE_UNTIL(&host, host.done_count == 1);
    assert_int_equal(host.done[0].outcome, GATEWAY_UNKNOWN);
    accept_submit(2, "late"); /* changes nothing */
    fake_wait(&host, 50);
    assert_int_equal(host.done_count, 1);
}

static void test_rebind(void **state)
{
    (void)state;
    open_bound(NULL);
    submit("x", GATEWAY_GSM7, 1);
    expect(SMPP_SUBMIT_SM, 0);
    say_header(SMPP_SUBMIT_SM | SMPP_RESPONSE, 4, 2);
    FAKE_UNTIL(&host, host.done_count == 1);
    assert_int_equal(host.done[0].outcome, GATEWAY_RETRY);
    assert_int_equal(host.capacity, 0);
    expect(SMPP_UNBIND, 0);
    say_header(SMPP_UNBIND | SMPP_RESPONSE, 0, peer.h.sequence);
    let_in();
}

/* ------------------------------------------------------------------ connection lost */
static void test_lost(void **state)
{
    (void)state;
    open_bound(NULL);
    submit("x", GATEWAY_GSM7, 2);
    expect(SMPP_SUBMIT_SM, 0);
    accept_submit(2, "one");
    FAKE_UNTIL(&host, host.done_count == 1);
    close(peer.fd);
    peer.fd = -1;
    FAKE_UNTIL(&host, host.done_count == 2);
    assert_int_equal(answer_of(1)->outcome, GATEWAY_ACCEPTED);
    assert_int_equal(answer_of(2)->outcome, GATEWAY_UNKNOWN);
    assert_int_equal(host.capacity, 0);
    let_in(); /* and it comes back */
    submit("x", GATEWAY_GSM7, 1);
    expect(SMPP_SUBMIT_SM, 0);
    assert_int_equal(peer.h.sequence, 2);
}

/* ------------------------------------------------------------------ a peer that does not read */
static size_t outcomes[GATEWAY_UNKNOWN + 1];

static void count_outcome(struct fake_host *h, uint64_t token)
{
    (void)token;
    outcomes[h->done[(h->done_count - 1) % FAKE_MAX].outcome]++;
}

static int64_t boot_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_BOOTTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Submits so many messages of two parts that sockets and our buffer are full and
 * some are still in line. */
#define FLOOD 60000
static void flood(int64_t submit_by_ms)
{
    static const struct fake_setting wide[] = {{"window", "60000"}, {0}};
    static struct gateway_message many[FLOOD];
    static const struct gateway_message *list[FLOOD];
    size_t i;

    open_bound(wide);
    memset(outcomes, 0, sizeof outcomes);
    host.on_done = count_outcome;
    for (i = 0; i < FLOOD; i++) {
        many[i] = *compose(POEM, GATEWAY_UCS2, 1);
        many[i].token = i + 1;
        many[i].submit_by_ms = submit_by_ms;
        list[i] = &many[i];
    }
    plugin->submit(host.state, list, FLOOD);
    fake_wait(&host, 300);
    assert_int_equal(host.done_count, 0);
}

/* The octets that the plugin has handed to the kernel and the peer has not read. */
static size_t in_kernel(void)
{
    struct sockaddr_in a;
    int fd, unsent = 0, unread = 0;

    for (fd = 3; fd < 100; fd++) {
        socklen_t size = sizeof a;

        if (getpeername(fd, (struct sockaddr *)&a, &size) == 0 &&
            ntohs(a.sin_port) == atoi(peer.port))
            break;
    }
    assert_int_equal(ioctl(fd, SIOCOUTQ, &unsent), 0);
    assert_int_equal(ioctl(peer.fd, FIONREAD, &unread), 0);
    return (size_t)unsent + (size_t)unread;
}

struct seen {
    size_t octets, submits, rest; /* rest: of a PDU that is not whole */
};

/* Reads what comes until nothing does for a while, and takes it apart. */
static struct seen read_all(void)
{
    struct seen seen = {0};
    int64_t quiet_ms = fake_real_ms() + 300;

    while (fake_real_ms() < quiet_ms) {
        peer.used -= peer.at;
        memmove(peer.in, peer.in + peer.at, peer.used);
        for (peer.at = 0; peer_take(); quiet_ms = fake_real_ms() + 300) {
            seen.octets += peer.h.length;
            seen.submits += peer.h.command == SMPP_SUBMIT_SM;
        }
        fake_turn(&host);
    }
    seen.rest = peer.used - peer.at;
    seen.octets += seen.rest;
    return seen;
}

/* What the kernel was given, be it a single octet, may have arrived; what stayed
 * in our buffer or in line has not. The peer counts. */
static void test_lost_unwritten(void **state)
{
    struct seen seen;
    int i;

    (void)state;
    flood(0);
    for (i = 0; i < 4 && host.capacity > 0; i++) { /* it is silent, too */
        host.clock_ms += 30000;
        fake_wait(&host, 300);
    }
    FAKE_UNTIL(&host, host.done_count == FLOOD);
    seen = read_all();
    assert_int_equal(outcomes[GATEWAY_UNKNOWN], (seen.submits + (seen.rest > 0) + 1) / 2);
    assert_int_equal(outcomes[GATEWAY_UNSENT], FLOOD - outcomes[GATEWAY_UNKNOWN]);
    assert_true(outcomes[GATEWAY_UNKNOWN] > 0);
}

/* Nothing leaves after its permission has gone stale, be it in line or in a buffer
 * behind a full socket; but what has begun to leave is finished. */
static void test_stale(void **state)
{
    struct seen seen;
    size_t left;

    (void)state;
    flood(boot_ms() + 5000);
    left = in_kernel();
    host.clock_ms += 5001;
    FAKE_UNTIL(&host, host.done_count > 0);
    fake_wait(&host, 300);
    seen = read_all();
    assert_int_equal(seen.rest, 0);
    assert_in_range(seen.octets, left, left + 1000);
    assert_int_equal(outcomes[GATEWAY_UNSENT], host.done_count);
    assert_int_equal(seen.submits, 2 * (FLOOD - host.done_count));
}

static void test_unbind_by_peer(void **state)
{
    (void)state;
    open_bound(NULL);
    submit("x", GATEWAY_GSM7, 1);
    expect(SMPP_SUBMIT_SM, 0);
    say_vector("unbind");
    expect(SMPP_UNBIND | SMPP_RESPONSE, 0);
    FAKE_UNTIL(&host, host.done_count == 1);
    assert_int_equal(host.done[0].outcome, GATEWAY_UNKNOWN);
    let_in();
}

static void test_silence(void **state)
{
    int i;

    (void)state;
    open_bound(NULL);
    for (i = 0; i < 2; i++) {
        host.clock_ms += 30000;
        expect(SMPP_ENQUIRE_LINK, 0);
    }
    host.clock_ms += 29000;
    fake_wait(&host, 300);
    assert_false(peer_closed());
    host.clock_ms += 1000;
    FAKE_UNTIL(&host, peer_closed());
}

static void test_silence_broken(void **state)
{
    int i;

    (void)state;
    open_bound(NULL);
    for (i = 0; i < 5; i++) {
        host.clock_ms += 30000;
        expect(SMPP_ENQUIRE_LINK, 0);
        say_header(SMPP_ENQUIRE_LINK | SMPP_RESPONSE, 0, peer.h.sequence);
        fake_wait(&host, 30);
    }
    assert_int_equal(host.capacity, 10);
}

static void test_two_connections(void **state)
{
    static const struct fake_setting two[] = {{"connections", "2"}, {0}};
    int first;

    (void)state;
    open_bound(two);
    first = peer.fd;
    peer.fd = -1;
    let_in();
    FAKE_UNTIL(&host, host.capacity == 20);
    submit("x", GATEWAY_GSM7, 20);
    expect(SMPP_SUBMIT_SM, 0);
    assert_int_equal(peer.h.sequence, 2);
    close(first);
    FAKE_UNTIL(&host, host.done_count == 10);
    assert_int_equal(host.capacity, 10);
}

/* ------------------------------------------------------------------ receipts and replies */
static const struct inbound_fact {
    const char *vector;
    const char *receipt, *reply; /* id or text; NULL: none */
    uint32_t command, status;    /* of our answer */
} inbounds[] = {
    {"deliver_dlr_delivrd_tlv", "0A1B2C3D", NULL, 0x80000005, 0},
    {"deliver_dlr_decimal_id", "0169552957", NULL, 0x80000005, 0},
    {"deliver_dlr_undeliv", "0A1B2C3D", NULL, 0x80000005, 0},
    {"deliver_dlr_tlv_only", "0A1B2C3D", NULL, 0x80000005, 0},
    {"deliver_dlr_enroute", "0A1B2C3D", NULL, 0x80000005, 0},
    {"data_dlr", "0A1B2C3D", NULL, 0x80000103, 0},
    {"deliver_mo_gsm7", NULL, "TD", 0x80000005, 0},
    {"deliver_mo_ucs2", NULL, "退订", 0x80000005, 0},
    {"deliver_mo_udh_part1", NULL, "请不要", 0x80000005, 0},
    {"deliver_mo_udh_part2", NULL, "再发了", 0x80000005, 0},
    {"deliver_mo_payload", NULL, "退订", 0x80000005, 0},
    {"quirk_dlr_vendor_tlv", "0A1B2C3D", NULL, 0x80000005, 0},
    {"quirk_dlr_short_text", "1526758174", NULL, 0x80000005, 0},
    {"quirk_dlr_long_fields", "rdwjwxns18krxr9936ey96ymcw", NULL, 0x80000005, 0},
    {"quirk_dlr_leading_zeros", "00B8BE19", NULL, 0x80000005, 0},
    {"quirk_dlr_esm_44", "0A1B2C3D", NULL, 0x80000005, 0},
    {"quirk_dlr_text_and_tlv_differ", "0A1B2C3D", NULL, 0x80000005, 0},
    {"quirk_mo_fake_receipt", NULL,
     "id:0A1B2C3D sub:001 dlvrd:000 submit date:2603011200 done date:2603011201 stat:UNDELIV "
     "err:000 text:Hello",
     0x80000005, 0},
    {"quirk_trailing_nul", NULL, "TD", 0x80000005, 0},
    {"quirk_truncated_tlv", "0A1B2C3D", NULL, 0x80000005, 0},
    {"quirk_receipted_id_without_nul", "0A1B2C3D", NULL, 0x80000005, 0},
    {"bad_unknown_command", NULL, NULL, 0x80000000, 3},
    {"bad_sm_length", NULL, NULL, 0x80000005, 1},
    {"enquire_link", NULL, NULL, 0x80000015, 0},
};

static void test_inbound(void **state)
{
    const struct inbound_fact *f = *state;
    const struct vector *v = vector_find(f->vector);

    open_bound(NULL);
    say_vector(f->vector);
    expect(f->command, f->status);
    assert_int_equal(peer.h.sequence, smpp_header_read(v->octets).sequence);
    assert_int_equal(peer.h.length, f->status == 0 && f->command != 0x80000015 ? 17 : 16);
    assert_int_equal(host.receipt_count, f->receipt != NULL);
    assert_int_equal(host.reply_count, f->reply != NULL);
    if (f->receipt != NULL)
        assert_string_equal(host.receipts[0].id, f->receipt);
    if (f->reply != NULL) {
        assert_string_equal(host.replies[0].text, f->reply);
        assert_string_equal(host.replies[0].from, NUMBER);
        assert_string_equal(host.replies[0].to, "10690001");
    }
    /* and the session goes on */
    submit("x", GATEWAY_GSM7, 1);
    expect(SMPP_SUBMIT_SM, 0);
}

static void test_answered_when_stored(void **state)
{
    (void)state;
    open_bound(NULL);
    host.store_at_once = false;
    say_vector("deliver_dlr_undeliv");
    say_vector("deliver_mo_gsm7");
    say_vector("enquire_link");
    FAKE_UNTIL(&host, host.receipt_count == 1 && host.reply_count == 1);
    expect(SMPP_ENQUIRE_LINK | SMPP_RESPONSE, 0); /* at once, the others are not yet stored */
    fake_wait(&host, 50);
    assert_false(peer_take());
    host.replies[0].stored(host.replies[0].arg, false);
    expect(SMPP_DELIVER_SM | SMPP_RESPONSE, 0x64);
    assert_int_equal(peer.h.sequence, 0x69);
    host.receipts[0].stored(host.receipts[0].arg, true);
    expect(SMPP_DELIVER_SM | SMPP_RESPONSE, 0);
    assert_int_equal(peer.h.sequence, 0x66);
}

static void test_stored_after_reconnect(void **state)
{
    (void)state;
    open_bound(NULL);
    host.store_at_once = false;
    say_vector("deliver_dlr_undeliv");
    FAKE_UNTIL(&host, host.receipt_count == 1);
    close(peer.fd);
    peer.fd = -1;
    let_in();
    host.receipts[0].stored(host.receipts[0].arg, true); /* of a connection that is gone */
    fake_wait(&host, 50);
    assert_false(peer_take());
}

static void test_receipt_before_response(void **state)
{
    (void)state;
    open_bound(NULL);
    submit("x", GATEWAY_GSM7, 1);
    expect(SMPP_SUBMIT_SM, 0);
    say_vector("deliver_dlr_delivrd_tlv");
    FAKE_UNTIL(&host, host.receipt_count == 1);
    assert_int_equal(host.done_count, 0);
    say_vector("submit_resp_ok");
    FAKE_UNTIL(&host, host.done_count == 1);
    assert_string_equal(host.done[0].ids[0], host.receipts[0].id);
}

static void test_id_bases(void **state)
{
    static const struct fake_setting bases[] = {{"message_id_base", "resp_hex_dlr_dec"}, {0}};

    (void)state;
    open_bound(bases);
    submit("x", GATEWAY_GSM7, 1);
    expect(SMPP_SUBMIT_SM, 0);
    say_vector("submit_resp_ok");
    say_vector("deliver_dlr_decimal_id");
    FAKE_UNTIL(&host, host.receipt_count == 1);
    assert_string_equal(host.done[0].ids[0], "169552957");
    assert_string_equal(host.receipts[0].id, "169552957");
}

static void test_reply_in_parts(void **state)
{
    (void)state;
    open_bound(NULL);
    say_vector("deliver_mo_udh_part2");
    expect(SMPP_DELIVER_SM | SMPP_RESPONSE, 0);
    assert_true(host.replies[0].part);
    host.store_at_once = false;
    say_vector("deliver_mo_udh_part1");
    FAKE_UNTIL(&host, host.reply_count == 3);
    assert_true(host.replies[1].part);
    assert_false(host.replies[2].part);
    assert_string_equal(host.replies[2].text, "请不要再发了");
    host.replies[1].stored(host.replies[1].arg, true);
    fake_wait(&host, 50);
    assert_false(peer_take()); /* the whole is not stored yet */
    host.replies[2].stored(host.replies[2].arg, true);
    expect(SMPP_DELIVER_SM | SMPP_RESPONSE, 0);
}

/* Receipts that nobody stores do not fill the memory: the socket is left unread. */
static void test_receipt_flood(void **state)
{
    const struct vector *v = vector_find("data_dlr");
    static uint8_t flood[20000 * 65];
    size_t sent = 0, i, stored = 0;

    (void)state;
    for (i = 0; i < 20000; i++)
        memcpy(flood + i * 65, v->octets, v->length);
    open_bound(NULL);
    host.store_at_once = false;
    for (i = 0; i < 2000 && host.receipt_count < 5000; i++) {
        ssize_t n = send(peer.fd, flood + sent, sizeof flood - sent, MSG_NOSIGNAL);

        sent += n > 0 ? (size_t)n : 0;
        fake_turn(&host);
    }
    assert_int_equal(host.receipt_count, 5000);
    fake_wait(&host, 50);
    assert_int_equal(host.receipt_count, 5000);
    /* records above FAKE_MAX have overwritten the first ones */
    for (; stored < FAKE_MAX; stored++)
        host.receipts[stored].stored(host.receipts[stored].arg, true);
    FAKE_UNTIL(&host, host.receipt_count > 5000);
}

/* ------------------------------------------------------------------ hostile peers */
static void test_dropped(void **state)
{
    const char *name = *state;

    open_bound(NULL);
    submit("x", GATEWAY_GSM7, 1);
    expect(SMPP_SUBMIT_SM, 0);
    say_vector(name);
    FAKE_UNTIL(&host, peer_closed());
    assert_int_equal(host.done[0].outcome, GATEWAY_UNKNOWN);
    let_in();
}

static void test_slow_pdu(void **state)
{
    const struct vector *v = vector_find("deliver_mo_gsm7");
    size_t i;

    (void)state;
    open_bound(NULL);
    for (i = 0; i < 8; i++) {
        say(v->octets + i, 1);
        fake_wait(&host, 20);
        host.clock_ms += 1200;
    }
    assert_false(peer_closed());
    say(v->octets + i, 1);
    host.clock_ms += 1200;
    FAKE_UNTIL(&host, peer_closed());
}

static void test_garbage(void **state)
{
    uint8_t p[600];
    int round;
    size_t i;

    (void)state;
    open_bound(NULL);
    srandom(1);
    for (round = 0; round < 300; round++) {
        size_t n = 16 + (size_t)random() % 300;
        static const uint32_t commands[] = {4 | SMPP_RESPONSE, 5,    0x103, 9 | SMPP_RESPONSE,
                                            SMPP_GENERIC_NACK, 0x15, 7};

        for (i = 0; i < n; i++)
            p[i] = random() % 3 ? (uint8_t)(random() % 4) : (uint8_t)random();
        smpp_header_write(p, commands[random() % 7], (uint32_t)random() % 3,
                          (uint32_t)random() % 5);
        p[2] = (uint8_t)(n >> 8);
        p[3] = (uint8_t)n;
        say(p, n);
        if (round % 20 == 0)
            fake_turn(&host);
    }
    say_vector("enquire_link");
    FAKE_UNTIL(&host, peer_take() && peer.h.command == (SMPP_ENQUIRE_LINK | SMPP_RESPONSE) &&
                          peer.h.sequence == 0x14);
    assert_int_equal(host.capacity, 10);
}

/* ------------------------------------------------------------------ leaving */
static void test_drain(void **state)
{
    (void)state;
    open_bound(NULL);
    submit("x", GATEWAY_GSM7, 1);
    expect(SMPP_SUBMIT_SM, 0);
    plugin->drain(host.state);
    assert_int_equal(host.capacity, 0);
    fake_wait(&host, 300);
    assert_false(peer_take()); /* an answer is outstanding */
    accept_submit(2, "a");
    expect(SMPP_UNBIND, 0);
    assert_int_equal(host.done[0].outcome, GATEWAY_ACCEPTED);
    say_vector("deliver_dlr_delivrd_tlv"); /* still taken */
    expect(SMPP_DELIVER_SM | SMPP_RESPONSE, 0);
    say_header(SMPP_UNBIND | SMPP_RESPONSE, 0, 3);
    FAKE_UNTIL(&host, peer_closed());
    fake_wait(&host, 300);
    assert_false(peer_accept()); /* and does not come back */
}

static void test_drain_unanswered(void **state)
{
    (void)state;
    open_bound(NULL);
    plugin->drain(host.state);
    expect(SMPP_UNBIND, 0);
    host.clock_ms += 5001;
    FAKE_UNTIL(&host, peer_closed());
}

static void close_within_done(struct fake_host *h, uint64_t token)
{
    (void)token;
    h->plugin->close(h->state);
    h->state = NULL;
}

static void test_close_within_done(void **state)
{
    (void)state;
    open_bound(NULL);
    submit("x", GATEWAY_GSM7, 3);
    host.on_done = close_within_done;
    expect(SMPP_SUBMIT_SM, 0);
    accept_submit(2, "a");
    accept_submit(3, "b");
    FAKE_UNTIL(&host, host.state == NULL);
    fake_wait(&host, 50);
    assert_int_equal(host.done_count, 1); /* nothing after close() */
}

static void submit_again(struct fake_host *h, uint64_t token)
{
    if (token >= 50)
        return;
    messages[token] = messages[0];
    messages[token].token = token + 1;
    fake_submit(h, &messages[token], 1);
}

static void test_submit_within_done(void **state)
{
    uint32_t i;

    (void)state;
    open_bound(NULL);
    host.on_done = submit_again;
    submit("x", GATEWAY_GSM7, 1);
    for (i = 0; i < 50; i++) {
        expect(SMPP_SUBMIT_SM, 0);
        accept_submit(peer.h.sequence, "a");
    }
    FAKE_UNTIL(&host, host.done_count == 50);
    /* also when each of them is refused on the spot */
    host.done_count = 0;
    compose("\xff", GATEWAY_UCS2, 1);
    fake_submit(&host, messages, 1);
    assert_int_equal(host.done_count, 50);
    assert_int_equal(host.done[49].outcome, GATEWAY_REJECTED);
    assert_int_equal(host.done[49].reason, GATEWAY_REASON_TEXT);
}

#define TEST(f)                                                                                    \
    {                                                                                              \
#f, f, NULL, end, NULL                                                                     \
    }

int main(void)
{
    static const struct CMUnitTest singles[] = {
        TEST(test_bind),
        TEST(test_already_bound),
        TEST(test_bad_password),
        TEST(test_no_bind_response),
        TEST(test_settings),
        TEST(test_submit),
        TEST(test_window),
        TEST(test_parts),
        TEST(test_throttled_whole),
        TEST(test_a_strange_status_is_tried_again_and_told_once),
        TEST(test_throttled_part),
        TEST(test_refused_part),
        TEST(test_nack),
        TEST(test_stray_responses),
        TEST(test_no_response),
        TEST(test_rebind),
        TEST(test_lost),
        TEST(test_lost_unwritten),
        TEST(test_stale),
        TEST(test_unbind_by_peer),
        TEST(test_silence),
        TEST(test_silence_broken),
        TEST(test_two_connections),
        TEST(test_answered_when_stored),
        TEST(test_stored_after_reconnect),
        TEST(test_receipt_before_response),
        TEST(test_id_bases),
        TEST(test_reply_in_parts),
        TEST(test_receipt_flood),
        {"bad_length_15", test_dropped, NULL, end, (void *)(uintptr_t) "bad_length_15"},
        {"bad_length_huge", test_dropped, NULL, end, (void *)(uintptr_t) "bad_length_huge"},
        TEST(test_slow_pdu),
        TEST(test_garbage),
        TEST(test_drain),
        TEST(test_drain_unanswered),
        TEST(test_close_within_done),
        TEST(test_submit_within_done),
    };
    struct CMUnitTest tests[100];
    void *library = dlopen(BUILD_DIR "/plugins/smpp.so", RTLD_NOW | RTLD_LOCAL);
    size_t n = 0, i;

    if (library == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        return 1;
    }
    plugin = dlsym(library, "gateway_plugin");
    for (i = 0; i < sizeof singles / sizeof *singles; i++)
        tests[n++] = singles[i];
    for (i = 0; i < sizeof inbounds / sizeof *inbounds; i++)
        tests[n++] = (struct CMUnitTest){inbounds[i].vector, test_inbound, NULL, end,
                                         (void *)(uintptr_t)&inbounds[i]};
    return _cmocka_run_group_tests("smpp_session", tests, n, NULL, NULL);
}
