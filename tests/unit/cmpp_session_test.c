/*
 * A whole CMPP gateway against a scripted ISMG on a loopback socket in this same
 * process: every step of the peer is in the test that needs it. What the peer says is
 * a vector wherever there is one, and in talks what servers of others said.
 */
#include "cmpp/pdu.h"
#include "cmpp/settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "digest.h"
#include "fake_host.h"

#define VECTORS "cmpp.tsv"
#include "pdu_vectors.h"

#include <dlfcn.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#define NUMBER "+8613800138000"
#define POEM                                                                                                       \
    "【示例】春江潮水连海平，海上明月共潮生。春江潮水连海平，海上明月共潮生。" \
    "春江潮水连海平，海上明月共潮生。春江潮水连海平，海上明月共潮生。"             \
    "春江潮水连海平，海上明月共潮生。"
#define SUBMIT_ID "30b0078004d20001" /* of the vectors */

/* ------------------------------------------------------------------ the peer */
static struct fake_host host;
static const struct gateway_plugin *plugin;
static struct {
    int listener, fd;
    char port[8];
    uint8_t in[1 << 20];
    size_t used, at;    /* read, and taken by the test */
    struct trunk_pdu h; /* of the PDU taken last ... */
    const uint8_t *pdu; /* ... and its octets from the header on */
    uint8_t source[16]; /* AuthenticatorSource of the last CONNECT */
    enum cmpp_version version;
} peer;

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

static bool peer_take(void)
{
    ssize_t n = recv(peer.fd, peer.in + peer.used, sizeof peer.in - peer.used, 0);

    if (n > 0)
        peer.used += (size_t)n;
    if (peer.used - peer.at < CMPP_HEADER_BYTES)
        return false;
    peer.h = cmpp_header_read(peer.in + peer.at);
    if (peer.used - peer.at < peer.h.length)
        return false;
    peer.pdu = peer.in + peer.at;
    peer.at += peer.h.length;
    return true;
}

static void expect(uint32_t command)
{
    FAKE_UNTIL(&host, peer_take());
    assert_int_equal(peer.h.command, command);
}

static void expect_vector(const char *name)
{
    const struct vector *v = vector_find(name);

    expect(cmpp_header_read(v->octets).command);
    assert_int_equal(peer.h.length, v->length);
    assert_memory_equal(peer.pdu, v->octets, v->length);
}

/* The vector, but for its sequence number and, in parts, the reference. */
static void expect_submit(const char *name)
{
    const struct vector *v = vector_find(name);
    size_t udh = strstr(name, "v30") ? 143 + 32 : 130 + 21;
    uint8_t octets[400];

    expect(CMPP_SUBMIT);
    assert_int_equal(peer.h.length, v->length);
    memcpy(octets, v->octets, v->length);
    memcpy(octets + 8, peer.pdu + 8, 4);
    if (strstr(name, "part") != NULL)
        octets[udh + 3] = peer.pdu[udh + 3];
    assert_memory_equal(peer.pdu, octets, v->length);
}

/* A reset says so, too: something that the peer said was left unread. */
static bool peer_closed(void)
{
    char c;
    ssize_t n = recv(peer.fd, &c, 1, MSG_PEEK);

    return n == 0 || (n < 0 && errno == ECONNRESET);
}

static void say(const void *octets, size_t n)
{
    assert_int_equal(send(peer.fd, octets, n, MSG_NOSIGNAL), (ssize_t)n);
}

static void say_vector(const char *name)
{
    say(vector_find(name)->octets, vector_find(name)->length);
}

static void say_header(uint32_t command, uint32_t sequence)
{
    uint8_t p[CMPP_HEADER_BYTES];

    say(p, cmpp_header_write(p, command, sequence));
}

/* A SUBMIT_RESP; the id ends in this number. */
static void say_result(uint32_t sequence, uint8_t number, uint32_t result)
{
    const struct vector *v =
        vector_find(peer.version == CMPP_V20 ? "submit_resp_v20_ok" : "submit_resp_v30_ok");
    uint8_t p[24];

    memcpy(p, v->octets, v->length);
    for (int i = 0; i < 4; i++)
        p[8 + i] = (uint8_t)(sequence >> (24 - 8 * i));
    p[19] = number;
    p[v->length - 1] = (uint8_t)result;
    say(p, v->length);
}

/* A CONNECT_RESP in the layout of version, proven or not. */
static void say_connected(enum cmpp_version version, uint8_t status, const char *secret)
{
    uint8_t p[33] = {0}, hashed[4 + 16 + 64], *at = hashed;
    size_t n = version == CMPP_V20 ? 30 : 33, wide = n - 29;

    cmpp_header_write(p, CMPP_CONNECT | CMPP_RESPONSE, peer.h.sequence);
    p[3] = (uint8_t)n;
    p[12 + wide - 1] = status;
    memcpy(at, p + 12, wide);
    memcpy(at + wide, peer.source, 16);
    memcpy(at + wide + 16, secret, strlen(secret));
    digest_md5(hashed, wide + 16 + strlen(secret), p + 12 + wide);
    p[n - 1] = (uint8_t)version;
    peer.version = version;
    say(p, n);
}

/* Takes a CONNECT and checks it as an ISMG does: who, when, and the proof. */
static void expect_connect(enum cmpp_version version)
{
    uint8_t proof[16];
    uint32_t stamp;
    time_t now;
    char digits[11], today[5];
    struct tm tm;

    FAKE_UNTIL(&host, peer_accept());
    expect(CMPP_CONNECT);
    assert_int_equal(peer.h.length, 39);
    assert_memory_equal(peer.pdu + 12, "901234", 6);
    assert_int_equal(peer.pdu[34], version);
    stamp = (uint32_t)peer.pdu[35] << 24 | (uint32_t)peer.pdu[36] << 16 |
            (uint32_t)peer.pdu[37] << 8 | peer.pdu[38];
    cmpp_authenticator(proof, "901234", "shared123", stamp);
    assert_memory_equal(peer.pdu + 18, proof, 16);
    memcpy(peer.source, proof, 16);
    now = (time_t)(fake_wall_ms() / 1000 + 8 * 3600); /* Beijing's */
    gmtime_r(&now, &tm);
    strftime(today, sizeof today, "%m%d", &tm);
    snprintf(digits, sizeof digits, "%010u", stamp);
    if (tm.tm_hour > 0 || tm.tm_min > 0) /* not within a minute of midnight */
        assert_memory_equal(digits, today, 4);
}

