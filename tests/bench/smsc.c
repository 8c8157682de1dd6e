/*
 * smsc.c - an operator's SMSC to measure against: SMPP 3.4, as cheap as it gets
 *
 * Takes every submit_sm on any number of connections, answers with sequential
 * decimal message ids, and counts. It shares its machine with what it measures,
 * so it must cost next to nothing: PDUs are parsed where they were read, all
 * answers of one read leave with one write, and nothing is remembered of a
 * message unless --unique, --dlr or --log asks for it.
 *
 * Receipts go round-robin to every connection bound as receiver or transceiver,
 * at most DLR_WINDOW unanswered on each; those that a dropped connection had not
 * answered are sent again on another. --dlr-hold keeps all of them until SIGUSR2,
 * so that the way to "accepted" can be measured apart.
 *
 * --tps is strict: no window of one second, to 10 ms, ever takes more than N
 * segments; what is beyond is refused with ESME_RTHROTTLED.
 *
 * The first line of output is "port N". Counters come as one line of JSON on
 * SIGUSR1 and at SIGTERM or SIGINT, to standard output or appended to --stats.
 */
#include "bench.h"
#include <getopt.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>

enum {
    BIND_RECEIVER = 1,
    BIND_TRANSMITTER = 2,
    SUBMIT_SM = 4,
    DELIVER_SM = 5,
    UNBIND = 6,
    BIND_TRANSCEIVER = 9,
    ENQUIRE_LINK = 0x15,
};
#define RESPONSE 0x80000000u
#define GENERIC_NACK 0x80000000u
enum {
    ESME_ROK = 0,
    ESME_RINVMSGLEN = 1,
    ESME_RINVCMDID = 3,
    ESME_RINVBNDSTS = 4,
    ESME_RTHROTTLED = 0x58,
};

enum {
    READ_BYTES = 256 * 1024,
    PDU_MAX = 70000,
    OUT_MAX = 4 << 20,  /* unsent answers of a connection before it is read no further */
    CONNECTIONS = 1024, /* by descriptor */
    DLR_WINDOW = 1000,
    BUCKETS = 100, /* of 10 ms: the second that --tps and the maximum look at */
    BUCKET_US = 10000,
};

struct connection {
    int fd;
    unsigned bound; /* a BIND_ command, or 0 */
    bool watched_for_write, reading;
    struct buffer in, out;
    struct buffer held; /* answers that --latency keeps back */
    struct {
        int64_t due_us;
        size_t bytes;
    } * held_marks;
    size_t held_first, held_count, held_size;
    int dlr_window;
};

/* One receipt. Its place in the array is the sequence number of its deliver_sm. */
struct receipt {
    uint64_t id;
    int64_t due_us;
    int16_t sent_on; /* descriptor, -1: not now, -2: answered */
    bool bad;
    char to[17], from[17]; /* whom the message was for and from; longer ones are cut */
};

static struct {
    int port;
    int64_t latency_us, dlr_delay_us;
    long tps;
    double dlr_fail_pct;
    bool dlr, dlr_hold, unique;
    const char *stats, *system_id;
    FILE *log;
} o = {.system_id = "smsc"};

static struct {
    uint64_t submits, accepted, segments, throttled, malformed, unbound, unique, duplicates,
        enquire_links, binds, connections, dlr_made, dlr_sent, dlr_acked, dlr_again, bytes_in,
        bytes_out, max_second;
    double first, last;
} count;

static int poll_fd, listen_fd, signal_fd;
static struct connection *connections[CONNECTIONS];
static int64_t now_us;
static char next_id[21]; /* digits, counted up in place */
static size_t next_id_length;

/* --- counting ------------------------------------------------------------------------- */

static struct {
    uint32_t taken[BUCKETS];
    uint64_t sum;
    int64_t at; /* number of the current bucket since boot */
} second;

/* Moves the second forward to now. */
static void second_turn(void)
{
    int64_t at = now_us / BUCKET_US;

    if (at - second.at >= BUCKETS) {
        memset(second.taken, 0, sizeof second.taken);
        second.sum = 0;
        second.at = at;
    }
    while (second.at < at) {
        second.at++;
        second.sum -= second.taken[second.at % BUCKETS];
        second.taken[second.at % BUCKETS] = 0;
    }
}

