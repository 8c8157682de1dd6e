/* Garbage by the megabyte: what it costs is seconds and no memory. Every row is
 * read by a process of its own, whose CPU time and peak memory count; one byte
 * that is looked at again for every other byte would show in either. 8 MB each;
 * GARBAGE_MB=64 build/test/tests/garbage_test for the whole measure. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "audience.h"
#include "campaign.h"
#include "error.h"
#include "fake_host.h"
#include "tree.h"

#include <dlfcn.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define MB (1024 * 1024)
#define CPU_S_A_MB 1.5 /* of CPU, under ASan, on a small machine that others use */

/* So that peak memory is what is in use, not what ASan keeps back. */
const char *__asan_default_options(void); /* NOLINT: the sanitizer's name */
const char *__asan_default_options(void)
{
    return "quarantine_size_mb=1";
}

static const struct campaign_defaults defaults = {
    .timezone = "Asia/Shanghai",
    .country = "CN",
    .language = "zh",
    .currency = "CNY",
    .hours = "08:00-20:30",
    .signature = "【鼓楼区妇联】",
    .optout_line = "拒收请回复R",
    .max_segments = 8,
    .max_audience = 2000000,
};

/* head, then body again and again, then tail. %u in body is a number that goes
 * up; body NULL is noise; with the head PDU it is hexadecimal. */
#define PDU "pdu"

struct garbage {
    const char *name;
    void (*read)(const char *bytes, size_t n);
    const char *head, *body, *tail;
    size_t most_mb; /* of memory, beside what the bytes themselves take; 0: 64 */
    size_t bytes;   /* at most so many; 0: all */
};

static size_t garbage_mb(void)
{
    const char *mb = getenv("GARBAGE_MB");

    return mb != NULL ? (size_t)strtoul(mb, NULL, 10) : 8;
}

static size_t from_hex(const char *hex, char *out)
{
    size_t n = 0;
    unsigned byte;

    for (; sscanf(hex, "%2x", &byte) == 1; hex += 2)
        out[n++] = (char)byte;
    return n;
}

static char *make(const struct garbage *g, size_t *n)
{
    bool pdu = strcmp(g->head, PDU) == 0;
    size_t most = garbage_mb() * MB, length = pdu ? 0 : strlen(g->head), tail = strlen(g->tail);
    uint32_t noise = 2463534242u;
    char *bytes;

    most = g->bytes != 0 && g->bytes < most ? g->bytes : most;
    bytes = malloc(most + 1);
    memcpy(bytes, g->head, length);
    for (unsigned i = 0; length + tail + 128 < most; i++) {
        noise ^= noise << 13, noise ^= noise >> 17, noise ^= noise << 5;
        if (g->body == NULL)
            bytes[length++] = (char)noise;
        else if (pdu)
            length += from_hex(g->body, bytes + length);
        else if (strchr(g->body, '%') != NULL)
            length += (size_t)snprintf(bytes + length, 64, g->body, i); /* NOLINT: our own rows */
        else
            length += strlen(memcpy(bytes + length, g->body, strlen(g->body) + 1));
    }
    memcpy(bytes + length, g->tail, tail);
    *n = length + tail;
    return bytes;
}

/* ------------------------------------------------------------------ readers */
static int take_row(void *arg, const char *row, size_t n, struct error *err)
{
    (void)arg, (void)row, (void)n, (void)err;
    return 0;
}

static void remark(void *arg, unsigned long line, bool refused, const char *text)
{
    (void)arg, (void)line, (void)refused, (void)text;
}

static void read_list(const char *bytes, size_t n)
{
    static const char json[] =
        "{\"id\":\"fair\",\"class\":\"notice\",\"title\":\"t\",\"event\":{\"starts\":\"2027-03-"
        "06T09:00\"},"
        "\"texts\":{\"zh\":\"{{name|居民}}您好\"},\"audience\":{\"file\":\"a.csv\"},"
        "\"reminders\":[{\"name\":\"eve\",\"at\":\"-1d 18:00\"}]}";
    static const struct audience_sink sink = {.row = take_row, .remark = remark};
    struct audience_report report;
    struct error err = {""};
    struct campaign *c = campaign_create(tree_parse_json(json, sizeof json - 1, NULL, &err),
                                         &defaults, NULL, 0, &err);
    char path[32];
    int fd = memfd_create("list", MFD_CLOEXEC);

    if (c == NULL)
        abort();
    for (size_t at = 0; at < n;)
        at += (size_t)write(fd, bytes + at, n - at);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    audience_read_file(c, path, &sink, &report, &err);
    close(fd);
    campaign_free(c);
}

static void read_campaign(struct tree *t)
{
    static const struct audience_sink sink = {.row = take_row, .remark = remark};
    struct audience_report report;
    struct error err;
    struct campaign *c = t == NULL ? NULL : campaign_create(t, &defaults, NULL, 0, &err);
    const struct tree *recipients = c == NULL ? NULL : tree_get(c->document, "audience.recipients");

    if (recipients != NULL)
        audience_read_inline(c, recipients, &sink, &report, &err);
    campaign_free(c);
}