/* ------------------------------------------------------------------ beginnings and ends */
static struct fake_setting settings[32];

static int try_gateway(const struct fake_setting *more)
{
    static const struct fake_setting base[] = {
        {"host", "127.0.0.1"},      {"sp_id", "901234"},      {"secret", "shared123"},
        {"service_id", "OUTREACH"}, {"source", "10690001"},   {"msg_level", "1"},
        {"reconnect_min", "10ms"},  {"reconnect_max", "20ms"}};
    size_t n = 0, i;

    memset(settings, 0, sizeof settings);
    peer_listen();
    for (; more != NULL && more->name != NULL; more++) /* the first of a name holds */
        settings[n++] = *more;
    for (i = 0; i < sizeof base / sizeof *base; i++)
        settings[n++] = base[i];
    settings[n++] = (struct fake_setting){"port", peer.port};
    return fake_open(&host, plugin, settings);
}

static void open_gateway(const struct fake_setting *more)
{
    if (try_gateway(more) != 0)
        fail_msg("%s", host.error);
    host.store_at_once = true;
}

static const struct fake_setting v20[] = {{"version", "2.0"}, {0}};
static const struct fake_setting v30[] = {{"version", "3.0"}, {0}};

static void let_in(enum cmpp_version version)
{
    expect_connect(version);
    say_connected(version, 0, "shared123");
    FAKE_UNTIL(&host, host.capacity > 0);
}

static void open_20(void)
{
    open_gateway(v20);
    let_in(CMPP_V20);
}