/* Takes segments into the current second; false if --tps forbids it. */
static bool second_take(unsigned segments)
{
    if (o.tps > 0 && second.sum + segments > (uint64_t)o.tps)
        return false;
    second.taken[second.at % BUCKETS] += segments;
    second.sum += segments;
    if (second.sum > count.max_second)
        count.max_second = second.sum;
    return true;
}

/* A set of 64-bit hashes, open addressing, doubling at half full. */
static struct {
    uint64_t *slots, mask, used;
} seen;

static bool seen_before(uint64_t h)
{
    uint64_t i;

    h += h == 0;
    if (seen.used * 2 >= seen.mask) {
        uint64_t *old = seen.slots, size = seen.mask ? (seen.mask + 1) * 2 : 1 << 16;

        seen.slots = calloc(size, sizeof *seen.slots);
        if (seen.slots == NULL)
            die("memory");
        for (i = 0; old != NULL && i <= seen.mask; i++) {
            uint64_t j = old[i] & (size - 1);

            while (old[i] != 0 && seen.slots[j] != 0)
                j = (j + 1) & (size - 1);
            if (old[i] != 0)
                seen.slots[j] = old[i];
        }
        free(old);
        seen.mask = size - 1;
    }
    for (i = h & seen.mask; seen.slots[i] != 0; i = (i + 1) & seen.mask)
        if (seen.slots[i] == h)
            return true;
    seen.slots[i] = h;
    seen.used++;
    return false;
}

static uint64_t hash_bytes(uint64_t h, const unsigned char *p, size_t n)
{
    uint64_t w;

    for (; n >= 8; p += 8, n -= 8) {
        memcpy(&w, p, 8);
        h = (h ^ w) * 0x9e3779b97f4a7c15u;
        h ^= h >> 29;
    }
    for (w = n; n > 0; n--)
        w = w << 8 | *p++;
    h = (h ^ w) * 0xbf58476d1ce4e5b9u;
    return h ^ h >> 32;
}

/* Where the text begins in a message with a header: the reference of a
 * concatenation differs between two copies and must not tell them apart. */
static size_t concat_reference_end(const unsigned char *p, size_t n)
{
    if (n >= 6 && p[0] == 5 && p[1] == 0)
        return 4;
    if (n >= 7 && p[0] == 6 && p[1] == 8)
        return 5;
    return 0;
}

static void print_counters(void)
{
    FILE *f = o.stats ? fopen(o.stats, "a") : stdout;
    double took = count.last - count.first;

    if (f == NULL)
        die(o.stats);
    if (o.log != NULL)
        fflush(o.log);
    fprintf(f,
            "{\"submits\":%llu,\"accepted\":%llu,\"segments\":%llu,\"throttled\":%llu,"
            "\"malformed\":%llu,"
            "\"unbound\":%llu,\"unique\":%llu,\"duplicates\":%llu,\"max_second\":%llu,"
            "\"enquire_links\":%llu,\"binds\":%llu,\"connections\":%llu,\"dlr_made\":%llu,"
            "\"dlr_sent\":%llu,\"dlr_acked\":%llu,\"dlr_again\":%llu,\"bytes_in\":%llu,\"bytes_"
            "out\":%llu,"
            "\"first\":%.6f,\"last\":%.6f,\"rate\":%.0f,\"cpu_s\":%.3f}\n",
            (unsigned long long)count.submits, (unsigned long long)count.accepted,
            (unsigned long long)count.segments, (unsigned long long)count.throttled,
            (unsigned long long)count.malformed, (unsigned long long)count.unbound,
            (unsigned long long)count.unique, (unsigned long long)count.duplicates,
            (unsigned long long)count.max_second, (unsigned long long)count.enquire_links,
            (unsigned long long)count.binds, (unsigned long long)count.connections,
            (unsigned long long)count.dlr_made, (unsigned long long)count.dlr_sent,
            (unsigned long long)count.dlr_acked, (unsigned long long)count.dlr_again,
            (unsigned long long)count.bytes_in, (unsigned long long)count.bytes_out, count.first,
            count.last, took > 0 ? (double)count.accepted / took : 0, cpu_s());
    if (f != stdout)
        fclose(f);
    else
        fflush(f);
}