static void read_json(const char *bytes, size_t n)
{
    struct error err;

    read_campaign(tree_parse_json(bytes, n, "body", &err));
}

static void read_config(const char *bytes, size_t n)
{
    struct error err;

    read_campaign(tree_parse_config(bytes, n, "t.conf", &err));
}

/* What an SMSC sends behind its answer to our bind, to a plugin that is told so
 * by a socket as ever. */
static void serve(int listener, const char *bytes, size_t n)
{
    static const uint8_t bound[] = {0, 0, 0, 17, 0x80, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 1, 0};
    static char scrap[65536];
    int fd = accept(listener, NULL, NULL);
    struct pollfd poll_fd = {fd, POLLIN | POLLOUT, 0};
    size_t at = 0;

    if (recv(fd, scrap, sizeof scrap, 0) <= 0 || send(fd, bound, sizeof bound, 0) < 0)
        _exit(1);
    while (at < n && poll(&poll_fd, 1, 20000) > 0) {
        ssize_t sent = 0;

        if (poll_fd.revents & POLLIN && recv(fd, scrap, sizeof scrap, MSG_DONTWAIT) <= 0)
            break;
        if (poll_fd.revents & POLLOUT)
            sent = send(fd, bytes + at, n - at, MSG_NOSIGNAL | MSG_DONTWAIT);
        at += sent > 0 ? (size_t)sent : 0;
    }
    _exit(0);
}

static void read_stream(const char *bytes, size_t n)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof to;
    int listener = socket(AF_INET, SOCK_STREAM, 0), status = 0;
    void *library = dlopen(BUILD_DIR "/plugins/smpp.so", RTLD_NOW | RTLD_LOCAL);
    static char port[8];
    static const struct fake_setting settings[] = {{"host", "127.0.0.1"},
                                                   {"port", port},
                                                   {"system_id", "u"},
                                                   {"password", "p"},
                                                   {"source", "1069"},
                                                   {"reconnect_min", "1h"},
                                                   {0}};
    struct fake_host host;
    pid_t peer;

    if (bind(listener, (struct sockaddr *)&to, size) != 0 || listen(listener, 1) != 0 ||
        getsockname(listener, (struct sockaddr *)&to, &size) != 0)
        abort();
    snprintf(port, sizeof port, "%u", (unsigned)ntohs(to.sin_port));
    peer = fork();
    if (peer == 0)
        serve(listener, bytes, n);
    if (fake_open(&host, dlsym(library, "gateway_plugin"), settings) != 0)
        abort();
    host.store_at_once = true;
    while (waitpid(peer, &status, WNOHANG) == 0)
        fake_turn(&host);
    if (status != 0)
        abort();
    fake_wait(&host, 50);
    fake_close(&host);
    close(listener);
}

/* ------------------------------------------------------------------ the rows */
#define CAMPAIGN                                                                                   \
    "{\"id\":\"fair\",\"class\":\"notice\",\"title\":\"t\",\"event\":{\"starts\":\"2027-03-06T09:" \
    "00\"},"                                                                                       \
    "\"reminders\":[{\"name\":\"eve\",\"at\":\"-1d 18:00\"}],"
#define MEBIBYTE 1048576u /* what a campaign from the stream may have */