static void open_30(void)
{
    open_gateway(v30);
    let_in(CMPP_V30);
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

static struct gateway_message *compose(const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        messages[i] = (struct gateway_message){.token = i + 1,
                                               .to = NUMBER,
                                               .to_length = strlen(NUMBER),
                                               .text = text,
                                               .length = strlen(text),
                                               .encoding = GATEWAY_UCS2,
                                               .segments = 1};
    return messages;
}

static void submit(const char *text, size_t n)
{
    fake_submit(&host, compose(text, n), n);
}

static const struct fake_answer *answer_of(uint64_t token)
{
    for (size_t i = 0; i < host.done_count; i++)
        if (host.done[i].token == token)
            return &host.done[i];
    fail_msg("%llu has no answer", (unsigned long long)token);
    return NULL;
}

/* ------------------------------------------------------------------ login */
static void test_login(void **state)
{
    (void)state;
    open_gateway(NULL);
    expect_connect(CMPP_V30); /* auto begins with the newer */
    assert_int_equal(host.capacity, 0);
    say_vector("active_test"); /* early, and answered all the same */
    expect_vector("active_test_resp");
    peer.h.sequence = 1;
    say_connected(CMPP_V30, 0, "shared123");
    FAKE_UNTIL(&host, host.capacity > 0);
    assert_int_equal(host.capacity, 16);
    assert_null(strstr(host.log, "not_proven"));
}

/* The version is the one of their response's length, and submits follow it. */
static void test_login_older(void **state)
{
    (void)state;
    open_gateway(NULL);
    expect_connect(CMPP_V30);
    say_connected(CMPP_V20, 0, "shared123");
    FAKE_UNTIL(&host, host.capacity > 0);
    submit("【示例】您好，回复TD退订", 1);
    expect_submit("submit_v20_ucs2");
}

static void test_login_forbidden(void **state)
{
    (void)state;
    open_gateway(v30);
    expect_connect(CMPP_V30);
    say_connected(CMPP_V20, 0, "shared123");
    FAKE_UNTIL(&host, peer_closed());
    assert_string_equal(host.why, "the gateway speaks CMPP 2.0, version says 3.0");
    assert_int_equal(host.capacity, 0);
}

static void test_login_too_high(void **state)
{
    (void)state;
    open_gateway(NULL);
    expect_connect(CMPP_V30);
    say_connected(CMPP_V30, 4, "shared123");
    expect_connect(CMPP_V20);
    say_connected(CMPP_V20, 5, "shared123"); /* busy: the version is known all the same */
    let_in(CMPP_V20);
}

/* Five minutes: hammering with a wrong secret locks accounts. */
static void test_login_refused(void **state)
{
    (void)state;
    open_gateway(v20);
    expect_connect(CMPP_V20);
    say_connected(CMPP_V20, 3, "shared123");
    FAKE_UNTIL(&host, peer_closed());
    assert_non_null(strstr(host.log, "3 cmpp.connect_refused session=1 status=3"));
    assert_null(strstr(host.log, "shared123"));
    assert_non_null(strstr(host.why, "login refused: status 3, login: authentication failed"));
    host.clock_ms += 290000;
    fake_wait(&host, 500);
    assert_false(peer_accept());
    host.clock_ms += 60000;
    let_in(CMPP_V20);
}

static void test_login_busy(void **state)
{
    (void)state;
    open_gateway(v20);
    expect_connect(CMPP_V20);
    say_connected(CMPP_V20, 5, "shared123"); /* too many connections */
    let_in(CMPP_V20);
}

static void test_login_unanswered(void **state)
{
    (void)state;
    open_gateway(v20);
    expect_connect(CMPP_V20);
    host.clock_ms += 9000;
    fake_wait(&host, 300);
    assert_false(peer_closed());
    host.clock_ms += 2000;
    FAKE_UNTIL(&host, peer_closed());
    let_in(CMPP_V20);
}

/* A gateway that cannot prove that it knows the secret: told; left, if strict. */
static void test_server_auth(void **state)
{
    static const struct fake_setting strict[] = {
        {"version", "2.0"}, {"strict_server_auth", "true"}, {0}};

    open_gateway(v20);
    expect_connect(CMPP_V20);
    say_connected(CMPP_V20, 0, "another");
    FAKE_UNTIL(&host, host.capacity > 0);
    assert_non_null(strstr(host.log, "2 cmpp.server_not_proven"));
    end(state);
    open_gateway(strict);
    expect_connect(CMPP_V20);
    say_connected(CMPP_V20, 0, "another");
    FAKE_UNTIL(&host, peer_closed());
    assert_int_equal(host.capacity, 0);
}

/* ------------------------------------------------------------------ submit */
static void test_submit(void **state)
{
    open_20();
    submit("【示例】您好，回复TD退订", 1);
    expect_submit("submit_v20_ucs2");
    say_result(peer.h.sequence, 1, 0);
    FAKE_UNTIL(&host, host.done_count == 1);
    assert_int_equal(host.done[0].outcome, GATEWAY_ACCEPTED);
    assert_int_equal(host.done[0].id_count, 1);
    assert_string_equal(host.done[0].ids[0], SUBMIT_ID);
    end(state);
    open_30();
    submit("【示例】您好，回复TD退订", 1);
    expect_submit("submit_v30_ucs2");
    say_result(peer.h.sequence, 1, 0);
    FAKE_UNTIL(&host, host.done_count == 1);
    assert_string_equal(host.done[0].ids[0], SUBMIT_ID);
}

static void test_ascii(void **state)
{
    static const struct fake_setting ascii[] = {{"version", "2.0"}, {"ascii", "true"}, {0}};
    char longer[161];

    (void)state;
    open_gateway(ascii);
    let_in(CMPP_V20);
    submit("Hello 10086", 1);
    expect_submit("submit_v20_ascii");
    memset(longer, 'x', 160);
    longer[159] = '\0';
    submit(longer, 1);
    expect(CMPP_SUBMIT);
    assert_int_equal(peer.h.length, 138 + 21 + 159);
    longer[159] = 'x'; /* 160 are too many for Msg_Fmt 0: UCS-2, in three parts */
    longer[160] = '\0';
    submit(longer, 1);
    expect(CMPP_SUBMIT);
    assert_int_equal(peer.pdu[58], 8);
    assert_int_equal(peer.pdu[20], 3);
}

static void test_parts(void **state)
{
    uint32_t first;

    open_20();
    submit(POEM, 1);
    expect_submit("submit_v20_long_part1");
    first = peer.h.sequence;
    expect_submit("submit_v20_long_part2");
    say_result(peer.h.sequence, 2, 0); /* ids come in the order of the parts all the same */
    say_result(first, 1, 0);
    FAKE_UNTIL(&host, host.done_count == 1);
    assert_int_equal(host.done[0].id_count, 2);
    assert_string_equal(host.done[0].ids[0], SUBMIT_ID);
    assert_string_equal(host.done[0].ids[1], "30b0078004d20002");
    end(state);
    open_30();
    submit(POEM, 1);
    expect_submit("submit_v30_long_part1");
    expect_submit("submit_v30_long_part2");
}

/* Sixteen are on the way, the seventeenth waits for a response. */
static void test_window(void **state)
{
    uint32_t first;

    (void)state;
    open_20();
    submit(POEM, 9);
    expect(CMPP_SUBMIT);
    first = peer.h.sequence;
    for (int i = 1; i < 16; i++)
        expect(CMPP_SUBMIT);
    fake_wait(&host, 100);
    assert_false(peer_take());
    say_result(first, 1, 0);
    expect(CMPP_SUBMIT);
    fake_wait(&host, 100);
    assert_false(peer_take());
}

static const struct {
    uint32_t result;
    enum gateway_outcome outcome;
    enum gateway_reason reason;
} results[] = {
    {1, GATEWAY_BROKEN, GATEWAY_REASON_PROTOCOL},     {2, GATEWAY_BROKEN, GATEWAY_REASON_PROTOCOL},
    {3, GATEWAY_RETRY, GATEWAY_REASON_PROTOCOL},      {4, GATEWAY_REJECTED, GATEWAY_REASON_TEXT},
    {5, GATEWAY_BROKEN, GATEWAY_REASON_OTHER},        {6, GATEWAY_REJECTED, GATEWAY_REASON_TEXT},
    {7, GATEWAY_BROKEN, GATEWAY_REASON_OTHER},        {8, GATEWAY_THROTTLED, GATEWAY_REASON_NONE},
    {9, GATEWAY_RETRY, GATEWAY_REASON_OTHER},         {10, GATEWAY_BROKEN, GATEWAY_REASON_OTHER},
    {11, GATEWAY_BROKEN, GATEWAY_REASON_CREDENTIALS}, {12, GATEWAY_BROKEN, GATEWAY_REASON_OTHER},
    {13, GATEWAY_REJECTED, GATEWAY_REASON_NUMBER},    {57, GATEWAY_RETRY, GATEWAY_REASON_OTHER},
    {57, GATEWAY_RETRY, GATEWAY_REASON_OTHER}, /* told once */
    {101, GATEWAY_REJECTED, GATEWAY_REASON_OTHER},    {102, GATEWAY_RETRY, GATEWAY_REASON_OTHER},
};
#define RESULTS (sizeof results / sizeof *results)

static void test_results(void **state)
{
    static const struct fake_setting own[] = {{"version", "3.0"},
                                              {"results.0.code", "101"},
                                              {"results.0.outcome", "rejected"},
                                              {"window", "20"},
                                              {0}};
    const char *told;

    (void)state;
    open_gateway(own);
    let_in(CMPP_V30);
    submit("x", RESULTS);
    for (size_t i = 0; i < RESULTS; i++) {
        expect(CMPP_SUBMIT);
        say_result(peer.h.sequence, 0, results[i].result);
    }
    FAKE_UNTIL(&host, host.done_count == RESULTS);
    for (size_t i = 0; i < RESULTS; i++) {
        const struct fake_answer *a = answer_of(i + 1);
        char code[16];

        snprintf(code, sizeof code, "%u", results[i].result);
        assert_string_equal(a->code, code);
        assert_int_equal(a->outcome, results[i].outcome);
        assert_int_equal(a->reason, results[i].reason);
    }
    assert_int_equal(answer_of(8)->retry_after_ms, 1000);
    told = strstr(host.log, "cmpp.unknown_code of=result code=\"57\"");
    assert_non_null(told);
    assert_null(strstr(strchr(told, '\n'), "code=\"57\""));
    assert_non_null(strstr(host.log, "code=\"102\""));
    assert_null(strstr(host.log, "code=\"101\"")); /* the settings know it */
}

/* A response says nothing but by the octets of its version's length. */
static void test_malformed_result(void **state)
{
    uint8_t p[23] = {0};

    (void)state;
    open_20();
    submit("x", 1);
    expect(CMPP_SUBMIT);
    cmpp_header_write(p, CMPP_SUBMIT | CMPP_RESPONSE, peer.h.sequence);
    p[3] = sizeof p;
    say(p, sizeof p);
    say_result(peer.h.sequence + 1024, 9, 0); /* and a stray one, of the same place in the window */
    say_vector("active_test");
    expect_vector("active_test_resp");
    assert_int_equal(host.done_count, 0);
    say_result(2, 1, 0);
    FAKE_UNTIL(&host, host.done_count == 1);
    assert_int_equal(host.done[0].outcome, GATEWAY_ACCEPTED);
    assert_string_equal(host.done[0].ids[0], SUBMIT_ID);
}

/* "Sequence repeated" again: their idea of this connection is not ours. */
static void test_repeated(void **state)
{
    (void)state;
    open_20();
    submit("x", 2);
    expect(CMPP_SUBMIT);
    say_result(peer.h.sequence, 0, 3);
    expect(CMPP_SUBMIT);
    FAKE_UNTIL(&host, host.done_count == 1);
    assert_int_equal(host.capacity, 16);
    say_result(peer.h.sequence, 0, 3);
    FAKE_UNTIL(&host, host.done_count == 2);
    expect(CMPP_TERMINATE);
    say_header(CMPP_TERMINATE | CMPP_RESPONSE, peer.h.sequence);
    let_in(CMPP_V20);
}

static void test_throttled_part(void **state)
{
    uint8_t part[400];
    uint32_t first, length;

    (void)state;
    open_20();
    submit(POEM, 1);
    expect(CMPP_SUBMIT);
    first = peer.h.sequence;
    expect(CMPP_SUBMIT);
    length = peer.h.length;
    memcpy(part, peer.pdu, length);
    say_result(first, 1, 0);
    say_result(peer.h.sequence, 0, 8);
    fake_wait(&host, 100);
    assert_int_equal(host.done_count, 0);
    assert_false(peer_take()); /* not at once, it was too fast just now */
    host.clock_ms += 1000;
    expect(CMPP_SUBMIT); /* the same part with the same reference, by a new number */
    assert_int_not_equal(memcmp(peer.pdu + 8, part + 8, 4), 0);
    assert_memory_equal(peer.pdu + 12, part + 12, length - 12);
    say_result(peer.h.sequence, 2, 0);
    FAKE_UNTIL(&host, host.done_count == 1);
    assert_int_equal(host.done[0].outcome, GATEWAY_ACCEPTED);
}

static void test_numbers(void **state)
{
    static const struct fake_setting whole[] = {{"version", "2.0"}, {"country_code", ""}, {0}};

    open_20();
    compose("x", 1)->to = "+85261234567";
    messages[0].to_length = strlen(messages[0].to);
    fake_submit(&host, messages, 1);
    FAKE_UNTIL(&host, host.done_count == 1);
    assert_int_equal(host.done[0].outcome, GATEWAY_REJECTED);
    assert_int_equal(host.done[0].reason, GATEWAY_REASON_NUMBER);
    end(state);
    open_gateway(whole);
    let_in(CMPP_V20);
    compose("x", 1)->from = "+1069000199";
    fake_submit(&host, messages, 1);
    expect(CMPP_SUBMIT);
    assert_string_equal(peer.pdu + 129, "8613800138000");
    assert_string_equal(peer.pdu + 107, "1069000199");
}

/* 2026-03-01T04:00:00Z is noon in Beijing. */
static void test_validity(void **state)
{
    (void)state;
    open_20();
    compose("x", 1)->expires_ms = 1772337600000;
    fake_submit(&host, messages, 1);
    expect(CMPP_SUBMIT);
    assert_string_equal(peer.pdu + 73, "260301120000032+");
}

/* ------------------------------------------------------------------ lost */
static void test_no_response(void **state)
{
    (void)state;
    open_20();
    submit("x", 1);
    expect(CMPP_SUBMIT);
    for (int i = 0; i < 2; i++) {
        host.clock_ms += 29000;
        say_vector("active_test");
        expect_vector("active_test_resp");
    }
    assert_int_equal(host.done_count, 0);
    host.clock_ms += 3000;
    FAKE_UNTIL(&host, host.done_count == 1);
    assert_int_equal(host.done[0].outcome, GATEWAY_UNKNOWN);
    fake_wait(&host, 100);
    assert_false(peer_take()); /* never a second one, which would be billed twice */
}

static void test_lost(void **state)
{
    (void)state;
    open_20();
    submit("x", 2);
    expect(CMPP_SUBMIT);
    say_result(peer.h.sequence, 1, 0);
    FAKE_UNTIL(&host, host.done_count == 1);
    close(peer.fd);
    peer.fd = -1;
    FAKE_UNTIL(&host, host.done_count == 2);
    assert_int_equal(answer_of(1)->outcome, GATEWAY_ACCEPTED);
    assert_int_equal(answer_of(2)->outcome, GATEWAY_UNKNOWN);
    assert_int_equal(host.capacity, 0);
    submit("x", 1);
    FAKE_UNTIL(&host, host.done_count == 3);
    assert_int_equal(host.done[2].outcome, GATEWAY_UNSENT);
    let_in(CMPP_V20); /* and it comes back */
}

/* Silence is probed after 30 s, again every 10 s, and given up after three. */
static void test_active_test(void **state)
{
    (void)state;
    open_20();
    host.clock_ms += 29000;
    fake_wait(&host, 500);
    assert_false(peer_take());
    host.clock_ms += 1000;
    expect(CMPP_ACTIVE_TEST);
    assert_int_equal(peer.h.length, 12);
    say_header(CMPP_ACTIVE_TEST | CMPP_RESPONSE, peer.h.sequence); /* without a body */
    fake_wait(&host, 300);
    host.clock_ms += 30000;
    expect(CMPP_ACTIVE_TEST);
    say_vector("active_test"); /* some answer so; whatever comes is life */
    expect_vector("active_test_resp");
    for (int i = 0; i < 3; i++) {
        host.clock_ms += i == 0 ? 30000 : 10000;
        expect(CMPP_ACTIVE_TEST);
    }
    fake_wait(&host, 300);
    assert_int_equal(host.capacity, 16);
    host.clock_ms += 10000;
    FAKE_UNTIL(&host, host.capacity == 0);
    let_in(CMPP_V20);
}

/* ------------------------------------------------------------------ what comes in */
static const struct inbound {
    const char *vector;
    const char *text; /* of a reply; or NULL: a report with ... */
    const char *stat;
    enum gateway_receipt_state state;
} inbounds[] = {
    {"deliver_v20_report_delivrd", NULL, "DELIVRD", GATEWAY_DELIVERED},
    {"deliver_v20_report_undeliv", NULL, "UNDELIV", GATEWAY_UNDELIVERED},
    {"deliver_v20_report_mb", NULL, "MB:0088", GATEWAY_UNDELIVERED},
    {"deliver_v30_report60_delivrd", NULL, "DELIVRD", GATEWAY_DELIVERED},
    {"deliver_v30_report71_delivrd", NULL, "DELIVRD", GATEWAY_DELIVERED},
    {"deliver_v30_report71_undeliv", NULL, "UNDELIV", GATEWAY_UNDELIVERED},
    {"deliver_v30_report71_mk0012", NULL, "MK:0012", GATEWAY_UNDELIVERED},
    {"deliver_v20_mo_ascii", "TD", NULL, 0},
    {"deliver_v20_mo_ucs2", "退订", NULL, 0},
    {"deliver_v20_mo_gb", "退订", NULL, 0},
    {"deliver_v20_mo_long_part1", "请不要", NULL, 0},
    {"deliver_v20_mo_long_udhi40", "请不要", NULL, 0},
    {"deliver_v30_mo_ascii", "TD", NULL, 0},
    {"deliver_v30_mo_ucs2", "退订", NULL, 0},
    {"deliver_v30_mo_gb", "退订", NULL, 0},
};

/* The response to a DELIVER, as the vectors have it but for the sequence. */
static void expect_delivered(uint32_t sequence, uint8_t result)
{
    const struct vector *v =
        vector_find(peer.version == CMPP_V20 ? "deliver_resp_v20_ok" : "deliver_resp_v30_ok");

    expect(CMPP_DELIVER | CMPP_RESPONSE);
    assert_int_equal(peer.h.length, v->length);
    assert_int_equal(peer.h.sequence, sequence);
    assert_memory_equal(peer.pdu + 12, v->octets + 12, v->length - 13);
    assert_int_equal(peer.pdu[v->length - 1], result);
}

/* Handed up; answered when stored and not before, 8 when it could not be. */
static void test_inbound(void **state)
{
    const struct inbound *f = *state;
    uint32_t sequence = cmpp_header_read(vector_find(f->vector)->octets).sequence;
    gateway_stored_fn *stored;
    void *arg;

    if (strstr(f->vector, "v20"))
        open_20();
    else
        open_30();
    host.store_at_once = false;
    for (int again = 0; again < 2; again++) {
        size_t n = (size_t)again + 1;

        say_vector(f->vector);
        FAKE_UNTIL(&host, host.receipt_count + host.reply_count == n);
        fake_wait(&host, 50);
        assert_false(peer_take());
        if (f->text == NULL) {
            const struct fake_receipt *r = &host.receipts[again];

            assert_string_equal(r->id, SUBMIT_ID);
            assert_string_equal(r->code, f->stat);
            assert_int_equal(r->state, f->state);
            assert_int_equal(r->done_ms, 1772337660000); /* 2026-03-01 12:01 in Beijing */
            stored = r->stored;
            arg = r->arg;
        } else {
            const struct fake_reply *r = &host.replies[again];

            assert_string_equal(r->from, "13800138000");
            assert_string_equal(r->to, "10690001");
            assert_string_equal(r->text, f->text);
            assert_int_equal(r->part, strstr(f->vector, "long") != NULL);
            assert_string_equal(r->id, host.replies[0].id); /* a repeat is known */
            stored = r->stored;
            arg = r->arg;
        }
        stored(arg, again);
        expect_delivered(sequence, again ? 0 : 8);
    }
}

/* Both parts, whole when the second is there, which comes with 40 hex for 1. */
static void test_reply_in_parts(void **state)
{
    (void)state;
    open_20();
    say_vector("deliver_v20_mo_long_part2");
    expect_delivered(0x39, 0);
    assert_int_equal(host.reply_count, 1);
    say_vector("deliver_v20_mo_long_udhi40");
    expect_delivered(0x3a, 0);
    assert_int_equal(host.reply_count, 3);
    assert_true(host.replies[0].part && host.replies[1].part);
    assert_false(host.replies[2].part);
    assert_string_equal(host.replies[2].text, "请不要再发了");
    assert_string_not_equal(host.replies[0].id, host.replies[1].id);
    assert_string_not_equal(host.replies[1].id, host.replies[2].id);
}

/* GB18030 under the name of ASCII; a number with the country's code. */
static void test_reply_quirks(void **state)
{
    struct vector v = *vector_find("deliver_v20_mo_gb");

    (void)state;
    open_20();
    v.octets[53] = 0;
    memcpy(v.octets + 54, "8613800138000", 13);
    say(v.octets, v.length);
    expect_delivered(0x37, 0);
    assert_string_equal(host.replies[0].text, "退订");
    assert_string_equal(host.replies[0].from, "+8613800138000");
    v.octets[77] = 0xff; /* no character; the rest is one */
    v.octets[78] = 'R';
    v.octets[79] = 0xb6, v.octets[80] = 0xa9;
    say(v.octets, v.length);
    expect_delivered(0x37, 0);
    assert_string_equal(host.replies[1].text, "\xef\xbf\xbdR订");
}

static void test_report_codes(void **state)
{
    static const struct fake_setting own[] = {{"version", "2.0"},
                                              {"report_reasons.0.code", "MK:0012"},
                                              {"report_reasons.0.reason", "blacklisted"},
                                              {0}};
    static const struct {
        const char *stat;
        enum gateway_receipt_state state;
        enum gateway_reason reason;
    } facts[] = {
        {"MK:0012", GATEWAY_UNDELIVERED, GATEWAY_REASON_BLACKLISTED},
        {"ACCEPTD", GATEWAY_ENROUTE, GATEWAY_REASON_NONE},
        {"EXPIRED", GATEWAY_UNDELIVERED, GATEWAY_REASON_EXPIRED},
        {"REJECTD", GATEWAY_UNDELIVERED, GATEWAY_REASON_OTHER},
        {"DELETED", GATEWAY_UNDELIVERED, GATEWAY_REASON_OTHER},
        {"UNKNOWN", GATEWAY_UNDELIVERED, GATEWAY_REASON_OTHER},
        {"MA:0001", GATEWAY_UNDELIVERED, GATEWAY_REASON_OUTAGE},
        {"HD:0031", GATEWAY_UNDELIVERED, GATEWAY_REASON_OTHER},
        {"HD:0031", GATEWAY_UNDELIVERED, GATEWAY_REASON_OTHER},
        {"0      ", GATEWAY_UNDELIVERED, GATEWAY_REASON_OTHER}}; /* no result of a submit */
    struct vector v = *vector_find("deliver_v20_report_delivrd");
    const char *told;

    (void)state;
    open_gateway(own);
    let_in(CMPP_V20);
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) {
        memcpy(v.octets + 77 + 8, facts[i].stat, 7);
        say(v.octets, v.length);
        expect_delivered(0x32, 0);
        assert_int_equal(host.receipts[i].state, facts[i].state);
        assert_int_equal(host.receipts[i].reason, facts[i].reason);
    }
    told = strstr(host.log, "cmpp.unknown_code of=report code=\"HD:0031\"");
    assert_non_null(told);
    assert_null(strstr(strchr(told, '\n'), "HD:0031"));
}