/* --- receipts ------------------------------------------------------------------------- */

static struct {
    struct receipt *all;
    uint32_t used, size;
    uint32_t next;   /* the first that was never sent */
    uint32_t *again; /* those to send once more */
    uint32_t again_used, again_size;
    bool released;
} dlr;

/* A C string, cut to what fits: printf would be half of what a message costs here. */
static void copy_address(char out[17], const unsigned char *address)
{
    size_t n = strnlen((const char *)address, 16);

    memcpy(out, address, n);
    out[n] = '\0';
}

static void dlr_make(uint64_t id, const unsigned char *to, const unsigned char *from)
{
    struct receipt *r;
    static uint32_t dice = 1;

    if (dlr.used == dlr.size) {
        dlr.size = dlr.size ? dlr.size * 2 : 65536;
        dlr.all = grow(dlr.all, dlr.size * sizeof *dlr.all);
    }
    r = &dlr.all[dlr.used++];
    r->id = id;
    r->due_us = now_us + o.dlr_delay_us;
    r->sent_on = -1;
    dice = dice * 1664525 + 1013904223;
    r->bad = (dice >> 8) % 10000 < o.dlr_fail_pct * 100;
    copy_address(r->to, to);
    copy_address(r->from, from);
    count.dlr_made++;
}

/* Appendix B of SMPP 3.4, and the two TLVs that mean the same. */
static void dlr_write(struct connection *c, uint32_t index)
{
    static char date[16];
    static time_t date_of;
    struct receipt *r = &dlr.all[index];
    time_t t = time(NULL);
    char *pdu = buffer_room(&c->out, 400), *p = pdu + 16, *length;
    char id[24];
    int id_length = snprintf(id, sizeof id, "%llu", (unsigned long long)r->id) + 1;

    if (t != date_of) {
        struct tm tm;

        gmtime_r(&t, &tm);
        strftime(date, sizeof date, "%y%m%d%H%M", &tm);
        date_of = t;
    }
    p += sprintf(p, "%c%c%c%s", 0, 1, 1, r->to) + 1;
    p += sprintf(p, "%c%c%s", 1, 1, r->from) + 1;
    memcpy(p, "\4\0\0\0\0\0\0\0\0", 9); /* esm_class: a receipt */
    length = p + 9;
    p += 10;
    p += sprintf(p, "id:%s sub:001 dlvrd:00%d submit date:%s done date:%s stat:%s err:%s text:", id,
                 !r->bad, date, date, r->bad ? "UNDELIV" : "DELIVRD", r->bad ? "001" : "000");
    *length = (char)(p - length - 1);
    memcpy(p, "\0\x1e\0", 3);
    p[3] = (char)id_length;
    memcpy(p + 4, id, (size_t)id_length);
    p += 4 + id_length;
    memcpy(p, "\4\x27\0\1", 4);
    p[4] = r->bad ? 5 : 2;
    p += 5;
    put32(pdu, (uint32_t)(p - pdu));
    put32(pdu + 4, DELIVER_SM);
    put32(pdu + 8, 0);
    put32(pdu + 12, index + 1);
    c->out.end += (size_t)(p - pdu);
    r->sent_on = (int16_t)c->fd;
    c->dlr_window++;
    count.dlr_sent++;
}

static struct connection *dlr_receiver(void)
{
    static int turn;

    for (int i = 0; i < CONNECTIONS; i++) {
        struct connection *c = connections[(turn + i) % CONNECTIONS];

        if (c != NULL && (c->bound == BIND_RECEIVER || c->bound == BIND_TRANSCEIVER) &&
            c->dlr_window < DLR_WINDOW && buffer_length(&c->out) < OUT_MAX) {
            turn = c->fd; /* stay with it until its window is full: fewer writes */
            return c;
        }
    }
    turn = 0;
    return NULL;
}