static const struct garbage rows[] = {
    {"CSV: noise", read_list, "", NULL, "", 0, 0},
    {"CSV: noise below a heading", read_list, "phone,name\n", NULL, "", 0, 0},
    {"CSV: quotes", read_list, "phone,name\n", "\"", "", 0, 0},
    {"CSV: a quote in every line", read_list, "phone,name\n", "\"1,\"\"x\n", "", 0, 0},
    {"CSV: commas", read_list, "phone,name\n", ",", "", 0, 0},
    {"CSV: line ends", read_list, "phone,name\n", "\n", "", 0, 0},
    {"CSV: lines of a byte", read_list, "phone,name\n", "x\n", "", 0, 0},
    {"CSV: one line", read_list, "phone,name\n", "x", "", 0, 0},
    {"CSV: a heading without end", read_list, "", "phone,", "", 0, 0},
    {"CSV: one number, over and over", read_list, "phone,name\n", "13851400001,x\n", "", 0, 0},
    {"JSON: noise", read_json, "", NULL, "", 0, 0},
    {"JSON: brackets", read_json, "", "[", "", 0, 0},
    {"JSON: empty lists", read_json, "[", "[],", "[]]", 300, 0},
    {"JSON: zeros", read_json, "[", "0,", "0]", 300, 0},
    {"JSON: many members", read_json, "{", "\"a%u\":0,", "\"b\":0}", 300, 0},
    {"JSON: one text", read_json, "{\"title\":\"", "x", "\"}", 200, 0},
    {"JSON: many recipients", read_json, CAMPAIGN "\"texts\":\"x\",\"audience\":{\"recipients\":[",
     "{\"sms\":\"1385140%u\"},", "{}]}}", 400, 0},
    {"JSON: one recipient of many members", read_json,
     CAMPAIGN "\"texts\":\"{{a}}{{b}}{{c}}{{d}}{{e}}\",\"audience\":{\"recipients\":[{",
     "\"x%u\":0,", "\"y\":0}]}}", 300, 0},
    {"JSON: many vars", read_json, CAMPAIGN "\"texts\":\"x\",\"vars\":{", "\"v%u\":0,", "\"w\":0}}",
     300, 0},
    {"JSON: vars in pairs", read_json, CAMPAIGN "\"texts\":\"x\",\"vars\":[", "[\"v%u\",0],",
     "[\"w\",0]]}", 300, MEBIBYTE},
    {"JSON: many languages", read_json, CAMPAIGN "\"texts\":\"x\",\"title\":{", "\"a%u\":\"x\",",
     "\"zh\":\"x\"}}", 300, 0},
    {"JSON: one text of placeholders", read_json, CAMPAIGN "\"texts\":\"", "{{event.venue|x}}",
     "\"}", 200, 0},
    {"libconfig: noise", read_config, "", NULL, "", 0, 0},
    {"libconfig: brackets", read_config, "a = ", "(", "", 0, 0},
    {"libconfig: line ends", read_config, "", "\n", "", 128, 0},
    {"libconfig: many settings", read_config, "", "a%u=1;", "", 200, MEBIBYTE},
    {"libconfig: a long list", read_config, "a = (", "1,", "1);", 300, MEBIBYTE / 2},
    {"libconfig: a text in pieces", read_config, "a = ", "\"x\"", ";", 128, MEBIBYTE},
    {"libconfig: a comment", read_config, "/*", "* ", "*/", 0, 0},
    {"SMPP: noise", read_stream, "", NULL, "", 0, 0},
    {"SMPP: enquire_link", read_stream, PDU, "00000010000000150000000000000007", "", 0, 0},
    {"SMPP: unknown commands", read_stream, PDU, "00000010000003330000000000000007", "", 0, 0},
    {"SMPP: answers to nothing", read_stream, PDU, "00000014800000040000000000ffffff61626300", "",
     0, 0},
    {"SMPP: replies in parts", read_stream, PDU,
     "000000350000000500000000000000020001013133383531343030303031000101313036390040000000000000000"
     "0"
     "090500030101016162",
     "", 0, 0},
    {"SMPP: receipts", read_stream, PDU,
     "0000003d0000000500000000000000020001013133383531343030303031000101313036390004000000000000000"
     "0"
     "1169643a31323320737461743a44454c4956",
     "", 0, 0},
};

/* ------------------------------------------------------------------ measuring */
static double cpu_s(const struct rusage *u)
{
    return (double)(u->ru_utime.tv_sec + u->ru_stime.tv_sec) +
           (double)(u->ru_utime.tv_usec + u->ru_stime.tv_usec) / 1e6;
}

static size_t peak_mb(void)
{
    struct rusage u;

    getrusage(RUSAGE_SELF, &u);
    return (size_t)u.ru_maxrss / 1024;
}

/* In a process of its own, which says what it came to need. */
static void test_garbage(void **state)
{
    const struct garbage *g = *state;
    size_t n, used_mb = 0, most_mb = g->most_mb != 0 ? g->most_mb : 64;
    char *bytes = make(g, &n);
    double limit_s = 2 + CPU_S_A_MB * (double)n / MB;
    struct rlimit cpu = {(rlim_t)limit_s + 1, (rlim_t)limit_s + 1};
    struct rusage u;
    int status, report[2];
    pid_t child;

    assert_int_equal(pipe(report), 0);
    child = fork();
    if (child == 0) {
        size_t before_mb = peak_mb();

        setrlimit(RLIMIT_CPU, &cpu);
        g->read(bytes, n);
        used_mb = peak_mb() - before_mb;
        _exit(write(report[1], &used_mb, sizeof used_mb) == sizeof used_mb ? 0 : 1);
    }
    close(report[1]);
    wait4(child, &status, 0, &u);
    free(bytes);
    if (read(report[0], &used_mb, sizeof used_mb) != sizeof used_mb || status != 0)
        fail_msg("ended with status 0x%x after %.1f s of CPU (at most %.1f)", (unsigned)status,
                 cpu_s(&u), limit_s);
    close(report[0]);
    if (getenv("GARBAGE_MB") != NULL)
        print_message("# %5.1f MB: %6.2f s %5zu MB  %s\n", (double)n / MB, cpu_s(&u), used_mb,
                      g->name);
    assert_true(cpu_s(&u) <= limit_s);
    assert_true(used_mb <= most_mb);
}

int main(void)
{
    struct CMUnitTest tests[sizeof rows / sizeof *rows];

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        tests[i] = (struct CMUnitTest){rows[i].name, test_garbage, NULL, NULL,
                                       (void *)(uintptr_t)&rows[i]};
    return _cmocka_run_group_tests("garbage", tests, sizeof tests / sizeof *tests, NULL, NULL);
}