/* What makes no sense is refused, and the connection stays. */
static void test_bad_deliver(void **state)
{
    uint8_t p[30] = {0};

    (void)state;
    open_20();
    say_vector("bad_report_40");
    expect_delivered(0x32, 4);
    say_vector("bad_msg_length");
    expect_delivered(0x32, 4);
    cmpp_header_write(p, CMPP_DELIVER, 9);
    p[3] = sizeof p;
    memcpy(p + 12, vector_find("deliver_resp_v20_ok")->octets + 12, 8);
    say(p, sizeof p);
    expect_delivered(9, 1);
    assert_int_equal(host.receipt_count + host.reply_count, 0);
    say_vector("deliver_v20_mo_ascii");
    expect_delivered(0x35, 0);
    assert_int_equal(host.capacity, 16);
}

static void test_dropped(void **state)
{
    open_20();
    say_vector(*state);
    FAKE_UNTIL(&host, host.capacity == 0);
    let_in(CMPP_V20);
}

/* A PDU may come in pieces, but not for ever. */
static void test_slow_pdu(void **state)
{
    const struct vector *v = vector_find("deliver_v20_mo_ascii");

    (void)state;
    open_20();
    say(v->octets, 30);
    fake_wait(&host, 100);
    say(v->octets + 30, v->length - 30);
    expect_delivered(0x35, 0);
    say(v->octets, 30);
    fake_wait(&host, 100);
    host.clock_ms += 9000;
    say(v->octets + 30, 1);
    fake_wait(&host, 400);
    assert_int_equal(host.capacity, 16);
    host.clock_ms += 1000;
    FAKE_UNTIL(&host, host.capacity == 0);
    assert_non_null(strstr(host.log, "a PDU was left unfinished"));
}