/* Writes what is due into the connections' buffers; the loop flushes them. */
static void dlr_pump(void)
{
    struct connection *c;

    if (o.dlr_hold && !dlr.released)
        return;
    while (dlr.again_used > 0 && (c = dlr_receiver()) != NULL) {
        dlr_write(c, dlr.again[--dlr.again_used]);
        count.dlr_again++;
    }
    while (dlr.next < dlr.used && dlr.all[dlr.next].due_us <= now_us &&
           (c = dlr_receiver()) != NULL)
        dlr_write(c, dlr.next++);
}

static void dlr_answered(struct connection *c, uint32_t seq)
{
    if (seq == 0 || seq > dlr.used || dlr.all[seq - 1].sent_on != c->fd)
        return;
    dlr.all[seq - 1].sent_on = -2;
    c->dlr_window--;
    count.dlr_acked++;
}

static void dlr_lost(struct connection *c)
{
    for (uint32_t i = 0; c->dlr_window > 0 && i < dlr.next; i++) {
        if (dlr.all[i].sent_on != c->fd)
            continue;
        if (dlr.again_used == dlr.again_size) {
            dlr.again_size = dlr.again_size ? dlr.again_size * 2 : 1024;
            dlr.again = grow(dlr.again, dlr.again_size * sizeof *dlr.again);
        }
        dlr.all[i].sent_on = -1;
        dlr.again[dlr.again_used++] = i;
        c->dlr_window--;
    }
}

/* --- PDUs ----------------------------------------------------------------------------- */

static void answer(struct buffer *out, uint32_t command, uint32_t status, uint32_t seq,
                   const char *text)
{
    size_t n = text ? strlen(text) + 1 : 0;
    char *p = buffer_room(out, 16 + n);

    put32(p, (uint32_t)(16 + n));
    put32(p + 4, command);
    put32(p + 8, status);
    put32(p + 12, seq);
    if (n > 0)
        memcpy(p + 16, text, n);
    out->end += 16 + n;
}

/* Steps over a C string of at most max bytes with its end; NULL if there is none. */
static const unsigned char *skip(const unsigned char *p, const unsigned char *end, size_t max)
{
    const unsigned char *stop = (size_t)(end - p) < max ? end : p + max;

    while (p < stop)
        if (*p++ == 0)
            return p;
    return NULL;
}

static void id_step(void)
{
    char *p = next_id + next_id_length;

    while (p-- > next_id) {
        if (*p != '9') {
            ++*p;
            return;
        }
        *p = '0';
    }
    memmove(next_id + 1, next_id, next_id_length + 1);
    next_id[0] = '1';
    next_id_length++;
}

static unsigned submit(struct connection *c, const unsigned char *p, const unsigned char *end)
{
    const unsigned char *from, *to, *text;
    unsigned esm, registered;
    size_t n;

    if (c->bound != BIND_TRANSMITTER && c->bound != BIND_TRANSCEIVER) {
        count.unbound++;
        return ESME_RINVBNDSTS;
    }
    if ((p = skip(p, end, 6)) == NULL || end - p < 3)
        goto malformed;
    from = p + 2;
    if ((p = skip(from, end, 21)) == NULL || end - p < 3)
        goto malformed;
    to = p + 2;
    if ((p = skip(to, end, 21)) == NULL || end - p < 3)
        goto malformed;
    esm = p[0];
    if ((p = skip(p + 3, end, 17)) == NULL || (p = skip(p, end, 17)) == NULL || end - p < 5)
        goto malformed;
    registered = p[0];
    n = p[4];
    text = p + 5;
    if ((size_t)(end - text) < n)
        goto malformed;
    p = text + n;
    if (n == 0) { /* message_payload among the TLVs */
        while (end - p >= 4 && (size_t)(end - p - 4) >= (size_t)(p[2] << 8 | p[3])) {
            if (p[0] == 0x04 && p[1] == 0x24) {
                text = p + 4;
                n = (size_t)(p[2] << 8 | p[3]);
            }
            p += 4 + (p[2] << 8 | p[3]);
        }
    }
    if (!second_take(n <= 140 ? 1 : (unsigned)((n + 133) / 134))) {
        count.throttled++;
        return ESME_RTHROTTLED;
    }
    count.segments += n <= 140 ? 1 : (n + 133) / 134;
    if (o.unique) {
        size_t at = esm & 0x40 ? concat_reference_end(text, n) : 0;
        uint64_t h = hash_bytes(n, to, strlen((const char *)to));

        if (seen_before(hash_bytes(h, text + at, n - at)))
            count.duplicates++;
        else
            count.unique++;
    }
    if (o.log != NULL)
        fprintf(o.log, "%lld %s %zu\n", (long long)clock_us(CLOCK_REALTIME), (const char *)to, n);
    if (o.dlr && (registered & 3) != 0)
        dlr_make(strtoull(next_id, NULL, 10), to, from);
    count.accepted++;
    return ESME_ROK;

malformed:
    count.malformed++;
    return ESME_RINVMSGLEN;
}