/* ------------------------------------------------------------------ leaving */
static void test_drain(void **state)
{
    (void)state;
    open_20();
    submit("x", 1);
    expect(CMPP_SUBMIT);
    plugin->drain(host.state);
    assert_int_equal(host.capacity, 0);
    fake_wait(&host, 300);
    assert_false(peer_take()); /* what is outstanding comes first */
    say_result(peer.h.sequence, 1, 0);
    FAKE_UNTIL(&host, host.done_count == 1);
    assert_int_equal(host.done[0].outcome, GATEWAY_ACCEPTED);
    expect(CMPP_TERMINATE);
    assert_int_equal(peer.h.length, 12);
    say_header(CMPP_TERMINATE | CMPP_RESPONSE, peer.h.sequence);
    FAKE_UNTIL(&host, peer_closed());
    fake_wait(&host, 300);
    assert_false(peer_accept());
}

static void test_terminated(void **state)
{
    (void)state;
    open_20();
    say_vector("terminate");
    expect_vector("terminate_resp");
    FAKE_UNTIL(&host, peer_closed());
    let_in(CMPP_V20);
}

/* ------------------------------------------------------------------ talks with others' servers */
#define WOMEN "【鼓楼区妇联】"
#define RIVER                                                                                                \
    WOMEN "春江潮水连海平，海上明月共潮生。滟滟随波千万里，何处春江无月明。" \
          "江流宛转绕芳甸，月照花林皆似霰。空里流霜不觉飞，汀上白沙看不见。" \
          "江天一色无纤尘。"