static void submit_answer(struct connection *c, struct buffer *out, const unsigned char *pdu,
                          const unsigned char *end)
{
    unsigned status = submit(c, pdu + 16, end);
    char *p;

    count.submits++;
    if (status != ESME_ROK) {
        answer(out, RESPONSE | SUBMIT_SM, status, get32(pdu + 12), NULL);
        return;
    }
    p = buffer_room(out, 16 + sizeof next_id);
    put32(p, (uint32_t)(17 + next_id_length));
    put32(p + 4, RESPONSE | SUBMIT_SM);
    put32(p + 8, 0);
    memcpy(p + 12, pdu + 12, 4);
    memcpy(p + 16, next_id, sizeof next_id); /* with its end */
    out->end += 17 + next_id_length;
    id_step();
}

/* Takes one PDU; returns -1 when the connection is to end after the answers. */
static int take(struct connection *c, const unsigned char *pdu, const unsigned char *end)
{
    struct buffer *out = o.latency_us > 0 ? &c->held : &c->out;
    uint32_t command = get32(pdu + 4), seq = get32(pdu + 12);

    switch (command) {
    case SUBMIT_SM:
        submit_answer(c, out, pdu, end);
        return 0;
    case RESPONSE | DELIVER_SM:
        dlr_answered(c, seq);
        return 0;
    case BIND_RECEIVER:
    case BIND_TRANSMITTER:
    case BIND_TRANSCEIVER:
        c->bound = command;
        count.binds++;
        answer(&c->out, RESPONSE | command, ESME_ROK, seq, o.system_id);
        return 0;
    case ENQUIRE_LINK:
        count.enquire_links++;
        answer(&c->out, RESPONSE | command, ESME_ROK, seq, NULL);
        return 0;
    case RESPONSE | ENQUIRE_LINK:
        return 0;
    case UNBIND:
        answer(&c->out, RESPONSE | command, ESME_ROK, seq, NULL);
        return -1;
    default:
        count.malformed++;
        answer(&c->out, GENERIC_NACK, ESME_RINVCMDID, seq, NULL);
        return 0;
    }
}

/* --- connections ---------------------------------------------------------------------- */

static void watch(struct connection *c)
{
    struct epoll_event e = {.data.fd = c->fd};
    bool write = buffer_length(&c->out) > 0, read = buffer_length(&c->out) < OUT_MAX;

    if (write == c->watched_for_write && read == c->reading)
        return;
    e.events = (read ? (unsigned)EPOLLIN : 0) | (write ? (unsigned)EPOLLOUT : 0);
    epoll_ctl(poll_fd, EPOLL_CTL_MOD, c->fd, &e);
    c->watched_for_write = write;
    c->reading = read;
}

static void drop(struct connection *c)
{
    dlr_lost(c);
    connections[c->fd] = NULL;
    close(c->fd);
    free(c->in.p);
    free(c->out.p);
    free(c->held.p);
    free(c->held_marks);
    free(c);
}

/* Sends what is there with one write. Returns -1 if the connection is gone. */
static int flush(struct connection *c)
{
    size_t before = buffer_length(&c->out);

    if (buffer_write(&c->out, c->fd) != 0) {
        drop(c);
        return -1;
    }
    count.bytes_out += before - buffer_length(&c->out);
    watch(c);
    return 0;
}