#define TALK_EXPIRES_MS 1804467600000 /* 2027-03-08 09:00 in Beijing */

/* What they understood, and what they meant. */
static const struct talk {
    const char *name;
    int64_t wall_s;      /* of the CONNECT */
    const char *version; /* that was configured */
    bool proves_itself;
    struct {
        const char *to, *text;
    } messages[3];
    struct {
        const char *code;
        enum gateway_receipt_state state;
    } receipts[3];
    int64_t done_ms;              /* of them all */
    const char *from, *to, *text; /* of the reply */
} talks[] = {
    {"gocmpp_v30",
     1795708663,
     "auto",
     true,
     {{"+8613800138001", WOMEN "居民1您好，请到区妇联。"}, {"+8613800138007", RIVER}},
     {{"DELIVRD", GATEWAY_DELIVERED},
      {"MK:0012", GATEWAY_UNDELIVERED},
      {"MK:0012", GATEWAY_UNDELIVERED}},
     1795708620000, /* 2026-11-26 23:57 in Beijing */
     "13800138001",
     "10690001",
     "好，我会来"},
    {"gocmpp_v21",
     1795708673,
     "auto",
     true,
     {{"+8613800138001", WOMEN "居民1您好，请到区妇联。"}, {"+8613800138007", RIVER}},
     {{"DELIVRD", GATEWAY_DELIVERED},
      {"MK:0012", GATEWAY_UNDELIVERED},
      {"MK:0012", GATEWAY_UNDELIVERED}},
     1795708620000,
     "13800138001",
     "10690001",
     "好，我会来"},
    {"go_cmpp",
     1795708693,
     "auto",
     false,
     {{"+8613800138001", WOMEN "居民1您好，请到区妇联。"},
      {"+8613800138002", WOMEN "居民2您好，请到区妇联。"},
      {"+8613800138003", WOMEN "居民3您好，请到区妇联。"}},
     {{"DELIVRD", GATEWAY_DELIVERED}, {"UNDELIV", GATEWAY_UNDELIVERED}, {"", GATEWAY_UNDELIVERED}},
     0,
     "13800138001",
     "901234",
     "居民1您好，请到区妇联。"},
};

static struct {
    uint8_t id[8]; /* of the DELIVER */
    gateway_stored_fn *stored;
    void *arg;
} handed_up[8];
static size_t handed_count, sent_count;

static void they_say(const struct vector *v)
{
    size_t receipts = host.receipt_count, replies = host.reply_count;
    bool report;

    say(v->octets, v->length);
    if (cmpp_header_read(v->octets).command != CMPP_DELIVER)
        return;
    FAKE_UNTIL(&host, host.receipt_count + host.reply_count > receipts + replies);
    report = host.receipt_count > receipts;
    memcpy(handed_up[handed_count].id, v->octets + 12, 8);
    handed_up[handed_count].stored =
        report ? host.receipts[receipts].stored : host.replies[replies].stored;
    handed_up[handed_count++].arg =
        report ? host.receipts[receipts].arg : host.replies[replies].arg;
}

/* Brings about what the daemon said next. */
static void provoke(const struct talk *t, const uint8_t *octets)
{
    switch (cmpp_header_read(octets).command) {
    case CMPP_CONNECT:
        FAKE_UNTIL(&host, peer_accept());
        break;
    case CMPP_SUBMIT:
        FAKE_UNTIL(&host, host.capacity > 0);
        if (octets[21] != 1) /* Pk_number: it came with the first */
            break;
        compose(t->messages[sent_count].text, 1);
        messages[0].token = sent_count + 1;
        messages[0].to = t->messages[sent_count++].to;
        messages[0].expires_ms = TALK_EXPIRES_MS;
        fake_submit(&host, messages, 1);
        break;
    case CMPP_DELIVER | CMPP_RESPONSE:
        for (size_t i = 0; i < handed_count; i++)
            if (memcmp(handed_up[i].id, octets + 12, 8) == 0)
                handed_up[i].stored(handed_up[i].arg, true);
        break;
    case CMPP_ACTIVE_TEST:
        host.clock_ms += 30000;
        break;
    case CMPP_TERMINATE:
        plugin->drain(host.state);
        break;
    }
}

/* The same octets, but for the reference of parts, which is anybody's. */
static void we_say(const struct talk *t, struct vector *v)
{
    size_t udh = strstr(t->name, "v30") ? 143 + 32 : 130 + 21;

    provoke(t, v->octets);
    expect(cmpp_header_read(v->octets).command);
    assert_int_equal(peer.h.length, v->length);
    if (peer.h.command == CMPP_SUBMIT && v->octets[20] > 1)
        v->octets[udh + 3] = peer.pdu[udh + 3];
    assert_memory_equal(peer.pdu, v->octets, v->length);
}

static void talk_over(const struct talk *t)
{
    const struct fake_setting own[] = {{"msg_level", "0"},
                                       {"version", t->version},
                                       {"strict_server_auth", t->proves_itself ? "true" : "false"},
                                       {0}};
    FILE *f = fopen(TEST_DIR "/vectors/cmpp_talks.tsv", "r");
    char line[2048];
    size_t lines = 0;

    assert_non_null(f);
    handed_count = sent_count = 0;
    open_gateway(own);
    host.store_at_once = false;
    host.wall_ms = t->wall_s * 1000;
    while (fgets(line, sizeof line, f) != NULL) {
        const char *name = strtok(line, "\t"), *whose = strtok(NULL, "\t");
        struct vector v = {.length = 0};

        if (strcmp(name, t->name) != 0)
            continue;
        v.length = vector_hex(v.octets, strtok(NULL, "\n"));
        if (*whose == '<')
            they_say(&v);
        else
            we_say(t, &v);
        lines++;
    }
    fclose(f);
    assert_true(lines > 0);
    FAKE_UNTIL(&host, peer_closed());
    assert_false(peer_take());
}