static void hold(struct connection *c, size_t bytes)
{
    if (bytes == 0)
        return;
    if (c->held_first + c->held_count == c->held_size) {
        if (c->held_count > 0)
            memmove(c->held_marks, c->held_marks + c->held_first,
                    c->held_count * sizeof *c->held_marks);
        c->held_first = 0;
        if (c->held_count * 2 >= c->held_size) {
            c->held_size = c->held_size ? c->held_size * 2 : 64;
            c->held_marks = grow(c->held_marks, c->held_size * sizeof *c->held_marks);
        }
    }
    c->held_marks[c->held_first + c->held_count].due_us = now_us + o.latency_us;
    c->held_marks[c->held_first + c->held_count++].bytes = bytes;
}

static void release_held(struct connection *c)
{
    while (c->held_count > 0 && c->held_marks[c->held_first].due_us <= now_us) {
        size_t n = c->held_marks[c->held_first].bytes;

        buffer_add(&c->out, c->held.p + c->held.start, n);
        buffer_eat(&c->held, n);
        c->held_first++;
        c->held_count--;
    }
}

static void read_some(struct connection *c)
{
    char *room = buffer_room(&c->in, READ_BYTES);
    ssize_t n = read(c->fd, room, READ_BYTES);
    size_t before = buffer_length(&c->held);
    uint64_t submits = count.submits;
    bool ends = false;

    if (n <= 0) {
        if (n == 0 || (errno != EAGAIN && errno != EINTR))
            drop(c);
        return;
    }
    c->in.end += (size_t)n;
    count.bytes_in += (uint64_t)n;
    second_turn();
    while (!ends && buffer_length(&c->in) >= 16) {
        unsigned char *pdu = (unsigned char *)c->in.p + c->in.start;
        size_t length = get32(pdu);

        if (length < 16 || length > PDU_MAX) {
            count.malformed++;
            drop(c);
            return;
        }
        if (buffer_length(&c->in) < length)
            break;
        ends = take(c, pdu, pdu + length) != 0;
        buffer_eat(&c->in, length);
    }
    if (count.submits != submits) {
        count.last = (double)clock_us(CLOCK_REALTIME) / 1e6;
        if (submits == 0)
            count.first = count.last;
    }
    hold(c, buffer_length(&c->held) - before);
    if (flush(c) == 0 && ends)
        drop(c);
}

static void accept_some(void)
{
    int fd, on = 1;

    while ((fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};

        if (fd >= CONNECTIONS) {
            close(fd);
            continue;
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        connections[fd] = grow(NULL, sizeof *connections[fd]);
        memset(connections[fd], 0, sizeof *connections[fd]);
        connections[fd]->fd = fd;
        connections[fd]->reading = true;
        epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &e);
        count.connections++;
    }
}

static void on_signal(void)
{
    struct signalfd_siginfo s;

    if (read(signal_fd, &s, sizeof s) != sizeof s)
        return;
    if (s.ssi_signo == SIGUSR2) {
        dlr.released = true;
        return;
    }
    print_counters();
    if (s.ssi_signo != SIGUSR1)
        exit(0);
}

/* How long the loop may sleep. */
static int sleep_ms(void)
{
    bool receipts = dlr.next < dlr.used && (!o.dlr_hold || dlr.released);

    return o.latency_us > 0 ? 1 : receipts ? 5 : -1;
}

/* What time or a signal made due goes out: held answers, receipts. */
static void on_turn(void)
{
    if (o.latency_us == 0 && !o.dlr)
        return;
    dlr_pump();
    for (int i = 0; i < CONNECTIONS; i++) {
        if (connections[i] == NULL)
            continue;
        release_held(connections[i]);
        if (buffer_length(&connections[i]->out) > 0)
            flush(connections[i]);
    }
}