/* All were accepted, and reported on under the ids that they were given. */
static void test_talk(void **state)
{
    const struct talk *t = *state;
    size_t n = 0;

    talk_over(t);
    assert_int_equal(strstr(host.log, "not_proven") == NULL, t->proves_itself);
    assert_int_equal(host.done_count, sent_count);
    for (size_t i = 0; i < host.done_count; i++) {
        assert_int_equal(host.done[i].outcome, GATEWAY_ACCEPTED);
        for (size_t k = 0; k < host.done[i].id_count; k++, n++) {
            const struct fake_receipt *r = &host.receipts[n];

            assert_string_equal(r->id, host.done[i].ids[k]);
            assert_string_equal(r->code, t->receipts[n].code);
            assert_int_equal(r->state, t->receipts[n].state);
            assert_int_equal(r->done_ms, t->done_ms);
        }
    }
    assert_int_equal(n, 3);
    assert_int_equal(host.receipt_count, 3);
    assert_int_equal(host.reply_count, 1);
    assert_string_equal(host.replies[0].from, t->from);
    assert_string_equal(host.replies[0].to, t->to);
    assert_string_equal(host.replies[0].text, t->text);
}

/* Theirs knows another secret: it says so, then TERMINATE, and closes. */
static void test_talk_refused(void **state)
{
    static const struct talk t = {
        .name = "gocmpp_refuses", .wall_s = 1795708104, .version = "3.0", .proves_itself = true};

    (void)state;
    talk_over(&t);
    assert_non_null(strstr(host.why, "login refused: status 3, login: authentication failed"));
    assert_int_equal(host.capacity, 0);
}

/* ------------------------------------------------------------------ settings */
static void test_settings(void **state)
{
    static const struct {
        struct fake_setting setting[2];
        const char *words;
    } facts[] = {
        {{{"sp_id", "12345"}}, "sp_id = \"12345\" is not of six characters"},
        {{{"version", "1.0"}}, "version = \"1.0\" is not one of auto, 2.0, 3.0"},
        {{{"source", "ACME"}}, "source = \"ACME\" is not a number"},
        {{{"validity", "x"}}, "validity = \"x\""},
        {{{"fee_user_type", "3"}}, "fee_number"},
        {{{"results.0.outcome", "lost"}}, "results.0.outcome"},
        {{{"report_reasons.0.reason", "lost"}}, "report_reasons.0.reason"},
    };

    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) {
        assert_int_equal(try_gateway(facts[i].setting), -1);
        assert_non_null(strstr(host.error, facts[i].words));
        assert_null(strstr(host.error, "shared123"));
        end(state);
    }
}

/* plugins/README.md tells every setting, with the default that it has. */
static void test_settings_told(void **state)
{
    static char text[1 << 17];
    FILE *f = fopen(TEST_DIR "/../plugins/README.md", "r");
    const struct gateway_setting *s;
    char *section, *next;

    (void)state;
    assert_non_null(f);
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    section = strstr(text, "\n## cmpp\n");
    assert_non_null(section);
    next = strstr(section + 1, "\n## ");
    if (next != NULL)
        *next = '\0';
    for (s = cmpp_settings_table; s->name != NULL; s++) {
        char name[64], line[512];
        const char *row;

        snprintf(name, sizeof name, "`%s`", s->name);
        for (row = strstr(section, "\n| "); row != NULL; row = strstr(row + 1, "\n| ")) {
            snprintf(line, sizeof line, "%.*s", (int)strcspn(row + 1, "\n"), row + 1);
            if (strstr(line, name) != NULL && strstr(line, name) < strchr(line + 2, '|'))
                break;
        }
        if (row == NULL)
            fail_msg("%s is not in plugins/README.md", s->name);
        if (strstr(line, s->required ? "needed" : s->initial ? s->initial : "") == NULL)
            fail_msg("the default of %s is not %s: %s", s->name, s->initial, line);
    }
}

#define TEST(f)                                                                                    \
    {                                                                                              \
#f, f, NULL, end, NULL                                                                     \
    }

int main(void)
{
    static const struct CMUnitTest singles[] = {
        TEST(test_login),
        TEST(test_login_older),
        TEST(test_login_forbidden),
        TEST(test_login_too_high),
        TEST(test_login_refused),
        TEST(test_login_busy),
        TEST(test_login_unanswered),
        TEST(test_server_auth),
        TEST(test_submit),
        TEST(test_ascii),
        TEST(test_parts),
        TEST(test_window),
        TEST(test_results),
        TEST(test_malformed_result),
        TEST(test_repeated),
        TEST(test_throttled_part),
        TEST(test_numbers),
        TEST(test_validity),
        TEST(test_no_response),
        TEST(test_lost),
        TEST(test_active_test),
        TEST(test_reply_in_parts),
        TEST(test_reply_quirks),
        TEST(test_report_codes),
        TEST(test_bad_deliver),
        {"bad_length_11", test_dropped, NULL, end, (void *)(uintptr_t) "bad_length_11"},
        {"bad_length_huge", test_dropped, NULL, end, (void *)(uintptr_t) "bad_length_huge"},
        TEST(test_slow_pdu),
        TEST(test_drain),
        TEST(test_terminated),
        TEST(test_talk_refused),
        {"test_settings", test_settings, NULL, NULL, NULL},
        {"test_settings_told", test_settings_told, NULL, NULL, NULL},
    };
    struct CMUnitTest tests[100];
    void *library = dlopen(BUILD_DIR "/plugins/cmpp.so", RTLD_NOW | RTLD_LOCAL);
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
    for (i = 0; i < sizeof talks / sizeof *talks; i++)
        tests[n++] =
            (struct CMUnitTest){talks[i].name, test_talk, NULL, end, (void *)(uintptr_t)&talks[i]};
    return _cmocka_run_group_tests("cmpp_session", tests, n, NULL, NULL);
}