static void loop(void)
{
    struct epoll_event events[64];

    for (;;) {
        int n = epoll_wait(poll_fd, events, 64, sleep_ms());

        now_us = mono_us();
        for (int i = 0; i < n; i++) {
            int fd = events[i].data.fd;

            if (fd == listen_fd)
                accept_some();
            else if (fd == signal_fd)
                on_signal();
            else if (connections[fd] == NULL)
                continue;
            else if (events[i].events & ~(unsigned)EPOLLOUT)
                read_some(connections[fd]);
            else
                flush(connections[fd]);
        }
        on_turn();
    }
}

static void watch_signals(void)
{
    sigset_t set;
    struct epoll_event e = {.events = EPOLLIN};

    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGUSR2);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal_fd = e.data.fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    epoll_ctl(poll_fd, EPOLL_CTL_ADD, signal_fd, &e);
    e.data.fd = listen_fd;
    epoll_ctl(poll_fd, EPOLL_CTL_ADD, listen_fd, &e);
}

static const struct option options[] = {
    {"port", required_argument, 0, 'p'},
    {"latency", required_argument, 0, 'l'},
    {"tps", required_argument, 0, 't'},
    {"dlr", no_argument, 0, 'd'},
    {"dlr-delay", required_argument, 0, 'D'},
    {"dlr-hold", no_argument, 0, 'H'},
    {"dlr-fail-pct", required_argument, 0, 'f'},
    {"unique", no_argument, 0, 'u'},
    {"first-id", required_argument, 0, 'i'},
    {"stats", required_argument, 0, 's'},
    {"log", required_argument, 0, 'L'},
    {"help", no_argument, 0, 'h'},
    {0},
};

static const char usage[] =
    "usage: smsc [--port N] [--latency MS] [--tps N] [--unique] [--stats FILE] [--first-id N]\n"
    "            [--log FILE] [--dlr] [--dlr-delay MS] [--dlr-hold] [--dlr-fail-pct P]\n"
    "\n"
    "  --port N        listen on 127.0.0.1:N; 0, the default, lets the kernel choose\n"
    "  --latency MS    answer every submit_sm that much later\n"
    "  --tps N         at most N segments in any second, else ESME_RTHROTTLED\n"
    "  --unique        count different (destination, text) and duplicates: 16 bytes a message\n"
    "  --dlr           send the receipts that messages ask for, --dlr-delay MS after the submit\n"
    "  --dlr-hold      keep them until SIGUSR2\n"
    "  --dlr-fail-pct  so many percent of them are UNDELIV\n"
    "  --first-id N    the first message id (else the time in microseconds)\n"
    "  --log FILE      a line for each message taken: microseconds since 1970, for whom, bytes;\n"
    "                  complete when the counters have been asked for\n"
    "  --stats FILE    append the counters there; SIGUSR1 asks for them\n";

int main(int argc, char **argv)
{
    int c;

    snprintf(next_id, sizeof next_id, "%lld", (long long)clock_us(CLOCK_REALTIME));
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (c) {
        case 'p':
            o.port = atoi(optarg);
            break;
        case 'l':
            o.latency_us = (int64_t)(atof(optarg) * 1000);
            break;
        case 't':
            o.tps = atol(optarg);
            break;
        case 'D':
            o.dlr_delay_us = (int64_t)(atof(optarg) * 1000);
            o.dlr = true;
            break;
        case 'H':
            o.dlr_hold = true;
            o.dlr = true;
            break;
        case 'd':
            o.dlr = true;
            break;
        case 'f':
            o.dlr_fail_pct = atof(optarg);
            break;
        case 'u':
            o.unique = true;
            break;
        case 'i':
            snprintf(next_id, sizeof next_id - 1, "%s", optarg);
            break;
        case 's':
            o.stats = optarg;
            break;
        case 'L':
            o.log = fopen(optarg, "w");
            if (o.log == NULL)
                die(optarg);
            break;
        default:
            fputs(usage, c == 'h' ? stdout : stderr);
            return c == 'h' ? 0 : 64;
        }
    }
    next_id_length = strlen(next_id);
    poll_fd = epoll_create1(EPOLL_CLOEXEC);
    listen_fd = listen_local(o.port);
    watch_signals();
    loop();
}
